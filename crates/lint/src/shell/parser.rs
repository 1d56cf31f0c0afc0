//! Lists, compound commands, redirections. Compound commands leave no node: what they hold is in the list, and
//! their words (`if`, `done`) only have to be in balance.

use std::ops::Range;

use super::{Command, Fault, Joint, Redirect, Script};
use crate::dockerfile::limits::{SHELL_DEPTH_MAX, SHELL_WORDS_MAX};

/// Reads a script.
pub(crate) fn parse(text: &str) -> Script {
    let mut parser = Parser {
        text,
        end: text.len(),
        at: 0,
        depth: 0,
        words: 0,
        lists: 0,
        stops: Vec::new(),
        heredocs: Vec::new(),
        script: Script::default(),
    };
    parser.list(Stop::End);
    parser.script
}

/// Where a list ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    End,
    Parenthesis,
    Backquote,
}

/// An open compound command.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    If,
    Loop,
    Brace,
    /// `case`; a pattern comes next, or not.
    Case {
        expects_pattern: bool,
    },
    /// `(`
    Subshell,
}

pub(super) struct Parser<'t> {
    pub(super) text: &'t str,
    pub(super) end: usize,
    pub(super) at: usize,
    depth: usize,
    words: usize,
    lists: usize,
    stops: Vec<Stop>,
    /// Heredocs whose text begins behind the next line break: name and whether tabs go.
    heredocs: Vec<(String, bool)>,
    script: Script,
}

/// What stands in a command's place.
enum Head {
    /// A reserved word, dealt with.
    Reserved,
    /// Nothing.
    Nothing,
    Command(Box<Command>),
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<u8> {
        let at = self.at + ahead;
        (at < self.end).then(|| self.text.as_bytes().get(at).copied()).flatten()
    }

    pub(super) fn stops_at_backquote(&self) -> bool {
        self.stops.last() == Some(&Stop::Backquote)
    }

    pub(super) fn fault(&mut self, at: usize, reason: &'static str) {
        if self.script.faults.len() < 100 {
            self.script.faults.push(Fault { at, reason });
        }
    }

    pub(super) fn bashism(&mut self, range: Range<usize>, what: &'static str) {
        if self.script.bashisms.len() < 100 {
            self.script.bashisms.push((range, what));
        }
    }

    /// One level further in; at the limit the rest of the script is left unread.
    pub(super) fn deeper(&mut self) -> bool {
        if self.depth >= SHELL_DEPTH_MAX {
            self.give_up();
            return false;
        }
        self.depth += 1;
        true
    }

    pub(super) fn shallower(&mut self) {
        self.depth -= 1;
    }

    pub(super) fn count_word(&mut self) {
        self.words += 1;
        if self.words > SHELL_WORDS_MAX {
            self.give_up();
        }
    }

    fn give_up(&mut self) {
        self.script.is_cut = true;
        self.at = self.end;
    }

    /// The commands of a substitution whose opening is behind the current place.
    pub(super) fn nested(&mut self, stop: Stop, start: usize, unclosed: &'static str) {
        if !self.deeper() {
            return;
        }
        if !self.list(stop) && !self.script.is_cut {
            self.fault(start, unclosed);
        }
        self.shallower();
    }

