//! Limits for the packages of languages.

/// The head of a Python distribution's metadata: long descriptions and licence texts make the largest real ones some
/// 500 KB; name and version stand at the start.
pub(crate) const PYTHON_METADATA_HEAD_BYTES: u32 = 1024 * 1024;

/// Names that one gap lists: enough to see what is meant.
pub(crate) const NAMES_IN_GAP_MAX: usize = 8;

/// Words of one statement in `go.mod`: `replace a v1 => b v2`, the longest, has five behind the verb.
pub(crate) const GO_MOD_WORDS_MAX: usize = 8;

/// A coordinate or the value of a property of a `pom.xml`; real ones have some dozens of characters.
pub(crate) const POM_TEXT_BYTES_MAX: usize = 1024;

/// Properties put into one value of a `pom.xml`, one after the other or one within the other; real ones take two.
pub(crate) const POM_REPLACED_MAX: usize = 8;
