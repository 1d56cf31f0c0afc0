use seawall_sensor::Caller;

use super::*;
use crate::testing::caller;

const QUESTION: &[u8] =
    b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04pool\x07example\x00\x00\x01\x00\x01";

/// The answer to the question: 192.0.2.7.
fn answer_bytes() -> Vec<u8> {
    let mut answer = QUESTION.to_vec();
    (answer[2], answer[3], answer[7]) = (0x81, 0x80, 1);
    answer.extend(b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xc0\x00\x02\x07");
    answer
}

fn wire(cookie: u64, data: Vec<u8>) -> seawall_sensor::Message {
    let endpoint = |text: &str| {
        let address: std::net::SocketAddr = text.parse().unwrap();
        Some(seawall_sensor::Endpoint { address: address.ip(), port: address.port() })
    };
    let socket = seawall_sensor::Socket {
        family: 2,
        kind: 2,
        protocol: 17,
        state: 0,
        local: endpoint("10.0.0.2:40000"),
        remote: endpoint("10.0.0.1:53"),
        unix_name: None,
    };
    seawall_sensor::Message { cookie, socket, whole_bytes: data.len() as u64, data, has_more: false }
}

fn in_network(network: u64) -> Caller {
    Caller { network, ..caller(0) }
}

fn process() -> Option<Arc<Process>> {
    Some(Arc::new(Process { name: Some("curl".to_owned()), ..Process::default() }))
}

fn all() -> Resolving {
    Resolving { wanted: Wanted { names: true, events: true, ..Wanted::default() }, ..Resolving::default() }
}

/// `process question answers`, one for each event.
fn shown(told: &[Told]) -> Vec<String> {
    let one = |told: &Told| {
        let dns = told.event.dns.as_ref().unwrap();
        let name = told.event.process.as_ref().map_or("nobody", |process| process.name.as_deref().unwrap());
        let fd = told.event.fd.as_ref().unwrap().name().unwrap().into_owned();
        let rcode = dns.rcode.as_deref().unwrap_or("asked");
        format!("{name} {} {rcode} {:?} {fd}", dns.question, dns.answers)
    };
    told.iter().map(one).collect()
}

#[test]
fn an_answer_is_of_who_asked_through_the_same_socket() {
    let mut resolving = all();
    let asked = resolving.heard(Side::Asked, &caller(7), process(), &wire(1, QUESTION.to_vec()), 0);
    assert_eq!(shown(&asked), ["curl pool.example asked [] 10.0.0.2:40000->10.0.0.1:53"]);
    let answered = resolving.heard(Side::Answered, &in_network(5), None, &wire(1, answer_bytes()), 1);
    assert_eq!(shown(&answered), ["curl pool.example NOERROR [\"192.0.2.7\"] 10.0.0.2:40000->10.0.0.1:53"]);
    assert_eq!(answered[0].asker.as_ref().unwrap().number, 7);
    assert_eq!(resolving.gaps().count(), 0);
    // What the guard asks for is nobody's business.
    resolving.guard = 9;
    assert_eq!(resolving.heard(Side::Asked, &caller(9), process(), &wire(3, QUESTION.to_vec()), 0).len(), 0);
    assert_eq!(resolving.heard(Side::Answered, &in_network(5), None, &wire(3, answer_bytes()), 0).len(), 0);
    // Another question of the same socket, and another socket: the question was not seen.
    let mut other = answer_bytes();
    other[0] = 0x55;
    let both = resolving.heard(Side::Answered, &in_network(5), None, &wire(1, other), 1);
    assert_eq!(both.len(), 2);
    assert!(shown(&both)[0].starts_with("curl pool.example asked"), "{:?}", shown(&both));
    let both = resolving.heard(Side::Answered, &in_network(5), None, &wire(2, answer_bytes()), 1);
    assert!(shown(&both)[1].starts_with("nobody pool.example NOERROR"), "{:?}", shown(&both));
    let gaps: Vec<_> = resolving.gaps().map(|gap| gap.reason).collect();
    assert_eq!(
        gaps,
        [
            "1 messages of the DNS went on without the process that asked",
            "2 answers of the DNS gave no names: their questions were not seen"
        ]
    );
}

#[test]
fn names_are_of_the_network_that_was_told_them() {
    let mut resolving = all();
    ask(&mut resolving, 1, QUESTION);
    resolving.heard(Side::Answered, &in_network(5), None, &wire(1, answer_bytes()), 0);
    let named = |resolving: &Resolving, network, seconds: u64| {
        let mut socket = Socket {
            client: "10.0.0.2:40001".parse().ok(),
            server: "192.0.2.7:443".parse().ok(),
            ..Socket::default()
        };
        resolving.name(&mut socket, network, seconds * 1_000_000_000);
        assert!(socket.client_names.is_empty());
        socket.server_names.first().map(str::to_owned)
    };
    assert_eq!(named(&resolving, 5, 299).as_deref(), Some("pool.example"));
    assert_eq!(named(&resolving, 5, 301), None);
    assert_eq!(named(&resolving, 6, 1), None);
    resolving.wanted.names = false;
    assert_eq!(named(&resolving, 5, 1), None);
}

/// Of nobody, so that it stands for a packet that waited, too.
fn ask(resolving: &mut Resolving, cookie: u64, question: &[u8]) {
    resolving.heard(Side::Asked, &caller(0), None, &wire(cookie, question.to_vec()), 0);
}

#[test]
fn an_answer_names_nothing_unless_its_question_was_seen() {
    let check = |cookie: u64, question: &[u8], answer: &[u8], expected: bool| {
        for events in [true, false] {
            let mut resolving = Resolving {
                wanted: Wanted { names: true, events, ..Wanted::default() },
                ..Resolving::default()
            };
            ask(&mut resolving, 1, question);
            resolving.heard(Side::Answered, &in_network(5), None, &wire(cookie, answer.to_vec()), 0);
            let names = resolving.names_of(5, "192.0.2.7".parse().unwrap(), 1);
            assert_eq!(!names.is_empty(), expected, "{cookie} {answer:?}");
            assert_eq!(resolving.unasked, u64::from(!expected));
        }
    };
    let changed = |at: usize, byte: u8| {
        let mut changed = answer_bytes();
        changed[at] = byte;
        changed
    };
    check(1, QUESTION, &answer_bytes(), true);
    // Upper case is the same name; many resolvers play with it.
    check(1, QUESTION, &changed(13, b'P'), true);
    check(2, QUESTION, &answer_bytes(), false);
    check(1, QUESTION, &changed(0, 0x55), false);
    check(1, QUESTION, &changed(13, b'c'), false);
    // AAAA was not asked for.
    check(1, QUESTION, &changed(QUESTION.len() - 3, 28), false);
    // The guard's own questions are as good as any.
    let mut resolving = Resolving { guard: 9, ..all() };
    resolving.heard(Side::Asked, &caller(9), process(), &wire(3, QUESTION.to_vec()), 0);
    resolving.heard(Side::Answered, &in_network(5), None, &wire(3, answer_bytes()), 0);
    assert!(!resolving.names_of(5, "192.0.2.7".parse().unwrap(), 1).is_empty());
}

#[test]
fn what_is_not_read_is_counted_and_makes_no_event() {
    let mut resolving = all();
    let check = |resolving: &mut Resolving, side, data: &[u8]| {
        assert_eq!(resolving.heard(side, &caller(7), process(), &wire(1, data.to_vec()), 0).len(), 0);
    };
    check(&mut resolving, Side::Asked, &QUESTION[..20]);
    check(&mut resolving, Side::Asked, &answer_bytes());
    check(&mut resolving, Side::Answered, QUESTION);
    let mut more = wire(1, answer_bytes());
    (more.has_more, more.whole_bytes) = (true, 4000);
    assert_eq!(resolving.heard(Side::Answered, &in_network(5), None, &more, 0).len(), 2);
    let gaps: Vec<_> = resolving.gaps().map(|gap| gap.reason).collect();
    assert_eq!(gaps[0], "4 messages of the DNS could not be read");
    assert_eq!(gaps[1], "1 answers of the DNS were long, and only their beginning was read");
}

#[test]
fn askers_are_bounded() {
    let mut resolving = all();
    for cookie in 0..=ASKERS_MAX as u64 {
        resolving.heard(Side::Asked, &caller(7), process(), &wire(cookie, QUESTION.to_vec()), 0);
    }
    assert_eq!((resolving.askers.by_cookie.len(), resolving.askers.order.len()), (ASKERS_MAX, ASKERS_MAX));
    let question = Message::read(QUESTION, QUESTION.len() as u64).unwrap();
    assert!(matches!(resolving.askers.of(0, &question), (By::Nobody, false)));
    assert!(matches!(resolving.askers.of(1, &question), (By::Process(_), true)));
    for id in 0..=ASKED_MAX as u16 {
        let question = [&id.to_be_bytes(), &QUESTION[2..]].concat();
        resolving.heard(Side::Asked, &caller(7), process(), &wire(9, question), 0);
    }
    assert_eq!(resolving.askers.by_cookie[&9].1.len(), ASKED_MAX);
}
