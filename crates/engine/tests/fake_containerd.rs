//! containerd's interface on a fake socket: what the client makes of bad and hostile gRPC.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::thread;

use h2::server::SendResponse;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use prost::bytes::Bytes;
use seawall_engine::{Containerd, Endpoint, EngineKind};

/// What to answer to every call.
#[derive(Clone, Default)]
struct Script {
    status: u16,
    head: Vec<(&'static str, &'static str)>,
    body: Vec<u8>,
    /// Whether to send the body again and again.
    endless: bool,
    trailers: Option<Vec<(&'static str, &'static str)>>,
}

fn good(body: &[u8]) -> Script {
    let trailers = Some(vec![("grpc-status", "0")]);
    Script { status: 200, body: body.to_vec(), trailers, ..Script::default() }
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

async fn answer(mut respond: SendResponse<Bytes>, script: &Script) -> Result<(), h2::Error> {
    let mut response = Response::builder().status(script.status).body(()).unwrap();
    response.headers_mut().extend(headers(&script.head));
    let mut stream = respond.send_response(response, false)?;
    loop {
        stream.reserve_capacity(script.body.len());
        stream.send_data(Bytes::from(script.body.clone()), false)?;
        if !script.endless {
            break;
        }
        tokio::task::yield_now().await;
    }
    match &script.trailers {
        Some(trailers) => stream.send_trailers(headers(trailers)),
        None => stream.send_data(Bytes::new(), true),
    }
}

fn serve(script: Script) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("containerd.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            stream.set_nonblocking(true).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let script = script.clone();
            thread::spawn(move || {
                runtime.block_on(async {
                    let stream = tokio::net::UnixStream::from_std(stream).unwrap();
                    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
                    while let Some(Ok((_, respond))) = connection.accept().await {
                        let script = script.clone();
                        tokio::spawn(async move {
                            // The client may have heard enough.
                            let _ = answer(respond, &script).await;
                        });
                    }
                });
            });
        }
    });
    (directory, path)
}

fn check(script: Script, expected: &str) {
    let (_directory, path) = serve(script);
    let shown = match Containerd::connect(&Endpoint::unix(EngineKind::Containerd, path)) {
        Ok(containerd) => format!("version {}", containerd.version().version),
        Err(error) => {
            let mut text = String::new();
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            text
        }
    };
    assert!(shown.contains(expected), "`{shown}` lacks `{expected}`");
}

/// `version: "1.7"` in its frame.
const VERSION: &[u8] = b"\0\0\0\0\x05\x0a\x031.7";

#[test]
fn answers_are_read() {
    check(good(VERSION), "version 1.7");
    check(good(b"\0\0\0\0\0"), "version ");
}

#[test]
fn statuses_are_told() {
    let status = |status, message| Script {
        trailers: Some(vec![("grpc-status", status), ("grpc-message", message)]),
        ..good(b"")
    };
    check(status("5", "no%20such"), "does not have it: no such");
    check(status("7", "%1b[31mdenied"), "refused (status 7): [31mdenied");
    check(status("4", ""), "no answer in time");
    check(status("x", ""), "cannot be understood: the status is not a number");
    // In the head, as an answer without messages has it.
    check(Script { head: vec![("grpc-status", "12")], ..good(b"") }, "refused (status 12)");
    check(Script { status: 404, ..good(b"") }, "it does not speak gRPC");
}

#[test]
fn answers_that_break_the_protocol() {
    check(Script { trailers: None, ..good(VERSION) }, "ends without a status");
    check(good(b""), "the answer has no message");
    check(good(&VERSION[..7]), "ends within a message");
    check(good(b"\x01\0\0\0\0"), "compressed, which was not asked for");
    check(good(&[VERSION, VERSION].concat()), "more than one message");
    check(good(b"\0\0\0\0\x02\x0a\x09"), "cannot be understood");
    check(Script { trailers: Some(vec![("grpc-status", "13")]), ..good(VERSION) }, "refused (status 13)");
}

#[test]
fn answers_without_end_are_cut() {
    check(good(b"\0\xff\xff\xff\xff"), "larger than 67108864 bytes");
    check(Script { endless: true, ..good(VERSION) }, "more than one message");
}
