//! Conditions with their macros and lists put in, as parts of the program.
//!
//! A macro sees the macros and lists that were defined before its own last change; a rule sees all. So the same name
//! can be a list here and a plain word there, as in Falco.

mod tree;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::check::{self, Problem};
use crate::definitions::{Definitions, ListDefinition, MacroDefinition};
use crate::diagnostic::{Code, Level, shown};
use crate::entries::Sink;
use crate::expr::{Compare, Expr, Operand, Operator, Quantifier, Right, Word};
use crate::fields::Source;
use crate::limits;
use crate::parser;
use crate::program::{FALSE, NodeId, Program, TooMuch};
use crate::source::{Place, Text};
use crate::suggest;

pub(crate) use tree::Walk;

/// Compiles the conditions of one set of definitions.
pub(crate) struct Compiler<'d> {
    definitions: &'d Definitions,
    pub(crate) program: Program,
    pub(crate) sink: Sink,
    /// Macros that were compiled for a source; `None` for those that cannot be.
    macros: HashMap<(usize, Source), Option<NodeId>>,
    /// Macros on the way, outermost first.
    open: Vec<usize>,
    lists: HashMap<usize, Rc<Vec<Word>>>,
    used: RefCell<HashSet<Name>>,
    expanded_items: usize,
    regexes: usize,
    depth: usize,
}

#[derive(PartialEq, Eq, Hash)]
enum Name {
    List(usize),
    Macro(usize),
}

/// Why a condition was not compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failed {
    /// Because of a name that nobody knows, which a rule can ask to be left out for.
    Unknown,
    /// Something else, which was told.
    Told,
}

/// Where conditions are compiled for and from.
#[derive(Clone, Copy)]
struct Context<'c> {
    source: Source,
    /// Names defined by items before this one can be seen.
    visible: usize,
    place_of: &'c dyn Fn(usize) -> Place,
    /// Whether unknown names leave the rule out in silence.
    skips_unknown: bool,
}

