//! Seawall's JSON against its own published schema (`schema/report.v1.json`), by a validator of the few keywords that the
//! schema uses; `scripts/validate-reports` does it again with a whole one.

use seawall_finding::{ContainerIdentity, Denial, Evidence, Happened, ProcessIdentity, Severity, Untrusted};
use seawall_policy::{Requested, Response};
use serde_json::Value;

use super::{posture, rendered, sample};
use crate::incident::{Answer, Known, incidents, write_json};
use crate::{Format, Report};

const REPORT: &str = include_str!("../../../../schema/report.v1.json");
const INCIDENTS: &str = include_str!("../../../../schema/incidents.v1.json");
const FINDING: &str = include_str!("../../../../schema/finding.v1.json");

/// The keywords that [`Schemas::check`] knows or may pass over.
const KEYWORDS: &[&str] = &[
    "$schema",
    "$id",
    "$defs",
    "$ref",
    "title",
    "description",
    "type",
    "required",
    "properties",
    "items",
    "enum",
    "const",
    "oneOf",
    "pattern",
    "minimum",
    "maximum",
];

struct Schemas {
    finding: Value,
}

impl Schemas {
    fn resolve(&self, reference: &str) -> &Value {
        let (document, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        let document = match document {
            "" => &self.finding,
            id if self.finding["$id"] == id => &self.finding,
            id => panic!("{id} is not a schema of ours"),
        };
        document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
    }

    /// What is wrong with `value` at `path`.
    fn check(&self, schema: &Value, value: &Value, path: &str, wrong: &mut Vec<String>) {
        let schema = schema.as_object().unwrap();
        for keyword in schema.keys() {
            assert!(KEYWORDS.contains(&keyword.as_str()), "{path}: `{keyword}` is not checked");
        }
        if let Some(reference) = schema.get("$ref") {
            self.check(self.resolve(reference.as_str().unwrap()), value, path, wrong);
        }
        if let Some(kind) = schema.get("type")
            && !is_of(kind.as_str().unwrap(), value)
        {
            return wrong.push(format!("{path}: {value} is not of type {kind}"));
        }
        let allowed = |word: &Value| schema["enum"].as_array().unwrap().contains(word);
        if schema.contains_key("enum") && !allowed(value)
            || schema.get("const").is_some_and(|constant| constant != value)
        {
            wrong.push(format!("{path}: {value} is not allowed"));
        }
        for required in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            if value.get(required.as_str().unwrap()).is_none() {
                wrong.push(format!("{path}: {required} is missing"));
            }
        }
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if let Some(value) = value.get(name) {
                self.check(property, value, &format!("{path}/{name}"), wrong);
            }
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            if let Some(items) = schema.get("items") {
                self.check(items, item, &format!("{path}/{index}"), wrong);
            }
        }
        if let Some(choices) = schema.get("oneOf") {
            let fits = |choice: &&Value| {
                let mut wrong = Vec::new();
                self.check(choice, value, path, &mut wrong);
                wrong.is_empty()
            };
            let fitting = choices.as_array().unwrap().iter().filter(fits).count();
            if fitting != 1 {
                wrong.push(format!("{path}: {fitting} choices fit {value}"));
            }
        }
    }
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        other => panic!("type {other} is not checked"),
    }
}

/// Properties of `value` that the schema does not tell of.
fn untold(schemas: &Schemas, schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let schema = schema.get("$ref").map_or(schema, |reference| schemas.resolve(reference.as_str().unwrap()));
    if let Some(choices) = schema.get("oneOf") {
        let tells = |choice: &&Value| {
            let mut wrong = Vec::new();
            schemas.check(choice, value, path, &mut wrong);
            wrong.is_empty()
        };
        let choice = choices.as_array().unwrap().iter().find(tells).unwrap();
        return untold(schemas, choice, value, path, found);
    }
    if let (Some(properties), Some(fields)) = (schema.get("properties"), value.as_object()) {
        for (name, value) in fields {
            match properties.get(name) {
                Some(property) => untold(schemas, property, value, &format!("{path}/{name}"), found),
                None => found.push(format!("{path}/{name}")),
            }
        }
    }
    for item in value.as_array().into_iter().flatten() {
        untold(schemas, schema.get("items").unwrap(), item, path, found);
    }
}

