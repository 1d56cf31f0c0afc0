//! From a certificate to an authority that is trusted (RFC 5280, section 6), at a moment that is an argument.

use jiff::Timestamp;

use super::Certificate;
use crate::limits::{CHAIN_LENGTH_MAX, CHAIN_TRIES_MAX};

const DIGITAL_SIGNATURE: u8 = 0;
const KEY_CERT_SIGN: u8 = 5;

/// The certificates above a leaf, its issuer first and the trusted one last; or why there are none.
///
/// `trusted` end the path, whatever issued them; `others` may only be stations on it.
pub(crate) fn path<'a>(
    leaf: &Certificate,
    others: &'a [Certificate],
    trusted: &'a [Certificate],
    purpose: &[u8],
    at: Timestamp,
) -> Result<Vec<&'a Certificate>, String> {
    check_leaf(leaf, purpose, at)?;
    let mut search = Search { others, trusted, purpose, at, tries: 0, hindrance: None };
    let mut path = Vec::new();
    match search.extend(leaf, &mut path) {
        true => Ok(path),
        false => Err(search
            .hindrance
            .unwrap_or_else(|| format!("no trusted authority issued the certificate of `{}`", leaf.label()))),
    }
}

fn check_leaf(leaf: &Certificate, purpose: &[u8], at: Timestamp) -> Result<(), String> {
    check_validity(leaf, at)?;
    if let Some(obstacle) = leaf.obstacle() {
        return Err(format!("the certificate of `{}` cannot be used: {obstacle}", leaf.label()));
    }
    let is_authority = leaf.authority().map_err(|error| error.to_string())?.is_some();
    let may_sign = leaf.key_usage(DIGITAL_SIGNATURE).map_err(|error| error.to_string())?;
    let purposes = leaf.purposes().map_err(|error| error.to_string())?;
    match (is_authority, may_sign, purposes) {
        (true, _, _) => Err("the signer's certificate is an authority's".to_owned()),
        (false, Some(false), _) => Err("the signer's certificate is not for digital signatures".to_owned()),
        (false, _, Some(purposes)) if purposes.contains(&purpose) => Ok(()),
        (false, _, _) => Err("the signer's certificate is not for this purpose".to_owned()),
    }
}

pub(crate) fn check_validity(certificate: &Certificate, at: Timestamp) -> Result<(), String> {
    if certificate.is_valid_at(at) {
        return Ok(());
    }
    let (from, until) = certificate.validity();
    Err(format!("the certificate of `{}` holds from {from} to {until} and not at {at}", certificate.label()))
}

struct Search<'a, 's> {
    others: &'a [Certificate],
    trusted: &'a [Certificate],
    purpose: &'s [u8],
    at: Timestamp,
    tries: usize,
    hindrance: Option<String>,
}

impl<'a> Search<'a, '_> {
    /// Extends a path upwards from its last certificate until it ends at a trusted one.
    fn extend(&mut self, below: &Certificate, path: &mut Vec<&'a Certificate>) -> bool {
        let (trusted, others) = (self.trusted, self.others);
        let named = |candidate: &&Certificate| below.is_issued_by(candidate);
        for candidate in trusted.iter().filter(named) {
            if self.is_issuer(below, candidate, path.len()) {
                path.push(candidate);
                return true;
            }
        }
        if path.len() + 1 >= CHAIN_LENGTH_MAX {
            return false;
        }
        for candidate in others.iter().filter(named) {
            if path.contains(&candidate) || !self.is_issuer(below, candidate, path.len()) {
                continue;
            }
            path.push(candidate);
            if self.extend(candidate, path) {
                return true;
            }
            path.pop();
        }
        false
    }

    /// Whether one certificate issued another that has `between` authorities below it.
    fn is_issuer(&mut self, below: &Certificate, candidate: &Certificate, between: usize) -> bool {
        self.tries += 1;
        if self.tries > CHAIN_TRIES_MAX {
            self.hindrance = Some(format!("more than {CHAIN_TRIES_MAX} authorities have the issuer's name"));
            return false;
        }
        let issued = check_issuer(below, candidate, between, self.purpose);
        match issued.and_then(|()| check_validity(candidate, self.at)) {
            Ok(()) => true,
            Err(hindrance) => {
                self.hindrance.get_or_insert(hindrance);
                false
            }
        }
    }
}

/// Whether one certificate issued another, at whatever time.
pub(crate) fn check_issuer(
    below: &Certificate,
    issuer: &Certificate,
    between: usize,
    purpose: &[u8],
) -> Result<(), String> {
    let refused = |why: &str| Err(format!("the authority `{}` cannot be used: {why}", issuer.label()));
    let key = match issuer.key() {
        Ok(key) => key,
        Err(error) => return refused(&error.to_string()),
    };
    if !below.is_signed_by(&key) {
        return refused("it did not sign the certificate below it");
    }
    if let Some(obstacle) = issuer.obstacle() {
        return refused(&obstacle);
    }
    match issuer.authority() {
        Ok(Some(None)) => {}
        Ok(Some(Some(length))) if usize::try_from(length).is_ok_and(|length| between <= length) => {}
        Ok(Some(Some(_))) => return refused("its path is too long"),
        Ok(None) | Err(_) => return refused("it is not an authority's certificate"),
    }
    if !matches!(issuer.key_usage(KEY_CERT_SIGN), Ok(Some(true) | None)) {
        return refused("it may not sign certificates");
    }
    // A purpose that is said of an authority bounds what is below it.
    match issuer.purposes() {
        Ok(None) => Ok(()),
        Ok(Some(purposes)) if purposes.contains(&purpose) => Ok(()),
        Ok(Some(_)) | Err(_) => refused("it is not for this purpose"),
    }
}
