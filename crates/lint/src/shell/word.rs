//! Words: quotes, escapes, expansions.

use super::parser::{Parser, Stop};
use super::{Expansion, ExpansionKind, Word};

impl Parser<'_> {
    /// Reads a word at the current place; none where there is none.
    pub(super) fn word(&mut self) -> Option<Word> {
        let start = self.at;
        let mut word = Word::default();
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b')' => break,
                b'<' | b'>' if self.peek_at(1) == Some(b'(') => self.process_substitution(&mut word),
                b'<' | b'>' => break,
                b'(' if word.text.ends_with('=') && !word.is_quoted => self.array(&mut word),
                b'(' if word.text.ends_with(['?', '*', '+', '@', '!']) => self.array(&mut word),
                b'(' => break,
                b'`' if self.stops_at_backquote() => break,
                b'\'' => self.single_quoted(&mut word),
                b'"' => self.double_quoted(&mut word),
                b'\\' => self.escaped(&mut word),
                b'$' => self.dollar(&mut word, false),
                b'`' => self.backquotes(&mut word, false),
                _ => {
                    word.has_glob |= matches!(byte, b'*' | b'?' | b'[');
                    self.copy(&mut word);
                }
            }
        }
        if self.at == start {
            return None;
        }
        self.count_word();
        word.range = start..self.at;
        Some(word)
    }

    /// Copies one character.
    fn copy(&mut self, word: &mut Word) {
        if let Some(ch) = self.text.get(self.at..self.end).and_then(|rest| rest.chars().next()) {
            word.text.push(ch);
            self.at += ch.len_utf8();
        } else {
            self.at = self.end;
        }
    }

    fn copy_range(&mut self, word: &mut Word, start: usize) {
        word.text.push_str(self.text.get(start..self.at).unwrap_or_default());
    }

    fn escaped(&mut self, word: &mut Word) {
        self.at += 1;
        match self.peek() {
            Some(b'\n') => self.at += 1,
            Some(_) => {
                word.is_quoted = true;
                self.copy(word);
            }
            None => {}
        }
    }

    fn single_quoted(&mut self, word: &mut Word) {
        word.is_quoted = true;
        let open = self.at;
        self.at += 1;
        let rest = self.text.get(self.at..self.end).unwrap_or_default();
        let Some(close) = rest.find('\'') else {
            self.fault(open, "a single quote is not closed");
            word.text.push_str(rest);
            self.at = self.end;
            return;
        };
        word.text.push_str(rest.get(..close).unwrap_or_default());
        self.at += close + 1;
    }

    fn double_quoted(&mut self, word: &mut Word) {
        word.is_quoted = true;
        let open = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                None => {
                    self.fault(open, "a double quote is not closed");
                    return;
                }
                Some(b'"') => {
                    self.at += 1;
                    return;
                }
                Some(b'\\') => {
                    let next = self.peek_at(1);
                    match next {
                        Some(b'"' | b'\\' | b'$' | b'`') => self.at += 1,
                        Some(b'\n') => {
                            self.at += 2;
                            continue;
                        }
                        _ => {}
                    }
                    self.copy(word);
                }
                Some(b'$') => self.dollar(word, true),
                Some(b'`') if self.stops_at_backquote() => {
                    self.fault(open, "a double quote is not closed");
                    return;
                }
                Some(b'`') => self.backquotes(word, true),
                Some(_) => self.copy(word),
            }
        }
    }

    fn dollar(&mut self, word: &mut Word, is_quoted: bool) {
        let start = self.at;
        let kind = match self.peek_at(1) {
            Some(b'(') if self.peek_at(2) == Some(b'(') && self.arithmetic(3) => ExpansionKind::Arithmetic,
            Some(b'(') => {
                self.at += 2;
                self.nested(Stop::Parenthesis, start, "$( is not closed");
                ExpansionKind::Command
            }
            Some(b'{') => {
                self.at += 2;
                self.parameter(start)
            }
            Some(b'\'') if !is_quoted => return self.ansi_quoted(word),
            Some(b'"') if !is_quoted => {
                self.bashism(start..start + 2, "$\"…\"");
                self.at += 1;
                return self.double_quoted(word);
            }
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => {
                self.at += 1;
                ExpansionKind::Variable(self.name())
            }
            Some(byte) if byte.is_ascii_digit() || b"@*#?-$!".contains(&byte) => {
                self.at += 2;
                ExpansionKind::Variable(char::from(byte).to_string())
            }
            _ => return self.copy(word),
        };
        word.expansions.push(Expansion { kind, range: start..self.at, is_quoted });
        self.copy_range(word, start);
    }

    pub(super) fn name(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default().to_owned()
    }

    /// `${…}` behind its brace.
    fn parameter(&mut self, start: usize) -> ExpansionKind {
        if matches!(self.peek(), Some(b'#' | b'!')) && self.peek_at(1) != Some(b'}') {
            if self.peek() == Some(b'!') {
                self.bashism(start..self.at + 1, "${!NAME}");
            }
            self.at += 1;
        }
        let mut name = self.name();
        if name.is_empty()
            && let Some(byte) = self.peek().filter(|byte| b"@*#?-$!".contains(byte))
        {
            name.push(char::from(byte));
            self.at += 1;
        }
        match self.peek() {
            Some(b'/') => self.bashism(start..self.at + 1, "${NAME/pattern/text}"),
            Some(b'^' | b',') => self.bashism(start..self.at + 1, "${NAME^^}"),
            Some(b'[') => self.bashism(start..self.at + 1, "an array"),
            Some(b':') if self.peek_at(1).is_some_and(|byte| byte.is_ascii_digit()) => {
                self.bashism(start..self.at + 1, "${NAME:offset}");
            }
            _ => {}
        }
        if !self.deeper() {
            return ExpansionKind::Variable(name);
        }
        let mut inner = Word::default();
        loop {
            match self.peek() {
                None => {
                    self.fault(start, "${ is not closed");
                    break;
                }
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                Some(b'\\') => self.escaped(&mut inner),
                Some(b'\'') => self.single_quoted(&mut inner),
                Some(b'"') => self.double_quoted(&mut inner),
                Some(b'$') => self.dollar(&mut inner, true),
                Some(b'`') if !self.stops_at_backquote() => self.backquotes(&mut inner, true),
                Some(_) => self.copy(&mut inner),
            }
        }
        self.shallower();
        ExpansionKind::Variable(name)
    }

    /// `$((…))` and `((…))`: goes behind them if they are such, `skip` bytes behind the current place.
    pub(super) fn arithmetic(&mut self, skip: usize) -> bool {
        let mut open = 0_usize;
        let bytes = self.text.as_bytes().get(..self.end).unwrap_or_default();
        for (at, byte) in bytes.iter().enumerate().skip(self.at + skip) {
            match byte {
                b'(' => open += 1,
                b')' if open > 0 => open -= 1,
                b')' if bytes.get(at + 1) == Some(&b')') => {
                    self.at = at + 2;
                    return true;
                }
                b')' | b'\n' => return false,
                _ => {}
            }
        }
        false
    }

    /// `$'…'`
    fn ansi_quoted(&mut self, word: &mut Word) {
        let start = self.at;
        self.bashism(start..start + 2, "$'…'");
        word.is_quoted = true;
        self.at += 2;
        loop {
            match self.peek() {
                None => {
                    self.fault(start, "a single quote is not closed");
                    return;
                }
                Some(b'\'') => {
                    self.at += 1;
                    return;
                }
                Some(b'\\') => {
                    self.copy(word);
                    if self.peek().is_some() {
                        self.copy(word);
                    }
                }
                Some(_) => self.copy(word),
            }
        }
    }

    fn backquotes(&mut self, word: &mut Word, is_quoted: bool) {
        let start = self.at;
        self.at += 1;
        self.nested(Stop::Backquote, start, "a backquote is not closed");
        let (kind, range) = (ExpansionKind::Backquotes, start..self.at);
        word.expansions.push(Expansion { kind, range, is_quoted });
        self.copy_range(word, start);
    }

    fn process_substitution(&mut self, word: &mut Word) {
        let start = self.at;
        self.bashism(start..start + 2, "<(…)");
        self.at += 2;
        self.nested(Stop::Parenthesis, start, "<( is not closed");
        self.copy_range(word, start);
    }

    /// `(…)` within a word: the values of an array, an extended pattern.
    fn array(&mut self, word: &mut Word) {
        let start = self.at;
        self.bashism(start..start + 1, "an array");
        if !self.deeper() {
            return;
        }
        self.at += 1;
        loop {
            match self.peek() {
                None => {
                    self.fault(start, "( is not closed");
                    break;
                }
                Some(b')') => {
                    self.at += 1;
                    break;
                }
                Some(b' ' | b'\t' | b'\n' | b'\r' | b'|' | b'&' | b';') => self.at += 1,
                Some(_) => {
                    if self.word().is_none() {
                        self.at += 1;
                    }
                }
            }
        }
        self.shallower();
        self.copy_range(word, start);
    }
}
