//! Trivy's JSON, schema version 2, so that Copa, Dependency-Track and others that read it work unchanged.

mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use seawall_finding::{FixState, Severity, Vulnerable};
use seawall_inventory::{Ecosystem, Package, TargetKind};
use serde::Serialize;

use settings::{MisconfSummary, Misconfiguration, Secret};

use crate::json::write_pretty;
use crate::problem::{Problem, problems, weakness_number};
use crate::{RenderError, Report, identity};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    schema_version: u32,
    created_at: String,
    artifact_name: &'a str,
    artifact_type: &'static str,
    metadata: Metadata<'a>,
    results: Vec<ResultSet<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Metadata<'a> {
    #[serde(rename = "OS", skip_serializing_if = "Option::is_none")]
    os: Option<Os<'a>>,
    #[serde(rename = "ImageID", skip_serializing_if = "String::is_empty")]
    image_id: String,
    #[serde(rename = "DiffIDs", skip_serializing_if = "Vec::is_empty")]
    diff_ids: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    repo_tags: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    repo_digests: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_config: Option<ImageConfig>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Os<'a> {
    family: &'a str,
    name: &'a str,
    #[serde(rename = "EOSL", skip_serializing_if = "std::ops::Not::not")]
    end_of_service_life: bool,
}

#[derive(Serialize)]
struct ImageConfig {
    architecture: String,
    os: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ResultSet<'a> {
    target: String,
    class: &'static str,
    #[serde(rename = "Type", skip_serializing_if = "String::is_empty")]
    result_type: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    packages: Vec<TrivyPackage<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vulnerabilities: Vec<Vulnerability<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    misconf_summary: Option<MisconfSummary>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    misconfigurations: Vec<Misconfiguration<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<Secret<'a>>,
}

impl ResultSet<'_> {
    fn empty(class: &'static str, target: String) -> ResultSet<'static> {
        ResultSet {
            target,
            class,
            result_type: String::new(),
            packages: Vec::new(),
            vulnerabilities: Vec::new(),
            misconf_summary: None,
            misconfigurations: Vec::new(),
            secrets: Vec::new(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TrivyPackage<'a> {
    #[serde(rename = "ID")]
    id: String,
    name: &'a str,
    identifier: Identifier,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    arch: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    src_version: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    licenses: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<LayerRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_path: Option<&'a str>,
}

#[derive(Serialize)]
struct Identifier {
    #[serde(rename = "PURL")]
    purl: String,
}

#[derive(Serialize, Clone)]
struct LayerRef {
    #[serde(rename = "Digest", skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(rename = "DiffID")]
    diff_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Vulnerability<'a> {
    #[serde(rename = "VulnerabilityID")]
    vulnerability_id: &'a str,
    #[serde(rename = "VendorIDs", skip_serializing_if = "<[String]>::is_empty")]
    vendor_ids: &'a [String],
    #[serde(rename = "PkgID")]
    pkg_id: String,
    pkg_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pkg_path: Option<&'a str>,
    pkg_identifier: Identifier,
    installed_version: &'a str,
    #[serde(skip_serializing_if = "String::is_empty")]
    fixed_version: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<LayerRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity_source: Option<&'a str>,
    #[serde(rename = "PrimaryURL", skip_serializing_if = "Option::is_none")]
    primary_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_source: Option<DataSource<'a>>,
    fingerprint: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    title: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    severity: &'static str,
    #[serde(rename = "CweIDs", skip_serializing_if = "Vec::is_empty")]
    cwe_ids: Vec<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    vendor_severity: BTreeMap<&'a str, u8>,
    #[serde(rename = "CVSS", skip_serializing_if = "BTreeMap::is_empty")]
    cvss: BTreeMap<&'a str, Cvss<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    references: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    published_date: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DataSource<'a> {
    #[serde(rename = "ID")]
    id: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct Cvss<'a> {
    #[serde(rename = "V2Vector", skip_serializing_if = "Option::is_none")]
    v2_vector: Option<&'a str>,
    #[serde(rename = "V2Score", skip_serializing_if = "Option::is_none")]
    v2_score: Option<f64>,
    #[serde(rename = "V3Vector", skip_serializing_if = "Option::is_none")]
    v3_vector: Option<&'a str>,
    #[serde(rename = "V3Score", skip_serializing_if = "Option::is_none")]
    v3_score: Option<f64>,
    #[serde(rename = "V40Vector", skip_serializing_if = "Option::is_none")]
    v40_vector: Option<&'a str>,
    #[serde(rename = "V40Score", skip_serializing_if = "Option::is_none")]
    v40_score: Option<f64>,
}

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let inventory = &report.inventory;
    let image = inventory.image.as_ref();
    let tags = || image.map(|image| image.tags.clone()).unwrap_or_default();
    let digests = image.and_then(|image| {
        let name = image.name.as_ref()?;
        Some(format!("{}/{}@{}", name.registry(), name.repository(), image.digest.as_ref()?))
    });
    let problems = problems(report);
    let document = Document {
        schema_version: 2,
        created_at: report.created.to_string(),
        artifact_name: &inventory.target.name,
        artifact_type: match inventory.target.kind {
            TargetKind::Image | TargetKind::Container => "container_image",
            TargetKind::Directory | TargetKind::Host | TargetKind::Files => "filesystem",
            TargetKind::Sbom => "cyclonedx",
        },
        metadata: Metadata {
            os: inventory.distro.as_ref().map(|distro| Os {
                family: family(&distro.id),
                name: distro.version.as_deref().unwrap_or_default(),
                end_of_service_life: report
                    .findings
                    .iter()
                    .any(|judged| judged.finding.rule == "end-of-life-distribution"),
            }),
            image_id: image
                .and_then(|image| image.config_digest.as_ref())
                .map(ToString::to_string)
                .unwrap_or_default(),
            diff_ids: image
                .iter()
                .flat_map(|image| &image.layers)
                .map(|layer| layer.diff_id.to_string())
                .collect(),
            repo_tags: tags(),
            repo_digests: digests.into_iter().collect(),
            image_config: image.map(|image| ImageConfig {
                architecture: image.platform.architecture.clone(),
                os: image.platform.os.clone(),
            }),
        },
        results: results(report, &problems),
    };
    write_pretty(&document, out)
}

/// Distribution packages form one result named after the target; language packages one per type, jars and installed
/// packages by kind, lock files and binaries by their path, as Trivy does.
fn results<'a>(report: &'a Report, problems: &'a [Problem<'a>]) -> Vec<ResultSet<'a>> {
    let mut sets: BTreeMap<(bool, String, String), ResultSet<'a>> = BTreeMap::new();
    for package in &report.inventory.packages {
        let (class, result_type, target) = kind(report, package);
        let set = sets
            .entry((class != "os-pkgs", result_type.clone(), target.clone()))
            .or_insert_with(|| ResultSet { result_type, ..ResultSet::empty(class, target) });
        set.packages.push(trivy_package(report, package));
    }
    for problem in problems.iter().filter(|problem| !problem.is_waived()) {
        let (class, result_type, target) = kind(report, problem.package);
        if let Some(set) = sets.get_mut(&(class != "os-pkgs", result_type, target)) {
            set.vulnerabilities.push(vulnerability(report, problem));
        }
    }
    sets.into_values().chain(settings::results(report)).collect()
}

