//! Which rating decides the severity, and the order of work.

use seawall_finding::{Epss, KnownExploited, Rating, Severity};

/// The severity of the first rating that says one: ratings come in the order distribution, ecosystem, NVD and CISA.
pub(super) fn of(ratings: &[Rating]) -> Severity {
    ratings.iter().map(|rating| rating.severity).find(|rated| *rated != Severity::Unknown).unwrap_or_default()
}

/// Order of work, 0 to 100:
///
/// `100 × (0.3 × weight + 0.7 × likelihood) × (1 with a fix, 0.8 without)`
///
/// where `weight` is 1, 0.75, 0.5, 0.25, 0.05 for critical to negligible and 0.4 for unknown, and `likelihood`
/// is 1 for what ransomware uses, 0.95 for what is known to be exploited, else the square root of the EPSS
/// score (so that 1 % counts 0.1 and 50 % counts 0.7), else 0.05. What is exploited comes before what is
/// merely severe; what can be fixed comes before what cannot.
pub(super) fn risk(
    severity: Severity,
    epss: Option<&Epss>,
    exploited: Option<&KnownExploited>,
    has_fix: bool,
) -> f64 {
    let weight = match severity {
        Severity::Critical => 1.0,
        Severity::High => 0.75,
        Severity::Medium => 0.5,
        Severity::Unknown => 0.4,
        Severity::Low => 0.25,
        Severity::Negligible => 0.05,
    };
    let likelihood = match (exploited, epss) {
        (Some(exploited), _) if exploited.ransomware => 1.0,
        (Some(_), _) => 0.95,
        (None, Some(epss)) => epss.score.clamp(0.0, 1.0).sqrt(),
        (None, None) => 0.05,
    };
    let fixable = if has_fix { 1.0 } else { 0.8 };
    let risk: f64 = 100.0 * (0.3 * weight + 0.7 * likelihood) * fixable;
    (risk * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(severity: Severity, epss: Option<f64>, exploited: Option<bool>, has_fix: bool, expected: f64) {
        let epss = epss.map(|score| Epss { score, percentile: 0.5 });
        let exploited = exploited.map(|ransomware| KnownExploited { added: "2024-01-01".into(), ransomware });
        assert_eq!(risk(severity, epss.as_ref(), exploited.as_ref(), has_fix), expected);
    }

    #[test]
    fn what_is_exploited_comes_first() {
        check(Severity::Critical, Some(0.9), Some(true), true, 100.0);
        check(Severity::Medium, None, Some(false), false, 65.2);
        check(Severity::Low, Some(0.81), None, true, 70.5);
        check(Severity::Critical, Some(0.0001), None, true, 30.7);
        check(Severity::Unknown, None, None, false, 12.4);
    }
}
