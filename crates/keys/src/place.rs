//! Where a key is, as a user writes it: a file, or an address that begins with what kind of place it is.

use std::ffi::OsStr;
use std::path::PathBuf;

use crate::limits::ADDRESS_BYTES_MAX;
use crate::token::TokenUri;
use crate::transit::TransitUri;

/// Where a key is.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a file.
    File(PathBuf),
    /// In a token.
    Token(TokenUri),
    /// In the transit engine of Vault or OpenBao.
    Transit(TransitUri),
}

/// Why an address names no key. Never shows the address, which may hold a PIN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// A place that cosign knows and this program does not.
    #[error("keys of {0} are not supported; a token (pkcs11:), Vault or OpenBao is")]
    Unsupported(&'static str),
    /// An address that is wrong.
    #[error("the address of the key, {scheme}…, is wrong: {reason}")]
    Wrong {
        /// How it begins.
        scheme: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// What cosign takes beside those that are known here.
const UNSUPPORTED: [&str; 5] = ["awskms://", "gcpkms://", "azurekms://", "k8s://", "gitlab://"];

impl Place {
    /// Reads what a user wrote. A file with a name that begins like an address can be had with `./` before it.
    ///
    /// # Errors
    /// It begins as an address does and is none, or of a place that is not supported.
    pub fn parse(text: &OsStr) -> Result<Place, PlaceError> {
        let Some(address) = text.to_str() else { return Ok(Place::File(PathBuf::from(text))) };
        if let Some(scheme) = UNSUPPORTED.iter().find(|scheme| address.starts_with(**scheme)) {
            return Err(PlaceError::Unsupported(scheme));
        }
        let read = |scheme: &'static str, place: Result<Place, String>| match address.len() {
            ..=ADDRESS_BYTES_MAX => place.map_err(|reason| PlaceError::Wrong { scheme, reason }),
            _ => Err(PlaceError::Wrong { scheme, reason: format!("longer than {ADDRESS_BYTES_MAX} bytes") }),
        };
        if let Some(rest) = address.strip_prefix("pkcs11:") {
            return read("pkcs11:", TokenUri::parse(rest).map(Place::Token));
        }
        for (scheme, product) in crate::transit::SCHEMES {
            if let Some(rest) = address.strip_prefix(scheme) {
                return read(scheme, TransitUri::parse(product, rest).map(Place::Transit));
            }
        }
        Ok(Place::File(PathBuf::from(text)))
    }

    /// Whether a text names a key that is not in a file.
    pub fn is_elsewhere(text: &str) -> bool {
        !matches!(Place::parse(OsStr::new(text)), Ok(Place::File(_)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let check = |text: &str, expected: &str| {
            let read = Place::parse(OsStr::new(text));
            let shown = match &read {
                Ok(place) => format!("{place:?}"),
                Err(error) => error.to_string(),
            };
            assert!(shown.contains(expected), "{text}: {shown}");
            assert!(!shown.contains("9876"), "{shown}");
        };
        check("our.key", "File(\"our.key\")");
        check("./pkcs11:x", "File");
        check("pkcs11:token=a;object=b?pin-value=9876", "Token(");
        check("pkcs11:token=a;objekt=9876", "pkcs11:…, is wrong: the attribute at place 2 is not known");
        check("hashivault://release", "Transit(");
        check("openbao://release?version=3", "Transit(");
        check("openbao://release?version=0", "a version is a number from 1");
        check("hashivault://../sys", "may hold letters, digits, `_`, `-` and `.`");
        check("hashivault://", "no name");
        check(
            "awskms:///alias/x",
            "keys of awskms:// are not supported; a token (pkcs11:), Vault or OpenBao is",
        );
        check(&format!("pkcs11:token={}", "a".repeat(9000)), "longer than");
    }
}
