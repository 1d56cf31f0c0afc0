//! Every limit of this crate with its reason.

/// A manifest larger than this is not read: the largest that people keep, all custom resource definitions of an
/// operator in one file, have some 5 MB.
pub(crate) const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Nodes of all documents of a file; a manifest of 16 MB has about a million.
pub(crate) const NODES_MAX: usize = 2_000_000;

/// Nodes that aliases and merge keys stand for, in a document. Compose files with many anchors reach thousands; a
/// "billion laughs" document grows without end.
pub(crate) const ALIASED_NODES_MAX: usize = 200_000;

/// Depth of a document; custom resources nest some 30 deep.
pub(crate) const DEPTH_MAX: usize = 100;

/// Documents of a file; `helm template` of a large chart writes some hundred.
pub(crate) const DOCUMENTS_MAX: usize = 20_000;

/// Lists in lists of Kubernetes objects.
pub(crate) const LIST_DEPTH_MAX: usize = 4;

/// Containers of all files that are judged; the largest collections have some thousand.
pub(crate) const CONTAINERS_MAX: usize = 10_000;

/// Labels of pods that the selectors of all files are compared with.
pub(crate) const SELECTIONS_MAX: usize = 5_000_000;

/// Comments of a file that may silence rules; what stands in further ones is reported after all.
pub(crate) const SUPPRESSIONS_MAX: usize = 1000;

/// Rules that one such comment names.
pub(crate) const SUPPRESSED_RULES_MAX: usize = 200;

/// Places where one rule finds something in one workload; how many more there are is said with the last.
pub(crate) const WRONGS_MAX: usize = 200;

/// Lines that one such comment speaks of.
pub(crate) const SUPPRESSED_LINES_MAX: usize = 10_000;

/// Services that one Compose service may extend in a row.
pub(crate) const EXTENDS_MAX: usize = 20;

/// Lines of a unit; real ones have dozens.
pub(crate) const UNIT_LINES_MAX: usize = 20_000;

/// Scripts in scripts: `ssh a "bash -c 'docker run …'"`.
pub(crate) const SCRIPT_DEPTH_MAX: usize = 4;

/// Words of one command line.
pub(crate) const WORDS_MAX: usize = 10_000;

/// A seccomp profile larger than this is not judged; the default one has 14 kB.
pub(crate) const PROFILE_BYTES_MAX: usize = 1024 * 1024;

/// Containers in a row that each join the namespace of the next.
pub(crate) const NAMESPACE_CHAIN_MAX: usize = 16;

/// Times that a file is changed and looked at again before mending it ends.
pub(crate) const FIX_ROUNDS_MAX: usize = 1000;

/// Characters of a value that a finding quotes.
pub(crate) const QUOTE_CHARS_MAX: usize = 200;

/// Characters of the reason of a gap.
pub(crate) const REASON_CHARS_MAX: usize = 500;
