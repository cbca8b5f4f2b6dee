//! What changes while events flow: handlers that are swapped, probe files that are applied again.

use std::fs;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::exchange::{self, Way};
use crate::features::Need;
use crate::generations;
use crate::product::{Reading, number};
use crate::race;
use crate::scenario::{Boot, Context, Scenario};
use crate::trace::{self, Act, Step};
use crate::traffic::calls::child;

/// timer_gettime: of no timer here, so the kernel refuses it. It is seen all the same.
const CALL: i64 = 224;
const THREADS: i64 = 4;
const CALLS_OF_EACH: i64 = 50_000;
const CALLS: i64 = THREADS * CALLS_OF_EACH;
/// What a swap that was broken off may take to be taken back.
const PATIENCE: Duration = Duration::from_secs(20);

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "swap-loses-nothing",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: swap_loses_nothing,
    },
    Scenario {
        name: "swap-for-a-while-comes-back",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: swap_comes_back,
    },
    Scenario {
        name: "swaps-for-a-while-overlap",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: swaps_overlap,
    },
    Scenario {
        name: "a-killed-swap-for-a-while-comes-back",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: a_killed_swap_comes_back,
    },
    Scenario {
        name: "exchange-at-a-variable-index-loses-nothing",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: |context| exchange_loses_nothing(context, Way::Variable),
    },
    Scenario {
        name: "exchange-at-a-constant-index-loses-nothing",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: |context| exchange_loses_nothing(context, Way::Constant),
    },
    Scenario {
        name: "exchange-on-a-tracepoint-loses-nothing",
        boot: Boot::Usual,
        needs: &[Need::Tracepoints, Need::LastingPerfEvents],
        check: |context| exchange_loses_nothing(context, Way::Tracepoint),
    },
    Scenario {
        name: "one-flip-changes-all-slots-at-once",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: |context| slots_change_together(context, generations::Way::OneFlip),
    },
    Scenario {
        name: "ordered-changes-are-seen-to-be-ordered",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: |context| slots_change_together(context, generations::Way::Ordered),
    },
    Scenario {
        name: "commands-that-race-leave-nothing-wrong",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: commands_race,
    },
    Scenario {
        name: "status-can-be-asked-while-slots-are-swapped",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: status_beside_swaps,
    },
    Scenario {
        name: "swap-refuses-what-does-not-fit",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: swap_refuses,
    },
    Scenario {
        name: "apply-changes-a-slot-in-place",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: |context| changes_in_place(context, ""),
    },
    Scenario {
        name: "apply-changes-all-slots-by-one-flip",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: |context| changes_in_place(context, "generation: handlers_generation, "),
    },
];

/// Both handlers count into the same map, so what it holds is what either of them saw.
fn swap_loses_nothing(context: &Context) -> Result<()> {
    let product = &context.product;
    apply(context, "", "222-226: timer")?;
    let arguments = ["storm", &CALL.to_string(), &CALLS_OF_EACH.to_string(), &THREADS.to_string()];
    let mut swaps = 0;
    let (pid, _) = thread::scope(|scope| -> Result<(u32, String)> {
        let storm = scope.spawn(|| child(&arguments));
        while !storm.is_finished() {
            let swap = ["swap", "swapped", "handlers", "222-226=mine/timer"];
            let mine = ["--object", "mine=timer-latency.bpf.o"];
            product.command(&[&swap[..], &mine[..]].concat())?.success()?;
            product.command(&["swap", "swapped", "--revert"])?.success()?;
            swaps += 2;
        }
        storm.join().ok().context("the storm's thread panicked")?
    })?;
    let read = product.json(&["read", "swapped", "-o", "json"])?;
    product.command(&["delete", "swapped"])?.success()?;
    let reading = Reading(&read);
    let counted = reading.sum("counts", "value", |row| {
        number(row, "nr").is_ok_and(|call| call == CALL)
            && number(row, "pid").is_ok_and(|process| process == i64::from(pid))
    })?;
    let misses = reading.loss("recursion_misses");
    ensure!(swaps >= 2, "the storm was over before the first swap");
    ensure!(
        counted <= CALLS && counted + misses >= CALLS,
        "{counted} of {CALLS} counted over {swaps} swaps, {misses} misses shown"
    );
    Ok(())
}

