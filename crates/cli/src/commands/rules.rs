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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed test panics")]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_one_rule() {
        let producers = [
            seawall_advisory::RULES.iter().collect::<Vec<_>>(),
            seawall_lint::rules().map(|rule| rule.rule).collect(),
            seawall_audit::rules(),
        ];
        for rules in producers {
            let mut ids = BTreeMap::new();
            for rule in rules {
                assert!(
                    !rule.title.is_empty() && !rule.why.is_empty() && !rule.fix.is_empty(),
                    "{}",
                    rule.id
                );
                let is_kebab = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                assert!(rule.id.bytes().all(is_kebab), "{}", rule.id);
                assert!(ids.insert(rule.id, ()).is_none(), "{} is there twice", rule.id);
            }
        }
    }

    #[test]
    fn rules_of_two_producers_with_one_id_are_one_rule() {
        let audit = seawall_audit::rules();
        for rule in seawall_lint::rules() {
            for same in audit.iter().filter(|other| other.id == rule.rule.id) {
                assert!(std::ptr::eq(*same, rule.rule) || **same == *rule.rule, "{}", same.id);
            }
        }
    }

    #[test]
    fn rules_are_explained_by_the_name_that_other_tools_have_for_them() {
        assert_eq!(by_id("DL3020").unwrap().id, by_id("add-instead-of-copy").unwrap().id);
        assert!(by_id("no-such-rule").is_none());
    }
}
