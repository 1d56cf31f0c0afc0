//! CVSS vectors → base scores and severities.

use seawall_finding::{Rating, Severity};

/// Fills in scores and severities that vectors and scores imply.
pub(crate) fn complete(ratings: &mut [Rating]) {
    for rating in ratings {
        if rating.score.is_none() {
            rating.score = rating.vector.as_deref().and_then(score);
        }
        if let (Severity::Unknown, Some(score)) = (rating.severity, rating.score) {
            rating.severity = Severity::from_cvss(score);
        }
    }
}

/// The base score of a vector of any version.
pub(crate) fn score(vector: &str) -> Option<f64> {
    let _ = vector;
    None
}
