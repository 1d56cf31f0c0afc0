//! Rule files: read, compiled, and looked at again for changes.

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Instant, SystemTime};

use seawall_detect::{Diagnostic, Engine, Level, Loaded, Matching, load};
use seawall_finding::Priority;

use crate::limits::{LOOK_EVERY, RULE_FILE_BYTES_MAX};
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

/// Looks at rule files now and then, and compiles changed ones beside what runs: reading too, because a file system that
/// hangs must not blind the guard.
pub(crate) struct Reloading {
    files: Files,
    asking: Asking,
    /// Set by whoever wants the rules read again.
    asked: Arc<AtomicBool>,
    compiled: Option<Receiver<Result<Rules, RulesError>>>,
    last_look: Instant,
}

impl Reloading {
    pub(crate) fn new(files: Files, asking: Asking, asked: Arc<AtomicBool>) -> Reloading {
        Reloading { files, asking, asked, compiled: None, last_look: Instant::now() }
    }

    /// New rules, or why they cannot be used, once they are there.
    pub(crate) fn look(&mut self) -> Option<Result<Rules, RulesError>> {
        if let Some(compiled) = &self.compiled {
            let answer = match compiled.try_recv() {
                Err(TryRecvError::Empty) => return None,
                Ok(answer) => answer,
                Err(TryRecvError::Disconnected) => Err(RulesError::Unfinished),
            };
            self.compiled = None;
            return Some(answer);
        }
        let is_time = self.last_look.elapsed() >= LOOK_EVERY;
        let is_asked = self.asked.swap(false, Ordering::Relaxed);
        if is_time {
            self.last_look = Instant::now();
        }
        if is_asked || is_time && self.files.have_changed() {
            let (sender, receiver) = channel();
            let compiling = self.files.compiling(self.asking);
            std::thread::spawn(move || {
                // Nobody waits for the answer when the guard has ended.
                let _ = sender.send(compiling());
            });
            self.compiled = Some(receiver);
        }
        None
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
