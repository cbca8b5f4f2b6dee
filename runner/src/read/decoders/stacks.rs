//! Functions by address, and stacks: those of the kernel and those of processes. The only user of
//! blazesym.

use std::collections::HashMap;
use std::fmt;

use blazesym::MaybeDefault;
use blazesym::symbolize::source::{Kernel, Process, Source};
use blazesym::symbolize::{Input, Symbolized, Symbolizer};
use nix::errno::Errno;

use crate::btf::Layout;
use crate::read::decoders::{Field, Lookups, is_integer};
use crate::read::value::Value;

/// Finds the addresses of a stack trace by its id, in the probe's maps of stack traces.
pub type StackSource = Box<dyn FnMut(u32) -> Option<Vec<u64>>>;

/// Names of addresses, remembered.
#[derive(Default)]
pub(super) struct Symbols {
    symbolizer: Option<Symbolizer>,
    kernel: HashMap<u64, String>,
    processes: HashMap<(u32, u64), String>,
    /// Where ids of stack traces are looked up.
    pub stacks: Option<StackSource>,
}

impl fmt::Debug for Symbols {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Symbols").finish_non_exhaustive()
    }
}

/// Whose addresses they are.
#[derive(Clone, Copy)]
enum Whose {
    Kernel,
    Process(u32),
}

/// An address, or a number as large as one.
pub(super) fn is_address(layout: &Layout) -> bool {
    matches!(layout, Layout::Pointer) || is_integer(layout) && layout.size() == 8
}

/// Addresses one behind the other, or the number of a stack trace.
pub(super) fn is_stack(layout: &Layout) -> bool {
    match layout {
        Layout::Array { element, .. } => is_address(element),
        _ => is_integer(layout) && matches!(layout.size(), 4 | 8),
    }
}

/// A function of the kernel: `name+0x1c`, or the address where nobody knows it.
pub(super) fn function(field: Field<'_>, lookups: &mut Lookups) -> Option<Value> {
    let address = u64::try_from(field.number()?).ok()?;
    lookups.symbols.names(Whose::Kernel, &[address]).pop().map(Value::Text)
}

/// Calls in the kernel.
pub(super) fn of_kernel(field: Field<'_>, lookups: &mut Lookups) -> Option<Value> {
    stack(field, Whose::Kernel, &mut lookups.symbols)
}

/// Calls in the process that the row is about.
pub(super) fn of_process(field: Field<'_>, lookups: &mut Lookups) -> Option<Value> {
    stack(field, Whose::Process(field.process?), &mut lookups.symbols)
}

/// The calls of a stack, innermost first; in their place, why there are none.
fn stack(field: Field<'_>, whose: Whose, symbols: &mut Symbols) -> Option<Value> {
    let addresses: Vec<u64> = match field.layout {
        Layout::Array { .. } => field
            .bytes
            .chunks_exact(8)
            .filter_map(|bytes| bytes.try_into().ok())
            .map(u64::from_le_bytes)
            .collect(),
        _ => {
            let id = field.number()?;
            if let Some(error) = error_in(id) {
                return Some(Value::List(vec![Value::Text(no_stack(error)?)]));
            }
            symbols.stacks.as_mut()?(u32::try_from(id).ok()?)?
        }
    };
    let end = addresses.iter().position(|&address| address == 0).unwrap_or(addresses.len());
    let names = symbols.names(whose, &addresses[..end]);
    Some(Value::List(names.into_iter().map(Value::Text).collect()))
}

/// The error that `bpf_get_stackid` returned in an id's place. It is a negative number, which fields
/// hold with a sign or without, and wide ones also after it went through 32 bits without one.
fn error_in(id: i128) -> Option<Errno> {
    let signed = match u32::try_from(id) {
        Ok(low) => low.cast_signed(),
        // Only the lowest 64 bits are a field's, so nothing is lost that was there.
        Err(_) => i32::try_from(id as i64).ok()?,
    };
    (signed < 0).then(|| Errno::from_raw(signed.saturating_neg()))
}

/// Why a stack wasn't kept (`bpf_get_stackid`, kernel/bpf/stackmap.c), as short as a table needs it;
/// `None` for what is no error's number.
fn no_stack(error: Errno) -> Option<String> {
    let reason = match error {
        Errno::EEXIST => "another has its place",
        Errno::ENOMEM => "the map has no room",
        Errno::EFAULT => "nothing to walk",
        Errno::UnknownErrno => return None,
        _ => return Some(format!("[no stack: {error:?}]")),
    };
    Some(format!("[no stack: {reason} ({error:?})]"))
}

impl Symbols {
    fn names(&mut self, whose: Whose, addresses: &[u64]) -> Vec<String> {
        let unknown: Vec<u64> = addresses
            .iter()
            .copied()
            .filter(|&address| self.known(whose, address).is_none())
            .collect();
        if !unknown.is_empty() {
            let found = self.ask(whose, &unknown);
            for (address, name) in unknown.into_iter().zip(found) {
                match whose {
                    Whose::Kernel => self.kernel.insert(address, name),
                    Whose::Process(process) => self.processes.insert((process, address), name),
                };
            }
        }
        let name = |&address: &u64| self.known(whose, address).cloned().unwrap_or_default();
        addresses.iter().map(name).collect()
    }

    fn known(&self, whose: Whose, address: u64) -> Option<&String> {
        match whose {
            Whose::Kernel => self.kernel.get(&address),
            Whose::Process(process) => self.processes.get(&(process, address)),
        }
    }

