//! What the kernel says of a descriptor → what rules ask of it.

use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;

use seawall_event::{Descriptor, DescriptorKind, Protocol, Socket};
use seawall_sensor::{Address, Call, Endpoint, File, Object};

use super::text;

const S_IFMT: u32 = 0o170_000;
const S_IFDIR: u32 = 0o040_000;
const S_IFIFO: u32 = 0o010_000;
const S_IFREG: u32 = 0o100_000;
const ANONYMOUS_INODES: u32 = 0x0904_1934;
const AF_UNIX: u16 = 1;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const AF_NETLINK: u16 = 16;
const SOCK_STREAM: u16 = 1;
const SOCK_DGRAM: u16 = 2;
const SOCK_RAW: u16 = 3;
const TCP_ESTABLISHED: u16 = 1;
/// Where the ports begin that Linux gives to clients (`ip_local_port_range`).
const CLIENT_PORTS: u16 = 32_768;

/// A file, opened by this event or long ago.
pub(super) fn of_file(file: &File, number: Option<i64>, is_opened: bool) -> Descriptor {
    Descriptor {
        number,
        kind: Some(kind(file, is_opened)),
        path: Some(text(file.path.as_os_str())),
        raw_path: None,
        device: Some(i64::from(file.device)),
        inode: i64::try_from(file.inode).ok(),
        is_upper_layer: Some(file.is_in_upper_layer),
        is_lower_layer: Some(file.is_on_overlay && !file.is_in_upper_layer),
        socket: None,
    }
}

/// A named pipe that is opened by its name is a file to rules.
fn kind(file: &File, is_opened: bool) -> DescriptorKind {
    if file.is_memfd() {
        return DescriptorKind::Memory;
    }
    match file.mode & S_IFMT {
        S_IFDIR => DescriptorKind::Directory,
        S_IFIFO if !is_opened => DescriptorKind::Pipe,
        _ if file.file_system == ANONYMOUS_INODES || !file.path.is_absolute() => anonymous(file),
        _ => DescriptorKind::File,
    }
}

fn anonymous(file: &File) -> DescriptorKind {
    const KINDS: &[(&[u8], DescriptorKind)] = &[
        (b"eventfd", DescriptorKind::Event),
        (b"signalfd", DescriptorKind::Signal),
        (b"eventpoll", DescriptorKind::EventPoll),
        (b"inotify", DescriptorKind::Inotify),
        (b"timerfd", DescriptorKind::Timer),
        (b"bpf", DescriptorKind::Bpf),
        (b"userfaultfd", DescriptorKind::Userfault),
        (b"io_uring", DescriptorKind::IoUring),
        (b"pidfd", DescriptorKind::Pid),
    ];
    let name = file.path.as_os_str().as_bytes();
    let known = KINDS.iter().find(|(word, _)| memchr::memmem::find(name, word).is_some());
    match known {
        Some((_, kind)) if file.mode & S_IFMT != S_IFREG || file.file_system == ANONYMOUS_INODES => *kind,
        Some(_) | None => DescriptorKind::File,
    }
}

/// Who asked and who answers, as far as the call tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Client,
    Server,
    /// By the ports: a client's is one of those that Linux gives away.
    ByPorts,
}

fn role(call: &str) -> Role {
    match call {
        "connect" | "socket" | "sendto" | "sendmsg" => Role::Client,
        "accept" | "accept4" | "listen" | "bind" => Role::Server,
        _ => Role::ByPorts,
    }
}

