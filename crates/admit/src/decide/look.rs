//! One image: what it is, whether that is remembered, and otherwise who signed it.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use seawall_finding::{Evidence, Finding, Subject, Untrusted};
use seawall_inventory::{Digest, ImageName, Inventory, Target, TargetKind};
use seawall_policy::Context;
use seawall_trust::image::{Attempt, Pinned};
use seawall_trust::requirement::{Requirement, undefined};

use super::{Core, Image, Meant, Wanted};
use crate::cache::{Key, Remembered};
use crate::limits::{CANDIDATES_MAX, REASONS_MAX, REFUSED_FOR, TOLD_CHARS_MAX, UNKNOWN_FOR};
use crate::rules::UNVERIFIABLE;
use crate::settings::Settings;

/// What one image turned out to be, before the policy's waivers.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) pinned: Option<ImageName>,
    pub(super) verified: Option<Remembered>,
    pub(super) findings: Vec<Finding>,
}

impl Outcome {
    pub(super) fn unknown(written: &str, pinned: Option<ImageName>, reason: &str) -> Outcome {
        let digest = pinned.as_ref().and_then(ImageName::digest);
        let finding = unverifiable(written, digest, reason);
        Outcome { pinned, verified: None, findings: vec![finding] }
    }
}

impl Core {
    /// What the cache answers without asking anybody.
    pub(super) fn known(&self, image: &Wanted, settings: &Settings, now: Timestamp) -> Option<Outcome> {
        let (candidates, id) = match image.meant.as_ref() {
            Ok(Meant::Remote(name)) => (vec![name], None),
            Ok(Meant::Local { id, name, origins }) => {
                let digests = origins.iter().filter_map(ImageName::digest).chain([id]);
                if let Some(finding) = revoked(&image.written, digests, settings, now) {
                    return Some(Outcome { pinned: None, verified: None, findings: vec![finding] });
                }
                (counting(name.as_ref(), origins, settings).ok()?, Some(id))
            }
            Err(reason) => return Some(Outcome::unknown(&image.written, None, reason)),
        };
        candidates.into_iter().find_map(|name| {
            let key = Key::new(name, name.digest()?, &settings.digest);
            let found = self.cache.get(&key, now)?;
            let covers = id.is_none_or(|id| *id == key.digest || found.covers.contains(id));
            covers.then(|| Outcome {
                pinned: Some(name.clone()),
                verified: Some(found),
                findings: Vec::new(),
            })
        })
    }

    pub(super) fn look(&self, image: &Wanted, settings: &Settings, now: Timestamp) -> Outcome {
        let written = &image.written;
        match &image.meant {
            Err(reason) => Outcome::unknown(written, None, reason),
            // A registry that the policy does not name is not called: whoever may ask us could choose it.
            Ok(Meant::Remote(name)) if settings.requirements.of(name).is_none() => {
                let findings = vec![undefined(written, name.digest())];
                let pinned = name.digest().is_some().then(|| name.clone());
                Outcome { pinned, verified: None, findings }
            }
            Ok(Meant::Remote(name)) => match self.evidence.pin(name) {
                Ok(digest) => self.verify(written, name, &digest, None, settings, now),
                Err(reason) => Outcome::unknown(written, None, &reason),
            },
            Ok(Meant::Local { id, name, origins }) => {
                let origins = match counting(name.as_ref(), origins, settings) {
                    Ok(origins) => origins,
                    Err(reason) => return Outcome::unknown(written, None, &reason),
                };
                let mut first = None;
                for origin in origins {
                    let Some(digest) = origin.digest() else { continue };
                    let outcome = self.verify(written, origin, digest, Some(id), settings, now);
                    if outcome.verified.is_some() {
                        return outcome;
                    }
                    first = first.or(Some(outcome));
                }
                let reason = "the engine knows it by no digest of a registry";
                first.unwrap_or_else(|| Outcome::unknown(written, None, reason))
            }
        }
    }

