//! Fields of what it is about: `fd.*`.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the other fields are in the other files of this directory"
)]

use std::net::SocketAddr;

use seawall_event::{DescriptorKind, Event, Names, Socket};

use super::{Field, FieldId};
use crate::value::Value;

#[inline]
pub(super) fn value<'e>(field: &Field, event: &'e Event) -> Value<'e> {
    let Some(fd) = event.fd.as_ref() else { return Value::Absent };
    match field.id {
        FieldId::FdNum => Value::number(fd.number),
        FieldId::FdType => Value::text(fd.kind.map(DescriptorKind::name)),
        FieldId::FdTypeChar => Value::text(fd.kind.map(DescriptorKind::letter)),
        FieldId::FdName => fd.name().map_or(Value::Absent, Value::Text),
        FieldId::FdNameRaw => Value::text(fd.raw_path.as_deref().or(fd.path.as_deref())),
        FieldId::FdDirectory => Value::text(fd.directory()),
        FieldId::FdFileName => Value::text(fd.file_name()),
        FieldId::FdDev => Value::number(fd.device),
        FieldId::FdIno => Value::number(fd.inode),
        FieldId::FdIsUpperLayer => Value::bool(fd.is_upper_layer),
        FieldId::FdIsLowerLayer => Value::bool(fd.is_lower_layer),
        FieldId::FdSockFamily => Value::text(match fd.kind {
            Some(DescriptorKind::Ipv4 | DescriptorKind::Ipv6) => Some("ip"),
            Some(DescriptorKind::Unix) => Some("unix"),
            Some(_) | None => None,
        }),
        id => fd.socket.as_ref().map_or(Value::Absent, |socket| of_socket(id, socket)),
    }
}

fn of_socket(id: FieldId, socket: &Socket) -> Value<'_> {
    let client = || names(socket.client, &socket.client_names);
    let server = || names(socket.server, &socket.server_names);
    match id {
        FieldId::FdIp => both(socket.client.map(|address| address.ip()), socket.server.map(|a| a.ip())),
        FieldId::FdCip => Value::address(socket.client.map(|address| address.ip())),
        FieldId::FdSip => Value::address(socket.server.map(|address| address.ip())),
        FieldId::FdLip => Value::address(socket.local().map(|address| address.ip())),
        FieldId::FdRip => Value::address(socket.remote().map(|address| address.ip())),
        FieldId::FdPort => match (socket.client, socket.server) {
            (None, None) => Value::Absent,
            (client, server) => Value::Ports([client.map(|a| a.port()), server.map(|a| a.port())]),
        },
        FieldId::FdCport => port(socket.client),
        FieldId::FdSport => port(socket.server),
        FieldId::FdLport => port(socket.local()),
        FieldId::FdRport => port(socket.remote()),
        FieldId::FdCipName => client(),
        FieldId::FdSipName => server(),
        FieldId::FdLipName => {
            if socket.is_server {
                server()
            } else {
                client()
            }
        }
        FieldId::FdRipName => {
            if socket.is_server {
                client()
            } else {
                server()
            }
        }
        FieldId::FdL4Proto => Value::text(socket.protocol.map(|protocol| protocol.name())),
        FieldId::FdIsServer => Value::Bool(socket.is_server),
        FieldId::FdConnected => Value::bool(socket.is_connected),
        FieldId::FdNameChanged => Value::bool(socket.is_name_changed),
        _ => Value::Absent,
    }
}

fn both<'e>(client: Option<std::net::IpAddr>, server: Option<std::net::IpAddr>) -> Value<'e> {
    match (client, server) {
        (None, None) => Value::Absent,
        sides => Value::Addresses([sides.0, sides.1]),
    }
}

fn names(address: Option<SocketAddr>, names: &Names) -> Value<'_> {
    address.map_or(Value::Absent, |_| Value::Names(names))
}

fn port<'e>(address: Option<SocketAddr>) -> Value<'e> {
    Value::number(address.map(|address| i64::from(address.port())))
}
