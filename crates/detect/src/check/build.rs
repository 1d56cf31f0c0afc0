//! From a written comparison to a check: fields are looked up, operators and values are held against their types.

use memchr::memmem::Finder;
use regex::bytes::RegexBuilder;
use seawall_event::EventTypes;

use super::{BytesTest, Check, Network, NumberTest, Term, Test, TextTest};
use crate::diagnostic::shown;
use crate::expr::{Compare, FieldName, Function, Operand, Operator, Right, Word};
use crate::fields::{self, FieldType, Known, Source};
use crate::glob::Glob;
use crate::limits;
use crate::prefix::Prefixes;
use crate::texts::TextSet;

/// Why a comparison cannot be made.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    /// Byte of the condition.
    pub(crate) at: usize,
    pub(crate) message: String,
    pub(crate) help: String,
    /// Whether a field, argument or event type has an unknown name.
    pub(crate) is_unknown: bool,
}

impl Problem {
    fn new(at: usize, message: impl Into<String>) -> Problem {
        Problem { at, message: message.into(), help: String::new(), is_unknown: false }
    }

    fn unknown(at: usize, unknown: fields::Unknown) -> Problem {
        let fields::Unknown { message, help, is_name } = unknown;
        Problem { at, message, help, is_unknown: is_name }
    }
}

/// Looks up the field that a text names.
pub(crate) fn field_of(written: &FieldName, source: Source) -> Result<Known, Problem> {
    fields::find(written, source).map_err(|unknown| Problem::unknown(written.at, unknown))
}

/// Makes the check. The words are those of the right side with lists expanded.
pub(crate) fn build(compare: &Compare, words: &[Word], source: Source) -> Result<Check, Problem> {
    let (left, kind) = term_of(&compare.left, source)?;
    let key = format!("{left:?} {} {}", compare.operator.name(), key_of(compare, words, kind));
    is_allowed(compare, kind)?;
    let test = match &compare.right {
        Right::Nothing => Test::Exists,
        Right::Operand(operand) => against(compare, operand, kind, source)?,
        Right::Word(_) | Right::List(_) | Right::Quantified(..) => test(compare, words, kind)?,
    };
    Ok(Check { left, test, key })
}

fn key_of(compare: &Compare, words: &[Word], kind: FieldType) -> String {
    match &compare.right {
        Right::Operand(operand) => format!("{kind:?} {operand:?}"),
        Right::Nothing | Right::Word(_) | Right::List(_) | Right::Quantified(..) => {
            let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
            format!("{kind:?} {texts:?}")
        }
    }
}

/// A term and its type.
pub(crate) fn term_of(operand: &Operand, source: Source) -> Result<(Term, FieldType), Problem> {
    match operand {
        Operand::Field(written) => {
            let known = field_of(written, source)?;
            Ok((Term::Field(known.field), known.kind))
        }
        Operand::Constant(word) => {
            let kind = if word.is_quoted { FieldType::Text } else { FieldType::Number };
            Ok((Term::Constant(word.text.clone()), kind))
        }
        Operand::List(operands) => {
            let terms =
                operands.iter().map(|operand| Ok(term_of(operand, source)?.0)).collect::<Result<_, _>>();
            Ok((Term::List(terms?), FieldType::Texts))
        }
        Operand::Call { name, arguments, at } => call(*name, arguments, *at, source),
    }
}

fn call(
    function: Function,
    arguments: &[Operand],
    at: usize,
    source: Source,
) -> Result<(Term, FieldType), Problem> {
    let mut terms = Vec::new();
    let mut kinds = Vec::new();
    for argument in arguments {
        let (term, kind) = term_of(argument, source)?;
        terms.push(term);
        kinds.push(kind);
    }
    let name = function.name();
    let is_text = |kind: &FieldType| matches!(kind, FieldType::Text | FieldType::Texts | FieldType::Bytes);
    let kind = match (function, kinds.as_slice()) {
        (Function::Value, [kind]) => *kind,
        (Function::Lower | Function::Upper | Function::BaseName | Function::Base64, [kind])
            if is_text(kind) =>
        {
            if *kind == FieldType::Texts {
                FieldType::Texts
            } else {
                FieldType::Text
            }
        }
        (Function::Length, [kind]) if is_text(kind) => FieldType::Number,
        (Function::Join, [FieldType::Text, FieldType::Texts]) => FieldType::Text,
        (Function::Concat, [_, _, ..]) => FieldType::Text,
        (Function::Join, _) => return Err(Problem::new(at, "write `join(\", \", (a, b))`")),
        (Function::Concat, _) => return Err(Problem::new(at, "`concat` takes two arguments or more")),
        (Function::GetOpt, _) => return Err(Problem::new(at, "Falco has `getopt`, Seawall has not")),
        (_, [_]) => return Err(Problem::new(at, format!("`{name}` takes a text"))),
        _ => return Err(Problem::new(at, format!("`{name}` takes one argument"))),
    };
    Ok((Term::Call(function, terms), kind))
}

