//! Credentials in `ENV` and `ARG`, known by their names. Their values are never shown: the span of a finding is the name.

use seawall_finding::Confidence;

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::{Keyword, Pair};

pub(super) const IN_VARIABLE: Check = Check {
    rule: Rule {
        id: "secret-in-variable",
        title: "Credential in ENV or ARG",
        why: "What ENV sets stays in the image and in every container; what ARG is given stays in the history of the \
              image and in its provenance. Whoever can pull the image has it.",
        fix: "Mount it for the step that needs it (RUN --mount=type=secret,id=…,env=…), and give it to the container \
              when it starts.",
        severity: Severity::High,
        references: &["https://docs.docker.com/reference/build-checks/secrets-used-in-arg-or-env/"],
        controls: controls::SECRETS,
    },
    aliases: &["DL3064", "DS-0031", "CIS-DI-0010", "SecretsUsedInArgOrEnv"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nENV DB_PASSWORD=hunter2\n",
        "FROM debian:12\nARG GITHUB_TOKEN\n",
        "FROM debian:12\nENV AWS_SECRET_ACCESS_KEY $KEY\n",
        "FROM debian:12\nARG NPM_AUTH_TOKEN=abc\n",
    ],
    good: &[
        "FROM debian:12\nENV TOKEN_URL=https://example.org PASSWORD_FILE=/run/secrets/p\n",
        "FROM debian:12\nENV GPG_KEY=0D96DF4D4110E5C43FBFB17F2D347EA6AA65421D\n",
        "FROM debian:12\nENV KEYBOARD=de PASSENGER_VERSION=6 AUTHOR=x MAX_TOKENS=5\n",
        "FROM debian:12\nENV DB_PASSWORD=\n",
        "FROM debian:12\nENV ALLOW_EMPTY_PASSWORD=yes PASSWORD_MIN_LENGTH=8\n",
    ],
    look: in_variable,
};

/// Words of a name that make it a credential's.
const SECRET_WORDS: [&str; 15] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "credential",
    "credentials",
    "pwd",
    "pass",
    "accesskey",
    "privatekey",
    "auth",
    "secretkey",
    "authtoken",
];

/// Last words of names that are about a credential, or lead to one, and are none.
const HARMLESS_ENDS: [&str; 47] = [
    "file",
    "path",
    "dir",
    "url",
    "uri",
    "endpoint",
    "host",
    "port",
    "name",
    "names",
    "id",
    "ids",
    "length",
    "ttl",
    "expiry",
    "expires",
    "expiration",
    "timeout",
    "type",
    "enabled",
    "enable",
    "required",
    "policy",
    "version",
    "header",
    "issuer",
    "audience",
    "algorithm",
    "limit",
    "size",
    "count",
    "method",
    "mode",
    "user",
    "username",
    "store",
    "provider",
    "manager",
    "backend",
    "hash",
    "iterations",
    "rounds",
    "min",
    "max",
    "format",
    "location",
    "env",
];

/// First words that make a setting of a name.
const HARMLESS_STARTS: [&str; 8] = ["allow", "disable", "enable", "no", "use", "require", "skip", "max"];

/// Whether a variable of this name holds a credential.
pub(crate) fn names_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let words: Vec<&str> = lower.split(['_', '-', '.']).filter(|word| !word.is_empty()).collect();
    let (Some(first), Some(last)) = (words.first(), words.last()) else { return false };
    if HARMLESS_ENDS.contains(last)
        || (words.len() > 1 && HARMLESS_STARTS.contains(first))
        || words.contains(&"public")
    {
        return false;
    }
    let is_key = *last == "key" && words.len() > 1 && !words.contains(&"gpg") && {
        let before = words.get(words.len() - 2).copied().unwrap_or_default();
        [
            "api",
            "access",
            "secret",
            "private",
            "encryption",
            "signing",
            "ssh",
            "master",
            "account",
            "app",
            "auth",
            "license",
            "deploy",
        ]
        .contains(&before)
    };
    // `PASS` and `AUTH` count only as a name of their own or at its end.
    let is_word =
        words.iter().any(|word| SECRET_WORDS.contains(word) && !matches!(*word, "pass" | "auth" | "pwd"));
    let is_end = words.len() > 1 && matches!(*last, "pass" | "auth" | "pwd");
    let glued = ["password", "apikey", "secretkey", "accesstoken", "authtoken"]
        .iter()
        .any(|end| lower.ends_with(end));
    is_key || is_word || is_end || glued
}

fn in_variable(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for keyword in [Keyword::Env, Keyword::Arg] {
        for (instruction, _) in file.of(keyword) {
            for pair in instruction.pairs() {
                judge(keyword, pair, hits);
            }
        }
    }
}

fn judge(keyword: Keyword, pair: &Pair, hits: &mut Hits) {
    let name = pair.name.text.trim_matches(['"', '\'']);
    if !names_secret(name) {
        return;
    }
    let value = pair.value.as_ref().map(|value| value.text.trim_matches(['"', '\'']));
    let keyword_name = keyword.name();
    let summary = format!("{keyword_name} {name} keeps a credential in the image");
    match value {
        // Nothing is set, or a path to a file that is mounted.
        Some("" | "true" | "false" | "yes" | "no" | "0" | "1" | "null" | "none") => return,
        Some(value) if value.starts_with("/run/secrets/") => return,
        Some(value) if value.starts_with('$') => hits.add(pair.name.span, summary, "a secret mount"),
        Some(_) => hits.add(pair.name.span, summary, "a secret mount"),
        None if keyword == Keyword::Arg => hits
            .add(
                pair.name.span,
                format!("ARG {name} takes a credential into the history of the image"),
                "a secret mount",
            )
            .severity(Severity::Medium),
        None => return,
    }
    .detail(name)
    .confidence(Confidence::Medium);
}

#[cfg(test)]
mod tests {
    use super::names_secret;

    #[test]
    fn names_of_credentials() {
        let secret = [
            "PASSWORD",
            "DB_PASSWORD",
            "MYSQL_ROOT_PASSWORD",
            "API_KEY",
            "TOKEN",
            "NPM_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "DB_PASS",
            "SECRET_KEY_BASE",
            "PGPASSWORD",
            "PRIVATE_KEY",
            "github-token",
        ];
        let harmless = [
            "GPG_KEY",
            "KEYRING",
            "PASSWORD_FILE",
            "TOKEN_URL",
            "AUTHOR",
            "PATH",
            "MONKEY",
            "PUBLIC_KEY",
            "BYPASS",
            "SECRET_NAME",
            "TOKENIZERS_PARALLELISM",
            "KEY",
            "PWD",
            "ALLOW_EMPTY_PASSWORD",
            "SSH_AUTH_SOCK",
            "AUTH",
        ];
        for name in secret {
            assert!(names_secret(name), "{name}");
        }
        for name in harmless {
            assert!(!names_secret(name), "{name}");
        }
    }
}
