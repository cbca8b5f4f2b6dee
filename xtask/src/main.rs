//! `cargo xtask …`: the development tasks of probe-runner.
//!
//! Each task lives in a module of its own; this file only reads arguments.

mod bench;
mod binaries;
mod demo;
mod ebpf;
mod fuzz;
mod gen_files;
mod kernel_files;
mod libbpf_diff;
mod native;
mod packages;
mod paths;
mod report;
mod soak;
mod test;
mod vm;

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks of probe-runner")]
enum Task {
    /// Build probe-runner as it is shipped: one static file, which runs on any Linux
    Build,
    /// Compile ebpf-programs/*.bpf.c into ebpf-programs/prebuilt/
    Ebpf(ebpf::Args),
    /// Write the schemas and the reference of commands, which are made from the code
    Gen(gen_files::Args),
    /// Read the kernels of the virtual machines from their packages and images, and compare
    KernelFiles(kernel_files::Args),
    /// Link objects and compare every instruction with what libbpf makes of it (root)
    LibbpfDiff(libbpf_diff::Args),
    /// Give hostile bytes to what reads objects, types and probe files (needs cargo-fuzz)
    Fuzz(fuzz::Args),
    /// Run the kernel scenarios in virtual machines
    Vm(vm::Args),
    /// Run the kernel scenarios on this machine's kernel (root)
    Native(native::Args),
    /// Run everything: unit and CLI tests, scenarios here and in virtual machines
    Test(test::Args),
    /// Run one of the tests that take long, here (root) or in virtual machines
    Soak(soak::Args),
    /// Measure against what people use today
    #[command(subcommand)]
    Bench(bench::Args),
    /// Show the main job on real traffic: the RPS and system-call probes
    Demo(demo::Args),
}

fn main() -> anyhow::Result<ExitCode> {
    match Task::parse() {
        Task::Build => binaries::run().map(|()| ExitCode::SUCCESS),
        Task::Ebpf(args) => ebpf::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Gen(args) => gen_files::run(&args).map(|()| ExitCode::SUCCESS),
        Task::KernelFiles(args) => kernel_files::run(&args),
        Task::LibbpfDiff(args) => libbpf_diff::run(&args),
        Task::Fuzz(args) => fuzz::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Vm(args) => vm::run(&args),
        Task::Native(args) => native::run(&args),
        Task::Test(args) => test::run(&args),
        Task::Soak(args) => soak::run(&args),
        Task::Bench(args) => bench::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Demo(args) => demo::run(&args).map(|()| ExitCode::SUCCESS),
    }
}
