//! What a file descriptor stands for: a file, a directory, a socket.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::Names;

/// A file descriptor at the moment of the event.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Descriptor {
    /// Its number; -1 where the call failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<DescriptorKind>,
    /// Path, links and `..` resolved. A socket's name is made of its addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Path as the process wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_path: Option<String>,
    /// Device number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<i64>,
    /// Inode number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inode: Option<i64>,
    /// Whether it lies in the upper layer of an overlay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_upper_layer: Option<bool>,
    /// Whether it lies in a lower layer of an overlay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_lower_layer: Option<bool>,
    /// Its addresses, where it is a socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<Socket>,
}

/// What a descriptor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DescriptorKind {
    /// A regular file, or a device.
    File,
    /// A directory.
    Directory,
    /// A socket of IPv4.
    Ipv4,
    /// A socket of IPv6.
    Ipv6,
    /// A Unix socket.
    Unix,
    /// A netlink socket.
    Netlink,
    /// A pipe or fifo.
    Pipe,
    /// `eventfd`.
    Event,
    /// `signalfd`.
    Signal,
    /// `epoll`.
    EventPoll,
    /// `inotify`.
    Inotify,
    /// `timerfd`.
    Timer,
    /// A map, program or link of BPF.
    Bpf,
    /// `userfaultfd`.
    Userfault,
    /// `io_uring`.
    IoUring,
    /// `memfd_create`.
    Memory,
    /// `pidfd`.
    Pid,
}

impl DescriptorKind {
    /// As rules write it in `fd.type`.
    pub const fn name(self) -> &'static str {
        match self {
            DescriptorKind::File => "file",
            DescriptorKind::Directory => "directory",
            DescriptorKind::Ipv4 => "ipv4",
            DescriptorKind::Ipv6 => "ipv6",
            DescriptorKind::Unix => "unix",
            DescriptorKind::Netlink => "netlink",
            DescriptorKind::Pipe => "pipe",
            DescriptorKind::Event => "event",
            DescriptorKind::Signal => "signalfd",
            DescriptorKind::EventPoll => "eventpoll",
            DescriptorKind::Inotify => "inotify",
            DescriptorKind::Timer => "timerfd",
            DescriptorKind::Bpf => "bpf",
            DescriptorKind::Userfault => "userfaultfd",
            DescriptorKind::IoUring => "io_uring",
            DescriptorKind::Memory => "memfd",
            DescriptorKind::Pid => "pidfd",
        }
    }

    /// As rules write it in `fd.typechar`.
    pub const fn letter(self) -> &'static str {
        match self {
            DescriptorKind::File => "f",
            DescriptorKind::Directory => "d",
            DescriptorKind::Ipv4 => "4",
            DescriptorKind::Ipv6 => "6",
            DescriptorKind::Unix | DescriptorKind::Userfault => "u",
            DescriptorKind::Netlink => "n",
            DescriptorKind::Pipe => "p",
            DescriptorKind::Event => "e",
            DescriptorKind::Signal => "s",
            DescriptorKind::EventPoll => "l",
            DescriptorKind::Inotify => "i",
            DescriptorKind::Timer => "t",
            DescriptorKind::Bpf => "b",
            DescriptorKind::IoUring => "r",
            DescriptorKind::Memory => "m",
            DescriptorKind::Pid => "P",
        }
    }
}

/// The protocol above IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
    /// Raw IP.
    Raw,
}

impl Protocol {
    /// As rules write it.
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Icmp => "icmp",
            Protocol::Raw => "raw",
        }
    }
}

/// Addresses of a socket, by role: the client asked, the server answers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Socket {
    /// The protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// Who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<SocketAddr>,
    /// Who answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<SocketAddr>,
    /// Whether this process is the one that answers.
    pub is_server: bool,
    /// Names of the client's address, where answers of the DNS told them.
    #[serde(rename = "client_name", skip_serializing_if = "Names::is_empty")]
    pub client_names: Names,
    /// Names of the server's address, where answers of the DNS told them.
    #[serde(rename = "server_name", skip_serializing_if = "Names::is_empty")]
    pub server_names: Names,
    /// Whether it was connected before the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_connected: Option<bool>,
    /// Whether the event gave it other addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_name_changed: Option<bool>,
}

impl Socket {
    /// This side's address.
    pub fn local(&self) -> Option<SocketAddr> {
        if self.is_server { self.server } else { self.client }
    }

    /// The other side's address.
    pub fn remote(&self) -> Option<SocketAddr> {
        if self.is_server { self.client } else { self.server }
    }

    /// Both addresses, as far as they are known.
    pub fn ips(&self) -> impl Iterator<Item = IpAddr> {
        self.client.into_iter().chain(self.server).map(|address| address.ip())
    }

    /// Both ports, as far as they are known.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.client.into_iter().chain(self.server).map(|address| address.port())
    }

    /// `10.0.0.1:4000->10.0.0.2:443`; a listening socket has one address.
    fn tuple(&self) -> Option<String> {
        match (self.client, self.server) {
            (Some(client), Some(server)) => Some(format!("{}->{}", plain(client), plain(server))),
            (Some(one), None) | (None, Some(one)) => Some(plain(one)),
            (None, None) => None,
        }
    }
}

/// Without the brackets around an IPv6 address, as Falco has it.
fn plain(address: SocketAddr) -> String {
    format!("{}:{}", address.ip(), address.port())
}

impl Descriptor {
    /// Path or tuple.
    pub fn name(&self) -> Option<Cow<'_, str>> {
        match (&self.path, &self.socket) {
            (Some(path), _) => Some(Cow::Borrowed(path)),
            (None, Some(socket)) => socket.tuple().map(Cow::Owned),
            (None, None) => None,
        }
    }

    /// The path up to its last slash; `/` where there is none.
    pub fn directory(&self) -> Option<&str> {
        let path = self.path_of_file()?;
        match path.rfind('/') {
            None | Some(0) => Some("/"),
            Some(slash) if slash + 1 == path.len() => Some(path),
            Some(slash) => Some(&path[..slash]),
        }
    }

    /// The path behind its last slash.
    pub fn file_name(&self) -> Option<&str> {
        let path = self.path_of_file()?;
        match path.rfind('/') {
            None => Some("/"),
            Some(slash) if slash + 1 == path.len() => Some(path),
            Some(slash) => Some(&path[slash + 1..]),
        }
    }

    fn path_of_file(&self) -> Option<&str> {
        let is_file = matches!(self.kind, Some(DescriptorKind::File | DescriptorKind::Directory));
        self.path.as_deref().filter(|_| is_file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_directories_and_names() {
        let check = |path: &str, directory: &str, name: &str| {
            let fd = Descriptor {
                kind: Some(DescriptorKind::File),
                path: Some(path.to_owned()),
                ..Descriptor::default()
            };
            assert_eq!((fd.directory(), fd.file_name()), (Some(directory), Some(name)), "{path}");
        };
        check("/etc/shadow", "/etc", "shadow");
        check("/shadow", "/", "shadow");
        check("/etc/", "/etc/", "/etc/");
        check("x", "/", "/");
    }

    #[test]
    fn a_socket_is_named_by_its_addresses() {
        let socket = Socket {
            client: Some("10.0.0.1:4000".parse().unwrap()),
            server: Some("[2001:db8::1]:443".parse().unwrap()),
            ..Socket::default()
        };
        assert_eq!(socket.remote(), socket.server);
        let fd = Descriptor { socket: Some(socket), ..Descriptor::default() };
        assert_eq!(fd.name().unwrap(), "10.0.0.1:4000->2001:db8::1:443");
        assert_eq!(fd.directory(), None);
    }
}
