//! VEX documents as waivers: what a supplier says does not affect a product.
//!
//! `not_affected` and `fixed` waive; a later statement of the same document on the same vulnerability and
//! product that says otherwise takes it back (OpenVEX 0.2, "the newest statement wins").

mod csaf;
mod cyclonedx;
mod openvex;

use crate::waiver::Waiver;

/// Reads any of the three formats, told apart by their own marks.
pub(crate) fn read(text: &str, name: &str) -> Result<Vec<Waiver>, String> {
    let document: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("it is not JSON ({error})"))?;
    let context = document.get("@context").and_then(|context| context.as_str());
    if context.is_some_and(|context| context.starts_with("https://openvex.dev/ns")) {
        return openvex::read(document, name);
    }
    if document.get("bomFormat").is_some() {
        return cyclonedx::read(document, name);
    }
    if document.pointer("/document/csaf_version").is_some() {
        return csaf::read(document, name);
    }
    Err("it is neither OpenVEX, CSAF nor CycloneDX".to_owned())
}
