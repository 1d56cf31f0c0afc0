//! Limits of version texts.

/// Longest version that is read. The longest in the advisory databases are below 100 bytes;
/// node-semver stops at 256. Longer text is no version, and a bound keeps comparison cheap.
pub(super) const VERSION_BYTES_MAX: usize = 512;
