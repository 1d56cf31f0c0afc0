//! Receipts: what was done (or would be, or was refused), to whom, in exact terms, and how it is undone.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use jiff::Timestamp;
use seawall_finding::{ContainerIdentity, Finding, Fingerprint, ProcessIdentity};
use seawall_policy::{AfterDeath, Judged, Requested, Response};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::TEXT_BYTES_MAX;

mod store;

pub(crate) use store::{Lock, private_directory, sanitised};
pub use store::{ReceiptError, Receipts};

/// Which version of the form this is.
pub(crate) const SCHEMA: &str = "https://seawall.dev/schema/receipt.v1.json";

/// A receipt's name: `20261128T161500.123Z-4711-12-kill`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReceiptId(String);

/// A text that names no receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a receipt; `seawall respond list` shows them")]
pub struct ReceiptIdError(String);

impl ReceiptId {
    pub(crate) fn new(now: Timestamp, process: u32, number: u64, response: Response) -> ReceiptId {
        let time = now.strftime("%Y%m%dT%H%M%S.%3fZ");
        ReceiptId(format!("{time}-{process}-{number}-{response}"))
    }

    /// As a file is called by it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its nf_tables tables: names there are shorter than 256 bytes.
    pub(crate) fn table(&self) -> String {
        format!("seawall-{}", self.0)
    }
}

impl fmt::Display for ReceiptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for ReceiptId {
    type Err = ReceiptIdError;

    fn from_str(text: &str) -> Result<ReceiptId, ReceiptIdError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        // It becomes the name of a file and of a table.
        if (8..=100).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with(['.', '-']) {
            Ok(ReceiptId(text.to_owned()))
        } else {
            Err(ReceiptIdError(text.chars().filter(|c| !c.is_control()).take(100).collect()))
        }
    }
}

impl Serialize for ReceiptId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ReceiptId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ReceiptId, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Whether something is done, or only said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// What would be done is found out and written down; nothing is changed.
    #[default]
    Rehearsal,
    /// It is done.
    Enforced,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was begun; who reads this later knows that it may or may not have been done.
    Begun,
    /// It was done.
    Done,
    /// It was so before, or there is nothing left to act on.
    Needless,
    /// It would be done.
    Rehearsed,
    /// A guard refused it.
    Refused,
    /// It could not be done.
    Failed,
}

/// Whether it lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Standing {
    /// There is nothing that lasts.
    Past,
    /// It lasts.
    Holds,
    /// It was undone.
    Undone {
        /// When.
        when: Timestamp,
        /// Why: somebody asked, its time was over, Seawall ended.
        why: String,
        /// What was done, in exact terms.
        steps: Vec<String>,
    },
}

/// To whom.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Target {
    /// The process, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessIdentity>,
    /// Its executable, as the process sees it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// Its container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<ContainerIdentity>,
}

/// What takes it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Undo {
    /// Nothing needs to be taken back.
    Needless,
    /// Nothing can take it back.
    Impossible,
    /// The engine unpauses the container.
    Unpause,
    /// The cgroup is thawed.
    Thaw {
        /// The file that freezes it.
        file: PathBuf,
        /// The cgroup's inode: another one of its name is not meant.
        inode: u64,
        /// An engine that did not answer was asked before, and may have paused it later.
        engine_was_asked: bool,
    },
    /// The tables are removed from the network namespace.
    Connect {
        /// Their name.
        table: String,
        /// The namespace's inode.
        namespace: u64,
    },
    /// The engine starts the container again.
    Start,
}

/// Evidence that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The bundle: a tar, compressed by Zstandard.
    pub path: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
    /// Its size.
    pub size_bytes: u64,
}

/// What was done, or would be, or was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The form of this document.
    pub schema: String,
    /// Its name.
    pub id: ReceiptId,
    /// When.
    pub time: Timestamp,
    /// The finding that it answers.
    pub finding: Fingerprint,
    /// The finding's rule.
    pub rule: String,
    /// The finding in one sentence.
    pub summary: String,
    /// Who asked: a clause of the policy, or `rule`.
    pub by: String,
    /// The response that was asked for; a quarantine has several receipts.
    pub asked: Response,
    /// What was done of it.
    pub action: Response,
    /// Whether it was to be done.
    pub mode: Mode,
    /// To whom.
    pub target: Target,
    /// What came of it.
    pub outcome: Outcome,
    /// Why, where it was refused, failed or needless.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What was done, or would be, in exact terms.
    pub steps: Vec<String>,
    /// How it is undone, for people.
    pub how_to_undo: String,
    /// How it is undone, for [`crate::undo`].
    pub undo: Undo,
    /// Whether it lasts.
    pub standing: Standing,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// What becomes of it when Seawall ends.
    pub after_death: AfterDeath,
    /// What evidence was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Kept>,
}

impl Receipt {
    /// One that says nothing yet of what came of it.
    pub(crate) fn begun(
        id: ReceiptId,
        time: Timestamp,
        judged: &Judged,
        requested: &Requested,
        mode: Mode,
    ) -> Receipt {
        let finding: &Finding = &judged.finding;
        let happened = finding.evidence.happened();
        Receipt {
            schema: SCHEMA.to_owned(),
            id,
            time,
            finding: judged.fingerprint.clone(),
            rule: sanitised(&finding.rule),
            summary: sanitised(&finding.summary),
            by: sanitised(&requested.by),
            asked: requested.response,
            action: requested.response,
            mode,
            target: Target {
                process: happened.and_then(|happened| happened.process.clone()),
                program: None,
                container: happened.and_then(|happened| happened.container.clone()),
            },
            outcome: Outcome::Begun,
            reason: String::new(),
            steps: Vec::new(),
            how_to_undo: String::new(),
            undo: Undo::Needless,
            standing: Standing::Past,
            expires: None,
            after_death: AfterDeath::Release,
            evidence: None,
        }
    }

