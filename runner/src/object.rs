//! eBPF objects: what a compiled file holds, read without a kernel.

mod inventory;
mod program_type;

pub use inventory::{Global, Inventory, Map, MapType, Program, TailCall};
pub use program_type::{AttachType, ProgramType, Section};
