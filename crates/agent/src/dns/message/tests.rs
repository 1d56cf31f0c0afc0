use proptest::prelude::*;

use super::*;

/// A header, and what follows it.
fn message(flags: u16, questions: u16, answers: u16, rest: &[u8]) -> Vec<u8> {
    let words = [0x1234, flags, questions, answers, 0, 0];
    words.iter().flat_map(|word| word.to_be_bytes()).chain(rest.iter().copied()).collect()
}

/// `example.org`, at 12.
const NAME: &[u8] = b"\x07Example\x03oRg\x00";
const ANSWER: u16 = 0x8180;

fn question(kind: u16) -> Vec<u8> {
    [NAME, &kind.to_be_bytes(), &[0, 1]].concat()
}

fn record(owner: &[u8], kind: u16, ttl_s: u32, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    [owner, &kind.to_be_bytes(), &[0, 1], &ttl_s.to_be_bytes(), &length.to_be_bytes(), data].concat()
}

fn answered(records: &[Vec<u8>]) -> Vec<u8> {
    message(ANSWER, 1, u16::try_from(records.len()).unwrap(), &[question(1), records.concat()].concat())
}

fn read(bytes: &[u8]) -> Result<Message, MessageError> {
    Message::read(bytes, bytes.len() as u64)
}

#[test]
fn a_question_is_read() {
    let asked = read(&message(0x0100, 1, 0, &question(28))).unwrap();
    assert_eq!((asked.question.as_str(), asked.kind, asked.is_answer), ("example.org", 28, false));
    // What stands behind it (EDNS) is not looked at, and what a question counts as answers neither.
    let more = [question(1), b"\0\0\x29\x10".to_vec()].concat();
    assert_eq!(read(&message(0x0100, 1, 9, &more)).unwrap().records, []);
}

#[test]
fn names_are_told_so_that_nothing_in_them_is_taken_for_something_else() {
    let check = |wire: &[u8], expected: Result<&str, MessageError>| {
        let read = read(&message(0, 1, 0, &[wire, &[0, 1, 0, 1]].concat()));
        assert_eq!(read.map(|message| message.question), expected.map(str::to_owned), "{wire:?}");
    };
    check(b"\0", Ok(""));
    check(b"\x01a\x02b.\x02c\\\0", Ok("a.b\\..c\\\\"));
    check(b"\x04\x1b[2J\0", Ok("\\027[2j"));
    check(b"\x02\xc3\xa4\0", Ok("\\195\\164"));
    check(b"\x01 \0", Ok("\\032"));
    check(b"\x40", Err(MessageError::Name));
    check(b"\x80\0", Err(MessageError::Name));
    check(b"\xc0\x0c", Err(MessageError::Pointer));
    check(b"\xc0\x00", Err(MessageError::Pointer));
    check(b"\xc0\x40", Err(MessageError::Pointer));
    check(b"\x01a\xc0\x0c", Err(MessageError::Pointer));
    check(b"\x09a", Err(MessageError::Short));
    let label = [b"\x3f".as_slice(), &[b'x'; 63]].concat();
    check(
        &[label.repeat(3), b"\x3d".to_vec(), vec![b'x'; 61], vec![0]].concat(),
        Ok(&format!("{}{}", format!("{}.", "x".repeat(63)).repeat(3), "x".repeat(61))),
    );
    check(&[label.repeat(4), vec![0]].concat(), Err(MessageError::Name));
}

#[test]
fn answers_are_read_by_type() {
    let check = |kind: u16, data: &[u8], expected: Content| {
        let read = read(&answered(&[record(b"\xc0\x0c", kind, 60, data)])).unwrap();
        assert_eq!(read.records, [Record { owner: "example.org".into(), ttl_s: 60, content: expected }]);
    };
    check(1, &[192, 0, 2, 7], Content::Address("192.0.2.7".parse().unwrap()));
    let v6: std::net::Ipv6Addr = "2001:db8::7".parse().unwrap();
    check(28, &v6.octets(), Content::Address(v6.into()));
    check(5, b"\x03cdn\xc0\x0c", Content::Alias("cdn.example.org".into()));
    check(15, b"\0\x0a\x02mx\xc0\x0c", Content::Name("mx.example.org".into()));
    check(16, b"\x03abc\x02de", Content::Text("abcde".into()));
    check(16, b"", Content::Text(String::new()));
    check(65, b"anything", Content::Other);
}

#[test]
fn what_contradicts_itself_is_refused() {
    let check = |bytes: &[u8], expected: MessageError| assert_eq!(read(bytes), Err(expected), "{bytes:?}");
    check(b"", MessageError::Short);
    check(&message(ANSWER, 1, 0, b""), MessageError::Short);
    check(&message(0, 0, 0, b""), MessageError::Questions(0));
    check(&message(0, 2, 0, &question(1)), MessageError::Questions(2));
    check(&message(0x2800, 1, 0, &question(1)), MessageError::NoQuery);
    // Counts that lie.
    check(
        &message(ANSWER, 1, 2, &[question(1), record(b"\xc0\x0c", 1, 1, &[1, 2, 3, 4])].concat()),
        MessageError::Short,
    );
    check(&message(ANSWER, 1, u16::MAX, &question(1)), MessageError::Short);
    let of = |kind, data: &[u8]| answered(&[record(b"\xc0\x0c", kind, 1, data)]);
    check(&of(1, &[1, 2, 3]), MessageError::Record);
    check(&of(28, &[0; 15]), MessageError::Record);
    check(&of(5, b"\x01a\0behind"), MessageError::Record);
    check(&of(5, b"\x01a"), MessageError::Short);
    check(&of(16, b"\x09abc"), MessageError::Record);
    // Itself, and each other.
    check(&of(5, b"\xc0\x29"), MessageError::Pointer);
    let mut long = of(1, &[1, 2, 3, 4]);
    let at = long.len() - 6;
    long[at..at + 2].copy_from_slice(&[0xff, 0xff]);
    check(&long, MessageError::Short);
}

