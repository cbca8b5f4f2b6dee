//! Calls on a map's elements, in one piece where the kernel could put the thread aside in the middle of them.
//!
//! While such a call runs, the kernel runs no program of a perf event on its CPU: no kprobe, no uprobe, no tracepoint
//! (`bpf_disable_instrumentation` in include/linux/bpf.h). That is right for what the call itself sets off. But a preemptible
//! kernel may give the CPU to somebody else before the call is done, and then everybody else's events are skipped too, for
//! as long as the thread waits: thousands of system calls were seen to be. An ordinary thread is never preferred to
//! one of real-time priority, so for the moment of the call this thread has the lowest of those.

use std::cell::Cell;
use std::ffi::c_int;
use std::io;
use std::ptr;
use std::sync::OnceLock;

use nix::sys::utsname::uname;

use crate::kernel::sys::bpf;

/// The bit that the kernel puts beside a policy.
const RESET_ON_FORK: c_int = 0x4000_0000;
const LOWEST: c_int = 1;

/// One bpf(2) command on elements of a map.
pub(super) fn bpf_on_elements<T>(command: c_int, attr: &mut T) -> io::Result<std::ffi::c_long> {
    let _unpreempted = Unpreempted::begin();
    bpf(command, attr)
}

/// Whether such calls are made in one piece: on every kernel that isn't preemptible, on others with the priority for it.
pub fn elements_are_undisturbed() -> bool {
    !is_preemptible() || !is_ordinary(policy()) || Unpreempted::begin().is_some()
}

thread_local! {
    /// Whether one lives in this thread: calls in it need none of their own.
    static LIVES: Cell<bool> = const { Cell::new(false) };
}

/// As long as it lives, no ordinary thread takes this one's CPU. Around several calls it saves three for each of them;
/// but nobody else gets the CPU meanwhile.
pub struct Unpreempted {
    before: c_int,
}

impl Unpreempted {
    /// `None` where it isn't needed or isn't allowed (it wants CAP_SYS_NICE, and a control group that may use real-time
    /// priorities): then the call is made as it is, and what is skipped meanwhile is counted as recursion misses.
    pub fn begin() -> Option<Unpreempted> {
        if LIVES.get() || !is_preemptible() {
            return None;
        }
        let before = policy();
        let real_time = libc::SCHED_FIFO | (before & RESET_ON_FORK);
        let is_set = is_ordinary(before) && set(real_time, LOWEST);
        LIVES.set(is_set);
        is_set.then_some(Unpreempted { before })
    }
}

impl Drop for Unpreempted {
    fn drop(&mut self) {
        // Down is allowed to everybody, and keeps the niceness.
        set(self.before, 0);
        LIVES.set(false);
    }
}

/// That of the calling thread, with the bit that the kernel puts beside it.
fn policy() -> c_int {
    // SAFETY: the call takes a number. The kernel refuses it only for other threads.
    unsafe { libc::syscall(libc::SYS_sched_getscheduler, 0) as c_int }
}

fn is_ordinary(policy: c_int) -> bool {
    let real_time = [libc::SCHED_FIFO, libc::SCHED_RR, libc::SCHED_DEADLINE];
    !real_time.contains(&(policy & !RESET_ON_FORK))
}

/// Of the calling thread. Not by the C library: musl's refuses, because POSIX means processes.
fn set(policy: c_int, priority: c_int) -> bool {
    // `struct sched_param` is one number.
    // SAFETY: the pointer is to a number that outlives the call.
    unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, policy, ptr::from_ref(&priority)) == 0 }
}

/// Whether the kernel may be one that preempts a thread within a system call. Which it does in the end is decided when it boots.
fn is_preemptible() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        uname().is_ok_and(|name| name.version().to_string_lossy().contains("PREEMPT"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_as_before() {
        let before = policy();
        let meanwhile = Unpreempted::begin().map(|_here| policy());
        assert!(meanwhile.is_none_or(|policy| policy == libc::SCHED_FIFO));
        assert_eq!(policy(), before);
    }

    #[test]
    fn a_policy_of_its_own_is_left() {
        if !set(libc::SCHED_RR, 3) {
            return;
        }
        let is_left = Unpreempted::begin().is_none();
        let is_round_robin = policy() == libc::SCHED_RR;
        set(libc::SCHED_OTHER, 0);
        assert!(is_left && is_round_robin);
    }
}
