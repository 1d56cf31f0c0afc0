//! Updates from a loopback server and from directories: what is asked, what is kept, what is replaced.

#![expect(clippy::unwrap_used, reason = "a test's own helpers")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use seawall_advisory::database::Verify;
use seawall_advisory::update::{
    AptSuite, NetworkUse, Origin, Outcome, PackageMirror, SOURCES, UpdateError, UpdateOptions, Updated,
    mirror_database, mirror_feeds, update, update_from_packages,
};
use seawall_advisory::{Database, OpenError};

const KEV: &str = "www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json";
const DSA: &str = "salsa.debian.org/security-tracker-team/security-tracker/-/raw/master/data/DSA/list";
const DLA: &str = "salsa.debian.org/security-tracker-team/security-tracker/-/raw/master/data/DLA/list";

fn kev(id: &str) -> String {
    format!(
        r#"{{"catalogVersion":"1","vulnerabilities":[{{"cveID":"{id}","vendorProject":"a","product":"b",
        "vulnerabilityName":"c","dateAdded":"2024-05-06","shortDescription":"d","requiredAction":"e",
        "dueDate":"2024-06-01","knownRansomwareCampaignUse":"Known","notes":""}}]}}"#
    )
}

fn list(id: &str, cve: &str, fixed: &str) -> String {
    format!("[01 Jul 2024] {id} foo - security update\n\t{{{cve}}}\n\t[bookworm] - foo {fixed}\n")
}

/// What the server has, and what it was asked.
#[derive(Default)]
struct Site {
    files: BTreeMap<String, Vec<u8>>,
    asked: Vec<String>,
    /// Answers break off after so many bytes.
    breaks_after: Option<usize>,
}

/// A loopback server of files with entity tags and ranges.
struct Server {
    base: String,
    site: Arc<Mutex<Site>>,
}

impl Server {
    fn start(files: &[(&str, String)]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/mirror", listener.local_addr().unwrap());
        let files =
            files.iter().map(|(path, text)| ((*path).to_owned(), text.clone().into_bytes())).collect();
        let site = Arc::new(Mutex::new(Site { files, ..Site::default() }));
        let shared = Arc::clone(&site);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that goes away is not the server's problem.
                let _ = serve(stream.unwrap(), &shared);
            }
        });
        Server { base, site }
    }

    fn set(&self, path: &str, content: impl Into<Vec<u8>>) {
        self.site.lock().unwrap().files.insert(path.to_owned(), content.into());
    }

    fn breaks_after(&self, bytes: Option<usize>) {
        self.site.lock().unwrap().breaks_after = bytes;
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.site.lock().unwrap().asked)
    }

    fn origin(&self) -> Origin {
        Origin::named(Some(&self.base), NetworkUse::Allowed, "test").unwrap()
    }
}

fn serve(mut stream: TcpStream, site: &Mutex<Site>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let path = head[0].split(' ').nth(1).unwrap().trim_start_matches("/mirror/").to_owned();
    let header = |name: &str| {
        head.iter().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let mut site = site.lock().unwrap();
    site.asked
        .push(format!("{path}{}", header("range").map(|range| format!(" {range}")).unwrap_or_default()));
    let Some(text) = site.files.get(&path).cloned() else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    };
    let etag = format!("\"{}-{}\"", text.len(), text.iter().copied().map(u64::from).sum::<u64>());
    if header("if-none-match").as_ref() == Some(&etag) {
        return stream.write_all(b"HTTP/1.1 304 Not Modified\r\nconnection: close\r\n\r\n");
    }
    let from: usize = match header("range").filter(|_| header("if-range").as_ref() == Some(&etag)) {
        Some(range) => range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap(),
        None => 0,
    };
    let status = match from {
        0 => "200 OK".to_owned(),
        _ => format!("206 Partial Content\r\ncontent-range: bytes {from}-{}/{}", text.len() - 1, text.len()),
    };
    let rest = &text[from..];
    let length = rest.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\netag: {etag}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )?;
    stream.write_all(&rest[..site.breaks_after.unwrap_or(length).min(length)])
}

fn options(sources: &[&str]) -> UpdateOptions {
    let sources = sources.iter().map(|name| (*name).to_owned()).collect();
    UpdateOptions { sources, now: "2026-11-24T00:00:00Z".to_owned() }
}

fn run(directory: &Path, origin: &Origin, sources: &[&str]) -> Result<Updated, UpdateError> {
    update(directory, &options(sources), origin, &mut |_| {})
}

