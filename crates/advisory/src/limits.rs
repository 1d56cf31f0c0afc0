//! Named limits of the database and of updates, each with its reason. Limits of single feeds are in `feed/limits.rs`.

/// Offsets in a shard are 32 bits wide; a source that needs more must be split.
pub(crate) const SHARD_BYTES_MAX: usize = u32::MAX as usize;
/// A manifest lists some hundred shards in about 100 KB; more is not ours.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 64 << 20;
/// Names, versions and ids: the longest real ones (Go module paths with pseudo-versions) stay below 1 KB.
pub(crate) const STRING_BYTES_MAX: usize = 64 << 10;
/// One document's title, description and references. The longest real one (a kernel RHSA) is about 600 KB.
pub(crate) const TEXT_BYTES_MAX: usize = 4 << 20;
/// Uncompressed bytes that are compressed together: small enough to be decoded in 30 µs, big enough to compress well.
pub(crate) const TEXT_BLOCK_BYTES: usize = 32 << 10;
/// Ids that one gap names before it goes on with "and N more": a report stays readable.
pub(crate) const GAP_IDS_MAX: usize = 8;

/// Bytes of one fetched feed. The largest real one, Red Hat's VEX archive, has about 300 MB.
pub(crate) const FEED_BYTES_MAX: u64 = 8 << 30;
/// Gaps that an update reports of one file; all are counted.
pub(crate) const PART_GAPS_MAX: usize = 50;
/// Bytes of a file that only says where a feed is (mirror lists, `repomd.xml`): some KB.
pub(crate) const POINTER_BYTES_MAX: u64 = 4 << 20;
/// Bytes of an index of an apt suite: Debian's whole `Sources` has 50 MB.
pub(crate) const APT_INDEX_BYTES_MAX: u64 = 1 << 30;
/// Bytes of a source package's Debian part, which is fetched for its changelog: most have less than 1 MB.
pub(crate) const DEBIAN_PART_BYTES_MAX: u64 = 64 << 20;
