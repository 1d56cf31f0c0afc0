//! How packages are installed: with which program, asking or not, pinned or not, with what is left behind.

use super::transport::with_blank_before;
use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::Instruction;
use crate::dockerfile::model::StepScript;
use crate::dockerfile::packages::{Call, Manager, call};
use crate::dockerfile::source::Span;
use crate::shell::Word;

pub(super) const APT: Check = Check {
    rule: Rule {
        id: "apt-in-script",
        title: "apt in a script",
        why: "apt is made for people: its options and output may change from release to release, and it warns so.",
        fix: "Use apt-get or apt-cache.",
        severity: Severity::Negligible,
        references: &["https://manpages.debian.org/bookworm/apt/apt.8.en.html"],
        controls: controls::NONE,
    },
    aliases: &["DL3027", "CKV_DOCKER_9"],
    standing: Standing::On,
    bad: &["FROM debian:12\nRUN apt install -y x && rm -rf /var/lib/apt/lists/*\n"],
    good: &["FROM debian:12\nRUN apt-get install -y x\n"],
    look: apt,
};

pub(super) const ASKS: Check = Check {
    rule: Rule {
        id: "package-manager-asks",
        title: "Package manager that waits for an answer",
        why: "Nobody is there to answer: the step fails, or does nothing.",
        fix: "Add -y.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/build/building/best-practices/#apt-get"],
        controls: controls::NONE,
    },
    aliases: &["DL3014", "DL3030", "DL3034", "DL3038", "DS-0021"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN apt-get install x\n",
        "FROM centos:7\nRUN yum install x\n",
        "FROM fedora:40\nRUN dnf install x\n",
        "FROM opensuse/leap:15\nRUN zypper install x\n",
    ],
    good: &[
        "FROM debian:12\nRUN apt-get -qq install x\n",
        "FROM debian:12\nRUN apt-get install --yes x\n",
        "FROM debian:12\nRUN apt-get -o APT::Get::Assume-Yes=true install x\n",
        "FROM debian:12\nRUN yes | apt-get install x\n",
        "FROM opensuse/leap:15\nRUN zypper -n install x\n",
        "FROM fedora:40\nRUN dnf -y install x\n",
    ],
    look: asks,
};

pub(super) const RECOMMENDED: Check = Check {
    rule: Rule {
        id: "recommended-packages-installed",
        title: "Packages that nobody asked for",
        why: "apt-get installs what a package recommends as well: more to download, to patch and to attack.",
        fix: "Add --no-install-recommends.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/build/building/best-practices/#apt-get"],
        controls: controls::NOTHING_NEEDLESS,
    },
    aliases: &["DL3015", "DS-0029"],
    standing: Standing::On,
    bad: &["FROM debian:12\nRUN apt-get install -y x\n"],
    good: &[
        "FROM debian:12\nRUN apt-get install -y --no-install-recommends x\n",
        "FROM debian:12\nRUN apt-get -o APT::Install-Recommends=false install -y x\n",
        "FROM debian:12\nRUN echo 'APT::Install-Recommends \"0\";' > /etc/apt/apt.conf.d/x && apt-get install -y x\n",
    ],
    look: recommended,
};

pub(super) const UNPINNED: Check = Check {
    rule: Rule {
        id: "unpinned-package",
        title: "Package without a version",
        why: "Two builds of one file install different versions. (Off by default: distributions drop old versions, so \
              a pinned build breaks when a fix comes out; a pinned base image and a lock file serve better.)",
        fix: "Name the version, or install from a lock file.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/build/building/best-practices/#apt-get"],
        controls: controls::VERIFIED,
    },
    aliases: &["DL3008", "DL3013", "DL3016", "DL3018", "DL3028", "DL3033", "DL3037", "DL3041", "DL3062"],
    standing: Standing::Off,
    bad: &[
        "FROM debian:12\nRUN apt-get install -y x\n",
        "FROM alpine:3.20\nRUN apk add --no-cache x\n",
        "FROM debian:12\nRUN pip install x\n",
        "FROM debian:12\nRUN npm install -g x\n",
        "FROM debian:12\nRUN gem install x\n",
        "FROM debian:12\nRUN go install example.org/x@latest\n",
        "FROM fedora:40\nRUN dnf install -y x\n",
    ],
    good: &[
        "FROM debian:12\nRUN apt-get install -y x=1.0 ./y.deb\n",
        "FROM alpine:3.20\nRUN apk add --no-cache x=1.0 'y>2'\n",
        "FROM debian:12\nRUN pip install x==1 -r requirements.txt .\n",
        "FROM debian:12\nRUN npm install && npm install -g x@1.2 @a/b@1\n",
        "FROM debian:12\nRUN gem install x:1.2 && gem install y -v 1\n",
        "FROM debian:12\nRUN go install example.org/x@v1.2.3\n",
        "FROM fedora:40\nRUN dnf install -y x-1.2 @group\n",
    ],
    look: unpinned,
};

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

