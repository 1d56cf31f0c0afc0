//! The named limits of this crate, with their reasons.

use std::time::Duration;

/// A configuration file: real ones have kilobytes.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The mount table of a host with a thousand containers has about half a megabyte.
pub const MOUNTS_MAX: usize = 50_000;
/// Names read of one directory: `/proc` of a busy host has some ten thousand.
pub const NAMES_MAX: usize = 100_000;
/// Processes looked at.
pub const PROCESSES_MAX: usize = 50_000;
/// A command line.
pub const COMMAND_LINE_BYTES_MAX: u64 = 128 * 1024;
/// Lines of a unit, an audit rules file, an account file.
pub const LINES_MAX: usize = 200_000;
/// Drop-in files of one unit, rules files of the audit system.
pub const FRAGMENTS_MAX: usize = 500;
/// A line of a file that is shown as evidence.
pub const SHOWN_CHARS_MAX: usize = 300;
/// All questions to one engine together: a healthy one answers a thousand in a second, and one that hangs answers each
/// only when its client gives up.
pub const ASKING_MAX: Duration = Duration::from_secs(60);
/// Containers of one engine that are looked at.
pub const CONTAINERS_MAX: usize = 5_000;
/// Images of one engine that are looked at.
pub const IMAGES_MAX: usize = 5_000;
/// Certificates below `/etc/docker/certs.d`.
pub const CERTIFICATES_MAX: usize = 1_000;
/// A saved answer of `docker inspect`.
pub const SAVED_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Days of engine events that are asked for.
pub const EVENT_DAYS: i64 = 7;
/// Days after which rotated keys and certificates count as not rotated.
pub const ROTATION_DAYS_MAX: i64 = 90;
/// A rule of the audit system with its strings: the kernel makes none larger.
pub const AUDIT_RULE_BYTES_MAX: usize = 64 * 1024;
/// Messages in which the kernel lists its audit rules, one each.
pub const AUDIT_MESSAGES_MAX: usize = 20_000;
/// Backups of one file: nobody keeps more, and each is looked for by its number.
pub const BACKUPS_MAX: usize = 10_000;
