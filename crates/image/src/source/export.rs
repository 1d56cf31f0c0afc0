//! What Docker and podman export, once it is in a file: `manifest.json`, configurations and layers in one plain tar.
//!
//! Old engines write a directory for each layer and a symbolic link for a layer that occurs twice, newer ones an OCI
//! layout with a `manifest.json` besides; both are read by their `manifest.json`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use seawall_inventory::{Algorithm, Digest, Layer};
use serde::Deserialize;

use super::spool::{SpoolReader, Spooled};
use crate::limits::{LINK_HOPS_MAX, Limits};
use crate::manifest::{Descriptor, ManifestError, PlatformChoice, choose, digest_of, image};
use crate::tar::{Input, MemberKind, Step, Tar};
use crate::{BlobError, Blobs, OpenImage};

const WHAT: &str = "the exported archive";

/// Why an export cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    /// The file cannot be read.
    #[error("cannot read the exported archive")]
    Unreadable(#[from] io::Error),
    /// What it holds cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// One image of `manifest.json` (moby, image/spec/v1.2.md, "Combined Image JSON + Filesystem Changeset Format").
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

/// A member's bytes in the file, or the member that it stands for.
#[derive(Debug, Clone)]
enum Member {
    Bytes { start: u64, size: u64 },
    Link(String),
}

/// Opens the images of an export that `choice` wants.
pub(super) fn open(
    file: File,
    choice: &PlatformChoice,
    limits: &Limits,
) -> Result<Vec<OpenImage>, ExportError> {
    let size = file.metadata()?.len();
    let spooled = Spooled::new(file);
    let members = index(&spooled, size, limits)?;
    let archive = Arc::new(Archive { spooled, members });
    let listed = archive.document("manifest.json", limits.manifest_bytes_max)?;
    let listed: Vec<Listed> = serde_json::from_slice(&listed)
        .map_err(|source| ManifestError::Malformed { what: "the archive's manifest.json", source })?;
    let mut opened = Vec::new();
    for one in listed.iter().take(limits.index_manifests_max) {
        opened.push(described(&archive, one, limits)?);
    }
    wanted(opened, choice)
}

fn described(archive: &Arc<Archive>, listed: &Listed, limits: &Limits) -> Result<OpenImage, ExportError> {
    let config = archive.document(&listed.config, limits.config_bytes_max)?;
    let mut described = image(&config, None, limits)?;
    let names = listed.layers.clone().unwrap_or_default();
    if names.len() != described.layers.len() {
        let reason =
            format!("manifest.json has {} layers, the configuration {}", names.len(), described.layers.len());
        return Err(ManifestError::Contradictory { what: WHAT, reason }.into());
    }
    described.tags = listed.repo_tags.clone().unwrap_or_default();
    let mut layers = Vec::new();
    for (layer, name) in described.layers.iter_mut().zip(names) {
        let (start, size) = archive.find(&name)?;
        layer.size_bytes = size;
        layer.digest =
            name.strip_prefix("blobs/sha256/").and_then(|hex| format!("sha256:{hex}").parse().ok());
        layers.push((layer.diff_id.clone(), start, size));
    }
    let blobs = Layers { archive: Arc::clone(archive), layers };
    Ok(OpenImage { image: described, blobs: Box::new(blobs) })
}

/// Chooses as an index would.
fn wanted(opened: Vec<OpenImage>, choice: &PlatformChoice) -> Result<Vec<OpenImage>, ExportError> {
    let descriptors: Vec<Descriptor> = opened
        .iter()
        .enumerate()
        .map(|(position, one)| Descriptor {
            media_type: String::new(),
            // Only tells them apart: two images may have one configuration.
            digest: digest_of(Algorithm::Sha256, position.to_string().as_bytes()),
            size_bytes: 0,
            platform: Some(one.image.platform.clone()),
            annotations: Default::default(),
        })
        .collect();
    let chosen: Vec<Digest> =
        choose(&descriptors, choice)?.into_iter().map(|one| one.digest.clone()).collect();
    let kept =
        opened.into_iter().zip(descriptors).filter(|(_, descriptor)| chosen.contains(&descriptor.digest));
    Ok(kept.map(|(one, _)| one).collect())
}

struct Archive {
    spooled: Spooled,
    members: HashMap<String, Member>,
}

impl Archive {
    /// Start and size of a member's bytes, through the archive's own links.
    fn find(&self, name: &str) -> Result<(u64, u64), ExportError> {
        let mut name = normal("", name);
        for _ in 0..LINK_HOPS_MAX {
            match self.members.get(&name) {
                Some(Member::Bytes { start, size }) => return Ok((*start, *size)),
                Some(Member::Link(target)) => name = target.clone(),
                None => break,
            }
        }
        let shown: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
        Err(ManifestError::Contradictory { what: WHAT, reason: format!("it lacks {shown}") }.into())
    }

    fn document(&self, name: &str, bytes_max: u64) -> Result<Vec<u8>, ExportError> {
        let (start, size) = self.find(name)?;
        if size > bytes_max {
            return Err(
                ManifestError::Limit { what: WHAT, max: bytes_max, unit: "bytes in a document" }.into()
            );
        }
        let mut bytes = Vec::new();
        self.spooled.slice(start, size).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

fn index(spooled: &Spooled, size: u64, limits: &Limits) -> Result<HashMap<String, Member>, ExportError> {
    let mut members = HashMap::new();
    let input = Seeking { reader: BufReader::new(spooled.reader()), left: size };
    let mut tar = Tar::new(input, limits);
    loop {
        match tar.advance()? {
            Step::Member => {}
            Step::End => return Ok(members),
            Step::Problem(problem) => {
                return Err(ManifestError::Contradictory { what: WHAT, reason: problem.reason }.into());
            }
            Step::Truncated => {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the export breaks off").into());
            }
        }
        if members.len() >= limits.archive_entries_max {
            let max = limits.archive_entries_max as u64;
            return Err(ManifestError::Limit { what: WHAT, max, unit: "members" }.into());
        }
        let member = tar.member();
        let path = normal("", &String::from_utf8_lossy(&member.path));
        let link = String::from_utf8_lossy(&member.link);
        let known = match (member.kind, member.data_offset) {
            (MemberKind::File, Some(start)) => Member::Bytes { start, size: member.size_bytes },
            (MemberKind::Symlink, _) => Member::Link(normal(parent(&path), &link)),
            (MemberKind::Hardlink, _) => Member::Link(normal("", &link)),
            (MemberKind::File | MemberKind::Directory | MemberKind::Special, _) => continue,
        };
        members.insert(path, known);
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// `name` seen from `directory`, without `.`, `..` and empty components; only ever a key into the archive.
fn normal(directory: &str, name: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let start = if name.starts_with('/') { "" } else { directory };
    for part in start.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The file as a tar is read from it: what is skipped is not read.
struct Seeking {
    reader: BufReader<SpoolReader>,
    left: u64,
}

impl Read for Seeking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

impl BufRead for Seeking {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
        self.left = self.left.saturating_sub(amount as u64);
    }
}

impl Input for Seeking {
    fn skip(&mut self, bytes: u64) -> io::Result<u64> {
        let skipped = bytes.min(self.left);
        self.reader.seek_relative(i64::try_from(skipped).map_err(io::Error::other)?)?;
        self.left -= skipped;
        Ok(skipped)
    }
}

/// Layers by their place in the archive.
struct Layers {
    archive: Arc<Archive>,
    layers: Vec<(Digest, u64, u64)>,
}

impl Blobs for Layers {
    fn open(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, BlobError> {
        match self.layers.iter().find(|(diff_id, _, _)| *diff_id == layer.diff_id) {
            Some((_, start, size)) => Ok(Box::new(self.archive.spooled.slice(*start, *size))),
            None => Err(BlobError {
                diff_id: layer.diff_id.clone(),
                from: WHAT.to_owned(),
                source: io::ErrorKind::NotFound.into(),
            }),
        }
    }
}

#[cfg(test)]
mod tests;
