//! Every limit on what an image may make us do, with its reason.
//!
//! Images come from strangers: each size, count and depth that they state is bounded here. Hitting a limit while
//! a tree is walked is a gap; hitting one while a target is opened is an error. The limits that a caller may have
//! reason to change are fields of [`Limits`].

/// Linux' `PATH_MAX`: no engine can create a longer path.
const NAME_BYTES_MAX: usize = 4096;
/// Deeper trees do not exist in practice, and each level costs memory for the parents that an entry implies.
const DEPTH_MAX: usize = 256;
/// The same bound as Go's `archive/tar`, which every engine uses: a longer header cannot be loaded anywhere.
const EXTENDED_HEADER_BYTES_MAX: u64 = 1024 * 1024;
/// Three times the largest image that people have reported to scanners (3 million files); some 60 bytes of memory each.
const ENTRIES_MAX: u64 = 10_000_000;
/// The largest real layers (machine-learning images) have some 30 GiB.
const LAYER_BYTES_MAX: u64 = 64 * GIB;
/// Several such layers.
const IMAGE_BYTES_MAX: u64 = 256 * GIB;
/// File systems compress 2 to 10 times; a layer with one file of zeros may have more, a bomb always has.
const RATIO_MAX: u64 = 250;
/// Below this many uncompressed bytes a bomb is harmless and the ratio is not looked at.
const RATIO_FREE_BYTES: u64 = GIB;
/// zstd's own default for a decoder (`ZSTD_WINDOWLOG_LIMIT_DEFAULT`): 128 MiB of window.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// What `xz -9` takes; the format allows 4 GiB.
const XZ_DICTIONARY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most files that visitors want fit; larger ones go to a temporary file, which the page cache holds.
const SPOOL_MEMORY_BYTES: u64 = 512 * 1024;
/// Large binaries and archives have some GiB; a sparse file may claim exabytes.
const SPOOL_DISK_BYTES_MAX: u64 = 8 * GIB;
/// A full desktop has some 100,000 symbolic links.
const LINKS_MAX: usize = 1_000_000;
/// A visitor that takes interest in more link names than this takes interest in everything.
const ALIASES_MAX: usize = 100_000;
/// A fragmented virtual disk has some 10,000 segments.
const SPARSE_SEGMENTS_MAX: usize = 100_000;
/// A mail spool or cache of a million files is one directory; a name takes some 50 bytes of memory.
const DIRECTORY_ENTRIES_MAX: usize = 2_000_000;
/// More gaps than this help nobody; the rest is counted in one.
const GAPS_MAX: usize = 1000;
/// The limit of registries (OCI distribution-spec, "Pushing Manifests"): 4 MiB.
const MANIFEST_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Configurations hold history and inline build caches; the largest real ones have some 100 kB.
const CONFIG_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Docker's official images offer some 10 platforms, each with an attestation.
const INDEX_MANIFESTS_MAX: usize = 1000;
/// An index in an index occurs (buildx, multi-image layouts); more levels do not.
const INDEX_DEPTH_MAX: usize = 4;
/// overlayfs mounts at most 500 lower layers, Docker allows 128.
const LAYERS_MAX: usize = 500;
/// Every instruction of a Dockerfile is one entry; long chains of base images have some hundred.
const HISTORY_MAX: usize = 10_000;
/// An archive of images that must be unpacked to a temporary file before it can be read.
const ARCHIVE_BYTES_MAX: u64 = 256 * GIB;
/// Blobs and per-layer files of an archive of images: some thousand for a hundred images.
const ARCHIVE_ENTRIES_MAX: usize = 1_000_000;
/// The largest real SBOMs (10,000 packages with files) have some 100 MB.
const SBOM_BYTES_MAX: u64 = GIB;
/// Docker refuses a layer that makes a directory and later a file of the same name; others take it, but no builder
/// writes it. Each one costs a look at all entries so far.
pub(crate) const DIRECTORIES_REPLACED_MAX: usize = 100;
/// Linux follows at most 40 symbolic links in one path (`MAXSYMLINKS`).
pub(crate) const LINK_HOPS_MAX: usize = 40;

