//! A rule as the engine holds it; its expression is compiled when its literal is first seen.

use std::borrow::Cow;
use std::sync::OnceLock;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use regex_automata::meta::Regex;
use regex_automata::util::syntax;
use seawall_finding::{Confidence, Severity};

use crate::check::Check;
use crate::limits::{REGEX_BYTES_MAX, REGEX_CACHE_BYTES_MAX, REGEX_DEPTH_MAX};

/// What one kind of credential is and how it is recognised.
#[derive(Debug)]
pub struct Rule {
    pub(crate) id: Cow<'static, str>,
    pub(crate) title: Cow<'static, str>,
    pub(crate) why: Cow<'static, str>,
    pub(crate) fix: Cow<'static, str>,
    pub(crate) severity: Severity,
    pub(crate) confidence: Confidence,
    pub(crate) entropy_min: f32,
    pub(crate) check: Option<Check>,
    pub(crate) near: Vec<Cow<'static, str>>,
    pub(crate) paths: Vec<Cow<'static, str>>,
    /// An expression that the path must match, where a user's rule has one.
    pub(crate) path: Option<Regex>,
    /// Whether the secret may touch letters and digits.
    pub(crate) touches: bool,
    pub(crate) binary: bool,
    pub(crate) mixed: bool,
    pub(crate) placeholder: bool,
    pub(crate) password: bool,
    pub(crate) generic: bool,
    /// What a user's rule allows.
    pub(crate) allow: Vec<crate::allow::Allow>,
    pub(crate) search: Option<Search>,
}

impl Rule {
    /// Stable kebab-case id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the secret is.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Why a leak of it matters.
    pub fn why(&self) -> &str {
        &self.why
    }

    /// How to fix one.
    pub fn fix(&self) -> &str {
        &self.fix
    }

    /// How bad one is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// How sure one is, before its place and proof are looked at.
    pub fn confidence(&self) -> Confidence {
        self.confidence
    }

    /// Whether its rule has a say about files at this path.
    pub(crate) fn applies_to(&self, path: &str) -> bool {
        let in_globs = self.search.as_ref().is_none_or(|search| {
            search.globs.get_or_init(|| globs(&self.paths)).as_ref().is_none_or(|globs| globs.is_match(path))
        });
        in_globs && self.path.as_ref().is_none_or(|regex| regex.is_match(path.as_bytes()))
    }
}

/// What blocks of keys begin with. No block holds another one's beginning, so that a text of nothing but beginnings
/// costs no more than another.
const HEADS: &[&str] = &["-----BEGIN ", "---- BEGIN ", "PuTTY-User-Key-File-", "\"kty\""];

/// How an expression is looked for.
#[derive(Debug)]
pub(crate) struct Search {
    expression: Cow<'static, str>,
    /// One of these starts the search; lower case.
    pub(crate) literals: Vec<Vec<u8>>,
    pub(crate) before_min: usize,
    pub(crate) before_max: usize,
    pub(crate) after_max: usize,
    pub(crate) has_group: bool,
    /// Which group is the secret, where a user's rule says so.
    pub(crate) group: usize,
    compiled: OnceLock<Option<Regex>>,
    globs: OnceLock<Option<GlobSet>>,
}

impl Search {
    pub(crate) fn new(
        expression: Cow<'static, str>,
        literals: Vec<Vec<u8>>,
        before_min: usize,
        before_max: usize,
        after_max: usize,
        has_group: bool,
    ) -> Search {
        Search {
            expression,
            literals,
            before_min,
            before_max,
            after_max,
            has_group,
            group: 1,
            compiled: OnceLock::new(),
            globs: OnceLock::new(),
        }
    }

    /// Where a match that holds the literal at `hit` ends at the latest.
    pub(crate) fn end_behind(&self, bytes: &[u8], hit: usize) -> usize {
        let end = (hit + self.after_max).min(bytes.len());
        let head = HEADS.iter().find(|head| self.expression.starts_with(**head));
        let next = head.and_then(|head| memchr::memmem::find(bytes.get(hit + 1..end)?, head.as_bytes()));
        next.map_or(end, |at| hit + 1 + at)
    }

    /// The compiled expression; `None` where it takes more memory than it may, which [`compile`] has refused for a
    /// user's rule and a test excludes for a built-in one.
    pub(crate) fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| compile(&self.expression).ok()).as_ref()
    }
}

/// Compiles an expression over bytes.
pub(crate) fn compile(expression: &str) -> Result<Regex, String> {
    let config = Regex::config()
        .utf8_empty(false)
        .nfa_size_limit(Some(REGEX_BYTES_MAX))
        .hybrid_cache_capacity(REGEX_CACHE_BYTES_MAX)
        .auto_prefilter(false);
    Regex::builder()
        .configure(config)
        .syntax(syntax::Config::new().unicode(false).utf8(false).nest_limit(REGEX_DEPTH_MAX))
        .build(expression)
        .map_err(|error| error.to_string())
}

fn globs(paths: &[Cow<'static, str>]) -> Option<GlobSet> {
    if paths.is_empty() {
        return None;
    }
    let mut set = GlobSetBuilder::new();
    for path in paths {
        set.add(GlobBuilder::new(path).literal_separator(true).build().ok()?);
    }
    set.build().ok()
}

/// The words of a built-in rule.
pub(crate) fn strings(words: &[&'static str]) -> Vec<Cow<'static, str>> {
    words.iter().map(|word| Cow::Borrowed(*word)).collect()
}

/// The literals of a built-in rule.
pub(crate) fn literals(literals: &[&'static [u8]]) -> Vec<Vec<u8>> {
    literals.iter().map(|literal| literal.to_vec()).collect()
}
