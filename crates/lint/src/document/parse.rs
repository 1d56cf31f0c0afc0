//! Events of the YAML parser → trees.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle, Tag};
use seawall_finding::GapKind;

use super::{Entry, Node, Value};
use crate::limits::{ALIASED_NODES_MAX, DEPTH_MAX, DOCUMENTS_MAX, FILE_BYTES_MAX, NODES_MAX};

/// Why a text is no document (or what follows in it is none).
pub(crate) type Refusal = (GapKind, String);

/// The documents of a text, and why the rest of it was not read, where that is so.
pub(crate) fn parse(text: &str) -> (Vec<Arc<Node>>, Option<Refusal>) {
    parse_behind(0, text)
}

/// The same, with lines counted on from those of other texts that it is read together with.
pub(crate) fn parse_behind(lines: u32, text: &str) -> (Vec<Arc<Node>>, Option<Refusal>) {
    if text.len() > FILE_BYTES_MAX {
        return (Vec::new(), Some((GapKind::Limit, format!("larger than {FILE_BYTES_MAX} bytes"))));
    }
    let mut options = granit_parser::Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = DEPTH_MAX;
    options.block_nesting_limit = DEPTH_MAX;
    let mut build = Build::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => return (build.documents, Some(unreadable(text, &error.to_string()))),
        };
        if let Err(refusal) = build.event(event, Range::of(span, lines)) {
            return (build.documents, Some(refusal));
        }
    }
    (build.documents, None)
}

fn unreadable(text: &str, error: &str) -> Refusal {
    if text.contains("{{") {
        let reason = "a template, not a manifest: lint what `helm template` or `kustomize build` writes";
        return (GapKind::Unsupported, reason.to_owned());
    }
    (GapKind::Malformed, format!("not valid YAML: {error}"))
}

#[derive(Default)]
struct Build {
    documents: Vec<Arc<Node>>,
    open: Vec<Open>,
    anchors: HashMap<usize, Arc<Node>>,
    nodes: usize,
    aliased: usize,
}

/// A list or map that has not ended.
struct Open {
    start: usize,
    line: u32,
    anchor: usize,
    flow: bool,
    merging: Merging,
    kind: Kind,
}

enum Kind {
    List(Vec<Arc<Node>>),
    Map { entries: Vec<Entry>, key: Option<Key> },
}

struct Key {
    text: String,
    start: usize,
    column: usize,
}

/// How a node of a Compose file meets what other files say, by its tag.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Merging {
    Usual,
    /// It alone counts.
    Override,
    /// Nothing is said.
    Reset,
}

impl Merging {
    fn of(tag: Option<&Tag>) -> Merging {
        match tag.filter(|tag| tag.handle() == "!").map(Tag::suffix) {
            Some("override") => Merging::Override,
            Some("reset") => Merging::Reset,
            Some(_) | None => Merging::Usual,
        }
    }
}

/// What a merge key is spelled as.
const MERGE: &str = "<<";

