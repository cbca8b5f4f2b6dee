//! Time to check many files: a repository of probes, as a continuous integration job sees it.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::bench::measure::{Candidate, interleaved};
use crate::{binaries, paths};

/// How to measure.
#[derive(clap::Args)]
pub struct Args {
    /// Counted runs of each command
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// Probe files
    #[arg(long, default_value_t = 1_000)]
    files: usize,
    /// Prove the files for this kernel too, and one file for all kernels given; may be repeated
    #[arg(long, value_name = "FILE")]
    kernel: Vec<String>,
}

/// Functions that kernels from 5.10 on have.
const FUNCTIONS: [&str; 8] = [
    "vfs_read",
    "vfs_write",
    "vfs_open",
    "vfs_fsync",
    "tcp_sendmsg",
    "tcp_recvmsg",
    "udp_sendmsg",
    "kernel_clone",
];

/// Checks generated files on one processor, and one of them alone.
///
/// # Errors
/// The files can't be written, or checking them fails.
pub fn run(args: &Args) -> Result<()> {
    let binary = binaries::build()?.probe_runner;
    let directory = paths::target().join("bench-check");
    let first = generate(&directory, args.files)?;
    let mut candidates =
        vec![check("all files", &binary, &directory, &[]), check("one file", &binary, &first, &[])];
    if let Some(kernel) = args.kernel.first() {
        let one = ["--kernel".to_owned(), kernel.clone()];
        candidates.push(check("all files, one kernel", &binary, &directory, &one));
        let all: Vec<String> =
            args.kernel.iter().flat_map(|kernel| ["--kernel".to_owned(), kernel.clone()]).collect();
        candidates.push(check("one file, all kernels", &binary, &first, &all));
    }
    let medians = interleaved(&candidates, args.runs)?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "check, {} files of 10 attachments each, one processor ({} runs, medians)",
        args.files, args.runs
    )?;
    for (candidate, run) in candidates.iter().zip(&medians) {
        writeln!(
            out,
            "  {:30} {:8.1} ms wall  {:8.1} ms cpu  {:6.1} MiB",
            candidate.name,
            1e3 * run.wall.as_secs_f64(),
            1e3 * run.cpu.as_secs_f64(),
            run.memory as f64 / f64::from(1 << 20),
        )?;
    }
    Ok(())
}

/// A check that has one processor to itself, as far as the machine allows.
fn check(name: &'static str, binary: &Path, path: &Path, options: &[String]) -> Candidate {
    let (binary, path, options) = (binary.to_owned(), path.to_owned(), options.to_owned());
    Candidate {
        name,
        command: Box::new(move || {
            let mut command = Command::new("taskset");
            command.args(["--cpu-list", "0"]).arg(&binary).arg("check").args(&options).arg(&path);
            command
        }),
        after: Box::new(|| Ok(())),
    }
}

/// Writes the files anew; the first one's path.
fn generate(directory: &Path, files: usize) -> Result<PathBuf> {
    if directory.exists() {
        fs::remove_dir_all(directory)
            .with_context(|| format!("cannot remove {}", directory.display()))?;
    }
    fs::create_dir_all(directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let path = |index| directory.join(format!("probe-{index:04}.yaml"));
    for index in 0..files {
        fs::write(path(index), probe(index))
            .with_context(|| format!("cannot write {}", path(index).display()))?;
    }
    Ok(path(0))
}

/// A probe of three objects with templates, alternatives, slots of every form and views.
fn probe(index: usize) -> String {
    let mut text = format!(
        "version: 1
description: Number {index} of many
vars: {{ port: {port}, top: 20 }}
objects: {{ main: syscalls.bpf.o, rps: rps.bpf.o, hello: tail-call-hello.bpf.o }}
globals: {{ filter_destination_port: \"{{{{ port }}}}\", filter_protocol: 17 }}
maps: {{ handlers: {{ max_entries: 512 }} }}
attach:
  - raw_tracepoint: {{ name: sys_enter, program: dispatch }}
  - first_of:
      - fexit: {{ function: get_rps_cpu, program: rps_fexit }}
      - kprobe_pair: {{ function: get_rps_cpu, entry: rps_entry, return: rps_return }}
",
        port = 1 + index % 65_535,
    );
    for function in FUNCTIONS {
        // Writing to a String can't fail.
        let _ = writeln!(text, "  - kprobe: {{ function: {function}, program: hello }}");
    }
    text.push_str(
        "tail_calls:
  handlers:
    59: exec
    222-226: timer
    syscall:execveat: exec
    syscall:clock_*: timer
  hello_slots: { 2: hello_handler }
read:
  counts:
    columns: { nr: { as: syscall, name: call }, pid: { as: process }, value: { name: calls } }
    sort: calls desc
    top: \"{{ top }}\"
  rps_record:
    columns: { ifindex: { as: ifname, name: device }, value: { name: packets } }
",
    );
    text
}
