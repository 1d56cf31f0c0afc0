//! Log Event Extended Format 2.0 (QRadar): a head between bars, then `key=value` pairs between tabs.

use super::{Room, shown};
use crate::Delivery;
use crate::text::tame;

pub(crate) fn line(delivery: &Delivery, room: Room) -> String {
    let message = delivery.message();
    let rule = tame(&room.text(&delivery.judged.finding.rule)).replace(['|', '\\'], "_");
    // The `x09` says that a tab stands between the pairs.
    let mut line = format!("LEEF:2.0|Seawall|Seawall|{}|{rule}|x09|", env!("CARGO_PKG_VERSION"));
    let mut push = |key: &str, text: &str| line.push_str(&format!("{key}={}\t", tame(text)));
    push("devTime", &delivery.time_ns.div_euclid(1_000_000).to_string());
    push("sev", &(u8::try_from(delivery.priority() as usize).unwrap_or(0) + 1).to_string());
    push("cat", delivery.source());
    push("identHostName", &room.text(&delivery.host));
    push("ruleName", &room.text(delivery.rule()));
    push("verdict", &delivery.judged.verdict.to_string());
    push("msg", &room.text(&message));
    for (name, field) in room.fields(delivery) {
        push(&name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "_"), &shown(&field));
    }
    line.trim_end().to_owned()
}
