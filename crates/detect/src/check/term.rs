//! What has a value for an event: a field, or something made from fields.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::expr::Function;
use crate::fields::Field;
use crate::value::{Occurrence, Value};

/// A field or a call.
#[derive(Debug, PartialEq)]
pub(crate) enum Term {
    Field(Field),
    Call(Function, Vec<Term>),
    Constant(String),
    List(Vec<Term>),
}

impl Term {
    /// Whether it looks at a field of which this holds.
    pub(crate) fn looks_at(&self, is_it: &impl Fn(&Field) -> bool) -> bool {
        match self {
            Term::Field(field) => is_it(field),
            Term::Constant(_) => false,
            Term::List(terms) | Term::Call(_, terms) => terms.iter().any(|term| term.looks_at(is_it)),
        }
    }

    #[inline]
    pub(crate) fn value<'e>(&'e self, occurrence: Occurrence<'e>) -> Value<'e> {
        match self {
            Term::Field(field) => field.value(occurrence),
            Term::Constant(text) => Value::Text(Cow::Borrowed(text)),
            Term::List(terms) => {
                let texts = terms.iter().map(|term| made(&term.value(occurrence))).collect::<Option<_>>();
                texts.map_or(Value::Absent, Value::Texts)
            }
            Term::Call(function, arguments) => call(*function, arguments, occurrence),
        }
    }
}

fn call<'e>(function: Function, arguments: &'e [Term], occurrence: Occurrence<'e>) -> Value<'e> {
    let Some(first) = arguments.first() else { return Value::Absent };
    let value = first.value(occurrence);
    match function {
        Function::Value => value,
        Function::Lower => each_text(value, |text| Some(text.to_ascii_lowercase())),
        Function::Upper => each_text(value, |text| Some(text.to_ascii_uppercase())),
        Function::BaseName => each_text(value, |text| text.rsplit('/').next().map(str::to_owned)),
        Function::Base64 => each_text(value, |text| {
            STANDARD.decode(text.trim()).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        }),
        Function::Length => length(&value),
        Function::Join => join(&value, arguments.get(1).map(|list| list.value(occurrence))),
        Function::Concat => {
            let parts: Option<String> =
                arguments.iter().map(|part| made(&part.value(occurrence)).map(Cow::into_owned)).collect();
            Value::made(parts)
        }
        Function::GetOpt => Value::Absent,
    }
}

/// A value's own copy of its text.
fn made<'e>(value: &Value<'_>) -> Option<Cow<'e, str>> {
    value.render().map(|text| Cow::Owned(text.into_owned()))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the builder lets only texts come here")]
fn each_text<'e>(value: Value<'e>, change: impl Fn(&str) -> Option<String>) -> Value<'e> {
    match value {
        Value::Text(text) => Value::made(change(&text)),
        Value::Texts(texts) => {
            let changed = texts.iter().map(|text| change(text).map(Cow::Owned)).collect::<Option<_>>();
            changed.map_or(Value::Absent, Value::Texts)
        }
        Value::Names(names) => Value::made(names.first().and_then(change)),
        Value::Bytes(bytes) => Value::made(change(&String::from_utf8_lossy(bytes))),
        _ => Value::Absent,
    }
}

/// Bytes of a text, elements of a list.
#[expect(clippy::wildcard_enum_match_arm, reason = "the builder lets nothing else come here")]
fn length<'e>(value: &Value<'_>) -> Value<'e> {
    match value {
        Value::Text(text) => Value::unsigned(Some(text.len() as u64)),
        Value::Texts(texts) => Value::unsigned(Some(texts.len() as u64)),
        Value::Names(names) => Value::unsigned(names.first().map(|name| name.len() as u64)),
        Value::Bytes(bytes) => Value::unsigned(Some(bytes.len() as u64)),
        Value::Ancestors(process, text) => {
            Value::unsigned(Some(process.ancestors().filter_map(|up| text.of(up)).count() as u64))
        }
        _ => Value::Absent,
    }
}

fn join<'e>(separator: &Value<'_>, list: Option<Value<'_>>) -> Value<'e> {
    let Value::Text(separator) = separator else { return Value::Absent };
    match list {
        Some(Value::Texts(texts)) => Value::made(Some(texts.join(separator.as_ref()))),
        Some(other) => Value::made(other.render().map(Cow::into_owned)),
        None => Value::Absent,
    }
}
