//! Debian's docker-registry (Distribution) for the time of a test.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it skips"
)]

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A registry with everything it has in a temporary directory, ended with the test.
#[derive(Debug)]
pub struct Distribution {
    process: Child,
    directory: tempfile::TempDir,
    port: u16,
}

impl Drop for Distribution {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Distribution {
    /// Starts one at `address`; `None`, with a word, where it or skopeo, which fills it, is absent. `more` is the rest
    /// of its configuration, in which `ADDRESS` stands for where it listens.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(address: &str, more: impl Fn(&Path) -> String) -> Option<Distribution> {
        for program in ["docker-registry", "skopeo", "setpriv"] {
            let mut command = Command::new(program);
            if command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
                println!("skipped: {program} is not installed");
                return None;
            }
        }
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port();
        let storage = directory.path().join("storage");
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n{}",
            storage.display(),
            more(directory.path()).replace("ADDRESS", &format!("{address}:{port}"))
        );
        std::fs::write(directory.path().join("config.yml"), config).unwrap();
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", "docker-registry", "serve"])
            .arg(directory.path().join("config.yml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let running = Distribution { process, directory, port };
        for _ in 0..100 {
            if TcpStream::connect((address, port)).is_ok() {
                return Some(running);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("docker-registry does not listen");
    }

    /// Where it keeps everything.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }
}
