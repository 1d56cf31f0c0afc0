//! Programs that have no place in a build or a container.

use std::collections::BTreeMap;

use super::add::is_archive;
use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::Keyword;
use crate::dockerfile::packages::{bare_words, call};
use crate::dockerfile::source::Span;

pub(super) const SUDO: Check = Check {
    rule: Rule {
        id: "sudo-in-build",
        title: "sudo in a build",
        why: "The build is root already. A sudo that stays in the image lets a user of the container become root.",
        fix: "Leave sudo out; change users with USER, and in scripts with gosu or setpriv.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/build/building/best-practices/#user"],
        controls: controls::USER,
    },
    aliases: &["DL3004", "DS-0010", "CKV2_DOCKER_1", "DKL-DI-0001"],
    standing: Standing::On,
    bad: &["FROM debian:12\nRUN sudo apt-get update && true\n", "FROM debian:12\nRUN x && sudo -E make\n"],
    good: &[
        "FROM debian:12\nRUN make\n",
        "FROM debian:12\nRUN apt-get install -y --no-install-recommends sudoku\n",
    ],
    look: sudo,
};

pub(super) const NEEDLESS: Check = Check {
    rule: Rule {
        id: "needless-program",
        title: "Program that has no use in a build",
        why: "It shows that the image is treated as a machine: nothing it starts or mounts is there in the container.",
        fix: "Leave it out.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/build/building/best-practices/#decouple-applications"],
        controls: controls::NOTHING_NEEDLESS,
    },
    aliases: &["DL3001"],
    standing: Standing::On,
    bad: &["FROM debian:12\nRUN service nginx start\n", "FROM debian:12\nRUN ssh example.org\n"],
    good: &["FROM debian:12\nRUN make service\n"],
    look: needless,
};

