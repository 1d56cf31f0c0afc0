//! Whom a certificate names, and who is wanted.

use globset::{GlobBuilder, GlobMatcher};

use super::{Certificate, SUBJECT_ALTERNATIVE_NAME};
use crate::der::{self, Reader};

/// Fulcio's extension for the identity provider (fulcio, docs/oid-info.md): the older one holds the bare text, the newer
/// one a UTF8String.
const ISSUER_V1: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01, 0x01];
const ISSUER_V2: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01, 0x08];
/// Fulcio's name for what is neither mail address nor URI.
const OTHER_NAME: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01, 0x07];

/// Whom a certificate names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Mail addresses, URIs, host names and Fulcio's other names.
    pub subjects: Vec<String>,
    /// The identity provider that vouched for them.
    pub issuer: Option<String>,
}

impl Named {
    /// Reads them from a certificate.
    ///
    /// # Errors
    /// A name cannot be read, or the certificate says two different things of its issuer.
    pub fn of(certificate: &Certificate) -> Result<Named, String> {
        let mut subjects = Vec::new();
        if let Some(value) = certificate.extension(SUBJECT_ALTERNATIVE_NAME) {
            subjects = names(value).ok_or("the certificate's names cannot be read")?;
        }
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let bad = "the certificate's issuer cannot be read";
        let old = certificate.extension(ISSUER_V1).map(|value| text(value).ok_or(bad)).transpose()?;
        let new = certificate.extension(ISSUER_V2).map(|value| {
            let mut reader = Reader::new(value);
            let element = reader.expect(der::UTF8_STRING).ok();
            element.filter(|_| reader.is_empty()).and_then(|element| text(element.body)).ok_or(bad)
        });
        let issuer = match (old, new.transpose()?) {
            (Some(old), Some(new)) if old != new => {
                return Err("the certificate names two issuers of its identity".to_owned());
            }
            (old, new) => new.or(old),
        };
        Ok(Named { subjects, issuer })
    }
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.subjects.as_slice() {
            [] => f.write_str("nobody")?,
            subjects => f.write_str(&subjects.join(", "))?,
        }
        match &self.issuer {
            Some(issuer) => write!(f, " (by {issuer})"),
            None => Ok(()),
        }
    }
}

fn names(value: &[u8]) -> Option<Vec<String>> {
    const MAIL: u8 = der::implicit(1);
    const HOST: u8 = der::implicit(2);
    const URI: u8 = der::implicit(6);
    const OTHER: u8 = der::explicit(0);
    let mut reader = der::sequence(value).ok()?;
    let mut names = Vec::new();
    while !reader.is_empty() {
        let element = reader.element().ok()?;
        let bytes = match element.tag {
            MAIL | HOST | URI => element.body,
            OTHER => {
                let mut other = Reader::new(element.body);
                if other.oid().ok()? != OTHER_NAME {
                    continue;
                }
                other.nested(der::explicit(0)).ok()?.expect(der::UTF8_STRING).ok()?.body
            }
            _ => continue,
        };
        let name = String::from_utf8(bytes.to_vec()).ok()?;
        // A name with a zero or a line break is there to be read as another one.
        if name.is_empty() || name.chars().any(char::is_control) {
            return None;
        }
        names.push(name);
    }
    Some(names)
}

/// A text that is wanted: itself, or a pattern in which `*` stands for anything but `/` and `**` for anything.
///
/// There are no regular expressions: `your.name@gmail.com` as one matches `yourXname@gmail.com` too.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    glob: Option<GlobMatcher>,
}

impl Pattern {
    /// Exactly this text.
    pub fn exact(text: impl Into<String>) -> Pattern {
        Pattern { text: text.into(), glob: None }
    }

    /// A pattern.
    ///
    /// # Errors
    /// It cannot be read as one.
    pub fn glob(text: &str) -> Result<Pattern, String> {
        if !text.contains('*') {
            return Ok(Pattern::exact(text));
        }
        // Only `*` is special: brackets, braces and question marks stand in addresses as themselves.
        let escaped: String =
            text.chars().flat_map(|c| if "?[]{}\\!".contains(c) { vec!['\\', c] } else { vec![c] }).collect();
        let built = GlobBuilder::new(&escaped).literal_separator(true).backslash_escape(true).build();
        let glob = built.map_err(|error| error.to_string())?.compile_matcher();
        Ok(Pattern { text: text.to_owned(), glob: Some(glob) })
    }

    /// Whether a text is wanted.
    pub fn matches(&self, text: &str) -> bool {
        match &self.glob {
            Some(glob) => glob.is_match(text),
            None => self.text == text,
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Who is wanted as a signer.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Mail address, URI or other name.
    pub subject: Pattern,
    /// Who must have vouched for it; `None` with a private authority, which vouches itself.
    pub issuer: Option<Pattern>,
}

impl Identity {
    /// Whether a certificate's names are the wanted ones. With several subjects each may be meant, so one does.
    pub fn matches(&self, named: &Named) -> bool {
        let issuer = match (&self.issuer, &named.issuer) {
            (None, _) => true,
            (Some(wanted), Some(issuer)) => wanted.matches(issuer),
            (Some(_), None) => false,
        };
        issuer && named.subjects.iter().any(|subject| self.subject.matches(subject))
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.issuer {
            Some(issuer) => write!(f, "{} (by {issuer})", self.subject),
            None => write!(f, "{}", self.subject),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str, expected: bool) {
        assert_eq!(Pattern::glob(pattern).unwrap().matches(text), expected, "{pattern} {text}");
    }

    #[test]
    fn patterns_are_no_regular_expressions() {
        check("your.name@example.com", "your.name@example.com", true);
        check("your.name@example.com", "yourXname@example.com", false);
        check("*@example.com", "a@example.com", true);
        check("*@example.com", "a@example.com.attacker.example", false);
        check("*@example.com", "x/a@example.com", false);
        check(
            "https://github.com/org/*/x.yml@refs/heads/main",
            "https://github.com/org/a/x.yml@refs/heads/main",
            true,
        );
        check(
            "https://github.com/org/*/x.yml@refs/heads/main",
            "https://github.com/org/a/b/x.yml@refs/heads/main",
            false,
        );
        check("https://github.com/org/**", "https://github.com/org/a/b/x.yml@refs/heads/main", true);
        check("https://github.com/org/**", "https://github.com/organisation/a", false);
        check("a[b]?*", "a[b]?c", true);
        check("a[b]?*", "abxc", false);
    }

    #[test]
    fn an_issuer_that_is_wanted_must_be_there() {
        let wanted = Identity { subject: Pattern::exact("a@b.c"), issuer: Some(Pattern::exact("https://i")) };
        let named = |issuer: Option<&str>| Named {
            subjects: vec!["a@b.c".to_owned()],
            issuer: issuer.map(str::to_owned),
        };
        assert!(wanted.matches(&named(Some("https://i"))));
        assert!(!wanted.matches(&named(Some("https://j"))));
        assert!(!wanted.matches(&named(None)));
    }
}
