//! An AdmissionReview (`admission.k8s.io/v1`) and its answer.

use std::time::Duration;

use seawall_trust::json::{Look, value_of};
use serde::Deserialize;
use serde_json::{Value, json};

use super::pods::{Resource, Stands, images, resource};
use crate::decide::{Admission, Decision, Request, Wanted};
use crate::limits::CONTAINERS_MAX;
use crate::settings::{Engine, Mode, Pin, Place};

/// What Kubernetes asks that warnings have at most.
const WARNING_CHARS_MAX: usize = 256;
const API_VERSION: &str = "admission.k8s.io/v1";

/// Which of the two webhooks is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handler {
    /// May change the object: names become digests.
    Mutate,
    /// Has the last word.
    Validate,
}

/// An answer, and what a log should have of it.
#[derive(Debug)]
pub struct Answered {
    /// The AdmissionReview.
    pub review: Value,
    /// A line for each thing that is worth one.
    pub log: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    api_version: String,
    kind: String,
    request: Asked,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    uid: String,
    resource: Kind,
    #[serde(default)]
    sub_resource: Option<String>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: Option<String>,
    operation: String,
    #[serde(default)]
    user_info: User,
    #[serde(default)]
    object: Value,
    #[serde(default)]
    old_object: Value,
}

#[derive(Deserialize)]
struct Kind {
    resource: String,
}

#[derive(Default, Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

/// Of a container its image, of a volume an image in it.
const CONTAINERS: Look =
    Look::Each(&Look::Fields(&[("name", Look::Leaf), ("image", Look::Leaf)]), CONTAINERS_MAX);
const VOLUMES: Look = Look::Each(
    &Look::Fields(&[("name", Look::Leaf), ("image", Look::Fields(&[("reference", Look::Leaf)]))]),
    CONTAINERS_MAX,
);
const TEMPLATE: Look = Look::Fields(&[(
    "spec",
    Look::Fields(&[
        ("initContainers", CONTAINERS),
        ("containers", CONTAINERS),
        ("ephemeralContainers", CONTAINERS),
        ("volumes", VOLUMES),
    ]),
)]);
/// Of an object all places at which [`resource`] says that a pod's specification may stand.
const OBJECT: Look = Look::Fields(&[
    ("template", TEMPLATE),
    (
        "spec",
        Look::Fields(&[
            ("initContainers", CONTAINERS),
            ("containers", CONTAINERS),
            ("ephemeralContainers", CONTAINERS),
            ("volumes", VOLUMES),
            ("template", TEMPLATE),
            ("jobTemplate", Look::Fields(&[("spec", Look::Fields(&[("template", TEMPLATE)]))])),
        ]),
    ),
]);
const REVIEW: Look = Look::Fields(&[
    ("apiVersion", Look::Leaf),
    ("kind", Look::Leaf),
    (
        "request",
        Look::Fields(&[
            ("uid", Look::Leaf),
            ("resource", Look::Fields(&[("resource", Look::Leaf)])),
            ("subResource", Look::Leaf),
            ("name", Look::Leaf),
            ("namespace", Look::Leaf),
            ("operation", Look::Leaf),
            ("userInfo", Look::Fields(&[("username", Look::Leaf)])),
            ("object", OBJECT),
            ("oldObject", OBJECT),
        ]),
    ),
]);

impl Asked {
    fn place(&self) -> Place {
        let user = Some(self.user_info.username.clone()).filter(|user| !user.is_empty());
        Place { engine: Engine::Kubernetes, namespace: self.namespace.clone(), user }
    }

    fn subject(&self) -> String {
        let namespace = self.namespace.as_deref().unwrap_or_default();
        format!("{} {} {namespace}/{}", self.operation, self.resource.resource, self.name)
    }

    /// The images that are new in the object. What stood there before is not asked for again: else nobody could remove a
    /// finalizer or scale down when a signature has gone.
    fn new_images(&self) -> Result<Vec<Stands>, String> {
        match self.operation.as_str() {
            "CREATE" | "UPDATE" => {}
            "DELETE" | "CONNECT" => return Ok(Vec::new()),
            other => return Err(format!("Seawall does not know the operation {other}")),
        }
        let part = self.sub_resource.as_deref().unwrap_or_default();
        let pointer = match resource(&self.resource.resource, part)? {
            Resource::Part => return Ok(Vec::new()),
            Resource::Pod(pointer) => pointer,
        };
        if !self.object.is_object() {
            return Err("the request has no object".to_owned());
        }
        let mut now = images(&self.object, pointer)?;
        if self.operation == "UPDATE" {
            let before = images(&self.old_object, pointer)?;
            now.retain(|image| !before.iter().any(|old| old.of == image.of && old.image == image.image));
        }
        Ok(now)
    }
}

