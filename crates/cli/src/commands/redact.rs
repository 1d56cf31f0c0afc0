//! Credentials in what a build file, a manifest or an engine says are cut out before anybody shows it.

use seawall_finding::{Check, Evidence, Finding};
use seawall_leaks::{Carrier, Rules, Texts};

/// Cuts credentials out of texts.
pub(crate) struct Redactor {
    rules: Rules,
}

impl Redactor {
    pub(crate) fn new() -> Redactor {
        Redactor { rules: Rules::builtin() }
    }

    /// The rules that tell a credential.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
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
        let shown = Texts::new(&self.rules, None).in_text(Carrier::History, "", text);
        self.line(&shown)
    }

    fn line(&self, text: &str) -> String {
        Texts::new(&self.rules, None).in_text(Carrier::CommandLine, "", text)
    }
}
