//! notation's trust store: directories of certificates below `truststore/x509`. Links are not followed, and a file that is
//! no certificate makes the store unusable, as notation has it.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use super::policy::Purpose;
use crate::certificate::Certificate;
use crate::limits::{STORE_FILES_MAX, TRUSTED_ROOT_BYTES_MAX};

/// The certificates of a named store of a notation directory.
pub(super) fn read(directory: &Path, purpose: Purpose, name: &str) -> Result<Vec<Certificate>, String> {
    let mut path = directory.join("truststore");
    for part in ["x509", purpose.name(), name] {
        path.push(part);
        let about = fs::symlink_metadata(&path).map_err(|error| told(&path, &error))?;
        if !about.is_dir() {
            return Err(format!("{} is no directory; links are not followed", path.display()));
        }
    }
    let mut certificates = Vec::new();
    for (count, entry) in fs::read_dir(&path).map_err(|error| told(&path, &error))?.enumerate() {
        let path = entry.map_err(|error| told(&path, &error))?.path();
        let about = fs::symlink_metadata(&path).map_err(|error| told(&path, &error))?;
        if about.is_dir() {
            continue;
        }
        if !about.is_file() || count >= STORE_FILES_MAX {
            let why = "is no regular file, or one of too many";
            return Err(format!("{} {why}; links are not followed", path.display()));
        }
        certificates.extend(file(&path, purpose).map_err(|reason| format!("{}: {reason}", path.display()))?);
    }
    match certificates.is_empty() {
        true => Err(format!("the trust store {} has no certificate", path.display())),
        false => Ok(certificates),
    }
}

/// A file in PEM or DER.
fn file(path: &Path, purpose: Purpose) -> Result<Vec<Certificate>, String> {
    let mut bytes = Vec::new();
    let opened = File::open(path).map_err(|error| error.to_string())?;
    opened.take(TRUSTED_ROOT_BYTES_MAX).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let read = match std::str::from_utf8(&bytes) {
        Ok(text) if text.contains("-----BEGIN") => Certificate::read_pem(text),
        _ => Certificate::read(&bytes).map(|one| vec![one]),
    };
    let read = read.map_err(|error| error.to_string())?;
    for certificate in &read {
        let is_authority = matches!(certificate.authority(), Ok(Some(_)));
        let is_root = certificate.is_self_signed();
        // A signer's own certificate may be the root of trust, where it signed itself.
        match (purpose, is_authority, is_root) {
            (Purpose::Tsa, true, true) | (Purpose::Ca | Purpose::SigningAuthority, true, _) => {}
            (Purpose::Ca | Purpose::SigningAuthority, false, true) => {}
            _ => return Err(format!("the certificate of `{}` is no root", certificate.label())),
        }
    }
    Ok(read)
}

fn told(path: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {error}", path.display())
}
