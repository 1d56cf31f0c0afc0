//! Fields of the event itself: `evt.*`, `fs.path.*`.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other fields are in the other files of this directory"
)]

use std::borrow::Cow;

use seawall_event::{ArgumentName, ArgumentValue, Event, error_name};

use super::{Argument, Field, FieldId};
use crate::clock;
use crate::value::Value;

pub(super) fn value<'e>(field: &'e Field, event: &'e Event) -> Value<'e> {
    match field.id {
        FieldId::EvtType => Value::Type(event.kind),
        FieldId::EvtIsOpenRead => Value::Bool(event.opens_for_reading()),
        FieldId::EvtIsOpenWrite => Value::Bool(event.opens_for_writing()),
        FieldId::EvtIsOpenExec => Value::Bool(event.opens_executable()),
        FieldId::EvtIsOpenCreate => Value::Bool(event.opens_to_create()),
        FieldId::EvtArg => argument(field, event).map_or(Value::Absent, |value| Value::Text(value.text())),
        FieldId::EvtRawArg => Value::number(argument(field, event).and_then(ArgumentValue::number)),
        FieldId::EvtRawRes => Value::number(event.result),
        FieldId::EvtRes => result(event),
        FieldId::EvtFailed => Value::Bool(event.result.is_some_and(|result| result < 0)),
        FieldId::EvtNum => Value::unsigned(Some(event.number)),
        FieldId::EvtCount => Value::Number(1),
        FieldId::EvtCpu => Value::number(event.cpu.map(i64::from)),
        FieldId::EvtDir => Value::text(Some("<")),
        FieldId::EvtSource => Value::text(Some("syscall")),
        FieldId::EvtHostname => Value::text(event.hostname.as_deref()),
        FieldId::EvtBuffer => event.data.as_deref().map_or(Value::Absent, Value::Bytes),
        FieldId::EvtBufferLength => Value::unsigned(event.data.as_ref().map(|data| data.len() as u64)),
        FieldId::EvtArgs => Value::made(Some(arguments(event))),
        FieldId::FsPathName => path(event, &[ArgumentName::Name, ArgumentName::Path, ArgumentName::Filename]),
        FieldId::FsPathSource => path(event, &[ArgumentName::Oldpath, ArgumentName::Linkpath]),
        FieldId::FsPathTarget => path(event, &[ArgumentName::Newpath, ArgumentName::Target]),
        id => time(id, event.time_ns),
    }
}

/// The fields that say when; every source has them.
pub(super) fn time<'e>(id: FieldId, time_ns: u64) -> Value<'e> {
    match id {
        FieldId::EvtTime => Value::made(Some(clock::time_of_day(time_ns))),
        FieldId::EvtTimeS => Value::made(Some(clock::time_of_day(time_ns)[..8].to_owned())),
        FieldId::EvtTimeIso => Value::made(Some(clock::rfc_3339(time_ns))),
        FieldId::EvtDateTime => Value::made(Some(clock::date_time(time_ns))),
        FieldId::EvtDateTimeS => Value::made(Some(clock::date_time(time_ns)[..19].to_owned())),
        FieldId::EvtRawTime => Value::unsigned(Some(time_ns)),
        FieldId::EvtRawTimeS => Value::unsigned(Some(time_ns / 1_000_000_000)),
        FieldId::EvtRawTimeNs => Value::unsigned(Some(time_ns % 1_000_000_000)),
        _ => Value::Absent,
    }
}

fn argument<'e>(field: &Field, event: &'e Event) -> Option<&'e ArgumentValue> {
    match &field.argument {
        Argument::Of(name) => event.argument(*name),
        Argument::Index(index) => event.arguments.get(*index).map(|argument| &argument.value),
        Argument::Key(_) | Argument::None => None,
    }
}

/// `SUCCESS`, `ENOENT`, or the number.
fn result(event: &Event) -> Value<'_> {
    match event.result {
        None => Value::Absent,
        Some(result) if result >= 0 => Value::text(Some("SUCCESS")),
        Some(result) => match error_name(result.saturating_neg()) {
            Some(name) => Value::text(Some(name)),
            None => Value::made(Some(result.to_string())),
        },
    }
}

/// `name=value name=value`.
fn arguments(event: &Event) -> String {
    let pair =
        |argument: &seawall_event::Argument| format!("{}={}", argument.name.name(), argument.value.text());
    event.arguments.iter().map(pair).collect::<Vec<_>>().join(" ")
}

fn path<'e>(event: &'e Event, names: &[ArgumentName]) -> Value<'e> {
    let value = names.iter().find_map(|name| event.argument(*name));
    value.map_or(Value::Absent, |value| match value.text() {
        Cow::Borrowed(text) => Value::text(Some(text)),
        Cow::Owned(text) => Value::made(Some(text)),
    })
}
