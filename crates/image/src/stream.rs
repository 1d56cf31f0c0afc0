//! The pipeline under a layer: one thread reads and decompresses, one hashes, the caller's walks.
//!
//! Decompression takes three quarters of the time of a cold scan and hashing most of the rest; side by side they cost
//! no more than the slower. Chunks are shared, not copied, and go back to the decompressor when both have done with
//! them, so a layer of any size needs a few MiB.

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

use seawall_finding::GapKind;
use seawall_inventory::{Algorithm, Digest};
use sha2::{Digest as _, Sha256, Sha512};

use crate::compression::{Meter, decompress};
use crate::limits::Limits;
use crate::tar::Input;

/// Fits the second-level cache of the cores that walk and hash it.
const CHUNK_BYTES: usize = 128 * 1024;
/// Chunks on their way to each consumer: enough to even out large files.
const CHUNKS_WAITING: usize = 4;

/// Why a stream ended before its end.
#[derive(Debug)]
pub(crate) struct StreamError {
    pub(crate) kind: GapKind,
    pub(crate) reason: String,
}

/// How a stream ended.
#[derive(Debug)]
pub(crate) struct StreamEnd {
    /// Digest of all uncompressed bytes, where asked for and where all of them were seen.
    pub(crate) digest: Option<Digest>,
    /// Uncompressed bytes.
    pub(crate) bytes: u64,
    /// Why not all were seen; `None` also when the consumer stopped.
    pub(crate) error: Option<StreamError>,
}

type Chunk = Arc<Vec<u8>>;

/// The uncompressed bytes of a blob, as the caller's thread reads them.
pub(crate) struct Chunks {
    incoming: Receiver<Chunk>,
    used: Sender<Vec<u8>>,
    current: Option<Chunk>,
    at: usize,
}

impl Chunks {
    fn give_back(&mut self) {
        self.at = 0;
        if let Some(buffer) = self.current.take().and_then(Arc::into_inner) {
            // The decompressor may have ended.
            let _ = self.used.send(buffer);
        }
    }
}

