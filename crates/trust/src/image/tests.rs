use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use seawall_image::registry::{Failure, Registry, RegistryOptions};
use seawall_inventory::ImageName;
use seawall_testkit::{Answer, Request, Sending, Server, sha256};
use serde_json::{Value, json};

use super::*;
use crate::key::{PrivateKey, PublicKey};
use crate::requirement::Requirement;
use crate::testing::{self, at};

const NOW: &str = "2026-06-01T00:00:00Z";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Whether the registry lists referrers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lists {
    Referrers,
    Nothing,
}

/// By path behind the repository: media type and bytes.
type Held = BTreeMap<String, (String, Vec<u8>)>;

/// A registry that can be pushed to.
#[derive(Clone)]
struct Pushed {
    lists: Lists,
    held: Arc<Mutex<Held>>,
}

impl Pushed {
    fn new(lists: Lists) -> Pushed {
        Pushed { lists, held: Arc::default() }
    }

    fn put(&self, path: &str, kind: &str, bytes: &[u8]) {
        self.held.lock().unwrap().insert(path.to_owned(), (kind.to_owned(), bytes.to_vec()));
    }

    /// An image under a tag.
    fn image(&self, tag: &str, text: &str) -> Digest {
        let config = format!(r#"{{"text":"{text}"}}"#);
        let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [], "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha256(config.as_bytes()),
            "size": config.len(),
        }});
        let bytes = manifest.to_string().into_bytes();
        self.put(&format!("manifests/{tag}"), MANIFEST, &bytes);
        self.put(&format!("manifests/{}", sha256(&bytes)), MANIFEST, &bytes);
        sha256(&bytes).parse().unwrap()
    }

    fn answer(&self, request: &Request) -> Answer {
        let path = request.path.strip_prefix("/v2/app/").unwrap_or_default();
        match request.method.as_str() {
            "POST" => Answer::new(202, "").with("location", "/v2/app/blobs/uploads/1?state=x"),
            "PUT" => self.take(path, request),
            _ if path.starts_with("referrers/") => self.referrers(path),
            _ => match self.held.lock().unwrap().get(path) {
                Some((kind, bytes)) => Answer::new(200, bytes.clone()).with("content-type", kind),
                None => Answer::new(404, "{}"),
            },
        }
    }

    fn take(&self, path: &str, request: &Request) -> Answer {
        let bytes = request.body.as_bytes();
        if path.starts_with("blobs/uploads/") {
            assert_eq!(request.query, format!("state=x&digest={}", sha256(bytes)));
            self.put(&format!("blobs/{}", sha256(bytes)), "", bytes);
            return Answer::new(201, "");
        }
        let kind = request.header("content-type");
        self.put(path, kind, bytes);
        self.put(&format!("manifests/{}", sha256(bytes)), kind, bytes);
        match self.lists {
            Lists::Referrers => Answer::new(201, "").with("oci-subject", "sha256:x"),
            Lists::Nothing => Answer::new(201, ""),
        }
    }

    fn referrers(&self, path: &str) -> Answer {
        let of = path.trim_start_matches("referrers/");
        let held = self.held.lock().unwrap();
        let refers = |bytes: &[u8]| {
            serde_json::from_slice::<Value>(bytes).is_ok_and(|manifest| manifest["subject"]["digest"] == of)
        };
        let listed: Vec<Value> = held
            .iter()
            .filter(|(name, (_, bytes))| name.starts_with("manifests/sha256:") && refers(bytes))
            .map(
                |(_, (kind, bytes))| json!({"mediaType": kind, "digest": sha256(bytes), "size": bytes.len()}),
            )
            .collect();
        match self.lists {
            Lists::Referrers => {
                Answer::new(200, json!({"schemaVersion": 2, "manifests": listed}).to_string())
            }
            Lists::Nothing => Answer::new(404, "{}"),
        }
    }
}

