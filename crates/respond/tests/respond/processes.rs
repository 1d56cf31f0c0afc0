//! Killing processes of the host, and all that is never killed.

use std::process::Command;

use seawall_finding::{Denial, Evidence, ProcessIdentity};
use seawall_policy::{Response, Sink};
use seawall_respond::{
    DenySupport, Mode, Outcome, Receipt, Receipts, Responder, SetupError, UndoError, undo,
};

use crate::place::{Place, Sleeper, judged};

const KILLS: &str = "{host: kill, repeat-after: 1ms, per-minute: 1000}";

#[test]
fn a_process_is_killed_and_that_is_not_undone() {
    let place = Place::new(Vec::new());
    let mut acting = place.responder(Mode::Enforced, KILLS);
    let mut sleeper = Sleeper::start();
    let identity = place.roots.identity(sleeper.pid()).unwrap();
    let receipt = acting.respond(Response::Kill, Some(identity.clone()), None);
    assert_eq!(receipt.outcome, Outcome::Done, "{receipt:?}");
    assert!(sleeper.has_ended());
    assert!(
        receipt.steps[0].starts_with(&format!("sent SIGKILL to process {} (", sleeper.pid())),
        "{receipt:?}"
    );
    assert_eq!(receipt.summary, "a shell \u{fffd}[31mred");
    let receipts = Receipts::at(place.receipts());
    assert_eq!(receipts.read(&receipt.id).unwrap(), receipt);
    let error = undo(&receipts, &receipt.id, &place.roots).unwrap_err();
    assert!(matches!(error, UndoError::Impossible(_)), "{error}");
    // Reaped, there is nothing with this number any more.
    let again = acting.respond(Response::Kill, Some(identity), None);
    assert_eq!(again.outcome, Outcome::Needless, "{again:?}");
}

#[test]
fn a_rehearsal_kills_nobody() {
    let place = Place::new(Vec::new());
    let mut acting = place.responder(Mode::Rehearsal, KILLS);
    let mut sleeper = Sleeper::start();
    let identity = place.roots.identity(sleeper.pid()).unwrap();
    let receipt = acting.respond(Response::Kill, Some(identity), None);
    assert_eq!(receipt.outcome, Outcome::Rehearsed, "{receipt:?}");
    assert!(receipt.steps[0].starts_with("would send SIGKILL"), "{receipt:?}");
    assert!(!sleeper.has_ended());
    let error = undo(&Receipts::at(place.receipts()), &receipt.id, &place.roots).unwrap_err();
    assert!(error.to_string().contains("rehearsal"), "{error}");
}

#[test]
fn what_a_rule_asks_for_may_be_rehearsed_alone() {
    let place = Place::new(Vec::new());
    let mut acting = place.responder(Mode::Enforced, KILLS);
    let mut sleeper = Sleeper::start();
    let identity = place.roots.identity(sleeper.pid()).unwrap();
    let mut judged = judged(&[Response::Kill], Some(identity), None);
    judged.responses[0].rehearse = true;
    let receipt = acting.answer(&judged).remove(0);
    assert_eq!((receipt.mode, receipt.outcome), (Mode::Rehearsal, Outcome::Rehearsed));
    assert!(!sleeper.has_ended());
}

/// Who is asked to be killed under which policy, and why it is not.
fn check_spared(policy: &str, process: Option<ProcessIdentity>, place: &Place, expected: (Outcome, &str)) {
    let mut acting = place.responder(Mode::Enforced, policy);
    let receipt = acting.respond(Response::Kill, process, None);
    assert_eq!(receipt.outcome, expected.0, "{receipt:?}");
    assert!(receipt.reason.contains(expected.1), "{receipt:?}");
}

#[test]
fn some_are_never_killed() {
    let place = Place::new(Vec::new());
    let of = |pid: u32| place.roots.identity(pid).ok();
    let refused = |reason| (Outcome::Refused, reason);
    let mut sleeper = Sleeper::start();
    let identity = of(sleeper.pid()).unwrap();
    check_spared(KILLS, of(1), &place, refused("first process of the host"));
    check_spared(KILLS, of(2), &place, refused("thread of the kernel"));
    check_spared(KILLS, of(place.seawall.pid()), &place, refused("it is Seawall"));
    check_spared(KILLS, of(std::process::id()), &place, refused("it is Seawall"));
    check_spared(KILLS, None, &place, refused("names no process"));
    check_spared("{}", Some(identity.clone()), &place, refused("processes of the host are spared"));
    let program = "{host: kill, protect: {program: [/**/sleep]}}";
    check_spared(program, Some(identity.clone()), &place, refused("is protected"));
    let without = ProcessIdentity { start_ns: None, ..identity.clone() };
    check_spared(KILLS, Some(without), &place, refused("does not say when"));
    // A number that another process has by now.
    let earlier = identity.start_ns.map(|start| start - 3_000_000_000);
    let recycled = ProcessIdentity { start_ns: earlier, ..identity };
    check_spared(KILLS, Some(recycled), &place, (Outcome::Needless, "another one has its number now"));
    let nobody = ProcessIdentity { pid: 0, start_ns: Some(1) };
    check_spared(KILLS, Some(nobody), &place, refused("names no process"));
    assert!(!sleeper.has_ended());
}

