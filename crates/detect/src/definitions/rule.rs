//! Rules: their keys, and what later items change in them.

use seawall_finding::Priority;

use super::{Change, Definitions, Exception, append_flag, missing, overrides};
use crate::diagnostic::{Code, Level, shown};
use crate::entries::{Entries, Sink, texts};
use crate::extension::{self, Extension};
use crate::fields::Source;
use crate::source::{Text, Written};
use crate::suggest;
use crate::yaml::Node;

/// A rule, not yet compiled.
#[derive(Debug)]
pub(crate) struct RuleDefinition {
    pub(crate) name: Written,
    pub(crate) condition: Text,
    pub(crate) output: Text,
    pub(crate) description: String,
    pub(crate) priority: Priority,
    pub(crate) source: Source,
    pub(crate) enabled: bool,
    pub(crate) tags: Vec<String>,
    pub(crate) exceptions: Vec<Exception>,
    pub(crate) warn_evttypes: bool,
    pub(crate) skip_if_unknown_filter: bool,
    pub(crate) capture: bool,
    pub(crate) capture_duration_ms: Option<u64>,
    pub(crate) extension: Extension,
}

const APPENDABLE: [&str; 5] = ["condition", "output", "desc", "tags", "exceptions"];

const REPLACEABLE: [&str; 11] = [
    "condition",
    "output",
    "desc",
    "priority",
    "tags",
    "exceptions",
    "enabled",
    "warn_evttypes",
    "skip-if-unknown-filter",
    "capture",
    "capture_duration",
];

/// Keys that only a whole rule has.
const OTHERS: [&str; 4] = ["rule", "source", "append", "override"];

impl Definitions {
    pub(super) fn rule(&mut self, entries: &Entries<'_>, sink: &mut Sink) {
        let Some(name) = entries.text("rule", sink) else { return };
        sink.item = format!("rule {}", shown(&name.text));
        entries.only(&[&OTHERS, &REPLACEABLE[..], &extension::KEYS].concat(), sink);
        let Some(changes) = overrides(entries, &APPENDABLE, &REPLACEABLE, sink) else { return };
        let Some(appends) = append_flag(entries, sink) else { return };
        let changes = if appends { appended(entries) } else { changes };
        if appends && changes.is_empty() {
            let message = "an appending rule has a `condition` or `exceptions`";
            sink.error(&name.place, Code::LoadErrYamlValidate, message);
        } else if !changes.is_empty() {
            match self.rules.get_mut(&name.text) {
                Some(rule) => changes.iter().for_each(|(key, change)| {
                    rule.change(entries, key, Some(*change), sink);
                }),
                None => missing(name, "rule", self.rules.names(), sink),
            }
        } else if is_toggle(entries) {
            self.toggle(name, entries, sink);
        } else if let Some(rule) = RuleDefinition::read(name, entries, sink) {
            match self.rules.get_mut(&name.text) {
                Some(known) => *known = rule,
                None => self.rules.push(&name.text, rule),
            }
        }
    }

    /// An item with nothing but `enabled` switches an earlier rule.
    fn toggle(&mut self, name: &Written, entries: &Entries<'_>, sink: &mut Sink) {
        let message =
            "an item with nothing but `enabled` is an old way; write `override: {enabled: replace}`";
        sink.warning(&name.place, Code::LoadDeprecatedItem, message);
        match self.rules.get_mut(&name.text) {
            Some(rule) => rule.change(entries, "enabled", Some(Change::Replace), sink),
            None => missing(name, "rule", self.rules.names(), sink),
        }
    }
}

fn is_toggle(entries: &Entries<'_>) -> bool {
    entries.has("enabled") && !["condition", "output", "desc", "priority"].iter().any(|key| entries.has(key))
}

/// What the old `append` appends.
fn appended(entries: &Entries<'_>) -> Vec<(&'static str, Change)> {
    let keys = ["condition", "exceptions"].into_iter().filter(|key| entries.has(key));
    keys.map(|key| (key, Change::Append)).collect()
}

