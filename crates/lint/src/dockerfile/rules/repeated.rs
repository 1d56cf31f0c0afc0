//! Instructions that a later one takes the effect from.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::Keyword;
use crate::dockerfile::source::Span;

pub(super) const CHECK: Check = Check {
    rule: Rule {
        id: "instruction-without-effect",
        title: "CMD, ENTRYPOINT or HEALTHCHECK that a later one replaces",
        why: "Only the last of these in a stage counts. An earlier one looks as if it did something.",
        fix: "Keep the one that is meant.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/reference/build-checks/multiple-instructions-disallowed/"],
        controls: controls::DEFECT,
    },
    aliases: &[
        "DL4003",
        "DL4004",
        "DL3012",
        "DS-0016",
        "DS-0007",
        "DS-0023",
        "MultipleInstructionsDisallowed",
    ],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nCMD [\"a\"]\nCMD [\"b\"]\n",
        "FROM debian:12\nENTRYPOINT [\"a\"]\nENTRYPOINT [\"b\"]\n",
        "FROM debian:12\nHEALTHCHECK CMD a\nHEALTHCHECK NONE\n",
    ],
    good: &["FROM debian:12 AS a\nCMD [\"a\"]\nFROM a\nCMD [\"b\"]\n"],
    look,
};

fn look(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    let kinds = [(Keyword::Cmd, "DL4003"), (Keyword::Entrypoint, "DL4004"), (Keyword::Healthcheck, "DL3012")];
    for stage in 0..file.stages.len() {
        for (keyword, alias) in kinds {
            let all: Vec<_> = file.own(stage).map(|(i, _)| i).filter(|i| i.keyword == keyword).collect();
            let Some((_, replaced)) = all.split_last() else { continue };
            for instruction in replaced {
                let first = file.source.line_of(instruction.span.start);
                let last = file.source.line_of(instruction.span.end);
                let lines = Span::new(file.source.line_span(first).start, file.source.line_span(last).end);
                let summary = format!("a later {} replaces this one", keyword.name());
                hits.add(instruction.span, summary, "one of them").change(lines, "").alias(alias);
            }
        }
    }
}
