//! `.gitleaks.toml` and Betterleaks' rules (github.com/gitleaks/gitleaks, README, "Configuration").
//!
//! `[extend] useDefault` means the rules of Seawall. Commits have no meaning here. What filters and validates in
//! Betterleaks' own language is a gap of its rule, which is used without.

use std::borrow::Cow;

use seawall_finding::{Confidence, Severity};
use serde::Deserialize;

use super::{Loaded, expression, expressions, malformed};
use crate::allow::{Allow, Target};
use crate::limits::MATCH_BYTES_MAX;
use crate::literal::required;
use crate::rule::{Rule, Search, compile};
use crate::rules::{RulesError, UserRules};
use crate::spec::parse;

/// Bytes around a keyword in which the expression is looked for, where no literal of its own can be proven.
const KEYWORD_WINDOW_BYTES: usize = 4096;
/// A literal of a user's rule may stand further into its match than one of ours.
const BEFORE_BYTES_MAX: usize = 512;
const NEST_MAX: u32 = crate::limits::REGEX_DEPTH_MAX;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct File {
    extend: Extend,
    rules: Vec<TomlRule>,
    allowlist: Option<TomlAllow>,
    allowlists: Vec<TomlAllow>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Extend {
    use_default: bool,
    path: Option<String>,
    disabled_rules: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TomlRule {
    id: String,
    description: String,
    regex: Option<String>,
    path: Option<String>,
    secret_group: Option<usize>,
    entropy: Option<f32>,
    keywords: Vec<String>,
    allowlist: Option<OneOrMany>,
    allowlists: Vec<TomlAllow>,
    skip_report: bool,
    filter: Option<toml::Value>,
    required: Option<toml::Value>,
}

/// `[rules.allowlist]` of old, `[[rules.allowlist]]` by mistake.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(TomlAllow),
    Many(Vec<TomlAllow>),
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TomlAllow {
    condition: String,
    paths: Vec<String>,
    regexes: Vec<String>,
    regex_target: String,
    stopwords: Vec<String>,
    target_rules: Vec<String>,
}

pub(super) fn load(file: &UserRules<'_>) -> Result<Loaded, RulesError> {
    let parsed: File = toml::from_str(file.text).map_err(|error| malformed(file, error.message()))?;
    let brings_rules = parsed.rules.iter().any(|rule| rule.regex.is_some());
    let mut loaded = Loaded {
        // A file with allow-lists alone is meant for the rules that are there.
        extends_builtin: parsed.extend.use_default || !brings_rules,
        disabled: parsed.extend.disabled_rules,
        ..Loaded::default()
    };
    if let Some(path) = parsed.extend.path {
        loaded.gap(file.name, format_args!("it extends {path}, which is not read; name that file as well"));
    }
    for allow in parsed.allowlist.iter().chain(&parsed.allowlists) {
        let allow = allowed(allow, file.name, "an allow-list", &mut loaded);
        loaded.allow.push(allow);
    }
    for rule in parsed.rules {
        take(rule, file.name, &mut loaded);
    }
    Ok(loaded)
}

fn take(rule: TomlRule, file: &str, loaded: &mut Loaded) {
    let id = rule.id.clone();
    let old = rule.allowlist.as_ref().map(OneOrMany::lists).unwrap_or_default();
    let lists = old.iter().chain(&rule.allowlists);
    let of = format!("rule {id}");
    let mut allow: Vec<Allow> = lists.map(|list| allowed(list, file, &of, loaded)).collect();
    if rule.filter.is_some() || rule.required.is_some() {
        loaded.gap(file, format_args!("rule {id} filters in a language of its own; it is used without"));
    }
    if rule.skip_report {
        return;
    }
    if rule.regex.is_none() {
        if rule.path.is_some() {
            return loaded
                .gap(file, format_args!("rule {id} has a path and no expression, which is not supported"));
        }
        // It changes a rule that is there.
        allow.iter_mut().for_each(|allow| allow.rules = vec![id.clone()]);
        return loaded.allow.extend(allow);
    }
    match made(rule, allow) {
        Ok(rule) => loaded.rules.push(rule),
        Err(reason) => loaded.gap(file, format_args!("rule {id} cannot be used: {reason}")),
    }
}

impl OneOrMany {
    fn lists(&self) -> &[TomlAllow] {
        match self {
            OneOrMany::One(list) => std::slice::from_ref(list),
            OneOrMany::Many(lists) => lists,
        }
    }
}

fn made(rule: TomlRule, allow: Vec<Allow>) -> Result<Rule, String> {
    let regex = expression::translated(rule.regex.as_deref().unwrap_or_default());
    let last = |error: String| error.lines().last().unwrap_or_default().to_owned();
    compile(&regex).map_err(last)?;
    let path =
        rule.path.as_deref().map(|path| compile(&expression::translated(path)).map_err(last)).transpose()?;
    let hir = parse(&regex, NEST_MAX)?;
    let has_group = hir.properties().explicit_captures_len() > 0;
    let length_max = hir.properties().maximum_len().unwrap_or(usize::MAX).min(MATCH_BYTES_MAX);
    let mut search = match required(&hir, BEFORE_BYTES_MAX) {
        Some(proven) => Search::new(
            Cow::Owned(regex),
            proven.literals,
            proven.before_min,
            proven.before_max,
            length_max,
            has_group,
        ),
        None => {
            let keywords = rule.keywords.iter().filter(|word| !word.is_empty());
            let keywords: Vec<Vec<u8>> =
                keywords.map(|word| word.to_ascii_lowercase().into_bytes()).collect();
            // Anchored only where the literal's place is fixed, which that of a keyword is not.
            Search::new(Cow::Owned(regex), keywords, 0, KEYWORD_WINDOW_BYTES, KEYWORD_WINDOW_BYTES, has_group)
        }
    };
    search.group = rule.secret_group.filter(|group| *group > 0).unwrap_or(1);
    let title = if rule.description.is_empty() { rule.id.clone() } else { rule.description };
    Ok(Rule {
        id: Cow::Owned(rule.id),
        title: Cow::Owned(title),
        why: Cow::Borrowed(
            "A rule of yours says that this is a credential, and everybody who has the image can read it.",
        ),
        fix: Cow::Borrowed("Replace the credential, and hand the new one to the program when it starts."),
        severity: Severity::High,
        confidence: Confidence::High,
        entropy_min: rule.entropy.unwrap_or(0.0),
        check: None,
        near: Vec::new(),
        paths: Vec::new(),
        path,
        touches: true,
        binary: false,
        mixed: false,
        placeholder: false,
        password: false,
        generic: false,
        allow,
        search: Some(search),
    })
}

fn allowed(list: &TomlAllow, file: &str, of: &str, loaded: &mut Loaded) -> Allow {
    Allow {
        all: list.condition.eq_ignore_ascii_case("and"),
        paths: expressions(&list.paths, file, of, loaded),
        regexes: expressions(&list.regexes, file, of, loaded),
        target: match list.regex_target.as_str() {
            "match" => Target::Match,
            "line" => Target::Line,
            _ => Target::Secret,
        },
        stopwords: list.stopwords.iter().map(|word| word.to_ascii_lowercase()).collect(),
        rules: list.target_rules.clone(),
    }
}
