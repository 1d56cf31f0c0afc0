//! A condition asked of one event, part by part, with what each part looked at.
//!
//! The program (`program.rs`) simplifies and shares, which is quick and forgets how a rule was written; this walks the
//! conditions as they are written and forgets nothing. A test holds the two against each other.

use super::{Compiler, Context, Failed};
use crate::check::{self, Term};
use crate::definitions::RuleDefinition;
use crate::diagnostic::{Code, shown};
use crate::explain::{Asked, Branch, Matched, Part};
use crate::expr::{Compare, Expr, FieldName, Operand, Quantifier, Right, Word};
use crate::fields::Source;
use crate::limits;
use crate::source::Text;
use crate::value::Occurrence;

/// What the walk carries along.
pub(crate) struct Walk<'o> {
    pub(crate) occurrence: Occurrence<'o>,
    /// Parts so far: macros in macros multiply.
    pub(crate) parts: usize,
}

impl Compiler<'_> {
    /// A rule's condition with exceptions and scope: what `load` joins.
    pub(crate) fn tree_of_rule(
        &mut self,
        rule: &RuleDefinition,
        walk: &mut Walk<'_>,
    ) -> Result<Branch, Failed> {
        let condition = self.tree_of_text(&rule.condition, rule.source, walk)?;
        let mut branches = match condition {
            Branch { part: Part::All, branches, .. } => branches,
            other => vec![other],
        };
        for exception in &rule.exceptions {
            let mut places = Vec::new();
            let Some(expr) = exception.condition(&mut places, &mut self.sink) else { continue };
            let place_of = |at: usize| places[at.min(places.len() - 1)].clone();
            let context = Context {
                source: rule.source,
                visible: usize::MAX,
                place_of: &place_of,
                skips_unknown: false,
            };
            let inner = self.tree(&expr, context, walk)?;
            let name = shown(&exception.name.text);
            branches.push(Branch::of(Part::Exception { name }, !inner.holds, vec![inner]));
        }
        let mut places = Vec::new();
        if let Some(expr) = rule.extension.scope(&mut places) {
            let place_of = |at: usize| places[at.min(places.len() - 1)].clone();
            let context = Context {
                source: rule.source,
                visible: usize::MAX,
                place_of: &place_of,
                skips_unknown: false,
            };
            let inner = self.tree(&expr, context, walk)?;
            branches.push(Branch::of(Part::Scope, inner.holds, vec![inner]));
        }
        Ok(Branch::of(Part::All, branches.iter().all(|branch| branch.holds), branches))
    }

    /// A condition by itself: that of a rule, or of a step.
    pub(crate) fn tree_of_text(
        &mut self,
        text: &Text,
        source: Source,
        walk: &mut Walk<'_>,
    ) -> Result<Branch, Failed> {
        let expr = self.parse(text)?;
        let place_of = |at| text.place_of(at);
        let context = Context { source, visible: usize::MAX, place_of: &place_of, skips_unknown: false };
        self.tree(&expr, context, walk)
    }

    fn tree(&mut self, expr: &Expr, context: Context<'_>, walk: &mut Walk<'_>) -> Result<Branch, Failed> {
        walk.parts += 1;
        if walk.parts > limits::EXPLAINED_PARTS_MAX || self.depth >= limits::CONDITION_DEPTH_MAX {
            let message =
                format!("the rule has too many parts to be shown ({})", limits::EXPLAINED_PARTS_MAX);
            self.sink.error(&(context.place_of)(0), Code::LoadErrCompileCondition, message);
            return Err(Failed::Told);
        }
        self.depth += 1;
        let branch = match expr {
            Expr::And(parts) => self
                .trees(parts, context, walk)
                .map(|branches| Branch::of(Part::All, branches.iter().all(|branch| branch.holds), branches)),
            Expr::Or(parts) => self
                .trees(parts, context, walk)
                .map(|branches| Branch::of(Part::Any, branches.iter().any(|branch| branch.holds), branches)),
            Expr::Not(inner) => {
                self.tree(inner, context, walk).map(|inner| Branch::of(Part::Not, !inner.holds, vec![inner]))
            }
            Expr::Macro { name, at } => self.tree_of_macro(name, *at, context, walk),
            Expr::Compare(compare) => self.leaf(compare, context, walk),
        };
        self.depth -= 1;
        branch
    }

    fn trees(
        &mut self,
        parts: &[Expr],
        context: Context<'_>,
        walk: &mut Walk<'_>,
    ) -> Result<Vec<Branch>, Failed> {
        parts.iter().map(|part| self.tree(part, context, walk)).collect()
    }

    fn tree_of_macro(
        &mut self,
        name: &str,
        at: usize,
        context: Context<'_>,
        walk: &mut Walk<'_>,
    ) -> Result<Branch, Failed> {
        // Whether it can be seen from here and is no circle is what compiling it finds out and tells.
        self.macro_at(name, at, context)?;
        let definitions = self.definitions;
        let Some(definition) = definitions.macros.get(name) else { return Err(Failed::Told) };
        let expr = self.parse(&definition.condition)?;
        let place_of = |at| definition.condition.place_of(at);
        let inner =
            self.tree(&expr, Context { visible: definition.last, place_of: &place_of, ..context }, walk)?;
        Ok(Branch::of(Part::Macro { name: shown(name) }, inner.holds, vec![inner]))
    }

    fn leaf(&mut self, compare: &Compare, context: Context<'_>, walk: &Walk<'_>) -> Result<Branch, Failed> {
        let written: &[Word] = match &compare.right {
            Right::Nothing | Right::Operand(_) => &[],
            Right::Word(word) => std::slice::from_ref(word),
            Right::List(words) | Right::Quantified(_, words) => words,
        };
        let words = self.expand(written, context)?;
        let holds_for = |words: &[Word]| check::build(compare, words, context.source);
        let quantified = match &compare.right {
            Right::Quantified(quantifier, _) => Some(*quantifier),
            Right::Nothing | Right::Operand(_) | Right::Word(_) | Right::List(_) => None,
        };
        let mut holds_each = Vec::new();
        if quantified.is_some() || compare.operator.takes_list() {
            for word in &words {
                let check = holds_for(std::slice::from_ref(word))
                    .map_err(|problem| self.problem(problem, context))?;
                holds_each.push(check.holds(walk.occurrence));
            }
        }
        let holding = holds_each.iter().filter(|holds| **holds).count();
        let holds = match quantified {
            Some(Quantifier::Any) => holding > 0,
            Some(Quantifier::All) => holding == words.len(),
            Some(Quantifier::One) => holding == 1,
            None => {
                let check = holds_for(&words).map_err(|problem| self.problem(problem, context))?;
                check.holds(walk.occurrence)
            }
        };
        let first = holds_each.iter().position(|holds| *holds);
        let matched = first.and_then(|at| words.get(at)).map(|word| self.matched(word, written, context));
        let (left, _) = check::term_of(&compare.left, context.source)
            .map_err(|problem| self.problem(problem, context))?;
        let asked = Asked {
            condition: condition(compare, written),
            field: operand(&compare.left),
            value: value(&left, walk),
            other: match &compare.right {
                Right::Operand(right) => {
                    check::term_of(right, context.source).ok().and_then(|(right, _)| value(&right, walk))
                }
                Right::Nothing | Right::Word(_) | Right::List(_) | Right::Quantified(..) => None,
            },
            matched,
        };
        Ok(Branch::of(Part::Asked(Box::new(asked)), holds, Vec::new()))
    }

    /// The word that matched, and the list among the written words that it came from.
    fn matched(&mut self, word: &Word, written: &[Word], context: Context<'_>) -> Matched {
        let list = written.iter().find(|name| {
            let list = (!name.is_quoted).then(|| self.list_named(&name.text, context.visible)).flatten();
            let items = list.and_then(|list| self.list(list, &mut Vec::new()).ok());
            items.is_some_and(|items| items.iter().any(|item| item.text == word.text))
        });
        Matched { item: shown(&word.text), list: list.map(|list| shown(&list.text)) }
    }
}

