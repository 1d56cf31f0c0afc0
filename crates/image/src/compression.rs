//! How bytes are stored: told by their magic, never by a media type or a file name, because both lie.
//!
//! Reads plain bytes, gzip with any number of members (eStargz) and zstd with any number of frames, skippable ones
//! too (zstd:chunked). Files of the user's own may also be bzip2 and xz; layers may not, because no image format has
//! them and because the memory that an xz stream takes is its own choice.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::limits::Limits;

/// Large enough that system calls do not count, small enough for many layers at once.
const STORED_BUFFER_BYTES: usize = 128 * 1024;

/// Enough for every magic and the first block header of xz with all its filters.
const HEAD_BYTES: u64 = 128;

/// How bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    Plain,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
    /// Recognised and not supported, with its name.
    Other(&'static str),
}

impl Compression {
    /// What the first bytes tell.
    pub(crate) fn sniff(head: &[u8]) -> Compression {
        match head {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
            [b'B', b'Z', b'h', b'1'..=b'9', ..] => Compression::Bzip2,
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

/// Where compressed bytes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// A layer's blob.
    Layer,
    /// A file that the user named.
    File,
}

/// A reader of the uncompressed bytes of a layer's blob, and the meter of what it reads.
///
/// # Errors
/// The first bytes cannot be read, or are of a format that is not supported (`ErrorKind::Unsupported`).
pub(crate) fn decompress<'r>(
    stored: impl Read + Send + 'r,
    limits: &Limits,
) -> io::Result<(Box<dyn Read + Send + 'r>, Meter)> {
    let (reader, meter, _) = reader(stored, Origin::Layer, limits)?;
    Ok((reader, meter))
}

/// The same of a file that the user named, and how it is stored.
///
/// # Errors
/// As of [`decompress`].
pub(crate) fn decompress_file<'r>(
    stored: impl Read + Send + 'r,
    limits: &Limits,
) -> io::Result<(Box<dyn Read + Send + 'r>, Meter, Compression)> {
    reader(stored, Origin::File, limits)
}

fn reader<'r>(
    stored: impl Read + Send + 'r,
    origin: Origin,
    limits: &Limits,
) -> io::Result<(Box<dyn Read + Send + 'r>, Meter, Compression)> {
    let meter = Meter::default();
    let mut stored =
        BufReader::with_capacity(STORED_BUFFER_BYTES, Metered { inner: stored, meter: meter.clone() });
    // A pipe may give its first bytes one by one: the magic is read for certain and put back in front.
    let mut head = Vec::new();
    (&mut stored).take(HEAD_BYTES).read_to_end(&mut head)?;
    let compression = Compression::sniff(&head);
    let is_xz_small = xz_dictionary_bytes(&head).is_some_and(|bytes| bytes <= limits.xz_dictionary_bytes_max);
    let stored = io::Cursor::new(head).chain(stored);
    let unsupported = |reason: String| Err(io::Error::new(io::ErrorKind::Unsupported, reason));
    let reader: Box<dyn Read + Send + 'r> = match (compression, origin) {
        (Compression::Plain, _) => Box::new(stored),
        (Compression::Gzip, _) => Box::new(flate2::bufread::MultiGzDecoder::new(stored)),
        (Compression::Zstd, _) => Box::new(zstd_decoder(stored, limits)?),
        (Compression::Xz, Origin::File) if is_xz_small => Box::new(lzma_rust2::XzReader::new(stored, true)),
        (Compression::Xz, Origin::File) => {
            return unsupported(format!(
                "unpacking it takes more than {} bytes of memory",
                limits.xz_dictionary_bytes_max
            ));
        }
        (Compression::Bzip2, Origin::File) => Box::new(bzip2::bufread::MultiBzDecoder::new(stored)),
        (Compression::Xz | Compression::Bzip2, Origin::Layer) => {
            let name = if compression == Compression::Xz { "xz" } else { "bzip2" };
            return unsupported(format!("{name} compression, which no image format has, is not supported"));
        }
        (Compression::Other(name), _) => return unsupported(format!("{name} compression is not supported")),
    };
    Ok((reader, meter, compression))
}

/// The dictionary that the first block of an xz stream asks for (xz file format 1.2.1, 3.1 and 5.3.1); `None` where
/// there is none in sight.
fn xz_dictionary_bytes(head: &[u8]) -> Option<u64> {
    /// Behind the stream header: the block header's size and flags.
    const FLAGS: usize = 13;
    const LZMA2: u8 = 0x21;
    let mut rest = head.get(FLAGS..)?.iter().copied();
    let flags = rest.next()?;
    // Two sizes, numbers of 7 bits a byte, may stand in front of the filters.
    for present in [flags & 0x40, flags & 0x80] {
        if present != 0 {
            while rest.next()? & 0x80 != 0 {}
        }
    }
    for _ in 0..=(flags & 3) {
        let (filter, size) = (rest.next()?, rest.next()?);
        if filter == LZMA2 {
            let bits = u32::from(rest.next()?);
            return (bits < 40).then(|| u64::from(2 | bits & 1) << (bits / 2 + 11));
        }
        for _ in 0..size {
            rest.next()?;
        }
    }
    None
}

fn zstd_decoder<R: BufRead>(
    stored: R,
    limits: &Limits,
) -> io::Result<zstd::stream::read::Decoder<'static, R>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(stored)?;
    decoder.window_log_max(limits.zstd_window_log_max)?;
    Ok(decoder)
}
