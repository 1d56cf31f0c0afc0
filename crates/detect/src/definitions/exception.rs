//! Exceptions: values of fields for which a rule does not hold.

use super::{Change, RuleDefinition};
use crate::diagnostic::{Code, shown};
use crate::entries::{Entries, Sink, text_or_texts};
use crate::expr::{Compare, Expr, FieldName, Operand, Operator, Right, Word};
use crate::source::{Place, Written};
use crate::yaml::Node;

/// One exception of a rule.
#[derive(Debug)]
pub(crate) struct Exception {
    pub(crate) name: Written,
    fields: Vec<Written>,
    comparisons: Vec<Operator>,
    /// Whether it has one field that is no list: its values then are one list.
    is_single: bool,
    values: Vec<Node>,
}

const KEYS: [&str; 4] = ["name", "fields", "comps", "values"];

impl RuleDefinition {
    /// Takes a rule's `exceptions` in; one that is known gets more values.
    pub(super) fn add_exceptions(&mut self, node: &Node, change: Option<Change>, sink: &mut Sink) {
        let Node::Sequence(_, exceptions) = node else {
            sink.error(node.place(), Code::LoadErrYamlValidate, "`exceptions` is a list");
            return;
        };
        if change != Some(Change::Append) {
            self.exceptions.clear();
        }
        for exception in exceptions {
            let Some(entries) = Entries::of(exception, "an exception", sink) else { continue };
            entries.only(&KEYS, sink);
            let Some(name) = entries.text("name", sink) else {
                sink.error(entries.place, Code::LoadErrYamlValidate, "an exception has a `name`");
                continue;
            };
            let known = self.exceptions.iter_mut().find(|known| known.name.text == name.text);
            match (known, change) {
                (Some(known), Some(Change::Append)) => known.append(&entries, sink),
                (Some(_), _) => {
                    let message = format!("the exception `{}` is there twice", shown(&name.text));
                    sink.warning(&name.place, Code::LoadExceptionNameNotUnique, message);
                }
                (None, _) => {
                    if let Some(exception) = Exception::read(name, &entries, sink) {
                        self.exceptions.push(exception);
                    }
                }
            }
        }
    }
}

impl Exception {
    fn read(name: &Written, entries: &Entries<'_>, sink: &mut Sink) -> Option<Exception> {
        let Some(fields_node) = entries.get("fields") else {
            let message = format!("the exception `{}` has no `fields`", shown(&name.text));
            sink.error(&name.place, Code::LoadErrYamlValidate, message);
            return None;
        };
        let is_single = fields_node.scalar().is_some();
        let fields: Vec<Written> = text_or_texts(fields_node, "fields", sink)?.into_iter().cloned().collect();
        let comparisons = match entries.get("comps") {
            None => vec![if is_single { Operator::In } else { Operator::Equal }; fields.len()],
            Some(node) => {
                let mut operators = Vec::new();
                for written in text_or_texts(node, "comps", sink)? {
                    let Some(operator) = Operator::named(&written.text) else {
                        let message = format!("`{}` is no operator", shown(&written.text));
                        sink.error(&written.place, Code::LoadErrYamlValidate, message);
                        return None;
                    };
                    operators.push(operator);
                }
                operators
            }
        };
        if comparisons.len() != fields.len() {
            let (fields, comparisons) = (fields.len(), comparisons.len());
            let message = format!("there are {fields} `fields` and {comparisons} `comps`");
            sink.error(fields_node.place(), Code::LoadErrYamlValidate, message);
            return None;
        }
        let mut exception =
            Exception { name: name.clone(), fields, comparisons, is_single, values: Vec::new() };
        if let Some(values) = entries.get("values") {
            exception.add_values(values, sink);
        }
        Some(exception)
    }

    fn append(&mut self, entries: &Entries<'_>, sink: &mut Sink) {
        for key in ["fields", "comps"] {
            if let Some(node) = entries.get(key) {
                let message = format!("only `values` can be appended to an exception, not `{key}`");
                sink.error(node.place(), Code::LoadErrYamlValidate, message);
                return;
            }
        }
        match entries.get("values") {
            Some(values) => self.add_values(values, sink),
            None => {
                let message = "this appends no `values` to the exception";
                sink.warning(entries.place, Code::LoadAppendNoValues, message);
            }
        }
    }

