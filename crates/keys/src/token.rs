//! Keys in tokens that speak PKCS #11 (OASIS, version 2.40 and 3): smart cards, HSMs, SoftHSM.
//!
//! The module is loaded into this process and runs as the user does: so it is named by the command line or the user's
//! environment only, as an absolute path of a file that nobody else may write or exchange. A PIN is tried once; a
//! token counts.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Mutex;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use seawall_trust::key::{Hash, ecdsa_der};
use seawall_trust::{KeyAlgorithm, KeyError, KeyHolder, PrivateKey, PublicKey, Secret};

use crate::limits::LISTED_MAX;
use crate::shown;

mod error;
mod uri;

pub use error::{Cause, TokenError};
pub use uri::TokenUri;

/// What the user gives beside the address.
pub struct Access<'a> {
    /// The module where the address names none.
    pub module: Option<&'a Path>,
    /// The PIN of the token with this label, where the address gives none.
    pub pin: &'a dyn Fn(&str) -> Result<Secret, Cause>,
}

impl fmt::Debug for Access<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("module", &self.module).finish_non_exhaustive()
    }
}

/// The key that an address names; it signs in the token.
///
/// # Errors
/// The module, the token, the PIN or the key is not to be had.
pub fn private_key(uri: &TokenUri, access: &Access<'_>) -> Result<PrivateKey, TokenError> {
    let open = Open::new(uri, access)?;
    open.log_in(uri, access)?;
    let key = open.only(ObjectClass::PRIVATE_KEY, uri)?;
    let public = open.public_half(key)?;
    if open
        .attributes(key, &[AttributeType::AlwaysAuthenticate])?
        .contains(&Attribute::AlwaysAuthenticate(true))
    {
        return Err(open.unsupported("it wants its PIN anew for each signature"));
    }
    let algorithm = public.algorithm();
    let holder = TokenHolder { session: Mutex::new(open.session), key, algorithm, token: open.label };
    Ok(PrivateKey::held(public, Box::new(holder)))
}

/// The public half of the key that an address names. Logs in only where the address itself gives a PIN and the token
/// shows the key to nobody else.
///
/// # Errors
/// The module, the token or the key is not to be had.
pub fn public_key(uri: &TokenUri, access: &Access<'_>) -> Result<PublicKey, TokenError> {
    let open = Open::new(uri, access)?;
    let shown = open.only(ObjectClass::PUBLIC_KEY, uri).and_then(|key| open.public(key));
    if shown.is_ok() || uri.pin()?.is_none() {
        return shown;
    }
    open.log_in(uri, access)?;
    open.public_half(open.only(ObjectClass::PRIVATE_KEY, uri)?)
}

/// A session with the token that an address means.
struct Open {
    module: Pkcs11,
    slot: Slot,
    session: Session,
    label: String,
}

impl Open {
    fn new(uri: &TokenUri, access: &Access<'_>) -> Result<Open, TokenError> {
        let path = uri.module.as_deref().or(access.module).ok_or(TokenError::ModuleNeeded)?;
        let module = load(path)?;
        let cannot = |source| TokenError::Module { path: path.to_owned(), source };
        let mut tokens = Vec::new();
        for slot in module.get_slots_with_initialized_token().map_err(cannot)? {
            // A token that is pulled out while we look is none of those that are there.
            if let Ok(info) = module.get_token_info(slot) {
                tokens.push((slot, info));
            }
        }
        let mut fitting = tokens.iter().filter(|(slot, info)| fits(uri, *slot, info));
        let (Some((slot, info)), None) = (fitting.next(), fitting.next()) else {
            let fitting = tokens.iter().filter(|(slot, info)| fits(uri, *slot, info)).count();
            let there = tokens
                .iter()
                .map(|(_, info)| format!("`{}` ({})", shown(info.label()), shown(info.serial_number())));
            return Err(TokenError::Tokens { fitting, there: listed(there) });
        };
        let label = format!("`{}`", shown(info.label()));
        let session =
            module.open_ro_session(*slot).map_err(|error| failed(&label, "open a session", error))?;
        Ok(Open { slot: *slot, session, label, module })
    }