#[test]
fn what_was_cut_is_read_as_far_as_it_goes() {
    let records = [1, 2, 3].map(|last| record(b"\xc0\x0c", 1, 60, &[192, 0, 2, last]));
    let whole = answered(&records);
    for length in 0..whole.len() {
        let read = Message::read(&whole[..length], whole.len() as u64);
        assert_eq!(read.is_ok(), length >= whole.len() - 48, "{length}");
        if let Ok(message) = read {
            assert_eq!((message.records.len(), message.is_cut), ((length + 48 - whole.len()) / 16, true));
        }
    }
    let many = vec![records[0].clone(); DNS_RECORDS_MAX + 1];
    let read = read(&answered(&many)).unwrap();
    assert_eq!((read.records.len(), read.is_cut), (DNS_RECORDS_MAX, true));
}

#[test]
fn a_stream_has_the_length_before_the_message_or_before_that() {
    let bytes = answered(&[record(b"\xc0\x0c", 1, 60, &[192, 0, 2, 7])]);
    let expected = read(&bytes);
    let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
    let check = |stream: &[u8]| assert_eq!(Message::read_stream(stream, stream.len() as u64), expected);
    check(&bytes);
    check(&[&length, bytes.as_slice()].concat());
    check(&[&length, bytes.as_slice(), &length, &bytes].concat());
    let half = [&length, &bytes[..bytes.len() - 16]].concat();
    assert!(Message::read_stream(&half, half.len() as u64).unwrap().is_cut);
    assert_eq!(Message::read_stream(b"\x01", 1), Err(MessageError::Short));
}

#[test]
fn addresses_have_the_names_that_the_question_leads_to() {
    let cdn = b"\x03cdn\x03net\x00".as_slice();
    let edge = b"\x04edge\x03net\x00".as_slice();
    let check = |records: &[Vec<u8>], expected: &[(&str, u32, &[&str])]| {
        let message = read(&answered(records)).unwrap();
        let expected: Vec<_> = expected
            .iter()
            .map(|(address, ttl_s, names)| (address.parse().unwrap(), *ttl_s, names.to_vec()))
            .collect();
        assert_eq!(message.addresses(), expected);
    };
    let address = |owner: &[u8], ttl_s| record(owner, 1, ttl_s, &[192, 0, 2, 7]);
    check(&[address(NAME, 60)], &[("192.0.2.7", 60, &["example.org"])]);
    let alias = |from: &[u8], to: &[u8], ttl_s| record(from, 5, ttl_s, to);
    // In any order, with the shortest life of the way.
    check(
        &[address(edge, 60), alias(cdn, edge, 10), alias(NAME, cdn, 300)],
        &[("192.0.2.7", 10, &["example.org", "cdn.net", "edge.net"])],
    );
    // Of somebody else, and in circles.
    check(&[address(cdn, 60)], &[]);
    check(
        &[alias(NAME, cdn, 1), alias(cdn, NAME, 1), address(cdn, 9)],
        &[("192.0.2.7", 1, &["example.org", "cdn.net"])],
    );
    check(&[address(NAME, u32::MAX)], &[("192.0.2.7", 0, &["example.org"])]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_long(
        bytes in proptest::collection::vec(any::<u8>(), 0..700),
        flags in prop_oneof![Just(ANSWER), Just(0x0100), any::<u16>()],
        answers in 0..200_u16,
    ) {
        for bytes in [bytes.clone(), message(flags, 1, answers, &[question(1), bytes].concat())] {
            for message in [Message::read(&bytes, 2000), Message::read_stream(&bytes, 2000)].into_iter().flatten() {
                prop_assert!(message.records.len() <= DNS_RECORDS_MAX);
                prop_assert!(message.addresses().len() <= message.records.len());
                prop_assert!(message.question.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }

    #[test]
    fn what_is_written_is_read(labels in proptest::collection::vec("[a-z0-9-]{1,20}", 1..6), octets: [u8; 4], ttl_s in 0..1_000_000_u32) {
        let wire: Vec<u8> = labels.iter().flat_map(|label| {
            [u8::try_from(label.len()).unwrap()].into_iter().chain(label.bytes())
        }).chain([0]).collect();
        let name = labels.join(".");
        let asked = [&wire[..], &[0, 1, 0, 1]].concat();
        let records = [asked, record(b"\xc0\x0c", 5, ttl_s, b"\x01a\xc0\x0c"), record(&[b"\x01a", &wire[..]].concat(), 1, 7, &octets)];
        let message = read(&message(ANSWER, 1, 2, &records.concat())).unwrap();
        let alias = format!("a.{name}");
        prop_assert_eq!(
            message.addresses(),
            vec![(IpAddr::from(octets), ttl_s.min(7), vec![name.as_str(), alias.as_str()])]
        );
        prop_assert_eq!(message.answers(), vec![alias.clone(), IpAddr::from(octets).to_string()]);
    }
}
