//! What a cluster needs to ask us, as one file for `kubectl apply`.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use crate::limits::DECIDE_WITHIN;

const NAME: &str = "seawall-admit";

/// Who issued the webhook's certificate, for the API server to believe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority<'a> {
    /// This certificate (PEM).
    Pem(&'a [u8]),
    /// cert-manager writes it: the certificate of this name in our namespace.
    CertManager(&'a str),
}

/// Namespace, deployment, service and both webhooks, which refuse where nobody answers.
///
/// The webhook's own namespace and `kube-system` are left out, by the name that only the API server writes: a cluster in
/// which the webhook does not run could else not start it.
pub fn manifest(image: &str, namespace: &str, authority: Authority<'_>) -> String {
    let objects = [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
        service(namespace),
        deployment(image, namespace),
        webhooks("MutatingWebhookConfiguration", "mutate", namespace, authority),
        webhooks("ValidatingWebhookConfiguration", "validate", namespace, authority),
    ];
    let head = format!(
        "# kubectl create namespace {namespace}\n\
         # kubectl -n {namespace} create configmap seawall-policy --from-file=policy.yaml [--from-file=KEY.pub …]\n\
         # kubectl -n {namespace} create secret tls seawall-admit-tls --cert=FILE --key=FILE   \
         # for {NAME}.{namespace}.svc\n"
    );
    // JSON is YAML.
    objects.iter().fold(head, |text, object| format!("{text}---\n{object:#}\n"))
}

fn webhooks(kind: &str, verb: &str, namespace: &str, authority: Authority<'_>) -> Value {
    let mut client = json!({"service": {"name": NAME, "namespace": namespace, "path": format!("/{verb}")}});
    let mut metadata = json!({"name": NAME});
    match authority {
        Authority::Pem(pem) => client["caBundle"] = json!(BASE64_STANDARD.encode(pem)),
        Authority::CertManager(certificate) => {
            let from = format!("{namespace}/{certificate}");
            metadata["annotations"] = json!({"cert-manager.io/inject-ca-from": from});
        }
    }
    let rule = |group: &str, resources: &[&str]| {
        json!({
            "apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"], "scope": "Namespaced",
            "resources": resources,
        })
    };
    let names = json!([namespace, "kube-system"]);
    let mut webhook = json!({
        "name": format!("{verb}.{NAME}.dev"),
        "admissionReviewVersions": ["v1"],
        "clientConfig": client,
        "failurePolicy": "Fail",
        "matchPolicy": "Equivalent",
        "sideEffects": "None",
        // Two seconds more than a decision takes, so that the answer says why.
        "timeoutSeconds": DECIDE_WITHIN.as_secs() + 2,
        "namespaceSelector": {"matchExpressions": [
            {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": names},
        ]},
        "rules": [
            rule("", &["pods", "pods/ephemeralcontainers", "podtemplates", "replicationcontrollers"]),
            rule("apps", &["deployments", "daemonsets", "statefulsets", "replicasets"]),
            rule("batch", &["jobs", "cronjobs"]),
        ],
    });
    if verb == "mutate" {
        // What another webhook adds after us is looked at, too.
        webhook["reinvocationPolicy"] = json!("IfNeeded");
    }
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": metadata, "webhooks": [webhook],
    })
}

fn service(namespace: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME, "namespace": namespace},
        "spec": {"selector": {"app": NAME}, "ports": [{"port": 443, "targetPort": 8443}]},
    })
}

fn deployment(image: &str, namespace: &str) -> Value {
    let probe = json!({"httpGet": {"path": "/readyz", "port": 8443, "scheme": "HTTPS"}});
    let container = json!({
        "name": "admit",
        "image": image,
        "args": [
            "--cache", "/cache", "admit", "webhook", "--policy", "/policy/policy.yaml", "--listen", "0.0.0.0:8443",
            "--tls-cert", "/tls/tls.crt", "--tls-key", "/tls/tls.key",
        ],
        "ports": [{"containerPort": 8443}],
        "readinessProbe": probe,
        "livenessProbe": probe,
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
            "runAsUser": 65532, "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "policy", "mountPath": "/policy", "readOnly": true},
            {"name": "tls", "mountPath": "/tls", "readOnly": true},
            {"name": "cache", "mountPath": "/cache"},
        ],
    });
    let pod = json!({
        "automountServiceAccountToken": false,
        "priorityClassName": "system-cluster-critical",
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}, "fsGroup": 65532},
        "containers": [container],
        "volumes": [
            {"name": "policy", "configMap": {"name": "seawall-policy"}},
            {"name": "tls", "secret": {"secretName": "seawall-admit-tls"}},
            {"name": "cache", "emptyDir": {"sizeLimit": "256Mi"}},
        ],
    });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME, "namespace": namespace},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": NAME}},
            "template": {"metadata": {"labels": {"app": NAME}}, "spec": pod},
        },
    })
}
