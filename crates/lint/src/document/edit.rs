//! Changes of a document's text that leave its comments and layout alone.

use seawall_finding::Change;

use super::{Entry, Node, Value};

/// The change that puts `value` (block lines without indentation, or one scalar) under the last of `keys`, below the
/// map at `pointer`, making the maps between. Nothing where the text cannot simply be added to: a shared node, a flow
/// collection, a key that is there.
pub(crate) fn add(text: &str, root: &Node, pointer: &str, keys: &[&str], value: &str) -> Option<Change> {
    let mut node = at(root, pointer)?;
    let mut keys = keys;
    while let [key, rest @ ..] = keys {
        let Some(entry) = node.get(key) else { break };
        if entry.borrowed || entry.node.is_anchor {
            return None;
        }
        if entry.node.is_null() {
            return under_null(text, entry, keys, value);
        }
        if rest.is_empty() {
            return item(text, &entry.node, value);
        }
        node = &entry.node;
        keys = rest;
    }
    append(text, node, keys, value)
}

/// The change that replaces a scalar that is there.
pub(crate) fn replace_scalar(root: &Node, pointer: &str, value: &str) -> Option<Change> {
    let node = at(root, pointer)?;
    let is_scalar = matches!(node.value, Value::Scalar { .. });
    (is_scalar && !node.is_anchor && node.start < node.end).then(|| Change {
        start: node.start,
        end: node.end,
        text: value.to_owned(),
    })
}

/// The node at a pointer, as long as nothing on the way is shared with another place.
fn at<'a>(root: &'a Node, pointer: &str) -> Option<&'a Node> {
    let mut node = root;
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        node = match &node.value {
            Value::Map(_) => {
                let entry = node.get(&part)?;
                if entry.borrowed {
                    return None;
                }
                &entry.node
            }
            Value::List(items) => items.get(part.parse::<usize>().ok()?)?,
            Value::Scalar { .. } => return None,
        };
        if node.is_anchor {
            return None;
        }
    }
    Some(node)
}

/// Lines for `keys` and `value` at an indentation.
fn lines(keys: &[&str], value: &str, indent: usize) -> String {
    let mut text = String::new();
    let [between @ .., last] = keys else { return text };
    let mut indent = indent;
    for key in between {
        text += &format!("{:indent$}{key}:\n", "");
        indent += 2;
    }
    if value.starts_with("- ") {
        text += &format!("{:indent$}{last}:\n", "");
        for line in value.lines() {
            text += &format!("{:indent$}  {line}\n", "");
        }
    } else {
        text += &format!("{:indent$}{last}: {value}\n", "");
    }
    text
}

fn append(text: &str, node: &Node, keys: &[&str], value: &str) -> Option<Change> {
    let Value::Map(entries) = &node.value else { return None };
    if node.flow {
        return in_flow(text, node, keys, value);
    }
    let own = entries.iter().filter(|entry| !entry.borrowed).max_by_key(|entry| entry.start)?;
    Some(insert(text, last_byte(&own.node).max(own.start), &lines(keys, value, own.column)))
}

/// Into `{a: b}`, before the brace.
fn in_flow(text: &str, node: &Node, keys: &[&str], value: &str) -> Option<Change> {
    let body = text.get(node.start..node.end)?;
    let [between @ .., last] = keys else { return None };
    let is_json = body.trim_start_matches('{').trim_start().starts_with('"');
    let quoted = |key: &str| if is_json { format!("\"{key}\"") } else { key.to_owned() };
    let item = |value: &str| {
        let is_word = !matches!(value, "true" | "false") && value.parse::<i64>().is_err();
        if is_json && is_word { format!("\"{value}\"") } else { value.to_owned() }
    };
    let value = if value.starts_with("- ") {
        let items: Vec<String> = value.lines().map(|line| item(line.trim_start_matches("- "))).collect();
        format!("[{}]", items.join(", "))
    } else {
        item(value)
    };
    let opening: String = between.iter().map(|key| format!("{}: {{", quoted(key))).collect();
    let comma = if node.entries().is_empty() { "" } else { ", " };
    let text = format!("{comma}{opening}{}: {value}{}", quoted(last), "}".repeat(between.len()));
    let at =
        node.end - 1 - body.get(..body.len() - 1)?.bytes().rev().take_while(u8::is_ascii_whitespace).count();
    Some(Change { start: at, end: at, text })
}

/// Below `key:` with nothing behind it; `keys` starts with that key.
fn under_null(text: &str, entry: &Entry, keys: &[&str], value: &str) -> Option<Change> {
    let is_bare = entry.node.start == entry.node.end;
    let below = lines(keys, value, entry.column);
    let (first, below) = below.split_once('\n')?;
    (is_bare && first.ends_with(':')).then(|| insert(text, entry.start, below))
}

/// Another item of a list that is there.
fn item(text: &str, list: &Node, value: &str) -> Option<Change> {
    let (Value::List(items), Some(value)) = (&list.value, value.strip_prefix("- ")) else { return None };
    if list.flow {
        let at = list.end - 1;
        let is_json = text.get(list.start..list.end)?.contains('"');
        let value = if is_json { format!("\"{value}\"") } else { value.to_owned() };
        let comma = if items.is_empty() { "" } else { ", " };
        return Some(Change { start: at, end: at, text: format!("{comma}{value}") });
    }
    let last = items.last()?;
    let line_start = text.get(..last.start)?.rfind('\n').map_or(0, |newline| newline + 1);
    let lead = text.get(line_start..last.start)?;
    (lead.trim() == "-").then(|| insert(text, last_byte(last), &format!("{lead}{value}\n")))
}

/// The last byte that belongs to a node; a block collection's own end is where the next thing starts.
fn last_byte(node: &Node) -> usize {
    if node.flow {
        return node.end;
    }
    match &node.value {
        Value::Scalar { .. } => node.end,
        Value::List(items) => items.last().map_or(node.end, |item| last_byte(item)),
        Value::Map(entries) => {
            let own = entries.iter().filter(|entry| !entry.borrowed);
            own.map(|entry| last_byte(&entry.node).max(entry.start)).max().unwrap_or(node.end)
        }
    }
}

/// Inserts lines behind the line that holds `at`, or at `at` where a line starts there.
fn insert(text: &str, at: usize, lines: &str) -> Change {
    let at = at.min(text.len());
    let starts_line = at > 0 && text.as_bytes().get(at - 1) == Some(&b'\n');
    let position = match text.get(at..).and_then(|rest| rest.find('\n')) {
        _ if starts_line => at,
        Some(newline) => at + newline + 1,
        None => text.len(),
    };
    // As the first line ends; looking through the whole text for each finding would cost its square.
    let ends_with_cr =
        text.find('\n').is_some_and(|at| text.get(..at).is_some_and(|line| line.ends_with('\r')));
    let newline = if ends_with_cr { "\r\n" } else { "\n" };
    let lines = lines.replace('\n', newline);
    let needs_break = position == text.len() && !text.ends_with('\n') && !text.is_empty();
    let lines =
        if needs_break { format!("{newline}{}", lines.trim_end_matches(['\r', '\n'])) } else { lines };
    Change { start: position, end: position, text: lines }
}