fn first_path(package: &Package) -> Option<&str> {
    package.places.first().and_then(|place| place.path.as_deref())
}

fn kind(report: &Report, package: &Package) -> (&'static str, String, String) {
    let path = first_path(package).unwrap_or_default().to_owned();
    let of_path = |result_type: &str| ("lang-pkgs", result_type.to_owned(), path.clone());
    let pooled = |result_type: &str, name: &str| ("lang-pkgs", result_type.to_owned(), name.to_owned());
    let installed = package.presence == seawall_inventory::Presence::Installed;
    match package.ecosystem {
        Ecosystem::Deb | Ecosystem::Rpm | Ecosystem::Apk | Ecosystem::Alpm => {
            let distro = report.inventory.distro.as_ref();
            let family = distro.map_or("unknown", |distro| family(&distro.id));
            let version = distro.and_then(|distro| distro.version.as_deref()).unwrap_or_default();
            ("os-pkgs", family.to_owned(), format!("{} ({family} {version})", report.inventory.target.name))
        }
        Ecosystem::Npm if installed => pooled("node-pkg", "Node.js"),
        Ecosystem::Npm => of_path("npm"),
        Ecosystem::Pypi if installed => pooled("python-pkg", "Python"),
        Ecosystem::Pypi => of_path("pip"),
        Ecosystem::Gem if installed => pooled("gemspec", "Ruby"),
        Ecosystem::Gem => of_path("bundler"),
        Ecosystem::Maven if installed => pooled("jar", "Java"),
        Ecosystem::Maven => of_path("gradle"),
        Ecosystem::Golang if installed => of_path("gobinary"),
        Ecosystem::Golang => of_path("gomod"),
        Ecosystem::Cargo if installed => of_path("rustbinary"),
        Ecosystem::Cargo => of_path("cargo"),
        Ecosystem::Composer => of_path("composer"),
        Ecosystem::Nuget => of_path("dotnet-core"),
        Ecosystem::Conda => pooled("conda-pkg", "Conda"),
        Ecosystem::Hex
        | Ecosystem::Pub
        | Ecosystem::Swift
        | Ecosystem::Cocoapods
        | Ecosystem::Conan
        | Ecosystem::Cran
        | Ecosystem::Hackage
        | Ecosystem::Bitnami
        | Ecosystem::Githubactions
        | Ecosystem::Generic => of_path(package.ecosystem.purl_type()),
    }
}

/// os-release id → Trivy's family name where it differs.
fn family(id: &str) -> &str {
    match id {
        "almalinux" => "alma",
        "rhel" => "redhat",
        "ol" => "oracle",
        "amzn" => "amazon",
        "mariner" => "cbl-mariner",
        "sl-micro" | "sle-micro" => "slem",
        other => other,
    }
}

