//! Checks of servers that are switched off: certificates, SSH keys.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::Keyword;
use crate::dockerfile::packages::{self, Manager, bare_words};
use crate::dockerfile::run::StepScript;
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

/// A command that switches the check off for itself or for what it configures.
fn of_command(script: &StepScript, command: &Command, hits: &mut Hits) {
    let words = bare_words(command);
    let Some((first, rest)) = words.split_first() else { return };
    let name = first.text.rsplit('/').next().unwrap_or_default();
    let Some((word, alias)) = switch(name, command, rest) else { return };
    let hit =
        hits.add(script.span(&word.range), format!("{name} does not check certificates"), "the check on");
    hit.alias(alias);
    let other_letters = word.text.replacen('k', "", 1);
    match name {
        "curl" if !word.text.starts_with("--") && other_letters != "-" => {
            hit.change(script.span(&word.range), other_letters)
        }
        "curl" | "wget" => hit.change(script.with_blank_before(word), ""),
        _ => hit,
    };
}

/// The word that switches the check off, and what Checkov calls it.
fn switch<'c>(name: &str, command: &Command, rest: &'c [Word]) -> Option<(&'c Word, &'static str)> {
    let is = |word: &Word, texts: &[&str]| texts.contains(&word.text.to_ascii_lowercase().as_str());
    let says = |texts: &[&str]| rest.iter().find(|word| is(word, texts));
    // `git config http.sslVerify false`: a key, and its value as the next word.
    let sets = |key: &str, values: &[&str]| {
        let pair = rest.windows(2).find(|pair| {
            matches!(pair, [name, value] if name.text.to_ascii_lowercase().contains(key) && is(value, values))
        });
        pair.and_then(<[Word]>::first)
    };
    let (word, alias) = match name {
        "curl" => (curl_insecure(rest), "CKV2_DOCKER_2"),
        "wget" => (says(&["--no-check-certificate"]), "CKV2_DOCKER_3"),
        "git" => {
            let set = sets("http.sslverify", &["false", "0", "off", "no"]);
            (set.or_else(|| says(&["http.sslverify=false", "http.sslverify=0"])), "CKV2_DOCKER_14")
        }
        "npm" | "yarn" | "pnpm" => {
            let off = ["--strict-ssl=false", "strict-ssl=false", "--no-strict-ssl"];
            (sets("strict-ssl", &["false"]).or_else(|| says(&off)), "CKV2_DOCKER_13")
        }
        "yum" | "dnf" | "microdnf" | "yum-config-manager" | "tee" | "sed" | "echo" | "printf" => {
            let off = |word: &&Word| {
                let text: String = word.text.to_ascii_lowercase().split_whitespace().collect();
                ["sslverify=0", "sslverify=false", "sslverify=no"].iter().any(|off| text.contains(off))
            };
            (rest.iter().find(off), "CKV2_DOCKER_15")
        }
        _ => {
            let is_pip = packages::call(command).is_some_and(|call| call.manager == Manager::Pip);
            let trusts = rest.iter().find(|word| word.text.contains("trusted-host"));
            (trusts.filter(|_| is_pip || packages::is_pip(name)), "CKV2_DOCKER_4")
        }
    };
    Some((word?, alias))
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
