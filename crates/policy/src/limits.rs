//! Every limit of this crate with its reason.

/// A policy, ignore, VEX or baseline file larger than this is refused: Red Hat's largest single VEX document
/// has some 20 MB, a baseline of 100,000 findings some 60 MB.
pub(crate) const FILE_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Characters of the reason why a file cannot be used; a snippet of a policy has some 500.
pub(crate) const REASON_CHARS_MAX: usize = 2000;

/// Characters of a name that is none, in an error.
pub(crate) const NAME_CHARS_SHOWN: usize = 64;

/// Bytes of a CEL condition: the longest in use fill a screen.
pub(crate) const CONDITION_BYTES_MAX: usize = 4 * 1024;

/// Levels of a CEL condition, as many as cel's parser allows of parentheses: a chain of operators has one for each.
pub(crate) const CONDITION_DEPTH_MAX: usize = 96;

/// Steps that a condition may take for one finding, where a step is a node evaluated in a macro or 32 bytes copied. A
/// hundred references compared with one another are 80,000; a million take some tenths of a second.
pub(crate) const CONDITION_STEPS_MAX: u64 = 1_000_000;
