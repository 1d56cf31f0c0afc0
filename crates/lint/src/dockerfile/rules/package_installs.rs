//! How packages are installed: with which program, asking or not, after which update.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::packages::{Call, Manager, call};
use crate::dockerfile::run::StepScript;
use crate::dockerfile::source::Span;
use crate::shell::Word;

pub(super) const APT: Check = Check {
    rule: Rule {
        id: "apt-in-script",
        title: "apt in a script",
        why: "apt is made for people: its options and output may change from release to release, and it warns so.",
        fix: "Use apt-get or apt-cache.",
        severity: Severity::Negligible,
        references: &["https://manpages.debian.org/bookworm/apt/apt.8.en.html"],
        controls: controls::NONE,
    },
    aliases: &["DL3027", "CKV_DOCKER_9"],
    standing: Standing::On,
    bad: &["FROM debian:12\nRUN apt install -y x && rm -rf /var/lib/apt/lists/*\n"],
    good: &["FROM debian:12\nRUN apt-get install -y x\n"],
    look: apt,
};

pub(super) const ASKS: Check = Check {
    rule: Rule {
        id: "package-manager-asks",
        title: "Package manager that waits for an answer",
        why: "Nobody is there to answer: the step fails, or does nothing.",
        fix: "Add -y.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/build/building/best-practices/#apt-get"],
        controls: controls::NONE,
    },
    aliases: &["DL3014", "DL3030", "DL3034", "DL3038", "DS-0021"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN apt-get install x\n",
        "FROM centos:7\nRUN yum install x\n",
        "FROM fedora:40\nRUN dnf install x\n",
        "FROM opensuse/leap:15\nRUN zypper install x\n",
    ],
    good: &[
        "FROM debian:12\nRUN apt-get -qq install x\n",
        "FROM debian:12\nRUN apt-get install --yes x\n",
        "FROM debian:12\nRUN apt-get -o APT::Get::Assume-Yes=true install x\n",
        "FROM debian:12\nRUN yes | apt-get install x\n",
        "FROM opensuse/leap:15\nRUN zypper -n install x\n",
        "FROM fedora:40\nRUN dnf -y install x\n",
    ],
    look: asks,
};

pub(super) const RECOMMENDED: Check = Check {
    rule: Rule {
        id: "recommended-packages-installed",
        title: "Packages that nobody asked for",
        why: "apt-get installs what a package recommends as well: more to download, to patch and to attack.",
        fix: "Add --no-install-recommends.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/build/building/best-practices/#apt-get"],
        controls: controls::NOTHING_NEEDLESS,
    },
    aliases: &["DL3015", "DS-0029"],
    standing: Standing::On,
    bad: &["FROM debian:12\nRUN apt-get install -y x\n"],
    good: &[
        "FROM debian:12\nRUN apt-get install -y --no-install-recommends x\n",
        "FROM debian:12\nRUN apt-get -o APT::Install-Recommends=false install -y x\n",
        "FROM debian:12\nRUN echo 'APT::Install-Recommends \"0\";' > /etc/apt/apt.conf.d/x && apt-get install -y x\n",
    ],
    look: recommended,
};

pub(super) const UPDATE_ALONE: Check = Check {
    rule: Rule {
        id: "package-lists-updated-alone",
        title: "Package lists updated in a step of their own",
        why: "The step is cached: a later build installs from lists that are months old, and misses every fix since.",
        fix: "Update and install in one RUN.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/build/building/best-practices/#apt-get"],
        controls: controls::UPDATES,
    },
    aliases: &["DS-0017", "CKV_DOCKER_5", "CIS-DI-0007"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y x\n",
        "FROM alpine:3.20\nRUN apk update\n",
    ],
    good: &[
        "FROM debian:12\nRUN apt-get update && apt-get install -y x\n",
        "FROM debian:12\nRUN apt-get update && ./install-dependencies.sh\n",
    ],
    look: update_alone,
};

pub(super) const RELEASE_UPGRADE: Check = Check {
    rule: Rule {
        id: "distribution-upgraded",
        title: "Distribution upgraded within the image",
        why: "An upgrade to another release makes an image of two halves that nobody tests, and it is not the release \
              that the tag says.",
        fix: "Start from an image of the newer release.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/build/building/best-practices/"],
        controls: controls::PATCHED,
    },
    aliases: &["DL3035", "DS-0024", "DKL-DI-0003"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN apt-get update && apt-get dist-upgrade -y\n",
        "FROM opensuse/leap:15\nRUN zypper dup -y\n",
    ],
    good: &["FROM debian:12\nRUN apt-get update && apt-get upgrade -y\n"],
    look: release_upgrade,
};

/// Every call of a package manager.
pub(super) fn calls<'f>(file: &'f File<'_>) -> impl Iterator<Item = (&'f StepScript, Call<'f>)> {
    file.commands().filter_map(|(script, command)| Some((script, call(command)?)))
}

fn name_word<'c>(call: &Call<'c>) -> Option<&'c Word> {
    crate::dockerfile::packages::bare_words(call.command).first()
}

