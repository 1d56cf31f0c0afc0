//! Pipes: what is fetched and run at once, what fails unseen.

use std::collections::BTreeMap;

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::packages::bare_words;
use crate::dockerfile::run::ShellKind;
use crate::shell::{Command, ExpansionKind, Joint};

pub(super) const DOWNLOAD_RUN: Check = Check {
    rule: Rule {
        id: "download-piped-to-shell",
        title: "Script from the network that is run as it comes",
        why: "Whoever controls the server or the way to it runs commands in the build. Nobody has read the script, and \
              it may be another one tomorrow or for another caller.",
        fix: "Fetch a version of it with ADD --checksum (or check it with sha256sum -c), then run the file.",
        severity: Severity::High,
        references: &["https://cwe.mitre.org/data/definitions/494.html"],
        controls: controls::VERIFIED,
    },
    aliases: &[],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN curl -fsSL https://example.org/i.sh | sh\n",
        "FROM debian:12\nRUN wget -qO- https://example.org/i.sh | sudo -E bash -s -- -y\n",
        "FROM debian:12\nRUN bash -c \"$(curl -fsSL https://example.org/i.sh)\"\n",
        "FROM debian:12\nRUN bash <(curl -s https://example.org/i.sh)\n",
        "FROM debian:12\nRUN curl https://example.org/i.py | python3 -\n",
    ],
    good: &[
        "FROM debian:12\nRUN curl -fsSLo i.sh https://example.org/i.sh && echo 'aa  i.sh' | sha256sum -c && sh i.sh\n",
        "FROM debian:12\nRUN curl https://example.org/x.tgz | tar xz\n",
        "FROM debian:12\nRUN cat x | sh\n",
    ],
    look: download_run,
};

pub(super) const NO_PIPEFAIL: Check = Check {
    rule: Rule {
        id: "pipe-failure-ignored",
        title: "Pipe in which only the last command may fail",
        why: "When the first command of a pipe fails, the step succeeds with half of its work done.",
        fix: "Set SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"] before it, or begin the script with set -o pipefail.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/build/building/best-practices/#using-pipes"],
        controls: controls::NONE,
    },
    aliases: &["DL4006"],
    standing: Standing::On,
    bad: &["FROM debian:12\nRUN curl https://example.org/x.tgz | tar xz\n"],
    good: &[
        "FROM debian:12\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nRUN curl x | tar xz\n",
        "FROM debian:12\nRUN set -euo pipefail; curl x | tar xz\n",
        "FROM debian:12\nRUN a || b\n",
        "FROM debian:12\nRUN echo x | cat\n",
    ],
    look: no_pipefail,
};

fn is_download(command: &Command) -> bool {
    let words = bare_words(command);
    let name = words.first().map_or("", |word| word.text.rsplit('/').next().unwrap_or_default());
    matches!(name, "curl" | "wget" | "fetch" | "aria2c" | "http" | "https")
}

/// Whether a command reads a program from its standard input.
fn runs_input(command: &Command) -> bool {
    let words = bare_words(command);
    let Some((first, rest)) = words.split_first() else { return false };
    let name = first.text.rsplit('/').next().unwrap_or_default();
    let is_shell = matches!(name, "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" | "fish");
    let is_interpreter = matches!(name, "perl" | "ruby" | "node" | "php") || name.starts_with("python");
    // A file to run means that the input is data.
    let mut operands = rest.iter().filter(|word| !word.text.starts_with('-') && !word.text.starts_with('+'));
    let takes_input = rest.iter().any(|word| matches!(word.text.as_str(), "-s" | "-" | "/dev/stdin"));
    let runs_text = rest.iter().any(|word| matches!(word.text.as_str(), "-c" | "-e" | "-m" | "-n"));
    (is_shell || is_interpreter) && !runs_text && (takes_input || operands.next().is_none())
}

/// Whether a command runs what a download in a substitution of its words prints.
fn runs_substituted(before: &[Command], command: &Command) -> bool {
    let words = bare_words(command);
    let name = words.first().map_or("", |word| word.text.rsplit('/').next().unwrap_or_default());
    if !matches!(
        name,
        "sh" | "bash" | "eval" | "zsh" | "source" | "." | "dash" | "ash" | "python3" | "python"
    ) {
        return false;
    }
    words.iter().skip(1).any(|word| {
        let substitutes = word.text.starts_with("<(")
            || word.expansions.iter().any(|expansion| {
                matches!(expansion.kind, ExpansionKind::Command | ExpansionKind::Backquotes)
            });
        // The commands of a substitution come just before the command that it is in.
        let inner = before.iter().rev().take_while(|inner| inner.range.start > command.range.start);
        let within =
            |inner: &&Command| inner.range.start > word.range.start && inner.range.end <= word.range.end;
        substitutes && inner.into_iter().filter(within).any(is_download)
    })
}

fn download_run(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (_, _, script) in file.scripts() {
        let commands = &script.script.commands;
        // For each list, where the download at the start of the current pipe stands.
        let mut pipes: BTreeMap<usize, Option<usize>> = BTreeMap::new();
        for (index, command) in commands.iter().enumerate() {
            if command.before != Joint::Pipe {
                pipes.insert(command.list, is_download(command).then_some(command.range.start));
            }
            let piped = pipes.get(&command.list).copied().flatten().filter(|_| command.before == Joint::Pipe);
            let piped = piped.filter(|_| runs_input(command));
            let substituted = || runs_substituted(commands.get(..index).unwrap_or_default(), command);
            let start = piped.or_else(|| substituted().then_some(command.range.start));
            if let Some(start) = start {
                pipes.insert(command.list, None);
                let span = script.span(&(start..command.range.end));
                hits.add(
                    span,
                    "a script from the network is run unread",
                    "a file whose checksum is checked before it runs",
                );
            }
        }
    }
}

fn no_pipefail(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (_, step, script) in file.scripts() {
        let sets = |command: &Command| command.words.iter().any(|word| word.text == "pipefail");
        if step.shell.has_pipefail
            || step.shell.kind == ShellKind::Other
            || script.script.commands.iter().any(sets)
        {
            continue;
        }
        let pipes = script.script.commands.iter().find(|command| {
            // What only prints cannot fail in a way that matters.
            command.behind == Joint::Pipe && !matches!(command.name(), "echo" | "printf" | "yes" | "")
        });
        if let Some(command) = pipes {
            hits.add(script.span(&command.range), "the step succeeds where this command fails", "pipefail");
        }
    }
}
