//! Falco's line of text: time, priority, the rule's output and the fields of the container that Falco appends. Times are
//! UTC, as in Falco's own container.

use super::shown;
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
    let message = message(delivery);
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

/// What Falco appends to the output of rules for system calls, in its order.
const SUGGESTED: [&str; 6] = [
    "container.id",
    "container.name",
    "container.image.repository",
    "container.image.tag",
    "k8s.pod.name",
    "k8s.ns.name",
];

/// The output with what Falco appends, and with the count where it stands for several.
fn message(delivery: &Delivery) -> String {
    let mut message = delivery.output().to_owned();
    if let Some(suggested) = delivery.suggested() {
        for (name, value) in SUGGESTED.iter().filter_map(|name| Some((name, suggested.get(*name)?))) {
            message.push(' ');
            message.push_str(&name.replace('.', "_"));
            message.push('=');
            message.push_str(&shown(value));
        }
    }
    message.push_str(&delivery.counted());
    message
}