const GIB: u64 = 1024 * 1024 * 1024;

/// What an image may make us do at most. `Limits::default()` fits every real image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of an entry's path and of a link's target.
    pub name_bytes_max: usize,
    /// Components of an entry's path, levels of a directory tree.
    pub depth_max: usize,
    /// Bytes of one PAX or GNU extended header.
    pub extended_header_bytes_max: u64,
    /// Entries of a layer or directory tree, with the parents they imply.
    pub entries_max: u64,
    /// Uncompressed bytes of a layer.
    pub layer_bytes_max: u64,
    /// Uncompressed bytes of all layers of an image; whoever walks several layers adds up.
    pub image_bytes_max: u64,
    /// Uncompressed bytes for one stored byte, above `ratio_free_bytes`.
    pub ratio_max: u64,
    /// Uncompressed bytes up to which the ratio is not looked at.
    pub ratio_free_bytes: u64,
    /// Binary logarithm of zstd's window.
    pub zstd_window_log_max: u32,
    /// Bytes of memory that an xz stream may ask for.
    pub xz_dictionary_bytes_max: u64,
    /// Bytes of a file held in memory for random access before a temporary file takes them.
    pub spool_memory_bytes: u64,
    /// Bytes of a file put into a temporary file for random access.
    pub spool_disk_bytes_max: u64,
    /// Symbolic and hard links of a tree that are remembered, each.
    pub links_max: usize,
    /// Links that are reported for a second look.
    pub aliases_max: usize,
    /// Segments of a sparse file.
    pub sparse_segments_max: usize,
    /// Entries of one directory of the host.
    pub directory_entries_max: usize,
    /// Gaps reported one by one.
    pub gaps_max: usize,
    /// Bytes of a manifest or index.
    pub manifest_bytes_max: u64,
    /// Bytes of an image configuration.
    pub config_bytes_max: u64,
    /// Manifests of one index.
    pub index_manifests_max: usize,
    /// Indexes inside indexes.
    pub index_depth_max: usize,
    /// Layers of an image.
    pub layers_max: usize,
    /// Entries of an image's build history.
    pub history_max: usize,
    /// Bytes of an archive of images once uncompressed, where it must be unpacked to be read.
    pub archive_bytes_max: u64,
    /// Entries of an archive of images.
    pub archive_entries_max: usize,
    /// Bytes of a software bill of materials once uncompressed.
    pub sbom_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            name_bytes_max: NAME_BYTES_MAX,
            depth_max: DEPTH_MAX,
            extended_header_bytes_max: EXTENDED_HEADER_BYTES_MAX,
            entries_max: ENTRIES_MAX,
            layer_bytes_max: LAYER_BYTES_MAX,
            image_bytes_max: IMAGE_BYTES_MAX,
            ratio_max: RATIO_MAX,
            ratio_free_bytes: RATIO_FREE_BYTES,
            zstd_window_log_max: ZSTD_WINDOW_LOG_MAX,
            xz_dictionary_bytes_max: XZ_DICTIONARY_BYTES_MAX,
            spool_memory_bytes: SPOOL_MEMORY_BYTES,
            spool_disk_bytes_max: SPOOL_DISK_BYTES_MAX,
            links_max: LINKS_MAX,
            aliases_max: ALIASES_MAX,
            sparse_segments_max: SPARSE_SEGMENTS_MAX,
            directory_entries_max: DIRECTORY_ENTRIES_MAX,
            gaps_max: GAPS_MAX,
            manifest_bytes_max: MANIFEST_BYTES_MAX,
            config_bytes_max: CONFIG_BYTES_MAX,
            index_manifests_max: INDEX_MANIFESTS_MAX,
            index_depth_max: INDEX_DEPTH_MAX,
            layers_max: LAYERS_MAX,
            history_max: HISTORY_MAX,
            archive_bytes_max: ARCHIVE_BYTES_MAX,
            archive_entries_max: ARCHIVE_ENTRIES_MAX,
            sbom_bytes_max: SBOM_BYTES_MAX,
        }
    }
}
