//! Requests to services on this machine: busy, rude, slow, and with certificates.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use super::*;
use crate::delivery::tests::{delivery, hostile, judged};

/// A request as a service sees it.
#[derive(Debug)]
struct Seen {
    line: String,
    headers: Vec<String>,
    body: String,
}

fn read(stream: &mut impl Read) -> Option<Seen> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header == "\r\n" {
            break;
        }
        let header = header.trim_end().to_owned();
        if let Some(bytes) = header.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = bytes.parse().unwrap();
        }
        headers.push(header);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Seen { line: line.trim_end().to_owned(), headers, body: String::from_utf8(body).unwrap() })
}

/// A service that answers one request after another with these answers, and tells what it saw.
fn service(answers: Vec<&'static str>) -> (String, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            if let Some(seen) = read(&mut stream) {
                let _ = sender.send(seen);
                let _ = stream.write_all(answer.as_bytes());
            }
        }
    });
    (address, receiver)
}

fn output(template: &str, settings: &[(&str, &str)]) -> HttpOutput {
    HttpOutput::new(http_settings(template, settings)).unwrap()
}

fn http_settings(template: &str, settings: &[(&str, &str)]) -> HttpSettings {
    HttpSettings {
        template: Template::built_in(template).unwrap(),
        method: None,
        headers: Vec::new(),
        settings: settings.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect(),
        batch: None,
        tls: TlsFiles::default(),
        proxy: None,
        timeout: Duration::from_secs(2),
    }
}

fn one() -> [Arc<Delivery>; 1] {
    [Arc::new(delivery(judged()))]
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

#[test]
fn a_service_gets_the_request_of_its_template() {
    let (address, seen) = service(vec![OK]);
    let mut settings = http_settings("opsgenie", &[("url", &address), ("token", "k3y-of-genie")]);
    settings.headers = vec![("X-Team".to_owned(), Secret::new("sec"))];
    HttpOutput::new(settings).unwrap().send(&one()).unwrap();
    let seen = seen.recv().unwrap();
    assert_eq!(seen.line, "POST /v2/alerts HTTP/1.1");
    let has = |header: &str| seen.headers.iter().any(|seen| seen.eq_ignore_ascii_case(header));
    assert!(has("Authorization: GenieKey k3y-of-genie") && has("X-Team: sec"), "{seen:?}");
    assert!(has("Content-Type: application/json"), "{seen:?}");
    let body: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(body["message"], "Error: Write below binary dir");
}

#[test]
fn answers_say_whether_to_try_again() {
    let check = |answer: &'static str, expected: fn(&SendError) -> bool| {
        let (address, _seen) = service(vec![answer]);
        let error = output("webhook", &[("url", &address)]).send(&one()).unwrap_err();
        assert!(expected(&error), "{answer}: {error:?}");
    };
    check("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", |e| {
        matches!(e, SendError::Later { after: None, .. })
    });
    check(
        "HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
        |e| matches!(e, SendError::Later { after: Some(time), .. } if *time == Duration::from_secs(7)),
    );
    check(
        "HTTP/1.1 429 Slow\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:50:37 GMT\r\nContent-Length: 0\r\n\r\n",
        |e| matches!(e, SendError::Later { after: Some(time), .. } if *time == Duration::from_secs(60)),
    );
    check("HTTP/1.1 429 Slow\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n", |e| {
        matches!(e, SendError::Later { after: None, .. })
    });
    check("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", |e| matches!(e, SendError::Later { .. }));
    check("HTTP/1.1 302 Go\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", |e| {
        matches!(e, SendError::Later { .. })
    });
    check(
        "HTTP/1.1 400 Bad\r\nContent-Length: 3\r\n\r\nbad",
        |e| matches!(e, SendError::Never { reason } if reason == "HTTP 400: bad"),
    );
    check("HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n", |e| matches!(e, SendError::Never { .. }));
    check("nonsense\r\n\r\n", |e| matches!(e, SendError::Later { .. }));
    check("", |e| matches!(e, SendError::Later { .. }));
}

