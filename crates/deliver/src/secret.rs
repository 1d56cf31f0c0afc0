//! Tokens and passwords of outputs, and where the configuration says they are.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use zeroize::Zeroizing;

/// A token, password or secret address. It cannot print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(Zeroizing::new(text.into()))
    }

    /// The text, for the one place that needs it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a secret is to be found. The caller looks there: this crate reads neither the environment nor secret files.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SecretSource {
    /// `{env: NAME}`: a variable of the environment.
    Env(String),
    /// `{file: PATH}`: the text of a file without the line break at its end.
    File(PathBuf),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretSource::Env(name) => write!(f, "the environment variable {name}"),
            SecretSource::File(path) => write!(f, "the file {}", path.display()),
        }
    }
}

/// A text of the configuration: written there, or elsewhere.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Given {
    Text(String),
    Number(i64),
    Bool(bool),
    Elsewhere(SecretSource),
}

/// Looks a secret up; the error completes "cannot read …: ".
pub(crate) type Resolver<'a> = &'a dyn Fn(&SecretSource) -> Result<Secret, String>;

impl Given {
    /// The text, looked up where it is elsewhere. Everything becomes a secret: an address of a chat service is one.
    pub(crate) fn resolve(&self, resolver: Resolver<'_>) -> Result<Secret, String> {
        match self {
            Given::Text(text) => Ok(Secret::new(text.as_str())),
            Given::Number(number) => Ok(Secret::new(number.to_string())),
            Given::Bool(answer) => Ok(Secret::new(answer.to_string())),
            Given::Elsewhere(source) => {
                let secret = resolver(source).map_err(|reason| format!("cannot read {source}: {reason}"))?;
                match secret.expose().trim().is_empty() {
                    true => Err(format!("{source} is empty")),
                    false => Ok(secret),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_itself() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }

    #[test]
    fn secrets_are_looked_up() {
        let resolver = |source: &SecretSource| match source {
            SecretSource::Env(name) if name == "TOKEN" => Ok(Secret::new("t0ken")),
            SecretSource::Env(_) => Err("it is not set".to_owned()),
            SecretSource::File(_) => Ok(Secret::new("\n")),
        };
        let check = |yaml: &str, expected: Result<&str, &str>| {
            let given: Given = serde_saphyr::from_str(yaml).unwrap();
            let resolved = given.resolve(&resolver);
            assert_eq!(resolved.as_ref().map(Secret::expose).map_err(String::as_str), expected, "{yaml}");
        };
        check("plain", Ok("plain"));
        check("12345", Ok("12345"));
        check("{env: TOKEN}", Ok("t0ken"));
        check("{env: NONE}", Err("cannot read the environment variable NONE: it is not set"));
        check("{file: /run/x}", Err("the file /run/x is empty"));
        assert!(serde_saphyr::from_str::<Given>("{vault: x}").is_err());
    }
}
