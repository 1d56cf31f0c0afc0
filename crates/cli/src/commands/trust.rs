//! `seawall trust`: keys for signatures, and the policy for other tools.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use seawall_trust::site::{Part, Site};
use seawall_trust::{KeyAlgorithm, PrivateKey, Secret, containers_policy};

use super::{keys, verify};
use crate::args::trust::{ContainersFile, KeyText, NewKey, SitePart, Trust};
use crate::exit::Exit;
use crate::{Session, output};

pub(crate) fn run(command: &Trust, session: &Session<'_>) -> Result<Exit> {
    match command {
        Trust::Keygen { output, algorithm } => keygen(output, *algorithm, session),
        Trust::PublicKey { key } => public_key(key, session),
        Trust::Init { directory, name } => init(directory, name, session),
        Trust::Rotate { directory, part } => rotate(directory, *part, session),
        Trust::Revoke { directory, whom } => revoke(directory, whom.as_deref(), session),
        Trust::Export { policy, file } => export(policy, *file, session),
    }
}

fn keygen(prefix: &Path, algorithm: NewKey, session: &Session<'_>) -> Result<Exit> {
    let at = |ending: &str| {
        let mut path = prefix.as_os_str().to_owned();
        path.push(ending);
        PathBuf::from(path)
    };
    let (private, public) = (at(".key"), at(".pub"));
    // A key that is gone cannot be had again.
    if let Some(there) = [&private, &public].into_iter().find(|path| path.exists()) {
        bail!("{} is there already; remove it, or choose another --output", there.display());
    }
    let password = new_password(session)?;
    let algorithm = match algorithm {
        NewKey::P256 => KeyAlgorithm::P256,
        NewKey::P384 => KeyAlgorithm::P384,
        NewKey::Ed25519 => KeyAlgorithm::Ed25519,
    };
    let key = PrivateKey::generate(algorithm).context("cannot make a key")?;
    write_new(&private, 0o600, &key.to_encrypted_pem(&password)?)?;
    write_new(&public, 0o644, &key.public().to_pem())?;
    session.terminal.note(format_args!(
        "{} is the private key, {} the public one ({} {})",
        private.display(),
        public.display(),
        key.public().algorithm(),
        key.public().fingerprint()
    ));
    Ok(Exit::Allowed)
}

fn public_key(key: &KeyText, session: &Session<'_>) -> Result<Exit> {
    output::write(None, keys::public_half(key, session)?.to_pem().as_bytes(), session.terminal)?;
    Ok(Exit::Allowed)
}

fn init(directory: &Path, name: &str, session: &Session<'_>) -> Result<Exit> {
    let site = Site::init(directory, name, &new_password(session)?, session.config.now())
        .with_context(|| format!("cannot make a site in {}", directory.display()))?;
    session.terminal.note(format_args!(
        "{} is a site whose certificates name {} as who vouches; hand out its trusted_root.json, and keep its root.key \
         elsewhere",
        directory.display(),
        site.issuer()
    ));
    Ok(Exit::Allowed)
}

fn rotate(directory: &Path, part: SitePart, session: &Session<'_>) -> Result<Exit> {
    let password = site_password(directory, session)?;
    let cannot = || format!("cannot make a part of the site {} new", directory.display());
    let mut site = Site::open(directory, &password).with_context(cannot)?;
    let part = match part {
        SitePart::Ca => Part::Authority,
        SitePart::Tsa => Part::Stamp,
        SitePart::Log => Part::Log,
        SitePart::CertificateLog => Part::CertificateLog,
    };
    site.rotate(part, &password, session.config.now()).with_context(cannot)?;
    session.terminal.note(format_args!("hand out {}/trusted_root.json anew", directory.display()));
    Ok(Exit::Allowed)
}

fn revoke(directory: &Path, whom: Option<&str>, session: &Session<'_>) -> Result<Exit> {
    let added = site(directory, session)?.revoke(whom, session.config.now())?;
    session
        .terminal
        .note(format_args!("revoked {added} certificate(s); hand out {}/crl.pem", directory.display()));
    Ok(Exit::Allowed)
}

/// A site, with its password from the environment or the terminal.
pub(super) fn site(directory: &Path, session: &Session<'_>) -> Result<Site> {
    Site::open(directory, &site_password(directory, session)?)
        .with_context(|| format!("cannot use the site {}", directory.display()))
}

fn site_password(directory: &Path, session: &Session<'_>) -> Result<Secret> {
    if let Some(password) = session.config.key_password() {
        return Ok(password.clone());
    }
    let prompt = format!("Password of the site {}", directory.display());
    session.terminal.password(&prompt).context(NO_PASSWORD)
}

/// The requirements in podman's words; what these cannot say is told.
fn export(policy: &Path, file: ContainersFile, session: &Session<'_>) -> Result<Exit> {
    let requirements = verify::policy(policy)?;
    let (policy, left_out) = containers_policy::export(&requirements);
    let text = match file {
        ContainersFile::Policy => format!("{}\n", serde_json::to_string_pretty(&policy)?),
        ContainersFile::Registries => containers_policy::registries_d(&policy),
    };
    for what in left_out.iter().filter(|_| file == ContainersFile::Policy) {
        session.terminal.note(format_args!("note: left out: {what}"));
    }
    output::write(None, text.as_bytes(), session.terminal)?;
    Ok(Exit::Allowed)
}

fn new_password(session: &Session<'_>) -> Result<Secret> {
    if let Some(password) = session.config.key_password() {
        return Ok(password.clone());
    }
    let ask = |prompt: &str| session.terminal.password(prompt).context(NO_PASSWORD);
    let (first, second) = (ask("Password for the new key")?, ask("Once more")?);
    match first.expose() == second.expose() {
        true => Ok(first),
        false => bail!("the two passwords differ"),
    }
}

pub(super) const NO_PASSWORD: &str = "cannot ask for the key's password; SEAWALL_KEY_PASSWORD gives it";

fn write_new(path: &Path, mode: u32, text: &str) -> Result<()> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = opened.with_context(|| format!("cannot make {}", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
}

pub(super) fn text(path: &Path, bytes_max: u64) -> Result<String> {
    String::from_utf8(bytes(path, bytes_max)?).with_context(|| format!("{} is no text", path.display()))
}

/// A file as a whole, up to a limit.
pub(super) fn bytes(path: &Path, bytes_max: u64) -> Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", path.display());
    let file = fs::File::open(path).with_context(cannot)?;
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).with_context(cannot)?;
    match bytes.len() as u64 > bytes_max {
        true => bail!("{} is larger than {bytes_max} bytes", path.display()),
        false => Ok(bytes),
    }
}
