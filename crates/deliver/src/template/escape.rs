//! How values are written where they stand, and the filters that templates have.

use std::fmt::Write;

use base64::prelude::*;
use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, Output, State};

use crate::text::{json, tame};

/// Writes a value as the template's ending says: `.json` and `.jsonl` as JSON, `.url` percent-encoded, everything else
/// tame. What is marked `safe` is written as it is.
pub(super) fn format(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        return Err(Error::new(ErrorKind::UndefinedError, "the value does not exist"));
    }
    let text = match state.name().rsplit_once('.').map_or("", |(_, ending)| ending) {
        _ if value.is_safe() => value.to_string(),
        "json" | "jsonl" => json(value).map_err(|error| wrong(error.to_string()))?,
        "url" => percent_encoded(&value.to_string()),
        _ => tame(&value.to_string()),
    };
    out.write_str(&text).map_err(|error| wrong(error.to_string()))
}

fn wrong(reason: String) -> Error {
    Error::new(ErrorKind::WriteFailure, reason)
}

/// Letters, digits and `-._~` stay (RFC 3986, "unreserved").
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            other => {
                // Writing to memory does not fail.
                let _ = write!(encoded, "%{other:02X}");
            }
        }
    }
    encoded
}

pub(super) fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("cut", cut);
    environment.add_filter("tame", |text: String| tame(&text));
    environment.add_filter("slack", |text: String| {
        tame(&text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    });
    environment.add_filter("html", html);
    environment.add_filter("code", |text: String| tame(&text).replace('`', "'"));
    environment.add_filter("base64", |text: String| BASE64_STANDARD.encode(text));
    environment.add_filter("influx_tag", |text: String| influx(&text, &[',', '=', ' ']));
    environment.add_filter("influx_text", |text: String| influx(&text, &['"']));
    environment.add_filter("shown", shown);
}

/// At most so many characters, with `…` where something was cut.
fn cut(text: String, characters_max: usize) -> String {
    if text.chars().count() <= characters_max {
        return text;
    }
    let kept: String = text.chars().take(characters_max.saturating_sub(1)).collect();
    kept + "…"
}

/// Text in HTML.
fn html(text: String) -> String {
    let text = tame(&text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// A value of a field as text; `<NA>` where the event does not have it.
fn shown(value: Value) -> String {
    if value.is_none() || value.is_undefined() { "<NA>".to_owned() } else { value.to_string() }
}

/// Line protocol of InfluxDB: what parts a line is escaped.
fn influx(text: &str, parting: &[char]) -> Value {
    let mut escaped = String::with_capacity(text.len());
    for character in tame(text).chars() {
        if character == '\\' || parting.contains(&character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    Value::from_safe_string(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_encoded() {
        assert_eq!(percent_encoded("a b/ü?"), "a%20b%2F%C3%BC%3F");
        assert_eq!(cut("äöü".to_owned(), 2), "ä…");
        assert_eq!(cut("äöü".to_owned(), 3), "äöü");
        assert_eq!(influx("a b,c=\\", &[',', '=', ' ']).to_string(), "a\\ b\\,c\\=\\\\");
    }
}