/// A report with a missing signature.
fn untrusted() -> Report {
    let mut report = posture::report();
    report.findings[0].finding.evidence = Evidence::Untrusted(Box::new(Untrusted {
        digest: "sha256:00".to_owned(),
        required: "a signature by key SHA256:00".to_owned(),
        seen: "1 signature that does not count".to_owned(),
        rejected: vec!["referrer sha256:01: it is signed with another key".to_owned()],
        satisfied_by: "`seawall sign` by key SHA256:00".to_owned(),
    }));
    report
}

/// A report with what happened, and what is done about it.
fn happened() -> Report {
    let mut report = posture::report();
    let text = str::to_owned;
    report.findings[0].finding.evidence = Evidence::Happened(Box::new(Happened {
        process: Some(ProcessIdentity { pid: 4711, start_ns: Some(1) }),
        container: Some(ContainerIdentity {
            id: text("0123"),
            name: text("web"),
            engine: text("docker"),
            image: text("nginx:1"),
        }),
        respond: vec![text("deny")],
        denial: Some(Denial::Rehearsed),
        lineage: vec![text("sh -i")],
        tags: vec![text("shell")],
        events: 1,
        ..Happened::default()
    }));
    report.findings[0].responses = Response::ALL
        .into_iter()
        .map(|response| Requested { response, by: text("rule"), rehearse: true })
        .collect();
    report
}

/// Says of a document all that its schema does not allow or does not tell of.
fn check(schema: &str, document: &str) {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let document: Value = serde_json::from_str(document).unwrap();
    let schemas = Schemas { finding: serde_json::from_str(FINDING).unwrap() };
    let (mut wrong, mut found) = (Vec::new(), Vec::new());
    schemas.check(&schema, &document, "", &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}");
    untold(&schemas, &schema, &document, "", &mut found);
    assert!(found.is_empty(), "the schema does not tell of {found:?}");
}

#[test]
fn json_keeps_the_published_schema() {
    for report in [sample::everything(), sample::hostile(), posture::report(), untrusted(), happened()] {
        check(REPORT, &rendered(&report, Format::Json));
    }
}

#[test]
fn incidents_keep_theirs() {
    let mut all = incidents(&happened().findings, &[], Vec::new());
    let incident = all.first_mut().unwrap();
    let fingerprint = incident.steps[0].fingerprint.clone();
    incident.image = Some("nginx:1".to_owned());
    incident.known.push(Known {
        fingerprint: fingerprint.clone(),
        severity: Severity::Critical,
        summary: "nginx has a hole".to_owned(),
        exploited: true,
    });
    incident.answers.push(Answer {
        finding: fingerprint,
        time: jiff::Timestamp::UNIX_EPOCH,
        told: "kill done".to_owned(),
        receipt: "20261128T160500.400Z-1-0-kill".to_owned(),
    });
    let mut document = Vec::new();
    write_json(&all, &mut document).unwrap();
    assert_eq!(all[0].steps[0].denial, Some(Denial::Rehearsed));
    check(INCIDENTS, std::str::from_utf8(&document).unwrap());
}

/// DESIGN.md, "Fixed points that scripts rely on".
#[test]
fn the_fixed_points_are_always_there() {
    let mut report = sample::everything();
    for judged in &mut report.findings {
        judged.finding.controls.clear();
        judged.finding.references.clear();
        judged.finding.place = seawall_inventory::Place::default();
    }
    report.gaps.clear();
    let document: Value = serde_json::from_str(&rendered(&report, Format::Json)).unwrap();
    for point in ["schema", "target", "findings", "gaps", "coverage", "verdict"] {
        assert!(document.get(point).is_some(), "{point}");
    }
    let points = ["rule", "fingerprint", "severity", "summary", "place", "evidence", "controls", "verdict"];
    for finding in document["findings"].as_array().unwrap() {
        for point in points {
            assert!(finding.get(point).is_some(), "{point}");
        }
    }
}
