//! Variables in the words of instructions, as BuildKit expands them (`frontend/dockerfile/shell/lex.go`): quotes,
//! escapes, `$A`, `${A}`, `${A:-b}`, `${A:+b}`, `${A:?b}`, `${A#p}`, `${A%p}`, `${A/p/r}`.

use std::iter::Peekable;
use std::str::Chars;

use super::limits::{EXPANSION_BYTES_MAX, EXPANSION_DEPTH_MAX};

/// What a word becomes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Expanded {
    pub(crate) value: String,
    /// Names that nobody has set and that have no default in the word.
    pub(crate) unset: Vec<String>,
}

/// Why a word cannot be expanded; BuildKit refuses it too, but for `TooLarge`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExpandError {
    Unterminated,
    BadSubstitution,
    TooLarge,
}

/// Looks up a variable.
pub(crate) type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Expands one word.
pub(crate) fn expand(word: &str, escape: char, lookup: &Lookup<'_>) -> Result<Expanded, ExpandError> {
    if !word.contains(['$', '\'', '"', escape]) {
        return Ok(Expanded { value: word.to_owned(), ..Expanded::default() });
    }
    let mut lexer = Lexer::new(word, escape, Mode::Expand(lookup));
    let value = lexer.until(None, false)?.value;
    Ok(Expanded { value, unset: lexer.unset })
}

/// The words of a line with quotes and escapes kept and variables untouched: what BuildKit looks for heredocs in.
pub(crate) fn raw_words(line: &str) -> Result<Vec<String>, ExpandError> {
    Lexer::new(line, '\\', Mode::Raw).until(None, true).map(Split::finish)
}

/// The words of a text without quotes, variables untouched: the name of a heredoc.
pub(crate) fn plain_words(text: &str) -> Result<Vec<String>, ExpandError> {
    Lexer::new(text, '\\', Mode::Plain).until(None, false).map(Split::finish)
}

enum Mode<'a> {
    /// Quotes go, variables are replaced.
    Expand(&'a Lookup<'a>),
    /// Quotes go, variables stay.
    Plain,
    /// Quotes and variables stay.
    Raw,
}

#[derive(Default)]
struct Split {
    value: String,
    words: Vec<String>,
    word: String,
}

impl Split {
    fn break_word(&mut self) {
        if !self.word.is_empty() {
            self.words.push(std::mem::take(&mut self.word));
        }
    }

    fn finish(mut self) -> Vec<String> {
        self.break_word();
        self.words
    }

    /// Text whose blanks separate words.
    fn loose(&mut self, text: &str) {
        self.value.push_str(text);
        for ch in text.chars() {
            match ch.is_whitespace() {
                true => self.break_word(),
                false => self.word.push(ch),
            }
        }
    }

    /// Text whose blanks belong to the word.
    fn tight(&mut self, text: &str) {
        self.value.push_str(text);
        self.word.push_str(text);
    }
}

