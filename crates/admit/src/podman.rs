//! podman's hook: the runtime calls it with a container's state before the container's first program runs, and its exit
//! code decides.
//!
//! The state says nothing of the image. podman's storage does, beside the bundle: which image a container is of, its id,
//! digests and names. Reads those files and no others.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use seawall_inventory::{Digest, ImageName};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::json;

use crate::decide::{Admission, Decision, Meant, Request, Wanted};
use crate::evidence::told;
use crate::limits::{CANDIDATES_MAX, DECIDE_WITHIN, STORAGE_BYTES_MAX};
use crate::settings::{Engine, Place};

/// The container's state (runtime-spec, `runtime.md`, "State").
#[derive(Deserialize)]
struct State {
    id: String,
    bundle: PathBuf,
}

fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A container in `containers.json` of containers/storage.
#[derive(Deserialize)]
struct StoredContainer {
    id: String,
    #[serde(default)]
    image: String,
    /// JSON in a text.
    #[serde(default)]
    metadata: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Metadata {
    image_name: String,
}

/// An image in `images.json`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct StoredImage {
    id: String,
    #[serde(default)]
    digest: Option<Digest>,
    #[serde(default, deserialize_with = "null_is_default")]
    names: Vec<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    big_data_digests: BTreeMap<String, String>,
}

