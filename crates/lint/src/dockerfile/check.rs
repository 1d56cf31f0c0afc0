//! What a check is, and what it hands in.

use std::borrow::Cow;

use seawall_finding::{Change, Confidence, Rule, Severity};

use super::limits::HITS_PER_RULE_MAX;
use super::model::File;
use super::source::Span;
use super::{Options, names_secret};

/// A check: what it says about itself and how it looks at a file.
pub struct Check {
    /// Id, title, why, fix, severity, controls.
    pub rule: Rule,
    /// What other tools call it: `DL3008`, `DS-0002`, `CKV_DOCKER_3`, `JSONArgsRecommended`, `SC2046`.
    pub aliases: &'static [&'static str],
    /// Whether it runs unasked.
    pub standing: Standing,
    /// Files in which it finds something.
    pub bad: &'static [&'static str],
    /// Files in which it finds nothing.
    pub good: &'static [&'static str],
    pub(crate) look: fn(&File<'_>, &Options<'_>, &mut Hits),
}

/// Whether a check runs unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    On,
    /// Most good files would break it, or it needs to be told something.
    Off,
}

impl Check {
    /// Whether this is its id or one of its aliases, in any case.
    pub fn is_called(&self, name: &str) -> bool {
        self.rule.id.eq_ignore_ascii_case(name) || self.aliases.iter().any(|alias| same_alias(alias, name))
    }

    pub(crate) fn runs(&self, options: &Options<'_>) -> bool {
        let is_named = |names: &[&str]| names.iter().any(|name| self.is_called(name));
        let is_wanted = self.standing == Standing::On || options.enable.contains(&"all");
        (is_wanted || is_named(options.enable)) && !is_named(options.disable)
    }
}

/// Trivy has written its ids in three ways: `DS002`, `AVD-DS-0002`, `DS-0002`.
fn same_alias(alias: &str, name: &str) -> bool {
    if alias.eq_ignore_ascii_case(name) {
        return true;
    }
    let Some(number) = alias.strip_prefix("DS-") else { return false };
    let name = name.to_ascii_uppercase();
    let other = name.strip_prefix("AVD-").unwrap_or(&name);
    let other = other.strip_prefix("DS").map(|rest| rest.trim_start_matches('-'));
    other.is_some_and(|other| other.parse::<u32>().is_ok_and(|other| number.parse() == Ok(other)))
}

/// Aliases of one kind of hit, where a check has several kinds: hadolint's, and what others call the same.
const TWINS: [(&str, &str); 14] = [
    ("DL3012", "DS-0023"),
    ("DL4003", "DS-0016"),
    ("DL4004", "DS-0007"),
    ("DL3012", "MultipleInstructionsDisallowed"),
    ("DL4003", "MultipleInstructionsDisallowed"),
    ("DL4004", "MultipleInstructionsDisallowed"),
    ("DL3014", "DS-0021"),
    ("DL3021", "DS-0011"),
    ("DL3032", "DS-0015"),
    ("DL3040", "DS-0019"),
    ("DL3036", "DS-0020"),
    ("DL3019", "DS-0025"),
    ("DL3019", "DKL-DI-0004"),
    ("DL3011", "DS-0008"),
];

/// Whether a name means the hits that have this alias.
pub(crate) fn means(alias: &str, name: &str) -> bool {
    let is_twin = |(first, second): &(&str, &str)| *first == alias && same_alias(second, name);
    same_alias(alias, name) || TWINS.iter().any(is_twin)
}

/// What one check found in one file.
#[derive(Default)]
pub(crate) struct Hits {
    pub(crate) hits: Vec<Hit>,
    pub(crate) is_cut: bool,
}

/// One finding in the making.
pub(crate) struct Hit {
    pub(crate) span: Span,
    pub(crate) summary: String,
    pub(crate) expected: String,
    /// What it is about, where the text at the span does not tell; part of the fingerprint.
    pub(crate) detail: String,
    pub(crate) change: Option<Change>,
    pub(crate) severity: Option<Severity>,
    pub(crate) confidence: Confidence,
    /// The alias that fits this hit, where the check has one for each program.
    pub(crate) alias: Option<&'static str>,
}

impl Hits {
    /// Hands in a finding; what it is, and what should be there.
    pub(crate) fn add(
        &mut self,
        span: Span,
        summary: impl Into<String>,
        expected: impl Into<String>,
    ) -> &mut Hit {
        self.hits.push(Hit {
            span,
            summary: summary.into(),
            expected: expected.into(),
            detail: String::new(),
            change: None,
            severity: None,
            confidence: Confidence::High,
            alias: None,
        });
        if self.hits.len() > HITS_PER_RULE_MAX {
            self.is_cut = true;
            self.hits.truncate(HITS_PER_RULE_MAX);
        }
        let last = self.hits.len() - 1;
        &mut self.hits[last]
    }
}

impl Hit {
    pub(crate) fn change(&mut self, span: Span, text: impl Into<String>) -> &mut Hit {
        self.change = Some(Change { start: span.start, end: span.end, text: text.into() });
        self
    }

    pub(crate) fn detail(&mut self, detail: impl Into<String>) -> &mut Hit {
        self.detail = detail.into();
        self
    }

    pub(crate) fn alias(&mut self, alias: &'static str) -> &mut Hit {
        self.alias = Some(alias);
        self
    }

    pub(crate) fn severity(&mut self, severity: Severity) -> &mut Hit {
        self.severity = Some(severity);
        self
    }

    pub(crate) fn confidence(&mut self, confidence: Confidence) -> &mut Hit {
        self.confidence = confidence;
        self
    }
}

/// A piece of the file on one line, short, without the credentials of addresses and variables.
pub(crate) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 120;
    let mut line = String::new();
    for word in text.split_whitespace().filter(|word| *word != "\\") {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&redacted(word));
        if line.chars().count() > CHARS_MAX {
            line = line.chars().take(CHARS_MAX).collect();
            line.push('…');
            break;
        }
    }
    line
}

/// `https://…@host/`, `DB_PASSWORD=…`
fn redacted(word: &str) -> Cow<'_, str> {
    if let Some((head, tail)) = word.split_once("://")
        && let Some((user, host)) = tail.split_once('@')
        && !user.contains('/')
    {
        return Cow::Owned(format!("{head}://…@{host}"));
    }
    match word.split_once('=') {
        Some((name, value)) if !value.is_empty() && names_secret(name.trim_start_matches('-')) => {
            Cow::Owned(format!("{name}=…"))
        }
        _ => Cow::Borrowed(word),
    }
}
