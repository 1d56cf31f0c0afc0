//! Go programs and plugins: the modules that the linker recorded in them.
//!
//! Owns the build-information block (`debug/buildinfo`, `runtime/debug.ParseBuildInfo`) of ELF, PE and Mach-O files.
//! Does not guess: a Go program without that block, or a packed one, is a gap.

use seawall_finding::GapKind;
use seawall_inventory::{Content, Ecosystem, Entry, Package, ReadSeek};

use crate::executable::{self, Executable, ExecutableError, Format, Region};
use crate::limits::{GO_BUILD_INFO_BYTES_MAX, GO_DATA_BYTES_MAX, PACKED_HEAD_BYTES};
use crate::{Catalog, Reader};

mod build_info;
mod version;

pub(crate) use version::standard_library;

use build_info::BuildInfo;

pub(crate) const READERS: &[Reader] = &[Reader { name: "go-binary", interest: executable::interest, read }];

const MAGIC: &[u8] = b"\xff Go buildinf:";
const HEADER_BYTES: u64 = 32;
/// The linker aligns the block.
const ALIGNMENT: usize = 16;
const FLAG_BIG_ENDIAN: u8 = 1;
const FLAG_INLINE: u8 = 2;
/// Sections that only the Go linker writes.
const GO_SECTIONS: [&str; 5] =
    [".gopclntab", ".gosymtab", ".note.go.buildid", "__gopclntab", ".data.rel.ro.gopclntab"];

/// What a file turned out to be.
enum Examined {
    NotGo,
    Packed,
    WithoutBuildInfo,
    Go { version: String, modules: String },
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let size_bytes = content.size_bytes();
    let packed_head = match content.head(PACKED_HEAD_BYTES) {
        Ok(head) if executable::format_of(head).is_none() => return,
        Ok(head) => head.windows(4).any(|window| window == b"UPX!"),
        Err(error) => return catalog.gap(GapKind::Unreadable, entry.path, error),
    };
    let examined = match content.seekable() {
        Ok(input) => examine(input, size_bytes, packed_head),
        Err(error) => return catalog.gap(GapKind::Unreadable, entry.path, error),
    };
    match examined {
        Ok(Examined::NotGo) => {}
        Ok(Examined::Packed) => catalog.gap(
            GapKind::Unsupported,
            entry.path,
            "the program is packed with UPX, so what is inside it cannot be told",
        ),
        Ok(Examined::WithoutBuildInfo) => catalog.gap(
            GapKind::Unsupported,
            entry.path,
            "a Go program without build information, so its modules cannot be told",
        ),
        Ok(Examined::Go { version, modules }) => declare(entry.path, &version, &modules, catalog),
        Err(ExecutableError::Read(error)) => catalog.gap(GapKind::Unreadable, entry.path, error),
        Err(error) => catalog.gap(GapKind::Malformed, entry.path, format_args!("executable: {error}")),
    }
}

fn examine(
    input: &mut dyn ReadSeek,
    size_bytes: u64,
    packed_head: bool,
) -> Result<Examined, ExecutableError> {
    let Some(mut executable) = Executable::open(input, size_bytes)? else { return Ok(Examined::NotGo) };
    let is_packed = executable.sections.iter().any(|section| section.name == "UPX0")
        || (packed_head && executable.sections.is_empty());
    if is_packed {
        return Ok(Examined::Packed);
    }
    if let Some(region) = data_region(&executable)
        && let Some(at) = find_magic(&mut executable, &region)?
        && let Some((version, modules)) = strings(&mut executable, &region, at)?
    {
        return Ok(Examined::Go { version, modules });
    }
    let is_go = executable.sections.iter().any(|section| GO_SECTIONS.contains(&section.name.as_str()));
    Ok(if is_go { Examined::WithoutBuildInfo } else { Examined::NotGo })
}

/// Where the block is: its own section, or the first writable data where the format or a stripper leaves no such
/// section. An ELF file with sections but not this one is no Go program of the module age.
fn data_region(executable: &Executable<'_>) -> Option<Region> {
    let own = executable.section(".go.buildinfo").or_else(|| executable.section("__go_buildinfo"));
    if let Some(own) = own {
        return Some(own.clone());
    }
    if executable.format == Format::Elf && !executable.sections.is_empty() {
        return None;
    }
    executable.segments.iter().find(|segment| segment.is_writable_data && segment.address != 0).cloned()
}

/// The block's position in the region; chunks are multiples of the alignment, so it cannot straddle two.
fn find_magic(executable: &mut Executable<'_>, region: &Region) -> Result<Option<u64>, ExecutableError> {
    const CHUNK_BYTES: u64 = 256 * 1024;
    let end = region.size.min(GO_DATA_BYTES_MAX);
    let mut at = 0;
    while at < end {
        let chunk = executable.read(region, at, CHUNK_BYTES.min(end - at))?;
        let found = chunk.chunks(ALIGNMENT).position(|block| block.starts_with(MAGIC));
        if let Some(index) = found {
            return Ok(Some(at + (index * ALIGNMENT) as u64));
        }
        if chunk.is_empty() {
            break;
        }
        at += CHUNK_BYTES;
    }
    Ok(None)
}

