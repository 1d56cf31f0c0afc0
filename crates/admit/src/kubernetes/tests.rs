use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::*;
use crate::testing::{Site, pinned, site};

fn request(resource: &str, part: &str, operation: &str, object: &Value, old: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": {"group": "", "version": "v1", "kind": "Pod"},
            "resource": {"group": "", "version": "v1", "resource": resource},
            "subResource": part, "name": "web", "namespace": "shop", "operation": operation,
            "userInfo": {"username": "admin"}, "object": object, "oldObject": old, "dryRun": false,
        },
    })
}

fn pod(images: &[&str]) -> Value {
    let containers: Vec<Value> = images
        .iter()
        .enumerate()
        .map(|(index, image)| json!({"name": format!("c{index}"), "image": image}))
        .collect();
    json!({"spec": {"containers": containers}})
}

/// What is answered, in one line: `allowed`, the pointers that are patched, warnings; or the reason.
fn asked(site: &Site, handler: Handler, review: &Value) -> String {
    let answered = answer(&site.admission, handler, review.to_string().as_bytes(), Duration::from_secs(5));
    let response = match answered {
        Ok(answered) => answered.review["response"].clone(),
        Err(reason) => return reason,
    };
    assert_eq!(response["uid"], review["request"]["uid"]);
    if response["allowed"] != true {
        assert_eq!(response["status"]["code"], 403);
        return response["status"]["message"].as_str().unwrap().to_owned();
    }
    let mut told = "allowed".to_owned();
    if let Some(patch) = response["patch"].as_str() {
        assert_eq!(response["patchType"], "JSONPatch");
        let patch: Value = serde_json::from_slice(&BASE64_STANDARD.decode(patch).unwrap()).unwrap();
        for change in patch.as_array().unwrap() {
            assert_eq!(change["op"], "replace");
            told += &format!(" {}={}", change["path"].as_str().unwrap(), change["value"].as_str().unwrap());
        }
    }
    for warning in response["warnings"].as_array().into_iter().flatten() {
        assert!(warning.as_str().unwrap().chars().count() <= 256);
        told += &format!(" warning {}", warning.as_str().unwrap());
    }
    if let Some(denied) = response["auditAnnotations"]["denied"].as_str() {
        told += &format!(" audit {denied}");
    }
    told
}

#[track_caller]
fn check(site: &Site, handler: Handler, review: &Value, expected: &str) {
    let told = asked(site, handler, review);
    assert!(told.contains(expected), "{review}: {told}");
}

#[test]
fn names_become_digests_wherever_they_stand() {
    let site = site("", Duration::ZERO);
    let name = "a.b/team/app:1";
    let digest = pinned('a').split_once('@').unwrap().1.to_owned();
    let spec = json!({
        "initContainers": [{"name": "i", "image": name}], "containers": [{"name": "c", "image": name}],
        "ephemeralContainers": [{"name": "e", "image": name}],
        "volumes": [{"name": "v", "image": {"reference": name}}, {"name": "w", "emptyDir": {}}],
    });
    let places = [
        "initContainers/0/image",
        "containers/0/image",
        "ephemeralContainers/0/image",
        "volumes/0/image/reference",
    ];
    let all = |above: &str| -> String {
        places.iter().map(|place| format!(" {above}/{place}={name}@{digest}")).collect()
    };
    for (resource, above) in [
        ("pods", "/spec"),
        ("podtemplates", "/template/spec"),
        ("replicationcontrollers", "/spec/template/spec"),
        ("replicasets", "/spec/template/spec"),
        ("deployments", "/spec/template/spec"),
        ("statefulsets", "/spec/template/spec"),
        ("daemonsets", "/spec/template/spec"),
        ("jobs", "/spec/template/spec"),
        ("cronjobs", "/spec/jobTemplate/spec/template/spec"),
    ] {
        let object = above
            .split('/')
            .skip(1)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .fold(spec.clone(), |inner, step| json!({step: inner}));
        let review = request(resource, "", "CREATE", &object, &Value::Null);
        assert_eq!(asked(&site, Handler::Mutate, &review), format!("allowed{}", all(above)), "{resource}");
        check(&site, Handler::Validate, &review, "has no digest, and its tag may move");
        // Each place is looked at: what is not signed in one of them denies.
        for place in places {
            let mut bad = object.clone();
            *bad.pointer_mut(&format!("{above}/{place}")).unwrap() = json!(pinned('b'));
            let review = request(resource, "", "CREATE", &bad, &Value::Null);
            check(&site, Handler::Mutate, &review, "has no signature");
            check(&site, Handler::Validate, &review, "has no signature");
        }
    }
}

