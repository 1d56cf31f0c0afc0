//! The database gives back what was put in, and survives any damage.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use seawall_advisory::database::{Builder, Database, OpenError, SourceInfo, Verify};
use seawall_advisory::record::{Affected, Bound, Enrichment, KeyedBy, Range, Record, State, Support};
use seawall_finding::{KnownExploited, Rating, Severity};

fn source() -> SourceInfo {
    SourceInfo { title: "A test".into(), as_of: Some("2026-08-22".into()), ..SourceInfo::named("test") }
}

fn version() -> impl Strategy<Value = String> {
    "[0-9]{1,2}(\\.[0-9]{1,2}){0,2}(-[0-9]~deb12u[0-9])?"
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![
        Just(State::Fixed),
        Just(State::NotFixed),
        Just(State::Undetermined),
        Just(State::NotAffected)
    ]
}

fn range() -> impl Strategy<Value = Range> {
    let until = prop_oneof![
        version().prop_map(Bound::Fixed),
        version().prop_map(Bound::LastAffected),
        Just(Bound::Open)
    ];
    (proptest::option::of(version()), until).prop_map(|(introduced, until)| Range { introduced, until })
}

fn severity() -> impl Strategy<Value = Severity> {
    proptest::sample::select(Severity::ALL.to_vec())
}

fn affected() -> impl Strategy<Value = Affected> {
    let identity = (
        prop_oneof![Just("debian:12".to_owned()), Just("npm".to_owned())],
        "[a-d]{1,3}",
        prop_oneof![Just(KeyedBy::Source), Just(KeyedBy::Binary)],
        proptest::option::of("[a-z]{1,4}:[0-9]"),
        proptest::collection::vec("(x86_64|aarch64|s390x)", 0..3),
    );
    let what = (
        state(),
        proptest::collection::vec(range(), 0..3),
        proptest::collection::btree_set(version(), 0..4),
        proptest::option::of(severity()),
    );
    (identity, what).prop_map(
        |((space, name, keyed_by, module, architectures), (state, ranges, versions, severity))| {
            let versions: BTreeSet<String> = versions;
            Affected {
                space,
                name,
                keyed_by,
                module,
                architectures,
                state,
                ranges,
                versions: versions.into_iter().collect(),
                severity,
            }
        },
    )
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        "CVE-20[0-2][0-9]-[1-9][0-9]{3,6}",
        "GHSA-[2-9cfghjmpqrvwx]{4}-[2-9cfghjmpqrvwx]{4}-[2-9cfghjmpqrvwx]{4}",
        "(DSA|RUSTSEC)-[0-9]{1,4}-[0-9]",
    ]
}

fn record() -> impl Strategy<Value = Record> {
    (
        id(),
        proptest::collection::vec(id(), 0..3),
        proptest::option::of(id()),
        proptest::collection::vec(affected(), 1..4),
        "[ -~é]{0,40}",
        proptest::option::of(severity()),
    )
        .prop_map(|(id, aliases, advisory, affected, title, rated)| Record {
            id,
            aliases,
            advisory,
            title,
            affected,
            ratings: rated
                .map(|severity| Rating { source: "test".into(), severity, score: None, vector: None })
                .into_iter()
                .collect(),
            references: vec!["https://example.org/".into()],
            ..Record::default()
        })
}

/// A record reduced to what the database keeps of one of its entries.
fn expected(record: &Record, affected: &Affected) -> String {
    let severity = record.ratings.first().map(|rating| rating.severity).unwrap_or_default();
    let mut affected = affected.clone();
    affected.severity = affected.severity.filter(|own| *own != severity);
    format!("{} {:?} {:?} {severity} {affected:?}", record.id, record.aliases, record.advisory)
}

