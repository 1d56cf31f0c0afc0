//! The server's answers, and clients that mean no good.

use super::*;
use crate::metrics::tests::snapshot;

fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = ask(address, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{path}: {answer}"));
    (head[9..12].parse().unwrap(), body.to_owned())
}

#[test]
fn it_answers_what_it_is_asked() {
    let server = Server::start("127.0.0.1:0", Health::default(), snapshot).unwrap();
    let address = server.address();
    let (status, metrics) = get(address, "/metrics");
    assert!(status == 200 && metrics.contains("seawall_events_total{type=\"openat\"} 10\n"), "{metrics}");
    assert_eq!(get(address, "/healthz?x=1"), (200, "{\"status\": \"ok\"}\n".to_owned()));
    let (status, versions) = get(address, "/versions");
    assert_eq!((status, versions.as_str()), (200, "{\"engine\":\"0.63.0\",\"seawall\":\"0.1.0\"}\n"));
    assert_eq!(get(address, "/etc/passwd").0, 404);
    let head = ask(address, "HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(ask(address, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
    assert!(ask(address, "\r\n\r\n").starts_with("HTTP/1.1 405"));
    drop(server);
    assert!(TcpStream::connect(address).is_err());
    let error = Server::start("127.0.0.1:99999", Health::default(), snapshot).unwrap_err();
    assert_eq!(error.to_string(), "cannot serve metrics at 127.0.0.1:99999");
}

#[test]
fn illness_has_reasons() {
    let check = |change: fn(&mut Snapshot), expected: &[&str]| {
        let mut snapshot = snapshot();
        change(&mut snapshot);
        assert_eq!(Health::default().problems(&snapshot), expected);
    };
    check(|_| {}, &[]);
    check(
        |s| s.turned_ago = Some(Duration::from_secs(40)),
        &["the loop over events has not turned for 40 s"],
    );
    check(|s| s.turned_ago = None, &["the loop over events has not begun"]);
    check(
        |s| {
            s.outputs[0].lost_ago = Some(Duration::from_secs(5));
            s.outputs[0].problem = Some("HTTP 503: busy".to_owned());
        },
        &["the output `slack` is losing findings: HTTP 503: busy"],
    );
    check(|s| s.outputs[0].lost_ago = Some(Duration::from_secs(61)), &[]);
    let ill = || Snapshot { turned_ago: None, ..snapshot() };
    let server = Server::start("127.0.0.1:0", Health::default(), ill).unwrap();
    let (status, body) = get(server.address(), "/healthz");
    assert_eq!(status, 503);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["problems"][0], "the loop over events has not begun");
}

#[test]
fn a_head_without_end_is_refused() {
    let server = Server::start("127.0.0.1:0", Health::default(), snapshot).unwrap();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\n");
    while stream.write_all(&[b'x'; 1024]).is_ok() {
        let mut byte = [0];
        stream.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
        if stream.peek(&mut byte).is_ok() {
            break;
        }
    }
    stream.set_read_timeout(None).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 431 ") || answer.is_empty(), "{answer}");
    assert_eq!(get(server.address(), "/healthz").0, 200);
}

#[test]
fn slow_clients_and_many_clients_keep_nobody_out() {
    let server = Server::start("127.0.0.1:0", Health::default(), snapshot).unwrap();
    let address = server.address();
    let connect = |count: usize| -> Vec<TcpStream> {
        (0..count).map(|_| TcpStream::connect(address).unwrap()).collect()
    };
    let is_closed = |stream: &mut TcpStream, within: Duration| {
        stream.set_read_timeout(Some(within)).unwrap();
        match stream.read(&mut [0]) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    };
    let mut slow = connect(CONNECTIONS_MAX);
    thread::sleep(Duration::from_millis(100));
    let before = thread_count();
    // Those who sit there are no hindrance, not even until they are cut.
    let begin = Instant::now();
    assert_eq!(get(address, "/healthz").0, 200);
    assert!(begin.elapsed() < REQUEST_TIME / 2, "{:?}", begin.elapsed());
    assert!(is_closed(&mut slow[0], Duration::from_secs(1)));
    assert!(!is_closed(&mut slow[1], Duration::from_millis(10)));
    // No more threads for more connections; the oldest are closed.
    let mut more = connect(200);
    thread::sleep(Duration::from_millis(100));
    assert!(thread_count() <= before + 2, "{before} {}", thread_count());
    assert!(slow.iter_mut().chain(&mut more[..100]).all(|stream| is_closed(stream, Duration::from_secs(1))));
    assert_eq!(get(address, "/healthz").0, 200);
    // A byte now and then wins no time.
    let mut last = TcpStream::connect(address).unwrap();
    let begin = Instant::now();
    while !is_closed(&mut last, Duration::from_millis(100)) {
        assert!(begin.elapsed() < REQUEST_TIME + Duration::from_secs(3));
        let _ = last.write_all(b"G");
    }
    assert!(begin.elapsed() >= REQUEST_TIME / 2, "{:?}", begin.elapsed());
}

fn thread_count() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}
