//! Checks of packages' signatures that are switched off.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::packages::bare_words;

pub(super) const CHECK: Check = Check {
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
    look,
};

fn look(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
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
                    hit.change(script.with_blank_before(word), "");
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
