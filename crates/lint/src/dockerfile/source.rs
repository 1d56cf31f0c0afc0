//! The text of a build file and places in it.

use std::ops::Range;

/// Bytes of the file, from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) const fn new(start: usize, end: usize) -> Span {
        Span { start, end }
    }

    /// The empty span at a place.
    pub(crate) const fn at(at: usize) -> Span {
        Span { start: at, end: at }
    }
}

/// The file as text in which every byte stands where it stood.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) text: String,
    /// Where each line starts.
    lines: Vec<usize>,
}

impl Source {
    /// What is not UTF-8 (comments in Latin-1 are common) becomes `?`, byte for byte.
    pub(crate) fn new(bytes: &[u8]) -> Source {
        let mut text = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|_| '?'));
        }
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(breaks).collect();
        Source { text, lines }
    }

    pub(crate) fn slice(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// The line, from 1, that a byte is on.
    pub(crate) fn line_of(&self, at: usize) -> u32 {
        let line = self.lines.partition_point(|&start| start <= at);
        u32::try_from(line).unwrap_or(u32::MAX)
    }

    /// The bytes of a line (from 1) with its line break.
    pub(crate) fn line_span(&self, line: u32) -> Span {
        let index = (line as usize).saturating_sub(1);
        let start = self.lines.get(index).copied().unwrap_or(self.text.len());
        let end = self.lines.get(index + 1).copied().unwrap_or(self.text.len());
        Span::new(start, end)
    }
}

/// Text put together from pieces of the file (a line and its continuations), which remembers where each byte stood.
#[derive(Debug, Clone, Default)]
pub(crate) struct Joined {
    pub(crate) text: String,
    /// Offset in `text`, offset in the file; ascending.
    pieces: Vec<(usize, usize)>,
    /// The end of the last piece in the file.
    end: usize,
}

impl Joined {
    /// One piece.
    pub(crate) fn of(source: &Source, span: Span) -> Joined {
        let mut joined = Joined::default();
        joined.push(source, span);
        joined
    }

    pub(crate) fn push(&mut self, source: &Source, span: Span) {
        self.pieces.push((self.text.len(), span.start));
        self.text.push_str(source.slice(span));
        self.end = span.end;
    }

    /// Adds text that is not what the file says letter by letter (a JSON string, unescaped).
    pub(crate) fn push_text(&mut self, text: &str, span: Span) {
        self.pieces.push((self.text.len(), span.start));
        self.text.push_str(text);
        self.end = span.end;
    }

    /// A range as a text of its own.
    pub(crate) fn part(&self, range: &Range<usize>) -> Joined {
        let before = self.pieces.partition_point(|&(start, _)| start <= range.start).saturating_sub(1);
        let inside = self.pieces.get(before..).unwrap_or_default().iter();
        let inside = inside.take_while(|&&(start, _)| start < range.end.max(range.start + 1));
        let moved = inside.map(|&(start, source)| match range.start.checked_sub(start) {
            Some(skipped) => (0, source + skipped),
            None => (start - range.start, source),
        });
        let end = if range.is_empty() { self.source_at(range.start) } else { self.span(range).end };
        Joined { text: self.slice(range).to_owned(), pieces: moved.collect(), end }
    }

    /// Where a byte of the text stands in the file.
    pub(crate) fn source_at(&self, at: usize) -> usize {
        let piece = self.pieces.partition_point(|&(start, _)| start <= at);
        match piece.checked_sub(1).and_then(|piece| self.pieces.get(piece)) {
            Some(&(start, source)) => (source + (at - start)).min(self.end),
            None => self.end,
        }
    }

    /// Where a range of the text stands in the file; line breaks between its pieces are inside.
    pub(crate) fn span(&self, range: &Range<usize>) -> Span {
        let start = self.source_at(range.start);
        match range.is_empty() {
            true => Span::at(start),
            false => Span::new(start, self.source_at(range.end - 1) + 1),
        }
    }

    pub(crate) fn slice(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}