/// The Go version and the module text; `None` when the block is not what its header says.
fn strings(
    executable: &mut Executable<'_>,
    region: &Region,
    at: u64,
) -> Result<Option<(String, String)>, ExecutableError> {
    let header = executable.read(region, at, HEADER_BYTES)?;
    let (Some(&pointer_bytes), Some(&flags)) = (header.get(14), header.get(15)) else { return Ok(None) };
    let found = if flags & FLAG_INLINE != 0 {
        inline_strings(executable, region, at + HEADER_BYTES)?
    } else {
        pointed_strings(executable, &header, pointer_bytes, flags & FLAG_BIG_ENDIAN != 0)?
    };
    let Some((version, modules)) = found.filter(|(version, _)| !version.is_empty()) else { return Ok(None) };
    let version = String::from_utf8_lossy(&version).into_owned();
    // Sixteen sentinel bytes stand on either side of the module text.
    let framed = modules.len().checked_sub(17).and_then(|at| modules.get(at)) == Some(&b'\n');
    let text = if framed { modules.get(16..modules.len() - 16) } else { None };
    Ok(Some((version, String::from_utf8_lossy(text.unwrap_or_default()).into_owned())))
}

type Pair = Option<(Vec<u8>, Vec<u8>)>;

/// Since Go 1.18: two strings behind the header, each after its length as a varint.
fn inline_strings(
    executable: &mut Executable<'_>,
    region: &Region,
    at: u64,
) -> Result<Pair, ExecutableError> {
    let bytes = executable.read(region, at, GO_BUILD_INFO_BYTES_MAX)?;
    let Some((version, rest)) = split_string(&bytes) else { return Ok(None) };
    let Some((modules, _)) = split_string(rest) else { return Ok(None) };
    Ok(Some((version.to_vec(), modules.to_vec())))
}

fn split_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length: u64 = 0;
    for (index, &byte) in bytes.iter().take(9).enumerate() {
        length |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let rest = bytes.get(index + 1..)?;
            return rest.split_at_checked(usize::try_from(length).ok()?);
        }
    }
    None
}

/// Before Go 1.18: addresses of two Go string headers, each an address and a length.
fn pointed_strings(
    executable: &mut Executable<'_>,
    header: &[u8],
    pointer_bytes: u8,
    is_big_endian: bool,
) -> Result<Pair, ExecutableError> {
    let width = usize::from(pointer_bytes);
    if width != 4 && width != 8 {
        return Ok(None);
    }
    let mut found = Vec::with_capacity(2);
    for index in 0..2 {
        let Some(address) = pointer(header, 16 + index * width, width, is_big_endian) else {
            return Ok(None);
        };
        found.push(pointed_string(executable, address, width, is_big_endian)?.unwrap_or_default());
    }
    let modules = found.pop().unwrap_or_default();
    Ok(found.pop().map(|version| (version, modules)))
}

fn pointed_string(
    executable: &mut Executable<'_>,
    address: u64,
    width: usize,
    is_big_endian: bool,
) -> Result<Option<Vec<u8>>, ExecutableError> {
    let Some((region, at)) = executable.locate(address) else { return Ok(None) };
    let header = executable.read(&region, at, 2 * width as u64)?;
    let fields = (pointer(&header, 0, width, is_big_endian), pointer(&header, width, width, is_big_endian));
    let (Some(data), Some(length)) = fields else { return Ok(None) };
    let Some((region, at)) = executable.locate(data) else { return Ok(None) };
    if length > GO_BUILD_INFO_BYTES_MAX {
        return Ok(None);
    }
    let bytes = executable.read(&region, at, length)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 == length))
}

fn pointer(bytes: &[u8], at: usize, width: usize, is_big_endian: bool) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(width)?)?;
    let push = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
    Some(if is_big_endian { field.iter().fold(0, push) } else { field.iter().rev().fold(0, push) })
}

fn declare(path: &str, version: &str, modules: &str, catalog: &mut Catalog) {
    let standard_library = standard_library(version);
    catalog.declare(path, Package::new(Ecosystem::Golang, "stdlib", standard_library));
    let info = BuildInfo::parse(modules);
    if info.main.is_none() && info.dependencies.is_empty() && !info.is_toolchain {
        catalog.gap(
            GapKind::Unsupported,
            path,
            "a Go program built without modules, so its dependencies cannot be told",
        );
    }
    if let Some(main) = info.main_module() {
        catalog.declare(path, Package::new(Ecosystem::Golang, main.path, main.version));
    }
    for module in info.dependencies {
        catalog.declare(path, Package::new(Ecosystem::Golang, module.path, module.version));
    }
    if info.is_cut {
        catalog.gap(GapKind::Limit, path, "it lists more Go modules than are read");
    }
}

#[cfg(test)]
mod tests;
