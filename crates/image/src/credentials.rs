//! Registry credentials: Docker's `config.json`, podman's `auth.json`, credential helpers.
//!
//! Looks them up when a registry asks for them and not before; writes none. Knows no registry protocol and reads no
//! environment variable: the caller names the files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Deserialize;

mod helper;

/// The largest credentials file read; real ones have some kilobytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Docker's key for its own registry.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// A text that no output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes it.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text, to be sent to whom it belongs and nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What to show a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    Anonymous,
    /// User name and password (or personal access token).
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: Secret,
    },
    /// An OAuth 2 refresh token, which `docker login` calls identity token.
    IdentityToken(Secret),
    /// A bearer token for the registry itself, `registrytoken` in Docker's file.
    RegistryToken(Secret),
}

/// Where to look for credentials, in order.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// Given for this run: registry host → credential. They win over files.
    pub given: BTreeMap<String, Credential>,
    /// Docker's and podman's files; those that do not exist are passed over.
    pub files: Vec<PathBuf>,
    /// `PATH` for credential helpers; `None` is the process's own.
    pub helper_path: Option<OsString>,
    /// Whether credential helpers may be started.
    pub helpers: Helpers,
}

/// Whether programs named in a credentials file may be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Helpers {
    /// As Docker does.
    #[default]
    Run,
    /// Only what stands in the files counts.
    Ignore,
}

/// Why credentials could not be looked up.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// A file is there and cannot be read.
    #[error("cannot read credentials from {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file is not what Docker or podman write.
    #[error("{path} is not a credentials file: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// How.
        reason: String,
    },
    /// A helper failed.
    #[error("the credential helper {program} failed")]
    Helper {
        /// `docker-credential-NAME`.
        program: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct RawFile {
    #[serde(default)]
    auths: Option<BTreeMap<String, RawAuth>>,
    #[serde(default)]
    cred_helpers: Option<BTreeMap<String, String>>,
    #[serde(default)]
    creds_store: Option<String>,
}

#[derive(Deserialize, Default, Clone)]
struct RawAuth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl Credentials {
    /// The credential for a repository of a registry (`docker.io`, `library/alpine`); [`Credential::Anonymous`]
    /// where none is recorded.
    ///
    /// # Errors
    /// A file or helper that should know it cannot be used.
    pub fn find(&self, registry: &str, repository: &str) -> Result<Credential, CredentialError> {
        if let Some(given) = self.given.get(registry) {
            return Ok(given.clone());
        }
        for path in &self.files {
            if let Some(found) = self.find_in(path, registry, repository)? {
                return Ok(found);
            }
        }
        Ok(Credential::Anonymous)
    }

    fn find_in(
        &self,
        path: &Path,
        registry: &str,
        repository: &str,
    ) -> Result<Option<Credential>, CredentialError> {
        let Some(file) = read(path)? else {
            return Ok(None);
        };
        let helpers = file.cred_helpers.unwrap_or_default();
        let helper = helpers
            .iter()
            .find_map(|(key, helper)| (host_of(key) == registry).then_some(helper))
            .or(file.creds_store.as_ref())
            .filter(|helper| !helper.is_empty() && self.helpers == Helpers::Run);
        if let Some(helper) = helper {
            let server = if registry == "docker.io" { DOCKER_HUB_KEY } else { registry };
            let found = helper::get(helper, server, self.helper_path.as_deref())?;
            if found.is_some() {
                return Ok(found);
            }
        }
        let malformed =
            |reason: &str| CredentialError::Malformed { path: path.to_owned(), reason: reason.to_owned() };
        match best(&file.auths.unwrap_or_default(), registry, repository) {
            Some(auth) => credential(auth).map_err(malformed),
            None => Ok(None),
        }
    }
}

fn read(path: &Path) -> Result<Option<RawFile>, CredentialError> {
    let unreadable = |source| CredentialError::Unreadable { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    // The parser's message may quote what it choked on; its position is enough.
    serde_json::from_slice(&bytes).map(Some).map_err(|error| CredentialError::Malformed {
        path: path.to_owned(),
        reason: format!("JSON error at line {} column {}", error.line(), error.column()),
    })
}

/// The registry that a key of these files means: `https://index.docker.io/v1/` → `docker.io`.
fn host_of(key: &str) -> &str {
    let path = path_of(key);
    path.split_once('/').map_or(path, |(host, _)| canonical(host))
}

fn canonical(host: &str) -> &str {
    match host {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => "docker.io",
        other => other,
    }
}

fn path_of(key: &str) -> &str {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let key = key.trim_end_matches('/');
    let key = key.strip_suffix("/v1").or_else(|| key.strip_suffix("/v2")).unwrap_or(key);
    canonical(key)
}

/// The entry whose key is the longest prefix of `registry/repository` (containers-auth.json(5)); Docker's keys are
/// hosts alone.
fn best<'a>(auths: &'a BTreeMap<String, RawAuth>, registry: &str, repository: &str) -> Option<&'a RawAuth> {
    let full = format!("{registry}/{repository}");
    let is_prefix =
        |path: &str| full.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    auths
        .iter()
        .map(|(key, auth)| (path_of(key), auth))
        .filter(|(path, _)| is_prefix(path))
        .max_by_key(|(path, _)| path.len())
        .map(|(_, auth)| auth)
}

