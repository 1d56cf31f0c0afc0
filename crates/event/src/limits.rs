//! Every limit of this crate with its reason.

/// Ancestors that are looked at: a real chain has some ten, a fork bomb has as many as there are pids.
pub const ANCESTORS_MAX: usize = 128;

/// Bytes of one Kubernetes audit event: the API server truncates an event at 100 KiB by default and accepts
/// requests of up to 1.5 MiB, which an event may hold twice.
pub const AUDIT_EVENT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Values (numbers, texts, lists, objects) of one Kubernetes audit event: the largest pods have some thousand, a list of a
/// thousand pods some hundred thousand. An object with one member takes 100 times its text in memory.
pub const AUDIT_EVENT_VALUES_MAX: usize = 200_000;

/// Bytes of one request of the audit webhook: the API server makes batches of at most 10 MiB.
pub const AUDIT_BATCH_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Events of one such request: the API server sends 400 by default.
pub const AUDIT_BATCH_EVENTS_MAX: usize = 20_000;