    fn log_in(&self, uri: &TokenUri, access: &Access<'_>) -> Result<(), TokenError> {
        let info = self.token_info()?;
        if info.user_pin_locked() {
            return Err(TokenError::Locked(self.label.clone()));
        }
        let pin = match uri.pin()? {
            Some(pin) => Some(pin),
            None if !info.login_required() || info.protected_authentication_path() => None,
            None => {
                let given = (access.pin)(&self.label);
                Some(given.map_err(|source| TokenError::NoPin { token: self.label.clone(), source })?)
            }
        };
        if pin.is_none() && !info.login_required() {
            return Ok(());
        }
        let pin = match &pin {
            Some(pin) => {
                let text = std::str::from_utf8(pin.expose()).map_err(|_| self.wrong_pin(""))?;
                Some(AuthPin::from(text))
            }
            None => None,
        };
        match self.session.login(UserType::User, pin.as_ref()) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(Error::Pkcs11(RvError::PinLocked, _)) => Err(TokenError::Locked(self.label.clone())),
            Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _)) => {
                let left = match self.token_info() {
                    Ok(info) if info.user_pin_locked() => ", and now it is locked",
                    Ok(info) if info.user_pin_final_try() => "; one more wrong one locks it",
                    Ok(info) if info.user_pin_count_low() => "; not many tries are left",
                    Ok(_) | Err(_) => "",
                };
                Err(self.wrong_pin(left))
            }
            Err(error) => Err(failed(&self.label, "log in", error)),
        }
    }

    fn wrong_pin(&self, left: &'static str) -> TokenError {
        TokenError::WrongPin { token: self.label.clone(), left }
    }

    fn token_info(&self) -> Result<TokenInfo, TokenError> {
        self.module.get_token_info(self.slot).map_err(|error| failed(&self.label, "tell of itself", error))
    }

    /// The only object of a class that the address fits.
    fn only(&self, class: ObjectClass, uri: &TokenUri) -> Result<ObjectHandle, TokenError> {
        let mut template = vec![Attribute::Class(class), Attribute::Token(true)];
        template.extend(uri.object.clone().map(Attribute::Label));
        template.extend(uri.id.clone().map(Attribute::Id));
        let found = self.find(&template)?;
        if let [one] = found.as_slice() {
            return Ok(*one);
        }
        let what = if class == ObjectClass::PRIVATE_KEY { "private keys" } else { "public keys" };
        let names = listed(found.iter().take(LISTED_MAX + 1).map(|object| self.name(*object)));
        let found_names = if found.is_empty() { String::new() } else { format!(": {names}") };
        Err(TokenError::Keys { fitting: found.len(), what, token: self.label.clone(), found: found_names })
    }

    /// `object=release;id=%01`, as an address would name it.
    fn name(&self, object: ObjectHandle) -> String {
        let (mut label, mut id) = (String::new(), String::new());
        for attribute in
            self.attributes(object, &[AttributeType::Label, AttributeType::Id]).unwrap_or_default()
        {
            if let Attribute::Label(bytes) = &attribute {
                label = shown(&String::from_utf8_lossy(bytes));
            }
            if let Attribute::Id(bytes) = &attribute {
                id = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
            }
        }
        format!("`object={label};id={id}`")
    }

    fn find(&self, template: &[Attribute]) -> Result<Vec<ObjectHandle>, TokenError> {
        self.session.find_objects(template).map_err(|error| failed(&self.label, "look for keys", error))
    }

    fn attributes(&self, object: ObjectHandle, of: &[AttributeType]) -> Result<Vec<Attribute>, TokenError> {
        self.session.get_attributes(object, of).map_err(|error| failed(&self.label, "tell of a key", error))
    }

    /// The public half of a private key: the object with its id, or what the private one tells itself.
    fn public_half(&self, private: ObjectHandle) -> Result<PublicKey, TokenError> {
        let id = self.attributes(private, &[AttributeType::Id])?;
        if id.iter().any(|attribute| matches!(attribute, Attribute::Id(id) if !id.is_empty())) {
            let class = [Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Token(true)];
            if let [public] = self.find(&[&class[..], &id].concat())?.as_slice() {
                return self.public(*public);
            }
        }
        for attribute in self.attributes(private, &[AttributeType::PublicKeyInfo])? {
            if let Attribute::PublicKeyInfo(spki) = attribute
                && !spki.is_empty()
            {
                return PublicKey::from_spki(&spki).map_err(|source| self.malformed(source));
            }
        }
        // RSA's private key has the numbers of the public one.
        self.public(private)
    }

    fn public(&self, object: ObjectHandle) -> Result<PublicKey, TokenError> {
        let kind = self.attributes(object, &[AttributeType::KeyType])?;
        let of = |kind: KeyType| [Attribute::KeyType(kind)];
        let two = |first: AttributeType, second: AttributeType| {
            let told = self.attributes(object, &[first, second])?;
            match <[Attribute; 2]>::try_from(told) {
                Ok(both) => Ok(both),
                Err(_) => Err(self.unsupported("its public half is not in the token")),
            }
        };
        let key = if kind == of(KeyType::RSA) {
            match two(AttributeType::Modulus, AttributeType::PublicExponent)? {
                [Attribute::Modulus(modulus), Attribute::PublicExponent(exponent)] => {
                    PublicKey::rsa(&modulus, &exponent)
                }
                _ => return Err(self.unsupported("its numbers are missing")),
            }
        } else if kind == of(KeyType::EC) || kind == of(KeyType::EC_EDWARDS) {
            match two(AttributeType::EcParams, AttributeType::EcPoint)? {
                [Attribute::EcParams(parameters), Attribute::EcPoint(point)] => {
                    of_point(&parameters, bare(&point), kind == of(KeyType::EC_EDWARDS))
                }
                _ => return Err(self.unsupported("its point is missing")),
            }
        } else {
            return Err(self.unsupported("neither ECDSA, Ed25519 nor RSA"));
        };
        key.map_err(|source| self.malformed(source))
    }

    fn malformed(&self, source: KeyError) -> TokenError {
        TokenError::PublicKey { token: self.label.clone(), source }
    }

    fn unsupported(&self, reason: &str) -> TokenError {
        TokenError::Unsupported { token: self.label.clone(), reason: reason.to_owned() }
    }
}