pub(super) const UPDATE_ALONE: Check = Check {
    rule: Rule {
        id: "package-lists-updated-alone",
        title: "Package lists updated in a step of their own",
        why: "The step is cached: a later build installs from lists that are months old, and misses every fix since.",
        fix: "Update and install in one RUN.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/build/building/best-practices/#apt-get"],
        controls: controls::UPDATES,
    },
    aliases: &["DS-0017", "CKV_DOCKER_5", "CIS-DI-0007"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN apt-get update\nRUN apt-get install -y x\n",
        "FROM alpine:3.20\nRUN apk update\n",
    ],
    good: &[
        "FROM debian:12\nRUN apt-get update && apt-get install -y x\n",
        "FROM debian:12\nRUN apt-get update && ./install-dependencies.sh\n",
    ],
    look: update_alone,
};

pub(super) const RELEASE_UPGRADE: Check = Check {
    rule: Rule {
        id: "distribution-upgraded",
        title: "Distribution upgraded within the image",
        why: "An upgrade to another release makes an image of two halves that nobody tests, and it is not the release \
              that the tag says.",
        fix: "Start from an image of the newer release.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/build/building/best-practices/"],
        controls: controls::PATCHED,
    },
    aliases: &["DL3035", "DS-0024", "DKL-DI-0003"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN apt-get update && apt-get dist-upgrade -y\n",
        "FROM opensuse/leap:15\nRUN zypper dup -y\n",
    ],
    good: &["FROM debian:12\nRUN apt-get update && apt-get upgrade -y\n"],
    look: release_upgrade,
};

/// Every call of a package manager.
fn calls<'f>(file: &'f File<'_>) -> impl Iterator<Item = (&'f StepScript, Call<'f>)> {
    file.commands().filter_map(|(script, command)| Some((script, call(command)?)))
}

fn name_word<'c>(call: &Call<'c>) -> Option<&'c Word> {
    crate::dockerfile::packages::bare_words(call.command).first()
}

fn apt(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    const SAME: [&str; 11] = [
        "install",
        "update",
        "upgrade",
        "remove",
        "purge",
        "autoremove",
        "clean",
        "autoclean",
        "dist-upgrade",
        "full-upgrade",
        "download",
    ];
    for (script, call) in calls(file) {
        let Some(word) = name_word(&call).filter(|word| word.text.rsplit('/').next() == Some("apt")) else {
            continue;
        };
        let hit = hits.add(script.span(&word.range), "apt is made for people", "apt-get");
        hit.detail(script.shown(&call.command.range));
        if SAME.contains(&call.verb.text.as_str()) && call.verb.text != "full-upgrade" && word.text == "apt" {
            hit.change(script.span(&word.range), "apt-get");
        }
    }
}

