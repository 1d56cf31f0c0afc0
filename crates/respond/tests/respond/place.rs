//! A responder with directories of its own, findings to answer, and processes and containers to answer them on.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use seawall_engine::{Endpoint, EngineKind};
use seawall_finding::{
    Confidence, ContainerIdentity, Evidence, Finding, Happened, ProcessIdentity, Severity, Subject,
};
use seawall_inventory::Place as FindingPlace;
use seawall_policy::{Judged, Policy, Requested, Response, ResponseSettings, Sink, Verdict};
use seawall_respond::{DenySupport, Mode, Options, Receipt, Recent, Responder, Roots};
use seawall_testkit::{Compression, Daemon, Image, Kind, Tar, output};

/// Longer than any response takes on a loaded machine.
const WAIT: Duration = Duration::from_secs(60);

pub(crate) struct Place {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) roots: Roots,
    /// Stands for Seawall, so that this test's own children are not Seawall's.
    pub(crate) seawall: Sleeper,
}

impl Place {
    pub(crate) fn new(engines: Vec<Endpoint>) -> Place {
        Place {
            directory: tempfile::tempdir().unwrap(),
            roots: Roots::of_this_machine(engines),
            seawall: Sleeper::start(),
        }
    }

    pub(crate) fn receipts(&self) -> PathBuf {
        self.directory.path().join("receipts")
    }

    pub(crate) fn options(&self, mode: Mode, policy: &str) -> Options {
        Options {
            mode,
            settings: settings(policy),
            wanted: Vec::new(),
            deny: DenySupport::None("this is a test".to_owned()),
            receipts: self.receipts(),
            evidence: self.directory.path().join("evidence"),
            roots: self.roots.clone(),
            own_process: self.seawall.pid(),
            recent: Arc::new(Recent::default()),
            release: None,
            tell: None,
        }
    }

    /// A responder under this `respond:` part of a policy.
    pub(crate) fn responder(&self, mode: Mode, policy: &str) -> Acting {
        Acting::new(self.options(mode, policy))
    }
}

pub(crate) fn settings(policy: &str) -> ResponseSettings {
    let mut whole = Policy::default();
    if !policy.is_empty() {
        whole.add_text(&format!("version: 1\nrespond: {policy}\n"), "policy").unwrap();
    }
    whole.respond
}

/// A responder that is waited for.
pub(crate) struct Acting {
    pub(crate) responder: Responder,
    told: Receiver<Receipt>,
}

impl Acting {
    pub(crate) fn new(mut options: Options) -> Acting {
        let (sender, told) = channel();
        let sender = Mutex::new(sender);
        options.tell = Some(Arc::new(move |receipt: &Receipt| {
            let _ = sender.lock().unwrap().send(receipt.clone());
        }));
        Acting { responder: Responder::new(options).unwrap(), told }
    }

    /// The receipts of one finding.
    pub(crate) fn answer(&mut self, judged: &Judged) -> Vec<Receipt> {
        self.responder.take(judged).unwrap();
        let parts = |requested: &Requested| if requested.response == Response::Quarantine { 3 } else { 1 };
        let count: usize = judged.responses.iter().map(parts).sum();
        (0..count).map(|_| self.told.recv_timeout(WAIT).unwrap()).collect()
    }

    /// The one receipt of a response to this process and container.
    pub(crate) fn respond(
        &mut self,
        response: Response,
        process: Option<ProcessIdentity>,
        container: Option<ContainerIdentity>,
    ) -> Receipt {
        self.answer(&judged(&[response], process, container)).remove(0)
    }
}

pub(crate) fn judged(
    responses: &[Response],
    process: Option<ProcessIdentity>,
    container: Option<ContainerIdentity>,
) -> Judged {
    let happened = Happened { process, container, rule: "A shell".to_owned(), ..Happened::default() };
    let finding = Finding {
        rule: "a-shell".to_owned(),
        subject: Subject::Host { name: "here".to_owned() },
        place: FindingPlace::default(),
        severity: Severity::High,
        confidence: Confidence::High,
        summary: "a shell \u{1b}[31mred".to_owned(),
        evidence: Evidence::Happened(Box::new(happened)),
        remedy: String::new(),
        references: Vec::new(),
        controls: Vec::new(),
    };
    let by = |response: &Response| Requested { response: *response, by: "c".to_owned(), rehearse: false };
    Judged {
        fingerprint: finding.fingerprint(),
        finding,
        verdict: Verdict::Deny,
        reasons: Vec::new(),
        responses: responses.iter().map(by).collect(),
        waived: None,
    }
}

