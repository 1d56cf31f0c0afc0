//! Docker's engine interface, which podman's service speaks too.

mod model;
mod question;

pub use question::Question;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use seawall_inventory::{Container, Digest, Platform};
use serde::de::DeserializeOwned;

use crate::announcement::{self, Announcements};
use crate::http::Http;
use crate::limits::{CALL_TIMEOUT, NAME_BYTES_MAX};
use crate::{
    Address, ContainerDetails, Endpoint, EngineError, EngineImage, EngineKind, EngineVersion, Failure,
    Overlay,
};

/// What may stand in a path as it is: image references need `/` and `:`.
const REFERENCE: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b':')
    .remove(b'@');

/// A connected Docker or podman.
#[derive(Debug)]
pub struct Docker {
    pub(crate) http: Http,
    endpoint: Endpoint,
    version: EngineVersion,
}

/// An image as the engine describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DockerImage {
    /// Digest of the configuration; with Docker's containerd store, of the manifest or index.
    pub id: Option<Digest>,
    /// `alpine:3.20`.
    pub tags: Vec<String>,
    /// `alpine@sha256:…`, where it was pulled or pushed.
    pub repo_digests: Vec<String>,
    /// What it is for.
    pub platform: Platform,
    /// Uncompressed digests of its layers, lowest first.
    pub diff_ids: Vec<Digest>,
    /// Its layers' directories, where the engine unpacks them for overlay mounts.
    pub overlay: Option<Overlay>,
    /// Files in which the engine may keep the configuration as it was built; to be checked against `id`.
    pub config_files: Vec<PathBuf>,
}

/// How a path of a container differs from its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Its metadata or content.
    Modified,
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
}

/// One path in which a container differs from its image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Absolute path in the container.
    pub path: String,
    /// How.
    pub kind: ChangeKind,
}

impl Docker {
    /// Connects and asks for the version.
    ///
    /// # Errors
    /// The engine is absent, stopped, forbidden, or does not speak Docker's interface.
    pub fn connect(endpoint: &Endpoint) -> Result<Docker, EngineError> {
        Docker::connect_within(endpoint, CALL_TIMEOUT)
    }

    /// Connects; no call takes longer than this.
    ///
    /// # Errors
    /// As [`Docker::connect`], and where the engine takes longer.
    pub fn connect_within(endpoint: &Endpoint, timeout: Duration) -> Result<Docker, EngineError> {
        let failed = |failure| EngineError {
            operation: "ask for the version".to_owned(),
            endpoint: endpoint.to_string(),
            failure,
        };
        let http = Http::new(&endpoint.address, timeout).map_err(failed)?;
        let mut docker = Docker {
            http,
            endpoint: endpoint.clone(),
            version: EngineVersion { kind: endpoint.kind, version: String::new() },
        };
        let answer: model::Version = docker.ask("/version", "ask for the version")?;
        let is_podman = answer.components.iter().any(|component| component.name.starts_with("Podman"));
        docker.version = EngineVersion {
            kind: if is_podman { EngineKind::Podman } else { EngineKind::Docker },
            version: answer.version,
        };
        docker.endpoint.kind = docker.version.kind;
        Ok(docker)
    }

    /// The same engine, of which no call takes longer than this.
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Docker {
        let (endpoint, version) = (self.endpoint.clone(), self.version.clone());
        Docker { http: self.http.within(timeout), endpoint, version }
    }

