//! The terminal: entered once, and left on any way out.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

use crate::read::sinks::Colours;
use crate::watch::key::Key;
use crate::watch::state::State;
use crate::watch::view;

/// Whether the terminal is not as it was found.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// The terminal while it is ours.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<File>>>,
    colours: Colours,
}

/// What came from the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pressed {
    /// A key that means something.
    Key(Key),
    /// Something else.
    Other,
}

impl Screen {
    /// Takes the terminal that standard input and output are.
    ///
    /// # Errors
    /// They aren't one, or it can't be taken.
    pub fn enter(colours: Colours) -> anyhow::Result<Screen> {
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            bail!(
                "`watch` needs a terminal: standard input and output have to be one; \
                 `probe-runner read --every 1s` writes the same to anything"
            );
        }
        let backend = CrosstermBackend::new(BufWriter::new(output()?));
        restore_on_panic();
        begin().inspect_err(|_| leave()).context("the terminal can't be taken")?;
        let terminal = Terminal::new(backend).inspect_err(|_| leave())?;
        Ok(Screen { terminal, colours })
    }

    /// Draws a state.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, state: &mut State) -> io::Result<()> {
        let colours = self.colours;
        self.terminal.draw(|frame| {
            state.has_room(view::page_lines(frame.area()));
            view::draw(frame, state, colours);
        })?;
        Ok(())
    }

    /// Forgets what the terminal shows, so that every character is drawn anew.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn forget(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }

    /// Gives the terminal back for a while.
    ///
    /// # Errors
    /// It can't be taken again.
    pub fn aside<T>(&mut self, meanwhile: impl FnOnce() -> T) -> io::Result<T> {
        leave();
        let result = meanwhile();
        begin()?;
        self.terminal.clear()?;
        Ok(result)
    }

    /// What was pressed, if something was.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn pressed(&mut self) -> io::Result<Option<Pressed>> {
        if !event::poll(Duration::ZERO)? {
            return Ok(None);
        }
        Ok(Some(match event::read()? {
            Event::Key(key) => key_of(key).map_or(Pressed::Other, Pressed::Key),
            _ => Pressed::Other,
        }))
    }

    /// What becomes readable when something is pressed.
    pub fn input(&self) -> BorrowedFd<'static> {
        // Standard input stays open as long as the process lives.
        static INPUT: std::sync::LazyLock<io::Stdin> = std::sync::LazyLock::new(io::stdin);
        INPUT.as_fd()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// Standard output without the lock and the buffer that others use.
fn output() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

fn begin() -> io::Result<()> {
    // Before the first change, so that whatever comes undoes it.
    ENTERED.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(output()?, EnterAlternateScreen)
}

/// Gives the terminal back as it was found. What fails here can't be helped.
fn leave() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    if let Ok(mut output) = output() {
        let _ = execute!(output, Show, LeaveAlternateScreen);
        let _ = output.flush();
    }
    let _ = disable_raw_mode();
}

/// A panic's message is to be readable, and to stay.
fn restore_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            leave();
            usual(info);
        }));
    });
}

fn key_of(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let control = event.modifiers.contains(KeyModifiers::CONTROL);
    Some(match event.code {
        KeyCode::Char('c') if control => Key::Interrupt,
        KeyCode::Char('z') if control => Key::Suspend,
        KeyCode::Char('l') if control => Key::Redraw,
        KeyCode::Char('u') if control => Key::Clear,
        KeyCode::Char(_) if control || event.modifiers.contains(KeyModifiers::ALT) => return None,
        KeyCode::Char(character) => Key::Char(character),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        _ => return None,
    })
}
