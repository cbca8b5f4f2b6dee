//! The cache: it may be there or not, be whole or not, and nobody sees a difference.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{RELEASE, Scratch, made, types};
use crate::kernels::{Cache, open};

/// A cache and a file that was left alone for long enough to be noted.
struct Setup {
    scratch: Scratch,
    cache: Cache,
    directory: PathBuf,
    image: String,
}

fn setup(name: &str) -> Setup {
    let scratch = Scratch::new(name);
    let directory = scratch.0.join("cache");
    let image = scratch.copy("image-xz.deb", "linux.deb");
    Setup { cache: Cache::In(directory.clone()), directory, image, scratch }
}

/// What is known of a file's kernels, as text.
fn told(path: &str, cache: &Cache) -> String {
    let kernels = open(path, cache).unwrap_or_else(|error| panic!("{error}"));
    let kernels = kernels.iter().map(|kernel| {
        let types = kernel.types.kernel().data();
        (
            &kernel.name,
            &kernel.origin,
            &kernel.release,
            kernel.version,
            kernel.arch,
            &kernel.config,
            types,
        )
    });
    format!("{:?}", kernels.collect::<Vec<_>>())
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory.join("1")).map(|entries| {
        let paths = entries.map(|entry| entry.expect("it is readable").path());
        let mut files: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
        files.sort();
        files
    });
    files.unwrap_or_default()
}

#[test]
fn what_was_kept_is_what_was_read() {
    let Setup { cache, directory, image, scratch: _scratch } = setup("kept");
    let fresh = told(&image, &Cache::Off);
    assert_eq!(told(&image, &cache), fresh);
    let kept = entries(&directory);
    assert_eq!(kept.len(), 1);
    assert_eq!(told(&image, &cache), fresh);
    assert_eq!(entries(&directory), kept);
}

#[test]
fn a_kept_kernel_is_not_read_again() {
    let Setup { cache, directory, image, scratch: _scratch } = setup("not-again");
    told(&image, &cache);
    let entry = entries(&directory).remove(0);
    let text = fs::read(&entry).expect("it was written");
    let end = text.iter().position(|&byte| byte == b'\n').expect("it has a first line");
    let line = String::from_utf8(text[..end].to_vec()).expect("it is text");
    let line = line.replace(RELEASE, "6.1.0-99-kept");
    fs::write(&entry, [line.as_bytes(), &text[end..]].concat()).expect("it can be written");
    assert!(told(&image, &cache).contains("6.1.0-99-kept"));
}

#[test]
fn damaged_and_foreign_entries_are_made_again() {
    let Setup { cache, directory, image, scratch: _scratch } = setup("damaged-cache");
    let fresh = told(&image, &cache);
    let entry = entries(&directory).remove(0);
    let whole = fs::read(&entry).expect("it was written");
    let end = whole.iter().position(|&byte| byte == b'\n').expect("it has a first line");
    let mut flipped = whole.clone();
    flipped[end + 20] ^= 1;
    let digit = whole.iter().position(u8::is_ascii_digit).expect("it says its version");
    let mut other_version = whole.clone();
    other_version[digit] = b'9';
    for bytes in
        [&b""[..], b"hello\n", &whole[..end], &whole[..whole.len() - 1], &flipped, &other_version]
    {
        fs::write(&entry, bytes).expect("it can be written");
        assert_eq!(told(&image, &cache), fresh);
        assert_eq!(fs::read(&entry).expect("it was written"), whole);
    }
    // An entry of another file under this one's name.
    let other = made("core-xzdio.rpm");
    told(&other, &cache);
    let foreign =
        entries(&directory).into_iter().find(|path| *path != entry).expect("there are two");
    fs::copy(&foreign, &entry).expect("it can be copied");
    assert_eq!(told(&image, &cache), fresh);
}

#[test]
fn a_changed_file_is_read_anew() {
    let Setup { scratch, cache, directory, image } = setup("changed");
    told(&image, &cache);
    let old = SystemTime::now() - Duration::from_secs(3600);
    let file = fs::File::options().write(true).open(&image).expect("it can be opened");
    file.set_modified(old).expect("its times can be set");
    told(&image, &cache);
    // Of the same length and with the same time, as `cp -p` makes it.
    let length = fs::metadata(&image).expect("it is there").len() as usize;
    let mut other = fs::read(made("core-xzdio.rpm")).expect("it is committed");
    other.resize(length.max(other.len()), 0);
    scratch.write("linux.deb", &other);
    file.set_modified(old).expect("its times can be set");
    assert!(told(&image, &cache).contains(":lib/modules/"));
    assert_eq!(entries(&directory).len(), 2);
}

#[test]
fn a_cache_that_cannot_be_is_no_error() {
    let Setup { scratch, image, .. } = setup("no-cache");
    let fresh = told(&image, &Cache::Off);
    let file = scratch.write("file", b"");
    assert_eq!(told(&image, &Cache::In(PathBuf::from(&file))), fresh);
    assert_eq!(told(&image, &Cache::In(PathBuf::from("/proc/probe-runner"))), fresh);
    assert_eq!(fs::read(&file).expect("it is there"), b"");
}

#[test]
fn types_alone_are_not_kept() {
    let Setup { scratch, cache, directory, .. } = setup("types-alone");
    told(&scratch.write("web-1.btf", &types()), &cache);
    told(&made("fleet.btf.tar.gz"), &cache);
    assert_eq!(entries(&directory), [] as [PathBuf; 0]);
}
