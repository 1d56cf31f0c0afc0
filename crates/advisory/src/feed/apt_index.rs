//! `Sources` and `Packages` indices of an apt repository (deb822(5)): which versions a pocket publishes. A security pocket's
//! versions say where a fix is out; which CVEs it fixes the changelogs say.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::Order;

/// Source package → the newest version that an index publishes.
///
/// Reads both kinds of index: a `Packages` stanza names its source in `Source: name (version)` where name or version
/// differ from the binary's. Lines that are no fields are skipped.
pub fn published_sources(index: &str) -> BTreeMap<String, String> {
    let mut newest: BTreeMap<String, String> = BTreeMap::new();
    let mut stanza = Stanza::default();
    for line in index.lines().chain([""]) {
        if !line.trim().is_empty() {
            stanza.field(line);
            continue;
        }
        let Some((source, version)) = std::mem::take(&mut stanza).source() else { continue };
        match newest.get_mut(&source) {
            Some(known) if Order::Deb.compare(known, &version) == Some(Ordering::Less) => *known = version,
            Some(_) => {}
            None => {
                newest.insert(source, version);
            }
        }
    }
    newest
}

#[derive(Default)]
struct Stanza<'a> {
    package: Option<&'a str>,
    version: Option<&'a str>,
    source: Option<&'a str>,
}

impl<'a> Stanza<'a> {
    fn field(&mut self, line: &'a str) {
        let Some((name, value)) = line.split_once(':').filter(|_| !line.starts_with([' ', '\t'])) else {
            return;
        };
        let value = Some(value.trim());
        match name {
            "Package" => self.package = value,
            "Version" => self.version = value,
            "Source" => self.source = value,
            _ => {}
        }
    }

    fn source(self) -> Option<(String, String)> {
        let (package, version) = (self.package?, self.version?);
        let Some(source) = self.source else { return Some((package.to_owned(), version.to_owned())) };
        let (name, own) = source.split_once(" (").unwrap_or((source, ""));
        let own = own.trim_end_matches(')');
        Some((name.to_owned(), if own.is_empty() { version } else { own }.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(index: &str, expected: &[(&str, &str)]) {
        let got = published_sources(index);
        let got: Vec<(&str, &str)> =
            got.iter().map(|(name, version)| (name.as_str(), version.as_str())).collect();
        assert_eq!(got, expected, "{index}");
    }

    #[test]
    fn stanzas() {
        check(
            "Package: bsdutils\nSource: util-linux (2.38.1-5)\nVersion: 1:2.38.1-5\n",
            &[("util-linux", "2.38.1-5")],
        );
        check("Package: a\nVersion: 1\n\nPackage: a\nVersion: 2\nDescription: x\n  y: z\n", &[("a", "2")]);
        check("Package: libssl3\nSource: openssl\nVersion: 3.0.11-1\n", &[("openssl", "3.0.11-1")]);
        check("nonsense\n\n\n", &[]);
    }
}
