//! A finding as templates see it. Each value is made when it is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, Value};
use seawall_finding::{
    ContainerIdentity, Evidence, FieldValue, Finding, Happened, Priority, Severity, Subject,
};
use seawall_inventory::Place;
use seawall_policy::{Judged, Verdict};

use crate::format::Room;
use crate::limits::LINE_BYTES;
use crate::{Delivery, Format};

#[derive(Debug)]
struct View(Arc<Delivery>);

/// What templates can ask of a finding; `docs/outputs.md` has the same list.
pub(super) const KEYS: &[&str] = &[
    "rule",
    "rule_id",
    "priority",
    "priority_number",
    "severity",
    "verdict",
    "message",
    "source",
    "tags",
    "host",
    "time",
    "time_s",
    "time_ms",
    "time_ns",
    "time_ns_text",
    "fields",
    "flat",
    "subject",
    "kind",
    "container",
    "container_id",
    "image",
    "fingerprint",
    "id",
    "remedy",
    "references",
    "repeats",
    "responses",
    "colour",
    "colour_number",
    "symbol",
    "text",
    "falco",
    "falco_text",
    "json",
    "ocsf",
];

pub(super) fn value(delivery: &Arc<Delivery>) -> Value {
    Value::from_object(View(Arc::clone(delivery)))
}

impl Object for View {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let delivery = &self.0;
        let finding = &delivery.judged.finding;
        Some(match key.as_str()? {
            "rule" => delivery.rule().into(),
            "rule_id" => finding.rule.as_str().into(),
            "priority" => delivery.priority().name().into(),
            "priority_number" => (7 - delivery.priority() as u64).into(),
            "severity" => finding.severity.name().into(),
            "verdict" => delivery.judged.verdict.to_string().into(),
            "message" => delivery.message().into_owned().into(),
            "source" => delivery.source().into(),
            "tags" => delivery.tags().into_iter().map(Value::from).collect(),
            "host" => delivery.host.as_str().into(),
            "time" => delivery.time().into(),
            "time_s" => delivery.time_ns.div_euclid(1_000_000_000).into(),
            "time_ms" => delivery.time_ns.div_euclid(1_000_000).into(),
            "time_ns" => delivery.time_ns.into(),
            "time_ns_text" => delivery.time_ns.to_string().into(),
            "fields" => fields(delivery, |name| name.to_owned()),
            // Stores that take `a.b` for a path would have `a` be a text and an object.
            "flat" => fields(delivery, |name| name.replace(|c: char| !c.is_ascii_alphanumeric(), "_")),
            "subject" => finding.subject.label().into(),
            "kind" => delivery.subject_kind().into(),
            "container" => container(finding).unwrap_or_default().into(),
            "container_id" => identity(finding).map_or("", |container| &container.id).into(),
            "image" => image(finding).unwrap_or_default().into(),
            "fingerprint" => delivery.judged.fingerprint.to_string().into(),
            "id" => delivery.id().into(),
            "remedy" => finding.remedy.as_str().into(),
            "references" => finding.references.iter().map(|address| Value::from(address.as_str())).collect(),
            "repeats" => delivery.repeats.map_or(0, |repeats| repeats.count).into(),
            "responses" => {
                let responses = delivery.judged.responses.iter();
                responses.map(|requested| Value::from(requested.response.name())).collect()
            }
            "colour" => format!("#{:06x}", colour(delivery.priority())).into(),
            "colour_number" => colour(delivery.priority()).into(),
            "symbol" => symbol(delivery.priority()).into(),
            "text" => Format::Falco.line(delivery, LINE_BYTES).into(),
            "falco_text" => Format::FalcoJson.line(delivery, LINE_BYTES).into(),
            // JSON already: it stands in a body as it is.
            "falco" => Value::from_safe_string(Format::FalcoJson.line(delivery, LINE_BYTES)),
            "json" => Value::from_safe_string(Format::Json.line(delivery, 2 * LINE_BYTES)),
            "ocsf" => Value::from_safe_string(Format::Ocsf.line(delivery, LINE_BYTES)),
            _ => return None,
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(KEYS)
    }
}

fn fields(delivery: &Delivery, rename: impl Fn(&str) -> String) -> Value {
    let value = |value: FieldValue| match value {
        FieldValue::Null => Value::from(()),
        FieldValue::Bool(answer) => answer.into(),
        FieldValue::Number(number) => number.into(),
        FieldValue::Text(text) => text.into(),
    };
    let fields = Room::FULL.fields(delivery).into_iter().map(|(name, field)| (rename(&name), value(field)));
    fields.collect::<BTreeMap<String, Value>>().into()
}

/// The container in which it happened.
fn identity(finding: &Finding) -> Option<&ContainerIdentity> {
    finding.evidence.happened()?.container.as_ref()
}

/// The container's name.
fn container(finding: &Finding) -> Option<&str> {
    if let Some(container) = identity(finding) {
        return Some(&container.name);
    }
    match &finding.subject {
        Subject::Container { name, .. } => Some(name),
        Subject::Workload { container, .. } => Some(container),
        Subject::Package { .. }
        | Subject::Distribution { .. }
        | Subject::Host { .. }
        | Subject::Engine { .. }
        | Subject::Image { .. }
        | Subject::Target { .. } => None,
    }
}

/// The image's name, where it is about one or happened in a container of one.
fn image(finding: &Finding) -> Option<&str> {
    let of_subject = if let Subject::Image { name } = &finding.subject { Some(name.as_str()) } else { None };
    of_subject.or_else(|| identity(finding).map(|container| container.image.as_str()))
}

/// Red, green and blue.
fn colour(priority: Priority) -> u32 {
    match priority {
        Priority::Emergency | Priority::Alert => 0x8b_0000,
        Priority::Critical => 0xd0_021b,
        Priority::Error => 0xe8_590c,
        Priority::Warning => 0xf5_a623,
        Priority::Notice => 0x1c_7ed6,
        Priority::Informational => 0x2b_8a3e,
        Priority::Debug => 0x86_8e96,
    }
}

fn symbol(priority: Priority) -> &'static str {
    match priority {
        Priority::Emergency | Priority::Alert | Priority::Critical => "🔴",
        Priority::Error => "🟠",
        Priority::Warning => "🟡",
        Priority::Notice => "🔵",
        Priority::Informational | Priority::Debug => "⚪",
    }
}

/// A finding of no consequence, with which templates are tried out.
pub(super) fn sample() -> Delivery {
    let happened = Happened {
        rule: "Sample".to_owned(),
        source: "syscall".to_owned(),
        time: "2026-01-01T00:00:00.000000001Z".to_owned(),
        output: "a \"sample\"".to_owned(),
        fields: [("proc.name".to_owned(), FieldValue::Text("sh".to_owned()))].into(),
        tags: vec!["sample".to_owned()],
        ..Happened::default()
    };
    let finding = Finding {
        rule: "sample".to_owned(),
        subject: Subject::Host { name: "sample".to_owned() },
        place: Place::default(),
        severity: Severity::Low,
        confidence: seawall_finding::Confidence::High,
        summary: "a sample".to_owned(),
        evidence: Evidence::Happened(Box::new(happened)),
        remedy: String::new(),
        references: Vec::new(),
        controls: Vec::new(),
    };
    let fingerprint = finding.fingerprint();
    let judged = Judged {
        finding,
        fingerprint,
        verdict: Verdict::Warn,
        reasons: Vec::new(),
        responses: Vec::new(),
        waived: None,
    };
    Delivery::new(judged, "sample", jiff::Timestamp::UNIX_EPOCH)
}
