//! Falco's JSON, as programs that read Falco expect it: the same keys, sorted, on one line.

use std::collections::BTreeMap;

use seawall_finding::FieldValue;
use serde::Serialize;

use super::{Room, falco};
use crate::Delivery;
use crate::text;

/// The keys stand in the order in which Falco writes them.
#[derive(Serialize)]
struct Alert<'a> {
    hostname: &'a str,
    output: &'a str,
    output_fields: BTreeMap<String, FieldValue>,
    priority: &'static str,
    rule: &'a str,
    source: &'a str,
    tags: Vec<&'a str>,
    time: &'a str,
}

pub(crate) fn line(delivery: &Delivery, room: Room) -> String {
    let output = falco::line(delivery, falco::Clock::TimeOfDay);
    let mut fields: BTreeMap<String, FieldValue> = room.fields(delivery).into_iter().collect();
    let suggested = delivery.suggested().into_iter().flatten().take(room.fields);
    fields.extend(suggested.map(|(name, value)| (name.clone(), room.value(value.clone()))));
    fields.insert("evt.time".to_owned(), FieldValue::Number(delivery.time_ns));
    if let Some(repeats) = delivery.repeats {
        let count = i64::try_from(repeats.count).unwrap_or(i64::MAX);
        fields.insert("seawall.repeats".to_owned(), FieldValue::Number(count));
    }
    let rule = room.text(delivery.rule());
    let mut tags = delivery.tags();
    tags.truncate(room.fields);
    let alert = Alert {
        hostname: &room.text(&delivery.host),
        output: &room.text(&output),
        output_fields: fields,
        priority: delivery.priority().name(),
        rule: &rule,
        source: delivery.source(),
        tags: tags.into_iter().filter(|tag| tag.len() <= room.text).collect(),
        time: &delivery.time(),
    };
    // Writing to memory fails for no value of these types.
    text::json(&alert).unwrap_or_default()
}
