//! `cargo xtask …`: the development tasks of probe-runner.
//!
//! Each task lives in a module of its own; this file only reads arguments.

use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks of probe-runner")]
enum Task {}

fn main() -> anyhow::Result<()> {
    match Task::parse() {}
}
