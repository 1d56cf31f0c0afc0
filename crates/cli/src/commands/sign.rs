//! `seawall sign`: an image → a signature beside it; a file → a bundle.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use seawall_image::registry::Registry;
use seawall_trust::certificate::Certificate;
use seawall_trust::image::{Home, resolve, sign, sign_simply};
use seawall_trust::sign::{Signatory, sign_bytes};
use seawall_trust::site::{Issued, Site};
use seawall_trust::{PrivateKey, limits};

use super::{keys, trust};
use crate::Session;
use crate::args::trust::{RegistryArgs, Sign, SigningArgs};
use crate::exit::Exit;
use crate::target::registry_options;

pub(crate) fn run(args: &Sign, session: &Session<'_>) -> Result<Exit> {
    match &args.bundle {
        Some(bundle) => file(args, bundle, session),
        None => image(args, session),
    }
}

fn file(args: &Sign, bundle: &Path, session: &Session<'_>) -> Result<Exit> {
    let message = trust::bytes(Path::new(&args.target), limits::FILE_BYTES_MAX)?;
    let site = site(&args.by, session)?;
    let by = Signing::read(&args.by, site.as_ref(), session)?;
    let signed = sign_bytes(&message, by.signatory()?)
        .with_context(|| format!("cannot sign {}", args.target))?
        .write()?;
    fs::write(bundle, signed).with_context(|| format!("cannot write {}", bundle.display()))?;
    told(&args.target, &by, session);
    Ok(Exit::Allowed)
}

/// Signs what the name means, and every image in it if that is an index: an engine runs one of those.
fn image(args: &Sign, session: &Session<'_>) -> Result<Exit> {
    let home = home(&args.target, &args.registry, session)?;
    let site = site(&args.by, session)?;
    let by = Signing::read(&args.by, site.as_ref(), session)?;
    for image in resolve(&home)? {
        sign(&home, &image, by.signatory()?, session.config.now())?;
        if let Some(key) = by.key().filter(|_| args.legacy) {
            sign_simply(&home, &image, key)?;
        }
        told(&image.digest.to_string(), &by, session);
    }
    Ok(Exit::Allowed)
}

fn told(what: &str, by: &Signing<'_>, session: &Session<'_>) {
    session.terminal.note(format_args!("{what} is signed {by}"));
}

/// Who signs, as the user's arguments and files say.
pub(super) enum Signing<'s> {
    Key(PrivateKey, Option<Certificate>),
    Issued(Issued<'s>, String),
}

/// The site that the arguments name; it must be open for as long as somebody signs with it.
pub(super) fn site(args: &SigningArgs, session: &Session<'_>) -> Result<Option<Site>> {
    args.site.as_deref().map(|directory| trust::site(directory, session)).transpose()
}

impl<'s> Signing<'s> {
    pub(super) fn read(
        args: &SigningArgs,
        site: Option<&'s Site>,
        session: &Session<'_>,
    ) -> Result<Signing<'s>> {
        if let (Some(site), Some(identity)) = (site, &args.identity) {
            return Ok(Signing::Issued(site.issue(identity, session.config.now())?, identity.clone()));
        }
        let certificate = |path: &PathBuf| {
            let read = Certificate::read_pem(&trust::text(path, limits::KEY_BYTES_MAX)?);
            let certificates = read.with_context(|| format!("cannot use {}", path.display()))?;
            certificates.into_iter().next().with_context(|| format!("{} is empty", path.display()))
        };
        let key = args.key.as_ref().context("say who signs: --key, or --site DIR and --identity")?;
        let certificate = args.certificate.as_ref().map(certificate).transpose()?;
        Ok(Signing::Key(keys::private(key, session)?, certificate))
    }

    pub(super) fn signatory(&self) -> Result<Signatory<'_>> {
        match self {
            Signing::Key(key, Some(certificate)) => Ok(Signatory::certified(key, certificate)?),
            Signing::Key(key, None) => Ok(key.into()),
            Signing::Issued(issued, _) => Ok(issued.into()),
        }
    }

    /// The key where it signs by itself, as signatures of the older generation want it.
    fn key(&self) -> Option<&PrivateKey> {
        match self {
            Signing::Key(key, _) => Some(key),
            Signing::Issued(..) => None,
        }
    }
}

impl std::fmt::Display for Signing<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Signing::Key(key, _) => write!(f, "with key {}", key.public().fingerprint()),
            Signing::Issued(issued, identity) => write!(f, "by {identity} (certificate {})", issued.serial()),
        }
    }
}

/// Where the image that a text names lies.
pub(super) fn home(text: &str, args: &RegistryArgs, session: &Session<'_>) -> Result<Home> {
    if let Some(layout) = text.strip_prefix("oci:") {
        let (path, reference) = match (layout.split_once('@'), layout.rsplit_once(':')) {
            (Some((path, digest)), _) => (path, Some(digest)),
            (None, Some((path, tag))) if !tag.contains('/') => (path, Some(tag)),
            (None, _) => (layout, None),
        };
        return Ok(Home::Layout(PathBuf::from(path), reference.map(str::to_owned)));
    }
    let name = text.strip_prefix("registry:").unwrap_or(text);
    let name = name.parse().with_context(|| format!("`{text}` names no image"))?;
    let options = registry_options(&args.insecure_registry, args.ca_file.as_deref(), session);
    Ok(Home::Registry(Registry::new(options)?, Box::new(name)))
}
