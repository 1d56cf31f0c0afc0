//! What a registry may make us wait, read and repeat, with the reasons.

use std::time::Duration;

/// Far registries answer within a second or two; a firewall that drops packets never does.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// A registry that must fetch the image itself (a pull-through cache) takes long to answer.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);
/// A stream that gives nothing for so long has died.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// A manifest or token that trickles in for longer, with its redirects and repetitions, is an attack.
pub(super) const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(120);
/// A line that stalls for shorter comes back: a radio link, a roaming laptop, a registry that restarts.
pub(super) const PACE_WINDOW: Duration = Duration::from_secs(60);
/// 1 kB a second: an eighth of an ISDN line.
pub(super) const PACE_BYTES_MIN: u64 = 60 * 1024;
/// Waiting that a blob of any size is granted.
pub(super) const BLOB_PATIENCE: Duration = Duration::from_secs(5 * 60);
/// Below 16 kB a second over a whole blob, an image of 100 MB would take two hours: nobody waits for that.
pub(super) const BLOB_RATE_MIN: u64 = 16 * 1024;
/// The largest layers (30 GB) need it at 3 Mbit/s; who states a larger size does not get longer.
pub(super) const BLOB_PATIENCE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A blob store behind a registry is one hop away, with a content network in front two.
pub(super) const REDIRECTS_MAX: u32 = 5;
/// Tries of one request: with the pauses below they bridge about ten seconds.
pub(super) const TRIES_MAX: u32 = 5;
/// The first pause before a repetition; each later one is twice as long.
pub(super) const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest `Retry-After` that is waited for; a longer one is told to the user, who may log in instead.
pub(super) const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Times that an interrupted blob is taken up again; a layer of 30 GB over a poor line needs a few.
pub(super) const RESUMES_MAX: u32 = 10;

/// Error answers: a JSON list of a few lines.
pub(super) const ERROR_BYTES_MAX: u64 = 64 * 1024;
/// Token answers: a JSON Web Token with its claims has some 5 kB.
pub(super) const TOKEN_BYTES_MAX: u64 = 1024 * 1024;
/// A bundle of all public certificate authorities has 250 kB.
pub(super) const CA_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// A token whose answer does not say how long it holds (distribution-spec: 60 seconds).
pub(super) const TOKEN_LIFE_DEFAULT: Duration = Duration::from_secs(60);
/// A token is renewed so long before it ends.
pub(super) const TOKEN_MARGIN: Duration = Duration::from_secs(10);
/// Referrers of one image: a release with signatures, SBOMs and scans has some tens.
pub(super) const REFERRERS_MAX: usize = 1000;
/// Pages of the list of referrers; a list without end is an attack on whoever waits for its end.
pub(super) const REFERRER_PAGES_MAX: usize = 100;
/// A piece of an upload: large enough that a layer of a gigabyte needs some sixty, small enough to be held in memory and
/// sent again.
pub(super) const PIECE_BYTES: u64 = 16 * 1024 * 1024;
