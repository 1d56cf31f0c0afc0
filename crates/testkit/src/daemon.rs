//! A `dockerd`, `containerd` or podman service for the time of a test: everything it has is in a temporary directory,
//! and it ends with the test, also with one that fails or is killed.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it skips"
)]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Engines start in seconds; a loaded machine takes some more.
const START_TRIES_MAX: u32 = 300;
const END_TRIES_MAX: u32 = 100;
const TRY_EVERY: Duration = Duration::from_millis(100);

/// Whose daemon it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `dockerd` and `docker`.
    Docker,
    /// `containerd` and `ctr`.
    Containerd,
    /// `podman system service` and `podman --remote`.
    Podman,
}

impl Kind {
    /// The programs of the daemon and of its client.
    fn programs(self) -> (&'static str, &'static str) {
        match self {
            Kind::Docker => ("dockerd", "docker"),
            Kind::Containerd => ("containerd", "ctr"),
            Kind::Podman => ("podman", "podman"),
        }
    }
}

/// How an engine keeps layers. containerd is told with every command instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// A directory for each layer, joined by overlayfs: what users have.
    Overlay,
    /// A copy of the whole tree for each layer, which takes whiteouts otherwise and shows no layer by itself.
    Copies,
}

/// A daemon with everything it has in a temporary directory, ended with the test.
#[derive(Debug)]
pub struct Daemon {
    /// Whose it is.
    pub kind: Kind,
    storage: Storage,
    process: Child,
    directory: tempfile::TempDir,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It unmounts and ends its containerd when it is asked to end, not when it is killed.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let mut tries = 0..END_TRIES_MAX;
        while !self.process.try_wait().is_ok_and(|ended| ended.is_some()) {
            if tries.next().is_none() {
                let _ = self.process.kill();
                let _ = self.process.wait();
                break;
            }
            std::thread::sleep(TRY_EVERY);
        }
        // podman leaves its root mounted on itself, which would keep the directory from being removed.
        for mounted in mounts_below(self.directory.path()) {
            let _ = Command::new("umount").arg("--lazy").arg(mounted).stderr(Stdio::null()).status();
        }
    }
}

/// What is mounted below a directory, the innermost first.
fn mounts_below(directory: &std::path::Path) -> Vec<PathBuf> {
    let table = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let points = table.lines().filter_map(|line| line.split(' ').nth(1)).map(PathBuf::from);
    let mut below: Vec<PathBuf> = points.filter(|point| point.starts_with(directory)).collect();
    below.reverse();
    below
}

impl Daemon {
    /// One with overlayfs; `None`, with a word, where none can run.
    pub fn start(kind: Kind) -> Option<Daemon> {
        Daemon::start_with(kind, Storage::Overlay)
    }

    /// One that keeps layers this way; `None`, with a word, where none can run.
    ///
    /// # Panics
    /// No temporary directory can be had.
    pub fn start_with(kind: Kind, storage: Storage) -> Option<Daemon> {
        Daemon::start_as(kind, storage, |directory| arguments(kind, storage, directory))
    }

    /// A `dockerd` with these arguments and this `daemon.json`, on a network without a bridge unless they say more;
    /// `None`, with a word, where none can run.
    ///
    /// # Panics
    /// No temporary directory can be had.
    pub fn start_docker(more: &[&str], config: &str) -> Option<Daemon> {
        Daemon::start_as(Kind::Docker, Storage::Overlay, |directory| {
            let file = directory.join("daemon.json");
            std::fs::write(&file, config).unwrap();
            let mut words = arguments(Kind::Docker, Storage::Overlay, directory);
            // What stands in both keeps it from starting.
            words.retain(|word| {
                let name = word.trim_start_matches('-').split('=').next().unwrap_or_default();
                !word.starts_with("--") || !config.contains(&format!("\"{name}\""))
            });
            words.extend(["--config-file".to_owned(), file.display().to_string()]);
            words.extend(more.iter().map(|word| (*word).to_owned()));
            words
        })
    }

