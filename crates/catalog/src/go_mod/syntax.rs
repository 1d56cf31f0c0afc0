//! The lines of a `go.mod` file: a verb and its words, with blocks `verb (` … `)` taken apart.

use std::borrow::Cow;

use crate::limits::GO_MOD_WORDS_MAX;

/// One statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) verb: &'a str,
    pub(super) words: Vec<Cow<'a, str>>,
}

/// All statements in their order.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut block: Option<&str> = None;
    text.lines().filter_map(move |line| {
        let line = without_comment(line).trim();
        match block {
            Some(_) if line == ")" => {
                block = None;
                None
            }
            Some(verb) => statement(verb, line),
            None => {
                let (verb, rest) =
                    line.split_once(|c: char| c.is_whitespace() || c == '(').unwrap_or((line, ""));
                if line.ends_with('(') {
                    block = Some(verb);
                    return None;
                }
                statement(verb, rest)
            }
        }
    })
}

/// Addresses in `go.mod` have no `//`, for a module's path cannot.
fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or(line)
}

fn statement<'a>(verb: &'a str, rest: &'a str) -> Option<Line<'a>> {
    let words: Vec<Cow<'a, str>> = words(rest).take(GO_MOD_WORDS_MAX).collect();
    (!verb.is_empty() && !words.is_empty()).then_some(Line { verb, words })
}

/// Words between blanks, in double or back quotes where they need to be.
fn words(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let quote = rest.chars().next()?;
        let quoted = matches!(quote, '"' | '`').then(|| rest.get(1..)?.split_once(quote)).flatten();
        let (word, after) = match quoted {
            Some((word, after)) => (word, after),
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        rest = after;
        Some(if word.contains('\\') { Cow::Owned(word.replace("\\\"", "\"")) } else { Cow::Borrowed(word) })
    })
}

#[cfg(test)]
mod tests {
    use super::lines;

    fn check(text: &str, expected: &[&str]) {
        let shown: Vec<String> =
            lines(text).map(|line| format!("{} {}", line.verb, line.words.join(" "))).collect();
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn blocks_and_quotes_are_taken_apart() {
        check(
            "module a\nrequire (\n\tb v1\n\n\t`c d` \"v2\" // x\n)\ngo 1.21\n",
            &["module a", "require b v1", "require c d v2", "go 1.21"],
        );
        check("require(\r\n\tb v1\r\n)\r\n", &["require b v1"]);
        check("require (\nb v1", &["require b v1"]);
        check("require \"b v1", &["require \"b v1"]);
        check(")\n(\n\"", &[]);
    }
}
