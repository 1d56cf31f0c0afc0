//! Hits → findings.

use seawall_finding::{Confidence, Control, Evidence, Finding, Framework, Leaked, Subject};
use seawall_inventory::{Place, PlaceLayer};

use crate::hit::Hit;
use crate::rules::Rules;

/// CIS Docker "secrets are not stored in Dockerfiles" and its image section,
/// NIST SP 800-190 "embedded clear text secrets", CWE "hard-coded credentials".
const CONTROLS: &[(Framework, &str)] = &[
    (Framework::CisDocker18, "4.10"),
    (Framework::CisDocker17, "4.10"),
    (Framework::CisDocker16, "4.10"),
    (Framework::NistSp800190, "4.1.4"),
    (Framework::Cwe, "CWE-798"),
];

/// Where a hit is in its target, as whoever squashes layers knows it.
#[derive(Debug, Clone, Default)]
pub struct Location {
    /// The layer.
    pub layer: Option<PlaceLayer>,
    /// The layer that removes or replaces the file.
    pub deleted_in_layer: Option<u32>,
}

/// The finding of a hit in the target called `target`.
pub fn finding(rules: &Rules, hit: Hit, location: Location, target: &str) -> Finding {
    let rule = rules.get(&hit.rule);
    let title = rule.map_or("credential", |rule| rule.title()).to_owned();
    let wrapped =
        if hit.encodings.is_empty() { String::new() } else { format!(" ({})", hit.encodings.join(" in ")) };
    let carrier = match (&hit.carrier, location.deleted_in_layer) {
        (Some(carrier), _) => format!("{carrier} holds"),
        (None, Some(layer)) => format!("A file that layer {layer} removes, and that stays readable, holds"),
        (None, None) => "A file holds".to_owned(),
    };
    let mut summary = format!("{carrier} a credential: {title}{wrapped}");
    if let Some(first) = summary.get(..1).map(str::to_uppercase) {
        summary.replace_range(..1, &first);
    }
    Finding {
        rule: hit.rule,
        subject: Subject::Target { name: target.to_owned() },
        place: Place { layer: location.layer, path: hit.path, line: hit.line, pointer: hit.pointer },
        severity: rule.map(|rule| rule.severity()).unwrap_or_default(),
        confidence: hit.confidence,
        summary,
        evidence: Evidence::Leaked(Box::new(Leaked {
            secret: title,
            redacted: hit.redacted,
            value_id: hit.value_id,
            carrier: hit.carrier,
            encodings: hit.encodings,
            proof: hit.proof,
            deleted_in_layer: location.deleted_in_layer,
        })),
        remedy: rule.map(|rule| rule.fix().to_owned()).unwrap_or_default(),
        references: Vec::new(),
        controls: controls(),
    }
}

/// The controls that every leak violates.
pub fn controls() -> Vec<Control> {
    let control = |&(framework, id): &(Framework, &str)| Control { framework, id: id.to_owned() };
    CONTROLS.iter().map(control).collect()
}

/// The least confidence that is reported where the user asks for no other.
pub const CONFIDENCE_MIN: Confidence = Confidence::Medium;
