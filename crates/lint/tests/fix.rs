//! Mending files: what changes, what stays, what is not touched.

use seawall_lint::fix::fix;
use seawall_lint::manifest::{File, Options};
use seawall_lint::workload::Selection;

fn check(path: &str, before: &str, expected: &str) {
    let selection =
        Selection { also: vec!["service-account-token-mounted".to_owned()], ..Selection::default() };
    let options = Options { selection, ..Options::default() };
    let fixed = fix(File { path, text: before }, &options, &|_| true);
    assert_eq!(fixed.text, expected, "{path}");
    let again = fix(File { path, text: &fixed.text }, &options, &|_| true);
    assert_eq!(again.text, expected, "{path}, a second time");
    assert!(again.applied.is_empty());
}

#[test]
fn a_deployment_keeps_its_comments_and_layout() {
    check(
        "a.yaml",
        "\
# the shop
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: web  # main
        image: web:1
        command:
          - a
          - b
        # below
      - image: log:1
        name: log
        securityContext:
          privileged: true # why?
          capabilities: {add: [CHOWN]}
      # the end
---
kind: Service
apiVersion: v1
",
        "\
# the shop
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: web  # main
        image: web:1
        command:
          - a
          - b
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
              - ALL
          readOnlyRootFilesystem: true
        # below
      - image: log:1
        name: log
        securityContext:
          privileged: false # why?
          capabilities: {add: [CHOWN], drop: [ALL]}
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
      securityContext:
        seccompProfile:
          type: RuntimeDefault
        runAsNonRoot: true
      automountServiceAccountToken: false
      # the end
---
kind: Service
apiVersion: v1
",
    );
}

#[test]
fn json_and_windows_line_ends_stay_what_they_are() {
    check(
        "a.json",
        r#"{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a", "image": "a:1"}]}}"#,
        r#"{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"name": "a", "image": "a:1", "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": true}}], "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}, "runAsNonRoot": true}, "automountServiceAccountToken": false}}"#,
    );
    check(
        "compose.yaml",
        "services:\r\n  a:\r\n    image: a:1\r\n    security_opt:\r\n      - label:type:container_t\r\n    mem_limit: 1g",
        "services:\r\n  a:\r\n    image: a:1\r\n    security_opt:\r\n      - label:type:container_t\r\n      - no-new-privileges:true\r\n    mem_limit: 1g\r\n    cap_drop:\r\n      - ALL\r\n    read_only: true",
    );
}

#[test]
fn shared_parts_of_a_compose_file_are_left_alone() {
    check(
        "compose.yaml",
        "x-base: &base\n  image: a:1\n  read_only: false\nservices:\n  a:\n    <<: *base\n  b: *base\n",
        "x-base: &base\n  image: a:1\n  read_only: false\nservices:\n  a:\n    <<: *base\n  b: *base\n",
    );
    check(
        "compose.yaml",
        "x-base: &base\n  image: a:1\nservices:\n  a:\n    <<: *base\n    mem_limit: 1g\n",
        "x-base: &base\n  image: a:1\nservices:\n  a:\n    <<: *base\n    mem_limit: 1g\n    security_opt:\n      - no-new-privileges:true\n    cap_drop:\n      - ALL\n    read_only: true\n",
    );
}

#[test]
fn a_quadlet_gets_its_keys() {
    check(
        "a.container",
        "[Unit]\nDescription=a\n\n[Container]\n# the image\nImage=a:1\nReadOnly=no\n\n[Install]\nWantedBy=default.target\n",
        "[Unit]\nDescription=a\n\n[Container]\nDropCapability=all\nNoNewPrivileges=true\n# the image\nImage=a:1\nReadOnly=true\n\n[Install]\nWantedBy=default.target\n",
    );
}

#[test]
fn an_empty_security_context_is_filled() {
    check(
        "a.yaml",
        "apiVersion: v1\nkind: Pod\nspec:\n  automountServiceAccountToken: true\n  containers:\n    - name: a\n      securityContext:\n      image: a:1\n  securityContext: {}\n",
        "apiVersion: v1\nkind: Pod\nspec:\n  automountServiceAccountToken: false\n  containers:\n    - name: a\n      securityContext:\n        allowPrivilegeEscalation: false\n        capabilities:\n          drop:\n            - ALL\n        readOnlyRootFilesystem: true\n      image: a:1\n  securityContext: {seccompProfile: {type: RuntimeDefault}, runAsNonRoot: true}\n",
    );
}
