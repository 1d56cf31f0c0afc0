//! CIS Docker 7: a swarm, as its managers see it. Without a swarm the questions do not arise: they pass nothing.

use jiff::Timestamp;
use seawall_finding::{Outcome, Rule, Severity};
use serde::Deserialize;

use super::host::or_no_daemon;
use super::images::is_credential_name;
use crate::answer::{Answer, Report, Section, cis, few};
use crate::limits::ROTATION_DAYS_MAX;
use crate::machine::{Daemon, EngineFacts, Machine, SwarmFacts};
use crate::root::Unread;

/// A question to each daemon that is in a swarm.
struct Question {
    rule: Rule,
    /// Whether only a manager can answer.
    audience: Audience,
    ask: fn(&Asked<'_>) -> Answer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    Managers,
    Nodes,
}

/// A node of a swarm that is being asked.
struct Asked<'m> {
    machine: &'m Machine<'m>,
    daemon: &'m Daemon,
    engine: &'m EngineFacts,
    swarm: &'m SwarmFacts,
}

const REFERENCES: &[&str] = &["https://docs.docker.com/engine/swarm/"];

const QUESTIONS: &[Question] = &[
    Question {
        rule: Rule {
            id: "swarm-managers",
            title: "Number of managers",
            why: "Each manager holds the keys of the whole swarm; an even number of them survives no more failures than \
                  one less.",
            fix: "Keep 3, 5 or 7 managers (one for a swarm that may fail), and demote the others.",
            severity: Severity::Low,
            references: REFERENCES,
            controls: &cis("7.1", "4.3.1"),
        },
        audience: Audience::Managers,
        ask: managers,
    },
    Question {
        rule: Rule {
            id: "swarm-listen-address",
            title: "Address on which the swarm is managed",
            why: "On all interfaces the management port can be reached from networks that have no business with it.",
            fix: "Join with `--listen-addr IP:2377`, and filter ports 2377, 7946 and 4789.",
            severity: Severity::Medium,
            references: REFERENCES,
            controls: &cis("7.2", "4.3.2"),
        },
        audience: Audience::Nodes,
        ask: listen_address,
    },
    Question {
        rule: Rule {
            id: "swarm-overlay-encryption",
            title: "Encryption of overlay networks",
            why: "Traffic between nodes is in plain text unless the network says otherwise.",
            fix: "Create the network with `--opt encrypted`.",
            severity: Severity::Medium,
            references: &[
                "https://docs.docker.com/engine/network/drivers/overlay/#encrypt-traffic-on-an-overlay-network",
            ],
            controls: &cis("7.3", "4.3.3"),
        },
        audience: Audience::Nodes,
        ask: overlay_encryption,
    },
    Question {
        rule: Rule {
            id: "swarm-secrets",
            title: "Credentials of services",
            why: "What is in the environment is in `docker inspect`, in logs and in every child process; a secret is a file \
                  in memory.",
            fix: "`docker secret create`, and give it to the service with `--secret`.",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/engine/swarm/secrets/"],
            controls: &cis("7.4", "4.1.4"),
        },
        audience: Audience::Managers,
        ask: secrets,
    },
    Question {
        rule: Rule {
            id: "swarm-auto-lock",
            title: "Lock of managers' keys",
            why: "Without it the keys of the swarm lie on the manager's disk beside what they encrypt.",
            fix: "`docker swarm update --autolock=true`, and keep the unlock key elsewhere.",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/engine/swarm/swarm_manager_locking/"],
            controls: &cis("7.5", "4.3.5"),
        },
        audience: Audience::Managers,
        ask: auto_lock,
    },
    Question {
        rule: Rule {
            id: "swarm-unlock-key-rotation",
            title: "Age of the unlock key",
            why: "A key that never changes is one that former administrators still have.",
            fix: "`docker swarm unlock-key --rotate`, and attest when.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/swarm/swarm_manager_locking/"],
            controls: &cis("7.6", "4.3.5"),
        },
        audience: Audience::Managers,
        ask: unlock_key,
    },
    Question {
        rule: Rule {
            id: "swarm-certificate-expiry",
            title: "Lifetime of nodes' certificates",
            why: "A node that was taken over stays a member as long as its certificate lasts.",
            fix: "`docker swarm update --cert-expiry 720h`.",
            severity: Severity::Low,
            references: REFERENCES,
            controls: &cis("7.7", "4.3.5"),
        },
        audience: Audience::Managers,
        ask: certificate_expiry,
    },
    Question {
        rule: Rule {
            id: "swarm-ca-rotation",
            title: "Age of the swarm's certificate authority",
            why: "Its key signs members of the swarm; every manager that ever was has had it.",
            fix: "`docker swarm ca --rotate`, and attest when.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/swarm/how-swarm-mode-works/pki/"],
            controls: &cis("7.8", "4.3.5"),
        },
        audience: Audience::Managers,
        ask: authority,
    },
    Question {
        rule: Rule {
            id: "swarm-data-path",
            title: "Network of the swarm's data",
            why: "Containers' traffic on the network of the managers can crowd them out, and can reach them.",
            fix: "Join with `--data-path-addr` on another interface.",
            severity: Severity::Low,
            references: REFERENCES,
            controls: &cis("7.9", "4.3.3"),
        },
        audience: Audience::Nodes,
        ask: data_path,
    },
];

