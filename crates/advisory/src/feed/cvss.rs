//! CVSS base scores of vectors: version 2.0 (guide, section 3.2.1), 3.0/3.1 (specification, section 7.1)
//! and, by the crate `cvss`, 4.0 (its table of macro vectors).
//! Temporal and environmental metrics are ignored.

/// The base score, 0 to 10 with one decimal; `None` when the vector is not one or lacks a base metric.
pub(crate) fn base_score(vector: &str) -> Option<f64> {
    if let Some(metrics) = vector.strip_prefix("CVSS:3.0/").or_else(|| vector.strip_prefix("CVSS:3.1/")) {
        version_3(metrics)
    } else if let Some(metrics) = vector.strip_prefix("CVSS:4.0/") {
        version_4(vector, metrics)
    } else if vector.starts_with("CVSS:") {
        None
    } else {
        version_2(vector)
    }
}

/// The value of a metric in `AV:N/AC:L/…`.
fn metric<'v>(metrics: &'v str, name: &str) -> Option<&'v str> {
    metrics
        .split('/')
        .find_map(|pair| pair.split_once(':').filter(|(key, _)| *key == name).map(|(_, value)| value))
}

fn weight(metrics: &str, name: &str, weights: &[(&str, f64)]) -> Option<f64> {
    let value = metric(metrics, name)?;
    weights.iter().find(|(key, _)| *key == value).map(|(_, weight)| *weight)
}

fn version_3(metrics: &str) -> Option<f64> {
    let changed = match metric(metrics, "S")? {
        "C" => true,
        "U" => false,
        _ => return None,
    };
    let privileges: &[(&str, f64)] = if changed {
        &[("N", 0.85), ("L", 0.68), ("H", 0.5)]
    } else {
        &[("N", 0.85), ("L", 0.62), ("H", 0.27)]
    };
    let exploitability = 8.22
        * weight(metrics, "AV", &[("N", 0.85), ("A", 0.62), ("L", 0.55), ("P", 0.2)])?
        * weight(metrics, "AC", &[("L", 0.77), ("H", 0.44)])?
        * weight(metrics, "PR", privileges)?
        * weight(metrics, "UI", &[("N", 0.85), ("R", 0.62)])?;
    let loss = |name| Some(1.0 - weight(metrics, name, &[("H", 0.56), ("L", 0.22), ("N", 0.0)])?);
    let base = 1.0 - loss("C")? * loss("I")? * loss("A")?;
    let impact = if changed { 7.52 * (base - 0.029) - 3.25 * (base - 0.02).powi(15) } else { 6.42 * base };
    if impact <= 0.0 {
        return Some(0.0);
    }
    let sum = if changed { 1.08 * (impact + exploitability) } else { impact + exploitability };
    Some(round_up(sum.min(10.0)))
}

/// The smallest number with one decimal that is not less (3.1, appendix A: on integers, so that 4.02 does not
/// become 4.1 by a rounding error).
fn round_up(score: f64) -> f64 {
    let scaled = (score * 100_000.0).round();
    if scaled % 10_000.0 == 0.0 { scaled / 100_000.0 } else { ((scaled / 10_000.0).floor() + 1.0) / 10.0 }
}

fn version_4(vector: &str, metrics: &str) -> Option<f64> {
    // The crate's score panics where one of these is absent.
    let base = ["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"];
    if !base.iter().all(|name| metric(metrics, name).is_some()) {
        return None;
    }
    let vector: cvss::v4::Vector = vector.parse().ok()?;
    Some((vector.score().value() * 10.0).round() / 10.0)
}

fn version_2(metrics: &str) -> Option<f64> {
    let exploitability = 20.0
        * weight(metrics, "AV", &[("L", 0.395), ("A", 0.646), ("N", 1.0)])?
        * weight(metrics, "AC", &[("H", 0.35), ("M", 0.61), ("L", 0.71)])?
        * weight(metrics, "Au", &[("M", 0.45), ("S", 0.56), ("N", 0.704)])?;
    let loss = |name| Some(1.0 - weight(metrics, name, &[("N", 0.0), ("P", 0.275), ("C", 0.66)])?);
    let impact = 10.41 * (1.0 - loss("C")? * loss("I")? * loss("A")?);
    let factor = if impact == 0.0 { 0.0 } else { 1.176 };
    Some((((0.6 * impact + 0.4 * exploitability - 1.5) * factor) * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(vector: &str, expected: Option<f64>) {
        assert_eq!(base_score(vector), expected, "{vector}");
    }

    #[test]
    fn version_3_examples() {
        check("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Some(9.8));
        check("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", Some(10.0));
        check("CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", Some(6.4));
        check("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", Some(3.1));
        check("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", Some(0.0));
        check("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H/E:P", Some(7.5));
        check("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N", None);
        check("CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", None);
    }

    #[test]
    fn version_2_examples() {
        check("AV:N/AC:L/Au:N/C:N/I:N/A:C", Some(7.8));
        check("AV:N/AC:L/Au:N/C:C/I:C/A:C", Some(10.0));
        check("AV:L/AC:H/Au:N/C:C/I:C/A:C", Some(6.2));
        check("AV:N/AC:M/Au:N/C:N/I:P/A:N", Some(4.3));
        check("AV:N/AC:L/Au:N/C:N/I:N/A:N", Some(0.0));
        check("", None);
    }

    #[test]
    fn version_4_examples() {
        // Scores of FIRST's calculator.
        check("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", Some(10.0));
        check("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Some(9.3));
        check("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", Some(0.0));
        check("CVSS:4.0/AV:N/AC:L", None);
        check("CVSS:4.0/AV:Z/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", None);
    }
}
