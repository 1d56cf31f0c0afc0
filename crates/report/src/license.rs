//! Which licence texts of packages are expressions of the SPDX licence list (SPDX 2.3, annex D).
//!
//! Owns a short list: the licences that packages really state. What is not on it stays a name, which is never wrong.

/// Identifiers of the SPDX licence list, sorted.
const IDS: &[&str] = &[
    "0BSD",
    "AFL-2.0",
    "AFL-2.1",
    "AFL-3.0",
    "AGPL-3.0",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-1.1",
    "Apache-2.0",
    "Artistic-1.0",
    "Artistic-1.0-Perl",
    "Artistic-2.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-2-Clause-Patent",
    "BSD-3-Clause",
    "BSD-4-Clause",
    "BSL-1.0",
    "BlueOak-1.0.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC0-1.0",
    "CDDL-1.0",
    "CDDL-1.1",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.2",
    "FTL",
    "GFDL-1.3-only",
    "GFDL-1.3-or-later",
    "GPL-1.0-only",
    "GPL-1.0-or-later",
    "GPL-2.0",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "HPND",
    "ICU",
    "IJG",
    "ISC",
    "LGPL-2.0-only",
    "LGPL-2.0-or-later",
    "LGPL-2.1",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "MIT",
    "MIT-0",
    "MPL-1.1",
    "MPL-2.0",
    "MS-PL",
    "NCSA",
    "OFL-1.1",
    "OpenSSL",
    "PHP-3.01",
    "PSF-2.0",
    "PostgreSQL",
    "Python-2.0",
    "Ruby",
    "SSPL-1.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Vim",
    "W3C",
    "WTFPL",
    "X11",
    "Zlib",
    "bzip2-1.0.6",
    "curl",
];

/// Identifiers of the list of exceptions, sorted.
const EXCEPTIONS: &[&str] = &[
    "Autoconf-exception-2.0",
    "Autoconf-exception-3.0",
    "Bison-exception-2.2",
    "Classpath-exception-2.0",
    "GCC-exception-2.0",
    "GCC-exception-3.1",
    "LLVM-exception",
    "Libtool-exception",
];

/// What a text is in the terms of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One identifier: `MIT`.
    Id,
    /// Several, joined: `MIT OR Apache-2.0`.
    Expression,
    /// Anything else.
    Name,
}

/// Told by the text.
pub(crate) fn kind(text: &str) -> Kind {
    if is_listed(IDS, text) {
        return Kind::Id;
    }
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    if words.len() <= WORDS_MAX && is_expression(&words) { Kind::Expression } else { Kind::Name }
}

/// Real expressions have a dozen words.
const WORDS_MAX: usize = 200;

fn is_listed(list: &[&str], text: &str) -> bool {
    list.binary_search(&text).is_ok()
}

/// Terms joined by `AND` and `OR`; parentheses are counted, which is all that their nesting needs here.
fn is_expression(words: &[&str]) -> bool {
    let mut depth = 0_usize;
    let mut wants_term = true;
    let mut words = words.iter();
    while let Some(&word) = words.next() {
        match (word, wants_term) {
            ("(", true) => depth += 1,
            (")", false) if depth > 0 => depth -= 1,
            ("AND" | "OR", false) => wants_term = true,
            ("WITH", false) => {
                if !words.next().is_some_and(|exception| is_listed(EXCEPTIONS, exception)) {
                    return false;
                }
            }
            (id, true) if is_listed(IDS, id) => wants_term = false,
            _ => return false,
        }
    }
    depth == 0 && !wants_term
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted() {
        assert!(IDS.is_sorted() && EXCEPTIONS.is_sorted());
    }

    #[test]
    fn kinds() {
        assert_eq!(kind("MIT"), Kind::Id);
        assert_eq!(kind("(MIT OR Apache-2.0) AND ISC"), Kind::Expression);
        assert_eq!(kind("GPL-2.0-or-later WITH Classpath-exception-2.0"), Kind::Expression);
        for name in
            ["", "mit", "MIT OR", "(MIT", "MIT)", "MIT ISC", "GPL-2", "BSD, modified", "MIT WITH MIT", "( )"]
        {
            assert_eq!(kind(name), Kind::Name, "{name}");
        }
    }
}
