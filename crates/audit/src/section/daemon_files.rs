//! CIS Docker 3: owners and modes of the daemon's files.

use rustix::fs::FileType;
use seawall_finding::{Framework, Rule, Severity};

use crate::answer::{Answer, Report, Section, cis};
use crate::host::Unit;
use crate::limits::CERTIFICATES_MAX;
use crate::machine::{Daemon, Machine};
use crate::root::{Metadata, Unread, normal};
use crate::settings::CONFIG_FILE;

/// A rule over the owner or the mode of some files.
struct FileRule {
    rule: Rule,
    which: Which,
    demand: Demand,
}

/// Files, by what they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    ServiceUnit,
    SocketUnit,
    EtcDocker,
    RegistryCertificates,
    TlsCa,
    TlsCertificate,
    TlsKey,
    Socket,
    ConfigFile,
    EtcDefault,
    Sysconfig,
    ContainerdSocket,
}

/// What is asked of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// Owned by root, and its group is root.
    Root,
    /// Owned by root, and its group is the one of Docker's socket.
    RootAndDocker,
    /// No permission bit outside of these: 622 is a smaller number than 644 and lets everybody write.
    ModeWithin(u32),
}

const FIX_OWNER: &str =
    "`chown root:root FILE` (the socket: `root:docker`); `seawall audit --fix` proposes it.";
const FIX_MODE: &str = "`chmod` it to the mode that is expected; `seawall audit --fix` proposes it.";
const WHY_OWNER: &str = "Whoever owns the file decides what the daemon does, and the daemon is root.";
const WHY_MODE: &str = "Whoever may write it decides what the daemon does, and the daemon is root; keys and sockets are \
                        also lost to whoever may read them.";
const REFERENCES: &[&str] = &["https://docs.docker.com/engine/security/"];

const fn file_rule(
    id: &'static str,
    title: &'static str,
    controls: &'static [(Framework, &'static str)],
    which: Which,
    demand: Demand,
) -> FileRule {
    let (why, fix, severity) = match demand {
        Demand::Root | Demand::RootAndDocker => (WHY_OWNER, FIX_OWNER, Severity::High),
        Demand::ModeWithin(_) => (WHY_MODE, FIX_MODE, Severity::High),
    };
    FileRule { rule: Rule { id, title, why, fix, severity, references: REFERENCES, controls }, which, demand }
}

