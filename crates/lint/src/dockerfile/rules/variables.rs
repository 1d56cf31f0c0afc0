//! Variables that are used and not set.

use seawall_finding::Confidence;
use seawall_inventory::ImageName;

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::expand::expand;
use crate::dockerfile::instruction::{Body, Instruction, Keyword};
use crate::dockerfile::model::{Base, PLATFORM_ARGUMENTS};

pub(super) const UNDEFINED: Check = Check {
    rule: Rule {
        id: "undefined-variable",
        title: "Variable that is not set",
        why: "It expands to nothing: a path becomes another one, a version is missing.",
        fix: "Set it with ARG or ENV in this stage, or correct its name.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/reference/build-checks/undefined-var/"],
        controls: controls::NONE,
    },
    aliases: &["UndefinedVar"],
    standing: Standing::On,
    bad: &[
        "ARG V=1\nFROM debian:12\nCOPY x-$V /x\n",
        "FROM debian:12\nARG VERSION=1\nLABEL v=$VERSON\n",
        "FROM scratch\nCOPY $X /x\n",
    ],
    good: &[
        "ARG V=1\nFROM debian:12\nARG V\nCOPY x-$V /x\n",
        "FROM debian:12\nENV PATH=/x:$PATH\n",
        "FROM node:20\nLABEL v=$NODE_VERSION\n",
        "FROM debian:12\nARG A\nCOPY ${A:-x} ${B:-y} /z/\n",
    ],
    look: undefined,
};

pub(super) const IN_FROM: Check = Check {
    rule: Rule {
        id: "undefined-variable-in-from",
        title: "FROM with a variable that is not set",
        why: "Only an ARG in front of the first FROM is known there; the image name comes out wrong or empty.",
        fix: "Declare the ARG in front of the first FROM.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/reference/build-checks/undefined-arg-in-from/"],
        controls: controls::NONE,
    },
    aliases: &["UndefinedArgInFrom"],
    standing: Standing::On,
    bad: &["FROM debian:$V\n", "FROM debian:12\nARG V=1\nFROM debian:$V\n"],
    good: &[
        "ARG V=12\nFROM debian:$V\n",
        "FROM --platform=$BUILDPLATFORM debian:12\n",
        "ARG V\nFROM debian:${V}\n",
    ],
    look: in_from,
};

pub(super) const EMPTY_DEFAULT: Check = Check {
    rule: Rule {
        id: "base-image-invalid-by-default",
        title: "FROM that names no image unless an argument is given",
        why: "docker build without --build-arg fails with an image name that is no name.",
        fix: "Give the ARG a default.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/reference/build-checks/invalid-default-arg-in-from/"],
        controls: controls::NONE,
    },
    aliases: &["InvalidDefaultArgInFrom"],
    standing: Standing::On,
    bad: &["ARG TAG\nFROM debian:${TAG}\n", "ARG BASE\nFROM $BASE\n"],
    good: &[
        "ARG TAG=12\nFROM debian:${TAG}\n",
        "ARG TAG\nFROM debian:${TAG:-12}\n",
        "ARG V\nFROM debian:12${V}\n",
    ],
    look: empty_default,
};

pub(super) const SELF_REFERENCE: Check = Check {
    rule: Rule {
        id: "env-uses-own-line",
        title: "ENV that uses what the same line sets",
        why: "All values of a line are made from what was set before it: the new value is not seen.",
        fix: "Use two ENV instructions.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/reference/dockerfile/#environment-replacement"],
        controls: controls::NONE,
    },
    aliases: &["DL3044"],
    standing: Standing::On,
    bad: &["FROM debian:12\nENV A=/a B=$A/b\n"],
    good: &[
        "FROM debian:12\nENV A=/a\nENV B=$A/b\n",
        "FROM debian:12\nENV PATH=/x:$PATH\n",
        "FROM debian:12\nENV A=1\nENV A=2 B=$A\n",
        "FROM debian:12\nENV A=/a B='$A' C=\\$A\n",
    ],
    look: self_reference,
};

