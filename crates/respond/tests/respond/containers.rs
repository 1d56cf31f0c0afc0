//! Freezing, stopping and capturing containers of real engines.

use std::os::unix::net::UnixListener;
use std::process::Command;

use seawall_engine::control::{Control, State};
use seawall_engine::{Endpoint, EngineKind};
use seawall_finding::ContainerIdentity;
use seawall_policy::Response;
use seawall_respond::{Mode, Outcome, Receipt, Receipts, Standing, Undo, undo};
use seawall_testkit::{Daemon, Kind};

use crate::place::{Place, container, endpoint, engine, eventually, is_root};

/// The state letter of a process: `S` sleeps, `D` or `t` stands still in a frozen cgroup of version 1 or 2.
fn runs(pid: u32) -> bool {
    let proc = format!("/proc/{pid}/cgroup");
    let Ok(cgroups) = std::fs::read_to_string(proc) else { return false };
    let of = |prefix: &str| cgroups.lines().find_map(|line| line.split_once(prefix)).map(|(_, path)| path);
    let first = of(":freezer:").map(|path| format!("/sys/fs/cgroup/freezer{path}/freezer.state"));
    let second = of("0::").map(|path| format!("/sys/fs/cgroup{path}/cgroup.freeze"));
    let unified = of("0::").map(|path| format!("/sys/fs/cgroup/unified{path}/cgroup.freeze"));
    let states = [first, second, unified].into_iter().flatten();
    !states
        .filter_map(|file| std::fs::read_to_string(file).ok())
        .any(|state| matches!(state.trim(), "FROZEN" | "1"))
}

fn state(daemon: &Daemon, id: &str) -> State {
    Control::connect(&endpoint(daemon)).unwrap().state(id).unwrap()
}

fn freezes_and_undoes(kind: Kind) {
    let Some(daemon) = engine(kind) else { return };
    let Some((identity, pid)) = container(&daemon, "seawall-frozen", &[]) else { return };
    let place = Place::new(vec![endpoint(&daemon)]);
    let receipts = Receipts::at(place.receipts());
    let mut rehearsing = place.responder(Mode::Rehearsal, "");
    let rehearsed = rehearsing.respond(Response::Freeze, None, Some(identity.clone()));
    assert_eq!(rehearsed.outcome, Outcome::Rehearsed, "{rehearsed:?}");
    assert!(runs(pid));
    drop(rehearsing);

    let mut acting = place.responder(Mode::Enforced, "{repeat-after: 1ms, after-death: keep}");
    let frozen = acting.respond(Response::Freeze, None, Some(identity.clone()));
    assert_eq!((frozen.outcome, frozen.undo.clone()), (Outcome::Done, Undo::Unpause), "{frozen:?}");
    assert_eq!(state(&daemon, &identity.id), State::Paused);
    assert!(!runs(pid));
    std::thread::sleep(std::time::Duration::from_millis(5));
    let again = acting.respond(Response::Freeze, None, Some(identity.clone()));
    assert_eq!(again.outcome, Outcome::Needless, "{again:?}");
    // The responder that holds it is asked, and does it.
    let undone = undo(&receipts, &frozen.id, &place.roots).unwrap();
    assert!(matches!(undone.standing, Standing::Undone { .. }), "{undone:?}");
    assert_eq!(state(&daemon, &identity.id), State::Running);
    assert!(runs(pid));
    assert_eq!(undo(&receipts, &frozen.id, &place.roots).unwrap(), undone);

    // Kept after its end, and undone by whoever comes.
    std::thread::sleep(std::time::Duration::from_millis(5));
    let kept = acting.respond(Response::Freeze, None, Some(identity.clone()));
    drop(acting);
    assert_eq!(state(&daemon, &identity.id), State::Paused);
    undo(&receipts, &kept.id, &place.roots).unwrap();
    assert_eq!(state(&daemon, &identity.id), State::Running);

    let mut acting = place.responder(Mode::Enforced, "{repeat-after: 1ms}");
    let released = acting.respond(Response::Freeze, None, Some(identity.clone()));
    drop(acting);
    assert_eq!(state(&daemon, &identity.id), State::Running);
    let released = receipts.read(&released.id).unwrap();
    assert!(matches!(released.standing, Standing::Undone { .. }), "{released:?}");

    let mut acting = place.responder(Mode::Enforced, "{}");
    let stopped = acting.respond(Response::Stop, None, Some(identity.clone()));
    assert_eq!(stopped.outcome, Outcome::Done, "{stopped:?}");
    eventually("a stopped container", || state(&daemon, &identity.id) == State::Stopped);
    let restarted = undo(&receipts, &stopped.id, &place.roots);
    match kind {
        Kind::Docker | Kind::Podman => {
            restarted.unwrap();
            assert_eq!(state(&daemon, &identity.id), State::Running);
            daemon.ask(&["rm", "-f", "seawall-frozen"]).unwrap();
        }
        Kind::Containerd => assert!(restarted.unwrap_err().to_string().contains("make its task anew")),
    }
}

