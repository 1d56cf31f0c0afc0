//! `seawall rules check`: rule files → what is wrong with them, and how much is in them.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use seawall_detect::{Engine, Matching, load};

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
    let (counts, has_errors) = (loaded.counts, loaded.has_errors());
    let undeniable = Engine::new(loaded, Matching::All).denials().err().unwrap_or_default();
    for problem in &undeniable {
        writeln!(told, "{problem}")?;
    }
    writeln!(told, "{counts}")?;
    session.terminal.text(&told)?;
    Ok(if has_errors || !undeniable.is_empty() { Exit::BadInput } else { Exit::Allowed })
}
