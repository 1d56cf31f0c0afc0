//! `seawall guard --audit-webhook` as an API server meets it, with curl in its place: batches → findings, status codes,
//! TLS with and without a client's certificate, new rules, the end.
#![cfg(feature = "runtime")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it skips"
)]

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use seawall_testkit::output;
use serde_json::{Value, json};

const RULES: &str = "
- rule: Secret read
  desc: someone reads a secret
  condition: ka.verb = get and ka.target.resource = secrets
  output: secret read (user=%ka.user.name secret=%ka.target.name)
  priority: WARNING
  source: k8s_audit
";

/// A guard at a port of this machine; it ends with the test.
struct Guard {
    process: Child,
    directory: tempfile::TempDir,
    address: String,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Guard {
    fn start(directory: tempfile::TempDir, arguments: &[&str]) -> Guard {
        let file = |name: &str| File::create(directory.path().join(name)).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_seawall"))
            .args(["guard", "--audit-webhook", "127.0.0.1:0", "--format", "falco"])
            .args(arguments)
            .current_dir(directory.path())
            .stdout(file("out"))
            .stderr(file("log"))
            .spawn()
            .unwrap();
        let mut guard = Guard { process, directory, address: String::new() };
        guard.wait_for("log", "listening at ");
        let log = guard.read("log");
        guard.address = log.split_once("listening at ").unwrap().1.lines().next().unwrap().to_owned();
        guard
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap()
    }

    #[track_caller]
    fn wait_for(&self, name: &str, text: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        while !self.read(name).contains(text) {
            assert!(Instant::now() < end, "no `{text}` in {}: {}", name, self.read(name));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The status that curl gets, `000` where there is no answer.
    fn post(&self, url: &str, body: &[u8], more: &[&str]) -> String {
        let mut curl = Command::new("curl")
            .args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--max-time", "10"])
            .args(["--header", "Content-Type: application/json", "--data-binary", "@-"])
            .args(more)
            .arg(url.replace("HOST", &self.address))
            .current_dir(self.directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // A body that is not wanted is not taken either.
        let _ = curl.stdin.take().unwrap().write_all(body);
        String::from_utf8(curl.wait_with_output().unwrap().stdout).unwrap()
    }

    /// Asks it to end, and returns its exit code.
    fn end(&mut self) -> i32 {
        signal(&self.process, "TERM");
        self.process.wait().unwrap().code().unwrap()
    }
}

fn signal(process: &Child, name: &str) {
    output(Command::new("kill").args(["-s", name, &process.id().to_string()])).unwrap();
}

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("rules.yaml"), RULES).unwrap();
    directory
}

fn curl_is_there() -> bool {
    let is_there = Command::new("curl").arg("--version").output().is_ok();
    if !is_there {
        println!("skipped: curl is not installed");
    }
    is_there
}

/// A request as an API server tells of it.
fn event(stage: &str, verb: &str, resource: &str, subresource: &str) -> Value {
    json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "auditID": "a1", "stage": stage,
        "requestURI": format!("/api/v1/namespaces/shop/{resource}/web/{subresource}?command=sh"), "verb": verb,
        "user": {"username": "eve", "groups": ["system:authenticated"]}, "sourceIPs": ["10.0.0.7"],
        "objectRef": {
            "resource": resource, "namespace": "shop", "name": "web", "apiVersion": "v1", "subresource": subresource,
        },
        "requestReceivedTimestamp": "2026-11-28T20:00:00.000001Z", "stageTimestamp": "2026-11-28T20:00:01.000002Z",
    })
}

