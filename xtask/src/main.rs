//! `cargo xtask …`: the development tasks of probe-runner.
//!
//! Each task lives in a module of its own; this file only reads arguments.

mod ebpf;
mod vm;

use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks of probe-runner")]
enum Task {
    /// Compile ebpf-programs/*.bpf.c into ebpf-programs/prebuilt/
    Ebpf(ebpf::Args),
    /// Run the kernel scenarios in virtual machines
    Vm(vm::Args),
}

fn main() -> anyhow::Result<()> {
    match Task::parse() {
        Task::Ebpf(args) => ebpf::run(&args),
        Task::Vm(args) => vm::run(&args),
    }
}
