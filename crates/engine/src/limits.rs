//! The named limits of this crate, with their reasons.

use std::time::Duration;

/// A local engine accepts at once; a full backlog means that it hangs.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A list or an inspection of a busy engine with thousands of containers takes seconds, not minutes.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// A pause or a stop without grace of a local engine takes a tenth of a second; whoever has to wait longer does it
/// without the engine.
pub const CONTROL_TIMEOUT: Duration = Duration::from_secs(5);
/// Docker before 25 writes the whole archive to its disk before it sends the first byte of an export.
pub const EXPORT_START_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// A stream that gives nothing for so long has died.
pub const READ_TIMEOUT: Duration = Duration::from_secs(120);

/// The largest JSON answer: 10,000 containers with their labels have about 30 MB.
pub const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The part of an error message that is read and shown.
pub const ERROR_BYTES_MAX: u64 = 16 * 1024;
/// The largest gRPC message taken; containerd's own default is 16 MiB for what it receives and no limit for lists.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The flow-control window of a gRPC stream: blobs are sent in messages of up to 1 MiB.
pub const WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// The largest TLS file (certificate bundle or key) read.
pub const PEM_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The longest container or image name sent to an engine.
pub const NAME_BYTES_MAX: usize = 1024;
/// One event of an engine: it has the labels of its container.
pub const EVENT_BYTES_MAX: u64 = 1024 * 1024;
/// An engine on which nothing is created says nothing; after so long it is asked whether it is still there.
pub const SILENCE_MAX: Duration = Duration::from_secs(15 * 60);
