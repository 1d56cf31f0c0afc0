//! notation's `trustpolicy.json` (notaryproject/specifications, trust-store-trust-policy.md), read strictly: a slip in a
//! field's name must not loosen what is required.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::json;
use crate::limits::NOTATION_POLICIES_MAX;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Wire {
    version: String,
    trust_policies: Vec<WireStatement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireStatement {
    name: String,
    registry_scopes: Vec<String>,
    signature_verification: WireLevel,
    #[serde(default)]
    trust_stores: Vec<String>,
    #[serde(default)]
    trusted_identities: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WireLevel {
    level: String,
    #[serde(default, rename = "override")]
    overrides: BTreeMap<String, String>,
    verify_timestamp: Option<String>,
}

/// What a failed check does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Enforce,
    Log,
    Skip,
}

/// What is done of each check but the signature itself, which is always enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) authenticity: Action,
    pub(super) timestamp: Action,
    pub(super) expiry: Action,
    pub(super) revocation: Action,
}

/// When a countersignature is looked at, where there is a store for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stamps {
    Always,
    AfterExpiry,
}

/// What a trust store's certificates are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    Ca,
    SigningAuthority,
    Tsa,
}

impl Purpose {
    pub(super) fn name(self) -> &'static str {
        match self {
            Purpose::Ca => "ca",
            Purpose::SigningAuthority => "signingAuthority",
            Purpose::Tsa => "tsa",
        }
    }
}

/// Attributes of a subject, each of which a certificate must have.
pub(super) type Attributes = BTreeMap<String, String>;

/// One statement of the policy.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) name: String,
    scopes: BTreeSet<String>,
    /// `None` where nothing is verified.
    pub(super) level: Option<Level>,
    pub(super) stamps: Stamps,
    pub(super) stores: BTreeSet<(Purpose, String)>,
    /// Of which one must match; `None` where anybody does whom the stores trust.
    pub(super) identities: Option<Vec<Attributes>>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Vec<Statement>, String> {
    let wire: Wire = json::read(bytes).map_err(|error| error.to_string())?;
    if wire.version != "1.0" {
        return Err(format!("version `{}` is not known", wire.version));
    }
    if wire.trust_policies.is_empty() || wire.trust_policies.len() > NOTATION_POLICIES_MAX {
        return Err(format!("it has no policy, or more than {NOTATION_POLICIES_MAX}"));
    }
    let (mut names, mut scopes) = (BTreeSet::new(), BTreeSet::new());
    for policy in &wire.trust_policies {
        if policy.name.is_empty() || !names.insert(&policy.name) {
            return Err(format!("two policies, or one without a name, are called `{}`", policy.name));
        }
        if let Some(scope) = policy.registry_scopes.iter().find(|scope| !scopes.insert(*scope)) {
            return Err(format!("the scope `{scope}` stands there twice"));
        }
    }
    let read = |wire: WireStatement| {
        let name = wire.name.clone();
        statement(wire).map_err(|reason| format!("the policy `{name}`: {reason}"))
    };
    wire.trust_policies.into_iter().map(read).collect()
}

/// The statement for a repository: the one that names it, or the one for all.
pub(super) fn select<'p>(statements: &'p [Statement], repository: &str) -> Option<&'p Statement> {
    let of = |scope: &str| statements.iter().find(|statement| statement.scopes.contains(scope));
    of(repository).or_else(|| of("*"))
}

fn statement(wire: WireStatement) -> Result<Statement, String> {
    let level = level(&wire.signature_verification)?;
    for scope in &wire.registry_scopes {
        match scope.as_str() {
            "*" if wire.registry_scopes.len() > 1 => return Err("`*` stands beside other scopes".to_owned()),
            "*" if level.is_none() => return Err("`skip` cannot be for everything".to_owned()),
            "*" => {}
            _ if scope.contains('*') || !scope.contains('/') => {
                return Err(format!("the scope `{scope}` is no whole repository: registry/path"));
            }
            _ => {}
        }
    }
    if wire.registry_scopes.is_empty() {
        return Err("it is about no repository".to_owned());
    }
    if level.is_some() && (wire.trust_stores.is_empty() || wire.trusted_identities.is_empty()) {
        return Err("it names no trust store, or no identity".to_owned());
    }
    let stamps = match wire.signature_verification.verify_timestamp.as_deref() {
        None | Some("" | "always") => Stamps::Always,
        Some("afterCertExpiry") => Stamps::AfterExpiry,
        Some(other) => return Err(format!("`{other}` is no value of `verifyTimestamp`")),
    };
    Ok(Statement {
        name: wire.name,
        level,
        stamps,
        stores: wire.trust_stores.iter().map(|text| store(text)).collect::<Result<_, _>>()?,
        identities: identities(&wire.trusted_identities)?,
        scopes: wire.registry_scopes.into_iter().collect(),
    })
}

