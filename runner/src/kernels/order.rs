//! The order in which kernels are listed.

use std::cmp::Ordering;

use super::Kernel;

/// Sorts by name, then by where they came from.
pub(super) fn sort(kernels: &mut [Kernel]) {
    kernels.sort_by(|a, b| by_version(&a.name, &b.name).then_with(|| a.origin.cmp(&b.origin)));
}

/// Compares names as people do: numbers in them by their value, so that 6.9 comes before 6.12.
fn by_version(a: &str, b: &str) -> Ordering {
    let (mut rest_a, mut rest_b) = (a, b);
    loop {
        let (part_a, part_b) = (part(&mut rest_a), part(&mut rest_b));
        let order = match (number(part_a), number(part_b)) {
            (Some(a), Some(b)) => (a.len(), a).cmp(&(b.len(), b)),
            _ => part_a.cmp(part_b),
        };
        if order != Ordering::Equal || part_a.is_empty() {
            // Names that differ in leading zeros alone are different names.
            return order.then_with(|| a.cmp(b));
        }
    }
}

/// Takes the digits that a text begins with, or what is before the next digit.
fn part<'t>(text: &mut &'t str) -> &'t str {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    let (part, rest) = text.split_at(end);
    *text = rest;
    part
}

/// The digits that count.
fn number(part: &str) -> Option<&str> {
    let is_number = part.starts_with(|c: char| c.is_ascii_digit());
    is_number.then(|| part.trim_start_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::by_version;

    #[test]
    fn kernels_are_listed_from_old_to_new() {
        let mut names = vec![
            "6.12.117+deb12-cloud-amd64",
            "web-10.btf",
            "5.10.0-32-cloud-amd64",
            "6.1.0-56",
            "web-9.btf",
            "6.9.0",
            "6.01.0-56",
            "6.1",
            "",
            "7.3.4+deb13",
        ];
        names.sort_by(|a, b| by_version(a, b));
        assert_eq!(
            names,
            [
                "",
                "5.10.0-32-cloud-amd64",
                "6.1",
                "6.01.0-56",
                "6.1.0-56",
                "6.9.0",
                "6.12.117+deb12-cloud-amd64",
                "7.3.4+deb13",
                "web-9.btf",
                "web-10.btf",
            ]
        );
    }
}