/// A key that a token holds. The session is ours alone; it ends with the value, and with it the login.
struct TokenHolder {
    session: Mutex<Session>,
    key: ObjectHandle,
    algorithm: KeyAlgorithm,
    token: String,
}

/// What stands before a SHA-256 in PKCS #1 v1.5 (RFC 8017, 9.2, note 1).
const SHA256_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

impl KeyHolder for TokenHolder {
    /// The token gets a hash where the scheme has one: a file of a gigabyte through a card reader would take a day.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Cause> {
        // A thread that panicked while it signed left the session as it was: each call begins anew.
        let session = self.session.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let signed = |mechanism: &Mechanism<'_>, data: &[u8]| {
            session.sign(mechanism, self.key, data).map_err(|error| failed(&self.token, "sign", error))
        };
        Ok(match self.algorithm {
            KeyAlgorithm::P256 => ecdsa_der(&signed(&Mechanism::Ecdsa, &Hash::Sha256.of(message))?)?,
            KeyAlgorithm::P384 => ecdsa_der(&signed(&Mechanism::Ecdsa, &Hash::Sha384.of(message))?)?,
            KeyAlgorithm::Rsa { .. } => {
                signed(&Mechanism::RsaPkcs, &[&SHA256_INFO[..], &Hash::Sha256.of(message)].concat())?
            }
            KeyAlgorithm::Ed25519 => {
                signed(&Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure)), message)?
            }
        })
    }
}

