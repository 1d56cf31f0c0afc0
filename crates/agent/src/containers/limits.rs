//! What the look for a container may cost, and why.

/// Containers within containers: the third is already rare, and a path of 4 KiB holds sixty.
pub(super) const CLAIMS_MAX: usize = 8;

/// An id of containerd or a name of LXC; containerd's own limit is 76.
pub(super) const CONTAINER_ID_BYTES_MAX: usize = 128;
