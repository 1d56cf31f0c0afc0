//! `policy.json` of podman, skopeo, CRI-O and bootc (containers-policy.json(5)): read as strictly as they do, asked what it
//! requires of an image, and written from our own requirements.
//!
//! GPG signatures (`signedBy`) are named as a requirement and not verified here.

use std::collections::BTreeMap;
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use seawall_inventory::ImageName;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::json::{self, Base64};
use crate::requirement::Requirements;

mod identity;
mod judge;

pub use identity::SignedIdentity;
pub use judge::{Open, Question, RegistriesD};

use judge::Source;

/// A `policy.json`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainersPolicy {
    default: Vec<Rule>,
    #[serde(default)]
    transports: BTreeMap<String, BTreeMap<String, Vec<Rule>>>,
}

/// One of the requirements, all of which an image must meet.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
pub enum Rule {
    /// Everything passes.
    #[serde(rename = "insecureAcceptAnything")]
    AcceptAnything {},
    /// Nothing does.
    #[serde(rename = "reject")]
    Reject {},
    /// A GPG signature.
    #[serde(rename = "signedBy", rename_all = "camelCase")]
    SignedBy {
        /// `GPGKeys`.
        key_type: String,
        /// A file of keys.
        key_path: Option<String>,
        /// Several.
        key_paths: Option<Vec<String>>,
        /// The keys, in base64.
        key_data: Option<String>,
        /// Which name the signature must be for.
        signed_identity: Option<SignedIdentity>,
    },
    /// cosign's signature in the tag `.sig`.
    #[serde(rename = "sigstoreSigned")]
    SigstoreSigned(Box<SigstoreSigned>),
}

/// Who must have made cosign's signature; exactly one kind of keys.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SigstoreSigned {
    /// A file with a public key.
    key_path: Option<String>,
    /// Several, of which one is enough.
    key_paths: Option<Vec<String>>,
    /// A public key's PEM, in base64.
    key_data: Option<Base64>,
    /// Several, of which one is enough.
    key_datas: Option<Vec<Base64>>,
    /// An identity of Fulcio's.
    fulcio: Option<Fulcio>,
    /// A private authority.
    pki: Option<Pki>,
    /// The log's key, a file.
    rekor_public_key_path: Option<String>,
    /// Several.
    rekor_public_key_paths: Option<Vec<String>>,
    /// The log's key, in base64.
    rekor_public_key_data: Option<Base64>,
    /// Several.
    rekor_public_key_datas: Option<Vec<Base64>>,
    /// Which name the signature must be for.
    signed_identity: Option<SignedIdentity>,
}

/// A Fulcio, and whom it must have certified.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Fulcio {
    ca_path: Option<String>,
    ca_data: Option<Base64>,
    oidc_issuer: String,
    subject_email: String,
}

/// A private authority, and whom it must have certified.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Pki {
    ca_roots_path: Option<String>,
    ca_roots_data: Option<Base64>,
    ca_intermediates_path: Option<String>,
    ca_intermediates_data: Option<Base64>,
    subject_email: Option<String>,
    subject_hostname: Option<String>,
}

/// Why a document is no such policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a policy.json that podman would take: {0}")]
pub struct ContainersPolicyError(String);

impl ContainersPolicy {
    /// Reads it. Unknown and double fields refuse the whole file, as podman does.
    ///
    /// # Errors
    /// It is none.
    pub fn read(bytes: &[u8]) -> Result<ContainersPolicy, ContainersPolicyError> {
        let policy: ContainersPolicy =
            json::read(bytes).map_err(|error| ContainersPolicyError(error.to_string()))?;
        let all = policy.transports.values().flat_map(BTreeMap::values).chain([&policy.default]);
        for rules in all {
            if rules.is_empty() {
                return Err(ContainersPolicyError("a list of requirements is empty".to_owned()));
            }
            rules.iter().try_for_each(check).map_err(ContainersPolicyError)?;
        }
        Ok(policy)
    }

    /// What it requires of an image of a registry, and by which scope: the most specific that there is.
    pub fn of(&self, image: &ImageName) -> (String, &[Rule]) {
        self.most_specific("docker", scopes_of(image))
    }

    /// The same of an image of an OCI layout.
    fn of_layout(&self, path: &Path, reference: Option<&str>) -> (String, &[Rule]) {
        self.most_specific("oci", layout_scopes(path, reference))
    }

