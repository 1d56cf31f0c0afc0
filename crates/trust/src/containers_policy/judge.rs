//! Asks an image what a `policy.json` requires of it, as podman would at a pull: each requirement of the most specific
//! scope must be met. GPG signatures are not verified here, and what is not verified is not met.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use seawall_finding::{Finding, Findings};
use seawall_inventory::ImageName;
use serde::Deserialize;

use super::{ContainersPolicy, Fulcio, Pki, Rule, SignedIdentity, SigstoreSigned};
use crate::certificate::Certificate;
use crate::certificate::identity::{Identity, Pattern};
use crate::image::legacy::Kind;
use crate::image::{Home, ImageError, Pinned, simple_signatures};
use crate::json::Base64;
use crate::key::PublicKey;
use crate::limits::{KEY_BYTES_MAX, REGISTRIES_D_BYTES_MAX, REGISTRIES_D_FILES_MAX};
use crate::requirement;
use crate::rules;
use crate::trusted_root::{Authority, LogKey, Period, TrustedRoot};
use crate::verify::Wanted;

/// Reads a file that a policy names.
pub type Open<'o> = &'o dyn Fn(&str) -> Result<Vec<u8>, String>;

/// Files of `registries.d`: where signatures lie (containers-registries.d(5)).
#[derive(Debug, Clone, Default)]
pub struct RegistriesD {
    default: Option<Namespace>,
    scopes: std::collections::BTreeMap<String, Namespace>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WireRegistries {
    default_docker: Option<Namespace>,
    #[serde(default)]
    docker: std::collections::BTreeMap<String, Namespace>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Namespace {
    use_sigstore_attachments: Option<bool>,
    #[serde(rename = "lookaside")]
    _lookaside: Option<String>,
    #[serde(rename = "lookaside-staging")]
    _lookaside_staging: Option<String>,
    #[serde(rename = "sigstore")]
    _sigstore: Option<String>,
    #[serde(rename = "sigstore-staging")]
    _sigstore_staging: Option<String>,
}

impl RegistriesD {
    /// Reads all files of a directory.
    ///
    /// # Errors
    /// One cannot be read, there are more than 1,000, or two are about the same scope.
    pub fn read(directory: &Path) -> Result<RegistriesD, String> {
        let mut found = RegistriesD::default();
        let told = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let entries = fs::read_dir(directory).map_err(|error| told(directory, &error))?;
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| told(directory, &error))?.path();
            if path.extension().is_some_and(|ending| ending == "yaml") {
                paths.push(path);
            }
            // podman reads all; which of them are the first is the directory's whim.
            if paths.len() > REGISTRIES_D_FILES_MAX {
                return Err(told(directory, &format!("more than {REGISTRIES_D_FILES_MAX} files")));
            }
        }
        paths.sort();
        for path in &paths {
            let about = fs::metadata(path).map_err(|error| told(path, &error))?;
            if !about.is_file() || about.len() > REGISTRIES_D_BYTES_MAX {
                return Err(told(path, &"it is no file, or a huge one"));
            }
            let text = fs::read_to_string(path).map_err(|error| told(path, &error))?;
            let wire: WireRegistries = serde_saphyr::from_str(&text).map_err(|error| told(path, &error))?;
            if wire.default_docker.is_some() && found.default.is_some() {
                return Err(told(path, &"`default-docker` stands in two files"));
            }
            found.default = found.default.or(wire.default_docker);
            for (scope, namespace) in wire.docker {
                if found.scopes.insert(scope.clone(), namespace).is_some() {
                    return Err(told(path, &format!("`{scope}` stands in two files")));
                }
            }
        }
        Ok(found)
    }

    /// Whether podman looks for the signatures of an image in its repository.
    fn uses_attachments(&self, image: &ImageName) -> bool {
        let said = super::scopes_of(image).into_iter().filter_map(|scope| self.scopes.get(&scope));
        let mut said = said.chain(&self.default).filter_map(|namespace| namespace.use_sigstore_attachments);
        said.next().unwrap_or(false)
    }
}

/// What is asked, and of which image.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The image's name as the user gave it.
    pub target: &'a str,
    /// Where it lies.
    pub home: &'a Home,
    /// What it is.
    pub image: &'a Pinned,
    /// Where podman looks for signatures; `None` looks in the repository whatever podman is told.
    pub registries: Option<&'a RegistriesD>,
    /// When certificates must hold if nobody vouches for another time.
    pub now: Timestamp,
}

