//! ELF headers (System V ABI, "Object Files"), 32 and 64 bit, both byte orders.

use super::{ExecutableError, Input, Map, Numbers, Region, name_in, names};

const SECTION_WITHOUT_BYTES: u64 = 8; // SHT_NOBITS
const SEGMENT_LOADED: u64 = 1; // PT_LOAD
const SEGMENT_WRITABLE: u64 = 2; // PF_W
const EXTENDED_INDEX: u64 = 0xffff; // SHN_XINDEX
const EXTENDED_COUNT: u64 = 0xffff; // PN_XNUM

/// Where the fields of one class (32 or 64 bit) lie.
struct Layout {
    word: usize,
    header_bytes: u64,
    section_bytes: u64,
    segment_bytes: u64,
}

const LAYOUT_32: Layout = Layout { word: 4, header_bytes: 52, section_bytes: 40, segment_bytes: 32 };
const LAYOUT_64: Layout = Layout { word: 8, header_bytes: 64, section_bytes: 64, segment_bytes: 56 };

pub(super) fn map(input: &mut Input<'_>) -> Result<Option<Map>, ExecutableError> {
    let ident = input.exact(0, 16, "ELF identification")?;
    let layout = match ident.get(4) {
        Some(1) => LAYOUT_32,
        Some(2) => LAYOUT_64,
        _ => return Ok(None),
    };
    let numbers = Numbers { is_big_endian: ident.get(5) == Some(&2) };
    let header = input.exact(0, layout.header_bytes, "ELF header")?;
    let field = |at: usize, width: usize| numbers.at(&header, at, width).unwrap_or(0);
    let word = layout.word;
    // e_phoff follows e_entry at 24; the counts are the last 12 bytes of the header.
    let segments_at = field(24 + word, word);
    let sections_at = field(24 + 2 * word, word);
    let counts = 24 + 3 * word + 4;
    let segment_count = field(counts + 4, 2);
    let mut section_count = field(counts + 8, 2);
    let mut names_index = field(counts + 10, 2);
    let mut map = Map::default();
    if segments_at != 0 && segment_count != 0 && segment_count != EXTENDED_COUNT {
        map.segments = segments(input, numbers, &layout, segments_at, segment_count)?;
    }
    if sections_at == 0 {
        return Ok(Some(map));
    }
    if section_count == 0 || names_index == EXTENDED_INDEX {
        let first = input.exact(sections_at, layout.section_bytes, "first section header")?;
        if section_count == 0 {
            section_count = numbers.at(&first, 8 + 3 * word, word).unwrap_or(0);
        }
        if names_index == EXTENDED_INDEX {
            names_index = numbers.at(&first, 8 + 4 * word, 4).unwrap_or(0);
        }
    }
    map.sections = sections(input, numbers, &layout, sections_at, section_count, names_index)?;
    Ok(Some(map))
}

fn segments(
    input: &mut Input<'_>,
    numbers: Numbers,
    layout: &Layout,
    at: u64,
    count: u64,
) -> Result<Vec<Region>, ExecutableError> {
    let table = input.table(at, count, layout.segment_bytes, "segments")?;
    let word = layout.word;
    let mut regions = Vec::new();
    for record in table.chunks_exact(layout.segment_bytes as usize) {
        let field = |at: usize, width: usize| numbers.at(record, at, width).unwrap_or(0);
        if field(0, 4) != SEGMENT_LOADED {
            continue;
        }
        // p_flags moved behind p_type in the 64-bit class.
        let (flags, fields) = if word == 8 { (field(4, 4), 8) } else { (field(24, 4), 4) };
        let size = field(fields + 3 * word, word);
        regions.push(Region {
            name: String::new(),
            offset: field(fields, word),
            address: field(fields + word, word),
            size,
            is_writable_data: flags & SEGMENT_WRITABLE != 0 && size != 0,
        });
    }
    Ok(regions)
}

fn sections(
    input: &mut Input<'_>,
    numbers: Numbers,
    layout: &Layout,
    at: u64,
    count: u64,
    names_index: u64,
) -> Result<Vec<Region>, ExecutableError> {
    let table = input.table(at, count, layout.section_bytes, "sections")?;
    let word = layout.word;
    let mut regions = Vec::new();
    let mut name_offsets = Vec::new();
    for record in table.chunks_exact(layout.section_bytes as usize) {
        let field = |at: usize, width: usize| numbers.at(record, at, width).unwrap_or(0);
        let has_bytes = field(4, 4) != SECTION_WITHOUT_BYTES;
        name_offsets.push(field(0, 4));
        regions.push(Region {
            name: String::new(),
            address: field(8 + word, word),
            offset: field(8 + 2 * word, word),
            size: if has_bytes { field(8 + 3 * word, word) } else { 0 },
            is_writable_data: field(8, word) & 1 != 0 && has_bytes,
        });
    }
    let table = usize::try_from(names_index).ok().and_then(|index| regions.get(index));
    let (offset, size) = table.map_or((0, 0), |names| (names.offset, names.size));
    let names = names(input, offset, size)?;
    for (region, at) in regions.iter_mut().zip(name_offsets) {
        region.name =
            usize::try_from(at).ok().and_then(|at| names.get(at..)).map(name_in).unwrap_or_default();
    }
    Ok(regions)
}
