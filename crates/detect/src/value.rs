//! What a field is for an event, and what a condition is asked about.

use std::borrow::Cow;
use std::net::IpAddr;

use seawall_event::{AuditEvent, Event, EventType, Names, Process};

/// Something that rules judge.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Occurrence<'e> {
    Syscall(&'e Event),
    Audit(&'e AuditEvent),
}

impl<'e> Occurrence<'e> {
    /// The name of the process, where it is one that did it.
    pub(crate) fn process_name(self) -> Option<&'e str> {
        match self {
            Occurrence::Syscall(event) => event.process.as_deref()?.name.as_deref(),
            Occurrence::Audit(_) => None,
        }
    }
}

/// The value of a field.
#[derive(Debug)]
pub(crate) enum Value<'e> {
    /// The event does not have it, or nobody knows it.
    Absent,
    Text(Cow<'e, str>),
    Number(i64),
    Bool(bool),
    /// One address, or both sides' addresses of which one has to do.
    Addresses([Option<IpAddr>; 2]),
    /// Both sides' ports, of which one has to do.
    Ports([Option<u16>; 2]),
    Bytes(&'e [u8]),
    /// Names of an address that is known, perhaps none; one of them has to do.
    Names(&'e Names),
    Texts(Vec<Cow<'e, str>>),
    /// One text of each ancestor, of which one has to do.
    Ancestors(&'e Process, AncestorText),
    Type(EventType),
}

/// Which text of an ancestor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AncestorText {
    Name,
    Exe,
    ExePath,
    CommandLine,
    Environment,
}

impl AncestorText {
    pub(crate) fn of(self, process: &Process) -> Option<&str> {
        match self {
            AncestorText::Name => process.name.as_deref(),
            AncestorText::Exe => process.exe.as_deref(),
            AncestorText::ExePath => process.exe_path.as_deref(),
            AncestorText::CommandLine => process.command_line(),
            AncestorText::Environment => process.env_line(),
        }
    }
}

impl<'e> Value<'e> {
    /// A text that may not be known.
    #[inline]
    pub(crate) fn text(text: Option<&'e str>) -> Value<'e> {
        text.map_or(Value::Absent, |text| Value::Text(Cow::Borrowed(text)))
    }

    /// A text that was made for this.
    pub(crate) fn made(text: Option<String>) -> Value<'e> {
        text.map_or(Value::Absent, |text| Value::Text(Cow::Owned(text)))
    }

    /// A number that may not be known.
    #[inline]
    pub(crate) fn number(number: Option<i64>) -> Value<'e> {
        number.map_or(Value::Absent, Value::Number)
    }

    /// A time or size that may not be known.
    pub(crate) fn unsigned(number: Option<u64>) -> Value<'e> {
        number.map_or(Value::Absent, |number| Value::Number(i64::try_from(number).unwrap_or(i64::MAX)))
    }

    /// An answer that may not be known.
    #[inline]
    pub(crate) fn bool(answer: Option<bool>) -> Value<'e> {
        answer.map_or(Value::Absent, Value::Bool)
    }

    /// An address that may not be known.
    pub(crate) fn address(address: Option<IpAddr>) -> Value<'e> {
        address.map_or(Value::Absent, |address| Value::Addresses([Some(address), None]))
    }

    /// As an output shows it; `None` where it is absent.
    pub(crate) fn render(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Value::Absent => return None,
            Value::Text(text) => Cow::Borrowed(text),
            Value::Number(number) => Cow::Owned(number.to_string()),
            Value::Bool(answer) => Cow::Borrowed(if *answer { "true" } else { "false" }),
            Value::Addresses(addresses) => Cow::Owned(joined(addresses.iter().flatten(), "->")),
            Value::Ports(ports) => Cow::Owned(joined(ports.iter().flatten(), "->")),
            Value::Bytes(bytes) => String::from_utf8_lossy(bytes),
            Value::Names(names) => Cow::Borrowed(names.first()?),
            Value::Texts(texts) => Cow::Owned(format!("({})", joined(texts.iter(), ","))),
            Value::Ancestors(process, text) => {
                Cow::Owned(joined(process.ancestors().filter_map(|ancestor| text.of(ancestor)), "->"))
            }
            Value::Type(kind) => Cow::Borrowed(kind.name()),
        })
    }
}

fn joined(values: impl Iterator<Item = impl ToString>, between: &str) -> String {
    values.map(|value| value.to_string()).collect::<Vec<_>>().join(between)
}
