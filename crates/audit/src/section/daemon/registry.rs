//! Registries that the daemon trusts without reason.

use std::net::IpAddr;

use seawall_finding::{Framework, Rule, Severity};

use super::{Asked, Question};
use crate::answer::{Answer, cis, few};
use crate::plan::without_credentials;

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

/// Docker adds these by itself: they do not leave the host. A name that only begins like one of them does.
fn is_loopback(registry: &str) -> bool {
    if let Some((address, bits)) = registry.split_once('/')
        && let (Ok(address), Ok(bits)) = (address.parse::<IpAddr>(), bits.parse::<u8>())
    {
        let bits_min = if address.is_ipv4() { 8 } else { 128 };
        return address.is_loopback() && bits >= bits_min;
    }
    let authority = registry.split(['/', '?', '#']).next().unwrap_or_default();
    let place = authority.rsplit('@').next().unwrap_or_default();
    let host = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) if port.is_empty() || port.starts_with(':') => host,
        Some(_) => return false,
        None if place.parse::<IpAddr>().is_ok() => place,
        None => place.rsplit_once(':').map_or(place, |(host, _)| host),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A mirror whose text anybody on the way reads and writes.
fn is_plain(mirror: &str) -> bool {
    let address = mirror.trim().split_once("://");
    address.is_some_and(|(scheme, rest)| scheme.eq_ignore_ascii_case("http") && !is_loopback(rest))
}

/// Some of them, without the passwords that they may hold.
fn shown(registries: &[String]) -> String {
    let shown: Vec<String> = registries.iter().map(|registry| without_credentials(registry)).collect();
    few(&shown)
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
    let seen = if registries.is_empty() { "none but this host".to_owned() } else { shown(&registries) };
    Answer::judged(registries.is_empty(), source, seen).expecting("none but this host")
}

fn mirrors(asked: &Asked<'_>) -> Answer {
    let mirrors = asked.daemon.settings.list("registry-mirrors");
    let plain: Vec<String> = mirrors.iter().filter(|mirror| is_plain(mirror)).cloned().collect();
    let seen = match (plain.is_empty(), mirrors.is_empty()) {
        (false, _) => shown(&plain),
        (true, true) => "no mirrors".to_owned(),
        (true, false) => shown(&mirrors),
    };
    Answer::judged(plain.is_empty(), asked.source(), seen).expecting("https:// alone")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_host_is_loopback() {
        for registry in [
            "localhost",
            "localhost:5000",
            "127.0.0.1:5000",
            "127.0.0.0/8",
            "127.1.0.0/16",
            "::1",
            "::1/128",
            "[::1]",
            "[::1]:5000",
            "localhost:5000/path",
            "u:p@localhost:5000",
        ] {
            assert!(is_loopback(registry), "{registry}");
        }
        for registry in [
            "localhost.evil.example:5000",
            "localhostx",
            "127.evil.example",
            "127.0.0.1.evil.example:80",
            "127.0.0.0/7",
            "0.0.0.0/0",
            "::1.evil.example",
            "[::1].evil.example",
            "::/0",
            "localhost@evil.example",
            "127.0.0.1:80@evil.example",
            "",
        ] {
            assert!(!is_loopback(registry), "{registry}");
        }
    }

    #[test]
    fn a_scheme_has_no_case() {
        for (mirror, expected) in [
            ("HTTP://evil.example", true),
            ("http://localhost.evil.example", true),
            ("http://127.0.0.1:5000", false),
            ("https://evil.example", false),
            ("HTTPS://a.example", false),
        ] {
            assert_eq!(is_plain(mirror), expected, "{mirror}");
        }
        assert_eq!(shown(&["https://u:p@mirror.example".to_owned()]), "https://…@mirror.example");
    }
}