    /// Whether something lasts that could be undone; what was begun counts.
    pub fn holds(&self) -> bool {
        self.standing == Standing::Holds
    }

    pub(crate) fn refuse(&mut self, reason: impl fmt::Display) {
        self.outcome = Outcome::Refused;
        self.reason = bounded(&reason.to_string());
        self.how_to_undo = "nothing was done".to_owned();
    }

    pub(crate) fn fail(&mut self, reason: impl fmt::Display) {
        self.outcome = Outcome::Failed;
        self.reason = bounded(&reason.to_string());
    }
}

fn bounded(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_BYTES_MAX)].to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use seawall_finding::{Confidence, Evidence, Happened, Severity, Subject};
    use seawall_inventory::Place;
    use seawall_policy::Verdict;
    use serde_json::Value;

    use super::*;

    const PUBLISHED: &str = include_str!("../../../schema/receipt.v1.json");
    const FINDING: &str = include_str!("../../../schema/finding.v1.json");

    fn text(text: &str) -> String {
        text.to_owned()
    }

    fn whole() -> Receipt {
        let process = Some(ProcessIdentity { pid: 7, start_ns: Some(1) });
        let container = Some(ContainerIdentity {
            id: text("0123"),
            name: text("web"),
            engine: text("docker"),
            image: text("nginx"),
        });
        let happened = Happened { process, container, ..Happened::default() };
        let finding = Finding {
            rule: text("a-shell"),
            subject: Subject::Host { name: text("here") },
            place: Place::default(),
            severity: Severity::High,
            confidence: Confidence::High,
            summary: text("a shell"),
            evidence: Evidence::Happened(Box::new(happened)),
            remedy: String::new(),
            references: Vec::new(),
            controls: Vec::new(),
        };
        let judged = Judged {
            fingerprint: finding.fingerprint(),
            finding,
            verdict: Verdict::Deny,
            reasons: Vec::new(),
            responses: Vec::new(),
            waived: None,
        };
        let requested = Requested { response: Response::Freeze, by: text("c"), rehearse: false };
        let id = ReceiptId::new(Timestamp::UNIX_EPOCH, 1, 1, Response::Freeze);
        let mut receipt = Receipt::begun(id, Timestamp::UNIX_EPOCH, &judged, &requested, Mode::Enforced);
        receipt.fail("for a reason");
        receipt.target.program = Some(text("/bin/sh"));
        receipt.expires = Some(Timestamp::UNIX_EPOCH);
        let (when, why, steps) = (Timestamp::UNIX_EPOCH, text("asked"), vec![text("thawed it")]);
        receipt.standing = Standing::Undone { when, why, steps };
        receipt.evidence = Some(Kept { path: "/e".into(), sha256: "0".repeat(64), size_bytes: 1 });
        receipt
    }

    /// The properties of an object that its schema does not tell of, and the required ones that it lacks.
    fn differences(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
        let finding: Value = serde_json::from_str(FINDING).unwrap();
        let target = schema["$ref"].as_str().and_then(|reference| reference.split_once('#'));
        let schema = target.map_or(schema, |(_, pointer)| finding.pointer(pointer).unwrap());
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            found.push(format!("{path}: {value} is not allowed"));
        }
        let Some(object) = value.as_object() else { return };
        for (name, value) in object {
            let path = format!("{path}/{name}");
            match schema["properties"].get(name) {
                Some(property) => differences(property, value, &path, found),
                None => found.push(format!("{path} is not told of")),
            }
        }
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let lacks: BTreeSet<&str> = required.filter(|name| !object.contains_key(*name)).collect();
        found.extend(lacks.iter().map(|name| format!("{path}/{name} is missing")));
    }

    #[test]
    fn receipts_keep_the_published_schema() {
        let schema: Value = serde_json::from_str(PUBLISHED).unwrap();
        assert_eq!(schema["$id"], SCHEMA);
        let undos = [
            Undo::Needless,
            Undo::Impossible,
            Undo::Unpause,
            Undo::Thaw { file: "/f".into(), inode: 1, engine_was_asked: true },
            Undo::Connect { table: text("t"), namespace: 1 },
            Undo::Start,
        ];
        let outcomes = [
            Outcome::Begun,
            Outcome::Done,
            Outcome::Needless,
            Outcome::Rehearsed,
            Outcome::Refused,
            Outcome::Failed,
        ];
        for (undo, outcome) in undos.into_iter().zip(outcomes) {
            let receipt = Receipt { undo, outcome, ..whole() };
            let written = serde_json::to_value(&receipt).unwrap();
            let mut found = Vec::new();
            differences(&schema, &written, "", &mut found);
            assert!(found.is_empty(), "{found:#?}");
            assert_eq!(serde_json::from_value::<Receipt>(written).unwrap(), receipt);
        }
    }

    #[test]
    fn names_of_receipts_are_names_of_files() {
        let check =
            |text: &str, is_one: bool| assert_eq!(text.parse::<ReceiptId>().is_ok(), is_one, "{text}");
        check("20261128T161500.123Z-4711-12-kill", true);
        check("../../../etc/passwd", false);
        check("..........", false);
        check("-rf-------", false);
        check("a/bbbbbbbb", false);
        check("short", false);
        check(&"x".repeat(101), false);
        let id = ReceiptId::new(Timestamp::UNIX_EPOCH, u32::MAX, u64::MAX, Response::Quarantine);
        check(id.as_str(), true);
        assert!(id.table().len() < 128);
    }
}
