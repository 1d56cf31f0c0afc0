//! What an address, a token and a service may make us hold and wait for, with the reasons.

use std::time::Duration;

/// An address of a key: a dozen attributes of some ten characters, each perhaps in three.
pub(crate) const ADDRESS_BYTES_MAX: usize = 8 * 1024;
/// A PIN has at most some ten characters; the file has a line end too.
pub(crate) const PIN_BYTES_MAX: u64 = 1024;
/// Objects of a token that an error lists; a large HSM holds thousands.
pub(crate) const LISTED_MAX: usize = 20;
/// An HSM signs in some milliseconds, a service far away in a second; one that starts takes some more.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// To reach a service at all.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What a service says of a key: all its versions, each with a public key of a kilobyte at most.
pub(crate) const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// What of an answer is shown in an error.
pub(crate) const SHOWN_CHARS_MAX: usize = 300;
/// Vault takes requests of 32 MiB, and base64 makes four bytes of three.
pub(crate) const SENT_BYTES_MAX: usize = 20 * 1024 * 1024;
/// Certificates of authorities.
pub(crate) const CA_BYTES_MAX: u64 = 4 * 1024 * 1024;
