//! The manifest of chiselled Ubuntu images (documentation.ubuntu.com/chisel, "Chisel Manifest"): parts of Debian
//! packages without dpkg's database.
//!
//! The file `manifest.wall` is compressed with zstd and holds "jsonwall": a JSON object a line, the first one naming
//! the format, the others told apart by `kind`. Packages become packages; a path belongs to the packages of the slices
//! that it lists (`<package>_<slice>`). The manifest does not name source packages.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};

use seawall_finding::GapKind;
use seawall_inventory::{Content, Ecosystem, Entry, EntryKind, Interest, OwnedFiles, Package, PathList};
use serde::Deserialize;

use crate::Catalog;
use crate::limits::{
    DATABASE_BYTES_MAX, MANIFEST_BYTES_MAX, MANIFEST_LINE_BYTES_MAX, MANIFEST_WINDOW_LOG_MAX,
    PACKAGES_PER_FILE_MAX, PATH_BYTES_MAX,
};

/// Where Ubuntu's releases put it; a release may say otherwise.
const DIRECTORY: &str = "var/lib/chisel";

pub(super) fn interest(entry: &Entry<'_>) -> Interest {
    let is_manifest = entry.kind == EntryKind::File && entry.name() == "manifest.wall";
    if is_manifest { Interest::Whole } else { Interest::No }
}

/// The root whose files the manifest lists, with `/` at its end or empty.
fn root<'a>(entry: &Entry<'a>) -> &'a str {
    let root = entry.parent().strip_suffix(DIRECTORY).unwrap_or_default();
    if root.ends_with('/') { root } else { "" }
}

#[derive(Deserialize)]
struct Head {
    jsonwall: String,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line {
    Package {
        name: String,
        version: String,
        #[serde(default)]
        arch: Option<String>,
    },
    Path {
        path: String,
        #[serde(default)]
        slices: Vec<String>,
    },
    #[serde(other)]
    Other,
}

/// Why a manifest, or the rest of it, cannot be read.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("it does not decompress: {0}")]
    Read(#[from] io::Error),
    #[error("it is no manifest of chisel")]
    Head,
    #[error("it is of a version of the format that is not known")]
    Version,
    #[error("a line of it is damaged")]
    Line,
    #[error("it has more than {MANIFEST_BYTES_MAX} bytes")]
    TooLarge,
    #[error("more than {PACKAGES_PER_FILE_MAX} packages")]
    TooMany,
}

impl Fault {
    fn gap_kind(&self) -> GapKind {
        match self {
            Fault::Read(_) | Fault::Head | Fault::Line => GapKind::Malformed,
            Fault::Version => GapKind::Unsupported,
            Fault::TooLarge | Fault::TooMany => GapKind::Limit,
        }
    }
}

pub(super) fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(bytes) = catalog.whole(entry, content, DATABASE_BYTES_MAX) else { return };
    let mut manifest =
        Manifest { root: root(entry), packages: Vec::new(), files: HashMap::new(), owned_bytes: 0 };
    let ended = manifest.read(bytes);
    for package in manifest.packages {
        if let Some(files) = manifest.files.remove(&package.name).filter(|files| !files.is_empty()) {
            catalog.owned.push(OwnedFiles {
                path: entry.path.to_owned(),
                ecosystem: Ecosystem::Deb,
                name: package.name.clone(),
                architecture: package.architecture.clone(),
                files,
            });
        }
        catalog.declare(entry.path, package);
    }
    if let Err(fault) = ended {
        catalog.gap(fault.gap_kind(), entry.path, fault);
    }
}

struct Manifest<'m> {
    root: &'m str,
    packages: Vec<Package>,
    /// The paths of each package. Lines are sorted by their text, so that packages stand before paths.
    files: HashMap<String, PathList>,
    /// Text of all paths, written out: one path may be listed for every package.
    owned_bytes: u64,
}

