//! `docker run`, `podman run` and the like → workloads.

use seawall_inventory::Workload;
use seawall_inventory::workload::{
    Account, Command, ContainerSpec, Device, EnvFrom, EnvOrigin, Given, Handler, Mount, MountKind, Namespace,
    Origin, Probe, ProbeKind, Source,
};

use crate::dialect;
use crate::limits::SCRIPT_DEPTH_MAX;
use crate::words::{Word, commands_at};

/// The containers that a shell script starts.
pub(crate) fn script(text: &str) -> Vec<Workload> {
    script_at(text, 1)
}

/// The same, of a script that begins at a line of its file.
pub(crate) fn script_at(text: &str, line: u32) -> Vec<Workload> {
    let mut found = Vec::new();
    scripts(text, line, 0, &mut found);
    found
}

/// With the scripts that its commands are given.
fn scripts(text: &str, line: u32, depth: usize, found: &mut Vec<Workload>) {
    for words in commands_at(text, line) {
        match inner(&words).filter(|_| depth < SCRIPT_DEPTH_MAX) {
            Some((script, line)) => scripts(&script, line, depth + 1, found),
            None => found.extend(run(&words, Source::Command)),
        }
    }
}

/// The script that a command is given: `bash -c '…'`, `eval …`, `ssh host …`.
fn inner(words: &[Word]) -> Option<(String, u32)> {
    /// Options of ssh that take a value.
    const SSH_VALUES: &str = "bcDEeFIiJLlmOopQRSWw";
    let (program, rest) = behind_prefixes(words)?.split_first()?;
    let joined = |rest: &[Word]| {
        let line = rest.first()?.line;
        Some((rest.iter().map(|word| word.text.as_str()).collect::<Vec<_>>().join(" "), line))
    };
    match program.text.rsplit('/').next()? {
        "bash" | "sh" | "dash" | "ash" | "zsh" | "ksh" | "su" => {
            let is_option = |word: &Word| word.text.starts_with('-') && !word.text.starts_with("--");
            let at = rest.iter().position(|word| is_option(word) && word.text.ends_with('c'))?;
            rest.get(at + 1).map(|script| (script.text.clone(), script.line))
        }
        "eval" => joined(rest),
        "ssh" => {
            let mut at = 0;
            while let Some(option) = rest.get(at)?.text.strip_prefix('-') {
                let takes_next = option.len() == 1 && SSH_VALUES.contains(option);
                at += if takes_next { 2 } else { 1 };
            }
            joined(rest.get(at + 1..)?)
        }
        _ => None,
    }
}

/// Flags of `docker run` and `podman run` without a value.
const SWITCHES: [&str; 26] = [
    "detach",
    "interactive",
    "tty",
    "rm",
    "privileged",
    "init",
    "read-only",
    "publish-all",
    "no-healthcheck",
    "oom-kill-disable",
    "sig-proxy",
    "disable-content-trust",
    "quiet",
    "tls-verify",
    "replace",
    "env-host",
    "http-proxy",
    "no-hosts",
    "no-hostname",
    "read-only-tmpfs",
    "rmi",
    "passwd",
    "use-api-socket",
    "help",
    "no-trunc",
    "unsetenv-all",
];

/// Flags before the subcommand that take a value.
const GLOBAL_VALUES: [&str; 16] = [
    "host",
    "H",
    "context",
    "c",
    "config",
    "log-level",
    "l",
    "tlscacert",
    "tlscert",
    "tlskey",
    "root",
    "runroot",
    "url",
    "connection",
    "namespace",
    "n",
];

