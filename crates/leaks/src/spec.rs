//! What a rule file says (`rules/leaks/*.yaml`), checked and turned into what the engine needs.
//!
//! Compiled into the build script too: a built-in rule that does not hold what is promised here fails the build.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;
use serde::Deserialize;

use crate::literal::required;

/// The longest match of any rule, in bytes: an armoured RSA key of 16384 bits has 12,700.
const MATCH_BYTES_MAX: usize = 18 * 1024;
/// A literal further into the match than this is no use: the sweep would have to look back that far at every hit.
const BEFORE_BYTES_MAX: usize = 128;

/// The names of checksums and structures, as `check` spells them.
pub(crate) const CHECKS: &[&str] =
    &["pem", "openssh", "bech32", "aws-key-id", "github", "atlassian", "macaroon", "discord", "basic", "jwt"];

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleFile {
    /// Why it matters, for the rules that do not say it themselves.
    pub(crate) why: String,
    /// How to fix it, likewise.
    pub(crate) fix: String,
    /// How bad it is, likewise.
    #[serde(default)]
    pub(crate) severity: Option<String>,
    /// The rules.
    pub(crate) rules: Vec<RuleSpec>,
}

/// One rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleSpec {
    /// Stable kebab-case id.
    pub(crate) id: String,
    /// What the secret is.
    pub(crate) title: String,
    /// Overrides the file's.
    #[serde(default)]
    pub(crate) why: Option<String>,
    /// Overrides the file's.
    #[serde(default)]
    pub(crate) fix: Option<String>,
    /// Overrides the file's.
    #[serde(default)]
    pub(crate) severity: Option<String>,
    /// `high` where it is not given.
    #[serde(default)]
    pub(crate) confidence: Option<String>,
    /// The expression, over bytes. The secret is its first group, or else the whole.
    #[serde(default)]
    pub(crate) regex: Option<String>,
    /// Instead of `regex`: an assignment to one of these names.
    #[serde(default)]
    pub(crate) keyed: Option<Keyed>,
    /// Literals near which the expression is looked for, where it has none of its own: with `window`.
    #[serde(default)]
    pub(crate) literals: Vec<String>,
    /// Bytes on both sides of such a literal.
    #[serde(default)]
    pub(crate) window: Option<usize>,
    /// Bits per byte that the secret has at least.
    #[serde(default)]
    pub(crate) entropy: f32,
    /// Checksum or structure that the secret must have.
    #[serde(default)]
    pub(crate) check: Option<String>,
    /// Words of which one must stand nearby, in lower case.
    #[serde(default)]
    pub(crate) near: Vec<String>,
    /// Globs of which the path must match one.
    #[serde(default)]
    pub(crate) paths: Vec<String>,
    /// `none`: the secret may touch letters and digits.
    #[serde(default)]
    pub(crate) edge: Option<String>,
    /// Whether it is precise enough for binaries.
    #[serde(default)]
    pub(crate) binary: bool,
    /// Whether the secret has letters and digits.
    #[serde(default)]
    pub(crate) mixed: bool,
    /// Whether variables, templates and words like `changeme` may stand where the secret would.
    #[serde(default)]
    pub(crate) placeholder: bool,
    /// Whether it is a password that a person chose.
    #[serde(default)]
    pub(crate) password: bool,
    /// Whether any other rule that found the same value knows better.
    #[serde(default)]
    pub(crate) generic: bool,
    /// Found by an extractor, not by an expression.
    #[serde(default)]
    pub(crate) extracted: bool,
    /// Samples that must be found: for tests, like the two below.
    #[serde(default)]
    pub(crate) good: Vec<String>,
    /// Samples that must not be found.
    #[serde(default)]
    pub(crate) bad: Vec<String>,
    /// The path at which `good` stands.
    #[serde(default)]
    pub(crate) good_at: Option<String>,
}

/// An assignment of a secret to a name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Keyed {
    /// Expressions for the name, without regard to case; more of the name may follow.
    pub(crate) names: Vec<String>,
    /// Expression for the value.
    pub(crate) value: String,
}

