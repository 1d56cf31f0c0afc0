//! What an API server sends the webhook: whatever the bytes, no panic; and what is allowed although nobody can verify
//! anything has no new image.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use seawall_admit::evidence::Evidence;
use seawall_admit::kubernetes::{Handler, answer};
use seawall_admit::{Admission, Cache, Settings};
use seawall_inventory::{Digest, ImageName};
use seawall_trust::image::Attempt;
use seawall_trust::requirement::Requirement;
use serde_json::{Value, json};

/// A registry of which nobody knows anything.
struct Nobody;

impl Evidence for Nobody {
    fn pin(&self, _: &ImageName) -> Result<Digest, String> {
        Err("nobody knows".to_owned())
    }

    fn examine(
        &self,
        _: &ImageName,
        _: &Digest,
        _: &Requirement,
        _: Timestamp,
    ) -> Result<Vec<Attempt>, String> {
        Err("nobody knows".to_owned())
    }

    fn covers(&self, _: &ImageName, _: &Digest, _: &Digest) -> Result<bool, String> {
        Err("nobody knows".to_owned())
    }
}

static ADMISSION: LazyLock<Admission> = LazyLock::new(|| {
    let settings = Settings::read("version: 1\n", "policy", None, &|_| Err("no files".to_owned())).unwrap();
    Admission::new(settings, Box::new(Nobody), Cache::open(None), Arc::new(|| Timestamp::UNIX_EPOCH))
});

fuzz_target!(|bytes: &[u8]| {
    let within = Duration::from_secs(1);
    let _ = answer(&ADMISSION, Handler::Validate, bytes, within);
    let Ok(object) = serde_json::from_slice::<Value>(bytes) else { return };
    let image = object
        .pointer("/spec/containers/0/image")
        .and_then(Value::as_str)
        .is_some_and(|text| !text.is_empty());
    let review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {"uid": "1", "operation": "CREATE", "resource": {"resource": "pods"}, "object": object},
    });
    for handler in [Handler::Mutate, Handler::Validate] {
        if let Ok(answered) = answer(&ADMISSION, handler, review.to_string().as_bytes(), within) {
            let response = &answered.review["response"];
            assert!(!(image && response["allowed"] == true) && response["patch"].is_null());
        }
    }
});
