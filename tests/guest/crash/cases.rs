//! The commands that are broken off: each of the shipped probes created, replaced and deleted; slots, variables and maps
//! changed; handlers swapped and put back.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::events::Events;
use crate::features::Need;
use crate::objects;
use crate::product::path;
use crate::scenario::Context;

use super::aftermath::Ending;

/// A command that is broken off.
pub struct Case {
    /// Unique.
    pub name: String,
    /// The probe's name.
    pub probe: &'static str,
    /// What the kernel must offer.
    pub needs: &'static [Need],
    /// What was done before.
    pub before: Vec<Vec<String>>,
    /// The command.
    pub command: Vec<String>,
    /// Applies what was there before.
    pub old: Vec<String>,
    /// Applies what the command is to lead to.
    pub new: Vec<String>,
    /// What may be done when it broke off.
    pub endings: &'static [Ending],
    /// Whether the probe is to work at any moment.
    pub runs_through: bool,
    /// Whether what was counted before is to be there afterwards.
    pub keeps_data: bool,
    /// Whether the kernel can't exchange two directories in one step, as before Linux 5.16.
    pub exchange_in_steps: bool,
    /// What the probe sees.
    pub events: Events,
}

/// A shipped probe, and how it can change.
struct Probe {
    name: &'static str,
    needs: &'static [Need],
    events: Events,
    /// More arguments of `apply`.
    settings: &'static [&'static str],
    /// The object that a changed one takes the place of.
    object: &'static str,
    /// A text of its file, and what takes its place: a change of slots or of a map.
    edits: &'static [Edit],
    /// Arguments of `swap` behind the probe's name.
    swap: Option<&'static [&'static str]>,
}

struct Edit {
    name: &'static str,
    /// Made in what was there before, too.
    always: Option<(&'static str, &'static str)>,
    from: &'static str,
    to: &'static str,
    keeps_data: bool,
    /// What the kernel must offer, if it is more than for the probe as it is.
    needs: &'static [Need],
}

const TIMER_SLOTS: &str = "222-226: timer ";
const ALL_ENDINGS: &[Ending] = &[Ending::New, Ending::Old, Ending::Delete];

const PROBES: [Probe; 6] = [
    Probe {
        name: "syscalls",
        needs: &[Need::RawTracepoints],
        events: Events::Calls,
        settings: &[],
        object: "syscalls.bpf.o",
        edits: &[
            Edit {
                name: "slots",
                always: None,
                from: TIMER_SLOTS,
                to: "222-224: exec\n    225: timer ",
                keeps_data: true,
                needs: &[],
            },
            Edit {
                name: "generation",
                always: Some((
                    "  handlers:\n",
                    "  handlers:\n    generation: handlers_generation\n    slots:\n",
                )),
                from: TIMER_SLOTS,
                to: "222-224: exec\n    225: timer ",
                keeps_data: true,
                needs: &[],
            },
            Edit {
                name: "map",
                always: None,
                from: "\nattach:",
                to: "\nmaps: { counts: { max_entries: 4096 } }\nattach:",
                keeps_data: false,
                needs: &[],
            },
        ],
        swap: Some(&["handlers", "222-226=mine/timer", "--object", "mine=timer-latency.bpf.o"]),
    },
    Probe {
        name: "syscalls-portable",
        needs: &[Need::RawTracepoints],
        events: Events::Calls,
        settings: &[],
        object: "syscalls.bpf.o",
        edits: &[],
        swap: Some(&["handlers", "syscall:timer_gettime=exec"]),
    },
    Probe {
        name: "syscalls-exact",
        needs: &[Need::Tracepoints, Need::LastingPerfEvents],
        events: Events::Calls,
        settings: &[],
        object: "syscalls-exact.bpf.o",
        edits: &[],
        swap: Some(&["handlers", "224=exec"]),
    },
    Probe {
        name: "timer-latency",
        needs: &[Need::RawTracepoints],
        events: Events::Calls,
        settings: &[],
        object: "timer-latency.bpf.o",
        edits: &[Edit {
            name: "variable",
            always: None,
            from: "min_gap: 0ms",
            to: "min_gap: 1ms",
            keeps_data: true,
            needs: &[],
        }],
        swap: Some(&["handlers", "224=main/timer"]),
    },
    Probe {
        name: "rps",
        needs: &[Need::PacketSteering, Need::Trampolines],
        events: Events::Packets,
        settings: &["--set", "all=true"],
        object: "rps.bpf.o",
        edits: &[Edit {
            name: "pair",
            always: None,
            from: "      - fexit: { function: get_rps_cpu, program: rps_fexit }\n",
            to: "",
            keeps_data: true,
            // Before 5.15 there is no way to keep the pair without a process.
            needs: &[Need::PacketSteering, Need::Trampolines, Need::LastingPerfEvents],
        }],
        swap: None,
    },
    Probe {
        name: "tail-call-hello",
        needs: &[Need::Kprobes, Need::LastingPerfEvents],
        events: Events::Sleeps,
        settings: &[],
        object: "tail-call-hello.bpf.o",
        edits: &[],
        swap: Some(&["hello_slots", "3=hello_handler"]),
    },
];

