//! Outputs: sentences with fields in them.

use std::collections::BTreeMap;

use seawall_finding::FieldValue;

use crate::check::{Problem, Term, field_of, term_of};
use crate::expr::{FieldName, Operand};
use crate::fields::{self, Field, Source};
use crate::limits;
use crate::parser;
use crate::value::{Occurrence, Value};

/// A sentence with fields in it.
#[derive(Debug)]
pub struct Template {
    /// As it was written.
    pub text: String,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    /// How it is written, and what it is.
    Value(String, Term),
}

/// What older rule files write for "the usual of the container". Falco makes nothing of it since it appends that by itself.
const CONTAINER_INFO: &str = "container.info";

/// What stands for an absent field.
const ABSENT: &str = "<NA>";

impl Template {
    /// Reads an output. `%proc.name`, `%evt.arg[0]`, `%tolower(proc.name)`; `%%` is a percent sign, and a `*` at the
    /// beginning, which asks to print even where fields are absent, changes nothing: that is always so.
    pub(crate) fn parse(text: &str, source: Source) -> Result<Template, Problem> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut at = if text.starts_with('*') { 1 } else { 0 };
        while let Some(character) = text[at..].chars().next() {
            if character != '%' {
                literal.push(character);
                at += character.len_utf8();
                continue;
            }
            let rest = &text[at + 1..];
            if rest.starts_with('%') {
                literal.push('%');
                at += 2;
                continue;
            }
            if source == Source::Syscall && rest.starts_with(CONTAINER_INFO) {
                at += 1 + CONTAINER_INFO.len();
                continue;
            }
            let (name, value, length) = value_at_start(rest, source).map_err(|mut problem| {
                problem.at += at + 1;
                problem
            })?;
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal)));
            }
            parts.push(Part::Value(name, value));
            at += 1 + length;
        }
        if !literal.is_empty() {
            parts.push(Part::Text(literal));
        }
        Ok(Template { text: text.to_owned(), parts })
    }

    /// The sentence for an event, without control characters.
    pub(crate) fn render(&self, occurrence: Occurrence<'_>) -> String {
        let mut rendered = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => rendered.push_str(text),
                Part::Value(_, value) => {
                    let value = value.value(occurrence);
                    push_printable(&mut rendered, value.render().as_deref().unwrap_or(ABSENT));
                }
            }
            if rendered.len() > limits::OUTPUT_BYTES_MAX {
                rendered.truncate(rendered.floor_char_boundary(limits::OUTPUT_BYTES_MAX));
                rendered.push('…');
                break;
            }
        }
        rendered
    }

    /// Whether it shows a field of which this holds.
    pub(crate) fn looks_at(&self, is_it: &impl Fn(&Field) -> bool) -> bool {
        let looks = |part: &Part| matches!(part, Part::Value(_, term) if term.looks_at(is_it));
        self.parts.iter().any(looks)
    }

    /// Its fields with their values.
    pub(crate) fn values(&self, occurrence: Occurrence<'_>) -> BTreeMap<String, FieldValue> {
        let value = |part: &Part| match part {
            Part::Text(_) => None,
            Part::Value(name, value) => Some((name.clone(), field_value(&value.value(occurrence)))),
        };
        self.parts.iter().filter_map(value).collect()
    }
}

/// A value as a finding keeps it.
#[expect(clippy::wildcard_enum_match_arm, reason = "everything else is kept as its text")]
fn field_value(value: &Value<'_>) -> FieldValue {
    match value {
        Value::Absent => FieldValue::Null,
        Value::Number(number) => FieldValue::Number(*number),
        Value::Bool(answer) => FieldValue::Bool(*answer),
        other => {
            let text = other.render().unwrap_or_default();
            FieldValue::Text(text[..text.floor_char_boundary(limits::FIELD_BYTES_MAX)].to_owned())
        }
    }
}

/// The field or call behind a percent sign: how it is written, what it is, how long it is.
fn value_at_start(rest: &str, source: Source) -> Result<(String, Term, usize), Problem> {
    let name_end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let call = rest[name_end..].starts_with('(').then(|| parser::call_at_start(rest)).flatten();
    if let Some((call, length)) = call {
        let (term, _) = term_of(&call, source)?;
        return Ok((rest[..length].to_owned(), term, length));
    }
    let Some((mut field, mut length)) = parser::field_at_start(rest) else {
        return Err(Problem {
            at: 0,
            message: "expected a field behind `%`".to_owned(),
            help: "write `%%` for a percent sign".to_owned(),
            is_unknown: false,
        });
    };
    if field.argument.is_none() {
        length = fields::longest_known(&field.name, source);
        field = FieldName { name: field.name[..length].to_owned(), argument: None, at: 0 };
    }
    field_of(&field, source)?;
    let (term, _) = term_of(&Operand::Field(field), source)?;
    Ok((rest[..length].to_owned(), term, length))
}

/// A text without what a terminal obeys, at most so long.
pub(crate) fn printable(text: &str, bytes_max: usize) -> String {
    let mut rendered = String::new();
    push_printable(&mut rendered, &text[..text.floor_char_boundary(bytes_max)]);
    rendered
}

/// Appends a text that may come from an attacker: a terminal must not obey it, and a line must stay one.
fn push_printable(rendered: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '\n' => rendered.push_str("\\n"),
            '\r' => rendered.push_str("\\r"),
            '\t' => rendered.push_str("\\t"),
            control if control.is_control() || is_reordering(control) => {
                rendered.extend(control.escape_unicode());
            }
            other => rendered.push(other),
        }
    }
}

/// Marks that make a terminal show other text than is there.
fn is_reordering(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
}
