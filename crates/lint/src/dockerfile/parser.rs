//! Bytes → instructions, the way BuildKit reads them (`frontend/dockerfile/parser`): parser directives, lines with
//! their continuations, heredocs.
//!
//! Refuses to stop early: what BuildKit would refuse is a [`Problem`], and reading goes on behind it.

use super::arguments;
use super::expand;
use super::instruction::{Body, Heredoc, Instruction, Keyword};
use super::limits::{HEREDOCS_MAX, INSTRUCTIONS_MAX};
use super::source::{Joined, Source, Span};

/// Why BuildKit does not build the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) span: Span,
    /// A clause: `the heredoc "EOF" has no end`.
    pub(crate) reason: String,
}

/// `# syntax=…`, `# escape=…`, `# check=…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directive {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) value_span: Span,
    pub(crate) span: Span,
}

/// A comment line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Comment {
    /// From the `#` to the end of the line.
    pub(crate) span: Span,
}

/// What stands in the file.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub(crate) directives: Vec<Directive>,
    pub(crate) comments: Vec<Comment>,
    pub(crate) instructions: Vec<Instruction>,
    pub(crate) problems: Vec<Problem>,
    /// `\` or a backtick.
    pub(crate) escape: char,
    /// Whether [`INSTRUCTIONS_MAX`] or [`HEREDOCS_MAX`] was reached.
    pub(crate) is_cut: bool,
}

pub(crate) fn parse(source: &Source) -> Parsed {
    let mut parser = Parser {
        source,
        next: usize::from(source.text.starts_with('\u{feff}')) * '\u{feff}'.len_utf8(),
        parsed: Parsed { escape: '\\', ..Parsed::default() },
        directives_end: false,
    };
    while let Some(line) = parser.next_line() {
        if parser.parsed.instructions.len() >= INSTRUCTIONS_MAX {
            parser.parsed.is_cut = true;
            break;
        }
        parser.instruction(line);
    }
    if parser.parsed.instructions.is_empty() {
        parser.problem(Span::default(), "it has no instructions");
    }
    parser.parsed
}

struct Parser<'s> {
    source: &'s Source,
    /// Where the next line starts.
    next: usize,
    parsed: Parsed,
    directives_end: bool,
}

/// A line without its break, and where its break ends.
#[derive(Clone, Copy)]
struct Line {
    span: Span,
    end: usize,
}

