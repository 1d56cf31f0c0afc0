//! What in daemon.json would mend failures of the daemon.

use seawall_finding::Outcome;

use super::{Edit, json_edit};
use crate::Audited;
use crate::machine::{Daemon, Machine};
use crate::root::Unread;
use crate::settings::CONFIG_FILE;

/// The file of one daemon, and which settings it must not repeat.
#[derive(Debug)]
pub(crate) struct Config {
    daemon: String,
    path: String,
    text: Option<String>,
    /// Why it cannot be read, and so not be changed.
    refused: Option<String>,
    /// Settings that are arguments: in both they would keep the daemon from starting.
    arguments: Vec<String>,
}

/// A change of the file.
enum Change {
    Set(&'static str, &'static str),
    Remove(&'static str),
    /// A person has to do it, for this reason.
    ByHand(&'static str),
}

fn changes(rule: &str) -> Option<&'static [Change]> {
    use Change::{ByHand, Remove, Set};
    Some(match rule {
        "daemon-bridge-traffic" => &[Set("icc", "false")],
        "daemon-iptables" => &[Remove("iptables")],
        "daemon-no-new-privileges" => &[Set("no-new-privileges", "true")],
        "daemon-live-restore" => &[Set("live-restore", "true")],
        "daemon-userland-proxy" => &[Set("userland-proxy", "false")],
        "daemon-log-level" => &[Set("log-level", "\"info\""), Remove("debug")],
        "daemon-experimental" => &[Remove("experimental")],
        "daemon-log-size" => &[Set("log-opts", "{\"max-size\": \"10m\", \"max-file\": \"3\"}")],
        "daemon-default-ulimits" => &[Set(
            "default-ulimits",
            "{\"nofile\": {\"Name\": \"nofile\", \"Soft\": 65536, \"Hard\": 65536}}",
        )],
        "daemon-seccomp" => &[Remove("seccomp-profile")],
        "daemon-cgroup-parent" => &[Remove("cgroup-parent")],
        "daemon-user-namespaces" => {
            &[ByHand("images and volumes move to another root, and mounts change their owners")]
        }
        "daemon-rootless" => &[ByHand("it is another installation, under a user")],
        "daemon-authorization" => &[ByHand("somebody has to choose a plugin and its policy")],
        "daemon-central-logs" => &[ByHand("somebody has to say where logs go")],
        "daemon-insecure-registries" => &[ByHand("without the registry's certificate, pulls from it stop")],
        "daemon-plain-mirrors" => &[ByHand("whether the mirror has TLS is not known here")],
        "daemon-tcp-tls" => {
            &[ByHand("clients that use the address would be cut off; certificates have to be made")]
        }
        "daemon-metrics-exposed" => &[ByHand("who reads the metrics is not known here")],
        "daemon-storage-aufs" | "daemon-storage-devicemapper" => {
            &[ByHand("another driver does not see the images and containers of this one")]
        }
        "daemon-base-device-size" => &[ByHand("containers that exist keep their size")],
        "daemon-settings-conflict" => &[ByHand("which of the two values is meant is not known here")],
        _ => return None,
    })
}

pub(crate) fn configs(machine: &Machine<'_>) -> Vec<Config> {
    let config = |daemon: &Daemon| {
        let path = daemon.settings.config_file.clone();
        let (text, refused) = match machine.host.root.text(&path) {
            Ok(text) => (Some(text), daemon.settings.refused.clone()),
            Err(Unread::Absent) if path == CONFIG_FILE => (None, None),
            Err(Unread::Absent) => {
                (None, Some(format!("it does not exist, and none is made but {CONFIG_FILE}")))
            }
            Err(Unread::Refused(reason)) => (None, Some(reason)),
        };
        let refused = daemon.untrusted.clone().or(refused);
        let arguments = daemon.settings.keys_from(&daemon.settings.command_source);
        Config { daemon: daemon.name.clone(), path, text, refused, arguments }
    };
    machine.daemons.iter().map(config).collect()
}

/// A failure that is not mended: the rule, the daemon, and why.
type Reason = (String, String, String);

/// The edits, and for rules that they do not mend, why.
pub(super) fn edits(audited: &Audited, configs: &[Config]) -> (Vec<Edit>, Vec<Reason>) {
    let (mut edits, mut reasons): (Vec<Edit>, Vec<_>) = (Vec::new(), Vec::new());
    for config in configs {
        // Two daemons may have one file.
        let known =
            edits.iter().position(|edit| edit.path == config.path).map(|index| edits.swap_remove(index));
        let before = config.text.clone();
        let text = known.as_ref().map(|edit| edit.after.clone()).or(before.clone());
        let mut after = text.filter(|text| !text.trim().is_empty()).unwrap_or_else(|| "{}\n".to_owned());
        let mut rules = known.map(|edit| edit.rules).unwrap_or_default();
        let failed = audited.checks.iter().filter(|check| check.outcome == Outcome::Fail);
        for check in failed.filter(|check| check.subject.label() == config.daemon) {
            for change in changes(&check.rule).unwrap_or_default() {
                match apply(change, &after, config) {
                    Ok(text) if text != after => {
                        after = text;
                        rules.extend(crate::rules().iter().map(|rule| rule.id).find(|id| *id == check.rule));
                    }
                    // A setting that is not there needs no removal.
                    Ok(_) => {}
                    Err(reason) => reasons.push((check.rule.clone(), config.daemon.clone(), reason)),
                }
            }
        }
        rules.dedup();
        if !rules.is_empty() {
            let then = "systemctl restart docker (containers stop unless live-restore was on before)";
            edits.push(Edit { path: config.path.clone(), before, after, rules, then });
        }
    }
    (edits, reasons)
}

fn apply(change: &Change, text: &str, config: &Config) -> Result<String, String> {
    if let Some(reason) = &config.refused {
        return Err(format!("{} cannot be changed: {reason}", config.path));
    }
    let is_argument = |key: &str| config.arguments.iter().any(|argument| argument == key);
    match change {
        Change::ByHand(reason) => Err((*reason).to_owned()),
        Change::Set(key, _) | Change::Remove(key) if is_argument(key) => {
            Err(format!("{key} is an argument of the daemon; its unit has to be changed"))
        }
        Change::Set(key, value) => json_edit::set(text, key, value),
        Change::Remove(key) => json_edit::remove(text, key),
    }
}
