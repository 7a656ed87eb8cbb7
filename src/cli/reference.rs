//! The command line itself, told to a shell and to `man`.

use clap::CommandFactory as _;
use clap_mangen::Man as Page;
use why502::base::escape;

use super::args::{Cli, Completions, Man};
use super::print;

/// `why502 completions`.
pub(super) fn completions(typed: &Completions) -> Result<u8, String> {
    let mut script = Vec::new();
    clap_complete::generate(typed.shell, &mut Cli::command(), "why502", &mut script);
    print(&script).map(|()| 0)
}

/// `why502 man`.
pub(super) fn man(typed: &Man) -> Result<u8, String> {
    let mut program = Cli::command();
    // What belongs to all commands is known to each, and its name is that of the program and its own.
    program.build();
    let command = match &typed.command {
        None => program,
        Some(name) => program
            .find_subcommand(name)
            .cloned()
            .ok_or_else(|| format!("there is no command {}; `why502 --help` lists them", escape(name)))?,
    };
    let mut page = Vec::new();
    Page::new(command).render(&mut page).map_err(|e| e.to_string())?;
    print(&page).map(|()| 0)
}
