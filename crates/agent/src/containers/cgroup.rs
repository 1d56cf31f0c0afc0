//! The path of a cgroup → the container that it says to be.
//!
//! Owns how engines name the cgroups of their containers. Refuses files: whether an engine of this host knows the
//! container, and whether one inside another is more than a name, is for who reads the engines' state.

use std::path::{Component, Path};

use super::limits::{CLAIMS_MAX, CONTAINER_ID_BYTES_MAX};

/// Whose container it is, as far as the name tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    Docker,
    Podman,
    Containerd,
    CriO,
    Lxc,
    /// A step of a build, which is no container of any list.
    BuildKit,
    /// `/kubepods/…/ID` and `--cgroup-parent` name nobody.
    Unnamed,
}

/// How much a name says by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// No other thing is named so.
    Certain,
    /// Plain containerd's `/NAMESPACE/ID`: any two words, a container only when containerd has one of that name there.
    IfKnown,
}

/// What one component of the path says to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) owner: Owner,
    pub(super) id: String,
    pub(super) weight: Weight,
    /// containerd's namespace, where the path has it.
    pub(super) namespace: Option<String>,
    /// The pod's unique id, where the path has it.
    pub(super) pod_uid: Option<String>,
    /// Components of the path up to the container's own cgroup.
    pub(super) depth: usize,
    /// The user in whose own slice it is: an engine without root, or a name that this user made up.
    pub(super) user: Option<u32>,
}

/// Digits of an id of all engines but containerd, which takes any name.
const ID_DIGITS: usize = 64;

/// What stands before the id in the name of a scope (systemd) or a directory (cgroupfs).
const PREFIXES: &[(&str, Owner)] = &[
    ("docker", Owner::Docker),
    ("libpod", Owner::Podman),
    // `--cgroups=split`, which is what Quadlet's units do.
    ("libpod-payload", Owner::Podman),
    ("cri-containerd", Owner::Containerd),
    ("nerdctl", Owner::Containerd),
    ("crio", Owner::CriO),
];

/// The directories in which a bare id is a certain engine's.
const PARENTS: &[(&str, Owner)] =
    &[("docker", Owner::Docker), ("k8s.io", Owner::Containerd), ("libpod_parent", Owner::Podman)];

/// What a path says, the outermost container first. Cgroups below a container's own are the container's.
pub(super) fn claims(path: &Path) -> Vec<Claim> {
    let components: Vec<&str> = path
        .components()
        .filter_map(|component| match component {
            Component::Normal(name) => name.to_str(),
            Component::Prefix(_) | Component::RootDir | Component::CurDir | Component::ParentDir => None,
        })
        .collect();
    let (mut user, mut pod_uid) = (None, None);
    let mut claims = Vec::new();
    for (index, component) in components.iter().enumerate() {
        if claims.len() == CLAIMS_MAX {
            break;
        }
        pod_uid = pod_of(component).or(pod_uid);
        user = user_of(component).or(user);
        let parent = index.checked_sub(1).and_then(|above| components.get(above)).copied();
        let named = by_id(component, parent).or_else(|| by_name(component, parent));
        let (owner, id, weight) = match named {
            Some((owner, id)) => (owner, id, Weight::Certain),
            // containerd's path is from the root. A user's slice has other paths.
            None if index == 1 && parent.is_some_and(is_word) && is_word(component) => {
                (Owner::Containerd, *component, Weight::IfKnown)
            }
            None => continue,
        };
        let namespace = match (owner, weight) {
            (_, Weight::IfKnown) => parent.map(str::to_owned),
            (Owner::Containerd, Weight::Certain) if parent == Some("k8s.io") => Some("k8s.io".to_owned()),
            (_, Weight::Certain) => None,
        };
        claims.push(Claim {
            owner,
            id: id.to_owned(),
            weight,
            namespace,
            pod_uid: pod_uid.clone(),
            depth: index + 1,
            user,
        });
    }
    claims
}

/// A component that ends with an id of 64 digits.
fn by_id<'c>(component: &'c str, parent: Option<&str>) -> Option<(Owner, &'c str)> {
    let name = component.strip_suffix(".scope").unwrap_or(component);
    let (before, id) = name.split_at_checked(name.len().checked_sub(ID_DIGITS)?)?;
    if !id.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
        return None;
    }
    if before.is_empty() {
        let owner = PARENTS.iter().find(|(name, _)| Some(*name) == parent);
        return Some((owner.map_or(Owner::Unnamed, |(_, owner)| *owner), id));
    }
    // `SLICE:cri-containerd:ID`: a path for systemd that was given to a runtime that makes directories.
    let prefix = match before.strip_suffix(':') {
        Some(names) => names.rsplit_once(':')?.1,
        None => before.strip_suffix('-')?,
    };
    // `libpod-conmon`, `crio-conmon`: what watches the container, on the host.
    if prefix.ends_with("conmon") {
        return None;
    }
    let owner = PREFIXES.iter().find(|(name, _)| *name == prefix);
    Some((owner.map_or(Owner::Unnamed, |(_, owner)| *owner), id))
}

