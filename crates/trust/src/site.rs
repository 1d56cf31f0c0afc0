//! A site's own trust without internet, in one directory: a root, an authority below it that certifies signers for some
//! minutes, a transparency log, a log of certificates and a time-stamp authority. What it signs verifies with any client of
//! sigstore's, given the site's `trusted_root.json`.
//!
//! Whoever has the directory and its password can sign as anybody: both belong on the machine that builds, and the root's
//! key, which only rotation needs, elsewhere. The logs are this machine's word; nobody else watches them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use crate::beside::Beside;
use crate::bundle::{Bundle, Content};
use crate::certificate::crl::RevocationList;
use crate::certificate::issue::{IssueError, Issuer, Role, Template};
use crate::certificate::{Certificate, CertificateError};
use crate::key::{KeyAlgorithm, KeyError, PrivateKey, encrypted};
use crate::limits::SITE_FILE_BYTES_MAX;
use crate::secret::Secret;
use crate::trusted_root::{Authority, LogKey, Period, RootError, TrustedRoot};
use crate::{der, pem, timestamp};

mod log;

/// Hours for which the certificates hold: some twenty years, and some five.
const ROOT_HOURS: i64 = 20 * 365 * 24;
const AUTHORITY_HOURS: i64 = 5 * 365 * 24;
/// Minutes for which a signer's certificate holds, as Fulcio's do.
const SIGNER_MINUTES: i64 = 10;
/// Hours until a newer list of revoked certificates is due.
const LIST_HOURS: i64 = 365 * 24;

const ABOUT: &str = "site.json";
const TRUSTED_ROOT: &str = "trusted_root.json";
const ROOT_KEY: &str = "root.key";
const ROOT: &str = "root.pem";
const ONLINE_KEYS: &str = "online.key";
const AUTHORITY: &str = "ca.pem";
const STAMP: &str = "tsa.pem";
const LOG: &str = "log";
const ISSUED: &str = "issued";
const REVOKED: &str = "crl.pem";
const KEYS_LABEL: &str = "ENCRYPTED SEAWALL KEYS";

/// Why a site did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// A file.
    #[error("cannot {what} {path}")]
    File {
        /// `read`, `write`.
        what: &'static str,
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{0} is not what a site keeps there")]
    Broken(String),
    /// The log has no more room.
    #[error("the log {0} is full; begin a new one: seawall trust rotate --part log")]
    Full(String),
    /// A key.
    #[error("cannot use a key of the site")]
    Key(#[from] KeyError),
    /// A certificate was not issued.
    #[error("cannot issue a certificate")]
    Issue(#[from] IssueError),
    /// A certificate of the site.
    #[error("cannot use a certificate of the site")]
    Certificate(#[from] CertificateError),
    /// The trusted root of the site.
    #[error("cannot use the site's trusted root")]
    Root(#[from] RootError),
    /// Nothing was issued to revoke.
    #[error("the site certified nobody called `{0}`")]
    NotIssued(String),
    /// A name that cannot be one.
    #[error("`{0}` is neither a mail address nor an address with ://")]
    Identity(String),
    /// A time beyond the calendar.
    #[error("the clock is beyond the calendar")]
    Clock,
}

impl SiteError {
    fn file(what: &'static str, path: &Path, source: io::Error) -> SiteError {
        SiteError::File { what, path: path.display().to_string(), source }
    }
}

/// What can be made new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The authority for signers.
    Authority,
    /// The time-stamp authority.
    Stamp,
    /// The transparency log, which begins anew.
    Log,
    /// The log of certificates.
    CertificateLog,
}

/// What the site is called.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct About {
    version: u32,
    name: String,
    /// Who vouches for identities, as certificates say it.
    issuer: String,
    /// Logs that were closed; each has its file.
    logs_closed: u32,
}

/// The keys that signing needs, in the order in which they are kept.
struct Online {
    authority: PrivateKey,
    stamp: PrivateKey,
    log: PrivateKey,
    certificate_log: PrivateKey,
    /// Of authorities that were replaced: they sign nothing but lists of what they revoked.
    former: Vec<PrivateKey>,
}

/// A site.
pub struct Site {
    directory: PathBuf,
    about: About,
    online: Online,
}

/// Somebody whom the site certified for some minutes, to sign with.
pub struct Issued<'s> {
    site: &'s Site,
    pub(crate) key: PrivateKey,
    pub(crate) certificate: Certificate,
    at: Timestamp,
}

/// A line of the record of what was issued.
#[derive(Serialize, Deserialize)]
struct Record {
    serial: String,
    identity: String,
    /// The digest of its authority's key.
    authority: String,
    at: Timestamp,
}

impl std::fmt::Debug for Issued<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "certificate {}", self.serial())
    }
}

