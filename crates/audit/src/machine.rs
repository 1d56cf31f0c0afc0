//! Everything that an audit looks at: the host, its Docker daemons with their settings, and what engines answered.

mod ask;
mod saved;

use seawall_engine::EngineKind;
use seawall_finding::{Gap, GapKind, Subject};
use seawall_inventory::Workload;

use crate::answer::{Answer, few};
use crate::container::Inspected;
use crate::host::{Host, Process, SNAP_UNIT, command_line, effective_uid};
use crate::inputs::{Component, Inputs};
use crate::inspect::{Image, Info, Network, Node, Service, Step, Swarm, Version};
use crate::root::normal;
use crate::settings::{CONFIG_FILE, Settings};

/// The machine as an audit sees it.
pub(crate) struct Machine<'a> {
    pub(crate) inputs: &'a Inputs<'a>,
    pub(crate) host: Host<'a>,
    pub(crate) daemons: Vec<Daemon>,
    pub(crate) engines: Vec<EngineFacts>,
    pub(crate) gaps: Vec<Gap>,
}

/// A Docker daemon: one that runs, or one that a unit or a file would start.
#[derive(Debug)]
pub(crate) struct Daemon {
    /// `docker`, or with its address where there are several.
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) pid: Option<u32>,
    /// Whose it is, where it runs.
    pub(crate) uid: Option<u32>,
    /// Which of the engines it is.
    pub(crate) engine: Option<usize>,
    /// Why nothing is changed on its word: anybody may run a program of this name, with any arguments.
    pub(crate) untrusted: Option<String>,
}

/// What one engine answered, or what was saved of it.
#[derive(Debug, Default)]
pub(crate) struct EngineFacts {
    pub(crate) kind: Option<EngineKind>,
    /// `docker`, `podman`; with its address where there are several of a kind.
    pub(crate) name: String,
    /// Where it was asked, or the file.
    pub(crate) source: String,
    pub(crate) info: Option<Info>,
    pub(crate) version: Option<Version>,
    pub(crate) containers: Vec<ContainerFacts>,
    pub(crate) images: Vec<ImageFacts>,
    pub(crate) networks: Option<Vec<Network>>,
    pub(crate) swarm: Option<SwarmFacts>,
    /// Commands that were started in containers in the last days: `who: container: command`.
    pub(crate) execs: Option<Vec<Exec>>,
    /// What it refused to answer, by question.
    pub(crate) refused: Vec<(String, String)>,
    /// Whether these are files, not answers.
    pub(crate) is_saved: bool,
}

/// A container.
#[derive(Debug)]
pub(crate) struct ContainerFacts {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) is_running: bool,
    pub(crate) pid: Option<u32>,
    /// Reference and id of its image.
    pub(crate) image: String,
    pub(crate) image_id: String,
    pub(crate) workload: Workload,
    /// What Docker or podman said; nothing of containerd.
    pub(crate) inspected: Option<Inspected>,
}

/// An image.
#[derive(Debug)]
pub(crate) struct ImageFacts {
    pub(crate) image: Image,
    /// Its build steps, the newest first; `None` where nobody said.
    pub(crate) history: Option<Vec<Step>>,
}

/// A swarm, as one of its managers sees it.
#[derive(Debug, Default)]
pub(crate) struct SwarmFacts {
    pub(crate) settings: Swarm,
    pub(crate) nodes: Vec<Node>,
    pub(crate) services: Vec<Service>,
    pub(crate) secrets: usize,
}

/// A command that was started in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exec {
    pub(crate) container: String,
    pub(crate) command: String,
    /// User and whether it is privileged, of one that runs: events do not tell.
    pub(crate) running: Option<(String, bool)>,
}

impl ImageFacts {
    /// Its first tag, or its id.
    pub(crate) fn name(&self) -> &str {
        self.image.repo_tags.first().or(self.image.repo_digests.first()).unwrap_or(&self.image.id)
    }
}

impl EngineFacts {
    /// Docker or podman, whose answers have one form.
    pub(crate) fn is_docker(&self) -> bool {
        self.kind == Some(EngineKind::Docker)
    }

    pub(crate) fn kind_name(&self) -> &'static str {
        self.kind.map_or("engine", EngineKind::name)
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject::Engine { name: self.name.clone() }
    }

    /// What was asked for, in the words of a report.
    pub(crate) fn asked(&self, question: &str) -> String {
        format!("{question} of {}", self.source)
    }

    /// Why it lists none of these, where it may have some.
    pub(crate) fn silent_about(&self, question: &str) -> Option<String> {
        let is_refused = self.refused.iter().any(|(asked, _)| asked == question);
        match self.kind {
            _ if is_refused => Some(self.why_not(question)),
            _ if self.is_saved => Some(format!("there are no {question} in what was saved")),
            Some(EngineKind::Containerd) if question == "images" => Some(
                "containerd's images are not looked into; `seawall scan containerd:NAME` does it".to_owned(),
            ),
            Some(_) | None => None,
        }
    }

    pub(crate) fn why_not(&self, question: &str) -> String {
        let refusal = self.refused.iter().find(|(asked, _)| asked == question);
        refusal.map_or_else(|| "the engine was not asked".to_owned(), |(_, why)| why.clone())
    }
}