impl Build {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the enum is non-exhaustive")]
    fn event(&mut self, event: Event<'_>, range: Range) -> Result<(), Refusal> {
        let Range { start, end, line, column } = range;
        match event {
            Event::DocumentStart(..) if self.documents.len() >= DOCUMENTS_MAX => {
                return Err((GapKind::Limit, format!("more than {DOCUMENTS_MAX} documents")));
            }
            Event::DocumentStart(..) => {
                self.anchors.clear();
                self.aliased = 0;
            }
            Event::Scalar(text, style, anchor, tag) => {
                let merging = Merging::of(tag.as_deref());
                let text = if merging == Merging::Reset { String::new() } else { text.into_owned() };
                let plain = style == ScalarStyle::Plain && (tag.is_none() || merging != Merging::Usual);
                let node = Node {
                    value: Value::Scalar { text, plain },
                    start,
                    end,
                    line,
                    weight: 1,
                    flow: false,
                    is_anchor: anchor != 0,
                    replaces: merging != Merging::Usual,
                };
                self.put(node, anchor, column)?;
            }
            Event::Alias(id) => {
                let Some(node) = self.anchors.get(&id).cloned() else {
                    return Err((GapKind::Malformed, "an alias of a node that contains it".to_owned()));
                };
                self.aliased = self.aliased.saturating_add(node.weight);
                if self.aliased > ALIASED_NODES_MAX {
                    let reason = format!("its aliases stand for more than {ALIASED_NODES_MAX} nodes");
                    return Err((GapKind::Limit, reason));
                }
                self.place(node, true, Range { start, end, line, column })?;
            }
            Event::SequenceStart(style, anchor, tag) => {
                let flow = style == StructureStyle::Flow;
                let merging = Merging::of(tag.as_deref());
                self.open(Open { start, line, anchor, flow, merging, kind: Kind::List(Vec::new()) })?;
            }
            Event::MappingStart(style, anchor, tag) => {
                let flow = style == StructureStyle::Flow;
                let kind = Kind::Map { entries: Vec::new(), key: None };
                let merging = Merging::of(tag.as_deref());
                self.open(Open { start, line, anchor, flow, merging, kind })?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(end, column)?,
            // Starts and ends of streams and documents; what a later version of the parser adds carries no values.
            _ => {}
        }
        Ok(())
    }

    fn open(&mut self, open: Open) -> Result<(), Refusal> {
        if self.open.len() >= DEPTH_MAX {
            return Err((GapKind::Limit, format!("nested deeper than {DEPTH_MAX}")));
        }
        self.open.push(open);
        Ok(())
    }

    fn close(&mut self, end: usize, column: usize) -> Result<(), Refusal> {
        let Some(Open { start, line, anchor, flow, merging, kind }) = self.open.pop() else { return Ok(()) };
        let (value, weight) = match kind {
            Kind::List(items) => {
                let weight = items.iter().fold(1usize, |sum, node| sum.saturating_add(node.weight));
                (Value::List(items), weight)
            }
            Kind::Map { entries, .. } => {
                let entries = self.merged(entries)?;
                let weight = entries.iter().fold(1usize, |sum, entry| sum.saturating_add(entry.node.weight));
                (Value::Map(entries), weight)
            }
        };
        let (value, weight) = match merging {
            Merging::Reset => (Value::Scalar { text: String::new(), plain: true }, 1),
            Merging::Usual | Merging::Override => (value, weight),
        };
        let replaces = merging != Merging::Usual;
        let node = Node { value, start, end, line, weight, flow, is_anchor: anchor != 0, replaces };
        self.put(node, anchor, column)
    }

    /// Puts what a merge key names before the map's own keys, which win.
    fn merged(&mut self, entries: Vec<Entry>) -> Result<Vec<Entry>, Refusal> {
        if !entries.iter().any(|entry| entry.key == MERGE) {
            return Ok(entries);
        }
        let (merges, own): (Vec<Entry>, Vec<Entry>) =
            entries.into_iter().partition(|entry| entry.key == MERGE);
        let mut all = Vec::new();
        for merge in merges {
            let sources: Vec<&Arc<Node>> = match &merge.node.value {
                // Of several, the first wins: it has to come last.
                Value::List(items) => items.iter().rev().collect(),
                Value::Map(_) | Value::Scalar { .. } => vec![&merge.node],
            };
            for source in sources {
                self.aliased = self.aliased.saturating_add(source.weight);
                if self.aliased > ALIASED_NODES_MAX {
                    let reason = format!("its merge keys stand for more than {ALIASED_NODES_MAX} nodes");
                    return Err((GapKind::Limit, reason));
                }
                all.extend(source.entries().iter().map(|entry| Entry { borrowed: true, ..entry.clone() }));
            }
        }
        all.extend(own);
        Ok(all)
    }

    fn put(&mut self, node: Node, anchor: usize, column: usize) -> Result<(), Refusal> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err((GapKind::Limit, format!("more than {NODES_MAX} nodes")));
        }
        let range = Range { start: node.start, end: node.end, line: node.line, column };
        let node = Arc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, Arc::clone(&node));
        }
        self.place(node, false, range)
    }

    /// Puts a node where the parser stands.
    fn place(&mut self, node: Arc<Node>, borrowed: bool, range: Range) -> Result<(), Refusal> {
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.documents.push(node),
            Some(Kind::List(items)) => items.push(node),
            Some(Kind::Map { entries, key, .. }) => match key.take() {
                Some(Key { text, start, column }) => {
                    entries.push(Entry { key: text, start, column, node, borrowed })
                }
                None => {
                    let Value::Scalar { text, .. } = &node.value else {
                        let reason = "a key that is a list or a map: a template that has not been rendered?";
                        return Err((GapKind::Unsupported, reason.to_owned()));
                    };
                    *key = Some(Key { text: text.clone(), start: range.start, column: range.column });
                }
            },
        }
        Ok(())
    }
}

/// Where an event stands.
struct Range {
    start: usize,
    end: usize,
    line: u32,
    column: usize,
}

impl Range {
    fn of(span: Span, lines: u32) -> Range {
        let range = span.byte_range().unwrap_or_default();
        let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX).saturating_add(lines);
        Range { start: range.start, end: range.end, line, column: span.start.col() }
    }
}
