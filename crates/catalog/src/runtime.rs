//! Programs and libraries that were compiled into a tree rather than installed by a package manager.
//!
//! A file is searched only where its name is one of [`table::PROGRAMS`]; the version is what the program itself
//! carries, never a file name. A file of such a name without the text is passed over: names are not proof, and a small
//! launcher beside its library is the normal case. Whether a distribution package owns the file is joined later.

use std::io::{self, Read};
use std::sync::{LazyLock, OnceLock};

use regex::bytes::Regex;
use seawall_finding::GapKind;
use seawall_inventory::{Content, Ecosystem, Entry, EntryKind, Interest, Package, ReadSeek};

use crate::limits::{RUNTIME_SEARCH_BYTES_MAX, RUNTIME_TEXT_BYTES_MAX};
use crate::{Catalog, Reader};

mod java;
mod table;

use table::{PROGRAMS, Program};

pub(crate) const READERS: &[Reader] = &[
    Reader { name: "runtime", interest, read },
    Reader { name: "java-runtime", interest: java::interest, read: java::read },
];

/// The programs by the first byte of the file names they may have: this is asked for every file.
static BY_FIRST_BYTE: LazyLock<Vec<Vec<usize>>> = LazyLock::new(|| {
    let mut index = vec![Vec::new(); 256];
    for (at, program) in PROGRAMS.iter().enumerate() {
        for path in program.paths {
            let name = path.rsplit('/').next().unwrap_or(path);
            let first = name.bytes().next().map_or(0, usize::from);
            if let Some(programs) = index.get_mut(first)
                && !programs.contains(&at)
            {
                programs.push(at);
            }
        }
    }
    index
});

/// The programs' patterns, each compiled for the first file that may be its program: an image has three or four.
static PATTERNS: LazyLock<Vec<OnceLock<Regex>>> =
    LazyLock::new(|| PROGRAMS.iter().map(|_| OnceLock::new()).collect());

#[expect(clippy::expect_used, reason = "constant patterns, each compiled by a test")]
fn pattern(at: usize) -> Option<&'static Regex> {
    let (program, pattern) = (PROGRAMS.get(at)?, PATTERNS.get(at)?);
    let compile = || Regex::new(&format!("(?-u){}", program.pattern)).expect("a valid pattern");
    Some(pattern.get_or_init(compile))
}

/// The programs that a file may be, with their patterns.
fn candidates<'a>(
    path: &'a str,
    name: &'a str,
) -> impl Iterator<Item = (&'static Program, &'static Regex)> + 'a {
    let first = name.bytes().next().map_or(0, usize::from);
    let indices = BY_FIRST_BYTE.get(first).map(Vec::as_slice).unwrap_or_default();
    let programs = indices.iter().filter_map(|&at| Some((PROGRAMS.get(at)?, at)));
    let named =
        programs.filter(move |(program, _)| program.paths.iter().any(|pattern| is_path(path, pattern)));
    named.filter_map(|(program, at)| Some((program, pattern(at)?)))
}

/// Whether the last components of a path are those of the pattern, in which `*` stands for anything but `/`.
fn is_path(path: &str, pattern: &str) -> bool {
    let mut components = path.rsplit('/');
    pattern.rsplit('/').all(|pattern| components.next().is_some_and(|component| is_glob(component, pattern)))
}

fn is_glob(text: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|piece| text.strip_prefix(piece)) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some(at) = rest.find(piece) else { return false };
        rest = rest.get(at + piece.len()..).unwrap_or_default();
    }
    true
}

fn interest(entry: &Entry<'_>) -> Interest {
    // A manual page (`perl5.36.0.1.gz`) is no program, and a link of such a name would cost a second walk.
    let is_wanted = entry.kind == EntryKind::File
        && entry.size_bytes > 0
        && !entry.path.ends_with(".gz")
        && candidates(entry.path, entry.name()).next().is_some();
    if is_wanted { Interest::Whole } else { Interest::No }
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    for (program, pattern) in candidates(entry.path, entry.name()) {
        let found =
            content.seekable().and_then(|input| search(input, pattern, stated_series(program, entry.name())));
        match found {
            Ok(Searched::Found(version)) => {
                catalog.declare(entry.path, Package::new(Ecosystem::Generic, program.package, version));
                return;
            }
            Ok(Searched::Nothing) => {}
            Ok(Searched::Cut) => {
                let reason = format_args!(
                    "the version of {} is not in its first {RUNTIME_SEARCH_BYTES_MAX} bytes",
                    program.package
                );
                catalog.gap(GapKind::Limit, entry.path, reason);
            }
            Err(error) => return catalog.gap(GapKind::Unreadable, entry.path, error),
        }
    }
}

/// `3.11.` of `libpython3.11.so.1.0`: other versions in the file are those of libraries compiled in.
fn stated_series(program: &Program, name: &str) -> Option<String> {
    if !program.is_series_in_name {
        return None;
    }
    let start = name.find(|c: char| c.is_ascii_digit())?;
    let series = name.get(start..)?;
    let end = series.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(series.len());
    let series = series.get(..end)?.trim_end_matches('.');
    series.contains('.').then(|| format!("{series}."))
}

enum Searched {
    Found(String),
    Nothing,
    /// The file is longer than what was searched.
    Cut,
}

/// Reads in chunks that overlap by the longest text, so memory does not grow with the file.
fn search(input: &mut dyn ReadSeek, pattern: &Regex, series: Option<String>) -> io::Result<Searched> {
    const CHUNK_BYTES: u64 = 256 * 1024;
    let mut window = Vec::with_capacity((CHUNK_BYTES + RUNTIME_TEXT_BYTES_MAX) as usize);
    let mut searched_bytes = 0;
    while searched_bytes < RUNTIME_SEARCH_BYTES_MAX {
        let read = (&mut *input).take(CHUNK_BYTES).read_to_end(&mut window)? as u64;
        for found in pattern.captures_iter(&window) {
            let Some(version) = found.get(1) else { continue };
            let version = String::from_utf8_lossy(version.as_bytes()).into_owned();
            if series.as_ref().is_none_or(|series| version.starts_with(series)) {
                return Ok(Searched::Found(version));
            }
        }
        if read < CHUNK_BYTES {
            return Ok(Searched::Nothing);
        }
        searched_bytes += read;
        let kept_from = window.len().saturating_sub(RUNTIME_TEXT_BYTES_MAX as usize);
        window.drain(..kept_from);
    }
    Ok(Searched::Cut)
}

#[cfg(test)]
mod tests;
