//! Probes that are applied, as the commands that name one need them.

use crate::kernel::observe;
use crate::live::Live;
use crate::text::suggest::{listed, nearest};
use anyhow::bail;

/// The state of an applied probe.
///
/// # Errors
/// No probe of this name is applied; the message says which are.
pub fn find(probe: &str) -> anyhow::Result<Live> {
    if let Some(live) = observe::observe(probe)? {
        return Ok(live);
    }
    bail!("no probe `{probe}` is applied; {}", others(probe, &observe::probes()?))
}

/// Which probes are applied, and which of them may have been meant by a name that is not among them.
pub fn others(probe: &str, applied: &[String]) -> String {
    let names = || applied.iter().map(String::as_str);
    let meant = nearest(probe, names()).map(|name| format!("; did you mean `{name}`?"));
    format!("applied: {}{}", listed(names(), 16), meant.unwrap_or_default())
}
