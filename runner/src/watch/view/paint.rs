//! What things look like. Without colours they differ by weight alone.

use ratatui::style::{Color, Modifier, Style};

use crate::read::sinks::Colours;

/// The styles of everything.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    /// For what is drawn.
    pub colours: Colours,
}

impl Paint {
    pub fn new(colours: Colours) -> Paint {
        Paint { colours }
    }

    /// The bar at the top.
    pub fn bar(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// What is chosen.
    pub fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD)
    }

    /// Headings.
    pub fn heading(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What is less important.
    pub fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// What grows.
    pub fn rate(self) -> Style {
        self.coloured(Color::Cyan)
    }

    /// What to be careful about.
    pub fn warning(self) -> Style {
        self.coloured(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    /// What is wrong.
    pub fn error(self) -> Style {
        self.coloured(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// A place of a drawing.
    pub fn behind(self, colour: u8) -> Style {
        match self.colours {
            Colours::No => Style::new(),
            Colours::Ansi256 => Style::new().bg(Color::Indexed(colour)),
        }
    }

    fn coloured(self, colour: Color) -> Style {
        match self.colours {
            Colours::No => Style::new(),
            Colours::Ansi256 => Style::new().fg(colour),
        }
    }
}
