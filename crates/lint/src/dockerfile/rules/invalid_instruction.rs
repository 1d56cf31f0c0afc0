//! What BuildKit refuses.

use seawall_finding::{Rule, Severity};

use super::controls;
use crate::dockerfile::check::{Check, Hits, Standing};
use crate::dockerfile::instruction::Keyword;
use crate::dockerfile::model::File;

pub(super) const CHECK: Check = Check {
    rule: Rule {
        id: "invalid-instruction",
        title: "Instruction that BuildKit refuses",
        why: "The file does not build, or only with a builder that guesses what was meant.",
        fix: "Correct the instruction.",
        severity: Severity::High,
        references: &["https://docs.docker.com/reference/dockerfile/"],
        controls: controls::NONE,
    },
    aliases: &["DL1000", "DL3043", "DL3061"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUM echo x\n",
        "FROM debian:12\nONBUILD ONBUILD RUN x\n",
        "LABEL a=b\nFROM debian:12\n",
        "FROM debian:12\nRUN <<EOF\necho\n",
        "FROM debian:12\nCOPY --form=x a b\n",
        "FROM debian:12\nENV A\n",
    ],
    good: &["ARG A=1\nFROM debian:12\nRUN <<EOF\necho\nEOF\n"],
    look,
};

fn look(file: &File<'_>, _: &super::Options<'_>, hits: &mut Hits) {
    for problem in file.problems() {
        hits.add(
            problem.span,
            format!("BuildKit refuses this: {}", problem.reason),
            "an instruction that builds",
        );
    }
    for (_, instruction, step) in file.all().filter(|_| !file.stages.is_empty()) {
        if step.stage.is_none()
            && !matches!(instruction.keyword, Keyword::Arg | Keyword::From | Keyword::Unknown)
        {
            let name = instruction.keyword.name();
            hits.add(instruction.span, format!("{name} stands in front of the first FROM"), "FROM above it");
        }
    }
    if file.stages.is_empty() && !file.parsed.instructions.is_empty() {
        hits.add(Default::default(), "the file has no FROM", "a FROM");
    }
}
