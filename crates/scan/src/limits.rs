//! Every limit of this crate with its reason.

/// The cache is kept below this: facts of a typical layer take 20 to 200 KB, so some 10,000 layers.
pub(crate) const CACHE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// A cached layer's facts are not read beyond this: a layer of three million files has about 40 MB of them.
pub(crate) const FACTS_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Bytes that go to the search for leaks at once: so many that a message costs nothing beside them.
pub(crate) const ASIDE_BATCH_BYTES: usize = 256 * 1024;
/// Files (and their pieces and ends) that go over at once.
pub(crate) const ASIDE_BATCH_STEPS: usize = 1024;
/// Batches that wait, 2 MiB: enough that neither side waits for the other over one hard file.
pub(crate) const ASIDE_BATCHES_MAX: usize = 8;
/// Programs of one layer that are told apart; a large image with several languages has some 20,000.
pub(crate) const PROGRAMS_MAX: usize = 200_000;
/// Bytes of a program that is digested. Nobody ships larger ones, and a sparse file of exabytes is not read.
pub(crate) const PROGRAM_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
