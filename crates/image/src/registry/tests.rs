use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use seawall_testkit::{Answer, Compression, Image, Request as Asked, Sending, Server, Store, Tar, sha256};

use super::*;
use crate::credentials::Secret;
use crate::manifest::PlatformChoice;
use crate::source::registry::open;

fn app() -> Image {
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(300_000)
    .collect();
    let tar = Tar::new().file("noise", &noise).finish();
    Image::new().stored_layer(tar, Compression::Gzip).layer(Tar::new().file("etc/x", "x"))
}

fn store() -> Store {
    Store::new().image("1", &app())
}

fn serve(answer: impl Fn(&Asked, &str) -> Answer + Send + Sync + 'static) -> Server {
    Server::start(answer).unwrap()
}

/// A client that does not sleep, with its pauses.
fn client(options: RegistryOptions) -> (Registry, Arc<StdMutex<Vec<Duration>>>) {
    let pauses: Arc<StdMutex<Vec<Duration>>> = Arc::default();
    let record = Arc::clone(&pauses);
    let pause: Pause = Arc::new(move |duration| record.lock().unwrap().push(duration));
    (Registry::new(RegistryOptions { pause: Some(pause), ..options }).unwrap(), pauses)
}

fn login(credential: Credential, server: &Server) -> RegistryOptions {
    let given = [(server.authority().to_owned(), credential)].into();
    RegistryOptions {
        credentials: Credentials { given, ..Credentials::default() },
        ..RegistryOptions::default()
    }
}

fn basic(password: &str) -> Credential {
    Credential::Basic { username: "u".into(), password: Secret::new(password) }
}

fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Opens `app:1` and reads all its layers; `ok` or why not.
fn pull(options: RegistryOptions, server: &Server) -> String {
    let (registry, _) = client(options);
    pull_with(&registry, server, "app:1")
}

fn pull_with(registry: &Registry, server: &Server, name: &str) -> String {
    let name: ImageName = format!("{}/{name}", server.authority()).parse().unwrap();
    let opened = match open(registry, &name, &PlatformChoice::Host) {
        Ok(opened) => opened,
        Err(error) => return words(&error),
    };
    for layer in &opened[0].image.layers {
        let mut bytes = Vec::new();
        let mut reader = match opened[0].blobs.open(layer) {
            Ok(reader) => reader,
            Err(error) => return words(&error),
        };
        if let Err(error) = reader.read_to_end(&mut bytes) {
            return words(&error);
        }
        assert_eq!(sha256(&bytes), layer.digest.as_ref().unwrap().to_string());
    }
    "ok".to_owned()
}

fn check(outcome: &str, expected: &str) {
    assert!(outcome.contains(expected), "`{outcome}` lacks `{expected}`");
}

#[test]
fn a_public_image() {
    let server = serve(|asked, _| store().answer(asked));
    check(&pull(RegistryOptions::default(), &server), "ok");
    let accept = server.requests()[0].header("accept").to_owned();
    assert!(accept.contains("oci.image.index") && accept.contains("manifest.list.v2"), "{accept}");
}

#[test]
fn an_index_by_platform() {
    let images = ["amd64", "arm64", "s390x"].map(|architecture| app().platform("linux", architecture));
    let store = Store::new().index("1", &images);
    let server = serve(move |asked, _| store.answer(asked));
    let name: ImageName = format!("{}/team/app:1", server.authority()).parse().unwrap();
    let (registry, _) = client(RegistryOptions::default());
    let platforms = |choice: &PlatformChoice| match open(&registry, &name, choice) {
        Ok(opened) => opened.iter().map(|one| one.image.platform.to_string()).collect::<Vec<_>>().join(" "),
        Err(error) => words(&error),
    };
    assert_eq!(platforms(&PlatformChoice::All), "linux/amd64 linux/arm64 linux/s390x");
    assert_eq!(platforms(&PlatformChoice::One("linux/arm64".parse().unwrap())), "linux/arm64");
    check(
        &platforms(&PlatformChoice::One("linux/386".parse().unwrap())),
        "no image for linux/386; on offer: linux/amd64",
    );
    let opened = open(&registry, &name, &PlatformChoice::Host).unwrap();
    assert!(opened[0].image.digest.is_some() && opened[0].image.index_digest.is_some());
    let pinned = name.with_digest(opened[0].image.digest.clone().unwrap());
    assert_eq!(open(&registry, &pinned, &PlatformChoice::Host).unwrap()[0].image.index_digest, None);
}