/// A process that does nothing, ended with the test.
pub(crate) struct Sleeper(Child);

impl Sleeper {
    pub(crate) fn start() -> Sleeper {
        Sleeper::of(Command::new("sleep").arg("600"))
    }

    pub(crate) fn of(command: &mut Command) -> Sleeper {
        Sleeper(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until it is so.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < WAIT, "{what}: not within {WAIT:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn is_root() -> bool {
    let is_root = rustix::process::getuid().is_root();
    if !is_root {
        println!("skipped: it takes root");
    }
    is_root
}

/// A busybox that sleeps.
fn image() -> Option<Image> {
    let base =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/images/busybox-glibc-amd64.tar.gz");
    if !base.exists() {
        println!("skipped: there is no {}", base.display());
        return None;
    }
    let busybox = output(Command::new("gzip").arg("-dc").arg(&base)).unwrap();
    let image = Image::new().stored_layer(busybox, Compression::Plain).layer(Tar::new().directory("data"));
    Some(image.tag("docker.io/library/seawall-respond:1").configure(|config| {
        config["config"]["Cmd"] = serde_json::json!(["sleep", "600"]);
    }))
}

/// An engine with that image.
pub(crate) fn engine(kind: Kind) -> Option<Daemon> {
    let image = image()?;
    let daemon = Daemon::start(kind)?;
    std::fs::write(daemon.path("archive"), image.docker_archive()).unwrap();
    match kind {
        Kind::Docker | Kind::Podman => daemon.ask(&["load", "-q", "-i", &daemon.path("archive")]).unwrap(),
        Kind::Containerd => daemon.ask(&["images", "import", &daemon.path("archive")]).unwrap(),
    };
    Some(daemon)
}

pub(crate) fn endpoint(daemon: &Daemon) -> Endpoint {
    let kind = match daemon.kind {
        Kind::Docker => EngineKind::Docker,
        Kind::Podman => EngineKind::Podman,
        Kind::Containerd => EngineKind::Containerd,
    };
    Endpoint::unix(kind, daemon.path("socket"))
}

/// A container that runs, and its main process; `None`, with a word, where the engine cannot run any.
pub(crate) fn container(daemon: &Daemon, name: &str, more: &[&str]) -> Option<(ContainerIdentity, u32)> {
    let reference = "docker.io/library/seawall-respond:1";
    let started = match daemon.kind {
        Kind::Docker | Kind::Podman => {
            let run =
                ["run", "-d", "--network=none", "--cgroupns=host", "--stop-signal=KILL", "--name", name];
            daemon.ask(&[&run[..], more, &[reference]].concat())
        }
        Kind::Containerd => daemon.ask(&["run", "-d", reference, name, "sleep", "600"]),
    };
    let id = match started {
        Ok(id) => String::from_utf8(id).unwrap().trim().to_owned(),
        Err(error) => {
            println!("skipped: {:?} cannot run containers here: {error}", daemon.kind);
            return None;
        }
    };
    let id = if daemon.kind == Kind::Containerd { name.to_owned() } else { id };
    let engine = endpoint(daemon).kind.name().to_owned();
    let identity = ContainerIdentity { id, engine, ..ContainerIdentity::default() };
    let pid = match daemon.kind {
        Kind::Docker | Kind::Podman => {
            let asked = daemon.ask(&["inspect", "--format", "{{.State.Pid}}", name]).unwrap();
            String::from_utf8(asked).unwrap().trim().parse().unwrap()
        }
        Kind::Containerd => {
            let tasks = String::from_utf8(daemon.ask(&["tasks", "ls"]).unwrap()).unwrap();
            let line = tasks.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        }
    };
    Some((identity, pid))
}