pub(super) fn rules() -> impl Iterator<Item = &'static Rule> {
    QUESTIONS.iter().map(|question| &question.rule)
}

pub(super) fn ask(machine: &Machine<'_>, report: &mut Report) {
    for question in QUESTIONS {
        let answers =
            machine.daemons.iter().map(|daemon| answer(machine, daemon, question).about(daemon.subject()));
        for answer in or_no_daemon(machine, answers.collect()) {
            report.add(Section::Swarm, &question.rule, answer);
        }
    }
}

fn answer(machine: &Machine<'_>, daemon: &Daemon, question: &Question) -> Answer {
    let looked_at = "information of the engine";
    let Some((engine, info)) = machine.facts(daemon).and_then(|engine| Some((engine, engine.info.as_ref()?)))
    else {
        return Answer::not_checked(looked_at, "the engine was not asked");
    };
    if info.swarm.local_node_state != "active" {
        let state =
            if info.swarm.local_node_state.is_empty() { "unknown" } else { &info.swarm.local_node_state };
        return Answer::not_applicable(engine.asked("info"), format!("no swarm (state {state})"));
    }
    let nothing = SwarmFacts::default();
    let swarm = match (&engine.swarm, question.audience) {
        (Some(swarm), _) => swarm,
        (None, Audience::Nodes) => &nothing,
        (None, Audience::Managers) if info.swarm.control_available => {
            return Answer::error(engine.asked("swarm"), engine.why_not("swarm"));
        }
        (None, Audience::Managers) => {
            return Answer::not_checked(
                engine.asked("info"),
                "this node is a worker; ask a manager of the swarm",
            );
        }
    };
    (question.ask)(&Asked { machine, daemon, engine, swarm })
}

fn managers(asked: &Asked<'_>) -> Answer {
    let managers = asked.swarm.nodes.iter().filter(|node| node.spec.role == "manager").count();
    let seen = format!("{managers} managers of {} nodes", asked.swarm.nodes.len());
    Answer::judged(managers % 2 == 1 && managers <= 7, asked.engine.asked("nodes"), seen)
        .expecting("1, 3, 5 or 7")
}

/// What the daemon keeps of the way it joined.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Joined {
    listen_addr: String,
    data_path_addr: String,
    advertise_addr: String,
}

fn joined(asked: &Asked<'_>) -> (String, Result<Joined, Unread>) {
    let path = format!("{}/swarm/docker-state.json", data_root(asked));
    let read = asked.machine.host.root.text(&path).and_then(|text| {
        serde_json::from_str(&text)
            .map_err(|error| Unread::Refused(format!("it is not as expected: {error}")))
    });
    (path, read)
}

fn data_root(asked: &Asked<'_>) -> String {
    let told = asked.engine.info.as_ref().map(|info| info.docker_root_dir.clone());
    told.filter(|path| !path.is_empty()).unwrap_or_else(|| asked.daemon.settings.data_root().to_owned())
}

fn listen_address(asked: &Asked<'_>) -> Answer {
    let expected = "an address of one interface";
    let (path, joined) = joined(asked);
    let answer = match joined {
        Err(error) => Answer::error(path, error.to_string()),
        Ok(joined) => {
            let address = joined.listen_addr;
            let host =
                address.rsplit_once(':').map_or(address.as_str(), |(host, _)| host).trim_matches(['[', ']']);
            let is_any = matches!(host, "" | "0.0.0.0" | "::");
            Answer::judged(!is_any, path, format!("it listens on {address}"))
        }
    };
    answer.expecting(expected)
}

fn data_path(asked: &Asked<'_>) -> Answer {
    let (path, joined) = joined(asked);
    let answer = match joined {
        Err(error) => Answer::error(path, error.to_string()),
        Ok(joined) => {
            let managed = joined.advertise_addr.split(':').next().unwrap_or_default().to_owned();
            let is_apart = !joined.data_path_addr.is_empty() && joined.data_path_addr != managed;
            let seen = match joined.data_path_addr.as_str() {
                "" => "data takes the address of the management".to_owned(),
                address => format!("data takes {address}, the management {managed}"),
            };
            Answer::judged(is_apart, path, seen)
        }
    };
    answer.expecting("an address of its own")
}

