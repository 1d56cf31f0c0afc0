//! Images and the forms they are stored in.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::Tar;

/// How a layer is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As a plain tar.
    Plain,
    /// gzip.
    Gzip,
    /// zstd.
    Zstd,
}

impl Compression {
    /// `bytes` stored this way.
    ///
    /// # Panics
    /// Never in memory.
    pub fn pack(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Compression::Plain => bytes.to_vec(),
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(bytes).unwrap_or_default();
                encoder.finish().unwrap_or_default()
            }
            Compression::Zstd => zstd::encode_all(bytes, 1).unwrap_or_default(),
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Compression::Plain => "application/vnd.oci.image.layer.v1.tar",
            Compression::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Compression::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }
}

/// `sha256:` and the digest of `bytes`.
pub fn sha256(bytes: &[u8]) -> String {
    let mut text = "sha256:".to_owned();
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// An image being built.
#[derive(Debug, Clone)]
pub struct Image {
    layers: Vec<(Vec<u8>, Compression)>,
    tags: Vec<String>,
    config: Value,
}

impl Default for Image {
    fn default() -> Image {
        Image::new()
    }
}

impl Image {
    /// An image for linux/amd64 without layers.
    pub fn new() -> Image {
        Image {
            layers: Vec::new(),
            tags: Vec::new(),
            config: json!({
                "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z",
                "config": {"Cmd": ["/bin/sh"]}, "history": [], "rootfs": {"type": "layers", "diff_ids": []},
            }),
        }
    }

    /// Adds a plain layer on top.
    pub fn layer(self, tar: Tar) -> Image {
        self.stored_layer(tar.finish(), Compression::Plain)
    }

    /// Adds a layer with these bytes on top, stored in this way.
    pub fn stored_layer(mut self, tar: Vec<u8>, compression: Compression) -> Image {
        let diff_id = json!(sha256(&tar));
        let step = json!({"created_by": format!("RUN step {} # buildkit", self.layers.len())});
        if let Some(ids) = self.config["rootfs"]["diff_ids"].as_array_mut() {
            ids.push(diff_id);
        }
        if let Some(history) = self.config["history"].as_array_mut() {
            history.push(step);
        }
        self.layers.push((tar, compression));
        self
    }

    /// Adds a tag: `app:1`.
    pub fn tag(mut self, tag: &str) -> Image {
        self.tags.push(tag.to_owned());
        self
    }

    /// Sets `os` and `architecture`.
    pub fn platform(mut self, os: &str, architecture: &str) -> Image {
        self.config["os"] = json!(os);
        self.config["architecture"] = json!(architecture);
        self
    }

    /// `os` and `architecture`.
    pub fn platform_names(&self) -> (String, String) {
        let text = |key: &str| self.config[key].as_str().unwrap_or_default().to_owned();
        (text("os"), text("architecture"))
    }

    /// Changes the configuration.
    pub fn configure(mut self, change: impl FnOnce(&mut Value)) -> Image {
        change(&mut self.config);
        self
    }

    /// The configuration's bytes.
    pub fn config(&self) -> Vec<u8> {
        self.config.to_string().into_bytes()
    }

    /// The layers as stored.
    pub fn blobs(&self) -> Vec<Vec<u8>> {
        self.layers.iter().map(|(tar, compression)| compression.pack(tar)).collect()
    }

    /// The OCI manifest.
    pub fn manifest(&self) -> Vec<u8> {
        let config = self.config();
        let layers = self.layers.iter().zip(self.blobs()).map(|((_, compression), blob)| {
            json!({"mediaType": compression.media_type(), "digest": sha256(&blob), "size": blob.len()})
        });
        json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                       "digest": sha256(&config), "size": config.len()},
            "layers": layers.collect::<Vec<_>>(),
        })
        .to_string()
        .into_bytes()
    }

    /// What `docker save` writes since version 25: blobs by digest and a `manifest.json`.
    pub fn docker_archive(&self) -> Vec<u8> {
        let mut tar = Tar::new().directory("blobs").directory("blobs/sha256");
        let mut names = Vec::new();
        for (bytes, compression) in &self.layers {
            let blob = compression.pack(bytes);
            names.push(blob_path(&sha256(&blob)));
            tar = tar.file(names.last().map_or("", String::as_str), &blob);
        }
        let config = blob_path(&sha256(&self.config()));
        let manifest = json!([{"Config": config, "RepoTags": self.tags, "Layers": names}]);
        tar.file(&config, self.config()).file("manifest.json", manifest.to_string()).finish()
    }

    /// What `docker save` wrote before: a directory per layer, a layer that occurs twice as a symbolic link.
    pub fn old_docker_archive(&self) -> Vec<u8> {
        let mut tar = Tar::new();
        let mut names: Vec<String> = Vec::new();
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for (position, (bytes, compression)) in self.layers.iter().enumerate() {
            let blob = compression.pack(bytes);
            let id = sha256(format!("layer {position}").as_bytes()).replace("sha256:", "");
            tar = tar.directory(&id).file(&format!("{id}/VERSION"), "1.0").file(&format!("{id}/json"), "{}");
            let name = format!("{id}/layer.tar");
            tar = match seen.get(&sha256(&blob)) {
                Some(first) => tar.symlink(&name, &format!("../{first}")),
                None => tar.file(&name, &blob),
            };
            seen.entry(sha256(&blob)).or_insert_with(|| name.clone());
            names.push(name);
        }
        let config = format!("{}.json", sha256(&self.config()).replace("sha256:", ""));
        let manifest = json!([{"Config": config, "RepoTags": self.tags, "Layers": names}]);
        tar.file(&config, self.config())
            .file("manifest.json", manifest.to_string())
            .file("repositories", "{}")
            .finish()
    }

    /// An OCI layout with this image alone, under its tags.
    pub fn layout(&self) -> Layout {
        Layout::new().image(self)
    }
}