/// `lxc/NAME`, `lxc.payload/NAME` and `lxc.payload.NAME` (`lxc.monitor…` is what watches it); `buildkit/ID` and
/// `buildkit-ID.scope`.
fn by_name<'c>(component: &'c str, parent: Option<&str>) -> Option<(Owner, &'c str)> {
    let (owner, name) = match parent {
        Some("lxc" | "lxc.payload") => (Owner::Lxc, component),
        Some("buildkit") => (Owner::BuildKit, component),
        Some(_) | None => match component.strip_prefix("lxc.payload.") {
            Some(name) => (Owner::Lxc, name),
            None => (Owner::BuildKit, component.strip_prefix("buildkit-")?.strip_suffix(".scope")?),
        },
    };
    (!name.is_empty() && name.len() <= CONTAINER_ID_BYTES_MAX).then_some((owner, name))
}

/// Whether containerd could have such a namespace or container (its grammar of identifiers), and systemd no unit.
fn is_word(name: &str) -> bool {
    let is_unit = [".slice", ".scope", ".service", ".mount", ".socket", ".swap"]
        .iter()
        .any(|suffix| name.ends_with(suffix));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let starts_plain = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    !is_unit && starts_plain && name.len() <= CONTAINER_ID_BYTES_MAX && name.bytes().all(plain)
}

/// `user-1000.slice`, `user@1000.service`.
fn user_of(component: &str) -> Option<u32> {
    let slice = || component.strip_prefix("user-")?.strip_suffix(".slice");
    let service = || component.strip_prefix("user@")?.strip_suffix(".service");
    slice().or_else(service)?.parse().ok()
}

