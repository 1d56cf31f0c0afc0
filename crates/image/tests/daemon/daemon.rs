//! A `dockerd` or `containerd` for the time of a test.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Whose daemon it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Docker,
    Containerd,
}

/// A daemon with everything it has in a temporary directory, ended with the test.
pub(crate) struct Daemon {
    pub(crate) kind: Kind,
    process: Child,
    directory: tempfile::TempDir,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It unmounts and ends its containerd when it is asked to end, not when it is killed.
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        for _ in 0..100 {
            if self.process.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Daemon {
    /// `None`, with a word, where none can run. overlayfs is what users have: other drivers, which copy, take whiteouts
    /// otherwise.
    pub(crate) fn start(kind: Kind) -> Option<Daemon> {
        let (server, client) = match kind {
            Kind::Docker => ("dockerd", "docker"),
            Kind::Containerd => ("containerd", "ctr"),
        };
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
        let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
        if !is_root || !is_there(server) || !is_there(client) {
            println!("skipped: it takes root, {server} and {client}");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        let mut command = Command::new(server);
        match kind {
            Kind::Docker => command
                .args(["-H", &format!("unix://{}", at("socket")), "--storage-driver", "overlay2"])
                .args(["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("pid")])
                .args(["--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"]),
            Kind::Containerd => {
                let config = format!(
                    "version = 2\nroot = '{}'\nstate = '{}'\ndisabled_plugins = ['io.containerd.grpc.v1.cri']\n\
                     [grpc]\naddress = '{}'\n",
                    at("data"),
                    at("exec"),
                    at("socket")
                );
                std::fs::write(at("config"), config).unwrap();
                command.args(["-c", &at("config")])
            }
        };
        let log = std::fs::File::create(at("log")).unwrap();
        let process = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut daemon = Daemon { kind, process, directory };
        for _ in 0..300 {
            if daemon.ask(&["version"]).is_ok() {
                return Some(daemon);
            }
            if daemon.process.try_wait().is_ok_and(|ended| ended.is_some()) {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let log = std::fs::read_to_string(daemon.directory.path().join("log")).unwrap_or_default();
        println!("skipped: {server} does not start: {}", log.lines().last().unwrap_or_default());
        None
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// Runs the client.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Result<Vec<u8>, String> {
        let socket = self.path("socket");
        let mut command = match self.kind {
            Kind::Docker => Command::new("docker"),
            Kind::Containerd => Command::new("ctr"),
        };
        match self.kind {
            Kind::Docker => command.args(["-H", &format!("unix://{socket}")]),
            Kind::Containerd => command.args(["-a", &socket]),
        };
        output(command.args(arguments))
    }
}

pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command.output().unwrap();
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}
