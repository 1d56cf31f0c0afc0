//! From files to rules that can be asked.

use std::collections::HashMap;
use std::rc::Rc;

use seawall_event::{EventType, EventTypes};

use crate::check;
use crate::compile::{Compiler, Failed};
use crate::definitions::{Definitions, RuleDefinition};
use crate::diagnostic::{Code, Diagnostic, Level, shown};
use crate::entries::Sink;
use crate::expr::FieldName;
use crate::fields::{self, Field, Source};
use crate::limits;
use crate::output::Template;
use crate::program::{FALSE, NodeId, Program, TooMuch};
use crate::rule::{Rule, Sequence, Silence, Step, Threshold};
use crate::source::{File, Place, Written};
use crate::yaml;

/// What a set of rule files says.
#[derive(Debug)]
pub struct Loaded {
    /// Rules without mistakes, in the order of their names' first appearance, switched off ones included.
    pub rules: Vec<Rule>,
    /// How many rules, macros and lists are defined, with mistakes or without.
    pub counts: Counts,
    /// What is wrong, in the order of the files and lines.
    pub diagnostics: Vec<Diagnostic>,
    pub(crate) program: Program,
    pub(crate) by_type: Vec<ByType>,
    /// For each type of event the place of its conditions.
    pub(crate) slot_of: Vec<usize>,
}

/// How many names are defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Rules.
    pub rules: usize,
    /// Macros.
    pub macros: usize,
    /// Lists.
    pub lists: usize,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rules, {} macros, {} lists", self.rules, self.macros, self.lists)
    }
}

/// Conditions as they are for some types of events.
#[derive(Debug, Default)]
pub(crate) struct ByType {
    /// A condition for each rule that can match, in the order of rules.
    pub(crate) rules: Vec<(usize, NodeId)>,
    /// The conditions of each sequence's steps: rule, step, condition.
    pub(crate) steps: Vec<(usize, usize, NodeId)>,
}

impl Loaded {
    /// Whether something is wrong that keeps an item from being used.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.level == Level::Error)
    }
}

/// Loads rule files, each with its name and text, in this order: later ones change what earlier ones define. Mistakes
/// are told in [`Loaded::diagnostics`]; a rule with one is left out and the others are not.
pub fn load(files: &[(&str, &str)]) -> Loaded {
    let (definitions, sink) = definitions(files);
    let mut compiler = Compiler::new(&definitions, sink);
    let rules: Vec<Rule> =
        definitions.rules.all.iter().filter_map(|definition| rule(&mut compiler, definition)).collect();
    compiler.finish();
    let Compiler { mut program, mut sink, .. } = compiler;
    sink.item.clear();
    let mut loaded = Loaded {
        counts: Counts {
            rules: definitions.rules.all.len(),
            macros: definitions.macros.all.len(),
            lists: definitions.lists.all.len(),
        },
        by_type: Vec::new(),
        slot_of: Vec::new(),
        rules,
        diagnostics: Vec::new(),
        program: Program::default(),
    };
    if index(&mut program, &mut loaded).is_err() {
        let place = whole(files.first().map_or("rules", |(name, _)| name));
        let message = format!("all conditions together have more than {} parts", limits::CONDITION_PARTS_MAX);
        sink.push(place.diagnostic(Level::Error, Code::LoadErrCompileCondition, message));
        (loaded.rules, loaded.by_type) = (Vec::new(), Vec::new());
    }
    warn_of_every_event(&definitions, &loaded, &mut sink);
    program.finish();
    let order: HashMap<&str, usize> =
        files.iter().enumerate().rev().map(|(at, (name, _))| (*name, at)).collect();
    sink.diagnostics.sort_by_key(|d| (order.get(d.file.as_str()).copied(), d.line, d.column));
    (loaded.program, loaded.diagnostics) = (program, sink.diagnostics);
    loaded
}

/// What the files define together, before conditions are understood.
pub(crate) fn definitions(files: &[(&str, &str)]) -> (Definitions, Sink) {
    let mut sink = Sink::default();
    let mut definitions = Definitions::default();
    for (name, text) in files {
        if text.len() > limits::FILE_BYTES_MAX {
            let place = whole(name);
            let message = format!("a rule file may have {} bytes", limits::FILE_BYTES_MAX);
            sink.push(place.diagnostic(Level::Error, Code::LoadErrYamlParse, message));
            continue;
        }
        let file = Rc::new(File::new(name, text));
        let mut broken = Vec::new();
        let items = yaml::items(&file, &mut broken);
        broken.into_iter().for_each(|diagnostic| sink.push(diagnostic));
        items.iter().for_each(|item| definitions.add(item, &mut sink));
    }
    (definitions, sink)
}

