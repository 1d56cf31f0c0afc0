//! Every limit on what a file may make the search for leaks do, with its reason.

/// A window of the sweep over a file; large enough that the overlap costs nothing, small enough for a core's cache.
pub(crate) const WINDOW_BYTES: usize = 512 * 1024;
/// The longest match of any rule: an armoured RSA key of 16384 bits has 12,700 bytes.
pub(crate) const MATCH_BYTES_MAX: usize = 16 * 1024;
/// A file up to this size is looked at as a whole: by extractors, decoders, and with its digests at hand.
pub(crate) const WHOLE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// An archive, UTF-16 text or file of an extractor up to this size is taken to memory; larger ones are a gap. Jars with all their dependencies have some 60 MB.
pub(crate) const ARCHIVE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// A file is read so far; a sparse file may claim exabytes.
pub const STREAMED_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;
/// What decoding (archives, compression, base64) may make of one file in all: some hundred times what a source
/// archive needs, and a quarter of a second of work.
pub(crate) const DECODED_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// The same for one layer or directory in all: thousands of small files that each inflate a thousandfold.
pub(crate) const DECODED_TOTAL_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// The dictionary that an xz stream may ask for: `xz -9` takes 64 MiB.
pub(crate) const XZ_DICTIONARY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The window of a zstd stream, as a power of two: more needs `--long`, for those who unpack it too.
pub(crate) const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// Encodings in encodings: a zip in a gzip in base64.
pub(crate) const DECODE_DEPTH_MAX: usize = 3;
/// Members of one archive that are looked at.
pub(crate) const MEMBERS_MAX: usize = 10_000;
/// Leaks that one file reports one by one of each rule; a dump of a thousand tokens is one problem, and hides no other.
pub(crate) const HITS_PER_FILE_MAX: usize = 200;
/// Leaks that one layer or directory reports one by one.
pub(crate) const HITS_MAX: usize = 20_000;
/// Gaps that one layer or directory reports one by one.
pub(crate) const GAPS_MAX: usize = 1000;
/// Bytes of a line that is searched for an ignoring comment; a minified file has one of megabytes.
pub(crate) const LINE_BYTES_MAX: usize = 2048;
/// Bytes of a file with rules that a user brings: the largest public rule set has 300 kB.
pub(crate) const RULE_FILE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Rules of one such file.
pub(crate) const RULES_PER_FILE_MAX: usize = 5000;
/// Memory of one compiled expression; a user's counted repetitions can multiply.
pub(crate) const REGEX_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Memory of the states that one expression builds while it searches.
pub(crate) const REGEX_CACHE_BYTES_MAX: usize = 1024 * 1024;
/// Nesting of groups in an expression that a user brings.
pub(crate) const REGEX_DEPTH_MAX: u32 = 64;
/// Files of a distribution that vouch for others, in one layer: a full desktop has some 500,000 files.
pub(crate) const VOUCHED_FILES_MAX: usize = 2_000_000;
/// Bytes of a list of digests; the largest (a kernel's headers) has some MB.
pub(crate) const DIGEST_LIST_BYTES_MAX: u64 = 64 * 1024 * 1024;
