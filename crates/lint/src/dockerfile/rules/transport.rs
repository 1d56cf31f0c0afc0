//! Checks of certificates and signatures that are switched off.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::Keyword;
use crate::dockerfile::model::StepScript;
use crate::dockerfile::packages::{self, Manager, bare_words};
use crate::dockerfile::source::Span;
use crate::shell::{Command, Word};

pub(super) const TLS: Check = Check {
    rule: Rule {
        id: "tls-check-off",
        title: "Certificates that are not checked",
        why: "Whoever sits between the builder and the server gives it what they like. For a variable this holds for \
              the container that runs, too.",
        fix: "Remove the switch; add the certificate of a private authority to the trust store instead.",
        severity: Severity::High,
        references: &["https://cwe.mitre.org/data/definitions/295.html"],
        controls: controls::TRANSPORT,
    },
    aliases: &[
        "CKV2_DOCKER_2",
        "CKV2_DOCKER_3",
        "CKV2_DOCKER_4",
        "CKV2_DOCKER_5",
        "CKV2_DOCKER_6",
        "CKV2_DOCKER_12",
        "CKV2_DOCKER_13",
        "CKV2_DOCKER_14",
        "CKV2_DOCKER_15",
        "CKV2_DOCKER_16",
    ],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN curl -fsSLk https://example.org/x -o x\n",
        "FROM debian:12\nRUN wget --no-check-certificate https://example.org/x\n",
        "FROM debian:12\nENV NODE_TLS_REJECT_UNAUTHORIZED=0\n",
        "FROM debian:12\nRUN git config --global http.sslVerify false\n",
        "FROM debian:12\nRUN pip install --trusted-host example.org x==1\n",
        "FROM debian:12\nRUN npm config set strict-ssl false\n",
        "FROM debian:12\nRUN echo sslverify=0 >> /etc/yum.conf\n",
        "FROM debian:12\nRUN GIT_SSL_NO_VERIFY=1 git clone https://example.org/x.git\n",
    ],
    good: &[
        "FROM debian:12\nRUN curl -fsSL https://example.org/x -o k\n",
        "FROM debian:12\nENV NODE_TLS_REJECT_UNAUTHORIZED=1\n",
        "FROM debian:12\nRUN npm config set strict-ssl true\n",
        "FROM debian:12\nRUN curl -H -k https://example.org/x\n",
    ],
    look: tls,
};

pub(super) const SIGNATURES: Check = Check {
    rule: Rule {
        id: "signature-check-off",
        title: "Packages whose signatures are not checked",
        why: "The signature is what ties a package to who made it. Without the check any mirror, proxy or attacker on \
              the way can put in another.",
        fix: "Remove the switch; import the key of the repository instead.",
        severity: Severity::High,
        references: &["https://cwe.mitre.org/data/definitions/347.html"],
        controls: controls::SIGNED,
    },
    aliases: &["CKV2_DOCKER_7", "CKV2_DOCKER_8", "CKV2_DOCKER_9", "CKV2_DOCKER_10", "CKV2_DOCKER_11"],
    standing: Standing::On,
    bad: &[
        "FROM alpine:3.20\nRUN apk add --no-cache --allow-untrusted x.apk\n",
        "FROM debian:12\nRUN apt-get install -y --allow-unauthenticated x\n",
        "FROM debian:12\nRUN apt-get -y --force-yes install x\n",
        "FROM fedora:40\nRUN dnf install -y --nogpgcheck x\n",
        "FROM fedora:40\nRUN rpm -i --nosignature x.rpm\n",
        "FROM debian:12\nRUN echo 'deb [trusted=yes] https://example.org x' > /etc/apt/sources.list.d/x.list\n",
        "FROM opensuse/leap:15\nRUN zypper --no-gpg-checks install -y x\n",
    ],
    good: &[
        "FROM alpine:3.20\nRUN apk add --no-cache x\n",
        "FROM debian:12\nRUN echo 'deb [signed-by=/usr/share/keyrings/x.gpg] https://example.org x' > /etc/apt/sources.list.d/x.list\n",
    ],
    look: signatures,
};