#[test]
fn docker_s_containers() {
    freezes_and_undoes(Kind::Docker);
}

#[test]
fn podman_s_containers() {
    freezes_and_undoes(Kind::Podman);
}

#[test]
fn containerd_s_containers() {
    freezes_and_undoes(Kind::Containerd);
}

/// An engine that takes connections and says nothing.
fn hanging(place: &Place) -> (Endpoint, UnixListener) {
    let socket = place.directory.path().join("hangs");
    let listener = UnixListener::bind(&socket).unwrap();
    (Endpoint::unix(EngineKind::Docker, socket), listener)
}

#[test]
fn a_container_s_guards_its_evidence_and_an_engine_that_hangs() {
    let Some(daemon) = engine(Kind::Docker) else { return };
    let labels = ["--label", "tier=system", "-e", "TOKEN=hunter2"];
    let Some((identity, pid)) = container(&daemon, "seawall-guarded", &labels) else { return };
    let mut place = Place::new(vec![endpoint(&daemon)]);
    protected(&place, &identity);
    captured(&place, &identity, pid);
    let (hangs, _listener) = hanging(&place);
    place.roots.engines = vec![hangs];
    by_cgroup(&place, &identity, pid);
    daemon.ask(&["rm", "-f", "seawall-guarded"]).unwrap();
}

fn protected(place: &Place, identity: &ContainerIdentity) {
    let check = |policy: &str, expected: &str| {
        let mut acting = place.responder(Mode::Enforced, policy);
        let receipt = acting.respond(Response::Stop, None, Some(identity.clone()));
        assert_eq!(receipt.outcome, Outcome::Refused, "{receipt:?}");
        assert!(receipt.reason.contains(expected), "{receipt:?}");
    };
    check("{protect: {name: ['seawall-g*']}}", "container seawall-guarded is protected");
    check("{protect: {image: ['*/seawall-respond:*']}}", "is protected");
    check("{protect: {label: {tier: 'sys*'}}}", "label tier is protected");
    let mut acting = place.responder(Mode::Enforced, "{protect: {name: [other]}}");
    let nowhere = ContainerIdentity { id: "f".repeat(64), ..ContainerIdentity::default() };
    let receipt = acting.respond(Response::Freeze, None, Some(nowhere));
    assert!(receipt.reason.contains("cannot be told: no engine has"), "{receipt:?}");
    let host = acting.respond(Response::Freeze, None, None);
    assert!(host.reason.contains("in no container"), "{host:?}");
}