/// The value of a term as text; `None` where it is absent.
fn value(term: &Term, walk: &Walk<'_>) -> Option<String> {
    let value = term.value(walk.occurrence);
    value.render().map(|text| crate::output::printable(&text, limits::FIELD_BYTES_MAX))
}

/// A comparison on one line, lists by their names.
fn condition(compare: &Compare, words: &[Word]) -> String {
    let (left, operator) = (operand(&compare.left), compare.operator.name());
    match &compare.right {
        Right::Nothing => format!("{left} {operator}"),
        Right::Word(_) => format!("{left} {operator} {}", words.first().map(word).unwrap_or_default()),
        Right::List(_) => format!("{left} {operator} ({})", list(words)),
        Right::Quantified(quantifier, _) => {
            let name = match quantifier {
                Quantifier::One => "oneof",
                Quantifier::Any => "anyof",
                Quantifier::All => "allof",
            };
            format!("{left} {operator} {name} ({})", list(words))
        }
        Right::Operand(right @ Operand::Field(_)) => format!("{left} {operator} val({})", operand(right)),
        Right::Operand(right) => format!("{left} {operator} {}", operand(right)),
    }
}

/// Words before the rest is counted.
const WORDS_SHOWN: usize = 8;

fn list(words: &[Word]) -> String {
    let mut shown: Vec<String> = words.iter().take(WORDS_SHOWN).map(word).collect();
    if words.len() > WORDS_SHOWN {
        shown.push(format!("… {} more", words.len() - WORDS_SHOWN));
    }
    shown.join(", ")
}

fn word(word: &Word) -> String {
    let text = shown(&word.text);
    if word.is_quoted { format!("\"{text}\"") } else { text }
}

fn operand(operand_of: &Operand) -> String {
    match operand_of {
        Operand::Field(FieldName { name, argument: Some(argument), .. }) => {
            format!("{}[{}]", shown(name), shown(argument))
        }
        Operand::Field(FieldName { name, argument: None, .. }) => shown(name),
        Operand::Call { name, arguments, .. } => {
            format!("{}({})", name.name(), arguments.iter().map(operand).collect::<Vec<_>>().join(", "))
        }
        Operand::Constant(constant) => word(constant),
        Operand::List(items) => format!("({})", items.iter().map(operand).collect::<Vec<_>>().join(", ")),
    }
}
