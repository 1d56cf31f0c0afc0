//! One comparison, ready to be asked of many events.
//!
//! The rule that everything here follows: a field that is absent compares false with every operator, `!=` included;
//! only `not` turns that round.

mod build;
mod term;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::rc::Rc;

use memchr::memmem::Finder;
use regex::bytes::Regex;
use seawall_event::EventTypes;

use crate::dispatch::Names;
use crate::expr::Operator;
use crate::fields::{Field, FieldId};
use crate::glob::Glob;
use crate::limits;
use crate::prefix::Prefixes;
use crate::texts::TextSet;
use crate::value::{Occurrence, Value};

pub(crate) use build::{Problem, build, field_of, term_of};
pub(crate) use term::Term;

/// A comparison.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) left: Term,
    pub(crate) test: Test,
    /// As it was written, lists expanded: what makes two checks the same.
    pub(crate) key: String,
}

/// What is asked of a value.
#[derive(Debug)]
pub(crate) enum Test {
    Exists,
    Text(TextTest),
    Number(NumberTest),
    Bool(bool),
    /// Whether an address is in one of these networks; or in none.
    Networks {
        networks: Vec<Network>,
        is_negated: bool,
    },
    Bytes(BytesTest),
    /// Whether all of several texts are in the set.
    All(TextSet),
    /// Whether one of several texts is in the set.
    Some(TextSet),
    Types(EventTypes),
    /// Compared with another value of the event.
    Against(Operator, Term),
}

