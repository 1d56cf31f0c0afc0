//! Credentials in instructions. Their values are never shown: the span of a finding is the name.

use seawall_finding::{Confidence, Severity as S};

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::{Keyword, Pair};
use crate::dockerfile::source::Span;

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

pub(super) const IN_ADDRESS: Check = Check {
    rule: Rule {
        id: "credential-in-address",
        title: "Address with user and password",
        why: "The address stands in the history of the image, and git writes it into .git/config as well.",
        fix: "Use a secret mount with a netrc file or credential helper, or --mount=type=ssh.",
        severity: Severity::High,
        references: &["https://docs.docker.com/build/building/secrets/"],
        controls: controls::SECRETS,
    },
    aliases: &[],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN git clone https://user:hunter2@example.org/a.git\n",
        "FROM debian:12\nARG TOKEN\nRUN pip install --index-url https://x:$TOKEN@example.org/simple y==1\n",
        "FROM debian:12\nENV PIP_INDEX_URL=https://a:b@example.org/\n",
    ],
    good: &[
        "FROM debian:12\nRUN git clone https://example.org/a.git && git clone ssh://git@example.org/b\n",
        "FROM debian:12\nRUN --mount=type=secret,id=t,env=T git clone https://x:$T@example.org/a.git\n",
    ],
    look: in_address,
};

pub(super) const PASSWORD_SET: Check = Check {
    rule: Rule {
        id: "password-set-in-build",
        title: "Password of an account set while building",
        why: "Every container of the image has the same password, and it stands in the history of the image.",
        fix: "Leave the account without a password, and log in with docker exec.",
        severity: Severity::High,
        references: &["https://cwe.mitre.org/data/definitions/259.html"],
        controls: controls::SECRETS,
    },
    aliases: &["CKV2_DOCKER_17", "DKL-LI-0001"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN echo 'root:hunter2' | chpasswd\n",
        "FROM debian:12\nRUN useradd -p x app\n",
        "FROM debian:12\nRUN usermod --password x root\n",
        "FROM debian:12\nRUN passwd -d root\n",
        "FROM debian:12\nRUN chpasswd <<< root:x\n",
    ],
    good: &[
        "FROM debian:12\nRUN adduser --disabled-password --gecos '' app\n",
        "FROM debian:12\nRUN passwd -l root && useradd -p '!' app\n",
        "FROM debian:12\nRUN sed -i 's/x/y/' /etc/passwd\n",
    ],
    look: password_set,
};

pub(super) const MOUNT_LEAKS: Check = Check {
    rule: Rule {
        id: "secret-mount-copied",
        title: "Secret that is mounted, then written into the layer",
        why: "A secret mount keeps a credential out of the image. Copying it to a file puts it back in.",
        fix: "Use the mounted file where it is, or mount it to the place where the program looks for it.",
        severity: Severity::High,
        references: &["https://docs.docker.com/build/building/secrets/"],
        controls: controls::SECRETS,
    },
    aliases: &[],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN --mount=type=secret,id=npmrc cp /run/secrets/npmrc /root/.npmrc && npm ci\n",
        "FROM debian:12\nRUN --mount=type=secret,id=t cat /run/secrets/t > /root/.token\n",
        "FROM debian:12\nRUN --mount=type=secret,id=t,target=/k install -m 600 /k /etc/k\n",
    ],
    good: &[
        "FROM debian:12\nRUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci\n",
        "FROM debian:12\nRUN --mount=type=secret,id=t TOKEN=$(cat /run/secrets/t) ./fetch > /dev/null\n",
    ],
    look: mount_leaks,
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
            .severity(S::Medium),
        None => return,
    }
    .detail(name)
    .confidence(Confidence::Medium);
}

/// Whether a text has `://user:password@` in it.
fn has_credentials(text: &str) -> bool {
    text.match_indices("://").any(|(at, _)| {
        let rest = text.get(at + 3..).unwrap_or_default();
        let authority = rest.split(['/', ' ', '"', '\'', '?', '#']).next().unwrap_or_default();
        let Some((user, _)) = authority.rsplit_once('@') else { return false };
        user.split_once(':').is_some_and(|(name, password)| {
            !name.is_empty()
                && !password.is_empty()
                && !matches!(password, "x-oauth-basic")
                && !password.chars().all(|ch| matches!(ch, '*' | 'x'))
        })
    })
}

