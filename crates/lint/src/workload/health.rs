//! Whether anybody notices that it does not work, and what happens then.

use seawall_finding::Framework::{CisDocker16, CisDocker17, CisDocker18, PodSecurityBaseline};
use seawall_finding::{Rule, Severity};
use seawall_inventory::workload::{ContainerSpec, Handler, ProbeKind, Role, Source};

use super::case::{Answer, Case, Wrong};
use super::{Judge, WorkloadRule};

pub(super) static RULES: &[WorkloadRule] = &[
    WorkloadRule {
        rule: Rule {
            id: "no-health-check",
            title: "No health check",
            why: "A process that hangs looks like one that works to whoever only sees that it runs.",
            fix: "Set `livenessProbe`, `healthcheck`, `HealthCmd=` or `--health-cmd`.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/reference/dockerfile/#healthcheck"],
            controls: &[(CisDocker16, "5.27"), (CisDocker17, "5.27"), (CisDocker18, "5.27")],
        },
        section: SECTION,
        by_default: false,
        judge: Judge::Container(liveness),
        bad: &["docker run x:1", "docker run --no-healthcheck x:1"],
        good: &[
            "docker run --health-cmd true x:1",
            "services: {a: {image: 'x:1', healthcheck: {test: [CMD, true]}}}",
        ],
    },
    WorkloadRule {
        rule: Rule {
            id: "no-readiness-probe",
            title: "No readiness probe",
            why: "A pod that is not ready gets requests until somebody tells the service otherwise.",
            fix: "Set `readinessProbe`.",
            severity: Severity::Negligible,
            references: &[
                "https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/",
            ],
            controls: &[],
        },
        section: SECTION,
        by_default: false,
        judge: Judge::Container(readiness),
        bad: &["apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a}]}"],
        good: &[
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, readinessProbe: {tcpSocket: {port: 1}}}]}",
        ],
    },
    WorkloadRule {
        rule: Rule {
            id: "probe-host",
            title: "Probe or hook that asks another host",
            why: "The kubelet sends the request, from the node: whoever writes the pod makes the node ask any address \
                  that the node reaches.",
            fix: "Take `host` away; a probe without one asks the pod.",
            severity: Severity::Medium,
            references: &["https://kubernetes.io/docs/concepts/security/pod-security-standards/"],
            controls: &[(PodSecurityBaseline, "Host Probes / Lifecycle Hooks")],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(probe_host),
        bad: &[
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, livenessProbe: {httpGet: {host: 169.254.169.254, port: 80}}}]}",
        ],
        good: &[
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, livenessProbe: {httpGet: {host: '', port: 80}}}]}",
        ],
    },
    WorkloadRule {
        rule: Rule {
            id: "restart-without-end",
            title: "Restarted without end",
            why: "A container that is restarted for ever hides that it crashes, and gives an attack that crashes it \
                  any number of tries.",
            fix: "Use `on-failure:5` (`Restart=on-failure` with `StartLimitBurst=`).",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/containers/start-containers-automatically/"],
            controls: &[(CisDocker16, "5.15"), (CisDocker17, "5.15"), (CisDocker18, "5.15")],
        },
        section: SECTION,
        by_default: false,
        judge: Judge::Workload(restart),
        bad: &[
            "docker run --restart always x:1",
            "docker run --restart=on-failure:20 x:1",
            "docker run --restart unless-stopped x:1",
        ],
        good: &["docker run x:1", "docker run --restart on-failure:5 x:1"],
    },
];

const SECTION: &str = "Health of containers";

fn liveness(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    if matches!(container.role, Role::Init | Role::Ephemeral) {
        return Answer::NotApplicable("it runs to its end");
    }
    if matches!(case.workload.kind.as_str(), "Job" | "CronJob") {
        return Answer::NotApplicable("a job runs to its end");
    }
    let mut probes =
        container.probes.iter().filter(|probe| matches!(probe.kind, ProbeKind::Liveness | ProbeKind::Health));
    let setting = case.word("livenessProbe", "healthcheck");
    match probes.next() {
        Some(probe) if probe.handler == Handler::Disabled => {
            Answer::Fail(vec![Wrong::new(&probe.origin, setting, "switched off", "a check")])
        }
        Some(_) => Answer::Pass("there is a health check".to_owned()),
        None => Answer::Fail(vec![Wrong::new(&container.origin, setting, "not set", "a check")]),
    }
}

fn readiness(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    if !case.is_kubernetes() || matches!(container.role, Role::Init | Role::Ephemeral) {
        return Answer::NotApplicable("no service asks it");
    }
    if matches!(case.workload.kind.as_str(), "Job" | "CronJob") {
        return Answer::NotApplicable("a job serves nobody");
    }
    match container.probes.iter().any(|probe| probe.kind == ProbeKind::Readiness) {
        true => Answer::Pass("there is a readiness probe".to_owned()),
        false => Answer::Fail(vec![Wrong::new(&container.origin, "readinessProbe", "not set", "a probe")]),
    }
}

fn probe_host(_: &Case<'_>, container: &ContainerSpec) -> Answer {
    let wrongs = container.probes.iter().filter_map(|probe| {
        let (Handler::Http { host, .. } | Handler::Tcp { host, .. }) = &probe.handler else { return None };
        let host = host.as_ref().filter(|host| !host.is_empty())?;
        Some(Wrong::new(&probe.origin, "host of a probe", host.clone(), "not set"))
    });
    Answer::from(wrongs.collect(), "no probe names a host")
}

fn restart(case: &Case<'_>) -> Answer {
    if case.is_kubernetes() {
        return Answer::NotApplicable("the kubelet waits longer each time");
    }
    let Some(given) = &case.workload.restart else { return Answer::Pass("not restarted".to_owned()) };
    let restart = &given.value;
    let retries = restart.max_retries;
    let seen =
        retries.map_or_else(|| restart.policy.clone(), |retries| format!("{}:{retries}", restart.policy));
    let is_bound = case.is(Source::Quadlet) || case.is(Source::Systemd);
    match restart.policy.as_str() {
        "no" | "" | "never" => Answer::Pass("not restarted".to_owned()),
        "on-failure" if retries.is_some_and(|retries| (1..=5).contains(&retries)) => Answer::Pass(seen),
        // systemd itself gives up after five starts in ten seconds.
        _ if is_bound => Answer::Pass(format!("{seen}, within systemd's own limit")),
        _ => Answer::Fail(vec![Wrong::new(&given.origin, "restart", seen, "on-failure:5")]),
    }
}
