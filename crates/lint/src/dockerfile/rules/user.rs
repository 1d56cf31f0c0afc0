//! Whom the container runs as.

use seawall_finding::Confidence;

use super::base_image::says_nonroot;
use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::Keyword;
use crate::dockerfile::model::Base;

pub(super) const ROOT: Check = Check {
    rule: Rule {
        id: "image-user-root",
        title: "Image that runs as root on purpose",
        why: "A process that is root in the container is root for the kernel too: every flaw in the runtime, a mount \
              or the kernel that it can reach is reached with full rights.",
        fix: "End the last stage with USER and a user id other than 0.",
        severity: Severity::High,
        references: &["https://docs.docker.com/build/building/best-practices/#user"],
        controls: controls::USER,
    },
    aliases: &["DL3002", "DS-0002", "CKV_DOCKER_8", "CIS-DI-0001"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nUSER root\n",
        "FROM debian:12\nUSER 0:0\n",
        "FROM debian:12 AS a\nUSER 0\nFROM a\nRUN x\n",
        "FROM debian:12\nARG U=root\nUSER $U\n",
    ],
    good: &[
        "FROM debian:12\nUSER root\nRUN x\nUSER 1000\n",
        "FROM debian:12\nUSER 10000:0\n",
        "FROM debian:12 AS a\nUSER root\nFROM debian:12\nUSER app\n",
    ],
    look: root,
};

pub(super) const MISSING: Check = Check {
    rule: Rule {
        id: "image-user-missing",
        title: "Image that says nobody to run as",
        why: "Without USER the container runs as whoever the base image says, and nearly all of them say root. Asked of \
              files that say what the image runs: others make bases and build environments, whose USER comes later.",
        fix: "End the last stage with USER and a user id other than 0.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/build/building/best-practices/#user"],
        controls: controls::USER,
    },
    aliases: &["DS-0002", "CKV_DOCKER_3", "CIS-DI-0001"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nCMD [\"x\"]\n",
        "FROM scratch\nCOPY x /\nENTRYPOINT [\"/x\"]\n",
        "FROM debian:12 AS a\nENTRYPOINT [\"x\"]\nFROM a\nCOPY x /\n",
    ],
    good: &[
        "FROM debian:12\nRUN apt-get update\n",
        "FROM scratch\nCOPY x /\n",
        "FROM debian:12\nENTRYPOINT [\"gosu\", \"app\", \"x\"]\n",
        "FROM debian:12\nRUN apt-get install -y su-exec\nENTRYPOINT [\"/entrypoint.sh\"]\n",
        "FROM debian:12\nUSER 1000\n",
        "FROM debian:12 AS a\nUSER 1000\nFROM a\nCMD [\"x\"]\n",
        "FROM gcr.io/distroless/static:nonroot\nCMD [\"x\"]\n",
    ],
    look: missing,
};

pub(super) const BY_NAME: Check = Check {
    rule: Rule {
        id: "image-user-by-name",
        title: "User by name instead of by number",
        why: "Kubernetes cannot tell whether a name is root, and refuses to start the container where runAsNonRoot is \
              asked for.",
        fix: "Give the number of the user.",
        severity: Severity::Low,
        references: &["https://kubernetes.io/docs/tasks/configure-pod-container/security-context/"],
        controls: controls::USER,
    },
    aliases: &["DL3066"],
    standing: Standing::Off,
    bad: &["FROM debian:12\nUSER app\n"],
    good: &[
        "FROM debian:12\nUSER 1000\n",
        "FROM debian:12\nUSER 1000:app\n",
        "FROM debian:12\nARG U\nUSER $U\n",
    ],
    look: by_name,
};

