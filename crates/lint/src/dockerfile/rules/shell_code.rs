//! The shell code of `RUN` itself: what ShellCheck reports most in build files.

use seawall_finding::Confidence;

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::run::ShellKind;
use crate::shell::{ExpansionKind, Joint};

pub(super) const SYNTAX: Check = Check {
    rule: Rule {
        id: "shell-syntax-error",
        title: "Script that the shell refuses",
        why: "The step fails.",
        fix: "Correct the script.",
        severity: Severity::High,
        references: &[],
        controls: controls::NONE,
    },
    aliases: &["SC1009", "SC1046", "SC1058", "SC1072", "SC1073", "SC1078", "SC1089"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN if true; then echo x\n",
        "FROM debian:12\nRUN echo \"x\n",
        "FROM debian:12\nRUN x=$(echo y\n",
    ],
    good: &[
        "FROM debian:12\nRUN if true; then echo x; fi && for a in b c; do echo $a; done\n",
        "FROM debian:12\nRUN case x in a|b) y;; *) z;; esac\n",
        "FROM debian:12\nRUN ( a && b ) && { c; } && f() { d; } && x=$(y \"$(z)\")\n",
    ],
    look: syntax,
};

pub(super) const BASHISM: Check = Check {
    rule: Rule {
        id: "bash-syntax-in-sh",
        title: "bash syntax for /bin/sh",
        why: "/bin/sh is dash on Debian and Ubuntu: it takes [[ for a program that is not there, and the branch is \
              never taken.",
        fix: "Write it for sh, or set SHELL [\"/bin/bash\", \"-c\"].",
        severity: Severity::Low,
        references: &["https://mywiki.wooledge.org/Bashism"],
        controls: controls::NONE,
    },
    aliases: &[
        "SC3009", "SC3010", "SC3001", "SC3003", "SC3004", "SC3005", "SC3006", "SC3011", "SC3020", "SC3030",
        "SC3046", "SC3053", "SC3054", "SC3057", "SC3059", "SC3060", "SC2039",
    ],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN [[ -f x ]] && y\n",
        "FROM debian:12\nRUN diff <(a) <(b)\n",
        "FROM debian:12\nRUN a &> b\n",
    ],
    good: &[
        "FROM debian:12\nRUN [ -f x ] && y\n",
        "FROM debian:12\nSHELL [\"/bin/bash\", \"-c\"]\nRUN [[ -f x ]] && y\n",
        "FROM fedora:40\nRUN [[ -f x ]] && y\n",
        "FROM debian:12\nRUN <<EOF\n#!/bin/bash\n[[ -f x ]] && y\nEOF\n",
    ],
    look: bashism,
};

pub(super) const UNQUOTED: Check = Check {
    rule: Rule {
        id: "unquoted-expansion",
        title: "Expansion without quotes",
        why: "A blank or a star in the value makes several words of it. (Off by default: in build files the words are \
              mostly meant.)",
        fix: "Put it in double quotes.",
        severity: Severity::Negligible,
        references: &["https://mywiki.wooledge.org/Quotes"],
        controls: controls::NONE,
    },
    aliases: &["SC2086", "SC2046"],
    standing: Standing::Off,
    bad: &["FROM debian:12\nARG D\nRUN rm -r $D\n", "FROM debian:12\nRUN chmod x $(which y)\n"],
    good: &["FROM debian:12\nARG D\nRUN rm -r \"$D\" && X=$D && echo $((1 + 1)) $#\n"],
    look: unquoted,
};

pub(super) const BACKQUOTES: Check = Check {
    rule: Rule {
        id: "backquotes",
        title: "Substitution in backquotes",
        why: "They do not nest, and escapes within them mean something else. (Off by default: a matter of taste.)",
        fix: "Write $(…).",
        severity: Severity::Negligible,
        references: &["https://mywiki.wooledge.org/BashFAQ/082"],
        controls: controls::NONE,
    },
    aliases: &["SC2006"],
    standing: Standing::Off,
    bad: &["FROM debian:12\nRUN echo `ls`\n"],
    good: &["FROM debian:12\nRUN echo $(ls) '`'\n"],
    look: backquotes,
};