/// A question about a text.
#[derive(Debug)]
pub(crate) enum TextTest {
    Equal(Box<str>),
    NotEqual(Box<str>),
    /// By bytes.
    Ordered(Operator, Box<str>),
    Contains(Box<Finder<'static>>),
    ContainsIgnoringCase(Box<[u8]>),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    Glob(Glob),
    GlobIgnoringCase(Glob),
    Regex(Box<Regex>),
    In(TextSet),
    PathMatch(Prefixes),
}

/// A question about a number.
#[derive(Debug)]
pub(crate) enum NumberTest {
    Compare(Operator, i64),
    /// Sorted.
    In(Vec<i64>),
}

/// A question about bytes.
#[derive(Debug)]
pub(crate) enum BytesTest {
    Equal(Vec<Box<[u8]>>),
    NotEqual(Box<[u8]>),
    Contains(Box<Finder<'static>>),
    StartsWith(Box<[u8]>),
    EndsWith(Box<[u8]>),
}

/// A network, or one address with all its bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    pub(crate) fn parse(text: &str) -> Option<Network> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address.parse().ok()?, bits.parse().ok()?),
            None => {
                let address: IpAddr = text.parse().ok()?;
                (address, if address.is_ipv4() { 32 } else { 128 })
            }
        };
        // IPv4 in the form of IPv6 is IPv4, as addresses of events are.
        let (address, bits) = match address.to_canonical() {
            IpAddr::V4(inner) if address.is_ipv6() && bits >= 96 => (IpAddr::V4(inner), bits - 96),
            IpAddr::V4(_) | IpAddr::V6(_) => (address, bits),
        };
        (bits <= if address.is_ipv4() { 32 } else { 128 }).then_some(Network { address, bits })
    }

    /// The address and how many of its bits count.
    pub(crate) fn parts(self) -> (IpAddr, u8) {
        (self.address, self.bits)
    }

    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.bits);
                u32::from(network).checked_shr(shift) == u32::from(address).checked_shr(shift)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.bits);
                u128::from(network).checked_shr(shift) == u128::from(address).checked_shr(shift)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl Check {
    /// The process names of which it needs one; `None` where any will do.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other questions fix no name")]
    pub(crate) fn names(&self) -> Names {
        let Term::Field(field) = &self.left else { return None };
        if field.id != FieldId::ProcName {
            return None;
        }
        match &self.test {
            Test::Text(TextTest::Equal(name)) => Some(Rc::new(BTreeSet::from([name.clone()]))),
            Test::Text(TextTest::In(set)) if set.iter().count() <= limits::NAMES_MAX => {
                Some(Rc::new(set.iter().map(Box::from).collect()))
            }
            _ => None,
        }
    }

    /// The names that it compares those of an address with.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other questions name none")]
    pub(crate) fn names_of_address(&self) -> Vec<&str> {
        let is_it = matches!(&self.left, Term::Field(field) if field.is_name_of_address());
        match &self.test {
            Test::Text(TextTest::Equal(name) | TextTest::NotEqual(name)) if is_it => vec![name],
            Test::Text(TextTest::In(names)) if is_it => names.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it holds for an event.
    #[inline]
    pub(crate) fn holds(&self, occurrence: Occurrence<'_>) -> bool {
        // The most frequent questions, without a detour over a value that could be anything.
        if let (Test::Text(test), Term::Field(field), Occurrence::Syscall(event)) =
            (&self.test, &self.left, occurrence)
            && let Some(text) = field.plain_text(event)
        {
            return text.is_some_and(|text| test.holds(text));
        }
        let value = self.left.value(occurrence);
        self.test.holds(&value, occurrence)
    }

    /// Whether it looks at a field of which this holds.
    pub(crate) fn looks_at(&self, is_it: &impl Fn(&Field) -> bool) -> bool {
        let right = matches!(&self.test, Test::Against(_, right) if right.looks_at(is_it));
        right || self.left.looks_at(is_it)
    }

    /// Nanoseconds, roughly, and how likely it holds: for the order of questions.
    pub(crate) fn cost(&self) -> (f64, f64) {
        let (left, is_walk) = match &self.left {
            Term::Field(known) if known.is_made() => (80.0, false),
            Term::Field(known) => {
                let is_walk = known.argument == crate::fields::Argument::None && known.is_ancestors();
                (if is_walk { 40.0 } else { 2.0 }, is_walk)
            }
            Term::Call(..) | Term::Constant(_) | Term::List(_) => (80.0, false),
        };
        let (test, likely) = match &self.test {
            Test::Exists => (0.5, 0.9),
            Test::Bool(wanted) => (0.5, if *wanted { 0.2 } else { 0.7 }),
            Test::Types(_) => (0.5, 0.1),
            Test::Number(NumberTest::Compare(Operator::Equal, _)) => (0.5, 0.1),
            Test::Number(NumberTest::Compare(Operator::NotEqual, _)) => (0.5, 0.8),
            Test::Number(NumberTest::Compare(..)) => (0.5, 0.5),
            Test::Number(NumberTest::In(_)) => (3.0, 0.1),
            Test::Text(TextTest::Equal(_)) => (2.0, 0.05),
            Test::Text(TextTest::NotEqual(_)) => (2.0, 0.9),
            Test::Text(TextTest::In(_)) => (4.0, 0.1),
            Test::Text(TextTest::StartsWith(_) | TextTest::EndsWith(_) | TextTest::Ordered(..)) => (2.5, 0.1),
            Test::Text(TextTest::Contains(_)) => (15.0, 0.1),
            Test::Text(TextTest::ContainsIgnoringCase(_)) => (60.0, 0.1),
            Test::Text(TextTest::PathMatch(_)) => (40.0, 0.1),
            Test::Text(TextTest::Glob(_)) => (10.0, 0.1),
            Test::Text(TextTest::GlobIgnoringCase(_)) => (60.0, 0.1),
            Test::Text(TextTest::Regex(_)) => (200.0, 0.1),
            Test::Networks { is_negated, .. } => (5.0, if *is_negated { 0.9 } else { 0.2 }),
            Test::Bytes(_) => (30.0, 0.1),
            Test::All(_) | Test::Some(_) => (20.0, 0.2),
            Test::Against(..) => (20.0, 0.3),
        };
        (left + test * if is_walk { 10.0 } else { 1.0 }, likely)
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "one kind of test is asked for")]
impl Test {
    /// The types that a test of the event's type accepts.
    pub(crate) fn types(&self) -> Option<&EventTypes> {
        match self {
            Test::Types(types) => Some(types),
            _ => None,
        }
    }

    /// Whether a test of numbers holds for this one; another test holds for none.
    pub(crate) fn holds_for(&self, number: i64) -> bool {
        match self {
            Test::Number(test) => test.holds(number),
            _ => false,
        }
    }

    /// Whether it asks for a member of an empty list.
    pub(crate) fn is_of_nothing(&self) -> bool {
        match self {
            Test::Text(TextTest::In(set)) | Test::Some(set) => set.is_empty(),
            Test::Number(NumberTest::In(numbers)) => numbers.is_empty(),
            _ => false,
        }
    }
}

impl Test {
    fn holds(&self, value: &Value<'_>, occurrence: Occurrence<'_>) -> bool {
        match (self, value) {
            (_, Value::Absent) => false,
            (Test::Exists, Value::Names(names)) => !names.is_empty(),
            (Test::Exists, _) => true,
            // As in Falco, an address without this name has another one, or none.
            (Test::Text(test @ TextTest::NotEqual(_)), Value::Names(names)) => {
                names.iter().all(|name| test.holds(name))
            }
            (Test::Text(test), Value::Names(names)) => names.iter().any(|name| test.holds(name)),
            (Test::Text(test), Value::Text(text)) => test.holds(text),
            (Test::Text(test), Value::Ancestors(process, text)) => {
                process.ancestors().filter_map(|ancestor| text.of(ancestor)).any(|text| test.holds(text))
            }
            (Test::Number(test), Value::Number(number)) => test.holds(*number),
            (Test::Number(test), Value::Ports(ports)) => {
                let mut ports = ports.iter().flatten().map(|port| i64::from(*port));
                match test {
                    NumberTest::Compare(Operator::NotEqual, _) => ports.all(|port| test.holds(port)),
                    NumberTest::Compare(..) | NumberTest::In(_) => ports.any(|port| test.holds(port)),
                }
            }
            (Test::Bool(wanted), Value::Bool(answer)) => wanted == answer,
            (Test::Networks { networks, is_negated }, Value::Addresses(addresses)) => {
                let is_in = |address: &IpAddr| networks.iter().any(|network| network.contains(*address));
                addresses.iter().flatten().any(is_in) != *is_negated
            }
            (Test::Bytes(test), Value::Bytes(bytes)) => test.holds(bytes),
            (Test::All(set), Value::Texts(texts)) => texts.iter().all(|text| set.contains(text)),
            (Test::Some(set), Value::Texts(texts)) => texts.iter().any(|text| set.contains(text)),
            (Test::Types(types), Value::Type(kind)) => types.contains(*kind),
            (Test::Against(operator, right), _) => {
                let right = right.value(occurrence);
                against(*operator, value, &right)
            }
            // The builder pairs tests with the types of fields; nothing else is asked.
            _ => false,
        }
    }
}

impl TextTest {
    /// As it was written, where that is kept.
    pub(crate) fn shown(&self) -> String {
        match self {
            TextTest::Equal(text) => format!("= {text}"),
            TextTest::NotEqual(text) => format!("!= {text}"),
            TextTest::Ordered(operator, text) => format!("{} {text}", operator.name()),
            TextTest::Contains(finder) => format!("contains {}", String::from_utf8_lossy(finder.needle())),
            TextTest::ContainsIgnoringCase(text) => format!("icontains {}", String::from_utf8_lossy(text)),
            TextTest::StartsWith(text) => format!("startswith {text}"),
            TextTest::EndsWith(text) => format!("endswith {text}"),
            TextTest::Glob(_) => "glob …".to_owned(),
            TextTest::GlobIgnoringCase(_) => "iglob …".to_owned(),
            TextTest::Regex(regex) => format!("regex {regex}"),
            TextTest::In(set) => format!("in ({})", set.iter().take(3).collect::<Vec<_>>().join(", ")),
            TextTest::PathMatch(_) => "pmatch (…)".to_owned(),
        }
    }

    #[inline]
    pub(crate) fn holds(&self, text: &str) -> bool {
        match self {
            TextTest::Equal(wanted) => text == &**wanted,
            TextTest::NotEqual(unwanted) => text != &**unwanted,
            TextTest::Ordered(operator, other) => ordered(*operator, text.as_bytes().cmp(other.as_bytes())),
            TextTest::Contains(finder) => finder.find(text.as_bytes()).is_some(),
            TextTest::ContainsIgnoringCase(needle) => contains_ignoring_case(text.as_bytes(), needle),
            TextTest::StartsWith(start) => text.starts_with(&**start),
            TextTest::EndsWith(end) => text.ends_with(&**end),
            TextTest::Glob(glob) => glob.matches(text),
            TextTest::GlobIgnoringCase(glob) => glob.matches_ignoring_case(text),
            TextTest::Regex(regex) => regex.is_match(text.as_bytes()),
            TextTest::In(set) => set.contains(text),
            TextTest::PathMatch(prefixes) => prefixes.matches(text),
        }
    }
}

impl NumberTest {
    #[inline]
    fn holds(&self, number: i64) -> bool {
        match self {
            NumberTest::Compare(operator, other) => ordered(*operator, number.cmp(other)),
            NumberTest::In(numbers) => numbers.binary_search(&number).is_ok(),
        }
    }
}

impl BytesTest {
    fn holds(&self, bytes: &[u8]) -> bool {
        match self {
            BytesTest::Equal(wanted) => wanted.iter().any(|wanted| &**wanted == bytes),
            BytesTest::NotEqual(unwanted) => &**unwanted != bytes,
            BytesTest::Contains(finder) => finder.find(bytes).is_some(),
            BytesTest::StartsWith(start) => bytes.starts_with(start),
            BytesTest::EndsWith(end) => bytes.ends_with(end),
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the other operators order nothing")]
fn ordered(operator: Operator, ordering: std::cmp::Ordering) -> bool {
    match operator {
        Operator::Equal => ordering.is_eq(),
        Operator::NotEqual => ordering.is_ne(),
        Operator::Less => ordering.is_lt(),
        Operator::LessOrEqual => ordering.is_le(),
        Operator::Greater => ordering.is_gt(),
        Operator::GreaterOrEqual => ordering.is_ge(),
        _ => false,
    }
}

/// The needle is in lower case.
fn contains_ignoring_case(text: &[u8], needle: &[u8]) -> bool {
    let Some((first, rest)) = needle.split_first() else { return true };
    let mut from = 0;
    while let Some(found) = memchr::memchr2(*first, first.to_ascii_uppercase(), &text[from..]) {
        let tail = &text[from + found + 1..];
        if tail.len() < rest.len() {
            return false;
        }
        if tail[..rest.len()].eq_ignore_ascii_case(rest) {
            return true;
        }
        from += found + 1;
    }
    false
}

/// Two values of one event.
#[expect(clippy::wildcard_enum_match_arm, reason = "values of other types are never equal")]
fn against(operator: Operator, left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Text(left), Value::Text(right)) => text_against(operator, left, right),
        (Value::Texts(left), Value::Texts(right)) => match operator {
            Operator::In => left.iter().all(|text| right.contains(text)),
            _ => left.iter().any(|text| right.contains(text)),
        },
        (Value::Names(left), Value::Text(right)) => {
            left.iter().any(|left| text_against(operator, left, right))
        }
        (Value::Text(left), Value::Texts(right)) => right.iter().any(|text| text == left),
        (Value::Number(left), Value::Number(right)) => ordered(operator, left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => (left == right) != (operator == Operator::NotEqual),
        (Value::Addresses(left), Value::Addresses(right)) => {
            let is_same = left.iter().flatten().any(|address| right.contains(&Some(*address)));
            is_same != (operator == Operator::NotEqual)
        }
        (Value::Type(left), Value::Type(right)) => (left == right) != (operator == Operator::NotEqual),
        (Value::Ancestors(process, text), Value::Text(right)) => process
            .ancestors()
            .filter_map(|ancestor| text.of(ancestor))
            .any(|left| text_against(operator, left, right)),
        _ => false,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is left orders")]
fn text_against(operator: Operator, left: &str, right: &str) -> bool {
    match operator {
        Operator::Contains => left.contains(right),
        Operator::ContainsIgnoringCase => {
            contains_ignoring_case(left.as_bytes(), right.to_ascii_lowercase().as_bytes())
        }
        Operator::StartsWith => left.starts_with(right),
        Operator::EndsWith => left.ends_with(right),
        Operator::Glob => Glob::new(right).matches(left),
        Operator::GlobIgnoringCase => Glob::ignoring_case(right).matches_ignoring_case(left),
        Operator::In | Operator::Intersects => left == right,
        Operator::PathMatch => {
            let mut prefixes = Prefixes::default();
            prefixes.insert(right);
            prefixes.matches(left)
        }
        operator => ordered(operator, left.cmp(right)),
    }
}
