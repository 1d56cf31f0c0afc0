//! Writing to what may never read: sockets and pipes, within a bounded time.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sockopt};

/// Connects to a Unix socket. Linux lets `connect` wait for room in the listener's backlog as long as the socket's
/// send timeout says, and without one for ever.
pub(crate) fn connect_unix(path: &Path, kind: SocketType, timeout: Duration) -> io::Result<OwnedFd> {
    let address = SocketAddrUnix::new(path)?;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(timeout))?;
    rustix::net::connect(&socket, &address)?;
    Ok(socket)
}

/// Connects a datagram socket to `host:port`.
pub(crate) fn connect_udp(address: &str) -> io::Result<OwnedFd> {
    each_address(address, |address| {
        // A socket speaks one of the two families.
        let local = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(local)?;
        socket.connect(address)?;
        Ok(socket.into())
    })
}

/// Connects a stream to `host:port`.
pub(crate) fn connect_tcp(address: &str, timeout: Duration) -> io::Result<OwnedFd> {
    each_address(address, |address| Ok(TcpStream::connect_timeout(&address, timeout)?.into()))
}

/// The first connection that succeeds among the addresses of a name.
fn each_address(name: &str, connect: impl Fn(SocketAddr) -> io::Result<OwnedFd>) -> io::Result<OwnedFd> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in name.to_socket_addrs()? {
        match connect(address) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Whether the other end of a stream is still there, as far as this machine knows: a stream that was closed takes the
/// first write all the same, and what it took is lost.
pub(crate) fn is_alive(stream: &impl AsFd) -> bool {
    let mut buffer = [0; 512];
    // What a receiver may say is of no interest here.
    match rustix::net::recv(stream, &mut buffer, rustix::net::RecvFlags::DONTWAIT) {
        Ok((_, read)) => read > 0,
        Err(error) => error == Errno::AGAIN,
    }
}

/// Writes everything to a socket within a time.
pub(crate) fn send_all(socket: &impl AsFd, bytes: &[u8], time: Duration) -> io::Result<()> {
    write_all(socket, bytes, time, |rest| {
        rustix::net::send(socket, rest, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
    })
}

/// Writes everything to a pipe that does not block, within a time.
pub(crate) fn pipe_all(pipe: &impl AsFd, bytes: &[u8], time: Duration) -> io::Result<()> {
    write_all(pipe, bytes, time, |rest| rustix::io::write(pipe, rest))
}

fn write_all(
    fd: &impl AsFd,
    bytes: &[u8],
    time: Duration,
    write: impl Fn(&[u8]) -> Result<usize, Errno>,
) -> io::Result<()> {
    let until = Instant::now() + time;
    let mut rest = bytes;
    while !rest.is_empty() {
        match write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = &rest[written..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait_writable(fd, until)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn wait_writable(fd: &impl AsFd, until: Instant) -> io::Result<()> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "the other end does not read"));
    }
    let timeout = Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(left.subsec_nanos()),
    };
    match poll(&mut [PollFd::new(fd, PollFlags::OUT)], Some(&timeout)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
