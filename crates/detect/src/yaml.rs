//! YAML as a tree that knows its places, bounded in size and depth.
//!
//! One broken item costs that item: where a file is no YAML as a whole, each of its items is read alone.

use std::collections::HashMap;
use std::rc::Rc;

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};

use crate::diagnostic::{Code, Diagnostic, Level, shown};
use crate::limits;
use crate::source::{File, Place, Style, Written};

/// A value with its place.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Scalar(Written),
    Sequence(Place, Vec<Node>),
    Mapping(Place, Vec<(Node, Node)>),
}

impl Node {
    pub(crate) fn place(&self) -> &Place {
        match self {
            Node::Scalar(written) => &written.place,
            Node::Sequence(place, _) | Node::Mapping(place, _) => place,
        }
    }

    pub(crate) fn scalar(&self) -> Option<&Written> {
        match self {
            Node::Scalar(written) => Some(written),
            Node::Sequence(..) | Node::Mapping(..) => None,
        }
    }

    /// What it is, for people.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Node::Scalar(_) => "a value",
            Node::Sequence(..) => "a list",
            Node::Mapping(..) => "a mapping",
        }
    }

    /// Whether it is the null that stands behind a key without a value.
    pub(crate) fn is_null(&self) -> bool {
        self.scalar().is_some_and(|written| {
            written.style == Style::Plain && matches!(written.text.as_str(), "" | "~" | "null")
        })
    }
}

/// The items of a file: the elements of the sequences of all its documents.
pub(crate) fn items(file: &Rc<File>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Node> {
    let mut reader = Reader { file, nodes: 0 };
    let whole = Part { text: &file.text, byte: 0, lines: 0 };
    let documents = match reader.documents(whole) {
        Ok(documents) => documents,
        Err(error) if error.is_fatal => {
            diagnostics.push(*error.diagnostic);
            return Vec::new();
        }
        Err(whole_error) => {
            let mut documents = Vec::new();
            let before = diagnostics.len();
            for part in parts(&file.text) {
                match reader.documents(part) {
                    Ok(more) => documents.extend(more),
                    Err(error) => diagnostics.push(*error.diagnostic),
                }
                if diagnostics.len() > before + limits::DIAGNOSTICS_MAX {
                    break;
                }
            }
            // An error that no part has alone (an anchor of another part) is still one.
            if diagnostics.len() == before {
                diagnostics.push(*whole_error.diagnostic);
            }
            documents
        }
    };
    let mut items = Vec::new();
    for document in documents {
        if document.is_null() {
            continue;
        }
        match document {
            Node::Sequence(_, elements) => items.extend(elements),
            Node::Scalar(_) | Node::Mapping(..) => diagnostics.push(document.place().diagnostic(
                Level::Error,
                Code::LoadErrYamlValidate,
                format!("a rule file is a list of items, and this is {}", document.kind()),
            )),
        }
    }
    items
}

/// A stretch of a file.
#[derive(Clone, Copy)]
struct Part<'t> {
    text: &'t str,
    byte: usize,
    lines: usize,
}

/// The file cut at the lines that begin an item.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut start, mut start_line, mut byte) = (0, 0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let begins = line.starts_with("- ") || line.trim_end() == "-" || line.starts_with("---");
        if begins && byte > start {
            parts.push(Part { text: &text[start..byte], byte: start, lines: start_line });
            (start, start_line) = (byte, number);
        }
        byte += line.len();
    }
    parts.push(Part { text: &text[start..], byte: start, lines: start_line });
    parts
}

struct Reader<'f> {
    file: &'f Rc<File>,
    /// How many nodes were made, copies by aliases included.
    nodes: usize,
}

struct Failure {
    diagnostic: Box<Diagnostic>,
    /// Whether reading the parts alone is of no use.
    is_fatal: bool,
}

/// A collection that is being read.
enum Open {
    Sequence(Place, usize, Vec<Node>),
    Mapping(Place, usize, Vec<(Node, Node)>, Option<Node>),
}

