//! Stages: names, order, use.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::{Body, Keyword, Word};
use crate::dockerfile::model::Base;

pub(super) const DUPLICATE: Check = Check {
    rule: Rule {
        id: "stage-name-duplicate",
        title: "Two stages of one name",
        why: "The name means the later one; what was meant to come from the earlier one does not.",
        fix: "Rename one of them.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/reference/build-checks/duplicate-stage-name/"],
        controls: controls::NONE,
    },
    aliases: &["DL3024", "DS-0012", "CKV_DOCKER_11", "DuplicateStageName"],
    standing: Standing::On,
    bad: &["FROM debian:12 AS a\nFROM debian:11 AS A\n"],
    good: &["FROM debian:12 AS a\nFROM debian:11 AS b\n"],
    look: duplicate,
};

pub(super) const RESERVED: Check = Check {
    rule: Rule {
        id: "stage-name-reserved",
        title: "Stage with a reserved name",
        why: "scratch and context mean something else wherever a stage can be named.",
        fix: "Rename the stage.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/reference/build-checks/reserved-stage-name/"],
        controls: controls::NONE,
    },
    aliases: &["DL3063", "ReservedStageName"],
    standing: Standing::On,
    bad: &["FROM debian:12 AS scratch\n", "FROM debian:12 AS context\n"],
    good: &["FROM debian:12 AS base\n"],
    look: reserved,
};

pub(super) const CASING: Check = Check {
    rule: Rule {
        id: "stage-name-casing",
        title: "Stage name with capital letters",
        why: "Names of stages are compared in lower case; what is written differently looks like another.",
        fix: "Write the name in lower case.",
        severity: Severity::Negligible,
        references: &["https://docs.docker.com/reference/build-checks/stage-name-casing/"],
        controls: controls::NONE,
    },
    aliases: &["StageNameCasing"],
    standing: Standing::On,
    bad: &["FROM debian:12 AS Build\n"],
    good: &["FROM debian:12 AS build\n"],
    look: casing,
};

pub(super) const UNUSED: Check = Check {
    rule: Rule {
        id: "stage-unused",
        title: "Stage that the image does not need",
        why: "BuildKit skips it, so nobody sees when it breaks. (Off by default: it may be a target of its own.)",
        fix: "Remove the stage, or copy from it what was meant to be in the image.",
        severity: Severity::Negligible,
        references: &["https://docs.docker.com/build/building/multi-stage/"],
        controls: controls::NONE,
    },
    aliases: &["no-unreachable-stages"],
    standing: Standing::Off,
    bad: &["FROM debian:12 AS a\nRUN x\nFROM debian:12\n"],
    good: &[
        "FROM debian:12 AS a\nFROM debian:12\nCOPY --from=a /x /x\n",
        "FROM debian:12 AS a\nFROM a\n",
        "FROM debian:12 AS a\nFROM debian:12\nRUN --mount=type=bind,from=a x\n",
        "FROM debian:12\nFROM debian:12\nCOPY --from=0 /x /x\n",
    ],
    look: unused,
};

pub(super) const CONSECUTIVE: Check = Check {
    rule: Rule {
        id: "consecutive-run",
        title: "RUN behind RUN",
        why: "Each makes a layer. (Off by default: layers cost little, and a step of its own is cached on its own.)",
        fix: "Join the two where they belong together.",
        severity: Severity::Negligible,
        references: &["https://docs.docker.com/build/building/best-practices/#run"],
        controls: controls::NONE,
    },
    aliases: &["DL3059"],
    standing: Standing::Off,
    bad: &["FROM debian:12\nRUN a\nRUN b\n"],
    good: &[
        "FROM debian:12\nRUN a\nCOPY x /x\nRUN b\n",
        "FROM debian:12\nRUN a && b && c\nRUN d && e && f\n",
    ],
    look: consecutive,
};

pub(super) const EMPTY_SHELL: Check = Check {
    rule: Rule {
        id: "shell-missing-in-scratch",
        title: "Shell command in a stage that has no shell",
        why: "A stage from scratch holds nothing before something is copied into it: the build fails.",
        fix: "Run the program itself, in JSON form, or start from an image.",
        severity: Severity::High,
        references: &["https://docs.docker.com/build/building/base-images/"],
        controls: controls::NONE,
    },
    aliases: &["shell-run-in-scratch"],
    standing: Standing::On,
    bad: &["FROM scratch\nRUN echo x\n"],
    good: &["FROM scratch\nADD rootfs.tar /\nRUN echo x\n", "FROM scratch\nCOPY x /\nRUN [\"/x\"]\n"],
    look: empty_shell,
};

