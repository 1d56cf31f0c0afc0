//! Pulls from registries (OCI distribution-spec, "Pulling manifests", "Pulling blobs"), lists referrers, and pushes small
//! artifacts such as signatures.
//!
//! Anonymous, basic and token logins, mirrors, proxies, plain HTTP for loopback and registries that the user calls
//! insecure. Everything that came by digest has that digest. Keeps nothing on disk and makes no call at all when offline.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use seawall_inventory::{Algorithm, Digest, ImageName};
use ureq::BodyReader;

use crate::credentials::{Credential, Credentials};
use crate::limits::Limits;
use crate::manifest::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, digest_of};

mod auth;
mod blob;
mod error;
mod limits;
mod pace;
mod push;
mod referrers;
mod transport;
mod url;

pub use error::{Failure, RegistryError};
pub use pace::{Pace, TooSlow};
pub use push::Pushed;
pub use referrers::{Referrer, fallback_tag};
pub use transport::{Pause, ProxySettings, SetupError};

use auth::{Access, Authorization, Login, challenges};
use pace::{Paced, Patience};
use transport::{Answer, Method, Request, Transport, Trust, message};
use url::{Scheme, Url, is_loopback};

/// Whether network calls may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Network {
    /// They may.
    #[default]
    Allowed,
    /// Every call is an error before it is made.
    Offline,
}

/// A registry that is asked in place of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The registry it stands for: `docker.io`.
    pub of: String,
    /// `https://mirror.example[:port][/path]`; `http://` where that host is loopback or insecure.
    pub url: String,
}

/// How to reach registries.
#[derive(Clone, Default)]
pub struct RegistryOptions {
    /// Whether to call at all.
    pub network: Network,
    /// Logins.
    pub credentials: Credentials,
    /// `host[:port]` of registries that may speak plain HTTP or show any certificate. Loopback always may.
    pub insecure: BTreeSet<String>,
    /// Mirrors, tried in order before the registry itself.
    pub mirrors: Vec<Mirror>,
    /// PEM files with certificate authorities to trust besides the system's.
    pub ca_files: Vec<PathBuf>,
    /// Proxies.
    pub proxies: ProxySettings,
    /// What manifests may take.
    pub limits: Limits,
    /// How slowly a registry may send.
    pub pace: Pace,
    /// How to wait before a repetition; `None` sleeps.
    pub pause: Option<Pause>,
}

/// A client of all registries; cheap to clone, to be shared between threads.
#[derive(Clone)]
pub struct Registry {
    client: Arc<Client>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registry")
    }
}

/// A manifest or index as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedManifest {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Their digest, which was checked against what was asked for or announced.
    pub digest: Digest,
    /// `Content-Type`.
    pub media_type: String,
}

impl Registry {
    /// Makes a client; calls nobody.
    ///
    /// # Errors
    /// A file of certificate authorities, a proxy or a mirror cannot be used.
    pub fn new(options: RegistryOptions) -> Result<Registry, SetupError> {
        let pause = options.pause.clone().unwrap_or_else(|| Arc::new(thread::sleep));
        let transport = Transport::new(&options.ca_files, &options.proxies, pause, options.pace.clone())?;
        let mut mirrors = Vec::new();
        for mirror in &options.mirrors {
            let url = Url::parse(&mirror.url).ok_or_else(|| SetupError::Mirror(mirror.url.clone()))?;
            if url.path.contains('?') {
                return Err(SetupError::Mirror(mirror.url.clone()));
            }
            mirrors.push((mirror.of.clone(), url));
        }
        let client = Client {
            options,
            transport,
            mirrors,
            schemes: Mutex::default(),
            authorizations: Mutex::default(),
        };
        Ok(Registry { client: Arc::new(client) })
    }

    /// What manifests may take.
    pub fn limits(&self) -> &Limits {
        &self.client.options.limits
    }

    /// The manifest or index that a name means: by its digest if it has one, by its tag otherwise.
    ///
    /// # Errors
    /// It cannot be had, is too large, or has another digest.
    pub fn manifest(&self, name: &ImageName) -> Result<FetchedManifest, RegistryError> {
        let reference = match name.digest() {
            Some(digest) => digest.to_string(),
            None => name.tag().unwrap_or("latest").to_owned(),
        };
        let what = format!("the manifest of {name}");
        let path = format!("manifests/{reference}");
        self.client.anywhere(name, &what, |base| {
            self.client.manifest_at(base, name.repository(), &path, name.digest())
        })
    }

