//! Software bills of materials as input: CycloneDX, SPDX, Syft's own format, and attestations of them.
//!
//! Owns the formats and what other scanners write into their extension fields; what Seawall's own documents carry is
//! named in [`seawall_inventory::sbom_property`], so that a scan of a document answers as the scan of the image did.
//! Relationships between components are not read: a component is there or it is not.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use seawall_finding::{Gap, GapKind};
use seawall_inventory::{Content, Entry, EntryKind, Interest, Inventory};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::document::{Table, Text};
use crate::limits::{SBOM_BYTES_MAX, SBOM_IN_TREE_BYTES_MAX, SBOM_WRAPPINGS_MAX};
use crate::{Catalog, Reader};

mod assemble;
mod component;
mod cyclonedx;
mod cyclonedx_xml;
mod spdx;
mod spdx_3;
mod spdx_tags;
mod syft;

use component::Document;

pub(crate) const READERS: &[Reader] = &[Reader { name: "bitnami-sbom", interest, read }];

/// Why a document cannot be read as an SBOM.
#[derive(Debug, thiserror::Error)]
pub enum SbomError {
    /// It is none of the known formats.
    #[error("the document is not CycloneDX, SPDX, Syft JSON or an attestation of one of them")]
    Unknown,
    /// It has more bytes than are read.
    #[error("the document has more than {SBOM_BYTES_MAX} bytes")]
    TooLarge,
    /// It looks like JSON and is not.
    #[error("the document is not valid JSON")]
    Json(#[source] serde_json::Error),
    /// It looks like XML and is not.
    #[error("the document is not valid XML")]
    Xml(#[source] quick_xml::Error),
    /// Its elements are nested deeper than those of any real document.
    #[error("the document is nested too deeply")]
    TooDeep,
    /// The payload of an attestation is not base64.
    #[error("the attestation's payload is not base64")]
    Payload(#[source] base64::DecodeError),
}

/// Reads a document: CycloneDX 1.2 to 1.7 (JSON, XML), SPDX 2.2 and 2.3 (JSON, tag-value), SPDX 3.0 (JSON-LD), Syft
/// JSON, or an in-toto statement of one, bare, in a DSSE envelope or in a Sigstore bundle.
///
/// The inventory's target is what the document describes, of kind SBOM. Components that cannot be taken as packages
/// are gaps.
///
/// # Errors
/// The document as a whole is not an SBOM.
pub fn read_sbom(bytes: &[u8]) -> Result<(Inventory, Vec<Gap>), SbomError> {
    if bytes.len() as u64 > SBOM_BYTES_MAX {
        return Err(SbomError::TooLarge);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    document(bytes, SBOM_WRAPPINGS_MAX).map(assemble::inventory)
}

fn document(bytes: &[u8], wrappings_left: usize) -> Result<Document, SbomError> {
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => json(bytes, wrappings_left),
        Some(b'<') => cyclonedx_xml::read(bytes),
        Some(_) if spdx_tags::is_document(bytes) => Ok(spdx_tags::read(bytes)),
        _ => Err(SbomError::Unknown),
    }
}

/// The fields by which the JSON formats are told apart.
#[derive(Deserialize)]
struct Marks {
    #[serde(default, rename = "bomFormat")]
    bom_format: Option<IgnoredAny>,
    #[serde(default, rename = "spdxVersion")]
    spdx_version: Option<IgnoredAny>,
    #[serde(default, rename = "@graph")]
    graph: Option<IgnoredAny>,
    #[serde(default)]
    artifacts: Option<IgnoredAny>,
    #[serde(default)]
    payload: Text,
    #[serde(default)]
    predicate: Value,
    #[serde(default, rename = "dsseEnvelope")]
    envelope: Table<Envelope>,
}

/// A DSSE envelope (secure-systems-lab/dsse, envelope.md).
#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    payload: Text,
}

/// The formats by the field that each has near its start; asking this first saves reading a large document twice.
const EARLY_MARKS: [(&[u8], Format); 3] =
    [(b"\"bomFormat\"", cyclonedx::read), (b"\"spdxVersion\"", spdx::read), (b"\"artifacts\"", syft::read)];

/// Reads a document of one format; `None` when it lacks the field that marks the format.
type Format = fn(&[u8]) -> Result<Option<Document>, SbomError>;

fn json(bytes: &[u8], wrappings_left: usize) -> Result<Document, SbomError> {
    let head = bytes.get(..EARLY_BYTES).unwrap_or(bytes);
    for (mark, read) in EARLY_MARKS {
        if is_in(head, mark)
            && let Some(document) = read(bytes)?
        {
            return Ok(document);
        }
    }
    unwrap(bytes, wrappings_left)
}

/// How much of a document is searched for the field that marks its format.
const EARLY_BYTES: usize = 4096;

fn is_in(text: &[u8], wanted: &[u8]) -> bool {
    text.windows(wanted.len()).any(|window| window == wanted)
}

/// A document whose mark stands further back, or one inside a statement or envelope.
fn unwrap(bytes: &[u8], wrappings_left: usize) -> Result<Document, SbomError> {
    let marks: Marks = serde_json::from_slice(bytes).map_err(SbomError::Json)?;
    if marks.graph.is_some() {
        return spdx_3::read(bytes);
    }
    let marked = [
        (marks.bom_format, cyclonedx::read as Format),
        (marks.spdx_version, spdx::read),
        (marks.artifacts, syft::read),
    ];
    for (mark, read) in marked {
        if mark.is_some()
            && let Some(document) = read(bytes)?
        {
            return Ok(document);
        }
    }
    if wrappings_left == 0 {
        return Err(SbomError::Unknown);
    }
    let enveloped = marks.envelope.0.map(|envelope| envelope.payload).unwrap_or_default();
    if let Some(payload) = marks.payload.get().or_else(|| enveloped.get()) {
        let decoded = STANDARD.decode(payload).or_else(|_| URL_SAFE.decode(payload));
        return document(&decoded.map_err(SbomError::Payload)?, wrappings_left - 1);
    }
    // cosign wraps what is not JSON, and once wrapped what is, as the text or value of `Data`.
    let predicate = match marks.predicate {
        Value::Object(mut fields) => match fields.remove("Data") {
            Some(data) => data,
            None => Value::Object(fields),
        },
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            other
        }
    };
    let text = match predicate {
        Value::Null => return Err(SbomError::Unknown),
        Value::String(text) => text,
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
    };
    document(text.as_bytes(), wrappings_left - 1)
}

/// Bitnami's images describe each component that was compiled for them in a document of its own.
fn interest(entry: &Entry<'_>) -> Interest {
    let name = entry.name();
    let is_wanted = entry.kind == EntryKind::File
        && name.starts_with(".spdx-")
        && name.ends_with(".spdx")
        && entry.path.starts_with("opt/bitnami/");
    if is_wanted { Interest::Whole } else { Interest::No }
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(bytes) = catalog.whole(entry, content, SBOM_IN_TREE_BYTES_MAX) else { return };
    let (inventory, gaps) = match read_sbom(bytes) {
        Ok(read) => read,
        Err(error) => return catalog.gap(GapKind::Malformed, entry.path, error),
    };
    for mut package in inventory.packages {
        // Distribution packages are told by their own database.
        if !package.ecosystem.is_distribution() {
            package.places.clear();
            catalog.declare(entry.path, package);
        }
    }
    for gap in gaps {
        catalog.gap(gap.kind, entry.path, gap.reason);
    }
}

#[cfg(test)]
mod tests;
