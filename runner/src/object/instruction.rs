//! BPF instructions, as far as an inventory and the linker look into them.

/// `BPF_LD | BPF_IMM | BPF_DW`: loads 64 bits or an address; takes two slots.
const LOAD_64: u8 = 0x18;
/// `BPF_JMP | BPF_CALL`.
const CALL: u8 = 0x85;
/// `BPF_JMP | BPF_CALL | BPF_X`: calls what a register points to.
const CALL_REGISTER: u8 = 0x8d;
/// `BPF_JMP | BPF_EXIT`.
const EXIT: u8 = 0x95;
/// `BPF_JMP | BPF_JA`: jumps by the offset.
const JUMP: u8 = 0x05;
/// `BPF_JMP32 | BPF_JA`: jumps by the immediate.
const JUMP_FAR: u8 = 0x06;
/// `BPF_PSEUDO_CALL`, in the source register of a call.
const SOURCE_SUBPROGRAM: u8 = 1;

/// Bytes of an instruction slot.
pub(super) const SLOT_SIZE: u64 = 8;

/// `struct bpf_insn`: a slot of 8 bytes. Loads of 64 bits take two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The operation.
    pub code: u8,
    /// `dst_reg`, 0 to 15.
    pub destination: u8,
    /// `src_reg`, 0 to 15; of some instructions it says what the immediate means.
    pub source: u8,
    /// `off`.
    pub offset: i16,
    /// `imm`.
    pub immediate: i32,
}

impl Instruction {
    /// Takes bytes apart; an incomplete slot at the end is left out.
    pub(super) fn decode(bytes: &[u8]) -> Vec<Instruction> {
        bytes
            .as_chunks::<8>()
            .0
            .iter()
            .map(|&[code, registers, o0, o1, i0, i1, i2, i3]| Instruction {
                code,
                destination: registers & 0xf,
                source: registers >> 4,
                offset: i16::from_le_bytes([o0, o1]),
                immediate: i32::from_le_bytes([i0, i1, i2, i3]),
            })
            .collect()
    }

    /// The bytes that the kernel takes.
    pub fn encode(&self) -> [u8; 8] {
        let [o0, o1] = self.offset.to_le_bytes();
        let [i0, i1, i2, i3] = self.immediate.to_le_bytes();
        let registers = self.destination & 0xf | self.source << 4;
        [self.code, registers, o0, o1, i0, i1, i2, i3]
    }

    pub(super) fn loads_64_bits(&self) -> bool {
        self.code == LOAD_64
    }

    /// Whether it calls anything: a helper, a subprogram, a kernel function.
    pub(super) fn calls(&self) -> bool {
        matches!(self.code, CALL | CALL_REGISTER)
    }

    /// The helper that it calls, if it has no relocation.
    pub fn helper(&self) -> Option<u32> {
        (self.code == CALL && self.source == 0).then_some(self.immediate.cast_unsigned())
    }

    /// Whether it is a call of what the immediate says.
    pub(super) fn calls_number(&self) -> bool {
        self.code == CALL
    }

    /// Bytes that it moves, if it loads or stores.
    pub(super) fn width(&self) -> u8 {
        match self.code & 0x18 {
            0x00 => 4,
            0x08 => 2,
            0x10 => 1,
            _ => 8,
        }
    }

    pub(super) fn calls_subprogram(&self) -> bool {
        self.code == CALL && self.source == SOURCE_SUBPROGRAM
    }

    /// Whether the next instruction is never run after this one.
    pub(super) fn ends_flow(&self) -> bool {
        matches!(self.code, EXIT | JUMP | JUMP_FAR)
    }

    /// Slots from the next instruction to where it may jump.
    pub(super) fn jump(&self) -> Option<i64> {
        match self.code {
            CALL | CALL_REGISTER | EXIT => None,
            JUMP_FAR => Some(self.immediate.into()),
            // BPF_JMP and BPF_JMP32.
            code if matches!(code & 0x07, 0x05 | 0x06) => Some(self.offset.into()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Instruction;

    #[test]
    fn takes_a_slot_apart() {
        // `r10 -= …` never occurs; the registers' halves are what is tested.
        let bytes = [0x7b, 0x6a, 0xf8, 0xff, 0x01, 0x00, 0x00, 0x80, 0x95];
        assert_eq!(
            Instruction::decode(&bytes),
            [Instruction {
                code: 0x7b,
                destination: 10,
                source: 6,
                offset: -8,
                immediate: i32::MIN + 1,
            }]
        );
    }

    #[test]
    fn knows_where_jumps_lead() {
        let at = |code, offset, immediate| Instruction {
            code,
            destination: 0,
            source: 0,
            offset,
            immediate,
        };
        assert_eq!(at(0x05, -3, 9).jump(), Some(-3));
        assert_eq!(at(0x06, -3, 9).jump(), Some(9));
        assert_eq!(at(0x55, 4, 9).jump(), Some(4));
        assert_eq!(at(0x1e, 4, 9).jump(), Some(4));
        assert_eq!(at(0x85, 4, 9).jump(), None);
        assert_eq!(at(0x95, 4, 9).jump(), None);
        assert_eq!(at(0xb7, 4, 9).jump(), None);
    }
}