#[test]
fn errors_show_no_secret_and_no_escapes() {
    let (address, _seen) =
        service(vec!["HTTP/1.1 500 x\r\nContent-Length: 32\r\n\r\nwrong token \x1b[31mk3y-of-genie ...."]);
    let error = output("opsgenie", &[("url", &address), ("token", "k3y-of-genie")]).send(&one()).unwrap_err();
    let SendError::Later { reason, .. } = error else { panic!("{error:?}") };
    assert!(reason.contains("(secret)") && reason.contains("\\u{1b}"), "{reason}");
    assert!(!reason.contains("k3y-of") && !reason.contains('\x1b'), "{reason}");
    // Nobody listens there.
    let error = output("slack", &[("url", "http://127.0.0.1:1/T00/s3cret-path")]).send(&one()).unwrap_err();
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
}

#[test]
fn a_service_that_hangs_costs_a_bounded_time() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let mut settings = http_settings("webhook", &[("url", &address)]);
    settings.timeout = Duration::from_millis(300);
    let begin = Instant::now();
    let error = HttpOutput::new(settings.clone()).unwrap().send(&one()).unwrap_err();
    assert!(
        matches!(error, SendError::Later { .. }) && begin.elapsed() < Duration::from_secs(3),
        "{error:?}"
    );
    // One that answers a byte at a time, without end.
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
            while stream.write_all(b"x").is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        }
    });
    let begin = Instant::now();
    let _ = HttpOutput::new(settings).unwrap().send(&one());
    assert!(begin.elapsed() < Duration::from_secs(3));
}

#[test]
fn batches_are_one_request() {
    let taken = "HTTP/1.1 200 OK\r\nContent-Length: 16\r\nConnection: close\r\n\r\n{\"errors\":false}";
    let (address, seen) = service(vec![taken]);
    let mut output = output("elasticsearch", &[("url", &address)]);
    assert_eq!(output.batch_max(), 500);
    output.send(&[Arc::new(delivery(judged())), Arc::new(delivery(hostile()))]).unwrap();
    let seen = seen.recv().unwrap();
    assert_eq!(
        (seen.line.as_str(), seen.body.lines().count()),
        ("POST /_bulk?filter_path=errors,items.*.status,items.*.error.reason HTTP/1.1", 4)
    );
    assert!(seen.body.ends_with('\n'), "a bulk request ends with a line break");
}

/// Certificates made by `openssl`; its server asks for one of the client.
#[test]
fn certificates_are_shown_and_asked_for() {
    use std::process::{Command, Stdio};
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command
            .current_dir(directory.path())
            .args(arguments.split(' '))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    std::fs::write(path("san"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    let mut made = openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=ca"));
    for name in ["server", "client"] {
        made &= openssl(&format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        made &= openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out {name}.pem"
        ));
    }
    if !made {
        println!("skipped: openssl cannot make certificates here");
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new("openssl")
        .current_dir(directory.path())
        .args([
            "s_server",
            "-accept",
            &format!("127.0.0.1:{port}"),
            "-cert",
            "server.pem",
            "-key",
            "server.key",
        ])
        .args(["-CAfile", "ca.pem", "-Verify", "1", "-verify_return_error", "-www", "-quiet"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..100 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            break;
        }
        thread::sleep(Duration::from_millis(30));
    }
    let mut settings = http_settings("webhook", &[("url", &format!("https://127.0.0.1:{port}"))]);
    settings.method = Some("GET".to_owned());
    let stranger = HttpOutput::new(settings.clone()).unwrap().send(&one());
    settings.tls.ca = Some(path("ca.pem"));
    let nobody = HttpOutput::new(settings.clone()).unwrap().send(&one());
    settings.tls.client = Some((path("client.pem"), path("client.key")));
    let known = HttpOutput::new(settings).unwrap().send(&one());
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(stranger.is_err(), "the server's certificate is of nobody we know");
    assert!(nobody.is_err(), "the server knows nobody without a certificate");
    known.unwrap();
}
