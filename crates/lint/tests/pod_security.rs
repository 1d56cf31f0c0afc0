//! The Pod Security Standards against the answers of the original, `k8s.io/pod-security-admission` v0.37.2.
//!
//! A line of the vectors is a pod and, behind a tab, the ids of the checks that it fails: `MINOR:BASELINE|RESTRICTED`
//! for each minor version from which the answer is another, with `;` between. `scripts/pod-security-oracle`
//! makes them.

use seawall_lint::manifest::{File, Options, examine};
use seawall_lint::pss::{Level, Version, failing};

const VECTORS: &str = include_str!("vectors/pod_security.txt");

/// One version more than the original knows.
const MINORS: u32 = 38;

#[test]
fn every_version_answers_as_the_original_does() {
    let mut pods = 0;
    for line in VECTORS.lines() {
        let (pod, answers) = line.split_once('\t').unwrap_or((line, ""));
        check(pod, answers);
        pods += 1;
    }
    assert!(pods >= 300, "{pods} pods");
}

fn check(pod: &str, answers: &str) {
    let text = pod.replacen('{', r#"{"apiVersion":"v1","kind":"Pod","#, 1);
    let examined = examine(&[File { path: "pod.json", text: &text }], &Options::default());
    assert!(examined.gaps.is_empty(), "{pod}: {:?}", examined.gaps);
    assert_eq!(examined.workloads.len(), 1, "{pod}");
    for workload in &examined.workloads {
        let mut expected = "|";
        let mut changes = answers.split(';').peekable();
        for minor in 0..=MINORS {
            if let Some((at, answer)) = changes.peek().and_then(|change| change.split_once(':'))
                && at.parse() == Ok(minor)
            {
                expected = answer;
                changes.next();
            }
            let Ok(version) = format!("v1.{minor}").parse::<Version>() else {
                panic!("v1.{minor} is no version")
            };
            let of = |level| failing(workload, level, version).join(",");
            let seen = format!("{}|{}", of(Level::Baseline), of(Level::Restricted));
            assert_eq!(seen, expected, "v1.{minor}: {pod}");
        }
    }
}
