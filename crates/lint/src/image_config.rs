//! The configuration and history of an image, and files that say how it was made, → findings: what Dockle asks, CIS
//! Docker section 4, and the checks of build files that hold for a history too (`trivy` #5370, #3581).
//!
//! Refuses to blame an image for its base: what only the base did is left to whoever lints the base, but for what the
//! container gets from it (user, variables, accounts, setuid programs).

mod accounts;
mod files;
mod history;
mod settings;
#[cfg(test)]
mod tests;

pub use files::{FileChecks, LayerFiles};

use seawall_finding::{Confidence, Evidence, Finding, Findings, Misset, Rule, Severity, Subject};
use seawall_inventory::{Image, Package, Place};

/// What is known about an image besides its own documents.
#[derive(Clone, Copy, Default)]
pub struct ImageOptions<'a> {
    /// How many of the lowest layers belong to the base, where that is known.
    pub base_layers: Option<u32>,
    /// Its packages.
    pub packages: &'a [Package],
    /// Whether rules that are off by default run.
    pub every_rule: bool,
}

/// Judges what the configuration and the history say.
pub fn lint(image: &Image, options: &ImageOptions<'_>) -> Findings {
    let mut found = Vec::new();
    settings::look(image, options, &mut found);
    history::look(image, options, &mut found);
    Findings { found, gaps: Vec::new() }
}

/// Judges what the walks over the layers saw, lowest layer first; `survives` says whether a path of a layer is in the
/// image, not hidden by a later one.
pub fn lint_files(
    image: &Image,
    options: &ImageOptions<'_>,
    layers: &[LayerFiles],
    survives: &dyn Fn(usize, &str) -> bool,
) -> Findings {
    files::look(image, options, layers, survives)
}

/// The rules of images that no build file can break.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    [&settings::LATEST_TAG, &files::SETUID, &files::WORLD_WRITABLE, &files::LEFTOVERS]
        .into_iter()
        .chain(accounts::RULES)
}

/// What a finding says, before it is one.
struct Hit {
    place: Place,
    setting: String,
    seen: String,
    expected: String,
    summary: String,
    severity: Option<Severity>,
    confidence: Confidence,
}

impl Hit {
    fn new(setting: impl Into<String>, seen: impl Into<String>, summary: impl Into<String>) -> Hit {
        Hit {
            place: Place::default(),
            setting: setting.into(),
            seen: seen.into(),
            expected: String::new(),
            summary: summary.into(),
            severity: None,
            confidence: Confidence::High,
        }
    }

    fn expected(mut self, expected: impl Into<String>) -> Hit {
        self.expected = expected.into();
        self
    }

    fn at(mut self, place: Place) -> Hit {
        self.place = place;
        self
    }
}

/// The configuration as a place: `/config/User`.
fn pointer(pointer: impl Into<String>) -> Place {
    Place { pointer: Some(pointer.into()), ..Place::default() }
}

fn finding(image: &Image, rule: &Rule, hit: Hit) -> Finding {
    let name = image.name.as_ref().map(ToString::to_string).or_else(|| image.tags.first().cloned());
    let misset = Misset { setting: hit.setting, seen: hit.seen, expected: hit.expected, ..Misset::default() };
    Finding {
        rule: rule.id.to_owned(),
        subject: match name {
            Some(name) => Subject::Image { name },
            None => Subject::Target { name: "image".to_owned() },
        },
        place: hit.place,
        severity: hit.severity.unwrap_or(rule.severity),
        confidence: hit.confidence,
        summary: hit.summary,
        evidence: Evidence::Misset(Box::new(misset)),
        remedy: rule.fix.to_owned(),
        references: rule.references.iter().map(|&address| address.to_owned()).collect(),
        controls: rule.finding_controls(),
    }
}
