//! Why a rule speaks of an event, or does not: the condition as it is written, with the values of its fields.
//!
//! Owns which parts decided. How a condition is walked is in `compile/tree.rs`, how it is shown is the caller's.

use serde::Serialize;
use thiserror::Error;

use crate::compile::{Compiler, Walk};
use crate::definitions::{Definitions, RuleDefinition};
use crate::diagnostic::{Diagnostic, Level};
use crate::entries::Sink;
use crate::fields::Source;
use crate::replay::Observed;
use crate::suggest;
use crate::value::Occurrence;

/// Why a rule speaks, or does not.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The rule.
    pub rule: String,
    /// The file that defines it.
    pub file: String,
    /// The line there.
    pub line: usize,
    /// The type of the event, or the verb of the request.
    pub event: String,
    /// Whether the condition holds, exceptions and scope included.
    pub holds: bool,
    /// The condition.
    pub tree: Branch,
    /// The comparisons that decided, as they are written.
    pub decided_by: Vec<String>,
    /// Whether the event is one of the steps that have to come before, for rules with a sequence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Branch>,
    /// What else keeps the rule silent or makes it wait: it is switched off, it counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A part of a condition.
#[derive(Debug, Serialize)]
pub struct Branch {
    /// Whether it holds.
    pub holds: bool,
    /// Whether it is on the way to what decided.
    pub decides: bool,
    /// What it is.
    #[serde(flatten)]
    pub part: Part,
    /// What it is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub branches: Vec<Branch>,
}

/// What a part is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "part")]
pub enum Part {
    /// All of its branches have to hold.
    All,
    /// One of its branches has to hold.
    Any,
    /// Its branch may not hold.
    Not,
    /// A macro, which is its branch.
    Macro {
        /// Its name.
        name: String,
    },
    /// An exception: its branch may not hold.
    Exception {
        /// Its name.
        name: String,
    },
    /// Where the rule is asked at all.
    Scope,
    /// A comparison.
    Asked(Box<Asked>),
}

/// A comparison.
#[derive(Debug, Serialize)]
pub struct Asked {
    /// As it is written, lists by their names.
    pub condition: String,
    /// What is compared.
    pub field: String,
    /// Its value, without control characters; none where the event does not have it: then it compares false, `!=`
    /// included.
    pub value: Option<String>,
    /// The value on the right, where that is one of the event too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    /// The item of several that matched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched: Option<Matched>,
}

/// An item that matched.
#[derive(Debug, Serialize)]
pub struct Matched {
    /// The item.
    pub item: String,
    /// The list it is in, where it is in one with a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
}

/// Why there is nothing to explain.
#[derive(Debug, Error)]
pub enum ExplainError {
    /// No such rule.
    #[error("no rule `{name}` is loaded{help}")]
    Unknown {
        /// As it was asked for.
        name: String,
        /// What was probably meant.
        help: String,
    },
    /// The rule has a mistake.
    #[error("the rule cannot be used: {0}")]
    Broken(Box<Diagnostic>),
}

impl Branch {
    pub(crate) fn of(part: Part, holds: bool, branches: Vec<Branch>) -> Branch {
        Branch { holds, decides: false, part, branches }
    }

    /// Marks the way to what decided: of parts that all have to hold, all where they do, else those that do not; the
    /// other way round where one is enough.
    fn mark(&mut self, decided_by: &mut Vec<String>) {
        self.decides = true;
        let holds = self.holds;
        match &self.part {
            Part::Asked(asked) => decided_by.push(asked.condition.clone()),
            Part::All | Part::Any => {
                let deciding = self.branches.iter_mut().filter(|branch| branch.holds == holds);
                deciding.for_each(|branch| branch.mark(decided_by));
            }
            Part::Not | Part::Macro { .. } | Part::Exception { .. } | Part::Scope => {
                self.branches.iter_mut().for_each(|branch| branch.mark(decided_by));
            }
        }
    }
}

/// Asks one rule of these files, by its name or id, of one event.
///
/// # Errors
/// A rule that is not there or cannot be used.
pub fn explain(files: &[(&str, &str)], rule: &str, observed: &Observed) -> Result<Explanation, ExplainError> {
    let (definitions, sink) = crate::load::definitions(files);
    let all = || definitions.rules.all.iter();
    let named = all().find(|known| known.name.text == rule);
    let definition = named.or_else(|| all().find(|known| crate::rule::id_of(&known.name.text) == rule));
    let Some(definition) = definition else {
        let closest = suggest::closest(rule, all().map(|known| known.name.text.as_str()));
        let help = closest.map(|closest| format!(", did you mean `{closest}`?")).unwrap_or_default();
        return Err(ExplainError::Unknown { name: crate::diagnostic::shown(rule), help });
    };
    of_definition(&definitions, sink, definition, observed)
}

