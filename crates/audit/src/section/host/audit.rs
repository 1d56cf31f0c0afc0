//! CIS Docker 1.1.3 to 1.1.18: changes of Docker's programs, files and sockets are in the audit log.

use seawall_finding::{Framework, Rule, Severity};

use crate::answer::{Answer, Report, Section, cis};
use crate::machine::{Daemon, Machine};
use crate::settings::CONFIG_FILE;

/// A rule, and the paths of which all that exist must be watched.
struct Watched {
    rule: Rule,
    paths: fn(&Machine<'_>) -> Vec<String>,
}

const WHY: &str = "Who changed the engine, its settings or its data, and when, is the first question after an incident, \
                   and nothing but the audit log answers it.";
const FIX: &str = "Add `-w PATH -p wa -k docker` for the path to a file of /etc/audit/rules.d and load it with \
                   `augenrules --load`; `seawall audit --fix` writes that file.";
const REFERENCES: &[&str] = &["https://man7.org/linux/man-pages/man7/audit.rules.7.html"];

const fn watched(
    id: &'static str,
    title: &'static str,
    controls: &'static [(Framework, &'static str)],
    paths: fn(&Machine<'_>) -> Vec<String>,
) -> Watched {
    Watched {
        rule: Rule {
            id,
            title,
            why: WHY,
            fix: FIX,
            severity: Severity::Low,
            references: REFERENCES,
            controls,
        },
        paths,
    }
}

/// The socket's unit until 1.6, the socket itself since 1.7.
const SOCKET_UNIT: &[(Framework, &str)] =
    &[(Framework::CisDocker16, "1.1.9"), (Framework::NistSp800190, "4.5.5")];
const SOCKET: &[(Framework, &str)] = &[
    (Framework::CisDocker17, "1.1.9"),
    (Framework::CisDocker18, "1.1.9"),
    (Framework::NistSp800190, "4.5.5"),
];

const WATCHED: &[Watched] = &[
    watched("audit-dockerd", "Audit of the Docker daemon's program", &cis("1.1.3", "4.5.5"), dockerd),
    watched("audit-run-containerd", "Audit of /run/containerd", &cis("1.1.4", "4.5.5"), |_| {
        path("/run/containerd")
    }),
    watched("audit-docker-data", "Audit of Docker's data root", &cis("1.1.5", "4.5.5"), data_roots),
    watched("audit-etc-docker", "Audit of /etc/docker", &cis("1.1.6", "4.5.5"), |_| path("/etc/docker")),
    watched("audit-docker-service", "Audit of docker.service", &cis("1.1.7", "4.5.5"), |machine| {
        unit(machine, "docker.service")
    }),
    watched("audit-containerd-socket", "Audit of containerd's socket", &cis("1.1.8", "4.5.5"), |_| {
        vec![
            "/run/containerd/containerd.sock".to_owned(),
            "/run/docker/containerd/containerd.sock".to_owned(),
        ]
    }),
    watched("audit-docker-socket-unit", "Audit of docker.socket", SOCKET_UNIT, |machine| {
        unit(machine, "docker.socket")
    }),
    watched("audit-docker-socket", "Audit of Docker's socket", SOCKET, |_| path("/run/docker.sock")),
    watched("audit-default-docker", "Audit of /etc/default/docker", &cis("1.1.10", "4.5.5"), |_| {
        path("/etc/default/docker")
    }),
    watched("audit-daemon-json", "Audit of daemon.json", &cis("1.1.11", "4.5.5"), config_files),
    watched("audit-containerd-config", "Audit of containerd's config.toml", &cis("1.1.12", "4.5.5"), |_| {
        path("/etc/containerd/config.toml")
    }),
    watched("audit-sysconfig-docker", "Audit of /etc/sysconfig/docker", &cis("1.1.13", "4.5.5"), |_| {
        path("/etc/sysconfig/docker")
    }),
    watched("audit-containerd", "Audit of containerd's program", &cis("1.1.14", "4.5.5"), |machine| {
        program(machine, "containerd")
    }),
    watched("audit-containerd-shim", "Audit of containerd-shim", &cis("1.1.15", "4.5.5"), |machine| {
        program(machine, "containerd-shim")
    }),
    watched(
        "audit-containerd-shim-runc-v1",
        "Audit of containerd-shim-runc-v1",
        &cis("1.1.16", "4.5.5"),
        |machine| program(machine, "containerd-shim-runc-v1"),
    ),
    watched(
        "audit-containerd-shim-runc-v2",
        "Audit of containerd-shim-runc-v2",
        &cis("1.1.17", "4.5.5"),
        |machine| program(machine, "containerd-shim-runc-v2"),
    ),
    watched("audit-runc", "Audit of runc", &cis("1.1.18", "4.5.5"), |machine| program(machine, "runc")),
];

fn path(path: &str) -> Vec<String> {
    vec![path.to_owned()]
}

fn program(machine: &Machine<'_>, name: &str) -> Vec<String> {
    machine.host.program(name).into_iter().collect()
}