/// `cargo xtask soak exchange`, in short.
fn exchange_loses_nothing(context: &Context, way: Way) -> Result<()> {
    context.tell(exchange::in_process(context, way, 1_000_000, 2_000)?.to_string());
    context.tell(exchange::by_command(context, way, Duration::from_secs(2))?.to_string());
    Ok(())
}

/// `cargo xtask soak generations`, in short.
fn slots_change_together(context: &Context, way: generations::Way) -> Result<()> {
    context.tell(generations::run(context, way, 5)?.to_string());
    Ok(())
}

/// `cargo xtask soak race`, in short. The same commands each time, though not at the same moments.
fn commands_race(context: &Context) -> Result<()> {
    context.tell(race::run(context, 10, Duration::from_secs(5), 5)?.to_string());
    Ok(())
}

fn swap_comes_back(context: &Context) -> Result<()> {
    let product = &context.product;
    apply(context, "", "222-226: timer")?;
    let swap = ["swap", "swapped", "handlers", "224=exec", "--for", "1s"];
    product.command(&swap)?.success()?;
    ensure!(slot(context, 224)? == "timer", "the slot's handler did not come back");
    product.command(&["swap", "swapped", "handlers", "224=exec"])?.success()?;
    ensure!(slot(context, 224)? == "exec", "the slot was not swapped");
    let status = product.json(&["status", "swapped", "-o", "json"])?;
    ensure!(
        status["probes"][0]["swapped"][0]["file"]["name"] == "timer",
        "status does not show the swap: {status}"
    );
    // The file is the truth.
    let applied = apply(context, "", "222-226: timer")?;
    ensure!(applied["probes"][0]["result"] == "configured", "nothing was put back: {applied}");
    ensure!(slot(context, 224)? == "timer", "apply left the swapped handler");
    product.command(&["delete", "swapped"])?.success().map(drop)
}

/// Each puts back its own slots alone, in whichever order they end; what was swapped for good stays.
fn swaps_overlap(context: &Context) -> Result<()> {
    let product = &context.product;
    apply(context, "", "222-226: timer")?;
    let start = |slots: &[&str]| {
        let begin = ["swap", "swapped", "handlers", "--object", "mine=timer-latency.bpf.o"];
        product.start(&[&begin[..], &["--for", "1h"], slots].concat())
    };
    let earlier = start(&["100=main/timer", "222=exec", "223=exec", "224=exec"])?;
    until_slots_hold(context, &[(100, "main/timer"), (222, "main/exec"), (224, "main/exec")])?;
    let later = start(&["223=mine/timer", "225=mine/timer"])?;
    until_slots_hold(context, &[(222, "main/exec"), (223, "mine/timer"), (225, "mine/timer")])?;
    product.command(&["swap", "swapped", "handlers", "224=exec", "226=exec"])?.success()?;
    let status = status(context)?;
    let swapped = status["probes"][0]["swapped"].as_array().context("nothing is swapped")?;
    let shown: Vec<_> = swapped
        .iter()
        .map(|slot| Some((slot["index"].as_u64()?, slot["for_a_while"].as_bool()?)))
        .collect();
    let wanted = [(100, true), (222, true), (223, true), (224, false), (225, true), (226, false)];
    ensure!(shown == wanted.map(Some), "status shows {shown:?}");
    earlier.terminate()?.success()?;
    until_slots_hold(
        context,
        &[
            (100, "nothing"),
            (222, "main/timer"),
            (223, "mine/timer"),
            (224, "main/exec"),
            (225, "mine/timer"),
            (226, "main/exec"),
        ],
    )?;
    later.terminate()?.success()?;
    // Slot 223 has the file's handler and not that of the swap that was over first.
    until_slots_hold(
        context,
        &[(223, "main/timer"), (224, "main/exec"), (225, "main/timer"), (226, "main/exec")],
    )?;
    let status = self::status(context)?;
    let programs = status["probes"][0]["programs"].as_array().context("no programs")?;
    let is_main = |program: &Value| program["object"] == "main";
    ensure!(programs.iter().all(is_main), "the other object's handler stays: {status}");
    product.command(&["swap", "swapped", "--revert"])?.success()?;
    until_slots_hold(context, &[(224, "main/timer"), (226, "main/timer")])?;
    product.command(&["delete", "swapped"])?.success().map(drop)
}