impl ContainersPolicy {
    /// What an image lacks. Nothing found means that podman would take it.
    ///
    /// # Errors
    /// The image's signatures cannot be had.
    pub fn judge(&self, question: Question<'_>, open: Open<'_>) -> Result<Findings, ImageError> {
        let (scope, requirements) = match question.home {
            Home::Registry(_, name) => self.of(name),
            Home::Layout(path, reference) => self.of_layout(path, reference.as_deref()),
        };
        let mut found = Vec::new();
        for rule in requirements {
            let refused = |rule, required: &str, seen: &str, by: &str, rejected| {
                refused(question, &scope, rule, [required, seen, by], rejected)
            };
            match rule {
                Rule::AcceptAnything {} => {}
                Rule::Reject {} => found.push(refused(
                    &rules::IMAGE_REJECTED,
                    "an image that the policy does not reject",
                    "`reject`",
                    "Another scope of the policy, or another image.",
                    Vec::new(),
                )),
                Rule::SignedBy { .. } => found.push(refused(
                    &rules::SIGNATURE_REFUSED,
                    "a GPG signature (signedBy)",
                    "GPG signatures, which Seawall does not verify",
                    "`skopeo copy` or podman, which verify GPG signatures; or a `sigstoreSigned` requirement.",
                    Vec::new(),
                )),
                Rule::SigstoreSigned(by) => {
                    let (why, rejected) = sigstore(by, question, open)?;
                    if let Some((rule, seen)) = why {
                        found.push(refused(
                            rule,
                            "a signature in the tag `.sig` by a key or identity of the policy",
                            &seen,
                            "`seawall sign --legacy` or `cosign sign` with one of the keys, in a registry.",
                            rejected,
                        ));
                    }
                }
            }
        }
        Ok(Findings { found, gaps: Vec::new() })
    }
}

fn refused(
    question: Question<'_>,
    scope: &str,
    rule: &seawall_finding::Rule,
    [required, seen, by]: [&str; 3],
    rejected: Vec<String>,
) -> Finding {
    let summary = format!("the policy's scope `{scope}` wants {required}, and there is {seen}");
    let untrusted = seawall_finding::Untrusted {
        digest: question.image.digest.to_string(),
        required: required.to_owned(),
        seen: seen.to_owned(),
        rejected,
        satisfied_by: by.to_owned(),
    };
    requirement::finding(rule, question.target, summary, untrusted)
}

