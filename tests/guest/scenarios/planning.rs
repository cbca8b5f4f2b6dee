//! What `plan` says before `apply` does it, and probes whose file is gone.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::features::Need;
use crate::product::path;
use crate::scenario::{Boot, Context, Scenario};

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "plan-tells-and-does-nothing",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: plan_tells,
    },
    Scenario {
        name: "prune-deletes-what-has-no-file",
        boot: Boot::Usual,
        needs: &[Need::RawTracepoints],
        check: prune_deletes,
    },
];

fn plan_tells(context: &Context) -> Result<()> {
    let product = &context.product;
    let file = write(context, "planned", "planned", "59: exec, 222-226: timer")?;
    let file = path(&file)?;
    let plan = ["plan", file, "--detailed-exitcode"];

    product.command(&plan)?.exits(2)?;
    product.command(&["apply", file, "--dry-run"])?.success()?;
    ensure!(applied(context)?.is_empty(), "a plan brought something up");

    product.command(&["apply", file])?.success()?;
    let unchanged = product.command(&plan)?.success()?;
    ensure!(unchanged.stdout.contains("1 unchanged"), "{}", unchanged.stdout);

    // A swap is drift from the file: the plan is to put the file's handler back.
    product.command(&["swap", "planned", "handlers", "59=timer"])?.success()?;
    let document = product.json(&["plan", file, "-o", "json"])?;
    let change = &document["probes"][0]["steps"][0]["changes"][0];
    ensure!(
        change["subject"] == "slot handlers[59]" && change["guarantee"] == "atomic",
        "not the slot: {document}"
    );
    product.command(&plan)?.exits(2)?;

    write(context, "planned", "planned", "59: exec")?;
    let both = product.command(&["plan", file])?.success()?;
    for words in ["~ slot handlers[59]: timer → exec (ordered)", "- slots handlers[222-226]: timer"]
    {
        ensure!(both.stdout.contains(words), "no `{words}`: {}", both.stdout);
    }
    let still = product.json(&["status", "planned", "-o", "json"])?;
    let slots = still["probes"][0]["slots"].as_array().context("no slots")?;
    ensure!(slots.len() == 6, "a plan changed slots: {still}");
    product.command(&["delete", "planned"])?.success().map(drop)
}

fn prune_deletes(context: &Context) -> Result<()> {
    let product = &context.product;
    let gone = write(context, "pruned", "gone", "59: exec")?;
    write(context, "pruned", "stays", "59: exec")?;
    let elsewhere = write(context, "elsewhere", "elsewhere", "59: exec")?;
    let directory = gone.parent().context("the file has a directory")?;
    let directory = path(directory)?;
    product.command(&["apply", directory])?.success()?;
    product.command(&["apply", path(&elsewhere)?])?.success()?;
    fs::remove_file(&gone)?;

    let kept = product.json(&["apply", directory, "-o", "json"])?;
    ensure!(kept["probes"].as_array().is_some_and(|probes| probes.len() == 1), "{kept}");
    let unasked = product.command(&["apply", directory, "--prune"])?.exits(1)?;
    unasked.complains(&["gone", "--yes"])?;
    ensure!(applied(context)? == ["elsewhere", "gone", "stays"], "pruned without consent");

    let planned = product.json(&["plan", directory, "--prune", "-o", "json"])?;
    ensure!(planned["probes"][1]["result"] == "deleted", "not planned: {planned}");
    let pruned = product.json(&["apply", directory, "--prune", "--yes", "-o", "json"])?;
    ensure!(pruned["probes"][1]["result"] == "deleted", "not deleted: {pruned}");
    ensure!(applied(context)? == ["elsewhere", "stays"], "another one was deleted");

    // The last file of a directory may go too.
    fs::remove_file(directory.to_owned() + "/stays.yaml")?;
    product.command(&["apply", directory, "--prune", "--yes"])?.success()?;
    ensure!(applied(context)? == ["elsewhere"], "not what is elsewhere alone");
    product.command(&["delete", "elsewhere"])?.success().map(drop)
}

/// The names of what is applied.
fn applied(context: &Context) -> Result<Vec<String>> {
    let status = context.product.json(&["status", "-o", "json"])?;
    let probes = status["probes"].as_array().context("no probes")?;
    Ok(probes.iter().filter_map(|probe| probe["probe"].as_str()).map(str::to_owned).collect())
}

/// Writes a probe file into a directory of its own.
fn write(context: &Context, directory: &str, probe: &str, slots: &str) -> Result<PathBuf> {
    let directory = context.scratch.join(directory);
    fs::create_dir_all(&directory)?;
    let file = directory.join(format!("{probe}.yaml"));
    let text = format!(
        "version: 1\nname: {probe}\nobject: syscalls.bpf.o\nattach:\n  \
         - raw_tracepoint: {{ name: sys_enter, program: dispatch }}\n\
         tail_calls: {{ handlers: {{ {slots} }} }}\n"
    );
    fs::write(&file, text)?;
    Ok(file)
}
