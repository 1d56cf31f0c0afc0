//! Mechanical changes that mend a finding and leave everything else of the file as it is.
//!
//! A change is made only where the text says plainly where it belongs: not into shared (anchored) parts, not into
//! shell scripts, whose flags go anywhere.

use seawall_finding::{Change, Check, Evidence, Finding, Outcome};
use seawall_inventory::Workload;
use seawall_inventory::workload::Source;

use crate::document::{Node, add, boolean, replace_scalar};
use crate::limits::FIX_ROUNDS_MAX;
use crate::manifest::{Examined, File, Options, examine};
use crate::workload::Hardening;

/// The change that mends a finding, where there is one.
pub(crate) fn change(
    text: &str,
    root: Option<&Node>,
    workload: &Workload,
    pointer: &str,
    hardening: Hardening,
    finding: &Finding,
) -> Option<Change> {
    match workload.source {
        Source::Kubernetes => kubernetes(text, root?, workload, pointer, hardening, finding),
        Source::Compose => compose(text, root?, pointer, hardening, finding),
        Source::Quadlet => quadlet(text, hardening, finding),
        Source::Systemd | Source::Command | Source::Engine => None,
    }
}

fn kubernetes(
    text: &str,
    root: &Node,
    workload: &Workload,
    container: &str,
    hardening: Hardening,
    finding: &Finding,
) -> Option<Change> {
    let pod = workload.origin.pointer.as_str();
    let (pointer, keys, value): (&str, &[&str], &str) = match hardening {
        Hardening::NoPrivilegeEscalation => {
            (container, &["securityContext", "allowPrivilegeEscalation"], "false")
        }
        Hardening::DropCapabilities => (container, &["securityContext", "capabilities", "drop"], "- ALL"),
        Hardening::ReadOnlyRoot => (container, &["securityContext", "readOnlyRootFilesystem"], "true"),
        Hardening::RunAsNonRoot => (pod, &["securityContext", "runAsNonRoot"], "true"),
        Hardening::DefaultSeccomp => (pod, &["securityContext", "seccompProfile", "type"], "RuntimeDefault"),
        Hardening::NoServiceAccountToken => (pod, &["automountServiceAccountToken"], "false"),
        Hardening::Replace => return replace_scalar(root, container, expected(finding)?),
    };
    add(text, root, pointer, keys, value)
}

fn compose(
    text: &str,
    root: &Node,
    pointer: &str,
    hardening: Hardening,
    finding: &Finding,
) -> Option<Change> {
    let (keys, value): (&[&str], &str) = match hardening {
        Hardening::NoPrivilegeEscalation => (&["security_opt"], "- no-new-privileges:true"),
        Hardening::DropCapabilities => (&["cap_drop"], "- ALL"),
        Hardening::ReadOnlyRoot => (&["read_only"], "true"),
        Hardening::Replace => return replace_scalar(root, pointer, expected(finding)?),
        Hardening::RunAsNonRoot | Hardening::DefaultSeccomp | Hardening::NoServiceAccountToken => {
            return None;
        }
    };
    add(text, root, pointer, keys, value)
}

fn quadlet(text: &str, hardening: Hardening, finding: &Finding) -> Option<Change> {
    let line = match hardening {
        Hardening::NoPrivilegeEscalation => "NoNewPrivileges=true",
        Hardening::DropCapabilities => "DropCapability=all",
        Hardening::ReadOnlyRoot => "ReadOnly=true",
        Hardening::Replace => return assigned(text, finding),
        Hardening::RunAsNonRoot | Hardening::DefaultSeccomp | Hardening::NoServiceAccountToken => {
            return None;
        }
    };
    let mut start = 0;
    for existing in text.split_inclusive('\n') {
        start += existing.len();
        if existing.trim() == "[Container]" {
            let newline = if existing.ends_with("\r\n") { "\r\n" } else { "\n" };
            let before = if existing.ends_with('\n') { "" } else { newline };
            return Some(Change { start, end: start, text: format!("{before}{line}{newline}") });
        }
    }
    None
}

/// The value of the assignment on the finding's line, turned.
fn assigned(text: &str, finding: &Finding) -> Option<Change> {
    let number = finding.place.line.filter(|line| *line > 0)? as usize;
    let line = text.split_inclusive('\n').nth(number - 1)?;
    let line_start: usize = text.split_inclusive('\n').take(number - 1).map(str::len).sum();
    let (key, value) = line.split_once('=')?;
    let now = boolean(value.trim())?;
    let start = line_start + key.len() + 1 + (value.len() - value.trim_start().len());
    Some(Change { start, end: start + value.trim().len(), text: (!now).to_string() })
}

/// The boolean that a finding expects.
fn expected(finding: &Finding) -> Option<&str> {
    let Evidence::Misset(misset) = &finding.evidence else { return None };
    boolean(&misset.expected).is_some().then_some(misset.expected.as_str())
}

/// A file after its changes.
#[derive(Debug)]
pub struct Fixed {
    /// The whole text.
    pub text: String,
    /// What was changed, in the order in which it was.
    pub applied: Vec<Finding>,
    /// What the changed file says: what is left, looked at anew.
    pub after: Examined,
}

/// Makes every mechanical change that `wanted` agrees to, one after the other, looking at the file again each time:
/// a change that does not remove its finding is taken back.
pub fn fix(file: File<'_>, options: &Options, wanted: &dyn Fn(&Finding) -> bool) -> Fixed {
    let mut text = file.text.to_owned();
    let mut applied: Vec<Finding> = Vec::new();
    let mut refused: Vec<String> = Vec::new();
    let mut after = examine(&[File { path: file.path, text: &text }], options);
    for _ in 0..FIX_ROUNDS_MAX {
        let key = |finding: &Finding| finding.fingerprint().to_string();
        let next = after.found.iter().find(|finding| {
            change_of(finding).is_some() && wanted(finding) && !refused.contains(&key(finding))
        });
        let Some((finding, change)) =
            next.and_then(|finding| Some((finding.clone(), change_of(finding)?.clone())))
        else {
            break;
        };
        let changed = apply(&text, &change);
        let again = changed.as_ref().map(|text| examine(&[File { path: file.path, text }], options));
        match (changed, again) {
            (Some(changed), Some(again)) if is_better(&after, &again, &finding) => {
                text = changed;
                after = again;
                applied.push(finding);
            }
            _ => refused.push(key(&finding)),
        }
    }
    Fixed { text, applied, after }
}

fn change_of(finding: &Finding) -> Option<&Change> {
    let Evidence::Misset(misset) = &finding.evidence else { return None };
    misset.change.as_ref()
}

/// Whether the finding is gone, nothing new came and nothing became unreadable.
fn is_better(before: &Examined, after: &Examined, finding: &Finding) -> bool {
    let is_it = |other: &&Finding| other.fingerprint() == finding.fingerprint();
    let count = |examined: &Examined| examined.found.iter().filter(is_it).count();
    // One finding may tell what several questions fail for.
    let failed = |check: &&Check| check.outcome == Outcome::Fail;
    let total = |examined: &Examined| {
        examined.found.len() + examined.suppressed.len() + examined.checks.iter().filter(failed).count()
    };
    count(after) < count(before)
        && total(after) < total(before)
        && after.gaps.len() <= before.gaps.len()
        && after.workloads.len() == before.workloads.len()
}

fn apply(text: &str, change: &Change) -> Option<String> {
    Some([text.get(..change.start)?, &change.text, text.get(change.end..)?].concat())
}