fn apt(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    const SAME: [&str; 10] = [
        "install",
        "update",
        "upgrade",
        "remove",
        "purge",
        "autoremove",
        "clean",
        "autoclean",
        "dist-upgrade",
        "download",
    ];
    for (script, call) in calls(file) {
        let Some(word) = name_word(&call).filter(|word| word.text.rsplit('/').next() == Some("apt")) else {
            continue;
        };
        let hit = hits.add(script.span(&word.range), "apt is made for people", "apt-get");
        hit.detail(script.shown(&call.command.range));
        if SAME.contains(&call.verb.text.as_str()) && word.text == "apt" {
            hit.change(script.span(&word.range), "apt-get");
        }
    }
}

fn asks(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    if file.source.text.contains("APT::Get::Assume-Yes") {
        return;
    }
    for (script, call) in calls(file) {
        let words = call.arguments();
        let has = |options: &[&str]| words.iter().any(|word| options.contains(&word.text.as_str()));
        let says_yes = call.command.short('y').is_some() || has(&["--yes", "--assume-yes", "--assumeyes"]);
        let is_fed = call.command.before == crate::shell::Joint::Pipe;
        let quiet: usize = words.iter().map(|word| quietness(&word.text)).sum();
        let (alias, answers) = match call.manager {
            Manager::Apt => ("DL3014", quiet >= 2 || has(&["--force-yes"])),
            Manager::Yum => ("DL3030", false),
            Manager::Dnf | Manager::Microdnf => ("DL3038", false),
            Manager::Zypper => ("DL3034", has(&["-n", "--non-interactive", "--no-confirm"])),
            Manager::Apk | Manager::Pip | Manager::Npm | Manager::Yarn | Manager::Gem | Manager::Go => {
                continue;
            }
        };
        if !says_yes && !answers && !is_fed && call.installs() {
            let at = script.span(&call.verb.range).end;
            hits.add(
                script.span(&(call.command.range.start..call.verb.range.end)),
                "nobody is there to answer",
                "-y",
            )
            .detail(script.shown(&call.command.range))
            .change(Span::at(at), " -y")
            .alias(alias);
        }
    }
}

/// How often a word says quiet: `-q`, `-qq`, `-q=2`.
fn quietness(word: &str) -> usize {
    if let Some(level) = word.strip_prefix("-q=") {
        return level.parse().unwrap_or(0);
    }
    match word.strip_prefix('-') {
        Some(letters) if !letters.starts_with('-') => letters.matches('q').count(),
        _ => usize::from(word == "--quiet"),
    }
}

fn recommended(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    if file.source.text.contains("APT::Install-Recommends") {
        return;
    }
    for (script, call) in calls(file) {
        if call.manager != Manager::Apt || !call.installs() || call.packages().is_empty() {
            continue;
        }
        if !call.command.has("--no-install-recommends")
            && !call.command.has("--without-recommends")
            && !call.command.has("-R")
        {
            let at = script.span(&call.verb.range).end;
            let span = script.span(&(call.command.range.start..call.verb.range.end));
            hits.add(span, "packages that are only recommended come along", "--no-install-recommends")
                .detail(script.shown(&call.command.range))
                .change(Span::at(at), " --no-install-recommends");
        }
    }
}

fn update_alone(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (_, _, script) in file.scripts() {
        let commands = &script.script.commands;
        let is_update = |call: &Call<'_>| {
            let verbs: &[&str] = match call.manager {
                Manager::Apt | Manager::Apk => &["update"],
                Manager::Yum | Manager::Dnf => &["makecache", "check-update"],
                Manager::Zypper => &["refresh", "ref"],
                Manager::Microdnf
                | Manager::Pip
                | Manager::Npm
                | Manager::Yarn
                | Manager::Gem
                | Manager::Go => &[],
            };
            verbs.contains(&call.verb.text.as_str())
        };
        let harmless = [
            "echo", "set", "rm", "true", ":", "export", "cd", "mkdir", "dpkg", "sed", "apt-key", "printf",
            "test", "[",
        ];
        let updates: Vec<Call<'_>> = commands.iter().filter_map(call).filter(is_update).collect();
        let Some(first) = updates.first() else { continue };
        let does_more = commands.iter().any(|command| match call(command) {
            Some(call) => !is_update(&call) && call.verb.text != "clean" && call.verb.text != "autoclean",
            None => !harmless.contains(&command.name()),
        });
        if !does_more {
            hits.add(
                script.span(&first.command.range),
                "the lists are cached with this step",
                "the update and the installation in one RUN",
            );
        }
    }
}

fn release_upgrade(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (script, call) in calls(file) {
        let verb = call.verb.text.as_str();
        let upgrades = [
            (Manager::Apt, "dist-upgrade"),
            (Manager::Apt, "full-upgrade"),
            (Manager::Zypper, "dup"),
            (Manager::Zypper, "dist-upgrade"),
            (Manager::Dnf, "system-upgrade"),
            (Manager::Dnf, "distro-sync"),
        ];
        if upgrades.contains(&(call.manager, verb)) {
            hits.add(
                script.span(&call.command.range),
                "the release is changed within the image",
                "an image of that release",
            );
        }
    }
}
