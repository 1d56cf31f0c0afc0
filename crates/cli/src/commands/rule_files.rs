//! The rule files that a command works with: those that the user names, or Seawall's own.

use anyhow::{Context as _, Result, bail};
use seawall_detect::{Loaded, load, pack};

use crate::Session;
use crate::args::rules::RuleFiles;
use crate::input;

/// The rules that Falco publishes have some 100 kB.
pub(super) const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Files with their names and texts, in the order in which they load.
pub(super) struct Texts(Vec<(String, String)>);

impl Texts {
    pub(super) fn read(files: &RuleFiles) -> Result<Texts> {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        let mut texts = Vec::new();
        if files.rules.is_empty() || files.with_own {
            texts.extend(pack().iter().map(owned));
        }
        for file in &files.rules {
            texts.push((file.display().to_string(), input::text_of(file, FILE_BYTES_MAX)?));
        }
        Ok(Texts(texts))
    }

    pub(super) fn as_files(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
    }

    /// Loads them; mistakes are told, and none are forgiven: a rule that is left out tests nothing.
    pub(super) fn load(&self, session: &Session<'_>) -> Result<Loaded> {
        let loaded = load(&self.as_files());
        if loaded.has_errors() {
            for diagnostic in &loaded.diagnostics {
                session.terminal.note(diagnostic);
            }
            bail!("the rules cannot be used; `seawall rules check` says why");
        }
        Ok(loaded)
    }
}

/// Recordings may be large; they are read at once.
pub(super) const CAPTURE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// The text of a file of events or tests; of what `seawall guard --record` wrote, its events at their lines.
pub(super) fn capture(path: &std::path::Path, session: &Session<'_>) -> Result<String> {
    let text = input::text_of(path, CAPTURE_BYTES_MAX).context("recordings and tests are text")?;
    events_of(text, path, session)
}

#[cfg(feature = "runtime")]
fn events_of(text: String, path: &std::path::Path, session: &Session<'_>) -> Result<String> {
    let read = seawall_agent::lines_of_recording(&text, CAPTURE_BYTES_MAX as usize);
    let Some((lines, gaps)) = read.with_context(|| format!("cannot read {}", path.display()))? else {
        return Ok(text);
    };
    for gap in gaps {
        session.terminal.log(format_args!("gap: {}: {}", path.display(), gap.reason));
    }
    Ok(lines)
}

/// A recording is read by what records.
#[cfg(not(feature = "runtime"))]
fn events_of(text: String, _: &std::path::Path, _: &Session<'_>) -> Result<String> {
    Ok(text)
}