#[test]
fn only_what_is_new_is_asked_for() {
    let site = site("", Duration::ZERO);
    let (good, bad) = (pinned('a'), pinned('b'));
    let update = |now: &[&str], before: &[&str]| request("pods", "", "UPDATE", &pod(now), &pod(before));
    check(&site, Handler::Validate, &update(&[&bad], &[&bad]), "allowed");
    check(&site, Handler::Validate, &update(&[&bad], &[&good]), "has no signature");
    // The same image in another container is new there.
    check(&site, Handler::Validate, &update(&[&bad, &bad], &[&bad]), "has no signature");
    let mut with = pod(&[&good]);
    with["spec"]["ephemeralContainers"] = json!([{"name": "debug", "image": bad}]);
    let ephemeral = request("pods", "ephemeralcontainers", "UPDATE", &with, &pod(&[&good]));
    check(&site, Handler::Validate, &ephemeral, "has no signature");
    check(&site, Handler::Validate, &request("pods", "", "DELETE", &Value::Null, &pod(&[&bad])), "allowed");
    check(&site, Handler::Validate, &request("pods", "exec", "CONNECT", &json!({}), &Value::Null), "allowed");
    let status = |part| request("deployments", part, "UPDATE", &pod(&[&bad]), &Value::Null);
    check(&site, Handler::Validate, &status("status"), "allowed");
    check(&site, Handler::Validate, &status("scale"), "allowed");
    check(&site, Handler::Validate, &status("magic"), "does not know the part magic");
}

