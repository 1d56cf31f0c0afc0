//! What a container may not have of the host, because it could end the plugin or the daemon that asks it.
//!
//! A list of what is known to do that; not a confinement of users: who may mount any path, or start what runs as root
//! with one, has other ways. A path is compared where the host's links lead.

use std::cell::OnceCell;
use std::path::{Component, Path, PathBuf};

use crate::limits::MOUNTS_MAX;
use crate::settings::{DockerSettings, Grant};

/// The daemon's files and sockets, those of what runs containers for it, and what the host runs by itself as root: who
/// writes there ends the plugin or takes its place. Docker's own socket is not among them: what comes by it is asked for
/// like anything else.
const PROTECTED: [&str; 26] = [
    "/etc/docker",
    "/run/docker",
    "/run/containerd",
    "/run/podman",
    "/run/systemd",
    "/var/lib/docker",
    "/var/lib/containerd",
    "/usr/lib/docker",
    "/etc/systemd",
    "/usr/lib/systemd",
    "/lib/systemd",
    "/usr/bin",
    "/usr/sbin",
    "/bin",
    "/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/etc/cron.d",
    "/etc/cron.hourly",
    "/etc/cron.daily",
    "/etc/cron.weekly",
    "/etc/cron.monthly",
    "/etc/cron.yearly",
    "/etc/crontab",
    "/etc/anacrontab",
    "/var/spool/cron",
];
/// What Docker masks of the kernel's files in every version since it lets that be changed: the memory, and what tells of
/// all processes.
const MASKED: [&str; 5] =
    ["/proc/kcore", "/proc/latency_stats", "/proc/timer_list", "/proc/sched_debug", "/sys/firmware"];
/// What it makes read-only: who writes there changes the host.
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
/// The kernel's, through which a container with root's number reaches everything.
const KERNEL: [&str; 4] = ["/proc", "/sys", "/dev", "/boot"];
/// Capabilities with which a process leaves its container.
const CAPABILITIES: [&str; 8] =
    ["ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "DAC_READ_SEARCH", "BPF", "SYS_BOOT"];

/// What a container would reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    Everything,
    Processes,
    Devices,
    Mount,
}

/// What of the host is not given away.
pub(super) struct Host<'s> {
    settings: &'s DockerSettings,
    own: &'s [String],
    /// What is protected and what is the kernel's, once it is needed.
    led: OnceCell<(Vec<Led>, Vec<Led>)>,
}

/// A path of the host as it is written, and where it leads.
struct Led {
    written: PathBuf,
    real: PathBuf,
}

impl Led {
    fn new(path: &str) -> Led {
        Led { written: PathBuf::from(path), real: real(Path::new(path)) }
    }

    /// Whether one of the two holds the other.
    fn overlaps(&self, other: &Led) -> bool {
        let theirs = [&other.written, &other.real];
        let holds =
            |path: &Path| theirs.iter().any(|other| path.starts_with(other) || other.starts_with(path));
        holds(&self.written) || holds(&self.real)
    }
}

impl<'s> Host<'s> {
    /// `own` are the plugin's files: its socket, its policy, its cache, its program.
    pub(super) fn new(settings: &'s DockerSettings, own: &'s [String]) -> Host<'s> {
        Host { settings, own, led: OnceCell::new() }
    }

    fn unless_privileged(&self, what: &str) -> Result<(), String> {
        match self.settings.privileged {
            Grant::Allow => Ok(()),
            Grant::Deny => Err(format!(
                "{what} could end this plugin; the policy's `admission.docker.privileged: allow` lets it"
            )),
        }
    }

    pub(super) fn refuse(&self, reach: Reach) -> Result<(), String> {
        self.unless_privileged(match reach {
            Reach::Everything => "a privileged container",
            Reach::Processes => "a container among the host's processes",
            Reach::Devices => "a container with devices of the host",
            Reach::Mount => "a volume that mounts more than tmpfs, nfs, cifs or an absolute path",
        })
    }

    pub(super) fn capability(&self, name: &str) -> Result<(), String> {
        let bare = name.to_ascii_uppercase();
        let bare = bare.strip_prefix("CAP_").unwrap_or(&bare);
        match CAPABILITIES.contains(&bare) {
            true => self.unless_privileged(&format!("the capability {bare}")),
            false => Ok(()),
        }
    }

    /// The paths that are masked in a container, instead of Docker's.
    pub(super) fn masked(&self, paths: &[&str]) -> Result<(), String> {
        self.kept(paths, &MASKED)
    }

    /// The paths that are read-only in a container, instead of Docker's.
    pub(super) fn read_only(&self, paths: &[&str]) -> Result<(), String> {
        self.kept(paths, &READ_ONLY)
    }

    fn kept(&self, paths: &[&str], needed: &[&str]) -> Result<(), String> {
        match needed.iter().find(|path| !paths.contains(path)) {
            Some(path) => self.unless_privileged(&format!("a container from which {path} is not kept")),
            None => Ok(()),
        }
    }

    pub(super) fn count(&self, mounts: usize) -> Result<(), String> {
        match mounts > MOUNTS_MAX {
            true => Err(format!("there are more than {MOUNTS_MAX} mounts")),
            false => Ok(()),
        }
    }

    /// A path of the host that a container would have, with what is above and below it.
    pub(super) fn path(&self, source: &str) -> Result<(), String> {
        let written = plain(Path::new(source));
        let wanted = Led { real: real(&written), written };
        let (protected, kernel) = self.led.get_or_init(|| {
            let named = self.own.iter().chain(&self.settings.protected).map(String::as_str);
            let protected = PROTECTED.into_iter().chain(named).map(Led::new).collect();
            (protected, KERNEL.into_iter().map(Led::new).collect())
        });
        if let Some(protected) = protected.iter().find(|protected| wanted.overlaps(protected)) {
            return Err(format!(
                "a container may not have {source}, because {} is protected (admission.docker)",
                protected.written.display()
            ));
        }
        match kernel.iter().any(|kernel| wanted.overlaps(kernel)) {
            true => self.unless_privileged(&format!("a container that has {source}")),
            false => Ok(()),
        }
    }
}

/// The path without `.`, `..` and doubled slashes, as written.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::from("/");
    for component in path.components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::ParentDir => {
                plain.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    plain
}

/// Where the path leads: the part that exists is followed, the rest is as written.
fn real(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let (Ok(found), Ok(rest)) = (ancestor.canonicalize(), path.strip_prefix(ancestor)) {
            return found.join(rest);
        }
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_the_host_are_followed() {
        let directory = tempfile::tempdir().unwrap();
        let (secret, link) = (directory.path().join("secret"), directory.path().join("link"));
        std::fs::create_dir(&secret).unwrap();
        std::os::unix::fs::symlink(&secret, &link).unwrap();
        let own = [secret.display().to_string()];
        let settings = DockerSettings::default();
        let host = Host::new(&settings, &own);
        let check = |path: &Path, expected: bool| {
            assert_eq!(host.path(&path.display().to_string()).is_ok(), expected, "{}", path.display());
        };
        check(&link, false);
        check(&link.join("below"), false);
        check(&secret.join("below/x"), false);
        check(directory.path(), false);
        check(&directory.path().join("secret-not"), true);
        check(&directory.path().join("a/../link"), false);
    }
}
