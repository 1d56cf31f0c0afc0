//! `WORKDIR`, `VOLUME`, `cd`.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::Keyword;
use crate::dockerfile::model::Base;
use crate::shell::Joint;

pub(super) const RELATIVE: Check = Check {
    rule: Rule {
        id: "workdir-relative",
        title: "Relative WORKDIR with nothing to start from",
        why: "Where it leads depends on a directory that only the base image knows.",
        fix: "Give the directory from the root.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/reference/build-checks/workdir-relative-path/"],
        controls: controls::NONE,
    },
    aliases: &["DL3000", "DS-0009", "CKV_DOCKER_10", "WorkdirRelativePath"],
    standing: Standing::On,
    bad: &["FROM debian:12\nWORKDIR app\n"],
    good: &[
        "FROM debian:12\nWORKDIR /app\nWORKDIR sub\n",
        "FROM debian:12\nWORKDIR C:\\app\n",
        "FROM debian:12\nWORKDIR \"/app\"\n",
        "FROM debian:12\nARG D=/app\nWORKDIR $D/x\n",
        "FROM scratch\nWORKDIR app\n",
    ],
    look: relative,
};

pub(super) const SYSTEM: Check = Check {
    rule: Rule {
        id: "workdir-on-system-directory",
        title: "WORKDIR that is a directory of the system",
        why: "What the program or the build writes lands among the files that the system runs.",
        fix: "Work in a directory of its own, such as /app.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/reference/dockerfile/#workdir"],
        controls: controls::DEFECT,
    },
    aliases: &["DS-0030"],
    standing: Standing::On,
    bad: &["FROM debian:12\nWORKDIR /etc\n", "FROM debian:12\nWORKDIR /usr/bin/\n"],
    good: &["FROM debian:12\nWORKDIR /usr/src/app\n", "FROM debian:12\nWORKDIR /app\n"],
    look: system,
};

pub(super) const VOLUME: Check = Check {
    rule: Rule {
        id: "volume-on-system-directory",
        title: "VOLUME over a directory of the system",
        why: "Each container gets a copy of the directory that outlives it, and upgrades of the image do not reach it.",
        fix: "Declare only directories for data.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/reference/dockerfile/#volume"],
        controls: controls::DEFECT,
    },
    aliases: &["DKL-DI-0002"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nVOLUME /etc\n",
        "FROM debian:12\nVOLUME [\"/usr\"]\n",
        "FROM debian:12\nVOLUME /\n",
    ],
    good: &["FROM debian:12\nVOLUME /var/lib/app\n"],
    look: volume,
};

pub(super) const CD: Check = Check {
    rule: Rule {
        id: "cd-instead-of-workdir",
        title: "cd in a RUN that could start with WORKDIR",
        why: "The directory holds for that one step; the next reader looks for it in WORKDIR.",
        fix: "Set WORKDIR.",
        severity: Severity::Negligible,
        references: &["https://docs.docker.com/build/building/best-practices/#workdir"],
        controls: controls::NONE,
    },
    aliases: &["DL3003", "DS-0013"],
    standing: Standing::Off,
    bad: &["FROM debian:12\nRUN cd /app && make\n"],
    good: &["FROM debian:12\nWORKDIR /app\nRUN make\n"],
    look: cd,
};

pub(super) const CD_UNCHECKED: Check = Check {
    rule: Rule {
        id: "cd-failure-ignored",
        title: "cd whose failure is ignored",
        why: "When the directory is not there, what follows (an rm, a cp) happens in another one.",
        fix: "Join what follows with &&, or start the script with set -e.",
        severity: Severity::Low,
        references: &[],
        controls: controls::NONE,
    },
    aliases: &["SC2164", "SC2103"],
    standing: Standing::On,
    bad: &["FROM debian:12\nRUN cd /app; rm -r *\n", "FROM debian:12\nRUN <<EOF\ncd /app\nrm -r x\nEOF\n"],
    good: &[
        "FROM debian:12\nRUN cd /app && make\n",
        "FROM debian:12\nRUN set -ex; cd /app; make\n",
        "FROM debian:12\nRUN cd /app || exit 1; make\n",
        "FROM debian:12\nSHELL [\"/bin/sh\", \"-ec\"]\nRUN cd /app; make\n",
    ],
    look: cd_unchecked,
};

const SYSTEM_DIRECTORIES: [&str; 14] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
];

fn is_system(path: &str) -> bool {
    let path = path.trim_matches(['"', '\'']).trim_end_matches('/');
    SYSTEM_DIRECTORIES.contains(&path)
}

fn is_absolute(path: &str) -> bool {
    let path = path.trim_matches(['"', '\'']);
    path.starts_with(['/', '\\', '$']) || path.as_bytes().get(1) == Some(&b':')
}

fn relative(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for index in 0..file.stages.len() {
        let known = file.lineage(index).any(|stage| {
            let scratch = file.stages.get(stage).is_some_and(|stage| stage.base == Base::Scratch);
            scratch || (stage != index && file.own(stage).any(|(i, _)| i.keyword == Keyword::Workdir))
        });
        let mut is_set = known;
        for (instruction, step) in file.own(index) {
            let Some(word) = instruction.text().filter(|_| instruction.keyword == Keyword::Workdir) else {
                continue;
            };
            let path = step.text.as_deref().unwrap_or(&word.text);
            if !is_set && !is_absolute(path) {
                hits.add(
                    word.span,
                    format!("{path} is relative to a directory that the base decides"),
                    "a path from /",
                );
            }
            is_set = true;
        }
    }
}

fn system(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (instruction, step) in file.of(Keyword::Workdir) {
        let Some(word) = instruction.text() else { continue };
        if is_system(step.text.as_deref().unwrap_or(&word.text)) {
            hits.add(word.span, format!("{} belongs to the system", word.text), "a directory of its own");
        }
    }
}

fn volume(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (instruction, _) in file.of(Keyword::Volume) {
        for word in instruction.words() {
            if is_system(&word.text) || matches!(word.text.as_str(), "/" | "/var" | "/home" | "/root") {
                hits.add(
                    word.span,
                    format!("{} is no directory for data", word.text),
                    "a directory for data",
                );
            }
        }
    }
}

fn cd(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (run, _, script) in file.scripts() {
        let first = script.script.commands.iter().find(|command| command.name() == "cd");
        if let Some(command) = first.filter(|command| command.operands().next().is_some()) {
            let _ = run;
            hits.add(script.span(&command.range), "a directory is set for one step", "WORKDIR");
        }
    }
}

fn cd_unchecked(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (_, step, script) in file.scripts() {
        let stops = |command: &crate::shell::Command| {
            command.name() == "set" && (command.short('e').is_some() || command.has("errexit"))
        };
        if step.shell.stops_at_errors || script.script.commands.iter().any(stops) {
            continue;
        }
        for command in &script.script.commands {
            let goes_on = matches!(command.behind, Joint::Semicolon);
            let is_cd = matches!(command.name(), "cd" | "pushd") && command.operands().next().is_some();
            let is_last = script.script.commands.last().is_some_and(|last| last.range == command.range);
            let back =
                command.operands().next().is_some_and(|word| word.text == "-" || word.text.starts_with(".."));
            if is_cd && goes_on && !is_last && !command.is_condition && !back && command.before != Joint::Or {
                hits.add(
                    script.span(&command.range),
                    "the script goes on where this cd fails",
                    "cd … && or set -e",
                );
            }
        }
    }
}
