//! Logins: the challenges of `WWW-Authenticate` and the tokens they ask for
//! (distribution/distribution, docs/spec/auth/{token,oauth}.md).

use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::error::Failure;
use super::limits::{TOKEN_BYTES_MAX, TOKEN_LIFE_DEFAULT, TOKEN_MARGIN};
use super::transport::{Answer, Method, Request, Transport, Trust};
use super::url::{Scheme, Url, host};
use crate::credentials::{Credential, Secret};

/// An `Authorization` header and how long it holds.
#[derive(Debug, Clone)]
pub(super) struct Authorization {
    pub(super) header: Secret,
    until: Option<Instant>,
}

impl Authorization {
    pub(super) fn is_fresh(&self) -> bool {
        self.until.is_none_or(|until| Instant::now() < until)
    }
}

/// One challenge: a scheme and its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    /// Lower case: `basic`, `bearer`.
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Reads a `WWW-Authenticate` header (RFC 9110, 11.6.1): `Bearer realm="…",service="…", Basic realm="…"`.
pub(super) fn challenges(header: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    for item in items(header) {
        let (name, value) = match item.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (item.trim(), None),
        };
        // A scheme stands before its first parameter, with a space between.
        let key = match name.split_once(char::is_whitespace) {
            Some((scheme, key)) => {
                challenges.push(Challenge { scheme: scheme.to_ascii_lowercase(), parameters: Vec::new() });
                key.trim()
            }
            None => name,
        };
        match (value, challenges.last_mut()) {
            (None, _) if !key.is_empty() => {
                challenges.push(Challenge { scheme: key.to_ascii_lowercase(), parameters: Vec::new() });
            }
            (Some(value), Some(challenge)) => {
                challenge.parameters.push((key.to_ascii_lowercase(), unquoted(value)));
            }
            _ => {}
        }
    }
    challenges
}

/// The header's parts between commas that stand outside quotes.
fn items(header: &str) -> Vec<String> {
    let mut items = vec![String::new()];
    let (mut is_quoted, mut is_escaped) = (false, false);
    for c in header.chars() {
        if c == ',' && !is_quoted {
            items.push(String::new());
            continue;
        }
        if c == '"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = c == '\\' && is_quoted && !is_escaped;
        if let Some(item) = items.last_mut() {
            item.push(c);
        }
    }
    items.retain(|item| !item.trim().is_empty());
    items
}

fn unquoted(value: &str) -> String {
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => value.to_owned(),
    }
}

/// What a token is to allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Access {
    Pull,
    Push,
}

