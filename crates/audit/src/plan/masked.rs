//! What of a plan people see: no credentials, no character that changes how the rest looks. What is written is another
//! matter: it stays as it is.

use super::json_edit::string_end;

/// Parts of the names of settings whose value is a secret.
const SECRET_NAMES: [&str; 7] = ["token", "passw", "secret", "credential", "apikey", "api-key", "access-key"];

fn names_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|name| key.contains(name))
}

/// The text of a value without user and password of its addresses, and without the value of `secret-name=value`.
pub(crate) fn without_credentials(value: &str) -> String {
    if let Some((key, _)) = value.split_once('=').filter(|(key, _)| names_secret(key)) {
        return format!("{key}=…");
    }
    let words: Vec<String> = value.split(' ').map(without_userinfo).collect();
    words.join(" ")
}

/// A password may hold what ends an address: the last `@` counts, even where that hides more than it must.
fn without_userinfo(word: &str) -> String {
    let Some((before, host)) = word.rsplit_once('@') else { return word.to_owned() };
    match before.split_once("://") {
        Some((scheme, _)) => format!("{scheme}://…@{host}"),
        None if before.contains(':') => format!("…@{host}"),
        None => word.to_owned(),
    }
}

/// A file with JSON in it, with the strings that are secret hidden.
pub(super) fn json(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut shown, mut at, mut depth) = (String::new(), 0, 0_usize);
    let mut is_secret = false;
    // How deep the list or object begins that is secret as a whole.
    let mut secret_depth = None;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with('"') {
            let close = string_end(bytes, at).min(bytes.len());
            let literal = text.get(at..close).unwrap_or(rest);
            let is_key = text.get(close..).is_some_and(|behind| behind.trim_start().starts_with(':'));
            let value = serde_json::from_str::<String>(literal).unwrap_or_else(|_| literal.to_owned());
            if is_key {
                is_secret = names_secret(&value);
                shown.push_str(literal);
            } else if is_secret || secret_depth.is_some() {
                shown.push_str("\"…\"");
            } else {
                let masked = without_credentials(&value);
                let is_same = masked == value;
                shown.push_str(&if is_same { literal.to_owned() } else { format!("\"{masked}\"") });
            }
            at += literal.len();
            continue;
        }
        let Some(c) = rest.chars().next() else { break };
        match c {
            '{' | '[' => {
                if is_secret && secret_depth.is_none() {
                    secret_depth = Some(depth);
                }
                depth += 1;
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                secret_depth = secret_depth.filter(|begin| *begin < depth);
                is_secret = false;
            }
            ',' => is_secret = false,
            _ => {}
        }
        // A number may be a secret too.
        let is_hidden = (is_secret || secret_depth.is_some()) && c.is_ascii_digit();
        shown.push(if is_hidden { '…' } else { c });
        at += c.len_utf8();
    }
    shown
}

/// With what steers a terminal, or the order in which text is read, replaced.
pub(super) fn visible(text: &str) -> String {
    let is_steering = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if is_steering(c) { '\u{fffd}' } else { c }).collect()
}

/// As one line: a name with a line break in it would begin a line that looks like the plan's own.
pub(super) fn line(text: &str) -> String {
    visible(text).replace('\n', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_not_shown() {
        for (text, expected) in [
            ("{\"http-proxy\": \"http://u:p/w@proxy:3128\"}", "{\"http-proxy\": \"http://…@proxy:3128\"}"),
            ("{\"splunk-token\" : \"abc\", \"x\": \"y\"}", "{\"splunk-token\" : \"…\", \"x\": \"y\"}"),
            (
                "{\"Secret\":\n [\"a\", {\"b\": \"c\"}], \"x\": \"y\"}",
                "{\"Secret\":\n [\"…\", {\"b\": \"…\"}], \"x\": \"y\"}",
            ),
            ("{\"tok\\u0065n\": 12, \"n\": 12}", "{\"tok\\u0065n\": ……, \"n\": 12}"),
            ("{\"log-opt\": [\"splunk-token=abc\"]}", "{\"log-opt\": [\"splunk-token=…\"]}"),
            ("{\"p\": \"http:\\/\\/u:p\\u0040h\"}", "{\"p\": \"http://…@h\"}"),
            ("{\"insecure-registries\": [\"u:p@r:5000\"]}", "{\"insecure-registries\": [\"…@r:5000\"]}"),
            ("{\"a\": \"me@example.com\"}", "{\"a\": \"me@example.com\"}"),
            ("{\"a\": \"open", "{\"a\": \"open"),
        ] {
            assert_eq!(json(text), expected, "{text}");
        }
    }

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(
            visible("a\u{1b}[2K\u{9b}\u{202e}\u{2066}\r\n\tä"),
            "a\u{fffd}[2K\u{fffd}\u{fffd}\u{fffd}\u{fffd}\n\tä"
        );
        assert_eq!(line("a\nb"), "a\u{fffd}b");
    }
}