/// Waits for what a command that goes on does to slots.
fn until_slots_hold(context: &Context, wanted: &[(i64, &str)]) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    loop {
        let status = status(context)?;
        let slots = status["probes"][0]["slots"].as_array().context("no slots")?;
        let held: Vec<(i64, String)> = wanted
            .iter()
            .map(|(index, _)| {
                let slot = slots.iter().find(|slot| slot["index"] == *index);
                let text = |name: &str| slot.and_then(|slot| slot[name].as_str());
                match (text("object"), text("program")) {
                    (Some(object), Some(program)) => (*index, format!("{object}/{program}")),
                    _ => (*index, "nothing".to_owned()),
                }
            })
            .collect();
        if wanted.iter().zip(&held).all(|((_, wanted), (_, held))| wanted == held) {
            return Ok(());
        }
        ensure!(Instant::now() < end, "the slots hold {held:?} instead of {wanted:?}");
        sleep(Duration::from_millis(20));
    }
}

/// Whoever was to wait is killed at each step of the swap itself: the slot comes back all the same, and soon.
fn a_killed_swap_comes_back(context: &Context) -> Result<()> {
    let product = &context.product;
    let slots = "222-226: timer";
    apply(context, "", slots)?;
    let swap = ["swap", "swapped", "handlers", "224=mine/timer", "--for", "1s", "--object"];
    let swap = [&swap[..], &["mine=timer-latency.bpf.o"]].concat();
    let whole = trace::run(product.binary(), &swap, |_, _| Act::Go)?;
    ensure!(whole.code == Some(0), "the swap ends with {:?}:\n{}", whole.code, whole.stderr);
    let is_exchange = |step: &Step| step.what.contains("MAP_UPDATE_ELEM");
    let exchange = whole.steps.iter().rposition(is_exchange).context("no slot was changed")?;
    let chosen =
        |number: &usize| number.is_multiple_of(6) || (exchange..exchange + 4).contains(number);
    for number in (0..whole.steps.len()).filter(chosen) {
        let act = if number % 2 == 0 { Act::KillBefore } else { Act::KillAfter };
        trace::run(product.binary(), &swap, |step, _| if step == number { act } else { Act::Go })?;
        let what = format!("killed at step {number} ({})", whole.steps[number].what);
        let whole_again = || -> Result<bool> {
            let status = product.json(&["status", "swapped", "-o", "json"])?;
            let probe = &status["probes"][0];
            // Until then a program may be in it that the probe knows nothing of.
            let is_back = slot(context, 224).is_ok_and(|handler| handler == "timer");
            Ok(probe["state"] == "attached" && is_back && probe["swapped"].is_null())
        };
        let end = Instant::now() + PATIENCE;
        while !whole_again().with_context(|| what.clone())? {
            ensure!(Instant::now() < end, "{what}: the swap was not taken back");
            sleep(Duration::from_millis(20));
        }
    }
    let applied = apply(context, "", slots)?;
    ensure!(applied["probes"][0]["result"] == "unchanged", "{applied}");
    product.command(&["delete", "swapped"])?.success().map(drop)
}

/// What `status` lists may be gone before it looks at it: then it looks again.
fn status_beside_swaps(context: &Context) -> Result<()> {
    let product = &context.product;
    apply(context, "", "222-226: timer")?;
    let swap =
        ["swap", "swapped", "handlers", "224=mine/timer", "--object", "mine=timer-latency.bpf.o"];
    let revert = ["swap", "swapped", "--revert"];
    let end = Instant::now() + Duration::from_secs(4);
    while Instant::now() < end {
        for command in [&swap[..], &revert[..]] {
            let mut running = product.start(command)?;
            let finished = loop {
                let status =
                    product.one_of_many(&["status", "swapped", "-o", "json"])?.success()?;
                let status: Value = serde_json::from_str(&status.stdout)?;
                ensure!(status["probes"][0]["probe"] == "swapped", "no such probe in {status}");
                if let Some(finished) = running.try_finish()? {
                    break finished;
                }
            };
            finished.success()?;
        }
    }
    product.command(&["delete", "swapped"])?.success().map(drop)
}

