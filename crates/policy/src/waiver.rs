//! Waivers: what is allowed although it was found, by whom and until when.

use globset::{GlobBuilder, GlobMatcher};
use jiff::civil::Date;
use seawall_finding::{Evidence, Finding, Fingerprint, Subject};
use seawall_inventory::{Inventory, Package, Purl, Target};

use crate::Waived;

/// Allows the findings that it covers.
#[derive(Debug, Clone, Default)]
pub struct Waiver {
    /// Where it is written: `policy.yaml, waiver 2`, `.trivyignore:12`.
    pub by: String,
    /// Which findings.
    pub selector: Selector,
    /// The product it speaks of, where it is a VEX statement about one.
    pub product: Option<Purl>,
    /// Its reason.
    pub reason: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Last day it holds.
    pub expires: Option<Date>,
}

/// Selects findings; every part that is given must hold, a list holds when one of it does.
#[derive(Debug, Clone, Default)]
pub struct Selector {
    /// Rule ids.
    pub rules: Vec<String>,
    /// Vulnerability ids; aliases count.
    pub vulnerabilities: Vec<String>,
    /// Package URLs: a version that is not stated matches any, qualifiers must be a subset.
    pub purls: Vec<Purl>,
    /// Globs over `name` or the whole package URL.
    pub packages: Vec<Glob>,
    /// Globs over paths, without leading `/`.
    pub paths: Vec<Glob>,
    /// Globs over the names of images, as findings name them.
    pub images: Vec<Glob>,
    /// Exact findings of an earlier report, sorted.
    pub fingerprints: Vec<Fingerprint>,
}

/// A glob as written and compiled: `*` does not cross `/`, `**` does.
#[derive(Debug, Clone)]
pub struct Glob {
    matcher: GlobMatcher,
}

/// Why a text is not a glob.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a glob")]
pub struct GlobError {
    text: String,
    #[source]
    source: globset::Error,
}

impl Glob {
    /// A glob over paths.
    ///
    /// # Errors
    /// Unbalanced brackets or braces.
    pub fn path(text: &str) -> Result<Glob, GlobError> {
        Glob::compile(text.trim_start_matches('/'), true)
    }

    /// A glob over names, in which `*` matches anything.
    ///
    /// # Errors
    /// Unbalanced brackets or braces.
    pub fn name(text: &str) -> Result<Glob, GlobError> {
        Glob::compile(text, false)
    }

    fn compile(text: &str, literal_separator: bool) -> Result<Glob, GlobError> {
        match GlobBuilder::new(text).literal_separator(literal_separator).build() {
            Ok(glob) => Ok(Glob { matcher: glob.compile_matcher() }),
            Err(source) => Err(GlobError { text: text.to_owned(), source }),
        }
    }

    /// As it was written; of a path without the slash at its beginning.
    pub(crate) fn text(&self) -> &str {
        self.matcher.glob().glob()
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        self.matcher.is_match(text)
    }
}

impl Waiver {
    pub(crate) fn covers(&self, finding: &Finding, inventory: &Inventory) -> bool {
        self.selector.selects(finding)
            && self.product.as_ref().is_none_or(|product| is_product(product, finding, inventory))
    }

    pub(crate) fn waived(&self) -> Waived {
        Waived {
            by: self.by.clone(),
            reason: self.reason.clone(),
            owner: self.owner.clone(),
            until: self.expires.map(|date| date.to_string()),
        }
    }
}

impl Selector {
    /// Whether the finding is one of those.
    pub fn selects(&self, finding: &Finding) -> bool {
        let purl = finding.subject.package().map(|(purl, _, name)| (purl, name));
        let path = finding.place.path.as_deref();
        (self.rules.is_empty() || self.rules.contains(&finding.rule))
            && (self.vulnerabilities.is_empty() || self.names(finding))
            && (self.purls.is_empty()
                || purl.is_some_and(|(purl, _)| self.purls.iter().any(|wanted| purl_covers(wanted, purl))))
            && (self.packages.is_empty()
                || purl.is_some_and(|(purl, name)| {
                    let purl = purl.bare().to_string();
                    self.packages.iter().any(|glob| glob.matches(name) || glob.matches(&purl))
                }))
            && (self.paths.is_empty()
                || path.is_some_and(|path| self.paths.iter().any(|glob| glob.matches(path))))
            && (self.images.is_empty() || self.covers_image(finding))
            && (self.fingerprints.is_empty()
                || self.fingerprints.binary_search(&finding.fingerprint()).is_ok())
    }

