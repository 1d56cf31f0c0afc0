//! How instructions are written.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::{Body, Instruction, Keyword};
use crate::dockerfile::source::Span;

pub(super) const SHELL_FORM: Check = Check {
    rule: Rule {
        id: "command-in-shell-form",
        title: "CMD or ENTRYPOINT for a shell",
        why: "A shell becomes process 1 and passes no signals on: the program is killed instead of stopped, and gets \
              no arguments behind ENTRYPOINT.",
        fix: "Write the command as a JSON list.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/reference/build-checks/json-args-recommended/"],
        controls: controls::NONE,
    },
    aliases: &["DL3025", "JSONArgsRecommended"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nCMD nginx -g x\n",
        "FROM debian:12\nENTRYPOINT top -b $X\n",
        "FROM debian:12\nCMD ['a']\n",
    ],
    good: &[
        "FROM debian:12\nCMD [\"nginx\", \"-g\", \"x\"]\n",
        "FROM debian:12\nSHELL [\"/bin/bash\", \"-c\"]\nCMD x\n",
        "FROM debian:12\nHEALTHCHECK CMD x\n",
        "FROM debian:12\nENTRYPOINT exec top -b $X\n",
    ],
    look: shell_form,
};

pub(super) const MAINTAINER: Check = Check {
    rule: Rule {
        id: "maintainer-instruction",
        title: "MAINTAINER",
        why: "The instruction is deprecated, and tools look for the label.",
        fix: "Write LABEL org.opencontainers.image.authors=….",
        severity: Severity::Negligible,
        references: &["https://docs.docker.com/reference/build-checks/maintainer-deprecated/"],
        controls: controls::NONE,
    },
    aliases: &["DL4000", "DS-0022", "CKV_DOCKER_6", "MaintainerDeprecated"],
    standing: Standing::On,
    bad: &["FROM debian:12\nMAINTAINER a \"b\" <c@example.org>\n"],
    good: &["FROM debian:12\nLABEL org.opencontainers.image.authors=\"c@example.org\"\n"],
    look: maintainer,
};

pub(super) const LEGACY: Check = Check {
    rule: Rule {
        id: "legacy-key-value",
        title: "ENV or LABEL without =",
        why: "All that follows the name is the value, blanks and further names included: a second pair on the line is \
              swallowed.",
        fix: "Write name=value.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/reference/build-checks/legacy-key-value-format/"],
        controls: controls::NONE,
    },
    aliases: &["LegacyKeyValueFormat"],
    standing: Standing::On,
    bad: &["FROM debian:12\nENV A b c\n", "FROM debian:12\nLABEL a b\n"],
    good: &["FROM debian:12\nENV A=\"b c\"\nLABEL a=b\n"],
    look: legacy,
};

pub(super) const CASING: Check = Check {
    rule: Rule {
        id: "keyword-casing",
        title: "Instructions in upper and in lower case",
        why: "One way of writing is easier to read and to search.",
        fix: "Write all instructions in upper case.",
        severity: Severity::Negligible,
        references: &["https://docs.docker.com/reference/build-checks/consistent-instruction-casing/"],
        controls: controls::NONE,
    },
    aliases: &["ConsistentInstructionCasing"],
    standing: Standing::On,
    bad: &["FROM debian:12\nrun x\n", "FROM debian:12\nRun x\n"],
    good: &["from debian:12\nrun x\n", "FROM debian:12\nRUN x\n"],
    look: casing,
};

pub(super) const AS_CASING: Check = Check {
    rule: Rule {
        id: "as-casing",
        title: "AS in another case than its FROM",
        why: "One way of writing is easier to read and to search.",
        fix: "Write AS as FROM is written.",
        severity: Severity::Negligible,
        references: &["https://docs.docker.com/reference/build-checks/from-as-casing/"],
        controls: controls::NONE,
    },
    aliases: &["FromAsCasing"],
    standing: Standing::On,
    bad: &["FROM debian:12 as a\n", "from debian:12 AS a\n"],
    good: &["FROM debian:12 AS a\n", "from debian:12 as a\n"],
    look: as_casing,
};

pub(super) const BLANK_LINE: Check = Check {
    rule: Rule {
        id: "blank-continuation-line",
        title: "Blank line within an instruction",
        why: "It looks like the end of the instruction and is none; builders will refuse it one day.",
        fix: "Remove the line, or write # on it.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/reference/build-checks/no-empty-continuation/"],
        controls: controls::NONE,
    },
    aliases: &["NoEmptyContinuation"],
    standing: Standing::On,
    bad: &["FROM debian:12\nRUN a && \\\n\n    b\n"],
    good: &["FROM debian:12\nRUN a && \\\n    # c\n    b\n\nRUN c\n"],
    look: blank_line,
};

fn shell_form(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    let has = |keyword: Keyword| file.all().any(|(_, instruction, _)| instruction.keyword == keyword);
    // An ENTRYPOINT in shell form ignores CMD; as a list it would take its words as arguments.
    let are_joined = has(Keyword::Cmd) && has(Keyword::Entrypoint);
    for (_, instruction, step) in file.all() {
        let is_command = matches!(instruction.keyword, Keyword::Cmd | Keyword::Entrypoint);
        let Body::ShellForm(range) = &instruction.body else { continue };
        let text = instruction.line.slice(range);
        // Whoever has set SHELL has chosen a shell.
        // `exec` puts the program in the place of the shell.
        if !is_command
            || text.is_empty()
            || text.starts_with("exec ")
            || (step.shell.is_set && !text.starts_with('['))
        {
            continue;
        }
        let span = instruction.rest_span();
        let summary = match text.starts_with('[') {
            true => {
                format!("{} is a list, but not in JSON: a shell gets it as text", instruction.keyword.name())
            }
            false => format!("{} starts a shell that passes no signals on", instruction.keyword.name()),
        };
        let hit = hits.add(span, summary, "a JSON list");
        if let Some(list) = as_list(text).filter(|_| !are_joined) {
            hit.change(span, list);
        }
    }
}

