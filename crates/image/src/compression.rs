//! How bytes are stored: told by their magic, never by a media type or a file name, because both lie.
//!
//! Reads plain bytes, gzip with any number of members (eStargz) and zstd with any number of frames, skippable ones
//! too (zstd:chunked).

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::limits::Limits;

/// Large enough that system calls do not count, small enough for many layers at once.
const STORED_BUFFER_BYTES: usize = 128 * 1024;

/// How bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Plain,
    Gzip,
    Zstd,
    /// Recognised and not supported, with its name.
    Other(&'static str),
}

impl Compression {
    /// What the first bytes tell.
    pub(crate) fn sniff(head: &[u8]) -> Compression {
        match head {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Other("xz"),
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Compression::Other("bzip2"),
            [0x04, 0x22, 0x4d, 0x18, ..] => Compression::Other("lz4"),
            _ => Compression::Plain,
        }
    }
}

/// Counts what is read and remembers whether reading (not decompressing) failed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    bytes: Arc<AtomicU64>,
    failed: Arc<AtomicBool>,
}

impl Meter {
    /// Stored bytes read so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Whether the source failed.
    pub(crate) fn failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}

struct Metered<R> {
    inner: R,
    meter: Meter,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(read) => {
                self.meter.bytes.fetch_add(read as u64, Ordering::Relaxed);
                Ok(read)
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::Interrupted {
                    self.meter.failed.store(true, Ordering::Relaxed);
                }
                Err(error)
            }
        }
    }
}

/// A reader of the uncompressed bytes of `stored`, and the meter of what it reads.
///
/// # Errors
/// The first bytes cannot be read, or are of a format that is not supported (`ErrorKind::Unsupported`).
pub(crate) fn decompress<'r>(
    stored: impl Read + Send + 'r,
    limits: &Limits,
) -> io::Result<(Box<dyn Read + Send + 'r>, Meter)> {
    let meter = Meter::default();
    let mut stored =
        BufReader::with_capacity(STORED_BUFFER_BYTES, Metered { inner: stored, meter: meter.clone() });
    // A pipe may give its first bytes one by one: the magic is read for certain and put back in front.
    let mut head = Vec::new();
    (&mut stored).take(8).read_to_end(&mut head)?;
    let compression = Compression::sniff(&head);
    let stored = io::Cursor::new(head).chain(stored);
    let reader: Box<dyn Read + Send + 'r> = match compression {
        Compression::Plain => Box::new(stored),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(stored)),
        Compression::Zstd => Box::new(zstd_decoder(stored, limits)?),
        Compression::Other(name) => {
            let reason = format!("{name} compression, which no image format has, is not supported");
            return Err(io::Error::new(io::ErrorKind::Unsupported, reason));
        }
    };
    Ok((reader, meter))
}

fn zstd_decoder<R: BufRead>(
    stored: R,
    limits: &Limits,
) -> io::Result<zstd::stream::read::Decoder<'static, R>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(stored)?;
    decoder.window_log_max(limits.zstd_window_log_max)?;
    Ok(decoder)
}
