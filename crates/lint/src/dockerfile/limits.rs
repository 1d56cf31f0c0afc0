//! How much of a hostile Dockerfile is looked at. Reaching a limit is a gap.

/// Bytes of a file. The longest real one we know (generated, 92 repositories) has 60 KB.
pub(crate) const FILE_BYTES_MAX: usize = 4 << 20;

/// Instructions of a file. BuildKit itself stops at fewer, because an image has at most some hundred layers.
pub(crate) const INSTRUCTIONS_MAX: usize = 20_000;

/// Stages of a file: rules compare them with one another.
pub(crate) const STAGES_MAX: usize = 1_000;

/// Variables that one stage knows, inherited ones included.
pub(crate) const VARIABLES_MAX: usize = 2_000;

/// Bytes of names and values that all stages together keep: a stage has those of the stage that it starts from.
pub(crate) const VARIABLE_BYTES_MAX: usize = 16 << 20;

/// Lines of a `.dockerignore`, and sources of the file that they are compared with.
pub(crate) const IGNORE_LINES_MAX: usize = 1_000;

/// Heredocs of one instruction.
pub(crate) const HEREDOCS_MAX: usize = 256;

/// Bytes that one word may expand to: `${A}${A}` doubles with every line.
pub(crate) const EXPANSION_BYTES_MAX: usize = 64 << 10;

/// `${A:-${B:-…}}` within one another.
pub(crate) const EXPANSION_DEPTH_MAX: usize = 32;

/// Shell constructs within one another: groups, substitutions, quotes within substitutions.
pub(crate) const SHELL_DEPTH_MAX: usize = 64;

/// Words of one script. A real `RUN` has hundreds; some rules compare its commands with one another.
pub(crate) const SHELL_WORDS_MAX: usize = 10_000;

/// Findings of one rule in one file; the rest adds nothing.
pub(crate) const HITS_PER_RULE_MAX: usize = 500;

/// Comments that leave findings out.
pub(crate) const SUPPRESSIONS_MAX: usize = 2_000;
