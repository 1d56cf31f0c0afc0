//! What a user's rule file allows: values, lines and paths that are no leak (`.gitleaks.toml`, `[[allowlists]]`).

use regex_automata::meta::Regex;

/// One allow-list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Allow {
    /// Whether all criteria must hold instead of one.
    pub(crate) all: bool,
    /// Expressions for the path.
    pub(crate) paths: Vec<Regex>,
    /// Expressions for `target`.
    pub(crate) regexes: Vec<Regex>,
    /// What `regexes` look at.
    pub(crate) target: Target,
    /// Words in the value, in lower case.
    pub(crate) stopwords: Vec<String>,
    /// Ids of the rules that it is for; empty for all.
    pub(crate) rules: Vec<String>,
}

/// What the expressions of an allow-list look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Target {
    /// The secret.
    #[default]
    Secret,
    /// The whole match.
    Match,
    /// The line.
    Line,
}

/// A candidate as allow-lists see it.
pub(crate) struct Candidate<'c> {
    pub(crate) rule: &'c str,
    pub(crate) path: &'c str,
    pub(crate) secret: &'c [u8],
    pub(crate) matched: &'c [u8],
    pub(crate) line: &'c [u8],
}

impl Allow {
    /// Whether it allows the candidate.
    pub(crate) fn allows(&self, candidate: &Candidate<'_>) -> bool {
        if !self.rules.is_empty() && !self.rules.iter().any(|rule| rule == candidate.rule) {
            return false;
        }
        let target = match self.target {
            Target::Secret => candidate.secret,
            Target::Match => candidate.matched,
            Target::Line => candidate.line,
        };
        let lower = candidate.secret.to_ascii_lowercase();
        let criteria = [
            (!self.paths.is_empty()).then(|| self.allows_path(candidate.path)),
            (!self.regexes.is_empty()).then(|| self.regexes.iter().any(|regex| regex.is_match(target))),
            (!self.stopwords.is_empty()).then(|| {
                self.stopwords.iter().any(|word| memchr::memmem::find(&lower, word.as_bytes()).is_some())
            }),
        ];
        let mut stated = criteria.into_iter().flatten();
        if self.all {
            stated.clone().count() > 0 && stated.all(|holds| holds)
        } else {
            stated.any(|holds| holds)
        }
    }

    /// Whether one of its paths is this.
    pub(crate) fn allows_path(&self, path: &str) -> bool {
        self.paths.iter().any(|regex| regex.is_match(path.as_bytes()))
    }

    /// Whether files at this path need not be looked at at all.
    pub(crate) fn skips(&self, path: &str) -> bool {
        self.rules.is_empty()
            && (!self.all || self.regexes.is_empty() && self.stopwords.is_empty())
            && self.allows_path(path)
    }
}
