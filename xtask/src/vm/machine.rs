//! One virtual machine: started, watched, ended.
//!
//! The first serial port is the console, the second carries the results. What the results mean is `report`'s job.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::accel::Accelerator;
use crate::packages;

/// What every line of the guest's init on the console begins with; the first one is written before anything else.
const GUEST: &str = "guest: ";

/// The line by which the guest's init says that it did all it wanted.
const SENTINEL: &str = "guest: end";

/// `quiet` because each console line costs milliseconds under emulation; `panic=-1` with `-no-reboot` ends QEMU at
/// once; without address randomisation a crash's addresses can be looked up.
const COMMAND_LINE: &str = "console=ttyS0 quiet panic=-1 nokaslr";

/// A virtual machine to be started.
pub struct Machine<'a> {
    /// Compressed kernel image.
    pub kernel: &'a Path,
    /// Archive with everything that the guest needs.
    pub initramfs: &'a Path,
    /// How to run it.
    pub accelerator: Accelerator,
    /// Added to the kernel's command line.
    pub append: &'a str,
    /// When to give up.
    pub limits: Limits,
    /// Where console log and results are kept.
    pub directory: &'a Path,
}

/// When a machine counts as hung.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the start to the first line on the console.
    pub first_line: Duration,
    /// Without a new line on either port after that.
    pub silence: Duration,
}

/// What a machine that ended by itself left behind.
pub struct Ended {
    /// What came through the second serial port.
    pub results: String,
    /// The status that the guest asked for through the debug-exit device; none when it powered off or panicked.
    pub code: Option<u8>,
    /// Whether the guest's init began: the kernel had booted.
    pub began: bool,
    /// Whether the guest's last line was seen.
    pub finished: bool,
    /// The last lines of the console, for a message.
    pub console_tail: String,
}

impl Machine<'_> {
    /// Runs the machine until it ends.
    ///
    /// # Errors
    /// When QEMU can't be started, or the machine hangs: it is killed then.
    pub fn run(&self) -> Result<Ended> {
        let mut running = self.start()?;
        let mut limit = self.limits.first_line;
        let mut heard = Instant::now();
        let mut size = 0;
        loop {
            match running.lines.recv_timeout(Duration::from_millis(500)) {
                Ok(line) => running.hear(&line)?,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let now = fs::metadata(&running.results).map_or(0, |meta| meta.len());
                    if now == size {
                        if heard.elapsed() > limit {
                            running.kill();
                            bail!(
                                "nothing heard for {} s, killed; the console's last lines:\n{}",
                                limit.as_secs(),
                                running.tail()
                            );
                        }
                        continue;
                    }
                    size = now;
                }
            }
            heard = Instant::now();
            limit = self.limits.silence;
        }
        let status = running.child.wait()?;
        Ok(Ended {
            // Lossy: a crash may leave anything in the port.
            results: String::from_utf8_lossy(&fs::read(&running.results)?).into_owned(),
            code: debug_exit_code(status),
            began: running.console.iter().any(|line| line.starts_with(GUEST)),
            finished: running.console.iter().any(|line| line == SENTINEL),
            console_tail: running.tail(),
        })
    }

    /// Whether the machine says anything at all in time. It is killed afterwards.
    pub fn speaks(&self) -> Result<bool> {
        let mut running = self.start()?;
        let heard = running.lines.recv_timeout(self.limits.first_line).is_ok();
        running.kill();
        Ok(heard)
    }

    fn start(&self) -> Result<Running> {
        fs::create_dir_all(self.directory)?;
        let results = self.directory.join("results.txt");
        let complaints = self.directory.join("qemu.stderr");
        fs::write(&results, "")?;
        let qemu = packages::require(&packages::QEMU)?;
        // So that no machine outlives whoever waits for it, however that ends.
        let mut child = Command::new(packages::require(&packages::SETPRIV)?)
            .args(["--pdeathsig", "KILL", "--"])
            .arg(qemu)
            .args(self.accelerator.arguments())
            .args(["-cpu", "max", "-machine", "pc", "-m", "1024M"])
            .args(["-nodefaults", "-no-user-config", "-display", "none"])
            .args(["-serial", "stdio", "-no-reboot"])
            .arg("-serial")
            .arg(format!("file:{}", results.display()))
            .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"])
            .arg("-kernel")
            .arg(self.kernel)
            .arg("-initrd")
            .arg(self.initramfs)
            .arg("-append")
            .arg(format!("{COMMAND_LINE} {}", self.append))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&complaints)?)
            .spawn()
            .context("cannot start QEMU")?;
        let stdout = child.stdout.take().context("QEMU has no stdout")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Ok(Running {
            child,
            lines,
            log: File::create(self.directory.join("console.log"))?,
            console: Vec::new(),
            results,
            complaints,
        })
    }
}

struct Running {
    child: Child,
    lines: Receiver<String>,
    log: File,
    console: Vec<String>,
    results: PathBuf,
    complaints: PathBuf,
}

impl Running {
    fn hear(&mut self, line: &str) -> Result<()> {
        writeln!(self.log, "{line}")?;
        self.console.push(line.to_owned());
        Ok(())
    }

    /// The end of the console, and what QEMU itself had to say.
    fn tail(&self) -> String {
        let from = self.console.len().saturating_sub(15);
        let console = self.console[from..].join("\n");
        let complaints = fs::read_to_string(&self.complaints).unwrap_or_default();
        format!("{console}\n{complaints}").trim().to_owned()
    }

    fn kill(&mut self) {
        // Both fail only when it has ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The debug-exit device ends QEMU with `(code << 1) | 1`; any other end is even, or a signal.
fn debug_exit_code(status: ExitStatus) -> Option<u8> {
    let status = u8::try_from(status.code()?).ok()?;
    (status & 1 == 1).then_some(status >> 1)
}
