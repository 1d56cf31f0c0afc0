//! The decision: may these images run here, for this one, now?
//!
//! What cannot be found out in time is a finding like any other, so that only a waiver with an owner and an end lets it
//! through. A name is made a digest once, and that digest is what is verified and what is answered.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use seawall_finding::{Evidence as FindingEvidence, Finding, Subject, Untrusted};
use seawall_inventory::{Digest, ImageName, Inventory, Target, TargetKind};
use seawall_policy::{Context, Judged, Verdict};
use seawall_trust::image::{Attempt, Pinned};
use seawall_trust::requirement::{Requirement, undefined};
use serde::Serialize;

use crate::cache::{Cache, Key, Remembered};
use crate::evidence::Evidence;
use crate::limits::{
    CANDIDATES_MAX, IMAGES_MAX, REASONS_MAX, REFUSED_FOR, TOLD_CHARS_MAX, UNKNOWN_FOR, VERIFICATIONS_MAX,
};
use crate::rules::UNVERIFIABLE;
use crate::settings::{Mode, Place, Settings};

/// The time, as the caller has it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// An image that is to run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// As it was asked for.
    pub written: String,
    /// What that means, or why nobody knows.
    pub meant: Result<Meant, String>,
}

/// What the name of an image means.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Meant {
    /// An image of a registry, which will be pulled.
    Remote(ImageName),
    /// An image that an engine has.
    Local {
        /// Its id there.
        id: Digest,
        /// The name it is asked for by; none where that is its id.
        name: Option<ImageName>,
        /// Where it came from, with digests.
        origins: Vec<ImageName>,
    },
}

impl Wanted {
    /// An image of a registry, by its name.
    pub fn remote(written: &str) -> Wanted {
        let meant = written.parse().map(Meant::Remote).map_err(|error| format!("{error}"));
        Wanted { written: written.to_owned(), meant }
    }
}

/// What is to be decided.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where, and for whom.
    pub place: Place,
    /// All images of it.
    pub images: Vec<Wanted>,
    /// How long the decision may take.
    pub within: Duration,
}

/// What was decided, and why.
#[derive(Debug, Clone, Serialize)]
pub struct Decision {
    /// Whether it may run.
    pub allowed: bool,
    /// What is done about what is not trusted.
    pub mode: Mode,
    /// Each image, in the order of the request and once.
    pub images: Vec<Image>,
}

/// One image of a decision.
#[derive(Debug, Clone, Serialize)]
pub struct Image {
    /// As it was asked for.
    pub written: String,
    /// Its name with the digest that was verified; none where nobody knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<ImageName>,
    /// What was verified and until when; none where it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<Remembered>,
    /// What is missing, with the verdict on it.
    pub judged: Vec<Judged>,
}

impl Image {
    /// Whether the policy lets it run.
    pub fn is_trusted(&self) -> bool {
        match (&self.verified, self.judged.as_slice()) {
            // Nothing verified and nothing found is no reason to trust.
            (None, []) => false,
            (_, judged) => judged.iter().all(|judged| judged.verdict != Verdict::Deny),
        }
    }

    fn reasons(&self) -> impl Iterator<Item = String> {
        self.judged.iter().filter(|judged| judged.verdict == Verdict::Deny).map(|judged| {
            let expired = judged.reasons.iter().filter(|reason| reason.contains("expired"));
            let expired: String = expired.map(|reason| format!(" ({reason})")).collect();
            let remedy = Some(&judged.finding.remedy).filter(|remedy| !remedy.is_empty());
            let remedy = remedy.map(|remedy| format!(" What helps: {remedy}")).unwrap_or_default();
            format!("{} [{}]{expired}.{remedy}", judged.finding.summary, judged.finding.rule)
        })
    }
}

impl Decision {
    /// Why it is denied, or would be were it enforced; empty where everything is trusted.
    pub fn reasons(&self) -> Vec<String> {
        let reasons = self.images.iter().filter(|image| !image.is_trusted());
        reasons.flat_map(Image::reasons).take(REASONS_MAX).collect()
    }

    /// What lets images run although something is missing: waivers, which have an owner and an end.
    pub fn waivers(&self) -> Vec<String> {
        let judged = self.images.iter().flat_map(|image| &image.judged);
        let waived = judged.filter_map(|judged| judged.waived.as_ref().map(|waived| (judged, waived)));
        let told = waived.map(|(judged, waived)| {
            let owner = waived.owner.as_deref().unwrap_or("nobody");
            let until = waived.until.as_deref().unwrap_or("ever");
            format!("{}: waived by {owner} until {until}: {}", judged.finding.summary, waived.reason)
        });
        told.take(REASONS_MAX).collect()
    }

