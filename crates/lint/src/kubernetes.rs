//! Kubernetes manifests → objects → workloads.
//!
//! Reads what `kubectl apply` would, several documents, lists in lists; a kind it does not know stays an object.

mod container;
mod pod;
mod quantity;

use std::collections::BTreeMap;
use std::sync::Arc;

use seawall_finding::GapKind;
use seawall_inventory::Workload;
use seawall_inventory::workload::Source;

use crate::document::{At, Node, Refusal};
use crate::limits::LIST_DEPTH_MAX;

/// An object of a manifest.
#[derive(Debug, Clone)]
pub(crate) struct Object<'a> {
    pub(crate) at: At<'a>,
    pub(crate) api_version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    /// Which document of the file it stands in.
    pub(crate) document: usize,
}

/// Whether a document says that it is a Kubernetes object.
pub(crate) fn is_object(node: &Node) -> bool {
    let at = At::root(node);
    at.str("apiVersion").is_some() && at.str("kind").is_some()
}

/// The objects of the documents, those of lists one by one.
pub(crate) fn objects(documents: &[Arc<Node>]) -> (Vec<Object<'_>>, Vec<Refusal>) {
    let (mut objects, mut refusals) = (Vec::new(), Vec::new());
    for (document, node) in documents.iter().enumerate() {
        unpack(At::root(node), document, 0, &mut objects, &mut refusals);
    }
    (objects, refusals)
}

fn unpack<'a>(
    at: At<'a>,
    document: usize,
    depth: usize,
    objects: &mut Vec<Object<'a>>,
    refusals: &mut Vec<Refusal>,
) {
    let (Some(api_version), Some(kind)) = (at.str("apiVersion"), at.str("kind")) else {
        if !at.node.is_null() {
            let reason = format!("line {}: no Kubernetes object: no apiVersion or kind", at.node.line);
            refusals.push((GapKind::Unsupported, reason));
        }
        return;
    };
    if kind.ends_with("List") && at.get("items").is_some() {
        if depth >= LIST_DEPTH_MAX {
            refusals.push((GapKind::Limit, format!("lists in lists deeper than {LIST_DEPTH_MAX}")));
            return;
        }
        for item in at.list("items") {
            unpack(item, document, depth + 1, objects, refusals);
        }
        return;
    }
    let metadata = at.get("metadata");
    let field = |key| metadata.as_ref().and_then(|metadata| metadata.str(key)).unwrap_or_default();
    let name = Some(field("name")).filter(|name| !name.is_empty()).unwrap_or(field("generateName"));
    objects.push(Object { api_version, kind, namespace: field("namespace"), name, document, at: at.clone() });
}

impl<'a> Object<'a> {
    /// The API group; empty for the core's.
    pub(crate) fn group(&self) -> &'a str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// Where the pod template stands, for what makes pods.
    fn template(&self) -> Option<At<'a>> {
        let path: &[&str] = match (self.group(), self.kind) {
            ("", "Pod") => &[],
            ("", "PodTemplate") => &["template"],
            (
                "" | "apps" | "extensions" | "batch",
                "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet",
            )
            | ("", "ReplicationController")
            | ("batch", "Job")
            | ("argoproj.io", "Rollout")
            | ("apps.openshift.io", "DeploymentConfig")
            | ("apps.kruise.io", "CloneSet" | "StatefulSet" | "DaemonSet")
            | ("serving.knative.dev", "Service") => &["spec", "template"],
            ("batch", "CronJob") => &["spec", "jobTemplate", "spec", "template"],
            _ => return None,
        };
        self.at.path(path)
    }

    /// Why it makes pods and yet says nothing of them, where that is so.
    pub(crate) fn lacks_pod(&self) -> Option<String> {
        let is_maker = matches!(
            (self.group(), self.kind),
            ("", "Pod" | "ReplicationController")
                | ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
                | ("batch", "Job" | "CronJob")
        );
        let line = self.at.node.line;
        let reason =
            || format!("line {line}: {} {} has no pod specification: a patch?", self.kind, self.name);
        (is_maker && self.template().and_then(|template| template.get("spec")).is_none()).then(reason)
    }

    /// The workload, where the object is one.
    pub(crate) fn workload(&self) -> Option<Workload> {
        let template = self.template()?;
        let spec = template.get("spec")?;
        let mut workload = Workload {
            source: Source::Kubernetes,
            kind: self.kind.to_owned(),
            namespace: self.namespace.to_owned(),
            name: self.name.to_owned(),
            origin: spec.origin(),
            labels: strings(&template, "labels"),
            object_annotations: strings(&self.at, "annotations"),
            replicas: self.at.path(&["spec"]).and_then(|spec| spec.int("replicas")),
            ..Workload::default()
        };
        if let Some(annotations) = template.path(&["metadata", "annotations"]) {
            let given = |(key, at): (&str, At<'_>)| Some((key.to_owned(), at.given_text()?));
            workload.annotations = annotations.fields().into_iter().filter_map(given).collect();
        }
        pod::read(&spec, &mut workload);
        Some(workload)
    }
}

/// A map of texts in the metadata of an object or a template.
pub(crate) fn strings(at: &At<'_>, key: &str) -> BTreeMap<String, String> {
    at.path(&["metadata", key]).map(|at| texts(&at)).unwrap_or_default()
}

/// A map of texts.
pub(crate) fn texts(at: &At<'_>) -> BTreeMap<String, String> {
    let text = |(key, at): (&str, At<'_>)| Some((key.to_owned(), at.node.text()?.to_owned()));
    at.fields().into_iter().filter_map(text).collect()
}
