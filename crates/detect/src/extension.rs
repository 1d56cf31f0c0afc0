//! The keys of rules that are ours: Falco warns of them and goes on.
//!
//! ```yaml
//! - rule: Many failed logins
//!   …
//!   count: 5                       # only when it happened so often
//!   distinct: user.name            # with so many different values of this, where it is said
//!   within: 1m                     # in so much time
//!   per: [container.id, user.name] # for each of these
//!   dedup: {within: 10m, per: [container.id]}   # then be silent so long; what was left out is counted
//!   scope: {image: [registry.example/*], namespace: [prod-*], label: {team: payments}}
//!   sequence:                      # only after these happened, in this order
//!     - condition: open_write and container
//!       bind: fd.name              # the same value here …
//!   bind: proc.exepath             # … and here
//!   respond: [kill]
//! ```

use seawall_finding::RESPONSE_NAMES;

use crate::diagnostic::{Code, Level, shown};
use crate::entries::{Entries, Sink, text_or_texts};
use crate::expr::{Compare, Expr, FieldName, Operand, Operator, Right, Word};
use crate::limits;
use crate::source::{Place, Text, Written};
use crate::suggest;
use crate::yaml::Node;

/// The keys.
pub(crate) const KEYS: [&str; 9] =
    ["count", "distinct", "within", "per", "dedup", "scope", "sequence", "bind", "respond"];

/// What a rule says beyond Falco's language.
#[derive(Debug, Default)]
pub(crate) struct Extension {
    pub(crate) count: Option<u64>,
    pub(crate) distinct: Option<Written>,
    pub(crate) within_ns: Option<u64>,
    pub(crate) per: Option<Vec<Written>>,
    pub(crate) dedup: Option<Dedup>,
    scope: Vec<Scope>,
    pub(crate) sequence: Vec<Step>,
    pub(crate) bind: Option<Written>,
    pub(crate) respond: Vec<String>,
}

/// How long a rule is silent after it spoke.
#[derive(Debug)]
pub(crate) struct Dedup {
    pub(crate) within_ns: u64,
    pub(crate) per: Option<Vec<Written>>,
}

/// What has to have happened before.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) condition: Text,
    pub(crate) bind: Option<Written>,
}

/// Patterns of which one has to fit.
#[derive(Debug)]
struct Scope {
    field: &'static str,
    label: Option<String>,
    patterns: Vec<Written>,
    place: Place,
}

impl Extension {
    /// `None` after a mistake that was told.
    pub(crate) fn read(entries: &Entries<'_>, sink: &mut Sink) -> Option<Extension> {
        let mut extension = Extension::default();
        if let Some(node) = entries.get("count") {
            let count = entries.number("count", sink)?;
            if !(1..=limits::COUNT_MAX).contains(&count) {
                let message = format!("`count` is a number from 1 to {}", limits::COUNT_MAX);
                sink.error(node.place(), Code::LoadErrExtension, message);
                return None;
            }
            extension.count = Some(count);
        }
        if entries.has("distinct") {
            extension.distinct = Some(entries.text("distinct", sink)?.clone());
        }
        if entries.has("within") {
            extension.within_ns = Some(duration(entries.text("within", sink)?, sink)?);
        }
        if let Some(node) = entries.get("per") {
            extension.per = Some(text_or_texts(node, "per", sink)?.into_iter().cloned().collect());
        }
        if let Some(node) = entries.get("dedup") {
            extension.dedup = Some(dedup(node, sink)?);
        }
        if let Some(node) = entries.get("scope") {
            extension.scope = scopes(node, sink)?;
        }
        if let Some(node) = entries.get("sequence") {
            extension.sequence = steps(node, sink)?;
        }
        if entries.has("bind") {
            extension.bind = Some(entries.text("bind", sink)?.clone());
        }
        if let Some(node) = entries.get("respond") {
            let names = text_or_texts(node, "respond", sink)?;
            for name in names {
                extension.respond.push(response(name, sink)?);
            }
        }
        extension.is_whole(entries, sink).then_some(extension)
    }

    /// Whether no key lacks the one that it needs.
    fn is_whole(&self, entries: &Entries<'_>, sink: &mut Sink) -> bool {
        let needs_time = self.count.is_some() || !self.sequence.is_empty();
        let mistake = if needs_time && self.within_ns.is_none() {
            "`count` and `sequence` need `within`: in how much time?"
        } else if !needs_time && (self.within_ns.is_some() || self.per.is_some()) {
            "`within` and `per` say nothing without `count` or `sequence`"
        } else if self.distinct.is_some() && self.count.is_none() {
            "`distinct` says nothing without `count`: how many different values?"
        } else if self.count.is_some() && !self.sequence.is_empty() {
            "`count` and `sequence` cannot both be used"
        } else if self.bind.is_some() != self.sequence.iter().any(|step| step.bind.is_some()) {
            "`bind` is said of the rule and of a step of its `sequence`, or of neither"
        } else {
            return true;
        };
        sink.error(entries.place, Code::LoadErrExtension, mistake);
        false
    }

