//! Fields of the Kubernetes audit log: `ka.*`, `jevt.*`, `json.*`.

use std::borrow::Cow;

use seawall_event::AuditEvent;
use serde_json::Value as Json;

use super::{Argument, Field, FieldId, FieldInfo, FieldType, Takes};
use crate::value::Value;

/// How a field is read.
#[derive(Debug, Clone, Copy)]
enum Way {
    /// The value at a pointer.
    At(&'static str),
    /// The value at a pointer as a list of one, as the plugin has it.
    ListOf(&'static str),
    /// In each element of an array, the values at a pointer; elements that are arrays count one by one.
    Each(&'static str, &'static str),
    /// In each element of the arrays in an array's elements, the values at a pointer.
    EachOfEach(&'static str, &'static str, &'static str),
    /// The same of images, without tag and digest.
    Repository(&'static str, &'static str),
    /// The value at the pointer that the argument is.
    Pointer,
    /// A parameter of the request's address.
    Parameter,
    /// When it happened, in nanoseconds.
    RawTime,
    /// When it happened, for people.
    Time,
    /// The whole document.
    Whole,
    /// The names of what a volume is made of.
    VolumeTypes,
}

const CONTAINERS: &str = "/requestObject/spec/containers";
const INIT: &str = "/requestObject/spec/initContainers";
const EPHEMERAL: &str = "/requestObject/spec/ephemeralContainers";
const RULES: &str = "/requestObject/rules";
const VOLUMES: &str = "/requestObject/spec/volumes";

/// The table and how its fields are read, so that neither can lack the other.
macro_rules! rows {
    ($($name:literal $kind:ident $takes:ident $way:expr;)+) => {
        /// Every field, in the order of [`WAYS`].
        pub(super) const FIELDS: &[FieldInfo] = &{
            let mut index = 0;
            [$({
                let info = FieldInfo {
                    name: $name,
                    id: FieldId::Audit(index),
                    kind: FieldType::$kind,
                    takes: Takes::$takes,
                };
                index += 1;
                let _ = index;
                info
            }),+]
        };

        const WAYS: &[Way] = &[$($way),+];
    };
}

rows! {
    "ka.auditid" Text Nothing Way::At("/auditID");
    "ka.stage" Text Nothing Way::At("/stage");
    "ka.auth.decision" Text Nothing Way::At("/annotations/authorization.k8s.io~1decision");
    "ka.auth.reason" Text Nothing Way::At("/annotations/authorization.k8s.io~1reason");
    "ka.auth.openshift.decision" Text Nothing Way::At("/annotations/authentication.openshift.io~1decision");
    "ka.auth.openshift.username" Text Nothing Way::At("/annotations/authentication.openshift.io~1username");
    "ka.user.name" Text Nothing Way::At("/user/username");
    "ka.user.groups" Texts Nothing Way::Each("/user/groups", "");
    "ka.impuser.name" Text Nothing Way::At("/impersonatedUser/username");
    "ka.verb" Text Nothing Way::At("/verb");
    "ka.uri" Text Nothing Way::At("/requestURI");
    "ka.uri.param" Text Key Way::Parameter;
    "ka.useragent" Text Nothing Way::At("/userAgent");
    "ka.sourceips" Texts Nothing Way::Each("/sourceIPs", "");
    "ka.cluster.name" Text Nothing Way::At("/annotations/cluster.x-k8s.io~1cluster-name");
    "ka.target.name" Text Nothing Way::At("/objectRef/name");
    "ka.target.namespace" Text Nothing Way::At("/objectRef/namespace");
    "ka.target.resource" Text Nothing Way::At("/objectRef/resource");
    "ka.target.subresource" Text Nothing Way::At("/objectRef/subresource");
    "ka.resp.name" Text Nothing Way::At("/responseObject/metadata/name");
    "ka.response.code" Text Nothing Way::At("/responseStatus/code");
    "ka.response.reason" Text Nothing Way::At("/responseStatus/reason");
    "ka.req.binding.subjects" Texts Index Way::Each("/requestObject/subjects", "");
    "ka.req.binding.role" Text Nothing Way::At("/requestObject/roleRef/name");
    "ka.req.configmap.name" Text Nothing Way::At("/objectRef/name");
    "ka.req.configmap.obj" Text Nothing Way::At("/requestObject/data");
    "ka.req.service.type" Text Nothing Way::At("/requestObject/spec/type");
    "ka.req.service.ports" Texts Index Way::Each("/requestObject/spec/ports", "");
    "ka.req.role.rules" Texts Index Way::Each(RULES, "");
    "ka.req.role.rules.apiGroups" Texts Index Way::Each(RULES, "/apiGroups");
    "ka.req.role.rules.nonResourceURLs" Texts Index Way::Each(RULES, "/nonResourceURLs");
    "ka.req.role.rules.verbs" Texts Index Way::Each(RULES, "/verbs");
    "ka.req.role.rules.resources" Texts Index Way::Each(RULES, "/resources");
    "ka.req.pod.host_ipc" Texts Nothing Way::ListOf("/requestObject/spec/hostIPC");
    "ka.req.pod.host_network" Texts Nothing Way::ListOf("/requestObject/spec/hostNetwork");
    "ka.req.pod.host_pid" Texts Nothing Way::ListOf("/requestObject/spec/hostPID");
    "ka.req.pod.fs_group" Text Nothing Way::At("/requestObject/spec/securityContext/fsGroup");
    "ka.req.pod.supplemental_groups" Texts Nothing
        Way::Each("/requestObject/spec/securityContext/supplementalGroups", "");
    "ka.req.pod.run_as_user" Text Nothing Way::At("/requestObject/spec/securityContext/runAsUser");
    "ka.req.pod.run_as_group" Text Nothing Way::At("/requestObject/spec/securityContext/runAsGroup");
    "ka.req.pod.containers.image" Texts Index Way::Each(CONTAINERS, "/image");
    "ka.req.pod.containers.image.repository" Texts Index Way::Repository(CONTAINERS, "/image");
    "ka.req.pod.containers.host_port" Texts Index Way::EachOfEach(CONTAINERS, "/ports", "/hostPort");
    "ka.req.pod.containers.privileged" Texts Index Way::Each(CONTAINERS, "/securityContext/privileged");
    "ka.req.pod.containers.allow_privilege_escalation" Texts Index
        Way::Each(CONTAINERS, "/securityContext/allowPrivilegeEscalation");
    "ka.req.pod.containers.read_only_fs" Texts Index
        Way::Each(CONTAINERS, "/securityContext/readOnlyRootFilesystem");
    "ka.req.pod.containers.run_as_user" Texts Index Way::Each(CONTAINERS, "/securityContext/runAsUser");
    "ka.req.pod.containers.run_as_group" Texts Index Way::Each(CONTAINERS, "/securityContext/runAsGroup");
    "ka.req.pod.containers.proc_mount" Texts Index Way::Each(CONTAINERS, "/securityContext/procMount");
    "ka.req.pod.containers.add_capabilities" Texts Index
        Way::Each(CONTAINERS, "/securityContext/capabilities/add");
    "ka.req.pod.initContainers.image" Texts Index Way::Each(INIT, "/image");
    "ka.req.pod.initContainers.image.repository" Texts Index Way::Repository(INIT, "/image");
    "ka.req.pod.initContainers.privileged" Texts Index Way::Each(INIT, "/securityContext/privileged");
    "ka.req.pod.ephemeralContainers.image" Texts Index Way::Each(EPHEMERAL, "/image");
    "ka.req.pod.ephemeralContainers.image.repository" Texts Index Way::Repository(EPHEMERAL, "/image");
    "ka.req.pod.ephemeralContainers.privileged" Texts Index Way::Each(EPHEMERAL, "/securityContext/privileged");
    "ka.req.pod.volumes.hostpath" Texts Index Way::Each(VOLUMES, "/hostPath/path");
    "ka.req.pod.volumes.flexvolume_driver" Texts Index Way::Each(VOLUMES, "/flexVolume/driver");
    "ka.req.pod.volumes.volume_type" Texts Index Way::VolumeTypes;
    "jevt.time" Text Nothing Way::Time;
    "jevt.time.iso8601" Text Nothing Way::Time;
    "jevt.rawtime" Number Nothing Way::RawTime;
    "jevt.value" Text Key Way::Pointer;
    "jevt.obj" Text Nothing Way::Whole;
    "json.rawtime" Number Nothing Way::RawTime;
    "json.value" Text Key Way::Pointer;
    "json.obj" Text Nothing Way::Whole;
}

pub(super) fn value<'e>(field: &'e Field, event: &'e AuditEvent) -> Value<'e> {
    let FieldId::Audit(index) = field.id else { return shared(field.id, event) };
    let Some(way) = WAYS.get(usize::from(index)) else { return Value::Absent };
    let json = &event.json;
    match way {
        Way::At(pointer) => one(json.pointer(pointer)),
        Way::ListOf(pointer) => several(json.pointer(pointer).into_iter().collect(), field, text),
        Way::Each(array, inner) => several(each(json, array, inner), field, text),
        Way::EachOfEach(array, middle, inner) => {
            let outer = each(json, array, middle).into_iter();
            several(outer.filter_map(|element| element.pointer(inner)).collect(), field, text)
        }
        Way::Repository(array, inner) => several(each(json, array, inner), field, repository),
        Way::VolumeTypes => {
            let kinds = elements(json.pointer(VOLUMES)).filter_map(Json::as_object);
            let kinds = kinds.flat_map(|volume| volume.keys()).filter(|key| *key != "name");
            list(kinds.map(|kind| Cow::Borrowed(kind.as_str())).collect(), field)
        }
        Way::Pointer => match &field.argument {
            Argument::Key(pointer) => one(json.pointer(pointer)),
            Argument::None | Argument::Index(_) | Argument::Of(_) => Value::Absent,
        },
        Way::Parameter => match &field.argument {
            Argument::Key(name) => Value::made(parameter(json, name)),
            Argument::None | Argument::Index(_) | Argument::Of(_) => Value::Absent,
        },
        Way::RawTime => Value::unsigned(Some(event.time_ns)),
        Way::Time => super::event::time(FieldId::EvtTimeIso, event.time_ns),
        Way::Whole => Value::made(Some(json.to_string())),
    }
}

/// The fields that events of every source have.
#[expect(clippy::wildcard_enum_match_arm, reason = "the others are of system calls only")]
fn shared<'e>(id: FieldId, event: &AuditEvent) -> Value<'e> {
    match id {
        FieldId::EvtNum => Value::unsigned(Some(event.number)),
        FieldId::EvtSource => Value::text(Some("k8s_audit")),
        id => super::event::time(id, event.time_ns),
    }
}

fn one(json: Option<&Json>) -> Value<'_> {
    json.filter(|json| !json.is_null()).map_or(Value::Absent, |json| Value::Text(text(json)))
}

/// A text as it is, everything else as JSON.
fn text(json: &Json) -> Cow<'_, str> {
    json.as_str().map_or_else(|| Cow::Owned(json.to_string()), Cow::Borrowed)
}

/// An image without its tag and digest.
fn repository(json: &Json) -> Cow<'_, str> {
    let image = json.as_str().unwrap_or_default();
    let image = image.split_once('@').map_or(image, |(name, _)| name);
    let name_start = image.rfind('/').map_or(0, |slash| slash + 1);
    let end = image[name_start..].find(':').map_or(image.len(), |colon| name_start + colon);
    Cow::Borrowed(&image[..end])
}