pub(super) const AND_OR: Check = Check {
    rule: Rule {
        id: "and-or-chain",
        title: "a && b || c taken for if",
        why: "c also runs when b fails, and hides that it did: the step succeeds. (Off by default: in build files the \
              last part is mostly meant for both.)",
        fix: "Use if a; then b; else c; fi.",
        severity: Severity::Negligible,
        references: &["https://mywiki.wooledge.org/BashPitfalls#cmd1_.26.26_cmd2_.7C.7C_cmd3"],
        controls: controls::NONE,
    },
    aliases: &["SC2015"],
    standing: Standing::Off,
    bad: &["FROM debian:12\nRUN a && b || c\n"],
    good: &["FROM debian:12\nRUN a || b\n", "FROM debian:12\nRUN a && b || exit 1\n"],
    look: and_or,
};

fn syntax(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (_, _, script) in file.scripts() {
        if let Some(fault) = script.script.faults.first() {
            let end = script.joined.text.len();
            let at = fault.at.min(end);
            let stop = script
                .joined
                .text
                .get(at..)
                .and_then(|rest| rest.find(char::is_whitespace))
                .map_or(end, |len| at + len);
            hits.add(
                script.span(&(at..stop)),
                format!("the shell refuses the script: {}", fault.reason),
                "a script that runs",
            )
            .detail(fault.reason)
            .confidence(Confidence::Medium);
        }
    }
}

fn bashism(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    // Distributions whose sh is bash or busybox, which know most of these.
    const KNOWS: [&str; 17] = [
        "fedora",
        "centos",
        "rhel",
        "ubi",
        "rockylinux",
        "almalinux",
        "amazonlinux",
        "oraclelinux",
        "opensuse",
        "archlinux",
        "alpine",
        "busybox",
        "photon",
        "mageia",
        "sles",
        "manylinux",
        "azurelinux",
    ];
    for (_, step, script) in file.scripts() {
        if step.shell.kind != ShellKind::Sh || runs_other_shell(script) {
            continue;
        }
        let lowest =
            step.stage.and_then(|stage| file.lineage(stage).last()).and_then(|stage| file.stages.get(stage));
        let Some(image) = lowest.and_then(|stage| stage.image.as_deref()) else { continue };
        if KNOWS.iter().any(|name| image.contains(name)) {
            continue;
        }
        if let Some((range, what)) = script.script.bashisms.first() {
            hits.add(
                script.span(range),
                format!("{what} is not known to every sh"),
                "what sh knows, or SHELL with bash",
            )
            .detail(*what)
            .confidence(Confidence::Medium);
        }
    }
}

/// A heredoc that says which shell runs it.
fn runs_other_shell(script: &crate::dockerfile::run::StepScript) -> bool {
    script.is_heredoc
        && script.joined.text.starts_with("#!")
        && !script.joined.text.lines().next().is_some_and(|line| line.ends_with("/sh"))
}

fn unquoted(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (script, command) in file.commands() {
        // Within these the shell splits nothing.
        if matches!(command.name(), "[[" | "export" | "local" | "declare" | "case") {
            continue;
        }
        for word in &command.words {
            let split = word.expansions.iter().find(|expansion| {
                !expansion.is_quoted
                    && match &expansion.kind {
                        ExpansionKind::Variable(name) => {
                            !matches!(name.as_str(), "#" | "?" | "$" | "!" | "@" | "*")
                        }
                        ExpansionKind::Command | ExpansionKind::Backquotes => true,
                        ExpansionKind::Arithmetic => false,
                    }
            });
            if let Some(expansion) = split {
                let alias = match expansion.kind {
                    ExpansionKind::Variable(_) | ExpansionKind::Arithmetic => "SC2086",
                    ExpansionKind::Command | ExpansionKind::Backquotes => "SC2046",
                };
                hits.add(script.span(&expansion.range), "the value is split at its blanks", "double quotes")
                    .alias(alias);
            }
        }
    }
}

fn backquotes(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (script, command) in file.commands() {
        for word in command.words.iter().chain(&command.assignments) {
            for expansion in
                word.expansions.iter().filter(|expansion| expansion.kind == ExpansionKind::Backquotes)
            {
                hits.add(script.span(&expansion.range), "the substitution is in backquotes", "$(…)");
            }
        }
    }
}

fn and_or(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (script, command) in file.commands() {
        let follows_and = command.before == Joint::And && command.behind == Joint::Or;
        let next = script
            .script
            .commands
            .iter()
            .find(|next| next.list == command.list && next.range.start > command.range.end);
        let ends = next.is_some_and(|next| matches!(next.name(), "exit" | "true" | ":" | "return" | "false"));
        if follows_and && !ends && !matches!(command.name(), "echo" | "printf" | "true" | ":") {
            hits.add(
                script.span(&command.range),
                "what follows runs also when this fails",
                "if … then … else … fi",
            );
        }
    }
}
