//! What only the live host, the engine's events and the registry tell of a container.

use seawall_finding::{Outcome, Rule, Severity};
use seawall_inventory::ImageName;

use super::{Asked, Question};
use crate::answer::{Answer, cis, few};
use crate::limits::EVENT_DAYS;
use crate::machine::{Daemon, EngineFacts, Exec, ImageFacts, Machine};
use crate::section::host::or_no_daemon;

pub(super) const SWARM_UNUSED: Rule = Rule {
    id: "swarm-unused",
    title: "Swarm mode without a service",
    why: "A swarm opens ports for its management and for other nodes, and makes every manager root of all of them.",
    fix: "`docker swarm leave` where nothing is deployed to it.",
    severity: Severity::Low,
    references: &["https://docs.docker.com/engine/swarm/"],
    controls: &cis("5.1", "4.3.1"),
};

pub(super) fn swarm_unused(machine: &Machine<'_>) -> Vec<Answer> {
    let judge = |daemon: &Daemon| {
        let facts = machine.facts(daemon);
        let answer = match facts.and_then(|facts| Some((facts, facts.info.as_ref()?))) {
            None => Answer::not_checked("information of the engine", "the engine was not asked"),
            Some((facts, info)) => {
                let looked_at = facts.asked("info");
                let services = facts.swarm.as_ref().map(|swarm| swarm.services.len());
                match (info.swarm.local_node_state.as_str(), services) {
                    ("active", Some(0)) => Answer::new(Outcome::Fail, looked_at, "a swarm without services"),
                    ("active", Some(services)) => {
                        Answer::new(Outcome::Pass, looked_at, format!("{services} services"))
                    }
                    ("active", None) => {
                        Answer::not_checked(looked_at, "a worker of a swarm; ask one of its managers")
                    }
                    (state, _) => Answer::new(Outcome::Pass, looked_at, format!("no swarm (state {state})")),
                }
            }
        };
        answer.about(daemon.subject()).expecting("no swarm, or services in it")
    };
    or_no_daemon(machine, machine.daemons.iter().map(judge).collect())
}

pub(super) const QUESTIONS: &[Question] = &[
    Question {
        rule: Rule {
            id: "container-ssh-server",
            title: "SSH server in the container",
            why: "It is a second way in, with users, keys and logs that nobody looks after; the engine has `exec`.",
            fix: "Take the server out of the image.",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/reference/cli/docker/container/exec/"],
            controls: &cis("5.7", "4.4.3"),
        },
        ask: ssh_server,
    },
    Question {
        rule: Rule {
            id: "container-undeclared-ports",
            title: "Ports that the image does not declare",
            why: "Each open port is a way in; one that the image does not speak of is one that nobody has thought about.",
            fix: "Publish the ports that the service needs, by number, not all (`-P`); write EXPOSE for those.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/network/#published-ports"],
            controls: &cis("5.9", "4.4.2"),
        },
        ask: undeclared_ports,
    },
    Question {
        rule: Rule {
            id: "exec-privileged",
            title: "Privileged commands started in the container",
            why: "`docker exec --privileged` gives the command what the container was kept from.",
            fix: "Find out who started it, and give the container itself what it needs.",
            severity: Severity::High,
            references: &["https://docs.docker.com/reference/cli/docker/container/exec/"],
            controls: &cis("5.23", "4.4.5"),
        },
        ask: |asked| execs(asked, |_, privileged| privileged, "privileged"),
    },
    Question {
        rule: Rule {
            id: "exec-root",
            title: "Commands started in the container as root",
            why: "`docker exec --user=root` undoes that the image has a user of its own.",
            fix: "Find out who started it; run such commands as the container's user.",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/reference/cli/docker/container/exec/"],
            controls: &cis("5.24", "4.4.5"),
        },
        ask: |asked| execs(asked, |user, _| is_root(user), "as root"),
    },
    Question {
        rule: Rule {
            id: "container-image-outdated",
            title: "Image of the container against its tag",
            why: "A container keeps the image it was started with: what was fixed under its tag since is not fixed in it.",
            fix: "Pull the tag, and replace the container.",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/reference/cli/docker/image/pull/"],
            controls: &cis("5.28", "4.2.2"),
        },
        ask: image_outdated,
    },
];

/// By the processes of the host: nothing is started in the container.
fn ssh_server(asked: &Asked<'_>) -> Answer {
    const SERVERS: [&str; 3] = ["sshd", "dropbear", "sshd-session"];
    let (container, processes) = (asked.container, &asked.machine.host.processes);
    let looked_at = format!("processes of container {}", container.name);
    if !container.is_running {
        return Answer::not_applicable(looked_at, "the container does not run");
    }
    if asked.engine.is_saved || !processes.are_visible {
        return Answer::not_checked(looked_at, "the host's processes are not at hand");
    }
    let is_its = |pid: u32| {
        let groups = asked.machine.host.root.text(&format!("/proc/{pid}/cgroup")).unwrap_or_default();
        groups.contains(&container.id)
    };
    let servers =
        processes.known.iter().filter(|process| SERVERS.contains(&process.name()) && is_its(process.pid));
    let found: Vec<String> =
        servers.map(|process| format!("{} (pid {})", process.program, process.pid)).collect();
    let is_seen = container
        .pid
        .is_none_or(|pid| processes.known.iter().any(|process| process.pid == pid && process.is_proven));
    let answer = match (found.is_empty(), is_seen) {
        (false, _) => Answer::new(Outcome::Fail, looked_at, few(&found)),
        (true, true) => Answer::new(Outcome::Pass, looked_at, "none"),
        (true, false) => Answer::error(looked_at, "its processes do not tell their programs"),
    };
    answer.expecting("none")
}

