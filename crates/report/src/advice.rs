//! Findings grouped by the one change that removes them.

use std::collections::BTreeMap;

use seawall_finding::{Fingerprint, FixState, Severity, Subject, Vulnerable};
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
///
/// Packages of one source that go to one version are one upgrade, whichever of them the advisories name.
pub fn advise(
    findings: &[Judged],
    inventory: &Inventory,
    newest: impl Fn(&Judged, &str, &str) -> bool,
) -> Vec<Advice> {
    let mut groups: BTreeMap<(String, String, bool), Advice> = BTreeMap::new();
    for judged in findings.iter().filter(|judged| judged.waived.is_none()) {
        let Some((vulnerable, fixed)) = fix(judged) else { continue };
        let name =
            vulnerable.matched.first().map_or_else(|| judged.finding.subject.label(), |m| m.name.clone());
        let in_base = in_base(judged, inventory);
        let group = groups.entry((source(judged, &name), name.clone(), in_base)).or_insert_with(|| Advice {
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
    let mut advice = of_one_source(groups);
    for group in &mut advice {
        group.change = format!("upgrade {} to {}", group.package, group.to);
    }
    advice.sort_by(|a, b| {
        b.risk.total_cmp(&a.risk).then_with(|| b.fingerprints.len().cmp(&a.fingerprints.len()))
    });
    advice
}

/// Merges the upgrades of packages of one source to one version under the source's name.
fn of_one_source(groups: BTreeMap<(String, String, bool), Advice>) -> Vec<Advice> {
    let mut merged: Vec<(String, Advice)> = Vec::new();
    // The groups of one source are neighbours.
    for ((source, _, in_base), group) in groups {
        let same = merged
            .iter_mut()
            .rev()
            .take_while(|(name, _)| *name == source)
            .find(|(_, other)| other.in_base == in_base && other.to == group.to);
        match same {
            Some((_, other)) => {
                other.package.clone_from(&source);
                other.packages.extend(group.packages);
                other.severity = other.severity.max(group.severity);
                other.risk = other.risk.max(group.risk);
                other.fingerprints.extend(group.fingerprints);
            }
            None => merged.push((source, group)),
        }
    }
    merged.into_iter().map(|(_, advice)| advice).collect()
}

/// The source package that the package's URL names, or what the advisory names.
fn source(judged: &Judged, name: &str) -> String {
    let upstream = judged.finding.subject.package().and_then(|(purl, ..)| purl.qualifiers.get("upstream"));
    let source =
        upstream.map(|upstream| upstream.split_once('@').map_or(upstream.as_str(), |(name, _)| name));
    source.unwrap_or(name).to_owned()
}

/// One vulnerability that an upgrade removes, in however many packages.
pub(crate) struct Removed<'a> {
    /// The finding of the highest risk.
    pub(crate) judged: &'a Judged,
    /// Its evidence.
    pub(crate) vulnerable: &'a Vulnerable,
    /// The worst severity of any of them.
    pub(crate) severity: Severity,
}

/// Findings by fingerprint.
pub(crate) fn by_fingerprint(findings: &[Judged]) -> BTreeMap<&Fingerprint, &Judged> {
    findings.iter().map(|judged| (&judged.fingerprint, judged)).collect()
}

impl Advice {
    /// Each vulnerability once, most telling first; those that `keep` does not keep are left out.
    pub(crate) fn removed<'a>(
        &self,
        found: &BTreeMap<&Fingerprint, &'a Judged>,
        keep: impl Fn(&Judged) -> bool,
    ) -> Vec<Removed<'a>> {
        let mut by_id: BTreeMap<&str, Removed<'a>> = BTreeMap::new();
        let kept = self.fingerprints.iter().filter_map(|fingerprint| found.get(fingerprint).copied());
        for judged in kept.filter(|judged| keep(judged)) {
            let Some((vulnerable, _)) = fix(judged) else { continue };
            let severity = judged.finding.severity;
            let one = by_id.entry(&vulnerable.id).or_insert(Removed { judged, vulnerable, severity });
            one.severity = one.severity.max(severity);
            if vulnerable.risk > one.vulnerable.risk {
                (one.judged, one.vulnerable) = (judged, vulnerable);
            }
        }
        let mut removed: Vec<Removed<'a>> = by_id.into_values().collect();
        removed.sort_by(|a, b| {
            b.vulnerable.risk.total_cmp(&a.vulnerable.risk).then(b.severity.cmp(&a.severity))
        });
        removed
    }

    /// Where the packages of a language are, each place once; a distribution's are all in its own database.
    pub(crate) fn places<'a>(&self, found: &BTreeMap<&Fingerprint, &'a Judged>) -> Vec<&'a str> {
        let mut places: Vec<&str> = Vec::new();
        for judged in self.fingerprints.iter().filter_map(|fingerprint| found.get(fingerprint).copied()) {
            let package = judged.finding.subject.package();
            let is_language = package.is_some_and(|(_, ecosystem, _)| !ecosystem.is_distribution());
            if let Some(path) = judged.finding.place.path.as_deref().filter(|_| is_language)
                && !places.contains(&path)
            {
                places.push(path);
            }
        }
        places
    }

    /// The installed version where all packages have one, and the packages: by name then, else with their versions.
    pub(crate) fn installed(&self) -> (Option<&str>, Vec<&str>) {
        let parts: Option<Vec<(&str, &str)>> =
            self.packages.iter().map(|package| package.rsplit_once(' ')).collect();
        let parts = parts.unwrap_or_default();
        match parts.first() {
            Some((_, version)) if parts.iter().all(|(_, other)| other == version) => {
                (Some(version), parts.into_iter().map(|(name, _)| name).collect())
            }
            _ => (None, self.packages.iter().map(String::as_str).collect()),
        }
    }
}