/// The container that a command starts, where it starts one.
pub(crate) fn run(words: &[Word], source: Source) -> Option<Workload> {
    let words = behind_prefixes(words)?;
    let (program, rest) = words.split_first()?;
    let engine =
        program.text.rsplit('/').next().filter(|name| ["docker", "podman", "nerdctl"].contains(name))?;
    let rest = subcommand(rest)?;
    let mut workload = Workload {
        source,
        kind: engine.to_owned(),
        name: String::new(),
        origin: Origin::new("", program.line),
        ..Workload::default()
    };
    let mut container = ContainerSpec { origin: Origin::new("", program.line), ..ContainerSpec::default() };
    let image = flags(rest, &mut workload, &mut container);
    if let Some((image, arguments)) = image.and_then(|at| rest.get(at..)).and_then(<[Word]>::split_first) {
        container.image = Some(Given::new(image.text.clone(), Origin::new("image", image.line)));
        if let Some(first) = arguments.first() {
            let words = arguments.iter().map(|word| word.text.clone()).collect();
            container.command = Some(Given::new(Command::Words(words), Origin::new("command", first.line)));
        }
    }
    if workload.name.is_empty() {
        let image = container.image.as_ref().map_or("", |image| &image.value);
        let last = image.rsplit('/').next().unwrap_or_default();
        workload.name = last.split([':', '@']).next().unwrap_or_default().to_owned();
    }
    container.name = workload.name.clone();
    workload.containers.push(container);
    Some(workload)
}

/// Where the image stands among the words of a `docker run`, `podman run` or `create`.
pub fn image_position(words: &[String]) -> Option<usize> {
    let words: Vec<Word> = words.iter().map(|text| Word { text: text.clone(), line: 1 }).collect();
    let (program, rest) = behind_prefixes(&words)?.split_first()?;
    ["docker", "podman", "nerdctl"].contains(&program.text.rsplit('/').next()?).then_some(())?;
    let rest = subcommand(rest)?;
    let at = flags(rest, &mut Workload::default(), &mut ContainerSpec::default())?;
    (at < rest.len()).then_some(words.len() - rest.len() + at)
}

/// Behind what stands before a command: keywords, assignments, `sudo -E`.
fn behind_prefixes(words: &[Word]) -> Option<&[Word]> {
    const WORDS: [&str; 17] = [
        "sudo", "exec", "then", "do", "else", "if", "while", "!", "env", "nohup", "time", "$", "command",
        "doas", "{", "elif", "until",
    ];
    /// Words with options that take a value, and words in front of the command that are no options.
    const WITH_VALUES: [(&str, &[&str], usize); 5] = [
        ("sudo", &["-u", "-g", "-h", "-p", "-C", "-D", "-R", "-T", "-r", "-t"], 0),
        ("doas", &["-u", "-C"], 0),
        ("timeout", &["-s", "-k"], 1),
        ("nice", &["-n"], 0),
        ("xargs", &["-n", "-I", "-P", "-L", "-s", "-d", "-a"], 0),
    ];
    let mut words = words;
    while let Some((first, rest)) = words.split_first()
        && let Some((_, options, operands)) = WITH_VALUES.iter().find(|(name, ..)| *name == first.text)
    {
        let mut at = 0;
        while let Some(word) = rest.get(at).filter(|word| word.text.starts_with('-')) {
            at += if options.contains(&word.text.as_str()) { 2 } else { 1 };
        }
        words = rest.get(at + operands..)?;
    }
    let is_prefix = |word: &Word| {
        let text = word.text.as_str();
        let is_assignment = text.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty()
                && !name.starts_with('-')
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        });
        WORDS.contains(&text) || is_assignment || text.starts_with('-')
    };
    words.get(words.iter().position(|word| !is_prefix(word))?..)
}

/// Behind `run`, `create` or `container run`.
fn subcommand(words: &[Word]) -> Option<&[Word]> {
    let mut at = 0;
    loop {
        let text = words.get(at)?.text.as_str();
        match text {
            "run" | "create" => return words.get(at + 1..),
            "container" => at += 1,
            _ if text.starts_with('-') => {
                let takes_value = GLOBAL_VALUES.contains(&text.trim_start_matches('-'));
                at += if takes_value { 2 } else { 1 };
            }
            _ => return None,
        }
    }
}

