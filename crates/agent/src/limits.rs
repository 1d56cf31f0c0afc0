//! Every limit of this crate with its reason.

use std::time::Duration;

/// Processes that are remembered, the dead of a moment ago included. A busy host has some thousand; one that holds
/// more (a fork bomb) has those told by what their events say of themselves. A process takes 1 to 2 KiB.
pub(crate) const PROCESSES_MAX: usize = 32_768;

/// Dead processes that are kept: leaders of sessions and groups outlive nobody, but are still asked for.
pub(crate) const DEAD_MAX: usize = 1024;

/// Pid namespaces whose first process is remembered: one for each container.
pub(crate) const PID_NAMESPACES_MAX: usize = 4096;

/// Bytes of arguments and of the environment that are read from `/proc` at the start: as many as the kernel's part
/// gives of a new process.
pub(crate) const ARGUMENT_BYTES_MAX: u64 = 16 * 1024;

/// The same of the environment.
pub(crate) const ENVIRONMENT_BYTES_MAX: u64 = 4 * 1024;

/// Bytes of one of the other files below `/proc/PID`.
pub(crate) const PROC_FILE_BYTES_MAX: u64 = 64 * 1024;

/// How long an event waits for what an engine says of its container. Engines answer in milliseconds, but for one
/// that is starting many.
pub(crate) const WAIT_MAX: Duration = Duration::from_millis(250);

/// Events that wait. Beyond, the oldest goes on without.
pub(crate) const WAITING_MAX: usize = 4096;

/// How often rule files are looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The longest sleep of the loop: signals and reloads are noticed this late.
pub(crate) const POLL_MAX: Duration = Duration::from_millis(200);

/// The sleep while events wait for their container.
pub(crate) const POLL_WAITING: Duration = Duration::from_millis(2);

/// Bytes of one rule file; Falco's largest has some 100 kB.
pub(crate) const RULE_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The first bytes of what is sent and received, for rules that look at them: a DNS answer, the head of a request.
pub(crate) const DATA_BYTES: u32 = 512;

/// Bytes of a recording: some hours of a busy host, and less than fills a disk that was not full before.
pub(crate) const RECORD_BYTES_MAX: u64 = 1 << 30;

/// Processes and containers of a recording that keep their number; then all get new ones.
pub(crate) const RECORD_KNOWN_MAX: usize = 16 * 1024;

/// Bytes of one line of a recording that is read: a process has 20 KiB of texts at most, of which JSON makes up to six
/// times as many.
pub(crate) const RECORD_LINE_BYTES_MAX: usize = 256 * 1024;

/// Memory of the processes and containers that a replay keeps, estimated high from their lines. A recording of ours
/// needs some 100 MiB by that measure.
pub(crate) const REPLAY_KEPT_BYTES_MAX: u64 = 512 << 20;

/// Events that are kept for evidence, some seconds of a busy container, in at most a few MB.
pub(crate) const MOMENTS_MAX: usize = 1000;

/// How often the counts for other threads are made anew: asking the kernel what was lost takes a tenth of a
/// millisecond.
pub(crate) const COUNT_EVERY: Duration = Duration::from_millis(250);

/// Batches that are read after the end was asked for: four times what the ring holds.
pub(crate) const LAST_TURNS: u32 = 16;

/// The last threads of a process that are kept as they were: a server's threads take turns.
pub(crate) const THREADS_MAX: usize = 8;

/// Bytes of audit batches that wait for the rules: four of the largest, some hundred of the usual ones. Beyond, the API
/// server is told to send them again.
pub(crate) const AUDIT_BYTES_WAITING_MAX: usize = 64 * 1024 * 1024;

/// Batches that wait: an API server with the usual settings sends ten a second.
pub(crate) const AUDIT_BATCHES_WAITING_MAX: usize = 1000;

/// Records of one answer of the DNS: as many as fit into what the kernel's part copies.
pub(crate) const DNS_RECORDS_MAX: usize = 128;

/// Characters of a text in an answer that a rule sees; each of its strings has up to 255.
pub(crate) const DNS_ANSWER_CHARS_MAX: usize = 1024;

/// How long a name holds at least, in seconds: programs connect some time after they have asked, and tell of it later.
pub(crate) const NAME_KEPT_LEAST_S: u32 = 60;

/// And at most: an answer may say 68 years.
pub(crate) const NAME_KEPT_MOST_S: u32 = 24 * 3600;

/// Names of one address: of a content network, some thousand are true, and rules ask for the last ones.
pub(crate) const NAMES_OF_ADDRESS_MAX: usize = 8;

/// Characters of a name that is kept: one that needs no escapes has no more.
pub(crate) const NAME_CHARS_MAX: usize = 255;

/// Addresses with names in one network, and in all: some 200 bytes each, and at most 2 KiB where somebody wants it so.
pub(crate) const NAMED_OF_VIEW_MAX: usize = 2048;
/// See [`NAMED_OF_VIEW_MAX`].
pub(crate) const NAMED_MAX: usize = 16_384;

/// Names of rules that are looked up; Falco's have some seventy.
pub(crate) const LOOKED_UP_MAX: usize = 512;

/// How often: answers for them hold some minutes, and a resolver should not notice.
pub(crate) const LOOK_UP_EVERY: Duration = Duration::from_secs(300);

/// Sockets that have asked the DNS and are remembered until the answer.
pub(crate) const ASKERS_MAX: usize = 4096;

/// Questions of one such socket: a forwarder has many on their way.
pub(crate) const ASKED_MAX: usize = 128;
