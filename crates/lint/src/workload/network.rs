//! Ports.

use seawall_finding::Framework::{
    CisDocker16, CisDocker17, CisDocker18, CisKubernetes112, NistSp800190, PodSecurityBaseline,
};
use seawall_finding::{Rule, Severity};
use seawall_inventory::workload::{ContainerSpec, Namespace, Port};

use super::case::{Answer, Case, Wrong};
use super::{Judge, WorkloadRule};

pub(super) static RULES: &[WorkloadRule] = &[
    WorkloadRule {
        rule: Rule {
            id: "database-port-published",
            title: "Port of a database or an administration service open to every address",
            why: "Engines publish ports past the host's firewall rules. A database, a cache or an engine's own API \
                  that answers every address of the host is found within minutes.",
            fix: "Publish on an address (`127.0.0.1:5432:5432`), or let containers reach each other over a network \
                  of their own.",
            severity: Severity::High,
            references: &["https://docs.docker.com/engine/network/packet-filtering-firewalls/"],
            controls: &[
                (CisDocker16, "5.14"),
                (CisDocker17, "5.14"),
                (CisDocker18, "5.14"),
                (NistSp800190, "4.4.2"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(database),
        bad: &[
            "docker run -p 5432:5432 postgres:17",
            "services: {a: {image: 'x:1', ports: ['16379:6379']}}",
            "services: {a: {image: 'x:1', ports: [{target: 27017, published: 27017}]}}",
            "[Container]\nImage=x:1\nPublishPort=[::]:3306:3306\n",
        ],
        good: &["docker run -p 127.0.0.1:5432:5432 postgres:17", "docker run -p 8080:80 x:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "port-on-all-addresses",
            title: "Port open to every address",
            why: "A port published without an address answers on each of the host's, past the rules of most host \
                  firewalls.",
            fix: "Publish it on the address that is meant: `127.0.0.1:8080:80` behind a proxy on the same host.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/network/packet-filtering-firewalls/"],
            controls: &[
                (CisDocker16, "5.14"),
                (CisDocker17, "5.14"),
                (CisDocker18, "5.14"),
                (NistSp800190, "4.4.2"),
            ],
        },
        section: SECTION,
        by_default: false,
        judge: Judge::Container(all_addresses),
        bad: &[
            "docker run -p 8080:80 x:1",
            "docker run -p 0.0.0.0:8080:80 x:1",
            "docker run -p [::]:8080:80 x:1",
        ],
        good: &["docker run -p 127.0.0.1:8080:80 x:1", "docker run --expose 80 x:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "host-port",
            title: "Port of the node",
            why: "A host port ties a pod to nodes, goes past the cluster's services, and no network policy of the \
                  usual kind guards it.",
            fix: "Take `hostPort` away and use a Service.",
            severity: Severity::Medium,
            references: &["https://kubernetes.io/docs/concepts/configuration/overview/"],
            controls: &[
                (CisKubernetes112, "5.2.12"),
                (PodSecurityBaseline, "Host Ports"),
                (NistSp800190, "4.4.2"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(host_port),
        bad: &[
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, ports: [{containerPort: 80, hostPort: 80}]}]}",
        ],
        good: &["apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, ports: [{containerPort: 80}]}]}"],
    },
    WorkloadRule {
        rule: Rule {
            id: "privileged-host-port",
            title: "Port below 1024 of the host",
            why: "Ports below 1024 are trusted as the host's own services; a container that holds one can pass for \
                  them.",
            fix: "Publish a port above 1023, or put a proxy before it.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/network/port-publishing/"],
            controls: &[
                (CisDocker16, "5.8"),
                (CisDocker17, "5.8"),
                (CisDocker18, "5.8"),
                (NistSp800190, "4.4.2"),
            ],
        },
        section: SECTION,
        by_default: false,
        judge: Judge::Container(privileged_port),
        bad: &["docker run -p 22:2222 x:1"],
        good: &["docker run -p 8080:80 x:1", "docker run -p 80 x:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "ssh-port",
            title: "SSH into a container",
            why: "A remote shell in a container is a second way in, with its own keys and patches, that no log of the \
                  engine shows.",
            fix: "Use the engine's or the cluster's `exec`.",
            severity: Severity::Medium,
            references: &["https://csrc.nist.gov/pubs/sp/800/190/final"],
            controls: &[
                (CisDocker16, "5.7"),
                (CisDocker17, "5.7"),
                (CisDocker18, "5.7"),
                (NistSp800190, "4.1.2"),
            ],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(ssh),
        bad: &[
            "docker run -p 2222:22 x:1",
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, ports: [{containerPort: 22}]}]}",
        ],
        good: &["docker run -p 2222:2222 x:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "default-bridge-network",
            title: "Default network of the engine",
            why: "Every container on the default bridge reaches every other; on a network of its own it reaches only \
                  whom it is meant to.",
            fix: "Make a network and join it with `--network`.",
            severity: Severity::Low,
            references: &["https://docs.docker.com/engine/network/drivers/bridge/"],
            controls: &[
                (CisDocker16, "5.30"),
                (CisDocker17, "5.30"),
                (CisDocker18, "5.30"),
                (NistSp800190, "4.3.3"),
            ],
        },
        section: SECTION,
        by_default: false,
        judge: Judge::Workload(default_bridge),
        bad: &[
            "docker run x:1",
            "docker run --network bridge x:1",
            "services: {a: {image: 'x:1', network_mode: bridge}}",
        ],
        good: &["docker run --network backend x:1", "services: {a: {image: 'x:1'}}"],
    },
];

