//! YAML and JSON as a tree that knows where each node stands.
//!
//! Owns aliases, merge keys and their limits. Refuses meaning: a scalar is its text, and who asks for a number or a
//! boolean says so.

mod edit;
mod parse;

use std::sync::Arc;

pub(crate) use edit::{add, replace_scalar};
pub(crate) use parse::{Refusal, parse, parse_behind};

use seawall_inventory::workload::{Given, Origin};

/// A node of a document.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    /// First byte and the byte behind the last.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// From 1.
    pub(crate) line: u32,
    /// Nodes below, aliases counted as what they stand for.
    weight: usize,
    /// Whether it is a collection in braces or brackets.
    pub(crate) flow: bool,
    /// Whether another place of the document shows it too, so that an edit here changes there.
    is_anchor: bool,
    /// Whether it takes the place of what other files say, `!override` and `!reset` in Compose files.
    pub(crate) replaces: bool,
}

/// What a node is.
#[derive(Debug)]
pub(crate) enum Value {
    /// A text; `plain` is without quotes, so `null` and `true` mean more than their letters.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Arc<Node>>),
    /// A map, in the order of the file; a key that comes again replaces the one before.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) start: usize,
    /// Column of the key, from 0.
    pub(crate) column: usize,
    pub(crate) node: Arc<Node>,
    /// Whether it came by alias or merge key.
    pub(crate) borrowed: bool,
}

impl Node {
    pub(crate) fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar { text, plain } => {
                *plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            Value::List(_) | Value::Map(_) => false,
        }
    }

    /// The text of a scalar that is not null.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_null() => Some(text),
            Value::Scalar { .. } | Value::List(_) | Value::Map(_) => None,
        }
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            Value::Scalar { .. } | Value::List(_) => &[],
        }
    }

    pub(crate) fn is_map(&self) -> bool {
        matches!(self.value, Value::Map(_))
    }

    /// Nodes below and itself, aliases counted as what they stand for.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    fn get(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().rev().find(|entry| entry.key == key)
    }
}

/// A node with its pointer.
#[derive(Debug, Clone)]
pub(crate) struct At<'a> {
    pub(crate) node: &'a Node,
    pub(crate) pointer: String,
}

impl<'a> At<'a> {
    pub(crate) fn root(node: &'a Node) -> At<'a> {
        At { node, pointer: String::new() }
    }

    /// The value of a key, unless it is null.
    pub(crate) fn get(&self, key: &str) -> Option<At<'a>> {
        let entry = self.node.get(key)?;
        (!entry.node.is_null()).then(|| At { node: &entry.node, pointer: self.below(key) })
    }

    /// The value of a key with null ones too, and whether it takes the place of what other files say.
    pub(crate) fn said(&self, key: &str) -> Option<(Option<At<'a>>, bool)> {
        Some((self.get(key), self.node.get(key)?.node.replaces))
    }

    /// The node at the end of a path of keys.
    pub(crate) fn path(&self, keys: &[&str]) -> Option<At<'a>> {
        keys.iter().try_fold(self.clone(), |at, key| at.get(key))
    }

    fn below(&self, key: &str) -> String {
        format!("{}/{}", self.pointer, key.replace('~', "~0").replace('/', "~1"))
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin::new(self.pointer.clone(), self.node.line)
    }

    /// The values of a list.
    pub(crate) fn items(&self) -> Vec<At<'a>> {
        match &self.node.value {
            Value::List(items) => {
                let at = |(index, node): (usize, &'a Arc<Node>)| At {
                    node,
                    pointer: self.below(&index.to_string()),
                };
                items.iter().enumerate().filter(|(_, node)| !node.is_null()).map(at).collect()
            }
            Value::Scalar { .. } | Value::Map(_) => Vec::new(),
        }
    }

    /// The values of a list below a key.
    pub(crate) fn list(&self, key: &str) -> Vec<At<'a>> {
        self.get(key).map(|at| at.items()).unwrap_or_default()
    }

    /// The keys of a map with their values, null ones too; of keys that come again, the last.
    pub(crate) fn fields(&self) -> Vec<(&'a str, At<'a>)> {
        let entries = self.node.entries();
        let last = |(index, entry): &(usize, &Entry)| {
            !entries[index + 1..].iter().any(|later| later.key == entry.key)
        };
        let is_short = entries.len() <= 64;
        let at = |entry: &'a Entry| {
            (entry.key.as_str(), At { node: &entry.node, pointer: self.below(&entry.key) })
        };
        entries
            .iter()
            .enumerate()
            .filter(|entry| !is_short || last(entry))
            .map(|(_, entry)| at(entry))
            .collect()
    }

    pub(crate) fn str(&self, key: &str) -> Option<&'a str> {
        self.node.get(key)?.node.text()
    }

    pub(crate) fn text(&self, key: &str) -> Option<Given<String>> {
        self.get(key)?.given_text()
    }

    pub(crate) fn bool(&self, key: &str) -> Option<Given<bool>> {
        let at = self.get(key)?;
        Some(Given::new(boolean(at.node.text()?)?, at.origin()))
    }

    pub(crate) fn int(&self, key: &str) -> Option<Given<i64>> {
        let at = self.get(key)?;
        Some(Given::new(integer(at.node.text()?)?, at.origin()))
    }

    pub(crate) fn given_text(&self) -> Option<Given<String>> {
        Some(Given::new(self.node.text()?.to_owned(), self.origin()))
    }

    /// The texts of a list below a key.
    pub(crate) fn texts(&self, key: &str) -> Vec<Given<String>> {
        self.list(key).iter().filter_map(At::given_text).collect()
    }
}

/// A boolean in the words of YAML 1.1, which the Go libraries of Kubernetes and Compose still read.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" => Some(true),
        "false" | "no" | "off" | "n" => Some(false),
        _ => None,
    }
}

/// A whole number, with the bases that YAML has.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let text = text.trim().replace('_', "");
    let (sign, digits) = text.strip_prefix('-').map_or((1, text.as_str()), |digits| (-1, digits));
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    let lower = digits.to_ascii_lowercase();
    let based =
        |prefix: &str, base| lower.strip_prefix(prefix).map(|digits| i64::from_str_radix(digits, base).ok());
    let is_octal = |rest: &str| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit());
    let number = based("0x", 16)
        .or_else(|| based("0o", 8))
        .or_else(|| based("0b", 2))
        .or_else(|| {
            lower
                .strip_prefix('0')
                .filter(|rest| is_octal(rest))
                .map(|rest| i64::from_str_radix(rest, 8).ok())
        })
        .unwrap_or_else(|| lower.parse().ok().or_else(|| whole_float(&lower)))?;
    Some(sign * number)
}

/// `1.0` and `1e3` are whole numbers for the libraries that go through JSON.
fn whole_float(text: &str) -> Option<i64> {
    let number: f64 = text.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and small enough to be exact")]
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}
