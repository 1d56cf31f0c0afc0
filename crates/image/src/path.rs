//! Paths inside images: raw bytes → the one normal form, and their hashes.
//!
//! Nothing here touches the host's file system: a path of an image is only ever a name.

use seawall_finding::GapKind;

use crate::limits::Limits;

/// Why a path is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathRefusal {
    /// For the gap.
    pub(crate) kind: GapKind,
    /// For people.
    pub(crate) reason: String,
}

/// Writes the normal form of `raw` to `path`: relative to the root, single slashes, no `.`; `..` takes the last
/// component away and stops at the root, as engines clean names; bytes that are not UTF-8 become `\xNN`.
pub(crate) fn normalise(raw: &[u8], path: &mut String, limits: &Limits) -> Result<(), PathRefusal> {
    path.clear();
    extend(raw, path, limits)
}

/// Where a symbolic link at `link` points, followed by name only.
pub(crate) fn target_of(link: &str, target: &str, limits: &Limits) -> Result<String, PathRefusal> {
    let mut path = match target.starts_with('/') {
        true => String::new(),
        false => parent(link).to_owned(),
    };
    extend(target.as_bytes(), &mut path, limits)?;
    Ok(path)
}

fn extend(raw: &[u8], path: &mut String, limits: &Limits) -> Result<(), PathRefusal> {
    if raw.len() > limits.name_bytes_max {
        return Err(too_long(raw.len(), limits));
    }
    for component in raw.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => path.truncate(path.rfind('/').unwrap_or(0)),
            component => {
                if !path.is_empty() {
                    path.push('/');
                }
                push_text(component, path);
            }
        }
    }
    let depth = path.bytes().filter(|&byte| byte == b'/').count() + 1;
    if depth > limits.depth_max {
        let reason = format!("the path has more than {} components", limits.depth_max);
        return Err(PathRefusal { kind: GapKind::Limit, reason });
    }
    Ok(())
}

pub(crate) fn too_long(bytes: usize, limits: &Limits) -> PathRefusal {
    let reason = format!("a name of {bytes} bytes is longer than {}", limits.name_bytes_max);
    PathRefusal { kind: GapKind::Limit, reason }
}

/// Appends `bytes`, those that are not UTF-8 as `\xNN`.
pub(crate) fn push_text(bytes: &[u8], text: &mut String) {
    use std::fmt::Write;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
}

/// At most 200 characters of a name, for messages.
pub(crate) fn shown(raw: &[u8]) -> String {
    let mut text = String::new();
    push_text(raw.get(..200).unwrap_or(raw), &mut text);
    text
}

/// The path without its last component, empty at the root.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The strict ancestors of `path` below the root, from the top: `a`, `a/b` for `a/b/c`.
pub(crate) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

/// A path as the tables of a layer hold it: 63 bits of SipHash-2-4 with a fixed key. The lowest bit is free for
/// the tables' own use. Two of ten million paths are the same with a probability of one in a hundred thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PathHash(pub(crate) u64);

impl PathHash {
    pub(crate) fn of(path: &str) -> PathHash {
        PathHash(siphash(path.as_bytes()) & !1)
    }
}

/// SipHash-2-4 (Aumasson, Bernstein 2012) under the key of its reference vectors. Written out because cached layer
/// shapes must mean the same after an update of the compiler, which the standard library's hasher does not promise.
fn siphash(bytes: &[u8]) -> u64 {
    const K0: u64 = 0x0706_0504_0302_0100;
    const K1: u64 = 0x0f0e_0d0c_0b0a_0908;
    let mut state = [
        K0 ^ 0x736f_6d65_7073_6575,
        K1 ^ 0x646f_7261_6e64_6f6d,
        K0 ^ 0x6c79_6765_6e65_7261,
        K1 ^ 0x7465_6462_7974_6573,
    ];
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        absorb(&mut state, u64::from_le_bytes(*word));
    }
    let tail = rest.iter().rev().fold(0, |tail, &byte| tail << 8 | u64::from(byte));
    absorb(&mut state, tail | (bytes.len() as u64) << 56);
    state[2] ^= 0xff;
    for _ in 0..4 {
        round(&mut state);
    }
    state[0] ^ state[1] ^ state[2] ^ state[3]
}

fn absorb(state: &mut [u64; 4], word: u64) {
    state[3] ^= word;
    round(state);
    round(state);
    state[0] ^= word;
}

fn round([a, b, c, d]: &mut [u64; 4]) {
    *a = a.wrapping_add(*b);
    *b = b.rotate_left(13) ^ *a;
    *a = a.rotate_left(32);
    *c = c.wrapping_add(*d);
    *d = d.rotate_left(16) ^ *c;
    *a = a.wrapping_add(*d);
    *d = d.rotate_left(21) ^ *a;
    *c = c.wrapping_add(*b);
    *b = b.rotate_left(17) ^ *c;
    *c = c.rotate_left(32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_normal_form() {
        let check = |raw: &[u8], expected: &str| {
            let mut path = "left over".to_owned();
            let result = normalise(raw, &mut path, &Limits::default());
            assert_eq!(result.map(|()| path), Ok(expected.to_owned()), "{}", shown(raw));
        };
        check(b"./usr/bin/", "usr/bin");
        check(b"/etc/passwd", "etc/passwd");
        check(b"//a//./b", "a/b");
        check(b"../../etc/passwd", "etc/passwd");
        check(b"a/../../../b", "b");
        check(b"a/b/../c", "a/c");
        check(b"a..b/...", "a..b/...");
        check(b".", "");
        check(b"caf\xc3\xa9/\xff\x00x", "caf\u{e9}/\\xFF\0x");
    }

    #[test]
    fn long_and_deep_names_are_refused() {
        let check = |raw: &[u8]| {
            let refusal = normalise(raw, &mut String::new(), &Limits::default()).unwrap_err();
            assert_eq!(refusal.kind, GapKind::Limit);
        };
        check(&[b'a'; 4097]);
        check(&b"a/".repeat(257));
    }

    #[test]
    fn link_targets_stay_below_the_root() {
        let check = |link: &str, target: &str, expected: &str| {
            assert_eq!(target_of(link, target, &Limits::default()), Ok(expected.to_owned()));
        };
        check("lib", "usr/lib", "usr/lib");
        check("var/run", "../run", "run");
        check("a/b", "../../../../etc/shadow", "etc/shadow");
        check("a/b", "/c", "c");
    }

    #[test]
    fn hashes_are_the_reference_vectors() {
        // From the reference implementation: input 00 01 02 … of each length.
        let input: Vec<u8> = (0..16).collect();
        let check =
            |length: usize, expected: u64| assert_eq!(siphash(&input[..length]), expected, "{length}");
        check(0, 0x726f_db47_dd0e_0e31);
        check(1, 0x74f8_39c5_93dc_67fd);
        check(8, 0x93f5_f579_9a93_2462);
        check(15, 0xa129_ca61_49be_45e5);
    }
}
