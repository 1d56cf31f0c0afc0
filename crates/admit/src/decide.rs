//! The decision: may these images run here, for this one, now?
//!
//! What cannot be found out in time is a finding like any other, so that only a waiver with an owner and an end lets it
//! through. A name is made a digest once, and that digest is what is verified and what is answered.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use seawall_inventory::{Digest, ImageName};
use seawall_policy::{Judged, Verdict};
use serde::Serialize;

use crate::cache::{Cache, Remembered};
use crate::evidence::Evidence;
use crate::limits::{IMAGES_MAX, REASONS_MAX, TOLD_CHARS_MAX, VERIFICATIONS_MAX};
use crate::settings::{Mode, Place, Settings};
use flight::{Boarding, Flight, Flights, Waiter};
use look::{Outcome, judged};

mod flight;
mod look;

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

    /// What lets images run although something is missing or wrong: waivers, which have an owner and an end, and
    /// notation's trust policy where its level only logs.
    pub fn leniences(&self) -> Vec<String> {
        let tolerated = self.images.iter().filter_map(|image| Some((image, image.verified.as_ref()?)));
        let tolerated = tolerated.flat_map(|(image, verified)| {
            let written: String = image.written.chars().take(TOLD_CHARS_MAX).collect();
            let told = move |text| format!("{written}: notation's trust policy only logs: {text}");
            verified.tolerated.iter().map(told)
        });
        let judged = self.images.iter().flat_map(|image| &image.judged);
        let waived = judged.filter_map(|judged| judged.waived.as_ref().map(|waived| (judged, waived)));
        let told = waived.map(|(judged, waived)| {
            let owner = waived.owner.as_deref().unwrap_or("nobody");
            let until = waived.until.as_deref().unwrap_or("ever");
            format!("{}: waived by {owner} until {until}: {}", judged.finding.summary, waived.reason)
        });
        told.chain(tolerated).take(REASONS_MAX).collect()
    }

    /// The digest that was verified for a name as it was asked for.
    pub fn pinned(&self, written: &str) -> Option<&ImageName> {
        self.images.iter().find(|image| image.written == written)?.pinned.as_ref()
    }
}

/// Decides about admission; one for a process, shared by its threads.
#[derive(Clone)]
pub struct Admission {
    core: Arc<Core>,
}

/// What all threads share.
struct Core {
    settings: RwLock<Arc<Settings>>,
    evidence: Box<dyn Evidence>,
    cache: Cache,
    clock: Clock,
    flights: Flights,
}

impl Admission {
    /// One with these settings, which asks this evidence.
    pub fn new(settings: Settings, evidence: Box<dyn Evidence>, cache: Cache, clock: Clock) -> Admission {
        let core = Core {
            settings: RwLock::new(Arc::new(settings)),
            evidence,
            cache,
            clock,
            flights: Flights::default(),
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
                self.start(image, settings, Waiter { index, sender: sender.clone() });
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

    /// Verifies in a thread of its own, unless somebody does that already.
    fn start(&self, image: &Wanted, settings: &Arc<Settings>, waiter: Waiter) {
        let flight = match Flight::board(&self.core, image, settings, waiter) {
            Boarding::First(flight) => flight,
            Boarding::Waits => return,
            Boarding::Full(waiter) => {
                let reason = format!("{VERIFICATIONS_MAX} others are being verified; try again");
                waiter.tell(Outcome::unknown(&image.written, None, &reason));
                return;
            }
        };
        let (core, image, settings) = (Arc::clone(&self.core), image.clone(), Arc::clone(settings));
        let work = move || flight.land(&core.look(&image, &settings, (core.clock)()));
        // A thread that cannot be started drops the flight, and the image counts as late.
        let _ = thread::Builder::new().name("verify".to_owned()).spawn(work);
    }
}

#[cfg(test)]
mod tests;