    /// The scope as a condition; positions count into the places.
    pub(crate) fn scope(&self, places: &mut Vec<Place>) -> Option<Expr> {
        let mut all = Vec::new();
        for scope in &self.scope {
            let mut any = Vec::new();
            for pattern in &scope.patterns {
                places.push(pattern.place.clone());
                let at = places.len() - 1;
                let field = FieldName { name: scope.field.to_owned(), argument: scope.label.clone(), at };
                any.push(Expr::Compare(Box::new(Compare {
                    left: Operand::Field(field),
                    operator: Operator::Glob,
                    right: Right::Word(Word { text: pattern.text.clone(), is_quoted: true, at }),
                    at,
                    operator_at: at,
                })));
            }
            if any.is_empty() {
                places.push(scope.place.clone());
            }
            all.push(Expr::Or(any));
        }
        (!all.is_empty()).then_some(Expr::And(all))
    }
}

/// The name of a response.
fn response(name: &Written, sink: &mut Sink) -> Option<String> {
    if RESPONSE_NAMES.contains(&name.text.as_str()) {
        return Some(name.text.clone());
    }
    let help = suggest::closest(&name.text, RESPONSE_NAMES.into_iter()).map_or_else(
        || format!("there are {}", RESPONSE_NAMES.join(", ")),
        |closest| format!("did you mean `{closest}`?"),
    );
    let message = format!("`{}` is no response", shown(&name.text));
    sink.add(&name.place, Level::Error, Code::LoadErrExtension, message, help);
    None
}

/// `500ms`, `10s`, `5m`, `1h`, `1d`.
fn duration(written: &Written, sink: &mut Sink) -> Option<u64> {
    let text = written.text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit_ns: Option<u64> = match text[digits..].trim() {
        "ms" => Some(1_000_000),
        "s" => Some(1_000_000_000),
        "m" => Some(60_000_000_000),
        "h" => Some(3_600_000_000_000),
        "d" => Some(86_400_000_000_000),
        _ => None,
    };
    let number: Option<u64> = text[..digits].parse().ok();
    let duration = number.zip(unit_ns).and_then(|(number, unit)| number.checked_mul(unit));
    if duration.is_none_or(|duration| duration == 0) {
        let message = format!("`{}` is no duration; write `10s`, `5m` or `1h`", shown(text));
        sink.error(&written.place, Code::LoadErrExtension, message);
        return None;
    }
    duration
}

/// `dedup: 10m`, or with `per`.
fn dedup(node: &Node, sink: &mut Sink) -> Option<Dedup> {
    if let Some(written) = node.scalar() {
        return Some(Dedup { within_ns: duration(written, sink)?, per: None });
    }
    let entries = Entries::of(node, "`dedup`", sink)?;
    entries.only(&["within", "per"], sink);
    let Some(within) = entries.text("within", sink) else {
        sink.error(node.place(), Code::LoadErrExtension, "`dedup` needs `within`: for how long?");
        return None;
    };
    let per = match entries.get("per") {
        None => None,
        Some(per) => Some(text_or_texts(per, "per", sink)?.into_iter().cloned().collect()),
    };
    Some(Dedup { within_ns: duration(within, sink)?, per })
}

fn scopes(node: &Node, sink: &mut Sink) -> Option<Vec<Scope>> {
    const FIELDS: [(&str, &str); 5] = [
        ("image", "container.image.repository"),
        ("tag", "container.image.tag"),
        ("container", "container.name"),
        ("namespace", "k8s.ns.name"),
        ("pod", "k8s.pod.name"),
    ];
    let entries = Entries::of(node, "`scope`", sink)?;
    entries.only(&["image", "tag", "container", "namespace", "pod", "label"], sink);
    let mut scopes = Vec::new();
    for (key, field) in FIELDS {
        let Some(node) = entries.get(key) else { continue };
        let patterns = text_or_texts(node, key, sink)?.into_iter().cloned().collect();
        scopes.push(Scope { field, label: None, patterns, place: node.place().clone() });
    }
    if let Some(labels) = entries.get("label") {
        for (key, node) in Entries::of(labels, "`label`", sink)?.iter() {
            let patterns = text_or_texts(node, &key.text, sink)?.into_iter().cloned().collect();
            let label = Some(key.text.clone());
            scopes.push(Scope { field: "container.label", label, patterns, place: node.place().clone() });
        }
    }
    Some(scopes)
}

fn steps(node: &Node, sink: &mut Sink) -> Option<Vec<Step>> {
    let Node::Sequence(_, elements) = node else {
        sink.error(node.place(), Code::LoadErrExtension, "`sequence` is a list of what happened before");
        return None;
    };
    let mut steps = Vec::new();
    for element in elements {
        let entries = Entries::of(element, "a step of `sequence`", sink)?;
        entries.only(&["condition", "bind"], sink);
        let Some(condition) = entries.text("condition", sink) else {
            sink.error(element.place(), Code::LoadErrExtension, "a step has a `condition`");
            return None;
        };
        let bind = entries.text("bind", sink).cloned();
        steps.push(Step { condition: Text::new(condition.clone()), bind });
    }
    if steps.is_empty() || steps.len() > limits::STEPS_MAX {
        let message = format!("`sequence` has from 1 to {} steps", limits::STEPS_MAX);
        sink.error(node.place(), Code::LoadErrExtension, message);
        return None;
    }
    Some(steps)
}
