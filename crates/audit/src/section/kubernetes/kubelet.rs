//! CIS Kubernetes 4.2 and 4.3: the kubelet and kube-proxy.

use seawall_finding::Severity;

use super::arguments::Arguments;
use super::{FlagRule, Test, ask_table, cis, flag_rule};
use crate::answer::Report;
use crate::machine::Machine;
use crate::root::Unread;

const WHO: &str = "Who may talk to the kubelet may run commands in every pod of the node.";
const TLS: &str =
    "The kubelet is spoken to over the network; its certificates are all that tells it from somebody else.";
const NODE: &str = "It keeps pods from each other and the node from its pods.";

pub(super) const KUBELET: &[FlagRule] = &[
    flag_rule(
        ("kubelet-anonymous", &cis("4.2.1")),
        "Anonymous requests to the kubelet",
        WHO,
        Severity::Critical,
        Test::Is("anonymous-auth", "false"),
    ),
    flag_rule(
        ("kubelet-authorization", &cis("4.2.2")),
        "Authorization of the kubelet",
        WHO,
        Severity::Critical,
        Test::Is("authorization-mode", "Webhook"),
    ),
    flag_rule(
        ("kubelet-client-authority", &cis("4.2.3")),
        "Authority of the kubelet's clients",
        WHO,
        Severity::High,
        Test::Set(&["client-ca-file"]),
    ),
    flag_rule(
        ("kubelet-read-only-port", &cis("4.2.4")),
        "Port of the kubelet without authentication",
        WHO,
        Severity::High,
        Test::IsOrUnset("read-only-port", "0"),
    ),
    flag_rule(
        ("kubelet-idle-streams", &cis("4.2.5")),
        "Idle connections into pods",
        NODE,
        Severity::Low,
        Test::NotZero("streaming-connection-idle-timeout"),
    ),
    flag_rule(
        ("kubelet-iptables-chains", &cis("4.2.6")),
        "Packet filter chains of the kubelet",
        NODE,
        Severity::Low,
        Test::IsOrUnset("make-iptables-util-chains", "true"),
    ),
    flag_rule(
        ("kubelet-host-name", &cis("4.2.7")),
        "Another name for the node",
        TLS,
        Severity::Low,
        Test::Unset("hostname-override"),
    ),
    flag_rule(
        ("kubelet-event-rate", &cis("4.2.8")),
        "Events that the kubelet drops",
        NODE,
        Severity::Low,
        Test::NotNegative("event-qps"),
    ),
    flag_rule(
        ("kubelet-certificate", &cis("4.2.9")),
        "Certificate of the kubelet",
        TLS,
        Severity::Medium,
        Test::Set(&["tls-cert-file", "tls-private-key-file"]),
    ),
    flag_rule(
        ("kubelet-client-rotation", &cis("4.2.10")),
        "Rotation of the kubelet's client certificate",
        TLS,
        Severity::Medium,
        Test::IsOrUnset("rotate-certificates", "true"),
    ),
    flag_rule(
        ("kubelet-server-rotation", &cis("4.2.11")),
        "Rotation of the kubelet's server certificate",
        TLS,
        Severity::Low,
        Test::IsOrUnset("rotate-server-certificates-gate", "true"),
    ),
    flag_rule(
        ("kubelet-ciphers", &cis("4.2.12")),
        "Cipher suites of the kubelet",
        TLS,
        Severity::Low,
        Test::StrongCiphers("tls-cipher-suites"),
    ),
    flag_rule(
        ("kubelet-pod-processes", &cis("4.2.13")),
        "Processes of a pod",
        NODE,
        Severity::Medium,
        Test::AtLeast("pod-max-pids", 1),
    ),
    flag_rule(
        ("kubelet-seccomp-default", &cis("4.2.14")),
        "System-call filter of pods",
        NODE,
        Severity::Medium,
        Test::Is("seccomp-default", "true"),
    ),
];

pub(super) const PROXY: &[FlagRule] = &[flag_rule(
    ("kube-proxy-metrics", &cis("4.3.1")),
    "Metrics of kube-proxy on the network",
    "The address has no authentication.",
    Severity::Low,
    Test::Local("metrics-bind-address"),
)];

/// Flag → member of KubeletConfiguration.
const KUBELET_MEMBERS: &[(&str, &str)] = &[
    ("anonymous-auth", "/authentication/anonymous/enabled"),
    ("authorization-mode", "/authorization/mode"),
    ("client-ca-file", "/authentication/x509/clientCAFile"),
    ("read-only-port", "/readOnlyPort"),
    ("streaming-connection-idle-timeout", "/streamingConnectionIdleTimeout"),
    ("make-iptables-util-chains", "/makeIPTablesUtilChains"),
    ("event-qps", "/eventRecordQPS"),
    ("tls-cert-file", "/tlsCertFile"),
    ("tls-private-key-file", "/tlsPrivateKeyFile"),
    ("rotate-certificates", "/rotateCertificates"),
    ("rotate-server-certificates-gate", "/featureGates/RotateKubeletServerCertificate"),
    ("tls-cipher-suites", "/tlsCipherSuites"),
    ("pod-max-pids", "/podPidsLimit"),
    ("seccomp-default", "/seccompDefault"),
];

const PROXY_MEMBERS: &[(&str, &str)] = &[("metrics-bind-address", "/metricsBindAddress")];

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    ask_table(machine, report, KUBELET, &kubelet(machine));
    let proxy = with_file(
        machine,
        Arguments::of_process(machine, "kube-proxy"),
        "/var/lib/kube-proxy/config.conf",
        PROXY_MEMBERS,
    );
    ask_table(machine, report, PROXY, &proxy);
}

/// The process where it runs, its unit otherwise; each with its configuration file.
fn kubelet(machine: &Machine<'_>) -> Result<Option<Arguments>, String> {
    let arguments = Arguments::of_process(machine, "kubelet").or_else(|| {
        let unit = machine.host.unit("kubelet.service").ok()?;
        Some(Arguments::of_words(&unit.command(machine.host.root), unit.path.clone()))
    });
    with_file(machine, arguments, "/var/lib/kubelet/config.yaml", KUBELET_MEMBERS)
}

fn with_file(
    machine: &Machine<'_>,
    arguments: Option<Arguments>,
    usual: &str,
    members: &'static [(&'static str, &'static str)],
) -> Result<Option<Arguments>, String> {
    let path =
        arguments.as_ref().and_then(|arguments| arguments.get("config")).unwrap_or_else(|| usual.to_owned());
    match machine.host.root.text(&path) {
        Ok(text) => arguments.unwrap_or_default().with_config(&path, &text, members).map(Some),
        Err(Unread::Absent) => Ok(arguments),
        Err(Unread::Refused(reason)) => Err(format!("{path}: {reason}")),
    }
}
