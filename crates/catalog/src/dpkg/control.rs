//! Debian control files (deb-control(5)): stanzas of `Field: value` lines.

use std::collections::HashMap;

/// The fields of one stanza: lower-case name → first line of the value.
#[derive(Debug, Default)]
pub(super) struct Fields<'t> {
    fields: HashMap<String, &'t str>,
}

impl<'t> Fields<'t> {
    pub(super) fn get(&self, name: &str) -> Option<&'t str> {
        self.fields.get(name).copied()
    }
}

/// The stanzas of a file. A line that is neither a field nor a continuation is passed over, and of a
/// field that is there twice the first counts.
pub(super) fn stanzas(text: &str) -> impl Iterator<Item = Fields<'_>> {
    let mut lines = text.lines();
    std::iter::from_fn(move || {
        let mut stanza = Fields::default();
        loop {
            let Some(line) = lines.next() else {
                return (!stanza.fields.is_empty()).then_some(stanza);
            };
            if line.is_empty() {
                if stanza.fields.is_empty() {
                    continue;
                }
                return Some(stanza);
            }
            if line.starts_with([' ', '\t']) {
                continue;
            }
            if let Some((name, value)) = line.split_once(':') {
                stanza.fields.entry(name.to_ascii_lowercase()).or_insert(value.trim());
            }
        }
    })
}
