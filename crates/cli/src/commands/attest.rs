//! `seawall attest`: a document about an image → a signed statement beside the image.

use anyhow::{Context as _, Result};
use seawall_trust::image::{attest, pin};
use seawall_trust::limits;
use seawall_trust::statement::predicate_type;

use super::{sign, trust};
use crate::Session;
use crate::args::trust::Attest;
use crate::exit::Exit;

pub(crate) fn run(args: &Attest, session: &Session<'_>) -> Result<Exit> {
    let kind = predicate_type(&args.kind).map_err(anyhow::Error::msg)?;
    let predicate = trust::bytes(&args.predicate, limits::PREDICATE_BYTES_MAX)?;
    let predicate = serde_json::from_slice(&predicate)
        .with_context(|| format!("{} is no JSON document", args.predicate.display()))?;
    let site = sign::site(&args.by, session)?;
    let by = sign::Signing::read(&args.by, site.as_ref(), session)?;
    let home = sign::home(&args.target, &args.registry, session)?;
    let image = pin(&home)?;
    attest(&home, &image, &kind, predicate, by.signatory()?, session.config.now())?;
    session.terminal.note(format_args!("{} has an attestation of {kind} ({})", args.target, image.digest));
    Ok(Exit::Allowed)
}
