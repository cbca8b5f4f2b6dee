//! Where rows go: tables and lines for people, JSON for programs.
//!
//! A sink writes to whatever it is given and returns that one's errors; a closed pipe is the
//! caller's to judge.

pub mod json;
pub mod line;
pub mod listing;
pub mod table;
mod terminal;

pub use terminal::escape;
