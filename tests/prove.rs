//! `check --kernel` against kernels whose types are written here: prototypes that no eBPF compiler makes,
//! and releases that differ in what trampolines take.

mod scratch;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use scratch::Scratch;

/// BTF kinds by number.
const INT: u32 = 1;
const POINTER: u32 = 2;
const STRUCT: u32 = 4;
const TYPEDEF: u32 = 8;
const FUNCTION: u32 = 12;
const PROTOTYPE: u32 = 13;

/// The types of a kernel, as they are put together.
struct Types {
    types: Vec<u32>,
    count: u32,
    strings: Vec<u8>,
}

impl Types {
    /// Types of an x86-64 kernel, which `struct desc_ptr` tells. Type 1 is a number.
    fn new() -> Types {
        let mut types = Types { types: Vec::new(), count: 0, strings: vec![0] };
        types.add("u64", INT, 0, 8, &[64]);
        types.add("desc_ptr", STRUCT, 0, 10, &[]);
        types
    }

    /// Adds a type and returns its id.
    fn add(&mut self, name: &str, kind: u32, entries: u32, third: u32, more: &[u32]) -> u32 {
        let offset = match name {
            "" => 0,
            name => {
                let offset = self.strings.len() as u32;
                self.strings.extend_from_slice(name.as_bytes());
                self.strings.push(0);
                offset
            }
        };
        self.types.extend([offset, kind << 24 | entries, third]);
        self.types.extend(more);
        self.count += 1;
        self.count
    }

    fn prototype(&mut self, parameters: &[u32], result: u32) -> u32 {
        let entries: Vec<u32> = parameters.iter().flat_map(|&parameter| [0, parameter]).collect();
        self.add("", PROTOTYPE, parameters.len() as u32, result, &entries)
    }

    fn function(&mut self, name: &str, parameters: &[u32], result: u32) {
        let prototype = self.prototype(parameters, result);
        self.add(name, FUNCTION, 1, prototype, &[]);
    }

    /// A tracepoint; the kernel's own first argument comes before these.
    fn tracepoint(&mut self, name: &str, parameters: &[u32]) {
        let prototype = self.prototype(&[&[1], parameters].concat(), 0);
        let pointer = self.add("", POINTER, 0, prototype, &[]);
        self.add(&format!("btf_trace_{name}"), TYPEDEF, 0, pointer, &[]);
    }

    fn bytes(&self) -> Vec<u8> {
        let length = 4 * self.types.len() as u32;
        let header = [24, 0, length, length, self.strings.len() as u32];
        let words = header.iter().chain(&self.types).flat_map(|word| word.to_le_bytes());
        [0x9f, 0xeb, 1, 0].into_iter().chain(words).chain(self.strings.iter().copied()).collect()
    }
}

/// What kernels of each release are given.
fn types() -> Vec<u8> {
    let mut types = Types::new();
    let number = 1;
    let pair = types.add("pair", STRUCT, 0, 16, &[]);
    types.function("six", &[number; 6], number);
    types.function("seven", &[number; 7], number);
    types.function("twelve", &[number; 12], number);
    types.function("thirteen", &[number; 13], number);
    types.function("variable", &[number, 0], number);
    types.function("takes_pair", &[number, pair], number);
    types.function("gives_pair", &[number], pair);
    types.function("nothing", &[], 0);
    types.tracepoint("narrow", &[number]);
    types.tracepoint("wide", &[number, number]);
    types.bytes()
}

fn check(directory: &Path, attach: &str, kernels: &[&str]) -> Output {
    let objects = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/objects/prebuilt/x86_64");
    let probe = format!(
        "version: 1\ndescription: Meets a kernel\nobject: on-kernels.bpf.o\nattach:\n  - {attach}\n"
    );
    fs::write(directory.join("probe.yaml"), probe).expect("a file can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_probe-runner"));
    command.current_dir(directory).args(["check", "probe.yaml", "-o", "json", "--no-cache"]);
    command.arg("--object-dir").arg(objects).env("NO_COLOR", "1");
    for kernel in kernels {
        command.args(["--kernel", kernel]);
    }
    command.output().expect("the binary runs")
}

/// What fails on each kernel.
fn fails(output: &Output) -> Vec<Vec<String>> {
    let text = String::from_utf8_lossy(&output.stderr);
    let report: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {text}"));
    let kernels = report["files"][0]["kernels"].as_array().expect("kernels were given");
    let codes = |kernel: &serde_json::Value| {
        let fails = kernel["fails"].as_array().expect("a list").iter();
        fails.map(|code| code.as_str().expect("a code").to_owned()).collect()
    };
    kernels.iter().map(codes).collect()
}

/// What trampolines take, by release: 5.10 and 6.1 have six words, 5.10 no structures.
#[test]
fn trampolines_take_more_from_release_to_release() {
    let scratch = Scratch::new("trampolines");
    let kernels = ["5.10.0-a.btf", "6.1.0-b.btf", "6.6.0-c.btf", "7.3.0-d.btf"];
    for kernel in kernels {
        scratch.write(kernel, types());
    }
    let arguments = Some("function-arguments");
    for (function, expected) in [
        ("six", [None; 4]),
        ("seven", [arguments, arguments, None, None]),
        ("twelve", [arguments, arguments, None, None]),
        ("thirteen", [arguments; 4]),
        ("variable", [arguments; 4]),
        ("takes_pair", [arguments, None, None, None]),
        ("gives_pair", [Some("function-result"); 4]),
        ("nothing", [Some("context-range"); 4]),
        ("sixx", [Some("missing-function"); 4]),
    ] {
        let attach = format!("fentry: {{ function: {function}, program: at_entry }}");
        let output = check(scratch.path(), &attach, &kernels);
        let expected: Vec<Vec<&str>> =
            expected.iter().map(|code| code.iter().copied().collect()).collect();
        assert_eq!(fails(&output), expected, "{function}");
        let exit = if expected.concat().is_empty() { 0 } else { 3 };
        assert_eq!(output.status.code(), Some(exit), "{function}");
    }
}

/// A typed tracepoint's program, and a raw one's, read arguments that are there.
#[test]
fn tracepoints_have_so_many_arguments() {
    let scratch = Scratch::new("tracepoints");
    scratch.write("6.12.btf", types());
    for (tracepoint, expected) in
        [("narrow", vec!["context-range"]), ("wide", vec![]), ("wid", vec!["missing-tracepoint"])]
    {
        let attach = format!("raw_tracepoint: {{ name: {tracepoint}, program: at_tracepoint }}");
        assert_eq!(
            fails(&check(scratch.path(), &attach, &["6.12.btf"])),
            [expected],
            "{tracepoint}"
        );
    }
}

/// Which version a kernel is can't be told from any name, and enterprise kernels carry newer code: what
/// goes by the version is then no mistake.
#[test]
fn what_goes_by_the_version_needs_one() {
    let scratch = Scratch::new("versions");
    let kernels = ["5.14.0-427.el9.x86_64.btf", "machine-7.btf"];
    for kernel in kernels {
        scratch.write(kernel, types());
    }
    let attach = "fentry: { function: seven, program: at_entry }";
    let expected: [Vec<String>; 2] = [Vec::new(), Vec::new()];
    assert_eq!(fails(&check(scratch.path(), attach, &kernels)), expected);
}