impl Manifest<'_> {
    fn read(&mut self, compressed: &[u8]) -> Result<(), Fault> {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(compressed)?;
        decoder.window_log_max(MANIFEST_WINDOW_LOG_MAX)?;
        let mut reader = BufReader::new(decoder.take(MANIFEST_BYTES_MAX));
        let mut line = Vec::new();
        next(&mut reader, &mut line)?;
        let head: Head = serde_json::from_slice(&line).map_err(|_| Fault::Head)?;
        if !head.jsonwall.starts_with("1.") {
            return Err(Fault::Version);
        }
        while next(&mut reader, &mut line)? {
            let text = line.trim_ascii();
            if !text.is_empty() {
                self.take(serde_json::from_slice(text).map_err(|_| Fault::Line)?)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, line: Line) -> Result<(), Fault> {
        match line {
            Line::Package { name, version, arch } => {
                if self.packages.len() == PACKAGES_PER_FILE_MAX {
                    return Err(Fault::TooMany);
                }
                self.files.entry(name.clone()).or_default();
                let package = Package::new(Ecosystem::Deb, name, version);
                self.packages.push(Package { architecture: arch, ..package });
            }
            Line::Path { path, slices } => self.own(&path, &slices)?,
            Line::Other => {}
        }
        Ok(())
    }

    fn own(&mut self, path: &str, slices: &[String]) -> Result<(), Fault> {
        let path = path.trim_start_matches('/');
        let length = self.root.len() + path.len();
        if path.is_empty() || path.ends_with('/') || length > PATH_BYTES_MAX {
            return Ok(());
        }
        let path = format!("{}{path}", self.root);
        let mut last = "";
        for (package, _) in slices.iter().filter_map(|slice| slice.split_once('_')) {
            // Slices are sorted: those of one package stand together.
            if package == last {
                continue;
            }
            last = package;
            if let Some(files) = self.files.get_mut(package) {
                self.owned_bytes += length as u64;
                if self.owned_bytes > MANIFEST_BYTES_MAX {
                    return Err(Fault::TooLarge);
                }
                files.push(&path);
            }
        }
        Ok(())
    }
}

/// The next line; false where there is none.
fn next<R: Read>(reader: &mut BufReader<io::Take<R>>, line: &mut Vec<u8>) -> Result<bool, Fault> {
    line.clear();
    let read = reader.by_ref().take(MANIFEST_LINE_BYTES_MAX).read_until(b'\n', line)?;
    let is_whole = line.last() == Some(&b'\n');
    if !is_whole && reader.get_ref().limit() == 0 {
        return Err(Fault::TooLarge);
    }
    if !is_whole && read as u64 == MANIFEST_LINE_BYTES_MAX {
        return Err(Fault::Line);
    }
    Ok(read > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{catalog_of, check_listed};

    const HEAD: &str = "{\"jsonwall\":\"1.0\",\"schema\":\"1.0\",\"count\":8}\n";
    const LINES: &str = r#"{"kind":"content","slice":"libc6_libs","path":"/usr/lib/libc.so.6"}
{"kind":"package","name":"base-files","version":"13ubuntu10","sha256":"00","arch":"amd64"}
{"kind":"package","name":"libc6","version":"2.39-0ubuntu8.3","sha256":"00","arch":"amd64"}
{"kind":"path","path":"/etc/","mode":"0755","slices":["base-files_base"]}
{"kind":"path","path":"/usr/lib/libc.so.6","mode":"0755","slices":["base-files_base","libc6_config","libc6_libs","x_y"]}
{"kind":"path","path":"/var/lib/chisel/manifest.wall","mode":"0644","slices":["base-files_chisel"]}
{"kind":"slice","name":"libc6_libs"}
"#;

    fn wall(text: &str) -> Vec<u8> {
        zstd::encode_all(text.as_bytes(), 1).unwrap()
    }

    fn check(text: &str, expected: &[&str]) {
        check_listed("var/lib/chisel/manifest.wall", wall(text), expected);
    }

    #[test]
    fn packages() {
        let both = ["deb base-files 13ubuntu10 installed", "deb libc6 2.39-0ubuntu8.3 installed"];
        check(&format!("{HEAD}{LINES}"), &both);
        check(HEAD, &[]);
        check("", &["gap malformed: it is no manifest of chisel"]);
        check(
            "{\"jsonwall\":\"2.0\"}\n",
            &["gap unsupported: it is of a version of the format that is not known"],
        );
        let damaged = format!("{HEAD}{LINES}{{\"kind\":\"package\"\n");
        check(&damaged, &[both[0], both[1], "gap malformed: a line of it is damaged"]);
        check(&format!("{HEAD}{{\"kind\":\"news\",\"x\":1}}\n"), &[]);
    }

    #[test]
    fn files() {
        let check = |path: &str, expected: &[&str]| {
            let catalog = catalog_of(path, wall(&format!("{HEAD}{LINES}")));
            let files = catalog.owned.iter().flat_map(|owned| {
                owned.files.to_vec().into_iter().map(|file| format!("{} {file}", owned.name))
            });
            assert_eq!(files.collect::<Vec<_>>(), expected);
        };
        check(
            "var/lib/chisel/manifest.wall",
            &[
                "base-files usr/lib/libc.so.6",
                "base-files var/lib/chisel/manifest.wall",
                "libc6 usr/lib/libc.so.6",
            ],
        );
        check(
            "srv/var/lib/chisel/manifest.wall",
            &[
                "base-files srv/usr/lib/libc.so.6",
                "base-files srv/var/lib/chisel/manifest.wall",
                "libc6 srv/usr/lib/libc.so.6",
            ],
        );
        check(
            "opt/manifest.wall",
            &[
                "base-files usr/lib/libc.so.6",
                "base-files var/lib/chisel/manifest.wall",
                "libc6 usr/lib/libc.so.6",
            ],
        );
    }

    #[test]
    fn damaged_compression() {
        let path = "var/lib/chisel/manifest.wall";
        let whole = wall(&format!("{HEAD}{LINES}"));
        for end in 0..whole.len() {
            assert_eq!(catalog_of(path, &whole[..end]).gaps.len(), 1, "cut at {end}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xff;
            catalog_of(path, &damaged);
        }
        // A bomb: some kilobytes that decompress to more than is read.
        let line = format!("{{\"kind\":\"slice\",\"name\":\"{}\"}}\n", "x".repeat(1 << 19));
        let bomb = wall(&format!("{HEAD}{}", line.repeat(260)));
        assert!(bomb.len() < 1 << 20);
        check_listed(path, bomb, &["gap limit: it has more than 134217728 bytes"]);
        check(&format!("{HEAD}{}", "x".repeat(1 << 21)), &["gap malformed: a line of it is damaged"]);
    }

    #[test]
    fn a_path_for_every_package() {
        let names: Vec<String> = (0..2000).map(|number| format!("p{number}")).collect();
        let package = |name| format!("{{\"kind\":\"package\",\"name\":\"{name}\",\"version\":\"1\"}}\n");
        let packages: String = names.iter().map(package).collect();
        let slices = names.iter().map(|name| format!("\"{name}_all\"")).collect::<Vec<_>>().join(",");
        let path = |number| {
            format!(
                "{{\"kind\":\"path\",\"path\":\"/{number}{}\",\"slices\":[{slices}]}}\n",
                "x".repeat(4000)
            )
        };
        let paths: String = (0..20).map(path).collect();
        let catalog = catalog_of("manifest.wall", wall(&format!("{HEAD}{packages}{paths}")));
        assert_eq!(catalog.packages.len(), 2000);
        assert_eq!(catalog.gaps[0].kind, GapKind::Limit);
    }
}