fn credential(auth: &RawAuth) -> Result<Option<Credential>, &'static str> {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if let Some(token) = filled(&auth.identitytoken) {
        return Ok(Some(Credential::IdentityToken(Secret(token))));
    }
    if let Some(token) = filled(&auth.registrytoken) {
        return Ok(Some(Credential::RegistryToken(Secret(token))));
    }
    if let Some(encoded) = filled(&auth.auth) {
        let bytes = BASE64_STANDARD.decode(encoded.trim()).map_err(|_| "`auth` is not Base64")?;
        let text = String::from_utf8(bytes).map_err(|_| "`auth` is not text")?;
        let (username, password) = text.split_once(':').ok_or("`auth` has no colon")?;
        // Docker pads the password with zero bytes.
        let password = Secret::new(password.trim_end_matches('\0'));
        return Ok(Some(Credential::Basic { username: username.to_owned(), password }));
    }
    match (filled(&auth.username), filled(&auth.password)) {
        (Some(username), Some(password)) => {
            Ok(Some(Credential::Basic { username, password: Secret(password) }))
        }
        _ => Ok(None),
    }
}

/// The files in which Docker and podman keep credentials, in the order to look.
///
/// The arguments are the values of `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG`, `XDG_RUNTIME_DIR`, `XDG_CONFIG_HOME` and
/// `HOME`, where set.
pub fn usual_files(places: &CredentialPlaces<'_>) -> Vec<PathBuf> {
    if let Some(file) = places.registry_auth_file {
        return vec![file.to_owned()];
    }
    let mut files = Vec::new();
    match (places.docker_config, places.home) {
        (Some(directory), _) => files.push(directory.join("config.json")),
        (None, Some(home)) => files.push(home.join(".docker/config.json")),
        (None, None) => {}
    }
    files.extend(places.runtime_dir.map(|directory| directory.join("containers/auth.json")));
    match (places.config_home, places.home) {
        (Some(directory), _) => files.push(directory.join("containers/auth.json")),
        (None, Some(home)) => files.push(home.join(".config/containers/auth.json")),
        (None, None) => {}
    }
    // podman's place for root, whose XDG_RUNTIME_DIR is rarely set.
    files.push(PathBuf::from("/run/containers/0/auth.json"));
    files
}

/// What [`usual_files`] goes by.
#[derive(Debug, Clone, Copy, Default)]
pub struct CredentialPlaces<'a> {
    /// `REGISTRY_AUTH_FILE`: this one file and no other.
    pub registry_auth_file: Option<&'a Path>,
    /// `DOCKER_CONFIG`, a directory.
    pub docker_config: Option<&'a Path>,
    /// `XDG_RUNTIME_DIR`.
    pub runtime_dir: Option<&'a Path>,
    /// `XDG_CONFIG_HOME`.
    pub config_home: Option<&'a Path>,
    /// `HOME`.
    pub home: Option<&'a Path>,
}

#[cfg(test)]
mod tests;
