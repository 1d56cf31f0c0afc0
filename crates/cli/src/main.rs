//! `seawall`: container security from build to run time, in one binary.
//!
//! This file parses the command line and hands it to `commands`; every mode is one line of one match.

mod args;
mod commands;
mod config;
mod exit;
mod input;
mod output;
mod progress;
mod target;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::commands::{
    admit, attest, audit, copy, db, diff, explain, gate, incidents, lint, manual, pin, respond,
    rules_command, sbom, scan, sign, trust, verify, wrap,
};
use crate::config::Config;
use crate::exit::Exit;
use crate::terminal::{Talk, Terminal};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = Config::from_environment();
    let talk = if cli.global.quiet { Talk::Quiet } else { Talk::Normal };
    let terminal = Terminal::new(talk, config.no_color);
    let session = Session { config: &config, terminal: &terminal, global: &cli.global };
    let done = match &cli.command {
        Command::Scan(args) => scan::run(args, &session),
        Command::Sbom(args) => sbom::run(args, &session),
        Command::Audit(args) => audit::run(args, &session),
        Command::Lint(args) => lint::run(args, &session),
        Command::Diff(args) => diff::run(args, &session),
        Command::Incidents(args) => incidents::run(args, &session),
        #[cfg(feature = "runtime")]
        Command::Guard(args) => commands::guard::run(args, &session),
        #[cfg(feature = "runtime")]
        Command::Top(args) => commands::top::run(args, &session),
        Command::Db { command } => db::run(command, &session),
        Command::Rules { command } => rules_command::run(command, &session),
        Command::Respond { command } => respond::run(command, &session),
        Command::Trust { command } => trust::run(command, &session),
        Command::Sign(args) => sign::run(args, &session),
        Command::Attest(args) => attest::run(args, &session),
        Command::Verify(args) if args.wrap => wrap::run(args, &session),
        Command::Verify(args) => verify::image(args, &session),
        Command::Admit { command } => admit::run(command, &session),
        Command::VerifyBundle(args) => verify::bundle(args, &session),
        Command::Copy(args) => copy::run(args, &session),
        Command::Pin(args) => pin::run(args, &session),
        Command::Gate(args) => gate::run(args, &session),
        Command::Explain { id: Some(id), .. } => explain::run(id, &session),
        Command::Explain { id: None, markdown, .. } => explain::reference(*markdown, &terminal),
        Command::Completions { shell } => manual::completions(*shell, &terminal),
        Command::Man { directory } => manual::man(directory, &terminal),
    };
    let exit = done.unwrap_or_else(|error| {
        terminal.error(&error);
        Exit::BadInput
    });
    exit.into()
}

/// What every command works with.
struct Session<'s> {
    config: &'s Config,
    terminal: &'s Terminal,
    global: &'s args::Global,
}
