//! The verifier's log, and the few lines of it that a person needs.

/// What the verifier said about a program that it refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierLog(String);

impl VerifierLog {
    /// Wraps a log as the kernel wrote it; `None` if it is empty.
    pub fn new(text: impl Into<String>) -> Option<VerifierLog> {
        let text = text.into();
        (!text.trim().is_empty()).then_some(VerifierLog(text))
    }

    /// The whole log.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The last line that says something: not the statistics, not an instruction, not a state.
    pub fn telling_line(&self) -> Option<&str> {
        let mut lines = self.content_lines();
        lines.rfind(|line| !is_noise(line))
    }

    /// The last line of C source before the telling one, where the object has line information.
    pub fn source_line(&self) -> Option<&str> {
        let mut lines = self.content_lines();
        lines.rfind(|line| line.starts_with(';'))
    }

    /// Whether the log ends as it does for a program that the verifier accepts: a refusal after that
    /// comes from a later check.
    pub fn ends_normally(&self) -> bool {
        self.telling_line().is_none_or(|line| {
            line.starts_with("verification time") || line.starts_with("stack depth")
        }) && self.0.contains("processed ")
    }

    /// The source line, the telling line and how many others there are.
    pub fn digest(&self) -> String {
        let shown: Vec<&str> = [self.source_line(), self.telling_line()]
            .into_iter()
            .flatten()
            .collect();
        let total = self.content_lines().count();
        let omitted = total.saturating_sub(shown.len());
        let mut text = shown.join("\n");
        if omitted > 0 {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&format!(
                "({omitted} line{} omitted)",
                if omitted == 1 { "" } else { "s" }
            ));
        }
        text
    }

    fn content_lines(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0
            .lines()
            .map(str::trim_end)
            .filter(|line| !line.is_empty())
    }
}

/// Whether a line tells about the verifier's progress rather than about a refusal.
fn is_noise(line: &str) -> bool {
    const PREFIXES: [&str; 11] = [
        ";",
        "processed ",
        "verification time",
        "stack depth",
        "max_states",
        "mark_precise",
        "last_idx",
        "regs=",
        "parent ",
        "from ",
        "func#",
    ];
    PREFIXES.iter().any(|prefix| line.starts_with(prefix)) || is_instruction(line) || is_state(line)
}

/// `12: (85) call bpf_tail_call#12`: an instruction's number, then its opcode in parentheses.
fn is_instruction(line: &str) -> bool {
    line.split_once(": ")
        .is_some_and(|(index, rest)| index.parse::<u32>().is_ok() && rest.starts_with(['(', 'R']))
}

/// `R1_w=scalar() R10=fp0`, or the same behind a number.
fn is_state(line: &str) -> bool {
    let mut parts = line.split_whitespace();
    parts.next().is_some_and(|word| {
        word.strip_prefix('R')
            .and_then(|rest| rest.chars().next())
            .is_some_and(|c| c.is_ascii_digit())
            && word.contains('=')
    })
}
