//! OCSF 1.4.0, class Detection Finding (2004). What OCSF has no attribute for stands under `unmapped`.

use std::collections::BTreeMap;

use seawall_finding::{Confidence, FieldValue, Framework, Severity};
use serde::Serialize;
use serde_json::{Value, json};

use super::Room;
use crate::Delivery;
use crate::text;

const CLASS: u32 = 2004;
const CREATED: u32 = 1;
const VERSION: &str = "1.4.0";

#[derive(Serialize)]
struct DetectionFinding<'a> {
    activity_id: u32,
    activity_name: &'static str,
    category_name: &'static str,
    category_uid: u32,
    class_name: &'static str,
    class_uid: u32,
    confidence: &'static str,
    confidence_id: u32,
    count: u64,
    device: Value,
    evidences: [Value; 1],
    finding_info: Value,
    is_alert: bool,
    message: &'a str,
    metadata: Value,
    resources: [Value; 1],
    severity: &'static str,
    severity_id: u32,
    status: &'static str,
    status_id: u32,
    /// Milliseconds since 1970, as every time of OCSF.
    time: i64,
    type_name: &'static str,
    type_uid: u32,
    unmapped: Value,
}

pub(crate) fn line(delivery: &Delivery, room: Room) -> String {
    let judged = &delivery.judged;
    let message = delivery.message();
    let (severity, severity_id) = severity(judged.finding.severity);
    let (confidence, confidence_id) = confidence(judged.finding.confidence);
    let events = judged.finding.evidence.happened().map_or(1, |happened| happened.events.max(1));
    let finding = DetectionFinding {
        activity_id: CREATED,
        activity_name: "Create",
        category_name: "Findings",
        category_uid: 2,
        class_name: "Detection Finding",
        class_uid: CLASS,
        confidence,
        confidence_id,
        count: delivery.repeats.map_or(events, |repeats| repeats.count),
        device: json!({ "hostname": room.text(&delivery.host), "type": "Unknown", "type_id": 0 }),
        evidences: [evidence(delivery, room)],
        finding_info: finding_info(delivery, room),
        is_alert: judged.waived.is_none(),
        message: &room.text(&message),
        metadata: json!({
            "uid": delivery.id(),
            "version": VERSION,
            "event_code": room.text(&judged.finding.rule),
            "product": { "name": "Seawall", "vendor_name": "Seawall", "version": env!("CARGO_PKG_VERSION") },
        }),
        resources: [resource(delivery, room)],
        severity,
        severity_id,
        status: "New",
        status_id: 1,
        time: delivery.time_ns.div_euclid(1_000_000),
        type_name: "Detection Finding: Create",
        type_uid: CLASS * 100 + CREATED,
        unmapped: json!({
            "container": container(delivery, room),
            "priority": delivery.priority().name(),
            "source": delivery.source(),
            "verdict": judged.verdict,
            "tags": delivery.tags().into_iter().take(room.fields).map(|tag| room.text(tag)).collect::<Vec<_>>(),
        }),
    };
    // Writing to memory fails for no value of these types.
    text::json(&finding).unwrap_or_default()
}

fn finding_info(delivery: &Delivery, room: Room) -> Value {
    let finding = &delivery.judged.finding;
    let mut info = json!({
        "uid": delivery.judged.fingerprint,
        "title": room.text(delivery.rule()),
        "desc": room.text(&finding.summary),
        "analytic": {
            "name": room.text(delivery.rule()), "type": "Rule", "type_id": 1, "uid": room.text(&finding.rule),
        },
        "data_sources": [delivery.source()],
        "created_time": delivery.time_ns.div_euclid(1_000_000),
    });
    let attacks: Vec<Value> = finding
        .controls
        .iter()
        .filter(|control| control.framework == Framework::MitreAttack && control.id.starts_with('T'))
        .filter(|control| !control.id.starts_with("TA"))
        .take(room.fields)
        .map(|control| {
            // We know no names, and some readers want one.
            let named = |id: &str| json!({ "uid": id, "name": id });
            match control.id.split_once('.') {
                None => json!({ "technique": named(&control.id) }),
                Some((technique, _)) => {
                    json!({ "technique": named(technique), "sub_technique": named(&control.id) })
                }
            }
        })
        .collect();
    if !attacks.is_empty() {
        info["attacks"] = attacks.into();
    }
    info
}

/// The container in which it happened; OCSF 1.4 has no place for one beside a finding.
fn container(delivery: &Delivery, room: Room) -> Value {
    let container =
        delivery.judged.finding.evidence.happened().and_then(|happened| happened.container.as_ref());
    container.map_or(Value::Null, |container| {
        json!({
            "uid": room.text(&container.id),
            "name": room.text(&container.name),
            "image": { "name": room.text(&container.image) },
            "runtime": container.engine,
        })
    })
}

/// The process, where the fields tell of it, and all fields as they are.
fn evidence(delivery: &Delivery, room: Room) -> Value {
    let fields: BTreeMap<String, FieldValue> = room.fields(delivery).into_iter().collect();
    let mut process = serde_json::Map::new();
    let attributes = [("proc.pid", "pid"), ("proc.name", "name"), ("proc.cmdline", "cmd_line")];
    for (field, attribute) in attributes {
        match fields.get(field) {
            Some(FieldValue::Number(number)) => process.insert(attribute.to_owned(), (*number).into()),
            Some(FieldValue::Text(text)) => process.insert(attribute.to_owned(), text.as_str().into()),
            Some(FieldValue::Null | FieldValue::Bool(_)) | None => None,
        };
    }
    let known = delivery.judged.finding.evidence.happened().and_then(|happened| happened.process.as_ref());
    if let Some(known) = known {
        process.insert("pid".to_owned(), known.pid.into());
    }
    let mut evidence = json!({ "data": fields });
    // A process of OCSF has a number.
    if process.get("pid").is_some_and(|pid| pid.as_i64().is_some_and(|pid| pid > 0)) {
        evidence["process"] = process.into();
    }
    evidence
}

fn resource(delivery: &Delivery, room: Room) -> Value {
    let subject = &delivery.judged.finding.subject;
    json!({
        "type": delivery.subject_kind(),
        "name": room.text(&subject.label()),
        "uid": room.text(&subject.identity()),
    })
}

fn severity(severity: Severity) -> (&'static str, u32) {
    match severity {
        Severity::Unknown => ("Unknown", 0),
        Severity::Negligible => ("Informational", 1),
        Severity::Low => ("Low", 2),
        Severity::Medium => ("Medium", 3),
        Severity::High => ("High", 4),
        Severity::Critical => ("Critical", 5),
    }
}

fn confidence(confidence: Confidence) -> (&'static str, u32) {
    match confidence {
        Confidence::Low => ("Low", 1),
        Confidence::Medium => ("Medium", 2),
        Confidence::High => ("High", 3),
    }
}
