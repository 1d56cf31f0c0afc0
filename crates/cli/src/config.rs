//! The only module that reads the environment: the user, directories, engine sockets, proxies, credentials.

use std::env;
use std::path::{Path, PathBuf};

use seawall_trust::{Secret, provenance};

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// What the environment says, read once.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    home: PathBuf,
    uid: u32,
    cache_home: Option<PathBuf>,
    data_home: Option<PathBuf>,
    database: Option<PathBuf>,
    cache: Option<PathBuf>,
    /// `NO_COLOR` (no-color.org): set and not empty.
    pub(crate) no_color: bool,
    /// `SOURCE_DATE_EPOCH` (reproducible-builds.org) instead of the clock.
    now: Timestamp,
    /// The same, where it is not the clock's.
    fixed: Option<Timestamp>,
    /// `SEAWALL_KEY_PASSWORD`, or `COSIGN_PASSWORD`; an empty one is one.
    key_password: Option<Secret>,
    /// `SEAWALL_PKCS11_PIN`, or `COSIGN_PKCS11_PIN`, of the token that holds a key.
    pin: Option<Secret>,
    /// Everything the engine sockets and registry clients may need, by name.
    variables: Vec<(&'static str, String)>,
}

/// The variables that [`Config::variable`] may be asked for, besides those of build platforms.
const VARIABLES: &[&str] = &[
    "SEAWALL_LEAKS_KEY",
    "DOCKER_HOST",
    "CONTAINER_HOST",
    "CONTAINERD_ADDRESS",
    "DOCKER_CONFIG",
    "REGISTRY_AUTH_FILE",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "SSL_CERT_FILE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "PATH",
    "SEAWALL_PKCS11_MODULE",
    "COSIGN_PKCS11_MODULE_PATH",
    "VAULT_ADDR",
    "VAULT_CACERT",
    "VAULT_NAMESPACE",
    "BAO_ADDR",
    "BAO_CACERT",
    "BAO_NAMESPACE",
    "TRANSIT_SECRET_ENGINE_PATH",
];

impl Config {
    pub(crate) fn from_environment() -> Config {
        let path = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let variable =
            |name: &&'static str| env::var(name).ok().filter(|v| !v.is_empty()).map(|value| (*name, value));
        let secret = |names: [&str; 2]| {
            names.iter().find_map(env::var_os).map(|value| Secret::new(value.into_encoded_bytes()))
        };
        let epoch = env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.parse().ok());
        let fixed = epoch.and_then(|seconds| Timestamp::from_second(seconds).ok());
        Config {
            home: path("HOME").unwrap_or_else(|| PathBuf::from("/")),
            uid: rustix::process::getuid().as_raw(),
            cache_home: path("XDG_CACHE_HOME"),
            data_home: path("XDG_DATA_HOME"),
            database: path("SEAWALL_DB"),
            cache: path("SEAWALL_CACHE"),
            no_color: env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            now: fixed.unwrap_or_else(Timestamp::now),
            fixed,
            key_password: secret(["SEAWALL_KEY_PASSWORD", "COSIGN_PASSWORD"]),
            pin: secret(["SEAWALL_PKCS11_PIN", "COSIGN_PKCS11_PIN"]),
            variables: VARIABLES.iter().chain(provenance::VARIABLES).filter_map(variable).collect(),
        }
    }

    /// The advisory database: `SEAWALL_DB`, or below the user's data directory.
    pub(crate) fn database(&self, given: Option<&Path>) -> PathBuf {
        let data = || self.data_home.clone().unwrap_or_else(|| self.home.join(".local/share"));
        given
            .map(Path::to_owned)
            .or_else(|| self.database.clone())
            .unwrap_or_else(|| data().join("seawall/db"))
    }

    /// The cache of layer facts: `SEAWALL_CACHE`, or below the user's cache directory.
    pub(crate) fn cache(&self, given: Option<&Path>) -> PathBuf {
        let cache = || self.cache_home.clone().unwrap_or_else(|| self.home.join(".cache"));
        given.map(Path::to_owned).or_else(|| self.cache.clone()).unwrap_or_else(|| cache().join("seawall"))
    }

    /// The user's number, for the sockets below `/run/user`.
    pub(crate) fn uid(&self) -> u32 {
        self.uid
    }

    /// The user's home directory.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// The time of this run.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The time while it runs, for commands that do not end.
    pub(crate) fn clock(&self) -> impl Fn() -> Timestamp + Send + Sync + 'static {
        let fixed = self.fixed;
        move || fixed.unwrap_or_else(Timestamp::now)
    }

    /// The date of this run, UTC.
    pub(crate) fn today(&self) -> Date {
        TimeZone::UTC.to_datetime(self.now).date()
    }

    /// The password of a key file, where it is given.
    pub(crate) fn key_password(&self) -> Option<&Secret> {
        self.key_password.as_ref()
    }

    /// The PIN of a token, where it is given.
    pub(crate) fn pin(&self) -> Option<&Secret> {
        self.pin.as_ref()
    }

    /// A variable that the user's own configuration names as the place of a token or password.
    pub(crate) fn secret(&self, name: &str) -> Option<String> {
        env::var(name).ok().filter(|value| !value.is_empty())
    }

    /// What a process that starts elsewhere needs of the environment to reach registries as this one does.
    pub(crate) fn for_registries(&self) -> Vec<String> {
        const NAMES: [&str; 9] = [
            "DOCKER_CONFIG",
            "REGISTRY_AUTH_FILE",
            "SSL_CERT_FILE",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "NO_PROXY",
            "http_proxy",
            "https_proxy",
            "no_proxy",
        ];
        let named = self.variables.iter().filter(|(name, _)| NAMES.contains(name));
        let mut all: Vec<String> = named.map(|(name, value)| format!("{name}={value}")).collect();
        all.push(format!("HOME={}", self.home.display()));
        all
    }

    /// The first of several variables that is set and not empty.
    pub(crate) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.variable(name))
    }

    /// An environment variable that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}
