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
    let xz_dictionary = xz_dictionary_bytes(&head);
    let stored = io::Cursor::new(head).chain(stored);
    let unsupported = |reason: String| Err(io::Error::new(io::ErrorKind::Unsupported, reason));
    let reader: Box<dyn Read + Send + 'r> = match (compression, origin) {
        (Compression::Plain, _) => Box::new(stored),
        (Compression::Gzip, _) => Box::new(flate2::bufread::MultiGzDecoder::new(stored)),
        (Compression::Zstd, _) => Box::new(zstd_decoder(stored, limits)?),
        (Compression::Xz, Origin::File) => match xz_dictionary {
            Some(bytes) if bytes <= limits.xz_dictionary_bytes_max => {
                Box::new(lzma_rust2::XzReader::new(stored, true))
            }
            Some(bytes) => return unsupported(format!("unpacking it takes {bytes} bytes of memory")),
            None => return unsupported("its xz header is none that is supported".to_owned()),
        },
        (Compression::Bzip2, Origin::File) => Box::new(bzip2::bufread::MultiBzDecoder::new(stored)),
        (Compression::Xz | Compression::Bzip2, Origin::Layer) => {
            let name = if compression == Compression::Xz { "xz" } else { "bzip2" };
            return unsupported(format!("{name} compression, which no image format has, is not supported"));
        }
        (Compression::Other(name), _) => return unsupported(format!("{name} compression is not supported")),
    };
    Ok((reader, meter, compression))
}

/// The dictionary that the first block of an xz stream asks for. Later blocks may ask for another, whose memory is used
/// only as their output grows; that is bounded by what is kept of the output (xz file format 1.2.1, 3.1 and 5.3.1); `None` where
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stored: &[u8], limits: &Limits, expected: &str) {
        let text = match decompress_file(stored, limits) {
            Ok((mut reader, ..)) => {
                let mut text = String::new();
                reader.read_to_string(&mut text).map_or_else(|error| error.to_string(), |_| text)
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(text, expected);
    }

    #[test]
    fn xz_and_bzip2_are_for_files() {
        // `printf hello | xz -6`, with a dictionary of 8 MiB, and `printf hello | bzip2`.
        let xz = b"\xfd\x37\x7a\x58\x5a\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01\x16\x00\x00\x00\x74\x2f\xe5\xa3\x01\x00\x04\x68\x65\x6c\x6c\x6f\x00\x00\x00\x00\xb1\x37\xb9\xdb\xe5\xda\x1e\x9b\x00\x01\x1d\x05\xb8\x2d\x80\xaf\x1f\xb6\xf3\x7d\x01\x00\x00\x00\x00\x04\x59\x5a";
        let bzip2 = b"\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x19\x31\x65\x3d\x00\x00\x00\x81\x00\x02\x44\xa0\x00\x21\x9a\x68\x33\x4d\x07\x33\x8b\xb9\x22\x9c\x28\x48\x0c\x98\xb2\x9e\x80";
        let limits = Limits::default();
        check(xz, &limits, "hello");
        check(bzip2, &limits, "hello");
        assert_eq!(xz_dictionary_bytes(xz), Some(8 * 1024 * 1024));
        let small = Limits { xz_dictionary_bytes_max: 1024 * 1024, ..Limits::default() };
        check(xz, &small, "unpacking it takes 8388608 bytes of memory");
        check(&xz[..16], &limits, "its xz header is none that is supported");
        for stored in [&xz[..], bzip2] {
            let error = decompress(stored, &limits).err().map(|error| error.kind());
            assert_eq!(error, Some(io::ErrorKind::Unsupported));
        }
    }
}
