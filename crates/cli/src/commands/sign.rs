//! `seawall sign`: an image → a signature beside it; a file → a bundle.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use seawall_image::registry::Registry;
use seawall_trust::image::{Home, resolve, sign, sign_simply};
use seawall_trust::sign::sign_bytes;
use seawall_trust::{PrivateKey, limits};

use super::trust;
use crate::Session;
use crate::args::trust::{RegistryArgs, Sign};
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
    let key = trust::private_key(&args.key, session)?;
    let signed =
        sign_bytes(&message, &key).with_context(|| format!("cannot sign {}", args.target))?.write()?;
    fs::write(bundle, signed).with_context(|| format!("cannot write {}", bundle.display()))?;
    told(&args.target, &key, session);
    Ok(Exit::Allowed)
}

/// Signs what the name means, and every image in it if that is an index: an engine runs one of those.
fn image(args: &Sign, session: &Session<'_>) -> Result<Exit> {
    let home = home(&args.target, &args.registry, session)?;
    let key = trust::private_key(&args.key, session)?;
    for image in resolve(&home)? {
        sign(&home, &image, &key, session.config.now())?;
        if args.legacy {
            sign_simply(&home, &image, &key)?;
        }
        told(&image.digest.to_string(), &key, session);
    }
    Ok(Exit::Allowed)
}

fn told(what: &str, key: &PrivateKey, session: &Session<'_>) {
    session.terminal.note(format_args!("{what} is signed with key {}", key.public().fingerprint()));
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