/// The programs that really run, or the one that is installed.
fn dockerd(machine: &Machine<'_>) -> Vec<String> {
    let running = machine.host.processes.running("dockerd").filter(|process| process.is_proven);
    let mut programs: Vec<String> = running.map(|process| process.program.clone()).collect();
    if programs.is_empty() {
        programs = program(machine, "dockerd");
    }
    programs.dedup();
    programs
}

fn data_roots(machine: &Machine<'_>) -> Vec<String> {
    machine.daemons.iter().map(|daemon| daemon.settings.data_root().to_owned()).collect()
}

fn config_files(machine: &Machine<'_>) -> Vec<String> {
    let mut files: Vec<String> =
        machine.daemons.iter().map(|daemon| daemon.settings.config_file.clone()).collect();
    if files.is_empty() {
        files.push(CONFIG_FILE.to_owned());
    }
    files.dedup();
    files
}

fn unit(machine: &Machine<'_>, name: &str) -> Vec<String> {
    machine.host.unit(name).map(|unit| unit.path).into_iter().collect()
}

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    WATCHED.iter().map(|watched| &watched.rule)
}

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    for watched in WATCHED {
        let paths: Vec<String> =
            (watched.paths)(machine).into_iter().filter(|path| machine.host.root.exists(path)).collect();
        if paths.is_empty() {
            let answer =
                Answer::not_applicable(watched.rule.title, "what it is about does not exist on this host");
            report.add(Section::Host, &watched.rule, answer.about(machine.host.subject()));
        }
        for path in paths {
            let answer = judge(machine, &path).about(machine.host.subject()).at(&path);
            let answer = answer.of(format!("audit rule for {path}"));
            report.add(Section::Host, &watched.rule, answer.expecting(format!("-w {path} -p wa -k docker")));
        }
    }
}

/// A path that no audit rule watches.
pub(crate) struct Unwatched {
    pub(crate) rule: &'static str,
    pub(crate) path: String,
    /// Why `--fix` writes no rule for it.
    pub(crate) left: Option<String>,
}

/// Paths that no audit rule watches: what `--fix` writes.
pub(crate) fn unwatched(machine: &Machine<'_>) -> Vec<Unwatched> {
    let is_open =
        |path: &str| machine.host.root.exists(path) && machine.host.audit_rules.watching(path).is_none();
    let mut unwatched = Vec::new();
    for watched in WATCHED {
        for path in (watched.paths)(machine).into_iter().filter(|path| is_open(path)) {
            let left = left_alone(machine, &path);
            unwatched.push(Unwatched { rule: watched.rule.id, path, left });
        }
    }
    unwatched
}

/// A name with a line break in it would be a rule of its own, and only root says what root watches.
fn left_alone(machine: &Machine<'_>, path: &str) -> Option<String> {
    if path.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Some("an audit rule cannot hold such a name".to_owned());
    }
    let names = |daemon: &Daemon| {
        let mut processes = machine.host.processes.known.iter();
        let program = processes.find(|process| Some(process.pid) == daemon.pid);
        program.is_some_and(|process| process.program == path)
            || daemon.settings.data_root() == path
            || daemon.settings.config_file == path
    };
    let is_default = path == CONFIG_FILE
        || path == "/var/lib/docker"
        || machine.host.program("dockerd").is_some_and(|program| program == path);
    let mut trusted = machine.daemons.iter().filter(|daemon| daemon.untrusted.is_none());
    if is_default || trusted.any(names) {
        return None;
    }
    machine.daemons.iter().filter(|daemon| names(daemon)).find_map(|daemon| daemon.untrusted.clone())
}

fn judge(machine: &Machine<'_>, path: &str) -> Answer {
    let rules = &machine.host.audit_rules;
    let looked_at = match rules.sources.is_empty() {
        true => "/etc/audit/rules.d and /etc/audit/audit.rules".to_owned(),
        false => rules.sources.join(", "),
    };
    // The link and what it leads to are both changed by who replaces the program.
    let real = machine.host.root.real(path).unwrap_or_else(|| path.to_owned());
    match (rules.watching(path).or_else(|| rules.watching(&real)), &rules.refused) {
        (Some(watch), _) if rules.is_off => Answer::judged(
            false,
            looked_at,
            format!("{} is there, but `-e 0` switches auditing off", watch.text),
        ),
        (Some(watch), _) if !rules.is_loaded(watch) => {
            let seen = format!("{} is there, but the kernel has not loaded it", watch.text);
            Answer::judged(false, watch.source.clone(), seen)
        }
        (Some(watch), _) => Answer::judged(true, watch.source.clone(), watch.text.clone()),
        (None, Some((file, reason))) => Answer::error(file.clone(), reason.clone()),
        (None, None) => match rules.weak(path) {
            Some(watch) => {
                let seen = format!("{} does not tell of both writes and changed attributes", watch.text);
                Answer::judged(false, watch.source.clone(), seen)
            }
            None => Answer::judged(false, looked_at, format!("no rule watches {path}")),
        },
    }
}
