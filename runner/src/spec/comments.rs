//! A probe file's comments. The only user of granit-parser, the scanner under serde-saphyr, which
//! itself drops them.

use crate::text::source::{At, Source, Span};
use granit_parser::{Event, Parser, Placement};

/// A comment and what it stands beside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// What follows the `#`, and where: from the `#` to the end of the line.
    pub text: At<String>,
    /// The lines that it is about, counted from 1, both included: its own where something stands
    /// before it, else those to the next line that holds something.
    pub lines: (usize, usize),
}

/// The comments of a file, in its order; of a text that is not YAML those before the mistake.
pub fn read(source: &Source) -> Vec<Comment> {
    let options = granit_parser::options! {
        max_buffered_comment_events: usize::MAX,
    };
    // Most files have few comments: whoever has none is not parsed again.
    if !source.text.contains('#') {
        return Vec::new();
    }
    let next_content = next_content(&source.text);
    let mut comments: Vec<Comment> = Vec::new();
    for event in Parser::new_from_str_with_options(&source.text, options) {
        let Ok((event, span)) = event else { break };
        let Event::Comment(text, placement) = event else { continue };
        let Some(range) = span.byte_range() else { continue };
        let line = span.start.line();
        let last = match placement {
            Placement::Right => line,
            _ => next_content.get(line).copied().unwrap_or(line),
        };
        let span = Span { start: range.start, end: range.end };
        comments.push(Comment { text: At::new(text.into_owned(), span), lines: (line, last) });
    }
    comments
}

/// For each line, counted from 1, the next line after it that is neither blank nor a comment; the one
/// behind the last line if there is none. For all lines at once: there may be nothing but comments.
fn next_content(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let mut next = vec![lines.len() + 1; lines.len() + 1];
    for line in (1..lines.len()).rev() {
        let after = lines[line].trim_start();
        let holds_nothing = after.is_empty() || after.starts_with('#');
        next[line] = if holds_nothing { next[line + 1] } else { line + 1 };
    }
    next
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::text::source::Source;

    fn comments(text: &str) -> Vec<(String, (usize, usize))> {
        let source = Source { path: "x.yaml".into(), text: text.into() };
        read(&source)
            .into_iter()
            .map(|comment| (comment.text.value.trim().to_owned(), comment.lines))
            .collect()
    }

    #[test]
    fn comments_are_about_a_line() {
        let text = "# head\n# more\n\na: 1 # beside\nb:\n  # above\n  c: 2\n# end\n";
        let wanted = [
            ("head", (1, 4)),
            ("more", (2, 4)),
            ("beside", (4, 4)),
            ("above", (6, 7)),
            ("end", (8, 9)),
        ];
        assert_eq!(comments(text), wanted.map(|(text, lines)| (text.to_owned(), lines)));
    }

    #[test]
    fn what_looks_like_a_comment_in_text_is_none() {
        let text = "a: \"x # y\"\nb: 'x # y'\nc: |\n  # y\nd: >-\n  x\n  # y\ne: x#y\nf: x # z\ng: \"x\n  # y\"\n";
        assert_eq!(comments(text), [("z".to_owned(), (9, 9))]);
    }

    #[test]
    fn a_broken_text_ends_the_comments() {
        assert_eq!(comments("a: 1 # one\nb: [\n"), [("one".to_owned(), (1, 1))]);
        assert_eq!(comments(""), []);
    }
}