#[test]
fn a_child_of_seawall_is_spared() {
    let mut place = Place::new(Vec::new());
    place.seawall = Sleeper::of(Command::new("sh").args(["-c", "sleep 600 & wait"]));
    let child = || {
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", place.seawall.pid()));
        children.unwrap().trim().parse::<u32>().ok()
    };
    let mut found = None;
    crate::place::eventually("a child", || {
        found = child();
        found.is_some()
    });
    let child = found.unwrap();
    let identity = place.roots.identity(child).ok();
    check_spared(KILLS, identity, &place, (Outcome::Refused, "it is Seawall"));
    Command::new("kill").arg(child.to_string()).status().unwrap();
}

#[test]
fn so_many_a_minute_and_not_twice() {
    let place = Place::new(Vec::new());
    let mut acting = place.responder(Mode::Rehearsal, "{host: kill, per-minute: 2}");
    let sleepers = [Sleeper::start(), Sleeper::start(), Sleeper::start()];
    let mut check = |number: usize, expected: Outcome, reason: &str| {
        let identity = place.roots.identity(sleepers[number].pid()).unwrap();
        let receipt = acting.respond(Response::Kill, Some(identity), None);
        assert_eq!(receipt.outcome, expected, "{receipt:?}");
        assert!(receipt.reason.contains(reason), "{receipt:?}");
    };
    check(0, Outcome::Rehearsed, "");
    check(0, Outcome::Refused, "the same was done to it");
    check(1, Outcome::Rehearsed, "");
    check(2, Outcome::Refused, "2 responses were carried out within a minute");
}

#[test]
fn a_storm_is_counted_and_waits_for_nobody() {
    let place = Place::new(Vec::new());
    let mut responder = Responder::new(place.options(Mode::Rehearsal, "")).unwrap();
    let storm = judged(&[Response::Kill], None, None);
    let started = std::time::Instant::now();
    for _ in 0..20_000 {
        responder.take(&storm).unwrap();
    }
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
    let gaps = responder.gaps();
    assert!(gaps.iter().any(|gap| gap.reason.contains("too many waited")), "{gaps:?}");
    responder.settle();
    let gaps = responder.gaps();
    assert!(gaps.iter().any(|gap| gap.reason.contains("refused responses have no receipt")), "{gaps:?}");
    drop(responder);
    let count = Receipts::at(place.receipts()).all().unwrap().0.len();
    assert_eq!(count, usize::try_from(seawall_respond::limits::REFUSALS_PER_MINUTE).unwrap());
}

#[test]
fn what_the_kernel_denied_needs_no_answer() {
    let check = |denial: Option<Denial>, expected: &[&str]| {
        let place = Place::new(Vec::new());
        let mut options = place.options(Mode::Enforced, KILLS);
        options.deny = DenySupport::Kernel;
        let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let heard = std::sync::Arc::clone(&told);
        options.tell = Some(std::sync::Arc::new(move |receipt: &Receipt| {
            heard.lock().unwrap().push(receipt.reason.clone());
        }));
        let mut judged = judged(&[Response::Deny], None, None);
        if let Evidence::Happened(happened) = &mut judged.finding.evidence {
            happened.denial = denial;
        }
        let mut responder = Responder::new(options).unwrap();
        responder.take(&judged).unwrap();
        responder.settle();
        drop(responder);
        let written = Receipts::at(place.receipts()).all().unwrap().0.len();
        assert_eq!(*told.lock().unwrap(), expected, "{denial:?}");
        assert_eq!(written, expected.len(), "{denial:?}");
    };
    for denial in [Denial::Refused, Denial::Killed] {
        check(Some(denial), &[]);
    }
    check(Some(Denial::Rehearsed), &["the kernel denies it where it happens"]);
    check(None, &["the kernel denies it where it happens"]);
}

#[test]
fn what_cannot_be_done_is_refused_at_the_start() {
    let place = Place::new(Vec::new());
    let mut options = place.options(Mode::Enforced, KILLS);
    options.wanted = vec![("clause `no shells`".to_owned(), Response::Deny)];
    let error = Responder::new(options.clone()).err().unwrap();
    assert!(matches!(error, SetupError::Deny { .. }), "{error}");
    assert!(error.to_string().starts_with("clause `no shells` asks for `deny`"), "{error}");
    options.deny = DenySupport::Kernel;
    let responder = Responder::new(options.clone()).unwrap();
    let second = Responder::new(options.clone()).err().unwrap();
    assert!(matches!(second, SetupError::Locked(_)), "{second}");
    drop(responder);
    // Where another process has this one's number, numbers would mean others as well.
    let proc = place.directory.path().join("proc");
    std::fs::create_dir(&proc).unwrap();
    std::os::unix::fs::symlink("1", proc.join("self")).unwrap();
    options.roots.proc = proc;
    let other = Responder::new(options).err().unwrap();
    assert!(matches!(other, SetupError::NoProc(_)), "{other}");
}
