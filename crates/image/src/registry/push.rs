//! Pushes (OCI distribution-spec, "Pushing blobs", "Pushing manifests"): signatures, statements and the manifests that
//! hang them on an image, in one piece; layers piece by piece, so that no more than one is in memory and a piece that
//! was lost is sent again.

use std::io::Read;

use seawall_inventory::{Algorithm, Digest, ImageName};

use super::transport::Method;
use super::{Asked, Base, Client, Failure, Registry, RegistryError, accepted};
use crate::manifest::digest_of;
use crate::registry::limits::{ERROR_BYTES_MAX, PIECE_BYTES};

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

    /// Whether a repository has a blob.
    ///
    /// # Errors
    /// The registry does not tell.
    pub fn has_blob(&self, name: &ImageName, digest: &Digest) -> Result<bool, RegistryError> {
        let what = format!("whether there is blob {digest} in {name}");
        let path = format!("blobs/{digest}");
        self.client.at_home(name, &what, |base| {
            let method = Method::Head;
            let asked = Asked { base, repository: name.repository(), path: &path, headers: &[], method };
            let answer = self.client.send(&asked)?;
            if answer.status == 404 { Ok(false) } else { accepted(answer).map(|_| true) }
        })
    }

    /// Pushes a blob from a stream. The registry compares its digest.
    ///
    /// # Errors
    /// The stream broke, or the registry did not take it.
    pub fn push_stream(
        &self,
        name: &ImageName,
        digest: &Digest,
        from: &mut dyn Read,
    ) -> Result<(), RegistryError> {
        let what = format!("blob {digest} to {name}");
        let from = std::cell::RefCell::new(from);
        self.client.at_home(name, &what, |base| {
            self.client.upload_pieces(base, name.repository(), digest, &mut **from.borrow_mut())
        })
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
        let place = self.begin(base, name.repository())?;
        self.finish(base, name.repository(), &place, digest, bytes)
    }

    /// A POST says where to PATCH, each PATCH where the next goes, and a PUT ends it. What is small goes with the PUT.
    fn upload_pieces(
        &self,
        base: &Base,
        repository: &str,
        digest: &Digest,
        from: &mut dyn Read,
    ) -> Result<(), Failure> {
        let mut place = self.begin(base, repository)?;
        let mut sent = 0;
        loop {
            let mut piece = Vec::new();
            from.take(PIECE_BYTES).read_to_end(&mut piece).map_err(Failure::of_body)?;
            if (piece.len() as u64) < PIECE_BYTES {
                return match (sent, piece.is_empty()) {
                    (0, _) | (_, true) => self.finish(base, repository, &place, digest, &piece),
                    (_, false) => {
                        let place = self.piece(base, repository, &place, sent, &piece)?;
                        self.finish(base, repository, &place, digest, &[])
                    }
                };
            }
            place = self.piece(base, repository, &place, sent, &piece)?;
            sent += piece.len() as u64;
        }
    }

    fn begin(&self, base: &Base, repository: &str) -> Result<String, Failure> {
        let begin = Asked { base, repository, path: "blobs/uploads/", headers: &[], method: Method::Post };
        place(base, &accepted(self.send(&begin)?)?)
    }

    fn piece(
        &self,
        base: &Base,
        repository: &str,
        path: &str,
        sent: u64,
        piece: &[u8],
    ) -> Result<String, Failure> {
        let last = sent + (piece.len() as u64).saturating_sub(1);
        let headers = [
            ("content-type", "application/octet-stream".to_owned()),
            ("content-range", format!("{sent}-{last}")),
        ];
        let asked = Asked { base, repository, path, headers: &headers, method: Method::Patch(piece) };
        place(base, &accepted(self.send(&asked)?)?)
    }

    fn finish(
        &self,
        base: &Base,
        repository: &str,
        place: &str,
        digest: &Digest,
        bytes: &[u8],
    ) -> Result<(), Failure> {
        let separator = if place.contains('?') { '&' } else { '?' };
        let path = format!("{place}{separator}digest={digest}");
        let headers = [("content-type", "application/octet-stream".to_owned())];
        let asked = Asked { base, repository, path: &path, headers: &headers, method: Method::Put(bytes) };
        accepted(self.send(&asked)?).map(|_| ())
    }
}

/// Where an upload goes on. The login goes along, so the place must be the registry's own; its scheme is the one that is
/// spoken here, a registry behind a proxy may know another.
fn place(base: &Base, answer: &super::Answer) -> Result<String, Failure> {
    let location = answer.headers.get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let refused = || Failure::Protocol("it does not say where to upload to".to_owned());
    let url = base.url.join(location).ok_or_else(refused)?;
    match url.authority == base.url.authority {
        true => Ok(url.path),
        false => Err(Failure::Redirect(url.authority)),
    }
}