fn asks(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (script, call) in calls(file) {
        let words = call.arguments();
        let has = |options: &[&str]| words.iter().any(|word| options.contains(&word.text.as_str()));
        let says_yes = call.command.short('y').is_some() || has(&["--yes", "--assume-yes", "--assumeyes"]);
        let is_fed = call.command.before == crate::shell::Joint::Pipe;
        let (alias, answers) = match call.manager {
            Manager::Apt if call.installs() => {
                let quiet: usize = words.iter().map(|word| quietness(&word.text)).sum();
                let text = |word: &Word| word.text.to_ascii_lowercase().contains("assume-yes");
                let forced = has(&["--force-yes"]) || words.iter().any(text);
                ("DL3014", says_yes || quiet >= 2 || forced)
            }
            Manager::Yum if call.installs() => ("DL3030", says_yes),
            Manager::Dnf | Manager::Microdnf if call.installs() => ("DL3038", says_yes),
            Manager::Zypper
                if call.installs()
                    || matches!(call.verb.text.as_str(), "remove" | "rm" | "update" | "up" | "patch") =>
            {
                ("DL3034", says_yes || has(&["-n", "--non-interactive", "--no-confirm"]))
            }
            _ => continue,
        };
        let is_set = script.joined.text.contains("APT::Get::Assume-Yes");
        if !answers && !is_fed && !is_set && !file.source.text.contains("APT::Get::Assume-Yes") {
            let at = script.span(&call.verb.range).end;
            hits.add(
                script.span(&(call.command.range.start..call.verb.range.end)),
                "nobody is there to answer",
                "-y",
            )
            .detail(script.shown(&call.command.range))
            .change(Span::at(at), " -y")
            .alias(alias);
        }
    }
}

/// How often a word says quiet: `-q`, `-qq`, `-q=2`.
fn quietness(word: &str) -> usize {
    if let Some(level) = word.strip_prefix("-q=") {
        return level.parse().unwrap_or(0);
    }
    match word.strip_prefix('-') {
        Some(letters) if !letters.starts_with('-') => letters.matches('q').count(),
        _ => usize::from(word == "--quiet"),
    }
}

fn recommended(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    if file.source.text.contains("APT::Install-Recommends") {
        return;
    }
    for (script, call) in calls(file) {
        if call.manager != Manager::Apt || !call.installs() || call.packages().is_empty() {
            continue;
        }
        if !call.command.has("--no-install-recommends")
            && !call.command.has("--without-recommends")
            && !call.command.has("-R")
        {
            let at = script.span(&call.verb.range).end;
            let span = script.span(&(call.command.range.start..call.verb.range.end));
            hits.add(span, "packages that are only recommended come along", "--no-install-recommends")
                .detail(script.shown(&call.command.range))
                .change(Span::at(at), " --no-install-recommends");
        }
    }
}

fn unpinned(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (script, call) in calls(file) {
        if !call.installs() || is_pinned_as_a_whole(&call) {
            continue;
        }
        let packages = call.packages();
        // `yarn global add x`, `yarn install`.
        let Some(alias) = alias_of_pins(call.manager) else { continue };
        for word in packages.into_iter().filter(|word| !is_pinned(call.manager, word)) {
            hits.add(script.span(&word.range), format!("{} has no version", word.text), "a version")
                .alias(alias);
        }
    }
}

fn alias_of_pins(manager: Manager) -> Option<&'static str> {
    Some(match manager {
        Manager::Apt => "DL3008",
        Manager::Apk => "DL3018",
        Manager::Yum => "DL3033",
        Manager::Dnf | Manager::Microdnf => "DL3041",
        Manager::Zypper => "DL3037",
        Manager::Pip => "DL3013",
        Manager::Npm => "DL3016",
        Manager::Gem => "DL3028",
        Manager::Go => "DL3062",
        Manager::Yarn => return None,
    })
}

fn is_pinned_as_a_whole(call: &Call<'_>) -> bool {
    let has = |options: &[&str]| call.rest.iter().any(|word| options.contains(&word.text.as_str()));
    match call.manager {
        Manager::Gem => has(&["-v", "--version"]) || call.command.has_long("--version"),
        Manager::Pip => has(&["-c", "--constraint"]) || call.command.has_long("--constraint"),
        Manager::Apt => has(&["-t", "--target-release"]),
        _ => false,
    }
}