struct Lexer<'a> {
    chars: Peekable<Chars<'a>>,
    escape: char,
    mode: Mode<'a>,
    depth: usize,
    produced: usize,
    unset: Vec<String>,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str, escape: char, mode: Mode<'a>) -> Lexer<'a> {
        Lexer { chars: text.chars().peekable(), escape, mode, depth: 0, produced: 0, unset: Vec::new() }
    }

    /// Reads up to `stop`, or to the end where there is none.
    fn until(&mut self, stop: Option<char>, raw_escapes: bool) -> Result<Split, ExpandError> {
        self.depth += 1;
        if self.depth > EXPANSION_DEPTH_MAX {
            return Err(ExpandError::TooLarge);
        }
        let mut split = Split::default();
        loop {
            let Some(ch) = self.chars.next() else {
                break match stop {
                    Some(_) => Err(ExpandError::Unterminated),
                    None => Ok(()),
                };
            };
            if Some(ch) == stop {
                break Ok(());
            }
            match ch {
                '$' => {
                    let value = self.dollar(raw_escapes)?;
                    split.loose(&value);
                }
                '\'' | '"' => {
                    let value = self.quoted(ch, raw_escapes)?;
                    split.tight(&value);
                }
                '<' => split.tight(&self.less_than()),
                _ if ch == self.escape => {
                    if raw_escapes {
                        split.tight(ch.encode_utf8(&mut [0; 4]));
                    }
                    if let Some(next) = self.chars.next() {
                        split.tight(next.encode_utf8(&mut [0; 4]));
                    }
                }
                _ => split.loose(ch.encode_utf8(&mut [0; 4])),
            }
        }?;
        self.depth -= 1;
        self.account(split.value.len())?;
        Ok(split)
    }

    fn account(&mut self, bytes: usize) -> Result<(), ExpandError> {
        self.produced += bytes;
        match (&self.mode, self.produced > EXPANSION_BYTES_MAX) {
            (Mode::Expand(_), true) => Err(ExpandError::TooLarge),
            (Mode::Expand(_) | Mode::Plain | Mode::Raw, _) => Ok(()),
        }
    }

    /// `<`, or `<<` with the blanks behind it: `<< EOF` is one word.
    fn less_than(&mut self) -> String {
        let mut text = "<".to_owned();
        if self.chars.next_if_eq(&'<').is_some() {
            text.push('<');
            while let Some(blank) = self.chars.next_if(|ch| matches!(ch, ' ' | '\t')) {
                text.push(blank);
            }
        }
        text
    }

    fn quoted(&mut self, quote: char, raw_escapes: bool) -> Result<String, ExpandError> {
        let keeps_quotes = matches!(self.mode, Mode::Raw);
        let mut text = String::new();
        if keeps_quotes {
            text.push(quote);
        }
        loop {
            let ch = self.chars.next().ok_or(ExpandError::Unterminated)?;
            if ch == quote {
                break;
            }
            match ch {
                '$' if quote == '"' => {
                    let value = self.dollar(raw_escapes)?;
                    text.push_str(&value);
                }
                _ if ch == self.escape && quote == '"' => {
                    let next = self.chars.peek().copied();
                    let is_escaped =
                        next.is_some_and(|next| matches!(next, '"' | '$') || next == self.escape);
                    if raw_escapes || (!is_escaped && next.is_some()) {
                        text.push(ch);
                    }
                    if is_escaped {
                        text.extend(self.chars.next());
                    } else if raw_escapes && next.is_some() {
                        // BuildKit writes the escape once for its mode and once as the character it is.
                        text.push(ch);
                    }
                }
                _ => text.push(ch),
            }
            if text.len() > EXPANSION_BYTES_MAX && matches!(self.mode, Mode::Expand(_)) {
                return Err(ExpandError::TooLarge);
            }
        }
        if keeps_quotes {
            text.push(quote);
        }
        Ok(text)
    }

    /// Behind a `$`.
    fn dollar(&mut self, raw_escapes: bool) -> Result<String, ExpandError> {
        if self.chars.next_if_eq(&'{').is_none() {
            let name = self.name();
            if name.is_empty() {
                return Ok("$".to_owned());
            }
            let kept = format!("${name}");
            return self.value_or(&name, kept);
        }
        match self.chars.peek() {
            None => return Err(ExpandError::Unterminated),
            Some('{' | '}' | ':') => return Err(ExpandError::BadSubstitution),
            Some(_) => {}
        }
        let name = self.name();
        let operator = self.chars.next().ok_or(ExpandError::Unterminated)?;
        match operator {
            '}' => {
                let kept = format!("${{{name}}}");
                self.value_or(&name, kept)
            }
            ':' => {
                let operator = self.chars.next().ok_or(ExpandError::Unterminated)?;
                match operator {
                    '+' | '-' | '?' => self.modified(&name, operator, true, raw_escapes),
                    _ => Err(ExpandError::BadSubstitution),
                }
            }
            '+' | '-' | '?' | '#' | '%' => self.modified(&name, operator, false, raw_escapes),
            '/' => self.replaced(&name),
            _ => Err(ExpandError::BadSubstitution),
        }
    }

    /// `${name:-word}` and its kin; `empty_counts` is the colon.
    fn modified(
        &mut self,
        name: &str,
        operator: char,
        empty_counts: bool,
        raw_escapes: bool,
    ) -> Result<String, ExpandError> {
        let is_pattern = matches!(operator, '#' | '%');
        let unset_before = self.unset.len();
        let word = self.until(Some('}'), is_pattern || raw_escapes)?.value;
        let Mode::Expand(lookup) = self.mode else {
            let colon = if empty_counts { ":" } else { "" };
            return Ok(format!("${{{name}{colon}{operator}{word}}}"));
        };
        let value = lookup(name).filter(|value| !(empty_counts && value.is_empty()));
        match (operator, value) {
            ('-', None) => Ok(word),
            ('-', Some(value)) => {
                // A default that is not used needs none of its variables.
                self.unset.truncate(unset_before);
                Ok(value)
            }
            ('+', None) => Ok(String::new()),
            ('+', Some(_)) => Ok(word),
            ('?', Some(value)) => Ok(value),
            ('?', None) => {
                self.unset.push(name.to_owned());
                Ok(String::new())
            }
            (_, value) => self.trimmed(name, value, &word, operator),
        }
    }

    fn trimmed(
        &mut self,
        name: &str,
        value: Option<String>,
        pattern: &str,
        operator: char,
    ) -> Result<String, ExpandError> {
        let Some(value) = value else {
            self.unset.push(name.to_owned());
            return Ok(String::new());
        };
        let (pattern, longest) = match pattern.strip_prefix(operator) {
            Some(pattern) => (pattern, true),
            None => (pattern, false),
        };
        Ok(match operator {
            '#' => glob::without_prefix(&value, pattern, longest).to_owned(),
            _ => glob::without_suffix(&value, pattern, longest).to_owned(),
        })
    }

    /// `${name/pattern/text}`, `${name//pattern/text}`.
    fn replaced(&mut self, name: &str) -> Result<String, ExpandError> {
        let all = self.chars.next_if_eq(&'/').is_some();
        let pattern = self.until(Some('/'), true)?.value;
        let text = self.until(Some('}'), true)?.value;
        let Mode::Expand(lookup) = self.mode else { return Ok(format!("${{{name}/{pattern}/{text}}}")) };
        let Some(value) = lookup(name) else {
            self.unset.push(name.to_owned());
            return Ok(String::new());
        };
        let replaced = glob::replaced(&value, &pattern, &text, all);
        self.account(replaced.len())?;
        Ok(replaced)
    }

    /// The value of a variable, or what is kept of it where none are replaced.
    fn value_or(&mut self, name: &str, kept: String) -> Result<String, ExpandError> {
        let Mode::Expand(lookup) = self.mode else { return Ok(kept) };
        let Some(value) = lookup(name) else {
            self.unset.push(name.to_owned());
            return Ok(String::new());
        };
        self.account(value.len())?;
        Ok(value)
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        match self.chars.peek() {
            Some(ch) if ch.is_numeric() => {
                while let Some(digit) = self.chars.next_if(|ch| ch.is_numeric()) {
                    name.push(digit);
                }
            }
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => name.extend(self.chars.next()),
            Some(_) | None => {
                while let Some(ch) = self.chars.next_if(|ch| ch.is_alphanumeric() || *ch == '_') {
                    name.push(ch);
                }
            }
        }
        name
    }
}