/// Why a hook does not know what a container is of.
#[derive(Debug, thiserror::Error)]
enum HookError {
    #[error("cannot read the container's state")]
    State(#[source] serde_json::Error),
    #[error("cannot read {path}")]
    Storage {
        path: String,
        #[source]
        source: io::Error,
    },
    /// podman keeps it otherwise than it did.
    #[error("{0}")]
    Unknown(String),
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, HookError> {
    let failed = |source| HookError::Storage { path: path.display().to_string(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(STORAGE_BYTES_MAX).read_to_end(&mut bytes).map_err(failed)?;
    serde_json::from_slice(&bytes).map_err(|error| failed(error.into()))
}

/// What the container is of whose state the runtime writes.
fn wanted(state: &[u8]) -> Result<Wanted, HookError> {
    let state: State = serde_json::from_slice(state).map_err(HookError::State)?;
    // ROOT/DRIVER-containers/ID/userdata
    let mut above = state.bundle.ancestors().skip(2);
    let unknown = || {
        let bundle = state.bundle.display();
        HookError::Unknown(format!("{bundle} is not where podman keeps a container"))
    };
    let containers = above.next().ok_or_else(unknown)?;
    let root = above.next().ok_or_else(unknown)?;
    let name = containers.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let driver = name.strip_suffix("-containers").ok_or_else(unknown)?;
    let mut stored = None;
    // Containers that end with the machine have a list of their own.
    for list in ["containers.json", "volatile-containers.json"] {
        let path = containers.join(list);
        if path.exists() {
            let listed: Vec<StoredContainer> = read(&path)?;
            stored = stored.or_else(|| listed.into_iter().find(|container| container.id == state.id));
        }
    }
    let id = &state.id;
    let stored = stored
        .ok_or_else(|| HookError::Unknown(format!("podman's storage does not list the container {id}")))?;
    let images: Vec<StoredImage> = read(&root.join(format!("{driver}-images")).join("images.json"))?;
    let metadata: Metadata = serde_json::from_str(&stored.metadata).unwrap_or_default();
    let Some(image) = images.into_iter().find(|image| image.id == stored.image && !image.id.is_empty())
    else {
        let reason = "podman's storage does not list its image".to_owned();
        return Ok(Wanted { written: metadata.image_name, meant: Err(reason) });
    };
    Ok(of_image(metadata.image_name, &image))
}

fn of_image(image_name: String, image: &StoredImage) -> Wanted {
    let written = if image_name.is_empty() { image.id.clone() } else { image_name };
    let Ok(id) = format!("sha256:{}", image.id).parse::<Digest>() else {
        let meant = Err(format!("its id `{}` is no digest", image.id));
        return Wanted { written, meant };
    };
    let name: Option<ImageName> = match image.id.starts_with(written.as_str()) {
        true => None,
        false => written.parse().ok(),
    };
    let manifests = image
        .big_data_digests
        .iter()
        .filter(|(key, _)| key.starts_with("manifest"))
        .map(|(_, digest)| digest);
    let mut digests: Vec<Digest> =
        image.digest.clone().into_iter().chain(manifests.filter_map(|digest| digest.parse().ok())).collect();
    digests.sort();
    digests.dedup();
    let mut origins: Vec<ImageName> = Vec::new();
    for name in image.names.iter().filter_map(|name| name.parse::<ImageName>().ok()) {
        for digest in &digests {
            let origin = repository(&name, digest);
            if let Some(origin) = origin.filter(|origin| !origins.contains(origin)) {
                origins.push(origin);
            }
        }
    }
    origins.truncate(CANDIDATES_MAX);
    Wanted { written, meant: Ok(Meant::Local { id, name, origins }) }
}

/// The repository of a name, at a digest.
fn repository(name: &ImageName, digest: &Digest) -> Option<ImageName> {
    format!("{}/{}@{digest}", name.registry(), name.repository()).parse().ok()
}

/// Decides about the container whose state this is. One of which nobody knows what it is of is not trusted.
pub fn decide(admission: &Admission, state: &[u8]) -> Decision {
    let place = Place { engine: Engine::Podman, namespace: None, user: None };
    let unknown = |error: HookError| Wanted { written: "the container".to_owned(), meant: Err(told(&error)) };
    let images = vec![wanted(state).unwrap_or_else(unknown)];
    admission.decide(&Request { place, images, within: DECIDE_WITHIN })
}

/// The file for `/usr/share/containers/oci/hooks.d` or `/etc/containers/oci/hooks.d` (oci-hooks(5)). `arguments` are
/// those of the program, which gets no other environment than this one.
pub fn definition(program: &str, arguments: &[String], environment: &[String]) -> String {
    let words: Vec<&str> = ["seawall"].into_iter().chain(arguments.iter().map(String::as_str)).collect();
    let hook = json!({
        "version": "1.0.0",
        "hook": {"path": program, "args": words, "env": environment},
        "when": {"always": true},
        "stages": ["createRuntime"],
    });
    format!("{hook:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_of_a_container_stands_beside_its_bundle() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let (id, digest) = ("1".repeat(64), format!("sha256:{}", "2".repeat(64)));
        write(
            "overlay-containers/containers.json",
            &format!(
                r#"[{{"id":"c1","image":"{id}","metadata":"{{\"image-name\":\"a.b/c:1\"}}"}},
                    {{"id":"c2","image":"gone","metadata":""}}]"#
            ),
        );
        write(
            "overlay-images/images.json",
            &format!(
                r#"[{{"id":"{id}","digest":"{digest}","names":["a.b/c:1","a.b/c:2","d.e/f@{digest}"],
                     "big-data-digests":{{"manifest":"{digest}","sha256:0":"sha256:0"}}}}]"#
            ),
        );
        let check = |container: &str, expected: &str| {
            let bundle = root.path().join("overlay-containers").join(container).join("userdata");
            let state = json!({"ociVersion": "1.0.2", "id": container, "bundle": bundle}).to_string();
            let shown = match wanted(state.as_bytes()) {
                Ok(Wanted { written, meant: Ok(Meant::Local { origins, .. }) }) => {
                    let origins: Vec<String> = origins.iter().map(ToString::to_string).collect();
                    format!("{written} = {}", origins.join(" "))
                }
                Ok(Wanted { meant: Err(reason), .. }) => reason,
                Ok(other) => format!("{other:?}"),
                Err(error) => error.to_string(),
            };
            assert_eq!(shown, expected);
        };
        check("c1", &format!("a.b/c:1 = a.b/c@{digest} d.e/f@{digest}"));
        check("c2", "podman's storage does not list its image");
        check("c3", "podman's storage does not list the container c3");
        for state in ["", "{}", r#"{"id":"c1","bundle":"/"}"#, r#"{"id":"c1","bundle":"/a/b/c"}"#] {
            assert!(wanted(state.as_bytes()).is_err(), "{state}");
        }
    }
}
