//! A command line → words, with the line each stands on: as much of a shell as `docker run` lines need.
//!
//! Expands arrays and variables that the script itself fills with plain text; any other variable stays its text.

use std::collections::HashMap;

use crate::limits::WORDS_MAX;

/// A word of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// From 1.
    pub(crate) line: u32,
}

/// The simple commands of a shell script that begins at a line of its file, as words.
pub(crate) fn commands_at(script: &str, line: u32) -> Vec<Vec<Word>> {
    let mut split = Split { line, ..Split::default() };
    let mut chars = script.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\n') => split.line += 1,
                Some('\r') => {
                    chars.next_if_eq(&'\n');
                    split.line += 1;
                }
                Some(other) => split.push(other),
                None => {}
            },
            '\'' => split.quoted(&mut chars, '\''),
            '"' => split.quoted(&mut chars, '"'),
            '#' if split.word.is_none() => while chars.next_if(|c| *c != '\n').is_some() {},
            '$' if chars.peek() == Some(&'(') => split.substitution(&mut chars),
            '\n' => {
                match split.array {
                    Some(_) => split.end_word(),
                    None => split.end_command(),
                }
                split.line += 1;
            }
            '(' if split.begins_array() => {}
            ')' if split.array.is_some() => split.end_array(),
            ';' | '|' | '&' | '(' | ')' => split.end_command(),
            c if c.is_whitespace() => split.end_word(),
            c => split.push(c),
        }
        if split.count > WORDS_MAX * 10 {
            break;
        }
    }
    split.end_command();
    split.commands
}

#[derive(Default)]
struct Split {
    commands: Vec<Vec<Word>>,
    words: Vec<Word>,
    word: Option<Word>,
    line: u32,
    count: usize,
    /// The array that is being filled, as far as it is.
    array: Option<(String, Vec<Word>)>,
    /// What variables and arrays hold so far, by name.
    known: HashMap<String, Vec<String>>,
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

impl Split {
    fn push(&mut self, c: char) {
        let line = self.line;
        self.word.get_or_insert_with(|| Word { text: String::new(), line }).text.push(c);
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        let Split { words, array, known, count, .. } = self;
        let into = array.as_mut().map_or(words, |(_, items)| items);
        for word in expanded(word, known) {
            if into.len() >= WORDS_MAX {
                return;
            }
            *count += 1;
            into.push(word);
        }
    }

    /// Whether what stands in front of a parenthesis makes it an array: `NAME=`, `NAME+=`.
    fn begins_array(&mut self) -> bool {
        let name = self.word.as_ref().and_then(|word| word.text.strip_suffix('='));
        let Some(name) = name.filter(|name| self.array.is_none() && is_name(name.trim_end_matches('+')))
        else {
            return false;
        };
        let items = match name.strip_suffix('+') {
            Some(name) => self.known.get(name).cloned().unwrap_or_default(),
            None => Vec::new(),
        };
        let line = self.line;
        let items = items.into_iter().map(|text| Word { text, line }).collect();
        self.array = Some((name.trim_end_matches('+').to_owned(), items));
        self.word = None;
        true
    }

    fn end_array(&mut self) {
        self.end_word();
        if let Some((name, items)) = self.array.take() {
            self.known.insert(name, items.into_iter().map(|word| word.text).collect());
        }
    }

    fn end_command(&mut self) {
        if self.array.is_some() {
            self.end_array();
        }
        self.end_word();
        if let [only] = self.words.as_slice()
            && let Some((name, value)) = only.text.split_once('=').filter(|(name, _)| is_name(name))
        {
            self.known.insert(name.to_owned(), value.split_whitespace().map(str::to_owned).collect());
        }
        if !self.words.is_empty() {
            self.commands.push(std::mem::take(&mut self.words));
        }
    }

    fn quoted(&mut self, chars: &mut Chars<'_>, quote: char) {
        let line = self.line;
        self.word.get_or_insert_with(|| Word { text: String::new(), line });
        while let Some(c) = chars.next() {
            if c == quote {
                return;
            }
            let escapes = quote == '"' && c == '\\';
            match if escapes { chars.next() } else { Some(c) } {
                Some('\n') if escapes => self.line += 1,
                Some(c) => {
                    self.line += u32::from(c == '\n');
                    if escapes && !matches!(c, '"' | '\\' | '$' | '`') {
                        self.push('\\');
                    }
                    self.push(c);
                }
                None => return,
            }
        }
    }

    /// `$(…)` as text of the word.
    fn substitution(&mut self, chars: &mut Chars<'_>) {
        self.push('$');
        let mut depth = 0usize;
        for c in chars.by_ref() {
            self.line += u32::from(c == '\n');
            self.push(c);
            match c {
                '(' => depth += 1,
                ')' if depth <= 1 => return,
                ')' => depth -= 1,
                _ => {}
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A word, or the words of the variable or array that it is: `$A`, `${A}`, `${A[@]}`.
fn expanded(word: Word, known: &HashMap<String, Vec<String>>) -> Vec<Word> {
    let name = word.text.strip_prefix('$').map(|rest| {
        let braced = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        braced.map_or(rest, |name| name.trim_end_matches("[@]").trim_end_matches("[*]"))
    });
    match name.and_then(|name| known.get(name)) {
        Some(texts) if texts.iter().all(|text| !text.contains('$')) => {
            texts.iter().map(|text| Word { text: text.clone(), line: word.line }).collect()
        }
        Some(_) | None => vec![word],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_split_as_a_shell_splits_them() {
        let check = |script: &str, expected: &[&[&str]]| {
            let commands = commands_at(script, 1);
            let seen: Vec<Vec<&str>> =
                commands.iter().map(|words| words.iter().map(|word| &*word.text).collect()).collect();
            assert_eq!(seen, expected, "{script}");
        };
        check("a b  c", &[&["a", "b", "c"]]);
        check("a 'b c' \"d\\\"e\" f\\ g", &[&["a", "b c", "d\"e", "f g"]]);
        check("a \\\n b && c; d | e # f\ng", &[&["a", "b"], &["c"], &["d"], &["e"], &["g"]]);
        check("a \"$(b \"c\" (d))\" $(e f) g", &[&["a", "$(b c (d))", "$(e f)", "g"]]);
        check("a ''", &[&["a", ""]]);
        check("'a", &[&["a"]]);
        check("a=(b 'c d'\n e)\nf \"${a[@]}\" g", &[&["f", "b", "c d", "e", "g"]]);
        check("a=(b)\na+=(c); f ${a[*]}", &[&["f", "b", "c"]]);
        check("A='-v x'\nf $A ${A} $B", &[&["A=-v x"], &["f", "-v", "x", "-v", "x", "$B"]]);
        check("f() { g; }", &[&["f"], &["{", "g"], &["}"]]);
        assert_eq!(commands_at("a \\\n b", 1)[0][1].line, 2);
    }
}
