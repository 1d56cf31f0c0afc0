//! containerd's gRPC interface: images and content of every namespace, containers and where their files are.

mod blob;
mod grpc;
pub(crate) mod message;
mod sandbox;

pub use sandbox::Sandbox;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use prost::Message as _;
use seawall_inventory::{Container, Digest};

use crate::limits::{CALL_TIMEOUT, SILENCE_MAX};
use crate::{
    Address, Announcement, Announcements, ContainerDetails, Endpoint, EngineError, EngineImage, EngineKind,
    EngineVersion, Failure, Overlay,
};

/// A connected containerd.
#[derive(Debug)]
pub struct Containerd {
    socket: PathBuf,
    endpoint: Endpoint,
    version: EngineVersion,
    content_root: Option<PathBuf>,
    /// For a whole call.
    timeout: Duration,
}

/// An image as containerd records it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerdImage {
    /// The namespace it is in.
    pub namespace: String,
    /// `docker.io/library/alpine:3.20`.
    pub name: String,
    /// Digest of its manifest or index.
    pub digest: Digest,
    /// Media type of that document.
    pub media_type: String,
    /// Size of that document in bytes.
    pub size_bytes: u64,
}

impl Containerd {
    /// Connects and asks for the version.
    ///
    /// # Errors
    /// containerd is absent, stopped or forbidden.
    pub fn connect(endpoint: &Endpoint) -> Result<Containerd, EngineError> {
        Containerd::connect_within(endpoint, CALL_TIMEOUT)
    }

    /// Connects; no call takes longer than this.
    pub(crate) fn connect_within(endpoint: &Endpoint, timeout: Duration) -> Result<Containerd, EngineError> {
        let failed = |failure| EngineError {
            operation: "ask for the version".to_owned(),
            endpoint: endpoint.to_string(),
            failure,
        };
        let Address::Unix(socket) = &endpoint.address else {
            return Err(failed(Failure::BadName("containerd listens on Unix sockets only".to_owned())));
        };
        let answer: message::VersionResponse = grpc::call(
            socket,
            timeout,
            "",
            "containerd.services.version.v1.Version/Version",
            &message::Empty {},
        )
        .map_err(failed)?;
        let plugins = "containerd.services.introspection.v1.Introspection/Plugins";
        // Without introspection (a proxy in front, say) blobs still come over the socket.
        let content_root = grpc::call::<_, message::PluginsResponse>(
            socket,
            timeout,
            "",
            plugins,
            &message::Filters::default(),
        )
        .ok()
        .and_then(|answer| content_root(answer.plugins));
        Ok(Containerd {
            socket: socket.clone(),
            endpoint: endpoint.clone(),
            version: EngineVersion { kind: EngineKind::Containerd, version: answer.version },
            content_root,
            timeout,
        })
    }

