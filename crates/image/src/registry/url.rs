//! The few parts of a URL that matter to a registry client.

use std::fmt;
use std::net::IpAddr;

/// How to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scheme {
    Https,
    Http,
}

/// `scheme://authority/path?query`, without user information or fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) scheme: Scheme,
    pub(super) authority: String,
    /// Begins with `/`; with the query.
    pub(super) path: String,
}

impl Url {
    /// Reads an absolute URL.
    pub(super) fn parse(text: &str) -> Option<Url> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
            _ => return None,
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-:[]".contains(&b);
        if authority.is_empty() || !authority.bytes().all(plain) {
            return None;
        }
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        if !path.bytes().all(|b| b.is_ascii_graphic()) {
            return None;
        }
        Some(Url { scheme, authority: authority.to_ascii_lowercase(), path })
    }

    /// Where a `Location` header leads.
    pub(super) fn join(&self, location: &str) -> Option<Url> {
        if let Some(rest) = location.strip_prefix("//") {
            let scheme = if self.scheme == Scheme::Https { "https" } else { "http" };
            return Url::parse(&format!("{scheme}://{rest}"));
        }
        if location.starts_with('/') && location.bytes().all(|b| b.is_ascii_graphic()) {
            return Some(Url { path: location.to_owned(), ..self.clone() });
        }
        Url::parse(location)
    }

    /// Whether both are the same server in the same guise, so that a login for one is for the other.
    pub(super) fn is_same_origin(&self, other: &Url) -> bool {
        self.scheme == other.scheme && self.authority == other.authority
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.scheme == Scheme::Https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

/// Host of `host[:port]`, `[::1]:5000` too.
pub(super) fn host(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or_default();
    }
    authority.split(':').next().unwrap_or_default()
}

/// Whether a registry is on this machine.
pub(super) fn is_loopback(authority: &str) -> bool {
    let host = host(authority);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = Url::parse(text).map_or("none".to_owned(), |url| url.to_string());
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn urls() {
        check("https://r.example", "https://r.example/");
        check("HTTPS://R.example:5000/v2/?a=b#c", "https://r.example:5000/v2/?a=b");
        check("https://r.example?a=b", "https://r.example/?a=b");
        check("http://[::1]:5000/x", "http://[::1]:5000/x");
        for text in [
            "",
            "r.example/x",
            "ftp://r.example/",
            "https://",
            "https://a@b/",
            "https://a b/",
            "https://a/ b",
            "file:///etc",
        ] {
            check(text, "none");
        }
    }

    #[test]
    fn locations() {
        let base = Url::parse("https://r.example/v2/x").unwrap();
        let check = |location: &str, expected: &str| {
            let shown = base.join(location).map_or("none".to_owned(), |url| url.to_string());
            assert_eq!(shown, expected, "{location}");
        };
        check("/y?z", "https://r.example/y?z");
        check("//cdn.example/y", "https://cdn.example/y");
        check("http://r.example/y", "http://r.example/y");
        check("y", "none");
    }

    #[test]
    fn loopback() {
        for authority in ["localhost", "localhost:5000", "127.0.0.1:5000", "127.1.2.3", "[::1]:5000"] {
            assert!(is_loopback(authority), "{authority}");
        }
        for authority in
            ["localhost.evil.example", "10.0.0.1", "r.example:5000", "[::2]", "127.0.0.1.example"]
        {
            assert!(!is_loopback(authority), "{authority}");
        }
    }
}
