//! Rule files: read, compiled, and looked at again for changes.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::SystemTime;

use seawall_detect::{Diagnostic, Engine, Level, Loaded, Matching, load};
use seawall_finding::Priority;

use crate::limits::RULE_FILE_BYTES_MAX;
use crate::regular;

/// Where rules come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleFile {
    /// A file, read again when it changes.
    Path(PathBuf),
    /// A file that is part of the program: its name and text.
    BuiltIn(&'static str, &'static str),
}

/// Why rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// A file cannot be read.
    #[error("cannot read the rules of {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What reads them has ended without an answer.
    #[error("the rules were not compiled: the thread that does it has ended")]
    Unfinished,
    /// They hold mistakes.
    #[error("the rules cannot be used:\n{}", lines(.0))]
    Mistakes(Vec<Diagnostic>),
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// How rules are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asking {
    pub(crate) matching: Matching,
    pub(crate) least: Priority,
}

/// Rules at work, and what they were made of.
pub(crate) struct Rules {
    pub(crate) engine: Engine,
    pub(crate) digest: u64,
    pub(crate) warnings: Vec<Diagnostic>,
}

/// The files and how they were when they were last read.
pub(crate) struct Files {
    files: Vec<RuleFile>,
    seen: Vec<Option<(SystemTime, u64)>>,
}

impl Files {
    pub(crate) fn new(files: Vec<RuleFile>) -> Self {
        Self { files, seen: Vec::new() }
    }

    /// Whether one of them is another than when they were last read.
    pub(crate) fn have_changed(&self) -> bool {
        self.look() != self.seen
    }

    fn look(&self) -> Vec<Option<(SystemTime, u64)>> {
        let about = |file: &RuleFile| match file {
            RuleFile::Path(path) => {
                let about = fs::metadata(path).ok()?;
                Some((about.modified().ok()?, about.len()))
            }
            RuleFile::BuiltIn(..) => None,
        };
        self.files.iter().map(about).collect()
    }

    /// What reads and compiles them as they are now, wherever it runs.
    pub(crate) fn compiling(&mut self, asking: Asking) -> impl FnOnce() -> Result<Rules, RulesError> + use<> {
        self.seen = self.look();
        let files = self.files.clone();
        move || compile(&files.iter().map(text_of).collect::<Result<Vec<_>, _>>()?, asking)
    }
}

fn text_of(file: &RuleFile) -> Result<(String, String), RulesError> {
    let path = match file {
        RuleFile::BuiltIn(name, text) => return Ok(((*name).to_owned(), (*text).to_owned())),
        RuleFile::Path(path) => path,
    };
    let read = || {
        let mut text = String::new();
        regular::open(path)?.take(RULE_FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
        if text.len() as u64 > RULE_FILE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 16 MiB"));
        }
        Ok(text)
    };
    let text = read().map_err(|source| RulesError::Read { path: path.clone(), source })?;
    Ok((path.display().to_string(), text))
}

/// Compiles texts; refused as a whole when one of them holds a mistake.
fn compile(texts: &[(String, String)], asking: Asking) -> Result<Rules, RulesError> {
    let borrowed: Vec<(&str, &str)> =
        texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let mut loaded: Loaded = load(&borrowed);
    let diagnostics = std::mem::take(&mut loaded.diagnostics);
    if diagnostics.iter().any(|diagnostic| diagnostic.level == Level::Error) {
        return Err(RulesError::Mistakes(diagnostics));
    }
    loaded.rules.iter_mut().filter(|rule| rule.priority < asking.least).for_each(|rule| rule.enabled = false);
    Ok(Rules { engine: Engine::new(loaded, asking.matching), digest: digest(texts), warnings: diagnostics })
}

/// Tells one set of rules from another (FNV-1a); proves nothing.
fn digest(texts: &[(String, String)]) -> u64 {
    let bytes = texts.iter().flat_map(|(name, text)| name.bytes().chain([0]).chain(text.bytes()).chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