impl BufRead for Chunks {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.current.as_ref().is_none_or(|chunk| self.at >= chunk.len()) {
            self.give_back();
            self.current = self.incoming.recv().ok();
        }
        let chunk = self.current.as_ref().map_or(&[][..], |chunk| chunk.as_slice());
        Ok(chunk.get(self.at..).unwrap_or(&[]))
    }

    fn consume(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl Input for Chunks {}

/// Decompresses `blob`, hands its bytes to `consume` and hashes them all by `algorithm` if there is one.
/// `progress` is told the stored bytes read since it was last called, from another thread.
pub(crate) fn stream<R>(
    blob: impl Read + Send,
    algorithm: Option<Algorithm>,
    limits: &Limits,
    progress: &(dyn Fn(u64) + Sync),
    consume: impl FnOnce(&mut Chunks) -> R,
) -> io::Result<(R, StreamEnd)> {
    let (to_consumer, incoming) = sync_channel(CHUNKS_WAITING);
    let (to_hasher, unhashed) = sync_channel(CHUNKS_WAITING);
    let (used, reusable) = channel();
    let hasher_used = used.clone();
    let mut chunks = Chunks { incoming, used, current: None, at: 0 };
    thread::scope(|scope| {
        let hasher =
            thread::Builder::new().name("layer-digest".to_owned()).spawn_scoped(scope, move || {
                algorithm.map(|algorithm| hash(algorithm, &unhashed, &hasher_used))
            })?;
        let pump = Pump { to_consumer, to_hasher, reusable, bytes: 0, is_hashed: algorithm.is_some() };
        let pump = thread::Builder::new()
            .name("layer-inflate".to_owned())
            .spawn_scoped(scope, move || pump.run(blob, limits, progress))?;
        let result = consume(&mut chunks);
        drop(chunks);
        let failed = |_| io::Error::other("a thread of the layer reader failed");
        let (bytes, end) = pump.join().map_err(failed)?;
        let digest = hasher.join().map_err(failed)?;
        let (digest, error) = match end {
            Ok(()) => (digest, None),
            // What came out may be all there was: a broken trailer behind the right bytes.
            Err(Stop::Error(error)) => (digest, Some(error)),
            Err(Stop::ConsumerGone) => (None, None),
        };
        Ok((result, StreamEnd { digest, bytes, error }))
    })
}

fn hash(algorithm: Algorithm, unhashed: &Receiver<Chunk>, used: &Sender<Vec<u8>>) -> Digest {
    fn each(unhashed: &Receiver<Chunk>, used: &Sender<Vec<u8>>, mut update: impl FnMut(&[u8])) {
        for chunk in unhashed {
            update(&chunk);
            if let Some(buffer) = Arc::into_inner(chunk) {
                // The decompressor may have ended.
                let _ = used.send(buffer);
            }
        }
    }
    match algorithm {
        Algorithm::Sha256 => {
            let mut hasher = Sha256::new();
            each(unhashed, used, |bytes| hasher.update(bytes));
            Digest::sha256(hasher.finalize().into())
        }
        Algorithm::Sha512 => {
            let mut hasher = Sha512::new();
            each(unhashed, used, |bytes| hasher.update(bytes));
            Digest::sha512(hasher.finalize().into())
        }
    }
}

enum Stop {
    /// The consumer has seen enough.
    ConsumerGone,
    Error(StreamError),
}

/// The decompressing side.
struct Pump {
    to_consumer: SyncSender<Chunk>,
    to_hasher: SyncSender<Chunk>,
    reusable: Receiver<Vec<u8>>,
    bytes: u64,
    is_hashed: bool,
}

impl Pump {
    fn run(
        mut self,
        blob: impl Read + Send,
        limits: &Limits,
        progress: &(dyn Fn(u64) + Sync),
    ) -> (u64, Result<(), Stop>) {
        let (mut reader, meter) = match decompress(blob, limits) {
            Ok(opened) => opened,
            Err(error) => {
                let is_unsupported = error.kind() == io::ErrorKind::Unsupported;
                let kind = if is_unsupported { GapKind::Unsupported } else { GapKind::Unreadable };
                return (0, Err(Stop::Error(StreamError { kind, reason: error.to_string() })));
            }
        };
        let mut reported = 0;
        let end = loop {
            let more = self.chunk(&mut reader, &meter, limits);
            let stored = meter.bytes();
            progress(stored.saturating_sub(reported));
            reported = stored;
            match more {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(stop) => break Err(stop),
            }
        };
        (self.bytes, end)
    }

    /// Passes one chunk on; whether there may be more.
    fn chunk(&mut self, reader: &mut dyn Read, meter: &Meter, limits: &Limits) -> Result<bool, Stop> {
        let mut buffer = self.reusable.try_recv().unwrap_or_default();
        buffer.resize(CHUNK_BYTES, 0);
        let mut filled = 0;
        let end = loop {
            let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) else { break Ok(true) };
            match reader.read(rest) {
                Ok(0) => break Ok(false),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(Stop::Error(explain(&error, meter))),
            }
        };
        buffer.truncate(filled);
        self.bytes = self.bytes.saturating_add(filled as u64);
        self.check(meter, limits)?;
        if filled > 0 {
            self.pass_on(Arc::new(buffer))?;
        }
        end
    }

    fn pass_on(&self, chunk: Chunk) -> Result<(), Stop> {
        if self.is_hashed {
            // The hasher ends only after this side.
            let _ = self.to_hasher.send(Arc::clone(&chunk));
        }
        self.to_consumer.send(chunk).map_err(|_| Stop::ConsumerGone)
    }

    fn check(&self, meter: &Meter, limits: &Limits) -> Result<(), Stop> {
        let limit = |reason| Err(Stop::Error(StreamError { kind: GapKind::Limit, reason }));
        if self.bytes > limits.layer_bytes_max {
            return limit(format!("it has more than {} uncompressed bytes", limits.layer_bytes_max));
        }
        let allowed = meter.bytes().saturating_mul(limits.ratio_max).max(limits.ratio_free_bytes);
        if self.bytes > allowed {
            return limit(format!("it expands to more than {} times its stored size", limits.ratio_max));
        }
        Ok(())
    }
}

fn explain(error: &io::Error, meter: &Meter) -> StreamError {
    let kind = if meter.failed() { GapKind::Unreadable } else { GapKind::Malformed };
    StreamError { kind, reason: error.to_string() }
}
