//! Reports as `seawall scan` writes them, and files as they are on disk.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use seawall_event::{ExeFile, Image};
use serde_json::{Value, json};

use super::*;
use crate::limits::PROGRAMS_MAX;

const ID: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const SSHD: &str = "pkg:deb/debian/openssh-server@1:9.2p1-2?arch=amd64&distro=debian-12";

fn finding(id: &str, severity: &str, is_exploited: bool, is_waived: bool) -> Value {
    let exploited = json!({"added": "2024-01-01", "ransomware": false});
    json!({
        "rule": "vulnerable-package",
        "subject": {"kind": "package", "purl": SSHD, "ecosystem": "deb", "name": "openssh-server", "version": "1:9.2p1-2"},
        "place": {}, "severity": severity, "confidence": "high", "summary": "s",
        "evidence": {
            "kind": "vulnerable", "id": id, "state": "fixed", "matched": [], "risk": 1.0,
            "known_exploited": is_exploited.then_some(exploited),
        },
        "remedy": "", "references": [], "controls": [],
        "fingerprint": "00000000000000000000000000000000", "verdict": "warn",
        "waived": is_waived.then_some(json!({"by": "policy.yaml", "reason": "no"})),
    })
}

fn report(kind: &str, programs: Value) -> Value {
    json!({
        "created": "2026-11-28T00:00:00Z",
        "target": {"kind": kind, "name": "app:1"},
        "image": {"config_digest": ID, "layers": []},
        "distro": {"id": "debian", "version": "12"},
        "packages": [],
        "findings": [
            finding("CVE-1", "medium", false, false),
            finding("CVE-2", "high", true, false),
            finding("CVE-3", "critical", true, true),
        ],
        "programs": programs,
    })
}

fn program(path: &str, size_bytes: u64, digest: &Digest) -> Value {
    json!({"path": path.trim_start_matches('/'), "size_bytes": size_bytes, "digest": digest, "package": SSHD})
}

use seawall_inventory::Digest;

fn digest_of(bytes: &[u8]) -> Digest {
    use sha2::Digest as _;
    Digest::sha256(sha2::Sha256::digest(bytes).into())
}

fn container() -> Container {
    let image = Image { id: Some(ID[7..19].to_owned()), ..Image::default() };
    Container {
        id: Some("c".to_owned()),
        image: Some(image),
        mounts: Some(Vec::new()),
        ..Container::default()
    }
}

/// An execution by this process of a file as it is on disk.
fn execution(path: &Path) -> Event {
    let about = fs::metadata(path).unwrap();
    let nanoseconds = |s: i64, ns: i64| u64::try_from(s * 1_000_000_000 + ns).ok();
    let file = ExeFile {
        inode: i64::try_from(about.ino()).ok(),
        changed_ns: nanoseconds(about.ctime(), about.ctime_nsec()),
        modified_ns: nanoseconds(about.mtime(), about.mtime_nsec()),
        is_upper_layer: Some(false),
        ..ExeFile::default()
    };
    let process = Process {
        pid: Some(i64::from(std::process::id())),
        exe_path: Some(path.display().to_string()),
        exe_file: Some(file),
        ..Process::default()
    };
    Event {
        kind: EventType::EXECVE,
        process: Some(Arc::new(process)),
        container: Some(Arc::new(container())),
        ..Event::default()
    }
}

fn looked(images: &Images, mut event: Event) -> Arc<ImageFile> {
    let end = Instant::now() + Duration::from_secs(10);
    while images.look(&mut event, Digesting::Wanted, || None) == Looked::Pending {
        assert!(Instant::now() < end, "no answer");
        std::thread::sleep(Duration::from_millis(1));
    }
    event.image_file.unwrap()
}

#[test]
fn a_file_is_told_from_the_images_by_its_digest() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for (name, content) in [("same", "one"), ("other", "two"), ("longer", "three")] {
        fs::write(at(name), content).unwrap();
    }
    let shipped = digest_of(b"one");
    let listed: Vec<Value> = ["same", "other", "longer", "gone"]
        .map(|name| program(&at(name).display().to_string(), 3, &shipped))
        .into();
    let file = at("scan.json");
    fs::write(&file, report("image", json!({"is_complete": true, "files": listed})).to_string()).unwrap();
    let scans = Scans::read(std::slice::from_ref(&file)).unwrap();
    let images = Images::start(vec![file], scans, Path::new("/proc"), Path::new("/sys/fs/cgroup"));
    let check = |event: Event, matches: Option<bool>| {
        let told = looked(&images, event);
        assert_eq!((told.is_known, told.digest_matches), (Some(true), matches), "{told:?}");
        assert_eq!(told.digest, Some(shipped.to_string()));
    };
    check(execution(&at("same")), Some(true));
    check(execution(&at("other")), Some(false));
    check(execution(&at("longer")), Some(false));
    // What was executed is no more, and what is there now says nothing of it.
    let executed = execution(&at("other"));
    fs::write(at("other"), "one").unwrap();
    check(execution(&at("other")), Some(true));
    check(executed, Some(false));
    fs::write(at("gone"), "one").unwrap();
    let executed = execution(&at("gone"));
    fs::remove_file(at("gone")).unwrap();
    check(executed, None);
    assert_eq!(images.gaps().len(), 1, "{:?}", images.gaps());
}

