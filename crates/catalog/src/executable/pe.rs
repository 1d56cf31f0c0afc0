//! PE headers ("PE Format", Microsoft Learn). A plain DOS program is not one.

use super::{ExecutableError, Input, Map, Numbers, Region, name_in};

const NUMBERS: Numbers = Numbers { is_big_endian: false };
const SECTION_BYTES: u64 = 40;
/// IMAGE_SCN_CNT_INITIALIZED_DATA | IMAGE_SCN_MEM_READ | IMAGE_SCN_MEM_WRITE.
const WRITABLE_DATA: u64 = 0x40 | 0x4000_0000 | 0x8000_0000;

pub(super) fn map(input: &mut Input<'_>) -> Result<Option<Map>, ExecutableError> {
    let dos = input.read_at(0, 64)?;
    let Some(header_at) = NUMBERS.at(&dos, 0x3c, 4) else { return Ok(None) };
    let header = input.read_at(header_at, 24)?;
    if header.get(..4) != Some(b"PE\0\0") || header.len() < 24 {
        return Ok(None);
    }
    let section_count = NUMBERS.at(&header, 6, 2).unwrap_or(0);
    let optional_bytes = NUMBERS.at(&header, 20, 2).unwrap_or(0);
    let optional_at = header_at.saturating_add(24);
    let optional = input.read_at(optional_at, optional_bytes.min(64))?;
    let image_base = match NUMBERS.at(&optional, 0, 2) {
        Some(0x20b) => NUMBERS.at(&optional, 24, 8),
        Some(0x10b) => NUMBERS.at(&optional, 28, 4),
        _ => None,
    };
    let table_at = optional_at.saturating_add(optional_bytes);
    let table = input.table(table_at, section_count, SECTION_BYTES, "sections")?;
    let mut sections = Vec::new();
    for record in table.chunks_exact(SECTION_BYTES as usize) {
        let field = |at: usize| NUMBERS.at(record, at, 4).unwrap_or(0);
        let size = field(16);
        sections.push(Region {
            name: record.get(..8).map(name_in).unwrap_or_default(),
            address: image_base.unwrap_or(0).saturating_add(field(12)),
            offset: field(20),
            size,
            is_writable_data: field(36) & WRITABLE_DATA == WRITABLE_DATA && size != 0,
        });
    }
    Ok(Some(Map { segments: sections.clone(), sections }))
}
