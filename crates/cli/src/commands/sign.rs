//! `seawall sign`: a file → a bundle beside it.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use seawall_trust::limits;
use seawall_trust::sign::sign_bytes;

use super::trust;
use crate::Session;
use crate::args::trust::Sign;
use crate::exit::Exit;

pub(crate) fn run(args: &Sign, session: &Session<'_>) -> Result<Exit> {
    let message = trust::bytes(Path::new(&args.target), limits::FILE_BYTES_MAX)?;
    let key = trust::private_key(&args.key, session)?;
    let bundle =
        sign_bytes(&message, &key).with_context(|| format!("cannot sign {}", args.target))?.write()?;
    fs::write(&args.bundle, bundle).with_context(|| format!("cannot write {}", args.bundle.display()))?;
    session.terminal.note(format_args!("{} is signed with key {}", args.target, key.public().fingerprint()));
    Ok(Exit::Allowed)
}
