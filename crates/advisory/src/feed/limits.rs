//! Limits on foreign documents and the containers they come in, each with its reason.

/// One document in memory: the largest real one (Red Hat's OVAL of a release, Debian's tracker) has some
/// hundred MiB; a bomb has more.
pub(crate) const DOCUMENT_BYTES_MAX: u64 = 1 << 30;

/// All bytes unpacked from one input: Red Hat's VEX archive holds more than 31 GB.
pub(crate) const UNPACKED_BYTES_MAX: u64 = 256 << 30;

/// Entries of one input: OSV's archive of everything holds about half a million.
pub(crate) const ENTRIES_MAX: u64 = 8_000_000;

/// Containers inside containers: `.tar.gz` is two, an archive of archives four.
pub(crate) const NESTING_MAX: u32 = 5;

/// Directories inside directories.
pub(crate) const DIRECTORY_DEPTH_MAX: u32 = 32;

/// Central directory plus members of a zip inside another container, held in memory to be seekable.
pub(crate) const INNER_ZIP_BYTES_MAX: u64 = 1 << 30;

/// A pax or GNU long-name header of a tar: path names have at most a few KiB.
pub(crate) const TAR_NAME_BYTES_MAX: u64 = 64 << 10;

/// Gaps reported one by one for a feed; the rest is counted in a last one.
pub(crate) const GAPS_MAX: u64 = 200;

/// Problems one document may speak of: a kernel update fixes some hundred to two thousand CVEs.
pub(crate) const PROBLEMS_MAX: usize = 20_000;

/// Characters kept of a title; longer ones are descriptions.
pub(crate) const TITLE_CHARS_MAX: usize = 300;

/// Intervals one affected package may have: real ones have up to about a hundred.
pub(crate) const RANGES_MAX: usize = 5_000;

/// Nested elements of an XML document; OVAL criteria nest about ten deep.
pub(crate) const XML_DEPTH_MAX: usize = 64;
