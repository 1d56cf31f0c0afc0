//! The rules of all producers, for `explain`, for reports and for the reference.

use std::collections::{BTreeMap, BTreeSet};

use seawall_finding::{Control, Framework, Rule, Severity};
use seawall_leaks::Rules;
use seawall_report::RuleText;

/// What a rule says about itself, whoever has it: constants in the program, or data.
#[derive(Debug, Clone)]
pub(crate) struct Explained {
    pub(crate) id: String,
    pub(crate) text: RuleText,
    pub(crate) severity: Severity,
    pub(crate) controls: Vec<Control>,
    pub(crate) references: Vec<String>,
    /// What other tools call it.
    pub(crate) aliases: Vec<String>,
}

/// The rules of one producer.
pub(crate) struct Group {
    /// What it looks at.
    pub(crate) title: &'static str,
    /// Its rules.
    pub(crate) rules: Vec<Explained>,
}

impl Explained {
    fn of(rule: &Rule, aliases: &[&str]) -> Explained {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Explained {
            id: rule.id.to_owned(),
            text: rule.into(),
            severity: rule.severity,
            controls: rule.finding_controls(),
            references: owned(rule.references),
            aliases: owned(aliases),
        }
    }

    fn of_leak(rule: &seawall_leaks::Rule) -> Explained {
        Explained {
            id: rule.id().to_owned(),
            text: RuleText {
                title: rule.title().to_owned(),
                why: rule.why().to_owned(),
                fix: rule.fix().to_owned(),
            },
            severity: rule.severity(),
            controls: seawall_leaks::controls(),
            references: Vec::new(),
            aliases: Vec::new(),
        }
    }
}

/// Every rule, in the order of the reference. A rule that two producers ask is listed with the first.
pub(crate) fn groups() -> Vec<Group> {
    let plain = |rule: &Rule| Explained::of(rule, &[]);
    let mut groups = vec![
        Group { title: "Packages", rules: seawall_advisory::RULES.iter().map(plain).collect() },
        Group {
            title: "Leaked credentials",
            rules: Rules::builtin().iter().map(Explained::of_leak).collect(),
        },
        Group {
            title: "Build files, manifests and containers",
            rules: seawall_lint::rules().map(|rule| Explained::of(rule.rule, rule.aliases)).collect(),
        },
        Group {
            title: "Signatures and attestations",
            rules: seawall_trust::RULES.iter().chain(&seawall_admit::RULES).map(plain).collect(),
        },
        Group { title: "Host and engines", rules: seawall_audit::rules().into_iter().map(plain).collect() },
        Group { title: "Running containers and hosts", rules: guard_rules() },
    ];
    let mut seen = BTreeSet::new();
    for group in &mut groups {
        group.rules.retain(|rule| seen.insert(rule.id.clone()));
    }
    groups
}

/// The rules that the guard brings.
fn guard_rules() -> Vec<Explained> {
    let explained = |rule: &seawall_detect::Rule| {
        let (meaning, advice) = seawall_detect::meaning_and_advice(&rule.description);
        Explained {
            id: rule.id(),
            text: RuleText { title: rule.name.clone(), why: meaning.to_owned(), fix: capitalized(advice) },
            severity: rule.priority.severity(),
            controls: rule.controls(),
            references: Vec::new(),
            aliases: Vec::new(),
        }
    };
    seawall_detect::load(seawall_detect::pack()).rules.iter().map(explained).collect()
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + characters.as_str())
}

/// The rule with this id, or that another tool calls so.
pub(crate) fn by_id(id: &str) -> Option<Explained> {
    let rules: Vec<Explained> = groups().into_iter().flat_map(|group| group.rules).collect();
    let is_alias = |rule: &&Explained| rule.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(id));
    // Trivy has written its ids in three ways, and benchmarks number their recommendations.
    let check = seawall_lint::dockerfile::check_named(id).map(|check| check.rule.id);
    let is_number = |rule: &&Explained| {
        rule.controls.iter().any(|control| control.framework == Framework::CisDocker18 && control.id == id)
    };
    rules
        .iter()
        .find(|rule| rule.id == id)
        .or_else(|| rules.iter().find(is_alias))
        .or_else(|| rules.iter().find(|rule| Some(rule.id.as_str()) == check))
        .or_else(|| rules.iter().find(is_number))
        .or_else(|| rules.iter().find(|rule| rule.text.title.eq_ignore_ascii_case(id)))
        .cloned()
}

/// What the rules with these ids are about, by id.
pub(crate) fn texts<'i>(ids: impl Iterator<Item = &'i str>) -> BTreeMap<String, RuleText> {
    let ids: BTreeSet<&str> = ids.collect();
    if ids.is_empty() {
        return BTreeMap::new();
    }
    let rules = groups().into_iter().flat_map(|group| group.rules);
    rules.filter(|rule| ids.contains(rule.id.as_str())).map(|rule| (rule.id, rule.text)).collect()
}

#[cfg(test)]
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
