//! Fields of where it ran: `container.*`, `k8s.*`.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other fields are in the other files of this directory"
)]

use std::collections::BTreeMap;

use seawall_event::{Container, Event, Image, Mount, Pod};

use super::{Argument, Field, FieldId};
use crate::glob::Glob;
use crate::value::Value;

#[inline]
pub(super) fn value<'e>(field: &'e Field, event: &'e Event) -> Value<'e> {
    let start_ns = || event.process.as_deref().and_then(|process| process.pid_namespace_start_ns);
    let Some(container) = event.container.as_deref() else { return Value::Absent };
    match field.id {
        FieldId::ContainerId => Value::text(container.id.as_deref()),
        FieldId::ContainerFullId => Value::text(container.full_id.as_deref()),
        FieldId::ContainerName => Value::text(container.name.as_deref()),
        FieldId::ContainerType => Value::text(container.engine.as_deref()),
        FieldId::ContainerImage => of_image(container, |image| &image.name),
        FieldId::ContainerImageId => of_image(container, |image| &image.id),
        FieldId::ContainerImageRepository => of_image(container, |image| &image.repository),
        FieldId::ContainerImageTag => of_image(container, |image| &image.tag),
        FieldId::ContainerImageDigest => of_image(container, |image| &image.digest),
        FieldId::ContainerPrivileged => Value::bool(container.privileged),
        FieldId::ContainerHostPid => Value::bool(container.host_pid),
        FieldId::ContainerHostNetwork => Value::bool(container.host_network),
        FieldId::ContainerHostIpc => Value::bool(container.host_ipc),
        FieldId::ContainerIp => Value::text(container.ip.as_deref()),
        FieldId::ContainerCni | FieldId::PodCni => Value::text(container.cni.as_deref()),
        FieldId::ContainerLabel => of_labels(field, Some(&container.labels)),
        FieldId::ContainerLabels => labels(&container.labels),
        FieldId::ContainerStartTs => Value::unsigned(start_ns()),
        FieldId::ContainerDuration => {
            Value::unsigned(start_ns().map(|start_ns| event.time_ns.saturating_sub(start_ns)))
        }
        FieldId::ContainerMounts => match &container.mounts {
            None => Value::Absent,
            Some(mounts) => Value::made(Some(mounts.iter().map(Mount::text).collect::<Vec<_>>().join(","))),
        },
        FieldId::PodName => of_pod(container, |pod| &pod.name),
        FieldId::PodNamespace => of_pod(container, |pod| &pod.namespace),
        FieldId::PodUid => of_pod(container, |pod| &pod.uid),
        FieldId::PodFullSandboxId => of_pod(container, |pod| &pod.sandbox_id),
        FieldId::PodSandboxId => {
            let id = container.pod.as_ref().and_then(|pod| pod.sandbox_id.as_deref());
            Value::text(id.map(|id| id.get(..12).unwrap_or(id)))
        }
        FieldId::PodIp => of_pod(container, |pod| &pod.ip),
        FieldId::PodLabel => of_labels(field, container.pod.as_ref().map(|pod| &pod.labels)),
        FieldId::PodLabels => container.pod.as_ref().map_or(Value::Absent, |pod| labels(&pod.labels)),
        _ => of_mount(field, container),
    }
}

fn of_image(container: &Container, part: fn(&Image) -> &Option<String>) -> Value<'_> {
    Value::text(container.image.as_ref().and_then(|image| part(image).as_deref()))
}

fn of_pod(container: &Container, part: fn(&Pod) -> &Option<String>) -> Value<'_> {
    Value::text(container.pod.as_ref().and_then(|pod| part(pod).as_deref()))
}

/// One mount by number, or by a pattern of its source (for the source itself: of its destination).
fn of_mount<'e>(field: &Field, container: &'e Container) -> Value<'e> {
    let mounts = container.mounts.as_deref().unwrap_or_default();
    let mount = match &field.argument {
        Argument::Index(index) => mounts.get(*index),
        Argument::Key(pattern) => {
            let glob = Glob::new(pattern);
            mounts.iter().find(|mount| {
                let path = match field.id {
                    FieldId::ContainerMountSource => &mount.destination,
                    _ => &mount.source,
                };
                glob.matches(path)
            })
        }
        Argument::None | Argument::Of(_) => None,
    };
    let Some(mount) = mount else { return Value::Absent };
    match field.id {
        FieldId::ContainerMount => Value::made(Some(mount.text())),
        FieldId::ContainerMountSource => Value::text(Some(&mount.source)),
        FieldId::ContainerMountDest => Value::text(Some(&mount.destination)),
        FieldId::ContainerMountMode => Value::text(Some(&mount.mode)),
        FieldId::ContainerMountRdwr => Value::text(Some(if mount.writable { "true" } else { "false" })),
        FieldId::ContainerMountPropagation => Value::text(Some(&mount.propagation)),
        _ => Value::Absent,
    }
}

fn of_labels<'e>(field: &Field, labels: Option<&'e BTreeMap<String, String>>) -> Value<'e> {
    let Argument::Key(key) = &field.argument else { return Value::Absent };
    Value::text(labels.and_then(|labels| labels.get(key.as_ref())).map(String::as_str))
}

/// `key:value, key:value`.
fn labels(labels: &BTreeMap<String, String>) -> Value<'_> {
    let pair = |(key, value): (&String, &String)| {
        if value.is_empty() { key.clone() } else { format!("{key}:{value}") }
    };
    Value::made(Some(labels.iter().map(pair).collect::<Vec<_>>().join(", ")))
}
