//! Archives of images: what `docker save` writes, and tars of OCI layouts.
//!
//! Read where they lie; whoever has a compressed one or a stream unpacks it first (see [`super::local`]).

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::choice::ChoiceError;
use super::docker_archive::{self, DockerArchiveError};
use super::layout::{self, LayoutError};
use super::members::{Members, MembersError, WHAT};
use super::spool::Spooled;
use crate::OpenImage;
use crate::limits::Limits;
use crate::manifest::{ManifestError, PlatformChoice};

/// Why an archive's images cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The file cannot be read.
    #[error("cannot read the archive")]
    Unreadable(#[from] io::Error),
    /// What it holds cannot be used.
    #[error("cannot use the archive")]
    Manifest(#[from] ManifestError),
    /// None of its images is meant.
    #[error("cannot choose an image of the archive")]
    Choice(#[from] ChoiceError),
    /// The layout in it cannot be used.
    #[error(transparent)]
    Layout(#[from] LayoutError),
}

impl From<MembersError> for ArchiveError {
    fn from(error: MembersError) -> ArchiveError {
        match error {
            MembersError::Unreadable(error) => ArchiveError::Unreadable(error),
            MembersError::Manifest(error) => ArchiveError::Manifest(error),
        }
    }
}

impl From<DockerArchiveError> for ArchiveError {
    fn from(error: DockerArchiveError) -> ArchiveError {
        match error {
            DockerArchiveError::Unreadable(error) => ArchiveError::Unreadable(error),
            DockerArchiveError::Manifest(error) => ArchiveError::Manifest(error),
            DockerArchiveError::Choice(error) => ArchiveError::Choice(error),
        }
    }
}

/// What a tar turns out to be.
pub(super) enum Tarred {
    Images(Vec<OpenImage>),
    /// An archive of files: nothing in it says that it holds images.
    Files(Spooled),
}

/// Opens the images that `reference` and `choice` mean of the plain tar in `file`.
pub(super) fn open(
    file: File,
    reference: Option<&str>,
    choice: &PlatformChoice,
    limits: &Limits,
) -> Result<Tarred, ArchiveError> {
    let members = Members::index(file, limits)?;
    let kinds = (is_of_docker(&members, limits), is_layout(&members));
    if kinds == (false, false) {
        // An archive of images that breaks off lacks its end, where its manifest is.
        return match is_root(&members) || members.is_sound() && !members.is_empty() {
            true => Ok(Tarred::Files(members.into_file())),
            false => Err(empty(members)),
        };
    }
    let members = Arc::new(members.sound()?);
    let images = match kinds {
        (true, true) => both(&members, reference, choice, limits)?,
        (true, false) => docker_archive::open(&members, reference, choice, limits)?,
        (false, _) => layout::open_archive(&members, reference, choice, limits)?,
    };
    Ok(Tarred::Images(images))
}

fn empty(members: Members) -> ArchiveError {
    let reason = "it is empty".to_owned();
    let empty = || ManifestError::Contradictory { what: WHAT, reason };
    members.sound().err().map_or_else(|| empty().into(), ArchiveError::from)
}

/// A root file system may have a `manifest.json` of its own, and what has Docker's is for Docker an archive of images
/// whatever else is in it.
fn is_of_docker(members: &Members, limits: &Limits) -> bool {
    members.has(docker_archive::MANIFEST)
        && (docker_archive::is_listing(members, limits) || !is_root(members))
}

fn is_root(members: &Members) -> bool {
    members.has_below("etc/") || members.has_below("usr/")
}

fn is_layout(members: &Members) -> bool {
    members.has(layout::MARKER) && members.has(layout::INDEX)
}

/// Docker's archives since version 25 are both. The layout knows all platforms, but it also lists those whose blobs
/// the engine did not have; `manifest.json` knows what is there.
fn both(
    members: &Arc<Members>,
    reference: Option<&str>,
    choice: &PlatformChoice,
    limits: &Limits,
) -> Result<Vec<OpenImage>, ArchiveError> {
    match choice {
        PlatformChoice::Host => {}
        PlatformChoice::One(_) | PlatformChoice::All => {
            if let Ok(images) = layout::open_archive(members, reference, choice, limits) {
                return Ok(images);
            }
        }
    }
    Ok(docker_archive::open(members, reference, choice, limits)?)
}
