//! A header's package and its files.

use seawall_inventory::{Ecosystem, Package, PathList, SourcePackage};

use crate::limits::{PATH_BYTES_MAX, RPM_DIRECTORIES_MAX, RPM_TEXT_BYTES_MAX};
use crate::rpm::header::{self, Header, Numbers, Tag, Texts};
use crate::rpm::input::Fault;

/// Bytes that a path costs in a list beside its text.
const PATH_OVERHEAD_BYTES: usize = 8;
const FILE_TYPE: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;

/// The package of a header; nothing for a key that rpm keeps as if it were one.
pub(super) fn package(header: &Header<'_>) -> Result<Option<Package>, Fault> {
    let name = text(header, header::NAME)?.ok_or(Fault::Malformed("it names no package"))?;
    if name == "gpg-pubkey" {
        return Ok(None);
    }
    let version = text(header, header::VERSION)?.ok_or(Fault::Malformed("it states no version"))?;
    let release = text(header, header::RELEASE)?;
    let epoch = header.numbers(header::EPOCH)?.and_then(|epochs| epochs.get(0));
    let source = text(header, header::SOURCE_RPM)?;
    let mut package = identity(&name, epoch, &version, release.as_deref(), source.as_deref());
    package.architecture = text(header, header::ARCHITECTURE)?;
    package.vendor = text(header, header::VENDOR)?;
    package.licenses = text(header, header::LICENSE)?.into_iter().collect();
    package.module = text(header, header::MODULARITY_LABEL)?;
    Ok(Some(package))
}

/// A package with its name, version and source.
pub(super) fn identity(
    name: &str,
    epoch: Option<u32>,
    version: &str,
    release: Option<&str>,
    source_rpm: Option<&str>,
) -> Package {
    let build = release.map_or(version.to_owned(), |release| format!("{version}-{release}"));
    let source = source_rpm.and_then(source).filter(|source| source.name != name || source.version != build);
    let full = epoch.map_or(build.clone(), |epoch| format!("{epoch}:{build}"));
    Package { source, ..Package::new(Ecosystem::Rpm, name, full) }
}

/// `util-linux-2.32.1-42.el8_8.src.rpm` → `util-linux`, `2.32.1-42.el8_8`.
fn source(file_name: &str) -> Option<SourcePackage> {
    let stem = file_name.strip_suffix(".src.rpm").or_else(|| file_name.strip_suffix(".nosrc.rpm"))?;
    let (rest, release) = stem.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    Some(SourcePackage { name: name.to_owned(), version: format!("{version}-{release}") })
}

/// The text of a tag; nothing where it is empty or the word that rpm prints for an absent one.
fn text(header: &Header<'_>, tag: Tag) -> Result<Option<String>, Fault> {
    let Some(bytes) = header.text(tag)? else { return Ok(None) };
    if bytes.len() > RPM_TEXT_BYTES_MAX {
        return Err(Fault::Malformed("a text in it is too long"));
    }
    let text = String::from_utf8_lossy(bytes);
    Ok(Some(text.trim()).filter(|text| !text.is_empty() && *text != "(none)").map(str::to_owned))
}

/// The files of a header, without directories. What they cost is taken from `bytes_left`.
pub(super) fn files(header: &Header<'_>, root: &str, bytes_left: &mut usize) -> Result<PathList, Fault> {
    let modes = header.numbers(header::FILE_MODES)?;
    let mut list = List { root, modes, bytes_left, path: String::new(), files: PathList::default() };
    if header.has(header::BASE_NAMES) {
        list.add_split(header)?;
    } else if let Some(paths) = header.texts(header::OLD_FILE_NAMES)? {
        for (index, path) in paths.enumerate() {
            list.add(index, path?, b"")?;
        }
    }
    list.files.shrink();
    Ok(list.files)
}

struct List<'l> {
    root: &'l str,
    modes: Option<Numbers<'l>>,
    bytes_left: &'l mut usize,
    path: String,
    files: PathList,
}

impl List<'_> {
    /// Paths as rpm stores them since version 4: the last component, and the number of the directory it is in.
    fn add_split(&mut self, header: &Header<'_>) -> Result<(), Fault> {
        let tables = (
            header.texts(header::BASE_NAMES)?,
            header.numbers(header::DIRECTORY_INDEXES)?,
            header.texts(header::DIRECTORY_NAMES)?,
        );
        let (Some(names), Some(indexes), Some(directories)) = tables else {
            return Err(Fault::Malformed("it lists files without directories"));
        };
        if indexes.count() != names.left() {
            return Err(Fault::Malformed("it lists more files than directories of files, or fewer"));
        }
        let directories = collect(directories)?;
        for (index, name) in names.enumerate() {
            let directory = indexes.get(index).and_then(|at| directories.get(usize::try_from(at).ok()?));
            let directory = directory.ok_or(Fault::Malformed("it lists a file in no directory"))?;
            self.add(index, directory, name?)?;
        }
        Ok(())
    }

    fn add(&mut self, index: usize, directory: &[u8], name: &[u8]) -> Result<(), Fault> {
        let mode = self.modes.and_then(|modes| modes.get(index));
        let length = self.root.len() + directory.len() + name.len();
        if mode.is_some_and(|mode| mode & FILE_TYPE == DIRECTORY) || length > PATH_BYTES_MAX {
            return Ok(());
        }
        *self.bytes_left =
            self.bytes_left.checked_sub(length + PATH_OVERHEAD_BYTES).ok_or(Fault::TooManyPaths)?;
        self.path.clear();
        self.path.push_str(self.root);
        self.path.push_str(String::from_utf8_lossy(directory).trim_start_matches('/'));
        self.path.push_str(&String::from_utf8_lossy(name));
        if self.path.len() > self.root.len() {
            self.files.push(&self.path);
        }
        Ok(())
    }
}

fn collect(directories: Texts<'_>) -> Result<Vec<&[u8]>, Fault> {
    if directories.left() > RPM_DIRECTORIES_MAX {
        return Err(Fault::Malformed("it lists too many directories"));
    }
    directories.collect()
}
