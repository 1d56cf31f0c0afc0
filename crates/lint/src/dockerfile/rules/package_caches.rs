//! What package managers leave in a layer: lists and caches.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::Instruction;
use crate::dockerfile::packages::{Call, Manager, call};
use crate::dockerfile::run::StepScript;
use crate::dockerfile::source::Span;

pub(super) const LISTS: Check = Check {
    rule: Rule {
        id: "apt-lists-left",
        title: "Package lists left in the layer",
        why: "The lists of apt-get update are 20 MB and more, out of date tomorrow, and of no use to the container.",
        fix: "End the same RUN with rm -rf /var/lib/apt/lists/*, or mount a cache there.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/build/building/best-practices/#apt-get"],
        controls: controls::NOTHING_NEEDLESS,
    },
    aliases: &["DL3009", "DKL-DI-0005"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN apt-get update && apt-get install -y x\n",
        "FROM debian:12\nRUN <<EOF\napt-get update\napt-get install -y x\nEOF\n",
    ],
    good: &[
        "FROM debian:12\nRUN apt-get update && apt-get install -y x && rm -rf /var/lib/apt/lists/*\n",
        "FROM debian:12\nRUN --mount=type=cache,target=/var/lib/apt/lists apt-get update && apt-get install -y x\n",
        "FROM debian:12 AS build\nRUN apt-get update && apt-get install -y x\nFROM scratch\nCOPY --from=build /x /x\n",
        "FROM debian:12\nRUN apt-get update && apt-get install -y x && rm -rf /var/lib/apt/lists\n",
    ],
    look: lists,
};

pub(super) const CACHES: Check = Check {
    rule: Rule {
        id: "package-cache-left",
        title: "Cache of a package manager left in the layer",
        why: "What was downloaded stays in the image although nothing reads it again.",
        fix: "Clean it in the same RUN, switch it off, or put it on a cache mount.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/build/cache/optimize/#use-cache-mounts"],
        controls: controls::NOTHING_NEEDLESS,
    },
    aliases: &[
        "DL3032",
        "DL3040",
        "DL3036",
        "DL3019",
        "DL3042",
        "DL3060",
        "DS-0015",
        "DS-0019",
        "DS-0020",
        "DS-0025",
        "DS-0027",
        "DKL-DI-0004",
    ],
    standing: Standing::On,
    bad: &[
        "FROM alpine:3.20\nRUN apk add x\n",
        "FROM centos:7\nRUN yum install -y x\n",
        "FROM fedora:40\nRUN dnf install -y x\n",
        "FROM opensuse/leap:15\nRUN zypper install -y x\n",
        "FROM debian:12\nRUN pip install x==1\n",
        "FROM debian:12\nRUN yarn install\n",
    ],
    good: &[
        "FROM debian:12\nRUN pip install x==1 && pip cache purge\n",
        "FROM alpine:3.20\nRUN apk add --no-cache x\n",
        "FROM alpine:3.20\nRUN apk add -U x && rm -rf /var/cache/apk/*\n",
        "FROM centos:7\nRUN yum install -y x && yum clean all\n",
        "FROM fedora:40\nRUN dnf install -y x && rm -rf /var/cache/dnf\n",
        "FROM debian:12\nRUN pip install --no-cache-dir x==1\n",
        "FROM debian:12\nENV PIP_NO_CACHE_DIR=1\nRUN pip install x==1\n",
        "FROM debian:12\nRUN --mount=type=cache,target=/root/.cache/pip pip install x==1\n",
        "FROM debian:12 AS b\nRUN pip install x==1\nFROM debian:12\nCOPY --from=b /x /x\n",
        "FROM debian:12\nRUN yarn install && yarn cache clean\n",
    ],
    look: caches,
};

