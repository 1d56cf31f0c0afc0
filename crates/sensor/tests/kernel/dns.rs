//! Questions and answers of the DNS leave the kernel whole and with the right sender; other packets do not.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};

use seawall_sensor::{Action, KernelEvent, Kind, Message};

use crate::watch::Watch;

/// A place that no resolver of this machine has: all of 127.0.0.0/8 is ours.
const SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 88, 53);

/// `example.org`, A.
const QUESTION: &[u8] =
    b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03org\x00\x00\x01\x00\x01";

fn answer() -> Vec<u8> {
    let mut answer = QUESTION.to_vec();
    (answer[2], answer[3], answer[7]) = (0x81, 0x80, 1);
    answer.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x07");
    answer
}

#[expect(clippy::print_stderr, reason = "a test says why it looked at nothing")]
fn server() -> Option<UdpSocket> {
    let bound = UdpSocket::bind((SERVER, 53));
    if let Err(error) = &bound {
        eprintln!("skipped: {SERVER}:53: {error}");
    }
    bound.ok()
}

fn messages(watch: &mut Watch) -> Vec<(KernelEvent, Message)> {
    let messages = watch.events().into_iter().filter_map(|event| match &event.action {
        Action::Asked(message) | Action::Answered(message) => Some((event.clone(), (**message).clone())),
        _ => None,
    });
    messages
        .filter(|(_, message)| message.socket.remote.is_some_and(|remote| remote.address == SERVER))
        .collect()
}

#[test]
fn a_question_and_its_answer_are_told_with_who_asked() {
    let Some(server) = server() else { return };
    for is_connected in [true, false] {
        let Some(mut watch) = Watch::of([Kind::Asked, Kind::Answered]) else { return };
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        if is_connected {
            client.connect((SERVER, 53)).unwrap();
            client.send(QUESTION).unwrap();
        } else {
            client.send_to(QUESTION, (SERVER, 53)).unwrap();
        }
        let (_, from) = server.recv_from(&mut [0; 512]).unwrap();
        server.send_to(&answer(), from).unwrap();
        client.recv(&mut [0; 512]).unwrap();

        let seen = messages(&mut watch);
        let [(asked, question), (answered, told)] = seen.as_slice() else { panic!("{seen:#?}") };
        assert!(matches!((&asked.action, &answered.action), (Action::Asked(_), Action::Answered(_))));
        assert_eq!(question.data, QUESTION);
        assert_eq!((told.data.clone(), told.whole_bytes), (answer(), answer().len() as u64));
        assert_eq!(asked.caller.process, std::process::id());
        assert_eq!(
            asked.caller.thread,
            u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap()
        );
        assert_ne!((asked.caller.start_boot_ns, asked.caller.cgroup_id), (0, 0));
        assert_eq!(question.cookie, told.cookie);
        assert_eq!(asked.caller.namespaces.network, answered.caller.namespaces.network);
        let ours = std::fs::read_link("/proc/self/ns/net").unwrap();
        assert_eq!(ours.to_str().unwrap(), format!("net:[{}]", answered.caller.namespaces.network));
        assert_eq!(asked.caller.network, answered.caller.network);
        assert_eq!(answered.caller.network, network_cookie(&client).unwrap_or(answered.caller.network));
        let local = client.local_addr().unwrap();
        assert_eq!(told.socket.local.map(|local| local.port), Some(local.port()));
        assert_eq!(told.socket.remote.map(|remote| remote.port), Some(53));
        assert_eq!((told.socket.protocol, told.has_more), (17, false));
    }
}

/// What the kernel calls the network namespace of a socket, and no other: `SO_NETNS_COOKIE`.
fn network_cookie(socket: &UdpSocket) -> Option<u64> {
    const SO_NETNS_COOKIE: i32 = 71;
    let (mut cookie, mut length) = (0_u64, 8);
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(socket);
    let to = std::ptr::from_mut(&mut cookie).cast();
    // SAFETY: the kernel writes at most the eight bytes that are there.
    #[expect(unsafe_code, reason = "no safe binding knows this option")]
    let result =
        unsafe { libc::getsockopt(descriptor, libc::SOL_SOCKET, SO_NETNS_COOKIE, to, &raw mut length) };
    (result == 0).then_some(cookie)
}

#[test]
fn tcp_is_read_too() {
    let Ok(listener) = TcpListener::bind((SERVER, 53)) else { return };
    let Some(mut watch) = Watch::of([Kind::Asked, Kind::Answered]) else { return };
    let with_length =
        |message: &[u8]| [&u16::try_from(message.len()).unwrap().to_be_bytes(), message].concat();
    let mut client = TcpStream::connect((SERVER, 53)).unwrap();
    client.write_all(&with_length(QUESTION)).unwrap();
    let (mut accepted, _) = listener.accept().unwrap();
    accepted.read_exact(&mut vec![0; QUESTION.len() + 2]).unwrap();
    // The length alone, then the message.
    accepted.set_nodelay(true).unwrap();
    let answer = with_length(&answer());
    accepted.write_all(&answer[..2]).unwrap();
    client.read_exact(&mut [0; 2]).unwrap();
    accepted.write_all(&answer[2..]).unwrap();
    client.read_exact(&mut vec![0; answer.len() - 2]).unwrap();

    let seen = messages(&mut watch);
    let [(asked, question), (_, told)] = seen.as_slice() else { panic!("{seen:#?}") };
    assert_eq!((asked.caller.process, &question.data), (std::process::id(), &with_length(QUESTION)));
    assert_eq!((told.socket.protocol, &told.data[..]), (6, &answer[2..]));
}

#[test]
fn a_long_answer_is_cut_and_says_so_and_what_is_none_stays_in_the_kernel() {
    let Some(server) = server() else { return };
    let Some(mut watch) = Watch::of([Kind::Asked, Kind::Answered]) else { return };
    let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let target = client.local_addr().unwrap();
    let long = [answer(), vec![0; 3000]].concat();
    server.send_to(&long, target).unwrap();
    // Too short, a question that comes in, and another port.
    server.send_to(&answer()[..11], target).unwrap();
    server.send_to(QUESTION, target).unwrap();
    UdpSocket::bind((SERVER, 0)).unwrap().send_to(&answer(), target).unwrap();

    let seen = messages(&mut watch);
    let [(_, told)] = seen.as_slice() else { panic!("{seen:#?}") };
    assert_eq!((told.data.len(), told.whole_bytes), (1232, long.len() as u64));
}

#[test]
fn nobody_who_wants_no_packets_pays_for_them() {
    let Some(mut watch) = Watch::of([Kind::Answered]) else { return };
    let Some(server) = server() else { return };
    watch.sensor.set_interest(&seawall_sensor::Interest::default()).unwrap();
    server.send_to(&answer(), server.local_addr().unwrap()).unwrap();
    assert_eq!(messages(&mut watch), []);
}
