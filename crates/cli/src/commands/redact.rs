//! Credentials in what a build file, a manifest or an engine says are cut out before anybody shows it.

use std::sync::LazyLock;

use seawall_finding::{Check, Evidence, Finding, Findings};
use seawall_inventory::Inventory;
use seawall_leaks::{Carrier, Rules, Texts};

/// Made once: it takes some milliseconds.
static RULES: LazyLock<Rules> = LazyLock::new(Rules::builtin);

/// Cuts out of what is reported the tokens in names of files and members, and in texts of packages.
pub(crate) fn hide_names(findings: &mut Findings, inventory: &mut Inventory) {
    let mut texts: Vec<&mut String> = Vec::new();
    texts.extend(findings.found.iter_mut().filter_map(|finding| finding.place.path.as_mut()));
    for gap in &mut findings.gaps {
        texts.extend(gap.place.path.as_mut());
        texts.push(&mut gap.reason);
    }
    for package in &mut inventory.packages {
        texts.extend([&mut package.name, &mut package.version]);
        texts.extend(&mut package.licenses);
        texts.extend(package.places.iter_mut().filter_map(|place| place.path.as_mut()));
    }
    // One look at all together: nearly always there is none.
    let mut all: String = texts.iter().flat_map(|text| [text.as_str(), "\n"]).collect();
    if RULES.hide_tokens(&mut all) {
        for text in texts {
            RULES.hide_tokens(text);
        }
    }
}

/// Cuts credentials out of texts.
pub(crate) struct Redactor {
    rules: &'static Rules,
}

impl Redactor {
    pub(crate) fn new() -> Redactor {
        Redactor { rules: &RULES }
    }

    /// The rules that tell a credential.
    pub(crate) fn rules(&self) -> &Rules {
        self.rules
    }

    /// The texts of a finding. A change of a text that holds a credential is not shown either.
    pub(crate) fn finding(&self, finding: &mut Finding) {
        // Our own words, with a piece of the text at most.
        finding.summary = self.line(&finding.summary);
        let Evidence::Misset(misset) = &mut finding.evidence else { return };
        let before = (misset.setting.clone(), misset.seen.clone());
        self.text(&mut misset.setting);
        self.text(&mut misset.seen);
        self.text(&mut misset.expected);
        misset.because.iter_mut().for_each(|text| self.text(text));
        let is_cut = before != (misset.setting.clone(), misset.seen.clone());
        misset.change.take_if(|change| is_cut || self.shown(&change.text) != change.text);
    }

    /// The texts of a check.
    pub(crate) fn check(&self, check: &mut Check) {
        self.text(&mut check.seen);
        self.text(&mut check.looked_at);
    }

    fn text(&self, text: &mut String) {
        *text = self.shown(text);
    }

    fn shown(&self, text: &str) -> String {
        // It may be an instruction of a build file, with its variables.
        let shown = Texts::new(self.rules, None).in_text(Carrier::History, "", text);
        self.line(&shown)
    }

    fn line(&self, text: &str) -> String {
        Texts::new(self.rules, None).in_text(Carrier::CommandLine, "", text)
    }
}