    fn covers_image(&self, finding: &Finding) -> bool {
        matches!(&finding.subject, Subject::Image { name } if self.images.iter().any(|glob| glob.matches(name)))
    }

    fn names(&self, finding: &Finding) -> bool {
        let (id, aliases): (&String, &[String]) = match &finding.evidence {
            Evidence::Vulnerable(vulnerable) => (&vulnerable.id, &vulnerable.aliases),
            Evidence::Malicious(malicious) => (&malicious.id, &malicious.aliases),
            Evidence::Outdated(outdated) => (&outdated.product, &[]),
            Evidence::Leaked(_) | Evidence::Misset(_) | Evidence::Happened(_) | Evidence::Untrusted(_) => {
                (&finding.rule, &[])
            }
        };
        let documents =
            finding.evidence.vulnerable().into_iter().flat_map(|v| v.matched.iter().map(|m| &m.advisory));
        let mut documents = documents;
        let wanted = |name: &String| self.vulnerabilities.iter().any(|v| v.eq_ignore_ascii_case(name));
        wanted(id) || aliases.iter().any(wanted) || documents.any(wanted)
    }
}

/// Whether a package URL as somebody wrote it means this package: type, namespace and name are equal, a version that
/// is not stated matches any (Go versions with or without `v`), stated qualifiers must be the package's.
fn purl_covers(wanted: &Purl, purl: &Purl) -> bool {
    let version = |purl: &Purl| purl.version.as_ref().map(|v| v.trim_start_matches('v').to_owned());
    // A `distro` qualifier may be written as codename or number; the advisory space has settled that already.
    let qualifier =
        |(key, value): (&String, &String)| key == "distro" || purl.qualifiers.get(key) == Some(value);
    wanted.purl_type == purl.purl_type
        && wanted.name == purl.name
        && (wanted.namespace.is_none() || wanted.namespace == purl.namespace)
        && (wanted.version.is_none() || version(wanted) == version(purl))
        && wanted.qualifiers.iter().all(qualifier)
}

/// Whether the finding is inside the product of a VEX statement: the product is the target itself or a package
/// declared by the very file that declares the finding's package (the main module of a Go binary, the outer jar).
fn is_product(product: &Purl, finding: &Finding, inventory: &Inventory) -> bool {
    if product.purl_type == "oci" {
        return is_target(product, inventory);
    }
    let Some(path) = finding.place.path.as_deref() else { return false };
    let file = path.split("!/").next().unwrap_or(path);
    let beside = |package: &Package| {
        let place = package.places.first().and_then(|place| place.path.as_deref());
        place.is_some_and(|place| place.split("!/").next() == Some(file))
    };
    inventory
        .packages
        .iter()
        .any(|package| beside(package) && purl_covers(product, &package.purl(inventory.distro.as_ref())))
}

/// `pkg:oci/NAME@sha256:…?repository_url=…`: the digest decides where it is given; otherwise the name or repository.
fn is_target(product: &Purl, inventory: &Inventory) -> bool {
    let digests = |target: &Target| {
        let image = inventory.image.as_ref();
        [
            target.digest.as_ref(),
            image.and_then(|image| image.digest.as_ref()),
            image.and_then(|image| image.index_digest.as_ref()),
            image.and_then(|image| image.config_digest.as_ref()),
        ]
        .into_iter()
        .flatten()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
    };
    if let Some(version) = product.version.as_ref().filter(|version| version.starts_with("sha256:")) {
        return digests(&inventory.target).contains(version);
    }
    let Some(name) = inventory.image.as_ref().and_then(|image| image.name.as_ref()) else { return false };
    let repository = format!("{}/{}", name.registry(), name.repository());
    match product.qualifiers.get("repository_url") {
        Some(url) => {
            let url = url.trim_start_matches("index.");
            url == repository || format!("{url}/{}", product.name) == repository
        }
        None => name.repository().rsplit('/').next() == Some(product.name.as_str()),
    }
}