/// Loads and starts a module. One that was started before in this process stays so.
fn load(path: &Path) -> Result<Pkcs11, TokenError> {
    let refused = |reason| Err(TokenError::ModuleRefused { path: path.to_owned(), reason });
    // The loader would look for any other name in directories of its own choice.
    if !path.is_absolute() {
        return refused("its path must begin with `/`");
    }
    if let Err(reason) = is_own(path) {
        return refused(reason);
    }
    let cannot = |source| TokenError::Module { path: path.to_owned(), source };
    let module = Pkcs11::new(path).map_err(cannot)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(module),
        Err(source) => Err(cannot(source)),
    }
}

/// Whether nobody but root and who runs this can have put the module there, or exchange it. What is not there the loader
/// says better.
fn is_own(path: &Path) -> Result<(), &'static str> {
    let Ok(path) = std::fs::canonicalize(path) else { return Ok(()) };
    let Ok(about) = std::fs::metadata(&path) else { return Ok(()) };
    if !about.is_file() {
        return Err("it is not a regular file");
    }
    if about.mode() & 0o022 != 0 {
        return Err("others may write it");
    }
    let Ok(myself) = std::fs::metadata("/proc/self") else {
        return Err("who runs this is not told in /proc");
    };
    for place in path.ancestors() {
        let about = std::fs::metadata(place).map_err(|_| "a directory above it cannot be looked at")?;
        if ![0, myself.uid()].contains(&about.uid()) {
            return Err("it, or a directory above it, is somebody else's");
        }
        if about.mode() & 0o022 != 0 && about.mode() & 0o1000 == 0 {
            return Err("others may write a directory above it");
        }
    }
    Ok(())
}

fn fits(uri: &TokenUri, slot: Slot, info: &TokenInfo) -> bool {
    let is = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
    is(&uri.token, info.label())
        && is(&uri.manufacturer, info.manufacturer_id())
        && is(&uri.model, info.model())
        && is(&uri.serial, info.serial_number())
        && uri.slot.is_none_or(|wanted| wanted == slot.id())
}

fn failed(token: &str, operation: &'static str, source: Error) -> TokenError {
    use RvError::{
        DeviceRemoved, KeyHandleInvalid, ObjectHandleInvalid, SessionClosed, SessionHandleInvalid,
        SlotIdInvalid, TokenNotPresent,
    };
    let is_gone = matches!(
        &source,
        Error::Pkcs11(
            DeviceRemoved
                | TokenNotPresent
                | SlotIdInvalid
                | SessionHandleInvalid
                | SessionClosed
                | KeyHandleInvalid
                | ObjectHandleInvalid,
            _,
        )
    );
    match is_gone {
        true => TokenError::Gone(token.to_owned()),
        false => TokenError::Call { token: token.to_owned(), operation, source },
    }
}

fn of_point(parameters: &[u8], point: &[u8], is_edwards: bool) -> Result<PublicKey, KeyError> {
    // Edwards curves are named by an identifier or by their name in words; the length tells Ed25519 from Ed448.
    if is_edwards { PublicKey::ed25519(point) } else { PublicKey::ecdsa(parameters, point) }
}

/// A point without the OCTET STRING around it, which some tokens leave out (PKCS #11 2.40, 2.3.3). A point in the open
/// begins like an OCTET STRING, so its length tells: that of P-256, P-384 and Ed25519.
fn bare(point: &[u8]) -> &[u8] {
    match point {
        _ if [32, 65, 97].contains(&point.len()) => point,
        [0x04, length @ 0..0x80, rest @ ..] if rest.len() == usize::from(*length) => rest,
        _ => point,
    }
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.take(LISTED_MAX + 1).collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    if names.len() > LISTED_MAX {
        names[LISTED_MAX] = "…".to_owned();
    }
    names.join(", ")
}
