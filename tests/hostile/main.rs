//! Hostile bytes: an error or a result, soon, and in little memory; nothing else.
//!
//! The same functions are fuzzed (`cargo xtask fuzz`). Here they get this repository's files, whole and
//! damaged in thousands of ways, and what fuzzing once found.

mod damage;
mod seeds;
mod targets;

use std::alloc::System;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cap::Cap;
use damage::Random;
use targets::Target;

/// All tests of this program together may use that much memory; what wants more is aborted.
#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, 256 << 20);

/// No single input may take longer. It is a second for the fuzzers, which run a release build.
const LONGEST: Duration = Duration::from_secs(10);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Hands over one input, and returns how far it got.
fn run(target: Target, name: &str, bytes: &[u8]) -> usize {
    let began = Instant::now();
    let reached = target(bytes);
    let took = began.elapsed();
    assert!(took < LONGEST, "{name}: {took:?}");
    reached
}

/// Damages every seed of a target `times` times. At least `enough` of the results must get anywhere, or
/// only a first check would have been tested.
fn damage(name: &str, times: usize, enough: usize) {
    let target = targets::ALL.iter().find(|(known, _)| *known == name).expect("a target").1;
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    let mut accepted = 0;
    for (seed, bytes) in seeds::of(name, &root()) {
        for _ in 0..times {
            let damaged = match str::from_utf8(&bytes) {
                Ok(text) if name == "yaml" => random.shuffle(text).into_bytes(),
                _ => random.damage(&bytes),
            };
            accepted += usize::from(run(target, &seed, &damaged) > 0);
        }
    }
    assert!(accepted >= enough, "{name}: only {accepted} were accepted");
}

#[test]
fn seeds_get_through() {
    for (name, target) in targets::ALL {
        let seeds = seeds::of(name, &root());
        let reached: Vec<usize> =
            seeds.iter().map(|(seed, bytes)| run(target, seed, bytes)).collect();
        let accepted = reached.iter().filter(|&&reached| reached > 0).count();
        assert!(accepted > 0, "{name}: none of {} seeds was accepted", seeds.len());
    }
}

#[test]
fn every_finding_has_a_target() {
    let names: BTreeSet<String> = std::fs::read_dir(root().join("tests/hostile/findings"))
        .expect("the directory is readable")
        .map(|entry| entry.expect("the directory is readable").file_name().into_string())
        .map(|name| name.expect("it is text"))
        .collect();
    for name in &names {
        assert!(targets::ALL.iter().any(|(target, _)| target == name), "{name} is no target");
    }
}

#[test]
fn damaged_inventories() {
    damage("elf", 250, 1_000);
}

#[test]
fn damaged_executables() {
    damage("executable", 2_000, 500);
}

#[test]
fn damaged_types() {
    damage("btf", 250, 500);
}

#[test]
fn damaged_objects() {
    damage("core", 40, 300);
}

#[test]
fn damaged_kernels() {
    damage("link", 40, 200);
}

#[test]
fn damaged_probe_files() {
    damage("yaml", 40, 200);
}
