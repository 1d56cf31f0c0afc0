//! Pushes small artifacts (OCI distribution-spec, "Pushing blobs", "Pushing manifests"): signatures, statements, and the
//! manifests that hang them on an image. Layers are not its business: everything is in memory.

use seawall_inventory::{Algorithm, Digest, ImageName};

use super::transport::Method;
use super::{Asked, Base, Client, Failure, Registry, RegistryError, accepted};
use crate::manifest::digest_of;
use crate::registry::limits::ERROR_BYTES_MAX;

/// What a registry said of a manifest that it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// The manifest's digest.
    pub digest: Digest,
    /// Whether the registry lists it among the referrers of its subject; if not, the fallback tag must.
    pub lists_referrers: bool,
}

impl Registry {
    /// Pushes a blob and gives its digest.
    ///
    /// # Errors
    /// The registry did not take it.
    pub fn push_blob(&self, name: &ImageName, bytes: &[u8]) -> Result<Digest, RegistryError> {
        let digest = digest_of(Algorithm::Sha256, bytes);
        let what = format!("blob {digest} to {name}");
        self.client.at_home(name, &what, |base| self.client.upload(base, name, &digest, bytes))?;
        Ok(digest)
    }

    /// Pushes a manifest under its digest, or under a tag.
    ///
    /// # Errors
    /// The registry did not take it.
    pub fn push_manifest(
        &self,
        name: &ImageName,
        tag: Option<&str>,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<Pushed, RegistryError> {
        let digest = digest_of(Algorithm::Sha256, bytes);
        let path = format!("manifests/{}", tag.map_or_else(|| digest.to_string(), str::to_owned));
        let what = format!("{path} to {}/{}", name.registry(), name.repository());
        let headers = [("content-type", media_type.to_owned())];
        let answer = self.client.at_home(name, &what, |base| {
            let method = Method::Put(bytes);
            let asked = Asked { base, repository: name.repository(), path: &path, headers: &headers, method };
            accepted(self.client.send(&asked)?)
        })?;
        Ok(Pushed { digest, lists_referrers: answer.headers.contains_key("oci-subject") })
    }
}

impl Client {
    fn send(&self, asked: &Asked<'_>) -> Result<super::Answer, Failure> {
        let send = |request: &super::Request<'_>| {
            self.transport.document(request, ERROR_BYTES_MAX).map(|answer| (answer.status, answer))
        };
        self.with_login(asked, send, |answer| &answer.headers)
    }

    /// A POST says where to PUT.
    fn upload(&self, base: &Base, name: &ImageName, digest: &Digest, bytes: &[u8]) -> Result<(), Failure> {
        let repository = name.repository();
        let begin = Asked { base, repository, path: "blobs/uploads/", headers: &[], method: Method::Post };
        let answer = accepted(self.send(&begin)?)?;
        let location =
            answer.headers.get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let refused = || Failure::Protocol("it does not say where to upload to".to_owned());
        let url = base.url.join(location).ok_or_else(refused)?;
        // The login goes along, so the place must be the registry's own; its scheme is the one that is spoken here, a
        // registry behind a proxy may know another.
        if url.authority != base.url.authority {
            return Err(Failure::Redirect(url.authority));
        }
        let separator = if url.path.contains('?') { '&' } else { '?' };
        let path = format!("{}{separator}digest={digest}", url.path);
        let headers = [("content-type", "application/octet-stream".to_owned())];
        let finish = Asked { base, repository, path: &path, headers: &headers, method: Method::Put(bytes) };
        accepted(self.send(&finish)?).map(|_| ())
    }
}
