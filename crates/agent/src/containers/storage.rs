//! containers/storage, in which podman and CRI-O keep containers: its lists, and the runtime specification in a
//! container's `userdata`.

use std::collections::BTreeMap;

use seawall_event::{Container, Image, Pod};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::files::{Directory, Remembered, Unread};
use super::limits::{LIST_BYTES_MAX, STATE_BYTES_MAX};
use super::naming;
use super::specification::{Specification, null_is_default};
use super::store::{Found, Lacks};

/// Storage drivers: the first part of the directories' names.
const DRIVERS: [&str; 4] = ["overlay", "vfs", "btrfs", "zfs"];

/// What is kept of one storage between two looks.
#[derive(Debug, Default)]
pub(super) struct Storage {
    containers: Remembered<Vec<Entry>>,
    /// Containers that are removed when they end (`--rm`) are listed among what is gone after a restart.
    volatile: Remembered<Vec<Entry>>,
    images: Remembered<Vec<ImageEntry>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Entry {
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    names: Vec<String>,
    /// The image's id.
    #[serde(default, deserialize_with = "null_is_default")]
    image: String,
    /// JSON.
    #[serde(default, deserialize_with = "null_is_default")]
    metadata: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Metadata {
    #[serde(deserialize_with = "null_is_default")]
    image_name: String,
}

#[derive(Debug, Deserialize)]
struct ImageEntry {
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    digest: String,
    #[serde(default, deserialize_with = "null_is_default")]
    names: Vec<String>,
}

impl Storage {
    /// The container of this id, from the storage's own directory and the one that a restart empties.
    pub(super) fn look(
        &mut self,
        graph: &Directory,
        run: Option<&Directory>,
        id: &str,
    ) -> Result<Found, Unread> {
        let driver = DRIVERS
            .into_iter()
            .find(|driver| graph.below(&format!("{driver}-containers")).is_ok())
            .ok_or(Unread::Absent)?;
        let specification = read_specification(graph, run, driver, id)?;
        let entry = self.entry(graph, run, driver, id)?;
        let images = self.images.json(graph, &format!("{driver}-images/images.json"), LIST_BYTES_MAX).ok();
        let known = images.as_ref().and_then(|all| all.iter().find(|image| image.id == entry.image));
        let mut container = Container {
            id: Some(naming::short(id)),
            full_id: Some(id.to_owned()),
            name: entry.names.first().cloned(),
            image: Some(image(&entry, known)),
            ..Container::default()
        };
        let mut sandbox = None;
        let lacks = match annotation(&specification, "io.kubernetes.cri-o.ContainerType") {
            Some(_) => {
                fill_of_kubernetes(&mut container, &specification);
                let sandbox_id = container.pod.as_ref().and_then(|pod| pod.sandbox_id.as_deref());
                sandbox = sandbox_id.and_then(|id| read_specification(graph, run, driver, id).ok());
                if let (Some(pod), Some(sandbox)) = (container.pod.as_mut(), &sandbox) {
                    pod.labels = naming::labels(labels_of(sandbox));
                }
                Lacks::Nothing
            }
            None => {
                container.engine = Some("podman".to_owned());
                Lacks::Labels
            }
        };
        specification.fill(&mut container, id, sandbox.as_ref());
        if let Some(privileged) = annotation(&specification, "io.podman.annotations.privileged")
            .or_else(|| annotation(&specification, "io.kubernetes.cri-o.PrivilegedRuntime"))
        {
            container.privileged = Some(privileged.eq_ignore_ascii_case("true"));
        }
        let cgroup_parent = Some(specification.cgroup_parent().to_owned());
        Ok(Found { container, cgroup_parent, lacks })
    }

    /// Its entry in one of the lists. That it is in none while its files are there: it is being made or removed.
    fn entry(
        &mut self,
        graph: &Directory,
        run: Option<&Directory>,
        driver: &str,
        id: &str,
    ) -> Result<Entry, Unread> {
        let find = |list: &[Entry]| list.iter().find(|entry| entry.id == id).cloned();
        let list =
            self.containers.json(graph, &format!("{driver}-containers/containers.json"), LIST_BYTES_MAX);
        let listed = list.as_ref().map(|list| find(list));
        if let Ok(Some(entry)) = listed {
            return Ok(entry);
        }
        if let Some(run) = run {
            let name = format!("{driver}-containers/volatile-containers.json");
            let list = self.volatile.json(run, &name, LIST_BYTES_MAX);
            if let Ok(Some(entry)) = list.map(|list| find(&list)) {
                return Ok(entry);
            }
        }
        listed.map_err(Clone::clone).and(Err(Unread::Absent))
    }
}

/// podman keeps it in the storage's own directory, CRI-O in both.
fn read_specification(
    graph: &Directory,
    run: Option<&Directory>,
    driver: &str,
    id: &str,
) -> Result<Specification, Unread> {
    let path = format!("{driver}-containers/{id}/userdata/config.json");
    let places = [Some(graph), run];
    let mut last = Unread::Absent;
    for place in places.into_iter().flatten() {
        match place.json(&path, STATE_BYTES_MAX) {
            Ok(specification) => return Ok(specification),
            Err(Unread::Absent) => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn image(entry: &Entry, known: Option<&ImageEntry>) -> Image {
    let metadata: Metadata = nested(&entry.metadata).unwrap_or_default();
    let listed = known.and_then(|image| image.names.first());
    let name = Some(&metadata.image_name).filter(|name| !name.is_empty() && !naming::is_id(name)).or(listed);
    let mut image = naming::image(name.map_or(metadata.image_name.as_str(), String::as_str));
    let digest = known.map(|image| image.digest.clone()).filter(|digest| !digest.is_empty());
    image.digest = image.digest.or(digest);
    image.id = Some(naming::short(&entry.image)).filter(|id| !id.is_empty());
    image
}

fn annotation<'s>(specification: &'s Specification, key: &str) -> Option<&'s str> {
    specification.annotations.get(key).map(String::as_str)
}

/// A document within a text: its size is that of the text, which was read within a limit.
fn nested<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// CRI-O's labels of a container, or of a pod where it is the sandbox's.
fn labels_of(specification: &Specification) -> BTreeMap<String, String> {
    annotation(specification, "io.kubernetes.cri-o.Labels").and_then(nested).unwrap_or_default()
}

/// What CRI-O writes into annotations.
fn fill_of_kubernetes(container: &mut Container, specification: &Specification) {
    let text =
        |key: &str| annotation(specification, &format!("io.kubernetes.cri-o.{key}")).map(str::to_owned);
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct OciMetadata {
        name: String,
    }
    container.engine = Some("cri-o".to_owned());
    let given = text("Metadata").and_then(|text| nested::<OciMetadata>(&text)).map(|metadata| metadata.name);
    let is_sandbox = text("ContainerType").as_deref() == Some("sandbox");
    if let Some(name) = given.filter(|name| !name.is_empty() && !is_sandbox) {
        container.name = Some(name);
    }
    let labels = labels_of(specification);
    let mut pod = naming::pod(&labels).unwrap_or_else(|| Pod {
        name: annotation(specification, "io.kubernetes.pod.name").map(str::to_owned),
        namespace: text("Namespace"),
        uid: annotation(specification, "io.kubernetes.pod.uid").map(str::to_owned),
        ..Pod::default()
    });
    pod.sandbox_id = text("SandboxID").or(pod.sandbox_id);
    pod.ip = text("IP.0");
    container.ip = pod.ip.clone();
    container.cni = text("CNIResult");
    container.pod = Some(pod);
    container.labels = naming::labels(labels);
    // The name as the kubelet asked for it is better than the storage's, which may be an id.
    let asked = text("ImageName").or_else(|| text("Image")).filter(|name| !naming::is_id(name));
    if let Some(asked) = asked {
        let known = container.image.take().unwrap_or_default();
        let image = naming::image(&asked);
        container.image =
            Some(Image { digest: image.digest.clone().or(known.digest), id: known.id, ..image });
    }
}