pub(super) const HOST_KEYS: Check = Check {
    rule: Rule {
        id: "ssh-host-key-unchecked",
        title: "SSH without a check of the server's key",
        why: "With the check off, or with keys that are fetched unseen by ssh-keyscan, the build talks to whoever \
              answers, and gives them its key to use.",
        fix: "Write the known keys into known_hosts, from a file that was reviewed.",
        severity: Severity::Medium,
        references: &["https://cwe.mitre.org/data/definitions/322.html"],
        controls: controls::TRANSPORT,
    },
    aliases: &[],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN ssh -o StrictHostKeyChecking=no git@example.org\n",
        "FROM debian:12\nENV GIT_SSH_COMMAND=\"ssh -o StrictHostKeyChecking=no\"\n",
        "FROM debian:12\nRUN ssh-keyscan example.org >> ~/.ssh/known_hosts\n",
    ],
    good: &[
        "FROM debian:12\nCOPY known_hosts /etc/ssh/ssh_known_hosts\nRUN --mount=type=ssh git clone git@example.org:x\n",
    ],
    look: host_keys,
};

/// Variables that switch a check off, the values that do, and what Checkov calls it.
const VARIABLES: [(&str, &[&str], &str); 8] = [
    ("NODE_TLS_REJECT_UNAUTHORIZED", &["0"], "CKV2_DOCKER_6"),
    ("PYTHONHTTPSVERIFY", &["0"], "CKV2_DOCKER_5"),
    ("GIT_SSL_NO_VERIFY", &["1", "true", "yes", "on"], "CKV2_DOCKER_14"),
    ("NPM_CONFIG_STRICT_SSL", &["false"], "CKV2_DOCKER_12"),
    ("npm_config_strict_ssl", &["false"], "CKV2_DOCKER_12"),
    ("YARN_STRICT_SSL", &["false"], "CKV2_DOCKER_13"),
    ("CURL_INSECURE", &["1", "true"], "CKV2_DOCKER_2"),
    ("GOINSECURE", &["*"], "CKV2_DOCKER_2"),
];

fn switches_off(name: &str, value: &str) -> Option<&'static str> {
    let value = value.trim_matches(['"', '\'']);
    if name == "PIP_TRUSTED_HOST" && !value.is_empty() {
        return Some("CKV2_DOCKER_16");
    }
    let known = VARIABLES.iter().find(|(known, _, _)| *known == name)?;
    known.1.iter().any(|off| off.eq_ignore_ascii_case(value)).then_some(known.2)
}

fn tls(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (instruction, _) in file.of(Keyword::Env).chain(file.of(Keyword::Arg)) {
        for pair in instruction.pairs() {
            let Some(value) = &pair.value else { continue };
            if let Some(alias) = switches_off(&pair.name.text, &value.text) {
                let span = Span::new(pair.name.span.start, value.span.end);
                hits.add(
                    span,
                    format!("{} switches the check of certificates off", pair.name.text),
                    "the check on",
                )
                .alias(alias);
            }
        }
    }
    for (script, command) in file.commands() {
        for assignment in command.assignments.iter().chain(exported(command)) {
            let Some((name, value)) = assignment.text.split_once('=') else { continue };
            if let Some(alias) = switches_off(name, value) {
                hits.add(
                    script.span(&assignment.range),
                    format!("{name} switches the check of certificates off"),
                    "the check on",
                )
                .alias(alias);
            }
        }
        of_command(script, command, hits);
    }
}

/// The words of `export A=b`.
fn exported(command: &Command) -> impl Iterator<Item = &Word> {
    let is_export = matches!(command.name(), "export" | "env" | "declare" | "typeset");
    command.arguments().iter().filter(move |_| is_export)
}

