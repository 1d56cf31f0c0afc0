//! Web addresses as advisories give them → addresses that a strict reader accepts; anything else is none.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What RFC 3986 allows nowhere, or not in the part where it usually stands.
const NOT_IN_ADDRESSES: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b']')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Longer addresses are cut nowhere and help nobody.
const BYTES_MAX: usize = 4096;

/// The address with what addresses may not have percent-encoded; `None` for `javascript:` and all else that is not of
/// the web.
pub(crate) fn address(text: &str) -> Option<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '@' | '~' | '%');
    if host.is_empty() || !host.chars().all(is_host) || text.len() > BYTES_MAX {
        return None;
    }
    let mut encoded = String::with_capacity(text.len());
    let mut pieces = text.splitn(2, '#');
    let before = pieces.next().unwrap_or_default();
    push(&mut encoded, before);
    if let Some(fragment) = pieces.next() {
        encoded.push('#');
        push(&mut encoded, &fragment.replace('#', "%23"));
    }
    Some(encoded)
}

/// Percent signs that begin no escape are escaped themselves.
fn push(encoded: &mut String, text: &str) {
    let mut parts = text.split('%');
    encoded
        .extend(parts.next().map(|part| utf8_percent_encode(part, NOT_IN_ADDRESSES)).into_iter().flatten());
    for part in parts {
        let is_escape = part.as_bytes().get(..2).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        encoded.push_str(if is_escape { "%" } else { "%25" });
        encoded.extend(utf8_percent_encode(part, NOT_IN_ADDRESSES));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(address(text).as_deref(), expected, "{text}");
    }

    #[test]
    fn addresses() {
        check("https://a.example/b?c=d#e", Some("https://a.example/b?c=d#e"));
        check("http://a.example/x y\"<ü>", Some("http://a.example/x%20y%22%3C%C3%BC%3E"));
        check("https://a.example/100%/%41#b#c", Some("https://a.example/100%25/%41#b%23c"));
        check("javascript:alert(1)", None);
        check("https://", None);
        check("https://<script>/", None);
        check("ftp://a.example/", None);
    }
}
