//! Package URLs (purl-spec, PURL-SPECIFICATION.rst and PURL-TYPES.rst).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Distro, Ecosystem, Package, SourcePackage};

/// A package URL, percent-decoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Purl {
    /// The type, lower case: `deb`, `npm`.
    pub purl_type: String,
    /// Namespace segments joined by `/`, without leading or trailing slash.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// Version.
    pub version: Option<String>,
    /// Qualifiers, keys lower case, sorted.
    pub qualifiers: BTreeMap<String, String>,
    /// Subpath.
    pub subpath: Option<String>,
}

/// Why a text is not a package URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a package URL: {reason}")]
pub struct PurlError {
    text: String,
    reason: &'static str,
}

impl Purl {
    pub(crate) fn of_package(package: &Package, distro: Option<&Distro>) -> Purl {
        let (namespace, name) = split_name(package, distro);
        let mut purl = Purl {
            purl_type: package.ecosystem.purl_type().to_owned(),
            namespace,
            name,
            version: Some(package.version.clone()).filter(|version| !version.is_empty()),
            qualifiers: BTreeMap::new(),
            subpath: None,
        };
        if package.ecosystem == Ecosystem::Rpm
            && let Some((epoch, rest)) = package.version.split_once(':')
        {
            purl.version = Some(rest.to_owned());
            purl.qualifier("epoch", Some(epoch));
        }
        purl.qualifier("arch", package.architecture.as_deref());
        if package.ecosystem.is_distribution() {
            purl.qualifier("rpmmod", package.module.as_deref());
            let upstream = package.source.as_ref().map(|source| {
                if source.version == package.version {
                    source.name.clone()
                } else {
                    format!("{}@{}", source.name, source.version)
                }
            });
            purl.qualifier("upstream", upstream.as_deref());
            let release = distro.map(|distro| match &distro.version {
                Some(version) => format!("{}-{version}", distro.id),
                None => {
                    distro.codename.as_ref().map_or(distro.id.clone(), |name| format!("{}-{name}", distro.id))
                }
            });
            purl.qualifier("distro", release.as_deref());
        }
        purl
    }

    fn qualifier(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.qualifiers.insert(key.to_owned(), value.to_owned());
        }
    }

    /// The same URL without qualifiers and subpath.
    pub fn bare(&self) -> Purl {
        Purl { qualifiers: BTreeMap::new(), subpath: None, ..self.clone() }
    }

    /// The package this URL names, as far as a URL can tell; `None` for a type that
    /// Seawall does not know. The inverse of [`Package::purl`].
    pub fn to_package(&self) -> Option<Package> {
        let ecosystem = Ecosystem::from_purl_type(&self.purl_type)?;
        let joined = |separator: &str| match &self.namespace {
            Some(namespace) => format!("{namespace}{separator}{}", self.name),
            None => self.name.clone(),
        };
        let name = match ecosystem {
            Ecosystem::Maven => joined(":"),
            Ecosystem::Deb | Ecosystem::Rpm | Ecosystem::Apk | Ecosystem::Alpm => self.name.clone(),
            Ecosystem::Npm
            | Ecosystem::Pypi
            | Ecosystem::Golang
            | Ecosystem::Cargo
            | Ecosystem::Gem
            | Ecosystem::Nuget
            | Ecosystem::Composer
            | Ecosystem::Hex
            | Ecosystem::Pub
            | Ecosystem::Swift
            | Ecosystem::Cocoapods
            | Ecosystem::Conan
            | Ecosystem::Conda
            | Ecosystem::Cran
            | Ecosystem::Hackage
            | Ecosystem::Bitnami
            | Ecosystem::Githubactions
            | Ecosystem::Generic => joined("/"),
        };
        let mut version = self.version.clone().unwrap_or_default();
        if ecosystem == Ecosystem::Rpm
            && let Some(epoch) = self.qualifiers.get("epoch")
        {
            version = format!("{epoch}:{version}");
        }
        let source = self.qualifiers.get("upstream").map(|upstream| {
            let upstream = upstream.strip_suffix(".src.rpm").map_or(upstream.clone(), source_rpm);
            match upstream.split_once('@') {
                Some((name, version)) => SourcePackage { name: name.to_owned(), version: version.to_owned() },
                None => SourcePackage { name: upstream, version: version.clone() },
            }
        });
        let mut package = Package::new(ecosystem, name, version);
        package.source = source.filter(|_| ecosystem.is_distribution());
        package.architecture = self.qualifiers.get("arch").cloned();
        package.module = self.qualifiers.get("rpmmod").cloned();
        Some(package)
    }

    /// The distribution named by the `distro` qualifier (`debian-12`) or, failing that, the bare namespace.
    pub fn distro(&self) -> Option<Distro> {
        let ecosystem = Ecosystem::from_purl_type(&self.purl_type)?;
        if !ecosystem.is_distribution() {
            return None;
        }
        let namespace = self.namespace.clone();
        let Some(qualifier) = self.qualifiers.get("distro") else {
            return namespace.map(|id| Distro { id, ..Distro::default() });
        };
        let (id, version) = match qualifier.rsplit_once('-') {
            Some((id, version)) => (id.to_owned(), Some(version.to_owned())),
            None => match namespace {
                Some(id) => (id, Some(qualifier.clone())),
                None => (qualifier.clone(), None),
            },
        };
        let is_number = |version: &String| version.starts_with(|c: char| c.is_ascii_digit());
        Some(Distro {
            id,
            codename: version.clone().filter(|version| !is_number(version)),
            version: version.filter(is_number),
            ..Distro::default()
        })
    }
}