const RULES: &[FileRule] = &[
    file_rule(
        "owner-docker-service",
        "Owner of docker.service",
        &cis("3.1", "4.5.5"),
        Which::ServiceUnit,
        Demand::Root,
    ),
    file_rule(
        "mode-docker-service",
        "Mode of docker.service",
        &cis("3.2", "4.5.5"),
        Which::ServiceUnit,
        Demand::ModeWithin(0o644),
    ),
    file_rule(
        "owner-docker-socket-unit",
        "Owner of docker.socket",
        &cis("3.3", "4.5.5"),
        Which::SocketUnit,
        Demand::Root,
    ),
    file_rule(
        "mode-docker-socket-unit",
        "Mode of docker.socket",
        &cis("3.4", "4.5.5"),
        Which::SocketUnit,
        Demand::ModeWithin(0o644),
    ),
    file_rule(
        "owner-etc-docker",
        "Owner of /etc/docker",
        &cis("3.5", "4.5.5"),
        Which::EtcDocker,
        Demand::Root,
    ),
    file_rule(
        "mode-etc-docker",
        "Mode of /etc/docker",
        &cis("3.6", "4.5.5"),
        Which::EtcDocker,
        Demand::ModeWithin(0o755),
    ),
    file_rule(
        "owner-registry-certificates",
        "Owner of registries' certificates",
        &cis("3.7", "4.5.5"),
        Which::RegistryCertificates,
        Demand::Root,
    ),
    file_rule(
        "mode-registry-certificates",
        "Mode of registries' certificates",
        &cis("3.8", "4.5.5"),
        Which::RegistryCertificates,
        Demand::ModeWithin(0o444),
    ),
    file_rule(
        "owner-tls-ca",
        "Owner of the daemon's certificate authority",
        &cis("3.9", "4.5.5"),
        Which::TlsCa,
        Demand::Root,
    ),
    file_rule(
        "mode-tls-ca",
        "Mode of the daemon's certificate authority",
        &cis("3.10", "4.5.5"),
        Which::TlsCa,
        Demand::ModeWithin(0o444),
    ),
    file_rule(
        "owner-tls-certificate",
        "Owner of the daemon's certificate",
        &cis("3.11", "4.5.5"),
        Which::TlsCertificate,
        Demand::Root,
    ),
    file_rule(
        "mode-tls-certificate",
        "Mode of the daemon's certificate",
        &cis("3.12", "4.5.5"),
        Which::TlsCertificate,
        Demand::ModeWithin(0o444),
    ),
    file_rule(
        "owner-tls-key",
        "Owner of the daemon's key",
        &cis("3.13", "4.5.5"),
        Which::TlsKey,
        Demand::Root,
    ),
    file_rule(
        "mode-tls-key",
        "Mode of the daemon's key",
        &cis("3.14", "4.5.5"),
        Which::TlsKey,
        Demand::ModeWithin(0o400),
    ),
    file_rule(
        "owner-docker-socket",
        "Owner of Docker's socket",
        &cis("3.15", "4.5.4"),
        Which::Socket,
        Demand::RootAndDocker,
    ),
    file_rule(
        "mode-docker-socket",
        "Mode of Docker's socket",
        &cis("3.16", "4.5.4"),
        Which::Socket,
        Demand::ModeWithin(0o660),
    ),
    file_rule(
        "owner-daemon-json",
        "Owner of daemon.json",
        &cis("3.17", "4.5.5"),
        Which::ConfigFile,
        Demand::Root,
    ),
    file_rule(
        "mode-daemon-json",
        "Mode of daemon.json",
        &cis("3.18", "4.5.5"),
        Which::ConfigFile,
        Demand::ModeWithin(0o644),
    ),
    file_rule(
        "owner-default-docker",
        "Owner of /etc/default/docker",
        &cis("3.19", "4.5.5"),
        Which::EtcDefault,
        Demand::Root,
    ),
    file_rule(
        "mode-default-docker",
        "Mode of /etc/default/docker",
        &cis("3.20", "4.5.5"),
        Which::EtcDefault,
        Demand::ModeWithin(0o644),
    ),
    file_rule(
        "mode-sysconfig-docker",
        "Mode of /etc/sysconfig/docker",
        &cis("3.21", "4.5.5"),
        Which::Sysconfig,
        Demand::ModeWithin(0o644),
    ),
    file_rule(
        "owner-sysconfig-docker",
        "Owner of /etc/sysconfig/docker",
        &cis("3.22", "4.5.5"),
        Which::Sysconfig,
        Demand::Root,
    ),
    file_rule(
        "owner-containerd-socket",
        "Owner of containerd's socket",
        &cis("3.23", "4.5.4"),
        Which::ContainerdSocket,
        Demand::Root,
    ),
    file_rule(
        "mode-containerd-socket",
        "Mode of containerd's socket",
        &cis("3.24", "4.5.4"),
        Which::ContainerdSocket,
        Demand::ModeWithin(0o660),
    ),
];

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    RULES.iter().map(|rule| &rule.rule)
}

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    for file_rule in RULES {
        let mut answers: Vec<Answer> = Vec::new();
        for daemon in &machine.daemons {
            answers.extend(
                files(machine, daemon, file_rule.which)
                    .into_iter()
                    .map(|path| judge(machine, daemon, &path, file_rule.demand)),
            );
        }
        if answers.is_empty() {
            answers.push(Answer::not_applicable(file_rule.rule.title, "there is no such file"));
        }
        for answer in answers {
            let answer = if answer.subject.is_some() { answer } else { answer.about(machine.host.subject()) };
            report.add(Section::DaemonFiles, &file_rule.rule, answer);
        }
    }
}

/// A file whose owner or mode is not what it should be, and what it should be.
pub(crate) struct Wrong {
    pub(crate) rule: &'static str,
    pub(crate) path: String,
    pub(crate) metadata: Metadata,
    pub(crate) demand: Demand,
    /// Why a person has to do it.
    pub(crate) left: Option<String>,
}

/// The files that `--fix` sets right, or leaves alone.
pub(crate) fn wrong(machine: &Machine<'_>) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    for file_rule in RULES {
        for daemon in &machine.daemons {
            for path in files(machine, daemon, file_rule.which) {
                if let Ok(metadata) = machine.host.root.metadata(&path)
                    && !holds(machine, daemon, &metadata, file_rule.demand)
                {
                    let left = left_alone(machine, daemon, file_rule.which, &path, &metadata);
                    let (rule, demand) = (file_rule.rule.id, file_rule.demand);
                    wrong.push(Wrong { rule, path, metadata, demand, left });
                }
            }
        }
    }
    wrong
}

