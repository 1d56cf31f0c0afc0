//! What is required of an image before it is trusted, and what is missing.
//!
//! Requirements stand in the section `trust` of the policy file; the first whose patterns match an image's name counts,
//! and an image for which there is none is not trusted. Reads no files: whoever does is an argument.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use seawall_finding::{Evidence, Finding, Findings, Rule, Subject, Untrusted};
use seawall_inventory::{Digest, ImageName};

use crate::certificate::identity::{Identity, Pattern};
use crate::image::{Attempt, Pinned};
use crate::key::PublicKey;
use crate::notation::Notation;
use crate::rules;
use crate::statement::COSIGN_SIGN;
use crate::trusted_root::TrustedRoot;
use crate::verify::{By, Verified, Wanted};

mod file;

pub use file::FileError;

/// Reasons that a summary tells; the evidence has all.
const REASONS_MAX: usize = 3;

/// What is required of images.
#[derive(Debug, Clone, Default)]
pub struct Requirement {
    /// Of which: patterns of `registry/repository`.
    pub images: Vec<Pattern>,
    /// Keys, of which any may sign.
    pub keys: Vec<PublicKey>,
    /// Identities, of which any may sign.
    pub identities: Vec<Identity>,
    /// Whom to believe of identities, logs and times.
    pub root: Option<TrustedRoot>,
    /// notation's trust policy, whose signers may sign too.
    pub notation: Option<Notation>,
    /// How many different keys or identities must have signed; at least one.
    pub signers: usize,
    /// Predicate types of which there must be an attestation by one of the signers.
    pub attestations: Vec<String>,
    /// Days for which a signature counts from when it was made; the time must then be vouched for.
    pub age_days_max: Option<u32>,
    /// Last day on which this requirement can be met.
    pub expires: Option<Date>,
    /// Keys that count no longer: `SHA256:…`.
    pub revoked_keys: BTreeSet<String>,
    /// Images that must not run, whoever signed them.
    pub revoked_digests: BTreeSet<Digest>,
}

/// All requirements, in order.
#[derive(Debug, Clone, Default)]
pub struct Requirements(pub Vec<Requirement>);

impl Requirements {
    /// The one that counts for an image.
    pub fn of(&self, name: &ImageName) -> Option<&Requirement> {
        let name = format!("{}/{}", name.registry(), name.repository());
        self.0.iter().find(|requirement| requirement.images.iter().any(|pattern| covers(pattern, &name)))
    }
}

/// A pattern means a repository, or a path above repositories.
fn covers(pattern: &Pattern, name: &str) -> bool {
    pattern.matches(name) || name.match_indices('/').any(|(end, _)| pattern.matches(&name[..end]))
}

impl Requirement {
    /// As the verification of a bundle wants it.
    pub fn wanted(&self) -> Vec<Wanted<'_>> {
        let mut wanted = Vec::new();
        if !self.keys.is_empty() {
            wanted.push(Wanted::Keys(&self.keys, self.root.as_ref()));
        }
        if let Some(root) = self.root.as_ref().filter(|_| !self.identities.is_empty()) {
            wanted.push(Wanted::Identities(&self.identities, root));
        }
        wanted.extend(self.notation.as_ref().map(Wanted::Notation));
        wanted
    }

    /// What an image lacks, given everything that was found of it. Nothing found means that it is trusted.
    pub fn judge(&self, name: &str, image: &Pinned, attempts: &[Attempt], now: Timestamp) -> Findings {
        let judging = Judging { requirement: self, name, image, attempts, now };
        let mut found = Vec::new();
        if self.revoked_digests.contains(&image.digest) {
            found.push(judging.finding(
                &rules::IMAGE_REVOKED,
                format!("{name} is revoked"),
                "an image that is not revoked",
                "its digest is in `revoked-digests` of the policy",
                "An image with another digest.",
            ));
        }
        let today = TimeZone::UTC.to_datetime(now).date();
        if let Some(expires) = self.expires.filter(|expires| *expires < today) {
            found.push(judging.finding(
                &rules::TRUST_UNDEFINED,
                format!("the requirement that is about {name} held until {expires}"),
                "a requirement that holds",
                &format!("one that held until {expires}"),
                "A later date in `expires`, once somebody has looked at keys and identities again.",
            ));
        }
        found.extend(judging.signatures());
        found.extend(self.attestations.iter().filter_map(|kind| judging.attestation(kind)));
        Findings { found, gaps: Vec::new() }
    }

    /// The attestations that say something of this kind, by signers who count.
    pub fn counting<'a>(
        &self,
        image: &Pinned,
        attempts: &'a [Attempt],
        says: &str,
        now: Timestamp,
    ) -> Vec<&'a Verified> {
        let judging = Judging { requirement: self, name: "", image, attempts, now };
        let counts =
            |attempt: &&Attempt| attempt.says() == Some(says) && judging.objection(attempt).is_none();
        attempts.iter().filter(counts).filter_map(|attempt| attempt.outcome.as_ref().ok()).collect()
    }

    fn who(&self) -> String {
        self.wanted().iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
    }
}

