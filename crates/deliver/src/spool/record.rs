//! One finding on one line with its checksum, and reading such lines back.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::Crc;

use super::{Position, Reading, SpoolFile, name};
use crate::Delivery;
use crate::limits::SPOOL_RECORD_BYTES_MAX;
use crate::text::json;

/// `1a2b3c4d {…}` with its line break; `None` for a finding that is larger than any of ours can be.
pub(crate) fn encode(delivery: &Delivery) -> Option<String> {
    let json = json(delivery).ok().filter(|json| json.len() <= SPOOL_RECORD_BYTES_MAX)?;
    Some(format!("{:08x} {json}\n", checksum(json.as_bytes())))
}

/// `None` where the line is not what was written.
fn decode(line: &[u8]) -> Option<Delivery> {
    let line = line.strip_suffix(b"\n")?;
    let (sum, json) = (line.get(..8)?, line.get(9..)?);
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    (sum == checksum(json)).then(|| serde_json::from_slice(json).ok())?
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut sum = Crc::new();
    sum.update(bytes);
    sum.sum()
}

/// Reads records of these files, beginning at an offset of the first. Ends with a file, so that what a reading shows
/// lies in one.
pub(super) fn read(
    directory: &Path,
    files: &[SpoolFile],
    offset: u64,
    count_max: usize,
    bytes_max: usize,
) -> io::Result<Reading> {
    let mut offset = offset;
    let mut damaged = 0;
    let end = |file: &SpoolFile, offset| Position { number: file.number, offset };
    for (index, file) in files.iter().enumerate() {
        let mut reader = match File::open(directory.join(name(file.number))) {
            Ok(opened) => BufReader::new(opened.take(u64::MAX)),
            // Somebody removed it: what was in it is lost, and that is said.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                damaged += 1;
                offset = 0;
                if index + 1 == files.len() {
                    return Ok(Reading { deliveries: Vec::new(), until: end(file, file.bytes), damaged });
                }
                continue;
            }
            Err(error) => return Err(error),
        };
        let begin = offset;
        reader.get_mut().get_mut().seek(SeekFrom::Start(begin))?;
        reader.get_mut().set_limit(file.bytes.saturating_sub(begin));
        let mut deliveries = Vec::new();
        let mut line = Vec::new();
        while deliveries.len() < count_max && offset - begin < bytes_max as u64 {
            let read = read_line(&mut reader, &mut line)?;
            if read == 0 {
                break;
            }
            offset += read;
            match decode(&line) {
                Some(delivery) => deliveries.push(delivery),
                None => damaged += 1,
            }
        }
        // A file that is shorter than it was has nothing more.
        let offset_read = if offset == begin { file.bytes } else { offset };
        if !deliveries.is_empty() || index + 1 == files.len() {
            return Ok(Reading { deliveries, until: end(file, offset_read), damaged });
        }
        offset = 0;
    }
    Ok(Reading { deliveries: Vec::new(), until: Position { number: 0, offset: 0 }, damaged })
}

/// Reads a line with its line break and says how long it was; of one that is too long, the beginning is kept.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<u64> {
    line.clear();
    let limit = SPOOL_RECORD_BYTES_MAX as u64 + 16;
    let mut read = reader.by_ref().take(limit).read_until(b'\n', line)? as u64;
    let mut more = Vec::new();
    while read >= limit && line.last() != Some(&b'\n') && more.last() != Some(&b'\n') {
        more.clear();
        let length = reader.by_ref().take(limit).read_until(b'\n', &mut more)? as u64;
        read += length;
        if length == 0 {
            break;
        }
    }
    Ok(read)
}