    /// The manifest of a tag of the registry itself: tags beside an image's, such as those of signatures, are its own.
    ///
    /// # Errors
    /// It cannot be had, is too large, or has another digest than announced.
    pub fn tagged_manifest(&self, name: &ImageName, tag: &str) -> Result<FetchedManifest, RegistryError> {
        let what = format!("the tag {tag} of {}/{}", name.registry(), name.repository());
        self.client.at_home(name, &what, |base| {
            let path = format!("manifests/{tag}");
            self.client.manifest_at(base, name.repository(), &path, None)
        })
    }

    /// A small blob, such as a configuration, whole and with the right digest.
    ///
    /// # Errors
    /// It cannot be had, is too large, or has another digest.
    pub fn document(
        &self,
        name: &ImageName,
        digest: &Digest,
        bytes_max: u64,
    ) -> Result<Vec<u8>, RegistryError> {
        let what = format!("blob {digest} of {name}");
        self.client.anywhere(name, &what, |base| {
            let path = format!("blobs/{digest}");
            let answer = self.client.document(base, name.repository(), &path, &[], bytes_max)?;
            let body = accepted(answer)?.body;
            check_digest(&body, digest)?;
            Ok(body)
        })
    }

    /// A blob as a stream that takes itself up again when the connection breaks. Its digest is not checked.
    ///
    /// # Errors
    /// It cannot be had.
    pub fn blob(
        &self,
        name: &ImageName,
        digest: &Digest,
        size_bytes: Option<u64>,
    ) -> Result<Box<dyn Read + Send>, RegistryError> {
        let reader =
            blob::BlobReader::open(Arc::clone(&self.client), name.clone(), digest.clone(), size_bytes)?;
        Ok(Box::new(reader))
    }
}

/// Where a registry (or mirror) is and how to speak to it.
#[derive(Debug, Clone)]
struct Base {
    url: Url,
    trust: Trust,
    /// Under which its login is recorded.
    login: String,
}

struct Client {
    options: RegistryOptions,
    transport: Transport,
    mirrors: Vec<(String, Url)>,
    /// Insecure registries by host and port: what they were found to speak.
    schemes: Mutex<HashMap<String, Scheme>>,
    /// By host and port, repository, and what they allow.
    authorizations: Mutex<HashMap<(String, String, Access), Authorization>>,
}

impl Client {
    /// Asks the mirrors of a name's registry and then itself; its own failure is the one that counts.
    fn anywhere<T>(
        &self,
        name: &ImageName,
        what: &str,
        ask: impl Fn(&Base) -> Result<T, Failure>,
    ) -> Result<T, RegistryError> {
        if self.options.network == Network::Offline {
            return self.at_home(name, what, ask);
        }
        for (_, url) in self.mirrors.iter().filter(|(of, _)| of == name.registry()) {
            let asked = self.base(url.clone(), &url.authority).and_then(|base| ask(&base));
            if let Ok(found) = asked {
                return Ok(found);
            }
        }
        self.at_home(name, what, ask)
    }

    /// Asks a name's registry itself: what is pushed belongs there, and mirrors do not tell of all referrers.
    fn at_home<T>(
        &self,
        name: &ImageName,
        what: &str,
        ask: impl Fn(&Base) -> Result<T, Failure>,
    ) -> Result<T, RegistryError> {
        let failed =
            |failure| RegistryError { what: what.to_owned(), registry: name.registry().to_owned(), failure };
        if self.options.network == Network::Offline {
            return Err(failed(Failure::Offline));
        }
        let authority = match name.registry() {
            "docker.io" => "registry-1.docker.io",
            other => other,
        };
        let url = Url { scheme: Scheme::Https, authority: authority.to_owned(), path: "/".to_owned() };
        self.base(url, name.registry()).and_then(|base| ask(&base)).map_err(failed)
    }