impl Reader<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the parser's other events carry no value")]
    fn documents(&mut self, part: Part<'_>) -> Result<Vec<Node>, Failure> {
        let mut options = Options::default();
        options.emit_comments = false;
        let mut parser = Parser::new_from_str_with_options(part.text, options);
        let mut documents = Vec::new();
        let mut open: Vec<Open> = Vec::new();
        let mut anchors: HashMap<usize, (Node, usize)> = HashMap::new();
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| self.broken(part, &error))?;
            let place = self.place(part, &span);
            let (node, anchor) = match event {
                Event::Scalar(text, style, anchor, _) => {
                    self.count(1, &place)?;
                    let start = part.byte + span.start.byte_offset().unwrap_or_default();
                    let style = match style {
                        ScalarStyle::Plain => Style::Plain,
                        ScalarStyle::SingleQuoted => Style::SingleQuoted,
                        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
                        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                    };
                    (Node::Scalar(Written { text: text.into_owned(), place, start, style }), anchor)
                }
                Event::SequenceStart(_, anchor, _) => {
                    self.descend(&open, &place)?;
                    open.push(Open::Sequence(place, anchor, Vec::new()));
                    continue;
                }
                Event::MappingStart(_, anchor, _) => {
                    self.descend(&open, &place)?;
                    open.push(Open::Mapping(place, anchor, Vec::new(), None));
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                    Some(Open::Sequence(place, anchor, elements)) => {
                        (Node::Sequence(place, elements), anchor)
                    }
                    Some(Open::Mapping(place, anchor, entries, _)) => (Node::Mapping(place, entries), anchor),
                    None => continue,
                },
                Event::Alias(id) => {
                    let Some((node, size)) = anchors.get(&id) else {
                        return Err(failure(&place, "an alias stands inside what it repeats", false));
                    };
                    self.count(*size, &place)?;
                    (node.clone(), 0)
                }
                Event::DocumentStart(..) => {
                    anchors.clear();
                    continue;
                }
                _ => continue,
            };
            if anchor != 0 {
                anchors.insert(anchor, (node.clone(), size(&node)));
            }
            match open.last_mut() {
                None => documents.push(node),
                Some(Open::Sequence(_, _, elements)) => elements.push(node),
                Some(Open::Mapping(_, _, entries, key)) => match key.take() {
                    None => *key = Some(node),
                    Some(key) => entries.push((key, node)),
                },
            }
        }
        Ok(documents)
    }

    fn place(&self, part: Part<'_>, span: &Span) -> Place {
        Place {
            file: Rc::clone(self.file),
            line: part.lines + span.start.line(),
            column: span.start.col() + 1,
        }
    }

    fn count(&mut self, nodes: usize, place: &Place) -> Result<(), Failure> {
        self.nodes += nodes;
        if self.nodes > limits::YAML_NODES_MAX {
            let reason = format!("there are more than {} values, aliases repeated", limits::YAML_NODES_MAX);
            return Err(failure(place, &reason, true));
        }
        Ok(())
    }

    fn descend(&mut self, open: &[Open], place: &Place) -> Result<(), Failure> {
        self.count(1, place)?;
        if open.len() >= limits::YAML_DEPTH_MAX {
            let reason = format!("this is nested more than {} deep", limits::YAML_DEPTH_MAX);
            return Err(failure(place, &reason, false));
        }
        Ok(())
    }

    fn broken(&self, part: Part<'_>, error: &granit_parser::ScanError) -> Failure {
        let marker = error.marker();
        let place =
            Place { file: Rc::clone(self.file), line: part.lines + marker.line(), column: marker.col() + 1 };
        failure(&place, &format!("this is no YAML: {}", shown(&error.info())), false)
    }
}

fn failure(place: &Place, message: &str, is_fatal: bool) -> Failure {
    Failure {
        diagnostic: Box::new(place.diagnostic(Level::Error, Code::LoadErrYamlParse, message)),
        is_fatal,
    }
}

fn size(node: &Node) -> usize {
    match node {
        Node::Scalar(_) => 1,
        Node::Sequence(_, elements) => 1 + elements.iter().map(size).sum::<usize>(),
        Node::Mapping(_, entries) => 1 + entries.iter().map(|(k, v)| size(k) + size(v)).sum::<usize>(),
    }
}
