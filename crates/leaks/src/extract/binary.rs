//! Files that are no text: key stores, key tables, a repository's directory.

use super::{Out, Path};

/// The tag of a private key in a Java key store (`sun.security.provider.JavaKeyStore`).
const PRIVATE_KEY_ENTRY: u32 = 1;

pub(super) fn extract(path: &Path<'_>, bytes: &[u8], out: &mut Out<'_>) {
    let ends = |endings: &[&str]| endings.iter().any(|ending| path.name.ends_with(ending));
    // One file of a repository stands for all; a submodule's has no directory of objects.
    if path.ends(".git/HEAD") && bytes.starts_with(b"ref: ") {
        out.certain("git-directory", bytes);
    }
    if bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) && first_entry(bytes) == Some(PRIVATE_KEY_ENTRY) {
        out.certain("key-store", head(bytes));
    }
    if ends(&[".p12", ".pfx", ".pkcs12", ".jks", ".keystore"]) && is_pkcs12(bytes) && path.name != "cacerts" {
        out.certain("key-store", head(bytes));
    }
    if bytes.starts_with(&[5, 2]) && (ends(&[".keytab"]) || path.name == "krb5.keytab") && bytes.len() > 20 {
        out.certain("keytab", head(bytes));
    }
    if path.ends(".vnc/passwd") && matches!(bytes.len(), 8 | 16) {
        out.certain("vnc-password", bytes);
    }
}

/// A file as a whole is told by its beginning: its identity needs no more.
fn head(bytes: &[u8]) -> &[u8] {
    bytes.get(..bytes.len().min(4096)).unwrap_or_default()
}

fn first_entry(bytes: &[u8]) -> Option<u32> {
    bytes.get(12..16)?.first_chunk::<4>().map(|tag| u32::from_be_bytes(*tag))
}

/// `PFX ::= SEQUENCE { version INTEGER 3, authSafe … }` with a content type of PKCS #7 (RFC 7292).
fn is_pkcs12(bytes: &[u8]) -> bool {
    let start = bytes.get(..40).unwrap_or_default();
    let version = memchr::memmem::find(start, &[2, 1, 3]).is_some();
    start.first() == Some(&0x30)
        && version
        && memchr::memmem::find(start, b"\x2a\x86\x48\x86\xf7\x0d\x01\x07").is_some()
}
