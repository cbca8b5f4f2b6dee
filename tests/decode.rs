//! Decoding against a C compiler: random types are compiled twice, once for BPF with type information,
//! which is decoded here, once for this machine into a program that reads the same bytes by the
//! types' own names. Both have to see the same values.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use probe_runner::btf::Layout;
use probe_runner::object::Inventory;
use probe_runner::read::{Value, decode};

/// How many types, and how many times each is filled with other bytes.
const TYPES: usize = 150;
const ROUNDS: usize = 4;

/// Xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

/// Integers as the source names them; those that a bit-field can be of come first, with their width.
const INTEGERS: [(&str, u32); 12] = [
    ("unsigned char", 8),
    ("signed char", 8),
    ("unsigned short", 16),
    ("short", 16),
    ("unsigned int", 32),
    ("int", 32),
    ("unsigned long", 64),
    ("long", 64),
    ("counter_t", 64),
    ("small_t", 16),
    ("__int128", 128),
    ("unsigned __int128", 128),
];
const FOR_BITS: usize = 10;

/// A structure in C, and the statements that print each of its parts.
struct Source {
    random: Random,
    names: usize,
}

impl Source {
    fn name(&mut self) -> String {
        self.names += 1;
        format!("m{}", self.names)
    }

    /// Members and what prints them; `path` is C's way to the structure around them, `shown` what
    /// the result calls it. Both are empty or end in a dot.
    fn members(&mut self, depth: u32, path: &str, shown: &str) -> (String, String) {
        let (mut text, mut prints) = (String::new(), String::new());
        for _ in 0..1 + self.random.below(5) {
            let (member, print) = self.member(depth, path, shown);
            text.push_str(&member);
            prints.push_str(&print);
        }
        (text, prints)
    }

    fn member(&mut self, depth: u32, path: &str, shown: &str) -> (String, String) {
        let name = self.name();
        let (at, key) = (format!("{path}{name}"), format!("{shown}{name}"));
        match self.random.below(if depth == 0 { 9 } else { 13 }) {
            0..=2 => {
                let (kind, _) = INTEGERS[self.random.below(INTEGERS.len())];
                (format!("{kind} {name};\n"), format!("NUMBER(\"{key}\", {at});\n"))
            }
            3 => {
                let (kind, width) = INTEGERS[self.random.below(FOR_BITS)];
                let bits = 1 + self.random.below(width as usize);
                let pad = match self.random.below(6) {
                    0 => format!("{kind} : 0;\n"),
                    1 => format!("{kind} : {};\n", 1 + self.random.below(width as usize)),
                    _ => String::new(),
                };
                (format!("{pad}{kind} {name} : {bits};\n"), format!("NUMBER(\"{key}\", {at});\n"))
            }
            4 => {
                let len = 1 + self.random.below(12);
                (format!("char {name}[{len}];\n"), format!("TEXT(\"{key}\", {at});\n"))
            }
            5 => (
                format!("_Bool {name};\n"),
                format!("NUMBER(\"{key}\", *(unsigned char *)&{at} != 0);\n"),
            ),
            6 => {
                let kind = self.random.of(&["enum colour", "enum sign", "enum wide"]);
                (format!("{kind} {name};\n"), format!("NUMBER(\"{key}\", {at});\n"))
            }
            7 => match self.random.below(3) {
                0 => (format!("float {name};\n"), format!("BITS(\"{key}\", {at});\n")),
                1 => (format!("double {name};\n"), format!("BITS(\"{key}\", {at});\n")),
                _ => (
                    format!("void *{name};\n"),
                    format!("NUMBER(\"{key}\", (unsigned long){at});\n"),
                ),
            },
            8 => {
                let (kind, _) = INTEGERS[self.random.below(INTEGERS.len())];
                let (rows, len) = (1 + self.random.below(3), 1 + self.random.below(4));
                let mut prints = String::new();
                for (row, column) in (0..rows).flat_map(|row| (0..len).map(move |c| (row, c))) {
                    let _ = writeln!(
                        prints,
                        "NUMBER(\"{key}[{row}][{column}]\", {at}[{row}][{column}]);"
                    );
                }
                (format!("{kind} {name}[{rows}][{len}];\n"), prints)
            }
            9 => {
                // Anonymous: its members are those of the structure around it.
                let kind = self.random.of(&["struct", "union"]);
                let (text, prints) = self.members(depth - 1, path, shown);
                (format!("{kind} {{\n{text}}};\n"), prints)
            }
            10 | 11 => {
                let kind = self.random.of(&["struct", "union"]);
                let packed = self.random.of(&["", " __attribute__((packed))"]);
                let (text, prints) = self.members(depth - 1, &format!("{at}."), &format!("{key}."));
                (format!("{kind} {{\n{text}}}{packed} {name};\n"), prints)
            }
            _ => {
                let len = 1 + self.random.below(3);
                let (text, _) = self.members(depth - 1, "", "");
                let mut prints = String::new();
                for index in 0..len {
                    let (path, shown) = (format!("{at}[{index}]."), format!("{key}[{index}]."));
                    prints.push_str(&elements(&text, &path, &shown));
                }
                (format!("struct {{\n{text}}} {name}[{len}];\n"), prints)
            }
        }
    }
}

