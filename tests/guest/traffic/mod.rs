//! Generates exactly known numbers of packets and system calls.
//!
//! System calls are made by a child process, so that they can be told by its id: the same binary is started again with
//! the `traffic` verb. Nothing is measured here.

pub mod calls;
pub mod dummy;
pub mod packets;
pub mod steering;

use std::path::PathBuf;

use anyhow::Result;

use crate::sys;

/// Traffic made under a process id of its own.
#[derive(clap::Subcommand)]
pub enum Kind {
    /// Each of the five POSIX timer calls this often
    Timers {
        /// Calls of each
        count: usize,
    },
    /// Each file in the directory executed once; writes the processes' ids
    Execs {
        /// A directory of executables
        directory: PathBuf,
    },
    /// One system call without arguments, again and again
    Calls {
        /// Its number
        number: i64,
        /// How often
        count: usize,
    },
    /// One system call without arguments, so often a second
    Paced {
        /// Its number
        number: i64,
        /// How often
        count: u32,
        /// How often a second
        rate: u32,
    },
    /// One system call without arguments from several threads at once
    Storm {
        /// Its number
        number: i64,
        /// Calls of each thread
        count: usize,
        /// Threads
        threads: usize,
    },
    /// One 32-bit system call without arguments, again and again
    Compat {
        /// Its 32-bit number
        number: u32,
        /// How often
        count: usize,
    },
    /// Sleeps of a millisecond
    Naps {
        /// How often
        count: usize,
    },
    /// Calls of a function of this program, `guest_tick`
    Ticks {
        /// How often
        count: usize,
    },
    /// Passes of the USDT probe `guest:tick`, which fail unless somebody watches
    UsdtTicks {
        /// How often
        count: usize,
    },
    /// Page faults by writing to fresh memory
    Faults {
        /// Where
        address: usize,
        /// How often
        count: usize,
    },
    /// Nothing at all
    Nothing,
}

/// Makes the traffic.
pub fn run(kind: &Kind) -> Result<()> {
    match kind {
        Kind::Timers { count } => calls::timers(*count),
        Kind::Execs { directory } => calls::execs(directory),
        Kind::Calls { number, count } => {
            calls::plain(*number, *count);
            Ok(())
        }
        Kind::Paced { number, count, rate } => {
            calls::paced(*number, *count, *rate);
            Ok(())
        }
        Kind::Storm { number, count, threads } => {
            calls::storm(*number, *count, *threads);
            Ok(())
        }
        Kind::Compat { number, count } => {
            calls::compat(*number, *count);
            Ok(())
        }
        Kind::Naps { count } => {
            calls::naps(*count);
            Ok(())
        }
        Kind::Ticks { count } => {
            calls::ticks(*count);
            Ok(())
        }
        Kind::UsdtTicks { count } => calls::usdt_ticks(*count),
        Kind::Faults { address, count } => Ok(sys::touch_fresh_pages(*address, *count)?),
        Kind::Nothing => Ok(()),
    }
}
