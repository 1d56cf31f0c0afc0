//! Shell scripts as the lists of commands they are, for rules that ask what a `RUN` does.
//!
//! Reads the POSIX shell and what bash adds to its syntax, keeps where each word stands, and follows substitutions
//! (`$(…)`, backquotes, `<(…)`) into their commands. It never stops at a mistake: that becomes a [`Fault`], and what
//! could be read stays. Refuses to expand or to execute anything.
//!
//! Ours, because `brush-parser` 0.4 brings 77 crates and a tree without the words' places in the text; compared with
//! `bash -n` on the corpus (docs/lint-differences.md).

mod parser;
#[cfg(test)]
mod tests;
mod word;

use std::ops::Range;

pub(crate) use parser::parse;

/// A script.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    /// Every simple command, those of substitutions behind the command they are in.
    pub(crate) commands: Vec<Command>,
    /// Where a shell would complain.
    pub(crate) faults: Vec<Fault>,
    /// Whether a limit was reached.
    pub(crate) is_cut: bool,
    /// What scripts for bash alone have and `sh` has not: `[[`, `<(…)`, `&>`.
    pub(crate) bashisms: Vec<(Range<usize>, &'static str)>,
}

/// A mistake in the syntax.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    /// A clause: `a quote is not closed`.
    pub(crate) reason: &'static str,
}

/// What connects a command with the one before or behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joint {
    /// Begin or end of the list.
    Edge,
    /// `;`, a line break, `then`, `do`.
    Semicolon,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `|`, `|&`
    Pipe,
    /// `&`
    Background,
}

/// A simple command.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    /// Its name and arguments; empty where it only assigns or redirects.
    pub(crate) words: Vec<Word>,
    /// `NAME=value` in front of them.
    pub(crate) assignments: Vec<Word>,
    pub(crate) redirects: Vec<Redirect>,
    pub(crate) range: Range<usize>,
    pub(crate) before: Joint,
    pub(crate) behind: Joint,
    /// Commands of one list (the script, one substitution) share it.
    pub(crate) list: usize,
    /// Whether it decides an `if`, `while` or `until`.
    pub(crate) is_condition: bool,
}

/// A redirection.
#[derive(Debug, Clone)]
pub(crate) struct Redirect {
    pub(crate) operator: &'static str,
    pub(crate) target: Option<Word>,
}

/// A word.
#[derive(Debug, Clone, Default)]
pub(crate) struct Word {
    /// Without quotes and escapes; what expands stays as it is written.
    pub(crate) text: String,
    pub(crate) range: Range<usize>,
    pub(crate) expansions: Vec<Expansion>,
    pub(crate) is_quoted: bool,
    /// Whether an unquoted `*`, `?` or `[` is in it.
    pub(crate) has_glob: bool,
}

/// What the shell puts in the place of a piece of a word.
#[derive(Debug, Clone)]
pub(crate) struct Expansion {
    pub(crate) kind: ExpansionKind,
    pub(crate) range: Range<usize>,
    pub(crate) is_quoted: bool,
}

/// The kinds of expansion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ExpansionKind {
    /// `$NAME`, `${NAME…}`, with the name.
    Variable(String),
    /// `$(…)`
    Command,
    /// Backquotes.
    Backquotes,
    /// `$((…))`
    Arithmetic,
}

impl Word {
    /// Whether the shell puts nothing else in its place.
    pub(crate) fn is_literal(&self) -> bool {
        self.expansions.is_empty()
    }
}

impl Command {
    /// The name without its directory: `apt-get` of `/usr/bin/apt-get`.
    pub(crate) fn name(&self) -> &str {
        let name = self.words.first().map_or("", |word| word.text.as_str());
        name.rsplit('/').next().unwrap_or(name)
    }

    /// The words behind the name.
    pub(crate) fn arguments(&self) -> &[Word] {
        self.words.get(1..).unwrap_or_default()
    }

    /// The arguments that are no options.
    pub(crate) fn operands(&self) -> impl Iterator<Item = &Word> {
        self.arguments().iter().filter(|word| !word.text.starts_with('-') || word.text == "-")
    }

    /// Whether an argument is exactly this.
    pub(crate) fn has(&self, argument: &str) -> bool {
        self.arguments().iter().any(|word| word.text == argument)
    }

    /// Whether a long option is given, with or without a value: `--retry`, `--retry=3`.
    pub(crate) fn has_long(&self, option: &str) -> bool {
        self.long(option).is_some()
    }

    /// The word of a long option.
    pub(crate) fn long(&self, option: &str) -> Option<&Word> {
        let is = |word: &&Word| {
            word.text.strip_prefix(option).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        };
        self.arguments().iter().find(is)
    }

    /// The word that holds a short option, alone or among others: `-y`, `-qy`.
    pub(crate) fn short(&self, letter: char) -> Option<&Word> {
        self.arguments().iter().find(|word| {
            let options = word.text.strip_prefix('-');
            options.is_some_and(|options| !options.starts_with('-') && options.contains(letter))
        })
    }
}
