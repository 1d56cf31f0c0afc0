//! A container's network cut off by nf_tables, spoken to over netlink from inside its network namespace.
//!
//! Owns the messages (`linux/netfilter/nf_tables.h`, `nfnetlink.h`) and the two tables: `inet` drops packets at every
//! interface but the loopback, also such as come later; `netdev` drops frames at the interfaces that are there, also
//! those of raw sockets, which pass no other hook. A table is *owned* by the socket that made it: nobody else can
//! change it, root in the container neither, and the kernel removes it when the socket is closed, however its process
//! ends. Refuses to know containers.

use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, sockopt};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use seawall_policy::{AfterDeath, Network};

use crate::limits::NETLINK_WAIT_S;

const REQUEST: u16 = 0x1;
const ACKNOWLEDGE: u16 = 0x4;
const CREATE: u16 = 0x400;
const APPEND: u16 = 0x800;

const ERROR: u16 = 2;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
/// The number of nf_tables among the parts of netfilter.
const NF_TABLES: u16 = 10;
const NEW_TABLE: u16 = NF_TABLES << 8;
const DELETE_TABLE: u16 = NF_TABLES << 8 | 2;
const NEW_CHAIN: u16 = NF_TABLES << 8 | 3;
const NEW_RULE: u16 = NF_TABLES << 8 | 6;

/// The table goes when its socket is closed, and is its alone (Linux 5.12).
const OWNER: u32 = 0x2;
/// The table stays, without an owner, when its socket is closed (Linux 6.9).
const PERSIST: u32 = 0x4;

/// Before connection tracking and everybody else's rules.
const PRIORITY: i32 = -390;
const NESTED: u16 = 0x8000;
const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_ARP: u16 = 0x0806;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ICMPV6: u8 = 58;
/// Neighbour solicitation and advertisement (RFC 4861): without them no IPv6 peer is found.
const NEIGHBOURS: [u8; 2] = [135, 136];

const META_PROTOCOL: u32 = 1;
const META_INTERFACE_IN: u32 = 6;
const META_INTERFACE_OUT: u32 = 7;
const INTERFACE_NAME_BYTES: usize = 16;
const NETWORK_HEADER: u32 = 1;
const TRANSPORT_HEADER: u32 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Inet = 1,
    Netdev = 5,
}

/// Which address of a packet is the peer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

/// An isolation in force. The tables go with it, unless they were to stay.
#[derive(Debug)]
pub(crate) struct Barrier {
    socket: OwnedFd,
    table: String,
}

/// What an isolation is to be.
#[derive(Debug)]
pub(crate) struct Wanted<'w> {
    /// The name of both tables.
    pub(crate) table: &'w str,
    /// The interfaces that are there.
    pub(crate) interfaces: &'w [String],
    /// Whom it may reach.
    pub(crate) reachable: &'w [Network],
    /// What remains when this process ends.
    pub(crate) after_death: AfterDeath,
}

impl Barrier {
    /// Cuts a network namespace (`/proc/PID/ns/net`, opened) off; gives what could not be done as well.
    pub(crate) fn raise(namespace: &File, wanted: &Wanted<'_>) -> io::Result<(Barrier, Vec<String>)> {
        let socket = socket_in(namespace)?;
        let mut lacks = Vec::new();
        match wanted.after_death {
            AfterDeath::Release => send(&socket, &inet(wanted, OWNER))?,
            AfterDeath::Keep => {
                if send(&socket, &inet(wanted, OWNER | PERSIST)).is_err() {
                    send(&socket, &inet(wanted, 0))?;
                    lacks.push("this kernel lets root in the container remove the table".to_owned());
                }
            }
        }
        let flags = if wanted.after_death == AfterDeath::Release { OWNER } else { OWNER | PERSIST };
        if wanted.interfaces.iter().any(|name| name != "lo")
            && let Err(error) = send(&socket, &netdev(wanted, flags))
        {
            lacks.push(format!("frames of raw sockets are not stopped: {error}"));
        }
        Ok((Barrier { socket, table: wanted.table.to_owned() }, lacks))
    }