    fn add_values(&mut self, node: &Node, sink: &mut Sink) {
        match node {
            Node::Sequence(_, values) => self.values.extend(values.iter().cloned()),
            Node::Scalar(_) if node.is_null() => {}
            Node::Scalar(_) | Node::Mapping(..) => {
                sink.error(node.place(), Code::LoadErrYamlValidate, "`values` is a list");
            }
        }
    }

    /// The exception as a condition that holds where the rule shall not; `None` where it excepts nothing. Positions
    /// count into the places.
    pub(crate) fn condition(&self, places: &mut Vec<Place>, sink: &mut Sink) -> Option<Expr> {
        if self.values.is_empty() {
            return None;
        }
        if self.is_single {
            let mut words = Vec::new();
            for value in &self.values {
                flatten(value, places, &mut words);
            }
            let (field, operator) = (self.fields.first()?, *self.comparisons.first()?);
            if operator.takes_list() {
                return Some(compare(field, operator, Right::List(words), places));
            }
            let each = words.into_iter().map(|word| compare(field, operator, Right::Word(word), places));
            return Some(Expr::Or(each.collect()));
        }
        let mut alternatives = Vec::new();
        for value in &self.values {
            let Node::Sequence(place, parts) = value else {
                let message = format!("a value of the exception `{}` is a list", shown(&self.name.text));
                sink.error(value.place(), Code::LoadErrValidate, message);
                continue;
            };
            if parts.len() != self.fields.len() {
                let message = format!("there are {} fields and {} values", self.fields.len(), parts.len());
                sink.error(place, Code::LoadErrValidate, message);
                continue;
            }
            let pairs = self.fields.iter().zip(&self.comparisons).zip(parts);
            let pair = |((field, operator), part): ((&Written, &Operator), &Node)| {
                let mut words = Vec::new();
                flatten(part, places, &mut words);
                let right = if operator.takes_list() {
                    Right::List(words)
                } else {
                    words.into_iter().next().map_or(Right::Nothing, Right::Word)
                };
                compare(field, *operator, right, places)
            };
            alternatives.push(Expr::And(pairs.map(pair).collect()));
        }
        (!alternatives.is_empty()).then_some(Expr::Or(alternatives))
    }
}

fn compare(field: &Written, operator: Operator, right: Right, places: &mut Vec<Place>) -> Expr {
    places.push(field.place.clone());
    let at = places.len() - 1;
    let (name, argument) = match field.text.split_once('[') {
        Some((name, rest)) => (name, Some(rest.trim_end_matches(']').to_owned())),
        None => (field.text.as_str(), None),
    };
    let left = Operand::Field(FieldName { name: name.to_owned(), argument, at });
    Expr::Compare(Box::new(Compare { left, operator, right, at, operator_at: at }))
}

/// The texts of a value; each may be the name of a list, in parentheses too.
fn flatten(node: &Node, places: &mut Vec<Place>, words: &mut Vec<Word>) {
    match node {
        Node::Scalar(written) => {
            places.push(written.place.clone());
            let text = written.text.trim();
            let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
            for text in inner.map_or_else(|| vec![text], |inner| inner.split(',').map(str::trim).collect()) {
                let unquoted =
                    text.chars().next().filter(|quote| matches!(quote, '"' | '\'')).and_then(|quote| {
                        let (content, length) = crate::parser::unquote(text, quote).ok()?;
                        (length == text.len()).then_some(content)
                    });
                let is_quoted = unquoted.is_some();
                let text = unquoted.unwrap_or_else(|| text.to_owned());
                words.push(Word { text, is_quoted, at: places.len() - 1 });
            }
        }
        Node::Sequence(_, elements) => elements.iter().for_each(|element| flatten(element, places, words)),
        Node::Mapping(..) => {}
    }
}
