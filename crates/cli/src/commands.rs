//! One module for each verb: arguments → plan → result → exit code.

pub(crate) mod admit;
pub(crate) mod attest;
pub(crate) mod audit;
pub(crate) mod copy;
pub(crate) mod db;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod gate;
#[cfg(feature = "runtime")]
pub(crate) mod guard;
pub(crate) mod incidents;
pub(crate) mod judge;
mod keys;
pub(crate) mod lint;
pub(crate) mod manual;
pub(crate) mod pin;
pub(crate) mod redact;
pub(crate) mod respond;
mod rule_files;
pub(crate) mod rules;
mod rules_check;
pub(crate) mod rules_command;
mod rules_explain;
mod rules_learn;
mod rules_list;
mod rules_test;
pub(crate) mod sbom;
pub(crate) mod scan;
pub(crate) mod sign;
#[cfg(feature = "runtime")]
pub(crate) mod top;
pub(crate) mod trust;
pub(crate) mod verify;
pub(crate) mod wrap;

use std::collections::BTreeMap;

use seawall_advisory::{Detail, Development};
use seawall_policy::Verdict;
use seawall_report::Report;
use seawall_scan::{AssessOptions, Assessed};

use crate::Session;

/// How to assess where the user's options say nothing else.
fn assess_options(session: &Session<'_>) -> AssessOptions {
    AssessOptions {
        today: session.config.today().to_string(),
        development: Development::LeaveOut,
        detail: Detail::Full,
    }
}

/// A report of what there is and was examined; findings are judged first and not in it yet.
fn report(assessed: Assessed, session: &Session<'_>) -> Report {
    Report {
        created: session.config.now(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        inventory: assessed.inventory,
        findings: Vec::new(),
        gaps: assessed.findings.gaps,
        coverage: assessed.coverage,
        advice: Vec::new(),
        rules: BTreeMap::new(),
        verdict: Verdict::Allow,
    }
}
