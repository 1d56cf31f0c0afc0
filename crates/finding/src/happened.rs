//! The evidence of something that happened while it ran: a rule matched an event.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A rule matched an event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Happened {
    /// The rule's name as its file has it.
    pub rule: String,
    /// How urgent its author finds it.
    pub priority: Priority,
    /// Where the event came from: `syscall`, `k8s_audit`.
    pub source: String,
    /// The type of the event: `execve`; the verb of a request.
    pub event: String,
    /// Counts the events of its source.
    pub number: u64,
    /// When, RFC 3339 with nanoseconds, UTC.
    pub time: String,
    /// The rule's output with the event's values, on one line.
    pub output: String,
    /// The fields of the output with their values.
    #[serde(default)]
    pub fields: BTreeMap<String, FieldValue>,
    /// What Falco's container plugin suggests for every output of a system call, by Falco's names of the fields: told in
    /// Falco's formats only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub suggested: BTreeMap<String, FieldValue>,
    /// Command lines of the process and its ancestors, the process first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lineage: Vec<String>,
    /// The rule's tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// How many events it took: 1, or the rule's `count`.
    pub events: u64,
    /// What it was about, without what differs each time (ports, process ids): the executable and the file or peer.
    pub about: String,
    /// The process that did it, so that a response meets no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessIdentity>,
    /// The container it ran in; none on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerIdentity>,
    /// The responses that the rule itself asks for, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub respond: Vec<String>,
    /// What the kernel did about it before it happened, where the rule responds with `deny`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denial: Option<Denial>,
}

/// What the kernel did about an operation before it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Denial {
    /// The call was refused (EPERM).
    Refused,
    /// The new program was killed before its first instruction.
    Killed,
    /// Nothing: it was not told to act, and would have refused or killed.
    Rehearsed,
}

impl Denial {
    /// As JSON has it.
    pub const fn name(self) -> &'static str {
        match self {
            Denial::Refused => "refused",
            Denial::Killed => "killed",
            Denial::Rehearsed => "rehearsed",
        }
    }

    /// As people read it.
    pub const fn text(self) -> &'static str {
        match self {
            Denial::Refused => "denied: the call was refused",
            Denial::Killed => "denied: the program was killed before its first instruction",
            Denial::Rehearsed => "would have been denied",
        }
    }
}

/// The responses that a rule can ask for; what they are is said in `policy`, which a rule's loader does not know.
pub const RESPONSE_NAMES: [&str; 8] =
    ["notify", "kill", "freeze", "isolate", "stop", "quarantine", "capture", "deny"];

/// A process of this machine, told apart from any that later gets its number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// Its process id in the host's pid namespace.
    pub pid: u32,
    /// When it was cloned, nanoseconds since 1970; without it nothing is done to the process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_ns: Option<u64>,
}

/// The container of a process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContainerIdentity {
    /// Its whole id.
    pub id: String,
    /// Its name; empty where no engine told it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// `docker`, `podman`, `containerd`, `cri-o`; empty where it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub engine: String,
    /// The image it was made from, as it was asked for; empty where it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image: String,
}

/// The value of a field of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// The event does not have it.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A number.
    Number(i64),
    /// Everything else.
    Text(String),
}

/// The priorities of rules, as syslog has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Priority {
    /// Only of use to whoever writes rules.
    Debug,
    /// Good to know.
    Informational,
    /// Worth a look.
    #[default]
    Notice,
    /// Probably wrong.
    Warning,
    /// Wrong.
    Error,
    /// Act soon.
    Critical,
    /// Act now.
    Alert,
    /// All is lost.
    Emergency,
}

impl Priority {
    /// Every priority, lowest first.
    pub const ALL: [Priority; 8] = [
        Priority::Debug,
        Priority::Informational,
        Priority::Notice,
        Priority::Warning,
        Priority::Error,
        Priority::Critical,
        Priority::Alert,
        Priority::Emergency,
    ];

    /// As outputs show it: `Warning`.
    pub const fn name(self) -> &'static str {
        match self {
            Priority::Debug => "Debug",
            Priority::Informational => "Informational",
            Priority::Notice => "Notice",
            Priority::Warning => "Warning",
            Priority::Error => "Error",
            Priority::Critical => "Critical",
            Priority::Alert => "Alert",
            Priority::Emergency => "Emergency",
        }
    }

    /// The priority of a name in any case; `INFO` is short for `INFORMATIONAL`.
    pub fn named(name: &str) -> Option<Priority> {
        let is_info = name.eq_ignore_ascii_case("info");
        let named = |priority: &Priority| priority.name().eq_ignore_ascii_case(name);
        if is_info { Some(Priority::Informational) } else { Priority::ALL.into_iter().find(named) }
    }

    /// What it is as a severity: the rules' authors use `CRITICAL` for attacks that succeeded, `WARNING` for what
    /// should not happen, `NOTICE` for what often is legitimate.
    pub const fn severity(self) -> crate::Severity {
        match self {
            Priority::Emergency | Priority::Alert | Priority::Critical => crate::Severity::Critical,
            Priority::Error => crate::Severity::High,
            Priority::Warning => crate::Severity::Medium,
            Priority::Notice => crate::Severity::Low,
            Priority::Informational | Priority::Debug => crate::Severity::Negligible,
        }
    }
}

impl Happened {
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![
            ("output", self.output.clone()),
            ("priority", self.priority.name().to_owned()),
            ("event", self.event.clone()),
            ("time", self.time.clone()),
        ];
        facts.extend(self.denial.map(|denial| ("denial", denial.text().to_owned())));
        facts.extend((self.events > 1).then(|| ("events", self.events.to_string())));
        facts.extend((!self.lineage.is_empty()).then(|| ("lineage", self.lineage.join(" ← "))));
        facts.extend((!self.tags.is_empty()).then(|| ("tags", self.tags.join(", "))));
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_have_names_and_order() {
        assert_eq!(Priority::named("WARNING"), Some(Priority::Warning));
        assert_eq!(Priority::named("info"), Some(Priority::Informational));
        assert_eq!(Priority::named("severe"), None);
        assert!(Priority::Critical > Priority::Error);
        assert!(Priority::ALL.is_sorted());
    }
}