fn in_address(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    const SUMMARY: &str = "an address holds a user and a password";
    for (run, _, script) in file.scripts() {
        // What comes from a secret mount as a variable is not in the history.
        let mounted: Vec<&str> = run
            .flags_named("mount")
            .filter_map(|flag| flag.value.as_deref())
            .flat_map(|value| value.split(','))
            .filter_map(|field| field.strip_prefix("env="))
            .collect();
        for command in &script.script.commands {
            for word in
                command.words.iter().chain(&command.assignments).filter(|word| has_credentials(&word.text))
            {
                let is_mounted = mounted.iter().any(|name| {
                    word.text.contains(&format!("${name}")) || word.text.contains(&format!("${{{name}}}"))
                });
                let substitutes = word.text.contains("$(");
                if !is_mounted && !substitutes {
                    let name = command.words.first().map_or("", |first| first.text.as_str());
                    hits.add(Span::at(script.span(&word.range).start), SUMMARY, "a secret mount")
                        .detail(name);
                }
            }
        }
    }
    for keyword in [Keyword::Env, Keyword::Arg] {
        for (instruction, _) in file.of(keyword) {
            for pair in instruction.pairs() {
                if pair.value.as_ref().is_some_and(|value| has_credentials(&value.text)) {
                    hits.add(pair.name.span, SUMMARY, "a secret mount").detail(pair.name.text.clone());
                }
            }
        }
    }
    for (instruction, _) in file.of(Keyword::Add) {
        for word in instruction.words().iter().filter(|word| has_credentials(&word.text)) {
            hits.add(Span::at(word.span.start), SUMMARY, "a secret mount").detail("source");
        }
    }
}

fn password_set(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (script, command) in file.commands() {
        let option = || {
            let words = command.arguments();
            let short = words.iter().position(|word| word.text == "-p" || word.text == "--password");
            let value = short.and_then(|at| words.get(at + 1)).map(|word| word.text.as_str());
            let long =
                command.long("--password").and_then(|word| word.text.split_once('=')).map(|(_, value)| value);
            value.or(long).is_some_and(|value| !value.starts_with(['!', '*']))
        };
        let is_set = match command.name() {
            "chpasswd" => true,
            "useradd" | "usermod" => option(),
            "passwd" => command.short('d').is_some() || command.has("--delete") || command.has("--stdin"),
            _ => false,
        };
        if is_set {
            let name =
                script.script.commands.iter().find(|c| c.range == command.range).map_or("", |c| c.name());
            let first = command.words.first().map_or(command.range.clone(), |word| word.range.clone());
            hits.add(
                script.span(&first),
                format!("{name} sets a password for every container of the image"),
                "no password",
            )
            .detail(name.to_owned());
        }
    }
}

fn mount_leaks(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (run, _, script) in file.scripts() {
        let mut paths = Vec::new();
        for flag in run.flags_named("mount") {
            let fields: Vec<&str> = flag.value.as_deref().unwrap_or_default().split(',').collect();
            if !fields.contains(&"type=secret") {
                continue;
            }
            let field = |names: &[&str]| {
                fields.iter().find_map(|field| names.iter().find_map(|name| field.strip_prefix(*name)))
            };
            let target = field(&["target=", "dst=", "destination="]).map(str::to_owned);
            let id = field(&["id=", "source=", "src="]).map(|id| format!("/run/secrets/{id}"));
            paths.extend(target.or(id));
        }
        if paths.is_empty() {
            continue;
        }
        for command in &script.script.commands {
            let names_it = command.arguments().iter().any(|word| paths.iter().any(|path| word.text == *path));
            let copies = matches!(command.name(), "cp" | "install" | "mv" | "ln" | "rsync")
                && command.operands().count() > 1;
            let writes = command.redirects.iter().any(|redirect| {
                redirect.operator.contains('>')
                    && redirect.target.as_ref().is_some_and(|target| {
                        !target.text.starts_with("/dev/") && !target.text.starts_with('&')
                    })
            });
            let is_last = |word: &crate::shell::Word| {
                command.operands().last().is_some_and(|last| last.range == word.range)
            };
            let from_it = command.operands().any(|word| paths.contains(&word.text) && !is_last(word));
            let leaks = (copies && from_it && command.name() != "ln")
                || (writes
                    && names_it
                    && matches!(command.name(), "cat" | "base64" | "tr" | "sed" | "envsubst"));
            if leaks {
                hits.add(
                    script.span(&command.range),
                    "the mounted secret is written into the layer",
                    "the file where it is mounted",
                );
            }
        }
    }
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