/// Shell patterns of `*` and `?`, without brackets, as BuildKit knows them.
mod glob {
    /// Whether the whole text fits; linear in the text for each `*`.
    fn fits(pattern: &[char], text: &[char]) -> bool {
        let (mut p, mut t) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while t < text.len() {
            match pattern.get(p) {
                Some('*') => {
                    retry = Some((p + 1, t));
                    p += 1;
                }
                Some('?') => (p, t) = (p + 1, t + 1),
                Some('\\') if pattern.get(p + 1) == text.get(t) => (p, t) = (p + 2, t + 1),
                Some(ch) if Some(ch) == text.get(t) => (p, t) = (p + 1, t + 1),
                Some(_) | None => match retry {
                    Some((from, at)) => {
                        retry = Some((from, at + 1));
                        (p, t) = (from, at + 1);
                    }
                    None => return false,
                },
            }
        }
        pattern.get(p..).is_some_and(|rest| rest.iter().all(|ch| *ch == '*'))
    }

    /// Values that a pattern is tried on: longer ones keep what they have, because trying is quadratic.
    const VALUE_CHARS_MAX: usize = 128;

    fn chars(value: &str, pattern: &str) -> Option<(Vec<char>, Vec<char>)> {
        let (value, pattern): (Vec<char>, Vec<char>) = (value.chars().collect(), pattern.chars().collect());
        (value.len() <= VALUE_CHARS_MAX && pattern.len() <= VALUE_CHARS_MAX).then_some((value, pattern))
    }

    fn byte_at(value: &str, chars: usize) -> usize {
        value.char_indices().nth(chars).map_or(value.len(), |(at, _)| at)
    }

