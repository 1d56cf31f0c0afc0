//! What tests of the binary share: a place of its own for each test, a small database, images of a small Debian.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use seawall_advisory::record::{Affected, Bound, KeyedBy, Range, Record, State};
use seawall_advisory::{Builder, SourceInfo};
use seawall_finding::{Rating, Severity};
use seawall_testkit::{Compression, Image, Tar};
use serde_json::Value;

/// A place of its own for each test: database, cache, files.
pub(crate) struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name).display().to_string()
    }

    /// A place with a small database.
    pub(crate) fn with_database() -> Place {
        let place = Place::new();
        let mut builder = Builder::new();
        let debian = SourceInfo::named("debian-tracker");
        for (id, name, fixed, severity) in [
            ("CVE-2024-0001", "openssl", Some("3.0.14-1"), Severity::High),
            ("CVE-2024-0002", "openssl", None, Severity::Critical),
            ("CVE-2024-0003", "zlib", Some("1:1.2.14-1"), Severity::Low),
            ("CVE-2024-0004", "wget", Some("1.21.4-1"), Severity::Medium),
        ] {
            let (state, ranges) = match fixed {
                Some(fixed) => {
                    let until = Bound::Fixed(fixed.to_owned());
                    (State::Fixed, vec![Range { introduced: None, until }])
                }
                None => (State::NotFixed, vec![Range::default()]),
            };
            let rating = Rating { source: "debian".to_owned(), severity, score: None, vector: None };
            let record = Record {
                id: id.to_owned(),
                title: format!("Something in {name}"),
                ratings: vec![rating],
                affected: vec![Affected {
                    space: "debian:12".to_owned(),
                    name: name.to_owned(),
                    keyed_by: KeyedBy::Source,
                    state,
                    ranges,
                    ..Affected::default()
                }],
                ..Record::default()
            };
            builder.add(&debian, record).unwrap();
        }
        let npm = Affected { space: "npm".to_owned(), name: "left-pad".to_owned(), ..Affected::default() };
        let record =
            Record { id: "GHSA-2222-3333-4444".to_owned(), affected: vec![npm], ..Record::default() };
        builder.add(&SourceInfo::named("npm"), record).unwrap();
        builder.write(&place.path("db")).unwrap();
        place
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_seawall"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.directory.path())
            .env("SEAWALL_DB", self.path("db"))
            .env("SEAWALL_CACHE", self.path("cache"))
            .env("SOURCE_DATE_EPOCH", "1717200000")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs, compares the exit code, and gives stdout and stderr.
    pub(crate) fn check(&self, arguments: &[&str], exit: i32) -> (String, String) {
        let output = self.run(arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}\n{out}\n{err}");
        (out, err)
    }

    pub(crate) fn json(&self, arguments: &[&str], exit: i32) -> Value {
        let (out, err) = self.check(&[arguments, &["--format", "json"]].concat(), exit);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}"))
    }
}

pub(crate) const OS_RELEASE: &str =
    "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n";

pub(crate) fn status(packages: &[(&str, &str)]) -> String {
    let stanza = |(name, version): &(&str, &str)| {
        format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\n\n")
    };
    packages.iter().map(stanza).collect()
}

pub(crate) fn debian(packages: &[(&str, &str)]) -> Image {
    let tar = Tar::new().file("etc/os-release", OS_RELEASE).file("var/lib/dpkg/status", status(packages));
    Image::new().stored_layer(tar.finish(), Compression::Gzip).tag("app:1")
}

pub(crate) fn ids(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|f| f["evidence"]["id"].as_str().unwrap()).collect()
}
