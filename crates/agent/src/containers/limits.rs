//! What the look for a container may cost, and why.

use std::time::Duration;

/// Containers within containers: the third is already rare, and a path of 4 KiB holds sixty.
pub(super) const CLAIMS_MAX: usize = 8;

/// An id of containerd or a name of LXC; containerd's own limit is 76.
pub(super) const CONTAINER_ID_BYTES_MAX: usize = 128;

/// Cgroups that are remembered: a host with 1,000 containers of systemd has some 20,000, and a user who makes them
/// for fun is stopped by the kernel at 65,536 in a default slice.
pub(super) const CGROUPS_MAX: usize = 65_536;

/// Events arrive late, and a killed process's last ones after its cgroup is gone.
pub(super) const REMOVED_KEPT: Duration = Duration::from_secs(60);

/// How long a container is looked for before its events go on without image. Engines write their state before they
/// make the cgroup; only a loaded disk or a slow engine needs any of it.
pub(super) const LOOK_TIME_MAX: Duration = Duration::from_secs(2);

/// The first pause before a file is read again that was not there or half written; each further is twice as long.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(2);

/// Engines write the address of a container after its start; one more look finds it.
pub(super) const SECOND_LOOK_AFTER: Duration = Duration::from_secs(1);

/// Containers that wait to be looked for: a machine that starts all its containers at once has a thousand.
pub(super) const QUEUE_MAX: usize = 4096;

/// State of one container: real ones have up to 100 KB (a seccomp profile and hundreds of mounts).
pub(super) const STATE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Lists of all images or containers of an engine: 10,000 images have about 5 MB.
pub(super) const LIST_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Mounts of a container that are kept.
pub(super) const MOUNTS_MAX: usize = 256;

/// Labels of a container or pod that are kept.
pub(super) const LABELS_MAX: usize = 256;

/// A label's value that is kept: kubectl writes whole manifests into annotations. Falco keeps 100 bytes.
pub(super) const LABEL_BYTES_MAX: usize = 1024;

/// Names in a directory that are looked at: containerd's namespaces, Docker's mapped roots.
pub(super) const NAMES_MAX: usize = 256;

/// Users with engines of their own that are kept in mind.
pub(super) const USERS_MAX: usize = 256;

/// Directories below a cgroup that are walked at the start.
pub(super) const CGROUP_DEPTH_MAX: usize = 32;

/// `/proc/PID/cgroup`: fourteen hierarchies with paths of 4 KiB.
pub(super) const PROC_BYTES_MAX: u64 = 64 * 1024;

/// Distinct gaps that are kept apart; the rest is counted together.
pub(super) const GAPS_MAX: usize = 64;

/// Places that engines say they keep their state in: each says one.
pub(super) const STORES_MAX: usize = 16;

/// The answer of a network plugin: Falco cuts it there, which leaves no JSON; a longer one is left out.
pub(super) const CNI_BYTES_MAX: usize = 4096;

/// A name, a path or another text that is kept: Linux's own limit for paths.
pub(super) const TEXT_BYTES_MAX: usize = 4096;

/// Between two tries to listen to an engine that is not there.
pub(super) const LISTEN_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Containers that engines have announced and no cgroup was seen of: most are seen within a second.
pub(super) const ANNOUNCED_MAX: usize = 1024;