fn level(wire: &WireLevel) -> Result<Option<Level>, String> {
    use Action::{Enforce, Log};
    let all = |authenticity, rest| Level { authenticity, timestamp: rest, expiry: rest, revocation: rest };
    let mut level = match wire.level.as_str() {
        "strict" => all(Enforce, Enforce),
        "permissive" => all(Enforce, Log),
        "audit" => all(Log, Log),
        "skip" if wire.overrides.is_empty() => return Ok(None),
        "skip" => return Err("`skip` cannot be overridden".to_owned()),
        other => return Err(format!("`{other}` is no level of verification")),
    };
    for (check, action) in &wire.overrides {
        let action = match (action.as_str(), check.as_str()) {
            ("enforce", _) => Enforce,
            ("log", _) => Log,
            ("skip", "revocation") => Action::Skip,
            (other, _) => return Err(format!("`{check}` cannot be `{other}`")),
        };
        match check.as_str() {
            "authenticity" => level.authenticity = action,
            "authenticTimestamp" => level.timestamp = action,
            "expiry" => level.expiry = action,
            "revocation" => level.revocation = action,
            other => return Err(format!("`{other}` cannot be overridden")),
        }
    }
    Ok(Some(level))
}

/// `ca:name`. The name becomes a directory's, so it can lead nowhere else.
fn store(text: &str) -> Result<(Purpose, String), String> {
    let bad = || format!("`{text}` is no trust store: ca:NAME, signingAuthority:NAME or tsa:NAME");
    let (purpose, name) = text.split_once(':').ok_or_else(bad)?;
    let all = [Purpose::Ca, Purpose::SigningAuthority, Purpose::Tsa];
    let purpose = all.into_iter().find(|known| known.name() == purpose).ok_or_else(bad)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    match !name.is_empty() && !name.starts_with('.') && name.chars().all(is_plain) {
        true => Ok((purpose, name.to_owned())),
        false => Err(bad()),
    }
}

fn identities(texts: &[String]) -> Result<Option<Vec<Attributes>>, String> {
    if texts.iter().any(|text| text == "*") {
        return if texts.len() == 1 {
            Ok(None)
        } else {
            Err("`*` stands beside other identities".to_owned())
        };
    }
    let mut identities: Vec<Attributes> = Vec::new();
    for text in texts {
        let subject = text.strip_prefix("x509.subject:");
        let subject =
            subject.ok_or_else(|| format!("`{text}` is no identity that is known (x509.subject:…)"))?;
        let identity = subject_of(subject)?;
        if let Some(missing) = ["C", "ST", "O"].into_iter().find(|name| !identity.contains_key(*name)) {
            return Err(format!("`{text}` lacks {missing}"));
        }
        // Of two overlapping ones nobody could say which was meant.
        let within =
            |a: &Attributes, b: &Attributes| a.iter().all(|(name, value)| b.get(name) == Some(value));
        if identities.iter().any(|known| within(known, &identity) || within(&identity, known)) {
            return Err(format!("`{text}` overlaps with another identity"));
        }
        identities.push(identity);
    }
    Ok(Some(identities))
}

/// `C=US, ST=WA, O=x` (RFC 4514); a backslash takes the meaning of what follows.
fn subject_of(text: &str) -> Result<Attributes, String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let Some(last) = parts.last_mut() else { break };
        match c {
            '\\' => {
                last.push(c);
                last.push(chars.next().ok_or_else(|| format!("`{text}` ends in a backslash"))?);
            }
            ',' => parts.push(String::new()),
            _ => last.push(c),
        }
    }
    let mut attributes = Attributes::new();
    for part in parts {
        let (name, value) =
            part.split_once('=').ok_or_else(|| format!("`{part}` is no attribute of a subject"))?;
        let name = match name.trim().to_ascii_uppercase() {
            name if name == "S" => "ST".to_owned(),
            name => name,
        };
        let value = unescaped(value.trim_start())?;
        if name.is_empty() || value.is_empty() || attributes.insert(name.clone(), value).is_some() {
            return Err(format!("the attribute `{name}` of `{text}` is empty or stands there twice"));
        }
    }
    Ok(attributes)
}

