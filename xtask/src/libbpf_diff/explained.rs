//! What is linked by only one of the two for a known reason. Whatever isn't here fails the run.

/// A program that libbpf refuses and we link.
struct Explained {
    /// The object's file name.
    object: &'static str,
    program: &'static str,
    /// What libbpf says contains this.
    libbpf: &'static str,
    /// Why we are right to link it.
    reason: &'static str,
}

const LINKED_BY_US_ALONE: [Explained; 1] = [Explained {
    object: "externs-missing.bpf.o",
    program: "fine",
    libbpf: "CONFIG_HZ",
    reason: "libbpf reads the options of all programs, and one of a program that isn't used has the wrong type",
}];

/// Why we link a program that libbpf refuses, where that is known.
pub fn linked_by_us_alone(object: &str, program: &str, libbpf: &str) -> Option<&'static str> {
    LINKED_BY_US_ALONE
        .iter()
        .find(|it| it.object == object && it.program == program && libbpf.contains(it.libbpf))
        .map(|it| it.reason)
}
