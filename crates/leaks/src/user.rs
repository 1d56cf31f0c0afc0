//! Rules that a user brings: YAML as in `rules/leaks`, TOML as gitleaks and Betterleaks have it.
//!
//! A rule that cannot be used is a gap, and the others are used all the same.

mod expression;
mod gitleaks;

use std::borrow::Cow;

use regex_automata::meta::Regex;
use seawall_finding::{Confidence, Gap, GapKind, Severity};

use crate::allow::Allow;
use crate::check::Check;
use crate::limits::{RULE_FILE_BYTES_MAX, RULES_PER_FILE_MAX};
use crate::rule::{Rule, Search, compile};
use crate::rules::{RulesError, UserRules};
use crate::spec::{RuleFile, RuleSpec};

/// What is in a file.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// Whether it adds to the built-in rules instead of taking their place.
    pub(crate) extends_builtin: bool,
    /// Ids of rules that it switches off.
    pub(crate) disabled: Vec<String>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) allow: Vec<Allow>,
    pub(crate) gaps: Vec<Gap>,
}

impl Loaded {
    fn gap(&mut self, file: &str, reason: impl std::fmt::Display) {
        self.gaps.push(Gap::at(GapKind::Unsupported, file, reason));
    }
}

/// Reads a file with rules.
///
/// # Errors
/// The file as a whole is none.
pub(crate) fn load(file: &UserRules<'_>) -> Result<Loaded, RulesError> {
    if file.text.len() > RULE_FILE_BYTES_MAX {
        return Err(RulesError::TooLarge {
            name: file.name.to_owned(),
            max: RULE_FILE_BYTES_MAX,
            unit: "bytes",
        });
    }
    let loaded = if file.name.ends_with(".toml") { gitleaks::load(file)? } else { yaml(file)? };
    if loaded.rules.len() > RULES_PER_FILE_MAX {
        return Err(RulesError::TooLarge {
            name: file.name.to_owned(),
            max: RULES_PER_FILE_MAX,
            unit: "rules",
        });
    }
    Ok(loaded)
}

fn malformed(file: &UserRules<'_>, error: impl std::fmt::Display) -> RulesError {
    let reason = error.to_string().lines().next().unwrap_or_default().to_owned();
    RulesError::Malformed { name: file.name.to_owned(), reason }
}

fn yaml(file: &UserRules<'_>) -> Result<Loaded, RulesError> {
    let parsed: RuleFile = serde_saphyr::from_str(file.text).map_err(|error| malformed(file, error))?;
    let mut loaded = Loaded { extends_builtin: true, ..Loaded::default() };
    for spec in &parsed.rules {
        match rule(&parsed, spec) {
            Ok(rule) => loaded.rules.push(rule),
            Err(reason) => loaded.gap(file.name, format_args!("rule {}: {reason}", spec.id)),
        }
    }
    Ok(loaded)
}

fn rule(file: &RuleFile, spec: &RuleSpec) -> Result<Rule, String> {
    let plan = spec.plan()?.ok_or("extractors are part of Seawall; a rule needs an expression")?;
    compile(&plan.regex)?;
    if !spec.has_samples() {
        return Err("it has no samples (`good`, `bad`)".to_owned());
    }
    let owned = |words: &[String]| words.iter().map(|word| Cow::Owned(word.clone())).collect();
    let severity =
        spec.severity.as_ref().or(file.severity.as_ref()).map_or(Ok(Severity::High), |word| word.parse());
    Ok(Rule {
        id: Cow::Owned(spec.id.clone()),
        title: Cow::Owned(spec.title.clone()),
        why: Cow::Owned(spec.why.as_ref().unwrap_or(&file.why).clone()),
        fix: Cow::Owned(spec.fix.as_ref().unwrap_or(&file.fix).clone()),
        severity: severity.map_err(|error| error.to_string())?,
        confidence: confidence(spec.confidence.as_deref())?,
        entropy_min: spec.entropy,
        check: spec.check.as_deref().and_then(Check::named),
        near: owned(&spec.near),
        paths: owned(&spec.paths),
        path: None,
        touches: spec.edge.as_deref() == Some("none"),
        binary: spec.binary,
        mixed: spec.mixed,
        placeholder: spec.placeholder,
        password: spec.password,
        generic: spec.generic,
        allow: Vec::new(),
        search: Some(Search::new(
            Cow::Owned(plan.regex),
            plan.literals,
            plan.before_min,
            plan.before_max,
            plan.after_max,
            plan.has_group,
        )),
    })
}

fn confidence(word: Option<&str>) -> Result<Confidence, String> {
    match word {
        None | Some("high") => Ok(Confidence::High),
        Some("medium") => Ok(Confidence::Medium),
        Some("low") => Ok(Confidence::Low),
        Some(other) => Err(format!("`{other}` is no confidence; use one of: low, medium, high")),
    }
}

/// Compiles the expressions of a list; each that does not compile is a gap.
fn expressions(list: &[String], file: &str, of: &str, loaded: &mut Loaded) -> Vec<Regex> {
    let mut compiled = Vec::new();
    for text in list {
        match compile(&expression::translated(text)) {
            Ok(regex) => compiled.push(regex),
            Err(error) => {
                let reason = error.lines().last().unwrap_or_default().to_owned();
                loaded.gap(file, format_args!("an expression of {of} cannot be used: {reason}"));
            }
        }
    }
    compiled
}

#[cfg(test)]
mod tests;