/// Who asks for a token, and for what.
pub(super) struct Login<'a> {
    pub(super) transport: &'a Transport,
    /// The registry that sent the challenge.
    pub(super) registry: &'a Url,
    pub(super) trust: Trust,
    pub(super) repository: &'a str,
    pub(super) access: Access,
    pub(super) credential: &'a Credential,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Login<'_> {
    /// Answers the challenges; `None` when they want a login that there is none of.
    pub(super) fn answer(&self, challenges: &[Challenge]) -> Result<Option<Authorization>, Failure> {
        if let Credential::RegistryToken(token) = self.credential {
            return Ok(Some(forever(format!("Bearer {}", token.expose()))));
        }
        let by_scheme = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
        if let Some(bearer) = by_scheme("bearer") {
            return self.token(bearer).map(Some);
        }
        match (by_scheme("basic"), self.credential) {
            (Some(_), Credential::Basic { username, password }) => {
                Ok(Some(forever(basic(username, password))))
            }
            (Some(_), _) => Ok(None),
            (None, _) => Err(Failure::Protocol("it wants a login of a kind that is not known".to_owned())),
        }
    }

    fn token(&self, challenge: &Challenge) -> Result<Authorization, Failure> {
        let realm = challenge.parameter("realm").unwrap_or_default();
        let realm = self.realm(realm)?;
        let service = challenge.parameter("service").unwrap_or_default();
        // Our own scope and not the one of the challenge: the right to this repository is all we want.
        let actions = match self.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        let scope = format!("repository:{}:{actions}", self.repository);
        let trust = match host(&realm.authority) == host(&self.registry.authority) {
            true => self.trust,
            false => Trust::Verified,
        };
        let asked = Instant::now();
        let answer = match self.credential {
            Credential::IdentityToken(token) => self.refresh(realm, trust, service, &scope, token)?,
            Credential::Basic { username, password } => {
                self.fetch(realm, trust, service, &scope, Some(&Secret::new(basic(username, password))))?
            }
            Credential::Anonymous | Credential::RegistryToken(_) => {
                self.fetch(realm, trust, service, &scope, None)?
            }
        };
        let token = self.read(&answer)?;
        let life = token.expires_in.map_or(TOKEN_LIFE_DEFAULT, Duration::from_secs);
        let text = token.token.or(token.access_token).filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| Failure::Protocol("the token server gave no token".to_owned()))?;
        let until = asked.checked_add(life.saturating_sub(TOKEN_MARGIN));
        Ok(Authorization { header: Secret::new(format!("Bearer {text}")), until })
    }

    /// The token server: over TLS, unless the registry itself may be spoken to without.
    fn realm(&self, realm: &str) -> Result<Url, Failure> {
        let refused = || {
            let shown: String = realm.chars().filter(|c| !c.is_control()).take(200).collect();
            Failure::Protocol(format!("its token server `{shown}` is no https address"))
        };
        let url = Url::parse(realm).ok_or_else(refused)?;
        match (url.scheme, self.registry.scheme) {
            (Scheme::Http, Scheme::Https) => Err(refused()),
            (Scheme::Http, Scheme::Http) | (Scheme::Https, _) => Ok(url),
        }
    }

    fn fetch(
        &self,
        mut realm: Url,
        trust: Trust,
        service: &str,
        scope: &str,
        authorization: Option<&Secret>,
    ) -> Result<Answer, Failure> {
        let mut query = vec![format!("scope={}", encoded(scope))];
        if !service.is_empty() {
            query.insert(0, format!("service={}", encoded(service)));
        }
        let separator = if realm.path.contains('?') { '&' } else { '?' };
        realm.path = format!("{}{separator}{}", realm.path, query.join("&"));
        let request = Request { url: realm, trust, headers: Vec::new(), authorization, method: Method::Get };
        self.transport.document(&request, TOKEN_BYTES_MAX)
    }

    fn refresh(
        &self,
        realm: Url,
        trust: Trust,
        service: &str,
        scope: &str,
        token: &Secret,
    ) -> Result<Answer, Failure> {
        let form = format!(
            "grant_type=refresh_token&client_id=seawall&service={}&scope={}&refresh_token={}",
            encoded(service),
            encoded(scope),
            encoded(token.expose())
        );
        let method = Method::Form(Secret::new(form));
        let request = Request { url: realm, trust, headers: Vec::new(), authorization: None, method };
        self.transport.document(&request, TOKEN_BYTES_MAX)
    }

    fn read(&self, answer: &Answer) -> Result<Token, Failure> {
        match (answer.status, self.credential) {
            (200, _) => serde_json::from_slice(&answer.body)
                // The parser's words may quote the token.
                .map_err(|_| Failure::Protocol("the token server's answer is no token".to_owned())),
            (400 | 401 | 403, Credential::Anonymous) => Err(Failure::LoginNeeded { cause: None }),
            (400 | 401 | 403, _) => Err(Failure::LoginRefused),
            (status, _) => Err(Failure::Status { status, message: super::transport::message(&answer.body) }),
        }
    }
}

fn forever(header: String) -> Authorization {
    Authorization { header: Secret::new(header), until: None }
}

fn basic(username: &str, password: &Secret) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{}", password.expose())))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: &str) {
        let shown: Vec<String> = challenges(header)
            .iter()
            .map(|challenge| {
                let parameters = challenge.parameters.iter().map(|(key, value)| format!(" {key}={value}"));
                format!("{}{}", challenge.scheme, parameters.collect::<String>())
            })
            .collect();
        assert_eq!(shown.join(" | "), expected, "{header}");
    }

    #[test]
    fn challenges_are_read() {
        check(
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#,
            "bearer realm=https://auth.docker.io/token service=registry.docker.io scope=repository:a/b:pull,push",
        );
        check("Basic realm=\"a \\\"b\\\"\"", "basic realm=a \"b\"");
        check("basic", "basic");
        check(
            "Negotiate, Basic realm=x, Bearer realm=\"y\" , service=z",
            "negotiate | basic realm=x | bearer realm=y service=z",
        );
        check("Bearer realm = \"x\"", "bearer realm=x");
        check("", "");
        check(",,=,\"", "\"");
        check("realm=\"x\"", "");
        check("Bearer realm=\"x", "bearer realm=\"x");
    }
}