    fn ask(&mut self, whose: Whose, addresses: &[u64]) -> Vec<String> {
        let symbolizer = self.symbolizer.get_or_insert_with(|| {
            Symbolizer::builder().enable_code_info(false).enable_inlined_fns(false).build()
        });
        let source = match whose {
            // A kernel's own list of symbols is always the right one; a vmlinux that lies about may not be.
            Whose::Kernel => Source::Kernel(Kernel {
                vmlinux: MaybeDefault::None,
                debug_syms: false,
                ..Kernel::default()
            }),
            Whose::Process(process) => {
                Source::Process(Process { debug_syms: false, ..Process::new(process.into()) })
            }
        };
        let found = symbolizer.symbolize(&source, Input::AbsAddr(addresses)).unwrap_or_default();
        let mut found = found.into_iter();
        addresses
            .iter()
            .map(|address| match found.next() {
                Some(Symbolized::Sym(symbol)) if symbol.offset == 0 => symbol.name.into_owned(),
                Some(Symbolized::Sym(symbol)) => format!("{}+{:#x}", symbol.name, symbol.offset),
                _ => format!("{address:#x}"),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::btf::Layout;
    use crate::desired::Decoder;
    use crate::read::Value;
    use crate::read::decoders::{Context, Lookups, apply, fits};
    use crate::read::sample::{array, signed, unsigned};

    fn shown(
        decoder: &Decoder,
        layout: &Layout,
        bytes: &[u8],
        lookups: &mut Lookups,
    ) -> Option<Value> {
        fits(decoder, layout).expect("the decoder fits");
        let context = Context { process: Some(std::process::id()) };
        apply(decoder, layout, bytes, context, lookups)
    }

    fn texts(value: Option<Value>) -> Vec<String> {
        let Some(Value::List(values)) = value else { panic!("not a list: {value:?}") };
        let text = |value| match value {
            Value::Text(text) => text,
            other => panic!("not text: {other:?}"),
        };
        values.into_iter().map(text).collect()
    }

    /// The address of a function of the kernel, where this process may see it.
    fn of_the_kernel(name: &str) -> Option<u64> {
        let symbols = std::fs::read_to_string("/proc/kallsyms").ok()?;
        let line = symbols.lines().find(|line| line.ends_with(&format!(" {name}")))?;
        let address = u64::from_str_radix(line.split(' ').next()?, 16).ok()?;
        (address != 0).then_some(address)
    }

    #[test]
    fn functions_of_the_kernel_have_their_names() {
        let mut lookups = Lookups::default();
        // Without privileges all addresses are 0.
        let Some(address) = of_the_kernel("vfs_read") else { return };
        let bytes = address.to_le_bytes();
        assert_eq!(
            shown(&Decoder::Ksym, &unsigned(8), &bytes, &mut lookups),
            Some(Value::Text("vfs_read".into()))
        );
        let stack = [(address + 4).to_le_bytes(), address.to_le_bytes(), [0; 8]].concat();
        let calls = texts(shown(&Decoder::Kstack, &array(unsigned(8), 3), &stack, &mut lookups));
        assert_eq!(calls, ["vfs_read+0x4", "vfs_read"]);
    }

    #[test]
    fn functions_of_a_process_have_their_names_and_ids_are_looked_up() {
        let address =
            functions_of_a_process_have_their_names_and_ids_are_looked_up as *const () as u64;
        let mut lookups = Lookups::default();
        lookups.set_stacks(Box::new(move |id| (id == 7).then(|| vec![address + 1, address])));
        let calls =
            texts(shown(&Decoder::Ustack, &unsigned(4), &7_u32.to_le_bytes(), &mut lookups));
        assert_eq!(calls.len(), 2);
        assert!(calls[1].contains("functions_of_a_process"), "{calls:?}");
        assert!(calls[0].ends_with("+0x1"), "{calls:?}");
        // An id that is gone.
        let gone = shown(&Decoder::Ustack, &unsigned(4), &8_u32.to_le_bytes(), &mut lookups);
        assert_eq!(gone, None);
    }

    #[test]
    fn an_error_in_an_ids_place_says_why_there_is_no_stack() {
        let mut lookups = Lookups::default();
        // An id is looked up, an error never is.
        lookups.set_stacks(Box::new(|id| panic!("{id:#x} is looked up")));
        for (number, words) in [
            (-17, "[no stack: another has its place (EEXIST)]"),
            (-12, "[no stack: the map has no room (ENOMEM)]"),
            (-14, "[no stack: nothing to walk (EFAULT)]"),
            (-22, "[no stack: EINVAL]"),
        ] {
            let narrow = i32::to_le_bytes(number).to_vec();
            let wide = i64::from(number).to_le_bytes().to_vec();
            let widened = u64::from(number.cast_unsigned()).to_le_bytes().to_vec();
            for (layout, bytes) in [
                (unsigned(4), &narrow),
                (signed(4), &narrow),
                (unsigned(8), &wide),
                (signed(8), &wide),
                (unsigned(8), &widened),
                (signed(8), &widened),
            ] {
                for decoder in [Decoder::Kstack, Decoder::Ustack] {
                    let why = shown(&decoder, &layout, bytes, &mut lookups);
                    assert_eq!(texts(why), [words], "{layout:?}");
                }
            }
        }
        // No error has this number, so what is there is shown.
        let bytes = 0x8000_0000_u32.to_le_bytes();
        assert_eq!(shown(&Decoder::Kstack, &unsigned(4), &bytes, &mut lookups), None);
    }
}