fn of_command(script: &StepScript, command: &Command, hits: &mut Hits) {
    let words = bare_words(command);
    let Some((first, rest)) = words.split_first() else { return };
    let name = first.text.rsplit('/').next().unwrap_or_default();
    let says = |word: &Word, texts: &[&str]| texts.contains(&word.text.to_ascii_lowercase().as_str());
    let mut found = |word: &Word, alias: &'static str| -> usize {
        hits.add(script.span(&word.range), format!("{name} does not check certificates"), "the check on")
            .alias(alias);
        hits.hits.len() - 1
    };
    match name {
        "curl" => {
            if let Some(word) = curl_insecure(rest) {
                let at = found(word, "CKV2_DOCKER_2");
                let others =
                    if word.text.starts_with("--") { String::new() } else { word.text.replacen('k', "", 1) };
                if let Some(hit) = hits.hits.get_mut(at) {
                    match others.as_str() {
                        "" | "-" => hit.change(with_blank_before(script, word), ""),
                        others => hit.change(script.span(&word.range), others),
                    };
                }
            }
        }
        "wget" => {
            if let Some(word) = rest.iter().find(|word| says(word, &["--no-check-certificate"])) {
                let at = found(word, "CKV2_DOCKER_3");
                if let Some(hit) = hits.hits.get_mut(at) {
                    hit.change(with_blank_before(script, word), "");
                }
            }
        }
        "git" => {
            let off = rest.windows(2).find_map(|pair| match pair {
                [key, value]
                    if key.text.eq_ignore_ascii_case("http.sslverify")
                        && says(value, &["false", "0", "off", "no"]) =>
                {
                    Some(key)
                }
                _ => None,
            });
            let joined = rest.iter().find(|word| says(word, &["http.sslverify=false", "http.sslverify=0"]));
            if let Some(word) = off.or(joined) {
                found(word, "CKV2_DOCKER_14");
            }
        }
        "npm" | "yarn" | "pnpm" => {
            let off = rest.windows(2).find_map(|pair| match pair {
                [key, value] if key.text.contains("strict-ssl") && says(value, &["false"]) => Some(key),
                _ => None,
            });
            let joined = rest
                .iter()
                .find(|word| says(word, &["--strict-ssl=false", "strict-ssl=false", "--no-strict-ssl"]));
            if let Some(word) = off.or(joined) {
                found(word, "CKV2_DOCKER_13");
            }
        }
        "yum" | "dnf" | "microdnf" | "yum-config-manager" | "tee" | "sed" | "echo" | "printf" => {
            let off = |word: &&Word| {
                let text: String = word.text.to_ascii_lowercase().split_whitespace().collect();
                ["sslverify=0", "sslverify=false", "sslverify=no"].iter().any(|off| text.contains(off))
            };
            if let Some(word) = rest.iter().find(off) {
                found(word, "CKV2_DOCKER_15");
            }
        }
        _ => {
            let is_pip = packages::call(command).is_some_and(|call| call.manager == Manager::Pip)
                || packages::is_pip(name);
            if is_pip && let Some(word) = rest.iter().find(|word| word.text.contains("trusted-host")) {
                found(word, "CKV2_DOCKER_4");
            }
        }
    }
}

/// The word with `-k` (alone or among others) or `--insecure`.
fn curl_insecure(words: &[Word]) -> Option<&Word> {
    // Letters that take what follows as their value.
    const WITH_VALUE: &str = "AbcCdDeEFhHKmoPQrtTuUwxXyYz";
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word.text == "--insecure" || word.text == "--proxy-insecure" {
            return Some(word);
        }
        let Some(letters) = word.text.strip_prefix('-').filter(|rest| !rest.starts_with('-')) else {
            continue;
        };
        for (at, letter) in letters.char_indices() {
            if letter == 'k' {
                return Some(word);
            }
            if WITH_VALUE.contains(letter) {
                if at + 1 == letters.len() {
                    words.next();
                }
                break;
            }
        }
    }
    None
}

