//! The section `trust` of the policy file.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::civil::Date;
use seawall_inventory::Digest;
use serde::Deserialize;

use super::{Requirement, Requirements};
use crate::certificate::crl::RevocationList;
use crate::certificate::identity::{Identity, Pattern};
use crate::key::PublicKey;
use crate::notation::Notation;
use crate::statement::predicate_type;
use crate::trusted_root::TrustedRoot;

/// Why the section cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot use the policy's requirements of trust: {0}")]
pub struct FileError(String);

/// The policy file; the other sections are the policy's own.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    trust: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    images: Vec<String>,
    #[serde(default)]
    keys: Vec<String>,
    #[serde(default)]
    identities: Vec<IdentityText>,
    trusted_root: Option<String>,
    ca: Option<String>,
    timestamp_ca: Option<String>,
    /// Lists of what authorities revoked.
    #[serde(default)]
    crls: Vec<String>,
    /// notation's configuration directory.
    notation: Option<String>,
    #[serde(default)]
    signers: Option<usize>,
    #[serde(default)]
    attestations: Vec<String>,
    age_days_max: Option<u32>,
    expires: Option<Date>,
    #[serde(default)]
    revoked_keys: BTreeSet<String>,
    #[serde(default)]
    revoked_digests: BTreeSet<Digest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityText {
    subject: String,
    issuer: Option<String>,
}

impl Requirements {
    /// Reads them from a policy file's text. Files that it names are read by `open`.
    ///
    /// # Errors
    /// The text or a file cannot be read, or an entry could never be met.
    pub fn read(
        text: &str,
        open: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Requirements, FileError> {
        Requirements::read_beside(text, None, open)
    }

    /// The same, where entries may name notation's configuration: a directory beside the policy file.
    ///
    /// # Errors
    /// The text or a file cannot be read, or an entry could never be met.
    pub fn read_beside(
        text: &str,
        directory: Option<&Path>,
        open: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Requirements, FileError> {
        let file: File = serde_saphyr::from_str(text).map_err(|error| FileError(error.to_string()))?;
        let read = |(index, entry): (usize, Entry)| {
            requirement(entry, directory, open)
                .map_err(|reason| FileError(format!("entry {}: {reason}", index + 1)))
        };
        file.trust.into_iter().enumerate().map(read).collect::<Result<_, _>>().map(Requirements)
    }
}

fn requirement(
    entry: Entry,
    directory: Option<&Path>,
    open: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Requirement, String> {
    let images = entry.images.iter().map(|text| Pattern::glob(text)).collect::<Result<Vec<_>, _>>()?;
    let key = |text: &String| {
        // A key may stand in the policy itself.
        let pem = if text.contains("-----BEGIN") { text.clone() } else { open(text)? };
        PublicKey::from_pem(&pem).map_err(|error| format!("`{text}`: {error}"))
    };
    let keys = entry.keys.iter().map(key).collect::<Result<Vec<_>, _>>()?;
    let (root, crls) = (root(&entry, open)?, crls(&entry, open)?);
    let identity = |text: &IdentityText| {
        let issuer = text.issuer.as_deref().map(Pattern::glob).transpose()?;
        if issuer.is_none() && entry.ca.is_none() {
            return Err(format!("the identity `{}` needs its `issuer`", text.subject));
        }
        Ok(Identity { subject: Pattern::glob(&text.subject)?, issuer })
    };
    let identities = entry.identities.iter().map(identity).collect::<Result<Vec<_>, _>>()?;
    let signers = entry.signers.unwrap_or(1);
    let notation = notation(&entry, directory, &crls)?;
    let is_nobody = keys.is_empty() && identities.is_empty() && notation.is_none();
    match (images.is_empty(), is_nobody) {
        (true, _) => return Err("it is about no images".to_owned()),
        (_, true) => return Err("it names neither keys, identities nor notation's policy".to_owned()),
        _ if signers == 0 => return Err("`signers: 0` would trust everything".to_owned()),
        _ if !identities.is_empty() && root.is_none() => {
            return Err("identities need `trusted-root` or `ca`".to_owned());
        }
        _ => {}
    }
    // A fingerprint with a slip in it would revoke nothing, and nobody would know.
    let is_fingerprint = |text: &&String| {
        text.strip_prefix("SHA256:").and_then(crate::unhex).is_some_and(|bytes| bytes.len() == 32)
    };
    if let Some(wrong) = entry.revoked_keys.iter().find(|text| !is_fingerprint(text)) {
        return Err(format!("`{wrong}` is no fingerprint of a key (SHA256:…)"));
    }
    Ok(Requirement {
        images,
        keys,
        identities,
        root: root.map(|root| root.with_revoked(crls)),
        notation,
        signers,
        attestations: entry.attestations.iter().map(|name| predicate_type(name)).collect::<Result<_, _>>()?,
        age_days_max: entry.age_days_max,
        expires: entry.expires,
        revoked_keys: entry.revoked_keys,
        revoked_digests: entry.revoked_digests,
    })
}

fn crls(entry: &Entry, open: &dyn Fn(&str) -> Result<String, String>) -> Result<Vec<RevocationList>, String> {
    let mut lists = Vec::new();
    for path in &entry.crls {
        let read = RevocationList::read_all(open(path)?.as_bytes());
        lists.extend(read.map_err(|error| format!("`{path}`: {error}"))?);
    }
    Ok(lists)
}

fn notation(
    entry: &Entry,
    directory: Option<&Path>,
    crls: &[RevocationList],
) -> Result<Option<Notation>, String> {
    let Some(name) = &entry.notation else { return Ok(None) };
    let directory = directory.ok_or("`notation` names a directory, and there is none here")?;
    let notation = Notation::open(&directory.join(name), crls.to_vec()).map_err(|error| error.to_string())?;
    Ok(Some(notation))
}

fn root(entry: &Entry, open: &dyn Fn(&str) -> Result<String, String>) -> Result<Option<TrustedRoot>, String> {
    let root = match (&entry.trusted_root, &entry.ca) {
        (Some(_), Some(_)) => return Err("it names `trusted-root` and `ca`".to_owned()),
        (Some(path), None) => {
            TrustedRoot::read(open(path)?.as_bytes()).map_err(|error| format!("`{path}`: {error}"))?
        }
        (None, Some(path)) => {
            TrustedRoot::private(&open(path)?).map_err(|error| format!("`{path}`: {error}"))?
        }
        (None, None) => return Ok(None),
    };
    match &entry.timestamp_ca {
        Some(path) => root
            .with_timestamp_authority(&open(path)?)
            .map(Some)
            .map_err(|error| format!("`{path}`: {error}")),
        None => Ok(Some(root)),
    }
}
