//! A blob as a stream that takes itself up again where the connection broke.

use std::io::{self, Read};
use std::sync::Arc;

use seawall_inventory::{Digest, ImageName};
use ureq::BodyReader;

use super::limits::RESUMES_MAX;
use super::pace::{Paced, too_slow};
use super::{Client, Failure, RegistryError};

/// Reads one blob, exactly as many bytes as it is said to have.
///
/// The digest is the reader's to check: whoever decompresses a layer hashes it anyway.
pub(super) struct BlobReader {
    client: Arc<Client>,
    name: ImageName,
    digest: Digest,
    body: Paced<BodyReader<'static>>,
    position: u64,
    /// `None` where the manifest does not tell.
    size_bytes: Option<u64>,
    resumes: u32,
}

impl BlobReader {
    pub(super) fn open(
        client: Arc<Client>,
        name: ImageName,
        digest: Digest,
        size_bytes: Option<u64>,
    ) -> Result<BlobReader, RegistryError> {
        let bytes_max = size_bytes.unwrap_or(client.options.limits.layer_bytes_max);
        let patience = client.transport.pace.for_blob(bytes_max);
        let body = client.blob_from(&name, &digest, 0, patience)?;
        Ok(BlobReader { client, name, digest, body, position: 0, size_bytes, resumes: 0 })
    }

    /// Opens the rest after a break. A break without any progress since the last one counts like the others, so a
    /// registry that breaks off for ever is left at some time.
    fn resume(&mut self, cause: io::Error) -> io::Result<()> {
        if self.resumes >= RESUMES_MAX || too_slow(&cause).is_some() {
            return Err(cause);
        }
        self.client.pause(self.resumes);
        self.resumes += 1;
        let patience = self.body.patience.afresh();
        self.body = self
            .client
            .blob_from(&self.name, &self.digest, self.position, patience)
            .map_err(io::Error::other)?;
        Ok(())
    }

    fn is_whole(&self) -> bool {
        self.size_bytes.is_none_or(|size| self.position >= size)
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // One byte more than the blob has shows a registry that sends more.
        let left = self.size_bytes.map_or(u64::MAX, |size| size.saturating_sub(self.position));
        let wanted = buffer.len().min(usize::try_from(left.saturating_add(1)).unwrap_or(usize::MAX));
        let Some(buffer) = buffer.get_mut(..wanted).filter(|buffer| !buffer.is_empty()) else {
            return Ok(0);
        };
        loop {
            match self.body.read(buffer) {
                Ok(0) if self.is_whole() => return Ok(0),
                Ok(0) => self.resume(io::Error::new(io::ErrorKind::UnexpectedEof, "the blob breaks off"))?,
                Ok(count) if count as u64 > left => {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "the blob is longer than the manifest says",
                    ));
                }
                Ok(count) => {
                    self.position = self.position.saturating_add(count as u64);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.resume(error)?,
            }
        }
    }
}

/// Whether an answer to `Range: bytes=N-` begins at N: `Content-Range: bytes N-…`.
pub(super) fn check_range(header: Option<&str>, position: u64) -> Result<(), Failure> {
    let start = header
        .and_then(|text| text.trim().strip_prefix("bytes"))
        .and_then(|text| text.trim().split('-').next())
        .and_then(|text| text.parse::<u64>().ok());
    match start == Some(position) {
        true => Ok(()),
        false => Err(Failure::Protocol("it sent another part of the blob than asked for".to_owned())),
    }
}
