//! Tar archives, member by member and byte by byte.

/// A tar archive being written. Every method appends; [`Tar::finish`] adds the end marker.
#[derive(Debug, Clone, Default)]
pub struct Tar {
    bytes: Vec<u8>,
}

/// One header, every field free to lie.
#[derive(Debug, Clone)]
pub struct Header {
    /// The name field, cut at 100 bytes.
    pub name: Vec<u8>,
    /// The link field, cut at 100 bytes.
    pub link: Vec<u8>,
    /// `b'0'` file, `b'1'` hard link, `b'2'` symbolic link, `b'3'` device, `b'5'` directory, `b'6'` FIFO …
    pub type_flag: u8,
    /// The size field.
    pub size: u64,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Magic and version: `ustar\000` or GNU's `ustar  \0`.
    pub magic: [u8; 8],
}

impl Header {
    /// A header of this type.
    pub fn new(type_flag: u8, name: impl AsRef<[u8]>) -> Header {
        Header {
            name: name.as_ref().to_vec(),
            link: Vec::new(),
            type_flag,
            size: 0,
            mode: if type_flag == b'5' { 0o755 } else { 0o644 },
            uid: 0,
            gid: 0,
            magic: *b"ustar\x0000",
        }
    }

    /// The block with the right checksum.
    pub fn block(&self) -> [u8; 512] {
        let mut block = [0; 512];
        let mut put = |at: usize, bytes: &[u8], length: usize| {
            let bytes = &bytes[..bytes.len().min(length)];
            block[at..at + bytes.len()].copy_from_slice(bytes);
        };
        put(0, &self.name, 100);
        put(100, format!("{:07o}", self.mode).as_bytes(), 7);
        put(108, format!("{:07o}", self.uid).as_bytes(), 7);
        put(116, format!("{:07o}", self.gid).as_bytes(), 7);
        match self.size < 1 << 33 {
            true => put(124, format!("{:011o}", self.size).as_bytes(), 11),
            false => {
                let mut field = [0; 12];
                field[0] = 0x80;
                field[4..].copy_from_slice(&self.size.to_be_bytes());
                put(124, &field, 12);
            }
        }
        put(136, b"00000000000", 11);
        put(156, &[self.type_flag], 1);
        put(157, &self.link, 100);
        put(257, &self.magic, 8);
        seal(&mut block);
        block
    }
}

/// Writes the checksum of a header block.
fn seal(block: &mut [u8; 512]) {
    block[148..156].copy_from_slice(b"        ");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

impl Tar {
    /// An empty archive.
    pub fn new() -> Tar {
        Tar::default()
    }

    /// A regular file with mode 644.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Tar {
        self.file_with_mode(path, 0o644, content)
    }

    /// A regular file.
    pub fn file_with_mode(self, path: &str, mode: u32, content: impl AsRef<[u8]>) -> Tar {
        let content = content.as_ref();
        let header = Header { mode, size: content.len() as u64, ..Header::new(b'0', path) };
        self.member(header).content(content)
    }

    /// A directory.
    pub fn directory(self, path: &str) -> Tar {
        self.member(Header::new(b'5', format!("{}/", path.trim_end_matches('/'))))
    }

    /// A symbolic link.
    pub fn symlink(self, path: &str, target: &str) -> Tar {
        self.member(Header { link: target.into(), mode: 0o777, ..Header::new(b'2', path) })
    }

    /// A hard link to an earlier path.
    pub fn hardlink(self, path: &str, target: &str) -> Tar {
        self.member(Header { link: target.into(), ..Header::new(b'1', path) })
    }

    /// A FIFO.
    pub fn fifo(self, path: &str) -> Tar {
        self.member(Header::new(b'6', path))
    }

    /// The marker that `path` of a lower layer is gone.
    pub fn whiteout(self, path: &str) -> Tar {
        let (parent, name) = path.rsplit_once('/').map_or(("", path), |(parent, name)| (parent, name));
        let slash = if parent.is_empty() { "" } else { "/" };
        self.file(&format!("{parent}{slash}.wh.{name}"), "")
    }

    /// The marker that everything of lower layers below `directory` is gone.
    pub fn opaque(self, directory: &str) -> Tar {
        self.file(&format!("{directory}/.wh..wh..opq"), "")
    }

    /// A header; names and links of more than 100 bytes get a PAX header in front.
    pub fn member(self, header: Header) -> Tar {
        let mut records: Vec<(&str, &[u8])> = Vec::new();
        if header.name.len() > 100 {
            records.push(("path", &header.name));
        }
        if header.link.len() > 100 {
            records.push(("linkpath", &header.link));
        }
        let tar = if records.is_empty() { self } else { self.pax(&records) };
        tar.raw(&header.block())
    }

    /// A PAX header for the next member.
    pub fn pax(self, records: &[(&str, &[u8])]) -> Tar {
        self.extended(b'x', &pax_records(records))
    }

    /// An extended header of any type (`b'x'`, `b'g'`, `b'L'`, `b'K'`) with any content.
    pub fn extended(self, type_flag: u8, content: &[u8]) -> Tar {
        let header = Header { size: content.len() as u64, ..Header::new(type_flag, "././@LongLink") };
        self.raw(&header.block()).content(content)
    }

    /// Content, filled up to a block.
    pub fn content(mut self, content: &[u8]) -> Tar {
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        self
    }

    /// Bytes as they are.
    pub fn raw(mut self, bytes: &[u8]) -> Tar {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// The archive with its end marker.
    pub fn finish(self) -> Vec<u8> {
        self.raw(&[0; 1024]).bytes
    }

    /// The archive as far as written.
    pub fn cut(self) -> Vec<u8> {
        self.bytes
    }
}

/// `length key=value\n`, where the length counts its own digits.
fn pax_records(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        bytes.extend_from_slice(format!("{length} {key}=").as_bytes());
        bytes.extend_from_slice(value);
        bytes.push(b'\n');
    }
    bytes
}
