//! A fake registry for tests: the first digit of a digest says who signed it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use seawall_inventory::{Digest, ImageName};
use seawall_trust::image::Attempt;
use seawall_trust::requirement::Requirement;
use seawall_trust::verify::{By, Verified};
use seawall_trust::{KeyAlgorithm, PrivateKey, PublicKey};

use crate::cache::Cache;
use crate::decide::{Admission, Clock, Decision, Meant, Request, Wanted};
use crate::evidence::Evidence;
use crate::settings::{Engine, Place, Settings};

/// What the fake registry says of a digest, by its first digit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Signed,
    Nothing,
    OtherKey,
    Error,
    /// Signed, and something is wrong that the trust policy of notation only logs.
    Logged,
}

const SAYS: [(char, Says); 5] = [
    ('a', Says::Signed),
    ('b', Says::Nothing),
    ('c', Says::OtherKey),
    ('d', Says::Error),
    ('7', Says::Logged),
];

struct Fake {
    key: PublicKey,
    other: PublicKey,
    asked: Arc<AtomicUsize>,
    /// What tags mean now.
    tags: Arc<Mutex<char>>,
    slow: Duration,
}

pub(crate) fn digest(digit: char) -> Digest {
    format!("sha256:{}", digit.to_string().repeat(64)).parse().unwrap()
}

impl Evidence for Fake {
    fn pin(&self, name: &ImageName) -> Result<Digest, String> {
        match name.tag() {
            Some("gone") => Err("the registry does not answer".to_owned()),
            _ => Ok(name.digest().cloned().unwrap_or_else(|| digest(*self.tags.lock().unwrap()))),
        }
    }

    fn examine(
        &self,
        _: &ImageName,
        digest: &Digest,
        _: &Requirement,
        _: Timestamp,
    ) -> Result<Vec<Attempt>, String> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(self.slow);
        let says = SAYS.iter().find(|(digit, _)| digest.hex().starts_with(*digit)).map(|(_, says)| *says);
        let by = |key: &PublicKey, tolerated: &[&str]| {
            let verified = Verified {
                by: By::Key(key.clone()),
                at: None,
                log_indexes: Vec::new(),
                statement: None,
                unchecked: Vec::new(),
                tolerated: tolerated.iter().map(ToString::to_string).collect(),
            };
            vec![Attempt { place: "here".to_owned(), outcome: Ok(verified) }]
        };
        match says {
            Some(Says::Signed) => Ok(by(&self.key, &[])),
            Some(Says::Logged) => Ok(by(&self.key, &["it expired", &"long ".repeat(1000)])),
            Some(Says::OtherKey) => Ok(vec![Attempt {
                place: "here".to_owned(),
                outcome: Err(seawall_trust::verify::Refusal::OtherKey(self.other.fingerprint())),
            }]),
            Some(Says::Nothing) => Ok(Vec::new()),
            Some(Says::Error) | None => Err("status 503".to_owned()),
        }
    }

    fn covers(&self, _: &ImageName, digest: &Digest, id: &Digest) -> Result<bool, String> {
        match id.hex().chars().next() {
            Some('e') => Err("status 503".to_owned()),
            Some('f') => Ok(false),
            _ => Ok(id != digest),
        }
    }
}

/// A decider with a fake registry and a clock that stands.
pub(crate) struct Site {
    pub(crate) admission: Admission,
    pub(crate) asked: Arc<AtomicUsize>,
    pub(crate) tags: Arc<Mutex<char>>,
    pub(crate) time: Arc<Mutex<Timestamp>>,
}

/// One with this after the policy's `trust`, whose registry takes so long.
pub(crate) fn site(more: &str, slow: Duration) -> Site {
    let key = || PrivateKey::generate(KeyAlgorithm::P256).unwrap().public().clone();
    let (key, other) = (key(), key());
    let pem = key.to_pem();
    let text = format!("version: 1\ntrust:\n  - {{images: [a.b/team], keys: [our.pub]}}\n{more}");
    let settings = Settings::read(&text, "policy.yaml", None, &|_| Ok(pem.clone())).unwrap();
    let (asked, tags) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new('a')));
    let time = Arc::new(Mutex::new("2026-06-01T00:00:00Z".parse().unwrap()));
    let fake = Fake { key, other, asked: Arc::clone(&asked), tags: Arc::clone(&tags), slow };
    let now = Arc::clone(&time);
    let clock: Clock = Arc::new(move || *now.lock().unwrap());
    Site { admission: Admission::new(settings, Box::new(fake), Cache::open(None), clock), asked, tags, time }
}

pub(crate) fn place() -> Place {
    Place { engine: Engine::Kubernetes, namespace: Some("x".to_owned()), user: None }
}

impl Site {
    pub(crate) fn decide(&self, images: Vec<Wanted>) -> Decision {
        self.admission.decide(&Request { place: place(), images, within: Duration::from_secs(5) })
    }

    pub(crate) fn check(&self, image: &str, expected: &str) {
        let decision = self.decide(vec![Wanted::remote(image)]);
        let shown = match decision.allowed {
            true => {
                format!("allowed {}", decision.pinned(image).map(ToString::to_string).unwrap_or_default())
            }
            false => decision.reasons().join(" "),
        };
        assert!(shown.contains(expected), "{image}: {shown}");
    }
}

pub(crate) fn pinned(digit: char) -> String {
    format!("a.b/team/app@{}", digest(digit))
}

pub(crate) fn local(id: char, name: Option<&str>, origins: &[char]) -> Wanted {
    let origins = origins.iter().map(|digit| pinned(*digit).parse().unwrap()).collect();
    let name = name.map(|name| name.parse().unwrap());
    Wanted { written: format!("{name:?} {id}"), meant: Ok(Meant::Local { id: digest(id), name, origins }) }
}
