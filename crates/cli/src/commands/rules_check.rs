//! `seawall rules check`: rule files → what is wrong with them, and how much is in them.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use seawall_detect::load;

use super::rule_files::FILE_BYTES_MAX;
use crate::exit::Exit;
use crate::{Session, input};

/// Shows every mistake; the last line counts rules, macros and lists.
pub(crate) fn run(files: &[PathBuf], session: &Session<'_>) -> Result<Exit> {
    let mut read = Vec::new();
    for file in files {
        read.push((file.display().to_string(), input::text_of(file, FILE_BYTES_MAX)?));
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
