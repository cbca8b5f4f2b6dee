//! System calls in exact numbers: the two ends of a child process that makes them.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::sys::{self, Timer};

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
    for _ in 0..count {
        let timer = Timer::create().context("timer_create")?;
        timer.set(3600).context("timer_settime")?;
        let left = timer.left().context("timer_gettime")?;
        ensure!((1..3600).contains(&left), "{left} of 3600 s are left");
        timer.overrun().context("timer_getoverrun")?;
        timer.delete().context("timer_delete")?;
    }
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
pub fn plain(number: i64, count: usize) {
    for _ in 0..count {
        sys::call(number);
    }
}

/// Makes a call without arguments at an even pace: each at its time, or as soon as may be after it. Waiting takes no sleep,
/// which would be longer than the time between two calls.
pub(super) fn paced(number: i64, count: u32, rate: u32) {
    let start = Instant::now();
    for call in 0..count {
        let time = Duration::from_secs(1) * call / rate;
        while start.elapsed() < time {
            std::hint::spin_loop();
        }
        sys::call(number);
    }
}

/// Makes a call without arguments from several threads, which preempt each other where there are fewer CPUs.
pub(super) fn storm(number: i64, count: usize, threads: usize) {
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| plain(number, count));
        }
    });
}

/// Makes a 32-bit call without arguments.
pub(super) fn compat(number: u32, count: usize) {
    for _ in 0..count {
        sys::compat_call(number);
    }
}

/// What `guest_tick` is called with.
pub const TICK: u32 = 7;

/// Calls `guest_tick`.
pub(super) fn ticks(count: usize) {
    for _ in 0..count {
        sys::guest_tick(TICK);
    }
}

/// Passes the USDT probe.
pub(super) fn usdt_ticks(count: usize) -> Result<()> {
    for _ in 0..count {
        ensure!(sys::usdt_tick(TICK), "nobody watches");
    }
    Ok(())
}

/// Sleeps a millisecond at a time.
pub(super) fn naps(count: usize) {
    for _ in 0..count {
        thread::sleep(Duration::from_millis(1));
    }
}