    fn most_specific(&self, transport: &str, scopes: Vec<String>) -> (String, &[Rule]) {
        if let Some(known) = self.transports.get(transport) {
            for scope in scopes {
                if let Some(rules) = known.get(&scope) {
                    return (if scope.is_empty() { transport.to_owned() } else { scope }, rules);
                }
            }
        }
        ("default".to_owned(), &self.default)
    }

    /// Whether it lets anything pass for an image, as podman's own default does.
    pub fn accepts_anything(&self, image: &ImageName) -> bool {
        self.of(image).1.iter().all(|rule| *rule == Rule::AcceptAnything {})
    }
}

impl SigstoreSigned {
    fn keys(&self) -> Result<Vec<Source>, String> {
        let data = (&self.key_data, &self.key_datas);
        sources((&self.key_path, &self.key_paths), data)
    }

    fn logs(&self) -> Result<Vec<Source>, String> {
        let data = (&self.rekor_public_key_data, &self.rekor_public_key_datas);
        sources((&self.rekor_public_key_path, &self.rekor_public_key_paths), data)
    }
}

/// A field and its plural, of paths and of data; only one of the four may be there.
fn sources(
    (path, paths): (&Option<String>, &Option<Vec<String>>),
    (data, datas): (&Option<Base64>, &Option<Vec<Base64>>),
) -> Result<Vec<Source>, String> {
    let given = [path.is_some(), paths.is_some(), data.is_some(), datas.is_some()];
    if given.into_iter().filter(|is_there| *is_there).count() > 1 {
        return Err("a requirement has several sources of keys where exactly one is expected".to_owned());
    }
    if [paths.as_ref().map(Vec::len), datas.as_ref().map(Vec::len)].contains(&Some(0)) {
        return Err("a list of keys is empty".to_owned());
    }
    let paths = path.iter().chain(paths.iter().flatten()).cloned().map(Source::Path);
    let data = data.iter().chain(datas.iter().flatten()).map(|data| Source::Data(data.0.clone()));
    Ok(paths.chain(data).collect())
}

/// From a layout's image to the directories above it, and everything.
fn layout_scopes(path: &Path, reference: Option<&str>) -> Vec<String> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut scopes = vec![format!("{}:{}", path.display(), reference.unwrap_or_default())];
    let above = path.ancestors().filter(|above| *above != Path::new("/"));
    scopes.extend(above.map(|above| above.display().to_string()));
    scopes.push(String::new());
    scopes
}

/// From the image itself to its registry, the domains above it, and everything.
fn scopes_of(image: &ImageName) -> Vec<String> {
    let mut scope = format!("{}/{}", image.registry(), image.repository());
    let mut scopes = match (image.digest(), image.tag()) {
        (Some(digest), _) => vec![format!("{scope}@{digest}")],
        (None, Some(tag)) => vec![format!("{scope}:{tag}")],
        (None, None) => Vec::new(),
    };
    scopes.push(scope.clone());
    while let Some((above, _)) = scope.rsplit_once('/') {
        scope = above.to_owned();
        scopes.push(scope.clone());
    }
    let mut host = image.registry().split(':').next().unwrap_or_default();
    while let Some((_, above)) = host.split_once('.') {
        host = above;
        scopes.push(format!("*.{host}"));
    }
    scopes.push(String::new());
    scopes
}

/// Exactly one source of keys.
fn check(rule: &Rule) -> Result<(), String> {
    let sources = match rule {
        Rule::AcceptAnything {} | Rule::Reject {} => return Ok(()),
        Rule::SignedBy { key_type, key_path, key_paths, key_data, .. } => {
            if key_type != "GPGKeys" {
                return Err(format!("`{key_type}` is no type of keys that is known"));
            }
            [key_path.is_some(), key_paths.is_some(), key_data.is_some()].to_vec()
        }
        Rule::SigstoreSigned(by) => {
            if by.key_paths.as_ref().is_some_and(Vec::is_empty)
                || by.key_datas.as_ref().is_some_and(Vec::is_empty)
            {
                return Err("a list of keys is empty".to_owned());
            }
            let has_log = !by.logs()?.is_empty();
            match (&by.fulcio, &by.pki) {
                // A certificate of some minutes proves nothing unless somebody says when it was used.
                (Some(_), _) if !has_log => return Err("`fulcio` needs `rekorPublicKey…`".to_owned()),
                (_, Some(_)) if has_log => return Err("`pki` has no `rekorPublicKey…`".to_owned()),
                _ => {}
            }
            let keys = [by.key_path.is_some(), by.key_paths.is_some()];
            let data = [by.key_data.is_some(), by.key_datas.is_some()];
            [&keys[..], &data, &[by.fulcio.is_some(), by.pki.is_some()]].concat()
        }
    };
    match sources.into_iter().filter(|is_there| *is_there).count() {
        1 => Ok(()),
        count => Err(format!("a requirement has {count} sources of keys where exactly one is expected")),
    }
}