/// One word per file: its name and what became of it.
fn outcomes(updated: &Updated) -> Vec<String> {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Replaced { records } => format!("replaced {records}"),
        Outcome::Unchanged => "unchanged".to_owned(),
        Outcome::Failed { .. } => "failed".to_owned(),
    };
    updated.parts.iter().map(|part| format!("{} {}", part.name, word(&part.outcome))).collect()
}

fn fix_of(directory: &Path, cve: &str) -> Option<String> {
    let database = Database::open(directory).unwrap();
    assert!(database.status(Verify::Digests).iter().all(|shard| shard.damage.is_none()));
    let found = database.by_id(cve);
    found.first().map(|advisory| format!("{:?}", advisory.affected.ranges))
}

#[test]
fn only_what_changed_is_read_again_and_what_fails_is_kept() {
    let server = Server::start(&[
        (KEV, kev("CVE-2024-1000")),
        (DSA, list("DSA-1-1", "CVE-2024-1000", "1.0-1")),
        (DLA, list("DLA-1-1", "CVE-2024-2000", "1.0-2")),
    ]);
    let directory = tempfile::tempdir().unwrap();
    let sources = ["debian-dsa", "kev"];
    let first = run(directory.path(), &server.origin(), &sources).unwrap();
    assert_eq!(
        outcomes(&first),
        ["debian-dsa/DSA replaced 1", "debian-dsa/DLA replaced 1", "kev replaced 1"]
    );
    let again = run(directory.path(), &server.origin(), &sources).unwrap();
    assert_eq!(outcomes(&again), ["debian-dsa/DSA unchanged", "debian-dsa/DLA unchanged", "kev unchanged"]);
    assert_eq!(again.manifest.digest, first.manifest.digest);
    // One file changes, one turns into something else.
    server.set(DSA, list("DSA-1-1", "CVE-2024-3000", "1.0-3"));
    server.set(KEV, "<html>Please log in</html>".to_owned());
    let third = run(directory.path(), &server.origin(), &sources).unwrap();
    assert_eq!(outcomes(&third), ["debian-dsa/DSA replaced 1", "debian-dsa/DLA unchanged", "kev failed"]);
    assert_eq!(fix_of(directory.path(), "CVE-2024-1000"), None);
    assert!(fix_of(directory.path(), "CVE-2024-3000").unwrap().contains("1.0-3"));
    assert!(fix_of(directory.path(), "CVE-2024-2000").unwrap().contains("1.0-2"));
    let database = Database::open(directory.path()).unwrap();
    assert!(database.enrichment("CVE-2024-1000").unwrap().known_exploited.is_some());
}

#[test]
fn a_broken_download_goes_on_where_it_stopped() {
    let server = Server::start(&[(KEV, kev("CVE-2024-1000"))]);
    let directory = tempfile::tempdir().unwrap();
    server.breaks_after(Some(100));
    let broken = run(directory.path(), &server.origin(), &["kev"]);
    assert!(matches!(broken, Err(UpdateError::NothingFetched { .. })), "{broken:?}");
    assert!(matches!(Database::open(directory.path()), Err(OpenError::Absent { .. })));
    server.breaks_after(None);
    server.asked();
    let done = run(directory.path(), &server.origin(), &["kev"]).unwrap();
    assert_eq!(outcomes(&done), ["kev replaced 1"]);
    assert_eq!(server.asked(), ["seawall-db.json".to_owned(), format!("{KEV} bytes=100-")]);
    // The file changed meanwhile: it is fetched from its beginning.
    server.set(KEV, kev("CVE-2024-2000"));
    server.breaks_after(Some(50));
    run(directory.path(), &server.origin(), &["kev"]).unwrap();
    server.breaks_after(None);
    server.set(KEV, kev("CVE-2024-3000"));
    let done = run(directory.path(), &server.origin(), &["kev"]).unwrap();
    assert_eq!(outcomes(&done), ["kev replaced 1"]);
    assert!(Database::open(directory.path()).unwrap().enrichment("CVE-2024-3000").is_some());
}

#[test]
fn nothing_at_all_is_an_error_and_unknown_names_are_told() {
    let server = Server::start(&[]);
    let directory = tempfile::tempdir().unwrap();
    let nothing = run(directory.path(), &server.origin(), &["kev", "epss"]);
    assert!(matches!(nothing, Err(UpdateError::NothingFetched { .. })), "{nothing:?}");
    let unknown = run(directory.path(), &server.origin(), &["kav"]);
    assert!(matches!(unknown, Err(UpdateError::UnknownSource(_))), "{unknown:?}");
}

