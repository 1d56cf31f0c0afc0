//! `FROM --platform`.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::{Flag, Keyword};
use crate::dockerfile::source::Span;

pub(super) const CONSTANT: Check = Check {
    rule: Rule {
        id: "platform-constant",
        title: "Platform written into the file",
        why: "A fixed platform makes every build for another one slow (emulated) or wrong, and nobody notices until \
              the image does not start.",
        fix: "Leave the platform to `docker build --platform`, or use $BUILDPLATFORM where a stage must run on the \
              builder.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/reference/build-checks/from-platform-flag-const-disallowed/"],
        controls: controls::NONE,
    },
    aliases: &["DL3029", "FromPlatformFlagConstDisallowed"],
    standing: Standing::On,
    bad: &["FROM --platform=linux/amd64 debian:12\n"],
    good: &[
        "FROM --platform=$BUILDPLATFORM debian:12\n",
        "FROM --platform=linux/amd64 debian:12 AS build-amd64\n",
        "FROM debian:12\n",
    ],
    look: constant,
};

pub(super) const REDUNDANT: Check = Check {
    rule: Rule {
        id: "platform-redundant",
        title: "Platform that is the default",
        why: "An image is taken for $TARGETPLATFORM anyway; saying so hides the places where the platform matters.",
        fix: "Remove the flag.",
        severity: Severity::Negligible,
        references: &["https://docs.docker.com/reference/build-checks/redundant-target-platform/"],
        controls: controls::NONE,
    },
    aliases: &["DL3065", "RedundantTargetPlatform"],
    standing: Standing::On,
    bad: &["FROM --platform=$TARGETPLATFORM debian:12\n", "FROM --platform=${TARGETPLATFORM} debian:12\n"],
    good: &["FROM --platform=$BUILDPLATFORM debian:12\n"],
    look: redundant,
};

/// The platforms of the file: the flag, its value, the name of the stage.
fn platforms<'f>(file: &'f File<'_>) -> impl Iterator<Item = (&'f Flag, &'f str, Option<&'f str>)> {
    file.stages.iter().filter_map(|stage| {
        let from = file.parsed.instructions.get(stage.from).filter(|from| from.keyword == Keyword::From)?;
        let flag = from.flag("platform")?;
        Some((flag, flag.value.as_deref()?, stage.name.as_deref()))
    })
}

fn constant(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (flag, value, stage) in platforms(file) {
        let architecture = value.split('/').nth(1).unwrap_or(value);
        // A stage of that name is one of several, from which a later stage chooses.
        let is_named_for_it =
            stage.is_some_and(|stage| stage.contains(architecture) || stage.contains("windows"));
        if !value.contains('$') && !value.is_empty() && !is_named_for_it {
            hits.add(flag.span, format!("the platform {value} is fixed"), "no platform, or $BUILDPLATFORM");
        }
    }
}

fn redundant(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (flag, value, _) in platforms(file) {
        if matches!(value, "$TARGETPLATFORM" | "${TARGETPLATFORM}") {
            let behind = file.source.text.get(flag.span.end..).unwrap_or_default();
            let blanks = behind.len() - behind.trim_start_matches([' ', '\t']).len();
            hits.add(flag.span, "the platform is the one that is taken anyway", "no platform")
                .change(Span::new(flag.span.start, flag.span.end + blanks), "");
        }
    }
}
