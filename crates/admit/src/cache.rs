//! What was verified: an image by digest, against which policy, by whose signatures, until when.
//!
//! In memory, and in a directory that several processes share: a file for each image, written beside and renamed, which
//! nobody else may read or write, with a code that only the directory's secret makes. What does not fit that is not
//! believed and told as a gap. Remembers no tags, and nothing that failed for longer than some seconds.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::Hash;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use rustix::fs::OFlags;
use seawall_finding::{Finding, Gap, GapKind};
use seawall_image::manifest::digest_of;
use seawall_inventory::{Algorithm, Digest, ImageName};
use serde::{Deserialize, Serialize};

use crate::limits::{COVERED_MAX, GAPS_MAX, REMEMBERED_BYTES_MAX, REMEMBERED_MAX};

const SECRET: &str = "secret";
const SECRET_BYTES: usize = 32;

/// What is remembered of an image, and by what it is found again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key {
    /// `registry/repository`: signatures lie there.
    pub repository: String,
    /// The digest that was verified.
    pub digest: Digest,
    /// The digest of the policy and its files.
    pub policy: Digest,
}

impl Key {
    /// The key of an image's digest.
    pub(crate) fn new(name: &ImageName, digest: &Digest, policy: &Digest) -> Key {
        let repository = format!("{}/{}", name.registry(), name.repository());
        Key { repository, digest: digest.clone(), policy: policy.clone() }
    }

    fn file(&self) -> String {
        let text = format!("{}@{} {}", self.repository, self.digest, self.policy);
        digest_of(Algorithm::Sha256, text.as_bytes()).hex().to_owned()
    }
}

/// An image that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Which, and against what.
    pub key: Key,
    /// Keys and identities whose signatures verified.
    pub by: Vec<String>,
    /// What was found wrong with signatures and only logged by notation's trust policy.
    pub tolerated: Vec<String>,
    /// When.
    pub at: Timestamp,
    /// When that must be done again.
    pub until: Timestamp,
    /// Ids that engines give to what the digest means, as far as somebody asked.
    pub covers: Vec<Digest>,
}

/// Why an image is not trusted, until it is asked again.
#[derive(Debug, Clone)]
struct Refused {
    findings: Vec<Finding>,
    until: Timestamp,
}

/// A remembered image, and whether anybody asked for it since it was verified.
#[derive(Debug)]
struct Held {
    found: Remembered,
    used: bool,
}

/// The memory of one process, and the directory where it has one.
#[derive(Debug)]
pub struct Cache {
    trusted: Mutex<HashMap<Key, Held>>,
    /// By the name that was asked for too: findings tell it.
    refused: Mutex<HashMap<(Key, String), Refused>>,
    directory: Option<Directory>,
    gaps: Mutex<Vec<Gap>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cache {
    /// A cache in this directory, which is made where it is not there, or in memory only. A directory that cannot be
    /// used is a gap: everything is then verified by this process itself.
    pub fn open(directory: Option<&Path>) -> Cache {
        let opened = directory.map(|path| Directory::open(path).map_err(|error| (path, error)));
        let (directory, gaps) = match opened {
            None => (None, Vec::new()),
            Some(Ok(directory)) => (Some(directory), Vec::new()),
            Some(Err((path, error))) => (None, vec![gap(path, &error)]),
        };
        Cache { trusted: Mutex::default(), refused: Mutex::default(), directory, gaps: Mutex::new(gaps) }
    }

    /// What is remembered and still holds.
    pub(crate) fn get(&self, key: &Key, now: Timestamp) -> Option<Remembered> {
        let holds = |found: &Remembered| found.at <= now && now < found.until;
        if let Some(held) = locked(&self.trusted).get_mut(key).filter(|held| holds(&held.found)) {
            held.used = true;
            return Some(held.found.clone());
        }
        let directory = self.directory.as_ref()?;
        match directory.read(key) {
            Ok(found) => {
                let found = found.filter(holds)?;
                self.hold(found.clone(), true);
                Some(found)
            }
            Err(error) => {
                self.note(gap(&directory.path.join(key.file()), &error));
                None
            }
        }
    }

    /// Remembers. A disk that does not take it is a gap; this process remembers all the same.
    pub(crate) fn put(&self, mut found: Remembered) {
        found.covers.truncate(COVERED_MAX);
        if let Some(directory) = &self.directory
            && let Err(error) = directory.write(&found)
        {
            self.note(gap(&directory.path, &error));
        }
        self.hold(found, false);
    }

    fn hold(&self, found: Remembered, used: bool) {
        let key = found.key.clone();
        insert(&mut locked(&self.trusted), key, Held { found, used }, |held| held.found.until);
    }

    /// What was asked for, still holds, and ends before this time.
    pub(crate) fn ending(&self, now: Timestamp, before: Timestamp) -> Vec<Remembered> {
        let ends = |held: &&Held| held.used && now < held.found.until && held.found.until < before;
        locked(&self.trusted).values().filter(ends).map(|held| held.found.clone()).collect()
    }

    /// Why an image was not trusted some seconds ago.
    pub(crate) fn refused(&self, key: &(Key, String), now: Timestamp) -> Option<Vec<Finding>> {
        let refused = locked(&self.refused);
        refused.get(key).filter(|refused| now < refused.until).map(|refused| refused.findings.clone())
    }

    /// Remembers that an image is not trusted.
    pub(crate) fn refuse(&self, key: (Key, String), findings: Vec<Finding>, until: Timestamp) {
        insert(&mut locked(&self.refused), key, Refused { findings, until }, |refused| refused.until);
    }

    /// What went wrong with the directory since this was asked last.
    pub fn gaps(&self) -> Vec<Gap> {
        std::mem::take(&mut locked(&self.gaps))
    }

    fn note(&self, gap: Gap) {
        let mut gaps = locked(&self.gaps);
        if gaps.len() < GAPS_MAX && !gaps.contains(&gap) {
            gaps.push(gap);
        }
    }
}

/// Inserts; where there is no room, what ends first goes.
fn insert<K: Eq + Hash, V>(map: &mut HashMap<K, V>, key: K, value: V, until: impl Fn(&V) -> Timestamp) {
    if map.len() >= REMEMBERED_MAX && !map.contains_key(&key) {
        let mut ends: Vec<Timestamp> = map.values().map(&until).collect();
        // A tenth at once, so that a full memory is not searched every time.
        let (_, end, _) = ends.select_nth_unstable(REMEMBERED_MAX / 10);
        let end = *end;
        map.retain(|_, value| until(value) > end);
    }
    map.insert(key, value);
}

fn gap(path: &Path, error: &io::Error) -> Gap {
    let reason = format!("the cache of verified images is not believed: {error}");
    Gap::at(GapKind::Unreadable, path.display().to_string(), reason)
}

#[derive(Debug)]
struct Directory {
    path: PathBuf,
    secret: hmac::Key,
    written: AtomicU64,
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_owned())
}

