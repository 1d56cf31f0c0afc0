//! A blob of containerd's content store, read over its socket.

use std::io::{self, Read};
use std::path::Path;

use prost::Message;
use prost::bytes::{Buf, Bytes};
use seawall_inventory::Digest;

use super::grpc::Answers;
use super::message::{ReadContentRequest, ReadContentResponse};
use crate::Failure;
use crate::limits::{CALL_TIMEOUT, READ_TIMEOUT};

/// Streams one blob.
pub(super) struct BlobReader {
    answers: Answers,
    chunk: Bytes,
    position: i64,
}

impl BlobReader {
    /// Asks for the blob and waits for its first bytes, so that a missing blob is known here.
    pub(super) fn open(socket: &Path, namespace: &str, digest: &Digest) -> Result<BlobReader, Failure> {
        let question = ReadContentRequest { digest: digest.to_string(), offset: 0, size: 0 };
        let method = "containerd.services.content.v1.Content/Read";
        let answers = Answers::open(socket, CALL_TIMEOUT, namespace, method, &question)?;
        let mut reader = BlobReader { answers, chunk: Bytes::new(), position: 0 };
        reader.advance()?;
        Ok(reader)
    }

    fn advance(&mut self) -> Result<bool, Failure> {
        while self.chunk.is_empty() {
            let Some(message) = self.answers.next(READ_TIMEOUT)? else {
                return Ok(false);
            };
            let answer =
                ReadContentResponse::decode(message).map_err(|error| Failure::Malformed(Box::new(error)))?;
            if answer.offset != self.position {
                return Err(Failure::Malformed("the content does not come in order".into()));
            }
            self.position = self.position.saturating_add_unsigned(answer.data.len() as u64);
            self.chunk = Bytes::from(answer.data);
        }
        Ok(true)
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || !self.advance().map_err(io::Error::other)? {
            return Ok(0);
        }
        let length = buffer.len().min(self.chunk.len());
        if let Some(target) = buffer.get_mut(..length) {
            self.chunk.copy_to_slice(target);
        }
        Ok(length)
    }
}
