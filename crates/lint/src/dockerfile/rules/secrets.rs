//! Credentials in commands and addresses. Their values are never shown: the span of a finding is in front of them.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::Keyword;
use crate::dockerfile::source::Span;

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
            let names_it = command.arguments().iter().any(|word| paths.contains(&word.text));
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
