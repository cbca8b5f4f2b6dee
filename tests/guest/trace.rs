//! Runs a command under ptrace(2) and stops at each system call by which it may change something.
//!
//! There the caller may kill it, or have the call fail without being made. What a change is, `change` says. Only the
//! command's first thread is followed: probe-runner has no other, and processes that it starts run free.

mod change;

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use libc::user_regs_struct;
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::sys;

/// What to do at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Let it be made.
    Go,
    /// Kill the command (SIGKILL) before the call is made.
    KillBefore,
    /// Kill it when the call was made, before it sees the result.
    KillAfter,
    /// Don't make the call, and say that it failed like this.
    Fail(Errno),
}

/// A system call that may change something.
#[derive(Debug, Clone)]
pub struct Step {
    /// Which call it was, and of what.
    pub what: String,
    /// What it returned: negative is an error. None if the command was killed before.
    pub result: Option<i64>,
}

/// A command that was run to its end, or to a kill.
pub struct Traced {
    /// Its exit code; none when it was killed.
    pub code: Option<i32>,
    /// Its steps in their order.
    pub steps: Vec<Step>,
    /// What it said, but for results.
    pub stderr: String,
}

impl Step {
    /// Whether it did what it is there for.
    pub fn worked(&self) -> bool {
        self.result.is_some_and(|result| result >= 0)
    }
}

/// Runs a command; `decide` is asked at each step, with the step's number from 0 and its description.
///
/// # Errors
/// The command can't be started or traced.
pub fn run(
    binary: &Path,
    arguments: &[&str],
    mut decide: impl FnMut(usize, &str) -> Act,
) -> Result<Traced> {
    let directory = Path::new("/run/output");
    fs::create_dir_all(directory)?;
    let stderr = directory.join("traced.stderr");
    let mut command = Command::new(binary);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(File::create(directory.join("traced.stdout"))?)
        .stderr(File::create(&stderr)?);
    let child = sys::spawn_traced(&mut command).context("cannot start probe-runner")?;
    let pid = Pid::from_raw(child.id().cast_signed());
    let mut steps = Vec::new();
    let code = follow(pid, &mut steps, &mut decide)?;
    let stderr = String::from_utf8_lossy(&fs::read(&stderr)?).into_owned();
    Ok(Traced { code, steps, stderr })
}

fn follow(
    pid: Pid,
    steps: &mut Vec<Step>,
    decide: &mut dyn FnMut(usize, &str) -> Act,
) -> Result<Option<i32>> {
    // The first stop is the one of execve(2).
    ensure!(matches!(waitpid(pid, None)?, WaitStatus::Stopped(_, Signal::SIGTRAP)), "not traced");
    ptrace::setoptions(pid, Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL)?;
    let mut signal = None;
    // What is done when the call that was entered returns; none outside of a call.
    let mut entered: Option<(bool, Act)> = None;
    loop {
        match ptrace::syscall(pid, signal.take()) {
            // A killed one goes without being told to.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(errno) => return Err(errno.into()),
        }
        match waitpid(pid, None)? {
            WaitStatus::Exited(_, code) => return Ok(Some(code)),
            WaitStatus::Signaled(_, Signal::SIGKILL, _) => return Ok(None),
            WaitStatus::Stopped(_, other) => signal = Some(other),
            WaitStatus::PtraceSyscall(_) => match entered.take() {
                None => entered = Some(enter(pid, steps, decide)?),
                Some((is_step, act)) => {
                    leave(pid, is_step.then(|| steps.last_mut()).flatten(), act)?
                }
            },
            other => bail!("the traced command ended oddly: {other:?}"),
        }
    }
}

/// At the entry of a call: whether it is a step, and what is done at its end.
fn enter(
    pid: Pid,
    steps: &mut Vec<Step>,
    decide: &mut dyn FnMut(usize, &str) -> Act,
) -> Result<(bool, Act)> {
    let mut registers = ptrace::getregs(pid)?;
    let Some(what) = change::of(pid, &registers) else {
        return Ok((false, Act::Go));
    };
    let act = decide(steps.len(), &what);
    steps.push(Step { what, result: None });
    match act {
        Act::Go | Act::KillAfter => {}
        Act::KillBefore => kill(pid)?,
        Act::Fail(_) => {
            // No call has this number: the kernel makes none.
            registers.orig_rax = u64::MAX;
            ptrace::setregs(pid, registers)?;
        }
    }
    Ok((true, act))
}

fn leave(pid: Pid, step: Option<&mut Step>, act: Act) -> Result<()> {
    let Some(step) = step else {
        return Ok(());
    };
    let mut registers: user_regs_struct = ptrace::getregs(pid)?;
    if let Act::Fail(errno) = act {
        registers.rax = (-i64::from(errno as i32)).cast_unsigned();
        ptrace::setregs(pid, registers)?;
    }
    step.result = Some(registers.rax.cast_signed());
    if act == Act::KillAfter {
        kill(pid)?;
    }
    Ok(())
}

fn kill(pid: Pid) -> Result<()> {
    Ok(nix::sys::signal::kill(pid, Signal::SIGKILL)?)
}
