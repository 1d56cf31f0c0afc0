//! What is encoded in bytes: base64, compression, archives, UTF-16, to a small depth and within a budget.

use std::io::{Cursor, Read};

use base64::Engine as _;
use base64::engine::general_purpose::GeneralPurpose;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use seawall_finding::GapKind;

use crate::check;
use crate::engine::{Found, Tally};
use crate::limits::{MEMBERS_MAX, XZ_DICTIONARY_BYTES_MAX, ZSTD_WINDOW_LOG_MAX};
use crate::look::{Lines, Look, Where};
use crate::rules::Rules;

/// A shorter run of base64 holds no token.
const RUN_BYTES_MIN: usize = 52;
/// Whole strides of this length are in every run, wherever it begins.
const STRIDE: usize = RUN_BYTES_MIN / 2;
/// A longer one is looked at only so far.
const RUN_BYTES_MAX: usize = 1024 * 1024;
/// Names whose content is no text and no archive: compiled classes are most of a jar.
const SKIPPED: &[&str] = &[".class", ".png", ".jpg", ".gif", ".woff", ".woff2", ".ttf", ".ico", ".pyc"];

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
static STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
static URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// Text behind a UTF-16 byte order mark.
pub(crate) fn utf16(bytes: &[u8]) -> Option<String> {
    let from: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let (pairs, _) = bytes.get(2..)?.as_chunks::<2>();
    Some(char::decode_utf16(pairs.iter().map(|pair| from(*pair))).map(|c| c.unwrap_or('\u{fffd}')).collect())
}

/// Looks inside what `bytes` hold.
pub(crate) fn inside(look: &mut Look<'_>, at: &Where, bytes: &[u8], runs: &[&[u8]]) {
    if let Some(stream) = Stream::of(bytes) {
        return stream.unpack(look, at, bytes);
    }
    match bytes {
        [b'P', b'K', 3, 4, ..] => zip(look, at, bytes),
        _ if bytes.get(257..262) == Some(b"ustar") => tar(look, at, bytes),
        _ if is_unknown_archive(bytes) => {
            let reason = "a 7-Zip or RAR archive is not unpacked to search it for leaks";
            look.gap(GapKind::Unsupported, &at.path, reason);
        }
        _ => {
            let lines = Lines::new(bytes, 0);
            for run in runs.iter().filter(|run| promising(run).is_some()) {
                // What a run holds is where the run is.
                let line =
                    at.line.or_else(|| Some(lines.of(run.as_ptr() as usize - bytes.as_ptr() as usize)));
                base64(look, &Where { line, ..at.clone() }, &[run]);
            }
        }
    }
}

/// Archives that nothing here unpacks.
fn is_unknown_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(b"7z\xbc\xaf\x27\x1c") || bytes.starts_with(b"Rar!\x1a\x07")
}

/// One file, compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Gzip,
    Xz,
    Zstd,
    Bzip2,
}

impl Stream {
    fn of(head: &[u8]) -> Option<Stream> {
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Stream::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Some(Stream::Xz),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Stream::Zstd),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => Some(Stream::Bzip2),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Stream::Gzip => "gzip",
            Stream::Xz => "xz",
            Stream::Zstd => "zstd",
            Stream::Bzip2 => "bzip2",
        }
    }

    /// How much of the budget a byte takes, by the time that unpacking it takes against gzip.
    fn cost(self) -> u64 {
        match self {
            Stream::Gzip | Stream::Zstd => 1,
            Stream::Xz => 3,
            Stream::Bzip2 => 8,
        }
    }

    fn unpack(self, look: &mut Look<'_>, at: &Where, bytes: &[u8]) {
        // Thousands of them are in an image with a kernel, and all are machine code.
        if at.path.contains(".ko.") {
            return;
        }
        let room = look.decode_budget / self.cost();
        if room == 0 {
            return look.not_decoded(&at.path);
        }
        let content = match self {
            Stream::Gzip => bounded(look, at, flate2::read::MultiGzDecoder::new(bytes), room),
            Stream::Bzip2 => bounded(look, at, bzip2::bufread::MultiBzDecoder::new(bytes), room),
            Stream::Xz => match xz_dictionary_bytes(bytes) {
                Some(size) if size <= XZ_DICTIONARY_BYTES_MAX => {
                    bounded(look, at, lzma_rust2::XzReader::new(bytes, true), room)
                }
                Some(_) | None => {
                    let reason = "an xz stream of this kind is not unpacked to search it for leaks";
                    return look.gap(GapKind::Unsupported, &at.path, reason);
                }
            },
            Stream::Zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(bytes).and_then(|mut decoder| {
                    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                    Ok(decoder)
                });
                let Ok(decoder) = decoder else { return };
                bounded(look, at, decoder, room)
            }
        };
        look.spend(content.len() as u64 * (self.cost() - 1));
        if !content.is_empty() {
            look.bytes(&at.inside(self.name(), None), &content);
        }
    }
}

