//! Every limit of this crate with its reason. Findings tell of hostile processes, and services answer anything.

use std::time::Duration;

/// Bytes of a configuration file of outputs.
pub(crate) const CONFIG_BYTES_MAX: usize = 1024 * 1024;
/// Outputs of one configuration: each has one or two threads.
pub(crate) const OUTPUTS_MAX: usize = 64;
/// Bytes of a user's template.
pub(crate) const TEMPLATE_BYTES_MAX: u64 = 256 * 1024;
/// Bytes of a file with certificates or a key.
pub(crate) const PEM_BYTES_MAX: u64 = 1024 * 1024;

/// Findings that wait in memory for one output, where the configuration does not say.
pub(crate) const QUEUE_COUNT: usize = 10_000;
/// Bytes of them, where the configuration does not say: findings have some 2 KiB, hostile ones up to 400 KiB.
pub(crate) const QUEUE_BYTES: usize = 16 * 1024 * 1024;
/// Bytes that wait on disk for one output, where the configuration does not say: some 30,000 findings.
pub(crate) const SPOOL_BYTES: u64 = 64 * 1024 * 1024;
/// The least that a spool can hold: its largest record, and one more.
pub(crate) const SPOOL_BYTES_MIN: u64 = 2 * SPOOL_RECORD_BYTES_MAX as u64;
/// Bytes of one file of a spool. A file that was delivered whole is removed.
pub(crate) const SPOOL_FILE_BYTES: u64 = 1024 * 1024;
/// Bytes of one record of a spool: fields and output of a finding are bounded by `detect`, at some 400 KiB.
pub(crate) const SPOOL_RECORD_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Files of a spool that are looked at: more than any spool of ours has.
pub(crate) const SPOOL_FILES_MAX: usize = 100_000;

/// Findings of one batch, whatever a template says.
pub(crate) const BATCH_COUNT_MAX: usize = 1000;
/// Bytes of the findings of one batch: services take some MiB in one request.
pub(crate) const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Fingerprints whose repeats one output folds at a time. What comes beyond is delivered one by one.
pub(crate) const FOLDED_MAX: usize = 10_000;
/// How often ended windows are looked for.
pub(crate) const FOLD_SWEEP_EVERY: Duration = Duration::from_millis(250);

/// Bytes of one line where the configuration does not say. Syslog daemons cut at 8 KiB.
pub const LINE_BYTES: usize = 64 * 1024;
/// See [`LINE_BYTES`].
pub(crate) const SYSLOG_BYTES: usize = 8 * 1024;
/// The least that a line may be bounded to: a rule's name, a time and some words.
pub(crate) const LINE_BYTES_MIN: usize = 480;
/// The same for formats of fields, whose names alone take as much; with a syslog head before it.
pub(crate) const STRUCTURED_BYTES_MIN: usize = 2560;
/// A datagram holds 65,507 bytes over IPv4.
pub(crate) const UDP_BYTES_MAX: usize = 60_000;
/// Bytes of each text of a finding in a format of fields: first as it is, then less until the line is short enough.
pub(crate) const TEXT_BYTES: &[usize] = &[16 * 1024, 1024, 256, 64];
/// Fields of a finding in a format of fields, while the line is too long.
pub(crate) const FIELDS_KEPT: usize = 16;

/// First pause after a failure; it doubles.
pub(crate) const BACKOFF_FIRST: Duration = Duration::from_millis(500);
/// Longest pause after failures: an output that comes back waits no longer.
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// The longest pause that a service can ask for: a hostile one must not silence an output for a year.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(600);
/// Time for one request, connection, write, where the configuration does not say.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that the configuration can say.
pub(crate) const TIMEOUT_MAX: Duration = Duration::from_secs(300);

/// Bytes of a service's answer that are read: enough for the reasons of a thousand refused items.
pub(crate) const ANSWER_BYTES_MAX: u64 = 1024 * 1024;
/// Bytes of an answer that an error shows.
pub(crate) const ANSWER_SHOWN_BYTES: usize = 300;
/// Steps that a template may take: some milliseconds for each finding; an endless loop ends in an error.
pub(crate) const TEMPLATE_FUEL: u64 = 20_000_000;

/// Bytes of a log file before it is rotated, where the configuration does not say.
pub(crate) const FILE_BYTES: u64 = 100 * 1024 * 1024;
/// Older files that are kept, where the configuration does not say, and at most.
pub(crate) const FILES_KEPT: u32 = 5;
/// See [`FILES_KEPT`].
pub(crate) const FILES_KEPT_MAX: u32 = 1000;

/// Rules whose findings are counted by name. Rule files are the user's, so the names are not endless, but they can be
/// reloaded; what comes beyond counts as `other`.
pub(crate) const COUNTED_RULES_MAX: usize = 2000;
/// How long an output that dropped findings is unhealthy.
pub(crate) const UNHEALTHY_AFTER_DROP: Duration = Duration::from_secs(60);

/// Connections to the server of metrics at a time; for a further one the oldest is closed.
pub(crate) const CONNECTIONS_MAX: usize = 16;
/// Threads that serve them, with those that have yet to notice that theirs is closed; a connection beyond is closed itself.
pub(crate) const CONNECTION_THREADS_MAX: usize = 2 * CONNECTIONS_MAX;
/// Bytes of a request's head.
pub(crate) const REQUEST_BYTES_MAX: usize = 8 * 1024;
/// Time for a request to arrive and for its answer to be taken, as a whole.
pub(crate) const REQUEST_TIME: Duration = Duration::from_secs(5);