/// What a mirrored database gives to a site that has nothing else.
fn check_mirrored(origin: &Origin, expected: &Database) {
    let site = tempfile::tempdir().unwrap();
    let updated = run(site.path(), origin, &[]).unwrap();
    assert_eq!(updated.manifest.digest, expected.digest());
    let database = Database::open(site.path()).unwrap();
    assert!(database.status(Verify::Digests).iter().all(|shard| shard.damage.is_none()));
    assert_eq!(fs::read(site.path().join("seawall-db.json.sig")).unwrap(), b"signed");
}

#[test]
fn a_mirrored_database_is_copied_and_checked() {
    let server =
        Server::start(&[(KEV, kev("CVE-2024-1000")), (DSA, list("DSA-1-1", "CVE-2024-1000", "1.0-1"))]);
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), &server.origin(), &["kev", "debian-dsa"]).unwrap();
    fs::write(directory.path().join("seawall-db.json.sig"), "signed").unwrap();
    let database = Database::open(directory.path()).unwrap();
    let mirror = tempfile::tempdir().unwrap();
    mirror_database(&database, mirror.path()).unwrap();
    let named = |from: &str| Origin::named(Some(from), NetworkUse::Forbidden, "test").unwrap();
    check_mirrored(&named(mirror.path().to_str().unwrap()), &database);
    // A damaged mirror is refused and changes nothing.
    for entry in fs::read_dir(mirror.path().join("shards")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
    }
    let site = tempfile::tempdir().unwrap();
    let refused = run(site.path(), &named(mirror.path().to_str().unwrap()), &[]);
    assert!(matches!(refused, Err(UpdateError::Mirror(_))), "{refused:?}");
    assert!(matches!(Database::open(site.path()), Err(OpenError::Absent { .. })));
}

#[test]
fn mirrored_feeds_are_read_like_the_publishers_own() {
    let server =
        Server::start(&[(KEV, kev("CVE-2024-1000")), (DSA, list("DSA-1-1", "CVE-2024-1000", "1.0-1"))]);
    let mirror = tempfile::tempdir().unwrap();
    let Origin::Network(network) = server.origin() else { panic!("not a network origin") };
    let parts = mirror_feeds(mirror.path(), &options(&["kev", "debian-dsa"]), &network, &mut |_| {}).unwrap();
    let failed = parts.iter().filter(|part| matches!(part.outcome, Outcome::Failed { .. })).count();
    assert_eq!((parts.len(), failed), (3, 1));
    let directory = tempfile::tempdir().unwrap();
    let origin = Origin::named(mirror.path().to_str(), NetworkUse::Forbidden, "test").unwrap();
    let updated = run(directory.path(), &origin, &["kev", "debian-dsa"]).unwrap();
    assert_eq!(outcomes(&updated), ["debian-dsa/DSA replaced 1", "debian-dsa/DLA failed", "kev replaced 1"]);
    let again = run(directory.path(), &origin, &["kev"]).unwrap();
    assert_eq!(outcomes(&again), ["kev unchanged"]);
}

#[test]
fn one_writer_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let lock = fs::File::create(directory.path().join("update.lock")).unwrap();
    lock.try_lock().expect("a free lock");
    let server = Server::start(&[]);
    let busy = run(directory.path(), &server.origin(), &["kev"]);
    assert!(matches!(busy, Err(UpdateError::Busy { .. })), "{busy:?}");
}

#[test]
fn source_names_fit_file_names() {
    for source in SOURCES {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(source.name.chars().all(is_plain), "{}", source.name);
    }
}

const UPDATEINFO: &str = r#"<updates><update from="x" status="final" type="security" version="1.4">
    <id>ALAS2-2024-1</id><title>Amazon Linux 2 2017.12 - ALAS2-2024-1: important priority package update for foo</title>
    <issued date="2024-07-01 00:00"/><updated date="2024-07-01 00:00"/><severity>important</severity>
    <description>d</description><references><reference href="x" id="CVE-2024-1000" title="" type="cve"/></references>
    <pkglist><collection short="amazon-linux-2"><name>Amazon Linux 2</name>
    <package arch="x86_64" epoch="0" name="foo" release="2.amzn2" version="1.0">
    <filename>Packages/foo-1.0-2.amzn2.x86_64.rpm</filename></package></collection></pkglist></update></updates>"#;

