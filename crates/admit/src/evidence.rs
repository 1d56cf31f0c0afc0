//! Where it is found out what an image is and who signed it: its registry.

use jiff::Timestamp;
use seawall_image::Limits;
use seawall_image::manifest::Document;
use seawall_image::registry::{FetchedManifest, Registry};
use seawall_inventory::{Digest, ImageName};
use seawall_trust::image::{Attempt, Home, examine, pin};
use seawall_trust::requirement::Requirement;

use crate::limits::INDEX_IMAGES_MAX;

/// What can be asked of an image. An error means that nobody knows, never that there is nothing.
pub trait Evidence: Send + Sync {
    /// The digest that a name means now.
    ///
    /// # Errors
    /// It could not be found out.
    fn pin(&self, name: &ImageName) -> Result<Digest, String>;

    /// Every signature and attestation of a digest.
    ///
    /// # Errors
    /// They could not all be had.
    fn examine(
        &self,
        name: &ImageName,
        digest: &Digest,
        requirement: &Requirement,
        now: Timestamp,
    ) -> Result<Vec<Attempt>, String>;

    /// Whether an engine's own id of an image, its configuration's digest, belongs to a digest.
    ///
    /// # Errors
    /// It could not be found out.
    fn covers(&self, name: &ImageName, digest: &Digest, id: &Digest) -> Result<bool, String>;
}

/// The registries themselves.
#[derive(Debug, Clone)]
pub struct Registries(pub Registry);

impl Registries {
    fn home(&self, name: &ImageName) -> Home {
        Home::Registry(self.0.clone(), Box::new(name.clone()))
    }

    fn manifest(&self, name: &ImageName, digest: &Digest) -> Result<Document, String> {
        let fetched: FetchedManifest =
            self.0.manifest(&name.with_digest(digest.clone())).map_err(|error| told(&error))?;
        Document::parse(&fetched.bytes, &fetched.media_type, &Limits::default()).map_err(|error| told(&error))
    }
}

/// An error with its causes.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl Evidence for Registries {
    fn pin(&self, name: &ImageName) -> Result<Digest, String> {
        match name.digest() {
            Some(digest) => Ok(digest.clone()),
            None => pin(&self.home(name)).map(|pinned| pinned.digest).map_err(|error| told(&error)),
        }
    }

    fn examine(
        &self,
        name: &ImageName,
        digest: &Digest,
        requirement: &Requirement,
        now: Timestamp,
    ) -> Result<Vec<Attempt>, String> {
        let home = self.home(&name.with_digest(digest.clone()));
        examine(&home, digest, &requirement.wanted(), now).map_err(|error| told(&error))
    }

    fn covers(&self, name: &ImageName, digest: &Digest, id: &Digest) -> Result<bool, String> {
        // With Docker's containerd store the id is the digest itself.
        if digest == id {
            return Ok(true);
        }
        let children = match self.manifest(name, digest)? {
            Document::Manifest(manifest) => return Ok(manifest.config.digest == *id),
            Document::Index(children) => children,
        };
        for child in children.into_iter().filter(|child| !child.is_attestation()).take(INDEX_IMAGES_MAX) {
            if child.digest == *id {
                return Ok(true);
            }
            if let Document::Manifest(manifest) = self.manifest(name, &child.digest)?
                && manifest.config.digest == *id
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
