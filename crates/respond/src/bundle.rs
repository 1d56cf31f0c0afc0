//! A bundle of evidence: a tar (POSIX ustar) compressed by Zstandard, whose last file lists all others with their
//! digests. Written under another name until it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::limits::BUNDLE_BYTES_MAX;
use crate::receipt::Kept;

const BLOCK: usize = 512;
const LEVEL: i32 = 3;

/// A bundle that is being written.
pub(crate) struct Bundle {
    out: zstd::Encoder<'static, Hashing<File>>,
    part: PathBuf,
    whole: PathBuf,
    seconds: u64,
    bytes: u64,
    members: Vec<Member>,
    left_out: Vec<String>,
}

/// One file of it.
#[derive(Debug, Serialize)]
struct Member {
    name: String,
    size_bytes: u64,
    sha256: String,
    /// Where it comes from.
    from: String,
}

/// The list of all files.
#[derive(Debug, Serialize)]
struct Manifest<'m, T> {
    #[serde(flatten)]
    about: &'m T,
    files: &'m [Member],
    /// What was to be kept and is not, with the reason.
    left_out: &'m [String],
}

impl Bundle {
    /// Begins one, readable by its owner only; `seconds` since 1970 is the time of its files.
    pub(crate) fn begin(whole: PathBuf, seconds: u64) -> io::Result<Bundle> {
        let part = whole.with_added_extension("part");
        let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&part)?;
        let out = zstd::Encoder::new(Hashing { inner: file, hash: Sha256::new(), bytes: 0 }, LEVEL)?;
        let (members, left_out) = Default::default();
        Ok(Bundle { out, part, whole, seconds, bytes: 0, members, left_out })
    }

    /// Notes what is missing.
    pub(crate) fn lacks(&mut self, what: impl Into<String>) {
        self.left_out.push(what.into());
    }

    /// Room that is left.
    pub(crate) fn room(&self) -> u64 {
        BUNDLE_BYTES_MAX.saturating_sub(self.bytes)
    }

    /// Adds a text.
    pub(crate) fn add(&mut self, name: &str, from: &str, content: &[u8]) -> io::Result<()> {
        self.stream(name, from, content.len() as u64, &mut { content })
    }

    /// Adds so many bytes of a file; one that has become shorter is filled up with zeros, which the list says.
    pub(crate) fn stream(
        &mut self,
        name: &str,
        from: &str,
        size: u64,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        if size > self.room() {
            self.lacks(format!("{name}: {size} bytes are more than the bundle has room for"));
            return Ok(());
        }
        self.out.write_all(&header(name, size, self.seconds)?)?;
        let mut hash = Sha256::new();
        let mut left = size;
        let mut buffer = vec![0; 64 * 1024];
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            // What a device or a file system refuses is missing like what is not there any more.
            let read = match content.read(&mut buffer[..wanted]) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) => {
                    self.lacks(format!("{name}: {error}"));
                    break;
                }
            };
            hash.update(&buffer[..read]);
            self.out.write_all(&buffer[..read])?;
            left -= read as u64;
        }
        if left > 0 {
            self.lacks(format!("{name}: its last {left} bytes, for which there are zeros"));
            io::copy(&mut io::repeat(0).take(left), &mut self.out)?;
        }
        let padding = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
        io::copy(&mut io::repeat(0).take(padding), &mut self.out)?;
        self.bytes += size;
        let sha256 = hex(&hash.finalize());
        let (name, from) = (name.to_owned(), crate::receipt::sanitised(from));
        self.members.push(Member { name, size_bytes: size - left, sha256, from });
        Ok(())
    }

    /// Writes the list and makes the bundle whole.
    pub(crate) fn finish(mut self, about: &impl Serialize) -> io::Result<Kept> {
        let manifest = Manifest { about, files: &self.members, left_out: &self.left_out };
        let manifest = serde_json::to_vec_pretty(&manifest)?;
        self.out.write_all(&header("manifest.json", manifest.len() as u64, self.seconds)?)?;
        self.out.write_all(&manifest)?;
        // The padding, and two blocks of zeros at the end.
        let padding = (BLOCK - manifest.len() % BLOCK) % BLOCK + 2 * BLOCK;
        self.out.write_all(&vec![0; padding])?;
        let Hashing { inner, hash, bytes } = self.out.finish()?;
        inner.sync_all()?;
        fs::rename(&self.part, &self.whole)?;
        Ok(Kept { path: self.whole, sha256: hex(&hash.finalize()), size_bytes: bytes })
    }
}

/// Removes what an attempt that failed has left.
pub(crate) fn remove_part(whole: &Path) {
    let _ = fs::remove_file(whole.with_added_extension("part"));
}

/// Hashes what goes through.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A ustar header of a regular file; its name is ours and short.
fn header(name: &str, size: u64, seconds: u64) -> io::Result<[u8; BLOCK]> {
    let mut header = [0; BLOCK];
    if name.len() > 99 || size > 0o777_7777_7777 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a name or size that no header holds"));
    }
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000600\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}\0"));
    put(136, &format!("{:011o}\0", seconds.min(0o777_7777_7777)));
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tar_reads_what_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let whole = directory.path().join("b.tar.zst");
        let mut bundle = Bundle::begin(whole.clone(), 1).unwrap();
        bundle.add("a/one", "here", b"text").unwrap();
        bundle.stream("two", "there", 1000, &mut &b"short"[..]).unwrap();
        bundle.stream("three", "there", BUNDLE_BYTES_MAX, &mut &b""[..]).unwrap();
        let kept = bundle.finish(&std::collections::BTreeMap::from([("about", "this")])).unwrap();
        let bytes = fs::read(&whole).unwrap();
        assert_eq!((kept.size_bytes, kept.sha256), (bytes.len() as u64, hex(&Sha256::digest(&bytes))));
        let tar = zstd::decode_all(&bytes[..]).unwrap();
        fs::write(directory.path().join("b.tar"), &tar).unwrap();
        let told =
            std::process::Command::new("tar").args(["-tvf"]).arg(directory.path().join("b.tar")).output();
        let told = String::from_utf8(told.unwrap().stdout).unwrap();
        let sizes: Vec<(&str, &str)> = told
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .map(|words| (words[2], words[5]))
            .collect();
        assert_eq!(sizes[..2], [("4", "a/one"), ("1000", "two")], "{told}");
        let manifest = tar.windows(8).position(|bytes| bytes == b"{\n  \"abo").unwrap();
        let manifest = String::from_utf8_lossy(&tar[manifest..]);
        assert!(manifest.contains("its last 995 bytes") && manifest.contains("three: "), "{manifest}");
    }
}
