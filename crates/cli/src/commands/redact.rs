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

    /// The texts of a finding. A change of a text that holds a credential is not shown either.
    pub(crate) fn finding(&self, finding: &mut Finding) {
        self.text(&mut finding.summary);
        let Evidence::Misset(misset) = &mut finding.evidence else { return };
        self.text(&mut misset.setting);
        self.text(&mut misset.seen);
        self.text(&mut misset.expected);
        misset.because.iter_mut().for_each(|text| self.text(text));
        if misset.change.as_ref().is_some_and(|change| self.shown(&change.text) != change.text) {
            misset.change = None;
        }
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
        let as_history = Texts::new(&self.rules, None).in_text(Carrier::History, "", text);
        Texts::new(&self.rules, None).in_text(Carrier::CommandLine, "", &as_history)
    }
}
