//! Instructions as values: what stands where.

use std::ops::Range;

use super::source::{Joined, Span};

/// The instructions that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Keyword {
    Add,
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    Stopsignal,
    User,
    Volume,
    Workdir,
    Unknown,
}

impl Keyword {
    const ALL: [(&'static str, Keyword); 18] = [
        ("ADD", Keyword::Add),
        ("ARG", Keyword::Arg),
        ("CMD", Keyword::Cmd),
        ("COPY", Keyword::Copy),
        ("ENTRYPOINT", Keyword::Entrypoint),
        ("ENV", Keyword::Env),
        ("EXPOSE", Keyword::Expose),
        ("FROM", Keyword::From),
        ("HEALTHCHECK", Keyword::Healthcheck),
        ("LABEL", Keyword::Label),
        ("MAINTAINER", Keyword::Maintainer),
        ("ONBUILD", Keyword::Onbuild),
        ("RUN", Keyword::Run),
        ("SHELL", Keyword::Shell),
        ("STOPSIGNAL", Keyword::Stopsignal),
        ("USER", Keyword::User),
        ("VOLUME", Keyword::Volume),
        ("WORKDIR", Keyword::Workdir),
    ];

    pub(crate) fn of(text: &str) -> Keyword {
        let known = Keyword::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
        known.map_or(Keyword::Unknown, |(_, keyword)| *keyword)
    }

    pub(crate) fn name(self) -> &'static str {
        Keyword::ALL.iter().find(|(_, keyword)| *keyword == self).map_or("unknown", |(name, _)| name)
    }

    /// The names of all, for suggestions.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        Keyword::ALL.iter().map(|(name, _)| *name)
    }
}

/// A word as it is written, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// `--name=value` in front of the arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flag {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    pub(crate) span: Span,
}

/// A text that follows its instruction, up to a line with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heredoc {
    pub(crate) name: String,
    /// `<<-`: leading tabs go.
    pub(crate) chomps: bool,
    /// The name is not quoted: `COPY` expands variables in it.
    pub(crate) expands: bool,
    /// The text without the line of the name.
    pub(crate) content: Span,
}

/// `name=value`, or a name alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) name: Word,
    /// As written, with quotes.
    pub(crate) value: Option<Word>,
}

/// What an instruction says.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// `FROM image [AS name]`.
    From { image: Word, as_word: Option<Word>, name: Option<Word> },
    /// `CMD`, `ENTRYPOINT`, `RUN`, `SHELL` and what `HEALTHCHECK CMD` runs: a text for a shell.
    ShellForm(Range<usize>),
    /// The same as a JSON list.
    ExecForm(Vec<Word>),
    /// `ADD`, `COPY`, `VOLUME`, `EXPOSE`.
    Words { words: Vec<Word>, is_json: bool },
    /// `ARG`, `ENV`, `LABEL`; `is_legacy` without `=`.
    Pairs { pairs: Vec<Pair>, is_legacy: bool },
    /// `MAINTAINER`, `STOPSIGNAL`, `USER`, `WORKDIR`.
    Text(Word),
    /// `HEALTHCHECK NONE`.
    NoHealthcheck,
    /// `ONBUILD` and what it triggers.
    Trigger(Box<Instruction>),
    /// BuildKit refuses it; the file's problems say why.
    Broken,
}

/// One instruction.
#[derive(Debug, Clone)]
pub(crate) struct Instruction {
    pub(crate) keyword: Keyword,
    /// The keyword as written.
    pub(crate) name: Word,
    /// The line with its continuations.
    pub(crate) line: Joined,
    pub(crate) flags: Vec<Flag>,
    /// The arguments behind the flags, in `line`.
    pub(crate) rest: Range<usize>,
    /// It stands behind `ONBUILD`.
    pub(crate) is_trigger: bool,
    pub(crate) body: Body,
    pub(crate) heredocs: Vec<Heredoc>,
    /// From the keyword to the end, heredocs included, without the last line break.
    pub(crate) span: Span,
    /// The blank lines within its continuations.
    pub(crate) blank_lines: Vec<Span>,
}

impl Instruction {
    /// The instruction itself, or what an `ONBUILD` triggers.
    pub(crate) fn effective(&self) -> &Instruction {
        if let Body::Trigger(inner) = &self.body { inner } else { self }
    }

    pub(crate) fn flag(&self, name: &str) -> Option<&Flag> {
        self.flags.iter().find(|flag| flag.name == name)
    }

    pub(crate) fn flag_value(&self, name: &str) -> Option<&str> {
        self.flag(name).and_then(|flag| flag.value.as_deref())
    }

    pub(crate) fn flags_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Flag> + 'a {
        self.flags.iter().filter(move |flag| flag.name == name)
    }

    pub(crate) fn rest_text(&self) -> &str {
        self.line.slice(&self.rest)
    }

    pub(crate) fn rest_span(&self) -> Span {
        self.line.span(&self.rest)
    }

    /// The words of `ADD`, `COPY`, `VOLUME`, `EXPOSE`.
    pub(crate) fn words(&self) -> &[Word] {
        if let Body::Words { words, .. } = &self.body { words } else { &[] }
    }

    /// The pairs of `ARG`, `ENV`, `LABEL`.
    pub(crate) fn pairs(&self) -> &[Pair] {
        if let Body::Pairs { pairs, .. } = &self.body { pairs } else { &[] }
    }

    /// The text of `MAINTAINER`, `STOPSIGNAL`, `USER`, `WORKDIR`.
    pub(crate) fn text(&self) -> Option<&Word> {
        if let Body::Text(word) = &self.body { Some(word) } else { None }
    }

    /// Sources and destination of `ADD` and `COPY`.
    pub(crate) fn sources_and_target(&self) -> Option<(&[Word], &Word)> {
        let is_copy = matches!(self.keyword, Keyword::Add | Keyword::Copy);
        let (target, sources) = self.words().split_last()?;
        (is_copy && !sources.is_empty()).then_some((sources, target))
    }
}
