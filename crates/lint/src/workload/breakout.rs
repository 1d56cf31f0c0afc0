//! What settings add up to: ways out of a container.
//!
//! Each way names its ingredients. A finding here says more than the sum of those about the ingredients: that nothing
//! else is needed.

use seawall_finding::Framework::{Cwe, NistSp800190};
use seawall_finding::{Confidence, Rule, Severity};
use seawall_inventory::workload::{ContainerSpec, Origin, ProcMount, Profile};

use super::case::{Answer, Case, HostNamespace, Root, Wrong, has_capability, is_on};
use super::devices::is_the_host;
use super::mounts::{is_writable, shown};
use super::paths::{Worth, is_within, normal, sensitive, socket};
use super::{Judge, WorkloadRule};

pub(super) static RULES: &[WorkloadRule] = &[WorkloadRule {
    rule: Rule {
        id: "breakout",
        title: "Way from the container to the host",
        why: "The settings of this container, taken together, let whoever runs code in it run code as root of the \
              host, without any hole in the kernel or the engine.",
        fix: "Take one of the ingredients away; the finding names them.",
        severity: Severity::Critical,
        references: &["https://attack.mitre.org/techniques/T1611/"],
        controls: &[(NistSp800190, "4.4.3"), (Cwe, "CWE-250"), (Cwe, "CWE-653")],
    },
    section: "Ways out of containers",
    by_default: true,
    judge: Judge::Container(breakout),
    bad: &[
        "docker run -v /var/run/docker.sock:/var/run/docker.sock x:1",
        "docker run -v /:/host x:1",
        "docker run --cap-add SYS_ADMIN --security-opt apparmor=unconfined x:1",
        "docker run --pid=host --cap-add=SYS_PTRACE x:1",
        "docker run --cap-add SYS_MODULE x:1",
        "docker run --cap-add DAC_READ_SEARCH x:1",
        "docker run --device /dev/sda1 x:1",
        "docker run --device /dev/mem --cap-add SYS_RAWIO x:1",
        "docker run -v /etc/cron.d:/c x:1",
        "docker run -v /proc:/host/proc x:1",
        "docker run -v /sys/fs/cgroup:/sys/fs/cgroup:rw --cap-add SYS_ADMIN x:1",
        "docker run --device-cgroup-rule 'b *:* rwm' x:1",
        "docker run --security-opt systempaths=unconfined --security-opt apparmor=unconfined x:1",
        "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, volumeMounts: [{name: k, mountPath: /k}]}], \
         volumes: [{name: k, hostPath: {path: /var/lib/kubelet/pods}}]}",
        "apiVersion: v1\nkind: Pod\nspec: {hostNetwork: true, containers: [{name: a}]}",
    ],
    good: &[
        "docker run x:1",
        "docker run --cap-add SYS_ADMIN x:1",
        "docker run --pid=host x:1",
        "docker run -v /etc/localtime:/etc/localtime x:1",
        "docker run -u 1000 -v /etc/cron.d:/c:ro x:1",
        "docker run --device-cgroup-rule 'c 81:* rmw' x:1",
        "docker run -u 1000 --cap-drop ALL --security-opt systempaths=unconfined --security-opt apparmor=unconfined x:1",
    ],
}];

fn breakout(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    if case.workload.is_windows() {
        return Answer::NotApplicable("a Windows container");
    }
    let scene = Scene::of(case, container);
    let mut ways: Vec<Wrong> = WAYS.iter().flat_map(|way| way(&scene)).collect();
    ways.extend(metadata_service(&scene));
    Answer::from(ways, "no known way")
}

type Way = fn(&Scene<'_>) -> Vec<Wrong>;

const WAYS: &[Way] = &[
    privileged,
    engine_socket,
    writable_system,
    readable_secrets,
    administration,
    tracing,
    modules,
    file_handles,
    device,
    device_rules,
    unmasked,
];

/// What several ways ask for.
struct Scene<'a> {
    case: &'a Case<'a>,
    container: &'a ContainerSpec,
    /// What makes its processes root, where they are or may be.
    root: Option<String>,
    /// Whether root of the container is root of the host.
    is_mapped: bool,
}