/// Where the daemon's files may be changed when its arguments or its socket's unit name them.
const KNOWN_DIRECTORIES: [&str; 15] = [
    "/etc/docker",
    "/var/lib/docker",
    "/run",
    "/var/run",
    "/etc/systemd",
    "/usr/lib/systemd",
    "/lib/systemd",
    "/etc/default",
    "/etc/sysconfig",
    "/etc/containerd",
    "/etc/containers",
    "/etc/crio",
    "/etc/kubernetes",
    "/var/lib/kubelet",
    "/etc/ssl/docker",
];

/// Why a file stays as it is: whoever chooses arguments must not choose what root changes.
fn left_alone(
    machine: &Machine<'_>,
    daemon: &Daemon,
    which: Which,
    path: &str,
    metadata: &Metadata,
) -> Option<String> {
    let kind = match which {
        Which::ServiceUnit
        | Which::SocketUnit
        | Which::EtcDocker
        | Which::RegistryCertificates
        | Which::EtcDefault
        | Which::Sysconfig => return None,
        Which::ConfigFile if path == CONFIG_FILE => return None,
        Which::TlsCa | Which::TlsCertificate | Which::TlsKey | Which::ConfigFile => FileType::RegularFile,
        Which::Socket | Which::ContainerdSocket => FileType::Socket,
    };
    if let Some(reason) = &daemon.untrusted {
        return Some(reason.clone());
    }
    let root = machine.host.root;
    let Some(real) = root.real(path) else { return Some("where it really is, is not known".to_owned()) };
    let is_below = |path: &str, directory: &&str| {
        path.strip_prefix(*directory).is_some_and(|rest| rest.starts_with('/'))
    };
    if !KNOWN_DIRECTORIES.iter().any(|directory| is_below(&real, directory)) {
        return Some(format!("{real} is not in a directory that is the engine's"));
    }
    if metadata.kind != kind {
        return Some(format!("{real} is not the kind of file that it should be"));
    }
    if kind == FileType::RegularFile && metadata.mode & 0o111 != 0 {
        return Some(format!("{real} can be executed"));
    }
    // Who may write a directory can put another file there before the change.
    let above = std::path::Path::new(&real).ancestors().skip(1).filter_map(std::path::Path::to_str);
    let is_roots = |path: &str| root.metadata(path).is_ok_and(|it| it.uid == 0 && it.mode & 0o022 == 0);
    above
        .filter(|path| *path != "/")
        .find(|path| !is_roots(path))
        .map(|path| format!("{path} can be written by others than root"))
}

/// The files as this daemon is set up, whether they exist or not.
fn files(machine: &Machine<'_>, daemon: &Daemon, which: Which) -> Vec<String> {
    let unit_files = |unit: Result<Unit, Unread>| match unit {
        Ok(unit) => [unit.path].into_iter().chain(unit.drop_ins).collect(),
        Err(_) => Vec::new(),
    };
    let setting = |key: &str, default: &str| {
        let path = daemon.settings.text(key);
        let uses_tls = daemon.settings.is_on("tls", false) || daemon.settings.is_on("tlsverify", false);
        match (path, uses_tls) {
            ("", true) => vec![default.to_owned()],
            ("", false) => Vec::new(),
            (path, _) => vec![path.to_owned()],
        }
    };
    let files: Vec<String> = match which {
        Which::ServiceUnit => unit_files(machine.host.docker_unit()),
        Which::SocketUnit => unit_files(machine.host.unit("docker.socket")),
        Which::EtcDocker => vec!["/etc/docker".to_owned()],
        Which::RegistryCertificates => registry_certificates(machine),
        Which::TlsCa => setting("tlscacert", "/root/.docker/ca.pem"),
        Which::TlsCertificate => setting("tlscert", "/root/.docker/cert.pem"),
        Which::TlsKey => setting("tlskey", "/root/.docker/key.pem"),
        Which::Socket => sockets(machine, daemon),
        Which::ConfigFile => vec![daemon.settings.config_file.clone()],
        Which::EtcDefault => vec!["/etc/default/docker".to_owned()],
        Which::Sysconfig => vec!["/etc/sysconfig/docker".to_owned()],
        Which::ContainerdSocket => containerd_sockets(daemon),
    };
    files
        .into_iter()
        .filter(|path| !matches!(machine.host.root.metadata(path), Err(Unread::Absent)))
        .collect()
}

