//! A judged finding on its way to an output, and what every format asks of it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use seawall_finding::{Evidence, FieldValue, Priority, Severity, Subject};
use seawall_policy::Judged;
use serde::{Deserialize, Serialize};

/// A judged finding on its way to an output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// What was found.
    pub judged: Judged,
    /// Name of the machine.
    pub host: String,
    /// When it was found or happened, nanoseconds since 1970.
    pub time_ns: i64,
    /// What it stands for, where repeats were folded into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Repeats>,
}

/// Repeats of one finding that are told as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeats {
    /// How many there were since the first, which was told by itself.
    pub count: u64,
    /// In how much time, seconds.
    pub seconds: u64,
}

impl Delivery {
    /// A finding that was taken at a time; what happened has a time of its own.
    pub fn new(judged: Judged, host: &str, taken: Timestamp) -> Delivery {
        let happened = judged.finding.evidence.happened().and_then(|h| h.time.parse::<Timestamp>().ok());
        let time = happened.unwrap_or(taken).as_nanosecond();
        Delivery { judged, host: host.to_owned(), time_ns: i64::try_from(time).unwrap_or(0), repeats: None }
    }

    /// When, as RFC 3339 with nanoseconds: `2026-11-28T10:15:00.123456789Z`.
    pub(crate) fn time(&self) -> String {
        let time = Timestamp::from_nanosecond(i128::from(self.time_ns)).unwrap_or_default();
        format!("{time:.9}")
    }

    /// How urgent: what the rule says, or what the severity comes to.
    pub(crate) fn priority(&self) -> Priority {
        let finding = &self.judged.finding;
        finding.evidence.happened().map_or_else(|| priority(finding.severity), |happened| happened.priority)
    }

    /// The rule's name as people know it.
    pub(crate) fn rule(&self) -> &str {
        let finding = &self.judged.finding;
        finding.evidence.happened().map_or(&finding.rule, |happened| &happened.rule)
    }

    /// Where it comes from: `syscall`, `k8s_audit`, or the kind of the evidence.
    pub(crate) fn source(&self) -> &str {
        match &self.judged.finding.evidence {
            Evidence::Happened(happened) => &happened.source,
            Evidence::Vulnerable(_) => "vulnerable",
            Evidence::Outdated(_) => "outdated",
            Evidence::Malicious(_) => "malicious",
            Evidence::Leaked(_) => "leaked",
            Evidence::Misset(_) => "misset",
            Evidence::Untrusted(_) => "untrusted",
        }
    }

    /// What it is about: `container`, `host`, `package` …
    pub(crate) fn subject_kind(&self) -> &'static str {
        match &self.judged.finding.subject {
            Subject::Package { .. } => "package",
            Subject::Distribution { .. } => "distribution",
            Subject::Host { .. } => "host",
            Subject::Engine { .. } => "engine",
            Subject::Container { .. } => "container",
            Subject::Image { .. } => "image",
            Subject::Workload { .. } => "workload",
            Subject::Target { .. } => "target",
        }
    }

    /// The rule's tags; ids of the controls where the evidence has no tags. Sorted, each once.
    pub(crate) fn tags(&self) -> Vec<&str> {
        let finding = &self.judged.finding;
        let mut tags: Vec<&str> = match finding.evidence.happened() {
            Some(happened) => happened.tags.iter().map(String::as_str).collect(),
            None => finding.controls.iter().map(|control| control.id.as_str()).collect(),
        };
        tags.sort_unstable();
        tags.dedup();
        tags
    }

    /// What it says.
    pub(crate) fn output(&self) -> &str {
        let finding = &self.judged.finding;
        finding.evidence.happened().map_or(&finding.summary, |happened| &happened.output)
    }

    /// The count where it stands for several, to be put behind what it says.
    pub(crate) fn counted(&self) -> String {
        self.repeats.map_or_else(String::new, |Repeats { count, seconds }| {
            format!(" (and {count} more like it in {seconds} s)")
        })
    }

    /// What it says, with the count where it stands for several.
    pub(crate) fn message(&self) -> Cow<'_, str> {
        match self.repeats {
            None => Cow::Borrowed(self.output()),
            Some(_) => Cow::Owned(format!("{}{}", self.output(), self.counted())),
        }
    }

    /// The fields that Falco appends to every output of a system call.
    pub(crate) fn suggested(&self) -> Option<&BTreeMap<String, FieldValue>> {
        self.judged.finding.evidence.happened().map(|happened| &happened.suggested)
    }

    /// Names and values, sorted by name: the fields of the rule's output, or the facts of other evidence.
    pub(crate) fn fields(&self) -> Vec<(Cow<'_, str>, FieldValue)> {
        let evidence = &self.judged.finding.evidence;
        let mut fields: Vec<(Cow<'_, str>, FieldValue)> = match evidence.happened() {
            Some(happened) => {
                happened.fields.iter().map(|(name, value)| (name.as_str().into(), value.clone())).collect()
            }
            None => evidence
                .facts()
                .into_iter()
                .map(|(name, value)| (name.replace(' ', "_").into(), FieldValue::Text(value)))
                .collect(),
        };
        fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        fields
    }

    /// Identifies this one delivery, so that a service that gets it twice can tell: the same after a restart.
    pub(crate) fn id(&self) -> String {
        let number = self.judged.finding.evidence.happened().map_or(0, |happened| happened.number);
        let repeats = self.repeats.map_or(0, |repeats| repeats.count);
        format!("{}-{:x}-{number:x}-{repeats:x}", self.judged.fingerprint, self.time_ns)
    }

    /// About how many bytes it takes in memory and on disk.
    pub(crate) fn weight(&self) -> usize {
        const STRUCTURE: usize = 1024;
        const FIELD: usize = 96;
        let finding = &self.judged.finding;
        let own = finding.summary.len() + finding.remedy.len();
        let evidence: usize = match finding.evidence.happened() {
            Some(happened) => {
                let value =
                    |value: &FieldValue| if let FieldValue::Text(text) = value { text.len() } else { 8 };
                let fields = happened.fields.iter().chain(&happened.suggested);
                let fields = fields.map(|(name, field)| FIELD + name.len() + value(field));
                fields.sum::<usize>()
                    + happened.output.len()
                    + happened
                        .container
                        .as_ref()
                        .map_or(0, |container| container.name.len() + container.image.len())
                    + happened.lineage.iter().map(String::len).sum::<usize>()
            }
            None => finding.evidence.facts().iter().map(|(_, value)| value.len()).sum(),
        };
        STRUCTURE + own + evidence
    }
}

/// What a severity comes to as a priority: the reverse of [`Priority::severity`].
pub(crate) fn priority(severity: Severity) -> Priority {
    match severity {
        Severity::Critical => Priority::Critical,
        Severity::High => Priority::Error,
        Severity::Medium => Priority::Warning,
        Severity::Low | Severity::Unknown => Priority::Notice,
        Severity::Negligible => Priority::Informational,
    }
}

#[cfg(test)]
pub(crate) mod tests;
