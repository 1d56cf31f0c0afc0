//! gRPC over HTTP/2 on a Unix socket: one connection for each call, driven by a runtime of its own.
//!
//! A Unix socket connects in microseconds, and a scan makes a handful of calls, so nothing is shared or pooled.

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use h2::RecvStream;
use h2::client::Builder;
use http::{HeaderMap, Request};
use prost::Message;
use prost::bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::net::UnixStream;
use tokio::runtime::Runtime;

use crate::Failure;
use crate::http::connect_unix;
use crate::limits::{CONNECT_TIMEOUT, MESSAGE_BYTES_MAX, READ_TIMEOUT, WINDOW_BYTES};

/// gRPC status codes (grpc/grpc, doc/statuscodes.md).
const NOT_FOUND: u16 = 5;
const DEADLINE_EXCEEDED: u16 = 4;
/// Compression flag and length in front of each message.
const PREFIX_BYTES: usize = 5;

/// One question, one answer.
pub(super) fn call<Q: Message, A: Message + Default>(
    socket: &Path,
    timeout: Duration,
    namespace: &str,
    method: &str,
    question: &Q,
) -> Result<A, Failure> {
    let mut answers = Answers::open(socket, timeout, namespace, method, question)?;
    let answer = answers.next(timeout)?.ok_or_else(|| malformed("the answer has no message"))?;
    let decoded = A::decode(answer).map_err(|error| Failure::Malformed(Box::new(error)))?;
    // The status comes after the message; a message with a bad status is not an answer.
    match answers.next(timeout)? {
        None => Ok(decoded),
        Some(_) => Err(malformed("the answer has more than one message")),
    }
}

/// The answers to one question, as they come.
pub(super) struct Answers {
    runtime: Runtime,
    body: RecvStream,
    buffer: BytesMut,
    head: HeaderMap,
    ended: bool,
}

impl Answers {
    /// Sends the question, and waits until it is answered; where answers come when something happens, for the first.
    pub(super) fn open<Q: Message>(
        socket: &Path,
        timeout: Duration,
        namespace: &str,
        method: &str,
        question: &Q,
    ) -> Result<Answers, Failure> {
        let stream = connect_unix(socket, CONNECT_TIMEOUT.min(timeout)).map_err(Failure::connecting)?;
        stream.set_nonblocking(true).map_err(Failure::connecting)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Failure::Connection(Box::new(error)))?;
        let request = request(namespace, method)?;
        let message = framed(question)?;
        let response = within(&runtime, timeout, async move {
            let stream = UnixStream::from_std(stream).map_err(Failure::connecting)?;
            let (sender, connection) = Builder::new()
                .initial_window_size(WINDOW_BYTES)
                .initial_connection_window_size(WINDOW_BYTES)
                .handshake::<_, Bytes>(stream)
                .await
                .map_err(broken)?;
            // It ends when the stream and the sender are dropped; its errors show on the stream.
            tokio::spawn(async move {
                let _ = connection.await;
            });
            let mut sender = sender.ready().await.map_err(broken)?;
            let (response, mut body) = sender.send_request(request, false).map_err(broken)?;
            body.send_data(message, true).map_err(broken)?;
            response.await.map_err(broken)
        })?;
        let (parts, body) = response.into_parts();
        if parts.status != http::StatusCode::OK {
            let message = "it does not speak gRPC".to_owned();
            return Err(Failure::Refused { status: parts.status.as_u16(), message });
        }
        // An answer without messages may carry its status in the head.
        status(&parts.headers)?;
        Ok(Answers { runtime, body, buffer: BytesMut::new(), head: parts.headers, ended: false })
    }

    /// The next answer, or `None` after the last when its status is good.
    pub(super) fn next(&mut self, timeout: Duration) -> Result<Option<Bytes>, Failure> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            if self.ended {
                return match self.buffer.is_empty() {
                    true => Ok(None),
                    false => Err(malformed("the answer ends within a message")),
                };
            }
            let body = &mut self.body;
            let chunk = within(&self.runtime, timeout.min(READ_TIMEOUT), async {
                let chunk = body.data().await.transpose().map_err(broken)?;
                if let Some(chunk) = &chunk {
                    body.flow_control().release_capacity(chunk.len()).map_err(broken)?;
                }
                Ok(chunk)
            })?;
            match chunk {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => self.finish(timeout)?,
            }
        }
    }

    fn finish(&mut self, timeout: Duration) -> Result<(), Failure> {
        self.ended = true;
        let body = &mut self.body;
        let trailers = within(&self.runtime, timeout.min(READ_TIMEOUT), async {
            body.trailers().await.map_err(broken)
        })?;
        match trailers {
            Some(trailers) if trailers.contains_key("grpc-status") => status(&trailers),
            _ if self.head.contains_key("grpc-status") => Ok(()),
            _ => Err(malformed("the answer ends without a status")),
        }
    }

    /// A whole message of the buffer.
    fn take(&mut self) -> Result<Option<Bytes>, Failure> {
        let Some(mut prefix) = self.buffer.get(..PREFIX_BYTES) else {
            return Ok(None);
        };
        let compressed = prefix.get_u8();
        let length = usize::try_from(prefix.get_u32()).unwrap_or(usize::MAX);
        if compressed != 0 {
            return Err(malformed("the answer is compressed, which was not asked for"));
        }
        if length > MESSAGE_BYTES_MAX {
            return Err(Failure::TooLarge { bytes_max: MESSAGE_BYTES_MAX as u64 });
        }
        if self.buffer.len() < PREFIX_BYTES + length {
            return Ok(None);
        }
        self.buffer.advance(PREFIX_BYTES);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }
}

