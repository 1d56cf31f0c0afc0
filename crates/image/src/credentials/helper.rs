//! Credential helpers: `docker-credential-NAME get` (docker/docker-credential-helpers).

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use super::{Credential, CredentialError, Secret};

/// A helper may ask its user to unlock a key; one that hangs must not hang the scan.
const TIMEOUT: Duration = Duration::from_secs(60);
/// A user name and a token; the longest real tokens (JWT) have some 5 kB.
const OUTPUT_BYTES_MAX: u64 = 64 * 1024;
/// docker-credential-helpers `errors.go`: what every helper prints when it has nothing.
const NOT_FOUND: &str = "credentials not found in native keychain";
/// The user name that marks the secret as an identity token.
const TOKEN_USER: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Asks the helper `name` for `server`; `None` when it has nothing.
pub(super) fn get(
    name: &str,
    server: &str,
    path: Option<&OsStr>,
) -> Result<Option<Credential>, CredentialError> {
    let program = format!("docker-credential-{}", name.chars().take(100).collect::<String>());
    let failed = |source| CredentialError::Helper { program: program.clone(), source };
    // A slash would start any program of the machine, not one that is installed as a helper.
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "its name is not one of a helper")));
    }
    let mut command = Command::new(&program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let mut child = command.spawn().map_err(failed)?;
    let answer = converse(&mut child, server);
    // Whatever happened, it is not left behind.
    let _ = child.kill();
    child.wait().map_err(failed)?;
    let output = answer.map_err(failed)?;
    let text = String::from_utf8_lossy(&output);
    if text.trim() == NOT_FOUND {
        return Ok(None);
    }
    let answer: Answer = match serde_json::from_slice(&output) {
        Ok(answer) => answer,
        // What it printed may be a secret in another form, so it is not quoted.
        Err(_) => {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidData, "it printed no credentials")));
        }
    };
    let secret = Secret::new(answer.secret);
    Ok(match (answer.username.as_str(), secret.expose().is_empty()) {
        (_, true) => None,
        (TOKEN_USER, false) => Some(Credential::IdentityToken(secret)),
        (_, false) => Some(Credential::Basic { username: answer.username, password: secret }),
    })
}

/// Gives it the server and reads what it prints, as long as its time lasts.
fn converse(child: &mut Child, server: &str) -> io::Result<Vec<u8>> {
    if let Some(mut input) = child.stdin.take() {
        match input.write_all(server.as_bytes()) {
            // A helper that knows without asking has closed its input.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            other => other?,
        }
    }
    let Some(output) = child.stdout.take() else {
        return Err(io::Error::other("it has no output"));
    };
    let (sender, receiver) = channel();
    thread::Builder::new().name("credential-helper".to_owned()).spawn(move || {
        let mut bytes = Vec::new();
        let read = output.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes).map(|_| bytes);
        // Nobody listens any more when the time is over.
        let _ = sender.send(read);
    })?;
    match receiver.recv_timeout(TIMEOUT) {
        Ok(read) => read,
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time")),
    }
}