/// Prints the scalars of an array's element, found by their declarations.
fn elements(text: &str, path: &str, shown: &str) -> String {
    let mut prints = String::new();
    let mut depth = 0;
    for line in text.lines() {
        depth += line.matches('{').count() as i32 - line.matches('}').count() as i32;
        let Some(declared) = line.strip_suffix(';') else { continue };
        if depth != 0 || line.contains(['}', '[', '*']) {
            continue;
        }
        let declared = declared.split(" : ").next().unwrap_or(declared);
        let Some((kind, name)) = declared.rsplit_once(' ') else { continue };
        if !name.starts_with('m') || matches!(kind, "float" | "double") {
            continue;
        }
        let value = match kind {
            "_Bool" => format!("*(unsigned char *)&{path}{name} != 0"),
            _ => format!("{path}{name}"),
        };
        let _ = writeln!(prints, "NUMBER(\"{shown}{name}\", {value});");
    }
    prints
}

const HEAD: &str = "
typedef unsigned long counter_t;
typedef const volatile short small_t;
enum colour { RED, GREEN = 7, BLUE = 4000000000u };
enum sign { MINUS = -5, ZERO = 0, PLUS = 6 };
enum wide { FAR = 0x123456789abcdefull };
";

const ORACLE: &str = r#"
#include <stdio.h>
#include <string.h>
#define NUMBER(path, value) do { __int128 own = (value); \
    printf("%s=%016lx%016lx\n", path, (unsigned long)((unsigned __int128)own >> 64), (unsigned long)own); } while (0)
#define BITS(path, value) do { unsigned long own = 0; memcpy(&own, &(value), sizeof(value)); \
    printf("%s=%s%lx\n", path, sizeof(value) == 4 ? "F" : "D", own); } while (0)
#define TEXT(path, value) do { printf("%s=T", path); \
    for (unsigned i = 0; i < sizeof(value) && (value)[i]; i++) printf("%02x", (unsigned char)(value)[i]); \
    puts(""); } while (0)
"#;

/// What both sides call a value.
fn flatten(value: &Value, path: &str, out: &mut BTreeMap<String, String>) {
    let number = |bits: u128| format!("{bits:032x}");
    let text = match value {
        Value::Fields(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(value, &path, out);
            }
            return;
        }
        Value::List(values) => {
            for (index, value) in values.iter().enumerate() {
                flatten(value, &format!("{path}[{index}]"), out);
            }
            return;
        }
        Value::Unsigned(n) => number(*n),
        Value::Signed(n) => number(n.cast_unsigned()),
        Value::Bool(truth) => number(u128::from(*truth)),
        Value::Enum { number: n, .. } => number(n.cast_unsigned()),
        Value::Pointer(address) => number(u128::from(*address)),
        Value::Float(n) => format!("D{:x}", n.to_bits()),
        Value::Text(text) => format!("T{}", hex(text.as_bytes())),
        Value::Bytes(bytes) => format!("bytes {}", hex(bytes)),
    };
    out.insert(path.to_owned(), text);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the compiler printed, in our words: text as far as it is text, numbers of four bytes as
/// numbers of eight.
fn expected(line: &str) -> (String, String) {
    let (path, value) = line.split_once('=').expect("the program prints pairs");
    let value = if let Some(digits) = value.strip_prefix('T') {
        let bytes: Vec<u8> = (0..digits.len() / 2)
            .map(|at| u8::from_str_radix(&digits[2 * at..][..2], 16).expect("hexadecimal"))
            .collect();
        format!("T{}", hex(String::from_utf8_lossy(&bytes).as_bytes()))
    } else if let Some(bits) = value.strip_prefix('F') {
        let bits = u32::from_str_radix(bits, 16).expect("hexadecimal");
        format!("D{:x}", f64::from(f32::from_bits(bits)).to_bits())
    } else {
        value.to_owned()
    };
    (path.to_owned(), value)
}