pub(super) const NEVER_USED: Check = Check {
    rule: Rule {
        id: "created-user-unused",
        title: "User that is made but never used",
        why: "Whoever made the user meant the program to run as it. Without USER it runs as root all the same.",
        fix: "Add USER with the new user behind the steps that need root.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/reference/dockerfile/#user"],
        controls: controls::USER,
    },
    aliases: &["user-created-but-never-used"],
    standing: Standing::On,
    bad: &["FROM debian:12\nRUN useradd -r app\nCMD [\"x\"]\n"],
    good: &[
        "FROM debian:12\nRUN useradd -r app\nUSER app\n",
        "FROM debian:12\nRUN useradd -r app\nENTRYPOINT [\"gosu\", \"app\", \"x\"]\n",
        "FROM debian:12\nRUN useradd -r app && chown -R app /data\n",
    ],
    look: never_used,
};

/// The user of a text like `0:0`.
fn user_of(text: &str) -> &str {
    text.split(':').next().unwrap_or(text).trim()
}

fn is_root(user: &str) -> bool {
    user == "root" || user.parse::<u64>() == Ok(0) || user == "ContainerAdministrator"
}

fn root(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    let Some(last) = file.last_stage() else { return };
    let Some((instruction, step)) = file.last_of(last, Keyword::User) else { return };
    let (Some(word), Some(text)) = (instruction.text(), step.text.as_deref()) else { return };
    if is_root(user_of(text)) {
        hits.add(word.span, format!("the image runs as {text}"), "a user other than root");
    }
}

/// Programs with which an entry point becomes another user.
const STEPS_DOWN: [&str; 5] = ["gosu", "su-exec", "setpriv", "setuidgid", "chpst"];

fn missing(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    let Some(last) = file.last_stage() else { return };
    if file.last_of(last, Keyword::User).is_some() {
        return;
    }
    let runs =
        [Keyword::Cmd, Keyword::Entrypoint].iter().any(|keyword| file.last_of(last, *keyword).is_some());
    if !runs || STEPS_DOWN.iter().any(|program| file.source.text.contains(program)) {
        return;
    }
    let Some(lowest) = file.lineage(last).last().and_then(|stage| file.stages.get(stage)) else { return };
    if lowest.image.as_deref().is_some_and(says_nonroot) {
        return;
    }
    let Some(from) = file.stages.get(last).and_then(|stage| file.parsed.instructions.get(stage.from)) else {
        return;
    };
    let (severity, confidence, whose) = match lowest.base {
        Base::Scratch => (Severity::Medium, Confidence::High, "runs as root"),
        Base::Image | Base::Stage(_) => {
            (Severity::Low, Confidence::Medium, "runs as whoever its base says, which is root nearly always")
        }
    };
    hits.add(from.span, format!("the image names no user and {whose}"), "USER with a user other than root")
        .severity(severity)
        .confidence(confidence);
}

fn by_name(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    let Some(last) = file.last_stage() else { return };
    let Some((instruction, step)) = file.last_of(last, Keyword::User) else { return };
    let (Some(word), Some(text)) = (instruction.text(), step.text.as_deref()) else { return };
    let user = user_of(text);
    if !is_root(user) && user.parse::<u64>().is_err() {
        hits.add(word.span, format!("the user {user} is given by its name"), "the number of the user");
    }
}

/// Users that are looked for in the rest of the file.
const NAMES_MAX: usize = 100;

fn never_used(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    let Some(last) = file.last_stage() else { return };
    if file.last_of(last, Keyword::User).is_some() {
        return;
    }
    let mut names = 0;
    for stage in file.lineage(last) {
        for (instruction, step) in file.own(stage) {
            for script in &step.scripts {
                for command in &script.script.commands {
                    if !matches!(command.name(), "useradd" | "adduser") || names >= NAMES_MAX {
                        continue;
                    }
                    names += 1;
                    let Some(name) = command.operands().last().filter(|word| word.is_literal()) else {
                        continue;
                    };
                    // Its name stands elsewhere: an entry point that steps down, files that are its own.
                    let inside = script.span(&name.range);
                    let mentions = file.source.text.match_indices(name.text.as_str());
                    let elsewhere =
                        mentions.into_iter().any(|(at, _)| at < instruction.span.start || at >= inside.end);
                    if !elsewhere {
                        let summary =
                            format!("the user {} is made but the image does not run as it", name.text);
                        hits.add(script.span(&command.range), summary, format!("USER {}", name.text));
                    }
                }
            }
        }
    }
}
