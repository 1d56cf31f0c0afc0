//! The section `admission` of the policy file, and everything else of it that decides whether an image may run.

use std::cell::RefCell;
use std::fmt;
use std::path::Path;

use globset::{Glob, GlobMatcher};
use jiff::{SignedDuration, Timestamp};
use seawall_finding::Severity;
use seawall_image::manifest::digest_of;
use seawall_inventory::{Algorithm, Digest};
use seawall_policy::Policy;
use seawall_trust::requirement::Requirements;
use serde::{Deserialize, Serialize};

use crate::claims::{Claim, ClaimText};
use crate::limits::CACHE_MINUTES_MAX;

/// Why a policy cannot be used for admission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot use the policy for admission: {0}")]
pub struct SettingsError(String);

/// What is done about an image that is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It does not run.
    #[default]
    Enforce,
    /// It runs, and whoever asks is told.
    Warn,
    /// It runs, and only our log is told. Nothing is changed.
    Audit,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mode::Enforce => "enforce",
            Mode::Warn => "warn",
            Mode::Audit => "audit",
        })
    }
}

/// Whether something that a signature cannot cover is let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grant {
    /// It is not.
    #[default]
    Deny,
    /// It is.
    Allow,
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// Docker's authorization plugin.
    Docker,
    /// containerd's image verifier.
    Containerd,
    /// podman's hook.
    Podman,
    /// The API server.
    Kubernetes,
    /// A command line.
    Command,
}

/// Where a workload is to run, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Who asks.
    pub engine: Engine,
    /// Of Kubernetes.
    pub namespace: Option<String>,
    /// Whom the engine or the API server has authenticated.
    pub user: Option<String>,
}

/// What Docker's API may be used for besides running images. Each of these runs code that no signature covers, or can
/// switch the plugin off.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct DockerSettings {
    /// `docker build`: its steps run in containers of whatever `FROM` names.
    pub build: Grant,
    /// Managed plugins, which run beside the daemon with its rights.
    pub plugins: Grant,
    /// Swarm: a manager elsewhere decides what runs here.
    pub swarm: Grant,
    /// `--privileged`, the host's processes, devices, and capabilities that amount to it.
    pub privileged: Grant,
    /// Paths of the host that no container may have, besides the plugin's own.
    pub protected: Vec<String>,
}

/// A scope as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeText {
    #[serde(default)]
    engines: Vec<Engine>,
    #[serde(default)]
    namespaces: Vec<String>,
    #[serde(default)]
    users: Vec<String>,
    mode: Mode,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Section {
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    scopes: Vec<ScopeText>,
    #[serde(default = "yes")]
    pin: bool,
    #[serde(default = "hour")]
    cache_minutes: u32,
    #[serde(default)]
    docker: DockerSettings,
    #[serde(default)]
    attestations: Vec<ClaimText>,
}

fn yes() -> bool {
    true
}

fn hour() -> u32 {
    60
}

/// The policy file; its other sections are read by those whose they are.
#[derive(Deserialize)]
struct File {
    admission: Option<Section>,
}

#[derive(Debug, Clone)]
struct Scope {
    engines: Vec<Engine>,
    namespaces: Vec<GlobMatcher>,
    users: Vec<GlobMatcher>,
    mode: Mode,
}

impl Scope {
    fn covers(&self, place: &Place) -> bool {
        // A scope that names namespaces is not about what has none.
        let any = |globs: &[GlobMatcher], text: Option<&String>| {
            globs.is_empty() || text.is_some_and(|text| globs.iter().any(|glob| glob.is_match(text)))
        };
        (self.engines.is_empty() || self.engines.contains(&place.engine))
            && any(&self.namespaces, place.namespace.as_ref())
            && any(&self.users, place.user.as_ref())
    }
}

/// Everything of a policy file that decides about admission.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who must have signed what.
    pub requirements: Requirements,
    /// The waivers: break-glass with an owner and an end.
    pub policy: Policy,
    /// Whether names are replaced by digests, and names without digest are refused where they cannot be replaced.
    pub pin: Pin,
    /// How long a verified image is remembered.
    pub cache_for: SignedDuration,
    /// What Docker's API may be used for.
    pub docker: DockerSettings,
    /// The digest of the file and of all files that it names.
    pub digest: Digest,
    pub(crate) claims: Vec<Claim>,
    mode: Mode,
    scopes: Vec<Scope>,
}

/// Whether what runs must be what was verified, or only be called so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// By digest.
    Digest,
    /// A tag may move between the decision and the pull.
    Name,
}

