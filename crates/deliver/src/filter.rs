//! Which findings an output gets.

use globset::{Glob, GlobSet, GlobSetBuilder};
use seawall_finding::{Priority, Severity};
use seawall_policy::{Judged, Verdict};
use serde::Deserialize;

use crate::Delivery;

/// Every part that is given must hold; a list holds when one of it does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    priority: Option<Priority>,
    severity: Option<Severity>,
    verdict: Option<Verdict>,
    rules: Option<GlobSet>,
    tags: Option<GlobSet>,
    sources: Option<GlobSet>,
    waived: Waivers,
}

/// Whether findings that a waiver allows are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Waivers {
    /// No: somebody decided that nobody has to hear of them.
    #[default]
    Hide,
    /// Yes, for an audit trail.
    Show,
}

/// A filter as the configuration has it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilterConfig {
    priority: Option<String>,
    severity: Option<String>,
    verdict: Option<Verdict>,
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    sources: Vec<String>,
    #[serde(default)]
    waived: Waivers,
}

impl FilterConfig {
    pub(crate) fn compile(&self) -> Result<Filter, String> {
        let priority = self.priority.as_deref().map(|name| {
            let names = || Priority::ALL.map(Priority::name).join(", ");
            Priority::named(name)
                .ok_or_else(|| format!("`{name}` is not a priority; use one of: {}", names()))
        });
        let severity =
            self.severity.as_deref().map(|name| name.parse::<Severity>().map_err(|error| error.to_string()));
        Ok(Filter {
            priority: priority.transpose()?,
            severity: severity.transpose()?,
            verdict: self.verdict,
            rules: globs(&self.rules)?,
            tags: globs(&self.tags)?,
            sources: globs(&self.sources)?,
            waived: self.waived,
        })
    }
}

fn globs(texts: &[String]) -> Result<Option<GlobSet>, String> {
    if texts.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for text in texts {
        set.add(Glob::new(text).map_err(|error| error.to_string())?);
    }
    set.build().map(Some).map_err(|error| error.to_string())
}

impl Filter {
    /// Whether a finding is worth a copy: what can be told without one.
    pub(crate) fn may_pass(&self, judged: &Judged) -> bool {
        (judged.waived.is_none() || self.waived == Waivers::Show)
            && self.severity.is_none_or(|least| judged.finding.severity >= least)
            && self.verdict.is_none_or(|least| judged.verdict >= least)
    }

    pub(crate) fn passes(&self, delivery: &Delivery) -> bool {
        let rules = |set: &GlobSet| {
            set.is_match(delivery.rule()) || set.is_match(delivery.judged.finding.rule.as_str())
        };
        self.may_pass(&delivery.judged)
            && self.priority.is_none_or(|least| delivery.priority() >= least)
            && self.rules.as_ref().is_none_or(rules)
            && self.sources.as_ref().is_none_or(|set| set.is_match(delivery.source()))
            && self.tags.as_ref().is_none_or(|set| delivery.tags().iter().any(|tag| set.is_match(tag)))
    }
}

#[cfg(test)]
mod tests {
    use seawall_policy::Waived;

    use super::*;
    use crate::delivery::tests::{delivery, judged, outdated};

    #[test]
    fn every_part_must_hold() {
        let check = |yaml: &str, expected: bool| {
            let config: FilterConfig = serde_saphyr::from_str(yaml).unwrap();
            assert_eq!(config.compile().unwrap().passes(&delivery(judged())), expected, "{yaml}");
        };
        check("{}", true);
        check("{priority: error}", true);
        check("{priority: critical}", false);
        check("{severity: high, verdict: deny}", true);
        check("{severity: critical}", false);
        check("{verdict: warn}", true);
        check("{rules: [Write below *]}", true);
        check("{rules: [write-below-binary-dir]}", true);
        check("{rules: [Read *]}", false);
        check("{tags: [network, filesystem]}", true);
        check("{tags: [network]}", false);
        check("{sources: [syscall], tags: [mitre_*]}", true);
        check("{sources: [k8s_audit]}", false);
    }

    #[test]
    fn findings_of_a_scan_are_filtered_too() {
        let config: FilterConfig = serde_saphyr::from_str("{priority: error, sources: [outdated]}").unwrap();
        assert!(config.compile().unwrap().passes(&delivery(outdated())));
    }

    #[test]
    fn what_is_waived_is_shown_when_asked_for() {
        let mut judged = judged();
        judged.waived = Some(Waived {
            by: "policy.yaml, waiver 1".to_owned(),
            reason: "known".to_owned(),
            owner: None,
            until: None,
        });
        let passes = |yaml: &str| {
            let config: FilterConfig = serde_saphyr::from_str(yaml).unwrap();
            config.compile().unwrap().passes(&delivery(judged.clone()))
        };
        assert!(!passes("{}"));
        assert!(passes("{waived: show}"));
    }

    #[test]
    fn mistakes_are_named() {
        let check = |yaml: &str, expected: &str| {
            let config: FilterConfig = serde_saphyr::from_str(yaml).unwrap();
            let reason = config.compile().unwrap_err();
            assert!(reason.contains(expected), "{reason}");
        };
        check("{priority: urgent}", "`urgent` is not a priority; use one of: Debug, Informational");
        check("{severity: bad}", "`bad` is not a severity");
        check("{rules: ['[']}", "unclosed character class");
    }
}