impl Site {
    /// Makes a site in a directory that is not there yet.
    ///
    /// # Errors
    /// The directory is there, or cannot be written.
    pub fn init(directory: &Path, name: &str, password: &Secret, now: Timestamp) -> Result<Site, SiteError> {
        let now = whole_second(now)?;
        fs::create_dir(directory).map_err(|error| SiteError::file("make", directory, error))?;
        let host: String =
            name.to_ascii_lowercase().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let about = About {
            version: 1,
            name: name.to_owned(),
            issuer: format!("https://{host}.seawall.local"),
            logs_closed: 0,
        };
        let root_key = new_key()?;
        let root = Template {
            subject: Some((name, "root")),
            key: root_key.public(),
            valid: valid(now, ROOT_HOURS)?,
            role: Role::Root { below: 1 },
        };
        let root = root.issue(Issuer::Itself(&root_key), None)?;
        let online = Online {
            authority: new_key()?,
            stamp: new_key()?,
            log: new_key()?,
            certificate_log: new_key()?,
            former: Vec::new(),
        };
        let site = Site { directory: directory.to_owned(), about, online };
        site.write(ROOT_KEY, 0o600, &root_key.to_encrypted_pem(password)?)?;
        site.write(ROOT, 0o644, &root.to_pem())?;
        site.write_about()?;
        site.write_keys(password)?;
        fs::create_dir(directory.join(LOG)).map_err(|error| SiteError::file("make", directory, error))?;
        let authority = site.authority(Part::Authority, &root, &root_key, now)?;
        let stamp = site.authority(Part::Stamp, &root, &root_key, now)?;
        let believed =
            |certificate| Authority { certificates: vec![certificate, root.clone()], valid: since(now) };
        let trusted = TrustedRoot {
            logs: vec![LogKey::new(site.online.log.public().clone(), now)],
            certificate_logs: vec![LogKey::new(site.online.certificate_log.public().clone(), now)],
            authorities: vec![believed(authority)],
            timestamp_authorities: vec![believed(stamp)],
            ..TrustedRoot::default()
        };
        site.write(TRUSTED_ROOT, 0o644, &trusted.write(&site.about.issuer))?;
        site.write_lists(&[], now)?;
        Ok(site)
    }

    /// Opens a site.
    ///
    /// # Errors
    /// It is none, or the password is wrong.
    pub fn open(directory: &Path, password: &Secret) -> Result<Site, SiteError> {
        let broken = |name: &str| SiteError::Broken(directory.join(name).display().to_string());
        let about: About = crate::json::read(&read(&directory.join(ABOUT))?).map_err(|_| broken(ABOUT))?;
        if about.version != 1 {
            return Err(broken(ABOUT));
        }
        let text = read_text(&directory.join(ONLINE_KEYS))?;
        let blocks = pem::blocks(&text).map_err(|_| broken(ONLINE_KEYS))?;
        let [block] = blocks.as_slice() else { return Err(broken(ONLINE_KEYS)) };
        let opened = encrypted::open(&block.bytes, password)?;
        let mut reader = der::sequence(opened.expose()).map_err(|_| broken(ONLINE_KEYS))?;
        let mut keys = Vec::new();
        while !reader.is_empty() {
            let element = reader.expect(der::OCTET_STRING).map_err(|_| broken(ONLINE_KEYS))?;
            keys.push(PrivateKey::from_pkcs8(Secret::new(element.body))?);
        }
        let mut keys = keys.into_iter();
        let mut next = || keys.next().ok_or_else(|| broken(ONLINE_KEYS));
        let (authority, stamp, log, certificate_log) = (next()?, next()?, next()?, next()?);
        let online = Online { authority, stamp, log, certificate_log, former: keys.collect() };
        Ok(Site { directory: directory.to_owned(), about, online })
    }