impl Settings {
    /// Reads a policy file, of this name. Files that it names are read by `open`; notation's configuration lies below
    /// `directory`.
    ///
    /// # Errors
    /// The file or one that it names cannot be used.
    pub fn read(
        text: &str,
        name: &str,
        directory: Option<&Path>,
        open: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Settings, SettingsError> {
        let mut policy = Policy::default();
        policy.add_text(text, name).map_err(SettingsError)?;
        // Whoever enforces wants everything that is missing denied; waivers are the exceptions.
        policy.fail_on = Some(Severity::Unknown);
        let all = RefCell::new(text.as_bytes().to_vec());
        let noting = |path: &str| {
            let text = open(path)?;
            // With lengths, so that two files cannot be taken for two others.
            all.borrow_mut().extend((text.len() as u64).to_le_bytes());
            all.borrow_mut().extend(text.as_bytes());
            Ok(text)
        };
        let requirements = Requirements::read_beside(text, directory, &noting)
            .map_err(|error| SettingsError(error.to_string()))?;
        // Notation's policy and stores are read elsewhere; this has every byte of them.
        let notations: Vec<_> = requirements.0.iter().filter_map(|entry| entry.notation.as_ref()).collect();
        all.borrow_mut().extend(format!("{notations:?}").into_bytes());
        let file: File = serde_saphyr::from_str(text).map_err(|error| SettingsError(error.to_string()))?;
        let section = file.admission.unwrap_or(Section {
            mode: Mode::Enforce,
            scopes: Vec::new(),
            pin: true,
            cache_minutes: hour(),
            docker: DockerSettings::default(),
            attestations: Vec::new(),
        });
        if section.cache_minutes > CACHE_MINUTES_MAX {
            return Err(SettingsError(format!("`cache-minutes` is more than {CACHE_MINUTES_MAX}")));
        }
        if let Some(path) = section.docker.protected.iter().find(|path| !path.starts_with('/')) {
            return Err(SettingsError(format!("`{path}` in `protected` is no absolute path")));
        }
        let scopes =
            section.scopes.into_iter().map(scope).collect::<Result<_, _>>().map_err(SettingsError)?;
        let claims = section.attestations.into_iter().map(Claim::read).collect::<Result<_, _>>();
        Ok(Settings {
            claims: claims.map_err(SettingsError)?,
            requirements,
            policy,
            pin: if section.pin { Pin::Digest } else { Pin::Name },
            cache_for: SignedDuration::from_mins(i64::from(section.cache_minutes)),
            docker: section.docker,
            digest: digest_of(Algorithm::Sha256, &all.into_inner()),
            mode: section.mode,
            scopes,
        })
    }

    /// What requires this everywhere, with these waivers.
    pub fn of(requirements: Requirements, policy: Policy) -> Settings {
        Settings {
            claims: Vec::new(),
            requirements,
            policy: Policy { fail_on: Some(Severity::Unknown), ..policy },
            pin: Pin::Digest,
            cache_for: SignedDuration::from_mins(i64::from(hour())),
            docker: DockerSettings::default(),
            digest: digest_of(Algorithm::Sha256, b""),
            mode: Mode::Enforce,
            scopes: Vec::new(),
        }
    }

    /// What holds in a place: the first scope that covers it counts.
    pub fn mode(&self, place: &Place) -> Mode {
        self.scopes.iter().find(|scope| scope.covers(place)).map_or(self.mode, |scope| scope.mode)
    }

    /// When a verification of now must be made again at the latest.
    pub(crate) fn until(&self, now: Timestamp) -> Timestamp {
        now.checked_add(self.cache_for).unwrap_or(now)
    }
}

fn scope(text: ScopeText) -> Result<Scope, String> {
    let globs = |texts: &[String]| {
        let glob = |text: &String| Glob::new(text).map(|glob| glob.compile_matcher());
        texts.iter().map(glob).collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())
    };
    let (namespaces, users) = (globs(&text.namespaces)?, globs(&text.users)?);
    Ok(Scope { engines: text.engines, namespaces, users, mode: text.mode })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(admission: &str) -> Result<Settings, String> {
        let text = format!("version: 1\n{admission}");
        Settings::read(&text, "policy", None, &|_| Err("no files".to_owned()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_scope_that_covers_counts() {
        let settings = read(
            "admission:\n  scopes:\n  - {namespaces: ['dev-*'], users: [root], mode: audit}\n  \
             - {engines: [kubernetes], namespaces: ['dev-*'], mode: warn}\n  - {engines: [docker], mode: audit}\n",
        )
        .unwrap();
        let check = |engine, namespace: Option<&str>, user: Option<&str>, expected| {
            let owned = |text: &str| text.to_owned();
            let place = Place { engine, namespace: namespace.map(owned), user: user.map(owned) };
            assert_eq!(settings.mode(&place), expected, "{place:?}");
        };
        check(Engine::Kubernetes, Some("dev-a"), Some("me"), Mode::Warn);
        check(Engine::Kubernetes, Some("dev-a"), Some("root"), Mode::Audit);
        check(Engine::Kubernetes, Some("prod"), Some("root"), Mode::Enforce);
        check(Engine::Kubernetes, None, None, Mode::Enforce);
        check(Engine::Podman, Some("dev-a"), None, Mode::Enforce);
        check(Engine::Docker, None, None, Mode::Audit);
    }

    #[test]
    fn a_slip_in_the_section_is_an_error() {
        for text in [
            "admission: {mode: off}\n",
            "admission: {scope: []}\n",
            "admission: {cache-minutes: 100000000}\n",
            "admission: {docker: {build: yes}}\n",
            "admission: {docker: {protected: [etc]}}\n",
            "admission: {scopes: [{namespaces: ['[']}]}\n",
            "admission: {scopes: [{namespaces: ['[a'], mode: warn}]}\n",
            "admissions: {}\n",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(read("").unwrap().pin, Pin::Digest);
    }

    #[test]
    fn the_digest_is_that_of_every_file() {
        let with = |key: &str| {
            let text = "version: 1\ntrust: [{images: [a.b/c], keys: [our.pub]}]\n";
            Settings::read(text, "policy", None, &|_| Ok(key.to_owned())).map(|settings| settings.digest)
        };
        let pem = |key: seawall_trust::PrivateKey| key.public().to_pem();
        let key = || pem(seawall_trust::PrivateKey::generate(seawall_trust::KeyAlgorithm::P256).unwrap());
        let (one, other) = (key(), key());
        assert_eq!(with(&one), with(&one));
        assert_ne!(with(&one).unwrap(), with(&other).unwrap());
    }
}
