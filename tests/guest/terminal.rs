//! A terminal: a pair of the kernel's pseudo-terminal ends, one for a program, and behind the other what a terminal
//! makes of the program's output (the crate vt100).

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

/// Under emulation on a busy machine everything takes long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program on a terminal. Killed when dropped.
pub struct Terminal {
    keyboard: File,
    /// The program's end, held open so that it keeps its settings when the program is gone.
    line: OwnedFd,
    child: Child,
    screen: vt100::Parser,
    /// How the terminal was before the program came.
    before: Termios,
    /// Everything that was written to it.
    written: Vec<u8>,
}

/// What runs on a terminal.
#[derive(clap::Args)]
pub struct Inside {
    /// The terminal's path
    terminal: PathBuf,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

/// Makes a terminal this process's own and runs the command there, in its place.
pub fn inside(inside: &Inside) -> Result<()> {
    setsid()?;
    // For the leader of a session without one, the first terminal that it opens is its own.
    let line = OpenOptions::new().read(true).write(true).open(&inside.terminal)?;
    dup2_stdin(&line)?;
    dup2_stdout(&line)?;
    dup2_stderr(&line)?;
    let (program, arguments) = inside.command.split_first().context("no command")?;
    Err(Command::new(program).args(arguments).exec()).context("cannot run the command")
}

/// Takes the terminal as `watch` does and panics while it has it.
pub fn panic_on_screen() -> Result<()> {
    let mut state = probe_runner::watch::State::new("panics", None, Duration::from_secs(1));
    let mut screen = probe_runner::watch::Screen::enter(probe_runner::read::sinks::Colours::No)?;
    screen.draw(&mut state)?;
    // Whoever watches sees the screen before it goes.
    std::thread::sleep(Duration::from_secs(1));
    panic!("a mistake in the program");
}

impl Terminal {
    /// Starts a command on a terminal of so many lines and columns, without colours or with them.
    pub fn start(command: &[&str], size: (u16, u16), colours: bool) -> Result<Terminal> {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).context("no terminal")?;
        grantpt(&keyboard)?;
        unlockpt(&keyboard)?;
        let path = ptsname(&keyboard, Vec::new())?.into_string()?;
        let line = rustix::fs::open(
            path.as_str(),
            rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )?;
        tcsetwinsize(&line, window(size))?;
        let before = tcgetattr(&line)?;
        let mut starter = Command::new(std::env::current_exe()?);
        starter.arg("on-terminal").arg(&path).args(command).env("TERM", "xterm-256color");
        if colours {
            starter.env_remove("NO_COLOR")
        } else {
            starter.env("NO_COLOR", "1")
        };
        let child = starter.spawn().context("cannot start the command")?;
        Ok(Terminal {
            keyboard: File::from(keyboard),
            line,
            child,
            screen: emulated(size)?,
            before,
            written: Vec::new(),
        })
    }

    /// What the screen shows, a line each, without what is empty at their ends.
    pub fn text(&self) -> String {
        let size = self.screen.screen().size();
        let lines = self.screen.screen().rows(0, size.1.get());
        lines.map(|line| format!("{}\n", line.trim_end())).collect()
    }

    /// The screen as a terminal emulator knows it.
    pub fn screen(&self) -> &vt100::Screen {
        self.screen.screen()
    }

    /// Everything that was written to the terminal.
    pub fn written(&self) -> &[u8] {
        &self.written
    }

    /// Takes what the program has written.
    pub fn look(&mut self) -> Result<()> {
        while self.receive(Duration::ZERO)? {}
        Ok(())
    }

    /// Waits until the screen is as it should be, and returns its text.
    ///
    /// # Errors
    /// It isn't within a minute; the message has the screen.
    pub fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) -> Result<String> {
        let start = Instant::now();
        loop {
            let text = self.text();
            if holds(&text) {
                return Ok(text);
            }
            ensure!(start.elapsed() < PATIENCE, "the screen does not show {what}:\n{text}");
            self.receive(Duration::from_millis(200))?;
        }
    }

    /// Waits until the screen has these words.
    pub fn shows(&mut self, words: &str) -> Result<String> {
        self.until(&format!("`{words}`"), |text| text.contains(words))
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) -> Result<()> {
        Ok(self.keyboard.write_all(keys.as_bytes())?)
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, size: (u16, u16)) -> Result<()> {
        let (rows, columns) = nonzero(size)?;
        self.screen.screen_mut().set_size(rows, columns);
        Ok(tcsetwinsize(&self.line, window(size))?)
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_raw(self.child.id().cast_signed()).context("no process id")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Waits for the program's end.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        let start = Instant::now();
        loop {
            self.receive(Duration::from_millis(50))?;
            if let Some(status) = self.child.try_wait()? {
                while self.receive(Duration::ZERO)? {}
                return Ok(status);
            }
            ensure!(start.elapsed() < PATIENCE, "it does not end; the screen:\n{}", self.text());
        }
    }

    /// Fails unless the terminal is as it was before.
    pub fn is_restored(&self) -> Result<()> {
        let screen = self.screen.screen();
        ensure!(!screen.alternate_screen(), "the program's screen is still there");
        ensure!(!screen.hide_cursor(), "the cursor is still hidden");
        let now = tcgetattr(&self.line)?;
        let modes = |termios: &Termios| {
            (termios.input_modes, termios.output_modes, termios.control_modes, termios.local_modes)
        };
        ensure!(
            modes(&now) == modes(&self.before),
            "the terminal's modes are {now:?} instead of {:?}",
            self.before
        );
        Ok(())
    }

    /// Takes what the program wrote, if it writes something in time.
    fn receive(&mut self, patience: Duration) -> Result<bool> {
        let patience = Timespec::try_from(patience)?;
        let mut fds = [PollFd::new(&self.keyboard, PollFlags::IN)];
        if poll(&mut fds, Some(&patience))? == 0 {
            return Ok(false);
        }
        let mut bytes = [0; 1 << 16];
        let count = self.keyboard.read(&mut bytes)?;
        if count == 0 {
            bail!("the terminal is gone");
        }
        self.screen.process(&bytes[..count]);
        self.written.extend_from_slice(&bytes[..count]);
        Ok(true)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Both fail only when it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn window((rows, columns): (u16, u16)) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn emulated(size: (u16, u16)) -> Result<vt100::Parser> {
    let (rows, columns) = nonzero(size)?;
    Ok(vt100::Parser::new(rows, columns, 0))
}

fn nonzero((rows, columns): (u16, u16)) -> Result<(NonZero<u16>, NonZero<u16>)> {
    Ok((rows.try_into()?, columns.try_into()?))
}
