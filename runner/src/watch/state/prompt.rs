//! A filter while it is typed.

use std::rc::Rc;

use crate::text::suggest::listed;
use crate::text::template::Filter;
use crate::watch::key::Key;

/// Characters that a filter has at most.
const LONGEST: usize = 400;

/// The line that is typed into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// What was typed.
    pub text: String,
    /// Why it can't be used.
    pub error: Option<String>,
}

/// A filter and how it was typed.
pub type Typed = Option<(String, Rc<Filter>)>;

impl Prompt {
    /// With the filter that holds now.
    pub fn new(text: &str) -> Prompt {
        Prompt { text: text.to_owned(), error: None }
    }

    pub(super) fn press(&mut self, key: Key) {
        match key {
            Key::Char(character) if self.text.chars().count() < LONGEST => {
                self.text.push(character);
            }
            Key::Backspace => drop(self.text.pop()),
            Key::Clear => self.text.clear(),
            _ => return,
        }
        self.error = None;
    }

    /// What was typed as a filter over these columns; nothing is none.
    ///
    /// # Errors
    /// Why it can't be one.
    pub(super) fn filter(&self, known: &[String]) -> Result<Typed, String> {
        let text = self.text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let filter = Filter::parse(text).map_err(|error| error.message)?;
        if let Some(name) = filter.unknown(known) {
            let known = listed(known.iter().map(String::as_str), 12);
            return Err(format!("no column `{name}`; there are {known}"));
        }
        Ok(Some((text.to_owned(), Rc::new(filter))))
    }
}
