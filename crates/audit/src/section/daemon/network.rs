//! The daemon's own addresses and what it does to the host's network.

use seawall_finding::{Outcome, Rule, Severity};

use super::{Asked, Question};
use crate::answer::{Answer, cis, few, moved};
use crate::machine::activated_sockets;

const REFERENCE: &[&str] = &["https://docs.docker.com/engine/network/drivers/bridge/"];

pub(super) const QUESTIONS: &[Question] = &[
    Question {
        rule: Rule {
            id: "daemon-bridge-traffic",
            title: "Traffic between containers on the default bridge",
            why: "Every container that names no network lands there, and each reaches every port of all others.",
            fix: "Set `\"icc\": false` in daemon.json, and give containers that belong together a network of their own.",
            severity: Severity::Medium,
            references: REFERENCE,
            controls: &cis("2.2", "4.3.3"),
        },
        setting: "icc",
        ask: bridge_traffic,
    },
    Question {
        rule: Rule {
            id: "daemon-iptables",
            title: "Packet filter rules of the daemon",
            why: "Without them published ports, isolation of networks and `icc` are words without effect.",
            fix: "Remove `\"iptables\": false` (and the flag); put own rules into the chain DOCKER-USER.",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/engine/network/packet-filtering-firewalls/"],
            controls: &cis("2.4", "4.4.2"),
        },
        setting: "iptables",
        ask: |asked| asked.switch(true, true),
    },
    Question {
        rule: Rule {
            id: "daemon-tcp-tls",
            title: "Daemon on the network without client certificates",
            why: "Whoever reaches that port is root of the host: it starts a container with the host's root in it. Such \
                  ports are found and used within minutes.",
            fix: "Take the tcp:// address out of `hosts` (use ssh:// from the client), or set `tlsverify` with \
                  `tlscacert`, `tlscert` and `tlskey`.",
            severity: Severity::Critical,
            references: &["https://docs.docker.com/engine/security/protect-access/"],
            controls: &moved("2.7", "2.8", "4.3.2"),
        },
        setting: "hosts",
        ask: tcp_tls,
    },
    Question {
        rule: Rule {
            id: "daemon-userland-proxy",
            title: "Userland proxy for published ports",
            why: "The kernel forwards published ports by itself; the proxy is one more process for each port, listening \
                  on the host, and hides who connects.",
            fix: "Set `\"userland-proxy\": false` in daemon.json.",
            severity: Severity::Low,
            references: REFERENCE,
            controls: &moved("2.16", "2.17", "4.5.1"),
        },
        setting: "userland-proxy",
        ask: |asked| asked.switch(true, false),
    },
    Question {
        rule: Rule {
            id: "daemon-metrics-exposed",
            title: "Metrics of the daemon on the network",
            why: "The address has no authentication and tells what runs here.",
            fix: "Bind `metrics-addr` to 127.0.0.1.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/daemon/prometheus/"],
            controls: &[(seawall_finding::Framework::NistSp800190, "4.4.3")],
        },
        setting: "metrics-addr",
        ask: metrics,
    },
];

/// The network itself says what holds; the setting says what the next start makes of it.
fn bridge_traffic(asked: &Asked<'_>) -> Answer {
    const OPTION: &str = "com.docker.network.bridge.enable_icc";
    let expected = "no traffic between containers that name no network";
    if asked.daemon.settings.text("bridge") == "none" {
        let source = asked.daemon.settings.source("bridge");
        return Answer::not_applicable(source, "there is no default bridge (bridge is none)")
            .expecting(expected);
    }
    let facts = asked.machine.facts(asked.daemon);
    let networks = facts.and_then(|facts| facts.networks.as_ref());
    let bridge = networks.and_then(|networks| networks.iter().find(|network| network.name == "bridge"));
    match (facts, bridge) {
        (Some(facts), Some(bridge)) => {
            let option = bridge.options.get(OPTION).map_or("true", String::as_str);
            let looked_at = facts.asked("network bridge");
            Answer::judged(option == "false", looked_at, format!("{OPTION} is {option}")).expecting(expected)
        }
        (_, _) => asked.switch(true, false),
    }
}

/// Addresses by which the daemon can be reached from other machines, from whichever source.
pub(super) fn tcp_addresses(asked: &Asked<'_>) -> Vec<String> {
    let mut addresses = Vec::new();
    for host in asked.daemon.settings.hosts() {
        if host.starts_with("fd://") {
            let streams = activated_sockets(&asked.machine.host);
            let is_network =
                |stream: &String| !stream.starts_with(['/', '@']) && !stream.starts_with("vsock:");
            addresses.extend(
                streams.into_iter().filter(is_network).map(|stream| format!("docker.socket: {stream}")),
            );
        } else if host.starts_with("tcp:") || !host.contains("://") {
            addresses.push(host);
        }
    }
    addresses
}

fn tcp_tls(asked: &Asked<'_>) -> Answer {
    let addresses = tcp_addresses(asked);
    let expected = "no network address, or tlsverify";
    let settings = &asked.daemon.settings;
    let answer = match (addresses.is_empty(), settings.is_on("tlsverify", false)) {
        (true, _) => {
            Answer::new(Outcome::Pass, asked.source(), format!("it listens on {}", few(&settings.hosts())))
        }
        (false, true) => {
            let seen = format!("it listens on {} and asks clients for certificates", few(&addresses));
            Answer::new(Outcome::Pass, settings.source("tlsverify"), seen)
        }
        (false, false) => {
            let tls = if settings.is_on("tls", false) {
                "with TLS but without client certificates"
            } else {
                "without TLS"
            };
            Answer::new(Outcome::Fail, asked.source(), format!("it listens on {} {tls}", few(&addresses)))
        }
    };
    answer.expecting(expected)
}

fn metrics(asked: &Asked<'_>) -> Answer {
    let address = asked.daemon.settings.text("metrics-addr");
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
    let is_local = address.is_empty() || host == "localhost" || host == "::1" || host.starts_with("127.");
    let seen = if address.is_empty() { "there is no such address" } else { address };
    Answer::judged(is_local, asked.source(), seen).expecting("none, or one of this host alone")
}
