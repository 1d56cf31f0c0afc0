//! `seawall rules check`: rule files → what is wrong with them, and how much is in them.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use seawall_detect::load;

use crate::Session;
use crate::exit::Exit;

/// Shows every mistake; the last line counts rules, macros and lists.
pub(crate) fn run(files: &[PathBuf], session: &Session<'_>) -> Result<Exit> {
    let mut read = Vec::new();
    for file in files {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        read.push((file.display().to_string(), text));
    }
    let loaded = load(&read.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>());
    let mut told = String::new();
    for diagnostic in &loaded.diagnostics {
        writeln!(told, "{diagnostic}")?;
    }
    writeln!(told, "{}", loaded.counts)?;
    session.terminal.text(&told)?;
    Ok(if loaded.has_errors() { Exit::BadInput } else { Exit::Allowed })
}