/// What the engine needs of a rule's expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The expression.
    pub(crate) regex: String,
    /// Lower-case literals, one of which starts the search.
    pub(crate) literals: Vec<Vec<u8>>,
    /// Bytes of the match in front of the literal, at least.
    pub(crate) before_min: usize,
    /// And at most.
    pub(crate) before_max: usize,
    /// The match's length from the literal on, at most.
    pub(crate) after_max: usize,
    /// Whether the secret is a group of the match.
    pub(crate) has_group: bool,
}

/// The syntax tree of an expression over bytes.
pub(crate) fn parse(regex: &str, nest_limit: u32) -> Result<Hir, String> {
    let mut parser = ParserBuilder::new().unicode(false).utf8(false).nest_limit(nest_limit).build();
    parser.parse(regex).map_err(|error| error.to_string().lines().last().unwrap_or_default().to_owned())
}

impl RuleSpec {
    /// Whether it has samples, or needs none because an extractor's tests have them.
    pub(crate) fn has_samples(&self) -> bool {
        let is_elsewhere = self.good_at.as_deref().is_some_and(str::is_empty);
        self.extracted || !self.good.is_empty() && !self.bad.is_empty() && !is_elsewhere
    }

    /// The expression, where the rule has one.
    pub(crate) fn expression(&self) -> Option<String> {
        let Some(keyed) = &self.keyed else { return self.regex.clone() };
        let names = keyed.names.join("|");
        let value = &keyed.value;
        Some(format!(
            r#"(?i:{names})[A-Za-z0-9_.-]{{0,32}}["'\]]{{0,2}}[ \t]{{0,8}}(?:=>|:=|\?=|=|:|,)[ \t]{{0,8}}["'`]{{0,1}}({value})"#
        ))
    }

    /// Checks the rule and makes its plan; `None` for one that an extractor serves.
    pub(crate) fn plan(&self) -> Result<Option<Plan>, String> {
        let is_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.id.is_empty() || !self.id.chars().all(is_kebab) {
            return Err("its id is not in kebab case".to_owned());
        }
        if let Some(check) = self.check.as_deref().filter(|check| !CHECKS.contains(check)) {
            return Err(format!("there is no check `{check}`"));
        }
        let Some(regex) = self.expression() else {
            return if self.extracted { Ok(None) } else { Err("it has no expression".to_owned()) };
        };
        let hir = parse(&regex, 64)?;
        let length_max = hir.properties().maximum_len().unwrap_or(usize::MAX);
        if length_max > MATCH_BYTES_MAX {
            return Err(format!("its match can be longer than {MATCH_BYTES_MAX} bytes"));
        }
        let has_group = hir.properties().explicit_captures_len() > 0;
        if let Some(window) = self.window {
            let literals: Vec<Vec<u8>> =
                self.literals.iter().map(|l| l.to_ascii_lowercase().into_bytes()).collect();
            if literals.is_empty() || literals.iter().any(|literal| literal.len() < 3) {
                return Err("a rule with a window needs literals of three bytes and more".to_owned());
            }
            let after_max = window + length_max;
            return Ok(Some(Plan {
                regex,
                literals,
                before_min: 0,
                before_max: window,
                after_max,
                has_group,
            }));
        }
        let Some(mut required) = required(&hir, BEFORE_BYTES_MAX) else {
            return Err("no literal of three bytes is in every match".to_owned());
        };
        if !self.literals.is_empty() {
            return Err("it has literals and no window".to_owned());
        }
        let after_max = length_max - required.before_min;
        shorten(&mut required.literals);
        Ok(Some(Plan {
            regex,
            literals: required.literals,
            before_min: required.before_min,
            before_max: required.before_max,
            after_max,
            has_group,
        }))
    }
}

/// Removes literals that begin with another: the shorter one finds them too.
fn shorten(literals: &mut Vec<Vec<u8>>) {
    literals.sort();
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for literal in literals.drain(..) {
        if !kept.iter().any(|known| literal.starts_with(known)) {
            kept.push(literal);
        }
    }
    *literals = kept;
}
