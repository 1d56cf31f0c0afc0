//! A command line → words, with the line each stands on: as much of a shell as `docker run` lines need.
//!
//! Refuses to expand anything: a variable stays its text.

use crate::limits::WORDS_MAX;

/// A word of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// From 1.
    pub(crate) line: u32,
}

/// The simple commands of a shell script, as words.
pub(crate) fn commands(script: &str) -> Vec<Vec<Word>> {
    let mut split = Split { commands: Vec::new(), words: Vec::new(), word: None, line: 1, count: 0 };
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
                split.end_command();
                split.line += 1;
            }
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

struct Split {
    commands: Vec<Vec<Word>>,
    words: Vec<Word>,
    word: Option<Word>,
    line: u32,
    count: usize,
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

impl Split {
    fn push(&mut self, c: char) {
        let line = self.line;
        self.word.get_or_insert_with(|| Word { text: String::new(), line }).text.push(c);
    }

    fn end_word(&mut self) {
        if let Some(word) = self.word.take()
            && self.words.len() < WORDS_MAX
        {
            self.count += 1;
            self.words.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_split_as_a_shell_splits_them() {
        let check = |script: &str, expected: &[&[&str]]| {
            let commands = commands(script);
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
        assert_eq!(commands("a \\\n b")[0][1].line, 2);
    }
}
