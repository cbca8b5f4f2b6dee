//! Compares linked programs. Descriptors and indices are compared by the names of the maps that they
//! stand for, everything else bit by bit.

use std::collections::HashMap;

use probe_runner::object::link::{LinkedProgram, POISON, Referent};

use super::explained;
use super::oracle::{Answer, Relocated};
use super::own::Ours;

/// A 64-bit load.
const LOAD_64: u8 = 0x18;
/// `BPF_PSEUDO_MAP_FD` and `BPF_PSEUDO_MAP_VALUE`.
const MAP: u8 = 1;
const MAP_VALUE: u8 = 2;
/// `BPF_PSEUDO_BTF_ID`.
const KERNEL_TYPE: u8 = 3;
/// `BPF_PSEUDO_KFUNC_CALL`.
const KERNEL_FUNCTION: u8 = 2;
/// What libbpf adds to a map's index where the map wasn't made.
const UNMADE_MAP: i32 = 2_001_000_000;
/// The longest name that a map can have in the kernel.
const MAX_MAP_NAME: usize = 15;

/// What came of one program.
pub enum Verdict {
    /// Both linked it alike.
    Equal,
    /// Both linked it, and not alike.
    Different(String),
    /// libbpf refused it, for the reason given.
    OnlyOurs(String),
    /// libbpf refused it, and it is known why we are right not to.
    OnlyOursExplained(&'static str),
    /// We refused it, for the reason given.
    OnlyLibbpf(String),
    /// We refused it for want of a symbol of the other kernel; libbpf looks for symbols in the running
    /// one whatever it links for.
    OtherKernel(String),
    /// Alike but for such a symbol, which is weak.
    ElsewhereOnly(String),
    /// Neither linked it.
    Neither { ours: String, libbpf: String },
}

impl Verdict {
    /// The verdict on a program of some object, with what is known about it.
    pub fn explained(self, object: &str, program: &str) -> Verdict {
        match self {
            Verdict::OnlyOurs(why) => match explained::linked_by_us_alone(object, program, &why) {
                Some(reason) => Verdict::OnlyOursExplained(reason),
                None => Verdict::OnlyOurs(why),
            },
            other => other,
        }
    }

