//! Where in which file something was written.

use std::rc::Rc;

use crate::diagnostic::{Code, Diagnostic, Level, shown};

/// A file of rules.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) text: String,
    /// First byte of each line: a file of a million lines may have a thousand mistakes.
    line_starts: Vec<usize>,
}

impl File {
    pub(crate) fn new(name: &str, text: &str) -> File {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        File { name: name.to_owned(), text: text.to_owned(), line_starts }
    }

    /// A line, counted from 1.
    fn line(&self, number: usize) -> Option<&str> {
        let start = *self.line_starts.get(number.checked_sub(1)?)?;
        self.text[start..].lines().next()
    }
}

/// A place in a file.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) file: Rc<File>,
    /// From 1.
    pub(crate) line: usize,
    /// In characters, from 1.
    pub(crate) column: usize,
}

impl Place {
    fn excerpt(&self) -> String {
        self.file.line(self.line).map(shown).unwrap_or_default()
    }

    pub(crate) fn diagnostic(&self, level: Level, code: Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            level,
            code,
            file: self.file.name.clone(),
            line: self.line,
            column: self.column,
            item: String::new(),
            message: message.into(),
            excerpt: self.excerpt(),
            help: String::new(),
        }
    }
}

/// How a scalar was written: this decides which characters of the file are its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Block,
}

/// A text of a file that knows where each of its characters was written.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) place: Place,
    /// First byte in the file.
    pub(crate) start: usize,
    pub(crate) style: Style,
}

impl Written {
    /// Where the character at this byte was written.
    ///
    /// YAML folds lines and indentation, so the file is read beside the text: only white space may differ, and
    /// escapes of quoted scalars. Where that does not work out, it is the beginning.
    pub(crate) fn place_of(&self, offset: usize) -> Place {
        let own = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
        let mut count = own(self.text.get(..offset).unwrap_or(&self.text));
        // Behind the last character there is nothing of this text in the file: it is one to the right of it.
        let is_behind = count > 0 && count == own(&self.text);
        count -= usize::from(is_behind);
        let Some(mut rest) = self.file_text() else { return self.place.clone() };
        let start = self.place.file.text.len() - rest.len();
        let mut seen = 0;
        while let Some(character) = rest.chars().next() {
            if !character.is_whitespace() {
                if seen == count {
                    let place = self.place_at(start, self.place.file.text.len() - rest.len());
                    return Place { column: place.column + usize::from(is_behind), ..place };
                }
                seen += 1;
            }
            let skipped = match self.style {
                Style::SingleQuoted if rest.starts_with("''") => 2,
                Style::DoubleQuoted if character == '\\' => {
                    1 + rest[1..].chars().next().map_or(0, char::len_utf8)
                }
                Style::SingleQuoted | Style::DoubleQuoted | Style::Plain | Style::Block => {
                    character.len_utf8()
                }
            };
            rest = &rest[skipped..];
        }
        self.place.clone()
    }

    /// The file from the scalar's first own character.
    fn file_text(&self) -> Option<&str> {
        let text = self.place.file.text.get(self.start..)?;
        match self.style {
            Style::Plain => Some(text),
            Style::SingleQuoted | Style::DoubleQuoted => Some(text.strip_prefix(['\'', '"']).unwrap_or(text)),
            Style::Block if text.starts_with(['>', '|']) => text.split_once('\n').map(|(_, rest)| rest),
            Style::Block => Some(text),
        }
    }

    fn place_at(&self, start: usize, byte: usize) -> Place {
        let text = &self.place.file.text;
        let line_start = text[..byte].rfind('\n').map_or(0, |newline| newline + 1);
        let before_start = text[self.start.min(start)..start].matches('\n').count();
        let lines = before_start + text[start..byte].matches('\n').count();
        Place {
            file: Rc::clone(&self.place.file),
            line: self.place.line + lines,
            column: text[line_start..byte].chars().count() + 1,
        }
    }
}

/// A condition or output: what one item says, and what later items append, with a blank between.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) joined: String,
    pieces: Vec<(usize, Written)>,
}

impl Text {
    pub(crate) fn new(written: Written) -> Text {
        Text { joined: written.text.clone(), pieces: vec![(0, written)] }
    }

    pub(crate) fn append(&mut self, written: Written) {
        self.joined.push(' ');
        self.pieces.push((self.joined.len(), written.clone()));
        self.joined.push_str(&written.text);
    }

    pub(crate) fn place_of(&self, offset: usize) -> Place {
        let piece = self.pieces.iter().rev().find(|(start, _)| *start <= offset);
        let (start, written) = piece.unwrap_or(&self.pieces[0]);
        written.place_of(offset - start.min(&offset))
    }
}
