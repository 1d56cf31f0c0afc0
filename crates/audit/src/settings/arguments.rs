//! The arguments of `dockerd`, as its flag parser reads them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Flags without a value of their own: `--debug false` is a switch and a stray word.
const SWITCHES: [&str; 22] = [
    "cri-containerd",
    "debug",
    "experimental",
    "help",
    "icc",
    "init",
    "ip-forward",
    "ip-masq",
    "ip6tables",
    "iptables",
    "ipv6",
    "live-restore",
    "no-new-privileges",
    "raw-logs",
    "rootless",
    "selinux-enabled",
    "tls",
    "tlsverify",
    "userland-proxy",
    "validate",
    "version",
    "allow-direct-routing",
];

/// Flags that may be given several times.
const LISTS: [&str; 15] = [
    "allow-nondistributable-artifacts",
    "authorization-plugin",
    "cdi-spec-dir",
    "default-address-pool",
    "dns",
    "dns-opt",
    "dns-search",
    "exec-opt",
    "host",
    "host-gateway-ip",
    "insecure-registry",
    "label",
    "node-generic-resource",
    "registry-mirror",
    "storage-opt",
];

/// Flags that give a member of a map.
const MAPS: [&str; 3] = ["add-runtime", "default-ulimit", "log-opt"];

const SHORT: [(char, &str); 9] = [
    ('b', "bridge"),
    ('D', "debug"),
    ('G', "group"),
    ('g', "graph"),
    ('H', "host"),
    ('l', "log-level"),
    ('p', "pidfile"),
    ('s', "storage-driver"),
    ('v', "version"),
];

/// Flag → value, by its long name. The first word is the program.
pub(crate) fn arguments(command: &[String]) -> BTreeMap<String, Value> {
    let mut given = BTreeMap::new();
    let mut words = command.iter().skip(1).map(String::as_str);
    while let Some(word) = words.next() {
        let (name, attached) = match split(word) {
            Some(parts) => parts,
            None => continue,
        };
        let value = match attached {
            Some(value) => value.to_owned(),
            None if SWITCHES.contains(&name) => "true".to_owned(),
            None => words.next().unwrap_or_default().to_owned(),
        };
        put(&mut given, name, value);
    }
    given
}

/// `--flag`, `--flag=value`, `-f`, `-fvalue`, `-f=value`; flags with one dash and a long name are not known to it.
fn split(word: &str) -> Option<(&str, Option<&str>)> {
    if let Some(long) = word.strip_prefix("--").filter(|long| !long.is_empty()) {
        return Some(match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        });
    }
    let short = word.strip_prefix('-')?;
    let letter = short.chars().next()?;
    let name = SHORT.iter().find(|(its, _)| *its == letter).map(|(_, name)| *name)?;
    let rest = short.get(letter.len_utf8()..).unwrap_or_default();
    Some((name, Some(rest.strip_prefix('=').unwrap_or(rest)).filter(|rest| !rest.is_empty())))
}

fn put(given: &mut BTreeMap<String, Value>, name: &str, value: String) {
    if LISTS.contains(&name) {
        let list = given.entry(name.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(items) = list {
            items.push(Value::String(value));
        }
    } else if MAPS.contains(&name) {
        let map = given.entry(name.to_owned()).or_insert_with(|| Value::Object(Map::new()));
        let (key, value) = value.split_once('=').unwrap_or((&value, ""));
        if let Value::Object(members) = map {
            members.insert(key.to_owned(), Value::String(value.to_owned()));
        }
    } else if SWITCHES.contains(&name) {
        let is_on = super::truth(&value);
        given.insert(name.to_owned(), is_on.map_or(Value::String(value), Value::Bool));
    } else {
        given.insert(name.to_owned(), Value::String(value));
    }
}