#[test]
fn a_basic_login() {
    let server = serve(|asked, _| match asked.header("authorization") {
        "Basic dTpw" => store().answer(asked),
        _ => Answer::new(401, "").with("www-authenticate", "Basic realm=\"x\""),
    });
    check(&pull(RegistryOptions::default(), &server), "is private and needs a login");
    check(&pull(login(basic("wrong"), &server), &server), "refused the recorded login");
    check(&pull(login(basic("p"), &server), &server), "ok");
    check(&pull(login(Credential::IdentityToken(Secret::new("t")), &server), &server), "needs a login");
}

/// A registry with a token server that wants `authorization` or the refresh token `refresh`.
fn token_server(authorization: &'static str, field: &'static str) -> Server {
    serve(move |asked, authority| {
        if asked.path == "/token" {
            let by_form = asked.method == "POST"
                && asked.body.contains("grant_type=refresh_token")
                && asked.body.contains("refresh_token=r%2Ft");
            let by_query = asked.method == "GET"
                && asked.query.contains("service=s%20v")
                && asked.query.contains("scope=repository%3Aapp%3Apull")
                && asked.header("authorization") == authorization;
            return match by_form || by_query {
                true => Answer::new(200, format!(r#"{{"{field}":"abc","expires_in":300}}"#)),
                false => Answer::new(401, ""),
            };
        }
        match asked.header("authorization") {
            "Bearer abc" => store().answer(asked),
            _ => {
                let challenge = format!(r#"Bearer realm="http://{authority}/token",service="s v",scope="x""#);
                Answer::new(401, "").with("www-authenticate", &challenge)
            }
        }
    })
}

#[test]
fn token_logins() {
    let server = token_server("", "token");
    check(&pull(RegistryOptions::default(), &server), "ok");
    let tokens = server.requests().iter().filter(|asked| asked.path == "/token").count();
    assert_eq!(tokens, 1, "one token serves manifest, configuration and layers");
    check(&pull(RegistryOptions::default(), &token_server("", "access_token")), "ok");
    check(&pull(RegistryOptions::default(), &token_server("Basic dTpw", "token")), "needs a login");
    let server = token_server("Basic dTpw", "token");
    check(&pull(login(basic("p"), &server), &server), "ok");
    check(&pull(login(basic("wrong"), &server), &server), "refused the recorded login");
    let server = token_server("never", "access_token");
    check(&pull(login(Credential::IdentityToken(Secret::new("r/t")), &server), &server), "ok");
    let server = token_server("never", "token");
    check(&pull(login(Credential::RegistryToken(Secret::new("abc")), &server), &server), "ok");
    check(&pull(RegistryOptions::default(), &token_server("", "other")), "gave no token");
}

#[test]
fn a_token_server_gets_no_login_over_plain_http_from_elsewhere() {
    for realm in ["", "ftp://x/", "//x"] {
        let server = serve(move |_, _| {
            Answer::new(401, "").with("www-authenticate", &format!("Bearer realm=\"{realm}\""))
        });
        check(&pull(login(basic("p"), &server), &server), "is no https address");
    }
    let server = serve(|_, _| Answer::new(401, "").with("www-authenticate", "Negotiate"));
    check(&pull(login(basic("p"), &server), &server), "of a kind that is not known");
    let server = serve(|_, _| Answer::new(401, ""));
    check(&pull(login(basic("p"), &server), &server), "of a kind that is not known");
}

#[test]
fn credentials_that_cannot_be_read_are_the_cause_and_no_obstacle() {
    let options = || RegistryOptions {
        credentials: Credentials { files: vec!["/proc/self/mem".into()], ..Credentials::default() },
        ..RegistryOptions::default()
    };
    check(&pull(options(), &token_server("", "token")), "ok");
    check(
        &pull(options(), &token_server("Basic dTpw", "token")),
        "cannot read credentials from /proc/self/mem",
    );
}

#[test]
fn a_redirect_does_not_take_the_login_along() {
    let elsewhere = serve(|asked, _| store().answer(asked));
    let target = elsewhere.authority().to_owned();
    let server =
        serve(move |asked, _| match (asked.header("authorization"), asked.path.contains("/blobs/")) {
            ("Basic dTpw", true) => {
                Answer::new(307, "").with("location", &format!("http://{target}{}?signature=x", asked.path))
            }
            ("Basic dTpw", false) => store().answer(asked),
            _ => Answer::new(401, "").with("www-authenticate", "Basic realm=x"),
        });
    check(&pull(login(basic("p"), &server), &server), "ok");
    let seen = elsewhere.requests();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|asked| asked.header("authorization").is_empty()));
}

#[test]
fn redirects_are_bounded() {
    let server = serve(|asked, _| Answer::new(307, "").with("location", &asked.path));
    check(&pull(RegistryOptions::default(), &server), "more than 5 places");
    let server = serve(|_, _| Answer::new(302, "").with("location", "file:///etc/passwd"));
    check(
        &pull(RegistryOptions::default(), &server),
        "redirects to file:///etc/passwd, which is not followed",
    );
    let server = serve(|_, _| Answer::new(302, ""));
    check(&pull(RegistryOptions::default(), &server), "redirects to nowhere");
}

#[test]
fn statuses_have_words_of_their_own() {
    let outcome = |status, body: &'static str| {
        let server = serve(move |_, _| Answer::new(status, body));
        pull(RegistryOptions::default(), &server)
    };
    let denied = r#"{"errors":[{"code":"DENIED","message":"requested access is denied"}]}"#;
    check(&outcome(403, denied), "no right to pull it (403): requested access is denied");
    check(&outcome(404, "<html>"), "check the name and tag (404)");
    check(&outcome(429, ""), "limits the number of requests (429)");
    check(&outcome(500, "a\u{7}b"), "answered 500: a b");
    check(&outcome(418, ""), "answered 418");
    let (registry, _) = client(RegistryOptions::default());
    let closed = serve(|_, _| Answer::new(200, ""));
    // A port that was just free; nobody listens there.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let name: ImageName = format!("127.0.0.1:{port}/app:1").parse().unwrap();
    check(&words(&registry.manifest(&name).unwrap_err()), "connection refused");
    let name: ImageName = "seawall.invalid/app:1".parse().unwrap();
    check(&words(&registry.manifest(&name).unwrap_err()), "host name has no address");
    drop(closed);
}

