//! The initial file system: files of this machine at their own paths, with the links that lead to them, in the archive
//! format that the kernel unpacks (`cpio -H newc`).

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// In order of their paths a directory comes before what is in it.
#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<PathBuf, Node>);

#[derive(Debug)]
enum Node {
    Directory,
    Link(PathBuf),
    Copy(PathBuf),
    Bytes(Vec<u8>, u32),
}

impl Files {
    /// A directory and all above it. Those that are links on this machine are links there.
    pub(super) fn directory(&mut self, path: &str) {
        self.place(Path::new(path), 0);
    }

    /// A file with this content.
    pub(super) fn write(&mut self, path: &str, bytes: &[u8], permissions: u32) {
        let path = self.room_for(Path::new(path));
        self.0.insert(path, Node::Bytes(bytes.to_vec(), permissions));
    }

    /// A file of this machine at another path.
    pub(super) fn copy(&mut self, of: &Path, to: &str) {
        let to = self.room_for(Path::new(to));
        self.0.insert(to, Node::Copy(of.to_owned()));
    }

    /// A file of this machine at its own path.
    pub(super) fn add(&mut self, path: &Path) {
        self.place(path, 0);
    }

    /// A program and what it loads.
    pub(super) fn add_program(&mut self, path: &Path) {
        self.add(path);
        self.add_libraries(path);
    }

    /// What a program loads; a static one and a script load nothing.
    pub(super) fn add_libraries(&mut self, program: &Path) {
        let listed = Command::new("ldd").arg(program).output().unwrap().stdout;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        listed
            .split_whitespace()
            .filter(|word| word.starts_with('/'))
            .for_each(|path| self.add(Path::new(path)));
    }

    fn room_for(&mut self, path: &Path) -> PathBuf {
        let directory = self.place(path.parent().unwrap(), 0);
        directory.join(path.file_name().unwrap())
    }

    /// Puts what is at a path here to the same path there, each link as a link, and says where it really is. What is
    /// not here is a directory there.
    fn place(&mut self, path: &Path, links: u32) -> PathBuf {
        assert!(links < 40, "{} leads in a circle", path.display());
        let mut real = PathBuf::from("/");
        for component in path.components() {
            match component {
                Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
                Component::ParentDir => {
                    real.pop();
                }
                Component::Normal(name) => {
                    real.push(name);
                    if let Ok(target) = std::fs::read_link(&real) {
                        self.0.insert(real.clone(), Node::Link(target.clone()));
                        real.pop();
                        real = self.place(&real.join(target), links + 1);
                    } else if real.is_file() {
                        self.0.entry(real.clone()).or_insert_with(|| Node::Copy(real.clone()));
                    } else {
                        self.0.entry(real.clone()).or_insert(Node::Directory);
                    }
                }
            }
        }
        real
    }

    /// Writes the archive.
    pub(super) fn write_archive(&self, to: &mut impl Write) -> std::io::Result<()> {
        for (number, (path, node)) in (1_u32..).zip(&self.0) {
            let name = path.strip_prefix("/").unwrap().as_os_str().as_bytes();
            match node {
                Node::Directory => entry(to, number, name, 0o040_755, b"")?,
                Node::Link(target) => entry(to, number, name, 0o120_777, target.as_os_str().as_bytes())?,
                Node::Copy(of) => entry(to, number, name, 0o100_755, &std::fs::read(of)?)?,
                Node::Bytes(bytes, permissions) => entry(to, number, name, 0o100_000 | permissions, bytes)?,
            }
        }
        entry(to, 0, b"TRAILER!!!", 0, b"")
    }
}

/// Header, name and content, each filled up to four bytes. All belongs to root and is of 1970.
fn entry(to: &mut impl Write, number: u32, name: &[u8], mode: u32, content: &[u8]) -> std::io::Result<()> {
    let length = u32::try_from(content.len()).map_err(std::io::Error::other)?;
    let name_length = u32::try_from(name.len() + 1).map_err(std::io::Error::other)?;
    let header = [number, mode, 0, 0, 1, 0, length, 0, 0, 0, 0, name_length, 0];
    to.write_all(b"070701")?;
    header.iter().try_for_each(|field| write!(to, "{field:08x}"))?;
    // The header has 110 bytes.
    let fill = |length: usize| &[0; 3][..length.wrapping_neg() % 4];
    to.write_all(name)?;
    to.write_all(b"\0")?;
    to.write_all(fill(110 + name.len() + 1))?;
    to.write_all(content)?;
    to.write_all(fill(content.len()))
}