fn compile(compiler: &str, arguments: &[&str], directory: &Path) {
    let output = Command::new(compiler)
        .args(arguments)
        .current_dir(directory)
        .output()
        .expect("the compiler starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_type_is_read_as_a_c_compiler_reads_it() {
    let clang = "clang-19";
    if Command::new(clang).arg("--version").output().is_err() {
        // `cargo xtask ebpf` takes it too; `cargo xtask test` installs it.
        let _ = writeln!(std::io::stderr(), "skipped: there is no {clang}");
        return;
    }
    let directory =
        std::env::temp_dir().join(format!("probe-runner-decode-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("the directory can be made");
    let mut source = Source { random: Random(0x9e37_79b9_7f4a_7c15), names: 0 };
    let (mut types, mut cases) = (HEAD.to_owned(), String::new());
    for index in 0..TYPES {
        let (text, prints) = source.members(3, "v.", "");
        let packed = source.random.of(&["", "", " __attribute__((packed))"]);
        let _ = writeln!(types, "struct s{index} {{\n{text}}}{packed};");
        let _ = writeln!(
            cases,
            "case {index}: {{ struct s{index} v; memcpy(&v, bytes, sizeof(v)); \
             printf(\"size=%zu\\n\", sizeof(v));\n{prints}break; }}"
        );
    }
    let mut variables = types.clone();
    // An object is one only with a program.
    variables
        .push_str("__attribute__((section(\"raw_tracepoint\"))) int any(void *c) { return 0; }\n");
    for index in 0..TYPES {
        let _ = writeln!(variables, "struct s{index} v{index};");
    }
    let oracle = format!(
        "{types}{ORACLE}
int main(void)
{{
    static unsigned char bytes[65536];
    for (int round = 0; round < {ROUNDS}; round++)
        for (int type = 0; type < {TYPES}; type++) {{
            if (fread(bytes, sizeof(bytes), 1, stdin) != 1)
                return 1;
            printf(\"type=%d\\n\", type);
            switch (type) {{
{cases}
            }}
        }}
    return 0;
}}
"
    );
    fs::write(directory.join("types.c"), variables).expect("the file can be written");
    fs::write(directory.join("oracle.c"), oracle).expect("the file can be written");
    let bpf = ["-g", "-O2", "-target", "bpf", "-w", "-c", "types.c", "-o", "types.o"];
    compile(clang, &bpf, &directory);
    compile("cc", &["-O0", "-w", "oracle.c", "-o", "oracle"], &directory);
    let object = fs::read(directory.join("types.o")).expect("clang wrote it");
    let inventory = Inventory::read(&object).expect("clang's objects are good");

    // Bytes are random but for some that are 0, so that text and truth have an end and a false.
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut inputs = vec![0_u8; 65_536 * TYPES * ROUNDS];
    for input in inputs.chunks_exact_mut(65_536) {
        for byte in &mut input[..4096] {
            *byte = if random.below(5) == 0 { 0 } else { random.next() as u8 };
        }
    }
    let mut child = Command::new(directory.join("oracle"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let fed = inputs.clone();
    let feeder = std::thread::spawn(move || stdin.write_all(&fed));
    let output = child.wait_with_output().expect("the program ends");
    feeder.join().expect("no panic").expect("the program reads all");
    fs::remove_dir_all(&directory).expect("the directory can be removed");

    let text = String::from_utf8(output.stdout).expect("text");
    let mut compared = 0;
    for (case, input) in text.split("type=").skip(1).zip(inputs.chunks_exact(65_536)) {
        let mut lines = case.lines();
        let tag = format!("s{}", lines.next().expect("the type's number"));
        let layout = layout(&inventory, &tag);
        let (_, size) = lines.next().and_then(|line| line.split_once('=')).expect("its size");
        assert_eq!(layout.size().to_string(), size, "{tag}");
        let bytes = &input[..layout.size() as usize];
        let mut ours = BTreeMap::new();
        flatten(&decode(layout, bytes).expect("all bytes are there"), "", &mut ours);
        for line in lines {
            let (path, value) = expected(line);
            assert_eq!(ours.get(&path), Some(&value), "{tag}: {path} of {}", hex(bytes));
            compared += 1;
        }
    }
    assert!(compared > 20 * TYPES, "only {compared} values were compared: is the test looking?");
}

fn layout<'a>(inventory: &'a Inventory, tag: &str) -> &'a Layout {
    let mut structs = inventory.structs.iter();
    structs.find(|(name, _)| name == tag).map(|(_, layout)| layout).expect("the type is there")
}
