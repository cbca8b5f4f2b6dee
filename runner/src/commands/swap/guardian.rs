//! Who takes a swap for a while back: a process of its own, which waits for this one to end, however it
//! ends.

use crate::commands::Outcome;
use crate::commands::stop::StopSignals;
use anyhow::Context;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

/// A process that reverts one swap when its standard input ends.
pub struct Guardian {
    child: Child,
    input: ChildStdin,
    stop: StopSignals,
}

impl Guardian {
    /// Starts it for the swap of that time, which is about to be made.
    ///
    /// # Errors
    /// The process can't be started.
    pub fn start(probe: &str, at: u64) -> anyhow::Result<Guardian> {
        let program = std::env::current_exe().context("can't find this program's own file")?;
        let mut child = Command::new(program)
            .args(["swap", probe, "--revert", "--orphan-of", &at.to_string()])
            .stdin(Stdio::piped())
            // Ctrl-C is for this process; the other one learns of it by our end.
            .process_group(0)
            .spawn()
            .context("can't start the process that takes the swap back")?;
        let input = child.stdin.take().context("a pipe was asked for")?;
        Ok(Guardian { child, input, stop: StopSignals::block()? })
    }

    /// Waits for the time or a signal, then has the swap taken back.
    ///
    /// # Errors
    /// Waiting fails.
    pub fn revert_after(self, duration: Duration) -> anyhow::Result<Outcome> {
        self.stop.within(Some(duration))?;
        self.dismiss()
    }

    /// Lets it do what there is to do, and waits for it.
    ///
    /// # Errors
    /// Waiting fails.
    pub fn dismiss(mut self) -> anyhow::Result<Outcome> {
        drop(self.input);
        let status = self.child.wait()?;
        Ok(if status.success() { Outcome::Done } else { Outcome::Failed })
    }
}

/// Waits until whoever holds the other end of standard input is gone.
///
/// # Errors
/// Standard input can't be read.
pub fn wait_for_end_of_input() -> anyhow::Result<()> {
    let _signals = StopSignals::block()?;
    io::stdin().lock().read_to_end(&mut Vec::new())?;
    Ok(())
}
