//! `COPY`: from where, to where.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::{Instruction, Keyword};
use crate::dockerfile::model::{Base, Step};
use crate::dockerfile::source::Span;

pub(super) const TARGET_NO_DIRECTORY: Check = Check {
    rule: Rule {
        id: "copy-target-no-directory",
        title: "Several sources copied to what is not a directory",
        why: "With more than one source the target has to end with a slash; the build fails otherwise.",
        fix: "End the target with /.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/reference/dockerfile/#destination"],
        controls: controls::NONE,
    },
    aliases: &["DL3021", "DS-0011"],
    standing: Standing::On,
    bad: &["FROM debian:12\nCOPY a b /x\n", "FROM debian:12\nCOPY [\"a\", \"b\", \"/x\"]\n"],
    good: &[
        "FROM debian:12\nCOPY a b /x/\n",
        "FROM debian:12\nWORKDIR /x\nCOPY a b .\n",
        "FROM debian:12\nCOPY a b $DIR\n",
        "FROM debian:12\nCOPY [\"a\", \"b\", \"/x/\"]\n",
    ],
    look: target_no_directory,
};

pub(super) const RELATIVE_TARGET: Check = Check {
    rule: Rule {
        id: "copy-to-unknown-directory",
        title: "Relative target without a WORKDIR",
        why: "Where the files go depends on a directory that only the base image knows.",
        fix: "Set WORKDIR before it, or give the target from the root.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/reference/dockerfile/#workdir"],
        controls: controls::NONE,
    },
    aliases: &["DL3045"],
    standing: Standing::On,
    bad: &["FROM debian:12\nCOPY a b\n"],
    good: &[
        "FROM debian:12\nWORKDIR /x\nCOPY a b\n",
        "FROM debian:12\nCOPY a /b\n",
        "FROM debian:12 AS a\nWORKDIR /x\nFROM a\nCOPY a b\n",
        "FROM debian:12\nCOPY a C:\\x\n",
    ],
    look: relative_target,
};

pub(super) const FROM_ITSELF: Check = Check {
    rule: Rule {
        id: "copy-from-own-stage",
        title: "COPY --from the stage that it stands in",
        why: "A stage cannot copy from itself: the build fails.",
        fix: "Name an earlier stage.",
        severity: Severity::High,
        references: &["https://docs.docker.com/reference/dockerfile/#copy---from"],
        controls: controls::NONE,
    },
    aliases: &["DL3023", "DS-0006"],
    standing: Standing::On,
    bad: &["FROM debian:12 AS a\nCOPY --from=a /x /x\n", "FROM debian:12\nCOPY --from=0 /x /x\n"],
    good: &["FROM debian:12 AS a\nFROM debian:12\nCOPY --from=a /x /x\n"],
    look: from_itself,
};

pub(super) const FROM_UNKNOWN: Check = Check {
    rule: Rule {
        id: "copy-from-later-or-no-stage",
        title: "COPY --from a stage that does not come before",
        why: "A name that is no earlier stage is taken as an image and pulled from the registry, whoever owns that \
              name there; a number that is no earlier stage fails.",
        fix: "Name an earlier stage, or an image with its registry and tag.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/reference/dockerfile/#copy---from"],
        controls: controls::TRUSTED_BASE,
    },
    aliases: &["DL3022"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nCOPY --from=build /x /x\n",
        "FROM debian:12\nCOPY --from=b /x /x\nFROM debian:12 AS b\n",
        "FROM debian:12\nCOPY --from=7 /x /x\n",
    ],
    good: &[
        "FROM debian:12\nCOPY --from=docker.io/library/nginx:1.27 /x /x\n",
        "FROM debian:12\nCOPY --from=nginx:1.27 /x /x\n",
        "FROM debian:12 AS b\nFROM debian:12\nCOPY --from=b /x /x\n",
    ],
    look: from_unknown,
};

pub(super) const WHOLE: Check = Check {
    rule: Rule {
        id: "copy-whole-file-system",
        title: "Whole file system copied from a stage",
        why: "Everything of the other stage comes along: compilers, caches, credentials of the build.",
        fix: "Copy what is needed.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/build/building/multi-stage/"],
        controls: controls::NOTHING_NEEDLESS,
    },
    aliases: &["DL3067"],
    standing: Standing::On,
    bad: &["FROM debian:12 AS a\nFROM debian:12\nCOPY --from=a / /\n"],
    good: &[
        "FROM debian:12 AS a\nFROM debian:12\nCOPY --from=a /app /app\n",
        "FROM debian:12 AS a\nFROM scratch\nCOPY --from=a / /\n",
        "FROM tonistiigi/xx:1 AS xx\nFROM debian:12\nCOPY --from=xx / /\n",
    ],
    look: whole,
};