impl RuleDefinition {
    fn read(name: &Written, entries: &Entries<'_>, sink: &mut Sink) -> Option<RuleDefinition> {
        let missing: Vec<&str> =
            ["condition", "output", "desc", "priority"].into_iter().filter(|key| !entries.has(key)).collect();
        if !missing.is_empty() {
            let message = format!("a rule has a `{}`", missing.join("`, a `"));
            sink.error(&name.place, Code::LoadErrYamlValidate, message);
            return None;
        }
        let source = match entries.get("source") {
            None => Source::Syscall,
            Some(_) => source(entries.text("source", sink)?, sink)?,
        };
        let condition = entries.text("condition", sink);
        let output = entries.text("output", sink);
        let priority = priority(entries, sink);
        let mut rule = RuleDefinition {
            name: name.clone(),
            condition: Text::new(condition?.clone()),
            output: Text::new(output?.clone()),
            description: description(entries),
            priority: priority?,
            source,
            enabled: true,
            tags: Vec::new(),
            exceptions: Vec::new(),
            warn_evttypes: true,
            skip_if_unknown_filter: false,
            capture: false,
            capture_duration_ms: None,
            extension: Extension::read(entries, sink)?,
        };
        for key in &REPLACEABLE[4..] {
            if entries.has(key) {
                rule.change(entries, key, None, sink);
            }
        }
        Some(rule)
    }

    /// Takes one key in: as a rule's own, or as what a later item says.
    fn change(&mut self, entries: &Entries<'_>, key: &str, change: Option<Change>, sink: &mut Sink) {
        let appends = change == Some(Change::Append);
        match key {
            "condition" => change_text(&mut self.condition, entries.text(key, sink), appends),
            "output" => change_text(&mut self.output, entries.text(key, sink), appends),
            "desc" if appends => self.description = format!("{} {}", self.description, description(entries)),
            "desc" => self.description = description(entries),
            "priority" => self.priority = priority(entries, sink).unwrap_or(self.priority),
            "tags" => self.change_tags(entries.get(key), appends, sink),
            "exceptions" => {
                if let Some(node) = entries.get(key) {
                    self.add_exceptions(node, change, sink);
                }
            }
            "enabled" => self.enabled = entries.flag(key, sink).unwrap_or(self.enabled),
            "warn_evttypes" => self.warn_evttypes = entries.flag(key, sink).unwrap_or(self.warn_evttypes),
            "skip-if-unknown-filter" => {
                self.skip_if_unknown_filter = entries.flag(key, sink).unwrap_or(self.skip_if_unknown_filter);
            }
            "capture" => self.capture = entries.flag(key, sink).unwrap_or(self.capture),
            "capture_duration" => {
                self.capture_duration_ms = entries.number(key, sink).or(self.capture_duration_ms);
            }
            _ => {}
        }
    }

    fn change_tags(&mut self, node: Option<&Node>, appends: bool, sink: &mut Sink) {
        let Some(node) = node.filter(|node| !node.is_null()) else { return };
        let Some(tags) = texts(node, "tags", sink) else { return };
        if !appends {
            self.tags.clear();
        }
        for tag in tags {
            if !self.tags.contains(&tag.text) {
                self.tags.push(tag.text.clone());
            }
        }
    }
}

fn change_text(text: &mut Text, written: Option<&Written>, appends: bool) {
    match written {
        Some(written) if appends => text.append(written.clone()),
        Some(written) => *text = Text::new(written.clone()),
        None => {}
    }
}

/// A rule's `desc`; it is for people, so a number or nothing is no mistake.
fn description(entries: &Entries<'_>) -> String {
    let written = entries.get("desc").and_then(Node::scalar);
    written.map_or_else(String::new, |written| written.text.trim().to_owned())
}

fn priority(entries: &Entries<'_>, sink: &mut Sink) -> Option<Priority> {
    let written = entries.text("priority", sink)?;
    let priority = Priority::named(&written.text);
    if priority.is_none() {
        let names = Priority::ALL.map(|priority| priority.name().to_uppercase());
        let help = suggest::closest(&written.text.to_uppercase(), names.iter().map(String::as_str))
            .map_or_else(|| format!("one of {}", names.join(", ")), |name| format!("did you mean `{name}`?"));
        let message = format!("`{}` is no priority", shown(&written.text));
        sink.add(&written.place, Level::Error, Code::LoadErrYamlValidate, message, help);
    }
    priority
}

fn source(written: &Written, sink: &mut Sink) -> Option<Source> {
    let source = Source::named(&written.text);
    if source.is_none() {
        let message =
            format!("there are no events of the source `{}`; the rule is left out", shown(&written.text));
        sink.warning(&written.place, Code::LoadUnknownSource, message);
    }
    source
}