/// A word with the blank in front of it, to be taken out.
pub(super) fn with_blank_before(script: &StepScript, word: &Word) -> Span {
    let before = script.joined.text.get(..word.range.start).unwrap_or_default();
    let has_blank = before.ends_with([' ', '\t']);
    let span = script.span(&word.range);
    let start = script.joined.source_at(word.range.start - usize::from(has_blank));
    // The blank may be on another line, before a continuation.
    let adjacent = start + usize::from(has_blank) == span.start;
    Span::new(if adjacent { start } else { span.start }, span.end)
}

fn signatures(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    const OPTIONS: [(&str, &str); 13] = [
        ("--allow-untrusted", "CKV2_DOCKER_7"),
        ("--allow-unauthenticated", "CKV2_DOCKER_8"),
        ("--allow-insecure-repositories", "CKV2_DOCKER_8"),
        ("--nogpgcheck", "CKV2_DOCKER_9"),
        ("--no-gpg-checks", "CKV2_DOCKER_9"),
        ("--no-gpg-check", "CKV2_DOCKER_9"),
        ("--no-gpgcheck", "CKV2_DOCKER_9"),
        ("--setopt=gpgcheck=0", "CKV2_DOCKER_9"),
        ("--nosignature", "CKV2_DOCKER_10"),
        ("--nodigest", "CKV2_DOCKER_10"),
        ("--noverify", "CKV2_DOCKER_10"),
        ("--force-yes", "CKV2_DOCKER_11"),
        ("--skip-signature", "CKV2_DOCKER_10"),
    ];
    for (script, command) in file.commands() {
        let words = bare_words(command);
        let name = words.first().map_or("", |word| word.text.rsplit('/').next().unwrap_or_default());
        let manages = matches!(
            name,
            "apk"
                | "apt"
                | "apt-get"
                | "aptitude"
                | "yum"
                | "dnf"
                | "dnf5"
                | "microdnf"
                | "tdnf"
                | "zypper"
                | "rpm"
        );
        for word in words.iter().skip(1) {
            let option = OPTIONS.iter().find(|(option, _)| word.text == *option);
            if let Some((option, alias)) = option.filter(|_| manages) {
                let hit = hits.add(
                    script.span(&word.range),
                    format!("{name} {option} takes packages of anyone"),
                    "signed packages",
                );
                hit.alias(alias);
                // apt-get asks where --force-yes is gone; -y stands beside it nearly always.
                let has_yes = command.short('y').is_some()
                    || command.has("--yes")
                    || name == "apk"
                    || *option != "--force-yes";
                if has_yes {
                    hit.change(with_blank_before(script, word), "");
                }
                continue;
            }
            let text: String =
                word.text.to_ascii_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
            let writes = matches!(name, "echo" | "printf" | "sed" | "tee") || manages;
            let says = [
                "trusted=yes",
                "allow-insecure=yes",
                "gpgcheck=0",
                "allowunauthenticated \"true\"",
                "allowunauthenticated=true",
            ];
            if writes && says.iter().any(|off| text.contains(off)) {
                hits.add(
                    script.span(&word.range),
                    "the check of signatures is switched off",
                    "signed packages",
                )
                .alias("CKV2_DOCKER_8");
            }
        }
    }
}

fn host_keys(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    const SUMMARY: &str = "the key of the server is not checked";
    let off = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.contains("stricthostkeychecking=no") || text.contains("stricthostkeychecking no")
    };
    for (instruction, _) in file.of(Keyword::Env) {
        for value in instruction.pairs().iter().filter_map(|pair| pair.value.as_ref()) {
            if off(&value.text) {
                hits.add(value.span, SUMMARY, "known keys");
            }
        }
    }
    for (script, command) in file.commands() {
        let words = command.words.iter().chain(&command.assignments);
        if let Some(word) = words.into_iter().find(|word| off(&word.text)) {
            hits.add(script.span(&word.range), SUMMARY, "known keys");
        } else if command.name() == "ssh-keyscan" {
            hits.add(script.span(&command.range), "the key of the server is fetched unseen", "known keys");
        }
    }
}