    /// Takes it away.
    pub(crate) fn lower(self) -> io::Result<()> {
        remove(&self.socket, &self.table).map(drop)
    }
}

/// Removes the tables of an isolation that no process holds any more; whether there were any.
pub(crate) fn remove_from(namespace: &File, table: &str) -> io::Result<bool> {
    remove(&socket_in(namespace)?, table)
}

fn remove(socket: &OwnedFd, table: &str) -> io::Result<bool> {
    let mut was_there = false;
    for family in [Family::Netdev, Family::Inet] {
        let mut batch = Batch::new();
        batch.message(DELETE_TABLE, 0, family, |body| attribute(body, 1, &text(table)));
        match send(socket, &batch) {
            Ok(()) => was_there = true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(was_there)
}

/// A socket stays in the namespace in which it was made; the thread that went there ends.
fn socket_in(namespace: &File) -> io::Result<OwnedFd> {
    let made = std::thread::scope(|scope| {
        let inside = scope.spawn(|| -> io::Result<OwnedFd> {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            let flags = SocketFlags::CLOEXEC;
            Ok(rustix::net::socket_with(
                AddressFamily::NETLINK,
                SocketType::RAW,
                flags,
                Some(netlink::NETFILTER),
            )?)
        });
        inside.join()
    });
    let socket = made.unwrap_or_else(|_| Err(io::Error::other("the thread in the namespace failed")))?;
    let wait = std::time::Duration::from_secs(NETLINK_WAIT_S.unsigned_abs());
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(wait))?;
    Ok(socket)
}

/// Opens `/proc/PID/ns/net`.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Sends a batch, which is done wholly or not at all, and reads what the kernel says to each of its messages.
fn send(socket: &OwnedFd, batch: &Batch) -> io::Result<()> {
    let bytes = batch.finished();
    rustix::net::send(socket, &bytes, SendFlags::empty())?;
    let mut answers = 0;
    let mut buffer = vec![0; 64 * 1024];
    while answers < batch.messages {
        let (length, _) = rustix::net::recv(socket, &mut buffer, RecvFlags::empty())?;
        let mut rest = buffer.get(..length).unwrap_or_default();
        while let Some((size, kind, code)) = answer(rest) {
            if kind == ERROR && code != 0 {
                return Err(io::Error::from_raw_os_error(-code));
            }
            answers += u32::from(kind == ERROR);
            rest = rest.get(size.next_multiple_of(4)..).unwrap_or_default();
        }
    }
    Ok(())
}

/// Length, type and (of an error) number of the first message.
fn answer(bytes: &[u8]) -> Option<(usize, u16, i32)> {
    let size = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?);
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let code = bytes.get(16..20).and_then(|code| code.try_into().ok()).map_or(0, i32::from_ne_bytes);
    let size = usize::try_from(size).ok().filter(|size| *size >= 16)?;
    Some((size, kind, code))
}

/// What is dropped at the network layer.
fn inet(wanted: &Wanted<'_>, flags: u32) -> Batch {
    let mut batch = Batch::new();
    batch.table(Family::Inet, wanted.table, flags);
    for (name, hook, direction) in
        [("input", 1, Direction::In), ("forward", 2, Direction::In), ("output", 3, Direction::Out)]
    {
        batch.chain(Family::Inet, wanted.table, name, &Hook { number: hook, device: None });
        let (key, chain) = match direction {
            Direction::In => (META_INTERFACE_IN, name),
            Direction::Out => (META_INTERFACE_OUT, name),
        };
        let mut loopback = [0; INTERFACE_NAME_BYTES];
        loopback[..2].copy_from_slice(b"lo");
        let mut rule = Rule::default();
        rule.meta(key);
        rule.equals(&loopback);
        batch.accept(Family::Inet, wanted.table, chain, rule);
        batch.reachable(Family::Inet, wanted, chain, direction);
    }
    batch
}