    fn base(&self, mut url: Url, login: &str) -> Result<Base, Failure> {
        let is_insecure = is_loopback(&url.authority) || self.options.insecure.contains(&url.authority);
        let login = login.to_owned();
        if !is_insecure {
            return match url.scheme {
                Scheme::Https => Ok(Base { url, trust: Trust::Verified, login }),
                Scheme::Http => {
                    Err(Failure::Protocol("plain HTTP is for registries listed as insecure".to_owned()))
                }
            };
        }
        url.scheme = self.spoken(&url.authority)?;
        Ok(Base { url, trust: Trust::Insecure, login })
    }

    /// What an insecure registry speaks: TLS if it can, so that a login is not sent in the open without need.
    fn spoken(&self, authority: &str) -> Result<Scheme, Failure> {
        if let Some(scheme) = locked(&self.schemes).get(authority) {
            return Ok(*scheme);
        }
        let url = |scheme| Url { scheme, authority: authority.to_owned(), path: "/v2/".to_owned() };
        let probe = |scheme| {
            let trust = Trust::Insecure;
            let request = Request {
                url: url(scheme),
                trust,
                headers: Vec::new(),
                authorization: None,
                method: Method::Get,
            };
            self.transport.probe(&request)
        };
        let scheme = match probe(Scheme::Https) {
            Ok(_) => Scheme::Https,
            Err(failure @ (Failure::ConnectionRefused | Failure::HostUnknown)) => return Err(failure),
            Err(_) => Scheme::Http,
        };
        locked(&self.schemes).insert(authority.to_owned(), scheme);
        Ok(scheme)
    }

    fn manifest_at(
        &self,
        base: &Base,
        repository: &str,
        path: &str,
        digest: Option<&Digest>,
    ) -> Result<FetchedManifest, Failure> {
        let accept = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST].join(", ");
        let bytes_max = self.options.limits.manifest_bytes_max;
        let answer = self.document(base, repository, path, &[("accept", accept)], bytes_max)?;
        let answer = accepted(answer)?;
        let header =
            |name| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let expected = match digest {
            Some(digest) => Some(digest.clone()),
            None => header("docker-content-digest").parse().ok(),
        };
        let digest = match expected {
            Some(expected) => check_digest(&answer.body, &expected).map(|()| expected)?,
            None => digest_of(Algorithm::Sha256, &answer.body),
        };
        let media_type = header("content-type").split(';').next().unwrap_or_default().trim().to_owned();
        Ok(FetchedManifest { bytes: answer.body, digest, media_type })
    }

    /// The body of a blob from `position` on, for which there is so much patience.
    fn blob_from(
        &self,
        name: &ImageName,
        digest: &Digest,
        position: u64,
        patience: Patience,
    ) -> Result<Paced<BodyReader<'static>>, RegistryError> {
        let what = format!("blob {digest} of {name}");
        self.anywhere(name, &what, |base| {
            let mut headers = vec![("accept-encoding", "identity".to_owned())];
            if position > 0 {
                headers.push(("range", format!("bytes={position}-")));
            }
            let path = format!("blobs/{digest}");
            let send = |request: &Request<'_>| {
                self.transport.stream(request).map(|response| (response.status().as_u16(), response))
            };
            let asked = Asked::get(base, name.repository(), &path, &headers);
            let mut response = self.with_login(&asked, send, |response| response.headers())?;
            let status = response.status().as_u16();
            let mut skipped = 0;
            match status {
                206 => {
                    let range = response.headers().get("content-range").and_then(|value| value.to_str().ok());
                    blob::check_range(range, position)?;
                }
                // A server that knows no ranges begins anew.
                200 => skipped = position,
                _ => return Err(refusal(status, self.transport.refusal(&mut response))),
            }
            let reader = response.into_body().into_with_config().limit(u64::MAX).reader();
            let mut reader = Paced::new(reader, patience);
            std::io::copy(&mut reader.by_ref().take(skipped), &mut std::io::sink())
                .map_err(Failure::of_body)?;
            Ok(reader)
        })
    }

    fn pause(&self, tries: u32) {
        self.transport.pause(tries);
    }

    fn document(
        &self,
        base: &Base,
        repository: &str,
        path: &str,
        headers: &[(&'static str, String)],
        bytes_max: u64,
    ) -> Result<Answer, Failure> {
        let send = |request: &Request<'_>| {
            self.transport.document(request, bytes_max).map(|answer| (answer.status, answer))
        };
        self.with_login(&Asked::get(base, repository, path, headers), send, |answer| &answer.headers)
    }

    /// Sends with the login that worked last, and when that is not enough with a new one.
    fn with_login<T>(
        &self,
        asked: &Asked<'_>,
        send: impl Fn(&Request<'_>) -> Result<(u16, T), Failure>,
        headers: impl Fn(&T) -> &ureq::http::HeaderMap,
    ) -> Result<T, Failure> {
        let access = asked.access();
        let key = (asked.base.url.authority.clone(), asked.repository.to_owned(), access);
        let known = locked(&self.authorizations).get(&key).filter(|known| known.is_fresh()).cloned();
        let (status, answer) = send(&asked.request(known.as_ref()))?;
        if status != 401 {
            return Ok(answer);
        }
        let offered: Vec<_> = headers(&answer)
            .get_all("www-authenticate")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(challenges)
            .collect();
        drop(answer);
        // Without its credentials a public image can still be had; if not, what went wrong is the cause.
        let (credential, cause) = match self.options.credentials.find(&asked.base.login, asked.repository) {
            Ok(credential) => (credential, None),
            Err(error) => (Credential::Anonymous, Some(error)),
        };
        let login = Login {
            transport: &self.transport,
            registry: &asked.base.url,
            trust: asked.base.trust,
            repository: asked.repository,
            access,
            credential: &credential,
        };
        let authorization = match login.answer(&offered) {
            Ok(Some(authorization)) => authorization,
            Ok(None) | Err(Failure::LoginNeeded { .. }) => return Err(Failure::LoginNeeded { cause }),
            Err(failure) => return Err(failure),
        };
        let (status, answer) = send(&asked.request(Some(&authorization)))?;
        match (status, &credential) {
            (401, Credential::Anonymous) => Err(Failure::LoginNeeded { cause }),
            (401, _) => Err(Failure::LoginRefused),
            _ => {
                locked(&self.authorizations).insert(key, authorization);
                Ok(answer)
            }
        }
    }
}

/// A question to a registry about a repository.
struct Asked<'a> {
    base: &'a Base,
    repository: &'a str,
    /// Below the repository: `manifests/latest`; or absolute, where the registry said where to go on.
    path: &'a str,
    headers: &'a [(&'static str, String)],
    method: Method<'a>,
}

