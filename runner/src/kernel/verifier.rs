//! The verifier's log, and the few lines of it that a person needs.

/// What the verifier said about a program that it refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierLog(Box<str>);

impl VerifierLog {
    /// Wraps a log as the kernel wrote it; `None` if it is empty.
    pub fn new(text: impl Into<Box<str>>) -> Option<VerifierLog> {
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

    /// Whether the log is that of a program that the verifier accepts: a refusal after that comes
    /// from a later check.
    pub fn ends_normally(&self) -> bool {
        self.telling_line().is_none() && self.0.contains("processed ")
    }

    /// The source line, the telling line and how many others there are; empty if no line tells
    /// anything.
    pub fn digest(&self) -> String {
        let Some(telling) = self.telling_line() else {
            return String::new();
        };
        let shown: Vec<&str> = self.source_line().into_iter().chain([telling]).collect();
        let total = self.content_lines().count();
        let omitted = total.saturating_sub(shown.len());
        let mut text = shown.join("\n");
        if omitted > 0 {
            text.push_str(&format!(
                "\n({omitted} line{} omitted)",
                if omitted == 1 { "" } else { "s" }
            ));
        }
        text
    }

    fn content_lines(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.lines().map(str::trim_end).filter(|line| !line.is_empty())
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

#[cfg(test)]
mod tests {
    use super::VerifierLog;

    /// Of Linux 6.18: a map value used without a check.
    const UNCHECKED: &str = "\
arg#0 reference type('UNKNOWN ') size cannot be determined: -22
0: R1=ctx() R10=fp0
; u64 *v = lookup(&counts, &k); @ bad.bpf.c:9
0: (b7) r1 = 0                        ; R1=0
1: (63) *(u32 *)(r10 -4) = r1         ; R1=0 R10=fp0 fp-8=0000????
2: (bf) r2 = r10                      ; R2=fp0 R10=fp0
3: (07) r2 += -4                      ; R2=fp-4
4: (18) r1 = 0xffff888104357c00       ; R1=map_ptr(map=counts,ks=4,vs=8)
6: (85) call bpf_map_lookup_elem#1    ; R0=map_value_or_null(id=1,map=counts,ks=4,vs=8)
; *v += 1; @ bad.bpf.c:10
7: (79) r1 = *(u64 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
verification time 48 usec
stack depth 8
processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
";

    /// Of Linux 6.18: a program whose PROG_ARRAY belongs to programs of another type.
    const MISMATCH: &str = "\
verification time 37 usec
stack depth 0
processed 5 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
";

    #[test]
    fn a_refusal_is_told_in_three_lines() {
        let log = VerifierLog::new(UNCHECKED).expect("it is not empty");
        assert!(!log.ends_normally());
        assert_eq!(
            log.digest(),
            "; *v += 1; @ bad.bpf.c:10\n\
             R0 invalid mem access 'map_value_or_null'\n\
             (13 lines omitted)"
        );
    }

    #[test]
    fn a_refusal_after_the_verifier_is_recognised() {
        let log = VerifierLog::new(MISMATCH).expect("it is not empty");
        assert!(log.ends_normally());
        assert_eq!(log.digest(), "");
    }

    #[test]
    fn an_empty_log_is_none() {
        assert_eq!(VerifierLog::new(" \n"), None);
    }
}