/// What is dropped at the interfaces themselves.
fn netdev(wanted: &Wanted<'_>, flags: u32) -> Batch {
    let mut batch = Batch::new();
    batch.table(Family::Netdev, wanted.table, flags);
    for (index, device) in wanted.interfaces.iter().filter(|name| *name != "lo").enumerate() {
        for (word, hook, direction) in [("in", 0, Direction::In), ("out", 1, Direction::Out)] {
            let chain = format!("{word}{index}");
            batch.chain(Family::Netdev, wanted.table, &chain, &Hook { number: hook, device: Some(device) });
            if wanted.reachable.iter().any(|network| network.address.is_ipv4()) {
                let mut rule = Rule::default();
                rule.protocol(ETHERTYPE_ARP);
                batch.accept(Family::Netdev, wanted.table, &chain, rule);
            }
            batch.reachable(Family::Netdev, wanted, &chain, direction);
        }
    }
    batch
}

struct Hook<'h> {
    number: u32,
    device: Option<&'h str>,
}

/// Messages that are done together.
struct Batch {
    bytes: Vec<u8>,
    messages: u32,
}

impl Batch {
    fn new() -> Batch {
        let mut batch = Batch { bytes: Vec::new(), messages: 0 };
        batch.push(BATCH_BEGIN, REQUEST, 0, NF_TABLES, &[]);
        batch
    }

    fn finished(&self) -> Vec<u8> {
        let mut whole = Batch { bytes: self.bytes.clone(), messages: self.messages };
        whole.push(BATCH_END, REQUEST, 0, NF_TABLES, &[]);
        whole.bytes
    }

    fn message(&mut self, kind: u16, flags: u16, family: Family, body: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = Vec::new();
        body(&mut bytes);
        self.messages += 1;
        self.push(kind, REQUEST | ACKNOWLEDGE | flags, family as u8, 0, &bytes);
    }