impl<'a> Scene<'a> {
    fn of(case: &'a Case<'a>, container: &'a ContainerSpec) -> Scene<'a> {
        let root = match case.root(container) {
            Root::Yes => Some("runs as root".to_owned()),
            Root::ByImage => Some("runs as root unless the image says otherwise".to_owned()),
            Root::No => None,
        };
        Scene { case, container, root, is_mapped: case.has_user_namespace() }
    }

    /// Why the AppArmor or seccomp profile does not stand in the way.
    fn unconfined(&self) -> Option<String> {
        let off = |profile: Option<&seawall_inventory::workload::Given<Profile>>| {
            profile.is_some_and(|given| given.value == Profile::Unconfined)
        };
        let annotation = format!("container.apparmor.security.beta.kubernetes.io/{}", self.container.name);
        let annotated =
            self.case.workload.annotations.get(&annotation).is_some_and(|given| given.value == "unconfined");
        if off(self.case.workload.effective(self.container, |security| &security.apparmor)) || annotated {
            Some("AppArmor is unconfined".to_owned())
        } else if self.case.context.host.apparmor == Some(false) {
            Some("the host has no AppArmor".to_owned())
        } else {
            None
        }
    }

    fn capability(&self, name: &str) -> Option<String> {
        has_capability(self.container, name).then(|| format!("has {name}"))
    }

    fn origin_of_capability(&self) -> &Origin {
        let added = self.container.capabilities_add.first().map(|given| &given.origin);
        added.unwrap_or(&self.container.origin)
    }

    fn way(&self, origin: &Origin, what: &str, because: Vec<String>) -> Wrong {
        let wrong = Wrong {
            summary: Some(format!("Way from the container to the host: {what}")),
            ..Wrong::new(origin, &format!("breakout: {what}"), because.join(", "), "one of these taken away")
        };
        let needs_image = because.iter().any(|reason| reason.contains("unless the image"));
        let wrong = wrong.because(because);
        let wrong = if self.is_mapped { wrong.severity(Severity::Medium) } else { wrong };
        if needs_image { Wrong { confidence: Confidence::Medium, ..wrong } } else { wrong }
    }
}

fn privileged(scene: &Scene<'_>) -> Vec<Wrong> {
    let Some(given) = scene.container.privileged.as_ref().filter(|given| given.value) else {
        return Vec::new();
    };
    let because =
        ["is privileged: every device and capability".to_owned()].into_iter().chain(scene.root.clone());
    // `privileged-container` tells it.
    vec![scene.way(&given.origin, "mounts the host's disk", because.collect()).implied()]
}

/// A socket is open to root and to a group; who is neither may not speak to it.
fn engine_socket(scene: &Scene<'_>) -> Vec<Wrong> {
    let mounts = scene.container.mounts.iter();
    let way = mounts.filter_map(|mount| {
        let path = shown(mount)?;
        let socket = socket(&path, scene.case.context.engine_sockets)?;
        let who = scene.root.clone().or_else(|| {
            let groups = scene.case.workload.security.groups.iter().chain(&scene.container.security.groups);
            let names: Vec<String> = groups.map(|group| group.value.to_string()).collect();
            (!names.is_empty()).then(|| format!("is in group {}", names.join(", ")))
        })?;
        let how = if socket.is_it { String::new() } else { format!(" (below {})", normal(&path)) };
        let because = vec![format!("{}{how} is mounted", socket.path), who];
        Some(scene.way(&mount.origin, "starts a privileged container through the engine's socket", because))
    });
    way.collect()
}

fn writable_system(scene: &Scene<'_>) -> Vec<Wrong> {
    let Some(root) = &scene.root else { return Vec::new() };
    let mounts = scene.container.mounts.iter().filter(|mount| is_writable(mount));
    let way = mounts.filter_map(|mount| {
        let path = normal(&shown(mount)?);
        let known = sensitive(&path)?;
        let is_way = known.worth == Worth::WriteIsRoot
            || path == "/proc"
            || is_within(&path, "/var/lib/kubelet")
            || is_within(&path, "/etc/kubernetes")
            || is_within(&path, "/root");
        let needs_admin = is_within(&path, "/sys")
            && scene.capability("SYS_ADMIN").is_none()
            && !path.starts_with("/sys/kernel");
        let what = match path.as_str() {
            "/" => "writes the host's files",
            "/proc" => "sets core_pattern, which the host's kernel runs",
            _ => "writes what the host's root runs or trusts",
        };
        let because = vec![format!("{path} is mounted writable: {}", known.what), root.clone()];
        (is_way && !needs_admin).then(|| scene.way(&mount.origin, what, because))
    });
    way.collect()
}

/// Credentials of the whole node or cluster are worth as much as writing.
fn readable_secrets(scene: &Scene<'_>) -> Vec<Wrong> {
    let Some(root) = &scene.root else { return Vec::new() };
    const KEYS: [&str; 5] =
        ["/etc/kubernetes", "/var/lib/kubelet", "/var/lib/etcd", "/var/lib/rancher", "/root"];
    let mounts = scene.container.mounts.iter().filter(|mount| !is_writable(mount));
    let way = mounts.filter_map(|mount| {
        let path = normal(&shown(mount)?);
        let holds = KEYS.iter().any(|keys| is_within(&path, keys)) || path == "/" || path == "/var/lib";
        let because = vec![format!("{path} is mounted"), root.clone()];
        holds.then(|| {
            scene.way(&mount.origin, "reads the node's own credentials", because).severity(Severity::High)
        })
    });
    way.collect()
}

fn administration(scene: &Scene<'_>) -> Vec<Wrong> {
    let (Some(admin), Some(root)) = (scene.capability("SYS_ADMIN"), &scene.root) else { return Vec::new() };
    if is_on(&scene.container.privileged) {
        return Vec::new();
    }
    let Some(unconfined) = scene.unconfined() else { return Vec::new() };
    let because = vec![admin, unconfined, root.clone()];
    vec![scene.way(
        scene.origin_of_capability(),
        "mounts a control group and sets its release agent",
        because,
    )]
}

fn tracing(scene: &Scene<'_>) -> Vec<Wrong> {
    let HostNamespace::Yes(_) = scene.case.host_namespace(|workload| &workload.namespaces.pid) else {
        return Vec::new();
    };
    let origin =
        scene.case.workload.namespaces.pid.as_ref().map_or(&scene.container.origin, |given| &given.origin);
    let pid = "sees the host's processes".to_owned();
    let capability = ["SYS_PTRACE", "SYS_ADMIN"].into_iter().find_map(|name| scene.capability(name));
    match (capability, &scene.root) {
        (Some(capability), Some(root)) => {
            vec![scene.way(origin, "writes into a process of the host", vec![pid, capability, root.clone()])]
        }
        (Some(_), None) | (None, _) => Vec::new(),
    }
}

fn modules(scene: &Scene<'_>) -> Vec<Wrong> {
    by_capability(scene, "SYS_MODULE", "loads a kernel module")
}

fn file_handles(scene: &Scene<'_>) -> Vec<Wrong> {
    by_capability(scene, "DAC_READ_SEARCH", "opens files of the host by their handle (open_by_handle_at)")
}

fn by_capability(scene: &Scene<'_>, name: &str, what: &str) -> Vec<Wrong> {
    match (scene.capability(name), &scene.root) {
        // A privileged container has a shorter way, which is told already.
        (Some(has), Some(root)) if !is_on(&scene.container.privileged) && !scene.is_mapped => {
            vec![scene.way(scene.origin_of_capability(), what, vec![has, root.clone()])]
        }
        (Some(_), _) | (None, _) => Vec::new(),
    }
}

fn device(scene: &Scene<'_>) -> Vec<Wrong> {
    let Some(root) = &scene.root else { return Vec::new() };
    let devices = scene.container.devices.iter();
    let way = devices.filter_map(|device| {
        let what = is_the_host(device)?;
        let is_memory = what.contains("memory");
        let raw = scene.capability("SYS_RAWIO");
        if is_memory && raw.is_none() {
            return None;
        }
        let because = [
            Some(format!("has {}, {what}", device.host_path)),
            raw.filter(|_| is_memory),
            Some(root.clone()),
        ];
        let how = if is_memory { "writes the host's memory" } else { "reads and writes the host's disk" };
        Some(scene.way(&device.origin, how, because.into_iter().flatten().collect()))
    });
    way.collect()
}

/// `b *:* rwm` and the like, with MKNOD, which is in the default set.
fn device_rules(scene: &Scene<'_>) -> Vec<Wrong> {
    let Some(root) = &scene.root else { return Vec::new() };
    let dropped = scene.container.capabilities_drop.iter().map(|given| super::case::capability(&given.value));
    let has_mknod = !dropped.into_iter().any(|name| name == "ALL" || name == "MKNOD")
        || scene.capability("MKNOD").is_some();
    let is_disk = |rule: &str| {
        let mut parts = rule.split_whitespace();
        let kind = parts.next().unwrap_or_default();
        let major = parts.next().unwrap_or_default().split(':').next().unwrap_or_default();
        matches!(kind, "b" | "a") && matches!(major, "*" | "8" | "252" | "253" | "254" | "259")
    };
    let rules = scene.container.device_cgroup_rules.iter().filter(|given| has_mknod && is_disk(&given.value));
    let way = rules.map(|given| {
        let because =
            vec![format!("may use devices `{}`", given.value), "has MKNOD".to_owned(), root.clone()];
        scene.way(&given.origin, "makes a node of the host's disk", because)
    });
    way.collect()
}

fn unmasked(scene: &Scene<'_>) -> Vec<Wrong> {
    let Some(given) = &scene.container.proc_mount else { return Vec::new() };
    let is_open = match &given.value {
        ProcMount::Unmasked => true,
        ProcMount::UnmaskedPaths(paths) => {
            paths.iter().any(|path| path == "/proc/*" || path == "/proc/sys" || path == "/sys")
        }
        ProcMount::Default | ProcMount::Other(_) => false,
    };
    match (scene.unconfined(), &scene.root) {
        (Some(unconfined), Some(root)) if is_open => {
            let because = vec!["/proc and /sys are not masked".to_owned(), unconfined, root.clone()];
            vec![scene.way(&given.origin, "sets core_pattern, which the host's kernel runs", because)]
        }
        (Some(_), _) | (None, _) => Vec::new(),
    }
}

/// No way to the host's kernel, but to its identity: from the host's network the cloud's metadata service answers.
fn metadata_service(scene: &Scene<'_>) -> Option<Wrong> {
    if !scene.case.is_kubernetes() {
        return None;
    }
    let HostNamespace::Yes(_) = scene.case.host_namespace(|workload| &workload.namespaces.network) else {
        return None;
    };
    let origin = scene.case.workload.namespaces.network.as_ref().map(|given| &given.origin)?;
    let because = vec!["is in the host's network".to_owned(), "no network policy applies there".to_owned()];
    let way = scene.way(origin, "asks the cloud's metadata service as the node", because);
    Some(Wrong { confidence: Confidence::Medium, ..way.severity(Severity::Medium) })
}