impl<'a> Asked<'a> {
    fn get(
        base: &'a Base,
        repository: &'a str,
        path: &'a str,
        headers: &'a [(&'static str, String)],
    ) -> Asked<'a> {
        Asked { base, repository, path, headers, method: Method::Get }
    }

    fn access(&self) -> Access {
        match self.method {
            Method::Get | Method::Head => Access::Pull,
            Method::Form(_) | Method::Post | Method::Patch(_) | Method::Put(_) => Access::Push,
        }
    }

    fn request<'r>(&'r self, authorization: Option<&'r Authorization>) -> Request<'r> {
        let prefix = self.base.url.path.trim_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let path = match self.path.starts_with('/') {
            true => self.path.to_owned(),
            false => format!("/v2/{prefix}{}/{}", self.repository, self.path),
        };
        Request {
            url: Url { path, ..self.base.url.clone() },
            trust: self.base.trust,
            headers: self.headers.to_vec(),
            authorization: authorization.map(|authorization| &authorization.header),
            method: self.method.clone(),
        }
    }
}

fn accepted(answer: Answer) -> Result<Answer, Failure> {
    match answer.status {
        200..=299 => Ok(answer),
        status => Err(refusal(status, message(&answer.body))),
    }
}

fn refusal(status: u16, message: String) -> Failure {
    match status {
        403 => Failure::Forbidden(message),
        404 => Failure::NotFound(message),
        _ => Failure::Status { status, message },
    }
}

fn check_digest(bytes: &[u8], expected: &Digest) -> Result<(), Failure> {
    let found = digest_of(expected.algorithm(), bytes);
    match found == *expected {
        true => Ok(()),
        false => Err(Failure::WrongDigest { expected: expected.clone(), found }),
    }
}

/// A thread that panicked leaves these maps whole.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
