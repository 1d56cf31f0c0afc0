//! What an attestation must say: a scan that is not too old, no vulnerability that is exploited. Whether the right ones
//! say it is for `trust`.

use jiff::{SignedDuration, Timestamp};
use seawall_finding::{Evidence, Finding, Subject, Untrusted};
use seawall_inventory::ImageName;
use seawall_policy::Condition;
use seawall_trust::certificate::identity::Pattern;
use seawall_trust::image::Pinned;
use seawall_trust::statement::predicate_type;
use seawall_trust::verify::Verified;
use serde::Deserialize;
use serde_json::Value;

use crate::rules::CLAIM_UNMET;

/// As it stands in the policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ClaimText {
    #[serde(default)]
    images: Vec<String>,
    r#type: String,
    time: Option<String>,
    age_days_max: Option<u32>,
    condition: Option<String>,
}

/// What an attestation of some kind must say.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// Of `registry/repository`; none means of all.
    images: Vec<Pattern>,
    says: String,
    /// JSON pointer to the time in the predicate; without it the time counts that somebody vouches for.
    time: Option<String>,
    age_max: Option<SignedDuration>,
    condition: Option<(String, Condition)>,
}

impl Claim {
    pub(crate) fn read(text: ClaimText) -> Result<Claim, String> {
        if text.age_days_max.is_none() && text.condition.is_none() {
            return Err(format!("the attestation {} needs `age-days-max` or a `condition`", text.r#type));
        }
        if text.time.as_ref().is_some_and(|time| !time.starts_with('/')) {
            return Err("`time` is a JSON pointer into the predicate: /metadata/scanFinishedOn".to_owned());
        }
        let condition = |source: String| match Condition::compile(&source) {
            Ok(condition) => Ok((source, condition)),
            Err(error) => Err(error.to_string()),
        };
        Ok(Claim {
            images: text.images.iter().map(|text| Pattern::glob(text)).collect::<Result<_, _>>()?,
            says: predicate_type(&text.r#type)?,
            time: text.time,
            age_max: text.age_days_max.map(|days| SignedDuration::from_hours(24 * i64::from(days))),
            condition: text.condition.map(condition).transpose()?,
        })
    }

    pub(crate) fn says(&self) -> &str {
        &self.says
    }

    pub(crate) fn covers(&self, name: &ImageName) -> bool {
        let name = format!("{}/{}", name.registry(), name.repository());
        self.images.is_empty() || self.images.iter().any(|pattern| pattern.matches(&name))
    }

    /// Until when one of these says it, or what is wrong.
    pub(crate) fn judge(
        &self,
        written: &str,
        counting: &[&Verified],
        image: &Pinned,
        now: Timestamp,
    ) -> Result<Timestamp, Box<Finding>> {
        let judged: Vec<Result<Timestamp, String>> =
            counting.iter().map(|verified| self.judge_one(verified, now)).collect();
        if let Some(until) = judged.iter().filter_map(|one| one.as_ref().ok()).max() {
            return Ok(*until);
        }
        let rejected: Vec<String> = judged.into_iter().filter_map(Result::err).collect();
        let seen = match rejected.as_slice() {
            [] => "none by a signer who counts".to_owned(),
            reasons => reasons.join("; "),
        };
        Err(Box::new(self.finding(written, seen, rejected, image)))
    }

    fn judge_one(&self, verified: &Verified, now: Timestamp) -> Result<Timestamp, String> {
        let predicate = verified.statement.as_ref().map_or(&Value::Null, |statement| &statement.predicate);
        let until = match self.age_max {
            None => Timestamp::MAX,
            Some(age_max) => {
                let at = match &self.time {
                    None => verified.at.ok_or("nobody vouches for when it was made")?,
                    Some(pointer) => {
                        let text = predicate.pointer(pointer).and_then(Value::as_str);
                        let at = text.and_then(|text| text.parse::<Timestamp>().ok());
                        at.ok_or_else(|| format!("it has no time at {pointer}"))?
                    }
                };
                if at > now {
                    return Err(format!("it is of {at}, which is to come"));
                }
                let until = at.checked_add(age_max).unwrap_or(Timestamp::MAX);
                if until <= now {
                    return Err(format!("it is of {at}"));
                }
                until
            }
        };
        match &self.condition {
            None => Ok(until),
            Some((source, condition)) => match condition.holds_for("predicate", predicate) {
                Ok(true) => Ok(until),
                Ok(false) => Err(format!("`{source}` does not hold for it")),
                // What cannot be evaluated is not met.
                Err(error) => Err(error.to_string()),
            },
        }
    }

    fn finding(&self, written: &str, seen: String, rejected: Vec<String>, image: &Pinned) -> Finding {
        let mut required = format!("an attestation of {}", self.says);
        if let Some(age) = self.age_max {
            required += &format!(" that is not older than {} days", age.as_hours() / 24);
        }
        if let Some((source, _)) = &self.condition {
            required += &format!(" for which `{source}` holds");
        }
        let untrusted = Untrusted {
            digest: image.digest.to_string(),
            required: required.clone(),
            seen: seen.clone(),
            rejected,
            satisfied_by: format!("{required}."),
        };
        Finding {
            rule: CLAIM_UNMET.id.to_owned(),
            subject: Subject::Image { name: written.to_owned() },
            place: Default::default(),
            severity: CLAIM_UNMET.severity,
            confidence: Default::default(),
            summary: format!("{written} has no attestation of {} that is as required: {seen}", self.says),
            remedy: untrusted.satisfied_by.clone(),
            evidence: Evidence::Untrusted(Box::new(untrusted)),
            references: CLAIM_UNMET.references.iter().map(|text| (*text).to_owned()).collect(),
            controls: CLAIM_UNMET.finding_controls(),
        }
    }
}

#[cfg(test)]
mod tests {
    use seawall_trust::statement::Statement;
    use seawall_trust::verify::By;
    use seawall_trust::{KeyAlgorithm, PrivateKey};
    use serde_json::json;

    use super::*;

    fn check(claim: &str, predicates: &[Value], expected: &str) {
        let claim: ClaimText = serde_saphyr::from_str(claim).unwrap();
        let claim = Claim::read(claim).unwrap();
        let digest = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
        let key = PrivateKey::generate(KeyAlgorithm::P256).unwrap().public().clone();
        let verified = |predicate: &Value| Verified {
            by: By::Key(key.clone()),
            at: None,
            log_indexes: Vec::new(),
            statement: Some(Statement::new(&digest, claim.says(), predicate.clone())),
            unchecked: Vec::new(),
            tolerated: Vec::new(),
        };
        let all: Vec<Verified> = predicates.iter().map(verified).collect();
        let image = Pinned { digest: digest.clone(), media_type: String::new(), size_bytes: 0 };
        let now = "2026-06-10T00:00:00Z".parse().unwrap();
        let judged = claim.judge("a.b/c", &all.iter().collect::<Vec<_>>(), &image, now);
        let shown = judged.map_or_else(|finding| finding.summary, |until| until.to_string());
        assert!(shown.contains(expected), "{shown}");
    }

    #[test]
    fn an_attestation_must_be_young_and_say_the_right_thing() {
        let scan = |at: &str, exploited: bool| json!({"metadata": {"scanFinishedOn": at}, "findings": [{"id": "CVE-1", "exploited": exploited}]});
        let young = "{type: vuln, time: /metadata/scanFinishedOn, age-days-max: 7}";
        check(young, &[scan("2026-06-05T00:00:00Z", false)], "2026-06-12T00:00:00Z");
        check(young, &[scan("2026-06-03T00:00:00Z", false)], "it is of 2026-06-03");
        check(young, &[scan("2026-06-11T00:00:00Z", false)], "which is to come");
        check(young, &[json!({})], "it has no time at /metadata/scanFinishedOn");
        check(young, &[], "none by a signer who counts");
        check(young, &[json!({}), scan("2026-06-05T00:00:00Z", false)], "2026-06-12");
        check("{type: vuln, age-days-max: 7}", &[scan("2026-06-05T00:00:00Z", false)], "nobody vouches");
        let harmless = "{type: vuln, condition: '!predicate.findings.exists(f, f.exploited)'}";
        check(harmless, &[scan("x", false)], "9999-12-30");
        check(harmless, &[scan("x", true)], "does not hold for it");
        check(harmless, &[json!({})], "CEL condition");
        check("{type: vuln, condition: 'predicate.findings'}", &[scan("x", true)], "not true or false");
    }

    #[test]
    fn a_claim_that_says_nothing_is_an_error() {
        for text in [
            "{type: vuln}",
            "{type: nothing, age-days-max: 1}",
            "{type: vuln, condition: '('}",
            "{type: vuln, time: at, age-days-max: 1}",
        ] {
            assert!(Claim::read(serde_saphyr::from_str(text).unwrap()).is_err(), "{text}");
        }
    }
}