/// The words of a simple command as a JSON list; none where a shell is needed to understand it.
fn as_list(text: &str) -> Option<String> {
    let script = crate::shell::parse(text);
    let [command] = script.commands.as_slice() else { return None };
    let needs_shell = !script.faults.is_empty()
        || !command.assignments.is_empty()
        || !command.redirects.is_empty()
        || command.behind != crate::shell::Joint::Edge
        || command.before != crate::shell::Joint::Edge
        || command.range != (0..text.len())
        || command.words.iter().any(|word| {
            !word.is_literal() || word.has_glob || word.text.starts_with('~') || word.text.contains('{')
        })
        || matches!(
            command.name(),
            "exec" | "cd" | "source" | "." | "eval" | "export" | "set" | "ulimit" | "trap" | "umask" | "test"
        );
    if needs_shell || text.starts_with('[') {
        return None;
    }
    let words: Option<Vec<String>> =
        command.words.iter().map(|word| serde_json::to_string(&word.text).ok()).collect();
    Some(format!("[{}]", words?.join(", ")))
}

fn maintainer(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (_, instruction, _) in file.all() {
        let Some(word) = instruction.text().filter(|_| instruction.keyword == Keyword::Maintainer) else {
            continue;
        };
        let label = if instruction.name.text.starts_with('m') { "label" } else { "LABEL" };
        // LABEL would replace variables in it.
        let quoted = quote(&word.text).filter(|quoted| !quoted.contains('$'));
        let hit = hits.add(
            instruction.name.span,
            "MAINTAINER is deprecated",
            "LABEL org.opencontainers.image.authors",
        );
        hit.detail(word.text.clone());
        if let Some(quoted) = quoted {
            let span = Span::new(instruction.name.span.start, word.span.end);
            hit.change(span, format!("{label} org.opencontainers.image.authors={quoted}"));
        }
    }
}

/// A value as it has to be written behind `=`, which means the same; none where it is not certain.
fn quote(value: &str) -> Option<String> {
    let inner = value.trim();
    let stripped = inner.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    if let Some(text) = stripped.filter(|text| !text.contains(['"', '\\'])) {
        return Some(format!("\"{text}\""));
    }
    if inner.contains(['\\', '`', '\n', '\r']) || inner.starts_with(['"', '\'']) {
        return None;
    }
    let is_plain =
        !inner.is_empty() && !inner.contains(|ch: char| ch.is_whitespace() || matches!(ch, '"' | '\''));
    match is_plain {
        true => Some(inner.to_owned()),
        false => Some(format!("\"{}\"", inner.replace('"', "\\\""))),
    }
}

fn legacy(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for keyword in [Keyword::Env, Keyword::Label] {
        for (instruction, _) in file.of(keyword) {
            let Body::Pairs { pairs, is_legacy: true } = &instruction.body else { continue };
            let Some((pair, value)) = pairs.first().and_then(|pair| Some((pair, pair.value.as_ref()?)))
            else {
                continue;
            };
            let hit = hits.add(
                pair.name.span,
                format!("{} {} has no =", keyword.name(), pair.name.text),
                "name=value",
            );
            // A value over several lines keeps its layout only where somebody looks at it.
            let is_one_piece = file.source.slice(value.span) == value.text;
            let quotes_inside = value.text.contains('"') && !value.text.trim().starts_with('"');
            if let Some(quoted) =
                quote(&value.text).filter(|_| is_one_piece && !quotes_inside && !value.text.contains('\''))
            {
                hit.change(Span::new(pair.name.span.end, value.span.end), format!("={quoted}"));
            }
        }
    }
}

fn casing(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    let known = || file.parsed.instructions.iter().flat_map(names).filter(|i| i.keyword != Keyword::Unknown);
    let is_lower = |text: &str| text.chars().all(|ch| ch.is_ascii_lowercase());
    let lower = known().filter(|instruction| is_lower(&instruction.name.text)).count();
    let wants_lower = lower * 2 > known().count();
    for instruction in known() {
        let text = &instruction.name.text;
        let wanted = if wants_lower { text.to_ascii_lowercase() } else { text.to_ascii_uppercase() };
        if *text != wanted {
            hits.add(
                instruction.name.span,
                format!("{text} is not written as the others are"),
                wanted.clone(),
            )
            .change(instruction.name.span, wanted);
        }
    }
}

/// An instruction and what it triggers.
fn names(instruction: &Instruction) -> impl Iterator<Item = &Instruction> {
    let inner = instruction.effective();
    std::iter::once(instruction).chain((!std::ptr::eq(inner, instruction)).then_some(inner))
}

fn as_casing(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (_, from, _) in file.all() {
        let Body::From { as_word: Some(word), .. } = &from.body else { continue };
        let is_upper = from.name.text == "FROM";
        if !is_upper && from.name.text != "from" {
            continue;
        }
        let wanted = if is_upper { "AS" } else { "as" };
        if word.text != wanted {
            hits.add(word.span, format!("{} is not written as {} is", word.text, from.name.text), wanted)
                .detail(crate::dockerfile::check::shown(from.rest_text()))
                .change(word.span, wanted);
        }
    }
}

fn blank_line(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (_, instruction, _) in file.all() {
        for (index, span) in instruction.blank_lines.iter().enumerate() {
            let hit = hits.add(*span, "a blank line stands within the instruction", "no blank line");
            hit.detail(format!("line {}", index + 1)).change(*span, "");
        }
    }
}