    fn start_as(
        kind: Kind,
        storage: Storage,
        arguments: impl FnOnce(&std::path::Path) -> Vec<String>,
    ) -> Option<Daemon> {
        let (server, client) = kind.programs();
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
        let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
        if !is_root || !["setpriv", server, client].into_iter().all(is_there) {
            println!("skipped: it takes root, {server}, {client} and setpriv");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        // A test that is killed cannot end anything; the kernel does it for the thread that ran it.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "--", server]).args(arguments(directory.path()));
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut daemon = Daemon { kind, storage, process, directory };
        for _ in 0..START_TRIES_MAX {
            if daemon.ask(&["version"]).is_ok() {
                return Some(daemon);
            }
            if daemon.process.try_wait().is_ok_and(|ended| ended.is_some()) {
                break;
            }
            std::thread::sleep(TRY_EVERY);
        }
        let log = std::fs::read_to_string(daemon.path("log")).unwrap_or_default();
        println!("skipped: {server} does not start: {}", log.lines().last().unwrap_or_default());
        None
    }

    /// How it keeps layers.
    pub fn storage(&self) -> Storage {
        self.storage
    }

    /// A name in its directory.
    pub fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// The variable that tells other programs of its socket, and its value.
    pub fn variable(&self) -> (&'static str, String) {
        let socket = self.path("socket");
        match self.kind {
            Kind::Docker => ("DOCKER_HOST", format!("unix://{socket}")),
            Kind::Containerd => ("CONTAINERD_ADDRESS", socket),
            Kind::Podman => ("CONTAINER_HOST", format!("unix://{socket}")),
        }
    }

    /// Runs the client.
    ///
    /// # Errors
    /// What it says when it fails.
    ///
    /// # Panics
    /// It cannot be run.
    pub fn ask(&self, arguments: &[&str]) -> Result<Vec<u8>, String> {
        let socket = self.path("socket");
        let mut command = Command::new(self.kind.programs().1);
        match self.kind {
            Kind::Docker => command.args(["-H", &format!("unix://{socket}")]),
            Kind::Containerd => command.args(["-a", &socket]),
            Kind::Podman => command.args(["--remote", "--url", &format!("unix://{socket}")]),
        };
        output(command.args(arguments))
    }
}

fn arguments(kind: Kind, storage: Storage, directory: &std::path::Path) -> Vec<String> {
    let at = |name: &str| directory.join(name).display().to_string();
    let socket = format!("unix://{}", at("socket"));
    let driver = |overlay: &str| match storage {
        Storage::Overlay => overlay.to_owned(),
        Storage::Copies => "vfs".to_owned(),
    };
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    match kind {
        Kind::Docker => owned(&[
            "-H",
            &socket,
            "--storage-driver",
            &driver("overlay2"),
            "--data-root",
            &at("data"),
            "--exec-root",
            &at("exec"),
            "--pidfile",
            &at("pid"),
            "--bridge=none",
            "--iptables=false",
            "--ip-forward=false",
            "--ip-masq=false",
        ]),
        Kind::Containerd => {
            let config = format!(
                "version = 2\nroot = '{}'\nstate = '{}'\ndisabled_plugins = ['io.containerd.grpc.v1.cri']\n\
                 [grpc]\naddress = '{}'\n",
                at("data"),
                at("exec"),
                at("socket")
            );
            std::fs::write(at("config"), config).unwrap();
            owned(&["-c", &at("config")])
        }
        Kind::Podman => owned(&[
            "--root",
            &at("data"),
            "--runroot",
            &at("exec"),
            "--storage-driver",
            &driver("overlay"),
            "--cgroup-manager=cgroupfs",
            "--events-backend=file",
            "system",
            "service",
            "--time=0",
            &socket,
        ]),
    }
}

/// What a command writes to stdout.
///
/// # Errors
/// What it writes to stderr when it fails.
///
/// # Panics
/// It cannot be run.
pub fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}
