use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn key(digit: char) -> Key {
    let digest = |digit: char| format!("sha256:{}", digit.to_string().repeat(64)).parse().unwrap();
    Key { repository: "a.b/c".to_owned(), digest: digest(digit), policy: digest('0') }
}

fn time(minute: i64) -> Timestamp {
    Timestamp::from_second(1_780_272_000 + 60 * minute).unwrap()
}

fn found(digit: char) -> Remembered {
    Remembered {
        key: key(digit),
        by: vec!["key SHA256:00".to_owned()],
        tolerated: vec!["it expired".to_owned()],
        at: time(0),
        until: time(60),
        covers: vec![key('9').digest],
    }
}

#[test]
fn processes_share_what_they_verified() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cache");
    let (one, other) = (Cache::open(Some(&path)), Cache::open(Some(&path)));
    one.put(found('a'));
    assert_eq!(other.get(&key('a'), time(1)), Some(found('a')));
    assert_eq!(other.get(&key('a'), time(60)), None, "it has ended");
    assert_eq!(Cache::open(Some(&path)).get(&key('a'), time(-1)), None, "it is not yet");
    assert_eq!(other.get(&key('b'), time(1)), None);
    for entry in fs::read_dir(&path).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
    }
    assert!(one.gaps().is_empty() && other.gaps().is_empty());
}

#[test]
fn what_was_changed_is_not_believed_and_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cache");
    let file = path.join(key('a').file());
    let check = |change: &dyn Fn(), expected: &str| {
        let cache = Cache::open(Some(&path));
        cache.put(found('a'));
        cache.put(found('b'));
        change();
        let fresh = Cache::open(Some(&path));
        assert_eq!(fresh.get(&key('a'), time(1)), None);
        let gaps = fresh.gaps();
        assert!(gaps.iter().any(|gap| gap.reason.contains(expected)), "{expected}: {gaps:?}");
        let _ = fs::remove_dir_all(&path);
    };
    let bytes = || fs::read(&file).unwrap();
    check(&|| fs::write(&file, [bytes(), b" ".to_vec()].concat()).unwrap(), "somebody changed it");
    check(
        &|| fs::write(&file, String::from_utf8_lossy(&bytes()[32..]).as_bytes()).unwrap(),
        "somebody changed it",
    );
    check(&|| fs::write(&file, b"x").unwrap(), "it is cut off");
    check(&|| fs::write(&file, vec![0; 100_000]).unwrap(), "no file of this cache");
    let copied = || assert!(fs::copy(path.join(key('b').file()), &file).is_ok());
    check(&copied, "another image");
    let open = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    check(&|| open(&file, 0o644), "others own it or may use it");
    check(&|| open(&path, 0o755), "others own it or may use it");
    check(&|| open(&path.join(SECRET), 0o644), "others own it or may use it");
    check(&|| fs::write(path.join(SECRET), [7; SECRET_BYTES]).unwrap(), "somebody changed it");
    check(
        &|| {
            fs::rename(&file, path.join("other")).unwrap();
            std::os::unix::fs::symlink(path.join("other"), &file).unwrap();
        },
        "symbolic link",
    );
}

#[test]
fn a_cache_that_cannot_be_is_a_gap() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let cache = Cache::open(Some(&file));
    assert_eq!(cache.gaps().len(), 1);
    cache.put(found('a'));
    assert!(cache.get(&key('a'), time(1)).is_some(), "this process remembers all the same");
}

#[test]
fn many_processes_make_one_secret() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cache");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let cache = Cache::open(Some(&path));
                cache.put(found('a'));
                assert!(cache.get(&key('a'), time(1)).is_some());
            });
        }
    });
}

#[test]
fn a_full_memory_forgets_what_ends_first() {
    let cache = Cache::open(None);
    for number in 0..=REMEMBERED_MAX {
        let mut found = found('a');
        found.key.repository = format!("a.b/{number}");
        found.until = time(i64::try_from(number).unwrap() + 1);
        cache.put(found);
    }
    let held = locked(&cache.trusted);
    assert!(held.len() <= REMEMBERED_MAX);
    assert!(held.keys().any(|key| key.repository == format!("a.b/{REMEMBERED_MAX}")));
    assert!(!held.keys().any(|key| key.repository == "a.b/0"));
}
