//! How much a container may use.

use seawall_finding::Framework::{
    CisDocker16, CisDocker17, CisDocker18, Cwe, NistSp800190, NsaCisaKubernetes,
};
use seawall_finding::{Rule, Severity};
use seawall_inventory::workload::{ContainerSpec, Given, Resources, Role, Source, Ulimit};

use super::case::{Answer, Case, Wrong};
use super::{Judge, WorkloadRule};

pub(super) static RULES: &[WorkloadRule] = &[
    WorkloadRule {
        rule: Rule {
            id: "memory-unlimited",
            title: "No memory limit",
            why: "One container that takes all memory stops every other on the machine, and the kernel chooses who \
                  dies.",
            fix: "Set `resources.limits.memory`, `mem_limit`, `Memory=` or `--memory`.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/containers/resource_constraints/"],
            controls: &[
                (CisDocker16, "5.11"),
                (CisDocker17, "5.11"),
                (CisDocker18, "5.11"),
                (NsaCisaKubernetes, "Resource policies"),
                (NistSp800190, "4.4.3"),
                (Cwe, "CWE-770"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(memory),
        bad: &["docker run x:1", "docker run -m 0 x:1", "services: {a: {image: 'x:1'}}"],
        good: &[
            "docker run -m 512m x:1",
            "services: {a: {image: 'x:1', deploy: {resources: {limits: {memory: 50M}}}}}",
            "[Container]\nImage=x:1\n[Service]\nMemoryMax=1G\n",
        ],
    },
    WorkloadRule {
        rule: Rule {
            id: "cpu-unlimited",
            title: "No limit or weight of processors",
            why: "One container that takes every processor slows every other on the machine.",
            fix: "Set `resources.limits.cpu`, `cpus`, `--cpus` or `--cpu-shares`.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/containers/resource_constraints/"],
            controls: &[
                (CisDocker16, "5.12"),
                (CisDocker17, "5.12"),
                (CisDocker18, "5.12"),
                (NsaCisaKubernetes, "Resource policies"),
                (NistSp800190, "4.4.3"),
                (Cwe, "CWE-770"),
            ],
        },
        section: SECTION,
        by_default: false,
        judge: Judge::Container(cpu),
        bad: &["docker run x:1"],
        good: &[
            "docker run --cpus 1.5 x:1",
            "docker run --cpu-shares 512 x:1",
            "docker run --cpu-quota 50000 x:1",
        ],
    },
    WorkloadRule {
        rule: Rule {
            id: "resource-requests-missing",
            title: "No resource requests",
            why: "A pod without requests is the first to be evicted, and the scheduler cannot tell a full node.",
            fix: "Set `resources.requests` for `cpu` and `memory`.",
            severity: Severity::Negligible,
            references: &["https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/"],
            controls: &[(NsaCisaKubernetes, "Resource policies")],
        },
        section: SECTION,
        by_default: false,
        judge: Judge::Container(requests),
        bad: &["apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, resources: {requests: {cpu: 1}}}]}"],
        good: &[
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, resources: {limits: {cpu: 1, memory: 1Gi}}}]}",
        ],
    },
    WorkloadRule {
        rule: Rule {
            id: "pids-unlimited",
            title: "No limit of processes",
            why: "A fork bomb in one container takes every process number of the machine.",
            fix: "Set `pids_limit`, `PidsLimit=` or `--pids-limit`.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/reference/cli/docker/container/run/"],
            controls: &[
                (CisDocker16, "5.29"),
                (CisDocker17, "5.29"),
                (CisDocker18, "5.29"),
                (NistSp800190, "4.4.3"),
                (Cwe, "CWE-770"),
            ],
        },
        section: SECTION,
        by_default: false,
        judge: Judge::Container(pids),
        bad: &["docker run x:1", "docker run --pids-limit -1 x:1"],
        good: &[
            "docker run --pids-limit=100 x:1",
            "podman run x:1",
            "services: {a: {image: 'x:1', deploy: {resources: {limits: {pids: 9}}}}}",
        ],
    },
    WorkloadRule {
        rule: Rule {
            id: "ulimit-overridden",
            title: "Limits of processes of its own",
            why: "The engine's limits hold for every container; one that sets its own can take more than its share.",
            fix: "Take `ulimits` away where the engine's are enough.",
            severity: Severity::Negligible,
            references: &["https://docs.docker.com/reference/cli/docker/container/run/"],
            controls: &[(CisDocker16, "5.19"), (CisDocker17, "5.19"), (CisDocker18, "5.19")],
        },
        section: SECTION,
        by_default: false,
        judge: Judge::Container(ulimits),
        bad: &["docker run --ulimit nofile=1048576:1048576 x:1"],
        good: &["docker run x:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "oom-kill-disabled",
            title: "Kernel may not end it when memory runs out",
            why: "When memory runs out the kernel must end something; it then ends a service of the host.",
            fix: "Take `oom_kill_disable` away, or set a memory limit and a higher `oom_score_adj`.",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/engine/containers/resource_constraints/"],
            controls: &[(NistSp800190, "4.4.3")],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(oom),
        bad: &["docker run --oom-kill-disable x:1", "docker run --oom-score-adj=-1000 x:1"],
        good: &["docker run --oom-kill-disable=false x:1", "docker run --oom-score-adj 500 x:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "cgroup-parent-changed",
            title: "Control group of its own choice",
            why: "Under another parent, other limits hold than those the engine was given.",
            fix: "Take `cgroup_parent` away unless the group was made for it.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/reference/cli/docker/container/run/"],
            controls: &[(CisDocker16, "5.25"), (CisDocker17, "5.25"), (CisDocker18, "5.25")],
        },
        section: SECTION,
        by_default: false,
        judge: Judge::Workload(cgroup_parent),
        bad: &["docker run --cgroup-parent=/system.slice x:1"],
        good: &["docker run x:1"],
    },
];