#[expect(clippy::unwrap_used, reason = "a test's own helper")]
fn build(records: &[Record], directory: &Path) {
    let mut builder = Builder::new();
    for record in records {
        builder.add(&source(), record.clone()).unwrap();
    }
    assert_eq!(builder.refused(), 0);
    builder.write(directory).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_added_is_found(records in proptest::collection::vec(record(), 0..12)) {
        let directory = tempfile::tempdir().unwrap();
        build(&records, directory.path());
        let database = Database::open(directory.path()).unwrap();
        let mut wanted: BTreeSet<String> = BTreeSet::new();
        let mut found: BTreeSet<String> = BTreeSet::new();
        for record in &records {
            for affected in &record.affected {
                wanted.insert(expected(record, affected));
                for entry in database.lookup(&affected.space, &affected.name) {
                    let entry = entry.unwrap();
                    let identity = entry.identity().unwrap();
                    let facts = entry.affected(&affected.name).unwrap();
                    found.insert(format!(
                        "{} {:?} {:?} {} {facts:?}",
                        identity.id, identity.aliases, identity.advisory, identity.severity
                    ));
                }
            }
            let text = database.text("test", &record.id, record.advisory.as_deref()).unwrap();
            prop_assert!(records.iter().any(|other| other.id == record.id && other.title == text.title));
            prop_assert!(!database.by_id(&record.id).is_empty());
        }
        prop_assert_eq!(wanted, found);
        prop_assert!(database.lookup("debian:12", "zzz").is_empty());
        prop_assert!(database.lookup("debian:13", "a").is_empty());
        prop_assert!(database.status(Verify::Digests).iter().all(|shard| shard.damage.is_none()));
    }

    #[test]
    fn damage_never_panics(
        records in proptest::collection::vec(record(), 1..6),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let directory = tempfile::tempdir().unwrap();
        build(&records, directory.path());
        for entry in fs::read_dir(directory.path().join("shards")).unwrap() {
            let path = entry.unwrap().path();
            let mut bytes = fs::read(&path).unwrap();
            for (at, value) in &flips {
                *at.get_mut(&mut bytes) ^= value;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
        }
        let database = Database::open(directory.path()).unwrap();
        for record in &records {
            for affected in &record.affected {
                for entry in database.lookup(&affected.space, &affected.name).into_iter().flatten() {
                    let _ = entry.identity();
                    let _ = entry.affected(&affected.name);
                }
            }
            let _ = database.text("test", &record.id, record.advisory.as_deref());
            let _ = database.by_id(&record.id);
        }
        let _ = database.status(Verify::Digests);
    }
}

#[test]
fn an_absent_database_is_told_from_a_broken_one() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(Database::open(directory.path()), Err(OpenError::Absent { .. })));
    fs::write(directory.path().join("seawall-db.json"), "{").unwrap();
    assert!(matches!(Database::open(directory.path()), Err(OpenError::Manifest { .. })));
    fs::write(directory.path().join("seawall-db.json"), r#"{"schema":99,"digest":"","shards":[]}"#).unwrap();
    assert!(matches!(Database::open(directory.path()), Err(OpenError::Schema { found: 99, .. })));
}

#[test]
fn a_manifest_cannot_name_a_file_elsewhere() {
    let directory = tempfile::tempdir().unwrap();
    let manifest = r#"{"schema":1,"digest":"","shards":[{"file":"../../etc/passwd","kind":"facts",
        "space":"npm","source":{"name":"x"},"size":1,"sha256":"","records":1}]}"#;
    fs::write(directory.path().join("seawall-db.json"), manifest).unwrap();
    let database = Database::open(directory.path()).unwrap();
    let answers = database.lookup("npm", "x");
    assert!(
        matches!(answers.as_slice(), [Err(error)] if error.reason.contains("plain file name")),
        "{answers:?}"
    );
}

#[test]
fn a_shard_that_lost_a_byte_is_an_error_and_not_an_empty_answer() {
    let directory = tempfile::tempdir().unwrap();
    let affected = Affected { space: "npm".into(), name: "a".into(), ..Affected::default() };
    build(
        &[Record { id: "CVE-2024-1".into(), affected: vec![affected], ..Record::default() }],
        directory.path(),
    );
    for entry in fs::read_dir(directory.path().join("shards")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    }
    let database = Database::open(directory.path()).unwrap();
    assert!(matches!(database.lookup("npm", "a").as_slice(), [Err(_)]));
}

fn cve(id: &str) -> Enrichment {
    Enrichment { id: id.into(), ..Enrichment::default() }
}