/// Writes our requirements as a `policy.json`, for hosts where podman or CRI-O pulls; and what it cannot say.
///
/// Their signatures are those of the older generation (`seawall sign --legacy`), and of keys: an identity needs a
/// Fulcio that podman knows by mail addresses only.
pub fn export(requirements: &Requirements) -> (Value, Vec<String>) {
    let mut scopes = Map::new();
    let mut left_out = Vec::new();
    for requirement in &requirements.0 {
        for pattern in &requirement.images {
            let text = pattern.to_string();
            let Some(scope) = scope(&text) else {
                left_out.push(format!("`{text}`: podman knows only repositories and what is below a path"));
                continue;
            };
            if scopes.contains_key(&scope) {
                // The first entry counts here, so it must there.
                continue;
            }
            let unsaid = [
                (requirement.signers > 1, "more than one signer"),
                (!requirement.attestations.is_empty(), "attestations"),
                (requirement.age_days_max.is_some(), "the age of signatures"),
                (!requirement.revoked_digests.is_empty(), "revoked digests"),
                (!requirement.identities.is_empty(), "identities"),
            ];
            let unsaid = unsaid.into_iter().filter(|(is_there, _)| *is_there);
            left_out.extend(unsaid.map(|(_, what)| format!("`{text}`: podman has no word for {what}")));
            let is_valid = |key: &&crate::PublicKey| !requirement.revoked_keys.contains(&key.fingerprint());
            let keys: Vec<String> = requirement
                .keys
                .iter()
                .filter(is_valid)
                .map(|key| BASE64_STANDARD.encode(key.to_pem()))
                .collect();
            let rule = match keys.is_empty() {
                true => json!({"type": "reject"}),
                false => json!({
                    "type": "sigstoreSigned", "keyDatas": keys,
                    "signedIdentity": {"type": "matchRepository"},
                }),
            };
            scopes.insert(scope, json!([rule]));
        }
    }
    (json!({"default": [{"type": "reject"}], "transports": {"docker": scopes}}), left_out)
}

/// A pattern as podman's scope: a name, or a path with everything below it.
fn scope(pattern: &str) -> Option<String> {
    let plain = pattern.strip_suffix("/**").unwrap_or(pattern);
    match plain {
        "**" => Some(String::new()),
        _ if plain.contains('*') => None,
        _ => Some(plain.to_owned()),
    }
}