/// A socket. Where the kernel knows no peer, the address that the caller passed counts.
pub(super) fn of_socket(socket: &seawall_sensor::Socket, call: &Call, number: Option<i64>) -> Descriptor {
    let passed = match &call.address {
        Some(Address::Internet(endpoint)) => Some(address(*endpoint)),
        Some(Address::Unix(_) | Address::Other { .. }) | None => None,
    };
    let name = call.system_call.name();
    let local = socket.local.map(address);
    // A connection that was refused leaves the address behind, without its port.
    let is_peer = |remote: &Endpoint| remote.port != 0 || socket.kind == SOCK_RAW;
    let connected = socket.remote.filter(is_peer).map(address);
    let remote = connected.or(if name == "bind" { None } else { passed });
    let local = if name == "bind" { passed.or(local) } else { local };
    let is_server = match role(name) {
        Role::Client => false,
        Role::Server => true,
        Role::ByPorts => match (local, remote) {
            (Some(local), Some(remote)) => local.port() < CLIENT_PORTS && remote.port() > local.port(),
            (Some(_), None) | (None, _) => false,
        },
    };
    let (client, server) = if is_server { (remote, local) } else { (local, remote) };
    let is_internet = matches!(socket.family, AF_INET | AF_INET6);
    let kind = match socket.family {
        AF_INET => Some(DescriptorKind::Ipv4),
        AF_INET6 if remote.or(local).is_some_and(|address| address.is_ipv4()) => Some(DescriptorKind::Ipv4),
        AF_INET6 => Some(DescriptorKind::Ipv6),
        AF_UNIX => Some(DescriptorKind::Unix),
        AF_NETLINK => Some(DescriptorKind::Netlink),
        _ => None,
    };
    Descriptor {
        number,
        kind,
        path: socket.unix_name.as_ref().map(|name| text(name)).or_else(|| unix_name(call)),
        socket: is_internet.then(|| Socket {
            protocol: protocol(socket.kind, socket.protocol),
            client: client.filter(|address| !is_nothing(address)),
            server: server.filter(|address| !is_nothing(address)),
            is_server,
            is_connected: Some(is_connected(socket)),
            is_name_changed: Some(connected.is_none() && passed.is_some()),
            ..Socket::default()
        }),
        ..Descriptor::default()
    }
}

/// The socket of a message: who sends it asks, and who answers serves.
pub(super) fn of_message(socket: &seawall_sensor::Socket) -> Descriptor {
    let (client, server) = (socket.local.map(address), socket.remote.map(address));
    let is_ipv4 = client.or(server).is_some_and(|address| address.is_ipv4());
    Descriptor {
        kind: Some(if is_ipv4 { DescriptorKind::Ipv4 } else { DescriptorKind::Ipv6 }),
        socket: Some(Socket {
            protocol: protocol(socket.kind, socket.protocol),
            client,
            server,
            ..Socket::default()
        }),
        ..Descriptor::default()
    }
}

fn is_connected(socket: &seawall_sensor::Socket) -> bool {
    if socket.kind == SOCK_STREAM { socket.state == TCP_ESTABLISHED } else { socket.remote.is_some() }
}

/// A socket that was never bound has neither address nor port.
fn is_nothing(address: &SocketAddr) -> bool {
    address.port() == 0 && address.ip().is_unspecified()
}

fn unix_name(call: &Call) -> Option<String> {
    match &call.address {
        Some(Address::Unix(name)) => Some(text(name)),
        Some(Address::Internet(_) | Address::Other { .. }) | None => None,
    }
}

/// IPv4 that came as IPv6 is IPv4, as rules expect it.
pub(super) fn address(endpoint: Endpoint) -> SocketAddr {
    SocketAddr::new(endpoint.address.to_canonical(), endpoint.port)
}

fn protocol(kind: u16, protocol: u16) -> Option<Protocol> {
    match (kind, protocol) {
        (_, 6) => Some(Protocol::Tcp),
        (_, 17) => Some(Protocol::Udp),
        (_, 1 | 58) => Some(Protocol::Icmp),
        (SOCK_STREAM, _) => Some(Protocol::Tcp),
        (SOCK_DGRAM, _) => Some(Protocol::Udp),
        (SOCK_RAW, _) => Some(Protocol::Raw),
        _ => None,
    }
}

/// The descriptor of a call that is about one.
pub(super) fn of_call(call: &Call, number: Option<i64>, is_opening: bool) -> Option<Descriptor> {
    match call.object.as_ref()? {
        Object::File(file) => Some(of_file(file, number, is_opening)),
        Object::Socket(socket) => Some(of_socket(socket, call, number)),
    }
}
