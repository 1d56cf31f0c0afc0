//! Falco's line of text: time, priority and the rule's output. Times are UTC, as in Falco's own container.

use crate::Delivery;
use crate::text::push_tame;

/// How the line tells the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// `10:15:00.123456789`.
    TimeOfDay,
    /// `2026-11-28T10:15:00.123456789+0000`, Falco's `time_format_iso_8601`.
    Iso8601,
}

pub(crate) fn line(delivery: &Delivery, clock: Clock) -> String {
    let time = delivery.time();
    let message = delivery.message();
    let mut line = String::with_capacity(message.len() + 64);
    match (clock, time.split_once('T')) {
        (Clock::TimeOfDay, Some((_, of_day))) => line.push_str(of_day.trim_end_matches('Z')),
        (Clock::TimeOfDay | Clock::Iso8601, _) => {
            line.push_str(time.trim_end_matches('Z'));
            line.push_str("+0000");
        }
    }
    line.push_str(": ");
    line.push_str(delivery.priority().name());
    line.push(' ');
    push_tame(&mut line, &message);
    line
}