fn captured(place: &Place, identity: &ContainerIdentity, pid: u32) {
    // A link that leads out of the container must not.
    let root = format!("/proc/{pid}/root");
    let outside = place.directory.path().join("outside");
    std::fs::write(&outside, "of the host").unwrap();
    std::os::unix::fs::symlink(&outside, format!("{root}/data/link")).unwrap();
    std::fs::write(format!("{root}/data/dropped"), "#!/bin/evil").unwrap();
    let options = place.options(Mode::Enforced, "{repeat-after: 1ms}");
    let recent = std::sync::Arc::clone(&options.recent);
    recent.push(r#"{"type":"execve"}"#.to_owned());
    let mut acting = crate::place::Acting::new(options);
    let check = |acting: &mut crate::place::Acting, file: &str| -> (Receipt, std::path::PathBuf) {
        std::thread::sleep(std::time::Duration::from_millis(5));
        let process = place.roots.identity(pid).ok();
        let mut judged = crate::place::judged(&[Response::Capture], process, Some(identity.clone()));
        if let seawall_finding::Evidence::Happened(happened) = &mut judged.finding.evidence {
            let text = seawall_finding::FieldValue::Text(file.to_owned());
            happened.fields.insert("fd.name".to_owned(), text);
        }
        let receipt = acting.answer(&judged).remove(0);
        assert_eq!(receipt.outcome, Outcome::Done, "{receipt:?}");
        let to = place.directory.path().join(receipt.id.as_str());
        std::fs::create_dir(&to).unwrap();
        let bundle = receipt.evidence.as_ref().unwrap();
        let bytes = zstd::decode_all(std::fs::File::open(&bundle.path).unwrap()).unwrap();
        std::fs::write(to.join("tar"), bytes).unwrap();
        let untarred = Command::new("tar").arg("-xf").arg(to.join("tar")).arg("-C").arg(&to).status();
        assert!(untarred.unwrap().success());
        (receipt, to)
    };
    let (_, to) = check(&mut acting, "/data/dropped");
    let read = |name: &str| std::fs::read_to_string(to.join(name)).unwrap();
    assert_eq!(read("file"), "#!/bin/evil");
    assert_eq!(read("events.jsonl"), "{\"type\":\"execve\"}\n");
    assert!(read("container.json").contains("hunter2"));
    assert!(read("processes.txt").contains(&format!("* {pid:>8} parent")), "{}", read("processes.txt"));
    assert_eq!(read(&format!("processes/{pid}/cmdline")), "sleep\x00600\0");
    assert!(read("finding.json").contains("a-shell"));
    let exe = std::fs::read(to.join(format!("processes/{pid}/exe"))).unwrap();
    assert_eq!(exe, std::fs::read(format!("/proc/{pid}/exe")).unwrap());
    let manifest: serde_json::Value = serde_json::from_str(&read("manifest.json")).unwrap();
    for member in manifest["files"].as_array().unwrap() {
        let bytes = std::fs::read(to.join(member["name"].as_str().unwrap())).unwrap();
        let sha256 = seawall_testkit::sha256(&bytes);
        let told = member["sha256"].as_str().unwrap();
        assert!(sha256.ends_with(told), "{member}: {sha256}");
    }
    let (_, to) = check(&mut acting, "/data/link");
    assert!(!to.join("file").exists());
    let (_, to) = check(&mut acting, "/dev/null");
    let manifest = std::fs::read_to_string(to.join("manifest.json")).unwrap();
    assert!(manifest.contains("file: /dev/null: no regular file"), "{manifest}");
}

fn by_cgroup(place: &Place, identity: &ContainerIdentity, pid: u32) {
    let receipts = Receipts::at(place.receipts());
    let mut acting = place.responder(Mode::Enforced, "{repeat-after: 1ms, per-minute: 100}");
    let started = std::time::Instant::now();
    let frozen = acting.respond(Response::Freeze, None, Some(identity.clone()));
    assert_eq!(frozen.outcome, Outcome::Done, "{frozen:?}");
    assert!(matches!(frozen.undo, Undo::Thaw { .. }), "{frozen:?}");
    assert!(!runs(pid));
    assert!(started.elapsed().as_secs() < 15, "{:?}", started.elapsed());
    // The second time nobody waits for the engine.
    std::thread::sleep(std::time::Duration::from_millis(5));
    let started = std::time::Instant::now();
    let again = acting.respond(Response::Freeze, None, Some(identity.clone()));
    assert_eq!(again.outcome, Outcome::Needless, "{again:?}");
    assert!(started.elapsed().as_secs() < 2, "{:?}", started.elapsed());
    undo(&receipts, &frozen.id, &place.roots).unwrap();
    assert!(runs(pid));
    let short = acting.respond(Response::Stop, None, Some(identity.clone()));
    assert_eq!(short.outcome, Outcome::Done, "{short:?}");
    assert!(short.steps.iter().any(|step| step.contains("SIGKILL")), "{short:?}");
    eventually("an ended container", || !std::path::Path::new(&format!("/proc/{pid}/root/data")).exists());
}

#[test]
fn a_quarantine_freezes_isolates_and_keeps_evidence() {
    if !is_root() {
        return;
    }
    let Some(daemon) = engine(Kind::Docker) else { return };
    let Some((identity, pid)) = container(&daemon, "seawall-quarantined", &[]) else { return };
    let place = Place::new(vec![endpoint(&daemon)]);
    let mut acting = place.responder(Mode::Enforced, "{per-minute: 1}");
    let judged =
        crate::place::judged(&[Response::Quarantine], place.roots.identity(pid).ok(), Some(identity));
    let parts = acting.answer(&judged);
    let actions: Vec<Response> = parts.iter().map(|receipt| receipt.action).collect();
    assert_eq!(actions, [Response::Freeze, Response::Isolate, Response::Capture]);
    for part in &parts {
        assert_eq!((part.asked, part.outcome), (Response::Quarantine, Outcome::Done), "{part:?}");
    }
    assert!(!runs(pid));
    drop(acting);
    assert!(runs(pid));
    daemon.ask(&["rm", "-f", "seawall-quarantined"]).unwrap();
}
