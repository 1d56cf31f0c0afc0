//! What a `RUN` gives to which shell: its line, its heredocs, the words of its JSON list.

use std::ops::Range;

use super::check;
use super::instruction::{Body, Instruction, Keyword, Word};
use super::parser::heredoc_of;
use super::source::{Joined, Source, Span};
use crate::shell::{self, Script};

/// A script and where it stands.
#[derive(Debug)]
pub(crate) struct StepScript {
    pub(crate) joined: Joined,
    pub(crate) script: Script,
    /// A heredoc, whose lines are lines.
    pub(crate) is_heredoc: bool,
}

/// The shell in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shell {
    pub(crate) kind: ShellKind,
    /// `-o pipefail`
    pub(crate) has_pipefail: bool,
    /// `-e`
    pub(crate) stops_at_errors: bool,
    /// Set by a `SHELL` of the file.
    pub(crate) is_set: bool,
}

impl Default for Shell {
    fn default() -> Shell {
        Shell { kind: ShellKind::Sh, has_pipefail: false, stops_at_errors: false, is_set: false }
    }
}

/// The kinds of shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShellKind {
    /// `sh`, `dash`, `ash`.
    Sh,
    /// `bash`, `zsh`, `ksh`.
    Bash,
    /// PowerShell, `cmd`, Python: its text is not read.
    Other,
}

impl Shell {
    /// `["/bin/bash", "-o", "pipefail", "-c"]`
    pub(super) fn of(words: &[Word]) -> Shell {
        let first = words.first().map_or("", |word| word.text.as_str());
        let options = || words.iter().skip(1).map(|word| word.text.as_str());
        let has_pipefail = options().any(|option| option.contains("pipefail"));
        let stops_at_errors = options().any(|option| {
            option.strip_prefix('-').is_some_and(|letters| !letters.starts_with('-') && letters.contains('e'))
        });
        Shell { kind: ShellKind::of(first), has_pipefail, stops_at_errors, is_set: true }
    }
}

impl ShellKind {
    pub(super) fn of(program: &str) -> ShellKind {
        let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
        match name.trim_end_matches(".exe").to_ascii_lowercase().as_str() {
            "sh" | "dash" | "ash" => ShellKind::Sh,
            "bash" | "zsh" | "ksh" | "mksh" => ShellKind::Bash,
            _ => ShellKind::Other,
        }
    }
}

impl StepScript {
    pub(crate) fn span(&self, range: &Range<usize>) -> Span {
        self.joined.span(range)
    }

    /// A word with the blank in front of it, to be taken out.
    pub(crate) fn with_blank_before(&self, word: &shell::Word) -> Span {
        let before = self.joined.text.get(..word.range.start).unwrap_or_default();
        let span = self.span(&word.range);
        let Some(blank) = before.ends_with([' ', '\t']).then(|| word.range.start - 1) else { return span };
        let start = self.joined.source_at(blank);
        // The blank may be on another line, in front of a continuation.
        if start + 1 == span.start { Span::new(start, span.end) } else { span }
    }

    /// A word with the blank behind it, to be taken out.
    pub(crate) fn with_blank_behind(&self, word: &shell::Word) -> Span {
        let behind = self.joined.text.get(word.range.end..).unwrap_or_default();
        let span = self.span(&word.range);
        let is_adjacent = behind.starts_with(' ') && self.joined.source_at(word.range.end) == span.end;
        if is_adjacent { Span::new(span.start, span.end + 1) } else { self.with_blank_before(word) }
    }

    /// The command on one line, short, without credentials.
    pub(crate) fn shown(&self, range: &Range<usize>) -> String {
        check::shown(self.joined.slice(range))
    }
}

/// What an instruction gives to a shell that we read.
pub(super) fn scripts(source: &Source, instruction: &Instruction, shell: &Shell) -> Vec<StepScript> {
    let Body::ShellForm(rest) = &instruction.body else { return exec_scripts(instruction) };
    if instruction.keyword != Keyword::Run || shell.kind == ShellKind::Other {
        return Vec::new();
    }
    let text = instruction.line.slice(rest);
    let mut scripts = Vec::new();
    let is_only_heredoc = instruction.heredocs.len() == 1 && heredoc_of(text.trim()).is_some();
    let reads_heredoc = match is_only_heredoc {
        true => {
            let body = instruction.heredocs.first().map_or("", |heredoc| source.slice(heredoc.content));
            let shebang = body.strip_prefix("#!").map(|rest| rest.lines().next().unwrap_or_default());
            shebang.is_none_or(runs_posix)
        }
        false => {
            let joined = instruction.line.part(rest);
            let script = shell::parse(&joined.text);
            let feeds_shell = script.commands.iter().any(|command| {
                command.redirects.iter().any(|redirect| redirect.operator.starts_with("<<"))
                    && ShellKind::of(command.name()) != ShellKind::Other
                    && command.operands().next().is_none()
            });
            scripts.push(StepScript { joined, script, is_heredoc: false });
            feeds_shell
        }
    };
    if reads_heredoc {
        for heredoc in &instruction.heredocs {
            let joined = Joined::of(source, heredoc.content);
            let script = shell::parse(&joined.text);
            scripts.push(StepScript { joined, script, is_heredoc: true });
        }
    }
    scripts
}

/// Whether the program of a `#!` line is a shell of the POSIX kind.
fn runs_posix(shebang: &str) -> bool {
    let mut words = shebang.split_whitespace().skip_while(|word| {
        let name = word.rsplit('/').next().unwrap_or(word);
        name == "env" || word.starts_with('-')
    });
    words.next().is_some_and(|program| ShellKind::of(program) != ShellKind::Other)
}

/// `RUN ["/bin/bash", "-c", "script"]` and `RUN ["apt-get", "install"]`: a command whose words are the strings.
fn exec_scripts(instruction: &Instruction) -> Vec<StepScript> {
    let Body::ExecForm(words) = &instruction.body else { return Vec::new() };
    if instruction.keyword != Keyword::Run || words.is_empty() {
        return Vec::new();
    }
    let mut list = Joined::default();
    let mut ranges = Vec::new();
    for word in words {
        let start = list.text.len();
        list.push_text(&word.text, word.span);
        ranges.push(start..list.text.len());
        list.text.push(' ');
    }
    let words = ranges.into_iter().map(|range| shell::Word {
        text: list.slice(&range).to_owned(),
        range,
        is_quoted: true,
        ..shell::Word::default()
    });
    let command = shell::Command {
        words: words.collect(),
        assignments: Vec::new(),
        redirects: Vec::new(),
        range: 0..list.text.len(),
        before: shell::Joint::Edge,
        behind: shell::Joint::Edge,
        list: 0,
        is_condition: false,
    };
    let script = Script { commands: vec![command], ..Script::default() };
    vec![StepScript { joined: list, script, is_heredoc: false }]
}