const SECTION: &str = "Resources of containers";

/// Whether limits matter for a container of this role.
fn is_short(container: &ContainerSpec) -> bool {
    container.role == Role::Ephemeral
}

fn limited(
    case: &Case<'_>,
    container: &ContainerSpec,
    limits: &[&Option<Given<i64>>],
    setting: [&str; 2],
) -> Answer {
    if is_short(container) {
        return Answer::NotApplicable("an ephemeral container has no limits of its own");
    }
    if limits.iter().any(|limit| Resources::is_limited(limit)) {
        return Answer::Pass("limited".to_owned());
    }
    let setting = case.word(setting[0], setting[1]);
    match limits.iter().find_map(|limit| limit.as_ref()) {
        Some(given) => {
            Answer::Fail(vec![Wrong::new(&given.origin, setting, given.value.to_string(), "a limit")])
        }
        None => Answer::Fail(vec![Wrong::new(&container.origin, setting, "not set", "a limit")]),
    }
}

fn memory(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    limited(
        case,
        container,
        &[&container.resources.memory_limit_bytes],
        ["resources.limits.memory", "memory"],
    )
}

fn cpu(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    let resources = &container.resources;
    limited(
        case,
        container,
        &[&resources.cpu_limit_millis, &resources.cpu_shares],
        ["resources.limits.cpu", "cpus"],
    )
}

fn requests(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    if !case.is_kubernetes() || is_short(container) {
        return Answer::NotApplicable("nothing schedules it by requests");
    }
    let resources = &container.resources;
    let missing = |request: &Option<Given<i64>>, limit: &Option<Given<i64>>, name: &str| {
        // A limit without a request is a request as well.
        let setting = format!("resources.requests.{name}");
        (request.is_none() && limit.is_none())
            .then(|| Wrong::new(&container.origin, &setting, "not set", "a request"))
    };
    let wrongs = [
        missing(&resources.cpu_request_millis, &resources.cpu_limit_millis, "cpu"),
        missing(&resources.memory_request_bytes, &resources.memory_limit_bytes, "memory"),
    ];
    Answer::from(wrongs.into_iter().flatten().collect(), "requests are set")
}

fn pids(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    if case.is_kubernetes() {
        return Answer::NotApplicable("the kubelet limits processes");
    }
    let is_podman = case.is(Source::Quadlet) || case.workload.kind == "podman";
    if is_podman && container.resources.pids_limit.is_none() && !case.is(Source::Engine) {
        return Answer::Pass("podman's own limit of 2048".to_owned());
    }
    limited(case, container, &[&container.resources.pids_limit], ["pids", "pids-limit"])
}

fn ulimits(_: &Case<'_>, container: &ContainerSpec) -> Answer {
    let wrong = |limit: &Ulimit| {
        let seen = format!("{}:{}", limit.soft, limit.hard);
        Wrong::new(&limit.origin, &format!("ulimit {}", limit.name), seen, "the engine's")
    };
    Answer::from(container.resources.ulimits.iter().map(wrong).collect(), "the engine's limits")
}

fn oom(_: &Case<'_>, container: &ContainerSpec) -> Answer {
    let mut wrongs = Vec::new();
    if let Some(given) = container.resources.oom_kill_disable.as_ref().filter(|given| given.value) {
        wrongs.push(Wrong::new(&given.origin, "oom-kill-disable", "true", "false"));
    }
    if let Some(given) = container.resources.oom_score_adj.as_ref().filter(|given| given.value <= -900) {
        wrongs.push(Wrong::new(&given.origin, "oom-score-adj", given.value.to_string(), "0 or more"));
    }
    Answer::from(wrongs, "the kernel may end it")
}

fn cgroup_parent(case: &Case<'_>) -> Answer {
    match &case.workload.cgroup_parent {
        Some(given) if !given.value.is_empty() => Answer::Fail(vec![Wrong::new(
            &given.origin,
            "cgroup-parent",
            given.value.clone(),
            "the engine's",
        )]),
        Some(_) | None => Answer::Pass("the engine's".to_owned()),
    }
}