fn trivy_package<'a>(report: &'a Report, package: &'a Package) -> TrivyPackage<'a> {
    TrivyPackage {
        id: format!("{}@{}", package.name, package.version),
        name: &package.name,
        identifier: Identifier { purl: package.purl(report.inventory.distro.as_ref()).to_string() },
        version: &package.version,
        arch: package.architecture.as_deref(),
        src_name: package.ecosystem.is_distribution().then(|| package.source_name()),
        src_version: package.ecosystem.is_distribution().then(|| package.source_version()),
        licenses: &package.licenses,
        layer: package.places.first().and_then(|place| layer(report, place)),
        file_path: first_path(package).filter(|_| !package.ecosystem.is_distribution()),
    }
}

fn layer(report: &Report, place: &seawall_inventory::Place) -> Option<LayerRef> {
    let layer = place.layer.as_ref()?;
    let stored = report.inventory.image.as_ref()?.layers.get(layer.index as usize)?;
    Some(LayerRef {
        digest: stored.digest.as_ref().map(ToString::to_string),
        diff_id: layer.diff_id.to_string(),
    })
}

fn vulnerability<'a>(report: &'a Report, problem: &'a Problem<'a>) -> Vulnerability<'a> {
    let Problem { judged, package, vulnerable, index: _ } = problem;
    let decisive = vulnerable.matched.first();
    let sources: BTreeSet<&str> = vulnerable.ratings.iter().map(|rating| rating.source.as_str()).collect();
    let rating = |source: &&str| vulnerable.ratings.iter().find(|rating| rating.source == *source);
    Vulnerability {
        vulnerability_id: &vulnerable.id,
        vendor_ids: &vulnerable.aliases,
        pkg_id: format!("{}@{}", package.name, package.version),
        pkg_name: &package.name,
        pkg_path: first_path(package).filter(|_| !package.ecosystem.is_distribution()),
        pkg_identifier: Identifier { purl: package.purl(report.inventory.distro.as_ref()).to_string() },
        installed_version: &package.version,
        fixed_version: fixed_version(package, vulnerable),
        status: match vulnerable.state {
            FixState::Fixed => "fixed",
            FixState::NotFixed | FixState::Undetermined => "affected",
            FixState::Deferred => "fix_deferred",
            FixState::WillNotFix => "will_not_fix",
            FixState::UnderInvestigation => "under_investigation",
            FixState::EndOfLife => "end_of_life",
        },
        layer: layer(report, &judged.finding.place),
        severity_source: vulnerable.ratings.first().map(|rating| rating.source.as_str()),
        primary_url: judged.finding.references.first().map(String::as_str),
        data_source: decisive.map(|matched| DataSource { id: &matched.source, name: &matched.source }),
        fingerprint: judged.fingerprint.to_string(),
        title: &vulnerable.title,
        description: &vulnerable.description,
        severity: severity(judged.finding.severity),
        cwe_ids: vulnerable
            .weaknesses
            .iter()
            .map(String::as_str)
            .filter(|weakness| weakness_number(weakness).is_some())
            .collect(),
        vendor_severity: sources
            .iter()
            .filter_map(|source| Some((*source, level(rating(source)?.severity))))
            .collect(),
        cvss: sources.iter().filter_map(|source| Some((*source, cvss(vulnerable, source)?))).collect(),
        references: &judged.finding.references,
        published_date: vulnerable.published.as_deref().and_then(identity::midnight),
    }
}

/// Copa compares a distribution's fixed version as one version; a list it only takes for languages.
fn fixed_version(package: &Package, vulnerable: &Vulnerable) -> String {
    if package.ecosystem.is_distribution() {
        return vulnerable.fixed_versions.first().cloned().unwrap_or_default();
    }
    vulnerable.fixed_versions.join(", ")
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Unknown => "UNKNOWN",
        Severity::Negligible | Severity::Low => "LOW",
        Severity::Medium => "MEDIUM",
        Severity::High => "HIGH",
        Severity::Critical => "CRITICAL",
    }
}

fn level(severity: Severity) -> u8 {
    match severity {
        Severity::Unknown => 0,
        Severity::Negligible | Severity::Low => 1,
        Severity::Medium => 2,
        Severity::High => 3,
        Severity::Critical => 4,
    }
}

fn cvss<'a>(vulnerable: &'a Vulnerable, source: &str) -> Option<Cvss<'a>> {
    let version = |prefix: fn(&str) -> bool| {
        vulnerable
            .ratings
            .iter()
            .find(|rating| rating.source == source && rating.vector.as_deref().is_some_and(prefix))
    };
    let v2 = version(|vector| !vector.starts_with("CVSS:"));
    let v3 = version(|vector| vector.starts_with("CVSS:3"));
    let v40 = version(|vector| vector.starts_with("CVSS:4"));
    (v2.is_some() || v3.is_some() || v40.is_some()).then(|| Cvss {
        v2_vector: v2.and_then(|rating| rating.vector.as_deref()),
        v2_score: v2.and_then(|rating| rating.score),
        v3_vector: v3.and_then(|rating| rating.vector.as_deref()),
        v3_score: v3.and_then(|rating| rating.score),
        v40_vector: v40.and_then(|rating| rating.vector.as_deref()),
        v40_score: v40.and_then(|rating| rating.score),
    })
}
