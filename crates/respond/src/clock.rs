//! The two clocks: the time of day, and how long the machine runs.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

type Read<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// The clocks, as arguments.
#[derive(Clone)]
pub struct Clock {
    now: Read<SystemTime>,
    since_start: Read<Duration>,
}

impl Clock {
    /// The machine's own clocks.
    pub fn system() -> Clock {
        Clock::new(SystemTime::now, || {
            let time = clock_gettime(ClockId::Boottime);
            let seconds = Duration::from_secs(time.tv_sec.unsigned_abs());
            seconds.saturating_add(Duration::from_nanos(time.tv_nsec.unsigned_abs()))
        })
    }

    /// Clocks that say the time of day, and how long the machine runs, the time asleep included.
    pub fn new(
        now: impl Fn() -> SystemTime + Send + Sync + 'static,
        since_start: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Clock {
        Clock { now: Arc::new(now), since_start: Arc::new(since_start) }
    }

    /// The time of day.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::try_from((self.now)()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// A time that does not jump, for waiting and counting.
    pub(crate) fn since_start(&self) -> Duration {
        (self.since_start)()
    }

    /// When the machine started by today's clock, nanoseconds since 1970.
    pub(crate) fn machine_started_ns(&self) -> u64 {
        let now = self.now().as_nanosecond();
        let running = i128::try_from(self.since_start().as_nanos()).unwrap_or(i128::MAX);
        u64::try_from(now.saturating_sub(running)).unwrap_or(0)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
