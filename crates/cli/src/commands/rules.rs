//! The rules of all producers, for `explain`, for reports and for the reference.

use std::collections::BTreeMap;

use seawall_finding::Rule;

/// The rules of one producer.
pub(crate) struct Group {
    /// What it looks at.
    pub(crate) title: &'static str,
    /// Its rules with the names that other tools have for them.
    pub(crate) rules: Vec<(&'static Rule, &'static [&'static str])>,
}

/// Every rule, in the order of the reference. A rule that two producers ask is listed with the first.
pub(crate) fn groups() -> Vec<Group> {
    let plain = |rule: &'static Rule| (rule, &[] as &[&str]);
    let mut groups = vec![
        Group { title: "Packages", rules: seawall_advisory::RULES.iter().map(plain).collect() },
        Group {
            title: "Build files, manifests and containers",
            rules: seawall_lint::rules().map(|rule| (rule.rule, rule.aliases)).collect(),
        },
        Group {
            title: "Signatures and attestations",
            rules: seawall_trust::RULES.iter().map(plain).collect(),
        },
        Group { title: "Host and engines", rules: seawall_audit::rules().into_iter().map(plain).collect() },
    ];
    let mut seen = BTreeMap::new();
    for group in &mut groups {
        group.rules.retain(|(rule, _)| seen.insert(rule.id, ()).is_none());
    }
    groups
}

/// The rule with this id, or that another tool calls so.
pub(crate) fn by_id(id: &str) -> Option<&'static Rule> {
    let rules: Vec<_> = groups().into_iter().flat_map(|group| group.rules).collect();
    let is_alias = |aliases: &[&str]| aliases.iter().any(|alias| alias.eq_ignore_ascii_case(id));
    let named = rules.iter().find(|(rule, _)| rule.id == id);
    named.or_else(|| rules.iter().find(|(_, aliases)| is_alias(aliases))).map(|(rule, _)| *rule)
}
