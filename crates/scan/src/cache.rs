//! Layer facts on disk, one file per layer and version of the facts.
//!
//! Files are written to a temporary name and renamed, so any number of processes share a directory
//! without a lock. A file that cannot be read back is treated as absent. The directory is kept below a size by
//! removing the files that were used longest ago.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use seawall_image::Wanted;
use seawall_inventory::Digest;
use seawall_leaks::LayerLeaks;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::facts::{self, LayerFacts};
use crate::limits::{CACHE_BYTES_MAX, FACTS_BYTES_MAX};

/// Which look at a layer: `None` is the first, at all of it; the second is at these files.
pub(crate) type Part<'a> = Option<&'a Wanted>;

/// A directory of layer facts.
#[derive(Debug, Clone)]
pub struct LayerCache {
    directory: PathBuf,
}

impl LayerCache {
    /// The cache in this directory, which is made when it is first written to.
    pub fn new(directory: &Path) -> LayerCache {
        LayerCache { directory: directory.join("layers") }
    }

    fn path(&self, diff_id: &Digest, part: Part<'_>) -> PathBuf {
        let mut name = format!("{}-{:x}", diff_id.hex(), facts::version());
        if let Some(wanted) = part {
            let digest = Sha256::digest(format!("{wanted:?}"));
            name.push('-');
            name.extend(digest.iter().take(16).map(|byte| format!("{byte:02x}")));
        }
        self.directory.join(name)
    }

    /// The leaks of a layer are those of one search: its rules and its key, which `search` names.
    fn leaks_path(&self, diff_id: &Digest, search: &str) -> PathBuf {
        self.directory.join(format!("{}-leaks-{search}", diff_id.hex()))
    }

    /// The facts of a layer, where they are cached and whole.
    pub(crate) fn get(&self, diff_id: &Digest, part: Part<'_>) -> Option<LayerFacts> {
        read(&self.path(diff_id, part))
    }

    /// Keeps the facts of a layer.
    ///
    /// # Errors
    /// The directory cannot be written; the scan goes on without.
    pub(crate) fn put(&self, diff_id: &Digest, part: Part<'_>, facts: &LayerFacts) -> io::Result<()> {
        self.write(&self.path(diff_id, part), facts)
    }

    /// The leaks of a layer, where they are cached and whole.
    pub(crate) fn get_leaks(&self, diff_id: &Digest, search: &str) -> Option<LayerLeaks> {
        read(&self.leaks_path(diff_id, search))
    }

    /// Keeps the leaks of a layer.
    ///
    /// # Errors
    /// As for [`LayerCache::put`].
    pub(crate) fn put_leaks(&self, diff_id: &Digest, search: &str, leaks: &LayerLeaks) -> io::Result<()> {
        self.write(&self.leaks_path(diff_id, search), leaks)
    }

    fn write(&self, path: &Path, value: &impl Serialize) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let file = tempfile::NamedTempFile::new_in(&self.directory)?;
        let mut encoder = zstd::stream::Encoder::new(file, 1)?;
        serde_json::to_writer(&mut encoder, value)?;
        encoder.finish()?.persist(path)?;
        Ok(())
    }

    /// Removes what was used longest ago until the directory is below its limit.
    pub(crate) fn trim(&self) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let metadata = entry.metadata().ok()?;
                Some((metadata.modified().ok()?, metadata.len(), entry.path()))
            })
            .collect();
        let mut size: u64 = files.iter().map(|(_, size, _)| size).sum();
        files.sort();
        for (_, bytes, path) in files {
            if size <= CACHE_BYTES_MAX {
                break;
            }
            if fs::remove_file(path).is_ok() {
                size -= bytes;
            }
        }
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let file = File::open(path).ok()?;
    // Bounded: a damaged or foreign file must not fill memory.
    let bytes = zstd::stream::Decoder::new(&file).ok().and_then(read_bounded)?;
    let value = serde_json::from_slice(&bytes).ok()?;
    // Best effort: the time of use decides what is removed first.
    let _ = file.set_modified(SystemTime::now());
    Some(value)
}

fn read_bounded(reader: impl io::Read) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(reader, FACTS_BYTES_MAX), &mut bytes).ok()?;
    (bytes.len() as u64 != FACTS_BYTES_MAX).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use seawall_inventory::{Ecosystem, Package};

    #[test]
    fn facts_come_back_and_damage_is_absence() {
        let directory = tempfile::tempdir().unwrap();
        let cache = LayerCache::new(directory.path());
        let id = Digest::sha256([7; 32]);
        assert_eq!(cache.get(&id, None), None);
        let mut facts = LayerFacts { files: 3, ..LayerFacts::default() };
        facts.catalog.declare("var/lib/dpkg/status", Package::new(Ecosystem::Deb, "a", "1"));
        cache.put(&id, None, &facts).unwrap();
        assert_eq!(cache.get(&id, None), Some(facts));
        let path = cache.path(&id, None);
        let bytes = fs::read(&path).unwrap();
        for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            fs::write(&path, &bytes[..cut]).unwrap();
            assert_eq!(cache.get(&id, None), None, "{cut} bytes");
        }
    }
}