/// The dictionary of the first block of an xz stream whose only filter is LZMA2, as nearly all are (xz file format
/// 1.2.1, 3.1).
fn xz_dictionary_bytes(bytes: &[u8]) -> Option<u64> {
    let mut rest = bytes.get(13..)?.iter().copied();
    let flags = rest.next()?;
    for present in [flags & 0x40, flags & 0x80] {
        if present != 0 {
            while rest.next()? & 0x80 != 0 {}
        }
    }
    match (flags & 0x3f, rest.next()?, rest.next()?, rest.next()?) {
        (0, 0x21, 1, bits @ 0..40) => Some(u64::from(2 | bits & 1) << (bits / 2 + 11)),
        _ => None,
    }
}

/// First bytes of a file that tell whether it is unpacked.
pub(crate) const HEAD_BYTES: usize = 262;

/// Whether bytes begin like one compressed file.
pub(crate) fn is_stream(head: &[u8]) -> bool {
    Stream::of(head).is_some()
}

/// Whether bytes begin like something that is unpacked.
pub(crate) fn is_archive(head: &[u8]) -> bool {
    Stream::of(head).is_some()
        || is_unknown_archive(head)
        || head.starts_with(b"PK\x03\x04")
        || head.get(257..HEAD_BYTES) == Some(b"ustar")
}

/// Whether bytes begin like something that is looked at only as a whole.
pub(crate) fn is_whole(head: &[u8]) -> bool {
    is_archive(head) || head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff])
}

/// Reads as much as the budget allows.
fn bounded(look: &mut Look<'_>, at: &Where, reader: impl Read, room: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = reader.take(room).read_to_end(&mut bytes);
    look.spend(bytes.len() as u64);
    if bytes.len() as u64 >= room {
        look.not_decoded(&at.path);
    }
    // What a damaged stream gave before its end is looked at; a file that only begins like a stream is none.
    if read.is_err() && !bytes.is_empty() {
        look.gap(
            GapKind::Malformed,
            &at.path,
            "what is encoded in it cannot be decoded to its end to search for leaks",
        );
    }
    bytes
}

fn zip(look: &mut Look<'_>, at: &Where, bytes: &[u8]) {
    let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(bytes)) else {
        return look.gap(GapKind::Malformed, &at.path, "it is no zip archive that can be searched for leaks");
    };
    if archive.len() > MEMBERS_MAX {
        let reason =
            format_args!("it has more than {MEMBERS_MAX} members; the rest was not searched for leaks");
        look.gap(GapKind::Limit, &at.path, reason);
    }
    for index in 0..archive.len().min(MEMBERS_MAX) {
        if look.decode_budget == 0 {
            return look.not_decoded(&at.path);
        }
        let Ok(member) = archive.by_index(index) else {
            look.gap(
                GapKind::Unsupported,
                &at.path,
                "a member cannot be read to search it for leaks (encrypted, or another compression)",
            );
            continue;
        };
        let name = String::from_utf8_lossy(member.name_raw()).into_owned();
        if member.is_dir() || SKIPPED.iter().any(|ending| name.ends_with(ending)) {
            continue;
        }
        let room = look.decode_budget;
        let content = bounded(look, at, member, room);
        look.bytes(&at.inside("zip", Some(&name)), &content);
    }
}