    pub(super) fn without_prefix<'v>(value: &'v str, pattern: &str, longest: bool) -> &'v str {
        let Some((text, glob)) = chars(value, pattern) else { return value };
        let mut ends = 0..=text.len();
        let fits = |end: &usize| text.get(..*end).is_some_and(|head| fits(&glob, head));
        let end = if longest { ends.rev().find(fits) } else { ends.find(fits) };
        end.and_then(|end| value.get(byte_at(value, end)..)).unwrap_or(value)
    }

    pub(super) fn without_suffix<'v>(value: &'v str, pattern: &str, longest: bool) -> &'v str {
        let Some((text, glob)) = chars(value, pattern) else { return value };
        let mut starts = 0..=text.len();
        let fits = |start: &usize| text.get(*start..).is_some_and(|tail| fits(&glob, tail));
        let start = if longest { starts.find(fits) } else { starts.rev().find(fits) };
        start.and_then(|start| value.get(..byte_at(value, start))).unwrap_or(value)
    }

    pub(super) fn replaced(value: &str, pattern: &str, text: &str, all: bool) -> String {
        let Some((chars, glob)) = chars(value, pattern) else { return value.to_owned() };
        let mut out = String::new();
        let mut at = 0;
        while at < chars.len() {
            let longest = (at + 1..=chars.len()).rev();
            let mut ends = longest.filter(|&end| chars.get(at..end).is_some_and(|part| fits(&glob, part)));
            match ends.next() {
                Some(end) => {
                    out.push_str(text);
                    at = end;
                    if !all {
                        break;
                    }
                }
                None => {
                    out.extend(chars.get(at));
                    at += 1;
                }
            }
        }
        out.extend(chars.get(at..).unwrap_or_default());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::{ExpandError, expand, plain_words, raw_words};

    fn check(word: &str, expected: Result<&str, ExpandError>) {
        let lookup = |name: &str| match name {
            "V" => Some("1.2.3".to_owned()),
            "E" => Some(String::new()),
            "P" => Some("/a/b/c.tar.gz".to_owned()),
            _ => None,
        };
        let got = expand(word, '\\', &lookup).map(|expanded| expanded.value);
        assert_eq!(got.as_deref().map_err(|e| *e), expected, "{word}");
    }

    #[test]
    fn words_expand_as_buildkit_does() {
        check("a$V-b", Ok("a1.2.3-b"));
        check("'$V'\"$V\"", Ok("$V1.2.3"));
        check("\\$V", Ok("$V"));
        check("\"a\\\"b\\n\"", Ok("a\"b\\n"));
        check("${V:-x}${E:-x}${E-x}${N:-x}${N-${V}}", Ok("1.2.3xx1.2.3"));
        check("${V:+x}${E:+x}${E+x}${N+x}", Ok("xx"));
        check("${P#*/}|${P##*/}|${P%.*}|${P%%.*}", Ok("a/b/c.tar.gz|c.tar.gz|/a/b/c.tar|/a/b/c"));
        check("${V/./-}|${V//./-}|${P/*b/x}", Ok("1-2.3|1-2-3|x/c.tar.gz"));
        check("$", Ok("$"));
        check("$(ls)", Ok("$(ls)"));
        check("${", Err(ExpandError::Unterminated));
        check("${}", Err(ExpandError::BadSubstitution));
        check("${V^^}", Err(ExpandError::BadSubstitution));
        check("'a", Err(ExpandError::Unterminated));
    }

    #[test]
    fn a_bomb_stops() {
        let word = "${A}".repeat(100);
        let big = |_: &str| Some("x".repeat(10_000));
        assert_eq!(expand(&word, '\\', &big).err(), Some(ExpandError::TooLarge));
        let deep = format!("{}x{}", "${A:-".repeat(1_000), "}".repeat(1_000));
        assert_eq!(expand(&deep, '\\', &|_| None).err(), Some(ExpandError::TooLarge));
    }

    #[test]
    fn words_for_heredocs_keep_quotes() {
        assert_eq!(raw_words("cat << 'E F' && a").unwrap(), ["cat", "<< 'E F'", "&&", "a"]);
        assert_eq!(plain_words("'E F'").unwrap(), ["E F"]);
        assert_eq!(raw_words("it's").err(), Some(ExpandError::Unterminated));
    }
}
