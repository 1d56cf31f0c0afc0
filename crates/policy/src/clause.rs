//! Clauses: when a finding looks like this, the verdict is that.

use seawall_finding::{Finding, FixState, Severity};

use crate::condition::{Condition, ConditionError};
use crate::waiver::Selector;
use crate::{Response, Verdict};

/// One clause of the policy file; everything it states must hold.
#[derive(Debug, Clone)]
pub struct Clause {
    /// For messages.
    pub name: String,
    /// Which findings, by rule, vulnerability, package and path.
    pub selector: Selector,
    /// At or above this severity.
    pub severity: Option<Severity>,
    /// Only what has (or has not) a published fix.
    pub fixable: Option<bool>,
    /// Only what is (or is not) known to be exploited (CISA KEV).
    pub exploited: Option<bool>,
    /// At or above this EPSS probability, 0 to 1.
    pub epss: Option<f64>,
    /// A CEL expression over `finding`.
    pub condition: Option<Condition>,
    /// The verdict when it matches.
    pub verdict: Verdict,
    /// What is done beside showing it, in this order.
    pub respond: Vec<Response>,
    /// Why, for people.
    pub because: Option<String>,
}

impl Clause {
    /// Whether everything that the clause states holds for the finding.
    ///
    /// # Errors
    /// The CEL condition fails or gives something other than a boolean.
    pub fn matches(&self, finding: &Finding) -> Result<bool, ConditionError> {
        let vulnerable = finding.evidence.vulnerable();
        let fixable = vulnerable.is_some_and(|v| v.state == FixState::Fixed);
        let exploited = vulnerable.is_some_and(|v| v.known_exploited.is_some());
        let epss = vulnerable.and_then(|v| v.epss.as_ref()).map_or(0.0, |epss| epss.score);
        let holds = self.selector.selects(finding)
            && self.severity.is_none_or(|severity| finding.severity >= severity)
            && self.fixable.is_none_or(|wanted| wanted == fixable)
            && self.exploited.is_none_or(|wanted| wanted == exploited)
            && self.epss.is_none_or(|least| epss >= least);
        match &self.condition {
            Some(condition) if holds => condition.holds(finding),
            _ => Ok(holds),
        }
    }

    pub(crate) fn reason(&self) -> String {
        match &self.because {
            Some(because) => format!("{}: {because}", self.name),
            None => self.name.clone(),
        }
    }
}
