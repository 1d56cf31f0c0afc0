//! `signedIdentity`: which name a simple signature must be for (containers-policy.json(5)).

use seawall_inventory::ImageName;
use serde::Deserialize;

/// Which name a signature must be for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", deny_unknown_fields, rename_all = "camelCase")]
pub enum SignedIdentity {
    /// The image's, with its tag.
    MatchExact {},
    /// The image's with its tag; for an image by digest its repository.
    MatchRepoDigestOrExact {},
    /// The image's repository.
    MatchRepository {},
    /// A name, with its tag.
    #[serde(rename_all = "camelCase")]
    ExactReference {
        /// The name.
        docker_reference: String,
    },
    /// A repository.
    #[serde(rename_all = "camelCase")]
    ExactRepository {
        /// Its name.
        docker_repository: String,
    },
    /// As `matchRepoDigestOrExact`, for an image that lies elsewhere than where it was signed.
    #[serde(rename_all = "camelCase")]
    RemapIdentity {
        /// Beginning of the names here.
        prefix: String,
        /// What it was where it was signed.
        signed_prefix: String,
    },
}

impl SignedIdentity {
    /// Whether a signature's name is the one wanted for an image.
    pub fn accepts(&self, image: &ImageName, signed: &str) -> bool {
        let Ok(name) = signed.parse::<ImageName>() else { return false };
        let signed = Signed { text: signed, name };
        match self {
            SignedIdentity::MatchExact {} => is_same(image, &signed),
            SignedIdentity::MatchRepoDigestOrExact {} => is_repo_digest_or_exact(image, &signed),
            SignedIdentity::MatchRepository {} => repository(image) == repository(&signed.name),
            SignedIdentity::ExactReference { docker_reference } => {
                !is_bare(docker_reference)
                    && docker_reference.parse().is_ok_and(|wanted| is_same(&wanted, &signed))
            }
            SignedIdentity::ExactRepository { docker_repository } => {
                docker_repository.parse().is_ok_and(|wanted| repository(&wanted) == repository(&signed.name))
            }
            SignedIdentity::RemapIdentity { prefix, signed_prefix } => {
                let image = remapped(image, prefix, signed_prefix);
                image.is_some_and(|image| is_repo_digest_or_exact(&image, &signed))
            }
        }
    }

    /// What is wanted, for people.
    pub fn wanted(&self) -> String {
        match self {
            SignedIdentity::MatchExact {} => "the image's own name and tag".to_owned(),
            SignedIdentity::MatchRepoDigestOrExact {} => {
                "the image's own name and tag, or by digest its repository".to_owned()
            }
            SignedIdentity::MatchRepository {} => "the image's repository".to_owned(),
            SignedIdentity::ExactReference { docker_reference } => docker_reference.clone(),
            SignedIdentity::ExactRepository { docker_repository } => docker_repository.clone(),
            SignedIdentity::RemapIdentity { signed_prefix, .. } => format!("a name below {signed_prefix}"),
        }
    }
}

/// The name in a signature.
struct Signed<'s> {
    text: &'s str,
    name: ImageName,
}

fn repository(name: &ImageName) -> (&str, &str) {
    (name.registry(), name.repository())
}

/// Whether the name has neither tag nor digest; then `latest` is not meant.
fn is_bare(text: &str) -> bool {
    !text.rsplit('/').next().unwrap_or(text).contains([':', '@'])
}

/// Whether all is the same, tag and digest too.
fn is_same(image: &ImageName, signed: &Signed<'_>) -> bool {
    !is_bare(signed.text)
        && repository(image) == repository(&signed.name)
        && image.digest() == signed.name.digest()
        && image.tag() == signed.name.tag()
}

fn is_repo_digest_or_exact(image: &ImageName, signed: &Signed<'_>) -> bool {
    match image.digest() {
        Some(_) => repository(image) == repository(&signed.name),
        None => is_same(image, signed),
    }
}

/// The image under the name that it was signed with; itself where the prefix is not its.
fn remapped(image: &ImageName, prefix: &str, signed_prefix: &str) -> Option<ImageName> {
    let name = format!("{}/{}", image.registry(), image.repository());
    let rest = name.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let Some(rest) = rest else { return Some(image.clone()) };
    let version = match (image.digest(), image.tag()) {
        (Some(digest), _) => format!("@{digest}"),
        (None, tag) => format!(":{}", tag.unwrap_or("latest")),
    };
    format!("{signed_prefix}{rest}{version}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let exact = SignedIdentity::MatchExact {};
        let either = SignedIdentity::MatchRepoDigestOrExact {};
        let repository = SignedIdentity::MatchRepository {};
        let reference = SignedIdentity::ExactReference { docker_reference: "r.example/b:2".to_owned() };
        let elsewhere = SignedIdentity::ExactRepository { docker_repository: "r.example/b".to_owned() };
        let remap = SignedIdentity::RemapIdentity {
            prefix: "m.example/x".to_owned(),
            signed_prefix: "v.example".to_owned(),
        };
        let digest = format!("r.example/a@sha256:{}", "0".repeat(64));
        let check = |identity: &SignedIdentity, image: &str, signed: &str, expected: bool| {
            let image = image.parse().unwrap();
            assert_eq!(identity.accepts(&image, signed), expected, "{identity:?} {image} {signed}");
        };
        check(&exact, "r.example/a:1", "r.example/a:1", true);
        check(&exact, "r.example/a:1", "r.example/a:2", false);
        check(&exact, "r.example/a", "r.example/a", false);
        check(&exact, &digest, "r.example/a:1", false);
        check(&either, "r.example/a:1", "r.example/a:1", true);
        check(&either, "r.example/a:1", "r.example/a", false);
        check(&either, &digest, "r.example/a:1", true);
        check(&either, &digest, "r.example/b:1", false);
        check(&repository, "r.example/a:1", "r.example/a", true);
        check(&repository, "r.example/a:1", "r.example/ab", false);
        check(&repository, "docker.io/library/a:1", "index.docker.io/library/a", true);
        check(&reference, "r.example/a:1", "r.example/b:2", true);
        check(&reference, "r.example/a:1", "r.example/b:1", false);
        check(&elsewhere, "r.example/a:1", "r.example/b:7", true);
        check(&remap, "m.example/x/a:1", "v.example/a:1", true);
        check(&remap, "m.example/x/a:1", "m.example/x/a:1", false);
        check(&remap, "m.example/xa/a:1", "m.example/xa/a:1", true);
        check(&exact, "r.example/a:1", "", false);
    }
}
