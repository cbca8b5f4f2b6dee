//! What this kernel and these privileges allow, found out by trying.

/// One thing that `doctor` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its name: `kprobes`, `ring buffers`, ….
    pub name: &'static str,
    /// Whether it is there.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// How to get it, where it is missing and can be had.
    pub next_step: Option<String>,
}

/// Tries everything; nothing of it is left behind.
pub fn probe() -> Vec<Feature> {
    Vec::new()
}
