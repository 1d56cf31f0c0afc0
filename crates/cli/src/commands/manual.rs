//! `seawall completions` and `seawall man`: generated from the command line itself.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::args::Cli;
use crate::exit::Exit;
use crate::terminal::Terminal;

pub(crate) fn completions(shell: clap_complete::Shell, terminal: &Terminal) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "seawall", &mut script);
    terminal.result(|out| Ok(out.write_all(&script)?))?;
    Ok(Exit::Allowed)
}

pub(crate) fn man(directory: &Path, terminal: &Terminal) -> Result<Exit> {
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let pages = clap_mangen::generate_to(Cli::command(), directory);
    pages.with_context(|| format!("cannot write man pages into {}", directory.display()))?;
    terminal.note(format_args!(
        "man pages are in {}; try `man -l {}/seawall.1`",
        directory.display(),
        directory.display()
    ));
    Ok(Exit::Allowed)
}