/// Members of a POSIX archive; long names of extensions are of no interest here.
fn tar(look: &mut Look<'_>, at: &Where, bytes: &[u8]) {
    let mut rest = bytes;
    for _ in 0..MEMBERS_MAX {
        let Some((header, body)) = rest.split_at_checked(512) else { return };
        if header.get(257..262) != Some(b"ustar") {
            return;
        }
        let text = |range: std::ops::Range<usize>| {
            let field = header.get(range).unwrap_or_default();
            let end = memchr::memchr(0, field).unwrap_or(field.len());
            String::from_utf8_lossy(field.get(..end).unwrap_or_default()).trim().to_owned()
        };
        let size = usize::from_str_radix(&text(124..136), 8).unwrap_or(usize::MAX);
        let Some(content) = body.get(..size) else {
            return look.gap(
                GapKind::Malformed,
                &at.path,
                "the archive ends inside a member; it was searched so far",
            );
        };
        if matches!(header.get(156), Some(b'0' | 0)) {
            look.bytes(&at.inside("tar", Some(&text(0..100))), content);
        }
        let padded = size.next_multiple_of(512);
        rest = body.get(padded.min(body.len())..).unwrap_or_default();
    }
    look.gap(
        GapKind::Limit,
        &at.path,
        format_args!("it has more than {MEMBERS_MAX} members; the rest was not searched"),
    );
}

/// Whether a byte is of either alphabet of base64.
const fn is_base64(byte: u8) -> bool {
    IS_BASE64[byte as usize]
}

const IS_BASE64: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        let c = byte as u8;
        table[byte] = c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b'-' | b'_');
        byte += 1;
    }
    table
};

/// Runs of base64, found by looking at every few bytes: a run of the length wanted cannot hide between two looks.
pub(crate) fn runs(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let near = bytes.get(at..)?.first_chunk::<STRIDE>()?;
            let is_candidate = is_base64(near[STRIDE - 1]) && is_base64(near[8]) && is_base64(near[16]);
            if !is_candidate || !near.iter().all(|byte| is_base64(*byte)) {
                at += STRIDE;
                continue;
            }
            let start = bytes.get(..at)?.iter().rposition(|byte| !is_base64(*byte)).map_or(0, |at| at + 1);
            let end = bytes
                .get(at..)?
                .iter()
                .position(|byte| !is_base64(*byte))
                .map_or(bytes.len(), |more| at + more);
            at = end;
            if end - start >= RUN_BYTES_MIN {
                return bytes.get(start..end.min(start + RUN_BYTES_MAX));
            }
        }
    })
}

/// Decodes the runs that are promising.
pub(crate) fn base64(look: &mut Look<'_>, at: &Where, runs: &[&[u8]]) {
    for run in runs {
        let Some(engine) = promising(run) else { continue };
        if look.decode_budget < run.len() as u64 {
            return look.not_decoded(&at.path);
        }
        if run.len() == RUN_BYTES_MAX {
            look.not_decoded(&at.path);
        }
        // One character more than a multiple of four decodes to nothing.
        let run = run.get(..run.len() - usize::from(run.len() % 4 == 1)).unwrap_or(run);
        if let Ok(content) = engine.decode(run) {
            look.spend(run.len() as u64);
            look.bytes(&at.inside("base64", None), &content);
        }
    }
}

/// How a run is decoded whose beginning is that of text or of something compressed; most runs are neither. JSON Web
/// Tokens have their own rule.
pub(crate) fn promising(run: &[u8]) -> Option<&'static GeneralPurpose> {
    if run.starts_with(b"eyJ") || run.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let engine = if run.iter().any(|byte| matches!(byte, b'-' | b'_')) { &URL_SAFE } else { &STANDARD };
    let head = run.get(..40).and_then(|head| engine.decode(head).ok())?;
    is_promising(&head).then_some(engine)
}

/// Whether decoded bytes begin like text or like something compressed.
fn is_promising(head: &[u8]) -> bool {
    let is_text = head.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..0x7f));
    is_text || Stream::of(head).is_some() || head.starts_with(b"PK\x03\x04")
}

/// NKEY seeds have no literal that is rare, but a checksum: every run of their length is tried.
pub(crate) fn seeds(bytes: &[u8], runs: &[&[u8]], rules: &Rules, tally: &mut Tally, found: &mut Vec<Found>) {
    let Some(rule) = rules.index_of("nats-seed") else { return };
    for run in runs.iter().filter(|run| run.len() == 58 && check::is_nkey_seed(run)) {
        if !tally.admits(rule) {
            return;
        }
        let start = run.as_ptr() as usize - bytes.as_ptr() as usize;
        let secret = start..start + run.len();
        found.push(Found { rule, matched: secret.clone(), secret, proof: vec!["checksum".to_owned()] });
    }
}
