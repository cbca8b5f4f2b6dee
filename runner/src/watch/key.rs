//! The keys that mean something, whatever terminal they come from.

/// A key that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character, as it is typed.
    Char(char),
    /// What ends a line.
    Enter,
    /// What takes something back.
    Escape,
    /// The character before goes.
    Backspace,
    /// The whole line goes: Ctrl-U.
    Clear,
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// To the page before.
    Left,
    /// To the page after.
    Right,
    /// A screen up.
    PageUp,
    /// A screen down.
    PageDown,
    /// To the first line.
    Home,
    /// To the last line.
    End,
    /// To the page after.
    Tab,
    /// To the page before.
    BackTab,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-Z.
    Suspend,
    /// Ctrl-L: somebody else wrote onto the screen.
    Redraw,
}
