//! The published form of receipts, and their names.

use std::collections::BTreeSet;

use seawall_finding::{Confidence, Evidence, Happened, Severity, Subject};
use seawall_inventory::Place;
use seawall_policy::Verdict;
use serde_json::Value;

use super::*;

const PUBLISHED: &str = include_str!("../../../../schema/receipt.v1.json");
const FINDING: &str = include_str!("../../../../schema/finding.v1.json");

fn text(text: &str) -> String {
    text.to_owned()
}

fn whole() -> Receipt {
    let process = Some(ProcessIdentity { pid: 7, start_ns: Some(1) });
    let container = Some(ContainerIdentity {
        id: text("0123"),
        name: text("web"),
        engine: text("docker"),
        image: text("nginx"),
    });
    let happened = Happened { process, container, ..Happened::default() };
    let finding = Finding {
        rule: text("a-shell"),
        subject: Subject::Host { name: text("here") },
        place: Place::default(),
        severity: Severity::High,
        confidence: Confidence::High,
        summary: text("a shell"),
        evidence: Evidence::Happened(Box::new(happened)),
        remedy: String::new(),
        references: Vec::new(),
        controls: Vec::new(),
    };
    let judged = Judged {
        fingerprint: finding.fingerprint(),
        finding,
        verdict: Verdict::Deny,
        reasons: Vec::new(),
        responses: Vec::new(),
        waived: None,
    };
    let requested = Requested { response: Response::Freeze, by: text("c"), rehearse: false };
    let id = ReceiptId::new(Timestamp::UNIX_EPOCH, 1, 1, Response::Freeze);
    let mut receipt = Receipt::begun(id, Timestamp::UNIX_EPOCH, &judged, &requested, Mode::Enforced);
    receipt.fail("for a reason");
    receipt.target.program = Some(text("/bin/sh"));
    receipt.expires = Some(Timestamp::UNIX_EPOCH);
    let (when, why, steps) = (Timestamp::UNIX_EPOCH, text("asked"), vec![text("thawed it")]);
    receipt.standing = Standing::Undone { when, why, steps };
    receipt.evidence = Some(Kept { path: "/e".into(), sha256: "0".repeat(64), size_bytes: 1 });
    receipt
}

/// The properties of an object that its schema does not tell of, and the required ones that it lacks.
fn differences(schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let finding: Value = serde_json::from_str(FINDING).unwrap();
    let target = schema["$ref"].as_str().and_then(|reference| reference.split_once('#'));
    let schema = target.map_or(schema, |(_, pointer)| finding.pointer(pointer).unwrap());
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        found.push(format!("{path}: {value} is not allowed"));
    }
    let Some(object) = value.as_object() else { return };
    for (name, value) in object {
        let path = format!("{path}/{name}");
        match schema["properties"].get(name) {
            Some(property) => differences(property, value, &path, found),
            None => found.push(format!("{path} is not told of")),
        }
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let lacks: BTreeSet<&str> = required.filter(|name| !object.contains_key(*name)).collect();
    found.extend(lacks.iter().map(|name| format!("{path}/{name} is missing")));
}

#[test]
fn receipts_keep_the_published_schema() {
    let schema: Value = serde_json::from_str(PUBLISHED).unwrap();
    assert_eq!(schema["$id"], SCHEMA);
    let undos = [
        Undo::Needless,
        Undo::Impossible,
        Undo::Unpause,
        Undo::Thaw { file: "/f".into(), inode: 1, engine_was_asked: true },
        Undo::Connect { table: text("t"), namespace: 1 },
        Undo::Start,
    ];
    let outcomes = [
        Outcome::Begun,
        Outcome::Done,
        Outcome::Needless,
        Outcome::Rehearsed,
        Outcome::Refused,
        Outcome::Failed,
    ];
    for (undo, outcome) in undos.into_iter().zip(outcomes) {
        let receipt = Receipt { undo, outcome, ..whole() };
        let written = serde_json::to_value(&receipt).unwrap();
        let mut found = Vec::new();
        differences(&schema, &written, "", &mut found);
        assert!(found.is_empty(), "{found:#?}");
        assert_eq!(serde_json::from_value::<Receipt>(written).unwrap(), receipt);
    }
}