/// Whether an instruction keeps a path out of its layer.
fn mounts(instruction: &Instruction, paths: &[&str]) -> bool {
    instruction.flags_named("mount").any(|flag| {
        let value = flag.value.as_deref().unwrap_or_default();
        (value.contains("type=cache") || value.contains("type=tmpfs"))
            && paths.iter().any(|path| value.contains(path))
    })
}

/// Whether the layers of a step come into the image: it stands in the last stage or in one that it starts from.
fn is_shipped(file: &File<'_>, stage: Option<usize>) -> bool {
    let Some(last) = file.last_stage() else { return false };
    stage.is_some_and(|stage| file.lineage(last).any(|kept| kept == stage))
}

/// A further command at the end of a script, where it certainly belongs to what stands there.
fn append(script: &StepScript, text: &str) -> Option<(Span, String)> {
    if !is_plain_list(script) {
        return None;
    }
    let shown = script.joined.text.trim_end();
    let comments = script.joined.text.lines().last().is_some_and(|line| line.contains('#'));
    if script.is_heredoc {
        let at = script.joined.source_at(script.joined.text.len());
        return Some((Span::at(at), format!("{text}\n")));
    }
    let safe = !comments
        && !shown.ends_with([';', '&', '|', '\\', '}', ')'])
        && script.script.faults.is_empty()
        && !shown.is_empty();
    let at = script.span(&(shown.len().checked_sub(1)?..shown.len())).end;
    safe.then(|| (Span::at(at), format!(" && {text}")))
}

/// Whether all commands of a script are joined with `&&` or `;`, so that one more at the end belongs to them.
fn is_plain_list(script: &StepScript) -> bool {
    let words = ["if ", "for ", "while ", "case ", "||", "<<"];
    script.is_heredoc || !words.iter().any(|word| script.joined.text.contains(word))
}

fn lists(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (run, step, script) in file.scripts() {
        if !is_shipped(file, step.stage) || mounts(run, &["/var/lib/apt", "/var/cache/apt/lists"]) {
            continue;
        }
        let update =
            script.script.commands.iter().filter_map(call).find(|call| call.is(Manager::Apt, "update"));
        let Some(update) = update else { continue };
        let removes = script.script.commands.iter().any(|command| {
            matches!(command.name(), "rm" | "find")
                && command.words.iter().any(|word| {
                    let text = word.text.trim_end_matches(['*', '/']);
                    matches!(
                        text,
                        "/var/lib/apt/lists" | "/var/lib/apt" | "/var/lib" | "/var/lib/apt/lists/*_"
                    ) || text.starts_with("/var/lib/apt/lists")
                        || text.starts_with("/var/lib/{apt")
                        || text.starts_with("/var/lib/apt/")
                })
        });
        if !removes && !script.joined.text.contains("/var/lib/apt/lists") {
            let hit = hits.add(
                script.span(&update.command.range),
                "the lists stay in the layer",
                "rm -rf /var/lib/apt/lists/*",
            );
            // A later step that installs without an update of its own lives on these lists.
            let end = script.span(&update.command.range).end;
            let is_safe = installs(script) && !file.scripts().any(|(_, _, later)| needs_lists(later, end));
            let addition = append(script, "rm -rf /var/lib/apt/lists/*").filter(|_| is_safe);
            if let Some((at, text)) = addition {
                hit.change(at, text);
            }
        }
    }
}

fn installs(script: &StepScript) -> bool {
    script.script.commands.iter().filter_map(call).any(|call| call.is(Manager::Apt, "install"))
}

/// Whether a script behind `end` installs from lists that another step has fetched.
fn needs_lists(script: &StepScript, end: usize) -> bool {
    let mut calls = script.script.commands.iter().filter_map(call);
    let first = calls.find(|call| call.is(Manager::Apt, "install") || call.is(Manager::Apt, "update"));
    first.is_some_and(|call| call.is(Manager::Apt, "install") && script.span(&call.command.range).start > end)
}

