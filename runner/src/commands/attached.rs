//! How attachments are reported, by every command that attaches or shows what is.

use crate::commands::report;
use crate::desired::Hook;
use crate::kernel::steering;
use crate::live::{AttachmentRecord, PassedOver};
use serde_json::{Value, json};

/// For people: `fexit get_rps_cpu (rps_fexit)`; nothing for an attachment that was left out.
pub fn line(attachment: &AttachmentRecord) -> Option<String> {
    let hook = attachment.chosen.as_ref()?;
    Some(format!("{} {} ({})", hook.kind.name(), hook.place(), programs(attachment).join(", ")))
}

/// For programs, as in every document that has `attachments`.
pub fn document(attachment: &AttachmentRecord) -> Value {
    let hook = attachment.chosen.as_ref();
    json!({
        "kind": hook.map(|hook| hook.kind.name()),
        "target": hook.map(Hook::place),
        "programs": programs(attachment),
        "passed_over": attachment.passed_over.iter().map(passed_over).collect::<Vec<_>>(),
    })
}

/// Why alternatives were not taken, a line each.
pub fn reasons(attachment: &AttachmentRecord) -> impl Iterator<Item = String> {
    attachment.passed_over.iter().map(|passed| {
        format!(
            "passed over {} {}: {}",
            passed.hook.kind.name(),
            passed.hook.place(),
            passed.reason
        )
    })
}

/// Says why a probe may see nothing.
pub fn warn(probe: &str, attachments: &[AttachmentRecord]) {
    let hooks = attachments.iter().filter_map(|attachment| attachment.chosen.as_ref());
    if let Some(text) = steering::never_called(hooks) {
        report::warning(probe, &text);
    }
}

/// An alternative that was not taken.
fn passed_over(passed: &PassedOver) -> Value {
    json!({
        "kind": passed.hook.kind.name(),
        "target": passed.hook.place(),
        "reason": passed.reason,
    })
}

/// A perf event has a link for each CPU, all of one program.
fn programs(attachment: &AttachmentRecord) -> Vec<&str> {
    let mut programs: Vec<&str> =
        attachment.links.iter().map(|link| link.program.name.as_str()).collect();
    programs.dedup();
    programs
}
