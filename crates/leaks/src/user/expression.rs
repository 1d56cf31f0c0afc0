//! Expressions of Go's `regexp` in the spelling of Rust's: braces that count nothing and brackets inside brackets are
//! literals there.

/// The expression for this crate's compiler.
pub(super) fn translated(expression: &str) -> String {
    let mut out = String::with_capacity(expression.len() + 8);
    let mut characters = expression.char_indices().peekable();
    let mut in_class = false;
    let mut before = None;
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => {
                out.push(c);
                out.extend(characters.next().map(|(_, escaped)| escaped));
            }
            '[' if in_class => {
                // A named class, `[:alnum:]`, is written whole.
                let rest = expression.get(at..).unwrap_or_default();
                match rest.starts_with("[:").then(|| rest.find(":]")).flatten() {
                    Some(end) => {
                        out.push_str(rest.get(..end + 2).unwrap_or_default());
                        while characters.peek().is_some_and(|(next, _)| *next < at + end + 2) {
                            characters.next();
                        }
                    }
                    None => out.push_str("\\["),
                }
            }
            '[' => {
                in_class = true;
                out.push(c);
                // A bracket right at the beginning is a member.
                if characters.peek().is_some_and(|(_, next)| *next == '^') {
                    out.extend(characters.next().map(|(_, c)| c));
                }
                if characters.peek().is_some_and(|(_, next)| *next == ']') {
                    characters.next();
                    out.push_str("\\]");
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(c);
            }
            '&' | '~' if in_class => out.extend(['\\', c]),
            '{' if !in_class && !counts(expression.get(at..).unwrap_or_default(), before) => {
                out.push_str("\\{")
            }
            _ => out.push(c),
        }
        before = Some(c);
    }
    out
}

/// Whether a brace opens a counted repetition of something.
fn counts(rest: &str, before: Option<char>) -> bool {
    let inner = rest.get(1..).and_then(|rest| rest.split_once('}')).map(|(inner, _)| inner);
    let is_count = inner.is_some_and(|inner| {
        let (min, max) = inner.split_once(',').unwrap_or((inner, ""));
        !min.is_empty() && [min, max].iter().all(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    });
    is_count && !matches!(before, None | Some('(' | '|'))
}

#[cfg(test)]
mod tests {
    use super::translated;

    fn check(go: &str, rust: &str) {
        assert_eq!(translated(go), rust);
        assert!(crate::rule::compile(rust).is_ok(), "{rust}");
    }

    #[test]
    fn braces_and_brackets_that_are_literals() {
        check(r"^\$(?:\d+|{\d+})$", r"^\$(?:\d+|\{\d+})$");
        check(r"[a-z]{2,5}", r"[a-z]{2,5}");
        check(r"[^[]a[[:alnum:]]", r"[^\[]a[[:alnum:]]");
        check(r"[]a&&b]", r"[\]a\&\&b]");
    }
}