/// The finding for an image that no requirement is about.
pub fn undefined(name: &str, digest: Option<&Digest>) -> Finding {
    let untrusted = Untrusted {
        digest: digest.map(Digest::to_string).unwrap_or_default(),
        required: "a requirement of the policy that is about this image".to_owned(),
        seen: "none".to_owned(),
        rejected: Vec::new(),
        satisfied_by: "An entry of the policy's `trust` whose `images` match its name.".to_owned(),
    };
    finding(&rules::TRUST_UNDEFINED, name, format!("no requirement of the policy is about {name}"), untrusted)
}

struct Judging<'a> {
    requirement: &'a Requirement,
    name: &'a str,
    image: &'a Pinned,
    attempts: &'a [Attempt],
    now: Timestamp,
}

impl Judging<'_> {
    /// Why a signature that verified does not count all the same.
    fn objection(&self, attempt: &Attempt) -> Option<String> {
        let verified = match &attempt.outcome {
            Ok(verified) => verified,
            Err(refusal) => return Some(refusal.to_string()),
        };
        if let By::Key(key) = &verified.by
            && self.requirement.revoked_keys.contains(&key.fingerprint())
        {
            return Some(format!("its key {} is revoked", key.fingerprint()));
        }
        let days = self.requirement.age_days_max?;
        let oldest = self.now.checked_sub((i64::from(days) * 24).hours()).ok();
        match verified.at {
            None => Some("nobody vouches for when it was made".to_owned()),
            Some(at) if oldest.is_none_or(|oldest| at < oldest) => Some(format!("it was made at {at}")),
            Some(_) => None,
        }
    }

    fn rejected(&self) -> Vec<String> {
        let told =
            |attempt: &Attempt| self.objection(attempt).map(|reason| format!("{}: {reason}", attempt.place));
        self.attempts.iter().filter_map(told).collect()
    }

    /// Who signed in a way that counts and says this.
    fn signers(&self, says: &str) -> BTreeSet<String> {
        let counts = |attempt: &&Attempt| attempt.says() == Some(says) && self.objection(attempt).is_none();
        let by = |attempt: &Attempt| attempt.outcome.as_ref().ok().map(|verified| verified.by.to_string());
        self.attempts.iter().filter(counts).filter_map(by).collect()
    }

    fn signatures(&self) -> Option<Finding> {
        let (wanted, who) = (self.requirement.signers.max(1), self.requirement.who());
        let count = self.signers(COSIGN_SIGN).len();
        if count >= wanted {
            return None;
        }
        let required = match wanted {
            1 => format!("a signature by {who}"),
            _ => format!("signatures by {wanted} of {who}"),
        };
        let (rule, seen) = match (self.attempts, count) {
            ([], _) => (&rules::SIGNATURE_MISSING, "no signature".to_owned()),
            (_, 0) => (&rules::SIGNATURE_REFUSED, format!("no signature that counts{}", self.reasons())),
            (_, _) => (&rules::SIGNATURE_REFUSED, format!("signatures by {count} of {wanted} that count")),
        };
        let by = format!("`seawall sign` by {who}.");
        Some(self.finding(rule, format!("{} has {seen}", self.name), &required, &seen, &by))
    }

    /// Why signatures do not count, each reason once.
    fn reasons(&self) -> String {
        let reasons: BTreeSet<String> =
            self.attempts.iter().filter_map(|attempt| self.objection(attempt)).collect();
        let told: Vec<String> = reasons.into_iter().take(REASONS_MAX).collect();
        if told.is_empty() { String::new() } else { format!(": {}", told.join("; ")) }
    }

    fn attestation(&self, kind: &str) -> Option<Finding> {
        if !self.signers(kind).is_empty() {
            return None;
        }
        let who = self.requirement.who();
        Some(self.finding(
            &rules::ATTESTATION_MISSING,
            format!("{} has no attestation of {kind} that counts", self.name),
            &format!("an attestation of {kind} by {who}"),
            "none that counts",
            &format!("`seawall attest --type {kind}` by {who}."),
        ))
    }

    fn finding(&self, rule: &Rule, summary: String, required: &str, seen: &str, by: &str) -> Finding {
        let untrusted = Untrusted {
            digest: self.image.digest.to_string(),
            required: required.to_owned(),
            seen: seen.to_owned(),
            rejected: self.rejected(),
            satisfied_by: by.to_owned(),
        };
        finding(rule, self.name, summary, untrusted)
    }
}

pub(crate) fn finding(rule: &Rule, name: &str, summary: String, untrusted: Untrusted) -> Finding {
    Finding {
        rule: rule.id.to_owned(),
        subject: Subject::Image { name: name.to_owned() },
        place: Default::default(),
        severity: rule.severity,
        confidence: Default::default(),
        summary,
        remedy: untrusted.satisfied_by.clone(),
        evidence: Evidence::Untrusted(Box::new(untrusted)),
        references: rule.references.iter().map(|reference| (*reference).to_owned()).collect(),
        controls: rule.finding_controls(),
    }
}

#[cfg(test)]
mod tests;
