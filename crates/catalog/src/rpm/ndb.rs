//! rpm's own database, "ndb" (lib/backend/ndb/rpmpkg.c): `Packages.db` of SUSE.
//!
//! Pages of slots at the start say where each package's blob is; blobs are made of blocks of 16 bytes. All numbers
//! are little-endian. Blobs that no slot names are free space.

use std::ops::ControlFlow;

use crate::limits::RPM_HEADER_BYTES_MAX;
use crate::rpm::Each;
use crate::rpm::input::{ByteOrder, Fault, Input};

const MAGIC: &[u8] = b"RpmP";
const VERSION: u32 = 0;
const SLOT_MAGIC: &[u8] = b"Slot";
const BLOB_MAGIC: &[u8] = b"BlbS";
const HEAD_BYTES: u64 = 32;
const PAGE_BYTES: u64 = 4096;
const SLOT_BYTES: usize = 16;
/// The database's head takes the place of the first slots.
const HEAD_SLOTS: usize = 2;
const BLOCK_BYTES: u64 = 16;
const BLOB_HEAD_BYTES: u64 = 16;
const BLOB_TAIL_BYTES: u64 = 12;

pub(super) fn headers(input: &mut Input<'_>, each: &mut Each<'_>) -> Result<(), Fault> {
    let head = input.read(0, HEAD_BYTES, "its head")?;
    if !head.starts_with(MAGIC) {
        return Err(Fault::Malformed("it is not an ndb database of rpm"));
    }
    let number = |at| ByteOrder::Little.u32(&head, at).unwrap_or_default();
    if number(4) != VERSION {
        return Err(Fault::Unsupported("a version of rpm's ndb format that is not known"));
    }
    let slot_pages = u64::from(number(12));
    if slot_pages == 0 || slot_pages.saturating_mul(PAGE_BYTES) > input.size_bytes() {
        return Err(Fault::Truncated("the list of its packages"));
    }
    let mut blob = Vec::new();
    for page in 0..slot_pages {
        let slots = input.read(page * PAGE_BYTES, PAGE_BYTES, "the list of its packages")?;
        let skipped = if page == 0 { HEAD_SLOTS } else { 0 };
        for slot in slots.chunks_exact(SLOT_BYTES).skip(skipped) {
            let header = match read(input, slot, &mut blob) {
                Ok(false) => continue,
                Ok(true) => Ok(blob.as_slice()),
                Err(fault) => Err(fault),
            };
            if let ControlFlow::Break(()) = each(header) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The blob of a slot; false where the slot is free.
fn read(input: &mut Input<'_>, slot: &[u8], blob: &mut Vec<u8>) -> Result<bool, Fault> {
    let number = |bytes: &[u8], at| ByteOrder::Little.u32(bytes, at).unwrap_or_default();
    if !slot.starts_with(SLOT_MAGIC) {
        return Err(Fault::Malformed("its slot is damaged"));
    }
    let (package, at, blocks) = (number(slot, 4), number(slot, 8), number(slot, 12));
    if package == 0 && at == 0 {
        return Ok(false);
    }
    let at = u64::from(at) * BLOCK_BYTES;
    let head = input.read(at, BLOB_HEAD_BYTES, "its blob")?;
    if !head.starts_with(BLOB_MAGIC) || number(&head, 4) != package {
        return Err(Fault::Malformed("its slot leads to something else"));
    }
    let bytes = u64::from(number(&head, 12));
    if bytes > RPM_HEADER_BYTES_MAX {
        return Err(Fault::HeaderTooLarge);
    }
    if BLOB_HEAD_BYTES + bytes + BLOB_TAIL_BYTES > u64::from(blocks) * BLOCK_BYTES {
        return Err(Fault::Malformed("its blob is larger than its slot says"));
    }
    blob.clear();
    input.append(at + BLOB_HEAD_BYTES, bytes, "its blob", blob)?;
    Ok(true)
}
