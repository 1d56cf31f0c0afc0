//! Text that no terminal obeys and that stays one line.

use std::fmt::Write as _;
use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;

/// Appends a text that may come from an attacker: control characters become escapes, so that a terminal obeys nothing
/// and a line stays one.
pub(crate) fn push_tame(out: &mut String, text: &str) {
    if is_plain(text.as_bytes()) {
        out.push_str(text);
        return;
    }
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            wild if is_wild(wild) => out.extend(wild.escape_unicode()),
            other => out.push(other),
        }
    }
}

/// [`push_tame`] into a text of its own.
pub(crate) fn tame(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_tame(&mut out, text);
    out
}

/// At most so many bytes, with `…` where something was cut.
pub(crate) fn cut(text: &str, bytes_max: usize) -> std::borrow::Cow<'_, str> {
    const MARK: &str = "…";
    if text.len() <= bytes_max {
        return text.into();
    }
    let end = text.floor_char_boundary(bytes_max.saturating_sub(MARK.len()));
    format!("{}{MARK}", &text[..end]).into()
}

/// Printable ASCII needs no look at its characters.
fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| (b' '..=b'~').contains(byte))
}

/// What a terminal may obey, and marks that make it show other text than is there.
fn is_wild(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{200b}'..='\u{200f}')
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// JSON on one line in which every wild character is an escape: a program reads the true value, a terminal that is
/// shown the line obeys nothing.
struct TameJson;

impl Formatter for TameJson {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if is_plain(fragment.as_bytes()) {
            return writer.write_all(fragment.as_bytes());
        }
        let mut escaped = String::with_capacity(fragment.len() + 16);
        for character in fragment.chars() {
            if is_wild(character) {
                // All wild characters are in the first plane, so that one escape is enough.
                let _ = write!(escaped, "\\u{:04x}", u32::from(character));
            } else {
                escaped.push(character);
            }
        }
        writer.write_all(escaped.as_bytes())
    }
}

/// A value as JSON on one line, tame.
pub(crate) fn json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::with_capacity(512);
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, TameJson))?;
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_tame() {
        let check = |text: &str, expected: &str| assert_eq!(tame(text), expected);
        check("cat /etc/shadow", "cat /etc/shadow");
        check("a\nb\tc\rd", "a\\nb\\tc\\rd");
        check("\x1b]0;pwned\x07", "\\u{1b}]0;pwned\\u{7}");
        check("\u{9b}31m\u{202e}txt.exe\u{feff}", "\\u{9b}31m\\u{202e}txt.exe\\u{feff}");
        check("größer 日本語 ‘x’", "größer 日本語 ‘x’");
        check(&tame("\x1b[2J"), "\\u{1b}[2J");
    }

    #[test]
    fn json_is_tame_and_true() {
        let hostile = "a\u{9b}2J\x1b[1m\u{202e}\u{2028}\x7f\n\"\\ü";
        let line = json(&hostile).unwrap();
        assert!(line.chars().all(|c| !is_wild(c)), "{line}");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), hostile);
    }

    #[test]
    fn cuts_fall_between_characters() {
        let check = |text: &str, bytes: usize, expected: &str| assert_eq!(cut(text, bytes), expected);
        check("abcdef", 6, "abcdef");
        check("abcdefg", 6, "abc…");
        check("日本語", 8, "日…");
        check("abc", 0, "…");
    }
}
