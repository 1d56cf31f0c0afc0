//! The words and vectors by which sources rate problems → [`Rating`] and [`Severity`].

use seawall_finding::{Rating, Severity};

use super::cvss;

/// The severity a vendor's word means. `None` for words that say that nobody decided yet.
pub(crate) fn severity(word: &str) -> Option<Severity> {
    let word = word.trim().trim_end_matches('.');
    let is = |words: &[&str]| words.iter().any(|known| word.eq_ignore_ascii_case(known));
    if is(&["critical", "very high", "emergency"]) {
        Some(Severity::Critical)
    } else if is(&["high", "important"]) {
        Some(Severity::High)
    } else if is(&["medium", "moderate"]) {
        Some(Severity::Medium)
    } else if is(&["low", "minor"]) {
        Some(Severity::Low)
    } else if is(&["negligible", "unimportant", "none", "informational"]) {
        Some(Severity::Negligible)
    } else {
        None
    }
}

/// A rating by a word.
pub(crate) fn of_word(source: &str, word: &str) -> Option<Rating> {
    let severity = severity(word)?;
    Some(Rating { source: source.to_owned(), severity, score: None, vector: None })
}

/// A rating by a CVSS vector; its score is computed. `None` for what is not a CVSS base vector.
pub(crate) fn of_vector(source: &str, vector: &str) -> Option<Rating> {
    let vector = vector.trim().trim_matches(['(', ')']);
    let score = cvss::base_score(vector)?;
    Some(Rating {
        source: source.to_owned(),
        severity: Severity::from_cvss(score),
        score: Some(score),
        vector: Some(vector.to_owned()),
    })
}

/// A rating whose score the source states itself.
pub(crate) fn of_score(source: &str, score: f64, vector: Option<&str>) -> Option<Rating> {
    (0.0..=10.0).contains(&score).then(|| Rating {
        source: source.to_owned(),
        severity: Severity::from_cvss(score),
        score: Some(score),
        vector: vector.map(str::to_owned),
    })
}

/// Adds a rating unless an equal one is there.
pub(crate) fn push(ratings: &mut Vec<Rating>, rating: Option<Rating>) {
    if let Some(rating) = rating
        && !ratings.contains(&rating)
    {
        ratings.push(rating);
    }
}
