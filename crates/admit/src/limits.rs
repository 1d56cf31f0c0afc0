//! What a request may make us hold, ask and wait for, with the reasons.

use std::time::Duration;

/// Different images of one request: a pod with its init and ephemeral containers has some ten.
pub const IMAGES_MAX: usize = 100;
/// Names under which an engine knows one image, of which each may cost a registry's answer.
pub(crate) const CANDIDATES_MAX: usize = 16;
/// Images that are being verified at the same time in the whole process: each has a thread and a connection.
pub(crate) const VERIFICATIONS_MAX: usize = 64;
/// A text of somebody else that is told on.
pub(crate) const TOLD_CHARS_MAX: usize = 300;
/// Reasons in one answer.
pub(crate) const REASONS_MAX: usize = 10;

/// How long "not trusted" is remembered: a controller that tries again all the time must not keep the registry busy, and
/// whoever signs late must not wait.
pub(crate) const REFUSED_FOR: Duration = Duration::from_secs(10);
/// How long "could not be verified" is remembered.
pub(crate) const UNKNOWN_FOR: Duration = Duration::from_secs(2);
/// The longest that a verified image may be remembered, whatever the policy says: a revocation by an authority shows
/// only when it is verified again.
pub(crate) const CACHE_MINUTES_MAX: u32 = 7 * 24 * 60;
/// Verified images that are remembered: each has about 1 kB, in memory and on disk.
pub(crate) const REMEMBERED_MAX: usize = 10_000;
/// The file of one verified image: an index of a hundred platforms has 10 kB of digests.
pub(crate) const REMEMBERED_BYTES_MAX: u64 = 64 * 1024;
/// Local ids that one remembered digest may cover: the platforms of an index.
pub(crate) const COVERED_MAX: usize = 200;
/// What went wrong with the cache and was not told yet.
pub(crate) const GAPS_MAX: usize = 100;

/// Images of an index that are looked at to find the one that an engine has.
pub(crate) const INDEX_IMAGES_MAX: usize = 200;

/// The head of an HTTP request.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Headers of an HTTP request.
pub(crate) const HEADERS_MAX: usize = 100;
/// The body of a request: Kubernetes' objects have at most 1.5 MiB in etcd, and an update carries two; Docker shows at
/// most 1 MiB, which is base64 here.
pub(crate) const BODY_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Bodies that are being read and judged at the same time, of all connections: some hundred pods as they usually are, or
/// two of the largest. One that finds no room is answered 503, which the other side takes for a refusal.
pub(crate) const BODIES_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Connections at the same time; more are closed at once, which the other side takes for a refusal.
pub(crate) const CONNECTIONS_MAX: usize = 256;
/// A connection on which no further request begins in so long is closed.
pub(crate) const IDLE: Duration = Duration::from_secs(90);
/// A request must be there in so long, of a new connection with the handshake, and its answer taken in so long again.
pub(crate) const TRANSFER: Duration = Duration::from_secs(10);

/// Certificates and keys.
pub(crate) const PEM_BYTES_MAX: u64 = 1024 * 1024;
/// How long a decision may take where nobody says: containerd and Kubernetes wait ten seconds.
pub const DECIDE_WITHIN: Duration = Duration::from_secs(8);
/// The part of the other side's patience that is used, in percent: an answer that explains itself must come first.
pub(crate) const PATIENCE_PERCENT: u32 = 80;
/// The longest that Kubernetes lets an API server wait for a webhook.
pub(crate) const PATIENCE_MAX: Duration = Duration::from_secs(30);
/// Containers and volumes of one pod.
pub(crate) const CONTAINERS_MAX: usize = 1000;
/// Binds, mounts and devices of one container.
pub(crate) const MOUNTS_MAX: usize = 1000;
/// What a hook or a verifier reads on standard input: a state and a descriptor have a few kilobytes.
pub const INPUT_BYTES_MAX: u64 = 1024 * 1024;
/// podman's lists of containers and images: ten thousand have about 30 MB.
pub(crate) const STORAGE_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// A verifier's reason: containerd reads no more (`pkg/imageverifier/bindir`).
pub(crate) const REASON_BYTES_MAX: usize = 16 * 1024;
