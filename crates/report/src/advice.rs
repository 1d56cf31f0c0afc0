//! Findings grouped by the one change that removes them.

use std::collections::BTreeMap;

use seawall_finding::{Evidence, Fingerprint, FixState, Severity, Subject, Vulnerable};
use seawall_inventory::Inventory;
use seawall_policy::Judged;
use serde::{Deserialize, Serialize};

/// One change and the findings it removes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    /// What to change, a sentence: `upgrade openssl to 3.0.15-1~deb12u1`.
    pub change: String,
    /// The name that is upgraded: a source package, a library.
    pub package: String,
    /// The lowest version that removes all these findings.
    pub to: String,
    /// The packages of the target that the change upgrades.
    pub packages: Vec<String>,
    /// Whether the base image brought them, so that a newer base image does the same.
    pub in_base: bool,
    /// The worst severity it removes.
    pub severity: Severity,
    /// The highest risk it removes.
    pub risk: f64,
    /// What it removes.
    pub fingerprints: Vec<Fingerprint>,
}

/// Groups the fixable findings that are not waived by the upgrade that removes them, most telling first.
pub fn advise(
    findings: &[Judged],
    inventory: &Inventory,
    newest: impl Fn(&Judged, &str, &str) -> bool,
) -> Vec<Advice> {
    let mut groups: BTreeMap<(String, bool), Advice> = BTreeMap::new();
    for judged in findings.iter().filter(|judged| judged.waived.is_none()) {
        let Some((vulnerable, fixed)) = fix(judged) else { continue };
        let name =
            vulnerable.matched.first().map_or_else(|| judged.finding.subject.label(), |m| m.name.clone());
        let in_base = in_base(judged, inventory);
        let group = groups.entry((name.clone(), in_base)).or_insert_with(|| Advice {
            change: String::new(),
            package: name,
            to: fixed.to_owned(),
            packages: Vec::new(),
            in_base,
            severity: Severity::Unknown,
            risk: 0.0,
            fingerprints: Vec::new(),
        });
        if newest(judged, fixed, &group.to) {
            fixed.clone_into(&mut group.to);
        }
        if let Subject::Package { name, version, .. } = &judged.finding.subject {
            let label = format!("{name} {version}");
            if !group.packages.contains(&label) {
                group.packages.push(label);
            }
        }
        group.severity = group.severity.max(judged.finding.severity);
        group.risk = group.risk.max(vulnerable.risk);
        group.fingerprints.push(judged.fingerprint.clone());
    }
    let mut advice: Vec<Advice> = groups.into_values().collect();
    for group in &mut advice {
        group.change = format!("upgrade {} to {}", group.package, group.to);
    }
    advice.sort_by(|a, b| {
        b.risk.total_cmp(&a.risk).then_with(|| b.fingerprints.len().cmp(&a.fingerprints.len()))
    });
    advice
}

fn fix(judged: &Judged) -> Option<(&Vulnerable, &str)> {
    match &judged.finding.evidence {
        Evidence::Vulnerable(vulnerable) if vulnerable.state == FixState::Fixed => {
            vulnerable.fixed_versions.first().map(|fixed| (vulnerable.as_ref(), fixed.as_str()))
        }
        Evidence::Vulnerable(_) | Evidence::Outdated(_) | Evidence::Malicious(_) => None,
    }
}

fn in_base(judged: &Judged, inventory: &Inventory) -> bool {
    let base = inventory.base.as_ref().map_or(0, |base| base.layers);
    judged.finding.place.layer.as_ref().is_some_and(|layer| layer.index < base)
}
