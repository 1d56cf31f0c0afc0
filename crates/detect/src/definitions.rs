//! Lists, macros and rules as all files together define them: later items replace, append to and toggle earlier ones.

mod exception;
mod requirement;
mod rule;

use std::collections::HashMap;

use crate::diagnostic::{Code, Level, shown};
use crate::entries::{Entries, Sink, texts};
use crate::source::{Text, Written};
use crate::suggest;
use crate::yaml::Node;

pub(crate) use exception::Exception;
pub(crate) use rule::RuleDefinition;

/// Everything that was defined.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    pub(crate) lists: Named<ListDefinition>,
    pub(crate) macros: Named<MacroDefinition>,
    pub(crate) rules: Named<RuleDefinition>,
    /// How many items were read. A macro sees what was defined before its own last change.
    items: usize,
}

/// Definitions by name, in the order in which names came first.
#[derive(Debug)]
pub(crate) struct Named<T> {
    pub(crate) all: Vec<T>,
    by_name: HashMap<String, usize>,
}

impl<T> Default for Named<T> {
    fn default() -> Named<T> {
        Named { all: Vec::new(), by_name: HashMap::new() }
    }
}

impl<T> Named<T> {
    pub(crate) fn index(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        self.all.get(self.index(name)?)
    }

    fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        let index = self.index(name)?;
        self.all.get_mut(index)
    }

    fn push(&mut self, name: &str, definition: T) {
        self.by_name.insert(name.to_owned(), self.all.len());
        self.all.push(definition);
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

/// A list.
#[derive(Debug)]
pub(crate) struct ListDefinition {
    pub(crate) name: Written,
    pub(crate) items: Vec<Written>,
    /// The item that defined the name first.
    pub(crate) first: usize,
    /// The item that changed it last.
    pub(crate) last: usize,
}

/// A macro.
#[derive(Debug)]
pub(crate) struct MacroDefinition {
    pub(crate) name: Written,
    pub(crate) condition: Text,
    /// The item that defined the name first.
    pub(crate) first: usize,
    /// The item that changed it last.
    pub(crate) last: usize,
}

/// What an item does to an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Append,
    Replace,
}

const KINDS: [&str; 5] = ["rule", "macro", "list", "required_engine_version", "required_plugin_versions"];

impl Definitions {
    /// Takes an item of a file in.
    pub(crate) fn add(&mut self, node: &Node, sink: &mut Sink) {
        sink.item.clear();
        self.items += 1;
        let Some(entries) = Entries::of(node, "an item", sink) else { return };
        if let Some(version) = entries.get("required_engine_version") {
            requirement::engine(version, sink);
        } else if let Some(plugins) = entries.get("required_plugin_versions") {
            requirement::plugins(plugins, sink);
        } else if entries.has("list") {
            self.list(&entries, sink);
        } else if entries.has("macro") {
            self.add_macro(&entries, sink);
        } else if entries.has("rule") {
            self.rule(&entries, sink);
        } else {
            unknown_item(&entries, sink);
        }
    }

    fn list(&mut self, entries: &Entries<'_>, sink: &mut Sink) {
        let Some(name) = entries.text("list", sink) else { return };
        sink.item = format!("list {}", shown(&name.text));
        entries.only(&["list", "items", "append", "override"], sink);
        let Some(change) = change(entries, "items", sink) else { return };
        let Some(items) = entries.get("items") else {
            sink.error(&name.place, Code::LoadErrYamlValidate, "a list has `items`");
            return;
        };
        let Some(items) = texts(items, "items", sink) else { return };
        let items: Vec<Written> = items.into_iter().cloned().collect();
        let last = self.items;
        match (self.lists.get_mut(&name.text), change) {
            (Some(known), Some(Change::Append)) => {
                known.items.extend(items);
                known.last = last;
            }
            (None, Some(_)) => missing(name, "list", self.lists.names(), sink),
            (Some(known), None | Some(Change::Replace)) => {
                (known.name, known.items, known.last) = (name.clone(), items, last);
            }
            (None, None) => {
                let is_valid = !name.text.is_empty()
                    && !name.text.contains(|c: char| c.is_whitespace() || "(),=\"'".contains(c));
                if !is_valid {
                    sink.warning(&name.place, Code::LoadInvalidListName, "no condition can name this list");
                }
                let definition = ListDefinition { name: name.clone(), items, first: last, last };
                self.lists.push(&name.text, definition);
            }
        }
    }