    /// The version, as told when connecting.
    pub fn version(&self) -> &EngineVersion {
        &self.version
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn ask<Q: prost::Message, A: prost::Message + Default>(
        &self,
        operation: &str,
        namespace: &str,
        method: &str,
        question: &Q,
    ) -> Result<A, EngineError> {
        grpc::call(&self.socket, self.timeout, namespace, method, question)
            .map_err(|failure| self.error(operation, failure))
    }

    pub(crate) fn error(&self, operation: &str, failure: Failure) -> EngineError {
        EngineError { operation: operation.to_owned(), endpoint: self.endpoint.to_string(), failure }
    }

    /// The namespaces, those of people and Kubernetes first, Docker's own (`moby`) last.
    ///
    /// # Errors
    /// containerd does not answer as it should.
    pub fn namespaces(&self) -> Result<Vec<String>, EngineError> {
        let method = "containerd.services.namespaces.v1.Namespaces/List";
        let question = message::NamespacesRequest::default();
        let answer: message::NamespacesResponse = self.ask("list namespaces", "", method, &question)?;
        let mut names: Vec<String> = answer.namespaces.into_iter().map(|namespace| namespace.name).collect();
        names.retain(|name| http::HeaderValue::from_str(name).is_ok());
        names.sort_by_key(|name| match name.as_str() {
            "default" => (0, name.clone()),
            "k8s.io" => (1, name.clone()),
            "moby" => (3, name.clone()),
            _ => (2, name.clone()),
        });
        Ok(names)
    }

    /// The images of every namespace, under each of their names.
    ///
    /// # Errors
    /// containerd does not answer as it should.
    pub fn list(&self) -> Result<Vec<ContainerdImage>, EngineError> {
        let mut images = Vec::new();
        for namespace in self.namespaces()? {
            let method = "containerd.services.images.v1.Images/List";
            let question = message::Filters::default();
            let answer: message::ImagesResponse = self.ask("list images", &namespace, method, &question)?;
            images.extend(answer.images.into_iter().filter_map(|image| described(&namespace, image)));
        }
        Ok(images)
    }

    /// The images in the form of all engines: one for each digest, with all its names.
    ///
    /// # Errors
    /// containerd does not answer as it should.
    pub fn images(&self) -> Result<Vec<EngineImage>, EngineError> {
        let mut images: BTreeMap<(String, Digest), EngineImage> = BTreeMap::new();
        for image in self.list()? {
            let key = (image.namespace.clone(), image.digest.clone());
            let known = images.entry(key).or_insert_with(|| EngineImage {
                id: Some(image.digest.clone()),
                namespace: Some(image.namespace.clone()),
                ..EngineImage::default()
            });
            match image.name.rsplit_once('@') {
                Some(_) => known.repo_digests.push(image.name),
                // The CRI plugin records each image under its bare configuration digest too.
                None if image.name.parse::<Digest>().is_ok() => {}
                None => known.tags.push(image.name),
            }
        }
        Ok(images.into_values().collect())
    }

    /// One image by its full name (`docker.io/library/alpine:3.20`) or digest, from the first namespace that has it.
    ///
    /// # Errors
    /// [`Failure::NotFound`] when no namespace has it.
    pub fn image(&self, name: &str) -> Result<ContainerdImage, EngineError> {
        for namespace in self.namespaces()? {
            match self.image_in(&namespace, name) {
                Err(error) if error.failure.is_not_found() => {}
                other => return other,
            }
        }
        let reason = "no namespace has an image of that name; names are written in full".to_owned();
        Err(self.error(&format!("find image {name}"), Failure::NotFound(reason)))
    }

    /// One image by its full name, from one namespace.
    ///
    /// # Errors
    /// [`Failure::NotFound`] when the namespace does not have it.
    pub fn image_in(&self, namespace: &str, name: &str) -> Result<ContainerdImage, EngineError> {
        let operation = format!("find image {name}");
        let method = "containerd.services.images.v1.Images/Get";
        let question = message::ImageRequest { name: name.to_owned() };
        let answer: message::ImageResponse = self.ask(&operation, namespace, method, &question)?;
        let image = answer.image.and_then(|image| described(namespace, image));
        let missing = || self.error(&operation, Failure::NotFound("it has no digest".to_owned()));
        image.ok_or_else(missing)
    }

    /// A blob of the content store: from its file where that is readable, over the socket otherwise.
    ///
    /// # Errors
    /// [`Failure::NotFound`] when the store does not have it (containerd may be set to discard layers once unpacked).
    pub fn blob(&self, namespace: &str, digest: &Digest) -> Result<Box<dyn Read + Send>, EngineError> {
        if let Some(root) = &self.content_root {
            let path = root.join("blobs").join(digest.algorithm().name()).join(digest.hex());
            if let Ok(file) = std::fs::File::open(path) {
                return Ok(Box::new(file));
            }
        }
        self.blob_over_socket(namespace, digest)
    }

    /// A blob of the content store, over the socket.
    ///
    /// # Errors
    /// [`Failure::NotFound`] when the store does not have it.
    pub fn blob_over_socket(
        &self,
        namespace: &str,
        digest: &Digest,
    ) -> Result<Box<dyn Read + Send>, EngineError> {
        let operation = format!("read content {digest}");
        let reader = blob::BlobReader::open(&self.socket, namespace, digest)
            .map_err(|failure| self.error(&operation, failure))?;
        Ok(Box::new(reader))
    }

    /// The containers of every namespace.
    ///
    /// # Errors
    /// containerd does not answer as it should.
    pub fn containers(&self) -> Result<Vec<Container>, EngineError> {
        let mut containers = Vec::new();
        for namespace in self.namespaces()? {
            let tasks = self.tasks(&namespace)?;
            for record in self.records(&namespace)? {
                containers.push(container(&record, &tasks));
            }
        }
        Ok(containers)
    }

    /// The containers of every namespace, each with the OCI runtime specification (JSON) that its runtime is given, and
    /// its namespace.
    ///
    /// # Errors
    /// containerd does not answer as it should.
    pub fn specifications(&self) -> Result<Vec<(String, Container, Vec<u8>)>, EngineError> {
        let mut containers = Vec::new();
        for namespace in self.namespaces()? {
            let tasks = self.tasks(&namespace)?;
            for mut record in self.records(&namespace)? {
                let specification = record.spec.take().map(|packed| packed.value).unwrap_or_default();
                containers.push((namespace.clone(), container(&record, &tasks), specification));
            }
        }
        Ok(containers)
    }

    /// One container by id, the beginning of an id, or the name that nerdctl or Kubernetes gave it.
    ///
    /// # Errors
    /// [`Failure::NotFound`] when there is none or when several match.
    pub fn container(&self, name: &str) -> Result<ContainerDetails, EngineError> {
        let operation = format!("find container {name}");
        let mut matching = Vec::new();
        for namespace in self.namespaces()? {
            for record in self.records(&namespace)? {
                if record.id == name || given_name(&record) == name {
                    return self.details(&namespace, &record);
                }
                if !name.is_empty() && record.id.starts_with(name) {
                    matching.push((namespace.clone(), record));
                }
            }
        }
        match matching.as_slice() {
            [(namespace, record)] => self.details(namespace, record),
            [] => {
                let reason = "no namespace has a container of that name or id".to_owned();
                Err(self.error(&operation, Failure::NotFound(reason)))
            }
            _ => {
                let reason = format!("{} containers have ids that begin so; give more of it", matching.len());
                Err(self.error(&operation, Failure::NotFound(reason)))
            }
        }
    }

    /// One container by its whole id, from this namespace or the first that has it, with its namespace. It is not
    /// asked whether it runs.
    ///
    /// # Errors
    /// [`Failure::NotFound`] when there is none.
    pub fn container_by_id(
        &self,
        namespace: Option<&str>,
        id: &str,
    ) -> Result<(String, Container), EngineError> {
        let namespaces = match namespace {
            Some(namespace) => vec![namespace.to_owned()],
            None => self.namespaces()?,
        };
        for namespace in namespaces {
            match self.record(&namespace, id) {
                Ok(record) => return Ok((namespace, container(&record, &BTreeMap::new()))),
                Err(error) if error.failure.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        let reason = "no namespace has a container of that id".to_owned();
        Err(self.error(&format!("find container {id}"), Failure::NotFound(reason)))
    }

    /// The containers that are created from now on, of every namespace. Waits for the first.
    ///
    /// # Errors
    /// containerd does not answer as it should.
    pub fn announcements(&self) -> Result<Announcements, EngineError> {
        let operation = "listen to events".to_owned();
        let method = "containerd.services.events.v1.Events/Subscribe";
        let question = message::Filters { filters: vec!["topic==\"/containers/create\"".to_owned()] };
        let mut answers = grpc::Answers::open(&self.socket, SILENCE_MAX, "", method, &question)
            .map_err(|failure| self.error(&operation, failure))?;
        let endpoint = self.endpoint.to_string();
        Ok(Box::new(std::iter::from_fn(move || {
            let announced = answers.next(SILENCE_MAX).and_then(|answer| answer.map(announced).transpose());
            let error =
                |failure| EngineError { operation: operation.clone(), endpoint: endpoint.clone(), failure };
            announced.map_err(error).transpose()
        })))
    }

    fn details(&self, namespace: &str, record: &message::Container) -> Result<ContainerDetails, EngineError> {
        let tasks = self.tasks(namespace)?;
        let method = "containerd.services.snapshots.v1.Snapshots/Mounts";
        let question = message::MountsRequest {
            snapshotter: record.snapshotter.clone(),
            key: record.snapshot_key.clone(),
        };
        // A container without a snapshot (its root was given from outside) has no mounts.
        let overlay = self
            .ask::<_, message::MountsResponse>("find a container's mounts", namespace, method, &question)
            .ok()
            .and_then(|answer| overlay(&answer.mounts));
        let container = container(record, &tasks);
        Ok(ContainerDetails { container, overlay, namespace: Some(namespace.to_owned()) })
    }

    fn records(&self, namespace: &str) -> Result<Vec<message::Container>, EngineError> {
        let method = "containerd.services.containers.v1.Containers/List";
        let answer: message::ContainersResponse =
            self.ask("list containers", namespace, method, &message::Filters::default())?;
        Ok(answer.containers)
    }

    /// Container id → pid of its main process, of those that run.
    fn tasks(&self, namespace: &str) -> Result<BTreeMap<String, u32>, EngineError> {
        let method = "containerd.services.tasks.v1.Tasks/List";
        let question = message::NamespacesRequest::default();
        let answer: message::TasksResponse = self.ask("list tasks", namespace, method, &question)?;
        let running = answer.tasks.into_iter().filter(|task| {
            matches!(task.status, message::STATUS_RUNNING | message::STATUS_PAUSED | message::STATUS_PAUSING)
        });
        Ok(running
            .map(|task| (if task.id.is_empty() { task.container_id } else { task.id }, task.pid))
            .collect())
    }
}

fn announced(envelope: prost::bytes::Bytes) -> Result<Announcement, Failure> {
    let malformed = |error: prost::DecodeError| Failure::Malformed(Box::new(error));
    let envelope = message::Envelope::decode(envelope).map_err(malformed)?;
    let created = envelope.event.unwrap_or_default().value;
    let created = message::ContainerCreate::decode(created.as_slice()).map_err(malformed)?;
    Ok(Announcement { id: created.id, namespace: Some(envelope.namespace), name: None, image: created.image })
}

fn content_root(plugins: Vec<message::Plugin>) -> Option<PathBuf> {
    let is_content =
        |plugin: &message::Plugin| plugin.kind == "io.containerd.content.v1" && plugin.id == "content";
    let plugin = plugins.into_iter().find(is_content)?;
    plugin.exports.get("root").map(PathBuf::from).filter(|path| path.is_absolute())
}

fn described(namespace: &str, image: message::Image) -> Option<ContainerdImage> {
    let target = image.target?;
    Some(ContainerdImage {
        namespace: namespace.to_owned(),
        name: image.name,
        digest: target.digest.parse().ok()?,
        media_type: target.media_type,
        size_bytes: target.size.try_into().unwrap_or(0),
    })
}

fn given_name(record: &message::Container) -> &str {
    let label = |key: &str| record.labels.get(key).map(String::as_str);
    label("nerdctl/name").or_else(|| label("io.kubernetes.container.name")).unwrap_or(&record.id)
}

fn container(record: &message::Container, tasks: &BTreeMap<String, u32>) -> Container {
    let pid = tasks.get(&record.id).copied();
    Container {
        id: record.id.clone(),
        name: given_name(record).to_owned(),
        engine: EngineKind::Containerd.name().to_owned(),
        image: record.image.clone(),
        image_id: None,
        running: pid.is_some(),
        pid: pid.filter(|&pid| pid != 0),
        labels: record.labels.clone().into_iter().collect(),
    }
}

/// The overlay snapshotter answers with the mount itself; others (native, btrfs, devmapper) keep no such directories.
fn overlay(mounts: &[message::Mount]) -> Option<Overlay> {
    let [mount] = mounts else {
        return None;
    };
    if mount.kind == "bind" {
        // An image of no layers, or a native snapshot, which is a whole copy and no upper layer.
        return None;
    }
    let option = |key: &str| mount.options.iter().find_map(|option| option.strip_prefix(key));
    let upper = PathBuf::from(option("upperdir=")?);
    let mut lower: Vec<PathBuf> = option("lowerdir=")?.split(':').map(PathBuf::from).collect();
    lower.reverse();
    let all_absolute = upper.is_absolute() && lower.iter().all(|path: &PathBuf| Path::is_absolute(path));
    all_absolute.then_some(Overlay { lower, upper, merged: None })
}
