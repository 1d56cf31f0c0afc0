//! A full disk ends no response, and evidence that has no room leaves nothing half.

use std::path::Path;
use std::process::Command;

use seawall_policy::Response;
use seawall_respond::{Mode, Outcome, Receipts};

use crate::place::{Place, Sleeper, is_root};

struct Mounted<'p>(&'p Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[test]
fn receipts_have_room_of_their_own() {
    if !is_root() {
        return;
    }
    let place = Place::new(Vec::new());
    let root = place.directory.path();
    let mount = ["-t", "tmpfs", "-o", "size=4m", "tmpfs"];
    if !Command::new("mount").args(mount).arg(root).status().is_ok_and(|status| status.success()) {
        println!("skipped: no tmpfs can be mounted");
        return;
    }
    let _mounted = Mounted(root);
    let policy = "{host: kill, repeat-after: 1ms}";
    let mut acting = place.responder(Mode::Enforced, policy);
    let mut full = Command::new("dd");
    full.args(["if=/dev/zero", "bs=4096"]).arg(format!("of={}/full", root.display()));
    let told = String::from_utf8_lossy(&full.output().unwrap().stderr).into_owned();
    assert!(told.contains("No space left"), "{told}");
    let mut sleeper = Sleeper::start();
    let identity = place.roots.identity(sleeper.pid()).ok();
    let captured = acting.respond(Response::Capture, identity.clone(), None);
    assert_eq!(captured.outcome, Outcome::Failed, "{captured:?}");
    let left: Vec<_> = std::fs::read_dir(root.join("evidence")).into_iter().flatten().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    let killed = acting.respond(Response::Kill, identity, None);
    assert_eq!(killed.outcome, Outcome::Done, "{killed:?}");
    assert!(sleeper.has_ended());
    assert_eq!(Receipts::at(place.receipts()).read(&killed.id).unwrap(), killed);
}

#[test]
fn what_leaves_no_receipt_is_not_done() {
    let place = Place::new(Vec::new());
    let mut acting = place.responder(Mode::Enforced, "{host: kill}");
    std::fs::remove_dir_all(place.receipts()).unwrap();
    let mut sleeper = Sleeper::start();
    let identity = place.roots.identity(sleeper.pid()).ok();
    let judged = crate::place::judged(&[Response::Kill], identity, None);
    seawall_policy::Sink::take(&mut acting.responder, &judged).unwrap();
    acting.responder.settle();
    let gaps = acting.responder.gaps();
    assert!(gaps.iter().any(|gap| gap.reason.contains("receipts could not be written")), "{gaps:?}");
    assert!(!sleeper.has_ended());
}
