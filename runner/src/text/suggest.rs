//! "Did you mean": the nearest of the names there are.

/// Bytes of a name that is compared.
const LONGEST: usize = 128;

/// The name that is near enough to have been meant.
///
/// Near means a third of the longer name's letters may differ (insertions, deletions, exchanges
/// and swaps of neighbours count one each); a name that only extends the wanted one is near too.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The distance costs the product of the lengths, and nobody misspells so much.
    if wanted.len() > LONGEST {
        return None;
    }
    names
        .into_iter()
        .filter(|name| name.len() <= LONGEST)
        .filter_map(|name| {
            let distance = strsim::damerau_levenshtein(wanted, name);
            let allowed = wanted.len().max(name.len()).div_ceil(3);
            (distance <= allowed).then_some((distance, name))
        })
        .min()
        .map(|(_, name)| name)
}

/// `` `a`, `b` and `c` ``; "none" for no names; the first `most` and a count where there are more.
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    if names.len() > most {
        return format!("{} and {} more", names[..most].join(", "), names.len() - most);
    }
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{listed, nearest};

    #[test]
    fn the_nearest_name_wins_and_far_ones_are_silent() {
        assert_eq!(nearest("dispach", ["dispatch", "timer", "exec"]), Some("dispatch"));
        assert_eq!(nearest("tiemr", ["timer", "time"]), Some("timer"));
        assert_eq!(nearest("zebra", ["dispatch", "timer"]), None);
    }

    #[test]
    fn lists_read_like_a_sentence() {
        assert_eq!(listed([], 3), "none");
        assert_eq!(listed(["a"], 3), "`a`");
        assert_eq!(listed(["a", "b", "c"], 3), "`a`, `b` and `c`");
        assert_eq!(listed(["a", "b", "c", "d"], 3), "`a`, `b`, `c` and 1 more");
    }
}
