//! The comments that leave findings out.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};

pub(super) const UNREASONED: Check = Check {
    rule: Rule {
        id: "ignore-without-reason",
        title: "Finding left out without a reason",
        why: "Nobody can tell later whether the reason still holds.",
        fix: "Write the reason behind the ids: # seawall:ignore=ID because ….",
        severity: Severity::Low,
        references: &[],
        controls: controls::NONE,
    },
    aliases: &[],
    standing: Standing::On,
    bad: &["# seawall:ignore=base-image-untagged\nFROM debian\n"],
    good: &[
        "# seawall:ignore=base-image-untagged the newest one is wanted\nFROM debian\n",
        "# hadolint ignore=DL3006\nFROM debian\n",
    ],
    look: unreasoned,
};

pub(super) const UNKNOWN: Check = Check {
    rule: Rule {
        id: "ignore-of-unknown-rule",
        title: "Finding left out under a name that no rule has",
        why: "The comment does nothing, and looks as if it did.",
        fix: "Write the id of the rule.",
        severity: Severity::Low,
        references: &[],
        controls: controls::NONE,
    },
    aliases: &[],
    standing: Standing::On,
    bad: &["# seawall:ignore=base-image-untaged for now\nFROM debian:12\n"],
    good: &["# seawall:ignore=DL3006,secret-in-variable for now\nFROM debian:12\n"],
    look: unknown,
};

pub(super) const FOREIGN: Check = Check {
    rule: Rule {
        id: "inline-ignore",
        title: "Finding left out by a comment",
        why: "Where exceptions are kept in a policy, a comment in the file goes around it. (Off by default.)",
        fix: "Remove the comment, and write the exception into the policy.",
        severity: Severity::Low,
        references: &[],
        controls: controls::NONE,
    },
    aliases: &["DL1001"],
    standing: Standing::Off,
    bad: &["# hadolint ignore=DL3006\nFROM debian\n"],
    good: &["# a comment\nFROM debian:12\n"],
    look: foreign,
};

fn unreasoned(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for suppression in &file.suppressions {
        if suppression.is_ours && suppression.reason.is_none() {
            hits.add(suppression.span, "a finding is left out without a reason", "a reason behind the ids");
        }
    }
}

fn unknown(file: &File<'_>, options: &Options<'_>, hits: &mut Hits) {
    for suppression in file.suppressions.iter().filter(|suppression| suppression.is_ours) {
        for id in suppression.ids.iter().filter(|id| *id != "all") {
            let is_known = super::CHECKS.iter().any(|check| check.is_called(id))
                || options.other_rules.contains(&id.as_str());
            if !is_known {
                hits.add(suppression.span, format!("no rule is called {id}"), "the id of a rule")
                    .detail(id.clone());
            }
        }
    }
}

fn foreign(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for suppression in &file.suppressions {
        hits.add(suppression.span, "a comment leaves findings out", "an exception in the policy");
    }
}
