//! What documents come in: files, directories, tar and zip archives, gzip, zstd, bzip2 and xz, in any
//! nesting up to a limit. Told apart by their first bytes, not by their names. Streams; nothing is
//! written to disk, and no path of an archive is followed.

mod tar;

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::Path;

use seawall_finding::{Gap, GapKind};

use super::limits;

/// What a walk hands out.
pub(crate) enum Found<'a> {
    /// A document: its path inside the input without the suffixes of compression, and its bytes.
    Document(&'a str, &'a [u8]),
    /// Something that could not be read.
    Gap(Gap),
}

/// Which documents of a container a walk reads at all.
pub(crate) type Wants<'a> = &'a dyn Fn(&str) -> bool;

/// Walks one input and hands out its documents.
pub(crate) struct Walk<'a> {
    wants: Wants<'a>,
    out: &'a mut dyn FnMut(Found<'_>),
    entries: u64,
    unpacked_bytes: u64,
    exhausted: bool,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(wants: Wants<'a>, out: &'a mut dyn FnMut(Found<'_>)) -> Walk<'a> {
        Walk { wants, out, entries: 0, unpacked_bytes: 0, exhausted: false }
    }

    /// Walks a file or a directory.
    ///
    /// # Errors
    /// Only when the path itself cannot be read.
    pub(crate) fn path(&mut self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return self.directory(path, "", 0);
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut file = File::open(path)?;
        let mut head = [0u8; 4];
        let read = file.read(&mut head)?;
        file.rewind()?;
        if is_zip(head.get(..read).unwrap_or_default()) {
            self.zip(BufReader::new(file), &name, 0);
        } else {
            self.stream(&mut BufReader::with_capacity(1 << 16, file), &name, 0, true);
        }
        Ok(())
    }

    /// Walks bytes that are already in memory.
    pub(crate) fn bytes(&mut self, name: &str, bytes: &[u8]) {
        if is_zip(bytes) {
            self.zip(Cursor::new(bytes), name, 0);
        } else {
            self.stream(&mut &*bytes, name, 0, true);
        }
    }

    fn gap(&mut self, kind: GapKind, name: &str, reason: impl std::fmt::Display) {
        (self.out)(Found::Gap(Gap::at(kind, name, reason)));
    }

    fn directory(&mut self, path: &Path, name: &str, depth: u32) -> io::Result<()> {
        if depth > limits::DIRECTORY_DEPTH_MAX {
            self.gap(GapKind::Limit, name, "its directories nest too deeply");
            return Ok(());
        }
        let mut entries: Vec<_> = std::fs::read_dir(path)?.flatten().collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let child = entry.file_name().to_string_lossy().into_owned();
            let child = if name.is_empty() { child } else { format!("{name}/{child}") };
            // `file_type` does not follow links, so a link is neither and is left alone.
            let result = match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.directory(&entry.path(), &child, depth + 1),
                Ok(kind) if kind.is_file() => self.file(&entry.path(), &child),
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = result {
                self.gap(GapKind::Unreadable, &child, error);
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, name: &str) -> io::Result<()> {
        if !(self.wants)(stem(name)) || !self.count(name) {
            return Ok(());
        }
        let mut file = File::open(path)?;
        let mut head = [0u8; 4];
        let read = file.read(&mut head)?;
        file.rewind()?;
        if is_zip(head.get(..read).unwrap_or_default()) {
            self.zip(BufReader::new(file), name, 1);
        } else {
            self.stream(&mut file, name, 1, false);
        }
        Ok(())
    }

    /// Counts one entry; false when there were too many.
    fn count(&mut self, name: &str) -> bool {
        self.entries += 1;
        if self.entries > limits::ENTRIES_MAX && !self.exhausted {
            self.exhausted = true;
            self.gap(GapKind::Limit, name, "the input has too many entries; the rest was left out");
        }
        !self.exhausted
    }

    /// Reads one stream: unwraps compression, walks archives, or takes it whole as a document.
    /// A document that the user named (`named`) is read whatever its name is.
    fn stream(&mut self, reader: &mut dyn Read, name: &str, depth: u32, named: bool) {
        if depth > limits::NESTING_MAX {
            return self.gap(GapKind::Limit, name, "its containers nest too deeply");
        }
        let mut head = Vec::with_capacity(512);
        if let Err(error) = (&mut *reader).take(512).read_to_end(&mut head) {
            return self.gap(GapKind::Unreadable, name, error);
        }
        let form = Form::of(&head);
        let mut whole = Cursor::new(head).chain(reader);
        match form {
            Form::Gzip => {
                let mut inner = flate2::read::MultiGzDecoder::new(whole);
                self.stream(&mut inner, stem(name), depth + 1, named);
            }
            Form::Zstd => match zstd::stream::read::Decoder::new(whole) {
                Ok(mut inner) => {
                    // Archives packed with `--long=27` need a window of 128 MiB.
                    if let Err(error) = inner.window_log_max(27) {
                        return self.gap(GapKind::Unreadable, name, error);
                    }
                    self.stream(&mut inner, stem(name), depth + 1, named);
                }
                Err(error) => self.gap(GapKind::Malformed, name, error),
            },
            Form::Bzip2 => {
                let mut inner = bzip2::read::MultiBzDecoder::new(whole);
                self.stream(&mut inner, stem(name), depth + 1, named);
            }
            Form::Xz => {
                let mut inner = lzma_rust2::XzReader::new(whole, true);
                self.stream(&mut inner, stem(name), depth + 1, named);
            }
            Form::Tar => self.tar(&mut whole, name, depth),
            Form::Zip => {
                if let Some(bytes) = self.whole(&mut whole, name, limits::INNER_ZIP_BYTES_MAX) {
                    self.zip(Cursor::new(bytes), name, depth + 1);
                }
            }
            Form::Document if named || (self.wants)(stem(name)) => {
                if let Some(bytes) = self.whole(&mut whole, name, limits::DOCUMENT_BYTES_MAX) {
                    (self.out)(Found::Document(name, &bytes));
                }
            }
            Form::Document => {}
        }
    }

    fn tar(&mut self, reader: &mut dyn Read, name: &str, depth: u32) {
        let mut archive = tar::Tar::new(reader);
        loop {
            match archive.next() {
                Ok(Some(entry)) => {
                    let path = entry.name.trim_start_matches("./").to_owned();
                    if !self.count(&path) {
                        return;
                    }
                    if (self.wants)(stem(&path)) && entry.size_bytes > 0 {
                        self.stream(&mut archive, &path, depth + 1, false);
                    }
                }
                Ok(None) => return,
                Err(error) => return self.gap(GapKind::Malformed, name, error),
            }
        }
    }

    fn zip(&mut self, reader: impl Read + Seek, name: &str, depth: u32) {
        let mut archive = match zip::ZipArchive::new(reader) {
            Ok(archive) => archive,
            Err(error) => return self.gap(GapKind::Malformed, name, error),
        };
        for index in 0..archive.len() {
            let mut entry = match archive.by_index(index) {
                Ok(entry) => entry,
                Err(error) => {
                    self.gap(GapKind::Malformed, name, error);
                    continue;
                }
            };
            let path = match entry.name() {
                Ok(path) => path.into_owned(),
                Err(error) => {
                    self.gap(GapKind::Malformed, name, error);
                    continue;
                }
            };
            if !self.count(&path) {
                return;
            }
            if !path.ends_with('/') && (self.wants)(stem(&path)) {
                self.stream(&mut entry, &path, depth + 1, false);
            }
        }
    }

    fn whole(&mut self, reader: &mut dyn Read, name: &str, bytes_max: u64) -> Option<Vec<u8>> {
        let left = limits::UNPACKED_BYTES_MAX.saturating_sub(self.unpacked_bytes);
        let most = bytes_max.min(left);
        let mut bytes = Vec::new();
        if let Err(error) = reader.take(most.saturating_add(1)).read_to_end(&mut bytes) {
            self.gap(GapKind::Malformed, name, error);
            return None;
        }
        self.unpacked_bytes = self.unpacked_bytes.saturating_add(bytes.len() as u64);
        if bytes.len() as u64 > most {
            self.exhausted |= most == left;
            self.gap(GapKind::Limit, name, format_args!("it has more than {most} bytes"));
            return None;
        }
        Some(bytes)
    }
}

enum Form {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Tar,
    Zip,
    Document,
}

impl Form {
    fn of(head: &[u8]) -> Form {
        match head {
            [0x1f, 0x8b, ..] => Form::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Form::Zstd,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Form::Bzip2,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Form::Xz,
            _ if is_zip(head) => Form::Zip,
            _ if tar::is_tar(head) => Form::Tar,
            _ => Form::Document,
        }
    }
}

fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")
}

/// Whether a name promises an archive of documents.
pub(crate) fn is_archive(name: &str) -> bool {
    [".zip", ".tar", ".tgz", ".tbz", ".tbz2", ".txz"].iter().any(|suffix| name.ends_with(suffix))
}

/// The name without the suffixes of compression.
pub(crate) fn stem(name: &str) -> &str {
    let mut name = name;
    while let Some(shorter) = [".gz", ".zst", ".bz2", ".xz"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .filter(|s| !s.is_empty())
    {
        name = shorter;
    }
    name
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn check(name: &str, bytes: &[u8], expected: &[&str]) {
        let mut found = Vec::new();
        let wants = |name: &str| name.ends_with(".json");
        Walk::new(&wants, &mut |item| {
            found.push(match item {
                Found::Document(name, bytes) => format!("{name} {}", bytes.len()),
                Found::Gap(gap) => format!("{:?}", gap.kind),
            });
        })
        .bytes(name, bytes);
        assert_eq!(found, expected, "{name}");
    }

    #[test]
    fn compression_is_unwrapped_to_a_limit() {
        check("a.json", b"{}", &["a.json 2"]);
        check("a.json.gz", &gzip(b"{}"), &["a.json 2"]);
        check("a.json.zst", &zstd::encode_all(&b"{}"[..], 1).unwrap(), &["a.json 2"]);
        let mut nested = b"{}".to_vec();
        for _ in 0..8 {
            nested = gzip(&nested);
        }
        check("a.json.gz", &nested, &["Limit"]);
        check("a.json.gz", gzip(b"{}").get(..12).unwrap(), &["Unreadable"]);
        check("a.zip", b"PK\x03\x04 and nothing more", &["Malformed"]);
    }

    #[test]
    fn members_of_archives_by_their_names() {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for name in ["dir/a.json", "b.txt", "../c.json"] {
            archive.start_file(name, options).unwrap();
            archive.write_all(b"{}").unwrap();
        }
        let bytes = archive.finish().unwrap().into_inner();
        check("all.zip", &bytes, &["dir/a.json 2", "../c.json 2"]);
    }
}