fn of_definition(
    definitions: &Definitions,
    sink: Sink,
    definition: &RuleDefinition,
    observed: &Observed,
) -> Result<Explanation, ExplainError> {
    let occurrence = observed.occurrence();
    let before = sink.diagnostics.len();
    let mut compiler = Compiler::new(definitions, sink);
    let mut walk = Walk { occurrence, parts: 0 };
    let extension = &definition.extension;
    let tree = compiler.tree_of_rule(definition, &mut walk).and_then(|tree| {
        let steps = extension.sequence.iter();
        let steps = steps.map(|step| compiler.tree_of_text(&step.condition, definition.source, &mut walk));
        Ok((tree, steps.collect::<Result<Vec<Branch>, _>>()?))
    });
    let Ok((mut tree, mut steps)) = tree else {
        let mut told = compiler.sink.diagnostics.into_iter().skip(before);
        let broken = told.rfind(|diagnostic| diagnostic.level == Level::Error);
        return Err(ExplainError::Broken(Box::new(broken.unwrap_or_else(|| {
            definition.name.place.diagnostic(
                Level::Error,
                crate::diagnostic::Code::LoadErrCompileCondition,
                "its condition cannot be understood",
            )
        }))));
    };
    let mut decided_by = Vec::new();
    tree.mark(&mut decided_by);
    steps.iter_mut().for_each(|step| step.mark(&mut Vec::new()));
    decided_by.dedup();
    Ok(Explanation {
        rule: definition.name.text.clone(),
        file: definition.name.place.file.name.clone(),
        line: definition.name.place.line,
        event: event_of(occurrence),
        holds: tree.holds && is_of_source(occurrence, definition.source),
        notes: notes(definition, occurrence),
        tree,
        decided_by,
        steps,
    })
}

fn event_of(occurrence: Occurrence<'_>) -> String {
    match occurrence {
        Occurrence::Syscall(event) => event.kind.name().to_owned(),
        Occurrence::Audit(event) => event
            .json
            .get("verb")
            .and_then(|verb| verb.as_str())
            .map(crate::diagnostic::shown)
            .unwrap_or_default(),
    }
}

fn is_of_source(occurrence: Occurrence<'_>, source: Source) -> bool {
    match occurrence {
        Occurrence::Syscall(_) => source == Source::Syscall,
        Occurrence::Audit(_) => source == Source::K8sAudit,
    }
}

/// What the condition does not show.
fn notes(definition: &RuleDefinition, occurrence: Occurrence<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let extension = &definition.extension;
    if !definition.enabled {
        notes.push("the rule is switched off".to_owned());
    }
    if !is_of_source(occurrence, definition.source) {
        notes.push(format!("the rule is asked of {} events only", definition.source.name()));
    }
    let within = extension.within_ns.map(duration).unwrap_or_default();
    if let Some(count) = extension.count {
        let what = match &extension.distinct {
            Some(field) => format!("different values of {}", field.text),
            None => "events".to_owned(),
        };
        notes.push(format!("it speaks when {count} {what} came within {within}; one event is not enough"));
    }
    if !extension.sequence.is_empty() {
        let steps = extension.sequence.len();
        let bind = extension.bind.as_ref().map(|bind| format!(", with the same {}", bind.text));
        let bind = bind.unwrap_or_default();
        notes.push(format!("it speaks only after the {steps} step(s) below came within {within}{bind}"));
    }
    if let Some(dedup) = &extension.dedup {
        notes.push(format!("after it spoke it is silent for {}", duration(dedup.within_ns)));
    }
    notes
}

/// `10s`, `5m`, `1h`, as rules write it.
fn duration(ns: u64) -> String {
    const UNITS: [(u64, &str); 5] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
    ];
    let unit = UNITS.iter().find(|(unit_ns, _)| ns >= *unit_ns && ns.is_multiple_of(*unit_ns));
    unit.map_or_else(|| format!("{ns}ns"), |(unit_ns, name)| format!("{}{name}", ns / unit_ns))
}