fn blob_path(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}

/// An OCI layout being built (image-spec `image-layout.md`).
#[derive(Debug, Clone, Default)]
pub struct Layout {
    blobs: BTreeMap<String, Vec<u8>>,
    manifests: Vec<Value>,
}

impl Layout {
    /// An empty layout.
    pub fn new() -> Layout {
        Layout::default()
    }

    /// Adds an image, once for each of its tags.
    pub fn image(mut self, image: &Image) -> Layout {
        let descriptor = self.store(image);
        self.entries(descriptor, &image.tags)
    }

    /// Adds an index of these images under `tag`, each with its platform.
    pub fn index(mut self, tag: &str, images: &[Image]) -> Layout {
        let manifests: Vec<Value> = images.iter().map(|image| self.store(image)).collect();
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}).to_string();
        let descriptor =
            json!({"mediaType": media_type, "digest": sha256(index.as_bytes()), "size": index.len()});
        self.blobs.insert(sha256(index.as_bytes()), index.into_bytes());
        self.entries(descriptor, &[tag.to_owned()])
    }

    /// Adds any descriptor to `index.json`.
    pub fn descriptor(mut self, descriptor: Value) -> Layout {
        self.manifests.push(descriptor);
        self
    }

    /// Stores `bytes` under the digest `digest`, whatever theirs is.
    pub fn blob(mut self, digest: &str, bytes: impl Into<Vec<u8>>) -> Layout {
        self.blobs.insert(digest.to_owned(), bytes.into());
        self
    }

    fn store(&mut self, image: &Image) -> Value {
        let manifest = image.manifest();
        for blob in image.blobs().into_iter().chain([image.config(), manifest.clone()]) {
            self.blobs.insert(sha256(&blob), blob);
        }
        json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": sha256(&manifest),
            "size": manifest.len(),
            "platform": {"os": image.config["os"], "architecture": image.config["architecture"]},
        })
    }

    fn entries(mut self, descriptor: Value, tags: &[String]) -> Layout {
        for tag in tags {
            let mut tagged = descriptor.clone();
            tagged["annotations"] = json!({"org.opencontainers.image.ref.name": tag});
            self.manifests.push(tagged);
        }
        if tags.is_empty() {
            self.manifests.push(descriptor);
        }
        self
    }

    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": self.manifests});
        let mut files = vec![
            ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
            ("index.json".to_owned(), index.to_string().into_bytes()),
        ];
        files.extend(self.blobs.iter().map(|(digest, blob)| (blob_path(digest), blob.clone())));
        files
    }

    /// The layout as a tar.
    pub fn archive(&self) -> Vec<u8> {
        self.files().into_iter().fold(Tar::new(), |tar, (path, bytes)| tar.file(&path, bytes)).finish()
    }

    /// Writes the layout into `directory`.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, directory: &Path) -> std::io::Result<()> {
        for (path, bytes) in self.files() {
            let path = directory.join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(directory))?;
            std::fs::write(path, bytes)?;
        }
        Ok(())
    }
}
