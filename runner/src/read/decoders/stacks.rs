//! Functions by address, and stacks: those of the kernel and those of processes. The only user of
//! blazesym.

use std::collections::HashMap;
use std::fmt;

use blazesym::MaybeDefault;
use blazesym::symbolize::source::{Kernel, Process, Source};
use blazesym::symbolize::{Input, Symbolized, Symbolizer};

use crate::btf::Layout;
use crate::read::decode::decode;
use crate::read::decoders::is_integer;
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
pub(super) enum Whose {
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
pub(super) fn function(address: u64, symbols: &mut Symbols) -> Value {
    Value::Text(symbols.names(Whose::Kernel, &[address]).pop().unwrap_or_default())
}

/// The calls of a stack, innermost first. What the kernel couldn't walk has a negative id and no calls.
pub(super) fn stack(
    layout: &Layout,
    bytes: &[u8],
    whose: Whose,
    symbols: &mut Symbols,
) -> Option<Value> {
    let addresses: Vec<u64> = match layout {
        Layout::Array { .. } => bytes
            .chunks_exact(8)
            .filter_map(|bytes| bytes.try_into().ok())
            .map(u64::from_le_bytes)
            .collect(),
        _ => {
            let id = decode(layout, bytes)?.as_integer()?;
            // `bpf_get_stackid` returns errors as negative numbers, which fields often hold without a sign.
            let id = u32::try_from(id).ok().filter(|id| id.cast_signed() >= 0)?;
            symbols.stacks.as_mut()?(id)?
        }
    };
    let end = addresses.iter().position(|&address| address == 0).unwrap_or(addresses.len());
    let names = symbols.names(whose, &addresses[..end]);
    Some(Value::List(names.into_iter().map(Value::Text).collect()))
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
    use crate::read::sample::{array, unsigned};

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
        // An error of the helper, and an id that is gone.
        for id in [(-14_i32).cast_unsigned(), 8] {
            let bytes = id.to_le_bytes();
            assert_eq!(shown(&Decoder::Ustack, &unsigned(4), &bytes, &mut lookups), None);
        }
    }
}