fn elements(array: Option<&Json>) -> impl Iterator<Item = &Json> {
    array.and_then(Json::as_array).into_iter().flatten()
}

/// The values at a pointer in each element of an array.
fn each<'e>(json: &'e Json, array: &str, inner: &str) -> Vec<&'e Json> {
    let mut values = Vec::new();
    for value in elements(json.pointer(array)).filter_map(|element| element.pointer(inner)) {
        match value {
            Json::Array(inner) => values.extend(inner),
            Json::Null => {}
            Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) => values.push(value),
        }
    }
    values
}

fn several<'e>(values: Vec<&'e Json>, field: &Field, text: fn(&'e Json) -> Cow<'e, str>) -> Value<'e> {
    list(values.into_iter().map(text).collect(), field)
}

/// A list of nothing is absent; an index takes one.
fn list<'e>(mut texts: Vec<Cow<'e, str>>, field: &Field) -> Value<'e> {
    if let Argument::Index(index) = field.argument {
        texts = texts.into_iter().skip(index).take(1).collect();
    }
    if texts.is_empty() { Value::Absent } else { Value::Texts(texts) }
}

/// A parameter of `requestURI`, decoded.
fn parameter(json: &Json, name: &str) -> Option<String> {
    let (_, query) = json.pointer("/requestURI")?.as_str()?.split_once('?')?;
    let values: Vec<String> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(key, _)| decoded(key) == name)
        .map(|(_, value)| decoded(value))
        .collect();
    (!values.is_empty()).then(|| values.join(" "))
}

/// Without percent and plus signs; what is no such sign stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match (first, digits.and_then(|digits| u8::from_str_radix(digits, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_its_way() {
        assert_eq!(FIELDS.len(), WAYS.len());
        for (index, info) in FIELDS.iter().enumerate() {
            assert_eq!(info.id, FieldId::Audit(index as u16), "{}", info.name);
        }
    }

    #[test]
    fn images_lose_tag_and_digest() {
        let check = |image: &str, expected: &str| {
            assert_eq!(repository(&Json::String(image.to_owned())), expected);
        };
        check("nginx", "nginx");
        check("nginx:1.27", "nginx");
        check("localhost:5000/app:1@sha256:00", "localhost:5000/app");
    }

    #[test]
    fn parameters_are_decoded() {
        let json = serde_json::json!({"requestURI": "/x?command=sh&command=-c%20id&stdin=a+b%"});
        assert_eq!(parameter(&json, "command").as_deref(), Some("sh -c id"));
        assert_eq!(parameter(&json, "stdin").as_deref(), Some("a b%"));
        assert_eq!(parameter(&json, "tty"), None);
    }
}
