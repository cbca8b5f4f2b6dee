//! A probe file as it was written: shape and positions, no meaning yet.

mod map_flag;
mod place;
mod wrong_shape;

pub mod attach;
pub mod comments;
pub mod decoder;
pub mod layout;
pub mod probe_test;
pub mod schema;
pub mod sections;
pub mod shape;
pub mod values;
pub mod yaml;

pub use map_flag::MapFlag;