/// `openssl-3.0.7-27.el9` (of `….src.rpm`, as Syft writes it) → `openssl@3.0.7-27.el9`.
fn source_rpm(stem: &str) -> String {
    let mut dashes = stem.rmatch_indices('-').map(|(at, _)| at);
    match (dashes.next(), dashes.next()) {
        (Some(_), Some(at)) => format!("{}@{}", &stem[..at], &stem[at + 1..]),
        _ => stem.to_owned(),
    }
}

fn split_name(package: &Package, distro: Option<&Distro>) -> (Option<String>, String) {
    let split = |separator| match package.name.rsplit_once(separator) {
        Some((namespace, name)) => (Some(namespace.to_owned()), name.to_owned()),
        None => (None, package.name.clone()),
    };
    match package.ecosystem {
        Ecosystem::Deb | Ecosystem::Rpm | Ecosystem::Apk | Ecosystem::Alpm => {
            (distro.map(|distro| distro.id.clone()), package.name.clone())
        }
        Ecosystem::Maven => split(':'),
        Ecosystem::Npm
        | Ecosystem::Golang
        | Ecosystem::Composer
        | Ecosystem::Swift
        | Ecosystem::Githubactions
        | Ecosystem::Conan => split('/'),
        Ecosystem::Pypi
        | Ecosystem::Cargo
        | Ecosystem::Gem
        | Ecosystem::Nuget
        | Ecosystem::Hex
        | Ecosystem::Pub
        | Ecosystem::Cocoapods
        | Ecosystem::Conda
        | Ecosystem::Cran
        | Ecosystem::Hackage
        | Ecosystem::Bitnami
        | Ecosystem::Generic => (None, package.name.clone()),
    }
}

/// A package URL longer than this is refused; real ones have a few hundred bytes.
const LENGTH_MAX: usize = 8 * 1024;

impl FromStr for Purl {
    type Err = PurlError;

    fn from_str(text: &str) -> Result<Purl, PurlError> {
        let error = |reason| PurlError { text: text.chars().take(300).collect(), reason };
        if text.len() > LENGTH_MAX {
            return Err(error("it is longer than 8 KiB"));
        }
        let rest = text.trim().strip_prefix("pkg:").ok_or_else(|| error("it does not begin with `pkg:`"))?;
        let (rest, subpath) = match rest.split_once('#') {
            Some((rest, subpath)) => (rest, Some(subpath)),
            None => (rest, None),
        };
        let (rest, query) = match rest.rsplit_once('?') {
            Some((rest, query)) => (rest, Some(query)),
            None => (rest, None),
        };
        let (purl_type, path) =
            rest.trim_start_matches('/').split_once('/').ok_or_else(|| error("it has no name"))?;
        // The version's `@` follows the name; an `@` before the last `/` belongs to an npm scope.
        let name_at = path.trim_end_matches('/').rfind('/').map_or(0, |slash| slash + 1);
        let (path, version) = match path[name_at..].rfind('@') {
            Some(at) if at > 0 => (&path[..name_at + at], Some(&path[name_at + at + 1..])),
            _ => (path, None),
        };
        let segments: Vec<String> =
            path.split('/').filter(|segment| !segment.is_empty()).map(decode).collect();
        let Some((name, namespace)) = segments.split_last() else {
            return Err(error("it has no name"));
        };
        let mut purl = Purl {
            purl_type: purl_type.to_ascii_lowercase(),
            namespace: Some(namespace.join("/")).filter(|namespace| !namespace.is_empty()),
            name: name.clone(),
            version: version.map(decode).filter(|version| !version.is_empty()),
            qualifiers: BTreeMap::new(),
            subpath: subpath.map(|path| decode(path.trim_matches('/'))).filter(|path| !path.is_empty()),
        };
        for pair in query.into_iter().flat_map(|query| query.split('&')) {
            if let Some((key, value)) = pair.split_once('=') {
                purl.qualifier(&key.to_ascii_lowercase(), Some(&decode(value)));
            }
        }
        purl.normalise();
        Ok(purl)
    }
}

