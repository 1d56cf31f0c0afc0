//! Every limit of this crate with its reason.

/// The cache is kept below this: facts of a typical layer take 20 to 200 KB, so some 10,000 layers.
pub(crate) const CACHE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// A cached layer's facts are not read beyond this: a layer of three million files has about 40 MB of them.
pub(crate) const FACTS_BYTES_MAX: u64 = 512 * 1024 * 1024;
