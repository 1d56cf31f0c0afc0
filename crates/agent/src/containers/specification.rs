//! The OCI runtime specification (`config.json` of a bundle), which containerd, podman and CRI-O write before they
//! start a container.

use std::collections::BTreeMap;

use seawall_event::{Container, Mount};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::limits::MOUNTS_MAX;

/// Go writes an empty slice or map as `null`.
pub(super) fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// What is read of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Specification {
    #[serde(deserialize_with = "null_is_default")]
    process: Process,
    #[serde(deserialize_with = "null_is_default")]
    mounts: Vec<OciMount>,
    #[serde(deserialize_with = "null_is_default")]
    pub(super) annotations: BTreeMap<String, String>,
    #[serde(deserialize_with = "null_is_default")]
    linux: Linux,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Process {
    #[serde(deserialize_with = "null_is_default")]
    capabilities: Capabilities,
    #[serde(deserialize_with = "null_is_default")]
    apparmor_profile: String,
    #[serde(deserialize_with = "null_is_default")]
    selinux_label: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Capabilities {
    #[serde(deserialize_with = "null_is_default")]
    bounding: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OciMount {
    destination: String,
    source: String,
    #[serde(rename = "type", deserialize_with = "null_is_default")]
    kind: String,
    #[serde(deserialize_with = "null_is_default")]
    options: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Linux {
    #[serde(deserialize_with = "null_is_default")]
    cgroups_path: String,
    #[serde(deserialize_with = "null_is_default")]
    namespaces: Vec<Namespace>,
    #[serde(deserialize_with = "null_is_default")]
    masked_paths: Vec<IgnoredAny>,
    #[serde(deserialize_with = "null_is_default")]
    readonly_paths: Vec<IgnoredAny>,
    seccomp: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Namespace {
    #[serde(rename = "type")]
    kind: String,
    #[serde(deserialize_with = "null_is_default")]
    path: String,
}

const PROPAGATIONS: [&str; 8] =
    ["private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable"];

impl Specification {
    /// Rights and mounts of the container of this id; the mounts without those that the engine makes in directories of
    /// the container or of its pod's sandbox.
    pub(super) fn fill(&self, container: &mut Container, id: &str, sandbox: Option<&Specification>) {
        container.privileged = Some(self.is_privileged());
        container.host_pid = Some(self.shares("pid", sandbox));
        container.host_network = Some(self.shares("network", sandbox));
        container.host_ipc = Some(self.shares("ipc", sandbox));
        let pod = container.pod.as_ref().and_then(|pod| pod.sandbox_id.as_deref());
        let is_own = |mount: &OciMount| mount.source.split('/').any(|part| part == id || Some(part) == pod);
        let mounts = self.mounts.iter().filter(|mount| mount.is_bind() && !is_own(mount));
        container.mounts = Some(mounts.take(MOUNTS_MAX).map(OciMount::described).collect());
    }

    /// The cgroup above the container's, in the words of the engine's cgroup driver.
    pub(super) fn cgroup_parent(&self) -> &str {
        let path = &self.linux.cgroups_path;
        path.split_once(':').or_else(|| path.rsplit_once('/')).map_or("", |(parent, _)| parent)
    }

    /// Whether it shares this namespace with the host: where the specification does not list it, or joins that of a
    /// sandbox which does not.
    fn shares(&self, kind: &str, sandbox: Option<&Specification>) -> bool {
        match self.linux.namespaces.iter().find(|namespace| namespace.kind == kind) {
            None => true,
            Some(namespace) if namespace.path.is_empty() => false,
            Some(namespace) => {
                namespace.path.starts_with("/proc/1/ns/")
                    || sandbox.is_some_and(|sandbox| sandbox.shares(kind, None))
            }
        }
    }

    /// Nothing says so: it is what engines leave out for `--privileged`.
    fn is_privileged(&self) -> bool {
        let Linux { masked_paths, readonly_paths, seccomp, .. } = &self.linux;
        let Process { capabilities, apparmor_profile, selinux_label } = &self.process;
        let is_read_only = |mount: &OciMount| mount.kind == "sysfs" && mount.has("ro");
        masked_paths.is_empty()
            && readonly_paths.is_empty()
            && seccomp.is_none()
            && matches!(apparmor_profile.as_str(), "" | "unconfined")
            // `container_t` is the type of the confined; `spc_t` and `unconfined_t` of the others.
            && !selinux_label.contains(":container_t:")
            && ["CAP_SYS_ADMIN", "CAP_SYS_MODULE"].iter().all(|name| {
                capabilities.bounding.iter().any(|capability| capability == name)
            })
            && !self.mounts.iter().any(is_read_only)
    }
}

impl OciMount {
    fn has(&self, option: &str) -> bool {
        self.options.iter().any(|own| own == option)
    }

    fn is_bind(&self) -> bool {
        self.kind == "bind" || self.has("bind") || self.has("rbind")
    }

    fn described(&self) -> Mount {
        let is_propagation = |option: &&String| PROPAGATIONS.contains(&option.as_str());
        let said = |option: &&String| !is_propagation(option) && !matches!(option.as_str(), "bind" | "rbind");
        let options: Vec<&str> = self.options.iter().filter(said).map(String::as_str).collect();
        Mount {
            source: self.source.clone(),
            destination: self.destination.clone(),
            mode: options.join(","),
            writable: !self.has("ro"),
            propagation: self.options.iter().find(is_propagation).cloned().unwrap_or_default(),
        }
    }
}
