//! Shell patterns over whole texts, as fnmatch(3) without flags: `*` also crosses `/`.

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob {
    parts: Vec<Part>,
    /// What every text that matches begins and ends with: most texts do not.
    start: String,
    end: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// `*`
    Any,
    /// `?`
    One,
    /// `[a-z]`, `[!a-z]`
    Set {
        is_negated: bool,
        ranges: Vec<(char, char)>,
    },
    Is(char),
}

impl Glob {
    pub(crate) fn new(pattern: &str) -> Glob {
        let characters: Vec<char> = pattern.chars().collect();
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(&character) = characters.get(at) {
            at += 1;
            match character {
                '*' if parts.last() == Some(&Part::Any) => {}
                '*' => parts.push(Part::Any),
                '?' => parts.push(Part::One),
                '\\' if at < characters.len() => {
                    parts.push(Part::Is(characters[at]));
                    at += 1;
                }
                '[' => match set(&characters[at..]) {
                    Some((part, length)) => {
                        parts.push(part);
                        at += length;
                    }
                    None => parts.push(Part::Is('[')),
                },
                other => parts.push(Part::Is(other)),
            }
        }
        let literal = |part: &Part| match part {
            Part::Is(character) => Some(*character),
            Part::Any | Part::One | Part::Set { .. } => None,
        };
        let start = parts.iter().map_while(literal).collect();
        let mut end: Vec<char> = parts.iter().rev().map_while(literal).collect();
        end.reverse();
        Glob { start, end: end.into_iter().collect(), parts }
    }

    /// What every text that matches begins with.
    pub(crate) fn start(&self) -> &str {
        &self.start
    }

    /// Whether every text that matches has this in it.
    pub(crate) fn has_text(&self, text: &str) -> bool {
        let characters: Vec<Part> = text.chars().map(Part::Is).collect();
        self.parts.windows(characters.len().max(1)).any(|parts| parts == characters.as_slice())
    }

    /// What every text that matches ends with.
    pub(crate) fn end(&self) -> &str {
        &self.end
    }

    /// Ignoring the case of ASCII letters.
    pub(crate) fn ignoring_case(pattern: &str) -> Glob {
        Glob::new(&pattern.to_ascii_lowercase())
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        text.starts_with(&self.start) && text.ends_with(&self.end) && self.run(text, |character| character)
    }

    /// For a pattern made by [`Glob::ignoring_case`].
    pub(crate) fn matches_ignoring_case(&self, text: &str) -> bool {
        self.run(text, |character| character.to_ascii_lowercase())
    }

    /// One pass with one place to come back to, the last `*`: length of pattern times length of text at worst.
    fn run(&self, text: &str, fold: impl Fn(char) -> char) -> bool {
        let (mut part, mut rest) = (0, text);
        let mut star: Option<(usize, &str)> = None;
        loop {
            match (self.parts.get(part), rest.chars().next()) {
                (Some(Part::Any), _) => {
                    part += 1;
                    star = Some((part, rest));
                    continue;
                }
                (None, None) => return true,
                (Some(wanted), Some(character)) if wanted.accepts(fold(character)) => {
                    part += 1;
                    rest = &rest[character.len_utf8()..];
                    continue;
                }
                (Some(_) | None, _) => {}
            }
            let Some((behind, from)) = star else { return false };
            let Some(skipped) = from.chars().next() else { return false };
            let from = &from[skipped.len_utf8()..];
            star = Some((behind, from));
            (part, rest) = (behind, from);
        }
    }
}

impl Part {
    fn accepts(&self, character: char) -> bool {
        match self {
            Part::Any => false,
            Part::One => true,
            Part::Is(wanted) => *wanted == character,
            Part::Set { is_negated, ranges } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&character)) != *is_negated
            }
        }
    }
}

/// A set behind its `[`, and its length up to and with the `]`.
fn set(characters: &[char]) -> Option<(Part, usize)> {
    let is_negated = matches!(characters.first(), Some('!' | '^'));
    let start = usize::from(is_negated);
    let mut ranges = Vec::new();
    let mut at = start;
    loop {
        let first = *characters.get(at)?;
        if first == ']' && at > start {
            return Some((Part::Set { is_negated, ranges }, at + 1));
        }
        match (characters.get(at + 1), characters.get(at + 2)) {
            (Some('-'), Some(&last)) if last != ']' => {
                ranges.push((first, last));
                at += 3;
            }
            _ => {
                ranges.push((first, first));
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        let check = |pattern: &str, text: &str, expected: bool| {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} {text}");
        };
        check("/home/*/.ssh/*", "/home/a/.ssh/id_rsa", true);
        check("/home/*/.ssh/*", "/home/a/b/.ssh/x/y", true);
        check("/home/*/.ssh/*", "/root/.ssh/id_rsa", false);
        check("*../*../*", "/etc/../../x", true);
        check("a?c", "abc", true);
        check("a?c", "ac", false);
        check("[a-c]x", "bx", true);
        check("[!a-c]x", "bx", false);
        check("[]a]x", "]x", true);
        check("[a", "[a", true);
        check("\\*", "*", true);
        check("\\*", "a", false);
        check("", "", true);
        check("*", "", true);
        check("a*", "b", false);
        check("*ä*", "xäy", true);
        assert!(Glob::ignoring_case("A*Z").matches_ignoring_case("aBCz"));
    }

    #[test]
    fn many_stars_are_no_trap() {
        let pattern = "*a".repeat(1000);
        assert!(!Glob::new(&pattern).matches(&"a".repeat(999)));
        assert!(Glob::new(&pattern).matches(&"a".repeat(2000)));
    }
}
