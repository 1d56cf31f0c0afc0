//! The two ways to write cases.

use std::rc::Rc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Alert, Case, Expected, TrialError};
use crate::diagnostic::shown;
use crate::limits;
use crate::replay::Observed;
use crate::source::{File, Style, Written};
use crate::yaml::{self, Node};

/// A case as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCase {
    name: Option<String>,
    /// With `fires`: the one rule that it is about.
    rule: Option<String>,
    fires: Option<bool>,
    #[serde(default)]
    before: Vec<Value>,
    event: Option<Value>,
    #[serde(default)]
    events: Vec<Value>,
    /// A recording, beside the file.
    capture: Option<String>,
    alerts: Option<WrittenAlerts>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenAlerts {
    /// `none`, or one rule.
    One(String),
    Several(Vec<WrittenAlert>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenAlert {
    Rule(String),
    Whole(WholeAlert),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WholeAlert {
    rule: String,
    #[serde(default)]
    fields: std::collections::BTreeMap<String, Value>,
    output: Option<String>,
}

/// The word for no alerts.
const NONE: &str = "none";

impl Case {
    /// Reads the cases of a file: JSON lines where it begins with `{`, else YAML. `capture` gives the text of a
    /// recording that a case names. A file of JSON lines may be a recording itself: then `alerts` are what is
    /// expected of it (`none` for nothing).
    ///
    /// # Errors
    /// The first thing that is no case; a file without any.
    pub fn read(
        file: &str,
        text: &str,
        alerts: &[String],
        capture: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Vec<Case>, TrialError> {
        let reader = Reader { file, capture };
        let is_lines = text.trim_start().starts_with('{');
        let cases = if is_lines { reader.lines(text, alerts)? } else { reader.yaml(text)? };
        match cases.as_slice() {
            [] => Err(reader.error(1, "this file has no cases")),
            _ => Ok(cases),
        }
    }
}

struct Reader<'r> {
    file: &'r str,
    capture: &'r dyn Fn(&str) -> Result<String, String>,
}

impl Reader<'_> {
    fn error(&self, line: usize, message: impl Into<String>) -> TrialError {
        TrialError { file: self.file.to_owned(), line, message: message.into() }
    }

    fn lines(&self, text: &str, alerts: &[String]) -> Result<Vec<Case>, TrialError> {
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let is_case = |json: &Value| ["rule", "alerts", "capture"].iter().any(|key| json.get(key).is_some());
        if !serde_json::from_str(first).is_ok_and(|json| is_case(&json)) {
            return Ok(vec![self.recording(text, alerts)?]);
        }
        let mut cases = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            if line.len() > limits::LINE_BYTES_MAX {
                let message = format!("a line has more than {} bytes", limits::LINE_BYTES_MAX);
                return Err(self.error(number + 1, message));
            }
            let json =
                serde_json::from_str(line).map_err(|error| self.error(number + 1, error.to_string()))?;
            cases.push(self.case(json, number + 1)?);
            self.bounded(cases.len(), limits::CASES_MAX, "cases", number + 1)?;
        }
        Ok(cases)
    }

    /// A recording with what is expected of it.
    fn recording(&self, text: &str, alerts: &[String]) -> Result<Case, TrialError> {
        if alerts.is_empty() {
            let message =
                "this is a recording; say with `--expect RULE` or `--expect none` what is expected of it";
            return Err(self.error(1, message));
        }
        let alert = |rule: &String| Alert { rule: rule.clone(), fields: Default::default(), output: None };
        let expected = alerts.iter().filter(|rule| *rule != NONE).map(alert).collect();
        let events = self.capture_of(text, self.file)?;
        Ok(Case { name: self.file.to_owned(), line: 1, events, expected: Expected::Alerts(expected) })
    }

    fn capture_of(&self, text: &str, file: &str) -> Result<Vec<Observed>, TrialError> {
        let mut events = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let read = Observed::read(line, events.len() as u64 + 1).map_err(|error| TrialError {
                file: file.to_owned(),
                line: number + 1,
                message: crate::diagnostic::chain(&error),
            })?;
            events.extend(read);
            self.bounded(events.len(), limits::CAPTURE_EVENTS_MAX, "events", number + 1)?;
        }
        Ok(events)
    }

    fn yaml(&self, text: &str) -> Result<Vec<Case>, TrialError> {
        if text.len() > limits::FILE_BYTES_MAX {
            return Err(self.error(1, format!("a file of cases may have {} bytes", limits::FILE_BYTES_MAX)));
        }
        let file = Rc::new(File::new(self.file, text));
        let mut broken = Vec::new();
        let items = yaml::items(&file, &mut broken);
        if let Some(diagnostic) = broken.into_iter().next() {
            return Err(self.error(diagnostic.line, diagnostic.message));
        }
        self.bounded(items.len(), limits::CASES_MAX, "cases", 1)?;
        items.iter().map(|item| self.case(json_of(item), item.place().line)).collect()
    }

    fn case(&self, json: Value, line: usize) -> Result<Case, TrialError> {
        let written: WrittenCase = serde_json::from_value(json)
            .map_err(|error| self.error(line, format!("this is no case: {error}")))?;
        let expected = match (written.rule, written.fires, written.alerts) {
            (Some(name), Some(fires), None) => Expected::Rule { name, fires },
            (None, None, Some(alerts)) => Expected::Alerts(alerts_of(alerts)),
            _ => {
                let message = "a case has `alerts`, or a `rule` and whether it `fires`";
                return Err(self.error(line, message));
            }
        };
        let name = written.name.unwrap_or_else(|| match &expected {
            Expected::Rule { name, fires: true } => format!("{name}: fires"),
            Expected::Rule { name, fires: false } => format!("{name}: near miss"),
            Expected::Alerts(_) => format!("line {line}"),
        });
        let mut events = match written.capture {
            None => Vec::new(),
            Some(capture) => {
                let text = (self.capture)(&capture).map_err(|reason| {
                    self.error(line, format!("cannot read {}: {reason}", shown(&capture)))
                })?;
                self.capture_of(&text, &capture)?
            }
        };
        let written = written.before.into_iter().chain(written.events).chain(written.event);
        for (at, json) in written.enumerate() {
            let read = Observed::of_json(json, at as u64 + 1).map_err(|error| {
                self.error(
                    line,
                    format!("event {} of the case: {}", at + 1, crate::diagnostic::chain(&error)),
                )
            })?;
            events.extend(read);
            self.bounded(at, limits::CASE_EVENTS_MAX, "events", line)?;
        }
        if events.is_empty() {
            return Err(self.error(line, "a case has an `event`, `events` or a `capture`"));
        }
        Ok(Case { name, line, events, expected })
    }

    fn bounded(&self, count: usize, max: usize, what: &str, line: usize) -> Result<(), TrialError> {
        if count > max {
            return Err(self.error(line, format!("there are more than {max} {what}")));
        }
        Ok(())
    }
}

