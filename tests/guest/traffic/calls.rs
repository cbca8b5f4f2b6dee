//! System calls in exact numbers: the two ends of a child process that makes them.

use std::ffi::c_long;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::sys;

/// The five POSIX timer calls of x86-64 in the order of their numbers.
pub const TIMER_CALLS: [(u32, &str); 5] = [
    (222, "timer_create"),
    (223, "timer_settime"),
    (224, "timer_gettime"),
    (225, "timer_getoverrun"),
    (226, "timer_delete"),
];

/// The system call that starts a program.
pub const EXECVE: u32 = 59;

/// Starts a child that makes `arguments`' traffic; returns its id and what it wrote, after it ended.
pub fn child(arguments: &[&str]) -> Result<(u32, String)> {
    let child = Command::new(std::env::current_exe()?)
        .arg("traffic")
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the traffic child")?;
    let pid = child.id();
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "the traffic child failed: {}", output.status);
    Ok((pid, String::from_utf8(output.stdout)?))
}

/// Creates, sets, reads and deletes `count` timers: each call exactly `count` times.
pub(super) fn timers(count: usize) -> Result<()> {
    const SIGEV_NONE: u64 = 1;
    const CLOCK_MONOTONIC: usize = 1;
    // struct sigevent: value, then signal number and kind in one word.
    let event: [u64; 8] = [0, SIGEV_NONE << 32, 0, 0, 0, 0, 0, 0];
    // struct itimerspec: interval and first expiry, seconds and nanoseconds each.
    let time: [u64; 4] = [0, 0, 3600, 0];
    let mut read = [0_u64; 4];
    for _ in 0..count {
        let mut id = [0_i32; 2];
        let create = [CLOCK_MONOTONIC, event.as_ptr() as usize, id.as_mut_ptr() as usize, 0];
        timer(0, create)?;
        let id = usize::try_from(id[0])?;
        timer(1, [id, 0, time.as_ptr() as usize, 0])?;
        timer(2, [id, read.as_mut_ptr() as usize, 0, 0])?;
        timer(3, [id, 0, 0, 0])?;
        timer(4, [id, 0, 0, 0])?;
    }
    ensure!(read[2] > 0, "the timer was never read");
    Ok(())
}

fn timer(operation: usize, arguments: [usize; 4]) -> Result<()> {
    let (number, name) = TIMER_CALLS[operation];
    let result = sys::call(c_long::from(number), arguments);
    ensure!(result >= 0, "{name}: {}", io::Error::last_os_error());
    Ok(())
}

/// Executes each file once by one execve; writes the processes' ids, a line each.
pub(super) fn execs(directory: &Path) -> Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let mut child = Command::new(entry?.path()).args(["traffic", "nothing"]).spawn()?;
        writeln!(io::stdout(), "{}", child.id())?;
        ensure!(child.wait()?.success(), "an executed program failed");
    }
    Ok(())
}

/// Makes a call without arguments; the kernel may not know it.
pub(super) fn plain(number: i64, count: usize) {
    for _ in 0..count {
        sys::call(number, [0; 4]);
    }
}

/// Makes a 32-bit call without arguments.
pub(super) fn compat(number: u32, count: usize) {
    for _ in 0..count {
        sys::compat_call(number);
    }
}

/// Sleeps a millisecond at a time.
pub(super) fn naps(count: usize) {
    for _ in 0..count {
        thread::sleep(Duration::from_millis(1));
    }
}
