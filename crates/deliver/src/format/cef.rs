//! Common Event Format, version 0 (ArcSight): a head of seven parts between bars, then `key=value` pairs.

use seawall_finding::Priority;

use super::{Room, shown};
use crate::Delivery;
use crate::text::tame;

pub(crate) fn line(delivery: &Delivery, room: Room) -> String {
    let message = delivery.message();
    let mut line = format!(
        "CEF:0|Seawall|Seawall|{}|{}|{}|{}|",
        env!("CARGO_PKG_VERSION"),
        head(&room.text(&delivery.judged.finding.rule)),
        head(&room.text(delivery.rule())),
        severity(delivery.priority()),
    );
    let mut push = |key: &str, text: &str| line.push_str(&format!("{key}={} ", value(text)));
    push("rt", &delivery.time_ns.div_euclid(1_000_000).to_string());
    push("dvchost", &room.text(&delivery.host));
    push("externalId", &delivery.id());
    push("cat", delivery.source());
    push("act", &delivery.judged.verdict.to_string());
    push("msg", &room.text(&message));
    for (name, field) in room.fields(delivery) {
        // Keys of CEF are letters and digits.
        push(&name.replace(|c: char| !c.is_ascii_alphanumeric(), ""), &shown(&field));
    }
    line.trim_end().to_owned()
}

/// 0 to 10.
fn severity(priority: Priority) -> u8 {
    match priority {
        Priority::Debug => 0,
        Priority::Informational => 1,
        Priority::Notice => 3,
        Priority::Warning => 5,
        Priority::Error => 7,
        Priority::Critical => 8,
        Priority::Alert => 9,
        Priority::Emergency => 10,
    }
}

/// A part of the head: backslashes come first, because escapes begin with them.
fn head(text: &str) -> String {
    tame(text).replace('\\', "\\\\").replace('|', "\\|")
}

fn value(text: &str) -> String {
    tame(text).replace('\\', "\\\\").replace('=', "\\=")
}