fn is_pinned(manager: Manager, word: &Word) -> bool {
    let text = word.text.as_str();
    let is_path = text.starts_with(['.', '/', '$', '~']) || text.contains("://") || text.starts_with("file:");
    let is_varied = !word.is_literal();
    match manager {
        Manager::Apt => {
            text.contains('=') || is_path || text.ends_with(".deb") || text.ends_with('-') || is_varied
        }
        Manager::Apk => text.contains(['=', '>', '<', '~']) || is_path || text.ends_with(".apk") || is_varied,
        Manager::Yum | Manager::Dnf | Manager::Microdnf => {
            let dashed = text.split('-').skip(1).any(|part| part.starts_with(|ch: char| ch.is_ascii_digit()));
            dashed
                || is_path
                || text.ends_with(".rpm")
                || text.starts_with('@')
                || text.contains('=')
                || is_varied
        }
        Manager::Zypper => text.contains(['=', '<', '>']) || is_path || text.ends_with(".rpm") || is_varied,
        Manager::Pip => {
            text.contains("==")
                || text.contains("===")
                || text.contains('@')
                || is_path
                || text.ends_with(".whl")
                || text.ends_with(".tar.gz")
                || text.contains('/')
                || is_varied
        }
        Manager::Npm => {
            let name = text.strip_prefix('@').unwrap_or(text);
            let has_version =
                name.split_once('@').is_some_and(|(_, version)| !version.is_empty() && version != "latest");
            has_version
                || is_path
                || name.contains('#')
                || text.ends_with(".tgz")
                || is_varied
                || (text.contains('/') && !text.starts_with('@'))
        }
        Manager::Gem => text.contains(':') || is_path || text.ends_with(".gem") || is_varied,
        Manager::Go => {
            let version = text.split_once('@').map(|(_, version)| version);
            is_path
                || is_varied
                || version.is_none()
                || version.is_some_and(|v| !matches!(v, "latest" | "master" | "main" | "upgrade"))
        }
        Manager::Yarn => true,
    }
}

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

/// The end of the arguments, where another command can be appended.
fn append(script: &StepScript, text: &str) -> Option<(Span, String)> {
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
            if let Some((at, text)) =
                append(script, "rm -rf /var/lib/apt/lists/*").filter(|_| is_plain_list(script))
            {
                hit.change(at, text);
            }
        }
    }
}

fn caches(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (run, step, script) in file.scripts() {
        if !is_shipped(file, step.stage) {
            continue;
        }
        for call in script.script.commands.iter().filter_map(call).filter(Call::installs) {
            let text = &script.joined.text;
            let cleans = |manager: Manager, verbs: &[&str]| {
                let all = script.script.commands.iter().filter_map(crate::dockerfile::packages::call);
                all.into_iter()
                    .any(|other| other.manager == manager && verbs.contains(&other.verb.text.as_str()))
            };
            let (alias, is_clean, insert) = match call.manager {
                Manager::Apk => {
                    let clean = call.command.has("--no-cache") || text.contains("/var/cache/apk");
                    (
                        "DL3019",
                        clean || mounts(run, &["/var/cache/apk", "/etc/apk/cache"]),
                        Some(" --no-cache"),
                    )
                }
                Manager::Pip => {
                    ("DL3042", pip_is_clean(file, step.stage, run, script, &call), Some(" --no-cache-dir"))
                }
                Manager::Yum => {
                    let clean = cleans(Manager::Yum, &["clean"]) || text.contains("/var/cache/yum");
                    ("DL3032", clean || mounts(run, &["/var/cache/yum"]), None)
                }
                Manager::Dnf => {
                    let clean = cleans(Manager::Dnf, &["clean"])
                        || text.contains("/var/cache/dnf")
                        || text.contains("/var/cache/libdnf5");
                    ("DL3040", clean || mounts(run, &["/var/cache/dnf", "/var/cache/libdnf5"]), None)
                }
                Manager::Microdnf => {
                    let clean = cleans(Manager::Microdnf, &["clean"]) || text.contains("/var/cache/");
                    ("DS-0027", clean || mounts(run, &["/var/cache/yum", "/var/cache/dnf"]), None)
                }
                Manager::Zypper => {
                    let clean = cleans(Manager::Zypper, &["clean", "cc"]) || text.contains("/var/cache/zypp");
                    ("DL3036", clean || mounts(run, &["/var/cache/zypp"]), None)
                }
                Manager::Yarn if call.verb.text == "install" => {
                    let clean = cleans(Manager::Yarn, &["cache"]) || text.contains(".cache");
                    ("DL3060", clean || mounts(run, &["cache", "/yarn"]), None)
                }
                Manager::Apt | Manager::Npm | Manager::Yarn | Manager::Gem | Manager::Go => continue,
            };
            if is_clean {
                continue;
            }
            let span = script.span(&(call.command.range.start..call.verb.range.end));
            let hit =
                hits.add(span, "the cache stays in the layer", insert.map_or("a clean cache", str::trim));
            hit.detail(script.shown(&call.command.range)).alias(alias);
            if let Some(insert) = insert {
                hit.change(Span::at(script.span(&call.verb.range).end), insert);
            } else if let Some(clean) = clean_command(call.manager)
                && is_plain_list(script)
                && let Some((at, text)) = append(script, clean)
            {
                hit.change(at, text);
            }
        }
    }
}

