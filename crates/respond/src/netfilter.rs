//! A container's network cut off by nf_tables, spoken to over netlink from inside its network namespace.
//!
//! Owns the two tables: `inet` drops packets at every
//! interface but the loopback, also such as come later; `netdev` drops frames at the interfaces that are there, also
//! those of raw sockets, which pass no other hook. A table is *owned* by the socket that made it: nobody else can
//! change it, root in the container neither, and the kernel removes it when the socket is closed, however its process
//! ends. Refuses to know containers.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, sockopt};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use seawall_policy::{AfterDeath, Network};

use crate::limits::NETLINK_WAIT_S;
use message::{Batch, Family, inet, netdev};

mod message;

/// Type of a message that says what became of another (`linux/netlink.h`).
const ERROR: u16 = 2;
/// The table goes when its socket is closed, and is its alone (Linux 5.12).
const OWNER: u32 = 0x2;
/// The table stays, without an owner, when its socket is closed (Linux 6.9).
const PERSIST: u32 = 0x4;

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
        match send(socket, &Batch::removing(family, table)) {
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
    while answers < batch.messages() {
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
