use super::*;

fn file(bytes: &[u8]) -> InPlace {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    InPlace::new(file, bytes.len() as u64)
}

/// Runs `check` on the same bytes in a stream (in memory and on disk) and in place.
fn check(bytes: &[u8], check: impl Fn(&mut dyn Shown)) {
    for spool_memory_bytes in [0, 5, 1000] {
        let limits = Limits { spool_memory_bytes, ..Limits::default() };
        let mut body = bytes;
        check(&mut Spool::new(&mut body, bytes.len() as u64, &mut Cursor::new(vec![1, 2, 3]), &limits));
    }
    check(&mut file(bytes));
}

fn seek_text(content: &mut dyn Shown, from: i64) -> String {
    let reader = content.seekable().unwrap();
    reader.seek(SeekFrom::End(from)).unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn every_way_of_reading_in_every_order() {
    check(b"hello world", |content| {
        content.allow(Interest::Whole);
        assert_eq!(content.head(5).unwrap(), b"hello");
        assert_eq!(seek_text(content, -5), "world");
        assert_eq!(content.head(50).unwrap(), b"hello world");
        assert_eq!(content.whole(11).unwrap(), b"hello world");
        assert_eq!(seek_text(content, -11), "hello world");
        assert_eq!(content.head(2).unwrap(), b"he");
        assert_eq!(content.size_bytes(), 11);
    });
    check(b"hello world", |content| {
        content.allow(Interest::Whole);
        assert_eq!(seek_text(content, -5), "world");
        assert_eq!(content.whole(100).unwrap(), b"hello world");
    });
    check(b"", |content| {
        content.allow(Interest::Whole);
        assert_eq!(content.head(5).unwrap(), b"");
        assert_eq!(content.whole(0).unwrap(), b"");
        assert_eq!(seek_text(content, 0), "");
    });
}

#[test]
fn interest_is_a_bound() {
    check(b"hello world", |content| {
        content.allow(Interest::Head(5));
        assert_eq!(content.head(11).unwrap(), b"hello");
        assert_eq!(content.whole(100).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(content.seekable().err().unwrap().kind(), io::ErrorKind::FileTooLarge);
        content.allow(Interest::Head(11));
        assert_eq!(content.whole(100).unwrap(), b"hello world");
        assert_eq!(content.whole(5).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    });
}

#[test]
fn a_stream_gives_all_and_keeps_nothing() {
    check(b"hello world", |content| {
        content.allow(Interest::Whole);
        assert_eq!(content.head(5).unwrap(), b"hello");
        let mut all = Vec::new();
        content.stream(&mut |piece| all.extend_from_slice(piece)).unwrap();
        assert_eq!(all, b"hello world");
    });
    // What a layer has streamed is gone, and nobody takes the head for the whole.
    let limits = Limits::default();
    let mut body = &b"hello world"[..];
    let mut head = Cursor::new(Vec::new());
    let mut content = Spool::new(&mut body, 11, &mut head, &limits);
    content.allow(Interest::Whole);
    content.head(5).unwrap();
    content.stream(&mut |_| {}).unwrap();
    assert!(content.whole(100).is_err());
    assert!(content.stream(&mut |_| {}).is_err());
    // What was gathered can be streamed and read again.
    let mut body = &b"hello world"[..];
    let mut content = Spool::new(&mut body, 11, &mut head, &limits);
    content.allow(Interest::Whole);
    content.seekable().unwrap();
    let mut bytes = 0;
    content.stream(&mut |piece| bytes += piece.len()).unwrap();
    assert_eq!(bytes, 11);
    assert_eq!(content.whole(100).unwrap(), b"hello world");
}

struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, "cut"))
    }
}

#[test]
fn a_failure_stays_a_failure() {
    let limits = Limits::default();
    let mut body = (&b"hello"[..]).chain(Broken);
    let mut head = Cursor::default();
    let mut content = Spool::new(&mut body, 11, &mut head, &limits);
    content.allow(Interest::Whole);
    assert_eq!(content.head(5).unwrap(), b"hello");
    for _ in 0..2 {
        assert_eq!(content.whole(100).unwrap_err().to_string(), "cut");
        assert_eq!(content.seekable().err().unwrap().to_string(), "cut");
    }
    assert_eq!(content.head(3).unwrap(), b"hel");
}

#[test]
fn a_sparse_giant_is_refused_not_written() {
    let limits = Limits { spool_disk_bytes_max: 1000, ..Limits::default() };
    let mut body = io::repeat(0);
    let mut head = Cursor::default();
    let mut content = Spool::new(&mut body, 1 << 60, &mut head, &limits);
    content.allow(Interest::Whole);
    assert_eq!(content.seekable().err().unwrap().kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(content.whole(1 << 20).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(content.head(3).unwrap(), [0; 3]);
}
