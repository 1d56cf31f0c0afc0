//! Limits for the packages of languages.

/// The head of a Python distribution's metadata: long descriptions and licence texts make the largest real ones some
/// 500 KB; name and version stand at the start.
pub(crate) const PYTHON_METADATA_HEAD_BYTES: u32 = 1024 * 1024;

/// Names that one gap lists: enough to see what is meant.
pub(crate) const NAMES_IN_GAP_MAX: usize = 8;
