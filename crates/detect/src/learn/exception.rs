//! Findings → exceptions of their rules, in Falco's language.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{literal, quoted, word_of};
use crate::expr::FieldName;
use crate::fields::{self, Source};
use crate::limits;
use crate::value::Occurrence;

/// What was excepted so far: by rule, then by the fields and values that tell who did it.
#[derive(Debug, Clone, Default)]
pub(super) struct Exceptions {
    rules: BTreeMap<String, BTreeMap<Who, Objects>>,
    values: usize,
    left_out: u64,
}

/// Fields with their values: where, and by which program.
type Who = Vec<(&'static str, String)>;

/// Fields of what it was done to, with the values seen; no fields where nothing tells it.
type Objects = BTreeMap<Vec<&'static str>, BTreeSet<Vec<String>>>;

/// So many different objects of one kind are listed; of more, what they begin with is.
const OBJECTS_LISTED_MAX: usize = 8;

/// Longer values would pin the exception to one invocation.
const VALUE_BYTES_MAX: usize = 512;

impl Exceptions {
    pub(super) fn add(&mut self, rule: &str, occurrence: Occurrence<'_>) {
        if self.values >= limits::LEARNED_MAX {
            self.left_out += 1;
            return;
        }
        let (who, what) = match occurrence {
            Occurrence::Syscall(_) => (
                [
                    &["container.image.repository", "container.name", "container.id"][..],
                    &["proc.exepath", "proc.name"],
                ],
                &[
                    &["dns.domain"][..],
                    &["fd.sip", "fd.sport"],
                    &["fd.name"],
                    &["fs.path.name"],
                    &["evt.arg.target"],
                    &["proc.cmdline"],
                ][..],
            ),
            Occurrence::Audit(_) => (
                [&["ka.user.name"][..], &["ka.verb"]],
                &[&["ka.target.resource", "ka.target.namespace"][..], &["ka.target.resource"]][..],
            ),
        };
        // Of each row the first that the event has.
        let known =
            |row: &&[&'static str]| row.iter().find_map(|field| Some((*field, value(field, occurrence)?)));
        let who: Who = who.iter().filter_map(known).collect();
        let object = what.iter().find_map(|row| {
            let values: Option<Vec<String>> = row.iter().map(|field| value(field, occurrence)).collect();
            Some((row.to_vec(), values?))
        });
        let objects = self.rules.entry(rule.to_owned()).or_default().entry(who).or_default();
        let (fields, values) = object.unwrap_or_default();
        self.values += usize::from(objects.entry(fields).or_default().insert(values));
    }

    /// A rule file; empty where nothing is excepted.
    pub(super) fn write(self, workload: &str, gaps: &mut Vec<String>) -> String {
        if self.left_out > 0 {
            gaps.push(format!("{} findings were left out of the exceptions", self.left_out));
        }
        let mut text = String::new();
        for (rule, whos) in &self.rules {
            if whos.keys().any(Vec::is_empty) {
                gaps.push(format!("`{rule}` spoke of an event that does not say who did it"));
            }
            let rows = whos.iter().filter(|(who, _)| !who.is_empty());
            let mut kinds: BTreeMap<Vec<(&str, &str)>, BTreeSet<Vec<String>>> = BTreeMap::new();
            for (who, objects) in rows {
                for (fields, values) in objects {
                    let (operators, values) = generalized(fields, values);
                    let columns: Vec<(&str, &str)> =
                        who.iter().map(|(field, _)| (*field, "=")).chain(operators).collect();
                    let row = |values: Vec<String>| {
                        who.iter().map(|(_, value)| value.clone()).chain(values).collect()
                    };
                    kinds.entry(columns).or_default().extend(values.into_iter().map(row));
                }
            }
            if !kinds.is_empty() {
                item(&mut text, rule, workload, &kinds);
            }
        }
        text
    }
}

/// What is written of the objects: each, or what the paths among many begin with, or nothing.
fn generalized<'f>(
    fields: &[&'f str],
    values: &BTreeSet<Vec<String>>,
) -> (Vec<(&'f str, &'static str)>, Vec<Vec<String>>) {
    let equal = || fields.iter().map(|field| (*field, "=")).collect();
    if values.len() <= OBJECTS_LISTED_MAX {
        return (equal(), values.iter().cloned().collect());
    }
    let prefix = match fields {
        ["fd.name" | "fs.path.name"] => common_directory(values.iter().filter_map(|values| values.first())),
        // Addresses of a peer change, its port says what it is.
        ["fd.sip", "fd.sport"] => {
            let ports: BTreeSet<&String> = values.iter().filter_map(|values| values.get(1)).collect();
            if ports.len() <= OBJECTS_LISTED_MAX {
                let ports = ports.into_iter().map(|port| vec![port.clone()]).collect();
                return (vec![("fd.sport", "=")], ports);
            }
            None
        }
        _ => None,
    };
    match (fields, prefix) {
        ([field], Some(prefix)) => (vec![(*field, "startswith")], vec![vec![prefix]]),
        _ => (Vec::new(), vec![Vec::new()]),
    }
}

/// The directory that all paths lie below, with its slash; the root is none.
fn common_directory<'p>(mut paths: impl Iterator<Item = &'p String>) -> Option<String> {
    let mut common = paths.next()?.as_str();
    for path in paths {
        while !path.starts_with(common) {
            common = &common[..common.trim_end_matches('/').rfind('/')? + 1];
        }
    }
    let directory = &common[..common.rfind('/')? + 1];
    (directory.len() > 1).then(|| directory.to_owned())
}

fn item(
    text: &mut String,
    rule: &str,
    workload: &str,
    kinds: &BTreeMap<Vec<(&str, &str)>, BTreeSet<Vec<String>>>,
) {
    let _ = write!(text, "- rule: {}\n  exceptions:\n", quoted(rule));
    for (number, (columns, rows)) in kinds.iter().enumerate() {
        let fields: Vec<&str> = columns.iter().map(|(field, _)| *field).collect();
        let operators: Vec<String> = columns.iter().map(|(_, operator)| quoted(operator)).collect();
        let _ = write!(
            text,
            "    - name: learned_{}_{}\n      fields: [{}]\n      comps: [{}]\n      values:\n",
            word_of(workload),
            number + 1,
            fields.join(", "),
            operators.join(", "),
        );
        for row in rows {
            let row: Vec<String> = row.iter().map(|value| quoted(&literal(value))).collect();
            let _ = writeln!(text, "        - [{}]", row.join(", "));
        }
    }
    text.push_str("  override: {exceptions: append}\n");
}

fn value(field: &str, occurrence: Occurrence<'_>) -> Option<String> {
    let source = match occurrence {
        Occurrence::Syscall(_) => Source::Syscall,
        Occurrence::Audit(_) => Source::K8sAudit,
    };
    let (name, argument) = match field.strip_prefix("evt.arg.") {
        Some(argument) => ("evt.arg", Some(argument.to_owned())),
        None => (field, None),
    };
    let written = FieldName { name: name.to_owned(), argument, at: 0 };
    let known = fields::find(&written, source).ok()?;
    let value = known.field.value(occurrence);
    let text = value.render()?.into_owned();
    (!text.is_empty() && text.len() <= VALUE_BYTES_MAX).then_some(text)
}
