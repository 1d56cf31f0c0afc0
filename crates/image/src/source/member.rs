//! Writes tar members, for layers that an engine keeps unpacked: the reader of layers reads tars.
//!
//! GNU's form, because it takes names of any bytes and any length and numbers of any size.

/// Tar's unit.
const BLOCK: usize = 512;
/// The name and link fields.
const FIELD_BYTES: usize = 100;

/// What a member is, by its type flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flag {
    File = b'0' as isize,
    Hardlink = b'1' as isize,
    Symlink = b'2' as isize,
    CharacterDevice = b'3' as isize,
    BlockDevice = b'4' as isize,
    Directory = b'5' as isize,
    Fifo = b'6' as isize,
}

/// What a member's header says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header<'a> {
    pub(super) path: &'a [u8],
    pub(super) link: &'a [u8],
    pub(super) flag: Flag,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) size_bytes: u64,
}

impl<'a> Header<'a> {
    /// An empty file of root's: what whiteouts are.
    pub(super) fn marker(path: &'a [u8]) -> Header<'a> {
        Header { path, link: b"", flag: Flag::File, mode: 0, uid: 0, gid: 0, size_bytes: 0 }
    }

    /// The header's blocks; the content follows, and then [`padding`].
    pub(super) fn write(&self, output: &mut Vec<u8>) {
        for (flag, text) in [(b'K', self.link), (b'L', self.path)] {
            if text.len() > FIELD_BYTES {
                let size = text.len() as u64 + 1;
                block(
                    output,
                    flag,
                    b"././@LongLink",
                    b"",
                    &Header { size_bytes: size, ..Header::marker(b"") },
                );
                output.extend_from_slice(text);
                output.push(0);
                output.resize(output.len() + padding(size), 0);
            }
        }
        block(output, self.flag as u8, self.path, self.link, self);
    }
}

/// The zero bytes behind a content of this size.
pub(super) fn padding(size_bytes: u64) -> usize {
    let over = (size_bytes % BLOCK as u64) as usize;
    (BLOCK - over) % BLOCK
}

/// The end of a tar.
pub(super) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

fn block(output: &mut Vec<u8>, flag: u8, path: &[u8], link: &[u8], header: &Header<'_>) {
    let mut block = Vec::with_capacity(BLOCK);
    text(&mut block, path);
    number(&mut block, 8, u64::from(header.mode & 0o7777));
    number(&mut block, 8, header.uid);
    number(&mut block, 8, header.gid);
    number(&mut block, 12, header.size_bytes);
    number(&mut block, 12, 0);
    let checksum_at = block.len();
    block.extend_from_slice(b"        ");
    block.push(flag);
    text(&mut block, link);
    block.extend_from_slice(b"ustar  \0");
    block.resize(BLOCK, 0);
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    let checksum = format!("{sum:06o}\0 ");
    for (target, byte) in block.iter_mut().skip(checksum_at).zip(checksum.bytes()) {
        *target = byte;
    }
    output.extend_from_slice(&block);
}

fn text(block: &mut Vec<u8>, text: &[u8]) {
    let end = block.len() + FIELD_BYTES;
    block.extend_from_slice(text.get(..FIELD_BYTES).unwrap_or(text));
    block.resize(end, 0);
}

/// Octal digits and a zero byte where they suffice, base-256 where not.
fn number(block: &mut Vec<u8>, width: usize, value: u64) {
    let octal = format!("{value:0digits$o}", digits = width - 1);
    if octal.len() < width {
        block.extend_from_slice(octal.as_bytes());
        block.push(0);
        return;
    }
    let bytes = value.to_be_bytes();
    block.push(0x80);
    let room = width - 1;
    block.resize(block.len() + room.saturating_sub(bytes.len()), 0);
    block.extend_from_slice(bytes.get(bytes.len().saturating_sub(room)..).unwrap_or(&bytes));
}

/// `a/b` → `a/.wh.b`: the member that removes `a/b` (image-spec `layer.md`, "Whiteouts").
pub(super) fn whiteout_of(path: &[u8]) -> Vec<u8> {
    let at = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    let (parent, name) = path.split_at_checked(at).unwrap_or((b"", path));
    [parent, b".wh.", name].concat()
}

/// The name under which to show a file of a container that must not be taken for a whiteout: with `.wh.` at the start
/// of a component written otherwise. Else a container could hide files of its image by the names of its own.
pub(super) fn harmless(path: &[u8]) -> Vec<u8> {
    if !path.windows(4).any(|window| window == b".wh.") {
        return path.to_vec();
    }
    let components =
        path.split(|&byte| byte == b'/').map(|component| match component.strip_prefix(b".wh.") {
            Some(rest) => [&b"\\x2ewh."[..], rest].concat(),
            None => component.to_vec(),
        });
    components.collect::<Vec<_>>().join(&b'/')
}
