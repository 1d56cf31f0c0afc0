//! Time since the machine started → time since 1970.

use rustix::time::{ClockId, clock_gettime};

/// The distance of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    /// Nanoseconds since 1970 when the machine started.
    start_ns: u64,
}

impl Clock {
    /// A machine that started then.
    pub(crate) const fn started_at(start_ns: u64) -> Self {
        Self { start_ns }
    }

    /// Of this machine, as both clocks stand now.
    pub(crate) fn of_this_machine() -> Self {
        Self::started_at(nanoseconds(ClockId::Realtime).saturating_sub(nanoseconds(ClockId::Boottime)))
    }

    /// Whether the machine's clock was set in between: by more than what two looks differ anyway.
    pub(super) fn is_another(self, other: Self) -> bool {
        self.start_ns.abs_diff(other.start_ns) > 100_000_000
    }

    /// Nanoseconds since 1970 now.
    pub(crate) fn now_ns(self) -> u64 {
        self.time_ns(nanoseconds(ClockId::Boottime))
    }

    /// Nanoseconds since 1970.
    pub(crate) fn time_ns(self, boot_ns: u64) -> u64 {
        self.start_ns.saturating_add(boot_ns)
    }
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let (seconds, rest) = (u64::try_from(time.tv_sec).unwrap_or(0), u64::try_from(time.tv_nsec).unwrap_or(0));
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}