/// All cases, with their files written.
pub fn all(context: &Context) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for probe in &PROBES {
        of_probe(context, probe, &mut cases)?;
    }
    Ok(cases)
}

fn of_probe(context: &Context, probe: &Probe, cases: &mut Vec<Case>) -> Result<()> {
    let text = fs::read_to_string(context.product.shipped(probe.name))?;
    let file = |directory: &str, text: &str| -> Result<PathBuf> {
        let directory = context.scratch.join("crash").join(probe.name).join(directory);
        fs::create_dir_all(&directory)?;
        let path = directory.join(format!("{}.yaml", probe.name));
        fs::write(&path, text)?;
        Ok(path)
    };
    let apply = |file: &Path| -> Result<Vec<String>> {
        let words = ["apply", path(file)?];
        Ok(words.iter().chain(probe.settings).map(|&word| word.to_owned()).collect())
    };
    let shipped = apply(&file("shipped", &text)?)?;
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let case = |what: &str, before: &[Vec<String>], command: Vec<String>, new: &[String]| Case {
        name: format!("{} {what}", probe.name),
        probe: probe.name,
        needs: probe.needs,
        before: before.to_vec(),
        command,
        old: shipped.clone(),
        new: new.to_vec(),
        endings: ALL_ENDINGS,
        runs_through: true,
        keeps_data: true,
        exchange_in_steps: false,
        events: probe.events,
    };
    let is_up = std::slice::from_ref(&shipped);

    cases.push(Case {
        endings: &[Ending::New, Ending::Delete],
        runs_through: false,
        keeps_data: false,
        ..case("created", &[], shipped.clone(), &shipped)
    });
    cases.push(Case {
        endings: &[Ending::New, Ending::Delete],
        runs_through: false,
        keeps_data: false,
        ..case("deleted", is_up, words(&["delete", probe.name]), &shipped)
    });

    // The same programs, of an object that has another digest.
    let replaced = file("replaced", &text)?;
    objects::write_again(probe.object, replaced.parent().context("it is in a directory")?)?;
    let replaced = apply(&replaced)?;
    cases.push(case("replaced", is_up, replaced.clone(), &replaced));
    if probe.name == "syscalls" {
        cases.push(Case {
            exchange_in_steps: true,
            ..case("replaced in steps", is_up, replaced.clone(), &replaced)
        });
    }

    for edit in probe.edits {
        let change = |text: &str, from: &str, to: &str| {
            ensure!(text.contains(from), "{} has no `{from}` any more", probe.name);
            Ok(text.replacen(from, to, 1))
        };
        let text = match edit.always {
            // Slots are one level deeper behind it.
            Some((from, to)) => change(&text, from, to)?
                .replace("    59: ", "      59: ")
                .replace("    222", "      222")
                .replace("    # These", "      # These"),
            None => text.clone(),
        };
        let deeper = edit.always.is_some();
        let to = if deeper { edit.to.replace("\n    ", "\n      ") } else { edit.to.to_owned() };
        let old = apply(&file(&format!("{}-old", edit.name), &text)?)?;
        let new = apply(&file(&format!("{}-new", edit.name), &change(&text, edit.from, &to)?)?)?;
        cases.push(Case {
            needs: if edit.needs.is_empty() { probe.needs } else { edit.needs },
            old: old.clone(),
            keeps_data: edit.keeps_data,
            ..case(&format!("with changed {}", edit.name), &[old], new.clone(), &new)
        });
    }

    if let Some(slots) = probe.swap {
        let swap = [&["swap", probe.name][..], slots].concat();
        cases.push(case("swapped", is_up, words(&swap), &shipped));
        let revert = words(&["swap", probe.name, "--revert"]);
        let swapped = [shipped.clone(), words(&swap)];
        cases.push(case("swapped back", &swapped, revert, &shipped));
        if probe.name == "syscalls" {
            cases.push(Case {
                exchange_in_steps: true,
                ..case("swapped in steps", is_up, words(&swap), &shipped)
            });
        }
    }
    Ok(())
}
