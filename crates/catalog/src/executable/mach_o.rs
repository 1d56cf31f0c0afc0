//! Mach-O headers (Apple, "OS X ABI Mach-O File Format Reference"), thin, and the first architecture of a universal
//! file: its programs are built from the same sources.

use super::{ExecutableError, Input, Map, Numbers, Region, name_in};
use crate::limits::MACH_O_COMMANDS_BYTES_MAX;

const SEGMENT_32: u64 = 0x1;
const SEGMENT_64: u64 = 0x19;
const WRITABLE: u64 = 2; // VM_PROT_WRITE
/// Universal files share their magic with Java classes, whose next number is at least 45.
const UNIVERSAL_ARCHITECTURES_MAX: u64 = 30;

pub(super) fn map(input: &mut Input<'_>) -> Result<Option<Map>, ExecutableError> {
    let head = input.exact(0, 8, "Mach-O header")?;
    if !head.starts_with(&[0xca, 0xfe, 0xba, 0xbe]) {
        return thin(input, 0);
    }
    let big = Numbers { is_big_endian: true };
    match big.at(&head, 4, 4) {
        Some(1..=UNIVERSAL_ARCHITECTURES_MAX) => {
            let first = input.exact(8, 20, "universal header")?;
            thin(input, big.at(&first, 8, 4).unwrap_or(0))
        }
        _ => Ok(None),
    }
}

fn thin(input: &mut Input<'_>, base: u64) -> Result<Option<Map>, ExecutableError> {
    let header = input.exact(base, 32, "Mach-O header")?;
    let (is_big_endian, is_64) = match header.get(..4) {
        Some([0xfe, 0xed, 0xfa, 0xce]) => (true, false),
        Some([0xfe, 0xed, 0xfa, 0xcf]) => (true, true),
        Some([0xce, 0xfa, 0xed, 0xfe]) => (false, false),
        Some([0xcf, 0xfa, 0xed, 0xfe]) => (false, true),
        _ => return Ok(None),
    };
    let numbers = Numbers { is_big_endian };
    let commands_bytes = numbers.at(&header, 20, 4).unwrap_or(0).min(MACH_O_COMMANDS_BYTES_MAX);
    let commands_at = base.saturating_add(if is_64 { 32 } else { 28 });
    let commands = input.exact(commands_at, commands_bytes, "load commands")?;
    let mut map = Map::default();
    let mut rest = commands.as_slice();
    while let (Some(command), Some(size)) = (numbers.at(rest, 0, 4), numbers.at(rest, 4, 4)) {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let Some(record) = rest.get(..size).filter(|record| record.len() >= 8) else { break };
        match command {
            SEGMENT_32 => segment(record, numbers, 4, base, &mut map),
            SEGMENT_64 => segment(record, numbers, 8, base, &mut map),
            _ => {}
        }
        rest = rest.get(size..).unwrap_or_default();
    }
    Ok(Some(map))
}

/// One segment with its sections, whose names are kept without that of the segment: `__rodata`.
fn segment(record: &[u8], numbers: Numbers, word: usize, base: u64, map: &mut Map) {
    let field = |at: usize, width: usize| numbers.at(record, at, width).unwrap_or(0);
    let fields = 24;
    let size = field(fields + 3 * word, word);
    let is_writable = field(fields + 4 * word + 4, 4) & WRITABLE != 0;
    map.segments.push(Region {
        name: record.get(8..24).map(name_in).unwrap_or_default(),
        address: field(fields, word),
        offset: base.saturating_add(field(fields + 2 * word, word)),
        size,
        is_writable_data: is_writable && size != 0,
    });
    let (header_bytes, section_bytes) = if word == 8 { (72, 80) } else { (56, 68) };
    let sections = record.get(header_bytes..).unwrap_or_default();
    for section in sections.chunks_exact(section_bytes) {
        let field = |at: usize, width: usize| numbers.at(section, at, width).unwrap_or(0);
        map.sections.push(Region {
            name: section.get(..16).map(name_in).unwrap_or_default(),
            address: field(32, word),
            size: field(32 + word, word),
            offset: base.saturating_add(field(32 + 2 * word, 4)),
            is_writable_data: is_writable,
        });
    }
}
