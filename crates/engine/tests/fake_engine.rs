//! Docker's interface on a fake Unix socket: what the client makes of good, bad and hostile answers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::thread;

use seawall_engine::docker::ChangeKind;
use seawall_engine::{Containerd, Docker, Endpoint, Engine, EngineError, EngineKind};

const VERSION: &str = r#"{"Version":"20.10.24","Components":[{"Name":"Engine"}]}"#;

/// Answers `/version` and then, on any other path, `status` and `body`, as often as asked; returns the socket.
fn engine(status: &'static str, body: Vec<u8>) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let body = body.clone();
            thread::spawn(move || {
                loop {
                    let mut request = Vec::new();
                    let mut byte = [0];
                    while !request.ends_with(b"\r\n\r\n") {
                        match stream.read(&mut byte) {
                            Ok(1) => request.push(byte[0]),
                            _ => return,
                        }
                    }
                    let is_version = request.starts_with(b"GET /version ");
                    let (status, body) =
                        if is_version { ("200 OK", VERSION.as_bytes()) } else { (status, body.as_slice()) };
                    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
                    if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).is_err() {
                        return;
                    }
                }
            });
        }
    });
    (directory, path)
}

fn docker(status: &'static str, body: impl Into<Vec<u8>>) -> (tempfile::TempDir, Docker) {
    let (directory, path) = engine(status, body.into());
    (directory, Docker::connect(&Endpoint::unix(EngineKind::Docker, path)).unwrap())
}

fn words(error: &EngineError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[test]
fn an_image_is_described() {
    let id = "sha256:82fc248e6d3bbacd9a5fee23a65b7bd98010778cf4314d2f2dbfed24cbf9877d";
    let body = format!(
        r#"{{"Id":"{id}","RepoTags":null,"RepoDigests":["a@{id}"],"Os":"linux","Architecture":"arm","Variant":"v7",
            "GraphDriver":{{"Name":"overlay2","Data":{{"LowerDir":"/r/overlay2/b/diff:/r/overlay2/a/diff",
            "UpperDir":"/r/overlay2/c/diff"}}}},"RootFS":{{"Type":"layers","Layers":["{id}"]}}}}"#
    );
    let (_directory, docker) = docker("200 OK", body);
    let image = docker.image("a:1").unwrap();
    assert_eq!(image.platform.to_string(), "linux/arm/v7");
    assert_eq!(image.diff_ids.len(), 1);
    let overlay = image.overlay.unwrap();
    assert_eq!(overlay.lower[0], PathBuf::from("/r/overlay2/a/diff"));
    assert_eq!(
        image.config_files[0],
        PathBuf::from(format!("/r/image/overlay2/imagedb/content/sha256/{}", &id[7..]))
    );
}