/// `podUID` (cgroupfs) or `kubepods-burstable-podUID.slice` (systemd, which writes `_` for `-`).
fn pod_of(component: &str) -> Option<String> {
    let name = component.split_once(':').map_or(component, |(slice, _)| slice);
    let name = name.strip_suffix(".slice").unwrap_or(name);
    let uid = match name.rsplit_once("-pod") {
        Some((before, uid)) if before.ends_with("kubepods") || before.contains("kubepods-") => uid,
        Some(_) | None => name.strip_prefix("pod")?,
    };
    let uid = uid.replace('_', "-");
    let digits = uid.bytes().filter(u8::is_ascii_hexdigit).count();
    // 32 digits, which static pods have without hyphens.
    let is_uid = digits == 32 && uid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_uid.then_some(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233de441c3601e";
    const B: &str = "9d41c3601e3ad7b26ded6d8e7b23da7d48fe889434573036c27ae5a74837233d";
    const POD: &str = "6cb1c5a8-08a8-44db-bc2a-3724b18ab19a";

    /// One line for each claim: owner, id (`A`, `B` or as it is), depth and what else the path tells.
    fn check(path: &str, expected: &[&str]) {
        let path = path.replace("{A}", A).replace("{B}", B).replace("{POD}", POD);
        let path = path.replace("{_POD}", &POD.replace('-', "_"));
        let shown: Vec<String> = claims(Path::new(&path))
            .into_iter()
            .map(|claim| {
                let id = claim.id.replace(A, "A").replace(B, "B");
                let maybe = if claim.weight == Weight::IfKnown { "?" } else { "" };
                let mut line = format!("{:?}{maybe} {id} {}", claim.owner, claim.depth);
                if let Some(namespace) = claim.namespace {
                    line += &format!(" in {namespace}");
                }
                if let Some(uid) = claim.pod_uid {
                    line += &format!(" of {}", uid.replace(POD, "POD"));
                }
                if let Some(user) = claim.user {
                    line += &format!(" by {user}");
                }
                line
            })
            .collect();
        assert_eq!(shown, expected, "{path}");
    }

    #[test]
    fn docker() {
        check("/docker/{A}", &["Docker A 2"]);
        check("docker/{A}", &["Docker A 2"]);
        check("/system.slice/docker-{A}.scope", &["Docker A 2"]);
        check("/system.slice/docker-{A}.scope/init.scope", &["Docker A 2"]);
        check("/docker/{A}/system.slice/cron.service", &["Docker A 2"]);
        check("/ci/{A}", &["Unnamed A 2"]);
        // The users of a container's own systemd are not this host's.
        check("/docker/{A}/user.slice/user-1000.slice/session-1.scope", &["Docker A 2"]);
        check("/../../docker/{A}", &["Docker A 2"]);
        check(
            "/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{A}.scope",
            &["Docker A 5 by 1000"],
        );
        check("/docker/{A}/docker/{B}", &["Docker A 2", "Docker B 4"]);
        check("/system.slice/docker.service", &[]);
        check("/system.slice/{A}.service", &[]);
        check("/docker/3ad7b26ded6d", &["Containerd? 3ad7b26ded6d 2 in docker"]);
    }

    #[test]
    fn podman() {
        check("/machine.slice/libpod-{A}.scope", &["Podman A 2"]);
        check("/machine.slice/libpod-{A}.scope/container", &["Podman A 2"]);
        check("/machine.slice/machine-libpod_pod_{B}.slice/libpod-{A}.scope", &["Podman A 3"]);
        check("/libpod_parent/libpod-{A}", &["Podman A 2"]);
        check("/machine.slice/libpod-conmon-{A}.scope", &[]);
        check("/libpod_parent/conmon", &["Containerd? conmon 2 in libpod_parent"]);
        check("/system.slice/web.service/libpod-payload-{A}", &["Podman A 3"]);
        check(
            "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope/container",
            &["Podman A 5 by 1000"],
        );
    }

    #[test]
    fn kubernetes() {
        check(
            "/kubepods/besteffort/pod{POD}/{A}",
            &["Containerd? besteffort 2 in kubepods", "Unnamed A 4 of POD"],
        );
        check(
            "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{_POD}.slice/cri-containerd-{A}.scope",
            &["Containerd A 4 of POD"],
        );
        check("/kubepods.slice/kubepods-pod{_POD}.slice/crio-{A}.scope/container", &["CriO A 3 of POD"]);
        check(
            "/kubelet/kubepods/burstable/pod{POD}/crio-{A}",
            &["Containerd? kubepods 2 in kubelet", "CriO A 5 of POD"],
        );
        check("/kubepods.slice/burstable/pod{POD}/crio-conmon-{A}", &[]);
        check("/kubepods.slice/kubepods-pod{_POD}.slice/crio-conmon-{A}.scope", &[]);
        check(
            "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{_POD}.slice/docker-{A}.scope",
            &["Docker A 4 of POD"],
        );
        check(
            "/system.slice/containerd.service/kubepods-pod{_POD}.slice:cri-containerd:{A}",
            &["Containerd A 3 of POD"],
        );
        check(
            "/kubepods.slice/pod0123456789abcdef0123456789abcdef/{A}",
            &["Unnamed A 3 of 0123456789abcdef0123456789abcdef"],
        );
        check("/k8s.io/{A}", &["Containerd A 2 in k8s.io"]);
        // A node of kind: its containers are its own engine's.
        check(
            "/docker/{A}/kubelet.slice/kubelet-kubepods.slice/cri-containerd-{B}.scope",
            &["Docker A 2", "Containerd B 5"],
        );
    }

    #[test]
    fn containerd_and_others() {
        check("/default/redis", &["Containerd? redis 2 in default"]);
        check("/default/redis/worker", &["Containerd? redis 2 in default"]);
        check("/system.slice/nerdctl-{A}.scope", &["Containerd A 2"]);
        check("/user.slice/user-1000.slice/user@1000.service/default/redis", &[]);
        check("/lxc/web", &["Lxc web 2"]);
        check(
            "/docker/buildkit/x8wkb4zz6pl0",
            &["Containerd? buildkit 2 in docker", "BuildKit x8wkb4zz6pl0 3"],
        );
        check("/system.slice/buildkit-x8wkb4zz6pl0.scope", &["BuildKit x8wkb4zz6pl0 2"]);
        check("/lxc.payload.web/init.scope", &["Lxc web 1"]);
        check("/lxc.payload/web", &["Lxc web 2"]);
        check("/lxc.monitor.web", &[]);
        check("/ecs/6cb1c5a808a844db/{A}", &["Containerd? 6cb1c5a808a844db 2 in ecs", "Unnamed A 3"]);
    }

    #[test]
    fn the_host() {
        for path in
            ["/", "", "/init.scope", "/user.slice/user-0.slice/session-1.scope", "/system.slice/a.service"]
        {
            check(path, &[]);
        }
        let deep = "/docker/{A}".repeat(100);
        assert_eq!(claims(Path::new(&deep.replace("{A}", A))).len(), CLAIMS_MAX);
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(claims(Path::new(std::ffi::OsStr::from_bytes(b"/docker/\xff"))), []);
    }
}