/// A file for `registries.d` that makes podman look for signatures beside the images of what a `policy.json` is about.
pub fn registries_d(policy: &Value) -> String {
    let scopes = policy["transports"]["docker"].as_object().into_iter().flat_map(Map::keys);
    let (all, some): (Vec<&String>, Vec<&String>) = scopes.partition(|scope| scope.is_empty());
    let mut text = String::new();
    if !all.is_empty() {
        text.push_str("default-docker:\n  use-sigstore-attachments: true\n");
    }
    if !some.is_empty() {
        text.push_str("docker:\n");
    }
    for scope in some {
        text.push_str(&format!("  {}:\n    use-sigstore-attachments: true\n", json!(scope)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::identity::Pattern;
    use crate::limits::REGISTRIES_D_FILES_MAX;
    use crate::requirement::Requirement;
    use crate::testing;

    const POLICY: &str = r#"{"default": [{"type": "reject"}], "transports": {"docker": {
        "registry.example/team/app:1": [{"type": "insecureAcceptAnything"}],
        "registry.example/team/app": [{"type": "sigstoreSigned", "keyPath": "/k", "signedIdentity": {"type": "matchRepository"}}],
        "registry.example/team": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/g"}],
        "registry.example": [{"type": "reject"}],
        "*.example": [{"type": "insecureAcceptAnything"}]}}}"#;

    #[test]
    fn the_most_specific_scope_counts() {
        let policy = ContainersPolicy::read(POLICY.as_bytes()).unwrap();
        let check = |image: &str, expected: &str| {
            assert_eq!(policy.of(&image.parse().unwrap()).0, expected, "{image}");
        };
        check("registry.example/team/app:1", "registry.example/team/app:1");
        check("registry.example/team/app:2", "registry.example/team/app");
        check("registry.example/team/app/part", "registry.example/team/app");
        check("registry.example/team/other", "registry.example/team");
        check("registry.example/x", "registry.example");
        check("a.b.example/x", "*.example");
        check("alpine", "default");
        assert!(policy.accepts_anything(&"a.example/x".parse().unwrap()));
        assert!(!policy.accepts_anything(&"alpine".parse().unwrap()));
    }

    #[test]
    fn what_podman_refuses_is_refused() {
        let check = |rule: &str, expected: &str| {
            let text = format!(r#"{{"default": [{rule}]}}"#);
            let error = ContainersPolicy::read(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{rule}: {error}");
        };
        check("", "is empty");
        check(r#"{"type": "other"}"#, "unknown variant");
        check(r#"{"type": "reject", "x": 1}"#, "unknown field");
        check(r#"{"type": "reject", "type": "reject"}"#, "twice");
        check(r#"{"type": "sigstoreSigned"}"#, "0 sources");
        check(r#"{"type": "sigstoreSigned", "keyPath": "a", "keyData": "Yg=="}"#, "2 sources");
        check(
            r#"{"type": "sigstoreSigned", "keyPath": "a", "signedIdentity": {"type": "x"}}"#,
            "unknown variant",
        );
        check(r#"{"type": "sigstoreSigned", "keyPaths": []}"#, "is empty");
        let fulcio = r#""fulcio": {"caPath": "a", "oidcIssuer": "b", "subjectEmail": "c"}"#;
        check(&format!(r#"{{"type": "sigstoreSigned", {fulcio}}}"#), "needs `rekorPublicKey");
        check(r#"{"type": "signedBy", "keyType": "X", "keyPath": "a"}"#, "no type of keys");
        assert!(ContainersPolicy::read(br#"{"transports": {}}"#).is_err());
    }

    #[test]
    fn what_is_exported_is_read() {
        let pattern = |text: &str| Pattern::glob(text).unwrap();
        let key = testing::key().public().clone();
        let images =
            vec![pattern("registry.example/app"), pattern("ghcr.io/org/**"), pattern("a.example/*-x")];
        let requirement =
            Requirement { images, keys: vec![key.clone()], signers: 2, ..Requirement::default() };
        let revoked = Requirement {
            images: vec![pattern("old.example")],
            revoked_keys: [key.fingerprint()].into(),
            keys: vec![key],
            ..Requirement::default()
        };
        let (policy, left_out) = export(&Requirements(vec![requirement, revoked]));
        let read = ContainersPolicy::read(policy.to_string().as_bytes()).unwrap();
        let of = |image: &str| read.of(&image.parse().unwrap()).1.to_vec();
        assert!(matches!(
            of("ghcr.io/org/a/b").as_slice(),
            [Rule::SigstoreSigned(by)] if by.key_datas.is_some()
        ));
        assert_eq!(of("old.example/x"), [Rule::Reject {}]);
        assert_eq!(of("alpine"), [Rule::Reject {}]);
        assert!(registries_d(&policy).contains("\"ghcr.io/org\":\n    use-sigstore-attachments: true"));
        assert_eq!(left_out.len(), 3, "{left_out:?}");
    }

    #[test]
    fn which_files_of_registries_d_are_read_is_no_directorys_whim() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: String, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
        for number in 0..REGISTRIES_D_FILES_MAX {
            write(format!("{number}.yaml"), "docker: {}\n");
            write(format!("{number}.txt"), "not read");
        }
        RegistriesD::read(directory.path()).unwrap();
        write("z.yaml".to_owned(), "docker: {}\n");
        let error = RegistriesD::read(directory.path()).unwrap_err();
        assert!(error.contains("more than 1000 files"), "{error}");
    }
}