fn swap_refuses(context: &Context) -> Result<()> {
    let product = &context.product;
    apply(context, "", "222-226: timer")?;
    for (slot, said) in [
        ("300=exec", "it has 300"),
        ("59=exek", "did you mean"),
        ("59=tail/hello_handler", "kprobe program"),
    ] {
        let swap = ["swap", "swapped", "handlers", slot];
        let tail = ["--object", "tail=tail-call-hello.bpf.o"];
        product.command(&[&swap[..], &tail[..]].concat())?.exits(1)?.complains(&[said])?;
    }
    ensure!(slot(context, 224)? == "timer", "a refused swap changed a slot");
    product.command(&["delete", "swapped"])?.success().map(drop)
}

/// The dispatcher and the counts stay, the slots change, and the same file again changes nothing.
fn changes_in_place(context: &Context, generation: &str) -> Result<()> {
    let product = &context.product;
    let file = "59: exec, 222-226: timer";
    ensure!(apply(context, generation, file)?["probes"][0]["result"] == "created");
    let arguments = ["storm", &CALL.to_string(), "100", "1"];
    let (pid, _) = child(&arguments)?;
    let before = status(context)?;
    let changed = "222-223: exec, 224: timer";
    ensure!(apply(context, generation, changed)?["probes"][0]["result"] == "configured");
    ensure!(apply(context, generation, changed)?["probes"][0]["result"] == "unchanged");
    let after = status(context)?;
    let id = |status: &Value| {
        let programs = status["probes"][0]["programs"].as_array().cloned().unwrap_or_default();
        programs.iter().find(|one| one["name"] == "dispatch").and_then(|one| one["id"].as_i64())
    };
    ensure!(id(&before).is_some() && id(&before) == id(&after), "the dispatcher was replaced");
    ensure!(
        after["probes"][0]["drift"].as_array().is_some_and(Vec::is_empty),
        "there is drift after a change: {after}"
    );
    ensure!(slot(context, 222)? == "exec" && slot(context, 224)? == "timer", "{after}");
    ensure!(slot(context, 225).is_err() && slot(context, 59).is_err(), "{after}");
    let read = product.json(&["read", "swapped", "-o", "json"])?;
    product.command(&["delete", "swapped"])?.success()?;
    let counted = Reading(&read).sum("counts", "value", |row| {
        number(row, "nr").is_ok_and(|call| call == CALL)
            && number(row, "pid").is_ok_and(|process| process == i64::from(pid))
    })?;
    ensure!(counted == 100, "{counted} of 100 counted before the change are left");
    Ok(())
}

/// Applies a probe of these slots.
fn apply(context: &Context, generation: &str, slots: &str) -> Result<Value> {
    let slots = if generation.is_empty() {
        format!("{{ {slots} }}")
    } else {
        format!("{{ {generation}slots: {{ {slots} }} }}")
    };
    let file = context.scratch.join("swapped.yaml");
    let text = format!(
        "version: 1\nname: swapped\nobject: syscalls.bpf.o\nattach:\n  - raw_tracepoint: {{ name: \
         sys_enter, program: dispatch }}\ntail_calls:\n  handlers: {slots}\n"
    );
    fs::write(&file, text)?;
    context.product.json(&["apply", crate::product::path(&file)?, "-o", "json"])
}

fn status(context: &Context) -> Result<Value> {
    context.product.json(&["status", "swapped", "-o", "json"])
}

/// The name of the program in a slot.
fn slot(context: &Context, index: i64) -> Result<String> {
    let status = status(context)?;
    let slots = status["probes"][0]["slots"].as_array().context("no slots")?;
    let slot = slots.iter().find(|slot| slot["index"] == index).context("the slot is empty")?;
    Ok(slot["program"].as_str().context("a foreign program")?.to_owned())
}
