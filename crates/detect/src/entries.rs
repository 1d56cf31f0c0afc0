//! Reading the keys of an item, with what is wrong about them.

use crate::diagnostic::{Code, Diagnostic, Level, shown};
use crate::limits;
use crate::source::{Place, Written};
use crate::suggest;
use crate::yaml::Node;

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The item that is being looked at.
    pub(crate) item: String,
}

impl Sink {
    pub(crate) fn error(&mut self, place: &Place, code: Code, message: impl Into<String>) {
        self.add(place, Level::Error, code, message.into(), String::new());
    }

    pub(crate) fn warning(&mut self, place: &Place, code: Code, message: impl Into<String>) {
        self.add(place, Level::Warning, code, message.into(), String::new());
    }

    pub(crate) fn add(&mut self, place: &Place, level: Level, code: Code, message: String, help: String) {
        if self.diagnostics.len() > limits::DIAGNOSTICS_MAX {
            return;
        }
        let diagnostic =
            Diagnostic { item: self.item.clone(), help, ..place.diagnostic(level, code, message) };
        self.push(diagnostic);
    }

    /// Beyond the limit one last diagnostic says that there are more.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.contains(&diagnostic) {
            return;
        }
        match self.diagnostics.len() {
            n if n < limits::DIAGNOSTICS_MAX => self.diagnostics.push(diagnostic),
            n if n == limits::DIAGNOSTICS_MAX => self.diagnostics.push(Diagnostic {
                level: Level::Error,
                message: format!("there are more than {n} diagnostics; the others are not shown"),
                help: String::new(),
                ..diagnostic
            }),
            _ => {}
        }
    }
}

/// The keys of an item.
pub(crate) struct Entries<'n> {
    pub(crate) place: &'n Place,
    entries: Vec<(&'n Written, &'n Node)>,
}

impl<'n> Entries<'n> {
    /// The keys of a mapping; what is no mapping is told.
    pub(crate) fn of(node: &'n Node, what: &str, sink: &mut Sink) -> Option<Entries<'n>> {
        let Node::Mapping(place, pairs) = node else {
            let message = format!("{what} is a mapping of keys, and this is {}", node.kind());
            sink.error(node.place(), Code::LoadErrYamlValidate, message);
            return None;
        };
        let mut entries: Vec<(&Written, &Node)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            let Some(key) = key.scalar() else {
                sink.error(key.place(), Code::LoadErrYamlValidate, "a key is a word");
                continue;
            };
            if entries.iter().any(|(known, _)| known.text == key.text) {
                let message =
                    format!("the key `{}` stands here twice; the first one counts", shown(&key.text));
                sink.warning(&key.place, Code::LoadUnknownItem, message);
                continue;
            }
            entries.push((key, value));
        }
        Some(Entries { place, entries })
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entries.iter().find(|(known, _)| known.text == key).map(|(_, value)| *value)
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'n Written, &'n Node)> {
        self.entries.iter().copied()
    }

    /// Warns of keys that nobody knows.
    pub(crate) fn only(&self, allowed: &[&str], sink: &mut Sink) {
        for (key, _) in &self.entries {
            if allowed.contains(&key.text.as_str()) {
                continue;
            }
            let help = suggest::closest(&key.text, allowed.iter().copied())
                .map_or_else(String::new, |closest| format!("did you mean `{closest}`?"));
            let message = format!("the key `{}` is not known", shown(&key.text));
            sink.add(&key.place, Level::Warning, Code::LoadUnknownItem, message, help);
        }
    }

    /// A text, where the key is there.
    pub(crate) fn text(&self, key: &str, sink: &mut Sink) -> Option<&'n Written> {
        let node = self.get(key)?;
        let written = node.scalar().filter(|_| !node.is_null());
        if written.is_none() {
            let found = if node.is_null() { "nothing" } else { node.kind() };
            let message = format!("`{key}` takes a text, and this is {found}");
            sink.error(node.place(), Code::LoadErrYamlValidate, message);
        }
        written
    }

    /// `true` or `false`, where the key is there.
    pub(crate) fn flag(&self, key: &str, sink: &mut Sink) -> Option<bool> {
        let written = self.text(key, sink)?;
        match written.text.as_str() {
            "true" | "True" | "TRUE" | "yes" | "on" => Some(true),
            "false" | "False" | "FALSE" | "no" | "off" => Some(false),
            other => {
                let message = format!("`{key}` is `true` or `false`, not `{}`", shown(other));
                sink.error(&written.place, Code::LoadErrYamlValidate, message);
                None
            }
        }
    }

    /// A number, where the key is there.
    pub(crate) fn number(&self, key: &str, sink: &mut Sink) -> Option<u64> {
        let written = self.text(key, sink)?;
        let number = written.text.parse().ok();
        if number.is_none() {
            let message = format!("`{key}` is a number, not `{}`", shown(&written.text));
            sink.error(&written.place, Code::LoadErrYamlValidate, message);
        }
        number
    }
}

/// The texts of a list; one text is a list of one where that is allowed.
pub(crate) fn texts<'n>(node: &'n Node, key: &str, sink: &mut Sink) -> Option<Vec<&'n Written>> {
    let Node::Sequence(_, elements) = node else {
        let message = format!("`{key}` is a list, and this is {}", node.kind());
        sink.error(node.place(), Code::LoadErrYamlValidate, message);
        return None;
    };
    let mut texts = Vec::with_capacity(elements.len());
    for element in elements {
        match element.scalar() {
            Some(written) => texts.push(written),
            None => {
                let message = format!("an element of `{key}` is a text, and this is {}", element.kind());
                sink.error(element.place(), Code::LoadErrYamlValidate, message);
                return None;
            }
        }
    }
    Some(texts)
}

/// The same, where one text may stand alone.
pub(crate) fn text_or_texts<'n>(node: &'n Node, key: &str, sink: &mut Sink) -> Option<Vec<&'n Written>> {
    match node.scalar() {
        Some(written) if !node.is_null() => Some(vec![written]),
        Some(_) | None => texts(node, key, sink),
    }
}