#[test]
fn an_executable_has_the_package_of_the_image_and_what_is_wrong_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("scan.json");
    let read = |is_complete: bool| {
        let files = vec![program("/usr/sbin/sshd", 3, &digest_of(b"one"))];
        let text = report("image", json!({"is_complete": is_complete, "files": files})).to_string();
        fs::write(&file, text).unwrap();
        let scans = Scans::read(std::slice::from_ref(&file)).unwrap();
        let risk = scans.packages_of(&container());
        assert_eq!(risk, Some(PackageRisk { exploited: 1, critical: 0, high: 1 }));
        Images::start(Vec::new(), scans, Path::new("/proc"), Path::new("/sys/fs/cgroup"))
    };
    let event = |path: &str, mounted: Option<&str>| {
        let mount = |to: &str| Mount { destination: to.to_owned(), ..Mount::default() };
        let container = Container { mounts: Some(mounted.into_iter().map(mount).collect()), ..container() };
        let process = Process { exe_path: Some(path.to_owned()), ..Process::default() };
        let (container, process) = (Some(Arc::new(container)), Some(Arc::new(process)));
        Event { kind: EventType::CONNECT, container, process, ..Event::default() }
    };
    let images = read(true);
    let told = looked(&images, event("/usr/sbin/sshd", None));
    assert_eq!(told.package.as_deref(), Some(SSHD));
    assert_eq!((told.vulnerability.as_deref(), told.severity.as_deref()), (Some("CVE-2"), Some("high")));
    assert_eq!((told.is_exploited, told.is_mounted, told.digest_matches), (Some(true), Some(false), None));
    for (path, mount, known, mounted) in [
        ("/usr/sbin/sshd", "/usr", true, true),
        ("/usr/sbin/sshd", "/usr/s", true, false),
        ("/usr/sbin/other", "/usr/sbin/other", false, true),
        ("memfd:x", "/usr", false, false),
    ] {
        let told = looked(&images, event(path, Some(mount)));
        assert_eq!((told.is_known, told.is_mounted), (Some(known), Some(mounted)), "{path} {mount}");
    }
    let told = looked(&read(false), event("/usr/sbin/other", None));
    assert_eq!(told.is_known, None, "what was not seen whole may have it");
    let mut elsewhere = event("/usr/sbin/sshd", None);
    elsewhere.container = Some(Arc::new(Container::host()));
    assert_eq!(images.look(&mut elsewhere, Digesting::Wanted, || None), Looked::Done);
    assert_eq!(elsewhere.image_file, None);
    assert!(images.gaps().is_empty(), "{:?}", images.gaps());
    elsewhere.container = Some(Arc::new(Container { image: None, ..container() }));
    assert_eq!(images.look(&mut elsewhere, Digesting::Wanted, || None), Looked::Done);
    assert_eq!(images.gaps().len(), 1, "a container of an image that was not scanned is told");
}

#[test]
fn reports_that_say_nothing_of_an_image_are_refused_and_those_of_a_directory_are_gaps() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let whole = json!({"is_complete": true, "files": []});
    fs::write(at("container.json"), report("container", whole.clone()).to_string()).unwrap();
    fs::write(at("old.json"), report("image", Value::Null).to_string()).unwrap();
    fs::write(at("half.json"), "{\"target\"").unwrap();
    for name in ["container.json", "old.json"] {
        assert!(matches!(Scans::read(&[at(name)]), Err(ScansError::NoImage { .. })), "{name}");
    }
    assert!(matches!(Scans::read(&[at("half.json")]), Err(ScansError::Malformed { .. })));
    assert!(matches!(Scans::read(&[at("none.json")]), Err(ScansError::Read { .. })));
    let file = json!({"path": "a", "size_bytes": 1}).to_string();
    let many = vec![file.as_str(); PROGRAMS_MAX + 1].join(",");
    let programs = json!({"is_complete": true, "files": "FILES"});
    let many = report("image", programs).to_string().replace("\"FILES\"", &format!("[{many}]"));
    fs::write(at("many.json"), many).unwrap();
    assert!(matches!(Scans::read(&[at("many.json")]), Err(ScansError::Malformed { .. })));
    fs::remove_file(at("many.json")).unwrap();
    let wrong = Scans::read(&[directory.path().to_owned()]).unwrap();
    assert_eq!((wrong.len(), wrong.gaps().len()), (0, 3), "{:?}", wrong.gaps());
    fs::write(at("half.json"), report("image", whole).to_string()).unwrap();
    assert_eq!(Scans::read(&[directory.path().to_owned()]).unwrap().len(), 1);
}