fn sockets(machine: &Machine<'_>, daemon: &Daemon) -> Vec<String> {
    let mut paths = Vec::new();
    for host in daemon.settings.hosts() {
        if host.starts_with("fd://") {
            paths.extend(crate::machine::activated_sockets(&machine.host));
        } else {
            paths.extend(host.strip_prefix("unix://").map(str::to_owned));
        }
    }
    paths.into_iter().filter(|path| path.starts_with('/')).map(|path| normal(&path)).collect()
}

/// The one that the daemon is told, those of the system, or the one that the daemon starts for itself.
fn containerd_sockets(daemon: &Daemon) -> Vec<String> {
    let told = daemon.settings.text("containerd");
    let exec_root =
        Some(daemon.settings.text("exec-root")).filter(|path| !path.is_empty()).unwrap_or("/run/docker");
    let own = format!("{exec_root}/containerd/containerd.sock");
    let mut paths = vec![told.to_owned(), "/run/containerd/containerd.sock".to_owned(), normal(&own)];
    paths.retain(|path| !path.is_empty());
    paths.sort_unstable();
    paths.dedup();
    paths
}

fn registry_certificates(machine: &Machine<'_>) -> Vec<String> {
    let directory = "/etc/docker/certs.d";
    let mut found = Vec::new();
    for registry in machine.host.root.names(directory).unwrap_or_default() {
        for name in machine.host.root.names(&format!("{directory}/{registry}")).unwrap_or_default() {
            let is_certificate = [".crt", ".cert", ".key", ".pem"].iter().any(|end| name.ends_with(end));
            if is_certificate && found.len() < CERTIFICATES_MAX {
                found.push(format!("{directory}/{registry}/{name}"));
            }
        }
    }
    found
}

fn holds(machine: &Machine<'_>, daemon: &Daemon, metadata: &Metadata, demand: Demand) -> bool {
    match demand {
        Demand::Root => metadata.uid == 0 && metadata.gid == 0,
        Demand::RootAndDocker => {
            let gid = docker_group(machine, daemon);
            metadata.uid == expected_uid(daemon) && (Some(metadata.gid) == gid || metadata.gid == 0)
        }
        Demand::ModeWithin(mode) => metadata.mode & !mode == 0,
    }
}

/// A rootless daemon's socket is its user's.
fn expected_uid(daemon: &Daemon) -> u32 {
    daemon.uid.unwrap_or(0)
}

fn docker_group(machine: &Machine<'_>, daemon: &Daemon) -> Option<u32> {
    let name = Some(daemon.settings.text("group")).filter(|name| !name.is_empty()).unwrap_or("docker");
    machine.host.accounts.group(name).map(|group| group.gid)
}

fn judge(machine: &Machine<'_>, daemon: &Daemon, path: &str, demand: Demand) -> Answer {
    let metadata = match machine.host.root.metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return Answer::unread(path, &error).about(daemon.subject()),
    };
    let accounts = &machine.host.accounts;
    let owner = format!("{}:{}", accounts.user_name(metadata.uid), accounts.group_name(metadata.gid));
    let (seen, expected) = match demand {
        Demand::Root => (owner, "root:root".to_owned()),
        Demand::RootAndDocker => (owner, "root:docker".to_owned()),
        Demand::ModeWithin(mode) => {
            (format!("mode {:03o}", metadata.mode), format!("mode {mode:03o} or less"))
        }
    };
    let answer = Answer::judged(holds(machine, daemon, &metadata, demand), path, seen).expecting(expected);
    let what = if matches!(demand, Demand::ModeWithin(_)) { "mode" } else { "owner" };
    let subject = if is_daemons_own(metadata.kind, path) { daemon.subject() } else { machine.host.subject() };
    answer.about(subject).at(path).of(format!("{what} of {path}"))
}

/// Sockets and configuration files belong to one daemon, the others to the host.
fn is_daemons_own(kind: FileType, path: &str) -> bool {
    kind == FileType::Socket || path.ends_with(".json")
}
