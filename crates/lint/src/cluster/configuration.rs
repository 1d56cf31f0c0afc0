//! Credentials in objects that are not for them.

use seawall_finding::Framework::{CisKubernetes112, Cwe, NistSp800190, NsaCisaKubernetes};
use seawall_finding::{Confidence, Rule, Severity};

use super::ObjectRule;
use crate::document::At;
use crate::kubernetes::Object;
use crate::workload::{Wrong, can_be_credential, names_credential};

pub(super) static RULES: &[ObjectRule] = &[
    ObjectRule {
        rule: Rule {
            id: "secret-in-config-map",
            title: "Credential in a ConfigMap",
            why: "Config maps are read by many who may not read secrets, and are not encrypted where secrets are.",
            fix: "Put it into a Secret, or into a store outside the cluster.",
            severity: Severity::High,
            references: &["https://kubernetes.io/docs/concepts/configuration/configmap/"],
            controls: &[
                (CisKubernetes112, "5.4.1"),
                (NsaCisaKubernetes, "Secrets"),
                (NistSp800190, "4.1.4"),
                (Cwe, "CWE-312"),
            ],
        },
        by_default: true,
        judge: |object, _| config_map(object),
        bad: &["apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {DB_PASSWORD: hunter2}"],
        good: &[
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {DB_HOST: db, DB_PASSWORD_FILE: /p, TOKEN: ''}",
        ],
    },
    ObjectRule {
        rule: Rule {
            id: "secret-in-manifest",
            title: "Secret with its value in a manifest",
            why: "A Secret's values are base64, which is no encryption: whoever reads the file, or the repository it \
                  is in, has them.",
            fix: "Make the Secret from a store (External Secrets, Sealed Secrets, SOPS) and keep its values out of \
                  files.",
            severity: Severity::Medium,
            references: &["https://kubernetes.io/docs/concepts/security/secrets-good-practices/"],
            controls: &[
                (CisKubernetes112, "5.4.2"),
                (NsaCisaKubernetes, "Secrets"),
                (NistSp800190, "4.1.4"),
                (Cwe, "CWE-312"),
            ],
        },
        by_default: false,
        judge: |object, _| secret(object),
        bad: &["apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {p: aHVudGVyMg==}"],
        good: &[
            "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {}",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: s}\ndata: {p: a}",
        ],
    },
];

fn config_map(object: &Object<'_>) -> Vec<Wrong> {
    if !object.group().is_empty() || object.kind != "ConfigMap" {
        return Vec::new();
    }
    let wrong = |(key, at): (&str, At<'_>)| {
        let value = at.node.text()?;
        let is_one = names_credential(key) && can_be_credential(value) && !value.contains('\n');
        let seen = format!("a value of {} characters", value.chars().count());
        is_one.then(|| Wrong {
            confidence: Confidence::Medium,
            ..Wrong::new(&at.origin(), &format!("data.{key}"), seen, "in a Secret")
        })
    };
    object
        .at
        .get("data")
        .map(|data| data.fields())
        .unwrap_or_default()
        .into_iter()
        .filter_map(wrong)
        .collect()
}

fn secret(object: &Object<'_>) -> Vec<Wrong> {
    if !object.group().is_empty() || object.kind != "Secret" {
        return Vec::new();
    }
    let values = ["data", "stringData"].into_iter().filter_map(|key| object.at.get(key));
    let is_filled = |at: &At<'_>| {
        at.fields().iter().any(|(_, value)| value.node.text().is_some_and(|text| !text.is_empty()))
    };
    let wrong = |at: At<'_>| {
        let seen = format!("{} values", at.fields().len());
        Wrong::new(&at.origin(), "data", seen, "no values in files")
    };
    values.filter(is_filled).map(wrong).collect()
}