/// The title where it tells something: `openssl: security update` names the package, not the problem.
pub(crate) fn title(vulnerable: &Vulnerable) -> &str {
    let says_nothing = ["security update", "regression update", "bug fix update"];
    let title = vulnerable.title.as_str();
    if says_nothing.iter().any(|end| title.ends_with(end)) { "" } else { title }
}

fn fix(judged: &Judged) -> Option<(&Vulnerable, &str)> {
    let vulnerable = judged.finding.evidence.vulnerable().filter(|v| v.state == FixState::Fixed)?;
    vulnerable.fixed_versions.first().map(|fixed| (vulnerable, fixed.as_str()))
}

fn in_base(judged: &Judged, inventory: &Inventory) -> bool {
    let base = inventory.base.as_ref().map_or(0, |base| base.layers);
    judged.finding.place.layer.as_ref().is_some_and(|layer| layer.index < base)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(package: &str, to: &str, in_base: bool) -> Advice {
        Advice {
            change: String::new(),
            package: package.to_owned(),
            to: to.to_owned(),
            packages: vec![format!("{package} 1")],
            in_base,
            severity: Severity::Low,
            risk: 1.0,
            fingerprints: Vec::new(),
        }
    }

    fn check(groups: &[(&str, &str, &str, bool)], expected: &[&str]) {
        let groups = groups.iter().map(|(source, name, to, in_base)| {
            (((*source).to_owned(), (*name).to_owned(), *in_base), advice(name, to, *in_base))
        });
        let shown: Vec<String> = of_one_source(groups.collect())
            .iter()
            .map(|advice| format!("{} {} {}", advice.package, advice.to, advice.packages.join("+")))
            .collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn binaries_of_one_source_are_one_upgrade() {
        check(
            &[
                ("gcc", "libgcc", "11.5", false),
                ("glibc", "glibc", "2.34", false),
                ("glibc", "glibc-common", "2.34", false),
                ("glibc", "glibc-langpack", "2.35", false),
                ("glibc", "glibc-minimal", "2.34", true),
            ],
            &[
                "libgcc 11.5 libgcc 1",
                "glibc 2.34 glibc 1+glibc-common 1",
                "glibc-langpack 2.35 glibc-langpack 1",
                "glibc-minimal 2.34 glibc-minimal 1",
            ],
        );
    }

    #[test]
    fn installed_versions() {
        let mut one = advice("a", "2", false);
        one.packages = vec!["a 1".to_owned(), "b 1".to_owned()];
        assert_eq!(one.installed(), (Some("1"), vec!["a", "b"]));
        one.packages.push("c 1.5".to_owned());
        assert_eq!(one.installed(), (None, vec!["a 1", "b 1", "c 1.5"]));
        one.packages.push("d".to_owned());
        assert_eq!(one.installed().0, None);
    }
}
