//! Many functions by one link, which ftrace calls without a breakpoint.

use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use wildmatch::WildMatch;

use crate::desired::{Details, Hook};
use crate::kernel::attach::{Attached, Failure, Part};
use crate::kernel::sys::links::{self, When};
use crate::kernel::{mounts, symbols, sys};

/// One program.
pub fn parts(hook: &Hook) -> Vec<Part<'_>> {
    vec![Part { program: &hook.program, target: None, attach }]
}

fn attach(program: &Path, hook: &Hook) -> Result<Vec<Attached>, Failure> {
    open(program, hook, When::Entry)
}

/// Attaches at the returns of the hook's functions.
pub fn attach_at_return(program: &Path, hook: &Hook) -> Result<Vec<Attached>, Failure> {
    open(program, hook, When::Return)
}

fn open(program: &Path, hook: &Hook, when: When) -> Result<Vec<Attached>, Failure> {
    let Details::Functions(patterns) = &hook.details else {
        return Err(Failure::Incomplete);
    };
    let traceable =
        fs::read_to_string(Path::new(mounts::TRACEFS).join("available_filter_functions"))?;
    let functions = matching(patterns, &traceable).map_err(|pattern| Failure::Told {
        detail: format!("no function {pattern} can be traced"),
        hints: symbols::near_functions(pattern),
        target_missing: true,
    })?;
    let functions: Vec<CString> = functions
        .into_iter()
        .map(CString::new)
        .collect::<Result<_, _>>()
        .map_err(io::Error::other)?;
    let program = sys::obj_get(program)?;
    match links::kprobe_multi_link(program.as_fd(), &functions, when, hook.cookie) {
        Ok(link) => Ok(vec![Attached::Fd(link)]),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EOPNOTSUPP)) => {
            let kind = hook.kind.name();
            Err(Failure::refused(format!("this kernel has no {kind}"))
                .hint("it takes Linux 5.18, built with CONFIG_FPROBE")
                .hint("a kprobe for each function does the same: let it follow in `first_of`"))
        }
        Err(error) => Err(error.into()),
    }
}

/// The traceable functions that the patterns mean, each once, sorted. `traceable` is the text of
/// `available_filter_functions`: a name a line, with `[module]` behind it.
///
/// # Errors
/// The first pattern that means none.
fn matching<'a>(patterns: &'a [String], traceable: &'a str) -> Result<BTreeSet<&'a str>, &'a str> {
    let names = || traceable.lines().filter_map(|line| line.split_whitespace().next());
    let mut functions = BTreeSet::new();
    for pattern in patterns {
        let wanted = WildMatch::new(pattern);
        let mut found = names().filter(|name| wanted.matches(name)).peekable();
        if found.peek().is_none() {
            return Err(pattern);
        }
        functions.extend(found);
    }
    Ok(functions)
}

#[cfg(test)]
mod tests {
    use super::matching;

    const TRACEABLE: &str = "\
tcp_sendmsg
tcp_recvmsg
vfs_read
iptable_filter_hook [iptable_filter]
";

    fn functions(patterns: &[&str]) -> Result<Vec<String>, String> {
        let patterns: Vec<String> = patterns.iter().map(|&pattern| pattern.to_owned()).collect();
        matching(&patterns, TRACEABLE)
            .map(|names| names.into_iter().map(str::to_owned).collect())
            .map_err(str::to_owned)
    }

    #[test]
    fn globs_and_names_mean_each_function_once() {
        let all = ["tcp_recvmsg", "tcp_sendmsg", "vfs_read"].map(str::to_owned);
        assert_eq!(functions(&["tcp_*", "tcp_sendmsg", "vfs_read"]), Ok(all.to_vec()));
        assert_eq!(functions(&["ip*hook"]), Ok(vec!["iptable_filter_hook".to_owned()]));
    }

    #[test]
    fn a_pattern_that_means_nothing_is_named() {
        assert_eq!(functions(&["tcp_*", "vfs_reed"]), Err("vfs_reed".to_owned()));
    }
}
