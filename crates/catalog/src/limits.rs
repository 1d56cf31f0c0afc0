//! Every limit of this crate with its reason; hitting one is a gap.

/// A package database or lock file larger than this is not read: the largest real ones (rpm databases of full
/// desktops, monorepo lock files) have some 100 MB.
#[expect(dead_code, reason = "used as readers arrive")]
pub(crate) const DATABASE_BYTES_MAX: u64 = 256 * 1024 * 1024;
