//! The rules of all producers, for `explain` and for reports.

use seawall_finding::Rule;

/// Every rule with a fixed text.
pub(crate) fn all() -> impl Iterator<Item = &'static Rule> {
    seawall_advisory::RULES.iter()
}

/// The rule of this id.
pub(crate) fn by_id(id: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.id == id)
}
