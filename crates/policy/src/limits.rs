//! Every limit of this crate with its reason.

/// A policy, ignore, VEX or baseline file larger than this is refused: Red Hat's largest single VEX document
/// has some 20 MB, a baseline of 100,000 findings some 60 MB.
pub(crate) const FILE_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Characters of the reason why a file cannot be used; a snippet of a policy has some 500.
pub(crate) const REASON_CHARS_MAX: usize = 2000;
