//! How much templates may do.
//!
//! The product of the limits is what counts: a template has so many parts, each is so long at most,
//! and it may run so many instructions; a file's templates may do so much together.

use super::TemplateError;
use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind};
use std::io::{self, Write};

/// Instructions of minijinja's machine that one template may use.
const FUEL: u64 = 5_000;
/// Bytes that one template may become.
const MAX_RENDERED: usize = 16 << 10;
/// Bytes of a variable's value.
const MAX_VARIABLE: usize = 4 << 10;
/// Bytes that `join` and `replace` may give.
const MAX_JOINED: usize = 16 << 10;
/// Templates that one file may have, bytes that they may become and instructions that they may use
/// together.
const MAX_TEMPLATES: usize = 10_000;
const MAX_ALL_RENDERED: usize = 1 << 20;
const ALL_FUEL: u64 = 200_000;

/// What a file's templates may still do.
#[derive(Default)]
pub struct Budget {
    templates: usize,
    bytes: usize,
    fuel: u64,
}

impl Budget {
    /// Takes a template from the budget.
    pub fn begin(&mut self) -> Result<(), String> {
        self.templates += 1;
        if self.templates > MAX_TEMPLATES {
            return Err(format!("a file has at most {MAX_TEMPLATES} templates"));
        }
        if self.bytes > MAX_ALL_RENDERED {
            let most = MAX_ALL_RENDERED >> 20;
            return Err(format!("a file's templates give at most {most} MiB together"));
        }
        if self.fuel > ALL_FUEL {
            return Err("a file's templates do too much together".to_owned());
        }
        Ok(())
    }

    /// Takes what it became and used from the budget; one that failed used all it had.
    pub fn charge(&mut self, bytes: usize, fuel: Option<u64>) {
        self.bytes += bytes;
        self.fuel += fuel.unwrap_or(FUEL);
    }
}

/// Text that can't become longer than a template's may.
#[derive(Default)]
pub struct Limited {
    bytes: Vec<u8>,
    over: bool,
}

impl Limited {
    /// Whether more was written than fits.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// What to say about it.
    pub fn complaint(&self) -> String {
        format!("a template gives at most {} KiB", MAX_RENDERED >> 10)
    }

    /// What was written.
    pub fn into_text(self) -> Result<String, String> {
        String::from_utf8(self.bytes).map_err(|error| error.to_string())
    }
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > MAX_RENDERED {
            self.over = true;
            return Err(io::Error::other("too long"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a variable may have a value.
pub fn check_variable(value: &str) -> Result<(), TemplateError> {
    if value.len() <= MAX_VARIABLE {
        return Ok(());
    }
    let message =
        format!("a variable's value has at most {MAX_VARIABLE} bytes, this one {}", value.len());
    Err(TemplateError::because(message))
}

/// Limits the machine and the filters whose results may be longer than what they are given.
pub fn set(environment: &mut Environment<'_>) {
    environment.set_fuel(Some(FUEL));
    environment.add_filter("join", join);
    environment.add_filter("replace", replace);
}

fn join(values: &Value, separator: Option<&str>) -> Result<String, Error> {
    let mut joined = String::new();
    for (position, value) in values.try_iter()?.enumerate() {
        if position > 0 {
            joined.push_str(separator.unwrap_or_default());
        }
        match value.as_str() {
            Some(text) => joined.push_str(text),
            None => joined.push_str(&value.to_string()),
        }
        within(joined.len())?;
    }
    Ok(joined)
}

fn replace(text: &str, from: &str, to: &str) -> Result<String, Error> {
    let growth = to.len().saturating_sub(from.len());
    within(text.matches(from).count().saturating_mul(growth).saturating_add(text.len()))?;
    Ok(text.replace(from, to))
}

fn within(length: usize) -> Result<(), Error> {
    if length <= MAX_JOINED {
        return Ok(());
    }
    let message = format!("text becomes longer than {} KiB", MAX_JOINED >> 10);
    Err(Error::new(ErrorKind::InvalidOperation, message))
}
