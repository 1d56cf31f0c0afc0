//! Which Maven artifacts a jar is, from best evidence to worst: `pom.properties`, `pom.xml`, manifest, file name.
//!
//! A jar can be several artifacts (shading keeps the descriptions of what was merged in). What is inferred rather
//! than stated is marked, and an artifact whose group nobody states is reported without one, never with a guess that
//! would match another project's advisories.

use std::collections::BTreeSet;

use super::file_name::FileName;
use super::groups;
use super::manifest::Manifest;
use super::pom::{Coordinates, Project};

/// What was found in one jar.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub(super) file_name: FileName,
    pub(super) manifest: Manifest,
    /// From `pom.properties`.
    pub(super) properties: Vec<Coordinates>,
    /// From `pom.xml`.
    pub(super) projects: Vec<Project>,
    /// The package that all classes share, `org.springframework.beans`.
    pub(super) class_package: String,
}

/// One artifact that the jar is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) coordinates: Coordinates,
    /// Whether the group is inferred from names of packages rather than stated.
    pub(super) is_inferred: bool,
    pub(super) licenses: Vec<String>,
}

/// The artifacts, each once.
pub(super) fn identify(evidence: &Evidence) -> Vec<Identity> {
    let mut seen = BTreeSet::new();
    let mut identities = Vec::new();
    for coordinates in stated(evidence) {
        if seen.insert(coordinates.clone()) {
            let licenses = licenses_of(&coordinates, evidence);
            identities.push(Identity { coordinates, is_inferred: false, licenses });
        }
    }
    if !has_main(&identities, &evidence.file_name)
        && let Some(mut main) = from_names(evidence)
        && !identities.iter().any(|identity| same_artifact(&identity.coordinates, &main.coordinates))
    {
        main.licenses = evidence.manifest.licenses();
        identities.insert(0, main);
    }
    // The manifest speaks for the jar as a whole, so for its only artifact.
    if let [only] = identities.as_mut_slice()
        && only.licenses.is_empty()
    {
        only.licenses = evidence.manifest.licenses();
    }
    identities
}

/// What Maven wrote into the jar. A project description counts where no properties say the same artifact; where the
/// version is left to the build, the manifest or the file name of the only artifact completes it.
fn stated(evidence: &Evidence) -> Vec<Coordinates> {
    let mut stated = evidence.properties.clone();
    for project in &evidence.projects {
        let known = stated.iter_mut().find(|known| known.artifact == project.coordinates.artifact);
        match known {
            Some(known) => {
                for (own, other) in [
                    (&mut known.group, &project.coordinates.group),
                    (&mut known.version, &project.coordinates.version),
                ] {
                    if own.is_empty() {
                        own.clone_from(other);
                    }
                }
            }
            None => stated.push(project.coordinates.clone()),
        }
    }
    if let [only] = stated.as_mut_slice()
        && only.version.is_empty()
    {
        only.version = version(evidence);
    }
    stated
}

fn licenses_of(coordinates: &Coordinates, evidence: &Evidence) -> Vec<String> {
    let project = evidence.projects.iter().find(|project| {
        project.coordinates.artifact == coordinates.artifact
            && (project.coordinates.group == coordinates.group || project.coordinates.group.is_empty())
    });
    project.map(|project| project.licenses.clone()).unwrap_or_default()
}

fn same_artifact(left: &Coordinates, right: &Coordinates) -> bool {
    left.artifact == right.artifact && (left.version == right.version || right.version.is_empty())
}

/// Whether one of the stated artifacts is the one that the file is named after; a file name without a version names
/// nothing, and is trusted to be one of those stated.
fn has_main(identities: &[Identity], file_name: &FileName) -> bool {
    if file_name.version.is_empty() {
        return !identities.is_empty();
    }
    let is_main = |coordinates: &Coordinates| {
        let named = &file_name.artifact;
        coordinates.artifact == *named
            || named.ends_with(&coordinates.artifact)
            || (coordinates.version == file_name.version && coordinates.artifact.ends_with(named.as_str()))
            || (identities.len() == 1 && coordinates.version == file_name.version)
    };
    identities.iter().any(|identity| is_main(&identity.coordinates))
}

