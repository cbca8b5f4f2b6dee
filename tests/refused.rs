//! The probe files of `tests/refused`, as far as that shows without a kernel: each says what is expected
//! of it, by a code that there is. `check-reports-what-the-kernel-refuses` brings them to kernels.

use probe_runner::spec::yaml;
use probe_runner::text::codes::Code;
use probe_runner::text::source::Source;
use std::fs;
use std::path::Path;

#[test]
fn refused_files_say_what_is_expected() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/refused");
    let mut count = 0;
    for entry in fs::read_dir(directory).expect("the directory is readable") {
        let path = entry.expect("the directory is readable").path();
        let text = fs::read_to_string(&path).expect("the file is readable");
        let name = path.display().to_string();
        let said: Vec<&str> = text.lines().take(3).collect();
        for code in said[0].strip_prefix("# expect: ").expect(&name).split(" or ") {
            assert!(Code::ALL.iter().any(|known| known.name() == code), "{name}: no code {code}");
        }
        assert!(said[1].starts_with("# refused by: "), "{name}");
        assert!(said[2].strip_prefix("# at: ").is_some_and(|at| at.contains(", ")), "{name}");
        // What is wrong with it is not its shape: the kernel must get to see it.
        let source = Source { path: name.clone(), text };
        assert!(yaml::parse(&source).mistakes.is_empty(), "{name}");
        count += 1;
    }
    assert!(count >= 40, "only {count} files");
}