fn undefined(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for unset in &file.unset {
        let Some(stage) = unset.stage else { continue };
        let name = unset.name.as_str();
        // Every process has these, and the builder sets them unasked.
        let is_given = matches!(name, "PATH" | "HOME" | "HOSTNAME" | "TERM")
            || name.to_ascii_lowercase().ends_with("_proxy")
            || !name.starts_with(|ch: char| ch.is_alphabetic() || ch == '_');
        if is_given {
            continue;
        }
        let lowest = file.lineage(stage).last().and_then(|stage| file.stages.get(stage));
        let is_from_scratch = lowest.is_some_and(|stage| stage.base == Base::Scratch);
        let (summary, expected, confidence) = if unset.is_global {
            (
                format!("{name} is set in front of FROM, and not known in this stage"),
                format!("ARG {name} in this stage"),
                Confidence::High,
            )
        } else if let Some(near) = &unset.near {
            (format!("{name} is not set; {near} is"), near.clone(), Confidence::Medium)
        } else if is_from_scratch {
            (format!("{name} is not set"), format!("ARG or ENV {name}"), Confidence::High)
        } else {
            continue;
        };
        hits.add(unset.span, summary, expected).confidence(confidence).detail(format!("${name}"));
    }
}

fn in_from(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for unset in file.unset.iter().filter(|unset| unset.stage.is_none()) {
        let near = unset.near.as_ref().map(|near| format!("; {near} is")).unwrap_or_default();
        let summary = format!("{} is not set in front of the first FROM{near}", unset.name);
        hits.add(unset.span, summary, format!("ARG {} in front of the first FROM", unset.name))
            .detail(unset.name.clone());
    }
}

fn empty_default(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for stage in &file.stages {
        let Some(Body::From { image, .. }) = file.parsed.instructions.get(stage.from).map(|from| &from.body)
        else {
            continue;
        };
        let expanded = expand(&image.text, file.parsed.escape, &|name| {
            let platform = if PLATFORM_ARGUMENTS.contains(&name) { "linux" } else { "" };
            Some(file.globals.get(name).cloned().flatten().unwrap_or_else(|| platform.to_owned()))
        });
        let Ok(expanded) = expanded else { continue };
        let name = expanded.value.as_str();
        let is_stage = file.stages.iter().any(|stage| stage.name.as_deref() == Some(name));
        let is_invalid = !is_stage && name.parse::<ImageName>().is_err();
        let declared = file.unset.iter().all(|unset| unset.stage.is_some() || unset.span != image.span);
        if is_invalid && declared {
            hits.add(
                image.span,
                format!("without an argument the image is called \"{name}\""),
                "an ARG with a default",
            );
        }
    }
}

fn self_reference(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for index in 0..file.stages.len() {
        for (instruction, _) in file.own(index).filter(|(instruction, _)| instruction.keyword == Keyword::Env)
        {
            let pairs = instruction.pairs();
            // A long line is compared with itself.
            if !(2..=LINE_PAIRS_MAX).contains(&pairs.len()) {
                continue;
            }
            for (at, pair) in pairs.iter().enumerate() {
                let Some(value) = &pair.value else { continue };
                let Ok(expanded) = expand(&value.text, file.parsed.escape, &|_| None) else { continue };
                let sets = |name: &&String| {
                    pairs.iter().enumerate().any(|(other, pair)| other != at && pair.name.text == **name)
                };
                let own = expanded.unset.iter().find(sets);
                if let Some(name) = own.filter(|name| !is_set_before(file, index, instruction, name)) {
                    let summary = format!("{name} is set by the same line, and not known in it");
                    hits.add(value.span, summary, "two ENV instructions").detail(pair.name.text.clone());
                }
            }
        }
    }
}

/// Pairs of a line that are compared with one another.
const LINE_PAIRS_MAX: usize = 200;

fn is_set_before(file: &File<'_>, stage: usize, line: &Instruction, name: &str) -> bool {
    file.lineage(stage).any(|stage| {
        file.own(stage).any(|(other, _)| {
            matches!(other.keyword, Keyword::Env | Keyword::Arg)
                && other.span.start < line.span.start
                && other.pairs().iter().any(|pair| pair.name.text == name)
        })
    })
}
