//! What is attached, in the words of each tool.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::paths;
use crate::vm::Extra;

/// An object and what is done with it.
pub struct Case {
    /// What tables call it.
    pub name: &'static str,
    /// A short name for files.
    pub stem: &'static str,
    /// The object's path in the workspace.
    object: &'static str,
    /// The entry under `attach:` in a probe file.
    attach: &'static str,
    /// The programs that the C loader attaches, in its order.
    programs: &'static str,
    /// PROG_ARRAY, slots, handler.
    slots: &'static [(&'static str, &'static str, &'static str)],
}

/// What this machine's kernel is to be able to do.
pub const RAW_TRACEPOINTS: [Case; 2] = [
    Case {
        name: "raw tracepoint without CO-RE",
        stem: "plain",
        object: "tests/objects/prebuilt/x86_64/plain.bpf.o",
        attach: "raw_tracepoint: { name: sys_enter, program: plain }",
        programs: "plain",
        slots: &[],
    },
    Case {
        name: "raw tracepoint with CO-RE and handlers",
        stem: "dispatch",
        object: "ebpf-programs/prebuilt/x86_64/syscalls.bpf.o",
        attach: "raw_tracepoint: { name: sys_enter, program: dispatch }",
        programs: "dispatch",
        slots: &[("handlers", "59-59", "exec"), ("handlers", "222-226", "timer")],
    },
];

/// What takes a kernel that allows kprobes and trampolines.
pub const STEERING: [Case; 2] = [
    Case {
        name: "fexit on get_rps_cpu",
        stem: "fexit",
        object: RPS,
        attach: "fexit: { function: get_rps_cpu, program: rps_fexit }",
        programs: "rps_fexit",
        slots: &[],
    },
    Case {
        name: "kprobe and kretprobe on get_rps_cpu",
        stem: "pair",
        object: RPS,
        attach: "kprobe_pair: { function: get_rps_cpu, entry: rps_entry, return: rps_return }",
        programs: "rps_return,rps_entry",
        slots: &[],
    },
];

/// What the dispatcher does where it finds a handler, written without a tail call.
pub const INLINED: Case = Case {
    name: "raw tracepoint with the handler inlined",
    stem: "inlined",
    object: "tests/objects/prebuilt/x86_64/inlined.bpf.o",
    attach: "raw_tracepoint: { name: sys_enter, program: inlined }",
    programs: "inlined",
    slots: &[],
};

const RPS: &str = "ebpf-programs/prebuilt/x86_64/rps.bpf.o";

/// A case's files in a virtual machine, by their paths there.
pub struct InGuest {
    /// The object.
    pub object: String,
    /// The probe file.
    pub probe: String,
}

impl Case {
    /// Puts an object of the case, and a probe file that names it, among what a virtual machine gets. `edit` is given the
    /// text of the file.
    ///
    /// # Errors
    /// The probe file can't be written.
    pub fn take_along(
        &self,
        object: PathBuf,
        edit: impl FnOnce(String) -> String,
        extras: &mut Vec<Extra>,
    ) -> Result<InGuest> {
        let names = ["bpf.o", "yaml"].map(|ending| format!("bench/{}.{ending}", self.stem));
        let [inside, probe] = names.each_ref().map(|name| format!("/{name}"));
        let [object_name, probe_name] = names;
        let file = paths::target().join(format!("bench-{}.yaml", self.stem));
        fs::write(&file, edit(self.probe_file(Path::new(&inside))))
            .with_context(|| format!("cannot write {}", file.display()))?;
        extras.push(Extra { name: object_name, path: object });
        extras.push(Extra { name: probe_name, path: file });
        Ok(InGuest { object: inside, probe })
    }

    /// Where the object is.
    pub fn object(&self) -> PathBuf {
        paths::root().join(self.object)
    }

    /// The probe file, for an object at some path.
    pub fn probe_file(&self, object: &Path) -> String {
        let mut text = format!(
            "version: 1\nname: bench\nobject: {}\nattach:\n  - {}\n",
            object.display(),
            self.attach
        );
        for (index, (map, slots, handler)) in self.slots.iter().enumerate() {
            if index == 0 {
                text.push_str(&format!("tail_calls:\n  {map}:\n"));
            }
            text.push_str(&format!("    {slots}: {handler}\n"));
        }
        text
    }

    /// The arguments of `tests/bench/attach.c`.
    pub fn loader_arguments(&self, object: &Path) -> Vec<String> {
        let mut arguments = vec![object.display().to_string(), self.programs.to_owned()];
        for (map, slots, handler) in self.slots {
            arguments.extend([*map, *slots, *handler].map(str::to_owned));
        }
        arguments
    }
}