fn alerts_of(written: WrittenAlerts) -> Vec<Alert> {
    let named = |rule| Alert { rule, fields: Default::default(), output: None };
    match written {
        WrittenAlerts::One(word) if word == NONE => Vec::new(),
        WrittenAlerts::One(rule) => vec![named(rule)],
        WrittenAlerts::Several(alerts) => alerts
            .into_iter()
            .map(|alert| match alert {
                WrittenAlert::Rule(rule) => named(rule),
                WrittenAlert::Whole(WholeAlert { rule, fields, output }) => Alert { rule, fields, output },
            })
            .collect(),
    }
}

/// YAML as JSON: plain scalars are what YAML 1.2's core schema makes of them. The tree is bounded.
fn json_of(node: &Node) -> Value {
    match node {
        Node::Scalar(written) => scalar(written),
        Node::Sequence(_, elements) => Value::Array(elements.iter().map(json_of).collect()),
        Node::Mapping(_, entries) => {
            let key = |node: &Node| node.scalar().map_or_else(String::new, |written| written.text.clone());
            Value::Object(
                entries.iter().map(|(name, value)| (key(name), json_of(value))).collect::<Map<_, _>>(),
            )
        }
    }
}

fn scalar(written: &Written) -> Value {
    let text = written.text.as_str();
    if written.style != Style::Plain {
        return Value::from(text);
    }
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        // `+1` and `0x1f` are texts here: in events they are far more often arguments.
        _ => match (text.parse::<i64>(), text.parse::<u64>()) {
            (Ok(number), _) if !text.starts_with('+') => Value::from(number),
            (_, Ok(number)) if !text.starts_with('+') => Value::from(number),
            _ => Value::from(text),
        },
    }
}
