//! A tar of an OCI layout ↔ a directory: for whoever must read all of a layout, or write one.
//!
//! Of a tar only what a layout consists of is written to the directory, under names that are made of a digest: nothing in it
//! says where its bytes go.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::Path;

use seawall_inventory::{Algorithm, Digest};

use super::archive::ArchiveError;
use super::layout::{INDEX, MARKER};
use super::member::{END, Header, padding};
use super::members::{Members, WHAT};
use crate::limits::Limits;
use crate::manifest::ManifestError;

/// Writes the layout of a plain tar to a directory.
///
/// # Errors
/// The tar holds none or breaks off, or the directory cannot be written.
pub fn unpack(file: File, into: &Path, limits: &Limits) -> Result<(), ArchiveError> {
    let members = Members::index(file, limits)?.sound()?;
    for name in [MARKER, INDEX] {
        if !members.has(name) {
            let reason =
                format!("it lacks {name}; only archives of OCI layouts keep digests (skopeo's oci-archive)");
            return Err(ManifestError::Contradictory { what: WHAT, reason }.into());
        }
        fs::write(into.join(name), members.document(name, limits.manifest_bytes_max)?)?;
    }
    for name in members.names() {
        let Some(digest) = blob(name) else { continue };
        let (start, size) = members.find(name)?;
        let directory = into.join("blobs").join(digest.algorithm().name());
        fs::create_dir_all(&directory)?;
        let mut output = File::create(directory.join(digest.hex()))?;
        io::copy(&mut members.slice(start, size).take(size), &mut output)?;
    }
    Ok(())
}

/// `blobs/sha256/…` as the digest that it names.
fn blob(name: &str) -> Option<Digest> {
    let (algorithm, hex) = name.strip_prefix("blobs/")?.split_once('/')?;
    format!("{algorithm}:{hex}").parse().ok()
}

/// Writes the layout of a directory as a tar.
///
/// # Errors
/// The directory cannot be read, or the file not be written.
pub fn pack(layout: &Path, to: File) -> io::Result<()> {
    let mut output = BufWriter::new(to);
    let mut names = vec![MARKER.to_owned(), INDEX.to_owned()];
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let directory = layout.join("blobs").join(algorithm.name());
        if !directory.is_dir() {
            continue;
        }
        let mut blobs = Vec::new();
        for entry in fs::read_dir(&directory)? {
            let name = format!("blobs/{}/{}", algorithm.name(), entry?.file_name().to_string_lossy());
            blobs.extend(blob(&name).map(|_| name));
        }
        blobs.sort();
        names.extend(blobs);
    }
    for name in names {
        let file = File::open(layout.join(&name))?;
        let size_bytes = file.metadata()?.len();
        let mut head = Vec::new();
        Header { mode: 0o644, size_bytes, ..Header::marker(name.as_bytes()) }.write(&mut head);
        output.write_all(&head)?;
        if io::copy(&mut file.take(size_bytes), &mut output)? != size_bytes {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("{name} became shorter")));
        }
        output.write_all(&vec![0; padding(size_bytes)])?;
    }
    output.write_all(&END)?;
    output.flush()
}
