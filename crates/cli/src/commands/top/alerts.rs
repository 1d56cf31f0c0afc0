//! Findings counted by container: those of the own rules, and those that a running guard writes to a file.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use seawall_finding::{Evidence, Priority};
use seawall_policy::{Judged, Sink};

/// Containers with findings that are kept; a container without one takes no place.
const CONTAINERS_MAX: usize = 10_000;
/// Bytes of one line; a finding has at most some 100 kB.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Bytes of a file that are read at one look; the others at the next.
const LOOK_BYTES_MAX: u64 = 16 << 20;

/// Findings of one container.
#[derive(Debug, Clone, Default)]
pub(super) struct OfContainer {
    /// How many of each priority.
    pub(super) by_priority: BTreeMap<Priority, u64>,
    /// The rule that spoke last of those with the highest priority.
    pub(super) worst: String,
}

/// Findings by container, for two threads. The host's are under `host`.
#[derive(Debug, Clone, Default)]
pub(super) struct Alerts(Arc<Mutex<HashMap<String, OfContainer>>>);

impl Alerts {
    pub(super) fn now(&self) -> HashMap<String, OfContainer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, judged: &Judged) {
        let Evidence::Happened(happened) = &judged.finding.evidence else { return };
        if judged.waived.is_some() {
            return;
        }
        let key = happened.container.as_ref().map_or("host", |container| container.id.as_str());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= CONTAINERS_MAX && !all.contains_key(key) {
            return;
        }
        let of = all.entry(key.to_owned()).or_default();
        if of.by_priority.keys().next_back().is_none_or(|worst| happened.priority >= *worst) {
            of.worst.clone_from(&happened.rule);
        }
        let count = of.by_priority.entry(happened.priority).or_default();
        *count = count.saturating_add(happened.events.max(1));
    }
}

/// Counts what the own rules find.
pub(super) struct Counting(pub(super) Alerts);

impl Sink for Counting {
    fn take(&mut self, judged: &Judged) -> io::Result<()> {
        self.0.add(judged);
        Ok(())
    }
}

/// Files that a guard writes, read on from where they were read to.
#[derive(Debug)]
pub(super) struct Files {
    files: Vec<Followed>,
    wrong: u64,
}

#[derive(Debug)]
struct Followed {
    path: PathBuf,
    inode: u64,
    at: u64,
}

impl Files {
    /// They have to be there: a name with a mistake in it would show no alerts for ever.
    pub(super) fn open(paths: &[PathBuf]) -> Result<Files> {
        let follow = |path: &PathBuf| -> Result<Followed> {
            let about = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
            if !about.is_file() {
                bail!("cannot read {}: it is not a regular file", path.display());
            }
            Ok(Followed { path: path.clone(), inode: about.ino(), at: 0 })
        };
        Ok(Files { files: paths.iter().map(follow).collect::<Result<_>>()?, wrong: 0 })
    }

    /// Counts what was added.
    pub(super) fn read(&mut self, alerts: &Alerts) {
        for followed in &mut self.files {
            // Between a rotation and the next line there is no file.
            let Ok(wrong) = followed.read(alerts) else { continue };
            self.wrong += wrong;
        }
    }

    pub(super) fn gaps(&self) -> Vec<String> {
        let wrong = (self.wrong > 0).then(|| format!("{} lines of --alerts are no findings", self.wrong));
        wrong.into_iter().collect()
    }
}

impl Followed {
    fn read(&mut self, alerts: &Alerts) -> io::Result<u64> {
        let (file, about) = opened(&self.path)?;
        if about.ino() != self.inode || about.len() < self.at {
            (self.inode, self.at) = (about.ino(), 0);
        }
        let mut lines = BufReader::new(file);
        lines.seek(SeekFrom::Start(self.at))?;
        let end = self.at + LOOK_BYTES_MAX;
        let mut wrong = 0;
        let mut line = Vec::new();
        while self.at < end {
            line.clear();
            let length = io::Read::take(&mut lines, LINE_BYTES_MAX).read_until(b'\n', &mut line)? as u64;
            // The last line is still being written.
            if length == 0 || line.last() != Some(&b'\n') && length < LINE_BYTES_MAX {
                break;
            }
            self.at += length;
            if line.trim_ascii().is_empty() {
                continue;
            }
            match serde_json::from_slice::<Judged>(&line) {
                Ok(judged) => alerts.add(&judged),
                Err(_) => wrong += 1,
            }
        }
        Ok(wrong)
    }
}

fn opened(path: &Path) -> io::Result<(File, std::fs::Metadata)> {
    let about = std::fs::metadata(path)?;
    if !about.is_file() {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let file = File::open(path)?;
    let about = file.metadata()?;
    Ok((file, about))
}
