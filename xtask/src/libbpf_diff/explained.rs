//! What is linked by only one of the two for a known reason. Whatever isn't here fails the run.

/// A program that libbpf refuses and we link.
struct Explained {
    /// The object's file name.
    object: &'static str,
    /// Its name; none for every program of an object that libbpf doesn't open.
    program: Option<&'static str>,
    /// What libbpf says contains this.
    libbpf: &'static str,
    /// Why we are right to link it.
    reason: &'static str,
}

const LINKED_BY_US_ALONE: [Explained; 2] = [
    Explained {
        object: "externs-missing.bpf.o",
        program: Some("fine"),
        libbpf: "CONFIG_HZ",
        reason: "libbpf reads the options of all programs, and one of a program that isn't used has the wrong type",
    },
    Explained {
        object: "on-kernels.bpf.o",
        program: None,
        libbpf: "extern 'undeclared'",
        reason: "libbpf doesn't open an object with a symbol that is declared nowhere; we refuse the program that uses it",
    },
];

/// Why we link a program that libbpf refuses, where that is known.
pub fn linked_by_us_alone(object: &str, program: &str, libbpf: &str) -> Option<&'static str> {
    LINKED_BY_US_ALONE
        .iter()
        .find(|it| {
            it.object == object
                && it.program.is_none_or(|name| name == program)
                && libbpf.contains(it.libbpf)
        })
        .map(|it| it.reason)
}
