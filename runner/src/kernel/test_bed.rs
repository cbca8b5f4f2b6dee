//! Running a probe's program without attaching it: what it needs is loaded where nobody else sees it,
//! and the program is handed a context that is made up.
//!
//! What comes of it is for the caller to judge; the maps are read like those of any other probe.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::desired::{Desired, ProgramRef};
use crate::kernel::bring_up::fill;
use crate::kernel::error::{Error, Phase};
use crate::kernel::load::{Loader, ObjectFile, name_of};
use crate::kernel::pins::PinDir;
use crate::kernel::sys;
use crate::kernel::test_context::TestContext;

/// The kernel's internal ENOTSUPP.
const ENOTSUPP: i32 = 524;

/// A program, loaded with its maps and the programs that it may call. All of it is gone when this is
/// dropped.
#[derive(Debug)]
pub struct TestBed {
    pins: PinDir,
    program: OwnedFd,
    what: String,
    notes: Vec<String>,
}

impl TestBed {
    /// Loads what a test needs. `objects` are the files of `desired.objects`.
    pub fn load(
        desired: &Desired,
        objects: &[ObjectFile<'_>],
        program: &ProgramRef,
    ) -> Result<TestBed, Error> {
        let pins = PinDir::private()?;
        pins.create()?;
        let mut loader = Loader::open(desired, objects, &pins, None)?;
        let notes = loader.notes().collect();
        for slot in &desired.slots {
            let handler = loader.load(&slot.program, None)?;
            fill(slot, &handler, desired, &pins)?;
        }
        let pin = loader.load(program, None)?;
        let what = name_of(program);
        let opened = sys::obj_get(&pin);
        let program =
            opened.map_err(|error| Error::from_io(Phase::TestRun, what.as_str(), &error))?;
        Ok(TestBed { pins, program, what, notes })
    }

    /// Runs the program once, on a CPU or on any; what it returns.
    pub fn run(&self, context: &TestContext, cpu: Option<u32>) -> Result<u32, Error> {
        let _pinned = cpu.map(|cpu| OnCpu::only(cpu, &self.what)).transpose()?;
        sys::raw_tracepoint_run(self.program.as_fd(), context.words())
            .map_err(|error| refused(&self.what, &error))
    }

    /// Where its maps are.
    pub fn pins(&self) -> &PinDir {
        &self.pins
    }

    /// What a person should know besides.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// What the kernel's answer to a test run means.
pub(super) fn refused(what: &str, error: &io::Error) -> Error {
    let result = Error::from_io(Phase::TestRun, what, error);
    match error.raw_os_error() {
        // Before 5.10 the command doesn't know the type; one that doesn't know the fields says EINVAL.
        Some(ENOTSUPP | libc::EINVAL) => result.hint(
            "running a raw tracepoint's program without attaching it takes Linux 5.10 or later",
        ),
        Some(libc::EPERM) => result.hint("run it as root: it takes CAP_BPF and CAP_PERFMON"),
        _ => result,
    }
}

/// The calling thread stays on one CPU as long as this lives. The program then runs in this process,
/// whose memory it can read; sent to another CPU by the kernel it would not.
struct OnCpu {
    before: CpuSet,
}

impl OnCpu {
    fn only(cpu: u32, what: &str) -> Result<OnCpu, Error> {
        let failed = |errno: Errno| {
            let what = format!("{what} on CPU {cpu}");
            Error::from_io(Phase::TestRun, what, &io::Error::from(errno))
                .hint("/sys/devices/system/cpu/online lists the CPUs there are")
        };
        let this = Pid::from_raw(0);
        let before = sched_getaffinity(this).map_err(failed)?;
        let mut only = CpuSet::new();
        only.set(cpu as usize).map_err(failed)?;
        sched_setaffinity(this, &only).map_err(failed)?;
        Ok(OnCpu { before })
    }
}

impl Drop for OnCpu {
    fn drop(&mut self) {
        // If it fails the thread stays where it is, which hurts nobody.
        let _ = sched_setaffinity(Pid::from_raw(0), &self.before);
    }
}