    /// The digest that was verified for a name as it was asked for.
    pub fn pinned(&self, written: &str) -> Option<&ImageName> {
        self.images.iter().find(|image| image.written == written)?.pinned.as_ref()
    }
}

/// What one image turned out to be, before the policy's waivers.
#[derive(Debug, Clone)]
struct Outcome {
    pinned: Option<ImageName>,
    verified: Option<Remembered>,
    findings: Vec<Finding>,
}

impl Outcome {
    fn unknown(written: &str, pinned: Option<ImageName>, reason: &str) -> Outcome {
        let digest = pinned.as_ref().and_then(ImageName::digest);
        let finding = unverifiable(written, digest, reason);
        Outcome { pinned, verified: None, findings: vec![finding] }
    }
}

/// Decides about admission; one for a process, shared by its threads.
#[derive(Clone)]
pub struct Admission {
    core: Arc<Core>,
}

struct Core {
    settings: RwLock<Arc<Settings>>,
    evidence: Box<dyn Evidence>,
    cache: Cache,
    clock: Clock,
    running: AtomicUsize,
    /// Who verifies what: the others wait and find it in the cache.
    flights: Mutex<HashMap<Key, Arc<Mutex<()>>>>,
}

impl Admission {
    /// One with these settings, which asks this evidence.
    pub fn new(settings: Settings, evidence: Box<dyn Evidence>, cache: Cache, clock: Clock) -> Admission {
        let core = Core {
            settings: RwLock::new(Arc::new(settings)),
            evidence,
            cache,
            clock,
            running: AtomicUsize::new(0),
            flights: Mutex::default(),
        };
        Admission { core: Arc::new(core) }
    }