/// Whether it is ours and nobody else's.
fn check_private(about: &fs::Metadata) -> io::Result<()> {
    match about.uid() == rustix::process::geteuid().as_raw() && about.mode() & 0o077 == 0 {
        true => Ok(()),
        false => Err(invalid("others own it or may use it")),
    }
}

fn read_private(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK);
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let about = file.metadata()?;
    check_private(&about)?;
    if !about.is_file() || about.len() > REMEMBERED_BYTES_MAX {
        return Err(invalid("it is no file of this cache"));
    }
    let mut bytes = Vec::new();
    file.take(REMEMBERED_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Directory {
    fn open(path: &Path) -> io::Result<Directory> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let about = fs::symlink_metadata(path)?;
        if !about.is_dir() {
            return Err(invalid("it is no directory"));
        }
        check_private(&about)?;
        let secret = secret(path)?;
        Ok(Directory {
            path: path.to_owned(),
            secret: hmac::Key::new(hmac::HMAC_SHA256, &secret),
            written: AtomicU64::new(0),
        })
    }

    fn read(&self, key: &Key) -> io::Result<Option<Remembered>> {
        let bytes = match read_private(&self.path.join(key.file())) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = hmac::HMAC_SHA256.digest_algorithm().output_len();
        let (code, text) = bytes.split_at_checked(length).ok_or_else(|| invalid("it is cut off"))?;
        hmac::verify(&self.secret, text, code)
            .map_err(|_| invalid("its code is not that of this cache: somebody changed it"))?;
        let found: Remembered = serde_json::from_slice(text)?;
        match found.key == *key {
            true => Ok(Some(found)),
            false => Err(invalid("it is that of another image")),
        }
    }

    fn write(&self, found: &Remembered) -> io::Result<()> {
        let count = self.written.fetch_add(1, Ordering::Relaxed);
        let name = found.key.file();
        // Short-lived processes write one each: the name decides now and then, a long-lived one counts.
        if count % 256 == 255 || name.starts_with("00") {
            self.shrink()?;
        }
        let text = serde_json::to_vec(found)?;
        let code = hmac::sign(&self.secret, &text);
        let beside = self.path.join(format!("new-{}-{count}", std::process::id()));
        let write = || {
            write_new(&beside, &[code.as_ref(), &text])?;
            fs::rename(&beside, self.path.join(&name))
        };
        write().inspect_err(|_| {
            // Nothing is left for others to find; that it cannot be removed either adds nothing.
            let _ = fs::remove_file(&beside);
        })
    }

    /// Removes the oldest files where there are too many.
    fn shrink(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name() != SECRET {
                files.push((entry.metadata()?.mtime(), entry.path()));
            }
        }
        files.sort();
        for (_, path) in files.iter().take(files.len().saturating_sub(REMEMBERED_MAX)) {
            match fs::remove_file(path) {
                // Another process removes as well.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

fn write_new(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    // One of a process of the same number that died in the middle.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    parts.iter().try_for_each(|part| file.write_all(part))
}

/// The directory's secret; of several processes that make one, the first has made it for all.
fn secret(directory: &Path) -> io::Result<Vec<u8>> {
    let path = directory.join(SECRET);
    if !path.try_exists()? {
        let mut bytes = [0; SECRET_BYTES];
        SystemRandom::new().fill(&mut bytes).map_err(|_| invalid("the system gives no random numbers"))?;
        let beside = directory.join(format!("new-{}-secret", std::process::id()));
        write_new(&beside, &[&bytes])?;
        let linked = fs::hard_link(&beside, &path);
        fs::remove_file(&beside)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    let secret = read_private(&path)?;
    match secret.len() {
        SECRET_BYTES => Ok(secret),
        _ => Err(invalid("its secret is cut off")),
    }
}

#[cfg(test)]
mod tests;
