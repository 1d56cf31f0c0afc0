//! Every limit of this crate with its reason; hitting one is a gap.

mod binary;
mod language;

pub(crate) use binary::*;
pub(crate) use language::*;

/// A package database or lock file larger than this is not read: the largest real ones (rpm databases of full
/// desktops, monorepo lock files) have some 100 MB.
pub(crate) const DATABASE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Packages taken from one file: a full desktop has 6,000, the largest lock files 30,000.
pub(crate) const PACKAGES_PER_FILE_MAX: usize = 200_000;

/// A file that states one fact about the distribution; real ones have a few kilobytes.
pub(crate) const RELEASE_BYTES_MAX: u64 = 1024 * 1024;

/// A `copyright` file: Chromium's, the longest known, has 2 MB.
pub(crate) const COPYRIGHT_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Licences taken from one `copyright` file: the longest real lists have about a hundred.
pub(crate) const LICENSES_PER_FILE_MAX: usize = 256;

/// A licence's name or expression; what is longer is a text, not a name.
pub(crate) const LICENSE_NAME_BYTES_MAX: usize = 200;

/// The list of one package's files: the largest packages (kernel sources, TeX) list 100,000 paths in 10 MB.
pub(crate) const FILE_LIST_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Linux's `PATH_MAX`: a longer path cannot be installed.
pub(crate) const PATH_BYTES_MAX: usize = 4096;

/// What a reader may decompress for each stored byte of a tree, in all of its files together: jars in wars hold hardly
/// more than they take, class files and texts three times as much.
pub(crate) const INFLATED_RATIO: u64 = 10;

/// What a tree may decompress to besides, in a second or so: a file that holds ten times what it takes, and many small
/// ones, cost no gap.
pub(crate) const INFLATED_FREE_BYTES: u64 = 1024 * 1024 * 1024;

/// A chisel manifest decompressed: Ubuntu's own have 1 MB; a whole distribution's would have 100 MB.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// A line of such a manifest: a path and the slices it belongs to, some hundred bytes.
pub(crate) const MANIFEST_LINE_BYTES_MAX: u64 = 1024 * 1024;

/// Binary logarithm of the window of such a manifest: zstd's own default for a decoder, 128 MiB.
pub(crate) const MANIFEST_WINDOW_LOG_MAX: u32 = 27;

/// One rpm header: rpm itself refuses above 256 MB, the largest real ones (kernel sources, TeX) have 20 MB.
pub(crate) const RPM_HEADER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Index entries of one rpm header; rpm's own limit.
pub(crate) const RPM_HEADER_TAGS_MAX: usize = 0xffff;

/// Text of the paths that all headers of one rpm database list, written out: a header can name one long directory
/// for each of a million short names. A full desktop has 50 MB.
pub(crate) const RPM_PATHS_BYTES_MAX: usize = 512 * 1024 * 1024;

/// A name, version, vendor or the like of an rpm header: together they make a file's name, which Linux limits to this.
/// Many headers may claim the same text, and one header claim it several times.
pub(crate) const RPM_TEXT_BYTES_MAX: usize = 255;

/// The licence of an rpm header: the longest real expressions have a kilobyte or two.
pub(crate) const RPM_LICENSE_BYTES_MAX: usize = 16 * 1024;

/// Directories of one rpm header; TeX's largest package has some 10,000.
pub(crate) const RPM_DIRECTORIES_MAX: usize = 1_000_000;

/// How many times the size of an rpm database may be read from it before its pages are held to reference each other
/// in circles; a sound one is read once.
pub(crate) const RPM_READ_FACTOR_MAX: u64 = 4;

/// What may be read from an rpm database however small it is: some records are smaller than what a read counts.
pub(crate) const RPM_READ_BUDGET_BYTES_MIN: u64 = 16 * 1024 * 1024;

/// What a read from an rpm database counts at least, so that many empty ones end too: the smallest page of any format.
pub(crate) const RPM_READ_BYTES_MIN: u64 = 512;

/// Levels of a SQLite b-tree: SQLite itself refuses more.
pub(crate) const SQLITE_DEPTH_MAX: u32 = 20;

/// A lock file or manifest of a language: the largest real ones (`package-lock.json` and `project.assets.json` of
/// monorepos) have 20 MB, and what is read from one takes some times its size.
pub(crate) const DOCUMENT_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Entries of one list or map of such a document; the largest real lock files have 30,000.
pub(crate) const DOCUMENT_ITEMS_MAX: usize = 500_000;

/// Parser events of one YAML file: a lock file of the largest size has about one per 16 bytes.
pub(crate) const YAML_EVENTS_MAX: usize = 4_000_000;

/// Parser events below anchors of one YAML file, and events that aliases repeat: tools write no anchors into lock files,
/// people some into environment files. A file of 500 bytes can ask for a million, and a layer can have many such files.
pub(crate) const YAML_ANCHOR_EVENTS_MAX: usize = 10_000;

/// Nesting of YAML: lock files have five levels.
pub(crate) const YAML_DEPTH_MAX: usize = 64;

/// Documents of one YAML file: pnpm writes up to two.
pub(crate) const YAML_DOCUMENTS_MAX: usize = 64;

/// Characters of a gap's reason, which may quote the input.
pub(crate) const REASON_CHARS_MAX: usize = 200;

/// Directories climbed to find a module as Node.js does; npm nests some ten deep.
pub(crate) const NPM_NESTING_MAX: usize = 64;
