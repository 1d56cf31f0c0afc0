//! Paths of the host that are worth something to whoever gets out of a container.

/// What a path is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worth {
    /// Whoever writes there runs code as root of the host.
    WriteIsRoot,
    /// Whoever reads there has credentials or the memory of others.
    ReadIsEnough,
    /// The system's own; nothing of it belongs into a container.
    System,
}

/// A path with what it is worth and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sensitive {
    pub(crate) path: &'static str,
    pub(crate) worth: Worth,
    /// What it is, for a sentence.
    pub(crate) what: &'static str,
}

const fn path(path: &'static str, worth: Worth, what: &'static str) -> Sensitive {
    Sensitive { path, worth, what }
}

use Worth::{ReadIsEnough, System, WriteIsRoot};

/// Most telling first.
static SENSITIVE: &[Sensitive] = &[
    path("/etc/kubernetes", ReadIsEnough, "the cluster's administrator credentials"),
    path("/etc/shadow", ReadIsEnough, "the host's password hashes"),
    path("/root", ReadIsEnough, "root's keys and credentials"),
    path("/var/lib/kubelet", ReadIsEnough, "the tokens and secrets of every pod of the node"),
    path("/var/lib/etcd", ReadIsEnough, "every secret of the cluster"),
    path("/var/lib/docker", ReadIsEnough, "the file systems of every container"),
    path("/var/lib/containerd", ReadIsEnough, "the file systems of every container"),
    path("/var/lib/containers", ReadIsEnough, "the file systems of every container"),
    path("/var/lib/rancher", ReadIsEnough, "the cluster's credentials"),
    path("/var/snap/microk8s", ReadIsEnough, "the cluster's credentials"),
    path("/proc", ReadIsEnough, "the memory and environment of every process, and core_pattern"),
    path("/etc/cron.d", WriteIsRoot, "jobs that run as root"),
    path("/etc/cron.daily", WriteIsRoot, "jobs that run as root"),
    path("/etc/cron.hourly", WriteIsRoot, "jobs that run as root"),
    path("/etc/crontab", WriteIsRoot, "jobs that run as root"),
    path("/var/spool/cron", WriteIsRoot, "jobs that run as root"),
    path("/etc/systemd", WriteIsRoot, "units that run as root"),
    path("/usr/lib/systemd", WriteIsRoot, "units that run as root"),
    path("/lib/systemd", WriteIsRoot, "units that run as root"),
    path("/run/systemd", WriteIsRoot, "the service manager"),
    path("/etc/ld.so.preload", WriteIsRoot, "what every program loads"),
    path("/etc/sudoers.d", WriteIsRoot, "who may become root"),
    path("/etc/cni", WriteIsRoot, "what the kubelet runs as root"),
    path("/opt/cni", WriteIsRoot, "what the kubelet runs as root"),
    path("/usr/libexec/kubernetes", WriteIsRoot, "what the kubelet runs as root"),
    path("/sys/fs/cgroup", WriteIsRoot, "control groups, whose release agent runs as root"),
    path("/sys/kernel", WriteIsRoot, "the kernel's settings and helpers"),
    path("/sys", WriteIsRoot, "the kernel's settings and helpers"),
    path("/boot", WriteIsRoot, "the kernel that starts next"),
    path("/dev", WriteIsRoot, "the host's disks and memory"),
    path("/lib/modules", System, "kernel modules"),
    path("/bin", WriteIsRoot, "programs that root runs"),
    path("/sbin", WriteIsRoot, "programs that root runs"),
    path("/lib", WriteIsRoot, "libraries that root's programs load"),
    path("/lib64", WriteIsRoot, "libraries that root's programs load"),
    path("/usr/local/bin", WriteIsRoot, "programs that root runs"),
    path("/usr/bin", WriteIsRoot, "programs that root runs"),
    path("/usr/sbin", WriteIsRoot, "programs that root runs"),
    path("/usr", WriteIsRoot, "programs that root runs"),
    path("/etc", WriteIsRoot, "the system's configuration"),
    path("/home", ReadIsEnough, "users' keys and credentials"),
    path("/var/log", System, "the node's logs, through which links lead to any file"),
    path("/var/run", System, "the sockets of the system's services"),
    path("/run", System, "the sockets of the system's services"),
    path("/var/lib", System, "the state of the system's services"),
    path("/var", System, "the state of the system's services"),
    path("/", WriteIsRoot, "everything"),
];

/// Small files and directories that any program may see and that are mounted for good reasons.
const HARMLESS: [&str; 14] = [
    "/etc/localtime",
    "/etc/timezone",
    "/etc/machine-id",
    "/etc/os-release",
    "/etc/ssl/certs",
    "/etc/ca-certificates",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/usr/share/zoneinfo",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/etc/hostname",
    "/usr/src",
    "/usr/share/ssl",
];

/// Sockets by which an engine takes orders, and those of the API below it.
const SOCKETS: [&str; 16] = [
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/containerd/containerd.sock.ttrpc",
    "/run/docker/containerd/containerd.sock",
    "/run/crio/crio.sock",
    "/run/podman/podman.sock",
    "/run/buildkit/buildkitd.sock",
    "/run/k3s/containerd/containerd.sock",
    "/run/k0s/containerd.sock",
    "/run/dockershim.sock",
    "/run/cri-dockerd.sock",
    "/run/frakti.sock",
    "/run/docker/plugins",
    "/run/snap.docker/docker.sock",
    "/run/balena-engine.sock",
    "/run/docker/libnetwork",
];