/// Why a requirement is not met, and why each signature does not count.
type Answer = (Option<(&'static seawall_finding::Rule, String)>, Vec<String>);

fn sigstore(by: &SigstoreSigned, question: Question<'_>, open: Open<'_>) -> Result<Answer, ImageError> {
    let missing = |seen: &str| Ok((Some((&rules::SIGNATURE_MISSING, seen.to_owned())), Vec::new()));
    let name = match question.home {
        Home::Registry(_, name) => name,
        // containers/image has no signatures of this transport (oci/layout/oci_src.go), so none counts whoever made it.
        Home::Layout(..) => {
            return missing("no signature that podman would see: it reads none of an OCI layout");
        }
    };
    if question.registries.is_some_and(|registries| !registries.uses_attachments(name)) {
        return missing(
            "no `use-sigstore-attachments` for it in registries.d, so that podman looks for none",
        );
    }
    let unusable = |what: String| ImageError::Document { what: "the policy".to_owned(), reason: what };
    let signers = Signers::read(by, open).map_err(unusable)?;
    let (mut rejected, mut count) = (Vec::new(), 0);
    for attempt in simple_signatures(question.home, &question.image.digest, &signers.wanted(), question.now)?
    {
        count += 1;
        match attempt {
            Ok(signed) if signers.identity.accepts(name, &signed.reference) => return Ok((None, Vec::new())),
            Ok(signed) => rejected.push(format!(
                "it is signed for `{}` where {} is wanted",
                signed.reference.chars().take(200).collect::<String>(),
                signers.identity.wanted()
            )),
            Err(refusal) => rejected.push(refusal.to_string()),
        }
    }
    Ok(match count {
        0 => {
            return missing(&format!(
                "no signature in the tag {}",
                Kind::Signature.tag(&question.image.digest)
            ));
        }
        _ => {
            let seen = format!("no signature that counts: {}", rejected.join("; "));
            (Some((&rules::SIGNATURE_REFUSED, seen)), rejected)
        }
    })
}

/// Who must have signed, with the files read.
struct Signers {
    keys: Vec<PublicKey>,
    identities: Vec<Identity>,
    root: TrustedRoot,
    identity: SignedIdentity,
}

impl Signers {
    fn read(by: &SigstoreSigned, open: Open<'_>) -> Result<Signers, String> {
        let identity = by.signed_identity.clone().unwrap_or(SignedIdentity::MatchRepoDigestOrExact {});
        let key = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).map_err(|_| "a key that is no PEM".to_owned())?;
            PublicKey::from_pem(&text).map_err(|error| error.to_string())
        };
        let all = |sources: &[Source]| -> Result<Vec<PublicKey>, String> {
            sources.iter().map(|source| source.read(open).and_then(key)).collect()
        };
        let logs = all(&by.logs()?)?.into_iter().map(|key| LogKey::new(key, Timestamp::UNIX_EPOCH)).collect();
        let mut signers = Signers {
            keys: all(&by.keys()?)?,
            identities: Vec::new(),
            root: TrustedRoot { logs, ..TrustedRoot::default() },
            identity,
        };
        if let Some(Fulcio { ca_path, ca_data, oidc_issuer, subject_email }) = &by.fulcio {
            let source = Source::one(ca_path.as_deref(), ca_data.as_ref())?;
            signers.root.authorities = authorities(&source.read(open)?, &[])?;
            signers.identities.push(Identity {
                subject: Pattern::exact(subject_email),
                issuer: Some(Pattern::exact(oidc_issuer)),
            });
        }
        if let Some(pki) = &by.pki {
            signers.read_pki(pki, open)?;
        }
        Ok(signers)
    }

    fn read_pki(&mut self, pki: &Pki, open: Open<'_>) -> Result<(), String> {
        let roots = Source::one(pki.ca_roots_path.as_deref(), pki.ca_roots_data.as_ref())?.read(open)?;
        let between = match (&pki.ca_intermediates_path, &pki.ca_intermediates_data) {
            (None, None) => Vec::new(),
            (path, data) => certificates(&Source::one(path.as_deref(), data.as_ref())?.read(open)?)?,
        };
        self.root.authorities = authorities(&roots, &between)?;
        // Of both both must be meant, and a pattern means one.
        self.identities = match (&pki.subject_email, &pki.subject_hostname) {
            (Some(name), None) | (None, Some(name)) => {
                vec![Identity { subject: Pattern::exact(name), issuer: None }]
            }
            _ => return Err("`pki` needs either subjectEmail or subjectHostname".to_owned()),
        };
        Ok(())
    }

    fn wanted(&self) -> Vec<Wanted<'_>> {
        match self.identities.is_empty() {
            true => vec![Wanted::Keys(&self.keys, Some(&self.root))],
            false => vec![Wanted::Identities(&self.identities, &self.root)],
        }
    }
}

/// Where a policy's keys and certificates stand.
#[derive(Debug, Clone)]
pub(super) enum Source {
    Path(String),
    Data(Vec<u8>),
}

impl Source {
    fn one(path: Option<&str>, data: Option<&Base64>) -> Result<Source, String> {
        match (path, data) {
            (Some(path), None) => Ok(Source::Path(path.to_owned())),
            (None, Some(data)) => Ok(Source::Data(data.0.clone())),
            _ => Err("either a path or data is needed".to_owned()),
        }
    }

    fn read(&self, open: Open<'_>) -> Result<Vec<u8>, String> {
        match self {
            Source::Path(path) => open(path),
            Source::Data(bytes) if bytes.len() as u64 <= KEY_BYTES_MAX => Ok(bytes.clone()),
            Source::Data(_) => Err(format!("data of more than {KEY_BYTES_MAX} bytes")),
        }
    }
}

/// Each root is an authority of its own.
fn authorities(roots: &[u8], between: &[Certificate]) -> Result<Vec<Authority>, String> {
    let authority =
        |root: Certificate| Authority { certificates: [between, &[root]].concat(), valid: Period::default() };
    Ok(certificates(roots)?.into_iter().map(authority).collect())
}

fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "certificates that are no PEM".to_owned())?;
    Certificate::read_pem(text).map_err(|error| error.to_string())
}
