//! What one record, one interest and one turn of the reader may hold, and why.

/// Clauses are bits of a `u64` in the kernel; more of them share bits, which lets more events out, never fewer.
pub(crate) const CLAUSES_MAX: usize = 64;

/// Components of a directory that the kernel compares; a deeper one is cut, which again lets more out.
pub(crate) const PREFIX_DEPTH_MAX: usize = 16;

/// Entries of the kernel's map of paths, for two interests (`bpf/maps.h`).
pub(crate) const PATHS_MAX: usize = 4096;

/// A record: its header and 30 KiB of fields (`bpf/maps.h`).
pub(crate) const RECORD_BYTES_MAX: usize = 32 * 1024;

/// Fields of a record; the programs write fewer than ten.
pub(crate) const FIELDS_MAX: usize = 32;

/// Records handed over before `poll` returns, so that the caller can answer a signal under a flood.
pub(crate) const BATCH_MAX: usize = 16 * 1024;

/// The first bytes of what is sent and received, when asked for: a DNS query fits.
pub(crate) const DATA_BYTES_MAX: u32 = 4096;

/// Clauses of one hook's denial (`bpf/deny.h`): each is looked at for each operation that is judged.
pub(crate) const DENIAL_CLAUSES_MAX: usize = 64;

/// Bytes of a path that the kernel compares with, the end included: a key of its trie has 256.
pub(crate) const DENIAL_TEXT_BYTES_MAX: usize = 254;

/// Denials that wait to be read: some hundred.
pub(crate) const DENIAL_RING_BYTES: u32 = 1 << 20;
