//! Made-up contexts for programs that are run without being attached: words, and memory that words
//! point to.
//!
//! A program tells two kinds of memory apart: the process's, which it reads with
//! `bpf_probe_read_user`, is our own, since the program runs in the process that asks for it; the
//! kernel's, which it reads with `bpf_probe_read_kernel`, is a map's.

use std::ffi::CString;
use std::io;
use std::mem::{offset_of, size_of};

use libc::user_regs_struct;

use crate::desired::Argument;
use crate::kernel::error::Error;
use crate::kernel::sys::{CONTEXT_WORDS, KernelBytes};
use crate::kernel::test_bed::refused;

/// Room for the registers of a system call, which the kernel keeps more with than it tells.
const REGISTERS_SIZE: usize = 512;

/// A context, and what its words point to.
pub struct TestContext {
    words: [u64; CONTEXT_WORDS],
    texts: Vec<CString>,
    registers: Vec<KernelBytes>,
}

impl TestContext {
    /// Makes a context of these words; those that are not given are 0.
    pub fn new<'a>(
        arguments: impl IntoIterator<Item = &'a Argument>,
    ) -> Result<TestContext, Error> {
        let mut context =
            TestContext { words: [0; CONTEXT_WORDS], texts: Vec::new(), registers: Vec::new() };
        for (index, argument) in arguments.into_iter().enumerate().take(CONTEXT_WORDS) {
            context.words[index] =
                context.word(argument).map_err(|error| refused("a test's arguments", &error))?;
        }
        Ok(context)
    }

    /// The words; addresses among them are good as long as this lives.
    pub fn words(&self) -> &[u64; CONTEXT_WORDS] {
        &self.words
    }

    fn word(&mut self, argument: &Argument) -> io::Result<u64> {
        match argument {
            Argument::Number(number) => Ok(*number),
            Argument::Text(text) => {
                // The text stays where it is when the vector grows.
                let text = CString::new(text.as_str()).map_err(io::Error::other)?;
                let address = text.as_ptr() as u64;
                self.texts.push(text);
                Ok(address)
            }
            Argument::SyscallArgs(arguments) => {
                let words = arguments.iter().map(|argument| self.word(argument));
                let words: Vec<u64> = words.collect::<Result<_, _>>()?;
                let registers = KernelBytes::new(&registers_of_call(&words))?;
                let address = registers.address();
                self.registers.push(registers);
                Ok(address)
            }
        }
    }
}

/// The registers of a system call with these arguments, as `struct pt_regs` begins: that part is the
/// same as what ptrace(2) gives. All others are 0.
fn registers_of_call(arguments: &[u64]) -> [u8; REGISTERS_SIZE] {
    let mut bytes = [0; REGISTERS_SIZE];
    for (argument, places) in arguments.iter().zip(PLACES) {
        for place in places {
            bytes[*place..place + size_of::<u64>()].copy_from_slice(&argument.to_ne_bytes());
        }
    }
    bytes
}

/// Where each argument is, in bytes from the beginning.
#[cfg(target_arch = "x86_64")]
const PLACES: [&[usize]; 6] = [
    &[offset_of!(user_regs_struct, rdi)],
    &[offset_of!(user_regs_struct, rsi)],
    &[offset_of!(user_regs_struct, rdx)],
    &[offset_of!(user_regs_struct, r10)],
    &[offset_of!(user_regs_struct, r8)],
    &[offset_of!(user_regs_struct, r9)],
];

/// Where each argument is, in bytes from the beginning. The first one is also kept behind what
/// ptrace(2) gives (`orig_x0`), since its register becomes the result's.
#[cfg(target_arch = "aarch64")]
const PLACES: [&[usize]; 6] = [
    &[offset_of!(user_regs_struct, regs), size_of::<user_regs_struct>()],
    &[offset_of!(user_regs_struct, regs) + 8],
    &[offset_of!(user_regs_struct, regs) + 16],
    &[offset_of!(user_regs_struct, regs) + 24],
    &[offset_of!(user_regs_struct, regs) + 32],
    &[offset_of!(user_regs_struct, regs) + 40],
];

#[cfg(test)]
mod tests {
    use super::{REGISTERS_SIZE, registers_of_call};

    #[test]
    fn each_argument_has_a_register_of_its_own() {
        let bytes = registers_of_call(&[1, 2, 3, 4, 5, 6]);
        let mut words: Vec<u64> = bytes
            .chunks_exact(8)
            .map(|word| u64::from_ne_bytes(word.try_into().expect("8 bytes")))
            .filter(|word| *word != 0)
            .collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words, [1, 2, 3, 4, 5, 6]);
        assert_eq!(registers_of_call(&[]), [0; REGISTERS_SIZE]);
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_first_argument_is_where_programs_look_for_it() {
        // `struct pt_regs` of arch/x86/include/asm/ptrace.h: di is the 15th word.
        let bytes = registers_of_call(&[7]);
        assert_eq!(bytes[14 * 8], 7);
    }
}
