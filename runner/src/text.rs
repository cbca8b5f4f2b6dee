//! Text that users wrote: where it stands, what is wrong with it, what its templates mean.

pub mod codes;
pub mod diagnostic;
pub mod explain;
pub mod render;
pub mod source;
pub mod suggest;
pub mod template;
pub mod terminal;