/// The beginning of a file that is not shown.
fn whole(name: &str) -> Place {
    Place { file: Rc::new(File::new(name, "")), line: 1, column: 1 }
}

/// Compiles one rule; `None` for one that cannot be used, which was told.
fn rule(compiler: &mut Compiler<'_>, definition: &RuleDefinition) -> Option<Rule> {
    compiler.sink.item = format!("rule {}", shown(&definition.name.text));
    let (source, skips) = (definition.source, definition.skip_if_unknown_filter);
    let condition = match compiler.condition(&definition.condition, source, skips) {
        Err(Failed::Unknown) if skips => return None,
        condition => condition,
    };
    let excepted = exceptions(compiler, definition);
    let scope = scope(compiler, definition);
    let output = template(compiler, definition);
    let extension = &definition.extension;
    let (per, bind) = (extension.per.as_deref(), extension.bind.as_ref());
    let per = keys(compiler, per, &["container.id"], source);
    let bind = bind.map(|written| key(compiler, written, source)).transpose();
    let distinct = extension.distinct.as_ref().map(|written| key(compiler, written, source)).transpose();
    let dedup = match &extension.dedup {
        None => Ok(None),
        Some(dedup) => {
            keys(compiler, dedup.per.as_deref(), &["container.id", "proc.exepath", "fd.name"], source)
                .map(|per| Some(Silence { within_ns: dedup.within_ns, per }))
        }
    };
    let steps = steps(compiler, definition);
    let condition = joined(compiler, definition, [condition.ok()?, excepted.ok()?, scope.ok()?])?;
    let (per, bind, distinct) = (per.ok()?, bind.ok()?, distinct.ok()?);
    let within_ns = extension.within_ns.unwrap_or(0);
    let steps = steps.ok()?;
    let is_sequence = !steps.is_empty();
    let (for_threshold, for_sequence) = if is_sequence { (Vec::new(), per) } else { (per, Vec::new()) };
    Some(Rule {
        name: definition.name.text.clone(),
        description: definition.description.clone(),
        priority: definition.priority,
        source,
        enabled: definition.enabled,
        tags: definition.tags.clone(),
        output: output.ok()?,
        event_types: EventTypes::default(),
        capture: definition.capture,
        capture_duration_ms: definition.capture_duration_ms,
        respond: extension.respond.clone(),
        file: definition.name.place.file.name.clone(),
        line: definition.name.place.line,
        condition,
        threshold: extension.count.map(|count| Threshold { count, distinct, within_ns, per: for_threshold }),
        dedup: dedup.ok()?,
        sequence: is_sequence.then_some(Sequence { steps, bind, within_ns, per: for_sequence }),
    })
}

fn joined(compiler: &mut Compiler<'_>, definition: &RuleDefinition, parts: [NodeId; 3]) -> Option<NodeId> {
    compiler.program.and(parts.to_vec()).map_or_else(
        |_| {
            let message = "the condition with its exceptions is too large";
            compiler.sink.error(&definition.name.place, Code::LoadErrCompileCondition, message);
            None
        },
        Some,
    )
}

/// What holds where no exception does.
fn exceptions(compiler: &mut Compiler<'_>, definition: &RuleDefinition) -> Result<NodeId, Failed> {
    let mut all = Ok(Vec::new());
    for exception in &definition.exceptions {
        let mut places = Vec::new();
        let Some(expr) = exception.condition(&mut places, &mut compiler.sink) else { continue };
        let excepted = compiler
            .made(&expr, &places, definition.source, definition.skip_if_unknown_filter)
            .and_then(|node| compiler.program.not(node).map_err(|_| Failed::Told));
        match (&mut all, excepted) {
            (Ok(nodes), Ok(node)) => nodes.push(node),
            (_, Err(failed)) => all = Err(failed),
            (Err(_), Ok(_)) => {}
        }
    }
    compiler.program.and(all?).map_err(|_| Failed::Told)
}

fn scope(compiler: &mut Compiler<'_>, definition: &RuleDefinition) -> Result<NodeId, Failed> {
    let mut places = Vec::new();
    match definition.extension.scope(&mut places) {
        Some(expr) => compiler.made(&expr, &places, definition.source, false),
        None => compiler.program.and(Vec::new()).map_err(|_| Failed::Told),
    }
}