impl Daemon {
    pub(crate) fn subject(&self) -> Subject {
        Subject::Engine { name: self.name.clone() }
    }
}

impl Machine<'_> {
    pub(crate) fn look<'a>(inputs: &'a Inputs<'a>) -> Machine<'a> {
        let host = Host::look(inputs.root);
        let mut gaps = Vec::new();
        let mut engines = ask::engines(inputs, &mut gaps);
        engines.extend(saved::engines(&inputs.saved, &mut gaps));
        if !host.processes.doubtful.is_empty() {
            let which = few(&host.processes.doubtful);
            let reason = format!("what these processes run, is not told but by their names: {which}");
            gaps.push(Gap::at(GapKind::Unreadable, "proc", reason));
        }
        let daemons = daemons(&host, &mut engines);
        Machine { inputs, host, daemons, engines, gaps }
    }

    /// The facts that the daemon's engine told.
    pub(crate) fn facts(&self, daemon: &Daemon) -> Option<&EngineFacts> {
        self.engines.get(daemon.engine?)
    }

    /// The answer to a question about things of which no engine lists any.
    pub(crate) fn nothing_of(&self, question: &str) -> Answer {
        if self.engines.is_empty() {
            return Answer::not_checked(
                "engines",
                format!("no engine answered, so its {question} are not known"),
            );
        }
        match self.engines.iter().find_map(|engine| engine.silent_about(question)) {
            Some(why) => Answer::not_checked(question, why),
            None => Answer::not_applicable("engines", format!("no engine has {question}")),
        }
    }

    pub(crate) fn info(&self, daemon: &Daemon) -> Option<&Info> {
        self.facts(daemon)?.info.as_ref()
    }

    /// The engines, runtimes and the kernel, by what tells their versions.
    pub(crate) fn components(&self) -> Vec<(Component, String)> {
        let mut components = Vec::new();
        let mut add = |name: &str, version: &str, source: String| {
            if !version.is_empty() {
                components.push((Component { name: name.to_owned(), version: version.to_owned() }, source));
            }
        };
        for engine in &self.engines {
            for component in engine.version.iter().flat_map(|version| &version.components) {
                let name = match component.name.as_str() {
                    "Engine" => "docker",
                    "Podman Engine" => "podman",
                    name @ ("containerd" | "runc" | "crun") => name,
                    _ => continue,
                };
                add(name, &component.version, engine.asked("version"));
            }
            let told = engine.version.iter().filter(|version| version.components.is_empty());
            for version in told {
                add(engine.kind_name(), &version.version, engine.asked("version"));
            }
            if let Some(info) = engine.info.as_ref().filter(|_| engine.version.is_none()) {
                add(engine.kind_name(), &info.server_version, engine.asked("info"));
            }
        }
        if let Ok(release) = self.host.root.text("/proc/sys/kernel/osrelease") {
            add("linux", release.trim(), "/proc/sys/kernel/osrelease".to_owned());
        }
        components.sort();
        components.dedup_by(|one, other| one.0 == other.0);
        components
    }
}

/// Where Docker's socket unit listens, for a daemon that takes its socket from systemd (`fd://`).
pub(crate) fn activated_sockets(host: &Host<'_>) -> Vec<String> {
    let unit = host.unit("docker.socket").ok();
    let streams = unit.iter().flat_map(|unit| unit.values("Socket", "ListenStream")).map(str::to_owned);
    let mut streams: Vec<String> = streams.collect();
    if streams.is_empty() {
        streams.push("/run/docker.sock".to_owned());
    }
    streams
}

