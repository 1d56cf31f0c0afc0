//! Paths of crate sources as the compiler writes them into panic messages:
//! `…/registry/src/index.crates.io-6f17d22bba15001f/NAME-VERSION/src/…`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::limits::RUST_CRATES_MAX;

/// The longest stretch of a path that the pattern spans.
pub(super) const BYTES_MAX: u64 = 1024;

/// The registry's folder is absent where Debian builds (`/usr/share/cargo/registry/NAME-VERSION/`) and where
/// `cargo vendor --versioned-dirs` put the sources (`/vendor/NAME-VERSION/src/`); the standard library's own
/// dependencies stand below `/rust/deps/`.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled by a test")]
static CRATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?-u)(?:/registry/src/[A-Za-z0-9._-]{1,128}/|\\registry\\src\\[A-Za-z0-9._-]{1,128}\\|/cargo/registry/|/rust/deps/|/vendor/)([A-Za-z][A-Za-z0-9_-]{0,63}?)-([0-9]{1,9}\.[0-9]{1,9}\.[0-9]{1,9}(?:[-+][0-9A-Za-z.+-]{1,64})?)[/\\][A-Za-z0-9_./\\-]{1,200}?\.rs",
    )
    .expect("a valid pattern")
});

/// Adds the name and version of every crate whose path stands in these bytes.
pub(super) fn collect(bytes: &[u8], crates: &mut BTreeSet<(String, String)>) {
    for found in CRATE.captures_iter(bytes) {
        if crates.len() >= RUST_CRATES_MAX {
            return;
        }
        let (_, [name, version]) = found.extract();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        crates.insert((text(name), text(version)));
    }
}