impl Purl {
    /// The case and character rules of PURL-TYPES for the types whose registries ignore case.
    /// Go paths keep theirs: lower-casing them loses the module.
    fn normalise(&mut self) {
        match self.purl_type.as_str() {
            "pypi" => self.name = self.name.to_ascii_lowercase().replace('_', "-"),
            "deb" | "apk" | "alpm" => {
                self.name.make_ascii_lowercase();
                if let Some(namespace) = &mut self.namespace {
                    namespace.make_ascii_lowercase();
                }
            }
            "rpm" | "composer" => {
                if let Some(namespace) = &mut self.namespace {
                    namespace.make_ascii_lowercase();
                }
            }
            _ => {}
        }
    }
}

fn decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if bytes[at] == b'%' => {
                decoded.push(byte);
                at += 3;
            }
            _ => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// purl-spec: letters, digits, `.`, `-`, `_`, `~` and `:` stand for themselves.
fn encode(f: &mut fmt::Formatter<'_>, text: &str, also: &[u8]) -> fmt::Result {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b".-_~:".contains(&byte) || also.contains(&byte) {
            write!(f, "{}", byte as char)?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

impl fmt::Display for Purl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}/", self.purl_type)?;
        if let Some(namespace) = &self.namespace {
            encode(f, namespace, b"/")?;
            f.write_str("/")?;
        }
        encode(f, &self.name, b"")?;
        if let Some(version) = &self.version {
            f.write_str("@")?;
            encode(f, version, b"")?;
        }
        for (index, (key, value)) in self.qualifiers.iter().enumerate() {
            f.write_str(if index == 0 { "?" } else { "&" })?;
            write!(f, "{key}=")?;
            encode(f, value, b"/")?;
        }
        if let Some(subpath) = &self.subpath {
            f.write_str("#")?;
            encode(f, subpath, b"/")?;
        }
        Ok(())
    }
}

impl Serialize for Purl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Purl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Purl, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, canonical: &str) {
        let shown = match text.parse::<Purl>() {
            Ok(purl) => purl.to_string(),
            Err(_) => "error".to_owned(),
        };
        assert_eq!(shown, canonical, "{text}");
    }

    #[test]
    fn the_specifications_examples() {
        check(
            "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie",
            "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie",
        );
        check(
            "pkg:golang/google.golang.org/genproto#googleapis/api/annotations/",
            "pkg:golang/google.golang.org/genproto#googleapis/api/annotations",
        );
        check("pkg:npm/%40angular/animation@12.3.1", "pkg:npm/%40angular/animation@12.3.1");
        check("pkg:npm/@angular/animation@12.3.1", "pkg:npm/%40angular/animation@12.3.1");
        check("pkg:PYPI/Django_Package@1.11.1.dev1", "pkg:pypi/django-package@1.11.1.dev1");
        check("pkg://maven/org.apache/x@1.0", "pkg:maven/org.apache/x@1.0");
        check(
            "pkg:rpm/fedora/curl@7.50.3-1.fc25?arch=i386&distro=fedora-25",
            "pkg:rpm/fedora/curl@7.50.3-1.fc25?arch=i386&distro=fedora-25",
        );
        check(
            "pkg:golang/github.com/Azure/go-autorest@v1.0.0",
            "pkg:golang/github.com/Azure/go-autorest@v1.0.0",
        );
        check("npm/x", "error");
        check("pkg:npm", "error");
        check("pkg:npm/", "error");
    }

    #[test]
    fn a_package_survives_its_own_url() {
        let distro = Distro { id: "debian".into(), version: Some("12".into()), ..Distro::default() };
        let mut package = Package::new(Ecosystem::Deb, "bsdutils", "1:2.38.1-5+deb12u1");
        package.source =
            Some(SourcePackage { name: "util-linux".into(), version: "2.38.1-5+deb12u1".into() });
        package.architecture = Some("amd64".into());
        let text = package.purl(Some(&distro)).to_string();
        assert_eq!(
            text,
            "pkg:deb/debian/bsdutils@1:2.38.1-5%2Bdeb12u1?arch=amd64&distro=debian-12&upstream=util-linux%402.38.1-5%2Bdeb12u1"
        );
        let purl: Purl = text.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(purl.to_package(), Some(package));
        assert_eq!(purl.distro(), Some(distro));

        for (ecosystem, name) in [
            (Ecosystem::Npm, "@a/b"),
            (Ecosystem::Maven, "org.a:b"),
            (Ecosystem::Golang, "github.com/Azure/x/v2"),
            (Ecosystem::Composer, "symfony/http-kernel"),
        ] {
            let package = Package::new(ecosystem, name, "1.0.0-rc.1+build");
            let purl: Purl = package.purl(None).to_string().parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(purl.to_package(), Some(package));
        }

        let mut package = Package::new(Ecosystem::Rpm, "perl-Errno", "2:1.30-481.el9");
        package.module = Some("perl:5.32:1:abc".into());
        assert_eq!(package.purl(None).to_package(), Some(package));
    }
}