/// Reads flags into a workload; answers where they end.
pub(crate) fn flags(words: &[Word], workload: &mut Workload, container: &mut ContainerSpec) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        let text = word.text.as_str();
        if text == "--" {
            return Some(at);
        }
        if let Some(long) = text.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None if SWITCHES.contains(&long) => (long, None),
                None => {
                    at += 1;
                    (long, words.get(at - 1).map(|value| value.text.clone()))
                }
            };
            flag(name, value, word.line, workload, container);
        } else if let Some(short) = text.strip_prefix('-').filter(|short| !short.is_empty()) {
            at += shorts(short, words.get(at), word.line, workload, container);
        } else {
            return Some(at - 1);
        }
    }
    None
}

/// `-it`, `-p80:80`, `-e A=b`; answers whether the next word was taken.
fn shorts(
    text: &str,
    next: Option<&Word>,
    line: u32,
    workload: &mut Workload,
    container: &mut ContainerSpec,
) -> usize {
    for (index, short) in text.char_indices() {
        let name = match short {
            'P' => {
                flag("publish-all", None, line, workload, container);
                continue;
            }
            'd' | 'i' | 't' | 'q' => continue,
            'v' => "volume",
            'p' => "publish",
            'e' => "env",
            'u' => "user",
            'm' => "memory",
            'c' => "cpu-shares",
            'l' => "label",
            _ => "",
        };
        let rest = text.get(index + short.len_utf8()..).unwrap_or_default();
        let rest = rest.strip_prefix('=').unwrap_or(rest);
        let (value, taken) = match rest {
            "" => (next.map(|word| word.text.clone()), 1),
            rest => (Some(rest.to_owned()), 0),
        };
        flag(name, value, line, workload, container);
        return taken;
    }
    0
}