fn overlay_encryption(asked: &Asked<'_>) -> Answer {
    let looked_at = asked.engine.asked("networks");
    let Some(networks) = &asked.engine.networks else {
        return Answer::error(looked_at, asked.engine.why_not("networks"));
    };
    // The routing mesh of published ports cannot be had otherwise than plain, but may be made again with the option.
    let overlays: Vec<_> = networks.iter().filter(|network| network.driver == "overlay").collect();
    let is_plain = |network: &&&crate::inspect::Network| !network.options.contains_key("encrypted");
    let plain: Vec<String> = overlays.iter().filter(is_plain).map(|network| network.name.clone()).collect();
    match (overlays.is_empty(), plain.is_empty()) {
        (true, _) => Answer::not_applicable(looked_at, "there are no overlay networks"),
        (false, true) => {
            Answer::new(Outcome::Pass, looked_at, format!("{} networks, all encrypted", overlays.len()))
        }
        (false, false) => Answer::new(Outcome::Fail, looked_at, format!("in plain text: {}", few(&plain))),
    }
    .expecting("the option `encrypted`")
}

fn secrets(asked: &Asked<'_>) -> Answer {
    let looked_at = asked.engine.asked("services");
    if asked.swarm.services.is_empty() {
        return Answer::not_applicable(looked_at, "there are no services");
    }
    let mut open = Vec::new();
    for service in &asked.swarm.services {
        for variable in &service.spec.task_template.container_spec.env {
            if let Some((name, value)) = variable.split_once('=')
                && !value.is_empty()
                && is_credential_name(name)
            {
                open.push(format!("{} of {}", name, service.spec.name));
            }
        }
    }
    let answer = match open.is_empty() {
        false => Answer::new(Outcome::Fail, looked_at, format!("in the environment: {}", few(&open))),
        true => {
            let seen = format!(
                "{} services, none with a credential in its environment; {} secrets",
                asked.swarm.services.len(),
                asked.swarm.secrets
            );
            Answer::new(Outcome::Pass, looked_at, seen)
        }
    };
    answer.expecting("secrets, not environment variables")
}

fn auto_lock(asked: &Asked<'_>) -> Answer {
    let is_on = asked.swarm.settings.spec.encryption_config.auto_lock_managers;
    let seen =
        if is_on { "managers are locked when they start" } else { "managers start with their keys at hand" };
    Answer::judged(is_on, asked.engine.asked("swarm"), seen).expecting("locked")
}

fn days_since(asked: &Asked<'_>, time: &str) -> Option<i64> {
    let time: Timestamp = time.parse().ok()?;
    Some((asked.machine.inputs.now.as_second() - time.as_second()) / (24 * 60 * 60))
}

/// Docker does not say when the key was changed; a swarm that nobody has changed since is one whose key is as old.
fn unlock_key(asked: &Asked<'_>) -> Answer {
    let looked_at = asked.engine.asked("swarm");
    if !asked.swarm.settings.spec.encryption_config.auto_lock_managers {
        return Answer::not_applicable(looked_at, "managers are not locked");
    }
    let answer = match days_since(asked, &asked.swarm.settings.updated_at) {
        None => Answer::error(looked_at, "it does not say when it was changed last"),
        Some(days) if days > ROTATION_DAYS_MAX => {
            Answer::new(Outcome::Fail, looked_at, format!("nothing of the swarm was changed in {days} days"))
        }
        Some(days) => {
            let seen =
                format!("the swarm was changed {days} days ago; whether its key was, somebody has to say");
            Answer::new(Outcome::Manual, looked_at, seen)
        }
    };
    answer.expecting(format!("changed in the last {ROTATION_DAYS_MAX} days"))
}

fn certificate_expiry(asked: &Asked<'_>) -> Answer {
    const NANOSECONDS_A_DAY: i64 = 24 * 60 * 60 * 1_000_000_000;
    // Docker's default, for a swarm that does not say.
    let told = asked.swarm.settings.spec.ca_config.node_cert_expiry;
    let days = if told == 0 { 90 } else { told / NANOSECONDS_A_DAY };
    let expected = format!("at most {ROTATION_DAYS_MAX} days");
    Answer::judged(days <= ROTATION_DAYS_MAX, asked.engine.asked("swarm"), format!("{days} days"))
        .expecting(expected)
}

/// The authority of a young swarm is young; of an old one it is old unless it was ever rotated.
fn authority(asked: &Asked<'_>) -> Answer {
    const DAYS_MAX: i64 = 365;
    let looked_at = asked.engine.asked("swarm");
    let settings = &asked.swarm.settings;
    let answer = match (days_since(asked, &settings.created_at), settings.spec.ca_config.force_rotate) {
        (None, _) => Answer::error(looked_at, "it does not say when it was made"),
        (Some(days), _) if days <= DAYS_MAX => {
            Answer::new(Outcome::Pass, looked_at, format!("the swarm was made {days} days ago"))
        }
        (Some(_), _) if settings.root_rotation_in_progress => {
            Answer::new(Outcome::Pass, looked_at, "it is being changed now")
        }
        (Some(days), 0) => Answer::new(Outcome::Fail, looked_at, format!("never changed in {days} days")),
        (Some(_), times) => Answer::new(
            Outcome::Manual,
            looked_at,
            format!("changed {times} times; when, somebody has to say"),
        ),
    };
    answer.expecting(format!("not older than {DAYS_MAX} days"))
}
