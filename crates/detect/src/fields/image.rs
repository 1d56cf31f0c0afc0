//! Fields of what a scan knows of the executed file: `image.*`. Ours; Falco has none of them.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other fields are in the other files of this directory"
)]

use seawall_event::Event;

use super::{Field, FieldId};
use crate::value::Value;

pub(super) fn value<'e>(field: &Field, event: &'e Event) -> Value<'e> {
    let Some(file) = event.image_file.as_deref() else { return Value::Absent };
    match field.id {
        FieldId::ImageFileKnown => Value::bool(file.is_known),
        FieldId::ImageFileMounted => Value::bool(file.is_mounted),
        FieldId::ImageFileDigest => Value::text(file.digest.as_deref()),
        FieldId::ImageFileDigestMatches => Value::bool(file.digest_matches),
        FieldId::ImageFilePackage => Value::text(file.package.as_deref()),
        FieldId::ImagePackageVulnerable => Value::bool(file.vulnerability.as_ref().map(|_| true)),
        FieldId::ImagePackageVulnerability => Value::text(file.vulnerability.as_deref()),
        FieldId::ImagePackageSeverity => Value::text(file.severity.as_deref()),
        FieldId::ImagePackageExploited => Value::bool(file.is_exploited),
        _ => Value::Absent,
    }
}

/// What an alert tells whatever its rule shows, where it is known.
pub(crate) const TOLD: [(&str, FieldId); 5] = [
    ("image.file.known", FieldId::ImageFileKnown),
    ("image.file.digest_matches", FieldId::ImageFileDigestMatches),
    ("image.file.package", FieldId::ImageFilePackage),
    ("image.package.severity", FieldId::ImagePackageSeverity),
    ("image.package.exploited", FieldId::ImagePackageExploited),
];
