//! A condition as it was written.

use crate::parser::ParseError;

/// A condition, or a part of one. Positions are bytes of its text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Compare(Box<Compare>),
    Macro { name: String, at: usize },
}

/// `proc.name in (sh, bash)`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compare {
    pub(crate) left: Operand,
    pub(crate) operator: Operator,
    pub(crate) right: Right,
    pub(crate) at: usize,
    pub(crate) operator_at: usize,
}

/// What has a value for an event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Field(FieldName),
    Call {
        name: Function,
        arguments: Vec<Operand>,
        at: usize,
    },
    /// A quoted text or number inside a call.
    Constant(Word),
    /// A list inside a call.
    List(Vec<Operand>),
}

/// `proc.aname[2]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FieldName {
    pub(crate) name: String,
    pub(crate) argument: Option<String>,
    pub(crate) at: usize,
}

/// A value, or the name of a list.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// Quoted words are never lists.
    pub(crate) is_quoted: bool,
    pub(crate) at: usize,
}

/// What stands on the right of an operator.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Right {
    Nothing,
    Word(Word),
    List(Vec<Word>),
    Quantified(Quantifier, Vec<Word>),
    Operand(Operand),
}

/// How many of several values have to compare well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantifier {
    One,
    Any,
    All,
}

/// The operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operator {
    Exists,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    ContainsIgnoringCase,
    ContainsBytes,
    StartsWith,
    StartsWithBytes,
    EndsWith,
    Glob,
    GlobIgnoringCase,
    Regex,
    In,
    Intersects,
    PathMatch,
}

impl Operator {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Operator::Exists => "exists",
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::Contains => "contains",
            Operator::ContainsIgnoringCase => "icontains",
            Operator::ContainsBytes => "bcontains",
            Operator::StartsWith => "startswith",
            Operator::StartsWithBytes => "bstartswith",
            Operator::EndsWith => "endswith",
            Operator::Glob => "glob",
            Operator::GlobIgnoringCase => "iglob",
            Operator::Regex => "regex",
            Operator::In => "in",
            Operator::Intersects => "intersects",
            Operator::PathMatch => "pmatch",
        }
    }

    /// The operator of this name, as exceptions name it.
    pub(crate) fn named(name: &str) -> Option<Operator> {
        let known = Operator::WORDS.iter().chain(Operator::SIGNS).find(|(word, _)| *word == name);
        known.map(|(_, operator)| *operator)
    }

    /// Operators written as signs; a sign that begins another stands behind it.
    pub(crate) const SIGNS: &[(&str, Operator)] = &[
        ("<=", Operator::LessOrEqual),
        ("<", Operator::Less),
        (">=", Operator::GreaterOrEqual),
        (">", Operator::Greater),
        ("==", Operator::Equal),
        ("=", Operator::Equal),
        ("!=", Operator::NotEqual),
    ];

    /// Operators written as words; a word that begins another stands behind it.
    pub(crate) const WORDS: &[(&str, Operator)] = &[
        ("exists", Operator::Exists),
        ("glob", Operator::Glob),
        ("iglob", Operator::GlobIgnoringCase),
        ("contains", Operator::Contains),
        ("icontains", Operator::ContainsIgnoringCase),
        ("bcontains", Operator::ContainsBytes),
        ("startswith", Operator::StartsWith),
        ("bstartswith", Operator::StartsWithBytes),
        ("endswith", Operator::EndsWith),
        ("regex", Operator::Regex),
        ("intersects", Operator::Intersects),
        ("in", Operator::In),
        ("pmatch", Operator::PathMatch),
    ];

    /// Whether its right side is a list.
    pub(crate) const fn takes_list(self) -> bool {
        matches!(self, Operator::In | Operator::Intersects | Operator::PathMatch)
    }
}

/// What can be done to a value before it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Function {
    /// The value itself: how a field is written on the right.
    Value,
    Lower,
    Upper,
    Base64,
    BaseName,
    Length,
    Join,
    Concat,
    GetOpt,
}

impl Function {
    pub(crate) const ALL: &[(&str, Function)] = &[
        ("val", Function::Value),
        ("tolower", Function::Lower),
        ("toupper", Function::Upper),
        ("b64", Function::Base64),
        ("basename", Function::BaseName),
        ("len", Function::Length),
        ("join", Function::Join),
        ("concat", Function::Concat),
        ("getopt", Function::GetOpt),
    ];

    pub(crate) fn name(self) -> &'static str {
        Function::ALL.iter().find(|(_, function)| *function == self).map_or("", |(name, _)| name)
    }
}

impl Expr {
    /// Reads a condition.
    pub(crate) fn parse(text: &str) -> Result<Expr, ParseError> {
        crate::parser::parse(text)
    }
}
