//! The `probe-runner` binary: arguments in, exit code out.

fn main() -> std::process::ExitCode {
    probe_runner::cli::main()
}