    /// What is to be said of it; nothing of equal programs.
    pub fn describe(&self) -> Option<String> {
        Some(match self {
            Verdict::Equal => return None,
            Verdict::Different(how) => format!("DIFFERENT: {how}"),
            Verdict::OnlyOurs(why) => format!("LINKED by us alone: {why}"),
            Verdict::OnlyOursExplained(reason) => format!("linked by us alone: {reason}"),
            Verdict::OnlyLibbpf(why) => format!("REFUSED by us alone: {why}"),
            Verdict::ElsewhereOnly(what) => {
                format!("equal but that {what} (libbpf found it in the running kernel)")
            }
            Verdict::OtherKernel(why) => {
                format!("refused by us: {why} (libbpf looked for it in the running kernel)")
            }
            Verdict::Neither { ours, libbpf } => format!("linked by neither: {ours} | {libbpf}"),
        })
    }
}

/// Compares all programs of an object. `other_kernel`: it isn't this machine's that was linked for.
pub fn all(
    ours: &Result<Vec<Ours>, String>,
    theirs: &Answer,
    other_kernel: bool,
) -> Vec<(String, Verdict)> {
    let ours = match ours {
        Ok(ours) => ours,
        Err(why) => return unopened(why, theirs),
    };
    let by_name: HashMap<&str, &Result<Relocated, String>> = match theirs {
        Ok(theirs) => theirs.iter().map(|it| (it.name.as_str(), &it.result)).collect(),
        Err(_) => HashMap::new(),
    };
    let not_there = match theirs {
        Ok(_) => "libbpf sees no such program".to_owned(),
        Err(why) => why.clone(),
    };
    ours.iter()
        .map(|own| {
            let verdict = match (&own.result, by_name.get(own.name.as_str())) {
                (Ok(own), Some(Ok(their))) => verdict(own, their, other_kernel),
                (Ok(_), Some(Err(why))) => Verdict::OnlyOurs(why.clone()),
                (Ok(_), None) => Verdict::OnlyOurs(not_there.clone()),
                (Err(why), Some(Ok(_))) if other_kernel && why.contains("this kernel has") => {
                    Verdict::OtherKernel(why.clone())
                }
                (Err(why), Some(Ok(_))) => Verdict::OnlyLibbpf(why.clone()),
                (Err(ours), Some(Err(libbpf))) => {
                    Verdict::Neither { ours: ours.clone(), libbpf: libbpf.clone() }
                }
                (Err(ours), None) => {
                    Verdict::Neither { ours: ours.clone(), libbpf: not_there.clone() }
                }
            };
            (own.name.clone(), verdict)
        })
        .collect()
}

fn unopened(why: &str, theirs: &Answer) -> Vec<(String, Verdict)> {
    match theirs {
        Ok(theirs) => {
            theirs.iter().map(|it| (it.name.clone(), Verdict::OnlyLibbpf(why.to_owned()))).collect()
        }
        Err(libbpf) => {
            let verdict = Verdict::Neither { ours: why.to_owned(), libbpf: libbpf.clone() };
            vec![("(the object)".to_owned(), verdict)]
        }
    }
}

/// Compares two linked programs.
fn verdict(own: &LinkedProgram, their: &Relocated, other_kernel: bool) -> Verdict {
    let counts = (own.instructions.len(), their.instructions.len());
    if counts.0 != counts.1 {
        let how = format!("{} instructions, libbpf has {}", counts.0, counts.1);
        return Verdict::Different(how);
    }
    let referents: HashMap<usize, &Referent> =
        own.references.iter().map(|it| (it.instruction, &it.to)).collect();
    let mut elsewhere = None;
    let mut index = 0;
    while index < counts.0 {
        let ours = own.instructions[index].encode();
        let theirs = their.instructions[index];
        let slots = if ours[0] == LOAD_64 { 2 } else { 1 };
        let same = match referents.get(&index) {
            Some(referent) => same_reference(own, their, index, referent, other_kernel),
            None => (index..index + slots).all(|slot| {
                let ours = own.instructions[slot].encode();
                ours == their.instructions[slot] || both_absent(ours, their.instructions[slot])
            }),
        };
        if !same && other_kernel && is_absent(ours) && is_kernel_symbol(theirs) {
            elsewhere.get_or_insert(index);
        } else if !same {
            let how = format!("instruction {index} is {}, libbpf's {}", hex(ours), hex(theirs));
            return Verdict::Different(how);
        }
        index += slots;
    }
    match elsewhere {
        Some(index) => Verdict::ElsewhereOnly(format!(
            "instruction {index} is for a symbol that this kernel hasn't got"
        )),
        None => Verdict::Equal,
    }
}

/// Whether both refer to the same map, variable or function.
fn same_reference(
    own: &LinkedProgram,
    their: &Relocated,
    index: usize,
    referent: &Referent,
    other_kernel: bool,
) -> bool {
    let ours = own.instructions[index].encode();
    let theirs = their.instructions[index];
    let second = |slot: &[[u8; 8]]| slot.get(index + 1).map(|slot| immediate(*slot));
    let same_registers = ours[..4] == theirs[..4];
    let (name, source, offset) = match referent {
        Referent::KernelFunction { .. } | Referent::KernelAddress { .. } => {
            return same_registers && (other_kernel || ours == theirs);
        }
        Referent::Map(name) => (name, MAP, 0),
        Referent::Data { section, offset } => (section, MAP_VALUE, offset.cast_signed()),
    };
    let unmade = immediate(theirs) - UNMADE_MAP;
    if theirs[0] == 0x85 && second(&their.instructions) == Some(immediate(theirs)) {
        return their.unmade.get(&unmade).is_some_and(|map| is_map(map, name));
    }
    same_registers
        && theirs[1] >> 4 == source
        && their.maps.get(&immediate(theirs)).is_some_and(|map| is_map(map, name))
        && second(&their.instructions) == Some(offset)
}

/// Whether both have made a call of a missing kernel function one that must not be reached.
fn both_absent(ours: [u8; 8], theirs: [u8; 8]) -> bool {
    immediate(ours) == POISON
        && ours[0] == 0x85
        && theirs == [0x85, KERNEL_FUNCTION << 4, 0, 0, 0, 0, 0, 0]
}

/// A load of 0, or a call that must not be reached.
fn is_absent(instruction: [u8; 8]) -> bool {
    match instruction[0] {
        LOAD_64 => instruction[1] >> 4 == 0 && immediate(instruction) == 0,
        code => code == 0x85 && immediate(instruction) == POISON,
    }
}

/// An address or a call of something in the kernel's BTF.
fn is_kernel_symbol(instruction: [u8; 8]) -> bool {
    let source = instruction[1] >> 4;
    match instruction[0] {
        LOAD_64 => source == KERNEL_TYPE,
        code => code == 0x85 && source == KERNEL_FUNCTION,
    }
}

/// Whether libbpf's name of a map stands for ours. Of a section of variables it puts a part of the
/// object's name in front of the section's.
fn is_map(theirs: &str, ours: &str) -> bool {
    let cut = &ours[..ours.len().min(MAX_MAP_NAME)];
    let section = ours.starts_with('.');
    theirs == ours || section && (theirs.ends_with(ours) || theirs.ends_with(cut))
}

fn immediate(instruction: [u8; 8]) -> i32 {
    let [.., a, b, c, d] = instruction;
    i32::from_le_bytes([a, b, c, d])
}

fn hex(instruction: [u8; 8]) -> String {
    instruction.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::is_map;

    #[test]
    fn sections_are_known_by_their_end() {
        assert!(is_map("rps.rodata", ".rodata"));
        assert!(is_map(".data.tags", ".data.tags"));
        assert!(is_map(".rodata.a_long_", ".rodata.a_long_name"));
        assert!(is_map("counts", "counts"));
        assert!(!is_map("my_counts", "counts"));
        assert!(!is_map("rps.data", ".rodata"));
    }
}
