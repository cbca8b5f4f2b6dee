//! `watch` as people use it: typed into a shell, in a terminal that exists (tmux).

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::features::Need;
use crate::product::path;
use crate::scenario::{Boot, Context, Scenario};
use crate::sys;

const PATIENCE: Duration = Duration::from_secs(30);
/// timer_gettime
const CALL: i64 = 224;

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "watch-in-tmux",
    boot: Boot::Usual,
    needs: &[Need::RawTracepoints, Need::Tmux],
    check: in_tmux,
}];

/// A tmux of its own with one shell in it. Ended when dropped.
struct Tmux {
    socket: PathBuf,
}

impl Tmux {
    fn start(context: &Context) -> Result<Tmux> {
        let tmux = Tmux { socket: context.scratch.join("tmux") };
        tmux.command(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "80",
            "-y",
            "24",
            "sh",
            "-i",
        ])?;
        Ok(tmux)
    }

    fn command(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new("tmux")
            .arg("-S")
            .arg(&self.socket)
            .args(arguments)
            .env_remove("TMUX")
            .env("ENV", "/dev/null")
            .output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "tmux {arguments:?}: {stderr}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn type_line(&self, text: &str) -> Result<()> {
        self.command(&["send-keys", "-l", text])?;
        self.press("Enter")
    }

    fn press(&self, key: &str) -> Result<()> {
        self.command(&["send-keys", key]).map(drop)
    }

    fn text(&self) -> Result<String> {
        self.command(&["capture-pane", "-p"])
    }

    fn until(&self, what: &str, holds: impl Fn(&str) -> bool) -> Result<String> {
        let start = Instant::now();
        loop {
            let text = self.text()?;
            if holds(&text) {
                return Ok(text);
            }
            ensure!(start.elapsed() < PATIENCE, "tmux does not show {what}:\n{text}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn shows(&self, words: &str) -> Result<String> {
        self.until(&format!("`{words}`"), |text| text.contains(words))
    }

    /// The settings of the shell's terminal, as stty says them.
    fn settings(&self, context: &Context) -> Result<String> {
        let file = context.scratch.join("settings");
        fs::remove_file(&file).ok();
        self.type_line(&format!("stty -g > {0}.part; mv {0}.part {0}", path(&file)?))?;
        let start = Instant::now();
        while !file.exists() {
            ensure!(start.elapsed() < PATIENCE, "the shell does not answer:\n{}", self.text()?);
            thread::sleep(Duration::from_millis(20));
        }
        Ok(fs::read_to_string(file)?)
    }

    /// What the shell started.
    fn foreground(&self) -> Result<Pid> {
        let shell = self.command(&["list-panes", "-F", "#{pane_pid}"])?;
        let shell = shell.trim();
        let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children"))?;
        let child = children.split_whitespace().next().context("the shell has no child")?;
        Pid::from_raw(child.parse()?).context("no process id")
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        // It has ended already if this fails.
        self.command(&["kill-server"]).ok();
    }
}

fn in_tmux(context: &Context) -> Result<()> {
    let file = context.product.shipped("syscalls");
    context.product.command(&["apply", path(&file)?])?.success()?;
    let binary = fs::canonicalize(context.product.binary())?;
    let command = format!("{} watch syscalls --every 200ms", path(&binary)?);
    let tmux = Tmux::start(context)?;
    let before = tmux.settings(context)?;

    tmux.type_line(&command)?;
    tmux.shows("probe/syscalls  attached")?;
    (0..7).for_each(|_| sys::call(CALL));
    let own = format!("[{}]", std::process::id());
    let text = tmux.until("7 calls", |text| {
        text.lines().any(|line| {
            line.starts_with("timer_gettime") && line.contains(&own) && line.contains(" 7 ")
        })
    })?;
    ensure!(text.lines().count() == 24 && !text.contains("watch syscalls"), "{text}");
    tmux.press("Right")?;
    tmux.shows("OTHER_CALLS/S")?;
    tmux.press("?")?;
    tmux.shows("any of them closes this")?;
    tmux.press("Escape")?;
    tmux.until("no help", |text| !text.contains("any of them closes this"))?;

    // Its window changes while it runs.
    tmux.command(&["resize-window", "-x", "100", "-y", "30"])?;
    tmux.until("a wider screen", |text| {
        text.lines().next().is_some_and(|l| l.chars().count() > 95)
    })?;
    tmux.command(&["resize-window", "-x", "80", "-y", "24"])?;

    // A path may be longer than the terminal is wide.
    let is_named = |text: &str| text.replace('\n', "").contains(&command);
    // Stopped as any program in a shell, and continued.
    tmux.press("C-z")?;
    tmux.until("the shell", |text| text.contains("Stopped") && is_named(text))?;
    ensure!(tmux.settings(context)? == before, "stopped, it keeps the terminal's settings");
    tmux.type_line("fg")?;
    tmux.shows("probe/syscalls  attached")?;

    // Ended by its key, and by a signal.
    tmux.press("q")?;
    tmux.until("the shell", |text| is_named(text) && !text.contains("attached"))?;
    ensure!(tmux.settings(context)? == before, "`q` leaves other settings");
    tmux.type_line(&format!("clear; {command}"))?;
    tmux.shows("probe/syscalls  attached")?;
    kill_process(tmux.foreground()?, Signal::TERM)?;
    tmux.until("the shell", |text| text.trim_end().ends_with('#') && !text.contains("attached"))?;
    ensure!(tmux.settings(context)? == before, "SIGTERM leaves other settings");

    // A panic: its message is where the shell is.
    let guest = std::env::current_exe()?;
    tmux.type_line(&format!("clear; {} panic-on-screen", path(&guest)?))?;
    tmux.shows("probe/panics")?;
    tmux.until("its message", |text| {
        text.contains("a mistake in the program") && !text.contains("probe/panics")
    })?;
    ensure!(tmux.settings(context)? == before, "a panic leaves other settings");
    let cursor = tmux.command(&["display-message", "-p", "#{cursor_flag} #{alternate_on}"])?;
    ensure!(cursor.trim() == "1 0", "the cursor and the screen are {cursor}");

    // The probe goes while it is watched.
    tmux.type_line(&format!("clear; {command}"))?;
    tmux.shows("probe/syscalls  attached")?;
    context.product.command(&["delete", "syscalls"])?.success()?;
    tmux.shows("was deleted while it was watched")?;
    ensure!(tmux.settings(context)? == before, "an error leaves other settings");
    Ok(())
}
