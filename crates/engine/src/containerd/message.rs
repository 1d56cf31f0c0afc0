//! containerd's messages (containerd/api, version 1), with only the fields that are used.

use std::collections::HashMap;

use prost::Message;

/// `containerd.v1.types.Status`.
pub(super) const STATUS_RUNNING: i32 = 2;
pub(super) const STATUS_PAUSED: i32 = 4;
pub(super) const STATUS_PAUSING: i32 = 5;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Empty {}

/// Most list requests: filters in field 1, none meaning all.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Filters {
    #[prost(string, repeated, tag = "1")]
    pub(super) filters: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct VersionResponse {
    #[prost(string, tag = "1")]
    pub(super) version: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct PluginsResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) plugins: Vec<Plugin>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Plugin {
    #[prost(string, tag = "1")]
    pub(super) kind: String,
    #[prost(string, tag = "2")]
    pub(super) id: String,
    #[prost(map = "string, string", tag = "5")]
    pub(super) exports: HashMap<String, String>,
}

/// The namespaces' and tasks' requests: one optional filter.
#[derive(Clone, PartialEq, Message)]
pub(super) struct NamespacesRequest {
    #[prost(string, tag = "1")]
    pub(super) filter: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NamespacesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) namespaces: Vec<Namespace>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Namespace {
    #[prost(string, tag = "1")]
    pub(super) name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ImageRequest {
    #[prost(string, tag = "1")]
    pub(super) name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ImageResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) image: Option<Image>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ImagesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) images: Vec<Image>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Image {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "3")]
    pub(super) target: Option<Descriptor>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Descriptor {
    #[prost(string, tag = "1")]
    pub(super) media_type: String,
    #[prost(string, tag = "2")]
    pub(super) digest: String,
    #[prost(int64, tag = "3")]
    pub(super) size: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ReadContentRequest {
    #[prost(string, tag = "1")]
    pub(super) digest: String,
    #[prost(int64, tag = "2")]
    pub(super) offset: i64,
    #[prost(int64, tag = "3")]
    pub(super) size: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ReadContentResponse {
    #[prost(int64, tag = "1")]
    pub(super) offset: i64,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ContainersResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) containers: Vec<Container>,
}

/// `containerd.services.events.v1.Envelope`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Envelope {
    #[prost(string, tag = "2")]
    pub(super) namespace: String,
    #[prost(message, optional, tag = "4")]
    pub(super) event: Option<Packed>,
}

/// `containerd.events.ContainerCreate`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ContainerCreate {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(string, tag = "2")]
    pub(super) image: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ContainerRequest {
    #[prost(string, tag = "1")]
    pub(super) id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ContainerResponse {
    #[prost(message, optional, tag = "1")]
    pub(super) container: Option<Container>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Container {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(map = "string, string", tag = "2")]
    pub(super) labels: HashMap<String, String>,
    #[prost(string, tag = "3")]
    pub(super) image: String,
    #[prost(message, optional, tag = "5")]
    pub(super) spec: Option<Packed>,
    #[prost(string, tag = "6")]
    pub(super) snapshotter: String,
    #[prost(string, tag = "7")]
    pub(super) snapshot_key: String,
    #[prost(map = "string, message", tag = "10")]
    pub(super) extensions: HashMap<String, Packed>,
}

/// `google.protobuf.Any`; containerd packs a runtime specification as JSON.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Packed {
    #[prost(bytes = "vec", tag = "2")]
    pub(super) value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TasksResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) tasks: Vec<Process>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Process {
    #[prost(string, tag = "1")]
    pub(super) container_id: String,
    #[prost(string, tag = "2")]
    pub(super) id: String,
    #[prost(uint32, tag = "3")]
    pub(super) pid: u32,
    #[prost(int32, tag = "4")]
    pub(super) status: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct MountsRequest {
    #[prost(string, tag = "1")]
    pub(super) snapshotter: String,
    #[prost(string, tag = "2")]
    pub(super) key: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct MountsResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) mounts: Vec<Mount>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Mount {
    #[prost(string, tag = "1")]
    pub(super) kind: String,
    #[prost(string, tag = "2")]
    pub(super) source: String,
    #[prost(string, repeated, tag = "4")]
    pub(super) options: Vec<String>,
}
