use std::time::Duration;

use seawall_engine::{Address, EngineKind};
use seawall_testkit::{Answer as Told, Server};
use serde_json::Value;

use super::*;
use crate::testing::{digest, pinned, site};

/// A dockerd that has these images: name → the digit of its id and of its digest.
fn dockerd() -> Server {
    let image = |id: char, origin: Option<char>| {
        let origins: Vec<String> = origin.into_iter().map(pinned).collect();
        json!({"Id": digest(id).to_string(), "RepoTags": [], "RepoDigests": origins}).to_string()
    };
    Server::start(move |request, _| {
        let name = request.path.strip_prefix("/images/").and_then(|rest| rest.strip_suffix("/json"));
        let container = request.path.strip_prefix("/containers/").and_then(|rest| rest.strip_suffix("/json"));
        let is = |name: &str, id: char| name == digest(id).to_string() || digest(id).hex().starts_with(name);
        match (request.path.as_str(), name, container) {
            ("/version", _, _) => Told::new(200, r#"{"Version":"20.10"}"#),
            (_, Some("a.b/team/app:1" | "plain"), _) => Told::new(200, image('1', Some('a'))),
            (_, Some("a.b/team/app:2"), _) => Told::new(200, image('2', Some('b'))),
            (_, Some("broken"), _) => Told::new(500, r#"{"message":"it broke"}"#),
            (_, Some(name), _) if is(name, '1') => Told::new(200, image('1', Some('a'))),
            (_, Some(name), _) if is(name, '2') => Told::new(200, image('2', Some('b'))),
            (_, Some(name), _) if is(name, '3') || name == "loaded" => Told::new(200, image('3', None)),
            (_, _, Some(name)) if name.starts_with('c') => {
                let id = name.chars().nth(1).unwrap();
                let answer = json!({"Id": name, "Name": "/x", "Image": digest(id).to_string(),
                                    "Config": {"Image": "a.b/team/app:1"}});
                Told::new(200, answer.to_string())
            }
            _ => Told::new(404, r#"{"message":"no such thing"}"#),
        }
    })
    .unwrap()
}

fn plugin(more: &str) -> (Plugin, Server) {
    let server = dockerd();
    let address = Address::Tcp { authority: server.authority().to_owned(), tls: None };
    let endpoint = Endpoint { kind: EngineKind::Docker, address };
    let log: Log = Arc::new(|_| {});
    (Plugin::new(site(more, Duration::ZERO).admission, endpoint, Vec::new(), log), server)
}

/// What dockerd is told, before (`Req`) or after (`Res`) a call.
fn ask(plugin: &Plugin, kind: &str, asked: &Value) -> String {
    let request = http::Request {
        method: "POST".to_owned(),
        target: format!("/AuthZPlugin.AuthZ{kind}"),
        body: asked.to_string().into_bytes(),
    };
    let answer: Value = serde_json::from_slice(&plugin.answer(&request).body).unwrap();
    match answer["Allow"] == true {
        true => "allowed".to_owned(),
        false => format!("{}{}", answer["Msg"].as_str().unwrap_or(""), answer["Err"].as_str().unwrap_or("")),
    }
}

fn call(uri: &str, body: &str) -> Value {
    json!({"RequestMethod": "POST", "RequestUri": uri, "RequestBody": BASE64_STANDARD.encode(body)})
}

fn create(image: &str) -> Value {
    call("/v1.41/containers/create?name=x", &json!({"Image": image}).to_string())
}

#[test]
fn a_container_is_decided_by_what_the_engine_makes_of_the_name() {
    let (plugin, _server) = plugin("");
    let check = |image: &str, expected: &str| {
        let told = ask(&plugin, "Req", &create(image));
        assert!(told.contains(expected), "{image}: {told}");
    };
    let id = |digit: char| digest(digit).to_string();
    check("a.b/team/app:1", "allowed");
    check("plain", "allowed");
    check(&id('1'), "allowed");
    check(&id('1')[7..], "allowed");
    check("111111111111", "allowed");
    check("a.b/team/app:2", "has no signature");
    check(&id('2'), "has no signature");
    check("22222", "has no signature");
    check("loaded", "no digest of a registry");
    check("3", "no digest of a registry");
    check("broken", "it broke");
    check("../version", "not a name that an engine accepts");
    check("a//b", "not a name that an engine accepts");
    // Docker says itself that there is no such image; a client pulls it then.
    check("a.b/team/none:1", "allowed");
}

#[test]
fn what_cannot_be_seen_is_refused() {
    let (plugin, _server) = plugin("");
    let check = |asked: Value, expected: &str| {
        let told = ask(&plugin, "Req", &asked);
        assert!(told.contains(expected), "{asked}: {told}");
    };
    check(call("/containers/create", ""), "Docker does not show");
    check(json!({"RequestMethod": "POST", "RequestUri": "/containers/create"}), "Docker does not show");
    let not_base64 = json!({"RequestMethod": "POST", "RequestUri": "/containers/create", "RequestBody": "?"});
    check(not_base64, "not base64");
    check(json!({}), "its path does not begin");
    check(json!("x"), "invalid type");
    check(call("/containers/c1/start", r#"{"Privileged":true}"#), "settings that come with the start");
    let mut form = call("/images/create?fromImage=a.b/team/app&tag=1", "");
    form["RequestHeaders"] = json!({"Content-Type": "application/x-www-form-urlencoded"});
    check(form, "as a form");
    let mount = |source: &str| {
        let mounts = json!([{"Type": "image", "Source": source, "Target": "/x"}]);
        call("/containers/create", &json!({"Image": "plain", "HostConfig": {"Mounts": mounts}}).to_string())
    };
    check(mount(&digest('1').to_string()), "allowed");
    check(mount(&digest('2').to_string()), "has no signature");
    check(mount("plain"), "is neither");
    check(mount(&digest('9').to_string()), "to mount");
    check(call("/build", ""), "admission.docker.build");
    check(call("/plugins/pull?remote=x", "[]"), "admission.docker.plugins");
    check(call("/swarm/join", "{}"), "admission.docker.swarm");
    check(call("/images/create?fromImage=a.b/team/app&tag=gone", ""), "does not answer");
    check(call("/images/create?fromImage=a.b/team/app&tag=1", ""), "allowed");
    let service = |image: &str| json!({"TaskTemplate": {"ContainerSpec": {"Image": image}}}).to_string();
    check(call("/services/create", &service(&pinned('a'))), "allowed");
    check(call("/services/create", &service(&pinned('b'))), "has no signature");
    check(call("/services/create", &service("a.b/team/app:1")), "by digest");
    check(json!({"RequestMethod": "GET", "RequestUri": "/images/json"}), "allowed");
}

/// The name meant something signed when it was asked for, and something else when the container was made.
#[test]
fn a_tag_that_moves_while_a_container_is_made_moves_nothing() {
    let (plugin, _server) = plugin("");
    assert_eq!(ask(&plugin, "Req", &create("a.b/team/app:1")), "allowed");
    let made = |id: &str| {
        let mut asked = create("a.b/team/app:1");
        asked["ResponseStatusCode"] = json!(201);
        asked["ResponseBody"] = json!(BASE64_STANDARD.encode(json!({"Id": id}).to_string()));
        ask(&plugin, "Res", &asked)
    };
    assert_eq!(made("c1"), "allowed");
    assert!(made("c2").contains("c2 will not start"), "{}", made("c2"));
    let start = |id: &str| ask(&plugin, "Req", &call(&format!("/v1.41/containers/{id}/start"), ""));
    assert_eq!(start("c1"), "allowed");
    assert!(start("c2").contains("did not come from") || start("c2").contains("has no signature"));
    assert!(start("c3").contains("did not come from"), "{}", start("c3"));
    assert!(start("c4").contains("no longer"), "{}", start("c4"));
    let mut unreadable = create("a.b/team/app:1");
    unreadable["ResponseStatusCode"] = json!(201);
    assert!(ask(&plugin, "Res", &unreadable).contains("is not told"));
}

#[test]
fn an_engine_that_does_not_answer_is_no_reason_to_allow() {
    let endpoint = Endpoint::unix(EngineKind::Docker, "/nonexistent.sock");
    let log: Log = Arc::new(|_| {});
    let admission = site("", Duration::ZERO).admission;
    let plugin = Plugin::new(admission, endpoint, Vec::new(), log);
    assert!(ask(&plugin, "Req", &create("plain")).contains("there is no socket"));
    let (plugin, _server) = self::plugin("admission: {mode: warn}\n");
    assert_eq!(ask(&plugin, "Req", &create("a.b/team/app:2")), "allowed");
}

#[test]
fn the_socket_of_a_process_that_ended_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("seawall.sock");
    drop(UnixListener::bind(&socket).unwrap());
    let (plugin, _server) = plugin("");
    let listening = plugin.clone();
    let at = socket.clone();
    std::thread::spawn(move || listening.listen(&at));
    let stream = || UnixStream::connect(&socket);
    for _ in 0..100 {
        if stream().is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut stream = stream().unwrap();
    use std::io::{Read as _, Write as _};
    stream.write_all(b"POST /Plugin.Activate HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).unwrap();
    assert!(told.contains(r#"{"Implements":["authz"]}"#), "{told}");
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(plugin.listen(&socket).is_err(), "another one listens");
}

#[test]
fn what_is_no_socket_is_not_removed() {
    let directory = tempfile::tempdir().unwrap();
    let (file, link) = (directory.path().join("file"), directory.path().join("link"));
    fs::write(&file, "kept").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    for path in [&file, &link] {
        let told = bind(path).unwrap_err().to_string();
        assert_eq!(told, format!("{} is no socket, and is left as it is", path.display()));
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(bind(&directory.path().join("new")).is_ok());
}

/// Nobody waits for another one's wait.
#[test]
fn an_engine_that_hangs_keeps_each_call_waiting_once() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("docker.sock");
    let _hangs = UnixListener::bind(&socket).unwrap();
    let endpoint = Endpoint::unix(EngineKind::Docker, socket.display().to_string());
    let log: Log = Arc::new(|_| {});
    let mut plugin = Plugin::new(site("", Duration::ZERO).admission, endpoint, Vec::new(), log);
    plugin.within = Duration::from_millis(500);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_ne!(ask(&plugin, "Req", &create("plain")), "allowed"));
        }
    });
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}
