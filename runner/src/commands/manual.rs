//! `probe-runner completions`, `man`, and the reference in `docs/commands.md`: all from the same
//! definition of the command line. The only user of clap_complete and clap_mangen.

use crate::commands::Outcome;
use anyhow::Context;
use clap::Command;
use clap_complete::{Shell, generate};
use clap_mangen::Man;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

/// Columns of the reference.
const WIDTH: usize = 100;

/// Writes a shell's completions.
///
/// # Errors
/// The output can't be written.
pub fn completions(
    shell: Shell,
    mut program: Command,
    out: &mut impl Write,
) -> anyhow::Result<Outcome> {
    let name = program.get_name().to_owned();
    let mut text = Vec::new();
    generate(shell, &mut program, name, &mut text);
    out.write_all(&text)?;
    Ok(Outcome::Done)
}

/// Writes the program's manual page as troff, or into a directory those of all commands.
///
/// # Errors
/// The output or the directory's files can't be written.
pub fn pages(
    directory: Option<&Path>,
    program: Command,
    out: &mut impl Write,
) -> anyhow::Result<Outcome> {
    match directory {
        Some(directory) => std::fs::create_dir_all(directory)
            .and_then(|()| clap_mangen::generate_to(program, directory))
            .with_context(|| format!("can't write manual pages into {}", directory.display()))?,
        None => Man::new(program).render(out)?,
    }
    Ok(Outcome::Done)
}

/// What `--help` says of every command, as a page.
pub fn reference(program: Command) -> String {
    let mut program = program.term_width(WIDTH);
    program.build();
    let mut page = String::from(
        "# Commands\n\nWhat `probe-runner COMMAND --help` says. Made by `cargo xtask gen`; don't edit.\n",
    );
    for command in program.get_subcommands_mut().filter(|command| command.get_name() != "help") {
        let help = command.render_long_help().to_string();
        // Writing to a String can't fail.
        let _ = write!(page, "\n## {}\n\n```\n", command.get_name());
        for line in help.trim_end().lines() {
            let _ = writeln!(page, "{}", line.trim_end());
        }
        page.push_str("```\n");
    }
    page
}
