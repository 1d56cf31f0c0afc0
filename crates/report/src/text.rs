//! Text that fits a terminal and cannot command it.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text with control characters and invisible direction marks replaced: names in images are hostile, and an
/// escape sequence in one must not reach the terminal. Line breaks become blanks: it is one cell or line.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    replaced(text, |c| if matches!(c, '\n' | '\t') { ' ' } else { '\u{fffd}' })
}

/// [`clean`] for a text of several lines, which keeps its line breaks.
pub fn printable(text: &str) -> Cow<'_, str> {
    replaced(text, |c| if matches!(c, '\n' | '\t') { c } else { '\u{fffd}' })
}

/// The text as one line of a log, with control characters, line breaks and invisible direction marks escaped as Rust
/// writes them (`\n`, `\u{1b}`): whoever chooses a name must not write lines of his own. At most `bytes_max`, and how
/// much was left out.
pub fn log_line(text: &str, bytes_max: usize) -> String {
    let mut line = String::with_capacity(text.len().min(bytes_max));
    for (at, character) in text.char_indices() {
        if line.len() >= bytes_max {
            line.push_str(&format!("… and {} bytes more", text.len() - at));
            break;
        }
        // Line and paragraph separators end a line for some who show a log.
        match is_bad(character) || matches!(character, '\u{2028}' | '\u{2029}') {
            true => line.extend(character.escape_default()),
            false => line.push(character),
        }
    }
    line
}

/// Whether a character shows nothing and changes how others are shown.
fn is_bad(c: char) -> bool {
    // U+FFFE and U+FFFF are no characters, and XML has no way to write them.
    c.is_control()
        || matches!(c, '\u{fffe}' | '\u{ffff}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
}

fn replaced(text: &str, replacement: impl Fn(char) -> char) -> Cow<'_, str> {
    if !text.contains(is_bad) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if is_bad(c) { replacement(c) } else { c }).collect())
}

/// At most `width` columns, `…` at the end where something was cut.
pub(crate) fn fit(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return Cow::Borrowed(text);
    }
    let mut kept = String::new();
    let mut columns = 0;
    for character in text.chars() {
        columns += character.width().unwrap_or(0);
        if columns + 1 > width {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    Cow::Owned(kept)
}

/// Blanks behind the text up to `width` columns.
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// Lines of at most `width` columns, broken at blanks; none for an empty text.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(fit(word, width).into_owned()),
        }
    }
    lines
}

/// `1 layer`, `3 layers`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_fits_and_is_tame() {
        assert_eq!(clean("a\x1b[31mb\u{202e}c\nd"), "a\u{fffd}[31mb\u{fffd}c d");
        assert_eq!(
            log_line("a\r\n\tb\u{2028}\u{85}\x1b[2K\u{202e}é\\", 100),
            r"a\r\n\tb\u{2028}\u{85}\u{1b}[2K\u{202e}é\"
        );
        assert_eq!(log_line("ab\nc日d", 5), r"ab\nc… and 4 bytes more");
        assert_eq!(log_line("ab\nc", 5), r"ab\nc");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("abcd", 4), "abcd");
        assert_eq!(wrap("a bb ccc", 4), ["a bb", "ccc"]);
        assert!(wrap("  ", 4).is_empty());
        assert_eq!(pad("日", 4), "日  ");
    }
}
