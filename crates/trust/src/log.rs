//! Transparency logs (Rekor v1 and v2): that an entry stands in a log, and that it is the entry of this signature.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;

use crate::bundle::{InclusionProof, LogEntry};
use crate::limits::CHECKPOINT_SIGNATURES_MAX;
use crate::trusted_root::{LogKey, Period};

pub(crate) mod body;

/// What a log vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// When it took the entry in, where it signed that.
    pub(crate) at: Option<Timestamp>,
    /// When the key was in use with which it said so.
    pub(crate) valid: Period,
}

/// That an entry stands in the log that it names. `Ok(None)` where that log is not known.
pub(crate) fn check(entry: &LogEntry, logs: &[LogKey]) -> Result<Option<Recorded>, String> {
    let mut named = logs.iter().filter(|log| log.id == entry.log_id).peekable();
    if named.peek().is_none() {
        return Ok(None);
    }
    let integrated = Timestamp::from_second(entry.integrated_time).ok().filter(|_| entry.integrated_time > 0);
    let in_use = |log: &&LogKey| integrated.is_none_or(|at| log.valid.contains(at));
    let log = named.find(in_use).ok_or("the log's key was not in use at the time of the entry")?;
    if entry.signed_entry_timestamp.is_none() && entry.proof.is_none() {
        return Err("the entry has neither a promise nor a proof of the log".to_owned());
    }
    if let Some(signature) = &entry.signed_entry_timestamp
        && !log.key.verifies_as(log.scheme, signed_entry(entry).as_bytes(), signature)
    {
        return Err("the log did not sign the entry's promise".to_owned());
    }
    if let Some(proof) = &entry.proof {
        check_inclusion(proof, &entry.body)?;
        check_checkpoint(proof, log)?;
    }
    let at = integrated.filter(|_| entry.signed_entry_timestamp.is_some());
    Ok(Some(Recorded { at, valid: log.valid }))
}

/// What a signed entry timestamp signs: canonical JSON (RFC 8785) of four fields.
pub(crate) fn signed_entry(entry: &LogEntry) -> String {
    format!(
        r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}}"#,
        BASE64_STANDARD.encode(&entry.body),
        entry.integrated_time,
        crate::hex(&entry.log_id),
        entry.index
    )
}

/// The proof's path leads from the entry to the root (RFC 9162, 2.1.3.2).
fn check_inclusion(proof: &InclusionProof, body: &[u8]) -> Result<(), String> {
    let wrong = || "the proof does not lead from the entry to the log's root".to_owned();
    if proof.index >= proof.tree_size {
        return Err(wrong());
    }
    let (mut index, mut last) = (proof.index, proof.tree_size - 1);
    let mut hash = crate::sha256(&[&[0], body].concat());
    let node = |left: &[u8], right: &[u8]| crate::sha256(&[&[1], left, right].concat());
    for sibling in &proof.hashes {
        if last == 0 || sibling.len() != hash.len() {
            return Err(wrong());
        }
        if index & 1 == 1 || index == last {
            hash = node(sibling, &hash);
            while index & 1 == 0 && index != 0 {
                index >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, sibling);
        }
        index >>= 1;
        last >>= 1;
    }
    if last == 0 && hash == proof.root.as_slice() { Ok(()) } else { Err(wrong()) }
}

/// The log signed this root and size (C2SP tlog-checkpoint and signed-note).
fn check_checkpoint(proof: &InclusionProof, log: &LogKey) -> Result<(), String> {
    let note = &proof.checkpoint;
    let end = note.rfind("\n\n").ok_or("the checkpoint is no signed note")?;
    let (text, signatures) = (&note[..=end], &note[end + 2..]);
    let mut lines = text.lines().skip(1);
    let size = lines.next().and_then(|line| line.parse::<u64>().ok());
    let root = lines.next().and_then(|line| BASE64_STANDARD.decode(line).ok());
    if size != Some(proof.tree_size) || root.as_deref() != Some(proof.root.as_slice()) {
        return Err("the checkpoint is of another tree than the proof".to_owned());
    }
    let signed = signatures.lines().take(CHECKPOINT_SIGNATURES_MAX).any(|line| {
        let encoded =
            line.strip_prefix("— ").and_then(|rest| rest.split_once(' ')).map(|(_, encoded)| encoded);
        let bytes = encoded.and_then(|encoded| BASE64_STANDARD.decode(encoded).ok()).unwrap_or_default();
        bytes.split_at_checked(4).is_some_and(|(hint, signature)| {
            log.checkpoint_id.starts_with(hint) && log.key.verifies_as(log.scheme, text.as_bytes(), signature)
        })
    });
    if signed { Ok(()) } else { Err("the log did not sign the checkpoint".to_owned()) }
}