/// A path with `//`, `.`, `..` and `/var/run` taken out; a path that does not start at the root stays as it is.
pub(crate) fn normal(text: &str) -> String {
    if !text.starts_with('/') {
        return text.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    if let ["var", rest @ ..] = parts.as_slice()
        && rest.first() == Some(&"run")
    {
        parts.remove(0);
    }
    format!("/{}", parts.join("/"))
}

/// Whether `inner` is `outer` or below it; both normal.
pub(crate) fn is_within(inner: &str, outer: &str) -> bool {
    outer == "/" || inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
}

/// What the host's path is worth, where it is worth something: itself, or what contains it.
pub(crate) fn sensitive(host_path: &str) -> Option<&'static Sensitive> {
    let host = normal(host_path);
    let is_harmless = HARMLESS.iter().any(|harmless| is_within(&host, harmless));
    if is_harmless || socket(&host, &[]).is_some_and(|socket| socket.is_it) {
        return None;
    }
    let matches = |known: &&Sensitive| match normal(known.path).as_str() {
        "/" => host == "/",
        "/run" => host == "/run",
        "/var" | "/var/lib" => host == normal(known.path),
        "/home" => {
            host == "/home"
                || host.ends_with("/.ssh")
                || host.ends_with("/.kube")
                || host.ends_with("/.docker")
        }
        known => is_within(&host, known),
    };
    SENSITIVE.iter().filter(matches).max_by_key(|known| known.path.len())
}

/// An engine's socket that a path of the host gives.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Socket {
    pub(crate) path: String,
    /// Whether the path is the socket, and not a directory above it.
    pub(crate) is_it: bool,
}

/// The engine's socket at or below a path of the host.
pub(crate) fn socket(host_path: &str, others: &[String]) -> Option<Socket> {
    let host = normal(host_path);
    if host.contains("pipe/docker_engine") || host.contains("pipe\\docker_engine") {
        return Some(Socket { path: host, is_it: true });
    }
    let name = host.rsplit('/').next().unwrap_or_default();
    let is_engine =
        ["docker.sock", "podman.sock", "containerd.sock", "crio.sock", "buildkitd.sock"].contains(&name);
    let others: Vec<String> = others.iter().map(|other| normal(other)).collect();
    if is_engine || SOCKETS.contains(&host.as_str()) || others.contains(&host) {
        return Some(Socket { path: host, is_it: true });
    }
    // A user's own engine has its socket in the directory of the session.
    let session =
        host.strip_prefix("/run/user/").filter(|rest| !rest.contains('/')).is_some() || host == "/run/user";
    if session {
        return Some(Socket { path: format!("{host}/…/docker.sock"), is_it: false });
    }
    let mut all = SOCKETS.iter().copied().chain(others.iter().map(String::as_str));
    let below = all.find(|socket| is_within(socket, &host))?;
    Some(Socket { path: below.to_owned(), is_it: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_are_found_by_any_path() {
        let check = |path: &str, expected: Option<(&str, bool)>| {
            let found = socket(path, &["/srv/engines/main.sock".to_owned()]);
            assert_eq!(found.as_ref().map(|socket| (&*socket.path, socket.is_it)), expected, "{path}");
        };
        check("/var/run/docker.sock", Some(("/run/docker.sock", true)));
        check("/run/../run//docker.sock", Some(("/run/docker.sock", true)));
        check("/var/run", Some(("/run/docker.sock", false)));
        check("/run/", Some(("/run/docker.sock", false)));
        check("/", Some(("/run/docker.sock", false)));
        check("/run/containerd", Some(("/run/containerd/containerd.sock", false)));
        check("/run/user/1000/podman/podman.sock", Some(("/run/user/1000/podman/podman.sock", true)));
        check("/run/user/1000", Some(("/run/user/1000/…/docker.sock", false)));
        check("//./pipe/docker_engine", Some(("/pipe/docker_engine", true)));
        check("/srv/docker.sock", Some(("/srv/docker.sock", true)));
        check("/srv/engines/main.sock", Some(("/srv/engines/main.sock", true)));
        check("/srv", Some(("/srv/engines/main.sock", false)));
        check("/var", None);
        check("/srv/data", None);
    }

    #[test]
    fn paths_of_the_system_are_known() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(sensitive(path).map(|known| known.path), expected, "{path}");
        };
        check("/", Some("/"));
        check("/etc", Some("/etc"));
        check("/etc/kubernetes/admin.conf", Some("/etc/kubernetes"));
        check("/etc/localtime", None);
        check("/etc/ssl/certs/ca.pem", None);
        check("/var/lib/kubelet/pods", Some("/var/lib/kubelet"));
        check("/home/me/src", None);
        check("/home/me/.ssh", Some("/home"));
        check("/var/lib/myapp", None);
        check("/run/myapp", None);
        check("/srv", None);
        check("./data", None);
    }
}