fn undeclared_ports(asked: &Asked<'_>) -> Answer {
    let looked_at = asked.looked_at();
    let Some(spec) = asked.container.workload.containers.first() else {
        return Answer::error(looked_at, "it has no settings");
    };
    let published = spec.ports.iter().filter(|port| port.published);
    let mut names: Vec<String> =
        published.map(|port| format!("{}/{}", port.container, port.protocol)).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Answer::new(Outcome::Pass, looked_at, "it publishes none").expecting("declared ports only");
    }
    let id = asked.container.image_id.as_str();
    let is_its = |image: &&ImageFacts| {
        image.image.id.trim_start_matches("sha256:") == id.trim_start_matches("sha256:")
    };
    let answer = match asked.engine.images.iter().find(is_its) {
        None => Answer::new(
            Outcome::Manual,
            looked_at,
            format!("it publishes {}; its image is not known", few(&names)),
        ),
        Some(image) => {
            let declared = &image.image.config.exposed_ports;
            let undeclared: Vec<String> =
                names.iter().filter(|name| !declared.contains_key(*name)).cloned().collect();
            let seen = if undeclared.is_empty() {
                few(&names)
            } else {
                format!("not declared: {}", few(&undeclared))
            };
            Answer::judged(undeclared.is_empty(), looked_at, seen)
        }
    };
    answer.expecting("declared ports only")
}

fn is_root(user: &str) -> bool {
    let user = user.split(':').next().unwrap_or_default();
    user == "root" || user.parse::<i64>() == Ok(0)
}

/// An event says that a command was started, not as whom; of one that still runs the engine says all.
fn execs(asked: &Asked<'_>, is_bad: fn(&str, bool) -> bool, what: &str) -> Answer {
    let looked_at = asked.engine.asked(&format!("events and running commands of {}", asked.container.name));
    let Some(execs) = &asked.engine.execs else {
        return Answer::not_checked(looked_at, not_asked(asked.engine));
    };
    let its: Vec<&Exec> = execs.iter().filter(|exec| exec.container == asked.container.name).collect();
    let bad: Vec<String> = its
        .iter()
        .filter(|exec| exec.running.as_ref().is_some_and(|(user, privileged)| is_bad(user, *privileged)))
        .map(|exec| exec.command.clone())
        .collect();
    let ended: Vec<String> =
        its.iter().filter(|exec| exec.running.is_none()).map(|exec| exec.command.clone()).collect();
    let running = its.len() - ended.len();
    let answer = match (bad.is_empty(), ended.len() > running) {
        (false, _) => Answer::new(Outcome::Fail, looked_at, format!("{what}: {}", few(&bad))),
        (true, false) => Answer::new(Outcome::Pass, looked_at, format!("{running} run, none {what}")),
        (true, true) => {
            let seen = format!(
                "{} were started in {EVENT_DAYS} days ({}); as whom, the engine no longer says",
                ended.len(),
                few(&ended)
            );
            Answer::new(Outcome::Manual, looked_at, seen)
        }
    };
    answer.expecting(format!("none {what}"))
}

fn not_asked(engine: &EngineFacts) -> String {
    match engine.is_saved {
        true => "saved answers hold no events".to_owned(),
        false => engine.why_not("events"),
    }
}

fn image_outdated(asked: &Asked<'_>) -> Answer {
    let looked_at = asked.looked_at();
    let (tag, id) = (asked.container.image.as_str(), asked.container.image_id.trim_start_matches("sha256:"));
    let expected = "the image that the tag means now";
    if id.is_empty() {
        return Answer::not_checked(looked_at, "the engine does not say which image it runs")
            .expecting(expected);
    }
    if tag.contains('@') {
        return Answer::new(Outcome::Pass, looked_at, format!("it runs {tag}, which means one image"))
            .expecting(expected);
    }
    let is_own = |image: &&ImageFacts| image.image.id.trim_start_matches("sha256:") == id;
    let Ok(name) = tag.parse::<ImageName>() else {
        return Answer::not_checked(looked_at, format!("{tag} is no name of an image")).expecting(expected);
    };
    let full = name.to_string();
    let has_tag = |image: &&ImageFacts| {
        image.image.repo_tags.iter().any(|its| its.parse::<ImageName>().is_ok_and(|its| its == name))
    };
    let here = asked.engine.images.iter().find(has_tag);
    if let Some(image) = here.filter(|image| !is_own(image)) {
        let seen = format!("{full} means {} here, and it runs {id}", image.image.id);
        return Answer::new(Outcome::Fail, looked_at, seen).expecting(expected);
    }
    let Some(newest) = (asked.machine.inputs.newest)(&full) else {
        return Answer::not_checked(looked_at, format!("the registry was not asked for {full}"))
            .expecting(expected);
    };
    let own = asked.engine.images.iter().find(is_own);
    let digests: Vec<&str> = own
        .iter()
        .flat_map(|image| &image.image.repo_digests)
        .filter_map(|name| Some(name.split_once('@')?.1))
        .collect();
    let is_newest = digests.contains(&newest.as_str());
    let seen = format!("the registry has {newest}, here is {}", digests.join(", "));
    Answer::judged(is_newest, format!("registry, {full}"), seen).expecting(expected)
}