#[test]
fn enrichment_of_all_sources_is_joined() {
    let directory = tempfile::tempdir().unwrap();
    let mut builder = Builder::new();
    let (epss, kev, nvd) = (SourceInfo::named("epss"), SourceInfo::named("kev"), SourceInfo::named("nvd"));
    for number in 1000..1200 {
        let id = format!("CVE-2024-{number}");
        builder.enrich(&epss, Enrichment { epss: Some((0.18126, 0.96946)), ..cve(&id) });
    }
    let exploited = KnownExploited { added: "2024-05-06".into(), ransomware: true };
    builder.enrich(&kev, Enrichment { known_exploited: Some(exploited.clone()), ..cve("CVE-2024-1100") });
    let rating = Rating {
        source: "nvd".into(),
        severity: Severity::Critical,
        score: Some(9.8),
        vector: Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".into()),
    };
    let weaknesses = vec!["CWE-79".to_owned(), "NVD-CWE-noinfo".to_owned()];
    let known = Enrichment {
        ratings: vec![rating.clone()],
        weaknesses: weaknesses.clone(),
        title: "Overflow in a".into(),
        ..cve("CVE-2024-1100")
    };
    builder.enrich(&nvd, known);
    builder.enrich(&nvd, cve("GHSA-2222-3333-4444"));
    assert_eq!(builder.refused(), 1);
    builder.write(directory.path()).unwrap();
    let database = Database::open(directory.path()).unwrap();
    let joined = database.enrichment("CVE-2024-1100").unwrap();
    assert_eq!(joined.epss, Some((0.18126, 0.96946)));
    assert_eq!(joined.known_exploited, Some(exploited));
    assert_eq!(joined.ratings, [rating]);
    assert_eq!(joined.weaknesses, weaknesses);
    assert_eq!(joined.title, "Overflow in a");
    for number in 1000..1200 {
        assert!(database.enrichment(&format!("CVE-2024-{number}")).is_some(), "{number}");
    }
    assert_eq!(database.enrichment("CVE-2024-0999"), None);
    assert_eq!(database.enrichment("CVE-2024-1200"), None);
}

#[test]
fn support_dates_are_found_by_product_and_cycle() {
    let directory = tempfile::tempdir().unwrap();
    let mut builder = Builder::new();
    let dates = |cycle: &str, ends: Option<&str>| Support {
        product: "debian".into(),
        cycle: cycle.into(),
        ends_on: ends.map(str::to_owned),
        extended_ends_on: None,
    };
    for (cycle, ends) in [("1", Some("1997-01-01")), ("12", Some("2026-06-10")), ("13", None)] {
        builder.support(&SourceInfo::named("eol"), &dates(cycle, ends));
    }
    builder.write(directory.path()).unwrap();
    let database = Database::open(directory.path()).unwrap();
    assert_eq!(database.support("debian", "12"), Some(dates("12", Some("2026-06-10"))));
    assert_eq!(database.support("debian", "13"), Some(dates("13", None)));
    assert_eq!(database.support("debian", "14"), None);
    assert_eq!(database.support("debia", "n"), None);
}

#[test]
fn building_twice_gives_the_same_digest_and_an_update_keeps_open_databases_working() {
    let directory = tempfile::tempdir().unwrap();
    let record = |id: &str| Record {
        id: id.into(),
        affected: vec![Affected { space: "npm".into(), name: "a".into(), ..Affected::default() }],
        ..Record::default()
    };
    build(&[record("CVE-2024-1000")], directory.path());
    let before = Database::open(directory.path()).unwrap();
    build(&[record("CVE-2024-1000")], directory.path());
    let same = Database::open(directory.path()).unwrap();
    assert_eq!(before.digest(), same.digest());
    build(&[record("CVE-2024-2000")], directory.path());
    let after = Database::open(directory.path()).unwrap();
    assert_ne!(before.digest(), after.digest());
    let id_in = |database: &Database| {
        let mut answers = database.lookup("npm", "a");
        answers.remove(0).unwrap().identity().unwrap().id
    };
    assert_eq!(id_in(&before), "CVE-2024-1000");
    assert_eq!(id_in(&after), "CVE-2024-2000");
}
