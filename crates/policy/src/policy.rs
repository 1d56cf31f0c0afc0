//! The policy: clauses and waivers, and the pure function that judges a finding by them.

use jiff::civil::Date;
use seawall_finding::{Evidence, Finding, Severity};
use seawall_inventory::Inventory;

use crate::clause::Clause;
use crate::waiver::Waiver;
use crate::{Judged, Requested, ResponseSettings, Verdict, Waived};

/// Clauses and waivers, wherever they were written.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Findings at or above this severity are denied.
    pub fail_on: Option<Severity>,
    /// Clauses of the policy file, in order.
    pub clauses: Vec<Clause>,
    /// Waivers of the policy file, ignore files, VEX documents and baselines.
    pub waivers: Vec<Waiver>,
    /// What holds for all responses.
    pub respond: ResponseSettings,
}

/// What a verdict may depend on besides the finding: nothing is read from the machine.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The date on which waivers hold or have expired.
    pub today: Date,
    /// What the finding was found in.
    pub inventory: &'a Inventory,
}

impl Policy {
    /// The verdict on one finding.
    ///
    /// A waiver that holds allows. Otherwise the worst verdict of all clauses that match counts; where
    /// none matches, a finding of negligible severity is allowed and any other warns. What is not waived gets the
    /// responses of those clauses, then those of its rule.
    pub fn judge(&self, finding: Finding, context: Context<'_>) -> Judged {
        let mut reasons = Vec::new();
        let waived = self.waived(&finding, context, &mut reasons);
        let mut responses = Vec::new();
        let verdict = match waived {
            Some(_) => Verdict::Allow,
            None => self.verdict(&finding, &mut reasons, &mut responses),
        };
        if waived.is_none() {
            responses = self.requested(&finding, responses);
        }
        Judged { fingerprint: finding.fingerprint(), finding, verdict, reasons, responses, waived }
    }

    fn waived(&self, finding: &Finding, context: Context<'_>, reasons: &mut Vec<String>) -> Option<Waived> {
        for waiver in self.waivers.iter().filter(|waiver| waiver.covers(finding, context.inventory)) {
            match waiver.expires {
                Some(expires) if expires < context.today => {
                    reasons.push(format!("the waiver of {} expired on {expires}", waiver.by));
                }
                _ => return Some(waiver.waived()),
            }
        }
        None
    }

    fn verdict(
        &self,
        finding: &Finding,
        reasons: &mut Vec<String>,
        responses: &mut Vec<Requested>,
    ) -> Verdict {
        let mut worst = None;
        for clause in &self.clauses {
            match clause.matches(finding) {
                Ok(false) => {}
                Ok(true) => {
                    reasons.push(clause.reason());
                    worst = worst.max(Some(clause.verdict));
                    let by = |response: &_| Requested {
                        response: *response,
                        by: clause.name.clone(),
                        rehearse: false,
                    };
                    responses.extend(clause.respond.iter().map(by));
                }
                Err(error) => {
                    // A condition that cannot be evaluated must not let anything pass; nor does it act.
                    reasons.push(format!("clause `{}` could not be evaluated: {error}", clause.name));
                    worst = worst.max(Some(clause.verdict));
                }
            }
        }
        if let Some(fail_on) = self.fail_on
            && finding.severity >= fail_on
        {
            reasons.push(format!("severity {} is at or above {fail_on}", finding.severity));
            return Verdict::Deny;
        }
        worst.unwrap_or(match (finding.severity, &finding.evidence) {
            (_, Evidence::Malicious(_)) => Verdict::Warn,
            (Severity::Negligible, _) => Verdict::Allow,
            (_, _) => Verdict::Warn,
        })
    }
}