impl<'d> Compiler<'d> {
    pub(crate) fn new(definitions: &'d Definitions, sink: Sink) -> Compiler<'d> {
        Compiler {
            definitions,
            program: Program::default(),
            sink,
            macros: HashMap::new(),
            open: Vec::new(),
            lists: HashMap::new(),
            used: RefCell::default(),
            expanded_items: 0,
            regexes: 0,
            depth: 0,
        }
    }

    /// A rule's own condition, or that of a step.
    pub(crate) fn condition(&mut self, text: &Text, source: Source, skips: bool) -> Result<NodeId, Failed> {
        let expr = self.parse(text)?;
        let place_of = |at| text.place_of(at);
        self.expr(&expr, Context { source, visible: usize::MAX, place_of: &place_of, skips_unknown: skips })
    }

    /// A condition that was made of other keys; positions count into the places.
    pub(crate) fn made(
        &mut self,
        expr: &Expr,
        places: &[Place],
        source: Source,
        skips: bool,
    ) -> Result<NodeId, Failed> {
        let place_of = |at: usize| places[at.min(places.len() - 1)].clone();
        self.expr(expr, Context { source, visible: usize::MAX, place_of: &place_of, skips_unknown: skips })
    }

    fn parse(&mut self, text: &Text) -> Result<Expr, Failed> {
        Expr::parse(&text.joined).map_err(|error| {
            let place = text.place_of(error.at);
            self.sink.add(&place, Level::Error, Code::LoadErrCompileCondition, error.message, error.help);
            Failed::Told
        })
    }

    fn expr(&mut self, expr: &Expr, context: Context<'_>) -> Result<NodeId, Failed> {
        // Macros in macros add up where no text is nested deeply.
        if self.depth >= limits::CONDITION_DEPTH_MAX {
            self.too_much(TooMuch::Depth, context, 0);
            return Err(Failed::Told);
        }
        self.depth += 1;
        let result = self.expr_inside(expr, context);
        self.depth -= 1;
        result
    }

    fn expr_inside(&mut self, expr: &Expr, context: Context<'_>) -> Result<NodeId, Failed> {
        let (node, at) = match expr {
            Expr::And(parts) => {
                let parts = self.each(parts, context)?;
                (self.program.and(parts), 0)
            }
            Expr::Or(parts) => {
                let parts = self.each(parts, context)?;
                (self.program.or(parts), 0)
            }
            Expr::Not(inner) => {
                let inner = self.expr(inner, context)?;
                (self.program.not(inner), 0)
            }
            Expr::Compare(compare) => return self.compare(compare, context),
            Expr::Macro { name, at } => return self.macro_at(name, *at, context),
        };
        node.map_err(|reason| self.too_much(reason, context, at))
    }

    /// All parts are looked at, so that each mistake is told.
    fn each(&mut self, parts: &[Expr], context: Context<'_>) -> Result<Vec<NodeId>, Failed> {
        let mut nodes = Vec::with_capacity(parts.len());
        let mut failures = Vec::new();
        for part in parts {
            match self.expr(part, context) {
                Ok(node) => nodes.push(node),
                Err(failed) => failures.push(failed),
            }
            if failures.len() >= limits::MISTAKES_MAX {
                break;
            }
        }
        match failures.first() {
            None => Ok(nodes),
            Some(_) if failures.contains(&Failed::Told) => Err(Failed::Told),
            Some(failed) => Err(*failed),
        }
    }

    fn too_much(&mut self, reason: TooMuch, context: Context<'_>, at: usize) -> Failed {
        let message = match reason {
            TooMuch::Depth => {
                format!("this is nested more than {} deep, macros included", limits::CONDITION_DEPTH_MAX)
            }
            TooMuch::Parts => {
                format!("all conditions together have more than {} parts", limits::CONDITION_PARTS_MAX)
            }
        };
        self.sink.error(&(context.place_of)(at), Code::LoadErrCompileCondition, message);
        Failed::Told
    }

    fn problem(&mut self, problem: Problem, context: Context<'_>) -> Failed {
        let place = (context.place_of)(problem.at);
        if problem.is_unknown && context.skips_unknown {
            self.sink.add(&place, Level::Warning, Code::LoadUnknownFilter, problem.message, problem.help);
            return Failed::Unknown;
        }
        self.sink.add(&place, Level::Error, Code::LoadErrCompileCondition, problem.message, problem.help);
        if problem.is_unknown { Failed::Unknown } else { Failed::Told }
    }

    fn compare(&mut self, compare: &Compare, context: Context<'_>) -> Result<NodeId, Failed> {
        match &compare.right {
            Right::Nothing | Right::Operand(_) => self.check(compare, &[], context),
            Right::Word(word) => {
                let words = self.expand(std::slice::from_ref(word), context)?;
                self.warn_of_na(compare, &words, context);
                self.check(compare, &words, context)
            }
            Right::List(words) => {
                let words = self.expand(words, context)?;
                self.warn_of_na(compare, &words, context);
                self.check(compare, &words, context)
            }
            Right::Quantified(quantifier, words) => {
                let words = self.expand(words, context)?;
                self.quantified(*quantifier, compare, &words, context)
            }
        }
    }

    fn check(&mut self, compare: &Compare, words: &[Word], context: Context<'_>) -> Result<NodeId, Failed> {
        if compare.operator == Operator::Regex {
            self.regexes += 1;
            if self.regexes > limits::REGEXES_MAX {
                let message = format!("there are more than {} regular expressions", limits::REGEXES_MAX);
                let place = (context.place_of)(compare.operator_at);
                self.sink.error(&place, Code::LoadErrCompileCondition, message);
                return Err(Failed::Told);
            }
        }
        let check =
            check::build(compare, words, context.source).map_err(|problem| self.problem(problem, context))?;
        self.program.check(check).map_err(|reason| self.too_much(reason, context, compare.at))
    }

    /// `contains anyof (a, b)`.
    fn quantified(
        &mut self,
        quantifier: Quantifier,
        compare: &Compare,
        words: &[Word],
        context: Context<'_>,
    ) -> Result<NodeId, Failed> {
        let mut checks = Vec::with_capacity(words.len());
        for word in words {
            checks.push(self.check(compare, std::slice::from_ref(word), context)?);
        }
        let node = match quantifier {
            Quantifier::Any => self.program.or(checks),
            Quantifier::All => self.program.and(checks),
            Quantifier::One => self.exactly_one(&checks),
        };
        node.map_err(|reason| self.too_much(reason, context, compare.at))
    }

    /// One of them and none of the others: step by step, "none so far" and "one so far".
    fn exactly_one(&mut self, checks: &[NodeId]) -> Result<NodeId, TooMuch> {
        let program = &mut self.program;
        let (mut none, mut one) = (program.and(Vec::new())?, FALSE);
        for check in checks {
            let is_not = program.not(*check)?;
            let first = program.and(vec![none, *check])?;
            let still = program.and(vec![one, is_not])?;
            one = program.or(vec![first, still])?;
            none = program.and(vec![none, is_not])?;
        }
        Ok(one)
    }

    fn macro_at(&mut self, name: &str, at: usize, context: Context<'_>) -> Result<NodeId, Failed> {
        let place = || (context.place_of)(at);
        let known = self.definitions.macros.index(name);
        let known = known.filter(|index| self.definitions.macros.all[*index].first < context.visible);
        let Some(index) = known else {
            let (message, help) = self.unknown_macro(name);
            self.sink.add(&place(), Level::Error, Code::LoadErrCompileCondition, message, help);
            return Err(Failed::Told);
        };
        self.used.borrow_mut().insert(Name::Macro(index));
        if let Some(from) = self.open.iter().position(|open| *open == index) {
            let name_of = |index: &usize| self.definitions.macros.all[*index].name.text.as_str();
            let circle: Vec<&str> = self.open[from..].iter().chain([&index]).map(name_of).collect();
            let message = format!("this macro is defined by itself: {}", shown(&circle.join(" → ")));
            self.sink.error(&place(), Code::LoadErrCompileCondition, message);
            return Err(Failed::Told);
        }
        let node = match self.macros.get(&(index, context.source)) {
            Some(node) => *node,
            None => {
                let node = self.compile_macro(index, context);
                if let Err(Failed::Unknown) = node {
                    // Another rule may want to hear of it.
                    if context.skips_unknown {
                        return Err(Failed::Unknown);
                    }
                }
                self.macros.insert((index, context.source), node.ok());
                node.ok()
            }
        };
        node.ok_or_else(|| {
            let message = format!("the macro `{}` cannot be used, see there", shown(name));
            self.sink.error(&place(), Code::LoadErrCompileCondition, message);
            Failed::Told
        })
    }

    fn compile_macro(&mut self, index: usize, context: Context<'_>) -> Result<NodeId, Failed> {
        let definition: &MacroDefinition = &self.definitions.macros.all[index];
        let item = std::mem::replace(&mut self.sink.item, format!("macro {}", shown(&definition.name.text)));
        self.open.push(index);
        let node = self.parse(&definition.condition).and_then(|expr| {
            let place_of = |at| definition.condition.place_of(at);
            let context = Context { visible: definition.last, place_of: &place_of, ..context };
            self.expr(&expr, context)
        });
        self.open.pop();
        self.sink.item = item;
        node
    }

    fn unknown_macro(&self, name: &str) -> (String, String) {
        let definitions = self.definitions;
        if definitions.macros.index(name).is_some() {
            let help = "a macro can use what is defined before it; move it down".to_owned();
            return (format!("the macro `{}` is defined further down", shown(name)), help);
        }
        if definitions.lists.index(name).is_some() {
            let help = format!("write `in ({})` behind a field", shown(name));
            return (format!("`{}` is a list, and no condition by itself", shown(name)), help);
        }
        let help = suggest::closest(name, definitions.macros.names())
            .map_or_else(String::new, |closest| format!("did you mean `{closest}`?"));
        (format!("there is no macro `{}`", shown(name)), help)
    }

    /// The words with the items of lists in the place of their names.
    fn expand(&mut self, words: &[Word], context: Context<'_>) -> Result<Vec<Word>, Failed> {
        let mut expanded = Vec::with_capacity(words.len());
        for word in words {
            let list = (!word.is_quoted).then(|| self.list_named(&word.text, context.visible)).flatten();
            let Some(list) = list else {
                expanded.push(word.clone());
                continue;
            };
            let items = self.list(list, &mut Vec::new()).map_err(|reason| {
                self.sink.error(&(context.place_of)(word.at), Code::LoadErrCompileCondition, reason);
                Failed::Told
            })?;
            self.expanded_items += items.len();
            if self.expanded_items > limits::EXPANDED_ITEMS_MAX {
                let message =
                    format!("conditions take more than {} items from lists", limits::EXPANDED_ITEMS_MAX);
                self.sink.error(&(context.place_of)(word.at), Code::LoadErrCompileCondition, message);
                return Err(Failed::Told);
            }
            expanded.extend(items.iter().map(|item| Word { at: word.at, ..item.clone() }));
        }
        Ok(expanded)
    }

    fn list_named(&self, name: &str, visible: usize) -> Option<usize> {
        let index = self.definitions.lists.index(name)?;
        if self.definitions.lists.all[index].first >= visible {
            return None;
        }
        self.used.borrow_mut().insert(Name::List(index));
        Some(index)
    }

    /// The items of a list with those of the lists in it.
    fn list(&mut self, index: usize, open: &mut Vec<usize>) -> Result<Rc<Vec<Word>>, String> {
        if let Some(known) = self.lists.get(&index) {
            return Ok(Rc::clone(known));
        }
        let definition: &ListDefinition = &self.definitions.lists.all[index];
        let name = shown(&definition.name.text);
        if open.contains(&index) {
            return Err(format!("the list `{name}` contains itself"));
        }
        if open.len() >= limits::NESTING_MAX {
            return Err(format!("the list `{name}` is one in more than {} others", limits::NESTING_MAX));
        }
        open.push(index);
        let mut words = Vec::new();
        for item in &definition.items {
            let quote = item.text.chars().next().filter(|quote| matches!(quote, '"' | '\''));
            if let Some(quote) = quote {
                let content = parser::unquote(&item.text, quote).map_err(|(_, reason)| {
                    format!("an item of the list `{name}` cannot be read: {reason}")
                })?;
                words.push(Word { text: content.0, is_quoted: true, at: 0 });
            } else if let Some(inner) = self.list_named(&item.text, definition.last) {
                words.extend(self.list(inner, open)?.iter().cloned());
            } else {
                words.push(Word { text: item.text.clone(), is_quoted: true, at: 0 });
            }
            if words.len() > limits::LIST_ITEMS_MAX {
                self.expanded_items += words.len();
                return Err(format!("the list `{name}` has more than {} items", limits::LIST_ITEMS_MAX));
            }
        }
        open.pop();
        self.expanded_items += words.len();
        let words = Rc::new(words);
        self.lists.insert(index, Rc::clone(&words));
        Ok(words)
    }

    /// Fields of the audit log are absent where other tools print `<NA>`; comparing with that does nothing.
    fn warn_of_na(&mut self, compare: &Compare, words: &[Word], context: Context<'_>) {
        let Operand::Field(field) = &compare.left else { return };
        let is_audit = field.name.starts_with("ka.") || field.name.starts_with("jevt.");
        if is_audit && words.iter().any(|word| word.text == "<NA>") {
            let message = format!("`{}` is never `<NA>`", shown(&field.name));
            let help = format!("write `not {} exists`", shown(&field.name));
            let place = (context.place_of)(compare.operator_at);
            self.sink.add(&place, Level::Warning, Code::LoadUnsafeNaCheck, message, help);
        }
    }

    /// Reads the macros that nothing uses, and warns of them and of such lists.
    pub(crate) fn finish(&mut self) {
        let definitions = self.definitions;
        for (index, definition) in definitions.macros.all.iter().enumerate() {
            if !self.used.borrow().contains(&Name::Macro(index)) {
                self.sink.item = format!("macro {}", shown(&definition.name.text));
                if self.parse(&definition.condition).is_ok() {
                    let message = "no rule uses this macro";
                    self.sink.warning(&definition.name.place, Code::LoadUnusedMacro, message);
                }
            }
        }
        for (index, definition) in definitions.lists.all.iter().enumerate() {
            if !self.used.borrow().contains(&Name::List(index)) {
                self.sink.item = format!("list {}", shown(&definition.name.text));
                self.sink.warning(&definition.name.place, Code::LoadUnusedList, "no rule uses this list");
            }
        }
    }
}
