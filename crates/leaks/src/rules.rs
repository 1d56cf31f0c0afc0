//! All rules of a search, and the one prefilter over their literals.

use std::borrow::Cow;
use std::collections::HashMap;

use seawall_finding::{Confidence, Gap, Severity};
use sha2::{Digest, Sha256};

use crate::allow::Allow;
use crate::check::Check;
use crate::prefilter::Prefilter;
use crate::rule::{Rule, Search, literals, strings};
use crate::user;

/// Changes whenever the search may give another answer for the same bytes and rules.
const VERSION: u32 = 3;

/// All rules of a search. Made once for a run; searches share it.
#[derive(Debug)]
pub struct Rules {
    rules: Vec<Rule>,
    /// Finds the literals, without regard to case.
    prefilter: Prefilter,
    /// Literal → the rules that have it.
    rules_of: Vec<Vec<u16>>,
    /// Rules of a user without a literal, which look at everything.
    everywhere: Vec<u16>,
    by_id: HashMap<String, u16>,
    allow: Vec<Allow>,
    digest: [u8; 32],
    gaps: Vec<Gap>,
}

/// A file with rules that a user brings.
#[derive(Debug, Clone)]
pub struct UserRules<'u> {
    /// Its name, for messages.
    pub name: &'u str,
    /// Its text: TOML as gitleaks and Betterleaks have it, where the name ends in `.toml`; otherwise YAML as in
    /// `rules/leaks`.
    pub text: &'u str,
}

/// Why a file with rules cannot be used at all. A single rule that cannot is a gap.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// It is not TOML or YAML of the expected shape.
    #[error("the rules in {name} cannot be read: {reason}")]
    Malformed {
        /// The file.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It is larger than any rule file has to be.
    #[error("the rules in {name} have more than {max} {unit}")]
    TooLarge {
        /// The file.
        name: String,
        /// The limit.
        max: usize,
        /// Of what.
        unit: &'static str,
    },
}

impl Rules {
    /// The built-in rules.
    pub fn builtin() -> Rules {
        Rules::of(builtin(), Vec::new(), Vec::new(), b"")
    }

    /// The built-in rules and a user's; a user's rule replaces the built-in one with its id.
    ///
    /// # Errors
    /// A file as a whole is no rule file.
    pub fn with_user(files: &[UserRules<'_>]) -> Result<Rules, RulesError> {
        let mut rules = builtin();
        let mut allow = Vec::new();
        let mut gaps = Vec::new();
        let mut texts = Sha256::new();
        for file in files {
            let loaded = user::load(file)?;
            if !loaded.extends_builtin {
                rules.retain(|rule| rule.search.is_none());
            }
            rules.retain(|rule| {
                !loaded.disabled.iter().any(|id| *id == rule.id)
                    && !loaded.rules.iter().any(|new| new.id == rule.id)
            });
            rules.extend(loaded.rules);
            allow.extend(loaded.allow);
            gaps.extend(loaded.gaps);
            texts.update((file.name.len() as u64).to_le_bytes());
            texts.update(file.name);
            texts.update((file.text.len() as u64).to_le_bytes());
            texts.update(file.text);
        }
        Ok(Rules::of(rules, allow, gaps, &texts.finalize()))
    }

    fn of(rules: Vec<Rule>, allow: Vec<Allow>, gaps: Vec<Gap>, user: &[u8]) -> Rules {
        let mut literals: Vec<&[u8]> = Vec::new();
        let mut rules_of: Vec<Vec<u16>> = Vec::new();
        let mut known: HashMap<&[u8], usize> = HashMap::new();
        let mut everywhere = Vec::new();
        let mut by_id = HashMap::new();
        let mut hash = Sha256::new();
        hash.update(VERSION.to_le_bytes());
        hash.update(env!("CARGO_PKG_VERSION"));
        hash.update(include_str!(concat!(env!("OUT_DIR"), "/rules.rs")));
        hash.update(user);
        for (index, rule) in rules.iter().enumerate() {
            let Ok(index) = u16::try_from(index) else { break };
            by_id.insert(rule.id.to_string(), index);
            let Some(search) = &rule.search else { continue };
            if search.literals.is_empty() {
                everywhere.push(index);
            }
            for literal in &search.literals {
                let at = *known.entry(literal).or_insert_with(|| {
                    literals.push(literal);
                    rules_of.push(Vec::new());
                    rules_of.len() - 1
                });
                rules_of.get_mut(at).into_iter().for_each(|rules| rules.push(index));
            }
        }
        let prefilter = Prefilter::new(&literals);
        Rules { prefilter, rules_of, everywhere, by_id, allow, digest: hash.finalize().into(), gaps, rules }
    }

    /// Every rule, built-in ones first.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    /// The rule with this id.
    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.by_id.get(id).and_then(|index| self.rules.get(usize::from(*index)))
    }

    /// What identifies this set of rules: results of another set are not its results.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// What of a user's rules could not be used.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    pub(crate) fn at(&self, index: u16) -> Option<&Rule> {
        self.rules.get(usize::from(index))
    }

    pub(crate) fn index_of(&self, id: &str) -> Option<u16> {
        self.by_id.get(id).copied()
    }

    pub(crate) fn prefilter(&self) -> &Prefilter {
        &self.prefilter
    }

    pub(crate) fn rules_of(&self, literal: usize) -> &[u16] {
        self.rules_of.get(literal).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn everywhere(&self) -> &[u16] {
        &self.everywhere
    }

    pub(crate) fn allow(&self) -> &[Allow] {
        &self.allow
    }
}

fn builtin() -> Vec<Rule> {
    include!(concat!(env!("OUT_DIR"), "/rules.rs"))
}
