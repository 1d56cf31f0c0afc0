//! Addresses come from the socket; what the caller passed stands beside it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{UnixListener, UnixStream};

use seawall_sensor::{Address, Endpoint, Interest, Kind, SystemCall};

use crate::watch::{Watch, socket};

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint { address: address.ip(), port: address.port() }
}

#[test]
fn both_sides_of_a_connection_are_known_to_both() {
    for local in [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), SocketAddr::from((Ipv6Addr::LOCALHOST, 0))] {
        let Some(mut watch) = Watch::calls(&["connect", "accept4", "listen", "bind", "socket"]) else {
            return;
        };
        let Ok(listener) = TcpListener::bind(local) else { return eprintln!("skipped: no {local}") };
        let server = endpoint(listener.local_addr().unwrap());
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let client = endpoint(stream.local_addr().unwrap());
        listener.accept().unwrap();

        let calls = watch.own_calls();
        let names: Vec<&str> = calls.iter().map(|call| call.system_call.name()).collect();
        assert_eq!(names, ["socket", "bind", "listen", "socket", "connect", "accept4"]);
        let connect = &calls[4];
        assert_eq!(connect.address, Some(Address::Internet(server)));
        assert_eq!((socket(connect).local, socket(connect).remote), (Some(client), Some(server)));
        let accept = &calls[5];
        assert_eq!((socket(accept).local, socket(accept).remote), (Some(server), Some(client)));
        assert_eq!((socket(accept).kind, socket(accept).protocol), (1, 6));
    }
}

#[test]
fn a_refused_connection_tells_where_to() {
    let Some(mut watch) = Watch::calls(&["connect"]) else { return };
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    TcpStream::connect(closed).unwrap_err();
    let calls = watch.own_calls();
    assert_eq!(calls[0].result, -i64::from(libc::ECONNREFUSED));
    assert_eq!(calls[0].address, Some(Address::Internet(endpoint(closed))));
}

#[test]
fn unix_sockets_have_names_in_the_file_system_and_out_of_it() {
    let Some(mut watch) = Watch::calls(&["connect", "accept4"]) else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let _client = UnixStream::connect(&path).unwrap();
    listener.accept().unwrap();
    let name = format!("seawall-{}", std::process::id());
    let hidden = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    let _listener = UnixListener::bind_addr(&hidden).unwrap();
    let _client = UnixStream::connect_addr(&hidden).unwrap();

    let calls = watch.own_calls();
    assert_eq!(calls.len(), 3, "{calls:?}");
    assert_eq!(socket(&calls[0]).unix_name.as_deref(), Some(path.as_os_str()));
    assert_eq!(calls[0].address, Some(Address::Unix(path.clone().into())));
    assert_eq!(socket(&calls[1]).unix_name.as_deref(), Some(path.as_os_str()));
    assert_eq!(socket(&calls[2]).unix_name, Some(format!("\0{name}").into()));
}

#[test]
fn datagrams_come_with_their_target_and_their_first_bytes() {
    let calls = ["sendto", "recvfrom"].map(|name| Kind::Called(SystemCall::named(name).unwrap()));
    let clauses = vec![seawall_sensor::Clause::all_of(calls)];
    let interest = Interest { clauses, data_bytes: 64, ..Interest::default() };
    let Some(mut watch) = Watch::with(interest) else { return };
    let receiver = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let target = receiver.local_addr().unwrap();
    sender.send_to(&[7; 100], target).unwrap();
    receiver.recv_from(&mut [0; 1_000]).unwrap();

    let events = watch.own_calls();
    let [sent, received] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((sent.result, sent.data.as_slice()), (100, [7; 64].as_slice()));
    assert_eq!(sent.address, Some(Address::Internet(endpoint(target))));
    assert_eq!(received.data, [7; 64]);
    assert_eq!(received.address, Some(Address::Internet(endpoint(sender.local_addr().unwrap()))));
}