#[test]
fn names_of_receipts_are_names_of_files() {
    let check = |text: &str, is_one: bool| assert_eq!(text.parse::<ReceiptId>().is_ok(), is_one, "{text}");
    check("20261128T161500.123Z-4711-12-kill", true);
    check("../../../etc/passwd", false);
    check("..........", false);
    check("-rf-------", false);
    check("a/bbbbbbbb", false);
    check("short", false);
    check(&"x".repeat(101), false);
    let id = ReceiptId::new(Timestamp::UNIX_EPOCH, u32::MAX, u64::MAX, Response::Quarantine);
    check(id.as_str(), true);
    assert!(id.table().len() < 128);
}

/// A directory of receipts with one in it, and that one's path.
fn one_receipt() -> (tempfile::TempDir, Receipts, Receipt, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let receipts = Receipts::create(directory.path()).unwrap();
    let receipt = whole();
    receipts.write(&receipt).unwrap();
    let path = directory.path().join(format!("{}.json", receipt.id));
    (directory, receipts, receipt, path)
}

#[test]
fn a_receipt_that_others_could_have_made_is_not_believed() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let check = |change: &dyn Fn(&std::path::Path), expected: Option<&str>| {
        let (_directory, receipts, receipt, path) = one_receipt();
        change(&path);
        let read = receipts.read(&receipt.id);
        match expected {
            None => assert_eq!(read.unwrap(), receipt),
            Some(expected) => {
                let error = read.unwrap_err();
                let cause = std::error::Error::source(&error).unwrap().to_string();
                assert!(cause.contains(expected), "{cause}");
            }
        }
    };
    check(&|_| (), None);
    let writable = |path: &std::path::Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).unwrap();
    };
    check(&writable, Some("others may write it"));
    let linked = |path: &std::path::Path| {
        let elsewhere = path.with_extension("elsewhere");
        std::fs::rename(path, &elsewhere).unwrap();
        symlink(&elsewhere, path).unwrap();
    };
    check(&linked, Some("symbolic link"));
    let pipe = |path: &std::path::Path| {
        std::fs::remove_file(path).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    };
    check(&pipe, Some("not a regular file"));
    let renamed = |path: &std::path::Path| {
        let other = ReceiptId::new(Timestamp::UNIX_EPOCH, 2, 2, Response::Freeze);
        let text = std::fs::read_to_string(path).unwrap();
        std::fs::write(path, text.replace(whole().id.as_str(), other.as_str())).unwrap();
    };
    check(&renamed, Some("another name"));
}

#[test]
fn nothing_is_written_where_others_may_write() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let directory = tempfile::tempdir().unwrap();
    let (receipts, victim) = (directory.path().join("receipts"), directory.path().join("victim"));
    std::fs::create_dir(&receipts).unwrap();
    std::fs::set_permissions(&receipts, std::fs::Permissions::from_mode(0o777)).unwrap();
    std::fs::write(&victim, "precious").unwrap();
    symlink(&victim, receipts.join("reserve")).unwrap();
    Receipts::create(&receipts).unwrap_err();
    // Neither through a link in a directory of ours.
    std::fs::set_permissions(&receipts, std::fs::Permissions::from_mode(0o700)).unwrap();
    Receipts::create(&receipts).unwrap_err();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn what_was_never_done_or_is_not_ours_is_not_taken_back() {
    let holds = |receipt: Receipt| Receipt { standing: Standing::Holds, expires: None, ..receipt };
    let foreign = Undo::Connect { table: text("filter"), namespace: 1 };
    let rehearsed = Receipt { mode: Mode::Rehearsal, outcome: Outcome::Rehearsed, ..whole() };
    let forged = Receipt { outcome: Outcome::Done, undo: foreign.clone(), ..whole() };
    let check = |receipt: Receipt, released: usize, reason: &str| {
        let (_directory, receipts, ..) = one_receipt();
        receipts.write(&holds(receipt)).unwrap();
        let roots = crate::Roots::of_this_machine(Vec::new());
        let machine = crate::machine::Machine::new(&roots);
        let left = crate::undo::release_left(&receipts, &roots, &machine).unwrap();
        assert_eq!(left.len(), released);
        // What could not be taken back still holds, with the reason in its receipt.
        let kept = receipts.all().unwrap().0;
        assert!(kept.iter().all(Receipt::holds) && kept[0].reason.contains(reason), "{kept:?}");
    };
    check(Receipt { undo: foreign, ..rehearsed }, 0, "");
    check(forged, 1, "table `filter` is not of this receipt");
    let thaw =
        Undo::Thaw { file: "/sys/fs/cgroup/other/cgroup.freeze".into(), inode: 1, engine_was_asked: false };
    check(Receipt { outcome: Outcome::Done, undo: thaw, ..whole() }, 1, "is no freezer of container 0123");
}