pub(super) const STOP: Check = Check {
    rule: Rule {
        id: "stop-signal-hard",
        title: "Signal that no program can catch",
        why: "A container that is stopped by SIGKILL or SIGSTOP cannot finish what it writes.",
        fix: "Choose a signal that the program handles: SIGTERM, SIGINT, SIGQUIT.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/reference/dockerfile/#stopsignal"],
        controls: controls::DEFECT,
    },
    aliases: &["no-ungraceful-stopsignal"],
    standing: Standing::On,
    bad: &["FROM debian:12\nSTOPSIGNAL SIGKILL\n", "FROM debian:12\nSTOPSIGNAL 9\n"],
    good: &["FROM debian:12\nSTOPSIGNAL SIGQUIT\n"],
    look: stop,
};

/// The names of stages as written.
fn names<'f>(file: &'f File<'_>) -> impl Iterator<Item = (usize, &'f Word)> {
    file.stages.iter().enumerate().filter_map(|(index, stage)| {
        let Body::From { name, .. } = &file.parsed.instructions.get(stage.from)?.body else { return None };
        Some((index, name.as_ref()?))
    })
}

fn duplicate(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    let mut seen = std::collections::BTreeSet::new();
    for (_, word) in names(file) {
        if !seen.insert(word.text.to_lowercase()) {
            hits.add(word.span, format!("a stage above is called {} too", word.text), "a name of its own");
        }
    }
}

fn reserved(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (_, word) in names(file) {
        if matches!(word.text.to_lowercase().as_str(), "scratch" | "context") {
            hits.add(word.span, format!("{} means something else", word.text), "another name");
        }
    }
}

fn casing(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (_, word) in names(file) {
        let lower = word.text.to_lowercase();
        if word.text != lower {
            // Other places that name it compare without case, so this one change is enough.
            hits.add(word.span, format!("{} has capital letters", word.text), lower.clone())
                .change(word.span, lower);
        }
    }
}

fn unused(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    let Some(last) = file.last_stage() else { return };
    let mut needed = vec![false; file.stages.len()];
    let mut open = vec![last];
    while let Some(index) = open.pop() {
        let Some(mark) = needed.get_mut(index) else { continue };
        if std::mem::replace(mark, true) {
            continue;
        }
        if let Some(Base::Stage(base)) = file.stages.get(index).map(|stage| stage.base) {
            open.push(base);
        }
        for (instruction, _) in file.own(index) {
            let instruction = instruction.effective();
            let from = instruction.flag_value("from");
            let mounts = instruction.flags_named("mount").filter_map(|flag| flag.value.as_deref());
            let mounted =
                mounts.flat_map(|value| value.split(',')).filter_map(|field| field.strip_prefix("from="));
            open.extend(from.into_iter().chain(mounted).filter_map(|name| file.stage_named(name, index)));
        }
    }
    for (index, stage) in file.stages.iter().enumerate() {
        if needed.get(index) == Some(&false)
            && let Some(from) = file.parsed.instructions.get(stage.from)
        {
            hits.add(from.span, "the last stage needs nothing of this one", "stages that lead to the image");
        }
    }
}

fn consecutive(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for stage in 0..file.stages.len() {
        let mut before: Option<(usize, Vec<Option<String>>)> = None;
        for (instruction, step) in file.own(stage) {
            if instruction.keyword != Keyword::Run {
                before = None;
                continue;
            }
            let commands: usize = step.scripts.iter().map(|script| script.script.commands.len()).sum();
            let flags: Vec<Option<String>> =
                instruction.flags.iter().map(|flag| flag.value.clone()).collect();
            if let Some((earlier, earlier_flags)) = &before
                && *earlier + commands < 6
                && *earlier_flags == flags
                && instruction.heredocs.is_empty()
            {
                hits.add(instruction.name.span, "this step could be part of the one above", "one RUN")
                    .detail(crate::dockerfile::check::shown(instruction.rest_text()));
            }
            before = Some((commands, flags));
        }
    }
}

fn empty_shell(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (index, stage) in file.stages.iter().enumerate() {
        if stage.base != Base::Scratch {
            continue;
        }
        for (instruction, _) in file.own(index) {
            match (instruction.keyword, &instruction.body) {
                (Keyword::Copy | Keyword::Add, _) => break,
                (Keyword::Run, Body::ShellForm(_)) if instruction.flag("mount").is_none() => {
                    hits.add(
                        instruction.span,
                        "the stage is empty: there is no shell in it",
                        "a stage with a shell",
                    );
                }
                _ => {}
            }
        }
    }
}

fn stop(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (instruction, step) in file.of(Keyword::Stopsignal) {
        let (Some(word), Some(text)) = (instruction.text(), step.text.as_deref()) else { continue };
        if matches!(text.to_ascii_uppercase().as_str(), "SIGKILL" | "KILL" | "9" | "SIGSTOP" | "STOP" | "19")
        {
            hits.add(
                word.span,
                format!("no program can catch {text}"),
                "SIGTERM, or what the program handles",
            );
        }
    }
}
