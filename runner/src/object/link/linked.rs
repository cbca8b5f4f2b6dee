//! What linking gives: programs ready for one kernel but for the descriptors of maps and modules.

use super::error::LinkError;
use super::missing::{self, Missing};
use crate::btf::TypeId;
use crate::object::Instruction;

/// Linked programs and what they have in common.
#[derive(Clone, Debug)]
pub struct Linked {
    /// In the order in which they were asked for.
    pub programs: Vec<LinkedProgram>,
    /// Sections of variables, each of which becomes a map of one entry.
    pub data: Vec<DataSection>,
    /// The object's types in the form that the kernel takes.
    pub btf: Option<Vec<u8>>,
}

/// The same where programs were linked each for itself.
#[derive(Clone, Debug)]
pub struct LinkedEach {
    /// Names and what became of them, in the order in which they were asked for.
    pub programs: Vec<(String, Result<LinkedProgram, LinkError>)>,
    /// As in [`Linked::data`].
    pub data: Vec<DataSection>,
    /// As in [`Linked::btf`].
    pub btf: Option<Vec<u8>>,
}

/// A program with its subprograms behind it.
#[derive(Clone, Debug)]
pub struct LinkedProgram {
    /// Its function's name.
    pub name: String,
    /// The section of its function.
    pub section: String,
    /// The instructions. What refers to a map has an immediate of 0 where the map's descriptor goes.
    pub instructions: Vec<Instruction>,
    /// What instructions refer to, ascending.
    pub references: Vec<Reference>,
    /// Where its functions begin, ascending; empty if the object doesn't say it of all.
    pub functions: Vec<FunctionInfo>,
    /// The source lines, ascending; empty if the object doesn't say them of all functions.
    pub lines: Vec<LineInfo>,
    /// What this kernel hasn't got: instructions that must not be reached, ascending.
    pub missing: Vec<Missing>,
}

impl LinkedProgram {
    /// What the verifier means by `invalid func unknown#195896080` at the end of its log: what this
    /// kernel hasn't got and the program uses nevertheless. None if the log says something else.
    pub fn explain(&self, log: &str) -> Option<&Missing> {
        missing::explain(&self.missing, log)
    }
}

/// An instruction that refers to something with a descriptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The instruction's index.
    pub instruction: usize,
    /// What it refers to.
    pub to: Referent,
}

/// What an instruction refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Referent {
    /// A map: its descriptor goes into the immediate.
    Map(String),
    /// A variable: the descriptor of its section's map goes into the immediate; its offset in bytes is
    /// in the second slot already.
    Data {
        /// The section ([`DataSection::name`]).
        section: String,
        /// The variable's offset, in bytes.
        offset: u32,
    },
    /// A variable or function of the kernel whose id in BTF is in the immediate already. Of a module's
    /// the descriptor of its BTF goes into the second slot.
    KernelAddress {
        /// Its name.
        name: String,
        /// The module that has it.
        module: Option<String>,
    },
    /// A function of the kernel that is called (kfunc). Its id is in the immediate already; of a
    /// module's the index of its BTF in the program's array of descriptors goes into the offset.
    KernelFunction {
        /// Its name.
        name: String,
        /// The module that has it.
        module: Option<String>,
    },
}

/// `struct bpf_func_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionInfo {
    /// The function's first instruction.
    pub instruction: u32,
    /// The function, in the object's types.
    pub ty: TypeId,
}

/// `struct bpf_line_info`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineInfo {
    /// The line's first instruction.
    pub instruction: u32,
    /// The source file's name, in the types' strings.
    pub file: u32,
    /// The line's text, in the types' strings.
    pub text: u32,
    /// The line in the upper 22 bits, the column in the lower 10.
    pub place: u32,
}

/// A section of variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSection {
    /// `.rodata`, `.data`, `.bss`, one of their `.suffix` forms, or `.kconfig`.
    pub name: String,
    /// The variables' values when the programs are loaded.
    pub bytes: Vec<u8>,
    /// Whether programs may not write it: its map is frozen.
    pub read_only: bool,
    /// The section's type, where the object has it.
    pub ty: Option<TypeId>,
}
