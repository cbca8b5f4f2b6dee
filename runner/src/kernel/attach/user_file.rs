//! Executables and libraries: where the file of a name is, and where in it a function is.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::kernel::attach::Failure;
use crate::object::executable::{self, ExecutableError, UsdtSite};
use crate::text::suggest::listed;

/// Where a name without a path is looked for: executables, then libraries, of which Debian keeps
/// each architecture's in a directory of its own.
fn directories() -> Vec<String> {
    let arch = std::env::consts::ARCH;
    [
        "/usr/local/bin",
        "/usr/bin",
        "/bin",
        "/usr/local/sbin",
        "/usr/sbin",
        "/sbin",
        "/usr/local/lib",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([format!("/usr/lib/{arch}-linux-gnu"), format!("/lib/{arch}-linux-gnu")])
    .chain(["/usr/lib64", "/lib64", "/usr/lib", "/lib"].map(str::to_owned))
    .collect()
}

/// How many names a hint lists.
const LISTED: usize = 12;

/// The file that a probe file names. A path stays as it is; a name is one of the files that the
/// process has mapped, or, without a process, in one of the usual directories.
pub fn locate(binary: &str, process: Option<u32>) -> Result<PathBuf, Failure> {
    if binary.contains('/') {
        let path = PathBuf::from(binary);
        return match path.try_exists() {
            Ok(true) => Ok(path),
            Ok(false) => Err(Failure::missing(format!("there is no file {binary}"))),
            Err(error) => Err(error.into()),
        };
    }
    match process {
        Some(process) => mapped(binary, process),
        None => {
            let directories = directories();
            let mut paths = directories.iter().map(|directory| Path::new(directory).join(binary));
            paths.find(|path| path.is_file()).ok_or_else(|| {
                let searched = listed(directories.iter().map(String::as_str), directories.len());
                Failure::missing(format!("there is no file {binary}"))
                    .hint(format!("searched: {searched}"))
                    .hint("write the file's path, or its whole name, such as libc.so.6")
            })
        }
    }
}

/// A file of that name that a process has mapped, as the process sees it.
fn mapped(binary: &str, process: u32) -> Result<PathBuf, Failure> {
    let maps = match fs::read_to_string(format!("/proc/{process}/maps")) {
        Ok(maps) => maps,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Failure::missing(format!("there is no process {process}")));
        }
        Err(error) => return Err(error.into()),
    };
    let path = mapped_path(&maps, binary).ok_or_else(|| {
        Failure::missing(format!("process {process} has no file {binary} mapped"))
            .hint(format!("`cat /proc/{process}/maps` shows its files"))
    })?;
    // Its root may be another one.
    Ok(PathBuf::from(format!("/proc/{process}/root{path}")))
}

/// `maps` is the text of /proc/PID/maps, whose lines end in a path.
fn mapped_path<'a>(maps: &'a str, name: &str) -> Option<&'a str> {
    maps.lines()
        .filter_map(|line| line.find('/').map(|start| &line[start..]))
        .find(|path| path.rsplit('/').next() == Some(name))
}

/// Where in the file a function begins.
pub fn function_offset(path: &Path, symbol: &str) -> Result<u64, Failure> {
    executable::function_offset(File::open(path)?, symbol)
        .map_err(|error| explain(error, path, symbol))
}

/// Where in the file the places of a USDT probe are, `provider:name`.
pub fn usdt_sites(path: &Path, probe: &str) -> Result<Vec<UsdtSite>, Failure> {
    let (provider, name) = probe.split_once(':').unwrap_or_default();
    executable::usdt_sites(File::open(path)?, provider, name)
        .map_err(|error| explain(error, path, probe))
}

fn explain(error: ExecutableError, path: &Path, symbol: &str) -> Failure {
    let file = path.display();
    match error {
        ExecutableError::NoProbe { names } => {
            let failure = Failure::missing(format!("{file} has no USDT probe {symbol}"));
            let names = names.iter().map(String::as_str);
            failure.hint(format!("its probes: {}", listed(names, LISTED)))
        }
        ExecutableError::Unreadable(reason) => {
            Failure::missing(format!("{file} is no ELF file that can be read: {reason}"))
        }
        ExecutableError::NoFunction { has_symbols: false, .. } => {
            Failure::missing(format!("{file} has no symbols: it was stripped"))
                .hint("name the place by its `offset` in the file")
        }
        ExecutableError::NoFunction { near, .. } => {
            let failure = Failure::missing(format!("{file} has no function {symbol}"));
            match near {
                Some(near) => failure.hint(format!("did you mean {near}?")),
                None => failure,
            }
        }
        ExecutableError::Several { offsets } => {
            let offsets: Vec<String> = offsets.iter().map(|o| format!("{o:#x}")).collect();
            Failure::refused(format!("{file} has several functions {symbol}")).hint(format!(
                "leave `symbol` out and say which by its `offset` in the file: {}",
                offsets.join(", ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, function_offset, mapped_path};

    const MAPS: &str = "\
55d4-55d5 r--p 00000000 08:01 12 /usr/bin/cat
7f00-7f01 rw-p 00000000 00:00 0
7f01-7f02 r-xp 00028000 08:01 34 /usr/lib/x86_64-linux-gnu/libc.so.6
";

    #[test]
    fn finds_a_mapped_file_by_its_whole_name() {
        let libc = Some("/usr/lib/x86_64-linux-gnu/libc.so.6");
        assert_eq!(mapped_path(MAPS, "libc.so.6"), libc);
        assert_eq!(mapped_path(MAPS, "libc"), None);
    }

    #[test]
    fn finds_functions_of_this_very_program() {
        let this = std::env::current_exe().expect("it runs");
        assert!(function_offset(&this, "main").is_ok_and(|offset| offset > 0));
        let Err(Failure::Told { target_missing: true, .. }) = function_offset(&this, "mainn")
        else {
            panic!("there is no such function");
        };
    }
}