pub(super) const DEBUG_TOOLS: Check = Check {
    rule: Rule {
        id: "needless-package",
        title: "Package for people, installed into the image",
        why: "Editors, SSH servers and network tools help whoever breaks in, and have to be patched.",
        fix: "Leave it out; debug with a container beside this one (docker debug, kubectl debug).",
        severity: Severity::Low,
        references: &[
            "https://docs.docker.com/build/building/best-practices/#dont-install-unnecessary-packages",
        ],
        controls: controls::NOTHING_NEEDLESS,
    },
    aliases: &["DKL-LI-0003"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nRUN apt-get install -y --no-install-recommends openssh-server=1 && rm -rf /var/lib/apt/lists/*\n",
    ],
    good: &[
        "FROM debian:12\nRUN apt-get install -y curl\n",
        "FROM debian:12 AS b\nRUN apt-get install -y vim\nFROM scratch\nCOPY --from=b /x /x\n",
    ],
    look: debug_tools,
};

pub(super) const TWO_FETCHERS: Check = Check {
    rule: Rule {
        id: "curl-and-wget",
        title: "Both curl and wget",
        why: "Two programs for one task: one more to install and to patch.",
        fix: "Decide for one.",
        severity: Severity::Negligible,
        references: &[],
        controls: controls::NOTHING_NEEDLESS,
    },
    aliases: &["DL4001", "DS-0014"],
    standing: Standing::Off,
    bad: &["FROM debian:12\nRUN curl x -o y\nRUN wget z\n"],
    good: &["FROM debian:12\nRUN curl x -o y\n", "FROM debian:12\nRUN curl x\nFROM debian:12\nRUN wget y\n"],
    look: two_fetchers,
};

pub(super) const WGET_PROGRESS: Check = Check {
    rule: Rule {
        id: "wget-progress-shown",
        title: "wget that writes its progress to the log",
        why: "Thousands of lines of dots hide what matters in the log of the build.",
        fix: "Add -nv, -q or --progress=dot:giga.",
        severity: Severity::Negligible,
        references: &[],
        controls: controls::NONE,
    },
    aliases: &["DL3047"],
    standing: Standing::Off,
    bad: &["FROM debian:12\nRUN wget https://example.org/x\n"],
    good: &[
        "FROM debian:12\nRUN wget -q https://example.org/x\n",
        "FROM debian:12\nRUN wget --progress=dot:giga https://example.org/x\n",
        "FROM debian:12\nRUN wget -nv https://example.org/x\n",
        "FROM debian:12\nRUN wget -qO- https://example.org/x\n",
    ],
    look: wget_progress,
};

pub(super) const SHELL_LINK: Check = Check {
    rule: Rule {
        id: "shell-replaced",
        title: "/bin/sh replaced by a link",
        why: "Scripts of the distribution are written for its own sh; SHELL changes the shell of the build alone.",
        fix: "Use SHELL [\"/bin/bash\", \"-c\"].",
        severity: Severity::Low,
        references: &["https://docs.docker.com/reference/dockerfile/#shell"],
        controls: controls::DEFECT,
    },
    aliases: &["DL4005"],
    standing: Standing::On,
    bad: &["FROM debian:12\nRUN ln -sf /bin/bash /bin/sh\n"],
    good: &[
        "FROM debian:12\nSHELL [\"/bin/bash\", \"-c\"]\nRUN x\n",
        "FROM debian:12\nRUN ln -s /bin/sh /x\n",
    ],
    look: shell_link,
};

pub(super) const USERADD: Check = Check {
    rule: Rule {
        id: "useradd-large-log",
        title: "useradd with a large id and its log",
        why: "useradd writes lastlog and faillog as sparse files as long as the id is large; the layer holds them in \
              full, gigabytes of zeros.",
        fix: "Add -l (--no-log-init).",
        severity: Severity::Low,
        references: &["https://docs.docker.com/build/building/best-practices/#user"],
        controls: controls::NONE,
    },
    aliases: &["DL3046"],
    standing: Standing::On,
    bad: &["FROM debian:12\nRUN useradd -u 1000000 app\n"],
    good: &["FROM debian:12\nRUN useradd -l -u 1000000 app\n", "FROM debian:12\nRUN useradd -u 1000 app\n"],
    look: useradd,
};

pub(super) const UNPACKED: Check = Check {
    rule: Rule {
        id: "archive-copied-then-unpacked",
        title: "Archive that is copied, then unpacked",
        why: "The archive stays in a layer of its own although it is only read once. ADD unpacks it on the way.",
        fix: "Use ADD for the archive, or unpack it from a bind mount.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/reference/dockerfile/#add"],
        controls: controls::NONE,
    },
    aliases: &["DL3010"],
    standing: Standing::On,
    bad: &["FROM debian:12\nCOPY a.tar.gz /tmp/\nRUN tar xzf /tmp/a.tar.gz\n"],
    good: &[
        "FROM debian:12\nADD a.tar.gz /tmp/\n",
        "FROM debian:12\nCOPY a.tar.gz /tmp/\nRUN x\n",
        "FROM debian:12 AS b\nFROM debian:12\nCOPY --from=b a.tar.gz /tmp/\nRUN tar xf /tmp/a.tar.gz\n",
    ],
    look: unpacked,
};

fn sudo(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (script, command) in file.commands() {
        let Some(first) = command.words.first().filter(|_| command.name() == "sudo") else { continue };
        let has_options =
            command.words.get(1).is_none_or(|word| word.text.starts_with('-') || word.text.contains('='));
        let hit =
            hits.add(script.span(&first.range), "the build is root already", "the command without sudo");
        hit.detail(script.shown(&command.range));
        if !has_options {
            hit.change(script.with_blank_behind(first), "");
        }
    }
}

fn needless(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    const PROGRAMS: [&str; 15] = [
        "free",
        "kill",
        "mount",
        "ps",
        "service",
        "shutdown",
        "ssh",
        "top",
        "vim",
        "ifconfig",
        "nano",
        "reboot",
        "systemctl",
        "umount",
        "htop",
    ];
    for (script, command) in file.commands() {
        let words = bare_words(command);
        let name = words.first().map_or("", |word| word.text.rsplit('/').next().unwrap_or_default());
        let enables = name == "systemctl"
            && !words
                .iter()
                .any(|word| matches!(word.text.as_str(), "start" | "restart" | "stop" | "daemon-reload"));
        let asks_version = words.iter().any(|word| matches!(word.text.as_str(), "-V" | "--version"));
        if PROGRAMS.contains(&name) && !enables && !asks_version {
            let first = command.words.first().map_or(command.range.clone(), |word| word.range.clone());
            let end = command.range.end;
            hits.add(
                script.span(&(first.start..end)),
                format!("{name} has nothing to do in a build"),
                format!("a build without {name}"),
            );
        }
    }
}

fn debug_tools(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    const PACKAGES: [&str; 16] = [
        "openssh-server",
        "telnet",
        "telnetd",
        "nmap",
        "tcpdump",
        "netcat",
        "netcat-openbsd",
        "netcat-traditional",
        "nc",
        "vim",
        "nano",
        "emacs",
        "rsh-server",
        "ftp",
        "strace",
        "gdb",
    ];
    let Some(last) = file.last_stage() else { return };
    let kept: Vec<usize> = file.lineage(last).collect();
    for (_, step, script) in file.scripts() {
        if !step.stage.is_some_and(|stage| kept.contains(&stage)) {
            continue;
        }
        for call in
            script.script.commands.iter().filter_map(call).filter(crate::dockerfile::packages::Call::installs)
        {
            let is_system = !matches!(
                call.manager,
                crate::dockerfile::packages::Manager::Pip
                    | crate::dockerfile::packages::Manager::Npm
                    | crate::dockerfile::packages::Manager::Yarn
                    | crate::dockerfile::packages::Manager::Gem
                    | crate::dockerfile::packages::Manager::Go
            );
            for word in call.packages() {
                let name = word.text.split(['=', '<', '>']).next().unwrap_or_default();
                if is_system && PACKAGES.contains(&name) {
                    hits.add(
                        script.span(&word.range),
                        format!("{name} is a tool for people"),
                        "an image without it",
                    );
                }
            }
        }
    }
}

fn two_fetchers(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    let mut seen: BTreeMap<usize, [Option<Span>; 2]> = BTreeMap::new();
    for (_, step, script) in file.scripts() {
        let Some(stage) = step.stage else { continue };
        for command in &script.script.commands {
            let slot = match command.name() {
                "curl" => 0,
                "wget" => 1,
                _ => continue,
            };
            let both = seen.entry(stage).or_default();
            if both.get(slot).is_some_and(Option::is_none)
                && let Some(place) = both.get_mut(slot)
            {
                *place = Some(script.span(&command.range));
                if let [Some(curl), Some(wget)] = *both {
                    let later = curl.max(wget);
                    hits.add(later, "the stage uses both curl and wget", "one of them");
                }
            }
        }
    }
}

fn wget_progress(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (script, command) in file.commands().filter(|(_, command)| command.name() == "wget") {
        let quiet = ["--quiet", "--no-verbose", "-nv"].iter().any(|option| command.has(option));
        let short = command.arguments().iter().any(|word| {
            word.text.starts_with('-')
                && !word.text.starts_with("--")
                && word.text.contains(['q', 'o', 'a'])
                && !word.text.starts_with("-O")
        });
        if !quiet
            && !short
            && !command.has_long("--progress")
            && !command.has_long("--output-file")
            && !command.has_long("--append-output")
        {
            let name = command.words.first().map_or(command.range.clone(), |word| word.range.clone());
            let at = script.span(&name).end;
            hits.add(script.span(&command.range), "wget writes its progress to the log", "-nv")
                .change(Span::at(at), " -nv");
        }
    }
}

fn shell_link(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (script, command) in file.commands() {
        let is_shell = |word: &crate::shell::Word| matches!(word.text.as_str(), "/bin/sh" | "/usr/bin/sh");
        let moves = match command.name() {
            "ln" => command.operands().last().is_some_and(is_shell) && command.operands().count() > 1,
            "mv" | "rm" => command.operands().next().is_some_and(is_shell),
            "cp" => command.operands().last().is_some_and(is_shell),
            _ => false,
        };
        if moves {
            hits.add(script.span(&command.range), "the system's own shell is replaced", "SHELL");
        }
    }
}

fn useradd(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (script, command) in file.commands().filter(|(_, command)| command.name() == "useradd") {
        let words = command.arguments();
        let at = words.iter().position(|word| matches!(word.text.as_str(), "-u" | "--uid"));
        let long = command.long("--uid").and_then(|word| word.text.split_once('=')).map(|(_, id)| id);
        let id = at.and_then(|at| words.get(at + 1)).map(|word| word.text.as_str()).or(long);
        let is_large = id.is_some_and(|id| id.len() > 5 && id.bytes().all(|byte| byte.is_ascii_digit()));
        if is_large && command.short('l').is_none() && !command.has("--no-log-init") {
            let name = command.words.first().map_or(command.range.clone(), |word| word.range.clone());
            hits.add(script.span(&command.range), "the logs of this id fill the layer", "-l")
                .change(Span::at(script.span(&name).end), " -l");
        }
    }
}

fn unpacked(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for stage in 0..file.stages.len() {
        let steps: Vec<_> = file.own(stage).collect();
        for (index, (copy, _)) in steps.iter().enumerate() {
            if copy.keyword != Keyword::Copy || copy.flag("from").is_some() {
                continue;
            }
            let Some((sources, target)) = copy.sources_and_target() else { continue };
            for source in sources.iter().filter(|word| is_archive(&word.text) && !word.text.contains('$')) {
                let name = if is_archive(&target.text) { &target.text } else { &source.text };
                let name = name.rsplit('/').next().unwrap_or(name);
                let later = steps.get(index + 1..).unwrap_or_default().iter();
                let unpacks = later.flat_map(|(_, step)| &step.scripts).any(|script| {
                    script.script.commands.iter().any(|command| {
                        let opens = match command.name() {
                            "tar" => {
                                command.words.get(1).is_some_and(|word| word.text.contains('x'))
                                    || command.has("--extract")
                                    || command.short('x').is_some()
                            }
                            "gunzip" | "bunzip2" | "unxz" | "unzip" | "gzcat" | "zcat" => true,
                            _ => false,
                        };
                        opens && command.words.iter().any(|word| word.text.rsplit('/').next() == Some(name))
                    })
                });
                if unpacks {
                    hits.add(source.span, format!("{name} is copied, then unpacked by a later step"), "ADD");
                }
            }
        }
    }
}
