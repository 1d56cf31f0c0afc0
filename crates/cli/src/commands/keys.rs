//! What `--key` means: a file, a token, a service → a key that signs, or the keys that verify.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use seawall_keys::transit::{self, Product, Service, TransitUri};
use seawall_keys::{Place, token};
use seawall_trust::{PrivateKey, PublicKey, Secret, limits};

use super::trust::{NO_PASSWORD, bytes, text};
use crate::Session;
use crate::args::trust::KeyText;

const TOKEN: &str = "cannot use the key of the token";
const SERVICE: &str = "cannot use the key of the service";

/// The key that signs.
pub(super) fn private(key: &KeyText, session: &Session<'_>) -> Result<PrivateKey> {
    match Place::parse(&key.0)? {
        Place::File(path) => of_file(&path, &text(&path, limits::KEY_BYTES_MAX)?, session),
        Place::Token(uri) => with_access(session, |access| token::private_key(&uri, access)).context(TOKEN),
        Place::Transit(uri) => transit::private_key(&uri, &service(&uri, session)?).context(SERVICE),
    }
}

/// The keys that verify: one, or the versions of one, the latest first.
pub(super) fn public(key: &KeyText, session: &Session<'_>) -> Result<Vec<PublicKey>> {
    Ok(match Place::parse(&key.0)? {
        Place::File(path) => {
            let text = text(&path, limits::KEY_BYTES_MAX)?;
            let read = PublicKey::from_pem(&text);
            vec![read.with_context(|| format!("cannot use the key {}", path.display()))?]
        }
        Place::Token(uri) => {
            vec![with_access(session, |access| token::public_key(&uri, access)).context(TOKEN)?]
        }
        Place::Transit(uri) => transit::public_keys(&uri, &service(&uri, session)?).context(SERVICE)?,
    })
}

/// The public half of a key of any kind; of several versions the latest.
pub(super) fn public_half(key: &KeyText, session: &Session<'_>) -> Result<PublicKey> {
    if let Place::File(path) = Place::parse(&key.0)?
        && text(&path, limits::KEY_BYTES_MAX)?.contains("PRIVATE KEY")
    {
        return Ok(private(key, session)?.public().clone());
    }
    let versions = public(key, session)?;
    versions.into_iter().next().context("the key has no version that may be used")
}

/// A private key from a file's text, with its password where it has one.
fn of_file(path: &Path, text: &str, session: &Session<'_>) -> Result<PrivateKey> {
    let password = match (PrivateKey::is_encrypted(text), session.config.key_password()) {
        (false, _) => None,
        (true, Some(password)) => Some(password.clone()),
        (true, None) => {
            let prompt = format!("Password of {}", path.display());
            Some(session.terminal.password(&prompt).context(NO_PASSWORD)?)
        }
    };
    PrivateKey::from_pem(text, password.as_ref())
        .with_context(|| format!("cannot use the key {}", path.display()))
}

/// Module and PIN as the environment or the terminal gives them, for an address that gives none.
fn with_access<T>(session: &Session<'_>, work: impl FnOnce(&token::Access<'_>) -> T) -> T {
    let config = session.config;
    let module = config.first(&["SEAWALL_PKCS11_MODULE", "COSIGN_PKCS11_MODULE_PATH"]).map(PathBuf::from);
    let pin = |token: &str| match config.pin() {
        Some(pin) => Ok(pin.clone()),
        None => Ok(session.terminal.password(&format!("PIN of the token {token}"))?),
    };
    work(&token::Access { module: module.as_deref(), pin: &pin })
}

fn service(uri: &TransitUri, session: &Session<'_>) -> Result<Service> {
    let config = session.config;
    if session.global.offline {
        bail!("the key is in a service on the network, which is not asked: --offline");
    }
    let variable = |ours: &'static str, vault: &'static str| match uri.product() {
        Product::OpenBao => config.first(&[ours, vault]),
        Product::Vault => config.first(&[vault]),
    };
    let Some(address) = variable("BAO_ADDR", "VAULT_ADDR") else {
        bail!("say where the service is: VAULT_ADDR (or BAO_ADDR for openbao://)");
    };
    Ok(Service {
        address: address.to_owned(),
        token: service_token(uri.product(), session)?,
        namespace: variable("BAO_NAMESPACE", "VAULT_NAMESPACE").map(str::to_owned),
        mount: config
            .first(&["TRANSIT_SECRET_ENGINE_PATH"])
            .unwrap_or("transit")
            .trim_matches('/')
            .to_owned(),
        ca: variable("BAO_CACERT", "VAULT_CACERT").map(PathBuf::from),
    })
}

/// From the environment, or from the file in which both services' own programs keep it.
fn service_token(product: Product, session: &Session<'_>) -> Result<Secret> {
    let names: &[&str] = match product {
        Product::OpenBao => &["BAO_TOKEN", "VAULT_TOKEN"],
        Product::Vault => &["VAULT_TOKEN"],
    };
    if let Some(token) = names.iter().find_map(|name| session.config.secret(name)) {
        return Ok(Secret::new(token));
    }
    let path = session.config.home().join(".vault-token");
    let read =
        bytes(&path, limits::KEY_BYTES_MAX).context("no token for the service: VAULT_TOKEN gives it")?;
    Ok(Secret::new(read.trim_ascii()))
}
