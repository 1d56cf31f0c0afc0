//! What dockerd tells the plugin: whatever the bytes, no panic; and a container whose image nobody can verify is never
//! allowed to be made.
#![no_main]

use std::sync::{Arc, LazyLock};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use seawall_admit::docker::Plugin;
use seawall_admit::evidence::Evidence;
use seawall_admit::{Admission, Cache, Settings};
use seawall_engine::{Endpoint, EngineKind};
use seawall_inventory::{Digest, ImageName};
use seawall_trust::image::Attempt;
use seawall_trust::requirement::Requirement;
use serde_json::json;

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
    let endpoint = Endpoint::unix(EngineKind::Docker, "/nonexistent.sock");
    let plugin = Plugin::new(ADMISSION.clone(), endpoint, Vec::new(), Arc::new(|_| {}));
    let _ = plugin.before(bytes);
    let (uri, body) = bytes.split_at(bytes.iter().position(|byte| *byte == 0).unwrap_or(0));
    let query = String::from_utf8_lossy(uri);
    let asked = |uri: String| {
        json!({"RequestMethod": "POST", "RequestUri": uri, "RequestBody": BASE64_STANDARD.encode(body)})
            .to_string()
    };
    let created = plugin.before(asked(format!("/v1.41/containers/create?{query}")).as_bytes());
    assert_ne!(created["Allow"], true);
    let _ = plugin.before(asked(query.into_owned()).as_bytes());
});
