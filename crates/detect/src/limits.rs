//! Every limit of this crate with its reason. Rule files come from users and from the internet.

/// Bytes of one rule file: the official files together have a quarter of a million.
pub(crate) const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Values of a YAML file with what aliases repeat: the official files have some ten thousand each; an alias bomb
/// makes billions out of a kilobyte.
pub(crate) const YAML_NODES_MAX: usize = 500_000;

/// Depth of a YAML file; rule files need five.
pub(crate) const YAML_DEPTH_MAX: usize = 32;

/// Diagnostics of all files: a file of nonsense has one for each line.
pub(crate) const DIAGNOSTICS_MAX: usize = 1000;

/// Mistakes of one `and` or `or` that are told: a condition of a megabyte may have a hundred thousand.
pub(crate) const MISTAKES_MAX: usize = 20;

/// Characters of a source line, name or value that a diagnostic shows.
pub(crate) const SHOWN_CHARS_MAX: usize = 160;

/// Bytes of one condition, exceptions included.
pub(crate) const CONDITION_BYTES_MAX: usize = 1024 * 1024;

/// Parentheses inside parentheses. The parser calls itself for each.
pub(crate) const NESTING_MAX: usize = 128;

/// Depth of a condition with its macros, which the evaluation follows call by call.
pub(crate) const CONDITION_DEPTH_MAX: usize = 400;

/// Different parts of all conditions: the official rules have some two thousand.
pub(crate) const CONDITION_PARTS_MAX: usize = 50_000;

/// Items of one list with the lists in it, and of one `in (…)`.
pub(crate) const LIST_ITEMS_MAX: usize = 200_000;

/// Items that all lists and conditions take from lists together: lists of lists multiply.
pub(crate) const EXPANDED_ITEMS_MAX: usize = 2_000_000;

/// Bytes of one regular expression as written, and of its automaton: a counted repetition of a counted repetition
/// needs gigabytes.
pub(crate) const REGEX_BYTES_MAX: usize = 4096;
/// See [`REGEX_BYTES_MAX`].
pub(crate) const REGEX_AUTOMATON_BYTES_MAX: usize = 1024 * 1024;
/// Regular expressions of all rules; with the automaton's limit this bounds the memory.
pub(crate) const REGEXES_MAX: usize = 500;

/// Process names by which one rule is looked up: each is kept once for each type of event.
pub(crate) const NAMES_MAX: usize = 2_000;
/// The same for all rules and types of events: some 20 MB. The official rules have a few thousand.
pub(crate) const NAMES_TOTAL_MAX: usize = 200_000;

/// Bytes of one glob pattern.
pub(crate) const GLOB_BYTES_MAX: usize = 4096;

/// Bytes of a rendered output: a process may have megabytes of arguments, and an alert is read by people and sent
/// over syslog.
pub(crate) const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// Bytes of one field's text in a finding.
pub(crate) const FIELD_BYTES_MAX: usize = 16 * 1024;

/// Ancestors that a finding lists.
pub(crate) const LINEAGE_MAX: usize = 16;

/// Keys that one rule's `count` or `dedup` remembers at once; the oldest is forgotten for a new one, and that is
/// counted.
pub(crate) const KEYS_MAX: usize = 10_000;

/// The largest `count`: each key keeps so many times.
pub(crate) const COUNT_MAX: u64 = 10_000;

/// Steps of one rule's `sequence`.
pub(crate) const STEPS_MAX: usize = 8;

/// Bytes of one line of a recording or of a case: a process may have megabytes of arguments.
pub(crate) const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Cases of one file of tests.
pub(crate) const CASES_MAX: usize = 50_000;

/// Events of one case that is no recording: each was written by a person or a program that writes tests.
pub(crate) const CASE_EVENTS_MAX: usize = 10_000;

/// Events of a recording that a case replays.
pub(crate) const CAPTURE_EVENTS_MAX: usize = 2_000_000;

/// Parts of one condition that are explained, macros put in each time they stand somewhere: the official rules' largest
/// has some three hundred.
pub(crate) const EXPLAINED_PARTS_MAX: usize = 20_000;

/// Different paths, connections or excepted values that learning keeps of one workload: beyond that it is no profile
/// that anybody reads.
pub(crate) const LEARNED_MAX: usize = 20_000;

/// Paths of one need: beyond, all paths are wanted. The sensor has room for 4096 of all rules together.
pub(crate) const NEED_PATHS_MAX: usize = 2048;

/// Different questions of all rules that deny, on one occasion: bits of a `u64` in the kernel.
pub(crate) const DENIED_ATOMS_MAX: usize = 64;

/// Alternatives of all rules that deny, on one occasion: the kernel looks at each for each operation.
pub(crate) const DENIED_CLAUSES_MAX: usize = 64;

/// Addresses and networks of all rules that deny, those of connections and of sendings counted each: the kernel's table
/// has 32,768, and new rules are written beside those in force.
pub(crate) const DENIED_NETWORKS_MAX: usize = 16_384;

/// Paths and names of all rules that deny. The table has 16,384; of the half, 1,024 are for what the policy protects.
pub(crate) const DENIED_TEXTS_MAX: usize = 7_168;

/// Alternatives of a part of a condition while it is taken apart: they multiply.
pub(crate) const DENIED_ALTERNATIVES_MAX: usize = 512;

/// Bytes of a path that the kernel compares with: its trie has keys of 256, with a mark and the end of the text.
pub(crate) const DENIED_TEXT_BYTES_MAX: usize = 253;
