//! `META-INF/MANIFEST.MF` (Java Archive File Specification, "JAR Manifest"): the main section only.

use std::collections::BTreeMap;

use crate::limits::{JAR_LICENSES_MAX, JAR_MANIFEST_ATTRIBUTES_MAX};

/// The main attributes; names are compared without case.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    attributes: BTreeMap<String, String>,
}

impl Manifest {
    pub(super) fn parse(bytes: &[u8]) -> Manifest {
        let text = String::from_utf8_lossy(bytes);
        let mut attributes: BTreeMap<String, String> = BTreeMap::new();
        let mut current: Option<String> = None;
        for line in text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)) {
            if let Some(more) = line.strip_prefix(' ') {
                // A line is at most 72 bytes long and goes on behind a blank.
                if let Some(value) = current.as_ref().and_then(|name| attributes.get_mut(name)) {
                    value.push_str(more);
                }
            } else if line.is_empty() {
                if !attributes.is_empty() {
                    break;
                }
            } else if let Some((name, value)) = line.split_once(':') {
                if attributes.len() >= JAR_MANIFEST_ATTRIBUTES_MAX {
                    break;
                }
                let name = name.trim().to_ascii_lowercase();
                attributes.insert(name.clone(), value.trim_start().to_owned());
                current = Some(name);
            }
        }
        Manifest { attributes }
    }

    /// The value of an attribute, trimmed; `None` when it is empty or a placeholder that nobody filled in.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.attributes.get(&name.to_ascii_lowercase())?.trim();
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value).trim();
        Some(value).filter(|value| !value.is_empty() && !value.contains("${") && *value != "null")
    }

    /// The licences of an OSGi bundle: clauses between commas, each with parameters behind `;`.
    pub(super) fn licenses(&self) -> Vec<String> {
        let clauses = self.get("Bundle-License").unwrap_or_default().split(',');
        let names = clauses.filter_map(|clause| clause.split(';').next());
        let mut licenses: Vec<String> = Vec::new();
        for name in names.map(|name| name.trim().trim_matches('"').trim()) {
            let is_new = !licenses.iter().any(|known| known == name);
            if !name.is_empty() && name != "<<EXTERNAL>>" && is_new && licenses.len() < JAR_LICENSES_MAX {
                licenses.push(name.to_owned());
            }
        }
        licenses
    }
}