fn flag(
    name: &str,
    value: Option<String>,
    line: u32,
    workload: &mut Workload,
    container: &mut ContainerSpec,
) {
    let origin = || Origin::new(format!("--{name}"), line);
    let on = !matches!(value.as_deref(), Some("false" | "0" | "f" | "F" | "False" | "FALSE"));
    let switch = || Some(Given::new(on, origin()));
    let text = value.unwrap_or_default();
    let given = || Given::new(text.clone(), origin());
    let namespace = || Some(Given::new(Namespace::from_text(&text), origin()));
    let number = |value: Option<i64>| value.map(|value| Given::new(value, origin()));
    let resources = &mut container.resources;
    match name {
        "name" => workload.name.clone_from(&text),
        "privileged" => container.privileged = switch(),
        "read-only" => container.read_only_root = switch(),
        "init" => container.init = switch(),
        "publish-all" => container.publish_all_ports = switch(),
        "oom-kill-disable" => resources.oom_kill_disable = switch(),
        "no-healthcheck" => container.probes.push(health(Handler::Disabled, origin())),
        "health-cmd" if text == "none" => container.probes.push(health(Handler::Disabled, origin())),
        "health-cmd" => container.probes.push(health(Handler::Exec(Command::Line(text)), origin())),
        "use-api-socket" => container.mounts.push(Mount {
            kind: MountKind::HostPath,
            source: "/var/run/docker.sock".to_owned(),
            target: "/var/run/docker.sock".to_owned(),
            origin: origin(),
            ..Mount::default()
        }),
        "cap-add" => container.capabilities_add.extend(listed(&text, &origin())),
        "cap-drop" => container.capabilities_drop.extend(listed(&text, &origin())),
        "security-opt" => dialect::security_option(&given(), container),
        "user" => {
            let (user, group) = Account::pair_from_text(&text);
            container.security.user = user.map(|user| Given::new(user, origin()));
            container.security.group = group.map(|group| Given::new(group, origin()));
        }
        "group-add" => container.security.groups.push(Given::new(Account::from_text(&text), origin())),
        "pid" => workload.namespaces.pid = namespace(),
        "ipc" => workload.namespaces.ipc = namespace(),
        "uts" => workload.namespaces.uts = namespace(),
        "userns" => workload.namespaces.user = namespace(),
        "cgroupns" => workload.namespaces.cgroup = namespace(),
        "network" | "net" => network(&given(), workload),
        "volume" => container.mounts.push(dialect::mount(&text, origin())),
        "mount" => container.mounts.push(dialect::mount_flag(&text, origin())),
        "tmpfs" => container.mounts.push(Mount {
            kind: MountKind::Temporary,
            target: text.split(':').next().unwrap_or_default().to_owned(),
            origin: origin(),
            ..Mount::default()
        }),
        "volumes-from" => container.volumes_from.push(given()),
        "device" => container.devices.push(Device::from_text(&given())),
        "device-cgroup-rule" => container.device_cgroup_rules.push(given()),
        "gpus" => container.device_requests.push(given()),
        "publish" => container.ports.extend(dialect::port(&text, origin())),
        "env" => container.env.push(dialect::variable(&text, origin())),
        "env-file" => {
            container.env_from.push(EnvFrom {
                from: EnvOrigin::Inherited,
                file: Some(text),
                origin: origin(),
            });
        }
        "sysctl" => workload.sysctls.push(dialect::sysctl(&text, origin())),
        "ulimit" => resources.ulimits.extend(dialect::ulimit(&text, origin())),
        "memory" => resources.memory_limit_bytes = number(dialect::bytes(&text)),
        "memory-reservation" => resources.memory_request_bytes = number(dialect::bytes(&text)),
        "memory-swap" => resources.memory_swap_bytes = number(dialect::bytes(&text)),
        "cpus" => resources.cpu_limit_millis = number(dialect::millis(&text)),
        // A quota is of a period of 100 ms, where no other is said.
        "cpu-quota" => resources.cpu_limit_millis = number(text.parse::<i64>().ok().map(|quota| quota / 100)),
        "cpu-shares" => resources.cpu_shares = number(text.parse().ok()),
        "pids-limit" => resources.pids_limit = number(text.parse().ok()),
        "oom-score-adj" => resources.oom_score_adj = number(text.parse().ok()),
        "restart" => workload.restart = Some(Given::new(dialect::restart(&text), origin())),
        "pull" => container.pull_policy = Some(given()),
        "runtime" => workload.runtime = Some(given()),
        "cgroup-parent" => workload.cgroup_parent = Some(given()),
        "add-host" => workload.extra_hosts.push(given()),
        "entrypoint" => container.entrypoint = Some(Given::new(Command::Line(text), origin())),
        "label" => {
            let (key, value) = text.split_once('=').unwrap_or((&text, ""));
            workload.labels.insert(key.to_owned(), value.to_owned());
        }
        _ => {}
    }
}

fn health(handler: Handler, origin: Origin) -> Probe {
    Probe { kind: ProbeKind::Health, handler, origin }
}

/// podman takes several names behind commas.
fn listed(text: &str, origin: &Origin) -> Vec<Given<String>> {
    text.split(',').map(|name| Given::new(name.trim().to_owned(), origin.clone())).collect()
}

/// A mode or the name of a network.
pub(crate) fn network(given: &Given<String>, workload: &mut Workload) {
    // `--network name=backend,alias=db` is the long form.
    let name = given.value.split(',').find_map(|part| part.strip_prefix("name=")).unwrap_or(&given.value);
    let mode = Namespace::from_text(name);
    if matches!(&mode, Namespace::Named(name) if name != "bridge" && name != "default") {
        workload.networks.push(Given::new(name.to_owned(), given.origin.clone()));
    } else {
        workload.namespaces.network = Some(Given::new(mode, given.origin.clone()));
    }
}