fn within<T>(
    runtime: &Runtime,
    timeout: Duration,
    future: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    runtime.block_on(async { tokio::time::timeout(timeout, future).await }).unwrap_or(Err(Failure::Timeout))
}

fn request(namespace: &str, method: &str) -> Result<Request<()>, Failure> {
    let mut request = Request::post(format!("http://localhost/{method}"))
        .version(http::Version::HTTP_2)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("user-agent", "seawall");
    if !namespace.is_empty() {
        request = request.header("containerd-namespace", namespace);
    }
    request.body(()).map_err(|_| Failure::BadName(namespace.chars().take(200).collect()))
}

fn framed(question: &impl Message) -> Result<Bytes, Failure> {
    let mut bytes = BytesMut::with_capacity(PREFIX_BYTES + question.encoded_len());
    bytes.put_u8(0);
    bytes
        .put_u32(u32::try_from(question.encoded_len()).map_err(|error| Failure::Malformed(Box::new(error)))?);
    question.encode(&mut bytes).map_err(|error| Failure::Malformed(Box::new(error)))?;
    Ok(bytes.freeze())
}

fn status(headers: &HeaderMap) -> Result<(), Failure> {
    let Some(value) = headers.get("grpc-status") else {
        return Ok(());
    };
    let status = value.to_str().ok().and_then(|text| text.parse::<u16>().ok());
    let encoded = headers.get("grpc-message").map_or(&b""[..], |value| value.as_bytes());
    let decoded = percent_encoding::percent_decode(encoded).decode_utf8_lossy();
    let message: String = decoded.chars().filter(|c| !c.is_control()).take(500).collect();
    match status {
        Some(0) => Ok(()),
        Some(NOT_FOUND) => Err(Failure::NotFound(message)),
        Some(DEADLINE_EXCEEDED) => Err(Failure::Timeout),
        Some(status) => Err(Failure::Refused { status, message }),
        None => Err(malformed("the status is not a number")),
    }
}

fn broken(error: h2::Error) -> Failure {
    Failure::Connection(Box::new(error))
}

fn malformed(reason: &'static str) -> Failure {
    Failure::Malformed(reason.into())
}
