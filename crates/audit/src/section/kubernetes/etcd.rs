//! CIS Kubernetes 2: etcd.

use seawall_finding::{Outcome, Rule, Severity};

use super::arguments::Arguments;
use super::control_plane::API_SERVER_MANIFEST;
use super::{FlagRule, REFERENCES, Test, ask_table, cis, flag_rule};
use crate::answer::{Answer, Report, Section};
use crate::machine::Machine;

const WHY: &str = "etcd holds every object of the cluster, its secrets too: who reaches it without a certificate needs no \
                   API server.";

pub(super) const ETCD: &[FlagRule] = &[
    flag_rule(
        ("etcd-certificate", &cis("2.1")),
        "Certificate of etcd",
        WHY,
        Severity::High,
        Test::Set(&["cert-file", "key-file"]),
    ),
    flag_rule(
        ("etcd-client-certificates", &cis("2.2")),
        "Certificates of etcd's clients",
        WHY,
        Severity::Critical,
        Test::Is("client-cert-auth", "true"),
    ),
    flag_rule(
        ("etcd-automatic-certificates", &cis("2.3")),
        "Certificates that etcd signs itself",
        WHY,
        Severity::High,
        Test::IsOrUnset("auto-tls", "false"),
    ),
    flag_rule(
        ("etcd-peer-certificate", &cis("2.4")),
        "Certificate of etcd for its peers",
        WHY,
        Severity::High,
        Test::Set(&["peer-cert-file", "peer-key-file"]),
    ),
    flag_rule(
        ("etcd-peer-client-certificates", &cis("2.5")),
        "Certificates of etcd's peers",
        WHY,
        Severity::High,
        Test::Is("peer-client-cert-auth", "true"),
    ),
    flag_rule(
        ("etcd-automatic-peer-certificates", &cis("2.6")),
        "Peer certificates that etcd signs itself",
        WHY,
        Severity::High,
        Test::IsOrUnset("peer-auto-tls", "false"),
    ),
];

pub(super) const OWN_AUTHORITY: Rule = Rule {
    id: "etcd-own-authority",
    title: "Own certificate authority of etcd",
    why: "With the cluster's authority every certificate of the cluster, a kubelet's too, opens etcd.",
    fix: "Give etcd an authority of its own (`--trusted-ca-file`), as kubeadm does.",
    severity: Severity::Medium,
    references: REFERENCES,
    controls: &cis("2.7"),
};

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    let manifest = "/etc/kubernetes/manifests/etcd.yaml";
    let etcd = Arguments::of_static_pod(machine, "etcd", manifest);
    ask_table(machine, report, ETCD, &etcd);
    let api_server = Arguments::of_static_pod(machine, "kube-apiserver", API_SERVER_MANIFEST);
    let answer = match (&etcd, &api_server) {
        (Err(reason), _) | (_, Err(reason)) => Answer::error(manifest, reason.clone()),
        (Ok(None), _) => Answer::not_applicable(manifest, "the program does not run on this node"),
        (Ok(Some(_)), Ok(None)) => {
            Answer::not_checked(manifest, "the API server runs elsewhere, and so does its authority")
        }
        (Ok(Some(etcd)), Ok(Some(api_server))) => {
            match (etcd.get("trusted-ca-file"), api_server.get("client-ca-file")) {
                (None, _) => Answer::new(Outcome::Fail, manifest, "--trusted-ca-file is not given"),
                (Some(own), others) => {
                    let seen =
                        format!("etcd trusts {own}, the API server {}", others.clone().unwrap_or_default());
                    Answer::judged(Some(own) != others, manifest, seen)
                }
            }
        }
    };
    report.add(
        Section::Kubernetes,
        &OWN_AUTHORITY,
        answer.about(machine.host.subject()).expecting("two files"),
    );
}
