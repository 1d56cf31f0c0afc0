//! Registries that the daemon trusts without reason.

use seawall_finding::{Framework, Rule, Severity};

use super::{Asked, Question};
use crate::answer::{Answer, cis, few};

pub(super) const QUESTIONS: &[Question] = &[
    Question {
        rule: Rule {
            id: "daemon-insecure-registries",
            title: "Registries without TLS",
            why: "Who sits between the daemon and such a registry decides what runs here.",
            fix: "Take the registry out of `insecure-registries`, and put its certificate authority into \
                  /etc/docker/certs.d/NAME/ca.crt.",
            severity: Severity::High,
            references: &["https://docs.docker.com/engine/daemon/"],
            controls: &cis("2.5", "4.2.1"),
        },
        setting: "insecure-registries",
        ask: insecure,
    },
    Question {
        rule: Rule {
            id: "daemon-plain-mirrors",
            title: "Registry mirrors without TLS",
            why: "A mirror answers for Docker Hub; in plain text, so does everybody on the way.",
            fix: "Write the mirror with https://.",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/docker-hub/image-library/mirror/"],
            controls: &[(Framework::NistSp800190, "4.2.1")],
        },
        setting: "registry-mirrors",
        ask: mirrors,
    },
];

/// Docker adds these by itself: they do not leave the host.
fn is_loopback(registry: &str) -> bool {
    registry.starts_with("127.")
        || registry.starts_with("localhost")
        || registry.starts_with("::1")
        || registry.starts_with("[::1]")
}

fn insecure(asked: &Asked<'_>) -> Answer {
    let mut registries = asked.daemon.settings.list("insecure-registries");
    let mut source = asked.source();
    if let (Some(info), Some(facts)) = (asked.info(), asked.machine.facts(asked.daemon)) {
        registries.extend(info.registry_config.insecure_registry_cidrs.iter().cloned());
        let named = info.registry_config.index_configs.iter().filter(|(_, index)| !index.secure);
        registries.extend(named.map(|(name, _)| name.clone()));
        source = facts.asked("info");
    }
    registries.retain(|registry| !is_loopback(registry));
    registries.sort_unstable();
    registries.dedup();
    let seen = if registries.is_empty() { "none but this host".to_owned() } else { few(&registries) };
    Answer::judged(registries.is_empty(), source, seen).expecting("none but this host")
}

fn mirrors(asked: &Asked<'_>) -> Answer {
    let mirrors = asked.daemon.settings.list("registry-mirrors");
    let is_plain = |mirror: &&String| mirror.strip_prefix("http://").is_some_and(|rest| !is_loopback(rest));
    let plain: Vec<String> = mirrors.iter().filter(is_plain).cloned().collect();
    let seen = match (plain.is_empty(), mirrors.is_empty()) {
        (false, _) => few(&plain),
        (true, true) => "no mirrors".to_owned(),
        (true, false) => few(&mirrors),
    };
    Answer::judged(plain.is_empty(), asked.source(), seen).expecting("https:// alone")
}