    /// Reads commands up to the stop; whether it was there.
    fn list(&mut self, stop: Stop) -> bool {
        self.stops.push(stop);
        let list = self.lists;
        self.lists += 1;
        let mut open: Vec<Open> = Vec::new();
        let mut before = Joint::Edge;
        let mut is_condition = false;
        let mut last: Option<usize> = None;
        let closed = loop {
            self.blanks();
            let Some(byte) = self.peek() else { break stop == Stop::End };
            if stop == Stop::Backquote && byte == b'`' {
                self.at += 1;
                break true;
            }
            if byte == b')' {
                if open.last() == Some(&Open::Subshell) {
                    open.pop();
                    self.at += 1;
                    last = None;
                    continue;
                }
                self.at += 1;
                if stop == Stop::Parenthesis {
                    break true;
                }
                self.fault(self.at - 1, "a ) has no (");
                continue;
            }
            if let Some(joint) = self.joint(&mut open) {
                if let Some(command) = last.take().and_then(|at| self.script.commands.get_mut(at)) {
                    command.behind = joint;
                }
                before = joint;
                continue;
            }
            let expects_pattern = open.last() == Some(&Open::Case { expects_pattern: true });
            if byte == b'(' && !expects_pattern {
                self.subshell(&mut open);
                continue;
            }
            match self.head(&mut open, &mut is_condition) {
                Head::Reserved => {
                    last = None;
                    before = Joint::Semicolon;
                }
                Head::Nothing => {
                    // What is neither a word nor an operator cannot start a command.
                    self.at +=
                        self.text.get(self.at..).and_then(|t| t.chars().next()).map_or(1, char::len_utf8);
                }
                Head::Command(mut command) => {
                    (command.before, command.list, command.is_condition) = (before, list, is_condition);
                    last = Some(self.script.commands.len());
                    self.script.commands.push(*command);
                    before = Joint::Semicolon;
                }
            }
        };
        if let Some(left) = open.last()
            && !self.script.is_cut
        {
            let reason = match left {
                Open::If => "an if has no fi",
                Open::Loop => "a loop has no done",
                Open::Brace => "a { has no }",
                Open::Case { .. } => "a case has no esac",
                Open::Subshell => "a ( has no )",
            };
            self.fault(self.at.min(self.end), reason);
        }
        self.stops.pop();
        closed
    }

    fn subshell(&mut self, open: &mut Vec<Open>) {
        let start = self.at;
        if self.peek_at(1) == Some(b'(') && self.arithmetic(2) {
            self.bashism(start..start + 2, "((…))");
            return;
        }
        self.at += 1;
        if open.len() >= SHELL_DEPTH_MAX {
            return self.give_up();
        }
        open.push(Open::Subshell);
    }

