//! A terminal that shows an applied probe while it runs.
//!
//! `sampler` and `tail` ask the kernel and make plain data ([`Sample`], [`Taken`]). [`State`] is what follows
//! from them and from the keys that were pressed; it knows neither a kernel nor a terminal. `view` draws a
//! state and changes nothing. [`Screen`] is the terminal: entered, left on any way out, and where keys come
//! from. The command that ties them together is in `commands`.

mod key;
mod sample;
mod sampler;
mod screen;
mod state;
mod tail;
mod view;

#[cfg(test)]
mod made_up;

pub use key::Key;
pub use sample::{Head, Row, Sample, Sheet, Taken};
pub use sampler::Sampler;
pub use screen::{Pressed, Screen};
pub use state::{By, Order, Reaction, State, Wish};
pub use tail::Tail;