fn batch(items: &[Value]) -> Vec<u8> {
    let list = json!({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": items});
    list.to_string().into_bytes()
}

const SECRET: &str = "20:00:01.000002000: Warning secret read (user=eve secret=web)\n";

#[test]
fn batches_are_asked_of_and_nonsense_is_not_accepted() {
    if !curl_is_there() {
        return;
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut guard = Guard::start(directory(), &["--rules", "rules.yaml", "--metrics", &port]);
    let secret = event("ResponseComplete", "get", "secrets", "");
    let check = |path: &str, body: &[u8], more: &[&str], expected: &str| {
        assert_eq!(guard.post(&format!("http://HOST{path}"), body, more), expected, "{path} {more:?}");
    };
    // The first may come before the rules are compiled, and is told to come again.
    let end = Instant::now() + Duration::from_secs(10);
    let ready = batch(&[]);
    while guard.post("http://HOST/audit", &ready, &[]) != "200" {
        assert!(Instant::now() < end, "{}", guard.read("log"));
        std::thread::sleep(Duration::from_millis(20));
    }
    check("/audit?timeout=30s", &batch(std::slice::from_ref(&secret)), &[], "200");
    check("/k8s-audit", &batch(&[json!(7), secret.clone()]), &[], "200");
    check("/audit", b"nonsense", &[], "400");
    check("/audit", secret.to_string().as_bytes(), &[], "400");
    check("/audit", &vec![b' '; 17 * 1024 * 1024], &["--header", "Expect:"], "413");
    check("/audit", b"x", &["--header", "Transfer-Encoding: chunked"], "411");
    check("/audit", b"x", &["--request", "PUT"], "405");
    check("/other", b"x", &[], "404");
    check("/healthz", b"", &["--request", "GET"], "200");
    check("/audit", b"x", &["--header", "Origin: null"], "403");
    check("/audit", b"x", &["--header", "Host: evil.example"], "403");
    // One poisoned object hides neither its event nor another, and one that is too large is left out of its event.
    let mut poisoned = secret.clone();
    poisoned["requestObject"] = json!("POISON");
    let body = String::from_utf8(batch(&[poisoned, secret.clone()])).unwrap();
    check("/audit", body.replace("\"POISON\"", "{\"a\":1e999}").as_bytes(), &[], "200");
    let mut filled = secret.clone();
    filled["requestObject"] = json!({"data": "x".repeat(9 * 1024 * 1024)});
    check("/audit", &batch(&[filled]), &["--header", "Expect:"], "200");
    guard.wait_for("out", &SECRET.repeat(5));
    assert_eq!(guard.read("out"), SECRET.repeat(5));
    // What is lost is told at once, and counted while it runs.
    guard.wait_for("log", "requests to the audit webhook were refused before they were read; the first: 413");
    guard.wait_for("log", "events of the audit log have a part that cannot be read");
    let end = Instant::now() + Duration::from_secs(10);
    let metrics = || {
        let output = Command::new("curl").args(["--silent", &format!("http://{port}/metrics")]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let counted = [
        "{reason=\"event_partly_read\"} 2",
        "{reason=\"no_batch\"} 2",
        "{reason=\"no_event\"} 1",
        "{reason=\"request_refused\"} 4",
    ];
    while !counted.iter().all(|line| metrics().contains(&format!("seawall_audit_lost_total{line}"))) {
        assert!(Instant::now() < end, "{}", metrics());
        std::thread::sleep(Duration::from_millis(100));
    }

    // New rules count, and bad ones do not.
    let changed = RULES.replace("secret read (", "a secret was read (");
    std::fs::write(guard.at("rules.yaml"), &changed).unwrap();
    signal(&guard.process, "HUP");
    guard.wait_for("log", "rules loaded again");
    std::fs::write(guard.at("rules.yaml"), changed.replace("ka.verb", "ka.werb")).unwrap();
    guard.wait_for("log", "new rules refused, the old ones stay");
    assert_eq!(guard.post("http://HOST/", &batch(&[secret]), &[]), "200");
    // What was accepted before the end is asked of.
    assert_eq!(guard.end(), 0, "{}", guard.read("log"));
    assert!(guard.read("out").ends_with("Warning a secret was read (user=eve secret=web)\n"));
    let log = guard.read("log");
    assert!(log.contains("6 events, 0 lost, 6 findings (0 denied by the policy), 4 gaps"), "{log}");
    assert!(log.contains("1 events of the audit log cannot be read"), "{log}");
    assert!(log.contains("2 requests to the audit webhook were no batches of events"), "{log}");
}

#[test]
fn official_rules_speak_of_what_the_webhook_is_sent() {
    let official = "../../../shared/data/falco-rules/k8s_audit_rules.yaml";
    let official = Path::new(env!("CARGO_MANIFEST_DIR")).join(official);
    if !curl_is_there() {
        return;
    }
    if !official.exists() {
        println!("skipped: there are no official rules at {}", official.display());
        return;
    }
    let rules = ["--rules", official.to_str().unwrap(), "--for", "60s", "--metrics", "127.0.0.1:0"];
    let mut guard = Guard::start(directory(), &rules);
    let exec = event("ResponseStarted", "create", "pods", "exec");
    let end = Instant::now() + Duration::from_secs(10);
    while guard.post("http://HOST/k8s-audit", &batch(std::slice::from_ref(&exec)), &[]) != "200" {
        assert!(Instant::now() < end, "{}", guard.read("log"));
        std::thread::sleep(Duration::from_millis(20));
    }
    let told = "20:00:01.000002000: Notice Attach/Exec to pod (user=eve pod=web resource=pods ns=shop action=exec command=sh)\n";
    guard.wait_for("out", told);
    assert_eq!(guard.end(), 0);
    assert_eq!(guard.read("out"), told);
}

#[test]
fn over_tls_a_client_shows_its_certificate_where_that_is_asked_for() {
    if !curl_is_there() {
        return;
    }
    let directory = directory();
    let openssl =
        |words: &str| output(Command::new("openssl").args(words.split(' ')).current_dir(directory.path()));
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    let authority = |name: &str| {
        let names = "-addext subjectAltName=IP:127.0.0.1";
        openssl(&format!(
            "req -x509 {key} -days 10 -subj /CN={name} {names} -keyout {name}.key -out {name}.pem"
        ))
    };
    if authority("server").is_err() {
        println!("skipped: openssl is not installed");
        return;
    }
    for (name, by) in [("client", "authority"), ("stranger", "other")] {
        authority(by).unwrap();
        openssl(&format!("req {key} -subj /CN={name} -keyout {name}.key -out {name}.csr")).unwrap();
        std::fs::write(directory.path().join("extensions"), "basicConstraints=CA:FALSE\n").unwrap();
        openssl(&format!(
            "x509 -req -in {name}.csr -CA {by}.pem -CAkey {by}.key -CAcreateserial -days 10 -extfile extensions -out {name}.pem"
        ))
        .unwrap();
    }
    let tls =
        ["--tls-certificate", "server.pem", "--tls-key", "server.key", "--tls-client-ca", "authority.pem"];
    let arguments = [["--rules", "rules.yaml"].as_slice(), &tls].concat();
    let mut guard = Guard::start(directory, &arguments);
    let body = batch(&[event("ResponseComplete", "get", "secrets", "")]);
    let ask = |more: &[&str]| {
        guard.post("https://HOST/audit", &body, &[&["--cacert", "server.pem"], more].concat())
    };
    let client = ["--cert", "client.pem", "--key", "client.key"];
    let end = Instant::now() + Duration::from_secs(10);
    while ask(&client) != "200" {
        assert!(Instant::now() < end, "{}", guard.read("log"));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(ask(&[]), "000");
    assert_eq!(ask(&["--cert", "stranger.pem", "--key", "stranger.key"]), "000");
    assert_eq!(guard.post("http://HOST/audit", &body, &[]), "000");
    assert_eq!(guard.end(), 0);
    assert_eq!(guard.read("out"), SECRET);
}

#[test]
fn in_plain_text_only_this_machine_is_listened_to() {
    let check = |arguments: &[&str], code: i32, told: &str| {
        let directory = directory();
        let output = Command::new(env!("CARGO_BIN_EXE_seawall"))
            .args(["guard", "--rules", "rules.yaml"])
            .args(arguments)
            .current_dir(directory.path())
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains(told), "{errors}");
        assert_eq!(output.status.code(), Some(code), "{errors}");
    };
    check(&["--audit-webhook", "0.0.0.0:0"], 2, "0.0.0.0:0 is no loopback address");
    check(&["--audit-webhook", "127.0.0.1:0", "--tls-key", "x"], 2, "--tls-certificate");
    check(
        &["--audit-webhook", "127.0.0.1:0", "--tls-certificate", "x", "--tls-key", "x"],
        2,
        "cannot read x",
    );
    check(&["--audit-webhook", "127.0.0.1:0", "--audit-log", "-"], 2, "cannot be used with");
}

/// A body whose values would take a hundred times its bytes: `[{"":0},…]`.
fn swollen(bytes: usize) -> Vec<u8> {
    let mut poisoned = event("ResponseComplete", "get", "secrets", "");
    poisoned["requestObject"] = json!("SWOLLEN");
    let text = String::from_utf8(batch(&[poisoned])).unwrap();
    let objects = "{\"\":0},".repeat(bytes / 7);
    text.replace("\"SWOLLEN\"", &format!("[{}0]", objects)).into_bytes()
}

#[test]
fn large_batches_take_no_more_memory_than_their_bytes() {
    if !curl_is_there() {
        return;
    }
    let mut guard = Guard::start(directory(), &["--rules", "rules.yaml"]);
    let end = Instant::now() + Duration::from_secs(10);
    while guard.post("http://HOST/audit", &batch(&[]), &[]) != "200" {
        assert!(Instant::now() < end, "{}", guard.read("log"));
        std::thread::sleep(Duration::from_millis(20));
    }
    // One is read to its limit of values, the other is too large to be read at all.
    for bytes in [7 * 1024 * 1024, 15 * 1024 * 1024] {
        let body = swollen(bytes);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    assert_eq!(guard.post("http://HOST/audit", &body, &["--header", "Expect:"]), "200")
                });
            }
        });
    }
    guard.wait_for("out", &SECRET.repeat(6));
    let status = std::fs::read_to_string(format!("/proc/{}/status", guard.process.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim();
    println!("{peak}");
    let kilobytes: u64 = peak.trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 300 * 1024, "{peak}");
    assert_eq!(guard.end(), 0);
}