/// Answers a review.
///
/// # Errors
/// It is none, so that there is nothing to answer; the API server then does what `failurePolicy` says.
pub fn answer(
    admission: &Admission,
    handler: Handler,
    body: &[u8],
    within: Duration,
) -> Result<Answered, String> {
    let review = value_of(body, REVIEW).and_then(serde_json::from_value::<Review>);
    let review = review.map_err(|error| format!("no AdmissionReview: {error}"))?;
    if review.api_version != API_VERSION || review.kind != "AdmissionReview" {
        return Err(format!("Seawall speaks {API_VERSION} AdmissionReview"));
    }
    let asked = review.request;
    let place = asked.place();
    let mode = admission.settings().mode(&place);
    let mut answered = Answering { uid: asked.uid.clone(), mode, subject: asked.subject(), log: Vec::new() };
    let new = match asked.new_images() {
        Ok(new) if new.is_empty() => return Ok(answered.allow(&[], Vec::new(), "")),
        Ok(new) => new,
        Err(reason) => return Ok(answered.refuse(vec![reason])),
    };
    // What it was read from is not held while registries are asked.
    drop((asked.object, asked.old_object));
    let images = new.iter().map(|stands| Wanted::remote(&stands.image)).collect();
    let decision = admission.decide(&Request { place, images, within });
    answered.log.extend(admission.cache().gaps().iter().map(seawall_finding::Gap::as_named));
    let mut reasons = decision.reasons();
    if handler == Handler::Validate && admission.settings().pin == Pin::Digest {
        // What a waiver lets run may have no digest that anybody could find out.
        let is_waived = |stands: &&Stands| {
            decision
                .images
                .iter()
                .any(|image| image.written == stands.image && image.verified.is_none() && image.is_trusted())
        };
        let named = new.iter().filter(|stands| !stands.image.contains('@') && !is_waived(stands));
        reasons.extend(named.map(|stands| {
            let image = &stands.image;
            format!("{image} has no digest, and its tag may move: is the mutating webhook installed?")
        }));
    }
    let leniences = decision.leniences();
    answered.log.extend(leniences.iter().map(|lenience| format!("{}: {lenience}", answered.subject)));
    if !reasons.is_empty() {
        return Ok(answered.refuse(reasons));
    }
    let patch = match (handler, mode, admission.settings().pin) {
        (Handler::Mutate, Mode::Enforce | Mode::Warn, Pin::Digest) => patch(&new, &decision),
        (Handler::Validate, _, _) | (_, Mode::Audit, _) | (_, _, Pin::Name) => Vec::new(),
    };
    Ok(answered.allow(&leniences, patch, &digests(&decision)))
}

/// Names become digests; the tag stays, so that people still read it.
fn patch(new: &[Stands], decision: &Decision) -> Vec<Value> {
    let pinned = |stands: &Stands| {
        let digest = decision.pinned(&stands.image)?.digest()?;
        (!stands.image.contains('@')).then(|| {
            let image = format!("{}@{digest}", stands.image);
            json!({"op": "replace", "path": stands.pointer, "value": image})
        })
    };
    new.iter().filter_map(pinned).collect()
}

fn digests(decision: &Decision) -> String {
    let digest = |image: &crate::decide::Image| {
        let digest = image.pinned.as_ref()?.digest()?;
        Some(format!("{} is {digest}", image.written))
    };
    decision.images.iter().filter_map(digest).collect::<Vec<_>>().join(", ")
}

struct Answering {
    uid: String,
    mode: Mode,
    subject: String,
    log: Vec<String>,
}

impl Answering {
    fn allow(mut self, leniences: &[String], patch: Vec<Value>, digests: &str) -> Answered {
        use base64::prelude::{BASE64_STANDARD, Engine as _};
        let mut response = json!({"uid": self.uid, "allowed": true});
        if !patch.is_empty() {
            response["patchType"] = json!("JSONPatch");
            response["patch"] = json!(BASE64_STANDARD.encode(Value::Array(patch).to_string()));
        }
        if !digests.is_empty() {
            response["auditAnnotations"] = json!({"images": digests, "mode": self.mode.to_string()});
            self.log.push(format!("allowed {}: {digests}", self.subject));
        }
        if !leniences.is_empty() && self.mode != Mode::Audit {
            response["warnings"] = warnings(leniences);
        }
        self.finish(response)
    }

    /// Denies, warns or only notes, as the mode says.
    fn refuse(mut self, reasons: Vec<String>) -> Answered {
        let message = format!("seawall: {}", reasons.join(" "));
        let response = match self.mode {
            Mode::Enforce => {
                let status = json!({"code": 403, "reason": "Forbidden", "message": message});
                json!({"uid": self.uid, "allowed": false, "status": status})
            }
            Mode::Warn => json!({"uid": self.uid, "allowed": true, "warnings": warnings(&reasons)}),
            Mode::Audit => json!({
                "uid": self.uid, "allowed": true,
                "auditAnnotations": {"denied": message, "mode": self.mode.to_string()},
            }),
        };
        let verb = if self.mode == Mode::Enforce { "denied" } else { "would be denied" };
        self.log.push(format!("{verb} {}: {}", self.subject, reasons.join(" ")));
        self.finish(response)
    }

    fn finish(self, response: Value) -> Answered {
        let review = json!({"apiVersion": API_VERSION, "kind": "AdmissionReview", "response": response});
        Answered { review, log: self.log }
    }
}

fn warnings(texts: &[String]) -> Value {
    let cut = |text: &String| format!("seawall: {text}").chars().take(WARNING_CHARS_MAX).collect::<String>();
    Value::Array(texts.iter().map(|text| json!(cut(text))).collect())
}
