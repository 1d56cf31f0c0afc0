//! Containers: the layers of their image and on top, as one more layer, what the container changed.
//!
//! The container may run or have stopped. Files of volumes and other mounts are not part of either.

use std::collections::HashSet;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use seawall_engine::docker::{Change, ChangeKind};
use seawall_engine::{ContainerDetails, Containerd, Docker, Engine, EngineKind};
use seawall_finding::{Gap, GapKind};
use seawall_inventory::{Container, Digest, Layer};
use sha2::{Digest as _, Sha256};

use super::engine::{
    EngineFailure, EngineOptions, EngineSourceError, InPlace, containerd_image, first, from_containerd,
    from_docker,
};
use super::in_place::form;
use super::member::{END, Flag, Header, harmless, padding, whiteout_of};
use super::overlay::{Form, LayerTar, fingerprint, is_all_visible, is_readable};
use super::spool::Spooled;
use crate::limits::Limits;
use crate::manifest::PlatformChoice;
use crate::tar::{Input, MemberKind, Step, Tar};
use crate::temporary::Temporary;
use crate::{BlobError, Blobs, OpenImage};

/// The instruction that marks a container's own layer.
pub const UPPER_LAYER: &str = "container upper layer";

/// A container whose files can be read.
pub struct OpenContainer {
    /// Who it is.
    pub container: Container,
    /// Its image; the last layer, marked with [`UPPER_LAYER`], is the container's own where that could be had.
    pub image: OpenImage,
    /// What of the container could not be had.
    pub gaps: Vec<Gap>,
}

/// Opens a container by name, id or the beginning of an id, of the first engine that has it.
///
/// # Errors
/// No engine has it, or the one that does cannot give its image. A container layer that cannot be had is a gap.
pub fn open(name: &str, options: &EngineOptions) -> Result<OpenContainer, EngineSourceError> {
    first(name, options, |engine| match engine {
        Engine::Docker(docker) => of_docker(docker, name, options),
        Engine::Containerd(containerd) => of_containerd(containerd, name, options),
    })
}

fn of_docker(docker: Docker, name: &str, options: &EngineOptions) -> Result<OpenContainer, EngineFailure> {
    let details = docker.container(name)?;
    // By id: its tag may mean another image today.
    let reference = match &details.container.image_id {
        Some(id) => id.to_string(),
        None => details.container.image.clone(),
    };
    let known = docker.image(&reference)?;
    let mut gaps = Vec::new();
    let upper = match in_place(&details, docker.version().kind, docker.is_local(), options) {
        Ok(Some(upper)) => Ok(upper),
        Ok(None) | Err(_) => exported(&docker, &details.container.id, options, &mut gaps),
    };
    let images = from_docker(docker, &known, &reference, &PlatformChoice::Host, options)?;
    together(details.container, images, upper, gaps)
}

fn of_containerd(
    containerd: Containerd,
    name: &str,
    options: &EngineOptions,
) -> Result<OpenContainer, EngineFailure> {
    let details = containerd.container(name)?;
    let known = containerd_image(&containerd, &details.container.image)?;
    let upper = match in_place(&details, EngineKind::Containerd, true, options) {
        Ok(Some(upper)) => Ok(upper),
        Ok(None) => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "containerd exports no containers; run as root on its host to read the container's directory",
        )),
        Err(error) => Err(error),
    };
    let containerd = Arc::new(containerd);
    let reference = details.container.image.clone();
    let images = from_containerd(containerd, &known, &reference, &PlatformChoice::Host, &options.limits)?;
    together(details.container, images, upper, Vec::new())
}

fn together(
    container: Container,
    images: Vec<OpenImage>,
    upper: io::Result<Upper>,
    mut gaps: Vec<Gap>,
) -> Result<OpenContainer, EngineFailure> {
    let Some(mut opened) = images.into_iter().next() else {
        let reason = "the engine gave no image of the container";
        return Err(EngineFailure::Export(io::Error::new(io::ErrorKind::NotFound, reason)));
    };
    match upper {
        Ok(upper) => {
            opened.image.layers.push(Layer {
                diff_id: upper.diff_id.clone(),
                digest: None,
                media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
                size_bytes: 0,
                instruction: Some(UPPER_LAYER.to_owned()),
            });
            opened.blobs = Box::new(WithUpper { image: opened.blobs, upper });
        }
        Err(error) => {
            let reason = format!("what the container changed in its image cannot be read: {error}");
            gaps.push(Gap::of_target(GapKind::Unreadable, reason));
        }
    }
    Ok(OpenContainer { container, image: opened, gaps })
}

/// A container's own layer.
struct Upper {
    /// Of a directory its fingerprint, of an export the digest of its tar.
    diff_id: Digest,
    place: UpperPlace,
}

enum UpperPlace {
    Directory(PathBuf, Form),
    Export(Spooled),
}

struct WithUpper {
    image: Box<dyn Blobs>,
    upper: Upper,
}

impl Blobs for WithUpper {
    fn open(&self, layer: &Layer) -> Result<Box<dyn Read + Send>, BlobError> {
        if layer.diff_id != self.upper.diff_id {
            return self.image.open(layer);
        }
        match &self.upper.place {
            UpperPlace::Export(spooled) => Ok(Box::new(spooled.reader())),
            UpperPlace::Directory(directory, form) => match LayerTar::open(directory, *form) {
                Ok(tar) => Ok(Box::new(tar)),
                Err(source) => {
                    let from = directory.display().to_string();
                    Err(BlobError { diff_id: layer.diff_id.clone(), from, source })
                }
            },
        }
    }