/// The artifact that manifest and file name tell of; `None` when they tell no version, or the jar is the JDK's own.
fn from_names(evidence: &Evidence) -> Option<Identity> {
    let manifest = &evidence.manifest;
    let is_jdk = |title: &str| title.starts_with("Java Platform API") || title == "Java Runtime Environment";
    if ["Specification-Title", "Implementation-Title"]
        .iter()
        .any(|name| manifest.get(name).is_some_and(is_jdk))
    {
        return None;
    }
    let version = version(evidence);
    if version.is_empty() {
        return None;
    }
    let artifact = artifact(evidence)?;
    if let Some((group, artifact)) = groups::known(&artifact, &version) {
        let coordinates = Coordinates { group: group.to_owned(), artifact, version };
        return Some(Identity { coordinates, is_inferred: false, licenses: Vec::new() });
    }
    let (group, is_inferred) = match vendor_group(manifest) {
        Some(group) => (group, false),
        None => {
            let group = inferred_group(evidence, &artifact);
            let is_inferred = !group.is_empty();
            (group, is_inferred)
        }
    };
    let coordinates = Coordinates { group, artifact, version };
    Some(Identity { coordinates, is_inferred, licenses: Vec::new() })
}

/// File names follow the repository; titles are prose more often than not.
fn artifact(evidence: &Evidence) -> Option<String> {
    let named = &evidence.file_name.artifact;
    if !evidence.file_name.version.is_empty() || groups::known(named, "").is_some() {
        return Some(named.clone());
    }
    let title = evidence.manifest.get("Implementation-Title").filter(|title| is_artifact(title));
    let name = title.map(str::to_owned).unwrap_or_else(|| named.clone());
    Some(name).filter(|name| is_artifact(name))
}

fn is_artifact(text: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    !text.is_empty() && text.len() <= 128 && text.bytes().all(is_allowed)
}

fn version(evidence: &Evidence) -> String {
    let of_manifest = ["Implementation-Version", "Bundle-Version", "Specification-Version"];
    let stated = of_manifest.into_iter().filter_map(|name| evidence.manifest.get(name));
    let candidates = [evidence.file_name.version.as_str()].into_iter().chain(stated);
    candidates.filter_map(as_version).next().unwrap_or_default()
}

/// The first word of `1.2.3-b04 (build 5)` where it begins with a number.
fn as_version(text: &str) -> Option<String> {
    let word = text.split_whitespace().next()?;
    let is_version = word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit())
        && is_artifact(&word.replace(['+', '~', '_'], "."));
    is_version.then(|| word.trim_start_matches('v').to_owned())
}

/// `Implementation-Vendor-Id` is the group by convention.
fn vendor_group(manifest: &Manifest) -> Option<String> {
    let group = manifest.get("Implementation-Vendor-Id")?;
    let is_group =
        group.contains('.') && is_artifact(group) && group.starts_with(|c: char| c.is_ascii_lowercase());
    is_group.then(|| group.to_owned())
}

/// The group that names of bundles, modules and classes suggest: the name in front of the artifact's own words.
fn inferred_group(evidence: &Evidence, artifact: &str) -> String {
    let manifest = &evidence.manifest;
    let bundle = manifest.get("Bundle-SymbolicName").and_then(|name| name.split(';').next());
    let names = [bundle, manifest.get("Automatic-Module-Name"), Some(evidence.class_package.as_str())];
    let words: Vec<&str> = artifact.split(['-', '.', '_']).collect();
    for name in names.into_iter().flatten() {
        let name = name.trim();
        let name = name.strip_suffix(artifact).map_or(name, |rest| rest.trim_end_matches('.'));
        let mut parts: Vec<&str> = name.split('.').collect();
        while parts.len() > 2 && parts.last().is_some_and(|last| words.contains(last) || *last == artifact) {
            parts.pop();
        }
        let is_group = parts.len() >= 2 && parts.iter().all(|part| is_artifact(part)) && is_domain(parts[0]);
        if is_group {
            return parts.join(".");
        }
    }
    String::new()
}

/// Whether a name begins as reversed domain names do.
fn is_domain(first: &str) -> bool {
    (2..=3).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_lowercase())
        || matches!(first, "info" | "javax" | "jakarta" | "name" | "tech" | "cloud")
}