    /// The settings that hold now.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.core.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes other settings from the next decision on.
    pub fn replace(&self, settings: Settings) {
        *self.core.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    /// The memory of what was verified.
    pub fn cache(&self) -> &Cache {
        &self.core.cache
    }

    /// Verifies again what was asked for and would soon be forgotten, so that nobody waits for it. What fails is asked
    /// again when it is wanted.
    pub fn refresh(&self) {
        let settings = self.settings();
        let now = (self.core.clock)();
        let before = now.checked_add(settings.cache_for / 5).unwrap_or(now);
        for found in self.core.cache.ending(now, before) {
            let name = format!("{}@{}", found.key.repository, found.key.digest).parse::<ImageName>();
            if let (Ok(name), true) = (name, found.key.policy == settings.digest) {
                // The cache takes what comes of it.
                let _ = self.core.ask(&name.to_string(), &name, &found.key, &settings, found.covers);
            }
        }
    }

    /// Decides. Images are verified at the same time; what is not done in time goes on, for the next one who asks.
    pub fn decide(&self, request: &Request) -> Decision {
        let settings = self.settings();
        let mode = settings.mode(&request.place);
        let mut seen = BTreeSet::new();
        let mut images: Vec<&Wanted> = Vec::new();
        for image in &request.images {
            if seen.insert(&image.written) {
                images.push(image);
            }
        }
        let outcomes = self.outcomes(&images, &settings, request.within);
        let now = (self.core.clock)();
        let images: Vec<Image> = images
            .iter()
            .zip(outcomes)
            .map(|(image, outcome)| judged(&image.written, outcome, &settings, now))
            .collect();
        let allowed = mode != Mode::Enforce || images.iter().all(Image::is_trusted);
        Decision { allowed, mode, images }
    }

    fn outcomes(&self, images: &[&Wanted], settings: &Arc<Settings>, within: Duration) -> Vec<Outcome> {
        let deadline = Instant::now() + within;
        let mut outcomes: Vec<Option<Outcome>> = Vec::new();
        let (sender, receiver) = mpsc::channel();
        for (index, image) in images.iter().enumerate() {
            let now = (self.core.clock)();
            let known = self.core.known(image, settings, now).or_else(|| {
                let reason = format!("there are more than {IMAGES_MAX} images");
                (index >= IMAGES_MAX).then(|| Outcome::unknown(&image.written, None, &reason))
            });
            if known.is_none() {
                self.start(index, image, settings, sender.clone());
            }
            outcomes.push(known);
        }
        drop(sender);
        while outcomes.iter().any(Option::is_none) {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok((index, outcome)) = receiver.recv_timeout(left) else { break };
            if let Some(place) = outcomes.get_mut(index) {
                *place = Some(outcome);
            }
        }
        let late = |image: &Wanted| {
            let reason = format!("it was not verified within {} ms", within.as_millis());
            Outcome::unknown(&image.written, None, &reason)
        };
        images.iter().zip(outcomes).map(|(image, outcome)| outcome.unwrap_or_else(|| late(image))).collect()
    }

    fn start(
        &self,
        index: usize,
        image: &Wanted,
        settings: &Arc<Settings>,
        sender: mpsc::Sender<(usize, Outcome)>,
    ) {
        let Some(permit) = Permit::take(&self.core) else {
            let reason = format!("{VERIFICATIONS_MAX} others are being verified; try again");
            // The receiver is in the caller's frame and takes it.
            let _ = sender.send((index, Outcome::unknown(&image.written, None, &reason)));
            return;
        };
        let (image, settings) = (image.clone(), Arc::clone(settings));
        let work = move || {
            let now = (permit.core.clock)();
            let outcome = permit.core.look(&image, &settings, now);
            drop(permit);
            // Whoever asked may have gone; the cache has it.
            let _ = sender.send((index, outcome));
        };
        // A thread that cannot be started drops the sender, and the image counts as late.
        let _ = thread::Builder::new().name("verify".to_owned()).spawn(work);
    }
}

/// A place among those that verify.
struct Permit {
    core: Arc<Core>,
}

impl Permit {
    fn take(core: &Arc<Core>) -> Option<Permit> {
        let room = |running: usize| (running < VERIFICATIONS_MAX).then_some(running + 1);
        core.running.fetch_update(Ordering::AcqRel, Ordering::Acquire, room).ok()?;
        Some(Permit { core: Arc::clone(core) })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.core.running.fetch_sub(1, Ordering::AcqRel);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    /// What the cache answers without asking anybody.
    fn known(&self, image: &Wanted, settings: &Settings, now: Timestamp) -> Option<Outcome> {
        let (candidates, id) = match image.meant.as_ref() {
            Ok(Meant::Remote(name)) => (vec![name], None),
            Ok(Meant::Local { id, name, origins }) => {
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

    fn look(&self, image: &Wanted, settings: &Settings, now: Timestamp) -> Outcome {
        let written = &image.written;
        match &image.meant {
            Err(reason) => Outcome::unknown(written, None, reason),
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

    /// Verifies one digest, unless somebody just did.
    fn verify(
        &self,
        written: &str,
        name: &ImageName,
        digest: &Digest,
        id: Option<&Digest>,
        settings: &Settings,
        now: Timestamp,
    ) -> Outcome {
        let key = Key::new(name, digest, &settings.digest);
        let flight = Arc::clone(locked(&self.flights).entry(key.clone()).or_default());
        let outcome = {
            let _alone = locked(&flight);
            self.verify_alone(written, name, &key, id, settings, now)
        };
        let mut flights = locked(&self.flights);
        // The map's and ours: nobody else waits.
        if Arc::strong_count(&flight) <= 2 {
            flights.remove(&key);
        }
        outcome
    }

    fn verify_alone(
        &self,
        written: &str,
        name: &ImageName,
        key: &Key,
        id: Option<&Digest>,
        settings: &Settings,
        now: Timestamp,
    ) -> Outcome {
        let pinned = Some(name.with_digest(key.digest.clone()));
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
    fn ask(
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
            return Err(vec![undefined(written, &key.digest)]);
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
        let by: BTreeSet<String> = attempts
            .iter()
            .filter_map(|attempt| attempt.outcome.as_ref().ok().map(|verified| verified.by.to_string()))
            .collect();
        let found = Remembered {
            key: key.clone(),
            by: by.into_iter().collect(),
            at: now,
            until: claimed.into_iter().flatten().fold(until(requirement, &attempts, settings, now), Ord::min),
            covers,
        };
        self.cache.put(found.clone());
        Ok(found)
    }
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
pub(crate) fn unverifiable(written: &str, digest: Option<&Digest>, reason: &str) -> Finding {
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
        evidence: FindingEvidence::Untrusted(Box::new(untrusted)),
        references: Vec::new(),
        controls: UNVERIFIABLE.finding_controls(),
    }
}

fn judged(written: &str, outcome: Outcome, settings: &Settings, now: Timestamp) -> Image {
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

#[cfg(test)]
mod tests;
