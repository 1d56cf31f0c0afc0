//! `HEALTHCHECK`.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::Keyword;
use crate::dockerfile::source::Span;

pub(super) const CHECK: Check = Check {
    rule: Rule {
        id: "healthcheck-missing",
        title: "Image without a health check",
        why: "The engine cannot tell a program that hangs from one that works. (Kubernetes does not look at it: there \
              probes do this.)",
        fix: "Add HEALTHCHECK with a command that fails when the program does not answer.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/reference/dockerfile/#healthcheck"],
        controls: controls::HEALTH,
    },
    aliases: &["DL3057", "DS-0026", "CKV_DOCKER_2", "CIS-DI-0006"],
    standing: Standing::Off,
    bad: &["FROM debian:12\nCMD [\"x\"]\n"],
    good: &[
        "FROM debian:12\nHEALTHCHECK CMD curl -f http://localhost/\n",
        "FROM debian:12\nHEALTHCHECK NONE\n",
    ],
    look,
};

fn look(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    let Some(last) = file.last_stage() else { return };
    if file.last_of(last, Keyword::Healthcheck).is_none() {
        let from = file.stages.get(last).and_then(|stage| file.parsed.instructions.get(stage.from));
        let span = from.map_or(Span::default(), |from| from.span);
        hits.add(span, "the image has no health check", "HEALTHCHECK, or HEALTHCHECK NONE");
    }
}
