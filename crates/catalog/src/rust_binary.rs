//! Rust programs and libraries: the crates that cargo-auditable recorded in them, or else those whose source paths
//! their panic messages name.
//!
//! Recovery from paths finds the crates that can panic, usually half of all or more; they are marked
//! [`Presence::Recovered`], and what is not found is not claimed absent.

use std::collections::BTreeSet;
use std::io::Read;

use flate2::read::ZlibDecoder;
use seawall_finding::GapKind;
use seawall_inventory::{Content, Ecosystem, Entry, Package, Presence, ReadSeek};
use serde::Deserialize;

use crate::executable::{self, Executable, ExecutableError, Region};
use crate::inflation::Inflation;
use crate::limits::{
    RUST_AUDIT_COMPRESSED_BYTES_MAX, RUST_AUDIT_JSON_BYTES_MAX, RUST_STRINGS_BYTES_MAX,
    RUST_STRINGS_UNMARKED_BYTES_MAX,
};
use crate::{Catalog, Reader};

mod source_paths;

pub(crate) const READERS: &[Reader] = &[Reader { name: "rust-binary", interest: executable::interest, read }];

/// The section of cargo-auditable, format version 0, in ELF, PE and Mach-O.
const AUDIT_SECTION: &str = ".dep-v0";
/// Where compilers put string constants, in ELF, PE and Mach-O.
const CONSTANT_SECTIONS: [&str; 4] = [".rodata", ".rdata", "__const", "__cstring"];
/// The linker keeps a line of every compiler here; strip leaves it.
const COMPILER_SECTION: &str = ".comment";
const COMPILER_BYTES_MAX: u64 = 64 * 1024;

/// What a file turned out to hold.
#[derive(Default)]
struct Examined {
    packages: Vec<Package>,
    gap: Option<(GapKind, String)>,
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let size_bytes = content.size_bytes();
    // What keeps a file from being read as an executable is reported once, by the Go reader.
    if !content.head(4).is_ok_and(|head| executable::format_of(head).is_some()) {
        return;
    }
    let Ok(input) = content.seekable() else { return };
    let Ok(Some(examined)) = examine(input, size_bytes, &mut catalog.inflation) else { return };
    for package in examined.packages {
        catalog.declare(entry.path, package);
    }
    if let Some((kind, reason)) = examined.gap {
        catalog.gap(kind, entry.path, reason);
    }
}

fn examine(
    input: &mut dyn ReadSeek,
    size_bytes: u64,
    inflation: &mut Inflation,
) -> Result<Option<Examined>, ExecutableError> {
    let Some(mut executable) = Executable::open(input, size_bytes)? else { return Ok(None) };
    if let Some(section) = executable.section(AUDIT_SECTION).cloned() {
        let compressed = executable.read(&section, 0, RUST_AUDIT_COMPRESSED_BYTES_MAX)?;
        let bytes_max = inflation.grant(compressed.len() as u64).min(RUST_AUDIT_JSON_BYTES_MAX);
        return Ok(Some(match audit(&compressed, bytes_max, inflation) {
            Ok(packages) => Examined { packages, gap: None },
            Err(error) => {
                let mut recovered = recover(&mut executable)?;
                recovered.gap = Some((GapKind::Malformed, format!("cargo-auditable section: {error}")));
                recovered
            }
        }));
    }
    if executable.section(".go.buildinfo").is_some() {
        return Ok(None);
    }
    recover(&mut executable).map(Some)
}

/// cargo-auditable's JSON (`auditable-serde`, `VersionInfo`).
#[derive(Deserialize)]
struct VersionInfo {
    packages: Vec<AuditedCrate>,
}

#[derive(Deserialize)]
struct AuditedCrate {
    name: String,
    version: String,
    /// `build` for a build dependency; absent means that it is linked in.
    #[serde(default)]
    kind: Option<String>,
}

#[derive(Debug, thiserror::Error)]
enum AuditError {
    #[error("it does not decompress")]
    Compression(#[source] std::io::Error),
    #[error("it decompresses to more than {0} bytes")]
    TooLarge(u64),
    #[error("its JSON is not a list of crates: {0}")]
    Json(#[from] serde_json::Error),
}

fn audit(compressed: &[u8], bytes_max: u64, inflation: &mut Inflation) -> Result<Vec<Package>, AuditError> {
    let mut json = Vec::new();
    let outcome = ZlibDecoder::new(compressed).take(bytes_max + 1).read_to_end(&mut json);
    inflation.spend(json.len() as u64);
    outcome.map_err(AuditError::Compression)?;
    if json.len() as u64 > bytes_max {
        return Err(AuditError::TooLarge(bytes_max));
    }
    let info: VersionInfo = serde_json::from_slice(&json)?;
    // Build dependencies ran on the machine that compiled; they are not in the file.
    let linked = info.packages.into_iter().filter(|audited| audited.kind.as_deref() != Some("build"));
    Ok(linked.map(|audited| Package::new(Ecosystem::Cargo, audited.name, audited.version)).collect())
}

/// The crates whose source paths stand among the string constants.
fn recover(executable: &mut Executable<'_>) -> Result<Examined, ExecutableError> {
    let is_marked = is_marked(executable)?;
    let sections: Vec<Region> = executable
        .sections
        .iter()
        .filter(|section| CONSTANT_SECTIONS.contains(&section.name.as_str()))
        .cloned()
        .collect();
    let mut bytes_left = if is_marked { RUST_STRINGS_BYTES_MAX } else { RUST_STRINGS_UNMARKED_BYTES_MAX };
    let mut crates = BTreeSet::new();
    let mut is_cut = false;
    for section in sections {
        is_cut |= section.size > bytes_left;
        let end = section.size.min(bytes_left);
        search(executable, &section, end, &mut crates)?;
        bytes_left -= end;
    }
    let recovered = |(name, version): (String, String)| {
        let mut package = Package::new(Ecosystem::Cargo, name, version);
        package.presence = Presence::Recovered;
        package
    };
    let packages: Vec<Package> = crates.into_iter().map(recovered).collect();
    let gap = (is_cut && (is_marked || !packages.is_empty())).then(|| {
        let reason = format!(
            "only the first {RUST_STRINGS_BYTES_MAX} bytes of its constants were searched for Rust crates"
        );
        (GapKind::Limit, reason)
    });
    Ok(Examined { packages, gap })
}

/// Whether the compiler's own line says that Rust is in the file. Compilers before 1.73 left none, so an unmarked
/// file may be Rust too and is searched less far.
fn is_marked(executable: &mut Executable<'_>) -> Result<bool, ExecutableError> {
    let Some(section) = executable.section(COMPILER_SECTION).cloned() else { return Ok(false) };
    let compilers = executable.read(&section, 0, COMPILER_BYTES_MAX)?;
    Ok(compilers.windows(6).any(|window| window == b"rustc "))
}

fn search(
    executable: &mut Executable<'_>,
    section: &Region,
    end: u64,
    crates: &mut BTreeSet<(String, String)>,
) -> Result<(), ExecutableError> {
    const CHUNK_BYTES: u64 = 256 * 1024;
    let mut at = 0;
    while at < end {
        // Chunks overlap by more than the longest path that counts.
        let chunk = executable.read(section, at, (CHUNK_BYTES + source_paths::BYTES_MAX).min(end - at))?;
        if chunk.is_empty() {
            break;
        }
        source_paths::collect(&chunk, crates);
        at += CHUNK_BYTES;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
