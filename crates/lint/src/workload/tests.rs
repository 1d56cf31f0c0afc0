//! Every rule's samples, and questions that more than one rule answers.

use seawall_finding::Outcome;

use super::*;
use crate::manifest::{Examined, File, Options, examine};

/// Judges a sample with every rule; its name follows from how it starts.
pub(crate) fn sample(text: &str) -> Examined {
    let path = match text.split_whitespace().next().unwrap_or_default() {
        "docker" | "podman" => "sample.sh",
        "services:" => "compose.yaml",
        "[Container]" => "sample.container",
        "[Service]" => "sample.service",
        _ => "sample.yaml",
    };
    let selection = Selection { all: true, ..Selection::default() };
    let examined = examine(&[File { path, text }], &Options { selection, ..Options::default() });
    assert!(examined.gaps.is_empty(), "{text}: {:?}", examined.gaps);
    examined
}

fn finds(text: &str, rule: &str) -> bool {
    sample(text).found.iter().any(|finding| finding.rule == rule)
}

#[test]
fn every_rule_finds_its_bad_samples_and_not_its_good_ones() {
    let mut wrong = Vec::new();
    for rule in rules() {
        let id = rule.rule.id;
        assert!(!rule.bad.is_empty() && !rule.good.is_empty(), "{id} has no samples");
        wrong.extend(
            rule.bad.iter().filter(|text| !finds(text, id)).map(|text| format!("{id} misses: {text}")),
        );
        wrong.extend(
            rule.good.iter().filter(|text| finds(text, id)).map(|text| format!("{id} finds: {text}")),
        );
    }
    for rule in crate::cluster::rules() {
        let id = rule.rule.id;
        assert!(!rule.bad.is_empty() && !rule.good.is_empty(), "{id} has no samples");
        wrong.extend(
            rule.bad.iter().filter(|text| !finds(text, id)).map(|text| format!("{id} misses: {text}")),
        );
        wrong.extend(
            rule.good.iter().filter(|text| finds(text, id)).map(|text| format!("{id} finds: {text}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ids_are_unique() {
    let workload = rules().map(|rule| rule.rule.id);
    let cluster = crate::cluster::rules().map(|rule| rule.rule.id);
    let mut ids: Vec<&str> = workload.chain(cluster).chain(crate::pss::rules().map(|rule| rule.id)).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn a_failed_check_has_findings_and_no_other_has() {
    for judged in ["docker run --pid container:gone -v /:/h x", "docker run -u 1 x:1"].map(sample) {
        for check in &judged.checks {
            let found = judged.found.iter().any(|finding| finding.rule == check.rule);
            assert_eq!(check.outcome == Outcome::Fail, found, "{check:?}");
        }
    }
}

#[test]
fn a_namespace_of_a_container_that_is_not_known_does_not_pass() {
    let examined = sample("docker run --pid container:gone x:1");
    let outcome =
        examined.checks.iter().find(|check| check.rule == "host-pid-namespace").map(|check| check.outcome);
    assert_eq!(outcome, Some(Outcome::NotChecked));
}

/// What a hardened workload of each source leaves by default: nothing.
#[test]
fn hardened_workloads_are_clean() {
    let check = |path: &str, text: &str| {
        let examined = examine(&[File { path, text }], &Options::default());
        let found: Vec<String> = examined.found.iter().map(|finding| finding.summary.clone()).collect();
        assert!(found.is_empty() && examined.gaps.is_empty(), "{path}: {found:?} {:?}", examined.gaps);
        assert!(!examined.workloads.is_empty(), "{path}");
    };
    check("deployment.yaml", include_str!("../../tests/good/deployment.yaml"));
    check("compose.yaml", include_str!("../../tests/good/compose.yaml"));
    check("web.container", include_str!("../../tests/good/web.container"));
    check("run.sh", include_str!("../../tests/good/run.sh"));
}

#[test]
fn findings_point_at_the_line() {
    let text = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n  - name: a\n    securityContext:\n      privileged: true\n";
    let examined = sample(text);
    let place = examined
        .found
        .iter()
        .find(|finding| finding.rule == "privileged-container")
        .map(|finding| &finding.place);
    let place = place.map(|place| (place.line, place.pointer.as_deref()));
    assert_eq!(place, Some((Some(9), Some("/spec/containers/0/securityContext/privileged"))));
}
