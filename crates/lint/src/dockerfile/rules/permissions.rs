//! Modes of files: writable by everyone, setuid.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::Keyword;

pub(super) const WORLD_WRITABLE: Check = Check {
    rule: Rule {
        id: "world-writable",
        title: "Files that everyone may write",
        why: "Any process of the container can change them: a flaw in one program becomes control over what the others \
              read or run.",
        fix: "Give the files to the user that needs them, with --chown or chown, and a mode such as 755 or 775.",
        severity: Severity::Medium,
        references: &["https://cwe.mitre.org/data/definitions/732.html"],
        controls: controls::SETUID,
    },
    aliases: &["world-writable-state-path-workaround"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN chmod -R 777 /app\n",
        "FROM debian:12\nCOPY --chmod=0777 a /a\n",
        "FROM debian:12\nRUN chmod a+rwx /app\n",
    ],
    good: &[
        "FROM debian:12\nRUN chmod 755 /app\n",
        "FROM debian:12\nRUN chmod 1777 /tmp\n",
        "FROM debian:12\nCOPY --chmod=755 a /a\n",
        "FROM debian:12\nRUN chmod g+w /app\n",
    ],
    look: world_writable,
};

pub(super) const SETUID: Check = Check {
    rule: Rule {
        id: "setuid-set",
        title: "Program that is made setuid or setgid",
        why: "Whoever runs the program gets its owner's rights. That is the usual way from a user to root within a \
              container.",
        fix: "Leave the bit off; give capabilities to the one program that needs them.",
        severity: Severity::Medium,
        references: &["https://cwe.mitre.org/data/definitions/250.html"],
        controls: controls::SETUID,
    },
    aliases: &["CIS-DI-0008"],
    standing: Standing::On,
    bad: &["FROM debian:12\nRUN chmod u+s /usr/bin/x\n", "FROM debian:12\nRUN chmod 4755 /usr/bin/x\n"],
    good: &["FROM debian:12\nRUN chmod 0755 /usr/bin/x\n", "FROM debian:12\nRUN chmod a-s /usr/bin/x\n"],
    look: setuid,
};

/// A mode of digits; others may not be modes at all.
fn octal(mode: &str) -> Option<u32> {
    let is_mode = (3..=5).contains(&mode.len()) && mode.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    is_mode.then(|| u32::from_str_radix(mode, 8).ok()).flatten()
}

fn opens_to_all(mode: &str) -> bool {
    if let Some(mode) = octal(mode) {
        // With the sticky bit it is a directory such as /tmp.
        return mode & 0o002 != 0 && mode & 0o1000 == 0;
    }
    mode.split(',').any(|clause| {
        let Some((who, what)) = clause.split_once(['+', '=']) else { return false };
        what.contains('w') && !what.contains('t') && (who.contains(['o', 'a']))
    })
}

fn sets_id(mode: &str) -> bool {
    if let Some(mode) = octal(mode) {
        return mode & 0o6000 != 0;
    }
    mode.split(',').any(|clause| {
        clause.split_once(['+', '=']).is_some_and(|(who, what)| what.contains('s') && !who.contains('o'))
    })
}

fn each_mode(file: &File<'_>, mut found: impl FnMut(crate::dockerfile::source::Span, &str)) {
    for (instruction, _) in file.of(Keyword::Copy).chain(file.of(Keyword::Add)) {
        if let Some(flag) = instruction.flag("chmod") {
            found(flag.span, flag.value.as_deref().unwrap_or_default());
        }
    }
    for (script, command) in file.commands() {
        match command.name() {
            "chmod" => {
                // `-w` is an option's form but a mode; options come before.
                if let Some(mode) = command.operands().next() {
                    found(script.span(&command.range), &mode.text);
                }
            }
            "install" | "mkdir" => {
                let long = command.long("--mode").and_then(|word| word.text.split_once('='));
                let short = command.arguments().iter().position(|word| word.text == "-m");
                let short =
                    short.and_then(|at| command.arguments().get(at + 1)).map(|word| word.text.as_str());
                if let Some(mode) = short.or(long.map(|(_, mode)| mode)) {
                    found(script.span(&command.range), mode);
                }
            }
            _ => {}
        }
    }
}

fn world_writable(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    each_mode(file, |span, mode| {
        if opens_to_all(mode) {
            hits.add(span, format!("the mode {mode} lets everyone write"), "a mode without w for others");
        }
    });
}

fn setuid(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    each_mode(file, |span, mode| {
        // 2775 on a directory keeps its group, and that is all.
        if sets_id(mode) && octal(mode).is_none_or(|mode| mode & 0o4000 != 0) && mode != "g+s" {
            hits.add(
                span,
                format!("the mode {mode} makes programs run with their owner's rights"),
                "a mode without s",
            );
        }
    });
}
