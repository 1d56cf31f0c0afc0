//! Docker's state on disk (`config.v2.json`, `hostconfig.json`, `repositories.json` below its data root), which is
//! written when a container is created, before it is started; and the same as its socket tells it.

use std::collections::BTreeMap;

use seawall_engine::EngineKind;
use seawall_event::{Container, Image, Mount};
use seawall_inventory::ImageName;
use serde::Deserialize;

use super::files::{Directory, Remembered, Unread};
use super::limits::{LIST_BYTES_MAX, MOUNTS_MAX, STATE_BYTES_MAX};
use super::naming;
use super::specification::null_is_default;
use super::store::{Found, Lacks};

/// What is kept of a data root between two looks.
#[derive(Debug, Default)]
pub(super) struct Docker {
    repositories: Remembered<Repositories>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Config {
    #[serde(rename = "ID")]
    id: String,
    name: String,
    /// The image's id.
    #[serde(deserialize_with = "null_is_default")]
    image: String,
    /// The storage driver.
    #[serde(deserialize_with = "null_is_default")]
    driver: String,
    #[serde(deserialize_with = "null_is_default")]
    config: Inner,
    #[serde(deserialize_with = "null_is_default")]
    mount_points: BTreeMap<String, MountPoint>,
    #[serde(deserialize_with = "null_is_default")]
    network_settings: NetworkSettings,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Inner {
    /// The image as it was asked for.
    #[serde(deserialize_with = "null_is_default")]
    image: String,
    #[serde(deserialize_with = "null_is_default")]
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct MountPoint {
    source: String,
    destination: String,
    /// A volume's.
    #[serde(deserialize_with = "null_is_default")]
    name: String,
    #[serde(rename = "RW")]
    writable: bool,
    /// `Relabel` on disk, `Mode` in answers.
    #[serde(rename = "Relabel", alias = "Mode", deserialize_with = "null_is_default")]
    mode: String,
    #[serde(deserialize_with = "null_is_default")]
    propagation: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct NetworkSettings {
    #[serde(deserialize_with = "null_is_default")]
    networks: BTreeMap<String, Endpoint>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Endpoint {
    #[serde(rename = "IPAddress", deserialize_with = "null_is_default")]
    ip: String,
    #[serde(rename = "GlobalIPv6Address", deserialize_with = "null_is_default")]
    ipv6: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct HostConfig {
    #[serde(deserialize_with = "null_is_default")]
    network_mode: String,
    #[serde(deserialize_with = "null_is_default")]
    pid_mode: String,
    #[serde(deserialize_with = "null_is_default")]
    ipc_mode: String,
    #[serde(deserialize_with = "null_is_default")]
    privileged: bool,
    #[serde(deserialize_with = "null_is_default")]
    cgroup_parent: String,
}

/// Repository → reference (with tag or digest) → the image's id.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Repositories {
    #[serde(deserialize_with = "null_is_default")]
    repositories: BTreeMap<String, BTreeMap<String, String>>,
}

/// `docker container inspect`, which has the same parts.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Inspected {
    id: String,
    name: String,
    image: String,
    #[serde(deserialize_with = "null_is_default")]
    config: Inner,
    #[serde(deserialize_with = "null_is_default")]
    host_config: HostConfig,
    #[serde(deserialize_with = "null_is_default")]
    mounts: Vec<MountPoint>,
    #[serde(deserialize_with = "null_is_default")]
    network_settings: NetworkSettings,
}

impl Docker {
    /// The container of this id, from a data root.
    pub(super) fn look(&mut self, data: &Directory, id: &str) -> Result<Found, Unread> {
        match self.look_below(data, id) {
            // With mapped users, the root is `DATA/UID.GID`.
            Err(Unread::Absent) => {
                let is_mapped = |name: &&String| {
                    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
                    name.split_once('.').is_some_and(|(uid, gid)| digits(uid) && digits(gid))
                };
                let names = data.names(".")?;
                let roots = names.iter().filter(is_mapped).filter_map(|name| data.below(name).ok());
                let mut looks = roots.map(|root| self.look_below(&root, id));
                looks.find(|look| !matches!(look, Err(Unread::Absent))).unwrap_or(Err(Unread::Absent))
            }
            other => other,
        }
    }

    fn look_below(&mut self, data: &Directory, id: &str) -> Result<Found, Unread> {
        let directory = data.below(&format!("containers/{id}"))?;
        let config: Config = directory.json("config.v2.json", STATE_BYTES_MAX)?;
        let host_config: HostConfig = directory.json("hostconfig.json", STATE_BYTES_MAX)?;
        if config.id != id {
            return Err(Unread::Malformed("it is of another container".to_owned()));
        }
        let list = format!("image/{}/repositories.json", config.driver);
        // Another image store keeps no such list; what was asked for is known all the same.
        let repositories = self.repositories.json(data, &list, LIST_BYTES_MAX).ok();
        let names: Vec<&str> = repositories.iter().flat_map(|list| list.names_of(&config.image)).collect();
        let cgroup_parent = Some(host_config.cgroup_parent.clone());
        let inspected = Inspected {
            id: config.id,
            name: config.name,
            image: config.image,
            config: config.config,
            host_config,
            mounts: config.mount_points.into_values().collect(),
            network_settings: config.network_settings,
        };
        let container = inspected.described(&names, EngineKind::Docker);
        Ok(Found { container, cgroup_parent, lacks: Lacks::Nothing })
    }
}

impl Inspected {
    /// Reads the answer of an engine.
    pub(super) fn parse(answer: &[u8]) -> Result<Inspected, serde_json::Error> {
        serde_json::from_slice(answer)
    }

    /// The image's id.
    pub(super) fn image_id(&self) -> &str {
        &self.image
    }

    /// The container, with all names that the engine has for its image, tags and digests.
    pub(super) fn described(self, names: &[&str], engine: EngineKind) -> Container {
        let host = self.host_config;
        let addresses = self.network_settings.networks.into_values();
        Container {
            id: Some(naming::short(&self.id)),
            full_id: Some(self.id),
            name: Some(self.name.trim_start_matches('/').to_owned()),
            engine: Some(engine.name().to_owned()),
            image: Some(image(&self.config.image, &self.image, names)),
            privileged: Some(host.privileged),
            host_pid: Some(host.pid_mode == "host"),
            host_network: Some(host.network_mode == "host"),
            host_ipc: Some(host.ipc_mode == "host"),
            mounts: Some(self.mounts.into_iter().take(MOUNTS_MAX).map(MountPoint::described).collect()),
            pod: naming::pod(&self.config.labels),
            labels: naming::labels(self.config.labels),
            ip: addresses.flat_map(|endpoint| [endpoint.ip, endpoint.ipv6]).find(|ip| !ip.is_empty()),
            cni: None,
        }
    }
}

impl MountPoint {
    /// The path of an anonymous volume is set when the container starts; before, it has only its name.
    fn described(self) -> Mount {
        let source = if self.source.is_empty() { self.name } else { self.source };
        Mount {
            source,
            destination: self.destination,
            mode: self.mode,
            writable: self.writable,
            propagation: self.propagation,
        }
    }
}

impl Repositories {
    /// All names of an image.
    fn names_of<'r>(&'r self, id: &str) -> Vec<&'r str> {
        let all = self.repositories.values().flatten();
        all.filter(|(_, image)| *image == id).map(|(name, _)| name.as_str()).collect()
    }
}

/// The image as it was asked for, with the repository as the engine writes it: of its names the one that was meant,
/// the first where an id was meant.
fn image(asked: &str, id: &str, names: &[&str]) -> Image {
    let meant: Option<ImageName> = asked.parse().ok().filter(|_| !naming::is_id(asked));
    let same = |name: &&&str| {
        meant.as_ref().is_some_and(|meant| {
            let name = name.parse::<ImageName>();
            name.is_ok_and(|name| {
                name.repository() == meant.repository() && name.registry() == meant.registry()
            })
        })
    };
    let chosen = names.iter().find(same).or(if meant.is_none() { names.first() } else { None });
    let repository = match chosen {
        Some(name) => naming::image(name).repository,
        None => naming::image(asked).repository,
    };
    let of_repository = |image: &Image| image.repository.is_some() && image.repository == repository;
    let parts: Vec<Image> = names.iter().map(|name| naming::image(name)).filter(of_repository).collect();
    let asked_parts = naming::image(asked);
    let tag = asked_parts
        .tag
        .clone()
        .or_else(|| parts.iter().filter(|image| image.digest.is_none()).find_map(|image| image.tag.clone()));
    let digest = asked_parts.digest.clone().or_else(|| parts.iter().find_map(|image| image.digest.clone()));
    Image {
        name: Some(asked.to_owned()).filter(|name| !name.is_empty()),
        repository,
        tag,
        digest,
        id: Some(naming::short(id)).filter(|id| !id.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "sha256:d74de5752236b4d215fa6d29191c50e13f2611758a86ff9c0cf9f331e7f00bca";
    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn check(asked: &str, names: &[&str], expected: [&str; 3]) {
        let Image { repository, tag, digest, id, .. } = image(asked, ID, names);
        let shown = [repository, tag, digest].map(Option::unwrap_or_default);
        assert_eq!(shown.each_ref().map(String::as_str), expected, "{asked}");
        assert_eq!(id.as_deref(), Some("d74de5752236"));
    }

    #[test]
    fn the_repository_is_the_engines_and_the_tag_what_was_meant() {
        let digest = format!("nginx@{DIGEST}");
        let names = ["localhost:5000/team/web:2", "nginx:1", "nginx:latest", &digest];
        check("nginx", &names, ["nginx", "latest", DIGEST]);
        check("docker.io/library/nginx:1", &names, ["nginx", "1", DIGEST]);
        check("localhost:5000/team/web:2", &names, ["localhost:5000/team/web", "2", ""]);
        check(&format!("nginx@{DIGEST}"), &names, ["nginx", "1", DIGEST]);
        check("d74de5752236", &names, ["localhost:5000/team/web", "2", ""]);
        check(ID, &["nginx:1", &digest], ["nginx", "1", DIGEST]);
        // It was given to another image since.
        check("nginx:1", &[], ["nginx", "1", ""]);
        check("d74de5752236", &[], ["", "", ""]);
    }
}