fn template(compiler: &mut Compiler<'_>, definition: &RuleDefinition) -> Result<Template, Failed> {
    let text = definition.output.joined.trim();
    let skipped = definition.output.joined.len() - definition.output.joined.trim_start().len();
    Template::parse(text, definition.source).map_err(|problem| {
        let place = definition.output.place_of(problem.at + skipped);
        let (level, code) = if problem.is_unknown && definition.skip_if_unknown_filter {
            (Level::Warning, Code::LoadUnknownFilter)
        } else {
            (Level::Error, Code::LoadErrCompileOutput)
        };
        compiler.sink.add(&place, level, code, problem.message, problem.help);
        Failed::Told
    })
}

fn keys(
    compiler: &mut Compiler<'_>,
    written: Option<&[Written]>,
    default: &[&str],
    source: Source,
) -> Result<Vec<Field>, Failed> {
    match written {
        Some(written) => written.iter().map(|written| key(compiler, written, source)).collect(),
        None => {
            let name = |name: &&str| FieldName { name: (*name).to_owned(), argument: None, at: 0 };
            // The audit log has no containers: its default is everything together.
            Ok(default
                .iter()
                .filter_map(|text| fields::find(&name(text), source).ok())
                .map(|k| k.field)
                .collect())
        }
    }
}

fn key(compiler: &mut Compiler<'_>, written: &Written, source: Source) -> Result<Field, Failed> {
    let field =
        crate::parser::field_at_start(&written.text).filter(|(_, length)| *length == written.text.len());
    let Some((field, _)) = field else {
        let message = format!("`{}` is no field", shown(&written.text));
        compiler.sink.error(&written.place, Code::LoadErrExtension, message);
        return Err(Failed::Told);
    };
    check::field_of(&field, source).map(|known| known.field).map_err(|problem| {
        compiler.sink.add(
            &written.place,
            Level::Error,
            Code::LoadErrExtension,
            problem.message,
            problem.help,
        );
        Failed::Told
    })
}

fn steps(compiler: &mut Compiler<'_>, definition: &RuleDefinition) -> Result<Vec<Step>, Failed> {
    let mut steps = Vec::new();
    for step in &definition.extension.sequence {
        let condition = compiler.condition(&step.condition, definition.source, false)?;
        let bind = step.bind.as_ref().map(|written| key(compiler, written, definition.source)).transpose()?;
        steps.push(Step { condition, bind });
    }
    Ok(steps)
}

/// Finds out which rules can match which types of events. Types that no condition names are alike, so there is one
/// set of conditions for all of them.
fn index(program: &mut Program, loaded: &mut Loaded) -> Result<(), TooMuch> {
    let named = program.named_types();
    let mut shared: Option<usize> = None;
    let mut slots: Vec<ByType> = Vec::new();
    let mut slot_of = Vec::with_capacity(EventType::COUNT);
    for kind in EventType::all() {
        let slot = match shared.filter(|_| !named.contains(kind)) {
            Some(slot) => slot,
            None => {
                slots.push(for_type(program, &loaded.rules, kind)?);
                slots.len() - 1
            }
        };
        if !named.contains(kind) {
            shared = Some(slot);
        }
        for (rule, _) in &slots[slot].rules {
            loaded.rules[*rule].event_types.insert(kind);
        }
        slot_of.push(slot);
    }
    (loaded.by_type, loaded.slot_of) = (slots, slot_of);
    Ok(())
}

fn for_type(program: &mut Program, rules: &[Rule], kind: EventType) -> Result<ByType, TooMuch> {
    let mut known = HashMap::new();
    let mut by_type = ByType::default();
    for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.source == Source::Syscall) {
        let condition = program.specialize(rule.condition, kind, &mut known)?;
        if condition != FALSE {
            by_type.rules.push((index, condition));
        }
        for (number, step) in rule.sequence.iter().flat_map(|sequence| sequence.steps.iter().enumerate()) {
            let condition = program.specialize(step.condition, kind, &mut known)?;
            if condition != FALSE {
                by_type.steps.push((index, number, condition));
            }
        }
    }
    Ok(by_type)
}

/// A rule that can match more types of events than this looks at too many.
const EVENT_TYPES_MAX: usize = 100;

fn warn_of_every_event(definitions: &Definitions, loaded: &Loaded, sink: &mut Sink) {
    for rule in loaded.rules.iter().filter(|rule| rule.event_types.len() > EVENT_TYPES_MAX) {
        let Some(definition) =
            definitions.rules.get(&rule.name).filter(|definition| definition.warn_evttypes)
        else {
            continue;
        };
        sink.item = format!("rule {}", shown(&rule.name));
        let message = "the condition names no type of event, so it is asked of nearly every event";
        let help = "begin it with `evt.type in (…) and`".to_owned();
        let place = definition.condition.place_of(0);
        sink.add(&place, Level::Warning, Code::LoadNoEvttype, message.to_owned(), help);
    }
}