    /// Blanks, escaped line breaks and comments.
    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'\\') if self.peek_at(1) == Some(b'\n') => self.at += 2,
                Some(b'#') => {
                    let rest = self.text.get(self.at..self.end).unwrap_or_default();
                    let stop =
                        if self.stops_at_backquote() { rest.find(['\n', '`']) } else { rest.find('\n') };
                    self.at += stop.unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    /// An operator between commands.
    fn joint(&mut self, open: &mut [Open]) -> Option<Joint> {
        let (joint, len) = match (self.peek()?, self.peek_at(1)) {
            (b'\n', _) => {
                self.at += 1;
                self.skip_heredocs();
                return Some(Joint::Semicolon);
            }
            (b';', Some(b';' | b'&')) => {
                if let Some(Open::Case { expects_pattern }) = open.last_mut() {
                    *expects_pattern = true;
                }
                (Joint::Semicolon, if self.peek_at(2) == Some(b'&') { 3 } else { 2 })
            }
            (b';', _) => (Joint::Semicolon, 1),
            (b'&', Some(b'&')) => (Joint::And, 2),
            (b'&', Some(b'>')) => return None,
            (b'&', _) => (Joint::Background, 1),
            (b'|', Some(b'|')) => (Joint::Or, 2),
            (b'|', Some(b'&')) => (Joint::Pipe, 2),
            (b'|', _) => (Joint::Pipe, 1),
            _ => return None,
        };
        self.at += len;
        Some(joint)
    }

    /// Goes behind the texts of the heredocs of the line that has just ended.
    fn skip_heredocs(&mut self) {
        for (name, chomps) in std::mem::take(&mut self.heredocs) {
            loop {
                let rest = self.text.get(self.at..self.end).unwrap_or_default();
                if rest.is_empty() {
                    break;
                }
                let line = rest.split('\n').next().unwrap_or_default();
                self.at = (self.at + line.len() + 1).min(self.end);
                let shown = if chomps { line.trim_start_matches('\t') } else { line };
                if shown.trim_end_matches('\r') == name {
                    break;
                }
            }
        }
    }

    fn head(&mut self, open: &mut Vec<Open>, is_condition: &mut bool) -> Head {
        if let Some(Open::Case { expects_pattern: true }) = open.last() {
            return self.pattern(open);
        }
        let start = self.at;
        let word = self.plain_word();
        if open.len() >= SHELL_DEPTH_MAX {
            self.give_up();
            return Head::Reserved;
        }
        let mut closes = |kind: Open| -> bool {
            let is_open = open.last() == Some(&kind);
            if is_open {
                open.pop();
            }
            is_open
        };
        let closed = match word {
            "fi" => closes(Open::If),
            "done" => closes(Open::Loop),
            "}" => closes(Open::Brace),
            "esac" => closes(Open::Case { expects_pattern: false }),
            _ => true,
        };
        if !closed {
            self.fault(start, "a word that ends a block has no block");
        }
        match word {
            "if" => {
                open.push(Open::If);
                *is_condition = true;
            }
            "while" | "until" => {
                open.push(Open::Loop);
                *is_condition = true;
            }
            "elif" => *is_condition = true,
            "then" | "do" | "else" => *is_condition = false,
            "{" => open.push(Open::Brace),
            "!" | "time" | "fi" | "done" | "}" | "esac" => {}
            "for" | "select" => {
                self.at += word.len();
                open.push(Open::Loop);
                *is_condition = false;
                return self.for_head();
            }
            "case" => {
                self.at += word.len();
                open.push(Open::Case { expects_pattern: true });
                return self.case_head();
            }
            "function" => {
                self.bashism(start..start + word.len(), "function");
                self.at += word.len();
                self.blanks();
                self.word();
                return self.parentheses();
            }
            _ => return self.simple(),
        }
        self.at += word.len();
        Head::Reserved
    }

    /// The characters up to the next blank or operator, if they are all plain.
    fn plain_word(&self) -> &'static str {
        const RESERVED: [&str; 18] = [
            "if", "then", "elif", "else", "fi", "while", "until", "for", "select", "do", "done", "case",
            "esac", "{", "}", "!", "time", "function",
        ];
        let rest = self.text.get(self.at..self.end).unwrap_or_default();
        let is_end = |ch: char| ch.is_whitespace() || ";&|()<>`".contains(ch);
        let word = rest.split(is_end).next().unwrap_or_default();
        RESERVED.into_iter().find(|reserved| *reserved == word).unwrap_or_default()
    }

    /// `name in words` or `((…))` behind `for`.
    fn for_head(&mut self) -> Head {
        self.blanks();
        if self.peek() == Some(b'(') && self.peek_at(1) == Some(b'(') {
            self.bashism(self.at..self.at + 2, "for ((…))");
            self.arithmetic(2);
            return Head::Reserved;
        }
        self.word();
        self.lines_and_blanks();
        if self.text.get(self.at..self.end).is_some_and(|rest| rest.starts_with("in")) {
            self.word();
            loop {
                self.blanks();
                if self.word().is_none() {
                    break;
                }
            }
        }
        Head::Reserved
    }

    fn lines_and_blanks(&mut self) {
        self.blanks();
        while self.peek() == Some(b'\n') {
            self.at += 1;
            self.blanks();
        }
    }

    /// `word in` behind `case`.
    fn case_head(&mut self) -> Head {
        self.blanks();
        self.word();
        self.lines_and_blanks();
        if self.plain_in() {
            self.at += 2;
        } else {
            self.fault(self.at, "a case has no in");
        }
        Head::Reserved
    }

    fn plain_in(&self) -> bool {
        self.text.get(self.at..self.end).is_some_and(|rest| rest.starts_with("in"))
    }

    /// A pattern of a `case` with its `)`, or the `esac`.
    fn pattern(&mut self, open: &mut Vec<Open>) -> Head {
        if self.plain_word() == "esac" {
            self.at += "esac".len();
            open.pop();
            return Head::Reserved;
        }
        let start = self.at;
        loop {
            match self.peek() {
                None => {
                    self.fault(start, "a pattern of a case has no )");
                    break;
                }
                Some(b')') => {
                    self.at += 1;
                    break;
                }
                Some(b'(' | b'|' | b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(_) => {
                    if self.word().is_none() {
                        self.at += 1;
                    }
                }
            }
        }
        if let Some(Open::Case { expects_pattern }) = open.last_mut() {
            *expects_pattern = false;
        }
        Head::Reserved
    }

    /// The `()` of a function.
    fn parentheses(&mut self) -> Head {
        self.blanks();
        if self.peek() == Some(b'(') && self.peek_at(1) == Some(b')') {
            self.at += 2;
        }
        Head::Reserved
    }

    fn simple(&mut self) -> Head {
        let start = self.at;
        let mut command = Command {
            words: Vec::new(),
            assignments: Vec::new(),
            redirects: Vec::new(),
            range: start..start,
            before: Joint::Edge,
            behind: Joint::Edge,
            list: 0,
            is_condition: false,
        };
        loop {
            self.blanks();
            if self.redirect(&mut command) {
                command.range.end = self.at;
                continue;
            }
            if command.words.first().is_some_and(|word| word.text == "[[" && !word.is_quoted)
                && command.words.last().is_none_or(|word| word.text != "]]")
                && matches!(self.peek(), Some(b'&' | b'|' | b'(' | b')' | b'<' | b'>' | b'\n' | b';'))
            {
                // Operators of a condition, not of the shell.
                self.at += 1;
                continue;
            }
            let Some(word) = self.word() else { break };
            command.range.end = self.at;
            if command.words.is_empty()
                && is_assignment(self.text.get(word.range.clone()).unwrap_or_default())
            {
                command.assignments.push(word);
                continue;
            }
            command.words.push(word);
            if command.words.len() == 1 && self.peek() == Some(b'(') {
                return self.parentheses();
            }
        }
        if let Some(first) = command.words.first().filter(|word| word.text == "[[") {
            let range = first.range.clone();
            self.bashism(range, "[[ … ]]");
        }
        match command.range.is_empty() {
            true => Head::Nothing,
            false => Head::Command(Box::new(command)),
        }
    }

    /// A redirection, if one stands here.
    fn redirect(&mut self, command: &mut Command) -> bool {
        const OPERATORS: [&str; 13] =
            ["&>>", "<<<", "<<-", "&>", ">>", ">&", ">|", "<<", "<&", "<>", ">", "<", "&"];
        let digits = {
            let rest = self.text.as_bytes().get(self.at..self.end).unwrap_or_default();
            rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
        };
        let rest = self.text.get(self.at + digits..self.end).unwrap_or_default();
        let redirects = rest.starts_with(['<', '>']) || (digits == 0 && rest.starts_with("&>"));
        if !redirects {
            return false;
        }
        if rest.starts_with("<(") || rest.starts_with(">(") {
            return false;
        }
        let Some(operator) = OPERATORS.into_iter().find(|operator| rest.starts_with(operator)) else {
            return false;
        };
        let start = self.at;
        self.at += digits + operator.len();
        match operator {
            "&>" | "&>>" => self.bashism(start..self.at, "&>"),
            "<<<" => self.bashism(start..self.at, "<<<"),
            _ => {}
        }
        self.blanks();
        let target = self.word();
        if target.is_none() {
            self.fault(start, "a redirection has no target");
        }
        if let (Some(target), "<<" | "<<-") = (&target, operator) {
            self.heredocs.push((target.text.clone(), operator == "<<-"));
        }
        command.redirects.push(Redirect { operator, target });
        true
    }
}

fn is_assignment(text: &str) -> bool {
    let Some((name, _)) = text.split_once('=') else { return false };
    let name = name.strip_suffix('+').unwrap_or(name);
    let name = name.split('[').next().unwrap_or(name);
    !name.is_empty()
        && !name.starts_with(|ch: char| ch.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