#[test]
fn offline_calls_nobody() {
    let server = serve(|asked, _| store().answer(asked));
    let options = RegistryOptions { network: Network::Offline, ..RegistryOptions::default() };
    check(&pull(options, &server), "network calls are switched off");
    assert_eq!(server.requests(), []);
}

#[test]
fn passing_failures_are_waited_for() {
    let count = AtomicUsize::new(0);
    let server = serve(move |asked, _| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::new(429, "").with("retry-after", "7"),
        1 => Answer::new(503, ""),
        2 => store().answer(asked).sent(Sending::Cut(10)),
        _ => store().answer(asked),
    });
    let (registry, pauses) = client(RegistryOptions::default());
    check(&pull_with(&registry, &server, "app:1"), "ok");
    let pauses = pauses.lock().unwrap().clone();
    assert_eq!(pauses, [Duration::from_secs(7), Duration::from_secs(1), Duration::from_secs(2)]);
}

#[test]
fn an_hours_wait_is_the_users_to_decide() {
    let server = serve(|_, _| Answer::new(429, "toomanyrequests").with("retry-after", "3600"));
    let (registry, pauses) = client(RegistryOptions::default());
    check(&pull_with(&registry, &server, "app:1"), "it says in 3600 s: toomanyrequests");
    assert!(pauses.lock().unwrap().is_empty());
}

#[test]
fn wrong_digests_are_caught() {
    let wrong = format!("sha256:{}", "0".repeat(64));
    // A tag whose announced digest is not that of the bytes.
    let announced = wrong.clone();
    let server = serve(move |asked, _| {
        let mut answer = store().answer(asked);
        answer.headers.retain(|(name, _)| name != "docker-content-digest");
        answer.with("docker-content-digest", &announced)
    });
    check(&pull(RegistryOptions::default(), &server), "instead of sha256:0000");
    // A manifest asked for by digest.
    let server = serve(|asked, _| {
        let path = asked.path.split("@").next().unwrap_or_default().to_owned();
        let is_manifest = path.contains("/manifests/");
        if is_manifest { Answer::new(200, app().manifest()) } else { store().answer(asked) }
    });
    let (registry, _) = client(RegistryOptions::default());
    check(&pull_with(&registry, &server, &format!("app@{wrong}")), "is broken or hostile");
    // A configuration.
    let config = sha256(&app().config());
    let tampered = store().blob(&config, app().configure(|config| config["os"] = "x".into()).config());
    let server = serve(move |asked, _| tampered.answer(asked));
    check(&pull(RegistryOptions::default(), &server), "is broken or hostile");
}

