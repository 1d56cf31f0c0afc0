//! CIS Docker 1.2.2: engines, runtimes and the kernel have no known holes and are still looked after.

use seawall_finding::{Outcome, Rule, Severity};

use crate::answer::{Answer, Report, Section, cis, few};
use crate::inputs::{Component, KnownVulnerable};
use crate::machine::Machine;

const RULE: Rule = Rule {
    id: "engine-version",
    title: "Version of engines, runtimes and kernel",
    why: "A hole in the runtime or the kernel is a way out of every container on the host, however well each is set up.",
    fix: "Upgrade to a version that the vendor still looks after, and to the newest of its line.",
    severity: Severity::High,
    references: &[
        "https://docs.docker.com/engine/release-notes/",
        "https://github.com/opencontainers/runc/releases",
    ],
    controls: &cis("1.2.2", "4.4.1"),
};

/// First release of each major version of Docker Engine (its release notes): one gets fixes until the one after the
/// next is out, and not always so long.
const DOCKER_MAJORS: [(u32, &str); 10] = [
    (18, "2018-11-08"),
    (19, "2019-07-22"),
    (20, "2020-12-08"),
    (23, "2023-02-01"),
    (24, "2023-05-16"),
    (25, "2024-01-19"),
    (26, "2024-03-20"),
    (27, "2024-06-24"),
    (28, "2025-02-19"),
    (29, "2025-11-10"),
];

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    std::iter::once(&RULE)
}

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    let components = machine.components();
    if components.is_empty() {
        let answer =
            Answer::not_checked("engines and /proc", "no engine answered and no kernel tells its version");
        report.add(Section::Host, &RULE, answer.about(machine.host.subject()));
    }
    for (component, source) in components {
        let answer = match (machine.inputs.known)(&component) {
            Some(known) => judged(machine, &component, &known, &source),
            None => unknown(&component, &source),
        };
        let expected = "a version without known vulnerabilities that still gets fixes";
        let answer = answer.about(machine.host.subject()).of(component.name).expecting(expected);
        report.add(Section::Host, &RULE, answer);
    }
}

fn judged(machine: &Machine<'_>, component: &Component, known: &KnownVulnerable, source: &str) -> Answer {
    let mut bad = Vec::new();
    if !known.advisories.is_empty() {
        let ids: Vec<String> = known
            .advisories
            .iter()
            .map(|advisory| match &advisory.fixed_in {
                Some(version) => format!("{} (fixed in {version})", advisory.id),
                None => advisory.id.clone(),
            })
            .collect();
        bad.push(format!("{} known vulnerabilities: {}", ids.len(), few(&ids)));
    }
    if let Some(end) = known.support_ends.filter(|end| *end < machine.inputs.today()) {
        bad.push(format!("support ended on {end}"));
    }
    if let Some(reason) = superseded(component) {
        bad.push(reason);
    }
    let Component { name, version } = component;
    let released = known.released.map(|on| format!(", released {on}")).unwrap_or_default();
    let newest = known.newest.as_ref().filter(|newest| *newest != version);
    let newest = newest.map(|newest| format!(", newest is {newest}")).unwrap_or_default();
    let about = format!("{name} {version}{released}{newest}");
    match bad.is_empty() {
        true => Answer::new(Outcome::Pass, source, format!("{about}: no known vulnerability")),
        false => Answer::new(Outcome::Fail, source, format!("{about}: {}", bad.join("; "))),
    }
}

/// Without the advisory database only what is certainly old can be told.
fn unknown(component: &Component, source: &str) -> Answer {
    let Component { name, version } = component;
    match superseded(component) {
        Some(reason) => Answer::new(Outcome::Fail, source, format!("{name} {version}: {reason}")),
        None => Answer::not_checked(
            source,
            format!("{name} {version}: no advisory data; `seawall db update` gets it"),
        ),
    }
}

fn superseded(component: &Component) -> Option<String> {
    if component.name != "docker" {
        return None;
    }
    let major: u32 = component.version.split('.').next()?.parse().ok()?;
    // Before 18.09 versions were years too.
    let next_but_one = DOCKER_MAJORS.iter().filter(|(its, _)| *its > major).nth(1)?;
    let (newer, since) = next_but_one;
    Some(format!("two later major versions are out, {newer}.0 since {since}"))
}