const SECTION: &str = "Network of containers";

/// Databases, caches, queues, engines and consoles that are not meant for everybody, by port.
const INTERNAL: [(i32, &str); 24] = [
    (1433, "SQL Server"),
    (1521, "Oracle"),
    (2181, "ZooKeeper"),
    (2375, "Docker"),
    (2376, "Docker"),
    (2379, "etcd"),
    (2380, "etcd"),
    (3306, "MySQL"),
    (5432, "PostgreSQL"),
    (5601, "Kibana"),
    (5672, "RabbitMQ"),
    (5984, "CouchDB"),
    (6379, "Redis"),
    (7000, "Cassandra"),
    (7474, "Neo4j"),
    (8086, "InfluxDB"),
    (9042, "Cassandra"),
    (9092, "Kafka"),
    (9200, "Elasticsearch"),
    (9300, "Elasticsearch"),
    (10250, "kubelet"),
    (11211, "memcached"),
    (15672, "RabbitMQ"),
    (27017, "MongoDB"),
];

fn label(port: &Port) -> String {
    let host = port.host.map_or_else(|| "any port".to_owned(), |host| host.to_string());
    let ip = port.host_ip.as_deref().filter(|ip| !ip.is_empty()).unwrap_or("every address");
    format!("port {} at {host} of {ip}", port.container)
}

fn setting(port: &Port) -> String {
    format!("port {}/{}", port.container, port.protocol)
}

fn ports(container: &ContainerSpec, wrong: impl Fn(&Port) -> Option<Wrong>, otherwise: &str) -> Answer {
    Answer::from(container.ports.iter().filter_map(wrong).collect(), otherwise)
}

fn database(_: &Case<'_>, container: &ContainerSpec) -> Answer {
    let wrong = |port: &Port| {
        let is_within =
            |(number, _): &&(i32, &str)| (port.container.first..=port.container.last).contains(number);
        let (_, service) = INTERNAL.iter().find(is_within)?;
        let seen = format!("{} ({service})", label(port));
        let is_open = port.is_on_all_addresses();
        is_open.then(|| Wrong::new(&port.origin, &setting(port), seen, "one address"))
    };
    ports(container, wrong, "no port of a database is open to every address")
}

fn all_addresses(_: &Case<'_>, container: &ContainerSpec) -> Answer {
    let wrong = |port: &Port| {
        port.is_on_all_addresses()
            .then(|| Wrong::new(&port.origin, &setting(port), label(port), "one address"))
    };
    ports(container, wrong, "no port is open to every address")
}

fn host_port(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    if !case.is_kubernetes() {
        return Answer::NotApplicable("ports of the host are how it publishes");
    }
    let wrong = |port: &Port| {
        let host = port.host?;
        Some(Wrong::new(&port.origin, "hostPort", host.to_string(), "not set"))
    };
    ports(container, wrong, "no port of the node")
}

fn privileged_port(_: &Case<'_>, container: &ContainerSpec) -> Answer {
    let wrong = |port: &Port| {
        let host = port.host.filter(|host| port.published && (1..1024).contains(&host.first))?;
        Some(Wrong::new(&port.origin, &setting(port), format!("port {host} of the host"), "above 1023"))
    };
    ports(container, wrong, "no port below 1024 of the host")
}

fn ssh(_: &Case<'_>, container: &ContainerSpec) -> Answer {
    let wrong = |port: &Port| {
        let is_ssh = (port.container.first..=port.container.last).contains(&22) && port.protocol == "tcp";
        is_ssh.then(|| Wrong::new(&port.origin, &setting(port), "port 22", "no SSH"))
    };
    ports(container, wrong, "port 22 is not named")
}

fn default_bridge(case: &Case<'_>) -> Answer {
    use seawall_inventory::workload::Source::{Command, Compose, Engine, Kubernetes, Quadlet, Systemd};
    let workload = case.workload;
    let wrong =
        |origin, seen: &str| Answer::Fail(vec![Wrong::new(origin, "network", seen, "a network of its own")]);
    match workload.namespaces.network.as_ref().map(|given| (&given.value, &given.origin)) {
        Some((Namespace::Named(name), origin)) if name == "bridge" || name == "default" => {
            wrong(origin, name)
        }
        Some(_) => Answer::Pass("not the default network".to_owned()),
        None => match workload.source {
            Kubernetes => Answer::NotApplicable("pods have the cluster's network"),
            Compose => Answer::Pass("Compose makes a network for the project".to_owned()),
            Command | Systemd | Engine | Quadlet if workload.networks.is_empty() => {
                wrong(&workload.origin, "not set")
            }
            Command | Systemd | Engine | Quadlet => {
                match workload
                    .networks
                    .iter()
                    .find(|network| network.value == "bridge" || network.value == "podman")
                {
                    Some(network) => wrong(&network.origin, &network.value),
                    None => Answer::Pass("a network of its own".to_owned()),
                }
            }
        },
    }
}
