//! Seawall is killed, and nothing stays frozen or cut off.
//!
//! This program starts itself again with one of its own tests, which then is the Seawall that is killed, or the
//! command that releases.

use std::ffi::OsString;
use std::io::Read;
use std::process::{Child, Command, Stdio};

use seawall_engine::control::{Control, State};
use seawall_engine::{Endpoint, EngineKind};
use seawall_finding::ContainerIdentity;
use seawall_policy::Response;
use seawall_respond::{Mode, Outcome, Receipts, Roots, Standing, release};
use seawall_testkit::Kind;

use crate::place::{Acting, Place, container, endpoint, engine, eventually, settings};

/// What the two are told: the engine's socket, the directory of receipts, the container's id.
const TOLD: &str = "SEAWALL_TEST_RESPOND";

fn told() -> Option<(Roots, std::path::PathBuf, String)> {
    let told = std::env::var(TOLD).ok()?;
    let mut words = told.split_whitespace();
    let endpoint = Endpoint::unix(EngineKind::Docker, words.next()?);
    let receipts = words.next()?.into();
    Some((Roots::of_this_machine(vec![endpoint]), receipts, words.next()?.to_owned()))
}

fn this_program(test: &str) -> Vec<OsString> {
    let program = std::env::current_exe().unwrap();
    vec![program.into(), "--ignored".into(), "--exact".into(), test.into(), "--nocapture".into()]
}

#[test]
#[ignore = "it is the Seawall that another test kills"]
fn seawall() {
    let Some((roots, receipts, id)) = told() else { return };
    let place = Place::new(roots.engines.clone());
    let mut options = place.options(Mode::Enforced, "");
    options.settings = settings("{repeat-after: 1ms}");
    options.receipts = receipts;
    options.own_process = std::process::id();
    // Its sleeper would outlive this process, which is killed.
    drop(place);
    options.release = Some(this_program("death::releases"));
    let mut acting = Acting::new(options);
    let identity = ContainerIdentity { id, ..ContainerIdentity::default() };
    for response in [Response::Isolate, Response::Freeze] {
        let receipt = acting.respond(response, None, Some(identity.clone()));
        assert_eq!(receipt.outcome, Outcome::Done, "{receipt:?}");
    }
    println!("frozen");
    std::thread::sleep(std::time::Duration::from_secs(600));
}

#[test]
#[ignore = "it is the command that releases what another test holds"]
fn releases() {
    let Some((roots, receipts, _)) = told() else { return };
    let mut end = Vec::new();
    std::io::stdin().read_to_end(&mut end).unwrap();
    release(&Receipts::at(receipts), &roots).unwrap();
}

struct Seawall(Child);

impl Drop for Seawall {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Seawall {
    /// One that has frozen and isolated the container.
    fn start(told: &str) -> Seawall {
        let words = this_program("death::seawall");
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env(TOLD, told).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        let seawall = Seawall(child);
        let mut said = Vec::new();
        let mut byte = [0];
        while !said.ends_with(b"frozen\n") {
            assert_eq!(out.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&said));
            said.push(byte[0]);
        }
        seawall
    }
}

#[test]
fn nothing_stays_when_seawall_is_killed() {
    let Some(daemon) = engine(Kind::Docker) else { return };
    let Some((identity, pid)) = container(&daemon, "seawall-left", &[]) else { return };
    let place = Place::new(vec![endpoint(&daemon)]);
    let receipts = Receipts::at(place.receipts());
    let told = format!("{} {} {}", daemon.path("socket"), place.receipts().display(), identity.id);
    let control = Control::connect(&endpoint(&daemon)).unwrap();
    let tables = || {
        let network = format!("--net=/proc/{pid}/ns/net");
        let listed = Command::new("nsenter").args([&network[..], "nft", "list", "tables"]).output();
        listed.map(|listed| String::from_utf8_lossy(&listed.stdout).into_owned()).unwrap_or_default()
    };

    let seawall = Seawall::start(&told);
    assert_eq!(control.state(&identity.id).unwrap(), State::Paused);
    drop(seawall);
    eventually("a container that goes on", || control.state(&identity.id).unwrap() == State::Running);
    assert_eq!(tables(), "");
    eventually("receipts that say so", || receipts.all().unwrap().0.iter().all(|receipt| !receipt.holds()));
    let all = receipts.all().unwrap().0;
    let why = |receipt: &seawall_respond::Receipt| match &receipt.standing {
        Standing::Undone { why, .. } => why.clone(),
        Standing::Past | Standing::Holds => String::new(),
    };
    assert_eq!(all.iter().map(why).collect::<Vec<_>>(), vec!["the Seawall that did it has ended"; 2]);

    // Where the one that releases is killed as well, the next start does it.
    let seawall = Seawall::start(&told);
    let children = format!("/proc/{0}/task/{0}/children", seawall.0.id());
    let tasks = std::fs::read_dir(format!("/proc/{}/task", seawall.0.id())).unwrap().flatten();
    let children: Vec<String> = tasks
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
        .chain(std::fs::read_to_string(children))
        .collect();
    let is_watchdog = |pid: &&str| {
        std::fs::read_to_string(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.contains("death::releases"))
    };
    let watchdog = children.iter().flat_map(|line| line.split_whitespace()).find(is_watchdog).unwrap();
    let seawall_pid = seawall.0.id().to_string();
    // The one that releases first, and Seawall before it can start another.
    Command::new("kill").args(["-9", watchdog, &seawall_pid]).status().unwrap();
    drop(seawall);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(control.state(&identity.id).unwrap(), State::Paused);
    assert_eq!(tables(), "", "the kernel removes what its owner no longer holds");
    drop(place.responder(Mode::Rehearsal, ""));
    assert_eq!(control.state(&identity.id).unwrap(), State::Running);
    daemon.ask(&["rm", "-f", "seawall-left"]).unwrap();
}