fn clean_command(manager: Manager) -> Option<&'static str> {
    match manager {
        Manager::Yum => Some("yum clean all"),
        Manager::Dnf => Some("dnf clean all"),
        Manager::Microdnf => Some("microdnf clean all"),
        Manager::Zypper => Some("zypper clean --all"),
        Manager::Yarn => Some("yarn cache clean"),
        Manager::Apt | Manager::Apk | Manager::Pip | Manager::Npm | Manager::Gem | Manager::Go => None,
    }
}

fn pip_is_clean(
    file: &File<'_>,
    stage: Option<usize>,
    run: &Instruction,
    script: &StepScript,
    call: &Call<'_>,
) -> bool {
    let sets = |text: &str| text.contains("PIP_NO_CACHE_DIR") || text.contains("XDG_CACHE_HOME=");
    let variables = stage.and_then(|stage| file.stages.get(stage)).map(|stage| &stage.variables);
    call.command.has("--no-cache-dir")
        || script.joined.text.contains("--no-cache-dir")
        || variables.is_some_and(|variables| variables.contains_key("PIP_NO_CACHE_DIR"))
        || sets(&script.joined.text)
        || script.joined.text.contains(".cache")
        || script.joined.text.contains("pip cache purge")
        || mounts(run, &["cache"])
}

fn update_alone(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (_, _, script) in file.scripts() {
        let commands = &script.script.commands;
        let is_update = |call: &Call<'_>| {
            let verbs: &[&str] = match call.manager {
                Manager::Apt | Manager::Apk => &["update"],
                Manager::Yum | Manager::Dnf => &["makecache", "check-update"],
                Manager::Zypper => &["refresh", "ref"],
                _ => &[],
            };
            verbs.contains(&call.verb.text.as_str())
        };
        let harmless = [
            "echo", "set", "rm", "true", ":", "export", "cd", "mkdir", "dpkg", "sed", "apt-key", "printf",
            "test", "[",
        ];
        let updates: Vec<Call<'_>> = commands.iter().filter_map(call).filter(is_update).collect();
        let Some(first) = updates.first() else { continue };
        let does_more = commands.iter().any(|command| match call(command) {
            Some(call) => !is_update(&call) && call.verb.text != "clean" && call.verb.text != "autoclean",
            None => !harmless.contains(&command.name()),
        });
        if !does_more {
            hits.add(
                script.span(&first.command.range),
                "the lists are cached with this step",
                "the update and the installation in one RUN",
            );
        }
    }
}

fn release_upgrade(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (script, call) in calls(file) {
        let verb = call.verb.text.as_str();
        let upgrades = match call.manager {
            Manager::Apt => matches!(verb, "dist-upgrade" | "full-upgrade"),
            Manager::Zypper => matches!(verb, "dup" | "dist-upgrade"),
            Manager::Dnf => matches!(verb, "system-upgrade" | "distro-sync"),
            _ => false,
        };
        if upgrades {
            hits.add(
                script.span(&call.command.range),
                "the release is changed within the image",
                "an image of that release",
            );
        }
    }
}

/// `sudo` taken out with its options.
pub(super) fn without_word(script: &StepScript, word: &Word) -> Span {
    let span = script.span(&word.range);
    let behind = script.joined.text.get(word.range.end..).unwrap_or_default();
    if behind.starts_with(' ') && script.joined.source_at(word.range.end) == span.end {
        return Span::new(span.start, span.end + 1);
    }
    with_blank_before(script, word)
}
