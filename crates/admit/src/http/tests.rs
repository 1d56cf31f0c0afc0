//! Requests as they come, and as they should not.

use std::os::unix::net::UnixStream;

use super::*;

fn check(sent: &[u8], expected: &[&str]) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let mut ours = Timed::new(ours, TRANSFER);
    theirs.write_all(sent).unwrap();
    theirs.shutdown(std::net::Shutdown::Write).unwrap();
    let thread = thread::spawn(move || {
        serve(&mut ours, &Bodies::default(), &|request| {
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
        serve(&mut ours, bodies, &answer);
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