fn copies<'f>(file: &'f File<'_>) -> impl Iterator<Item = (&'f Instruction, &'f Step)> {
    file.of(Keyword::Copy)
}

fn target_no_directory(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (copy, _) in copies(file).chain(file.of(Keyword::Add)) {
        let Some((sources, target)) = copy.sources_and_target() else { continue };
        let text = target.text.trim_matches(['"', '\'']);
        let is_directory = text.ends_with(['/', '\\']) || matches!(text, "." | "..") || text.contains('$');
        if sources.len() > 1 && !is_directory && !text.ends_with("/.") {
            let is_json = file.source.slice(target.span).ends_with('"');
            let at = target.span.end - usize::from(is_json || target.text.ends_with(['"', '\'']));
            let alias = if copy.keyword == Keyword::Copy { "DL3021" } else { "DS-0011" };
            hits.add(target.span, format!("several sources go to {text}"), format!("{text}/"))
                .change(Span::at(at), "/")
                .alias(alias);
        }
    }
}

fn relative_target(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for stage in 0..file.stages.len() {
        let inherited = file
            .lineage(stage)
            .skip(1)
            .any(|base| file.own(base).any(|(instruction, _)| instruction.keyword == Keyword::Workdir));
        let mut has_workdir = inherited;
        for (instruction, _) in file.own(stage) {
            has_workdir |= instruction.keyword == Keyword::Workdir;
            if has_workdir || instruction.keyword != Keyword::Copy {
                continue;
            }
            let Some((_, target)) = instruction.sources_and_target() else { continue };
            let text = target.text.trim_matches(['"', '\'']);
            let is_drive = text.as_bytes().get(1) == Some(&b':');
            if !text.starts_with(['/', '\\', '$']) && !is_drive && !text.is_empty() {
                hits.add(
                    target.span,
                    format!("{text} is relative, and no WORKDIR says to what"),
                    "a path from /",
                );
            }
        }
    }
}

fn from_itself(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (copy, step) in copies(file) {
        let (Some(flag), Some(stage)) = (copy.flag("from"), step.stage) else { continue };
        let Some(name) = flag.value.as_deref() else { continue };
        let own = file.stages.get(stage).and_then(|stage| stage.name.as_deref());
        // An earlier stage of the same name comes first.
        let is_earlier = file.stage_named(name, stage).is_some();
        let is_own = own.is_some_and(|own| own.eq_ignore_ascii_case(name)) || name.parse() == Ok(stage);
        if is_own && !is_earlier {
            hits.add(flag.span, "the stage copies from itself", "an earlier stage");
        }
    }
}

fn from_unknown(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (copy, step) in copies(file) {
        let (Some(flag), Some(stage)) = (copy.flag("from"), step.stage) else { continue };
        let name = flag.value.as_deref().unwrap_or_default();
        let own = file.stages.get(stage).and_then(|stage| stage.name.as_deref());
        let is_own = own.is_some_and(|own| own.eq_ignore_ascii_case(name)) || name.parse() == Ok(stage);
        let is_image = name.contains([':', '/', '@', '$']) || name == "scratch";
        if !name.is_empty() && !is_image && !is_own && file.stage_named(name, stage).is_none() {
            hits.add(
                flag.span,
                format!("{name} is no stage above"),
                "an earlier stage, or an image with its tag",
            );
        }
    }
}

fn whole(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (copy, step) in copies(file) {
        let Some((sources, target)) = copy.sources_and_target() else { continue };
        let base = step.stage.and_then(|stage| file.stages.get(stage)).map(|stage| stage.base);
        // Into an empty stage it only joins layers; and the image of cross-compilation helpers is made for this.
        let from = copy.flag_value("from").unwrap_or_default();
        let source =
            step.stage.and_then(|stage| file.stage_named(from, stage)).and_then(|at| file.stages.get(at));
        let image = source.and_then(|stage| stage.image.as_deref()).unwrap_or(from);
        let is_squash = base == Some(Base::Scratch) || image.starts_with("tonistiigi/xx");
        if copy.flag("from").is_some()
            && sources.iter().any(|word| word.text == "/")
            && target.text == "/"
            && !is_squash
        {
            hits.add(
                copy.span,
                "the whole file system of the other stage is copied",
                "the files that are needed",
            );
        }
    }
}