impl Parser<'_> {
    fn problem(&mut self, span: Span, reason: impl Into<String>) {
        self.parsed.problems.push(Problem { span, reason: reason.into() });
    }

    fn next_line(&mut self) -> Option<Line> {
        let rest = self.source.text.get(self.next..).filter(|rest| !rest.is_empty())?;
        let end = rest.find('\n').map_or(rest.len(), |at| at + 1);
        let shown = rest.get(..end).unwrap_or_default().trim_end_matches(['\r', '\n']).len();
        let start = self.next;
        self.next += end;
        Some(Line { span: Span::new(start, start + shown), end: self.next })
    }

    fn instruction(&mut self, first: Line) {
        let text = self.source.slice(first.span);
        let trimmed = text.trim_start();
        let start = first.span.end - trimmed.len();
        self.directive(Span::new(start, first.span.end));
        if trimmed.starts_with('#') {
            self.parsed.comments.push(Comment { span: Span::new(start, first.span.end) });
            return;
        }
        let mut line = Joined::default();
        let (mut piece, mut continues) = self.without_continuation(Span::new(start, first.span.end));
        if !continues && piece.start == piece.end {
            return;
        }
        line.push(self.source, piece);
        let mut end = first.span.end;
        let mut blank_lines = Vec::new();
        while continues {
            let Some(next) = self.next_line() else { break };
            let shown = self.source.slice(next.span).trim_start();
            end = next.span.end;
            if shown.starts_with('#') {
                let comment = Span::new(next.span.end - shown.len(), next.span.end);
                self.parsed.comments.push(Comment { span: comment });
                continue;
            }
            if shown.is_empty() {
                blank_lines.push(Span::new(next.span.start, next.end));
                continue;
            }
            (piece, continues) = self.without_continuation(next.span);
            line.push(self.source, piece);
        }
        let mut instruction = arguments::read(line, self.parsed.escape, &mut self.parsed.problems);
        instruction.blank_lines = blank_lines;
        instruction.span = Span::new(start, end);
        self.heredocs(&mut instruction);
        arguments::check(&instruction, &mut self.parsed.problems);
        self.parsed.instructions.push(instruction);
    }

    /// A parser directive, as long as nothing but directives stands above it.
    fn directive(&mut self, span: Span) {
        if self.directives_end {
            return;
        }
        let Some(directive) = read_directive(self.source, span) else {
            self.directives_end = true;
            return;
        };
        if self.parsed.directives.iter().any(|seen| seen.name == directive.name) {
            self.problem(span, format!("the directive {} is given twice", directive.name));
        }
        match (directive.name.as_str(), directive.value.as_str()) {
            ("escape", "`") => self.parsed.escape = '`',
            ("escape", "\\") => self.parsed.escape = '\\',
            ("escape", _) => self.problem(span, "the escape character is neither a backslash nor a backtick"),
            _ => {}
        }
        self.parsed.directives.push(directive);
    }

    /// The line without an escape character at its end, and whether there was one.
    fn without_continuation(&self, span: Span) -> (Span, bool) {
        let text = self.source.slice(span).trim_end_matches([' ', '\t']);
        match text.strip_suffix(self.parsed.escape) {
            Some(rest) if !rest.ends_with(self.parsed.escape) => {
                (Span::new(span.start, span.start + rest.len()), true)
            }
            _ => (span, false),
        }
    }

    fn heredocs(&mut self, instruction: &mut Instruction) {
        let target = instruction.effective();
        let may_have = matches!(target.keyword, Keyword::Add | Keyword::Copy | Keyword::Run)
            && !matches!(target.body, Body::ExecForm(_) | Body::Words { is_json: true, .. });
        if !may_have || !instruction.line.text.contains("<<") {
            return;
        }
        let words = expand::raw_words(&instruction.line.text).unwrap_or_default();
        let mut heredocs: Vec<Heredoc> = words.iter().filter_map(|word| heredoc_of(word)).collect();
        if heredocs.len() > HEREDOCS_MAX {
            self.parsed.is_cut = true;
            heredocs.truncate(HEREDOCS_MAX);
        }
        for heredoc in &mut heredocs {
            let start = self.next;
            let mut end = None;
            while let Some(line) = self.next_line() {
                let text = self.source.slice(line.span);
                let text = if heredoc.chomps { text.trim_start_matches('\t') } else { text };
                instruction.span.end = line.span.end;
                if text == heredoc.name {
                    end = Some(line.span.start);
                    break;
                }
            }
            if end.is_none() {
                self.problem(instruction.span, format!("the heredoc \"{}\" has no end", heredoc.name));
            }
            heredoc.content = Span::new(start, end.unwrap_or(self.next));
        }
        if let Body::Trigger(inner) = &mut instruction.body {
            inner.heredocs = heredocs;
            inner.span.end = instruction.span.end;
        } else {
            instruction.heredocs = heredocs;
        }
    }
}

/// `<<EOF`, `<<-EOF`, `3<<'EOF'` as a word; its content is not known yet.
pub(crate) fn heredoc_of(word: &str) -> Option<Heredoc> {
    let rest = word.trim_start_matches(|ch: char| ch.is_ascii_digit()).strip_prefix("<<")?;
    let (rest, chomps) = match rest.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let rest = rest.trim_start();
    if rest.is_empty() || rest.contains('<') {
        return None;
    }
    let [name] = <[String; 1]>::try_from(expand::plain_words(rest).ok()?).ok()?;
    let quotes = |text: &str| text.chars().filter(|ch| matches!(ch, '\'' | '"')).count();
    let expands = quotes(&name) == quotes(rest);
    Some(Heredoc { name, chomps, expands, content: Span::default() })
}

fn read_directive(source: &Source, span: Span) -> Option<Directive> {
    let text = source.slice(span);
    let inner = text.strip_prefix('#')?.trim_start();
    let (name, value) = inner.split_once('=')?;
    let (name, value) = (name.trim_end().to_ascii_lowercase(), value.trim());
    if !["syntax", "escape", "check"].contains(&name.as_str()) || value.is_empty() {
        return None;
    }
    let end = span.start + text.trim_end().len();
    let value_span = Span::new(end - value.len(), end);
    Some(Directive { name, value: value.to_owned(), value_span, span })
}
