//! Rules over the Kubernetes audit log.

use std::collections::BTreeSet;

use seawall_detect::{Engine, Matching};
use seawall_event::AuditEvent;
use seawall_finding::Subject;
use serde_json::{Value, json};

use crate::official::load_official;

/// A request: user, verb, resource, status, and what else the event has.
fn request(user: &str, verb: &str, resource: &str, code: u16, more: Value) -> String {
    let mut event = json!({
        "kind": "Event", "auditID": "1", "stage": "ResponseComplete", "verb": verb,
        "stageTimestamp": "2026-11-28T10:00:00.5Z", "requestURI": format!("/api/v1/{resource}"),
        "user": {"username": user, "groups": ["system:authenticated"]},
        "objectRef": {"resource": resource, "namespace": "prod", "name": "thing"},
        "responseStatus": {"code": code},
    });
    merge(&mut event, more);
    event.to_string()
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

/// What a user writes so that the rules which are empty templates can fire.
const OWN: &str = "
- macro: allowed_k8s_containers
  condition: (ka.req.pod.containers.image.repository in (good))
  override: {condition: replace}
- macro: consider_all_events
  condition: (ka.verb = watch)
  override: {condition: replace}
- macro: allowed_full_admin_users
  condition: (k8s_audit_never_true)
  override: {condition: replace}
- macro: allow_all_k8s_nodes
  condition: (k8s_audit_never_true)
  override: {condition: replace}
- list: allowed_k8s_nodes
  items: [good]
  override: {items: replace}
";

fn pod(spec: Value) -> Value {
    json!({"requestObject": {"spec": spec}})
}

/// A rule, a request that fires it, one that nearly does.
fn cases() -> Vec<(&'static str, String, String)> {
    let create = |resource, more| request("alice", "create", resource, 201, more);
    let container = |more: Value| {
        let mut container = json!({"name": "c", "image": "evil:1"});
        merge(&mut container, more);
        json!({"containers": [container]})
    };
    let named = |resource, name| create(resource, json!({"objectRef": {"name": name}}));
    let privileged = |answer: bool| container(json!({"securityContext": {"privileged": answer}}));
    let host = |key: &str, answer: bool| {
        let mut spec = container(json!({}));
        spec[key] = json!(answer);
        create("pods", pod(spec))
    };
    let volume = |path: &str| {
        let mut spec = container(json!({}));
        spec["volumes"] = json!([{"name": "v", "hostPath": {"path": path}}]);
        create("pods", pod(spec))
    };
    let subresource = |name: &str, verb: &str, stage: &str| {
        let more = json!({"stage": stage, "objectRef": {"subresource": name},
            "requestURI": "/api/v1/namespaces/prod/pods/thing/exec?command=sh&command=-c%20id"});
        request("alice", verb, "pods", 101, more)
    };
    let anonymous = |uri: &str| {
        let more = json!({"requestURI": uri, "annotations": {"authorization.k8s.io/decision": "allow"}});
        request("system:anonymous", "get", "pods", 200, more)
    };
    let role = |verbs: &[&str], resources: &[&str]| {
        create(
            "clusterroles",
            json!({"requestObject": {"rules": [{"verbs": verbs, "resources": resources}]}}),
        )
    };
    let kube = |resource, name: &str| {
        create(resource, json!({"objectRef": {"namespace": "kube-system", "name": name}}))
    };
    let binding =
        |role: &str| create("clusterrolebindings", json!({"requestObject": {"roleRef": {"name": role}}}));
    let mut cases = vec![
        ("Disallowed K8s User", create("pods", json!({})), request("kubelet", "get", "pods", 200, json!({}))),
        (
            "Create Disallowed Pod",
            create("pods", pod(container(json!({})))),
            create("pods", pod(container(json!({"image": "good:1"})))),
        ),
        (
            "Create Privileged Pod",
            create("pods", pod(privileged(true))),
            create("pods", pod(privileged(false))),
        ),
        ("Create Sensitive Mount Pod", volume("/etc"), volume("/data")),
        ("Create HostNetwork Pod", host("hostNetwork", true), host("hostNetwork", false)),
        ("Create HostPid Pod", host("hostPID", true), host("hostPID", false)),
        ("Create HostIPC Pod", host("hostIPC", true), host("hostIPC", false)),
        (
            "Create NodePort Service",
            create("services", json!({"requestObject": {"spec": {"type": "NodePort"}}})),
            create("services", json!({"requestObject": {"spec": {"type": "ClusterIP"}}})),
        ),
        (
            "Create/Modify Configmap With Private Credentials",
            create("configmaps", json!({"requestObject": {"data": {"password": "x"}}})),
            create("configmaps", json!({"requestObject": {"data": {"colour": "x"}}})),
        ),
        ("Anonymous Request Allowed", anonymous("/api"), anonymous("/healthz?x")),
        (
            "Attach/Exec Pod",
            subresource("exec", "create", "ResponseStarted"),
            subresource("log", "get", "ResponseStarted"),
        ),
        (
            "port-forward",
            subresource("portforward", "create", "ResponseStarted"),
            subresource("exec", "create", "ResponseStarted"),
        ),
        (
            "EphemeralContainers Created",
            subresource("ephemeralcontainers", "patch", "ResponseComplete"),
            subresource("status", "patch", "ResponseComplete"),
        ),
        ("Create Disallowed Namespace", named("namespaces", "evil"), named("namespaces", "default")),
        ("Pod Created in Kube Namespace", kube("pods", "x"), create("pods", json!({}))),
        (
            "Service Account Created in Kube Namespace",
            kube("serviceaccounts", "x"),
            kube("serviceaccounts", "coredns"),
        ),
        (
            "System ClusterRole Modified/Deleted",
            named("clusterroles", "system:node"),
            named("clusterroles", "system:coredns"),
        ),
        ("Attach to cluster-admin Role", binding("cluster-admin"), binding("view")),
        ("ClusterRole With Wildcard Created", role(&["*"], &["pods"]), role(&["get"], &["pods"])),
        (
            "ClusterRole With Write Privileges Created",
            role(&["delete"], &["pods"]),
            role(&["get"], &["pods"]),
        ),
        ("ClusterRole With Pod Exec Created", role(&["get"], &["pods/exec"]), role(&["get"], &["pods"])),
        (
            "K8s Secret Created",
            create("secrets", json!({})),
            create("secrets", json!({"objectRef": {"namespace": "kube-system"}})),
        ),
        (
            "K8s Secret Deleted",
            request("alice", "delete", "secrets", 200, json!({})),
            request("system:x", "delete", "secrets", 200, json!({})),
        ),
        (
            "K8s Secret Get Successfully",
            request("alice", "get", "secrets", 200, json!({})),
            request("alice", "get", "secrets", 403, json!({})),
        ),
        (
            "K8s Secret Get Unsuccessfully Tried",
            request("alice", "get", "secrets", 403, json!({})),
            request("alice", "get", "secrets", 200, json!({})),
        ),
        (
            "All K8s Audit Events",
            request("alice", "watch", "pods", 200, json!({})),
            request("alice", "get", "pods", 200, json!({})),
        ),
        (
            "Full K8s Administrative Access",
            request("kubernetes-admin", "get", "pods", 200, json!({})),
            request("alice", "get", "pods", 200, json!({})),
        ),
        (
            "Ingress Object without TLS Certificate Created",
            create("ingresses", json!({})),
            create("ingresses", json!({"requestObject": {"spec": {"tls": [{"hosts": ["x"]}]}}})),
        ),
        ("Untrusted Node Successfully Joined the Cluster", named("nodes", "evil"), named("nodes", "good")),
        (
            "Untrusted Node Unsuccessfully Tried to Join the Cluster",
            request("alice", "create", "nodes", 403, json!({})),
            create("nodes", json!({})),
        ),
    ];
    let activity = [
        ("K8s Deployment Created", "K8s Deployment Deleted", "deployments"),
        ("K8s Service Created", "K8s Service Deleted", "services"),
        ("K8s ConfigMap Created", "K8s ConfigMap Deleted", "configmaps"),
        ("K8s Namespace Created", "K8s Namespace Deleted", "namespaces"),
        ("K8s Serviceaccount Created", "K8s Serviceaccount Deleted", "serviceaccounts"),
        ("K8s Role Created", "K8s Role Deleted", "roles"),
        ("K8s ClusterRole Created", "K8s ClusterRole Deleted", "clusterroles"),
        ("K8s RoleBinding Created", "K8s RoleBinding Deleted", "rolebindings"),
        ("K8s ClusterRoleBinding Created", "K8s ClusterRoleBinding Deleted", "clusterrolebindings"),
    ];
    for (created, deleted, resource) in activity {
        let of = |verb, code| request("alice", verb, resource, code, json!({}));
        cases.push((created, of("create", 201), of("create", 403)));
        cases.push((deleted, of("delete", 200), of("get", 200)));
    }
    cases
}

#[test]
fn each_official_rule_fires_for_its_request_and_not_for_its_near_miss() {
    let Some(loaded) = load_official(&["k8s_audit_rules.yaml"], OWN) else { return };
    assert!(!loaded.has_errors());
    let mut engine = Engine::new(loaded, Matching::All);
    let names: BTreeSet<String> = engine.rules().iter().map(|rule| rule.id()).collect();
    let id_of: Vec<(String, String)> =
        engine.rules().iter().map(|rule| (rule.name.clone(), rule.id())).collect();
    let mut fired = |text: &str| -> BTreeSet<String> {
        let events = AuditEvent::read(text, 1).unwrap();
        engine.observe_audit(&events[0]).into_iter().map(|finding| finding.rule).collect()
    };
    let (mut wrong, mut tried) = (Vec::new(), BTreeSet::new());
    for (name, fires, near_miss) in cases() {
        let id = &id_of.iter().find(|(known, _)| known == name).unwrap().1;
        assert!(tried.insert(id.clone()), "{name} is there twice");
        if !fired(&fires).contains(id) {
            wrong.push(format!("{name} does not fire"));
        }
        if fired(&near_miss).contains(id) {
            wrong.push(format!("{name} fires for its near miss"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let untried: Vec<&String> = names.difference(&tried).collect();
    assert!(untried.is_empty(), "{untried:?}");
}

#[test]
fn a_finding_tells_user_object_and_parameters() {
    let Some(loaded) = load_official(&["k8s_audit_rules.yaml"], "") else { return };
    let mut engine = Engine::new(loaded, Matching::All);
    let more = json!({"stage": "ResponseStarted", "objectRef": {"subresource": "exec"},
        "requestURI": "/api/v1/namespaces/prod/pods/thing/exec?command=sh&command=-c%20id"});
    let text = request("alice", "create", "pods", 101, more);
    let found = engine.observe_audit(&AuditEvent::read(&text, 1).unwrap()[0]);
    let finding = found.iter().find(|finding| finding.rule == "attach-exec-pod").unwrap();
    assert_eq!(
        finding.summary,
        "Attach/Exec to pod (user=alice pod=thing resource=pods ns=prod action=exec command=sh -c id)"
    );
    assert!(matches!(&finding.subject, Subject::Workload { name, .. } if name == "thing"));
    let happened = finding.evidence.happened().unwrap();
    assert_eq!((happened.source.as_str(), happened.event.as_str()), ("k8s_audit", "create"));
    assert_eq!(happened.time, "2026-11-28T10:00:00.500000000Z");
}
