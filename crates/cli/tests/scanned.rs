//! A scan, a guard and a `top` that have its report, and containers of the image: what runs is told from what was shipped,
//! by digest, with a storage driver that has an upper layer and with one that has none.
#![cfg(feature = "runtime")]
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it skips"
)]
#![expect(dead_code, reason = "this test needs a part of what tests of the binary share")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use seawall_testkit::{Daemon, Image, Kind, Storage, Tar};
use serde_json::Value;

#[path = "place/place.rs"]
mod place;

use place::{OS_RELEASE, Place, status};

/// Two engines and two guards at once take longer than an event waits for its container.
static ONE: Mutex<()> = Mutex::new(());
const NAME: &str = "docker.io/library/drift-of-files:1";
const TIME_MAX: Duration = Duration::from_secs(30);

/// A rule that tells of every program what is known of it.
const TELLS: &str = "
- rule: Told
  desc: d
  condition: evt.type = execve and container.id != host
  output: >
    <known=%image.file.known mounted=%image.file.mounted matches=%image.file.digest_matches
    package=%image.file.package> %proc.cmdline
  priority: DEBUG
";

/// The words of which what is told of a mark consists.
fn told(known: &str, matches: &str, package: &str) -> String {
    format!("<known={known} mounted=false matches={matches} package={package}>")
}

/// A shell and what it runs, as they are on this machine, and programs that differ in their last byte.
fn image() -> Image {
    let programs = ["/bin/sh", "/bin/cp", "/bin/chmod", "/bin/sleep", "/bin/true"];
    let mut files: BTreeSet<String> = programs.iter().map(|program| (*program).to_owned()).collect();
    for program in programs {
        let libraries = Command::new("ldd").arg(program).output().unwrap().stdout;
        let libraries = String::from_utf8(libraries).unwrap();
        files.extend(libraries.split_whitespace().filter(|word| word.starts_with('/')).map(str::to_owned));
    }
    let mut tar = Tar::new();
    for file in &files {
        tar = tar.file_with_mode(file.trim_start_matches('/'), 0o755, fs::read(file).unwrap());
    }
    let ending = |end: &str| [fs::read("/bin/true").unwrap(), end.as_bytes().to_vec()].concat();
    let tar = tar
        .file("etc/os-release", OS_RELEASE)
        .file("var/lib/dpkg/status", status(&[("tools", "1.0-1")]))
        .file("var/lib/dpkg/info/tools.list", "/opt/tool\n/opt/plain\n")
        .file_with_mode("opt/tool", 0o755, ending("A"))
        .file_with_mode("opt/other", 0o755, ending("B"))
        .file_with_mode("opt/plain", 0o644, ending("C"))
        .file_with_mode("opt/same", 0o755, ending("D"))
        .directory("tmp");
    Image::new().layer(tar).tag(NAME)
}

