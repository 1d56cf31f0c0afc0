//! The formats of one finding on one line, by name.

mod cef;
mod falco;
mod falco_json;
mod json;
mod leef;
mod ocsf;

use std::fmt;
use std::str::FromStr;

use seawall_finding::FieldValue;

use crate::Delivery;
use crate::limits::{FIELDS_KEPT, LINE_BYTES_MIN, STRUCTURED_BYTES_MIN, TEXT_BYTES};
use crate::text::cut;

/// A format of one line for each finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Falco's text: `10:15:00.123456789: Warning Sensitive file opened …`. Times are UTC.
    Falco,
    /// Falco's text with `time_format_iso_8601`: `2026-11-28T10:15:00.123456789+0000: Warning …`.
    FalcoIso,
    /// Falco's JSON.
    FalcoJson,
    /// Seawall's own JSON (`schema/finding.v1.json` with host and time).
    Json,
    /// Open Cybersecurity Schema Framework 1.4, class Detection Finding (2004).
    Ocsf,
    /// Common Event Format, version 0.
    Cef,
    /// Log Event Extended Format 2.0.
    Leef,
}

/// Why a text is not a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a format; use one of: {names}", names = Format::names())]
pub struct FormatError(String);

impl Format {
    /// Every format with its name.
    pub const ALL: &[(&'static str, Format)] = &[
        ("falco", Format::Falco),
        ("falco-iso", Format::FalcoIso),
        ("falco-json", Format::FalcoJson),
        ("json", Format::Json),
        ("ocsf", Format::Ocsf),
        ("cef", Format::Cef),
        ("leef", Format::Leef),
    ];

    fn names() -> String {
        Format::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    /// The shortest bound of a line that makes sense, bytes.
    pub(crate) fn line_bytes_min(self) -> usize {
        match self {
            Format::Falco | Format::FalcoIso => LINE_BYTES_MIN,
            Format::FalcoJson | Format::Json | Format::Ocsf | Format::Cef | Format::Leef => {
                STRUCTURED_BYTES_MIN
            }
        }
    }

    /// One finding as one line without line break, at most `bytes_max` long. What is too long is cut where a reader
    /// can tell: texts end in `…`, and JSON stays JSON.
    pub fn line(self, delivery: &Delivery, bytes_max: usize) -> String {
        match self {
            Format::Falco => cut(&falco::line(delivery, falco::Clock::TimeOfDay), bytes_max).into_owned(),
            Format::FalcoIso => cut(&falco::line(delivery, falco::Clock::Iso8601), bytes_max).into_owned(),
            Format::FalcoJson => fitting(delivery, bytes_max, falco_json::line),
            Format::Json => fitting(delivery, bytes_max, json::line),
            Format::Ocsf => fitting(delivery, bytes_max, ocsf::line),
            Format::Cef => fitting(delivery, bytes_max, cef::line),
            Format::Leef => fitting(delivery, bytes_max, leef::line),
        }
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Format, FormatError> {
        let found = Format::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, format)| *format).ok_or_else(|| FormatError(cut(text, 100).into_owned()))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Format::ALL.iter().find(|(_, format)| format == self);
        f.write_str(found.map_or("", |(name, _)| name))
    }
}

/// How much of a finding a line may show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Bytes of each text.
    text: usize,
    /// How many fields.
    fields: usize,
}

impl Room {
    /// As much as a finding may have.
    pub(crate) const FULL: Room = Room { text: TEXT_BYTES[0], fields: usize::MAX };

    /// A text of the finding.
    fn text(self, text: &str) -> std::borrow::Cow<'_, str> {
        cut(text, self.text)
    }

    /// The finding's fields.
    pub(crate) fn fields(self, delivery: &Delivery) -> Vec<(String, FieldValue)> {
        let mut fields = delivery.fields();
        fields.truncate(self.fields);
        fields.into_iter().map(|(name, field)| (self.text(&name).into_owned(), self.value(field))).collect()
    }

    /// A value of a field.
    fn value(self, value: FieldValue) -> FieldValue {
        match value {
            FieldValue::Text(text) if text.len() > self.text => {
                FieldValue::Text(self.text(&text).into_owned())
            }
            FieldValue::Text(_) | FieldValue::Null | FieldValue::Bool(_) | FieldValue::Number(_) => value,
        }
    }
}

/// The line with as much as fits: texts and fields get less until it does. Where nothing of the format does, it is
/// Falco's JSON with the least, which always fits.
fn fitting(delivery: &Delivery, bytes_max: usize, line: fn(&Delivery, Room) -> String) -> String {
    let less = TEXT_BYTES[1..].iter().map(|text| Room { text: *text, fields: FIELDS_KEPT });
    let least = Room { text: TEXT_BYTES[TEXT_BYTES.len() - 1] / 2, fields: 0 };
    let rooms = std::iter::once(Room::FULL).chain(less).chain([least]);
    let mut lines = rooms.map(|room| line(delivery, room));
    let fits = lines.find(|line| line.len() <= bytes_max);
    fits.unwrap_or_else(|| falco_json::line(delivery, least))
}

/// A value as text; an absent one as Falco has it.
fn shown(value: &FieldValue) -> String {
    match value {
        FieldValue::Null => "<NA>".to_owned(),
        FieldValue::Bool(answer) => answer.to_string(),
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Text(text) => text.clone(),
    }
}

#[cfg(test)]
mod tests;