    fn is_verbatim(&self, layer: &Layer) -> bool {
        match (&self.upper.place, layer.diff_id == self.upper.diff_id) {
            (UpperPlace::Directory(..), true) => false,
            (UpperPlace::Export(_), true) => true,
            (_, false) => self.image.is_verbatim(layer),
        }
    }
}

/// The upper directory, where it can be read; an error where it can and does not hold all there is.
fn in_place(
    details: &ContainerDetails,
    kind: EngineKind,
    is_local: bool,
    options: &EngineOptions,
) -> io::Result<Option<Upper>> {
    let Some(overlay) =
        details.overlay.as_ref().filter(|_| is_local && options.in_place == InPlace::WherePossible)
    else {
        return Ok(None);
    };
    let directory = overlay.upper.clone();
    if !is_all_visible() || !is_readable(&directory) {
        return Ok(None);
    }
    let form = form(kind, &directory);
    let diff_id = fingerprint(&directory, form)?;
    Ok(Some(Upper { diff_id, place: UpperPlace::Directory(directory, form) }))
}

/// The changed files out of an export of all files, and whiteouts for those that are gone.
fn exported(docker: &Docker, id: &str, options: &EngineOptions, gaps: &mut Vec<Gap>) -> io::Result<Upper> {
    let changes = docker.changes(id).map_err(io::Error::other)?;
    let file = Temporary::new(options.temporary.as_deref())?;
    let mut output = Output {
        writer: BufWriter::new(file),
        hasher: Sha256::new(),
        left: options.limits.layer_bytes_max,
        block: Vec::new(),
    };
    if !changes.is_empty() {
        let export = docker.export_container(id).map_err(io::Error::other)?;
        select(BufReader::with_capacity(256 * 1024, export), &changes, &options.limits, &mut output, gaps)?;
    }
    output.bytes(&END)?;
    let Output { writer, hasher, .. } = output;
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?.rewound()?;
    let diff_id = Digest::sha256(hasher.finalize().into());
    Ok(Upper { diff_id, place: UpperPlace::Export(Spooled::new(file)) })
}

impl<R: Read> Input for BufReader<R> {}

fn select(
    export: impl Input,
    changes: &[Change],
    limits: &Limits,
    output: &mut Output,
    gaps: &mut Vec<Gap>,
) -> io::Result<()> {
    let mut kept: HashSet<&[u8]> = HashSet::new();
    for change in changes {
        let path = change.path.trim_start_matches('/').as_bytes();
        match change.kind {
            ChangeKind::Modified | ChangeKind::Added => {
                kept.insert(path);
            }
            ChangeKind::Deleted => {
                let whiteout = whiteout_of(path);
                output.header(&Header::marker(&whiteout))?;
            }
        }
    }
    let mut tar = Tar::new(export, limits);
    loop {
        match tar.advance()? {
            Step::Member => {}
            Step::End => return Ok(()),
            Step::Truncated => {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the export breaks off"));
            }
            Step::Problem(problem) => {
                let path = bare(&problem.path);
                if kept.contains(path) {
                    let shown = String::from_utf8_lossy(path).into_owned();
                    gaps.push(Gap::at(problem.kind, shown, problem.reason));
                }
                continue;
            }
        }
        let member = tar.member().clone();
        if !kept.contains(bare(&member.path)) {
            continue;
        }
        let path = harmless(bare(&member.path));
        let flag = match member.kind {
            MemberKind::File => Flag::File,
            MemberKind::Directory => Flag::Directory,
            MemberKind::Symlink => Flag::Symlink,
            MemberKind::Hardlink => Flag::Hardlink,
            MemberKind::Special => Flag::Fifo,
        };
        let link = match member.kind {
            MemberKind::Hardlink => harmless(bare(&member.link)),
            MemberKind::File | MemberKind::Directory | MemberKind::Symlink | MemberKind::Special => {
                member.link
            }
        };
        let header = Header {
            path: &path,
            link: &link,
            flag,
            mode: member.mode,
            uid: member.uid,
            gid: member.gid,
            size_bytes: member.size_bytes,
        };
        output.header(&header)?;
        output.content(&mut tar.body(), member.size_bytes)?;
    }
}

/// `./a/b/` → `a/b`.
fn bare(path: &[u8]) -> &[u8] {
    let path = path.strip_prefix(b"./").unwrap_or(path);
    let path = path.strip_prefix(b"/").unwrap_or(path);
    path.strip_suffix(b"/").unwrap_or(path)
}

/// A tar being written and hashed.
struct Output {
    writer: BufWriter<Temporary>,
    hasher: Sha256,
    left: u64,
    block: Vec<u8>,
}

impl Output {
    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let limit = || {
            io::Error::new(io::ErrorKind::FileTooLarge, "the container changed more than a layer may hold")
        };
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or_else(limit)?;
        self.hasher.update(bytes);
        self.writer.write_all(bytes)
    }

    fn header(&mut self, header: &Header<'_>) -> io::Result<()> {
        let mut block = std::mem::take(&mut self.block);
        block.clear();
        header.write(&mut block);
        let written = self.bytes(&block);
        self.block = block;
        written
    }

    /// As many bytes as announced, whatever comes.
    fn content(&mut self, body: &mut dyn Read, size_bytes: u64) -> io::Result<()> {
        let mut left = size_bytes;
        let mut buffer = [0; 64 * 1024];
        while left > 0 {
            let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let count = body.read(buffer.get_mut(..wanted).unwrap_or_default())?;
            if count == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the export breaks off"));
            }
            self.bytes(buffer.get(..count).unwrap_or_default())?;
            left = left.saturating_sub(count as u64);
        }
        let zeros = [0; 512];
        self.bytes(zeros.get(..padding(size_bytes)).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
