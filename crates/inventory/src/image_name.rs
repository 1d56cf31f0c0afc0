//! Image references in the grammar of distribution/reference, with Docker's defaults
//! (`alpine` is `docker.io/library/alpine:latest`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Digest;

/// A full image reference: where it lives and which version of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageName {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a text is not an image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image reference: {reason}")]
pub struct ImageNameError {
    text: String,
    reason: &'static str,
}

/// distribution/reference allows 255 characters for a repository name with its registry.
const NAME_LENGTH_MAX: usize = 255;
/// distribution/reference: a tag has at most 128 characters.
const TAG_LENGTH_MAX: usize = 128;

impl ImageName {
    /// Host and port: `docker.io`, `localhost:5000`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// `library/alpine`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag as written, or `latest` when neither tag nor digest was.
    pub fn tag(&self) -> Option<&str> {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => Some(tag),
            (None, Some(_)) => None,
            (None, None) => Some("latest"),
        }
    }

    /// The digest, where the reference is pinned.
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same repository, pinned to a digest.
    pub fn with_digest(&self, digest: Digest) -> ImageName {
        ImageName { digest: Some(digest), ..self.clone() }
    }
}

impl FromStr for ImageName {
    type Err = ImageNameError;

    fn from_str(text: &str) -> Result<ImageName, ImageNameError> {
        let error = |reason| ImageNameError { text: text.chars().take(300).collect(), reason };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let digest = digest.parse().map_err(|_| error("what follows `@` is not a digest"))?;
                (rest, Some(digest))
            }
            None => (text, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(error("a tag has letters, digits, `_`, `.`, `-`, at most 128"));
        }
        let (registry, repository) = match name.split_once('/') {
            Some((host, path)) if is_registry(host) => (host, path.to_owned()),
            _ => ("docker.io", name.to_owned()),
        };
        let registry = match registry {
            "index.docker.io" | "registry-1.docker.io" => "docker.io",
            other => other,
        };
        // Docker's own registry has no repository at its root.
        let repository = match registry {
            "docker.io" if !repository.contains('/') => format!("library/{repository}"),
            _ => repository,
        };
        if name.is_empty() || repository.len() + registry.len() > NAME_LENGTH_MAX {
            return Err(error("the name is empty or longer than 255 characters"));
        }
        if !repository.split('/').all(is_path_component) {
            return Err(error(
                "a repository has lower-case letters and digits, separated by `.`, `_`, `__`, `-` or `/`",
            ));
        }
        Ok(ImageName { registry: registry.to_owned(), repository, tag: tag.map(str::to_owned), digest })
    }
}

fn is_registry(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let bracketed = name.starts_with('[') && name.ends_with(']');
    let port_is_number = port.is_none_or(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()));
    let name_is_host = !name.is_empty()
        && (bracketed || name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-'));
    let looks_like_host = name == "localhost"
        || name.contains('.')
        || port.is_some()
        || bracketed
        || name.bytes().any(|b| b.is_ascii_uppercase());
    name_is_host && port_is_number && looks_like_host
}

fn is_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    !tag.is_empty()
        && tag.len() <= TAG_LENGTH_MAX
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|b| word(b) || b == b'.' || b == b'-')
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_path_component(component: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = component.as_bytes();
    let ends_right =
        bytes.first().copied().is_some_and(alphanumeric) && bytes.last().copied().is_some_and(alphanumeric);
    let separators = component.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    ends_right
        && separators
            .filter(|separator| !separator.is_empty())
            .all(|separator| matches!(separator, "." | "_" | "__") || separator.bytes().all(|b| b == b'-'))
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = self.tag() {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl Serialize for ImageName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ImageName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ImageName, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match text.parse::<ImageName>() {
            Ok(name) => name.to_string(),
            Err(_) => "error".to_owned(),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn references_get_dockers_defaults() {
        let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
        check("alpine", "docker.io/library/alpine:latest");
        check("alpine:3.20", "docker.io/library/alpine:3.20");
        check("docker.io/alpine", "docker.io/library/alpine:latest");
        check("grafana/grafana", "docker.io/grafana/grafana:latest");
        check("localhost/app", "localhost/app:latest");
        check("localhost:5000/a/b:1", "localhost:5000/a/b:1");
        check("[::1]:5000/a", "[::1]:5000/a:latest");
        check("quay.io/a/b", "quay.io/a/b:latest");
        check("index.docker.io/library/x", "docker.io/library/x:latest");
        check(&format!("alpine@{digest}"), &format!("docker.io/library/alpine@{digest}"));
        check(&format!("alpine:3@{digest}"), &format!("docker.io/library/alpine:3@{digest}"));
        check("a__b/c---d", "docker.io/a__b/c---d:latest");
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in
            ["", ":tag", "Alpine", "a..b", "a/", "/a", "a:", "a@sha256:12", "a b", "a:b:c", "-a", "a/../b"]
        {
            check(text, "error");
        }
    }
}
