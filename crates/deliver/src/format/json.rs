//! Seawall's own JSON: the judged finding of `schema/finding.v1.json`, with host and time, on one line.

use std::borrow::Cow;

use seawall_policy::Judged;
use serde::Serialize;

use super::Room;
use crate::text::{self, cut};
use crate::{Delivery, Repeats};

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    time: String,
    host: &'a str,
    #[serde(flatten)]
    judged: &'a Judged,
    #[serde(skip_serializing_if = "Option::is_none")]
    repeats: Option<Repeats>,
}

pub(crate) fn line(delivery: &Delivery, room: Room) -> String {
    let line = Line {
        schema: "https://seawall.dev/schema/delivery.v1.json",
        time: delivery.time(),
        host: &delivery.host,
        judged: &within(&delivery.judged, room),
        repeats: delivery.repeats,
    };
    // Writing to memory fails for no value of these types.
    text::json(&line).unwrap_or_default()
}

/// The finding with shorter texts and fewer fields, where there is less room than it may take.
fn within(judged: &Judged, room: Room) -> Cow<'_, Judged> {
    if room.fields == usize::MAX {
        return Cow::Borrowed(judged);
    }
    let mut judged = judged.clone();
    let shorten = |text: &mut String| *text = cut(text, room.text).into_owned();
    let finding = &mut judged.finding;
    shorten(&mut finding.summary);
    shorten(&mut finding.remedy);
    finding.references.clear();
    finding.controls.truncate(room.fields);
    judged.reasons.truncate(room.fields);
    judged.reasons.iter_mut().for_each(shorten);
    if let seawall_finding::Evidence::Happened(happened) = &mut finding.evidence {
        happened.lineage.truncate(room.fields);
        happened.tags.truncate(room.fields);
        let texts = [&mut happened.output, &mut happened.about, &mut happened.rule];
        texts.into_iter().chain(&mut happened.lineage).chain(&mut happened.tags).for_each(shorten);
        happened.fields = std::mem::take(&mut happened.fields)
            .into_iter()
            .take(room.fields)
            .map(|(name, value)| {
                let value = match value {
                    seawall_finding::FieldValue::Text(text) => {
                        seawall_finding::FieldValue::Text(cut(&text, room.text).into_owned())
                    }
                    other @ (seawall_finding::FieldValue::Null
                    | seawall_finding::FieldValue::Bool(_)
                    | seawall_finding::FieldValue::Number(_)) => other,
                };
                (cut(&name, room.text).into_owned(), value)
            })
            .collect();
    }
    Cow::Owned(judged)
}
