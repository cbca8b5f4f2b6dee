//! Names that the running kernel knows, to suggest where a name is wrong.

use std::fs;
use std::path::Path;

use strsim::levenshtein;

use crate::kernel::mounts;

/// How many names a suggestion lists.
const SUGGESTIONS: usize = 3;

/// What to say about a function that can't be attached to: near names, or why a name that is there
/// can't be used.
pub fn near_functions(name: &str) -> Vec<String> {
    let Ok(symbols) = fs::read_to_string("/proc/kallsyms") else {
        return Vec::new();
    };
    function_hints(name, &symbols)
}

/// `symbols` is the text of /proc/kallsyms: address, type, name, and `[module]`.
fn function_hints(name: &str, symbols: &str) -> Vec<String> {
    let functions: Vec<&str> = symbols
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            let kind = words.next()?;
            let symbol = words.next()?;
            matches!(kind, "t" | "T" | "w" | "W").then_some(symbol)
        })
        .collect();
    if functions.contains(&name) {
        return vec![format!(
            "{name} is in /proc/kallsyms, but the kernel doesn't let it be traced this way: it may \
             be marked notrace, or have no type information"
        )];
    }
    let prefix = format!("{name}.");
    let parts: Vec<&str> =
        functions.iter().copied().filter(|symbol| symbol.starts_with(&prefix)).collect();
    if !parts.is_empty() {
        return vec![format!("the compiler split or inlined it: there is {}", parts.join(", "))];
    }
    near(name, functions.into_iter())
        .into_iter()
        .chain(["no such function is there to be traced: it may be inlined, or in a module that is not loaded".to_owned()])
        .collect()
}

/// Near names of tracepoints, for raw and BTF tracepoints.
pub fn near_tracepoints(name: &str) -> Vec<String> {
    if let Some((_, base)) = name.split_once('/') {
        return vec![format!("a raw tracepoint is named without its category: {base}")];
    }
    let Ok(types) = fs::read("/sys/kernel/btf/vmlinux") else {
        return Vec::new();
    };
    // The kernel has a type `btf_trace_NAME` for each tracepoint; its names lie in one table of
    // NUL-terminated strings.
    let names = types
        .split(|byte| *byte == 0)
        .filter_map(|text| std::str::from_utf8(text).ok()?.strip_prefix("btf_trace_"));
    near(name, names)
}

/// Near names of formatted tracepoints, `category/name`.
pub fn near_events(target: &str) -> Vec<String> {
    let events = Path::new(mounts::TRACEFS).join("events");
    let Some((category, name)) = target.split_once('/') else {
        return vec!["a tracepoint is named CATEGORY/NAME".to_owned()];
    };
    let directory = events.join(category);
    let (looked_in, wanted, prefix) = if directory.is_dir() {
        (directory, name, format!("{category}/"))
    } else {
        (events, category, String::new())
    };
    let names: Vec<String> = fs::read_dir(looked_in)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    near(wanted, names.iter().map(String::as_str))
        .into_iter()
        .map(|hint| {
            if prefix.is_empty() {
                hint.replace("did you mean", "did you mean the category")
            } else {
                hint.replace("did you mean ", &format!("did you mean {prefix}"))
            }
        })
        .collect()
}

/// `did you mean …?` with the nearest names, if any is near enough.
fn near<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let reach = (name.len() / 4).max(1);
    let mut candidates: Vec<(usize, &str)> = names
        .filter(|other| other.len().abs_diff(name.len()) <= reach)
        .map(|other| (levenshtein(name, other), other))
        .filter(|(distance, _)| *distance <= reach)
        .collect();
    candidates.sort_unstable();
    candidates.dedup();
    let names: Vec<&str> = candidates.into_iter().take(SUGGESTIONS).map(|(_, name)| name).collect();
    if names.is_empty() {
        return Vec::new();
    }
    vec![format!("did you mean {}?", names.join(" or "))]
}

#[cfg(test)]
mod tests {
    use super::function_hints;

    const SYMBOLS: &str = "\
ffffffff81000000 T get_rps_cpu
ffffffff81000010 t get_rps_cpus_helper
ffffffff81000020 t netif_rx_internal.part.0
ffffffff81000030 d get_rps_cpv
ffffffff81000040 T schedule\t[sched]
";

    #[test]
    fn a_misspelt_function_has_near_names() {
        let hints = function_hints("get_rps_cpuu", SYMBOLS);
        assert_eq!(hints[0], "did you mean get_rps_cpu?");
    }

    #[test]
    fn a_split_function_is_named_with_its_parts() {
        let hints = function_hints("netif_rx_internal", SYMBOLS);
        assert_eq!(hints, ["the compiler split or inlined it: there is netif_rx_internal.part.0"]);
    }

    #[test]
    fn a_function_that_exists_is_not_called_missing() {
        let hints = function_hints("schedule", SYMBOLS);
        assert!(hints[0].starts_with("schedule is in /proc/kallsyms"), "{hints:?}");
    }
}