/// Whether values of this type can be compared this way.
fn is_allowed(compare: &Compare, kind: FieldType) -> Result<(), Problem> {
    use Operator::*;
    let operator = compare.operator;
    let is_set = matches!(operator, In | Intersects);
    let is_equality = matches!(operator, Equal | NotEqual);
    let is_order = matches!(operator, Less | LessOrEqual | Greater | GreaterOrEqual);
    let (is_fine, name) = match kind {
        _ if operator == Exists => (true, ""),
        FieldType::Text => (!matches!(operator, ContainsBytes | StartsWithBytes), "a text"),
        FieldType::Number => (is_set || is_equality || is_order, "a number"),
        FieldType::Bool => (is_set || is_equality, "true or false"),
        FieldType::Address | FieldType::Network => (is_set || is_equality, "an address"),
        FieldType::Type => (is_set || is_equality, "the type of an event"),
        FieldType::Texts => (is_set, "a list"),
        FieldType::Bytes => {
            let is_part =
                matches!(operator, Contains | StartsWith | EndsWith | ContainsBytes | StartsWithBytes);
            (is_set || is_equality || is_part, "bytes")
        }
    };
    if is_fine {
        return Ok(());
    }
    let mut problem = Problem::new(
        compare.operator_at,
        format!("`{}` cannot be asked of {}, which is {name}", operator.name(), written(&compare.left)),
    );
    problem.help = match kind {
        FieldType::Texts => "a list knows `in`, `intersects` and `exists`".to_owned(),
        FieldType::Number => "a number knows `=`, `!=`, `<`, `<=`, `>`, `>=`, `in` and `exists`".to_owned(),
        FieldType::Address | FieldType::Network | FieldType::Bool | FieldType::Type => {
            "write `=`, `!=`, `in` or `exists`".to_owned()
        }
        FieldType::Text | FieldType::Bytes => String::new(),
    };
    Err(problem)
}

fn written(operand: &Operand) -> String {
    match operand {
        Operand::Field(field) => format!("`{}`", shown(&field.name)),
        Operand::Call { name, .. } => format!("`{}(…)`", name.name()),
        Operand::Constant(word) => format!("`{}`", shown(&word.text)),
        Operand::List(_) => "a list".to_owned(),
    }
}

fn against(compare: &Compare, operand: &Operand, kind: FieldType, source: Source) -> Result<Test, Problem> {
    let (right, right_kind) = term_of(operand, source)?;
    let same = kind == right_kind
        || matches!((kind, right_kind), (FieldType::Text, FieldType::Texts))
        || matches!(
            (kind, right_kind),
            (FieldType::Address | FieldType::Network, FieldType::Address | FieldType::Network)
        );
    if !same || compare.operator == Operator::Regex || kind == FieldType::Bytes {
        let message = format!("{} cannot be compared with {}", written(&compare.left), written(operand));
        return Err(Problem::new(compare.operator_at, message));
    }
    Ok(Test::Against(compare.operator, right))
}

fn test(compare: &Compare, words: &[Word], kind: FieldType) -> Result<Test, Problem> {
    match kind {
        FieldType::Text => text_test(compare, words).map(Test::Text),
        FieldType::Number => number_test(compare, words).map(Test::Number),
        FieldType::Bool => bool_test(compare, words),
        FieldType::Address | FieldType::Network => network_test(compare, words),
        FieldType::Bytes => bytes_test(compare, words).map(Test::Bytes),
        FieldType::Type => type_test(compare, words),
        FieldType::Texts => {
            let set = TextSet::new(words.iter().map(|word| word.text.clone()));
            Ok(if compare.operator == Operator::In { Test::All(set) } else { Test::Some(set) })
        }
    }
}

