//! The smallest tail call: one slot, one handler.

use anyhow::{Result, ensure};

use crate::features::Need;
use crate::scenario::{Boot, Context, Scenario};
use crate::traffic::calls::child;

/// The shipped file probes the kernel's function for sleeping.
const NAPS: i64 = 100;

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "tail-call-hello-reaches-its-handler",
    boot: Boot::Usual,
    needs: &[Need::Kprobes],
    check: reaches_its_handler,
}];

fn reaches_its_handler(context: &Context) -> Result<()> {
    let running = context.product.run(&context.product.shipped("tail-call-hello"), &[])?;
    child(&["naps", &NAPS.to_string()])?;
    let transcript = running.interrupt()?;
    let reading = transcript.read()?;
    let sum = |column| reading.sum("hello_calls", column, |_| true);
    let (fired, handled, fell_through) = (sum("fired")?, sum("handled")?, sum("fell_through")?);
    // The rest of the machine sleeps too, so it may be more.
    ensure!(fired >= NAPS, "it fired {fired} times in {NAPS} naps: {}", reading.0);
    ensure!(
        handled == fired && fell_through == 0,
        "{handled} of {fired} handled, {fell_through} fell through"
    );
    Ok(())
}