#[test]
fn endless_and_huge_documents_are_cut() {
    let server = serve(|_, _| Answer::new(200, vec![b' '; 1 << 16]).sent(Sending::Endless));
    check(&pull(RegistryOptions::default(), &server), "larger than 4194304 bytes");
    let server = serve(|asked, authority| match asked.path.as_str() {
        "/token" => Answer::new(200, vec![b' '; 1 << 16]).sent(Sending::Endless),
        _ => Answer::new(401, "")
            .with("www-authenticate", &format!("Bearer realm=\"http://{authority}/token\"")),
    });
    check(&pull(RegistryOptions::default(), &server), "larger than 1048576 bytes");
}

/// A registry that sends a byte every 10 ms where `is_slow`, given up at less than 100 bytes in 0.1 s.
fn check_trickling(is_slow: impl Fn(&Asked) -> bool + Send + Sync + 'static, expected: &str) {
    let server = serve(move |asked, authority| {
        let answer = match (asked.path.as_str(), asked.header("authorization")) {
            ("/token", _) => Answer::new(200, format!(r#"{{"token":"{}"}}"#, "a".repeat(200))),
            (_, "") => Answer::new(401, "")
                .with("www-authenticate", &format!("Bearer realm=\"http://{authority}/token\"")),
            _ => store().answer(asked),
        };
        match is_slow(asked) {
            true => answer.sent(Sending::Trickling(Duration::from_millis(10))),
            false => answer,
        }
    });
    let pace = Pace { window: Duration::from_millis(100), window_bytes_min: 100, ..Pace::default() };
    let started = std::time::Instant::now();
    check(&pull(RegistryOptions { pace, ..RegistryOptions::default() }, &server), expected);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn a_registry_that_trickles_is_given_up() {
    let slow = "it sends less than 100 bytes in 0.1 s, which is given up";
    check_trickling(|_| false, "ok");
    check_trickling(|asked| asked.path == "/token", slow);
    check_trickling(|asked| asked.path.contains("/manifests/"), slow);
    check_trickling(|asked| asked.path.contains("/blobs/"), slow);
    let layer = |asked: &Asked| store().answer(asked).body.len() > 100_000;
    check_trickling(layer, slow);
}

#[test]
fn a_refusal_that_trickles_keeps_its_status() {
    let server = serve(|asked, _| match asked.path.contains("/blobs/") {
        true => Answer::new(403, [b'x'; 1000]).sent(Sending::Trickling(Duration::from_millis(10))),
        false => store().answer(asked),
    });
    let pace = Pace { window: Duration::from_millis(100), window_bytes_min: 100, ..Pace::default() };
    let (registry, _) = client(RegistryOptions { pace, ..RegistryOptions::default() });
    let name: ImageName = format!("{}/app:1", server.authority()).parse().unwrap();
    let digest = Digest::sha256([7; 32]);
    let refused = registry.blob(&name, &digest, None).err().unwrap();
    check(&words(&refused), "no right to pull it (403): xxx");
}

#[test]
fn an_interrupted_blob_is_taken_up_again() {
    let server = serve(|asked, _| {
        let answer = store().answer(asked);
        match asked.path.contains("/blobs/") && answer.body.len() > 100_000 {
            true => answer.sent(Sending::Cut(70_000)),
            false => answer,
        }
    });
    check(&pull(RegistryOptions::default(), &server), "ok");
    let ranges: Vec<String> =
        server.requests().iter().map(|asked| asked.header("range").to_owned()).collect();
    assert!(ranges.iter().any(|range| range.starts_with("bytes=70000-")), "{ranges:?}");
}

#[test]
fn a_server_without_ranges_is_read_from_the_start_again() {
    let count = Arc::new(AtomicUsize::new(0));
    let served = Arc::clone(&count);
    let server = serve(move |asked, _| {
        let mut plain = asked.clone();
        plain.headers.remove("range");
        let answer = store().answer(&plain);
        match answer.body.len() > 100_000 && served.fetch_add(1, Ordering::SeqCst) == 0 {
            true => answer.sent(Sending::Cut(70_000)),
            false => answer,
        }
    });
    check(&pull(RegistryOptions::default(), &server), "ok");
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[test]
fn blobs_that_do_not_keep_their_word() {
    let breaking = serve(|asked, _| match asked.path.contains("/blobs/") {
        true if store().answer(asked).body.len() > 100_000 => store().answer(asked).sent(Sending::Cut(0)),
        _ => store().answer(asked),
    });
    check(&pull(RegistryOptions::default(), &breaking), "");
    assert!(breaking.requests().len() < 20);
    let longer = serve(|asked, _| {
        let mut answer = store().answer(asked);
        if answer.body.len() > 100_000 {
            answer.body.extend_from_slice(b"more");
        }
        answer
    });
    check(&pull(RegistryOptions::default(), &longer), "longer than the manifest says");
    let elsewhere = serve(|asked, _| match asked.header("range") {
        "" if asked.path.contains("/blobs/") && store().answer(asked).body.len() > 100_000 => {
            store().answer(asked).sent(Sending::Cut(70_000))
        }
        "" => store().answer(asked),
        _ => Answer::new(206, "x").with("content-range", "bytes 0-0/1"),
    });
    check(&pull(RegistryOptions::default(), &elsewhere), "another part of the blob");
}

#[test]
fn a_mirror_comes_first_and_its_failure_does_not_count() {
    let origin = serve(|asked, _| store().answer(asked));
    let good = serve(|asked, _| store().answer(asked));
    let bad = serve(|_, _| Answer::new(404, ""));
    let name = format!("{}/app:1", origin.authority());
    let options = |urls: &[String]| RegistryOptions {
        mirrors: urls
            .iter()
            .map(|url| Mirror { of: origin.authority().to_owned(), url: url.clone() })
            .collect(),
        ..RegistryOptions::default()
    };
    let (registry, _) = client(options(&[format!("http://{}/cache/hub", good.authority())]));
    registry.manifest(&name.parse().unwrap()).unwrap();
    assert_eq!(
        good.requests().last().map(|asked| asked.path.clone()),
        Some("/v2/cache/hub/app/manifests/1".into())
    );
    assert_eq!(origin.requests(), []);
    let (registry, _) = client(options(&[format!("http://{}", bad.authority())]));
    registry.manifest(&name.parse().unwrap()).unwrap();
    assert_eq!(bad.requests().len(), 1);
    assert!(Registry::new(options(&["mirror.example".to_owned()])).is_err());
}

#[test]
fn plain_http_is_for_loopback_and_the_insecure() {
    let url =
        |authority: &str| Url { scheme: Scheme::Http, authority: authority.to_owned(), path: "/".into() };
    let (registry, _) = client(RegistryOptions::default());
    let refused = registry.client.base(url("mirror.example"), "x").unwrap_err();
    check(&refused.to_string(), "plain HTTP is for registries listed as insecure");
    let server = serve(|asked, _| store().answer(asked));
    assert_eq!(registry.client.spoken(server.authority()).ok(), Some(Scheme::Http));
}

#[test]
fn proxies_and_authorities_are_checked_before_any_call() {
    let error = |options| Registry::new(options).unwrap_err().to_string();
    let proxies = ProxySettings { https: Some(Secret::new("ftp://hunter2@x")), ..ProxySettings::default() };
    let shown = error(RegistryOptions { proxies, ..RegistryOptions::default() });
    assert_eq!(shown, "the https proxy is not an address of the form http://host:port");
    let ca_files = vec!["/dev/null".into()];
    check(&error(RegistryOptions { ca_files, ..RegistryOptions::default() }), "it holds no certificate");
    let ca_files = vec!["/nowhere".into()];
    check(&error(RegistryOptions { ca_files, ..RegistryOptions::default() }), "No such file");
}

#[test]
fn a_proxy_is_used_except_for_this_machine() {
    let proxy = serve(|asked, _| store().answer(asked));
    let address = || Some(Secret::new(format!("http://{}", proxy.authority())));
    let proxies = || ProxySettings { http: address(), https: address(), no_proxy: "direct.invalid".into() };
    let insecure: BTreeSet<String> = ["far.invalid".to_owned(), "direct.invalid".to_owned()].into();
    let (registry, _) =
        client(RegistryOptions { proxies: proxies(), insecure, ..RegistryOptions::default() });
    let _ = registry.manifest(&"far.invalid/app:1".parse().unwrap());
    let through = proxy.requests().len();
    assert!(through > 0, "the proxy was asked");
    let server = serve(|asked, _| store().answer(asked));
    check(&pull_with(&registry, &server, "app:1"), "ok");
    let direct = registry.manifest(&"direct.invalid/app:1".parse().unwrap()).unwrap_err();
    check(&words(&direct), "has no address");
    assert_eq!(proxy.requests().len(), through);
}
