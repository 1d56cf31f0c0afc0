//! Where images stand in a pod and in what makes pods.

use serde_json::{Map, Value};

use crate::limits::CONTAINERS_MAX;

/// What is in a request, as the API server names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    /// Something with a pod's specification, at this pointer.
    Pod(&'static str),
    /// A part of one that holds no image, such as its status.
    Part,
}

/// What a resource and its part are.
///
/// # Errors
/// Nobody knows where images stand in it.
pub(super) fn resource(name: &str, part: &str) -> Result<Resource, String> {
    let pointer = match name {
        "pods" => "/spec",
        "podtemplates" => "/template/spec",
        "replicationcontrollers" | "replicasets" | "deployments" | "statefulsets" | "daemonsets" | "jobs" => {
            "/spec/template/spec"
        }
        "cronjobs" => "/spec/jobTemplate/spec/template/spec",
        _ => return Err(format!("Seawall does not know where images stand in {name}")),
    };
    match part {
        "" | "ephemeralcontainers" | "resize" => Ok(Resource::Pod(pointer)),
        "status" | "scale" | "binding" | "eviction" | "attach" | "exec" | "log" | "portforward" | "proxy" => {
            Ok(Resource::Part)
        }
        _ => Err(format!("Seawall does not know the part {part} of {name}")),
    }
}

/// An image as it stands in an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stands {
    /// JSON pointer to the text.
    pub(super) pointer: String,
    /// The list that it is in, and its neighbour's name there.
    pub(super) of: (&'static str, String),
    /// The text.
    pub(super) image: String,
}

/// Every image of an object; none where it has no specification.
///
/// # Errors
/// The object is not what the API says.
pub(super) fn images(object: &Value, pointer: &str) -> Result<Vec<Stands>, String> {
    let Some(spec) = object.pointer(pointer).filter(|spec| !spec.is_null()) else { return Ok(Vec::new()) };
    let spec = spec.as_object().ok_or_else(|| format!("{pointer} is no object"))?;
    let mut found = Vec::new();
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        each(spec, pointer, list, &["image"], &mut found)?;
    }
    each(spec, pointer, "volumes", &["image", "reference"], &mut found)?;
    Ok(found)
}

fn each(
    spec: &Map<String, Value>,
    pointer: &str,
    list: &'static str,
    path: &[&str],
    found: &mut Vec<Stands>,
) -> Result<(), String> {
    let values = match spec.get(list) {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Array(values)) => values,
        Some(_) => return Err(format!("{pointer}/{list} is no list")),
    };
    if values.len() > CONTAINERS_MAX {
        return Err(format!("{pointer}/{list} has more than {CONTAINERS_MAX} entries"));
    }
    for (index, value) in values.iter().enumerate() {
        let mut image = Some(value);
        for step in path {
            image = image.and_then(|value| value.get(step)).filter(|value| !value.is_null());
        }
        let at = format!("{pointer}/{list}/{index}/{}", path.join("/"));
        match image {
            // A template may leave it to somebody else; the pod that is made of it is asked for, too.
            None => {}
            Some(Value::String(image)) if image.is_empty() => {}
            Some(Value::String(image)) => {
                let name = value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
                found.push(Stands { pointer: at, of: (list, name), image: image.clone() });
            }
            Some(_) => return Err(format!("{at} is no text")),
        }
    }
    Ok(())
}
