//! A site's own transparency log: bodies as Rekor records them, one a line, in a file that only grows; and for each a proof
//! of inclusion with a signed checkpoint (RFC 6962, C2SP tlog-checkpoint).

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;

use super::SiteError;
use crate::bundle::{Bundle, Content, InclusionProof, LogEntry, Signer};
use crate::key::PrivateKey;
use crate::limits::SITE_LOG_BYTES_MAX;

/// What checkpoints call the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    pub(super) host: &'a str,
    pub(super) tree: u32,
}

/// Adds what a bundle's signature is over to the log, and gives the entry for the bundle.
pub(super) fn append(
    path: &Path,
    key: &PrivateKey,
    origin: Origin<'_>,
    body: (&'static str, Vec<u8>),
    at: Timestamp,
) -> Result<LogEntry, SiteError> {
    let (kind, body) = body;
    let failed = |error| SiteError::file("append to", path, error);
    let opened = OpenOptions::new().read(true).append(true).create(true).open(path);
    let mut file = opened.map_err(failed)?;
    // Two who sign at once would else both be the next.
    file.lock().map_err(failed)?;
    let mut leaves = leaves(&mut file, path)?;
    let index = leaves.len();
    let mut line = BASE64_STANDARD.encode(&body);
    line.push('\n');
    file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
    leaves.push(leaf(&body));
    let mut entry = LogEntry {
        index: i64::try_from(index).unwrap_or(i64::MAX),
        log_id: key.public().id().to_vec(),
        kind: kind.to_owned(),
        version: "0.0.1".to_owned(),
        integrated_time: at.as_second(),
        signed_entry_timestamp: None,
        proof: Some(proof(&leaves, index, key, origin)?),
        body,
    };
    entry.signed_entry_timestamp = Some(key.sign(crate::log::signed_entry(&entry).as_bytes())?);
    Ok(entry)
}

/// What Rekor v1 records of a bundle: its kind and body. `message` is the file that a message's signature is over.
pub(super) fn body(bundle: &Bundle, message: &[u8]) -> (&'static str, Vec<u8>) {
    use serde_json::json;
    let encoded = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
    let hash = |bytes: &[u8]| json!({"algorithm": "sha256", "value": crate::hex(&crate::sha256(bytes))});
    let signer = match &bundle.signer {
        Signer::Certificates(certificates) => certificates.first().map(|leaf| leaf.to_pem()),
        Signer::Key { .. } => None,
    };
    let signer = encoded(signer.unwrap_or_default().as_bytes());
    // The order of the fields is the alphabet's, which is what canonical means here.
    match &bundle.content {
        Content::Message { signature, .. } => {
            let spec = json!({
                "data": {"hash": hash(message)},
                "signature": {"content": encoded(signature), "publicKey": {"content": signer}},
            });
            let body = json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": spec});
            ("hashedrekord", body.to_string().into_bytes())
        }
        Content::Envelope(envelope) => {
            let wire = serde_json::to_vec(&envelope.to_wire()).unwrap_or_default();
            let spec = json!({
                "envelopeHash": hash(&wire),
                "payloadHash": hash(&envelope.payload),
                "signatures": [{"signature": encoded(&envelope.signature), "verifier": signer}],
            });
            let body = json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec});
            ("dsse", body.to_string().into_bytes())
        }
    }
}

/// The hashes of all entries so far.
fn leaves(file: &mut File, path: &Path) -> Result<Vec<[u8; 32]>, SiteError> {
    let failed = |error| SiteError::file("read", path, error);
    let length = file.metadata().map_err(failed)?.len();
    if length > SITE_LOG_BYTES_MAX {
        return Err(SiteError::Full(path.display().to_string()));
    }
    file.rewind().map_err(failed)?;
    let mut leaves = Vec::new();
    for line in BufReader::new(file.take(length)).lines() {
        let line = line.map_err(failed)?;
        let body =
            BASE64_STANDARD.decode(&line).map_err(|_| SiteError::Broken(path.display().to_string()))?;
        leaves.push(leaf(&body));
    }
    Ok(leaves)
}

fn leaf(body: &[u8]) -> [u8; 32] {
    crate::sha256(&[&[0], body].concat())
}

fn proof(
    leaves: &[[u8; 32]],
    index: usize,
    key: &PrivateKey,
    origin: Origin<'_>,
) -> Result<InclusionProof, SiteError> {
    let Origin { host, tree } = origin;
    let mut hashes = Vec::new();
    let root = root_of(leaves, Some(index), &mut hashes);
    let text = format!("{host} - {tree}\n{}\n{}\n", leaves.len(), BASE64_STANDARD.encode(root));
    let signature = [&key.public().id()[..4], &key.sign(text.as_bytes())?].concat();
    Ok(InclusionProof {
        index: index as u64,
        tree_size: leaves.len() as u64,
        root: root.to_vec(),
        hashes,
        checkpoint: format!("{text}\n— {host} {}\n", BASE64_STANDARD.encode(signature)),
    })
}

/// The root of a tree (RFC 6962, 2.1), and the path to one of its leaves, the lowest sibling first.
fn root_of(leaves: &[[u8; 32]], wanted: Option<usize>, path: &mut Vec<Vec<u8>>) -> [u8; 32] {
    match leaves {
        [] => return crate::sha256(&[]),
        [one] => return *one,
        [_, _, ..] => {}
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let in_left = wanted.filter(|index| *index < left.len());
    let in_right = wanted.and_then(|index| index.checked_sub(left.len()));
    let (left, right) = (root_of(left, in_left, path), root_of(right, in_right, path));
    match (in_left, in_right) {
        (Some(_), _) => path.push(right.to_vec()),
        (None, Some(_)) => path.push(left.to_vec()),
        (None, None) => {}
    }
    crate::sha256(&[&[1], &left[..], &right].concat())
}
