//! Records that `run` shows: all of them, or those that were asked for, and how many were not shown.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::features::Need;
use crate::product::{Transcript, path};
use crate::scenario::{Boot, Context, Scenario};
use crate::sys;

/// Of the program in `tests/objects/flood.bpf.c`: what makes it send, and how much.
const NUMBER: i64 = 100_000;
const AT_ONCE: u64 = 256;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "records-come-through-whole",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: come_through_whole,
    },
    Scenario {
        name: "records-are-chosen",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: are_chosen,
    },
    Scenario {
        name: "records-as-csv",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: as_csv,
    },
    Scenario {
        name: "records-that-find-no-room-are-told",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: without_room,
    },
];

fn flood(context: &Context, maps: &str, view: &str) -> Result<PathBuf> {
    context.probe_of(
        "flood.bpf.o",
        "flood",
        &format!(
            "description: Sends records\n{maps}\
             attach:\n  - raw_tracepoint: {{ name: sys_enter, program: flood_records }}\n\
             read:\n  flood: {{ type: flood_event, {view} }}\n  flood_losses: {{ loss: true }}\n"
        ),
    )
}

fn calls(count: u64) {
    (0..count).for_each(|_| sys::call(NUMBER));
}

fn sequences(transcript: &Transcript) -> Vec<u64> {
    transcript.events("flood").filter_map(|row| row["sequence"].as_u64()).collect()
}

fn come_through_whole(context: &Context) -> Result<()> {
    let running = context.product.run(&flood(context, "", "")?, &[])?;
    calls(100);
    let transcript = running.interrupt()?;
    let all: Vec<u64> = (0..100 * AT_ONCE).collect();
    ensure!(sequences(&transcript) == all, "{} records", sequences(&transcript).len());
    for row in transcript.events("flood") {
        let index = row["sequence"].as_i64().unwrap_or(-1) % 256;
        let is_right = row["bytes"] == 1000 + index
            && row["nr"] == index
            && row["result"] == -index
            && row["pid"] == std::process::id()
            && row["cookie"] == 0x1122_3344_5566_7788_u64
            && row["comm"].as_str().is_some_and(|comm| !comm.is_empty());
        ensure!(is_right, "{row}");
    }
    ensure!(transcript.read()?.0["loss"] == Value::Array(Vec::new()), "{}", transcript.read()?.0);
    Ok(())
}

fn are_chosen(context: &Context) -> Result<()> {
    let file = flood(context, "", "")?;
    let running = context.product.run(&file, &["--filter", "nr == 7 or result < -253"])?;
    calls(4);
    let found = sequences(&running.interrupt()?);
    let expected: Vec<u64> =
        (0..4).flat_map(|call| [7, 254, 255].map(|nr| call * 256 + nr)).collect();
    ensure!(found == expected, "the filter lets {found:?} through");

    // One of so many, of which a filter takes some.
    let file = flood(context, "", "sample: 100")?;
    let running = context.product.run(&file, &["--filter", "sequence > 150"])?;
    calls(4);
    let transcript = running.interrupt()?;
    let found = sequences(&transcript);
    ensure!(found == [200, 300, 400, 500, 600, 700, 800, 900, 1000], "{found:?}");
    ensure!(transcript.stderr.contains("one of 100 records is shown"), "{}", transcript.stderr);
    ensure!(transcript.read()?.loss("sampled_out") == 1024 - 11, "{}", transcript.read()?.0);

    // So many a second: at least the first ones, and all others are counted.
    let file = flood(context, "", "limit: 10")?;
    let running = context.product.run(&file, &[])?;
    calls(4);
    let transcript = running.interrupt()?;
    let found = sequences(&transcript);
    ensure!(found.starts_with(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), "{found:?}");
    let left_out = transcript.read()?.loss("left_out");
    ensure!(left_out + found.len() as i64 == 1024, "{} and {left_out}", found.len());
    ensure!(transcript.stderr.contains("at most 10 records a second"), "{}", transcript.stderr);

    // A filter that can't be used on a record hides it, and that is told.
    let file = flood(context, "", "")?;
    let running = context.product.run(&file, &["--filter", "nr > 200 or nr in nr"])?;
    calls(1);
    let transcript = running.interrupt()?;
    let (shown, unfit) =
        (sequences(&transcript).len(), transcript.read()?.loss("unfit_for_filter"));
    ensure!((shown, unfit) == (55, 201), "{shown} are shown and {unfit} unfit");

    // What can't be meant is told before anything is attached.
    let file = path(&file)?;
    for (options, words) in [
        (&["--filter", "nmae == 1"][..], &["nmae", "`nr`"][..]),
        (&["--filter", "nr =="], &["--filter"]),
        (&["--events", "flod"], &["flod", "`flood`"]),
    ] {
        let arguments = [&["run", file, "--for", "1s"], options].concat();
        context.product.command(&arguments)?.exits(1)?.complains(words)?;
    }
    Ok(())
}

fn as_csv(context: &Context) -> Result<()> {
    let file = flood(context, "", "columns: { nr: { as: syscall, name: call } }")?;
    let arguments = ["run", path(&file)?, "-o", "csv", "--filter", "call_raw < 3", "--for", "6s"];
    let mut has_sent = false;
    let start = std::time::Instant::now();
    let finished = context.product.command_during(&arguments, || {
        // Late enough to be attached, and once.
        if !has_sent && start.elapsed().as_secs() >= 3 {
            calls(2);
            has_sent = true;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
        Ok(())
    })?;
    let finished = finished.success()?;
    let lines: Vec<&str> = finished.stdout.lines().collect();
    let heading = "time_ns,sequence,bytes,pid,cpu,call,call_raw,result,comm,cookie";
    ensure!(lines.first() == Some(&heading) && lines.len() == 7, "{lines:?}");
    let fields: Vec<&str> = lines[5].split(',').collect();
    ensure!(fields[1..3] == ["257", "1001"] && fields[5..8] == ["write", "1", "-1"], "{fields:?}");
    Ok(())
}

fn without_room(context: &Context) -> Result<()> {
    // Room for 56 records of 72 bytes.
    let file = flood(context, "maps: { flood: { max_entries: 4096 } }\n", "")?;
    let running = context.product.run(&file, &[])?;
    calls(200);
    let transcript = running.interrupt()?;
    let (shown, lost) = (sequences(&transcript).len() as i64, transcript.read()?.loss("full"));
    ensure!(lost > 0 && shown > 0, "{shown} are shown and {lost} lost: is the test looking?");
    ensure!(shown + lost == 200 * AT_ONCE as i64, "{shown} are shown and {lost} lost");
    Ok(())
}