    /// Who vouches for the identities of this site: an address.
    pub fn issuer(&self) -> &str {
        &self.about.issuer
    }

    /// Certifies an identity for some minutes, with a key that nobody keeps.
    ///
    /// # Errors
    /// The identity cannot be one, or the record cannot be written.
    pub fn issue(&self, identity: &str, now: Timestamp) -> Result<Issued<'_>, SiteError> {
        let is_address = identity.contains("://")
            || identity.split_once('@').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty());
        if !is_address || !identity.is_ascii() || identity.chars().any(|c| c.is_control() || c == ' ') {
            return Err(SiteError::Identity(identity.to_owned()));
        }
        let (key, now) = (new_key()?, whole_second(now)?);
        let until = now.checked_add(SIGNER_MINUTES.minutes()).map_err(|_| SiteError::Clock)?;
        let template = Template {
            subject: None,
            key: key.public(),
            valid: (now, until),
            role: Role::Signer { identity: identity.to_owned(), issuer: self.about.issuer.clone() },
        };
        let by = Issuer::Authority(&self.certificate(AUTHORITY)?, &self.online.authority);
        let certificate = template.issue(by, Some((&self.online.certificate_log, now)))?;
        let issued = Issued { site: self, key, certificate, at: now };
        let record = Record {
            serial: issued.serial(),
            identity: identity.to_owned(),
            authority: crate::hex(&self.online.authority.public().id()),
            at: now,
        };
        let line = format!("{}\n", serde_json::to_string(&record).unwrap_or_default());
        let path = self.directory.join(ISSUED);
        let failed = |error| SiteError::file("append to", &path, error);
        let mut file = OpenOptions::new().append(true).create(true).open(&path).map_err(failed)?;
        file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(issued)
    }

    /// Takes back what was issued to an identity or under a serial number, and writes the list of what was revoked anew,
    /// also where nothing is to be added. How many certificates were added.
    ///
    /// # Errors
    /// Nothing was issued to it, or the list cannot be written.
    pub fn revoke(&self, whom: Option<&str>, now: Timestamp) -> Result<usize, SiteError> {
        let now = whole_second(now)?;
        let mut records = Vec::new();
        if let Some(whom) = whom {
            records = self.records()?;
            records.retain(|record| record.identity == whom || record.serial.eq_ignore_ascii_case(whom));
            if records.is_empty() {
                return Err(SiteError::NotIssued(whom.to_owned()));
            }
        }
        self.write_lists(&records, now)
    }

    /// What was issued.
    fn records(&self) -> Result<Vec<Record>, SiteError> {
        let path = self.directory.join(ISSUED);
        if !path.exists() {
            return Ok(Vec::new());
        }
        let broken = |_| SiteError::Broken(path.display().to_string());
        read_text(&path)?.lines().map(|line| serde_json::from_str(line).map_err(broken)).collect()
    }

    /// Makes a part new. What the old one did before counts on; what it did afterwards does not.
    ///
    /// # Errors
    /// The root's key is not there or its password another, or a file cannot be written.
    pub fn rotate(&mut self, part: Part, password: &Secret, now: Timestamp) -> Result<(), SiteError> {
        let (root, now) = (self.certificate(ROOT)?, whole_second(now)?);
        let root_key = PrivateKey::from_pem(&read_text(&self.directory.join(ROOT_KEY))?, Some(password))?;
        let mut trusted = TrustedRoot::read(&read(&self.directory.join(TRUSTED_ROOT))?)?;
        let believed =
            |certificate| Authority { certificates: vec![certificate, root.clone()], valid: since(now) };
        match part {
            Part::Authority => {
                let former = std::mem::replace(&mut self.online.authority, new_key()?);
                self.online.former.push(former);
                close(trusted.authorities.iter_mut().map(|one| &mut one.valid), now);
                let made = self.authority(part, &root, &root_key, now)?;
                trusted.authorities.push(believed(made));
            }
            Part::Stamp => {
                self.online.stamp = new_key()?;
                close(trusted.timestamp_authorities.iter_mut().map(|one| &mut one.valid), now);
                let made = self.authority(part, &root, &root_key, now)?;
                trusted.timestamp_authorities.push(believed(made));
            }
            Part::Log => {
                self.online.log = new_key()?;
                self.about.logs_closed += 1;
                close(trusted.logs.iter_mut().map(|one| &mut one.valid), now);
                trusted.logs.push(LogKey::new(self.online.log.public().clone(), now));
            }
            Part::CertificateLog => {
                self.online.certificate_log = new_key()?;
                close(trusted.certificate_logs.iter_mut().map(|one| &mut one.valid), now);
                trusted.certificate_logs.push(LogKey::new(self.online.certificate_log.public().clone(), now));
            }
        }
        self.write_keys(password)?;
        self.write_about()?;
        self.write(TRUSTED_ROOT, 0o644, &trusted.write(&self.about.issuer))?;
        if part == Part::Authority {
            self.write_lists(&[], now)?;
        }
        Ok(())
    }

    /// Issues the certificate of an authority, and keeps it.
    fn authority(
        &self,
        part: Part,
        root: &Certificate,
        root_key: &PrivateKey,
        now: Timestamp,
    ) -> Result<Certificate, SiteError> {
        let (name, key, role, file) = match part {
            Part::Stamp => ("time-stamp authority", &self.online.stamp, Role::Stamp, STAMP),
            Part::Authority | Part::Log | Part::CertificateLog => {
                ("authority", &self.online.authority, Role::Authority { below: 0 }, AUTHORITY)
            }
        };
        // The name tells new from old: a list of revoked certificates is found by it.
        let name = format!("{name} {}", now.as_second());
        let template = Template {
            subject: Some((&self.about.name, &name)),
            key: key.public(),
            valid: valid(now, AUTHORITY_HOURS)?,
            role,
        };
        let certificate = template.issue(Issuer::Authority(root, root_key), None)?;
        self.write(file, 0o644, &certificate.to_pem())?;
        Ok(certificate)
    }

    fn log_path(&self) -> PathBuf {
        self.directory.join(LOG).join(format!("{}.entries", self.about.logs_closed + 1))
    }

    /// Which log it is: the host, by which clients know who signs checkpoints, and the number of the tree.
    fn origin(&self) -> log::Origin<'_> {
        let host = self.about.issuer.trim_start_matches("https://");
        log::Origin { host, tree: self.about.logs_closed + 1 }
    }

    fn lists(&self) -> Result<Vec<RevocationList>, SiteError> {
        let path = self.directory.join(REVOKED);
        if path.exists() { Ok(RevocationList::read_all(&read(&path)?)?) } else { Ok(Vec::new()) }
    }

    /// Writes the list of every authority that the site has or had, with what is to be added. How many were.
    fn write_lists(&self, add: &[Record], now: Timestamp) -> Result<usize, SiteError> {
        let trusted = TrustedRoot::read(&read(&self.directory.join(TRUSTED_ROOT))?)?;
        let (lists, times) = (self.lists()?, valid(now, LIST_HOURS)?);
        let (mut text, mut added) = (String::new(), 0);
        for authority in trusted.authorities.iter().filter_map(|one| one.certificates.first()) {
            let mut keys = std::iter::once(&self.online.authority).chain(&self.online.former);
            let broken = || SiteError::Broken(self.directory.join(ONLINE_KEYS).display().to_string());
            let key = keys.find(|key| key.public().spki() == authority.spki()).ok_or_else(broken)?;
            let known = lists.iter().find(|list| list.is_by(authority));
            let mut revoked = known.map(|list| list.revoked.clone()).unwrap_or_default();
            let before = revoked.len();
            let id = crate::hex(&key.public().id());
            for record in add.iter().filter(|record| record.authority == id) {
                revoked.entry(crate::unhex(&record.serial).ok_or_else(broken)?).or_insert(now);
            }
            added += revoked.len() - before;
            text.push_str(&RevocationList::write(authority, key, times, &revoked)?);
        }
        self.write(REVOKED, 0o644, &text)?;
        Ok(added)
    }

    fn write_about(&self) -> Result<(), SiteError> {
        let text = serde_json::to_string_pretty(&self.about).unwrap_or_default();
        self.write(ABOUT, 0o644, &format!("{text}\n"))
    }

    fn write_keys(&self, password: &Secret) -> Result<(), SiteError> {
        let Online { authority, stamp, log, certificate_log, former } = &self.online;
        let mut bytes = zeroize::Zeroizing::new(Vec::new());
        for key in [authority, stamp, log, certificate_log].into_iter().chain(former) {
            let one = zeroize::Zeroizing::new(der::write(der::OCTET_STRING, &[key.pkcs8()?.expose()]));
            bytes.extend_from_slice(&one);
        }
        let all = Secret::new(der::write(der::SEQUENCE, &[&bytes]));
        self.write(ONLINE_KEYS, 0o600, &encrypted::seal_as(KEYS_LABEL, &all, password)?)
    }

    fn certificate(&self, name: &str) -> Result<Certificate, SiteError> {
        let path = self.directory.join(name);
        let read = Certificate::read_pem(&read_text(&path)?)?;
        read.into_iter().next().ok_or_else(|| SiteError::Broken(path.display().to_string()))
    }

    fn write(&self, name: &str, mode: u32, text: &str) -> Result<(), SiteError> {
        let path = self.directory.join(name);
        let written = || {
            let mut beside = Beside::create(&path, mode)?;
            beside.file.write_all(text.as_bytes())?;
            beside.rename()
        };
        written().map_err(|error| SiteError::file("write", &path, error))
    }
}