    fn add_macro(&mut self, entries: &Entries<'_>, sink: &mut Sink) {
        let Some(name) = entries.text("macro", sink) else { return };
        sink.item = format!("macro {}", shown(&name.text));
        entries.only(&["macro", "condition", "append", "override"], sink);
        let Some(change) = change(entries, "condition", sink) else { return };
        if !entries.has("condition") {
            sink.error(&name.place, Code::LoadErrYamlValidate, "a macro has a `condition`");
            return;
        }
        let Some(condition) = entries.text("condition", sink) else { return };
        let last = self.items;
        match (self.macros.get_mut(&name.text), change) {
            (Some(known), Some(Change::Append)) => {
                known.condition.append(condition.clone());
                known.last = last;
            }
            (None, Some(_)) => missing(name, "macro", self.macros.names(), sink),
            (Some(known), None | Some(Change::Replace)) => {
                known.name = name.clone();
                known.condition = Text::new(condition.clone());
                known.last = last;
            }
            (None, None) => {
                let mut characters = name.text.chars();
                let is_valid = characters.next().is_some_and(|first| first.is_ascii_alphabetic())
                    && characters.all(|c| c.is_ascii_alphanumeric() || c == '_');
                if !is_valid {
                    let message = "no condition can name this macro: letters, digits and `_` make a name";
                    sink.warning(&name.place, Code::LoadInvalidMacroName, message);
                }
                let condition = Text::new(condition.clone());
                let definition = MacroDefinition { name: name.clone(), condition, first: last, last };
                self.macros.push(&name.text, definition);
            }
        }
    }
}

fn unknown_item(entries: &Entries<'_>, sink: &mut Sink) {
    let key = entries.iter().next().map_or("", |(key, _)| key.text.as_str());
    let closest = entries.iter().find_map(|(key, _)| suggest::closest(&key.text, KINDS.into_iter()));
    let help = closest.map_or_else(
        || "an item has one of the keys `rule`, `macro`, `list`".to_owned(),
        |closest| format!("did you mean `{closest}`?"),
    );
    let message = format!("this item is no rule, macro or list; it begins with `{}`", shown(key));
    sink.add(entries.place, Level::Warning, Code::LoadUnknownItem, message, help);
}

/// What a list or macro does to an earlier one of its name; the outer `None` is a mistake that was told.
fn change(entries: &Entries<'_>, key: &str, sink: &mut Sink) -> Option<Option<Change>> {
    let changes = overrides(entries, &[key], &[key], sink)?;
    let appends = append_flag(entries, sink)?;
    Some(if appends { Some(Change::Append) } else { changes.first().map(|(_, change)| *change) })
}

/// The old way to append.
fn append_flag(entries: &Entries<'_>, sink: &mut Sink) -> Option<bool> {
    let Some(node) = entries.get("append") else { return Some(false) };
    let appends = entries.flag("append", sink)?;
    if entries.has("override") {
        let message = "`append` and `override` cannot both be used; `override` says it all";
        sink.error(node.place(), Code::LoadErrYamlValidate, message);
        return None;
    }
    if appends {
        let message = "`append` is an old way; write `override` with the keys that append";
        sink.warning(node.place(), Code::LoadDeprecatedItem, message);
    }
    Some(appends)
}

/// The keys under `override` and what they do. Every other key of the item has to be among them.
fn overrides<'n>(
    entries: &Entries<'n>,
    appendable: &[&str],
    replaceable: &[&str],
    sink: &mut Sink,
) -> Option<Vec<(&'n str, Change)>> {
    let Some(node) = entries.get("override") else { return Some(Vec::new()) };
    let inner = Entries::of(node, "`override`", sink)?;
    let mut changes = Vec::new();
    for (key, value) in inner.iter() {
        let change = value.scalar().map(|written| written.text.as_str());
        let (change, allowed) = match change {
            Some("append") => (Change::Append, appendable),
            Some("replace") => (Change::Replace, replaceable),
            Some(_) | None => {
                let message = format!("`{}` is `append` or `replace` here", shown(&key.text));
                sink.error(value.place(), Code::LoadErrYamlValidate, message);
                return None;
            }
        };
        if !allowed.contains(&key.text.as_str()) {
            let how = if change == Change::Append { "append to" } else { "replace" };
            let message = format!("an override cannot {how} `{}`", shown(&key.text));
            sink.error(&key.place, Code::LoadErrYamlValidate, message);
            return None;
        }
        if !entries.has(&key.text) {
            let message =
                format!("`{}` is under `override`, but the item does not have it", shown(&key.text));
            sink.error(&key.place, Code::LoadErrYamlValidate, message);
            return None;
        }
        changes.push((key.text.as_str(), change));
    }
    if changes.is_empty() {
        sink.error(node.place(), Code::LoadErrYamlValidate, "`override` names no key");
        return None;
    }
    for (key, _) in entries.iter() {
        let is_free = matches!(key.text.as_str(), "rule" | "macro" | "list" | "override");
        let is_known = replaceable.contains(&key.text.as_str()) || appendable.contains(&key.text.as_str());
        if !is_free && is_known && !changes.iter().any(|(changed, _)| *changed == key.text) {
            let message = format!("`{}` has to be under `override` as well", shown(&key.text));
            sink.error(&key.place, Code::LoadErrYamlValidate, message);
            return None;
        }
    }
    Some(changes)
}

/// An item changes one that is not there.
fn missing<'k>(name: &Written, kind: &str, known: impl Iterator<Item = &'k str>, sink: &mut Sink) {
    let help = suggest::closest(&name.text, known)
        .map_or_else(String::new, |closest| format!("did you mean `{closest}`?"));
    let message = format!("no {kind} of the name `{}` is defined before", shown(&name.text));
    sink.add(&name.place, Level::Error, Code::LoadErrValidate, message, help);
}