struct Guard {
    process: Child,
    alerts: PathBuf,
    said: PathBuf,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Guard {
    /// None, with a word, where it cannot watch.
    fn start(place: &Place, daemon: &Daemon, more: &[&str]) -> Option<Guard> {
        let (alerts, said) = (place.path("alerts.jsonl"), place.path("said"));
        let (variable, socket) = daemon.variable();
        let mut command = place.command(&["guard", "--format", "json", "--matching", "all"]);
        command.args(more).env(variable, socket);
        command.stdout(File::create(&alerts).unwrap()).stderr(File::create(&said).unwrap());
        let mut guard = Guard { process: command.spawn().unwrap(), alerts, said: said.clone() };
        let end = Instant::now() + TIME_MAX;
        while Instant::now() < end {
            let text = fs::read_to_string(&said).unwrap();
            if text.contains("watching with") {
                return Some(guard);
            }
            if guard.process.try_wait().unwrap().is_some() {
                println!("skipped: the guard cannot watch: {text}");
                return None;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the guard does not begin to watch: {}", fs::read_to_string(&said).unwrap());
    }

    /// Ends it, and gives what it said.
    fn end(&mut self) -> String {
        let process = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        self.process.wait().unwrap();
        fs::read_to_string(&self.said).unwrap()
    }

    /// What the rules said of a mark, once the rule that always speaks did: rule and output.
    fn of(&self, mark: &str) -> Vec<(String, String)> {
        let end = Instant::now() + TIME_MAX;
        loop {
            let text = fs::read_to_string(&self.alerts).unwrap();
            let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let found: Vec<(String, String)> = lines
                .filter(|line| {
                    let summary = line["summary"].as_str().unwrap();
                    summary.ends_with(&format!(" {mark}")) || summary.contains(&format!(" {mark} parent="))
                })
                .map(|line| {
                    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                    (text(&line["rule"]), text(&line["summary"]))
                })
                .collect();
            if found.iter().any(|(rule, _)| rule == "told") {
                // Others that speak of the same event are written with it.
                return found;
            }
            assert!(Instant::now() < end, "nothing of {mark}: {text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn pack() -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules/guard");
    let mut files: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .filter(|path| path.ends_with(".yaml"))
        .collect();
    files.sort();
    files
}

/// Drift as these rules of the pack see it.
const DRIFT: [&str; 4] = [
    "program-of-the-image-replaced-and-run",
    "file-made-executable-and-run",
    "program-run-that-is-not-of-the-image",
    "program-run-that-a-scan-did-not-find-in-the-image",
];

/// The image in the engine, and the report of its scan.
fn scanned(place: &Place, daemon: &Daemon) -> String {
    fs::write(daemon.path("archive"), image().docker_archive()).unwrap();
    daemon.ask(&["load", "-q", "-i", &daemon.path("archive")]).unwrap();
    let report = place.path("scan.json").display().to_string();
    let (variable, socket) = daemon.variable();
    let scan = ["scan", "-f", &format!("json={report}"), &format!("docker:{NAME}")];
    let scanned = place.command(&scan).env(variable, socket).output().unwrap();
    assert!(scanned.status.success(), "{}", String::from_utf8_lossy(&scanned.stderr));
    report
}

fn check(storage: Storage) {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(daemon) = Daemon::start_with(Kind::Docker, storage) else { return };
    let place = Place::with_database();
    let report = scanned(&place, &daemon);
    let tells = place.write("tells.yaml", TELLS);
    let mut more = vec!["--with", &report, "--rules"];
    let pack = pack();
    more.extend(pack.iter().map(String::as_str));
    more.push(&tells);
    let Some(mut guard) = Guard::start(&place, &daemon, &more) else { return };
    daemon.ask(&["run", "-d", "--network=none", "--name", "web", NAME, "/bin/sleep", "600"]).unwrap();
    let package = "pkg:deb/debian/tools@1.0-1?arch=amd64&distro=debian-12";
    let (same, other) = (told("true", "true", package), told("true", "false", package));
    let (upper, stranger) = match storage {
        Storage::Overlay => ("program-run-that-is-not-of-the-image", told("false", "<NA>", "<NA>")),
        Storage::Copies => ("", told("false", "<NA>", "<NA>")),
    };
    let unseen = "program-run-that-a-scan-did-not-find-in-the-image";
    let replaced = "program-of-the-image-replaced-and-run";
    let cases: &[(&str, &str, &str, &[&str])] = &[
        ("as-shipped", "/opt/tool", &same, &[]),
        ("mode-changed", "chmod 755 /opt/plain; /opt/plain", &same, &[]),
        ("copied-up", "cp /opt/tool /tmp/t; cp /tmp/t /opt/tool; /opt/tool", &same, &[]),
        ("other-size", "cp /bin/sleep /opt/plain; /opt/plain 0; /opt/plain", &other, &[replaced, upper]),
        ("same-size", "cp /opt/other /opt/tool; /opt/tool", &other, &[replaced, upper]),
        ("dropped", "cp /opt/same /tmp/new; /tmp/new", &stranger, &[unseen, upper]),
    ];
    for (mark, script, told, rules) in cases {
        // What the program returns is of no interest.
        let _ = daemon.ask(&["exec", "web", "/bin/sh", "-c", &format!("{script} {mark}; :")]);
        let spoke = guard.of(mark);
        let of_mark: Vec<&String> =
            spoke.iter().filter(|(rule, _)| rule == "told").map(|(_, output)| output).collect();
        assert!(
            of_mark.iter().all(|output| output.starts_with(*told)),
            "{storage:?} {mark}: {of_mark:#?} {}",
            guard.end()
        );
        let found: BTreeSet<&str> = spoke.iter().map(|(rule, _)| rule.as_str()).collect();
        let found: BTreeSet<&str> = found.into_iter().filter(|rule| DRIFT.contains(rule)).collect();
        let expected: BTreeSet<&str> = rules.iter().copied().filter(|rule| !rule.is_empty()).collect();
        assert_eq!(found, expected, "{storage:?} {mark}");
    }
}

#[test]
fn drift_is_judged_by_digest_with_an_upper_layer() {
    check(Storage::Overlay);
}

#[test]
fn drift_is_judged_by_digest_without_one() {
    check(Storage::Copies);
}

/// A finding as a guard wrote it of this container.
fn alert(id: &str) -> String {
    let container = format!(r#"{{"id":"{id}","name":"bad","engine":"docker","image":"app:1"}}"#);
    let happened = format!(
        r#"{{"kind":"happened","rule":"Shell\u001b[2J","priority":"Critical","source":"syscall","event":"execve","number":1,"time":"2026-11-28T00:00:00Z","output":"o","fields":{{}},"lineage":[],"tags":[],"events":2,"about":"x","container":{container}}}"#
    );
    format!(
        r#"{{"rule":"shell","subject":{{"kind":"container","engine":"docker","name":"bad"}},"place":{{}},"severity":"critical","confidence":"high","summary":"o","evidence":{happened},"remedy":"","references":[],"controls":[],"fingerprint":"00000000000000000000000000000000","verdict":"warn"}}"#
    )
}

#[test]
fn top_shows_who_is_busy_and_who_is_at_risk() {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(daemon) = Daemon::start_with(Kind::Docker, Storage::Overlay) else { return };
    let place = Place::with_database();
    let report = scanned(&place, &daemon);
    let run = |name: &str, more: &[&str], command: &[&str]| {
        let line = [&["run", "-d", "--network=none", "--name", name], more, &[NAME], command].concat();
        String::from_utf8(daemon.ask(&line).unwrap()).unwrap().trim().to_owned()
    };
    let busy = "while :; do /bin/true; /bin/sleep 0.1; done";
    run("busy", &["--pid=host"], &["/bin/sh", "-c", busy]);
    let bad = run("bad", &["-v", "/etc:/mnt:ro"], &["/bin/sleep", "600"]);
    run("idle", &[], &["/bin/sleep", "600"]);
    let alerts = place.write("alerts.jsonl", format!("{}\nnothing\n{{\"half", alert(&bad)));
    let top = |more: &[&str]| {
        let mut command = place.command(&["top", "--once", "--with", &report, "--alerts", &alerts]);
        let (variable, socket) = daemon.variable();
        let output = command.args(more).env(variable, socket).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, err) = top(&["--format", "json"]);
    if code == Some(3) {
        println!("skipped: the kernel cannot be watched: {err}");
        return;
    }
    assert_eq!(code, Some(0), "{err}");
    let seen: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(seen["schema"], "seawall.top/v1");
    let rows = seen["containers"].as_array().unwrap();
    let of =
        |name: &str| rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name}: {out}"));
    assert!(of("busy")["activity"]["executions"].as_u64() > Some(5), "{}", of("busy"));
    assert!(of("busy")["activity"]["processes"].as_u64() > Some(5), "{}", of("busy"));
    assert_eq!(of("busy")["privileges"][0]["rule"], "host-pid-namespace");
    assert_eq!(of("bad")["risk"], "critical");
    assert_eq!(of("bad")["alerts"]["critical"], 2);
    assert_eq!(of("bad")["privileges"][0]["rule"], "sensitive-host-mount");
    assert_eq!(of("idle")["risk"], "none");
    assert_eq!(of("idle")["packages"], serde_json::json!({"exploited": 0, "critical": 0, "high": 0}));
    assert_eq!(of("idle")["activity"]["executions"], 0);
    assert!(seen["gaps"].to_string().contains("1 lines of --alerts are no findings"), "{}", seen["gaps"]);
    let (_, text, _) = top(&["--sort", "activity"]);
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    let at = |name: &str| text.lines().position(|line| line.split_whitespace().nth(1) == Some(name)).unwrap();
    assert!(at("busy") < at("bad"), "{text}");
}
