//! Seawall's own JSON: the judged finding of `schema/finding.v1.json`, with host and time, on one line.

use std::borrow::Cow;

use seawall_finding::Evidence;
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
        judged: &within(delivery, room),
        repeats: delivery.repeats,
    };
    // Writing to memory fails for no value of these types.
    text::json(&line).unwrap_or_default()
}

/// The finding with shorter texts and fewer fields, where there is less room than it may take.
fn within(delivery: &Delivery, room: Room) -> Cow<'_, Judged> {
    let mut told = delivery.judged.told();
    if room.fields == usize::MAX {
        return told;
    }
    let judged = told.to_mut();
    let shorten = |text: &mut String| *text = cut(text, room.text).into_owned();
    let finding = &mut judged.finding;
    shorten(&mut finding.summary);
    shorten(&mut finding.remedy);
    finding.references.clear();
    finding.controls.truncate(room.fields);
    judged.reasons.truncate(room.fields);
    judged.reasons.iter_mut().for_each(shorten);
    if let Evidence::Happened(happened) = &mut finding.evidence {
        happened.lineage.truncate(room.fields);
        happened.tags.truncate(room.fields);
        let texts = [&mut happened.output, &mut happened.about, &mut happened.rule];
        texts.into_iter().chain(&mut happened.lineage).chain(&mut happened.tags).for_each(shorten);
        if let Some(container) = &mut happened.container {
            [&mut container.id, &mut container.name, &mut container.image].into_iter().for_each(shorten);
        }
        happened.fields = room.fields(delivery).into_iter().collect();
    }
    told
}