/// Each daemon with its settings. One that runs is known by the program that it is, its engine by the socket.
fn daemons(host: &Host<'_>, engines: &mut [EngineFacts]) -> Vec<Daemon> {
    let mut running: Vec<(&Process, Option<u32>, Option<String>)> = Vec::new();
    for process in host.processes.running("dockerd") {
        let uid = effective_uid(host.root, process.pid);
        running.push((process, uid, distrust(host, process, uid)));
    }
    // Who pretends to be the daemon does not take its name and its engine.
    running.sort_by_key(|(_, _, untrusted)| untrusted.is_some());
    let mut daemons: Vec<Daemon> = Vec::new();
    for (process, uid, untrusted) in running {
        let source = format!("command line of process {} ({})", process.pid, process.program);
        let settings = Settings::read(host.root, &command_line(host.root, process.pid), &source);
        let sockets: Vec<String> = settings
            .hosts()
            .iter()
            .flat_map(|address| match address.as_str() {
                address if address.starts_with("fd://") => activated_sockets(host),
                address => vec![address.strip_prefix("unix://").unwrap_or(address).to_owned()],
            })
            .map(|path| normal(&path))
            .collect();
        let is_its = |engine: &EngineFacts| {
            engine.is_docker() && !engine.is_saved && sockets.contains(&normal(&engine.source))
        };
        daemons.push(Daemon {
            name: sockets.first().cloned().unwrap_or_default(),
            settings,
            pid: Some(process.pid),
            uid,
            engine: engines.iter().position(is_its),
            untrusted,
        });
    }
    if daemons.is_empty() {
        daemons.extend(daemon_of_files(host, engines));
    }
    // One that answers and is no process here: on another machine, or in another pid namespace.
    for (index, engine) in engines.iter().enumerate().filter(|(_, engine)| engine.is_docker()) {
        if daemons.iter().all(|daemon| daemon.engine != Some(index)) {
            let (name, settings) = (normal(&engine.source), Settings::unknown());
            let untrusted = Some("where its files are, is not known here".to_owned());
            daemons.push(Daemon { name, settings, pid: None, uid: None, engine: Some(index), untrusted });
        }
    }
    let is_alone = daemons.len() == 1;
    for daemon in &mut daemons {
        daemon.name = match daemon.name.as_str() {
            "" | "/run/docker.sock" => "docker".to_owned(),
            _ if is_alone => "docker".to_owned(),
            socket => format!("docker at {socket}"),
        };
    }
    for index in 0..daemons.len() {
        let (before, after) = daemons.split_at_mut(index);
        if let Some(daemon) = after.first_mut()
            && let Some(pid) = daemon.pid.filter(|_| daemon.untrusted.is_some())
            && before.iter().any(|other| other.name == daemon.name)
        {
            daemon.name = format!("{} (process {pid})", daemon.name);
        }
    }
    for (index, engine) in engines.iter_mut().enumerate() {
        if let Some(daemon) = daemons.iter().find(|daemon| daemon.engine == Some(index)) {
            engine.name.clone_from(&daemon.name);
        }
    }
    daemons
}

/// Why a process is not taken for root's daemon.
fn distrust(host: &Host<'_>, process: &Process, uid: Option<u32>) -> Option<String> {
    let program = &process.program;
    let pid = process.pid;
    let mounts = |pid: u32| host.root.link(&format!("/proc/{pid}/ns/mnt"));
    if let (Ok(own), Ok(its)) = (mounts(1), mounts(pid))
        && own != its
    {
        // Root of a container that sees the host's processes: its paths are other files here.
        return Some(format!("process {pid} sees other files than the host"));
    }
    match (uid, host.root.metadata(program)) {
        (Some(0), _) if !process.is_proven => Some(format!("which program process {pid} is, is not known")),
        (Some(0), Ok(metadata)) if metadata.uid == 0 && metadata.mode & 0o022 == 0 => None,
        (Some(0), Ok(_)) => Some(format!("{program}, which runs as process {pid}, is not root's alone")),
        (Some(0), Err(error)) => Some(format!("{program}, which runs as process {pid}: {error}")),
        (Some(uid), _) => Some(format!("process {pid} is run by user {uid}, not by root")),
        (None, _) => Some(format!("who runs process {pid} is not known")),
    }
}

/// Where the snap of Docker keeps what others keep in /etc/docker.
const SNAP_CONFIG_FILE: &str = "/var/snap/docker/current/config/daemon.json";

/// How the snap starts the daemon.
fn snap_command() -> Vec<String> {
    let words = [
        "dockerd",
        "--group=docker",
        "--exec-root=/run/snap.docker",
        "--data-root=/var/snap/docker/common/var-lib-docker",
        "--config-file=/var/snap/docker/current/config/daemon.json",
    ];
    words.map(str::to_owned).to_vec()
}

/// What would start: by its unit, by its file, or by the answers that were saved.
fn daemon_of_files(host: &Host<'_>, engines: &[EngineFacts]) -> Option<Daemon> {
    let is_of_host = |engine: &EngineFacts| engine.is_docker() && !engine.source.starts_with("tcp://");
    let engine = engines.iter().position(is_of_host);
    let unit = host.docker_unit().ok();
    let is_installed = host.program("dockerd").is_some() || host.root.exists(CONFIG_FILE);
    let is_snap = unit.is_none() && !is_installed && host.root.exists(SNAP_CONFIG_FILE);
    if unit.is_none() && !is_installed && !is_snap && engine.is_none() {
        return None;
    }
    let (command, source) = match &unit {
        Some(unit) => {
            let from =
                unit.drop_ins.iter().fold(unit.path.clone(), |text, path| format!("{text} with {path}"));
            let command = unit.command(host.root);
            // The unit of a snap starts a wrapper, whose arguments are always these.
            match unit.path.ends_with(SNAP_UNIT) {
                true => (snap_command(), from),
                false => (command, from),
            }
        }
        None if is_snap => (snap_command(), "the snap of Docker".to_owned()),
        None => (Vec::new(), String::new()),
    };
    let settings = Settings::read(host.root, &command, &source);
    Some(Daemon { name: String::new(), settings, pid: None, uid: None, engine, untrusted: None })
}
