//! The named limits of this crate, with their reasons.

use std::time::Duration;

/// Findings that wait for their responses. A storm that fills it is answered by the first ones; each holds some KiB.
pub const QUEUE_MAX: usize = 256;
/// Findings that are answered at the same time, so that an engine that hangs does not keep a process from being killed.
pub const LANES: usize = 3;
/// Undone, expired and ended responses are looked for so often.
pub(crate) const TICK: Duration = Duration::from_millis(200);
/// An engine that did not answer is not asked again for so long; what it could do is done without it.
pub(crate) const ENGINE_REST: Duration = Duration::from_secs(30);
/// A killed process ends when it next would run: at once, but for one in an uninterruptible wait.
pub(crate) const DEATH_WAIT: Duration = Duration::from_secs(2);
/// A cgroup freezes in milliseconds, unless a process of it waits for a disk.
pub(crate) const FREEZE_WAIT: Duration = Duration::from_secs(2);
/// The kernel's netlink answers come before the call returns; more than this is a broken kernel.
pub(crate) const NETLINK_WAIT_S: i64 = 2;
/// How far start times of one process may differ: `/proc` counts in hundredths of a second, and the two clocks are not
/// read at one instant. No process id comes round in so little time.
pub(crate) const START_TOLERANCE_NS: u64 = 50_000_000;
/// Clicks up to an ancestor of Seawall itself; as `event` keeps them.
pub(crate) const ANCESTORS_MAX: usize = 256;

/// Receipts of refusals a minute, or as many as there may be responses; further ones are counted, so that a storm of findings does not fill the disk.
pub const REFUSALS_PER_MINUTE: u32 = 60;
/// Receipts that are kept: the oldest that hold nothing go first. One has some 2 KiB.
pub const RECEIPTS_MAX: usize = 10_000;
/// Too many receipts are looked for so often.
pub(crate) const PRUNE_EVERY: Duration = Duration::from_secs(5 * 60);
/// A receipt is no larger than this; what is longer is not ours.
pub(crate) const RECEIPT_BYTES_MAX: u64 = 256 * 1024;
/// Kept for receipts when the disk is full: an attacker who fills it must not end the responses.
pub(crate) const RESERVE_BYTES: u64 = 1024 * 1024;
/// What is given up of it for one receipt: a few blocks of any file system.
pub(crate) const RESERVE_STEP_BYTES: u64 = 16 * 1024;
/// A text out of a finding, in a receipt.
pub(crate) const TEXT_BYTES_MAX: usize = 4 * 1024;
/// How long `undo` waits for the Seawall that holds the response, which looks every [`TICK`].
pub(crate) const UNDO_WAIT: Duration = Duration::from_secs(15);
/// How long whoever cleans up after a Seawall waits until the kernel has taken its lock away.
pub(crate) const LOCK_WAIT: Duration = Duration::from_secs(5);

/// A file of `/proc`, in evidence: memory maps of the largest processes have some MB.
pub(crate) const PROC_FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// An executable or a file that was dropped.
pub(crate) const EVIDENCE_FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// All files of one bundle together, before compression.
pub(crate) const BUNDLE_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Processes of a container whose state is kept, the one that the finding is about and its relatives first.
pub(crate) const BUNDLE_PROCESSES_MAX: usize = 256;
/// Open files of a process that are listed.
pub(crate) const DESCRIPTORS_MAX: usize = 4096;
/// Collecting evidence takes no longer; the process to be killed after it waits.
pub(crate) const CAPTURE_WAIT: Duration = Duration::from_secs(30);
/// All bundles together; the evidence directory is not ours alone, so nothing is removed from it.
pub(crate) const EVIDENCE_BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;

/// Recent events that wait for evidence: a hundred bytes to some KiB each.
pub const RECENT_EVENTS_MAX: usize = 4096;
/// All of them together.
pub const RECENT_BYTES_MAX: usize = 8 * 1024 * 1024;