fn serve(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Server {
    Server::start(move |request, _| answer(request)).unwrap()
}

fn home(server: &Server, tag: &str) -> Home {
    let options = RegistryOptions { pause: Some(Arc::new(|_| {})), ..RegistryOptions::default() };
    let name: ImageName = format!("{}/app:{tag}", server.authority()).parse().unwrap();
    Home::Registry(Registry::new(options).unwrap(), Box::new(name))
}

fn outcomes(home: &Home, image: &Digest, key: &PrivateKey) -> Vec<String> {
    let keys: Vec<PublicKey> = vec![key.public().clone()];
    let attempts = examine(home, image, &[Wanted::Keys(&keys, None)], at(NOW)).unwrap();
    let told = |attempt: Attempt| match &attempt.outcome {
        Ok(_) => attempt.says().unwrap().to_owned(),
        Err(refusal) => refusal.to_string(),
    };
    attempts.into_iter().map(told).collect()
}

#[test]
fn signed_images_verify_wherever_the_signature_lies() {
    for lists in [Lists::Referrers, Lists::Nothing] {
        let pushed = Pushed::new(lists);
        let digest = pushed.image("1", "one");
        let server = serve(move |request| pushed.answer(request));
        let (home, key) = (home(&server, "1"), testing::key());
        let [image] = <[Pinned; 1]>::try_from(resolve(&home).unwrap()).unwrap();
        assert_eq!(image.digest, digest);
        assert!(outcomes(&home, &digest, &key).is_empty());
        sign(&home, &image, &key, at(NOW)).unwrap();
        attest(&home, &image, "https://x.example", json!({"a": 1}), &key, at(NOW)).unwrap();
        sign_simply(&home, &image, &key).unwrap();
        sign_simply(&home, &image, &testing::key()).unwrap();
        let mut told = outcomes(&home, &digest, &key);
        told.sort();
        let bad = Refusal::BadSignature.to_string();
        assert_eq!(told, [COSIGN_SIGN, COSIGN_SIGN, "https://x.example", &bad], "{lists:?}");
    }
}

/// The goal is four round trips, the tag's among them; a registry that lists nothing costs one more.
#[test]
fn nothing_is_asked_once_enough_was_found() {
    for (lists, expected) in [(Lists::Referrers, 4), (Lists::Nothing, 5)] {
        let pushed = Pushed::new(lists);
        let digest = pushed.image("1", "one");
        let server = serve(move |request| pushed.answer(request));
        let (home, key) = (home(&server, "1"), testing::key());
        let image = pin(&home).unwrap();
        sign(&home, &image, &key, at(NOW)).unwrap();
        attest(&home, &image, "https://x.example", json!({"a": 1}), &key, at(NOW)).unwrap();
        sign_simply(&home, &image, &key).unwrap();
        let requirement = |attestations: &[&str]| Requirement {
            keys: vec![key.public().clone()],
            attestations: attestations.iter().map(|kind| (*kind).to_owned()).collect(),
            ..Requirement::default()
        };
        let verify = |requirement: &Requirement| {
            let before = server.requests().len();
            let image = pin(&home).unwrap();
            let judge = |attempts: &[Attempt]| requirement.judge("x", &image, attempts, at(NOW)).found;
            let is_enough = |attempts: &[Attempt]| judge(attempts).is_empty();
            let found = examine_until(&home, &digest, &requirement.wanted(), at(NOW), &is_enough).unwrap();
            (judge(&found).len(), server.requests().len() - before)
        };
        // The list may begin with the attestation, which costs its manifest and its blob.
        let (lacks, asked) = verify(&requirement(&[]));
        assert_eq!(lacks, 0);
        assert!([expected, expected + 2].contains(&asked), "{lists:?}: {asked}");
        assert_eq!(verify(&requirement(&["https://x.example"])), (0, expected + 2), "{lists:?}");
        // Where something is missing everything is looked at: the tag `.sig` and its blob, the tag `.att`.
        assert_eq!(verify(&requirement(&["https://y.example"])), (1, expected + 5), "{lists:?}");
    }
}

#[test]
fn images_of_an_index_are_found_once() {
    let pushed = Pushed::new(Lists::Nothing);
    let (one, two) = (pushed.image("one", "one"), pushed.image("two", "two"));
    let entry = |digest: &Digest| json!({"mediaType": MANIFEST, "digest": digest, "size": 1});
    let statement = json!({"mediaType": MANIFEST, "digest": Digest::sha256([9; 32]), "size": 1,
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"}});
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX,
        "manifests": [entry(&one), entry(&two), entry(&one), statement]});
    pushed.put("manifests/1", OCI_INDEX, index.to_string().as_bytes());
    let server = serve(move |request| pushed.answer(request));
    let found = resolve(&home(&server, "1")).unwrap();
    let digests: Vec<&Digest> = found.iter().map(|pinned| &pinned.digest).skip(1).collect();
    assert_eq!(digests, [&one, &two]);
}

/// CVE-2022-47633: what was verified is a digest, and a tag that moves later does not move it.
#[test]
fn cve_2022_47633_a_tag_that_moves_between_check_and_use() {
    let pushed = Pushed::new(Lists::Nothing);
    let good = pushed.image("1", "good");
    let bad = pushed.image("2", "bad");
    let moving = pushed.clone();
    let server = serve(move |request| pushed.answer(request));
    let (home, key) = (home(&server, "1"), testing::key());
    let image = resolve(&home).unwrap().remove(0);
    let evil = moving.held.lock().unwrap().get("manifests/2").cloned().unwrap();
    moving.held.lock().unwrap().insert("manifests/1".to_owned(), evil);
    sign(&home, &image, &key, at(NOW)).unwrap();
    assert_eq!(outcomes(&home, &good, &key).len(), 1);
    assert!(outcomes(&home, &bad, &key).is_empty());
}

/// A registry or whoever can push may list a signature of another image.
#[test]
fn a_signature_of_another_image_is_none() {
    let pushed = Pushed::new(Lists::Nothing);
    let (one, two) = (pushed.image("1", "one"), pushed.image("2", "two"));
    let held = pushed.clone();
    let server = serve(move |request| pushed.answer(request));
    let (home, key) = (home(&server, "1"), testing::key());
    let image = resolve(&home).unwrap().remove(0);
    let referrer = sign(&home, &image, &key, at(NOW)).unwrap();
    sign_simply(&home, &image, &key).unwrap();
    let move_tag = |from: String, to: String| {
        let bytes = held.held.lock().unwrap().get(&from).cloned().unwrap();
        held.held.lock().unwrap().insert(to, bytes);
    };
    move_tag(format!("manifests/sha256-{}", one.hex()), format!("manifests/sha256-{}", two.hex()));
    // The referrer says itself whose it is.
    assert!(outcomes(&home, &two, &key).is_empty());
    // One that lies about it holds a statement about the other image.
    let path = format!("manifests/{referrer}");
    let (kind, bytes) = held.held.lock().unwrap().get(&path).cloned().unwrap();
    let mut manifest: Value = serde_json::from_slice(&bytes).unwrap();
    manifest["subject"]["digest"] = json!(two);
    let lying = manifest.to_string().into_bytes();
    held.put(&format!("manifests/{}", sha256(&lying)), &kind, &lying);
    let index = json!({"schemaVersion": 2, "manifests": [{"digest": sha256(&lying), "size": lying.len()}]});
    held.put(&format!("manifests/sha256-{}", two.hex()), OCI_INDEX, index.to_string().as_bytes());
    assert_eq!(outcomes(&home, &two, &key), [Refusal::OtherArtifact.to_string()]);
    // And so does the older generation's payload.
    move_tag(format!("manifests/sha256-{}.sig", one.hex()), format!("manifests/sha256-{}.sig", two.hex()));
    assert_eq!(outcomes(&home, &two, &key), vec![Refusal::OtherArtifact.to_string(); 2]);
}

#[test]
fn what_a_registry_does_not_tell_is_no_absence_of_signatures() {
    let check = |status: u16, expected: fn(&Failure) -> bool| {
        let pushed = Pushed::new(Lists::Nothing);
        let digest = pushed.image("1", "one");
        for path in ["/referrers/", "/manifests/sha256-"] {
            let pushed = pushed.clone();
            let server = serve(move |request| match request.path.contains(path) {
                true => Answer::new(status, "{}"),
                false => pushed.answer(request),
            });
            let keys = [testing::key().public().clone()];
            let error =
                examine(&home(&server, "1"), &digest, &[Wanted::Keys(&keys, None)], at(NOW)).unwrap_err();
            let ImageError::Registry(error) = error else { panic!("{error}") };
            assert!(expected(&error.failure), "{status} {path}: {}", error.failure);
        }
    };
    check(401, |failure| matches!(failure, Failure::LoginNeeded { .. } | Failure::Protocol(_)));
    check(403, |failure| matches!(failure, Failure::Forbidden(_)));
    check(429, |failure| matches!(failure, Failure::RateLimited { .. }));
    check(500, |failure| matches!(failure, Failure::Status { status: 500, .. }));
    check(200, |failure| matches!(failure, Failure::Protocol(_)));
}

#[test]
fn a_dead_registry_is_no_absence_of_signatures() {
    let server = serve(|_| Answer::new(200, "{}"));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let Home::Registry(registry, _) = home(&server, "1") else { unreachable!() };
    let name = format!("127.0.0.1:{port}/app:1").parse().unwrap();
    let dead = Home::Registry(registry, Box::new(name));
    assert!(examine(&dead, &Digest::sha256([1; 32]), &[], at(NOW)).is_err());
}

#[test]
fn a_list_of_referrers_without_end_is_left() {
    let server = serve(|request| {
        let next = format!("<{}?last=x>; rel=\"next\"", request.path);
        Answer::new(200, r#"{"schemaVersion":2,"manifests":[]}"#).with("link", &next)
    });
    let error = examine(&home(&server, "1"), &Digest::sha256([1; 32]), &[], at(NOW)).unwrap_err();
    let ImageError::Registry(error) = error else { panic!("{error}") };
    assert!(error.failure.to_string().contains("more than 100 pages"), "{}", error.failure);
    assert!(server.requests().len() < 110);
}

#[test]
fn oversized_manifests_and_bundles_are_left() {
    let endless = |path: &'static str| {
        let pushed = Pushed::new(Lists::Referrers);
        pushed.image("1", "one");
        let server = serve(move |request| match request.method == "GET" && request.path.contains(path) {
            true => Answer::new(200, vec![b' '; 1 << 20]).sent(Sending::Endless),
            false => pushed.answer(request),
        });
        home(&server, "1")
    };
    let too_large = |error: ImageError| match error {
        ImageError::Registry(error) => matches!(error.failure, Failure::TooLarge { .. }),
        ImageError::Layout(_) | ImageError::Sign(_) | ImageError::Document { .. } => false,
    };
    assert!(too_large(pin(&endless("/manifests/")).unwrap_err()));
    let home = endless("/blobs/");
    let (image, key) = (pin(&home).unwrap(), testing::key());
    sign(&home, &image, &key, at(NOW)).unwrap();
    assert!(too_large(examine(&home, &image.digest, &[], at(NOW)).unwrap_err()));
}

#[test]
fn a_layout_keeps_its_own_signatures() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    std::fs::create_dir_all(root.join("blobs/sha256")).unwrap();
    let config = br#"{"text":"one"}"#;
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [], "config": {
        "mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha256(config), "size": config.len()}});
    let manifest = manifest.to_string().into_bytes();
    std::fs::write(root.join("blobs").join(sha256(&manifest).replace(':', "/")), &manifest).unwrap();
    let index = json!({"schemaVersion": 2, "manifests": [
        {"mediaType": MANIFEST, "digest": sha256(&manifest), "size": manifest.len(),
         "annotations": {"org.opencontainers.image.ref.name": "1"}}]});
    std::fs::write(root.join("index.json"), index.to_string()).unwrap();
    for reference in [None, Some("1".to_owned()), Some(sha256(&manifest))] {
        let (home, key) = (Home::Layout(root.to_owned(), reference), testing::key());
        let image = resolve(&home).unwrap().remove(0);
        assert_eq!(image.digest.to_string(), sha256(&manifest));
        sign(&home, &image, &key, at(NOW)).unwrap();
        sign_simply(&home, &image, &key).unwrap();
        let good =
            outcomes(&home, &image.digest, &key).into_iter().filter(|told| told == COSIGN_SIGN).count();
        assert_eq!(good, 2);
    }
    let image = resolve(&Home::Layout(root.to_owned(), None)).unwrap().remove(0);
    std::fs::write(root.join("blobs").join(image.digest.to_string().replace(':', "/")), "{}").unwrap();
    assert!(resolve(&Home::Layout(root.to_owned(), None)).is_err());
}
