//! Why programs can't be linked: what, where, and what to do about it.

use std::error::Error;
use std::fmt;

use crate::btf::core_relo::CoreError;

/// Why linking failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkError {
    /// The program that was being linked, if it was one.
    pub program: Option<String>,
    /// Where in the code, if it is there.
    pub place: Option<CodePlace>,
    /// What is wrong.
    pub problem: Problem,
}

/// An instruction of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodePlace {
    /// The function that has it.
    pub function: String,
    /// Its index in the function.
    pub instruction: usize,
    /// Where it came from.
    pub source: Option<SourceLine>,
}

/// A line of a source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLine {
    /// The file, as the compiler was told it.
    pub file: String,
    /// The line's number.
    pub line: u32,
    /// Its text.
    pub text: String,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no program of that name.
    NoProgram {
        /// The name.
        name: String,
        /// Those that there are.
        programs: Vec<String>,
    },
    /// A CO-RE relocation has no answer.
    Core(CoreError),
    /// The object has relocations and not the types they are about.
    NoBtf,
    /// An instruction isn't what its relocation is for.
    Instruction {
        /// What doesn't fit.
        what: String,
    },
    /// A relocation refers to something that can't be referred to.
    Target {
        /// The symbol.
        symbol: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The kernel hasn't got a function or variable that the object expects.
    NoKernelSymbol {
        /// Its name.
        name: String,
        /// What the kernel is looked through for.
        kind: &'static str,
    },
    /// The kernel has it in another shape.
    OtherShape {
        /// Its name.
        name: String,
    },
    /// An option of the kernel's configuration.
    Config {
        /// Its name.
        name: String,
        /// What is wrong with it.
        what: String,
    },
    /// A value for a variable that doesn't fit.
    Global {
        /// The variable.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// More code or data than a kernel would take.
    TooLarge {
        /// What.
        what: &'static str,
    },
}

impl LinkError {
    /// An error at a place in the code.
    pub(super) fn at(place: CodePlace, problem: Problem) -> LinkError {
        LinkError { program: None, place: Some(place), problem }
    }

    /// The same, found while a program was linked.
    pub(super) fn in_program(self, name: &str) -> LinkError {
        LinkError { program: Some(name.to_owned()), ..self }
    }
}

impl From<Problem> for LinkError {
    fn from(problem: Problem) -> LinkError {
        LinkError { program: None, place: None, problem }
    }
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_own = |place: &CodePlace| Some(&place.function) == self.program.as_ref();
        if let Some(program) = &self.program
            && !self.place.as_ref().is_some_and(is_own)
        {
            write!(f, "{program}: ")?;
        }
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        self.problem.fmt(f)
    }
}

impl fmt::Display for CodePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, instruction {}", self.function, self.instruction)?;
        match &self.source {
            Some(source) => write!(f, " ({}:{})", source.file, source.line),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NoProgram { name, programs } => {
                write!(f, "there is no program `{name}`; the object has {}", programs.join(", "))
            }
            Problem::Core(error) => error.fmt(f),
            Problem::NoBtf => f.write_str(
                "the object has no types (BTF) for what it expects of the kernel; compile it with -g \
                 and strip it with `llvm-strip -g`, not more",
            ),
            Problem::Instruction { what } => {
                write!(
                    f,
                    "an instruction and its relocation don't fit together: {what}; the object is \
                     damaged or its compiler wrong: compile it again, with clang 16 or newer"
                )
            }
            Problem::Target { symbol, what } if symbol.is_empty() => {
                write!(f, "a relocation refers to {what}")
            }
            Problem::Target { symbol, what } => write!(f, "`{symbol}` is {what}"),
            Problem::NoKernelSymbol { name, kind } => write!(
                f,
                "this kernel has no {kind} `{name}`; declare it `__weak` and look whether it is \
                 there, if the program can do without it"
            ),
            Problem::OtherShape { name } => write!(
                f,
                "this kernel has `{name}` with another type than the object declares"
            ),
            Problem::Config { name, what } => write!(f, "`{name}`: {what}"),
            Problem::Global { name, what } => write!(f, "variable `{name}`: {what}"),
            Problem::TooLarge { what } => f.write_str(what),
        }
    }
}

impl Error for LinkError {}
