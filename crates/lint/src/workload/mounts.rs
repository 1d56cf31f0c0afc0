//! What of the host is mounted.

use seawall_finding::Framework::{
    CisDocker16, CisDocker17, CisDocker18, CisKubernetes112, NistSp800190, NsaCisaKubernetes,
    PodSecurityBaseline,
};
use seawall_finding::{Rule, Severity};
use seawall_inventory::workload::{ContainerSpec, Mount, MountKind};

use super::case::{Answer, Case, Wrong};
use super::paths::{Worth, normal, sensitive, socket};
use super::{Judge, WorkloadRule};

pub(super) static RULES: &[WorkloadRule] = &[
    WorkloadRule {
        rule: Rule {
            id: "engine-socket-mount",
            title: "Socket of a container engine in a container",
            why: "Whoever speaks to an engine's socket starts a privileged container with the host's root mounted. \
                  A read-only mount changes nothing: a socket is not written, it is spoken to.",
            fix: "Mount no engine socket and no directory above one; give the program a proxy that allows the few \
                  calls it needs.",
            severity: Severity::Critical,
            references: &["https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html"],
            controls: &[
                (CisDocker16, "5.32"),
                (CisDocker17, "5.32"),
                (CisDocker18, "5.32"),
                (CisKubernetes112, "5.2.11"),
                (PodSecurityBaseline, "HostPath Volumes"),
                (NistSp800190, "4.4.3"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(sockets),
        bad: &[
            "docker run -v /var/run/docker.sock:/var/run/docker.sock:ro x:1",
            "docker run -v /run:/host/run x:1",
            "docker run --mount type=bind,src=/run/containerd/containerd.sock,dst=/c.sock x:1",
            "[Container]\nImage=x:1\nVolume=%t/podman/podman.sock:/run/podman.sock\n",
        ],
        good: &["docker run -v /srv/data:/data x:1", "docker run -v /run/postgresql:/run/postgresql x:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "sensitive-host-mount",
            title: "Directory of the system in a container",
            why: "What the system runs, loads or keeps its secrets in is no data for a container. Written, it is code \
                  that the host's root runs; read, it is often enough: keys, tokens, the memory of others.",
            fix: "Mount only the file or directory that is needed, read-only, or a volume.",
            severity: Severity::High,
            references: &["https://kubernetes.io/docs/concepts/storage/volumes/#hostpath"],
            controls: &[
                (CisDocker16, "5.6"),
                (CisDocker17, "5.6"),
                (CisDocker18, "5.6"),
                (CisKubernetes112, "5.2.11"),
                (PodSecurityBaseline, "HostPath Volumes"),
                (NsaCisaKubernetes, "Pod security"),
                (NistSp800190, "4.5.5"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(sensitive_paths),
        bad: &[
            "docker run -v /:/host:ro x:1",
            "docker run -v /etc/kubernetes:/k:ro x:1",
            "services: {a: {image: 'x:1', volumes: [{type: bind, source: /usr/bin/../lib, target: /l}]}}",
        ],
        good: &["docker run -v /etc/localtime:/etc/localtime:ro x:1", "docker run -v data:/etc x:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "writable-host-mount",
            title: "Path of the host, writable",
            why: "What a container writes on the host outlives it and is seen by everything else there.",
            fix: "Use a volume, or mount the path read-only.",
            severity: Severity::Low,
            references: &["https://kubernetes.io/docs/concepts/storage/volumes/#hostpath"],
            controls: &[
                (CisDocker16, "5.6"),
                (CisDocker17, "5.6"),
                (CisDocker18, "5.6"),
                (CisKubernetes112, "5.2.11"),
                (PodSecurityBaseline, "HostPath Volumes"),
                (NistSp800190, "4.5.5"),
            ],
        },
        section: SECTION,
        by_default: false,
        judge: Judge::Container(writable),
        bad: &["docker run -v /srv/data:/data x:1"],
        good: &["docker run -v /srv/data:/data:ro x:1", "docker run -v data:/data x:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "mount-propagation",
            title: "Mounts of a container that reach the host",
            why: "With shared propagation, what a container mounts appears on the host and in every other container \
                  that shares the path.",
            fix: "Take `rshared`, `shared` or `Bidirectional` away.",
            severity: Severity::Medium,
            references: &["https://docs.kernel.org/filesystems/sharedsubtree.html"],
            controls: &[
                (CisDocker16, "5.20"),
                (CisDocker17, "5.20"),
                (CisDocker18, "5.20"),
                (NistSp800190, "4.4.3"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(propagation),
        bad: &[
            "docker run -v /srv:/srv:rshared x:1",
            "docker run --mount type=bind,src=/a,dst=/b,bind-propagation=shared x:1",
        ],
        good: &["docker run -v /srv:/srv:rslave x:1"],
    },
];

pub(super) const SECTION: &str = "Host and storage in containers";

/// What a mount shows of the host: its source, and what the sub-path picks of it.
pub(super) fn shown(mount: &Mount) -> Option<String> {
    let path = mount.host_path().or((mount.kind == MountKind::NamedPipe).then_some(mount.source.as_str()))?;
    let sub_path = mount.sub_path.as_deref().filter(|sub_path| !sub_path.contains('$'));
    Some(sub_path.map_or_else(|| path.to_owned(), |sub_path| format!("{path}/{sub_path}")))
}

pub(super) fn is_writable(mount: &Mount) -> bool {
    mount.read_only != Some(true)
}

fn setting(mount: &Mount) -> String {
    format!("mount {}", super::case::quoted(&mount.target))
}

fn sockets(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    let wrongs = container.mounts.iter().filter_map(|mount| {
        let path = shown(mount)?;
        let socket = socket(&path, case.context.engine_sockets)?;
        let seen = match socket.is_it {
            true => socket.path.clone(),
            false => format!("{}, with {} below it", normal(&path), socket.path),
        };
        Some(Wrong::new(&mount.origin, &setting(mount), seen, "no engine socket"))
    });
    Answer::from(wrongs.collect(), "no engine socket is mounted")
}

fn sensitive_paths(_: &Case<'_>, container: &ContainerSpec) -> Answer {
    let wrongs = container.mounts.iter().filter_map(|mount| {
        let path = shown(mount)?;
        let known = sensitive(&path)?;
        let mode = if is_writable(mount) { "writable" } else { "read-only" };
        let seen = format!("{}, {mode}: {}", normal(&path), known.what);
        let severity = match (known.worth, is_writable(mount)) {
            (_, true) if known.path == "/" => Severity::Critical,
            (Worth::WriteIsRoot | Worth::ReadIsEnough, true) => Severity::High,
            (Worth::ReadIsEnough, false) => Severity::High,
            (Worth::WriteIsRoot, false) if known.path == "/" => Severity::High,
            (Worth::WriteIsRoot, false) | (Worth::System, true) => Severity::Medium,
            (Worth::System, false) => Severity::Low,
        };
        Some(Wrong::new(&mount.origin, &setting(mount), seen, "nothing of the system").severity(severity))
    });
    Answer::from(wrongs.collect(), "no directory of the system is mounted")
}

fn writable(_: &Case<'_>, container: &ContainerSpec) -> Answer {
    let wrongs = container.mounts.iter().filter_map(|mount| {
        let path = shown(mount)?;
        let wrong = || Wrong::new(&mount.origin, &setting(mount), format!("{path}, writable"), "read-only");
        is_writable(mount).then(wrong)
    });
    Answer::from(wrongs.collect(), "no path of the host is writable")
}

fn propagation(_: &Case<'_>, container: &ContainerSpec) -> Answer {
    let wrongs = container.mounts.iter().filter_map(|mount| {
        let mode = mount.propagation.as_deref()?;
        let is_shared = matches!(mode, "shared" | "rshared" | "Bidirectional");
        is_shared.then(|| Wrong::new(&mount.origin, &setting(mount), mode, "private or rslave"))
    });
    Answer::from(wrongs.collect(), "no mount is shared with the host")
}