fn repository(server: &Server, base: &str) {
    let repomd =
        r#"<repomd><data type="updateinfo"><location href="repodata/updateinfo.xml"/></data></repomd>"#;
    server.set(&format!("{base}/repodata/repomd.xml"), repomd);
    server.set(&format!("{base}/repodata/updateinfo.xml"), UPDATEINFO);
}

#[test]
fn a_mirror_list_leads_to_the_repository() {
    let server = Server::start(&[]);
    let base = "cdn.example/amzn2/abc/x86_64";
    server.set("cdn.amazonlinux.com/2/core/latest/x86_64/mirror.list", format!("https://{base}\n"));
    repository(&server, base);
    let directory = tempfile::tempdir().unwrap();
    let updated = run(directory.path(), &server.origin(), &["amazon"]).unwrap();
    assert_eq!(outcomes(&updated), ["amazon/2 replaced 1", "amazon/2023 failed"]);
    assert!(fix_of(directory.path(), "CVE-2024-1000").unwrap().contains("1.0-2.amzn2"));
}

/// A source package's Debian part with this changelog.
fn debian_part(changelog: &str) -> Vec<u8> {
    let work = tempfile::tempdir().unwrap();
    fs::create_dir(work.path().join("debian")).unwrap();
    fs::write(work.path().join("debian/changelog"), changelog).unwrap();
    let archive = work.path().join("part.tar.gz");
    let status =
        Command::new("tar").arg("-C").arg(work.path()).arg("-czf").arg(&archive).arg("debian").status();
    assert!(status.unwrap().success());
    fs::read(archive).unwrap()
}

#[test]
fn package_mirrors_alone_make_a_database() {
    let server = Server::start(&[]);
    let sources = "Package: foo\nVersion: 1:1.0-1+deb12u2\nDirectory: pool/updates/main/f/foo\nFiles:\n \
                   0123 99 foo_1.0.orig.tar.xz\n 0123 99 foo_1.0-1+deb12u2.debian.tar.gz\n\n\
                   Package: bar\nVersion: 2\nDirectory: pool/updates/main/b/bar\nFiles:\n 0123 99 bar_2.tar.xz\n";
    server.set("mirror.example/debian-security/dists/bookworm-security/main/source/Sources", sources);
    let changelog = "foo (1:1.0-1+deb12u2) bookworm-security; urgency=medium\n\n  * Fix overflow (CVE-2024-2000).\n\n \
                     -- A <a@example.org>  Mon, 01 Jul 2024 00:00:00 +0000\n\n\
                     foo (1:1.0-1+deb12u1) bookworm-security; urgency=medium\n\n  * CVE-2024-1000: fix.\n\n \
                     -- A <a@example.org>  Mon, 03 Jun 2024 00:00:00 +0000\n";
    let path = "mirror.example/debian-security/pool/updates/main/f/foo/foo_1.0-1+deb12u2.debian.tar.gz";
    server.set(path, debian_part(changelog));
    repository(&server, "mirror.example/amzn2");
    let suite: AptSuite =
        "deb https://mirror.example/debian-security bookworm-security main".parse().unwrap();
    assert_eq!(suite.space, "debian:12");
    let none_of_these = AptSuite { only: ["baz".to_owned()].into(), ..suite.clone() };
    let mirrors = [
        PackageMirror::Apt(suite),
        PackageMirror::Rpm { base: "https://mirror.example/amzn2".into(), space: None },
    ];
    let Origin::Network(network) = server.origin() else { panic!("not a network origin") };
    let directory = tempfile::tempdir().unwrap();
    let other = [PackageMirror::Apt(none_of_these)];
    let refused = update_from_packages(directory.path(), &options(&[]), &other, &network, &mut |_| {});
    assert!(matches!(refused, Err(UpdateError::NothingFetched { .. })), "{refused:?}");
    let updated =
        update_from_packages(directory.path(), &options(&[]), &mirrors, &network, &mut |_| {}).unwrap();
    let outcomes: Vec<&Outcome> = updated.parts.iter().map(|part| &part.outcome).collect();
    assert_eq!(outcomes, [&Outcome::Replaced { records: 2 }, &Outcome::Replaced { records: 1 }]);
    // `bar` is listed and its archive is missing: said, not dropped.
    assert_eq!(updated.parts[0].gaps_total, 1);
    assert!(fix_of(directory.path(), "CVE-2024-2000").unwrap().contains("1:1.0-1+deb12u2"));
    let database = Database::open(directory.path()).unwrap();
    let spaces: Vec<&str> = database.spaces().collect();
    assert_eq!(spaces, ["amzn:2", "debian:12"]);
}