#[test]
fn an_image_without_directories_is_described_too() {
    let (_directory, docker) = docker("200 OK", r#"{"Id":"sha256:0","GraphDriver":null}"#);
    let image = docker.image("a:1").unwrap();
    assert_eq!((image.id, image.overlay), (None, None));
}

#[test]
fn changes_may_be_null() {
    let (_directory, docker) = docker("200 OK", "null");
    assert_eq!(docker.changes("c").unwrap(), []);
    let (_directory, docker) = self::docker("200 OK", r#"[{"Path":"/a","Kind":2}]"#);
    assert_eq!(docker.changes("c").unwrap()[0].kind, ChangeKind::Deleted);
    let (_directory, docker) = self::docker("200 OK", r#"[{"Path":"/a","Kind":9}]"#);
    assert!(words(&docker.changes("c").unwrap_err()).contains("kind 9"));
}

#[test]
fn errors_say_what_where_and_why() {
    let check = |status, body: &str, expected: &str| {
        let (_directory, docker) = docker(status, body);
        let shown = words(&docker.image("a/b:1").unwrap_err());
        assert!(shown.contains("cannot inspect image a/b:1 at docker (unix:///"), "{shown}");
        assert!(shown.contains(expected), "{shown}");
    };
    check("404 Not Found", r#"{"message":"No such image: a/b:1"}"#, "does not have it: No such image: a/b:1");
    check("500 Server Error", "a\u{1b}[31mb", "refused (status 500): a [31mb");
    check("301 Moved", "", "refused (status 301)");
    check("200 OK", "{", "cannot be understood");
    check("200 OK", "", "cannot be understood");
}

#[test]
fn a_name_cannot_leave_its_place() {
    let (_directory, docker) = docker("200 OK", "{}");
    for name in ["", "../version", "a/../../x", "a//b", "."] {
        assert!(words(&docker.container(name).unwrap_err()).contains("is not a name"), "{name}");
    }
}

#[test]
fn an_engine_that_is_not_there_is_told_from_one_that_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("docker.sock");
    let connect = |kind| words(&Engine::connect(&Endpoint::unix(kind, &path)).unwrap_err());
    for kind in [EngineKind::Docker, EngineKind::Containerd] {
        assert!(connect(kind).contains("there is no socket; is the engine installed and running?"));
    }
    drop(UnixListener::bind(&path).unwrap());
    for kind in [EngineKind::Docker, EngineKind::Containerd] {
        assert!(connect(kind).contains("nobody listens there"), "{}", connect(kind));
    }
}

#[test]
fn an_answer_without_end_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("docker.sock");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
            let spaces = vec![b' '; 1 << 20];
            while stream.write_all(&spaces).is_ok() {}
        }
    });
    let error = Docker::connect(&Endpoint::unix(EngineKind::Docker, path)).unwrap_err();
    assert!(words(&error).contains("larger than 67108864 bytes"), "{}", words(&error));
}

#[test]
fn what_is_not_grpc_is_refused() {
    let (_directory, path) = engine("200 OK", Vec::new());
    let error = Containerd::connect(&Endpoint::unix(EngineKind::Containerd, path)).unwrap_err();
    assert!(words(&error).contains("the connection failed"), "{}", words(&error));
}

#[test]
fn a_remote_engine_with_certificates() {
    use seawall_engine::{Address, TlsFiles};
    use std::process::{Command, Stdio};

    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let openssl = |arguments: &[&str]| {
        let mut command = Command::new("openssl");
        command.current_dir(directory.path()).args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null());
        command
    };
    let ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let make =
        [&["req", "-x509"], &ec[..], &["-days", "2", "-subj", "/CN=engine", "-keyout", "key.pem"]].concat();
    let san = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"];
    match openssl(&[&make[..], &san, &["-out", "cert.pem"]].concat()).status() {
        Ok(status) => assert!(status.success()),
        Err(_) => {
            println!("skipped: openssl is not installed");
            return;
        }
    }
    std::fs::write(file("version"), VERSION).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server =
        openssl(&["s_server", "-accept", &port.to_string(), "-cert", "cert.pem", "-key", "key.pem"])
            .args(["-CAfile", "cert.pem", "-Verify", "1", "-verify_return_error", "-WWW"])
            .spawn()
            .unwrap();
    let connect = |tls: Option<TlsFiles>| {
        let address = Address::Tcp { authority: format!("127.0.0.1:{port}"), tls };
        match Docker::connect(&Endpoint { kind: EngineKind::Docker, address }) {
            Ok(docker) => docker.version().version.clone(),
            Err(error) => words(&error),
        }
    };
    let known = TlsFiles { ca: Some(file("cert.pem")), client: Some((file("cert.pem"), file("key.pem"))) };
    let mut outcome = connect(Some(known.clone()));
    for _ in 0..100 {
        if !outcome.contains("nobody listens") {
            break;
        }
        thread::sleep(std::time::Duration::from_millis(50));
        outcome = connect(Some(known.clone()));
    }
    let without_certificate = connect(Some(TlsFiles { client: None, ..known.clone() }));
    let without_authority = connect(Some(TlsFiles { ca: None, ..known.clone() }));
    let no_file = connect(Some(TlsFiles { ca: Some(file("none.pem")), ..known }));
    let _ = server.kill();
    let _ = server.wait();
    assert_eq!(outcome, "20.10.24");
    assert!(without_certificate.contains("the connection failed"), "{without_certificate}");
    assert!(without_authority.contains("certificate"), "{without_authority}");
    assert!(no_file.contains("none.pem cannot be used"), "{no_file}");
}
