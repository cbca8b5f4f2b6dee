//! The long text of each code: its section of `docs/diagnostics.md`, which is built in.

use crate::text::codes::Code;

/// The page that users read, and where the texts are written.
const PAGE: &str = include_str!("../../../docs/diagnostics.md");

/// What a code means, an example that is wrong and one that is right, and why: Markdown, without the
/// heading. None if nobody has written it yet, which a test forbids.
pub fn text(code: Code) -> Option<&'static str> {
    sections().find(|(name, _)| *name == code.name()).map(|(_, text)| text)
}

/// The sections of the page: heading and text.
fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAGE.split("\n## ").skip(1).map(|section| {
        let (name, text) = section.split_once('\n').unwrap_or((section, ""));
        (name.trim(), text.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::{sections, text};
    use crate::text::codes::Code;

    #[test]
    fn every_code_is_explained() {
        let missing: Vec<&str> = Code::ALL
            .iter()
            .filter(|code| text(**code).is_none())
            .map(|code| code.name())
            .collect();
        assert!(
            missing.is_empty(),
            "docs/diagnostics.md has no section for {missing:?}. Write `## CODE` in alphabetical order, \
             then: the summary of codes.rs; a paragraph that says why it is a mistake (the kernel's \
             rule and where it is written) ; a whole file that shows it, in a block that begins with \
             ```yaml wrong; what to do; and the same file mended, in a block ```yaml right. \
             tests/explain.rs runs `check` on both."
        );
    }

    #[test]
    fn sections_begin_with_the_summary_and_are_sorted() {
        let names: Vec<&str> = sections().map(|(name, _)| name).collect();
        for (name, text) in sections() {
            let code = Code::ALL.iter().find(|code| code.name() == name);
            let code =
                code.unwrap_or_else(|| panic!("docs/diagnostics.md: there is no code `{name}`"));
            let summary = code.summary();
            assert!(
                text.starts_with(summary),
                "docs/diagnostics.md: `{name}` begins with: {summary}"
            );
        }
        assert!(names.is_sorted(), "docs/diagnostics.md: sections go by name: {names:?}");
    }
}
