//! `seawall copy`: an image with its signatures, attestations and referrers → another registry, layout or archive.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use seawall_image::Limits;
use seawall_image::source::layout_archive::{pack, unpack};
use seawall_trust::image::Home;
use seawall_trust::image::copy::{Copied, Extent, copy};
use tempfile::TempDir;

use super::sign;
use crate::Session;
use crate::args::trust::{Copy, RegistryArgs};
use crate::exit::Exit;

pub(crate) fn run(args: &Copy, session: &Session<'_>) -> Result<Exit> {
    let from = End::open(&args.source, &args.registry, session)?;
    if let Some(archive) = &from.archive {
        let file = File::open(archive).with_context(|| format!("cannot read {}", archive.display()))?;
        unpack(file, from.unpacked()?, &Limits::default())
            .with_context(|| format!("cannot use {}", archive.display()))?;
    }
    let to = End::open(&args.destination, &args.registry, session)?;
    if let Some(archive) = to.archive.as_ref().filter(|archive| archive.exists()) {
        bail!("{} is there already; remove it, or choose another name", archive.display());
    }
    let extent = if args.image_only { Extent::ImageOnly } else { Extent::Everything };
    let (digest, copied) = copy(&from.home, &to.home, extent)
        .with_context(|| format!("cannot copy {} to {}", args.source, args.destination))?;
    if let Some(archive) = &to.archive {
        let written = File::create_new(archive).and_then(|file| pack(to.unpacked().unwrap_or(archive), file));
        written.with_context(|| format!("cannot write {}", archive.display()))?;
    }
    let Copied { manifests, statements, blobs, bytes, present, foreign } = copied;
    session.terminal.note(format_args!(
        "{digest}: {manifests} manifests, of which {statements} say something of another; {blobs} blobs sent \
         ({bytes} bytes), {present} were there"
    ));
    if foreign > 0 {
        session.terminal.note(format_args!("note: {foreign} layers lie elsewhere and were not copied"));
    }
    session.terminal.text(&format!("{digest}\n"))?;
    Ok(Exit::Allowed)
}

/// One end of a copy. An archive is a layout in a temporary directory.
struct End {
    home: Home,
    archive: Option<PathBuf>,
    directory: Option<TempDir>,
}

impl End {
    fn open(text: &str, registry: &RegistryArgs, session: &Session<'_>) -> Result<End> {
        let Some(archive) = text.strip_prefix("oci-archive:") else {
            return Ok(End { home: sign::home(text, registry, session)?, archive: None, directory: None });
        };
        let (path, tag) = match archive.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag.to_owned())),
            Some(_) | None => (archive, None),
        };
        let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
        Ok(End {
            home: Home::Layout(directory.path().to_owned(), tag),
            archive: Some(PathBuf::from(path)),
            directory: Some(directory),
        })
    }

    fn unpacked(&self) -> Result<&std::path::Path> {
        self.directory.as_ref().map(TempDir::path).context("it is no archive")
    }
}