#[test]
fn what_cannot_be_read_is_refused() {
    let site = site("", Duration::ZERO);
    let of = |object: Value| request("pods", "", "CREATE", &object, &Value::Null);
    check(&site, Handler::Validate, &of(Value::Null), "has no object");
    check(&site, Handler::Validate, &of(json!({"spec": []})), "is no object");
    check(&site, Handler::Validate, &of(json!({"spec": {"containers": {}}})), "is no list");
    check(&site, Handler::Validate, &of(json!({"spec": {"containers": [{"image": 1}]}})), "is no text");
    check(&site, Handler::Validate, &of(pod(&["A B"])), "not an image reference");
    check(&site, Handler::Validate, &of(pod(&["a.b/team/app:gone"])), "does not answer");
    let many = vec!["x"; 1001];
    check(&site, Handler::Validate, &of(pod(&many)), "more than 1000 entries");
    let names: Vec<String> = (0..150).map(|number| format!("a.b/team/x{number}:1")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    check(&site, Handler::Mutate, &of(pod(&names)), "could not be verified");
    let other = request("rollouts", "", "CREATE", &json!({}), &Value::Null);
    check(&site, Handler::Validate, &other, "does not know where images stand in rollouts");
    let patched = request("pods", "", "PATCH", &pod(&[]), &Value::Null);
    check(&site, Handler::Validate, &patched, "does not know the operation");
    for body in
        ["", "{}", r#"{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"}"#, "[", "null"]
    {
        let answered = answer(&site.admission, Handler::Validate, body.as_bytes(), Duration::from_secs(1));
        assert!(answered.is_err(), "{body}");
    }
    let twice = of(pod(&[&pinned('a')])).to_string().replacen("\"object\"", "\"object\":{},\"object\"", 1);
    let answered = answer(&site.admission, Handler::Validate, twice.as_bytes(), Duration::from_secs(1));
    assert!(answered.unwrap_err().contains("twice"));
}

#[test]
fn modes_waivers_and_unpinned_names() {
    let of = |image: &str| request("pods", "", "CREATE", &pod(&[image]), &Value::Null);
    let (good, bad) = (pinned('a'), pinned('b'));
    let of_mode = |mode: &str| {
        let scope = format!("admission: {{scopes: [{{namespaces: [shop], mode: {mode}}}]}}\n");
        site(&scope, Duration::ZERO)
    };
    check(&of_mode("warn"), Handler::Validate, &of(&bad), "allowed warning seawall: ");
    check(
        &of_mode("warn"),
        Handler::Mutate,
        &of("a.b/team/app:1"),
        "/spec/containers/0/image=a.b/team/app:1@sha256:aaaa",
    );
    check(&of_mode("audit"), Handler::Validate, &of(&bad), "allowed audit seawall: ");
    assert_eq!(asked(&of_mode("audit"), Handler::Mutate, &of("a.b/team/app:1")), "allowed");
    check(&of_mode("enforce"), Handler::Validate, &of(&bad), "What helps: `seawall sign` by key");
    check(&of_mode("enforce"), Handler::Validate, &of(&good), "allowed");
    let waived = site(
        "waivers: [{rule: image-unverifiable, reason: it burns, owner: ops, expires: 2026-06-02}]\n",
        Duration::ZERO,
    );
    check(&waived, Handler::Mutate, &of("a.b/team/app:gone"), "allowed warning seawall: ");
    check(&waived, Handler::Validate, &of("a.b/team/app:gone"), "allowed warning seawall: ");
    let logged = "notation's trust policy only logs: it expired";
    check(&of_mode("enforce"), Handler::Validate, &of(&pinned('7')), logged);
    assert_eq!(asked(&of_mode("audit"), Handler::Validate, &of(&pinned('7'))), "allowed");
    for mode in ["enforce", "warn", "audit"] {
        let both = request("pods", "", "CREATE", &pod(&[&pinned('7'), &bad]), &Value::Null);
        let body = both.to_string();
        let of_both =
            answer(&of_mode(mode).admission, Handler::Validate, body.as_bytes(), Duration::from_secs(5));
        assert!(of_both.unwrap().log.concat().contains(logged), "{mode}");
    }
    let unpinned = site("admission: {pin: false}\n", Duration::ZERO);
    assert_eq!(asked(&unpinned, Handler::Mutate, &of("a.b/team/app:1")), "allowed");
    assert_eq!(asked(&unpinned, Handler::Validate, &of("a.b/team/app:1")), "allowed");
}

#[test]
fn the_api_servers_patience_is_read() {
    let check = |query: &str, milliseconds: u64| {
        assert_eq!(within(query), Duration::from_millis(milliseconds), "{query}");
    };
    check("timeout=10s", 8000);
    check("a=b&timeout=500ms", 400);
    check("timeout=1m0s", 24_000);
    check("timeout=5s500ms", 4400);
    for query in
        ["", "timeout=", "timeout=x", "timeout=10h", "timeout=99999999999s", "timeout=-1s", "timeout=s"]
    {
        check(query, 8000);
    }
}

#[test]
fn the_manifest_refuses_where_nobody_answers() {
    let text = manifest("a.b/seawall:1", "seawall", Authority::Pem(b"pem"));
    let documents: Vec<Value> =
        text.split("---\n").skip(1).map(|document| serde_json::from_str(document).unwrap()).collect();
    let kinds: Vec<&str> = documents.iter().map(|document| document["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds[3..], ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]);
    for webhook in documents[3..].iter().map(|document| &document["webhooks"][0]) {
        assert_eq!(webhook["failurePolicy"], "Fail");
        assert_eq!(webhook["clientConfig"]["caBundle"], "cGVt");
        assert!(webhook["rules"].to_string().contains("pods/ephemeralcontainers"));
        let expected = ["kubernetes.io/metadata.name", "NotIn"];
        let selector = &webhook["namespaceSelector"]["matchExpressions"][0];
        assert_eq!([&selector["key"], &selector["operator"]], expected);
    }
    let by_manager = manifest("x", "seawall", Authority::CertManager("c"));
    assert!(by_manager.contains("\"cert-manager.io/inject-ca-from\": \"seawall/c\""));
}
