//! Options of the kernel's configuration as variables of a program.

use super::error::Problem;
use super::request::KernelFacts;
use crate::btf::{Btf, Shape, TypeId, size_of};

/// How libbpf's headers call an option's type that may be `m`.
const TRISTATE: &str = "libbpf_tristate";
/// Options longer than this are not text of a configuration.
const MAX_SIZE: u32 = 4096;

/// An option's variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConfigVariable {
    pub(super) ty: TypeId,
    /// Offset in the section, in bytes.
    pub(super) offset: u32,
    /// Size in bytes.
    pub(super) size: u32,
}

/// Gives each option a place: those with the strictest alignment first, of these the smallest, then
/// by name. Returns the size of all too.
pub(super) fn arrange<'b>(
    btf: &Btf,
    options: Vec<(&'b str, TypeId)>,
) -> (Vec<(&'b str, ConfigVariable)>, u32) {
    let mut options: Vec<(u32, u32, &str, TypeId)> = options
        .into_iter()
        .map(|(name, ty)| (alignment(btf, ty), size_of(btf, ty).min(MAX_SIZE), name, ty))
        .collect();
    options.sort_by_key(|&(alignment, size, name, _)| (u32::MAX - alignment, size, name));
    let mut end = 0u32;
    let mut arranged = Vec::with_capacity(options.len());
    for (alignment, size, name, ty) in options {
        let offset = end.next_multiple_of(alignment);
        arranged.push((name, ConfigVariable { ty, offset, size }));
        end = offset.saturating_add(size);
    }
    (arranged, end)
}

fn alignment(btf: &Btf, ty: TypeId) -> u32 {
    let mut ty = ty;
    for _ in 0..8 {
        match btf.ty(ty).behind_aliases().shape() {
            Shape::Int(int) if int.size.is_power_of_two() => return int.size.min(8),
            Shape::Enum(enumeration) if enumeration.size.is_power_of_two() => {
                return enumeration.size.min(8);
            }
            Shape::Array(array) => ty = array.element,
            _ => return 1,
        }
    }
    1
}

/// The bytes of an option; `None` if the kernel doesn't say.
pub(super) fn value(
    btf: &Btf,
    name: &str,
    variable: ConfigVariable,
    facts: &KernelFacts,
) -> Result<Option<Vec<u8>>, Problem> {
    let problem = |what: String| Problem::Config { name: name.to_owned(), what };
    let fact = match name {
        "LINUX_KERNEL_VERSION" => Some(u64::from(facts.version)),
        "LINUX_HAS_BPF_COOKIE" => Some(facts.has_cookies.into()),
        "LINUX_HAS_SYSCALL_WRAPPER" => Some(facts.has_syscall_wrapper.into()),
        _ => None,
    };
    if let Some(number) = fact {
        let shape = btf.ty(variable.ty).behind_aliases().shape();
        let Shape::Int(int) = shape else {
            return Err(problem("it must be a number".to_owned()));
        };
        return fit(number.into(), int.size, int.signed).map(Some).map_err(problem);
    }
    match facts.config.get(name) {
        Some(text) => encode(btf, variable, text).map(Some).map_err(problem),
        None => Ok(None),
    }
}

/// Turns an option's text into the bytes of its variable.
fn encode(btf: &Btf, variable: ConfigVariable, text: &str) -> Result<Vec<u8>, String> {
    let ty = btf.ty(variable.ty).behind_aliases();
    let refuse = |wanted| Err(format!("the kernel's value is {text}, which is not {wanted}"));
    match ty.shape() {
        Shape::Int(int) if int.bool => match text {
            "y" => Ok(vec![1]),
            "n" => Ok(vec![0]),
            _ => refuse("y or n; declare it as `enum libbpf_tristate`"),
        },
        Shape::Int(int) if int.size == 1 => match text {
            "y" | "m" | "n" => Ok(text.as_bytes().to_vec()),
            _ => refuse("y, m or n"),
        },
        Shape::Int(int) => match number(text) {
            Some(number) => fit(number, int.size, int.signed),
            None => refuse("a number"),
        },
        Shape::Enum(enumeration) if ty.name() == TRISTATE && enumeration.size == 4 => match text {
            "n" => Ok(vec![0, 0, 0, 0]),
            "y" => Ok(vec![1, 0, 0, 0]),
            "m" => Ok(vec![2, 0, 0, 0]),
            _ => refuse("y, m or n"),
        },
        Shape::Array(_) => match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
            Some(text) => {
                // The last byte stays 0.
                let room = (variable.size as usize).saturating_sub(1);
                let mut bytes = text.as_bytes()[..text.len().min(room)].to_vec();
                bytes.resize(variable.size as usize, 0);
                Ok(bytes)
            }
            None => refuse("text"),
        },
        _ => Err("declare it as a number, bool, char, char array or `enum libbpf_tristate`".into()),
    }
}

fn number(text: &str) -> Option<i128> {
    let (text, negative) = match text.strip_prefix('-') {
        Some(text) => (text, true),
        None => (text, false),
    };
    let magnitude = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok()?,
        None => text.parse().ok()?,
    };
    Some(if negative { -i128::from(magnitude) } else { magnitude.into() })
}

fn fit(number: i128, size: u32, signed: bool) -> Result<Vec<u8>, String> {
    if !matches!(size, 1 | 2 | 4 | 8) {
        return Err(format!("numbers of {size} bytes are not supported"));
    }
    let bits = size * 8;
    let (least, greatest) = match signed {
        true => (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1),
        false => (0, (1i128 << bits) - 1),
    };
    if !(least..=greatest).contains(&number) {
        return Err(format!("the kernel's value {number} doesn't fit into {size} bytes"));
    }
    Ok(number.to_le_bytes()[..size as usize].to_vec())
}

#[cfg(test)]
mod tests {
    use super::{fit, number};

    #[test]
    fn numbers_are_decimal_or_hexadecimal() {
        assert_eq!(number("250"), Some(250));
        assert_eq!(number("-1"), Some(-1));
        assert_eq!(number("0xffffffff81000000"), Some(0xffff_ffff_8100_0000));
        assert_eq!(number("y"), None);
        assert_eq!(number("\"250\""), None);
    }

    #[test]
    fn numbers_must_fit() {
        assert_eq!(fit(-2, 2, true), Ok(vec![0xfe, 0xff]));
        assert_eq!(fit(0xffff, 2, false), Ok(vec![0xff, 0xff]));
        assert!(fit(0x8000, 2, true).is_err());
        assert!(fit(-1, 8, false).is_err());
        assert!(fit(1, 3, false).is_err());
    }
}
