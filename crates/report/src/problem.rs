//! Vulnerable and malicious packages, for the formats of others, which know only vulnerabilities.
//!
//! What an attack is called in them is decided here, once; so is which package a finding is about, without asking
//! every package for every finding.

use std::borrow::Cow;
use std::collections::HashMap;

use seawall_finding::{Evidence, FixState, Malicious, Subject, Vulnerable};
use seawall_inventory::Package;
use seawall_policy::Judged;

use crate::Report;

/// Common Weakness Enumeration, "Embedded Malicious Code".
const MALICIOUS_CODE: &str = "CWE-506";

/// A vulnerable or malicious package.
pub(crate) struct Problem<'a> {
    pub(crate) judged: &'a Judged,
    pub(crate) package: &'a Package,
    /// Its position in the inventory.
    pub(crate) index: usize,
    pub(crate) vulnerable: Cow<'a, Vulnerable>,
}

impl Problem<'_> {
    pub(crate) fn is_waived(&self) -> bool {
        self.judged.waived.is_some()
    }
}

/// Every finding about a package that other tools take for a vulnerability, in the report's order.
pub(crate) fn problems(report: &Report) -> Vec<Problem<'_>> {
    let mut packages: HashMap<Key<'_>, Vec<usize>> = HashMap::new();
    for (index, package) in report.inventory.packages.iter().enumerate() {
        let path = package.places.first().and_then(|place| place.path.as_deref());
        packages.entry((&package.name, &package.version, path)).or_default().push(index);
    }
    report.findings.iter().filter_map(|judged| problem(report, judged, &packages)).collect()
}

/// Name, version and the path of the declaring file.
type Key<'a> = (&'a str, &'a str, Option<&'a str>);

fn problem<'a>(
    report: &'a Report,
    judged: &'a Judged,
    packages: &HashMap<Key<'a>, Vec<usize>>,
) -> Option<Problem<'a>> {
    let vulnerable = match &judged.finding.evidence {
        Evidence::Vulnerable(vulnerable) => Cow::Borrowed(vulnerable.as_ref()),
        Evidence::Malicious(malicious) => Cow::Owned(attack(malicious)),
        Evidence::Outdated(_)
        | Evidence::Leaked(_)
        | Evidence::Misset(_)
        | Evidence::Happened(_)
        | Evidence::Untrusted(_) => {
            return None;
        }
    };
    let Subject::Package { purl, name, version, .. } = &judged.finding.subject else { return None };
    let path = judged.finding.place.path.as_deref();
    let found = packages.get(&(name.as_str(), version.as_str(), path))?;
    let distro = report.inventory.distro.as_ref();
    let package = |index: usize| report.inventory.packages.get(index);
    let is_it = |index: &usize| package(*index).is_some_and(|package| package.purl(distro) == *purl);
    let index = match found.as_slice() {
        [index] => *index,
        several => several.iter().copied().find(is_it)?,
    };
    Some(Problem { judged, package: package(index)?, index, vulnerable })
}

/// An attack as the vulnerability that other tools make of it.
fn attack(malicious: &Malicious) -> Vulnerable {
    Vulnerable {
        id: malicious.id.clone(),
        aliases: malicious.aliases.clone(),
        title: malicious.title.clone(),
        description: String::new(),
        state: FixState::NotFixed,
        fixed_versions: Vec::new(),
        extended: None,
        matched: Vec::new(),
        ratings: Vec::new(),
        weaknesses: vec![MALICIOUS_CODE.to_owned()],
        epss: None,
        known_exploited: None,
        risk: 100.0,
        published: None,
    }
}

/// The number of a weakness: `CWE-79` → 79; NVD's `NVD-CWE-noinfo` is none.
pub(crate) fn weakness_number(weakness: &str) -> Option<u32> {
    weakness.strip_prefix("CWE-")?.parse().ok().filter(|number| *number > 0)
}