/// The one value of an operator that takes one.
fn single<'w>(compare: &Compare, words: &'w [Word]) -> Result<&'w Word, Problem> {
    match words {
        [word] => Ok(word),
        [] => Err(Problem::new(compare.operator_at, "the list has no items, and one value is needed here")),
        [_, another, ..] => {
            let mut problem = Problem::new(another.at, "one value is needed here, and the list has several");
            problem.help = "write `in (…)`".to_owned();
            Err(problem)
        }
    }
}

fn text_test(compare: &Compare, words: &[Word]) -> Result<TextTest, Problem> {
    match compare.operator {
        Operator::In | Operator::Intersects => {
            return Ok(TextTest::In(TextSet::new(words.iter().map(|word| word.text.clone()))));
        }
        Operator::PathMatch => {
            let mut prefixes = Prefixes::default();
            words.iter().for_each(|word| prefixes.insert(&word.text));
            return Ok(TextTest::PathMatch(prefixes));
        }
        Operator::Exists
        | Operator::Equal
        | Operator::NotEqual
        | Operator::Less
        | Operator::LessOrEqual
        | Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::Contains
        | Operator::ContainsIgnoringCase
        | Operator::ContainsBytes
        | Operator::StartsWith
        | Operator::StartsWithBytes
        | Operator::EndsWith
        | Operator::Glob
        | Operator::GlobIgnoringCase
        | Operator::Regex => {}
    }
    let word = single(compare, words)?;
    let text = || word.text.clone().into_boxed_str();
    Ok(match compare.operator {
        Operator::Equal => TextTest::Equal(text()),
        Operator::NotEqual => TextTest::NotEqual(text()),
        Operator::Contains => TextTest::Contains(Box::new(Finder::new(word.text.as_bytes()).into_owned())),
        Operator::ContainsIgnoringCase => {
            TextTest::ContainsIgnoringCase(word.text.to_ascii_lowercase().into_bytes().into_boxed_slice())
        }
        Operator::StartsWith => TextTest::StartsWith(text()),
        Operator::EndsWith => TextTest::EndsWith(text()),
        Operator::Glob => TextTest::Glob(Glob::new(pattern(word)?)),
        Operator::GlobIgnoringCase => TextTest::GlobIgnoringCase(Glob::ignoring_case(pattern(word)?)),
        Operator::Regex => TextTest::Regex(Box::new(regex(word)?)),
        operator @ (Operator::Less
        | Operator::LessOrEqual
        | Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::Exists
        | Operator::ContainsBytes
        | Operator::StartsWithBytes
        | Operator::In
        | Operator::Intersects
        | Operator::PathMatch) => TextTest::Ordered(operator, text()),
    })
}

fn pattern(word: &Word) -> Result<&str, Problem> {
    if word.text.len() > limits::GLOB_BYTES_MAX {
        return Err(Problem::new(word.at, format!("a pattern may have {} bytes", limits::GLOB_BYTES_MAX)));
    }
    Ok(&word.text)
}

/// The whole text has to match, as in Falco.
fn regex(word: &Word) -> Result<regex::bytes::Regex, Problem> {
    if word.text.len() > limits::REGEX_BYTES_MAX {
        let message = format!("a regular expression may have {} bytes", limits::REGEX_BYTES_MAX);
        return Err(Problem::new(word.at, message));
    }
    RegexBuilder::new(&format!("^(?:{})$", word.text))
        .unicode(false)
        .size_limit(limits::REGEX_AUTOMATON_BYTES_MAX)
        .dfa_size_limit(limits::REGEX_AUTOMATON_BYTES_MAX)
        .build()
        .map_err(|error| {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Problem::new(
                word.at,
                format!("this is no regular expression that can be used: {}", shown(reason)),
            )
        })
}

fn number_test(compare: &Compare, words: &[Word]) -> Result<NumberTest, Problem> {
    if compare.operator.takes_list() {
        let mut numbers = words.iter().map(|word| number(compare, word)).collect::<Result<Vec<_>, _>>()?;
        numbers.sort_unstable();
        return Ok(NumberTest::In(numbers));
    }
    Ok(NumberTest::Compare(compare.operator, number(compare, single(compare, words)?)?))
}

