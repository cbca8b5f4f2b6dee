//! Functions that are in modules.

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::features::Need;
use crate::product::path;
use crate::scenario::{Boot, Context, Scenario};
use crate::traffic::dummy::Dummy;

const OBJECT: &str = "attach-module.bpf.o";

const COUNT: i64 = 300;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "trampolines-see-each-call-in-a-module",
        boot: Boot::Usual,
        needs: &[Need::Trampolines, Need::TypedModule],
        check: |context| {
            counts(
                context,
                "  - fentry: { function: dummy_xmit, program: by_fentry }\n  \
                 - fexit: { function: dummy_xmit, program: by_fexit }\n",
                &[0, 1],
            )
        },
    },
    Scenario {
        name: "kprobes-see-each-call-in-a-module",
        boot: Boot::Usual,
        needs: &[Need::Kprobes, Need::Module],
        check: |context| {
            counts(
                context,
                "  - kprobe: { function: dummy_xmit, program: by_kprobe }\n  \
                 - kretprobe: { function: dummy_xmit, program: by_kretprobe }\n",
                &[2, 3],
            )
        },
    },
    Scenario {
        name: "function-of-a-module-that-is-not-loaded-is-passed-over",
        boot: Boot::Usual,
        needs: &[Need::Kprobes],
        check: not_loaded,
    },
];

/// The frames are sent by this process, and the driver is called in it.
fn counts(context: &Context, attach: &str, ways: &[i64]) -> Result<()> {
    let dummy = Dummy::load()?;
    let file = context.probe_of(OBJECT, "module", &format!("attach:\n{attach}"))?;
    let running = context.product.run(&file, &[])?;
    dummy.send(COUNT as usize)?;
    let transcript = running.interrupt()?;
    let reading = transcript.read()?;
    for way in ways {
        let counted = reading.sum("hits", "value", |row| is_ours(row, *way))?;
        ensure!(counted == COUNT, "{counted} of {COUNT} by way {way}");
    }
    Ok(())
}

fn is_ours(row: &Value, way: i64) -> bool {
    row["pid"] == std::process::id() && row["number"] == way
}

/// veth's driver is a module, and nothing loads it. `on_missing: warn` lets the probe run without; the other attachment
/// is there.
fn not_loaded(context: &Context) -> Result<()> {
    let attach = |more: &str| {
        format!(
            "attach:\n  - kprobe: {{ function: veth_xmit, program: by_kprobe{more} }}\n  \
             - kretprobe: {{ function: do_nanosleep, program: by_kretprobe }}\n"
        )
    };
    let product = &context.product;
    let file = context.probe_of(OBJECT, "module", &attach(""))?;
    let refused = product.command(&["run", path(&file)?, "--for", "1s"])?.exits(1)?;
    refused.complains(&["veth_xmit", "not loaded"])?;

    let file = context.probe_of(OBJECT, "module", &attach(", on_missing: warn"))?;
    let transcript = product.run(&file, &[])?.interrupt()?;
    let attachments = transcript.attachments()?;
    ensure!(
        attachments[0]["kind"].is_null() && attachments[1]["kind"] == "kretprobe",
        "{attachments:?}"
    );
    Ok(())
}