/// How a package manager keeps what it downloads, and how to be rid of it.
struct Cache {
    manager: Manager,
    alias: &'static str,
    /// Where it is; a script that names one of these deals with it.
    directories: &'static [&'static str],
    /// Subcommands that clean it.
    verbs: &'static [&'static str],
    /// The command that cleans it, for the end of the script.
    command: &'static str,
    /// The option that switches it off, for where it is installed.
    option: Option<&'static str>,
}

const MANAGERS: [Cache; 7] = [
    Cache {
        manager: Manager::Apk,
        alias: "DL3019",
        directories: &["/var/cache/apk", "/etc/apk/cache"],
        verbs: &[],
        command: "",
        option: Some("--no-cache"),
    },
    Cache {
        manager: Manager::Pip,
        alias: "DL3042",
        directories: &[".cache", "PIP_NO_CACHE_DIR"],
        verbs: &["cache"],
        command: "",
        option: Some("--no-cache-dir"),
    },
    Cache {
        manager: Manager::Yum,
        alias: "DL3032",
        directories: &["/var/cache/yum", "/var/cache"],
        verbs: &["clean"],
        command: "yum clean all",
        option: None,
    },
    Cache {
        manager: Manager::Dnf,
        alias: "DL3040",
        directories: &["/var/cache/dnf", "/var/cache/libdnf5", "/var/cache"],
        verbs: &["clean"],
        command: "dnf clean all",
        option: None,
    },
    Cache {
        manager: Manager::Microdnf,
        alias: "DS-0027",
        directories: &["/var/cache"],
        verbs: &["clean"],
        command: "microdnf clean all",
        option: None,
    },
    Cache {
        manager: Manager::Zypper,
        alias: "DL3036",
        directories: &["/var/cache/zypp"],
        verbs: &["clean", "cc"],
        command: "zypper clean --all",
        option: None,
    },
    Cache {
        manager: Manager::Yarn,
        alias: "DL3060",
        directories: &[".cache", "/yarn"],
        verbs: &["cache"],
        command: "yarn cache clean",
        option: None,
    },
];

fn caches(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (run, step, script) in file.scripts() {
        if !is_shipped(file, step.stage) {
            continue;
        }
        let variables = step.stage.and_then(|stage| file.stages.get(stage)).map(|stage| &stage.variables);
        let calls: Vec<Call<'_>> = script.script.commands.iter().filter_map(call).collect();
        for cache in &MANAGERS {
            let mut own = calls.iter().filter(|call| call.manager == cache.manager);
            let text = &script.joined.text;
            let cleans = |call: &Call<'_>| cache.verbs.contains(&call.verb.text.as_str());
            let is_off = cache.manager == Manager::Pip
                && variables.is_some_and(|variables| variables.contains_key("PIP_NO_CACHE_DIR"));
            if own.clone().next().is_none()
                || own.any(cleans)
                || is_off
                || cache.directories.iter().any(|directory| text.contains(directory))
                || mounts(run, cache.directories)
            {
                continue;
            }
            let installs = calls.iter().filter(|call| call.manager == cache.manager && call.installs());
            for call in installs.filter(|call| cache.manager != Manager::Yarn || call.verb.text == "install")
            {
                if !cache.option.is_some_and(|option| call.command.has(option)) {
                    left(script, call, cache, hits);
                }
            }
        }
    }
}

fn left(script: &StepScript, call: &Call<'_>, cache: &Cache, hits: &mut Hits) {
    let span = script.span(&(call.command.range.start..call.verb.range.end));
    let expected = cache.option.unwrap_or(cache.command);
    let hit = hits.add(span, "the cache stays in the layer", expected);
    hit.detail(script.shown(&call.command.range)).alias(cache.alias);
    if let Some(option) = cache.option {
        hit.change(Span::at(script.span(&call.verb.range).end), format!(" {option}"));
    } else if let Some((at, text)) = append(script, cache.command) {
        hit.change(at, text);
    }
}
