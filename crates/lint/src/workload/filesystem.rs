//! The container's own root file system.

use seawall_finding::Framework::{CisDocker16, CisDocker17, CisDocker18, NistSp800190, NsaCisaKubernetes};
use seawall_finding::{Rule, Severity};
use seawall_inventory::workload::ContainerSpec;

use super::case::{Answer, Case, Hardening, Wrong};
use super::{Judge, WorkloadRule};

pub(super) static RULES: &[WorkloadRule] = &[WorkloadRule {
    rule: Rule {
        id: "writable-root-filesystem",
        title: "Writable root file system",
        why: "What an intruder cannot write, he cannot run: with a read-only root, tools cannot be dropped beside the \
              program and its files cannot be changed.",
        fix: "Set `readOnlyRootFilesystem: true`, `read_only: true`, `ReadOnly=true` or `--read-only`, and mount a \
              volume or tmpfs where the program writes.",
        severity: Severity::Low,
        references: &["https://kubernetes.io/docs/tasks/configure-pod-container/security-context/"],
        controls: &[
            (CisDocker16, "5.13"),
            (CisDocker17, "5.13"),
            (CisDocker18, "5.13"),
            (NsaCisaKubernetes, "Immutable container file systems"),
            (NistSp800190, "4.4.4"),
        ],
    },
    section: super::mounts::SECTION,
    by_default: true,
    judge: Judge::Container(read_only),
    bad: &["docker run x:1", "services: {a: {image: 'x:1', read_only: false}}"],
    good: &["docker run --read-only x:1", "[Container]\nImage=x:1\nReadOnly=true\n"],
}];

fn read_only(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    if case.workload.is_windows() {
        return Answer::NotApplicable("a Windows container");
    }
    let setting = case.word("securityContext.readOnlyRootFilesystem", "read-only");
    match &container.read_only_root {
        Some(given) if given.value => Answer::Pass("the root file system is read-only".to_owned()),
        Some(given) => {
            let wrong = Wrong::new(&given.origin, setting, "false", "true");
            Answer::Fail(vec![wrong.hardening(Hardening::Replace)])
        }
        None => {
            let wrong = Wrong::new(&container.origin, setting, "not set", "true");
            Answer::Fail(vec![wrong.hardening(Hardening::ReadOnlyRoot)])
        }
    }
}
