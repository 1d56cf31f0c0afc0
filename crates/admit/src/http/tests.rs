//! Requests as they come, and as they should not.

use std::os::unix::net::UnixStream;
use std::sync::Mutex;

use super::*;

fn check(sent: &[u8], expected: &[&str]) {
    check_at(Hosts::Any, sent, expected);
}

fn check_at(hosts: Hosts, sent: &[u8], expected: &[&str]) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut ours = Timed::new(ours, TRANSFER);
    theirs.write_all(sent).unwrap();
    theirs.shutdown(std::net::Shutdown::Write).unwrap();
    let refused = Arc::new(Mutex::new(Vec::new()));
    let tells = Arc::clone(&refused);
    let tell = move |_: u16, reason: &str| tells.lock().unwrap().push(reason.to_owned());
    let terms = Terms { hosts, refused: Arc::new(tell), ..Terms::new(Bodies::default()) };
    let thread = thread::spawn(move || {
        serve(&mut ours, &terms, &|request| {
            let body = String::from_utf8_lossy(&request.body);
            Answer::text(200, &format!("{} {} {body}", request.method, request.target))
        });
    });
    let mut told = Vec::new();
    // What is not read before the end is a reset, after the answer.
    let _ = theirs.read_to_end(&mut told);
    let told = String::from_utf8(told).unwrap();
    thread.join().unwrap();
    let bodies: Vec<&str> =
        told.split("\r\n\r\n").skip(1).map(|text| text.lines().next().unwrap_or("")).collect();
    assert_eq!(bodies, expected, "{told}");
    // Whoever listens hears of each refusal.
    let expected: Vec<&str> = expected.iter().copied().filter(|told| !told.contains(" /")).collect();
    assert_eq!(*refused.lock().unwrap(), expected);
}

#[test]
fn no_web_page_is_answered() {
    let no_page = &["no web page is answered"];
    check(b"POST / HTTP/1.1\r\nOrigin: null\r\n\r\n", no_page);
    check(b"POST / HTTP/1.1\r\nsec-fetch-site: none\r\n\r\n", no_page);
    let check = |host: &str, is_here: bool| {
        let request = format!("GET /a HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let refused = "it is asked under a name that is not this machine's";
        check_at(Hosts::Loopback, request.as_bytes(), &[if is_here { "GET /a " } else { refused }]);
        check_at(Hosts::Any, request.as_bytes(), &["GET /a "]);
    };
    for host in ["localhost", "LOCALHOST:80", "127.0.0.1:8444", "127.1.2.3", "[::1]:8444", "[::1]", "::1"] {
        check(host, true);
    }
    for host in [
        "evil.example:8444",
        "10.0.0.1",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "[::2]:1",
        "",
        ":80",
    ] {
        check(host, false);
    }
    check_at(Hosts::Loopback, b"GET /a HTTP/1.0\r\n\r\n", &["GET /a "]);
}

#[test]
fn requests_follow_each_other_and_what_is_none_ends_it() {
    check(b"", &[]);
    check(b"GET /a HTTP/1.1\r\n\r\n", &["GET /a "]);
    check(
        b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nxyPOST /b HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        &["POST /a xy", "POST /b "],
    );
    check(b"GET /a HTTP/1.0\r\n\r\nGET /b HTTP/1.1\r\n\r\n", &["GET /a "]);
    check(b"POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nxy", &[]);
    for (headers, told) in [
        ("Content-Length: +1", "the length is no number"),
        ("Content-Length: 1\r\nContent-Length: 2", "there are two lengths"),
        ("Transfer-Encoding: chunked", "say the length"),
        ("Content-Length: 99999999999", "the request is too large"),
        ("Expect: 100-continue", "send it at once"),
        (" x", "the request's head cannot be read"),
    ] {
        check(format!("POST / HTTP/1.1\r\n{headers}\r\n\r\nx").as_bytes(), &[told]);
    }
    let long = format!("GET /{} HTTP/1.1\r\n", "a".repeat(HEAD_BYTES_MAX));
    check(long.as_bytes(), &["the request's head is too large"]);
}

/// Whoever takes a little now and then is left alone.
fn check_taking(ours: impl Read + Write + AsFd, mut theirs: impl Read + Send + 'static) {
    thread::spawn(move || {
        while matches!(theirs.read(&mut [0; 1024]), Ok(1..)) {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let (begin, patience) = (Instant::now(), Duration::from_millis(300));
    let mut ours = Timed::new(ours, patience);
    assert_eq!(ours.write_all(&vec![0; 32 * 1024 * 1024]).unwrap_err().kind(), io::ErrorKind::TimedOut);
    let after = begin.elapsed();
    assert!(after >= patience && after < Duration::from_secs(2), "{after:?}");
}

#[test]
fn an_answer_is_taken_in_time_or_lost() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    check_taking(ours, theirs);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    check_taking(listener.accept().unwrap().0, theirs);
}

#[test]
fn bodies_that_are_held_at_the_same_time_have_a_limit() {
    let bodies = Bodies::default();
    let asked = |body: &[u8], bodies: &Bodies| {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let mut ours = Timed::new(ours, TRANSFER);
        let head = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
        theirs.write_all(&[head.as_bytes(), body].concat()).unwrap();
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        let held = Arc::clone(&bodies.held);
        let answer = move |_: &Request| Answer::text(200, &held.load(Ordering::Acquire).to_string());
        serve(&mut ours, &Terms::new(bodies.clone()), &answer);
        drop(ours);
        let mut told = String::new();
        let _ = theirs.read_to_string(&mut told);
        told.split("\r\n\r\n").nth(1).unwrap_or_default().trim().to_owned()
    };
    assert_eq!(asked(b"12345", &bodies), "5");
    let mut others = Room::new(&bodies);
    assert!(others.grow(BODIES_BYTES_MAX - 4).is_ok());
    assert_eq!(asked(b"12345", &bodies), "too much is asked for at the same time");
    assert_eq!(asked(b"1234", &bodies), BODIES_BYTES_MAX.to_string());
    drop(others);
    assert_eq!(bodies.held.load(Ordering::Acquire), 0);
    assert_eq!(asked(b"12345", &bodies), "5");
}
