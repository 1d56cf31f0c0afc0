//! `seawall verify-bundle`: a file and its bundle → who signed it, or why that does not count.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use seawall_inventory::Digest;
use seawall_trust::bundle::Bundle;
use seawall_trust::certificate::identity::{Identity, Pattern};
use seawall_trust::trusted_root::TrustedRoot;
use seawall_trust::verify::{Artifact, Verified, Wanted, verify};
use seawall_trust::{PublicKey, limits};

use super::trust;
use crate::Session;
use crate::args::trust::{SignerArgs, VerifyBundle};
use crate::exit::Exit;

pub(crate) fn bundle(args: &VerifyBundle, session: &Session<'_>) -> Result<Exit> {
    let signers = Signers::read(&args.signer)?;
    let bytes = trust::bytes(&args.bundle, limits::BUNDLE_BYTES_MAX)?;
    let bundle = Bundle::read(&bytes).with_context(|| format!("cannot use {}", args.bundle.display()))?;
    let path = Path::new(&args.target);
    let digest: Option<Digest> = if path.exists() { None } else { args.target.parse().ok() };
    let message = match &digest {
        Some(_) => Vec::new(),
        None => trust::bytes(path, limits::FILE_BYTES_MAX)?,
    };
    let artifact = digest.as_ref().map_or(Artifact::Bytes(&message), Artifact::Digest);
    match verify(&bundle, artifact, signers.wanted(), session.config.now()) {
        Ok(verified) => {
            session.terminal.text(&format!("{}: {}\n", args.target, told(&verified)))?;
            for unchecked in &verified.unchecked {
                session.terminal.note(format_args!("note: not checked: {unchecked}"));
            }
            Ok(Exit::Allowed)
        }
        Err(refusal) => {
            session.terminal.text(&format!("{}: not trusted: {refusal}\n", args.target))?;
            Ok(Exit::Denied)
        }
    }
}

/// `signed by key SHA256:… at 2026-…`.
fn told(verified: &Verified) -> String {
    let at = verified.at.map(|at| format!(" at {at}")).unwrap_or_default();
    let what = verified.statement.as_ref().map(|statement| format!(", says {}", statement.predicate_type));
    format!("signed by {}{at}{}", verified.by, what.unwrap_or_default())
}

/// Who must have signed, as the user's arguments and files say.
pub(super) struct Signers {
    keys: Vec<PublicKey>,
    identities: Vec<Identity>,
    root: Option<TrustedRoot>,
}

impl Signers {
    pub(super) fn read(args: &SignerArgs) -> Result<Signers> {
        let keys = args.key.iter().map(|path| trust::public_key(path)).collect::<Result<Vec<_>>>()?;
        let issuer = args.certificate_oidc_issuer.as_deref().map(Pattern::exact);
        let identity = |text: &String| {
            let subject = Pattern::glob(text).map_err(anyhow::Error::msg)?;
            Ok(Identity { subject, issuer: issuer.clone() })
        };
        let identities = args.certificate_identity.iter().map(identity).collect::<Result<Vec<_>>>()?;
        let signers = Signers { keys, identities, root: root(args)? };
        match (signers.keys.is_empty(), signers.identities.is_empty(), &signers.root) {
            (true, true, _) => {
                bail!("say who must have signed: --key FILE or --certificate-identity IDENTITY")
            }
            (_, false, None) => bail!("an identity needs an authority: --trusted-root FILE or --ca FILE"),
            _ if !signers.identities.is_empty() && args.ca.is_none() && issuer.is_none() => {
                bail!("say who must have vouched for the identity: --certificate-oidc-issuer ADDRESS")
            }
            _ => Ok(signers),
        }
    }

    pub(super) fn wanted(&self) -> Wanted<'_> {
        match &self.root {
            Some(root) if !self.identities.is_empty() => Wanted::Identities(&self.identities, root),
            root => Wanted::Keys(&self.keys, root.as_ref()),
        }
    }
}

fn root(args: &SignerArgs) -> Result<Option<TrustedRoot>> {
    if let Some(path) = &args.trusted_root {
        let bytes = trust::bytes(path, limits::TRUSTED_ROOT_BYTES_MAX)?;
        let root = TrustedRoot::read(&bytes).with_context(|| format!("cannot use {}", path.display()))?;
        return Ok(Some(root));
    }
    let Some(path) = &args.ca else { return Ok(None) };
    let pem = |path: &Path| trust::text(path, limits::TRUSTED_ROOT_BYTES_MAX);
    let mut root =
        TrustedRoot::private(&pem(path)?).with_context(|| format!("cannot use {}", path.display()))?;
    if let Some(path) = &args.timestamp_ca {
        let with = root.with_timestamp_authority(&pem(path)?);
        root = with.with_context(|| format!("cannot use {}", path.display()))?;
    }
    Ok(Some(root))
}