    fn push(&mut self, kind: u16, flags: u16, family: u8, resource: u16, body: &[u8]) {
        let length = u32::try_from(20 + body.len()).unwrap_or(u32::MAX);
        self.bytes.extend(length.to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(flags.to_ne_bytes());
        self.bytes.extend(self.messages.to_ne_bytes());
        self.bytes.extend(0u32.to_ne_bytes());
        self.bytes.extend([family, 0]);
        self.bytes.extend(resource.to_be_bytes());
        self.bytes.extend(body);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn table(&mut self, family: Family, name: &str, flags: u32) {
        self.message(NEW_TABLE, CREATE, family, |body| {
            attribute(body, 1, &text(name));
            if flags != 0 {
                attribute(body, 2, &flags.to_be_bytes());
            }
        });
    }

    /// A chain that drops what no rule of it accepts.
    fn chain(&mut self, family: Family, table: &str, name: &str, hook: &Hook<'_>) {
        self.message(NEW_CHAIN, CREATE, family, |body| {
            attribute(body, 1, &text(table));
            attribute(body, 3, &text(name));
            nested(body, 4, |body| {
                attribute(body, 1, &hook.number.to_be_bytes());
                attribute(body, 2, &PRIORITY.to_be_bytes());
                if let Some(device) = hook.device {
                    attribute(body, 3, &text(device));
                }
            });
            attribute(body, 5, &0u32.to_be_bytes());
            attribute(body, 7, &text("filter"));
        });
    }

    fn accept(&mut self, family: Family, table: &str, chain: &str, mut rule: Rule) {
        rule.accept();
        self.message(NEW_RULE, CREATE | APPEND, family, |body| {
            attribute(body, 1, &text(table));
            attribute(body, 2, &text(chain));
            attribute(body, 4 | NESTED, &rule.expressions);
        });
    }

    fn reachable(&mut self, family: Family, wanted: &Wanted<'_>, chain: &str, direction: Direction) {
        for network in wanted.reachable {
            let mut rule = Rule::default();
            rule.peer(network, direction);
            self.accept(family, wanted.table, chain, rule);
        }
        if wanted.reachable.iter().any(|network| network.address.is_ipv6()) {
            for kind in NEIGHBOURS {
                let mut rule = Rule::default();
                rule.protocol(ETHERTYPE_IPV6);
                rule.payload(NETWORK_HEADER, 6, 1);
                rule.equals(&[ICMPV6]);
                rule.payload(TRANSPORT_HEADER, 0, 1);
                rule.equals(&[kind]);
                self.accept(family, wanted.table, chain, rule);
            }
        }
    }
}

/// The expressions of a rule, all over register 1.
#[derive(Default)]
struct Rule {
    expressions: Vec<u8>,
}

impl Rule {
    fn expression(&mut self, name: &str, data: impl FnOnce(&mut Vec<u8>)) {
        nested(&mut self.expressions, 1, |element| {
            attribute(element, 1, &text(name));
            nested(element, 2, data);
        });
    }

    fn meta(&mut self, key: u32) {
        self.expression("meta", |data| {
            attribute(data, 1, &1u32.to_be_bytes());
            attribute(data, 2, &key.to_be_bytes());
        });
    }

    fn protocol(&mut self, ethertype: u16) {
        self.meta(META_PROTOCOL);
        self.equals(&ethertype.to_be_bytes());
    }

    fn payload(&mut self, base: u32, offset: u32, length: u32) {
        self.expression("payload", |data| {
            attribute(data, 1, &1u32.to_be_bytes());
            attribute(data, 2, &base.to_be_bytes());
            attribute(data, 3, &offset.to_be_bytes());
            attribute(data, 4, &length.to_be_bytes());
        });
    }

    fn equals(&mut self, value: &[u8]) {
        self.expression("cmp", |data| {
            attribute(data, 1, &1u32.to_be_bytes());
            attribute(data, 2, &0u32.to_be_bytes());
            nested(data, 3, |data| attribute(data, 1, value));
        });
    }

    /// The peer's address begins like the network's.
    fn peer(&mut self, network: &Network, direction: Direction) {
        let (ethertype, address, source, destination) = match network.address {
            IpAddr::V4(address) => (ETHERTYPE_IPV4, address.octets().to_vec(), 12, 16),
            IpAddr::V6(address) => (ETHERTYPE_IPV6, address.octets().to_vec(), 8, 24),
        };
        let offset = match direction {
            Direction::In => source,
            Direction::Out => destination,
        };
        let mask = mask(address.len(), network.bits);
        let length = u32::try_from(address.len()).unwrap_or(0);
        self.protocol(ethertype);
        self.payload(NETWORK_HEADER, offset, length);
        self.expression("bitwise", |data| {
            attribute(data, 1, &1u32.to_be_bytes());
            attribute(data, 2, &1u32.to_be_bytes());
            attribute(data, 3, &length.to_be_bytes());
            nested(data, 4, |data| attribute(data, 1, &mask));
            nested(data, 5, |data| attribute(data, 1, &vec![0; address.len()]));
        });
        let beginning: Vec<u8> = address.iter().zip(&mask).map(|(byte, mask)| byte & mask).collect();
        self.equals(&beginning);
    }

    fn accept(&mut self) {
        self.expression("immediate", |data| {
            attribute(data, 1, &0u32.to_be_bytes());
            nested(data, 2, |data| {
                nested(data, 2, |verdict| attribute(verdict, 1, &1u32.to_be_bytes()));
            });
        });
    }
}

fn mask(bytes: usize, bits: u8) -> Vec<u8> {
    let ones = |index: usize| usize::from(bits).saturating_sub(index * 8).min(8);
    (0..bytes)
        .map(|index| u8::MAX.checked_shl(8 - u32::try_from(ones(index)).unwrap_or(0)).unwrap_or(0))
        .collect()
}

/// A text with the zero at its end.
fn text(text: &str) -> Vec<u8> {
    text.bytes().chain([0]).collect()
}

fn attribute(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

fn nested(bytes: &mut Vec<u8>, kind: u16, inner: impl FnOnce(&mut Vec<u8>)) {
    let mut value = Vec::new();
    inner(&mut value);
    attribute(bytes, kind | NESTED, &value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_have_so_many_ones() {
        let check =
            |bytes: usize, bits: u8, expected: &[u8]| assert_eq!(mask(bytes, bits), expected, "{bits}");
        check(4, 0, &[0, 0, 0, 0]);
        check(4, 20, &[255, 255, 240, 0]);
        check(4, 32, &[255, 255, 255, 255]);
        check(16, 8, &[255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
}