/// Decimal or hexadecimal, with a sign; what is too large for any field is the largest.
fn number(compare: &Compare, word: &Word) -> Result<i64, Problem> {
    let text = word.text.as_str();
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let parsed = match hexadecimal {
        Some(digits) => i128::from_str_radix(digits, 16).ok(),
        None => text.parse::<i128>().ok(),
    };
    let clamped = parsed.map(|number| number.clamp(i128::from(i64::MIN), i128::from(i64::MAX)));
    clamped.and_then(|number| i64::try_from(number).ok()).ok_or_else(|| {
        Problem::new(
            word.at,
            format!("`{}` is no number, and {} is one", shown(text), written(&compare.left)),
        )
    })
}

fn bool_test(compare: &Compare, words: &[Word]) -> Result<Test, Problem> {
    let word = single(compare, words)?;
    let wanted = match word.text.as_str() {
        "true" => true,
        "false" => false,
        other => {
            let message = format!("{} is `true` or `false`, not `{}`", written(&compare.left), shown(other));
            return Err(Problem::new(word.at, message));
        }
    };
    Ok(Test::Bool(wanted != (compare.operator == Operator::NotEqual)))
}

fn network_test(compare: &Compare, words: &[Word]) -> Result<Test, Problem> {
    if !compare.operator.takes_list() {
        single(compare, words)?;
    }
    let network = |word: &Word| {
        Network::parse(&word.text).ok_or_else(|| {
            Problem::new(word.at, format!("`{}` is no address and no network", shown(&word.text)))
        })
    };
    let networks = words.iter().map(network).collect::<Result<_, _>>()?;
    Ok(Test::Networks { networks, is_negated: compare.operator == Operator::NotEqual })
}

fn type_test(compare: &Compare, words: &[Word]) -> Result<Test, Problem> {
    if !compare.operator.takes_list() {
        single(compare, words)?;
    }
    let mut types = EventTypes::default();
    for word in words {
        types.insert(fields::event_type(&word.text).map_err(|unknown| Problem::unknown(word.at, unknown))?);
    }
    if compare.operator == Operator::NotEqual {
        let mut others = EventTypes::default();
        fields::all_event_types().iter().filter(|kind| !types.contains(*kind)).for_each(|k| others.insert(k));
        types = others;
    }
    Ok(Test::Types(types))
}

fn bytes_test(compare: &Compare, words: &[Word]) -> Result<BytesTest, Problem> {
    let raw = |word: &Word| word.text.clone().into_bytes().into_boxed_slice();
    if compare.operator.takes_list() {
        return Ok(BytesTest::Equal(words.iter().map(raw).collect()));
    }
    let word = single(compare, words)?;
    let is_hexadecimal = matches!(compare.operator, Operator::ContainsBytes | Operator::StartsWithBytes);
    let bytes = if is_hexadecimal { hexadecimal(word)? } else { raw(word) };
    Ok(match compare.operator {
        Operator::Equal => BytesTest::Equal(vec![bytes]),
        Operator::NotEqual => BytesTest::NotEqual(bytes),
        Operator::StartsWith | Operator::StartsWithBytes => BytesTest::StartsWith(bytes),
        Operator::EndsWith => BytesTest::EndsWith(bytes),
        Operator::Contains
        | Operator::ContainsBytes
        | Operator::Exists
        | Operator::Less
        | Operator::LessOrEqual
        | Operator::Greater
        | Operator::GreaterOrEqual
        | Operator::ContainsIgnoringCase
        | Operator::Glob
        | Operator::GlobIgnoringCase
        | Operator::Regex
        | Operator::In
        | Operator::Intersects
        | Operator::PathMatch => BytesTest::Contains(Box::new(Finder::new(&bytes).into_owned())),
    })
}

fn hexadecimal(word: &Word) -> Result<Box<[u8]>, Problem> {
    let digits = word.text.as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes = (digits.len().is_multiple_of(2) && !digits.is_empty())
        .then(|| digits.chunks(2).map(pair).collect::<Option<Vec<u8>>>())
        .flatten();
    bytes.map(Vec::into_boxed_slice).ok_or_else(|| {
        let message = format!("`{}` is no even number of hexadecimal digits", shown(&word.text));
        Problem::new(word.at, message)
    })
}
