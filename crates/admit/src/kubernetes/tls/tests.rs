//! Clients that take their time, and one that does not.

use std::io::Write as _;
use std::net::TcpListener;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};
use seawall_trust::certificate::issue::{Issuer, Role, Template};
use seawall_trust::{PrivateKey, Secret};

use super::*;
use crate::http::{self, Answer, Bodies, Terms};

/// What a new connection has here.
const PATIENCE: Duration = Duration::from_millis(500);
/// How much later a busy machine may notice.
const SLACK: Duration = Duration::from_secs(2);

/// A client that believes every certificate.
#[derive(Debug)]
struct Credulous;

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}

fn certificates(directory: &Path) -> Certificates {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
    let key = PrivateKey::from_pkcs8(Secret::new(pkcs8.as_ref().to_vec())).unwrap();
    let valid = ("2026-01-01T00:00:00Z".parse().unwrap(), "2036-01-01T00:00:00Z".parse().unwrap());
    let template =
        Template { subject: Some(("x", "webhook")), key: key.public(), valid, role: Role::Root { below: 0 } };
    let certificate = template.issue(Issuer::Itself(&key), None).unwrap();
    let (pem, private) = (directory.join("tls.pem"), directory.join("tls.key"));
    fs::write(&pem, certificate.to_pem()).unwrap();
    let text = BASE64_STANDARD.encode(pkcs8);
    fs::write(&private, format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")).unwrap();
    Certificates::open(&pem, &private, None).unwrap()
}

/// A connection that is served as the webhook serves it, until it ends after so long.
fn connect() -> (TcpStream, JoinHandle<Duration>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let theirs = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (ours, _) = listener.accept().unwrap();
    let served = thread::spawn(move || {
        let directory = tempfile::tempdir().unwrap();
        let certificates = certificates(directory.path());
        let begin = Instant::now();
        if let Ok(mut stream) = certificates.accept_within(ours, PATIENCE) {
            let answer = |request: &http::Request| Answer::text(200, &request.target);
            http::serve(&mut stream, &Terms::new(Bodies::default()), &answer);
        }
        begin.elapsed()
    });
    (theirs, served)
}

fn client() -> ClientConnection {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Credulous))
        .with_no_client_auth();
    ClientConnection::new(Arc::new(config), ServerName::try_from("webhook").unwrap()).unwrap()
}

fn encrypted(client: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).unwrap();
    }
    bytes
}

/// Sends these one after the other, each well within what one read may take, as long as somebody listens.
fn trickle(stream: &mut TcpStream, parts: &[&[u8]]) {
    for part in parts {
        if stream.write_all(part).is_err() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

#[track_caller]
fn check_cut(served: JoinHandle<Duration>) {
    let after = served.join().unwrap();
    assert!(after >= PATIENCE && after < PATIENCE + SLACK, "{after:?}");
}

#[test]
fn whoever_shakes_hands_byte_by_byte_is_cut() {
    let (mut stream, served) = connect();
    let hello = encrypted(&mut client());
    let slowly: Vec<&[u8]> = hello.chunks(1).take(hello.len() - 1).collect();
    trickle(&mut stream, &slowly);
    check_cut(served);
}

#[test]
fn whoever_asks_byte_by_byte_is_cut() {
    let request = format!("POST /validate HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{}", "x".repeat(999));
    // The bytes of one record; and records of a byte each.
    for plain_at_a_time in [request.len(), 1] {
        let (mut stream, served) = connect();
        let mut client = client();
        while client.is_handshaking() {
            client.complete_io(&mut stream).unwrap();
        }
        let records: Vec<Vec<u8>> = request
            .as_bytes()
            .chunks(plain_at_a_time)
            .map(|plain| {
                client.writer().write_all(plain).unwrap();
                encrypted(&mut client)
            })
            .collect();
        let parts: Vec<&[u8]> = match records.as_slice() {
            [one] => one.chunks(1).collect(),
            many => many.iter().map(Vec::as_slice).collect(),
        };
        trickle(&mut stream, &parts);
        check_cut(served);
    }
}

#[test]
fn whoever_asks_at_once_may_ask_again_later() {
    let (stream, served) = connect();
    let mut stream = StreamOwned::new(client(), stream);
    for path in ["/one", "/two"] {
        stream.write_all(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes()).unwrap();
        let mut told = Vec::new();
        while !told.ends_with(format!("\r\n\r\n{path}\n").as_bytes()) {
            let mut bytes = [0; 1024];
            let count = stream.read(&mut bytes).unwrap();
            assert!(count > 0, "{}", String::from_utf8_lossy(&told));
            told.extend_from_slice(&bytes[..count]);
        }
        thread::sleep(PATIENCE + Duration::from_millis(100));
    }
    drop(stream);
    assert!(served.join().unwrap() >= PATIENCE * 2);
}