/// Without backslashes and the spaces at the end that none protects.
fn unescaped(text: &str) -> Result<String, String> {
    let (mut value, mut kept) = (String::new(), 0);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                value.extend(chars.next());
                kept = value.len();
            }
            '+' | ';' | '"' | '<' | '>' => return Err(format!("`{text}` has a `{c}` without a backslash")),
            _ => value.push(c),
        }
    }
    let end = value.trim_end().len().max(kept);
    value.truncate(end);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(body: &str) -> Result<Vec<Statement>, String> {
        read(format!(r#"{{"version":"1.0","trustPolicies":[{body}]}}"#).as_bytes())
    }

    fn one(scopes: &str, level: &str, stores: &str, identities: &str) -> Result<Vec<Statement>, String> {
        policy(&format!(
            r#"{{"name":"a","registryScopes":[{scopes}],"signatureVerification":{{{level}}},
                "trustStores":[{stores}],"trustedIdentities":[{identities}]}}"#
        ))
    }

    #[test]
    fn what_notation_refuses_is_refused() {
        let good = (r#""*""#, r#""level":"strict""#, r#""ca:a""#, r#""*""#);
        assert!(one(good.0, good.1, good.2, good.3).is_ok());
        let check = |scopes, level, stores, identities, expected: &str| {
            let error = one(scopes, level, stores, identities).unwrap_err();
            assert!(error.contains(expected), "{error}");
        };
        check("", good.1, good.2, good.3, "no repository");
        check(r#""*","r/a""#, good.1, good.2, good.3, "beside other scopes");
        check(r#""r/*""#, good.1, good.2, good.3, "no whole repository");
        check(r#""r/a","r/a""#, good.1, good.2, good.3, "twice");
        check(good.0, r#""level":"skip""#, "", "", "for everything");
        check(good.0, r#""level":"loose""#, good.2, good.3, "no level");
        check(good.0, r#""level":"strict","overide":{}"#, good.2, good.3, "unknown field");
        check(good.0, r#""level":"strict","override":{"integrity":"log"}"#, good.2, good.3, "overridden");
        check(good.0, r#""level":"strict","override":{"expiry":"skip"}"#, good.2, good.3, "cannot be");
        check(good.0, r#""level":"strict","verifyTimestamp":"no""#, good.2, good.3, "verifyTimestamp");
        check(good.0, good.1, "", good.3, "no trust store");
        check(good.0, good.1, r#""ca:../../etc""#, good.3, "no trust store");
        check(good.0, good.1, r#""ca:..""#, good.3, "no trust store");
        check(good.0, good.1, r#""x:a""#, good.3, "no trust store");
        check(good.0, good.1, good.2, r#""*","x509.subject: C=a""#, "beside other identities");
        check(good.0, good.1, good.2, r#""a@b.c""#, "no identity that is known");
        check(good.0, good.1, good.2, r#""x509.subject: C=US, O=x""#, "lacks ST");
        let overlapping = r#""x509.subject: C=US, ST=WA, O=x","x509.subject: C=US, ST=WA, O=x, OU=y""#;
        check(good.0, good.1, good.2, overlapping, "overlaps");
        assert!(policy("").unwrap_err().contains("no policy"));
        assert!(read(br#"{"version":"2.0","trustPolicies":[]}"#).unwrap_err().contains("version"));
    }

    #[test]
    fn subjects() {
        let check = |text: &str, expected: &[(&str, &str)]| {
            let read = subject_of(text).unwrap();
            let expected: Attributes =
                expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            assert_eq!(read, expected, "{text}");
        };
        check(" C=US, S=WA,O=a b ", &[("C", "US"), ("ST", "WA"), ("O", "a b")]);
        check(r"C=US, ST=a\, b\ , O=x\\y", &[("C", "US"), ("ST", "a, b "), ("O", r"x\y")]);
        for bad in ["", "C", "C=", "C=a, C=b", "C=a+b", r"C=a\"] {
            assert!(subject_of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_repository_itself_comes_first() {
        let of = |name: &str, scope: &str| {
            format!(
                r#"{{"name":"{name}","registryScopes":["{scope}"],"signatureVerification":{{"level":"audit"}},
                    "trustStores":["ca:a"],"trustedIdentities":["*"]}}"#
            )
        };
        let statements = policy(&[of("all", "*"), of("one", "r.example/a")].join(",")).unwrap();
        let name = |repository: &str| select(&statements, repository).map(|found| found.name.as_str());
        assert_eq!(name("r.example/a"), Some("one"));
        assert_eq!(name("r.example/a/b"), Some("all"));
        assert_eq!(select(&statements[1..], "r.example/b").map(|found| &found.name), None);
    }
}