impl Issued<'_> {
    /// The certificate's number, in hexadecimal digits.
    pub fn serial(&self) -> String {
        crate::hex(self.certificate.serial())
    }

    /// Records a signature in the site's log and stamps its time. `message` is the file that it is over, where it is one.
    pub(crate) fn witness(&self, bundle: &mut Bundle, message: &[u8]) -> Result<(), SiteError> {
        let site = self.site;
        let body = log::body(bundle, message);
        let entry = log::append(&site.log_path(), &site.online.log, site.origin(), body, self.at)?;
        bundle.log_entries.push(entry);
        let signature = match &bundle.content {
            Content::Message { signature, .. } => signature,
            Content::Envelope(envelope) => &envelope.signature,
        };
        let authority = site.certificate(STAMP)?;
        let stamp = timestamp::issue::stamp(signature, &authority, &site.online.stamp, self.at)?;
        bundle.timestamps.push(stamp);
        Ok(())
    }
}

/// Certificates and log entries know no fractions, and none may be before what vouches for it.
fn whole_second(now: Timestamp) -> Result<Timestamp, SiteError> {
    Timestamp::from_second(now.as_second()).map_err(|_| SiteError::Clock)
}

fn new_key() -> Result<PrivateKey, KeyError> {
    PrivateKey::generate(KeyAlgorithm::P256)
}

fn valid(now: Timestamp, hours: i64) -> Result<(Timestamp, Timestamp), SiteError> {
    now.checked_add(hours.hours()).map(|until| (now, until)).map_err(|_| SiteError::Clock)
}

fn since(now: Timestamp) -> Period {
    Period { start: Some(now), end: None }
}

/// Ends what is in use.
fn close<'p>(periods: impl Iterator<Item = &'p mut Period>, now: Timestamp) {
    for period in periods.filter(|period| period.end.is_none()) {
        period.end = Some(now);
    }
}

fn read(path: &Path) -> Result<Vec<u8>, SiteError> {
    let failed = |error| SiteError::file("read", path, error);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(SITE_FILE_BYTES_MAX).read_to_end(&mut bytes))
        .map_err(failed)?;
    Ok(bytes)
}

fn read_text(path: &Path) -> Result<String, SiteError> {
    String::from_utf8(read(path)?).map_err(|_| SiteError::Broken(path.display().to_string()))
}