    /// Verifies one digest, unless that is remembered.
    fn verify(
        &self,
        written: &str,
        name: &ImageName,
        digest: &Digest,
        id: Option<&Digest>,
        settings: &Settings,
        now: Timestamp,
    ) -> Outcome {
        let key = &Key::new(name, digest, &settings.digest);
        let pinned = Some(name.with_digest(digest.clone()));
        let mut found = match self.cache.get(key, now) {
            Some(found) => found,
            None => match self.ask(written, name, key, settings, Vec::new()) {
                Ok(found) => found,
                Err(findings) => return Outcome { pinned, verified: None, findings },
            },
        };
        if let Some(id) = id.filter(|id| **id != key.digest && !found.covers.contains(id)) {
            match self.evidence.covers(name, &key.digest, id) {
                Ok(true) => {
                    found.covers.push(id.clone());
                    self.cache.put(found.clone());
                }
                Ok(false) => {
                    let reason = format!("the engine's {id} is not what {} names", key.digest);
                    return Outcome::unknown(written, pinned, &reason);
                }
                Err(reason) => return Outcome::unknown(written, pinned, &reason),
            }
        }
        Outcome { pinned, verified: Some(found), findings: Vec::new() }
    }

    /// Asks who signed, and remembers the answer.
    pub(super) fn ask(
        &self,
        written: &str,
        name: &ImageName,
        key: &Key,
        settings: &Settings,
        covers: Vec<Digest>,
    ) -> Result<Remembered, Vec<Finding>> {
        let now = (self.clock)();
        let asked = (key.clone(), written.to_owned());
        if let Some(findings) = self.cache.refused(&asked, now) {
            return Err(findings);
        }
        let refuse = |findings: Vec<Finding>, lasts: Duration| {
            let until = SignedDuration::try_from(lasts).ok().and_then(|lasts| now.checked_add(lasts).ok());
            self.cache.refuse(asked.clone(), findings.clone(), until.unwrap_or(now));
            Err(findings)
        };
        let Some(requirement) = settings.requirements.of(name) else {
            return Err(vec![undefined(written, Some(&key.digest))]);
        };
        let attempts = match self.evidence.examine(name, &key.digest, requirement, now) {
            Ok(attempts) => attempts,
            Err(reason) => {
                return refuse(vec![unverifiable(written, Some(&key.digest), &reason)], UNKNOWN_FOR);
            }
        };
        let image = Pinned { digest: key.digest.clone(), media_type: String::new(), size_bytes: 0 };
        let judged = requirement.judge(written, &image, &attempts, now);
        if !judged.found.is_empty() {
            return refuse(judged.found, REFUSED_FOR);
        }
        let claimed = settings.claims.iter().filter(|claim| claim.covers(name));
        let claimed: Vec<_> = claimed
            .map(|claim| {
                claim.judge(written, &requirement.counting(&image, &attempts, claim.says(), now), &image, now)
            })
            .collect();
        let unmet: Vec<Finding> =
            claimed.iter().filter_map(|met| met.as_ref().err()).map(|unmet| (**unmet).clone()).collect();
        if !unmet.is_empty() {
            return refuse(unmet, REFUSED_FOR);
        }
        if let Some(gap) = judged.gaps.first() {
            return refuse(vec![unverifiable(written, Some(&key.digest), &gap.reason)], UNKNOWN_FOR);
        }
        let verified = || attempts.iter().filter_map(|attempt| attempt.outcome.as_ref().ok());
        let by: BTreeSet<String> = verified().map(|verified| verified.by.to_string()).collect();
        let cut = |text: &String| text.chars().take(TOLD_CHARS_MAX).collect();
        let tolerated: BTreeSet<String> =
            verified().flat_map(|verified| &verified.tolerated).map(cut).collect();
        let found = Remembered {
            key: key.clone(),
            by: by.into_iter().collect(),
            tolerated: tolerated.into_iter().take(REASONS_MAX).collect(),
            at: now,
            until: claimed.into_iter().flatten().fold(until(requirement, &attempts, settings, now), Ord::min),
            covers,
        };
        self.cache.put(found.clone());
        Ok(found)
    }
}

