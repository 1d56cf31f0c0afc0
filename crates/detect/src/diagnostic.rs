//! What is wrong with a rule file: where, what, and what was probably meant.

use std::fmt;

use serde::Serialize;

use crate::limits;

/// One mistake, or something that is probably one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub level: Level,
    /// What kind it is, in Falco's words.
    pub code: Code,
    /// The file, as it was named.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// `rule Terminal shell in container`; empty outside of items.
    pub item: String,
    /// One sentence.
    pub message: String,
    /// The line.
    pub excerpt: String,
    /// What to write instead; empty where nobody knows.
    pub help: String,
}

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The rule, macro or list is used, and probably does not mean what was meant.
    Warning,
    /// The rule, macro or list is not used.
    Error,
}

/// The kinds of mistakes, by the names that Falco gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// It is no YAML, or too much of it.
    LoadErrYamlParse,
    /// The YAML is not that of a rule file.
    LoadErrYamlValidate,
    /// A condition cannot be understood.
    LoadErrCompileCondition,
    /// An output cannot be understood.
    LoadErrCompileOutput,
    /// A value is not allowed.
    LoadErrValidate,
    /// A key of our own cannot be understood.
    LoadErrExtension,
    /// No such source of events.
    LoadUnknownSource,
    /// A comparison with `<NA>`, which an absent field does not have.
    LoadUnsafeNaCheck,
    /// A rule that looks at every event.
    LoadNoEvttype,
    /// A rule left out because of a field that nobody knows, as it wants.
    LoadUnknownFilter,
    /// A macro that nothing uses.
    LoadUnusedMacro,
    /// A list that nothing uses.
    LoadUnusedList,
    /// A key that nobody knows.
    LoadUnknownItem,
    /// A way of writing that Falco will give up.
    LoadDeprecatedItem,
    /// An exception that appends nothing.
    LoadAppendNoValues,
    /// Two exceptions of one name.
    LoadExceptionNameNotUnique,
    /// A macro's name that conditions cannot use.
    LoadInvalidMacroName,
    /// A list's name that conditions cannot use.
    LoadInvalidListName,
}

impl Code {
    /// `LOAD_ERR_COMPILE_CONDITION`.
    pub const fn name(self) -> &'static str {
        match self {
            Code::LoadErrYamlParse => "LOAD_ERR_YAML_PARSE",
            Code::LoadErrYamlValidate => "LOAD_ERR_YAML_VALIDATE",
            Code::LoadErrCompileCondition => "LOAD_ERR_COMPILE_CONDITION",
            Code::LoadErrCompileOutput => "LOAD_ERR_COMPILE_OUTPUT",
            Code::LoadErrValidate => "LOAD_ERR_VALIDATE",
            Code::LoadErrExtension => "LOAD_ERR_EXTENSION",
            Code::LoadUnknownSource => "LOAD_UNKNOWN_SOURCE",
            Code::LoadUnsafeNaCheck => "LOAD_UNSAFE_NA_CHECK",
            Code::LoadNoEvttype => "LOAD_NO_EVTTYPE",
            Code::LoadUnknownFilter => "LOAD_UNKNOWN_FILTER",
            Code::LoadUnusedMacro => "LOAD_UNUSED_MACRO",
            Code::LoadUnusedList => "LOAD_UNUSED_LIST",
            Code::LoadUnknownItem => "LOAD_UNKNOWN_ITEM",
            Code::LoadDeprecatedItem => "LOAD_DEPRECATED_ITEM",
            Code::LoadAppendNoValues => "LOAD_APPEND_NO_VALUES",
            Code::LoadExceptionNameNotUnique => "LOAD_EXCEPTION_NAME_NOT_UNIQUE",
            Code::LoadInvalidMacroName => "LOAD_INVALID_MACRO_NAME",
            Code::LoadInvalidListName => "LOAD_INVALID_LIST_NAME",
        }
    }
}

/// As a compiler would print it: position and sentence, the line with a mark, the help.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Warning => "warning",
            Level::Error => "error",
        };
        write!(f, "{}:{}:{}: {level}", self.file, self.line, self.column)?;
        if !self.item.is_empty() {
            write!(f, " in {}", self.item)?;
        }
        write!(f, ": {} ({})", self.message, self.code.name())?;
        if !self.excerpt.is_empty() {
            write!(f, "\n    {}", self.excerpt)?;
            if self.column <= self.excerpt.chars().count() + 1 {
                write!(f, "\n    {:>width$}", "^", width = self.column)?;
            }
        }
        if !self.help.is_empty() {
            write!(f, "\n    help: {}", self.help)?;
        }
        Ok(())
    }
}

/// A text of a user's file as a terminal can bear it: one line, no control characters, not too long.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(limits::SHOWN_CHARS_MAX)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    if text.chars().nth(limits::SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// An error with its causes, on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    shown(&causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}
