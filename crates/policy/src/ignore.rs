//! Ignore files of other tools as waivers.

mod grype;
mod osv_scanner;
mod trivy;

use crate::waiver::Waiver;

/// Reads any of the known formats, told apart by name and then by their own marks.
pub(crate) fn read(text: &str, name: &str) -> Result<Vec<Waiver>, String> {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("toml") => osv_scanner::read(text, name),
        Some("yaml" | "yml") if name.contains("grype") => grype::read(text, name),
        Some("yaml" | "yml") => trivy::read_yaml(text, name),
        _ => trivy::read_lines(text, name),
    }
}