/// An engine knows an image by several digests, that of an index, of the image in it, of its configuration: whichever is
/// revoked revokes it.
fn revoked<'d>(
    written: &str,
    digests: impl Iterator<Item = &'d Digest>,
    settings: &Settings,
    now: Timestamp,
) -> Option<Finding> {
    let listed = |digest: &Digest| {
        settings.requirements.0.iter().find(|requirement| requirement.revoked_digests.contains(digest))
    };
    let (requirement, digest) = digests.filter_map(|digest| Some((listed(digest)?, digest))).next()?;
    let image = Pinned { digest: digest.clone(), media_type: String::new(), size_bytes: 0 };
    // That is the first thing that is told of it.
    requirement.judge(written, &image, &[], now).found.into_iter().next()
}

/// Which of an image's origins can speak for it. Where somebody may only sign under the name that was asked for, it must
/// come from there: else a tag put on another image would lend it that name. By another name, or by its id, an image is
/// what it was where it came from.
fn counting<'a>(
    name: Option<&ImageName>,
    origins: &'a [ImageName],
    settings: &Settings,
) -> Result<Vec<&'a ImageName>, String> {
    if origins.len() > CANDIDATES_MAX {
        return Err(format!("the engine knows it by more than {CANDIDATES_MAX} digests"));
    }
    let Some(name) = name.filter(|name| settings.requirements.of(name).is_some()) else {
        return Ok(origins.iter().collect());
    };
    let is_here = |origin: &&ImageName| {
        (origin.registry(), origin.repository()) == (name.registry(), name.repository())
            && name.digest().is_none_or(|digest| origin.digest() == Some(digest))
    };
    let here: Vec<&ImageName> = origins.iter().filter(is_here).collect();
    match here.is_empty() {
        true => Err(format!(
            "what this engine calls so did not come from {}/{}",
            name.registry(),
            name.repository()
        )),
        false => Ok(here),
    }
}

/// When it must be verified again: as the policy says, and before the requirement or a signature gets too old.
fn until(requirement: &Requirement, attempts: &[Attempt], settings: &Settings, now: Timestamp) -> Timestamp {
    let expires = requirement.expires.and_then(|date| date.tomorrow().ok());
    let expires = expires.and_then(|date| TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok());
    let aged = requirement.age_days_max.into_iter().flat_map(|days| {
        let made = attempts.iter().filter_map(|attempt| attempt.outcome.as_ref().ok()?.at);
        made.filter_map(move |at| at.checked_add((i64::from(days) * 24).hours()).ok())
    });
    let later = expires.into_iter().chain(aged).filter(|end| *end > now);
    later.min().map_or(settings.until(now), |end| end.min(settings.until(now)))
}

/// The finding for what could not be found out.
fn unverifiable(written: &str, digest: Option<&Digest>, reason: &str) -> Finding {
    let reason: String = reason.chars().take(TOLD_CHARS_MAX).collect();
    let name: String = written.chars().take(TOLD_CHARS_MAX).collect();
    let untrusted = Untrusted {
        digest: digest.map(Digest::to_string).unwrap_or_default(),
        required: "a verification of the image".to_owned(),
        seen: reason.clone(),
        rejected: Vec::new(),
        satisfied_by: "What stands in the way, removed; a waiver of the policy lets it run until then."
            .to_owned(),
    };
    Finding {
        rule: UNVERIFIABLE.id.to_owned(),
        subject: Subject::Image { name: name.clone() },
        place: Default::default(),
        severity: UNVERIFIABLE.severity,
        confidence: Default::default(),
        summary: format!("{name} could not be verified: {reason}"),
        remedy: untrusted.satisfied_by.clone(),
        evidence: Evidence::Untrusted(Box::new(untrusted)),
        references: Vec::new(),
        controls: UNVERIFIABLE.finding_controls(),
    }
}

pub(super) fn judged(written: &str, outcome: Outcome, settings: &Settings, now: Timestamp) -> Image {
    let digest = outcome.pinned.as_ref().and_then(|name| name.digest().cloned());
    let target = Target { kind: TargetKind::Image, name: written.to_owned(), digest };
    let inventory = Inventory { target, ..Inventory::default() };
    let today = TimeZone::UTC.to_datetime(now).date();
    let context = Context { today, inventory: &inventory };
    let judge = |finding| settings.policy.judge(finding, context);
    Image {
        written: written.to_owned(),
        pinned: outcome.pinned,
        verified: outcome.verified,
        judged: outcome.findings.into_iter().map(judge).collect(),
    }
}