    /// Name and version, as told when connecting.
    pub fn version(&self) -> &EngineVersion {
        &self.version
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether the engine runs on this machine as far as its address tells, so that its paths are ours.
    pub fn is_local(&self) -> bool {
        matches!(self.endpoint.address, Address::Unix(_))
    }

    pub(crate) fn error(&self, operation: &str, failure: Failure) -> EngineError {
        EngineError { operation: operation.to_owned(), endpoint: self.endpoint.to_string(), failure }
    }

    pub(crate) fn ask<T: DeserializeOwned>(&self, path: &str, operation: &str) -> Result<T, EngineError> {
        let bytes = self.http.call(path).map_err(|failure| self.error(operation, failure))?;
        serde_json::from_slice(&bytes)
            .map_err(|error| self.error(operation, Failure::Malformed(Box::new(error))))
    }

    pub(crate) fn encode(&self, name: &str, operation: &str) -> Result<String, EngineError> {
        // `..` would leave the part of the interface that is meant; no reference has it.
        let is_name = !name.is_empty()
            && name.len() <= NAME_BYTES_MAX
            && !name.split('/').any(|part| part.is_empty() || part == "." || part == "..");
        if !is_name {
            let shown = name.chars().filter(|c| !c.is_control()).take(200).collect();
            return Err(self.error(operation, Failure::BadName(shown)));
        }
        Ok(utf8_percent_encode(name, &REFERENCE).to_string())
    }

    /// All tagged and untagged images, without intermediate ones.
    ///
    /// # Errors
    /// The engine does not answer as it should.
    pub fn images(&self) -> Result<Vec<EngineImage>, EngineError> {
        let answer: Vec<model::ImageSummary> = self.ask("/images/json", "list images")?;
        let images = answer.into_iter().map(|image| EngineImage {
            id: image.id.parse().ok(),
            tags: image.repo_tags.into_iter().filter(|tag| !tag.contains("<none>")).collect(),
            repo_digests: image.repo_digests.into_iter().filter(|name| !name.contains("<none>")).collect(),
            size_bytes: image.size.try_into().unwrap_or(0),
            namespace: None,
        });
        Ok(images.collect())
    }

    /// One image by reference, id or the beginning of an id.
    ///
    /// # Errors
    /// [`Failure::NotFound`] when the engine does not have it.
    pub fn image(&self, name: &str) -> Result<DockerImage, EngineError> {
        let operation = format!("inspect image {name}");
        let path = format!("/images/{}/json", self.encode(name, &operation)?);
        let answer: model::ImageDetails = self.ask(&path, &operation)?;
        let overlay = answer.graph_driver.overlay();
        let config_files = overlay.iter().flat_map(|overlay| config_files(overlay, &answer.id)).collect();
        let variant = Some(answer.variant).filter(|variant| !variant.is_empty());
        Ok(DockerImage {
            id: answer.id.parse().ok(),
            tags: answer.repo_tags,
            repo_digests: answer.repo_digests,
            platform: Platform { os: answer.os, architecture: answer.architecture, variant },
            diff_ids: answer.root_fs.layers.iter().filter_map(|text| text.parse().ok()).collect(),
            overlay,
            config_files,
        })
    }

    /// The image as an archive, as `docker save` writes it.
    ///
    /// # Errors
    /// [`Failure::NotFound`] when the engine does not have it; a break of the stream shows when it is read.
    pub fn export_image(&self, name: &str) -> Result<Box<dyn Read + Send>, EngineError> {
        let operation = format!("export image {name}");
        let path = format!("/images/{}/get", self.encode(name, &operation)?);
        self.http.stream(&path).map_err(|failure| self.error(&operation, failure))
    }

    /// All containers, running or not.
    ///
    /// # Errors
    /// The engine does not answer as it should.
    pub fn containers(&self) -> Result<Vec<Container>, EngineError> {
        let answer: Vec<model::ContainerSummary> =
            self.ask("/containers/json?all=true", "list containers")?;
        let containers = answer.into_iter().map(|container| Container {
            name: bare(container.names.first()),
            id: container.id,
            engine: self.version.kind.name().to_owned(),
            image: container.image,
            image_id: digest_of_id(&container.image_id),
            running: matches!(container.state.as_str(), "running" | "paused" | "restarting"),
            pid: None,
            labels: container.labels,
        });
        Ok(containers.collect())
    }

    /// One container by name, id or the beginning of an id.
    ///
    /// # Errors
    /// [`Failure::NotFound`] when the engine does not have it.
    pub fn container(&self, name: &str) -> Result<ContainerDetails, EngineError> {
        let operation = format!("inspect container {name}");
        let path = format!("/containers/{}/json", self.encode(name, &operation)?);
        let answer: model::ContainerDetails = self.ask(&path, &operation)?;
        let container = Container {
            name: bare(Some(&answer.name)),
            id: answer.id,
            engine: self.version.kind.name().to_owned(),
            image: match answer.config.image.is_empty() {
                true => answer.image_name,
                false => answer.config.image,
            },
            image_id: digest_of_id(&answer.image),
            running: answer.state.running,
            pid: answer.state.pid.try_into().ok().filter(|&pid: &u32| pid != 0),
            labels: answer.config.labels,
        };
        Ok(ContainerDetails { container, overlay: answer.graph_driver.overlay(), namespace: None })
    }

    /// The containers that are created from now on.
    ///
    /// # Errors
    /// The engine does not answer as it should.
    pub fn announcements(&self) -> Result<Announcements, EngineError> {
        let operation = "listen to events".to_owned();
        let filters = "%7B%22type%22%3A%5B%22container%22%5D%2C%22event%22%3A%5B%22create%22%5D%7D";
        let stream = self
            .http
            .stream(&format!("/events?filters={filters}"))
            .map_err(|failure| self.error(&operation, failure))?;
        let endpoint = self.endpoint.to_string();
        let error =
            move |failure| EngineError { operation: operation.clone(), endpoint: endpoint.clone(), failure };
        Ok(Box::new(announcement::lines(stream).map(move |line| line.map_err(&error))))
    }

    /// The container's whole file system as a tar, image and changes together, without mounted volumes.
    ///
    /// # Errors
    /// [`Failure::NotFound`] when the engine does not have it; a break of the stream shows when it is read.
    pub fn export_container(&self, name: &str) -> Result<Box<dyn Read + Send>, EngineError> {
        let operation = format!("export container {name}");
        let path = format!("/containers/{}/export", self.encode(name, &operation)?);
        self.http.stream(&path).map_err(|failure| self.error(&operation, failure))
    }

    /// The paths in which the container differs from its image.
    ///
    /// # Errors
    /// [`Failure::NotFound`] when the engine does not have it.
    pub fn changes(&self, name: &str) -> Result<Vec<Change>, EngineError> {
        let operation = format!("compare container {name} with its image");
        let path = format!("/containers/{}/changes", self.encode(name, &operation)?);
        // Docker answers `null` for a container that changed nothing.
        let answer: Option<Vec<model::Change>> = self.ask(&path, &operation)?;
        let mut changes = Vec::new();
        for change in answer.unwrap_or_default() {
            let kind = match change.kind {
                0 => ChangeKind::Modified,
                1 => ChangeKind::Added,
                2 => ChangeKind::Deleted,
                other => {
                    let error = format!("kind {other} of a change is unknown").into();
                    return Err(self.error(&operation, Failure::Malformed(error)));
                }
            };
            changes.push(Change { path: change.path, kind });
        }
        Ok(changes)
    }
}

/// `/web` → `web`.
fn bare(name: Option<&String>) -> String {
    name.map(|name| name.trim_start_matches('/').to_owned()).unwrap_or_default()
}

/// Docker writes `sha256:…`, podman only the digits.
fn digest_of_id(id: &str) -> Option<Digest> {
    id.parse().or_else(|_| format!("sha256:{id}").parse()).ok()
}

/// Docker keeps configurations at `ROOT/image/overlay2/imagedb/content/sha256/HEX` beside the layers in
/// `ROOT/overlay2/ID/diff`; podman at `ROOT/overlay-images/HEX/=BASE64("sha256:HEX")` beside `ROOT/overlay/ID/diff`.
fn config_files(overlay: &Overlay, id: &str) -> Vec<PathBuf> {
    let Some(digest) = digest_of_id(id) else {
        return Vec::new();
    };
    let Some(driver) = overlay.upper.parent().and_then(Path::parent) else {
        return Vec::new();
    };
    let (Some(root), Some(name)) = (driver.parent(), driver.file_name()) else {
        return Vec::new();
    };
    let docker = root.join("image").join(name).join("imagedb/content/sha256").join(digest.hex());
    let podman = root.join("overlay-images").join(digest.hex()).join(podman_item(&digest));
    vec![docker, podman]
}

/// containers/storage names an item of an image by its own name when that is harmless and by `=` and the Base64 of it
/// otherwise (`makeBigDataBaseName`).
fn podman_item(digest: &Digest) -> String {
    format!("={}", BASE64_STANDARD.encode(digest.to_string()))
}

impl model::GraphDriver {
    /// The directories, when the driver is one of overlayfs: `overlay2` (Docker), `overlay` (podman).
    fn overlay(&self) -> Option<Overlay> {
        if !matches!(self.name.as_str(), "overlay2" | "overlay") {
            return None;
        }
        overlay_of(&self.data)
    }
}

fn overlay_of(data: &BTreeMap<String, String>) -> Option<Overlay> {
    let directory = |text: &str| Some(PathBuf::from(text)).filter(|path| path.is_absolute());
    let upper = directory(data.get("UpperDir")?)?;
    let mut lower = Vec::new();
    for part in data.get("LowerDir").map_or("", String::as_str).split(':').filter(|part| !part.is_empty()) {
        lower.push(directory(part)?);
    }
    // The mount option lists the highest first.
    lower.reverse();
    let merged = data.get("MergedDir").and_then(|text| directory(text));
    Some(Overlay { lower, upper, merged })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn podmans_item_names() {
        let digest: Digest = "sha256:82fc248e6d3bbacd9a5fee23a65b7bd98010778cf4314d2f2dbfed24cbf9877d"
            .parse()
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(
            podman_item(&digest),
            "=c2hhMjU2OjgyZmMyNDhlNmQzYmJhY2Q5YTVmZWUyM2E2NWI3YmQ5ODAxMDc3OGNmNDMxNGQyZjJkYmZlZDI0Y2JmOTg3N2Q="
        );
    }

    #[test]
    fn directories_come_lowest_first() {
        let data = |lower: &str, upper: &str| {
            BTreeMap::from([
                ("LowerDir".to_owned(), lower.to_owned()),
                ("UpperDir".to_owned(), upper.to_owned()),
            ])
        };
        let overlay = overlay_of(&data("/a/2:/a/1", "/a/3")).unwrap_or_default();
        assert_eq!(overlay.lower, [PathBuf::from("/a/1"), PathBuf::from("/a/2")]);
        assert_eq!(overlay.upper, PathBuf::from("/a/3"));
        assert!(overlay_of(&data("", "/a/3")).is_some_and(|overlay| overlay.lower.is_empty()));
        assert_eq!(overlay_of(&data("a/2:/a/1", "/a/3")), None);
        assert_eq!(overlay_of(&BTreeMap::new()), None);
    }
}
