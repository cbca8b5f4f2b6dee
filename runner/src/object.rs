//! eBPF objects: what a compiled file holds, read without a kernel.
//!
//! [`Inventory::read`] is the way in for whoever wants to know what is in it, [`link::Linkable`] for
//! whoever wants its programs made ready for a kernel. Both begin with the same `parts`. `elf` takes the
//! file apart, the files after it each read one kind of thing from it, and `inventory` puts them together. Files may come from anywhere:
//! nothing here trusts an offset, a count or a name, and the work is bounded by the file's size.

pub mod builtin;
pub mod executable;
pub mod link;
pub mod numbers;
pub mod store;

mod btf_ext;
mod code;
mod elf;
mod error;
mod flow;
mod follow;
mod functions;
mod globals;
mod helpers;
mod instruction;
mod inventory;
mod map_attributes;
mod map_places;
mod map_type;
mod maps;
mod old_maps;
mod ordered_set;
mod parts;
mod program_type;
mod programs;
mod section;
mod stack;
mod tail_call;
#[cfg(test)]
mod tests;
mod variables;

pub use error::ObjectError;
pub use helpers::helper_name;
pub use instruction::Instruction;
pub use inventory::{
    ContextAccess, ContextTouch, Global, Inventory, Map, MapCall, MapUse, Program, StackChain,
    StackUse, TailCall,
};
pub use map_type::MapType;
pub use program_type::{AttachType, ProgramType};
pub use section::Section;
