//! Whom to trust, and who we are.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig};

use super::TlsFiles;
use crate::limits::PEM_BYTES_MAX;

/// The error completes "output …: ".
pub(super) fn config(files: &TlsFiles) -> Result<TlsConfig, String> {
    let mut config = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
    if let Some(path) = &files.ca {
        config = config.root_certs(RootCerts::new_with_certs(&certificates(path)?));
    }
    if let Some((certificate, key)) = &files.client {
        let chain = certificates(certificate)?;
        let key = PrivateKey::from_pem(&pem(key)?).map_err(|error| wrong(key, error))?;
        config = config.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
    }
    Ok(config.build())
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&pem(path)?) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| wrong(path, error))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() { Err(wrong(path, "it holds no certificate")) } else { Ok(certificates) }
}

fn pem(path: &Path) -> Result<Vec<u8>, String> {
    // A pipe would be waited for.
    if std::fs::metadata(path).is_ok_and(|about| !about.is_file()) {
        return Err(wrong(path, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| wrong(path, error))?;
    file.take(PEM_BYTES_MAX).read_to_end(&mut bytes).map_err(|error| wrong(path, error))?;
    Ok(bytes)
}

fn wrong(path: &Path, reason: impl std::fmt::Display) -> String {
    format!("cannot use {}: {reason}", path.display())
}
