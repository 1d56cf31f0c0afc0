//! What the matcher says of a package, case by case. Each case is data: a package, the distribution,
//! what the sources say, and the answer. The classes are those of `field/scanners.md`, section 1.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test's own helpers")]

use seawall_advisory::database::{Builder, Database, SourceInfo};
use seawall_advisory::record::{Affected, Bound, Enrichment, KeyedBy, Range, Record, State, Support};
use seawall_advisory::{MatchOptions, Matched, end_of_life, end_of_life_runtimes, match_inventory};
use seawall_finding::{
    Confidence, Evidence, FixState, Gap, GapKind, KnownExploited, Rating, Severity, Vulnerable,
};
use seawall_inventory::{Distro, Ecosystem, Inventory, Package, Purl, SourcePackage};

fn distro(release: &str) -> Distro {
    let (id, version) = release.split_once(':').expect("id:version");
    Distro { id: id.into(), version: Some(version.into()), ..Distro::default() }
}

fn deb(name: &str, version: &str) -> Package {
    Package::new(Ecosystem::Deb, name, version)
}

fn rpm(name: &str, version: &str) -> Package {
    Package { architecture: Some("x86_64".into()), ..Package::new(Ecosystem::Rpm, name, version) }
}

fn of_source(package: Package, name: &str, version: &str) -> Package {
    Package { source: Some(SourcePackage { name: name.into(), version: version.into() }), ..package }
}

/// What `source` says of `name` in `space`.
#[derive(Clone)]
struct Says {
    source: &'static str,
    record: Record,
}

fn says(source: &'static str, id: &str, space: &str, name: &str) -> Says {
    let is_source = ["debian", "ubuntu", "alpine"].iter().any(|by_source| space.starts_with(by_source));
    let keyed_by = if is_source { KeyedBy::Source } else { KeyedBy::Binary };
    let affected = Affected { space: space.into(), name: name.into(), keyed_by, ..Affected::default() };
    Says { source, record: Record { id: id.into(), affected: vec![affected], ..Record::default() } }
}

impl Says {
    fn edit(mut self, change: impl FnOnce(&mut Affected)) -> Says {
        change(&mut self.record.affected[0]);
        self
    }

    fn fixed(self, version: &str) -> Says {
        let until = Bound::Fixed(version.into());
        self.edit(|affected| {
            affected.state = State::Fixed;
            affected.ranges = vec![Range { introduced: None, until }];
        })
    }

    fn between(self, introduced: &str, until: Bound) -> Says {
        self.edit(|affected| affected.ranges.push(Range { introduced: Some(introduced.into()), until }))
    }

    fn state(self, state: State) -> Says {
        self.edit(|affected| affected.state = state)
    }

    fn module(self, module: &str) -> Says {
        self.edit(|affected| affected.module = Some(module.into()))
    }

    fn arch(self, arch: &str) -> Says {
        self.edit(|affected| affected.architectures = vec![arch.into()])
    }

    fn keyed(self, keyed_by: KeyedBy) -> Says {
        self.edit(|affected| affected.keyed_by = keyed_by)
    }

    fn severity(self, severity: Severity) -> Says {
        self.edit(|affected| affected.severity = Some(severity))
    }

    fn also(mut self, alias: &str) -> Says {
        self.record.aliases.push(alias.into());
        self
    }

    fn document(mut self, id: &str) -> Says {
        self.record.advisory = Some(id.into());
        self
    }

    fn rated(mut self, source: &str, severity: Severity) -> Says {
        self.record.ratings.push(Rating { source: source.into(), severity, score: None, vector: None });
        self
    }
}

/// The database of what was said, kept in a directory that outlives the call.
fn database(all: &[Says], more: impl FnOnce(&mut Builder)) -> Database {
    let directory = tempfile::tempdir().unwrap().keep();
    let mut builder = Builder::new();
    for says in all {
        builder.add(&SourceInfo::named(says.source), says.record.clone()).unwrap();
    }
    more(&mut builder);
    builder.write(&directory).unwrap();
    let database = Database::open(&directory).unwrap();
    // Shards that are mapped stay readable after their names are gone.
    for shard in database.status(seawall_advisory::database::Verify::Frames) {
        assert_eq!(shard.damage, None);
    }
    std::fs::remove_dir_all(directory).unwrap();
    database
}

fn run(packages: &[Package], release: Option<Distro>, all: &[Says]) -> Matched {
    let inventory = Inventory { distro: release, packages: packages.to_vec(), ..Inventory::default() };
    match_inventory(&database(all, |_| {}), &inventory, &MatchOptions::default())
}

/// Whether a gap tells that the sources name fixes only, as those of most releases do.
fn is_of_open_problems(gap: &Gap) -> bool {
    gap.reason.contains("have no fix yet")
}

/// One line per finding (`id state fixed,versions`), then one per gap (`gap kind`) but that of open problems, sorted.
fn lines(matched: &Matched) -> Vec<String> {
    let mut lines: Vec<String> = matched
        .findings
        .found
        .iter()
        .map(|finding| match &finding.evidence {
            Evidence::Vulnerable(found) => {
                let extended = found.extended.as_ref();
                let extended = extended.map(|fix| format!("{}={}", fix.stream, fix.fixed_version));
                let mut words = vec![found.id.clone(), found.state.label().to_owned()];
                words.extend(Some(found.fixed_versions.join(",")).filter(|fixed| !fixed.is_empty()));
                words.extend(extended);
                words.join(" ")
            }
            Evidence::Malicious(found) => format!("{} malicious", found.id),
            Evidence::Outdated(found) => format!("{} outdated", found.product),
            Evidence::Leaked(_) | Evidence::Misset(_) | Evidence::Happened(_) | Evidence::Untrusted(_) => {
                "of another producer".to_owned()
            }
        })
        .collect();
    lines.sort();
    let gaps = matched.findings.gaps.iter().filter(|gap| !is_of_open_problems(gap));
    lines.extend(gaps.map(|gap| format!("gap {:?}", gap.kind)));
    lines
}

/// What is said of one package of a release must come to these lines.
fn check(package: Package, release: &str, all: &[Says], expected: &[&str]) {
    let label = format!("{} {} in {release}", package.name, package.version);
    let matched = run(&[package], Some(distro(release)), all);
    assert_eq!(lines(&matched), expected, "{label}: {:#?}", matched.findings);
}

/// The same for a language package.
fn check_language(ecosystem: Ecosystem, name: &str, version: &str, all: &[Says], expected: &[&str]) {
    let matched = run(&[Package::new(ecosystem, name, version)], None, all);
    assert_eq!(lines(&matched), expected, "{name} {version}: {:#?}", matched.findings);
}

fn vulnerable(matched: &Matched) -> &Vulnerable {
    match &matched.findings.found.first().expect("a finding").evidence {
        Evidence::Vulnerable(vulnerable) => vulnerable,
        Evidence::Outdated(_)
        | Evidence::Malicious(_)
        | Evidence::Leaked(_)
        | Evidence::Misset(_)
        | Evidence::Happened(_)
        | Evidence::Untrusted(_) => {
            panic!("another kind of finding")
        }
    }
}

#[test]
fn debian_compares_the_source_version() {
    let dsa = says("debian-tracker", "CVE-2024-1000", "debian:12", "util-linux").fixed("2.38.1-5+deb12u1");
    let bsdutils = |version: &str, source: &str| of_source(deb("bsdutils", version), "util-linux", source);
    let line = "CVE-2024-1000 fixed 2.38.1-5+deb12u1";
    check(bsdutils("1:2.38.1-5", "2.38.1-5"), "debian:12", std::slice::from_ref(&dsa), &[line]);
    check(bsdutils("1:2.38.1-5+deb12u1", "2.38.1-5+deb12u1"), "debian:12", std::slice::from_ref(&dsa), &[]);
    // lvm2 2.03.16 builds dmsetup 2:1.02.185: neither number may be compared with the other's fix.
    let lvm = says("debian-tracker", "CVE-2024-1001", "debian:12", "lvm2").fixed("2.03.16-3");
    let dmsetup = of_source(deb("dmsetup", "2:1.02.185-2"), "lvm2", "2.03.16-2");
    check(dmsetup, "debian:12", std::slice::from_ref(&lvm), &["CVE-2024-1001 fixed 2.03.16-3"]);
    // A binary named as another source is not that source.
    let other = of_source(deb("lvm2", "1.0"), "other", "1.0");
    check(other, "debian:12", &[lvm], &[]);
    // Another release's data says nothing.
    check(bsdutils("1:2.38.1-5", "2.38.1-5"), "debian:13", &[dsa], &["gap NoData"]);
}

#[test]
fn debian_states() {
    let package = || deb("foo", "1.0-1");
    let tracker = |state| says("debian-tracker", "CVE-2024-1000", "debian:12", "foo").state(state);
    check(package(), "debian:12", &[tracker(State::NotFixed)], &["CVE-2024-1000 not fixed"]);
    check(package(), "debian:12", &[tracker(State::Deferred)], &["CVE-2024-1000 fix deferred"]);
    check(package(), "debian:12", &[tracker(State::WillNotFix)], &["CVE-2024-1000 will not be fixed"]);
    check(package(), "debian:12", &[tracker(State::EndOfLife)], &["CVE-2024-1000 end of life"]);
    check(package(), "debian:12", &[tracker(State::Undetermined)], &["CVE-2024-1000 undetermined"]);
    // Never affected: said outright, or as "fixed in version 0".
    check(package(), "debian:12", &[tracker(State::NotAffected)], &[]);
    check(package(), "debian:12", &[tracker(State::Fixed).fixed("0")], &[]);
    // `~` sorts below the end: a pre-release of the fix is not the fix.
    check(
        deb("foo", "1.0-1~rc1"),
        "debian:12",
        &[tracker(State::Fixed).fixed("1.0-1")],
        &["CVE-2024-1000 fixed 1.0-1"],
    );
    // A later advisory than the first fix counts.
    let twice = [
        says("debian-tracker", "CVE-2024-1000", "debian:12", "foo").fixed("0.9-1").document("DSA-1-1"),
        says("debian-tracker", "CVE-2024-1000", "debian:12", "foo").fixed("1.0-2").document("DSA-1-2"),
    ];
    check(package(), "debian:12", &twice, &["CVE-2024-1000 fixed 1.0-2"]);
}

#[test]
fn an_undetermined_claim_is_not_sure_and_an_unimportant_one_is_negligible() {
    let tracker = says("debian-tracker", "CVE-2024-1000", "debian:12", "foo");
    let undetermined = tracker.clone().state(State::Undetermined).rated("nvd", Severity::Critical);
    let matched = run(&[deb("foo", "1.0-1")], Some(distro("debian:12")), &[undetermined]);
    let finding = &matched.findings.found[0];
    assert_eq!((finding.severity, finding.confidence), (Severity::Unknown, Confidence::Low));
    let unimportant = tracker.severity(Severity::Negligible);
    let nvd = |builder: &mut Builder| {
        let rating =
            Rating { source: "nvd".into(), severity: Severity::High, score: Some(7.5), vector: None };
        let known = Enrichment { id: "CVE-2024-1000".into(), ratings: vec![rating], ..Enrichment::default() };
        builder.enrich(&SourceInfo::named("nvd"), known);
    };
    let inventory = Inventory {
        distro: Some(distro("debian:12")),
        packages: vec![deb("foo", "1.0-1")],
        ..Inventory::default()
    };
    let matched = match_inventory(&database(&[unimportant], nvd), &inventory, &MatchOptions::default());
    assert_eq!(matched.findings.found[0].severity, Severity::Negligible);
    let sources: Vec<&str> =
        vulnerable(&matched).ratings.iter().map(|rating| rating.source.as_str()).collect();
    assert_eq!(sources, ["debian-tracker", "nvd"]);
}

#[test]
fn ubuntu_streams_are_a_second_answer() {
    let base = says("ubuntu", "CVE-2024-1000", "ubuntu:18.04", "foo");
    let esm = says("ubuntu", "CVE-2024-1000", "ubuntu:18.04:esm-infra", "foo").fixed("1.0-1ubuntu1+esm1");
    let both = [base.clone(), esm.clone()];
    let line = "CVE-2024-1000 not fixed ubuntu-pro=1.0-1ubuntu1+esm1";
    check(deb("foo", "1.0-1ubuntu1"), "ubuntu:18.04", &both, &[line]);
    // The stream's build is installed: it has the fix, whether or not the subscription is recorded.
    check(deb("foo", "1.0-1ubuntu1+esm1"), "ubuntu:18.04", &both, &[]);
    // What only the stream's feed mentions is open in the release.
    let only = [says("ubuntu", "CVE-2023-1", "ubuntu:18.04", "bar"), esm.clone()];
    check(deb("foo", "1.0-1ubuntu1"), "ubuntu:18.04", &only, &[line]);
    // FIPS builds say nothing of the release.
    let fips = says("ubuntu", "CVE-2024-1000", "ubuntu:18.04:fips-updates", "foo").fixed("2.0");
    check(deb("foo", "1.0-1ubuntu1"), "ubuntu:18.04", &[base, fips], &["CVE-2024-1000 not fixed"]);
    // For a subscriber the stream's fix is the fix.
    let subscribed = Distro { streams: vec!["esm-infra".into()], ..distro("ubuntu:18.04") };
    let matched = run(&[deb("foo", "1.0-1ubuntu1")], Some(subscribed), &both);
    assert_eq!(lines(&matched), ["CVE-2024-1000 fixed 1.0-1ubuntu1+esm1"]);
}

#[test]
fn alpine_compares_the_origin() {
    let secdb = says("alpine-secdb", "CVE-2024-1000", "alpine:3.20", "openssl").fixed("3.3.1-r1");
    let libssl =
        |version: &str| of_source(Package::new(Ecosystem::Apk, "libssl3", version), "openssl", version);
    check(
        libssl("3.3.1-r0"),
        "alpine:3.20.3",
        std::slice::from_ref(&secdb),
        &["CVE-2024-1000 fixed 3.3.1-r1"],
    );
    check(libssl("3.3.1-r1"), "alpine:3.20.3", std::slice::from_ref(&secdb), &[]);
    let zero = says("alpine-secdb", "CVE-2024-1001", "alpine:3.20", "openssl").fixed("0");
    check(libssl("3.3.1-r1"), "alpine:3.20.3", &[zero], &[]);
    // Not a version of apk's grammar: undetermined, not clean.
    check(libssl("3.3.1-git.1"), "alpine:3.20.3", std::slice::from_ref(&secdb), &["gap Undetermined"]);
    // And it does not count as judged.
    let matched = run(&[libssl("3.3.1-git.1")], Some(distro("alpine:3.20.3")), &[secdb]);
    assert_eq!((matched.packages_judged, matched.packages_undetermined), (0, 1));
}

#[test]
fn rpm_epochs() {
    let fix = says("almalinux", "CVE-2024-1000", "almalinux:9", "perl-Errno").fixed("4:5.26.3-422.el9");
    let perl = |version: &str| rpm("perl-Errno", version);
    let line = "CVE-2024-1000 fixed 4:5.26.3-422.el9";
    // A binary rpm without an epoch has epoch 0.
    check(perl("5.26.3-422.el9"), "almalinux:9", std::slice::from_ref(&fix), &[line]);
    check(perl("4:5.26.3-422.el9"), "almalinux:9", &[fix], &[]);
    // A source rpm states no epoch: 0:5.26.3 must not be older than 4:5.26.3.
    let by_source =
        says("suse", "CVE-2024-1000", "almalinux:9", "perl").fixed("4:5.26.3-422.el9").keyed(KeyedBy::Source);
    let errno = |version: &str| of_source(rpm("perl-Errno", "1.28-422.el9"), "perl", version);
    check(errno("5.26.3-422.el9"), "almalinux:9", std::slice::from_ref(&by_source), &[]);
    check(errno("5.26.3-421.el9"), "almalinux:9", &[by_source], &[line]);
}

#[test]
fn rpm_modules_match_their_own_stream_only() {
    let fix = says("redhat", "CVE-2024-1000", "rhel:8", "nodejs").fixed("1:18.19.0-1.module+el8.9.0+1");
    let package = |label: Option<&str>, version: &str| Package {
        module: label.map(str::to_owned),
        ..rpm("nodejs", version)
    };
    let of_18 = fix.clone().module("nodejs:18");
    let line = "CVE-2024-1000 fixed 1:18.19.0-1.module+el8.9.0+1";
    let label_18 = Some("nodejs:18:8090020231212:rhel8");
    let label_16 = Some("nodejs:16:8090020231212:rhel8");
    let old = "1:18.12.1-2.module+el8.7.0+1";
    check(package(label_18, old), "rhel:8", std::slice::from_ref(&of_18), &[line]);
    check(package(label_16, "1:16.20.2-3.module+el8.9.0+1"), "rhel:8", std::slice::from_ref(&of_18), &[]);
    check(package(None, "1:10.24.0-1.el8"), "rhel:8", &[of_18], &[]);
    let plain = says("redhat", "CVE-2024-1000", "rhel:8", "nodejs").fixed("1:20.0.0-1.el8");
    check(package(label_18, old), "rhel:8", &[plain], &[]);
    // The source does not name the stream (AlmaLinux): the versions do.
    check(package(label_18, old), "rhel:8", std::slice::from_ref(&fix), &[line]);
    check(package(label_16, "1:16.20.2-3.module+el8.9.0+1"), "rhel:8", &[fix], &[]);
}

#[test]
fn rpm_builds_of_an_older_minor_release_have_their_own_fix() {
    let fixes = [
        says("redhat", "CVE-2021-25215", "rhel:8", "bind")
            .fixed("32:9.11.26-4.el8_4.1")
            .document("RHSA-2021:1"),
        says("redhat", "CVE-2021-25215", "rhel:8", "bind")
            .fixed("32:9.11.36-3.el8_6.1")
            .document("RHSA-2022:1"),
    ];
    check(rpm("bind", "32:9.11.26-4.el8_4.1"), "rhel:8.4", &fixes, &[]);
    check(rpm("bind", "32:9.11.36-3.el8_6.1"), "rhel:8.6", &fixes, &[]);
    check(
        rpm("bind", "32:9.11.26-3.el8_4"),
        "rhel:8.4",
        &fixes,
        &["CVE-2021-25215 fixed 32:9.11.26-4.el8_4.1,32:9.11.36-3.el8_6.1"],
    );
    // A stream that only subscribers get.
    let base = says("redhat", "CVE-2024-1000", "rhel:9", "foo").fixed("1.0-9.el9_4");
    let eus = says("redhat", "CVE-2024-1000", "rhel:9:eus-9.2", "foo").fixed("1.0-5.el9_2.3");
    let both = [base, eus];
    let line = "CVE-2024-1000 fixed 1.0-9.el9_4";
    check(rpm("foo", "1.0-5.el9_2"), "rhel:9.2", &both, &[&format!("{line} rhel-eus=1.0-5.el9_2.3")]);
    check(rpm("foo", "1.0-6.el9_3"), "rhel:9.3", &both, &[line]);
}

#[test]
fn rpm_architectures_and_flavours() {
    let fix = says("oracle", "CVE-2024-1000", "ol:8", "openssl").fixed("1:1.1.1k-9.el8_7");
    check(rpm("openssl", "1:1.1.1k-6.el8"), "ol:8", &[fix.clone().arch("aarch64")], &[]);
    let line = "CVE-2024-1000 fixed 1:1.1.1k-9.el8_7";
    check(rpm("openssl", "1:1.1.1k-6.el8"), "ol:8", &[fix.clone().arch("x86_64")], &[line]);
    // A live patch or FIPS build is compared with fixes of its own kind.
    check(rpm("openssl", "2:1.1.1k-6.ksplice1.el8"), "ol:8", std::slice::from_ref(&fix), &[]);
    let ksplice = says("oracle", "CVE-2024-1000", "ol:8", "openssl").fixed("2:1.1.1k-9.ksplice1.el8");
    check(rpm("openssl", "1:1.1.1k-9.el8_7"), "ol:8", std::slice::from_ref(&ksplice), &[]);
    check(
        rpm("openssl", "2:1.1.1k-6.ksplice1.el8"),
        "ol:8",
        &[ksplice],
        &["CVE-2024-1000 fixed 2:1.1.1k-9.ksplice1.el8"],
    );
    let fips = says("oracle", "CVE-2024-1000", "ol:8", "gnutls").fixed("10:3.6.16-5.el8_fips");
    check(rpm("gnutls", "3.6.16-4.el8"), "ol:8", &[fips], &[]);
    // Amazon's versions follow rpm's rules: `^` sorts above, `~` below.
    let amazon = says("amazon", "CVE-2024-1000", "amzn:2023", "foo").fixed("1.0^git1-1.amzn2023");
    check(
        rpm("foo", "1.0-1.amzn2023"),
        "amzn:2023",
        std::slice::from_ref(&amazon),
        &["CVE-2024-1000 fixed 1.0^git1-1.amzn2023"],
    );
    check(rpm("foo", "1.0^git2-1.amzn2023"), "amzn:2023", &[amazon], &[]);
}

#[test]
fn a_rebuild_learns_from_its_upstream_what_is_not_fixed_yet() {
    let alma = says("almalinux", "CVE-2024-1", "almalinux:9", "foo").fixed("1.0-2.el9");
    let open = says("redhat", "CVE-2024-2", "rhel:9", "foo").state(State::WillNotFix);
    let fixed_by_both = says("redhat", "CVE-2024-1", "rhel:9", "foo").state(State::NotFixed);
    let fixed_upstream = says("redhat", "CVE-2024-3", "rhel:9", "foo").fixed("2.0-1.el9");
    let all = [alma, open, fixed_by_both, fixed_upstream];
    check(rpm("foo", "1.0-2.el9"), "almalinux:9.4", &all, &["CVE-2024-2 will not be fixed"]);
}

#[test]
fn a_vendor_that_knows_better_is_believed() {
    let vendor = says("debian-tracker", "CVE-2024-1000", "debian:12", "foo").state(State::NotAffected);
    let other = says("osv-debian", "DSA-9-1", "debian:12", "foo").also("CVE-2024-1000").fixed("2.0");
    let matched = run(&[deb("foo", "1.0-1")], Some(distro("debian:12")), &[vendor, other]);
    assert_eq!(lines(&matched), [""; 0]);
    assert_eq!(matched.problems_suppressed, 1);
}

#[test]
fn go_versions_that_say_nothing_are_undetermined() {
    let osv = says("go", "GO-2024-1", "golang", "example.org/app").fixed("1.2.3");
    let check = |version: &str, expected: &[&str]| {
        check_language(Ecosystem::Golang, "example.org/app", version, std::slice::from_ref(&osv), expected);
    };
    check("v1.2.2", &["GO-2024-1 fixed 1.2.3"]);
    check("v1.2.3", &[]);
    check("v1.2.3-0.20240101000000-abcdefabcdef", &["GO-2024-1 fixed 1.2.3"]);
    check("v2.0.0+incompatible", &[]);
    check("(devel)", &["gap Undetermined"]);
    check("", &["gap Undetermined"]);
    let stdlib = says("go", "GO-2024-2", "golang", "stdlib")
        .between("0", Bound::Fixed("1.21.11".into()))
        .between("1.22.0-0", Bound::Fixed("1.22.4".into()));
    let all = [stdlib];
    check_language(Ecosystem::Golang, "stdlib", "1.22.1", &all, &["GO-2024-2 fixed 1.22.4"]);
    check_language(Ecosystem::Golang, "stdlib", "1.21.11", &all, &[]);
    check_language(Ecosystem::Golang, "stdlib", "1.22rc1", &all, &["GO-2024-2 fixed 1.22.4"]);
}

#[test]
fn language_ranges() {
    let osv = says("ghsa", "GHSA-2222-3333-4444", "npm", "a")
        .also("CVE-2024-1000")
        .between("1.2.0", Bound::Fixed("1.4.1".into()))
        .between("2.0.0", Bound::LastAffected("2.3.0".into()))
        .edit(|affected| affected.versions = vec!["0.0.7".into()]);
    let check = |version: &str, expected: &[&str]| {
        check_language(Ecosystem::Npm, "a", version, std::slice::from_ref(&osv), expected);
    };
    check("1.1.9", &[]);
    check("1.2.0", &["CVE-2024-1000 fixed 1.4.1"]);
    check("1.4.1", &[]);
    check("2.3.0", &["CVE-2024-1000 not fixed"]);
    check("2.3.1", &[]);
    check("0.0.7", &["CVE-2024-1000 not fixed"]);
    check("not a version", &["gap Undetermined"]);
    check_language(Ecosystem::Pypi, "a", "1.2.0", &[osv], &["gap NoData"]);
}

#[test]
fn one_problem_under_many_names_is_one_finding() {
    let all = [
        says("ghsa", "GHSA-2222-3333-4444", "pypi", "a").also("CVE-2024-1000").fixed("1.2"),
        says("pypi", "PYSEC-2024-7", "pypi", "a").also("CVE-2024-1000").fixed("1.3"),
        says("osv", "OSV-2024-1", "pypi", "a").also("PYSEC-2024-7").fixed("1.2"),
        says("ghsa", "GHSA-5555-3333-4444", "pypi", "a").fixed("1.2"),
    ];
    let matched = run(&[Package::new(Ecosystem::Pypi, "a", "1.1")], None, &all);
    assert_eq!(lines(&matched), ["CVE-2024-1000 fixed 1.2,1.3", "GHSA-5555-3333-4444 fixed 1.2"]);
    let found = matched.findings.found.iter().find(|found| found.evidence.key() == "CVE-2024-1000").unwrap();
    let Evidence::Vulnerable(vulnerable) = &found.evidence else { panic!("another kind") };
    assert_eq!(vulnerable.aliases, ["GHSA-2222-3333-4444", "OSV-2024-1", "PYSEC-2024-7"]);
    assert_eq!(vulnerable.matched.len(), 3);
    assert_eq!(vulnerable.matched[0].comparison, "1.1 < 1.2 (pep440)");
    // 1.2 is still affected by what the second source says.
    assert_eq!(found.remedy, "Upgrade a to 1.3.");
}

#[test]
fn malicious_packages_have_a_rule_of_their_own() {
    let mal = says("osv", "MAL-2024-1", "npm", "evil").also("GHSA-2222-3333-4444");
    let matched = run(&[Package::new(Ecosystem::Npm, "evil", "1.0.0")], None, &[mal]);
    assert_eq!(lines(&matched), ["MAL-2024-1 malicious"]);
    assert_eq!(matched.findings.found[0].rule, "malicious-package");
    assert_eq!(matched.findings.found[0].severity, Severity::Critical);
}

#[test]
fn files_of_a_distribution_package_are_judged_by_the_distribution() {
    let upstream = says("ghsa", "GHSA-2222-3333-4444", "pypi", "urllib3").also("CVE-2024-1000").fixed("2.0");
    let vendor =
        says("debian-tracker", "CVE-2023-5", "debian:12", "python-urllib3").fixed("1.26.12-1+deb12u1");
    let owner = of_source(deb("python3-urllib3", "1.26.12-1+deb12u1"), "python-urllib3", "1.26.12-1+deb12u1");
    let purl: Purl = "pkg:deb/debian/python3-urllib3@1.26.12-1%2Bdeb12u1".parse().unwrap();
    let owned = Package { owner: Some(purl), ..Package::new(Ecosystem::Pypi, "urllib3", "1.26.12") };
    let packages = [owner, owned];
    let release = || Some(distro("debian:12"));
    let matched = run(&packages, release(), &[upstream.clone(), vendor]);
    assert_eq!(lines(&matched), [""; 0]);
    assert_eq!((matched.packages_owned, matched.packages_judged), (1, 1));
    // The vendor says nothing of the owner: upstream's word, with less confidence and a label.
    let elsewhere = says("debian-tracker", "CVE-2023-5", "debian:12", "other").fixed("1");
    let matched = run(&packages, release(), &[upstream, elsewhere]);
    assert_eq!(lines(&matched), ["CVE-2024-1000 fixed 2.0"]);
    let finding = &matched.findings.found[0];
    assert_eq!(finding.confidence, Confidence::Medium);
    assert!(finding.summary.contains("say nothing of python3-urllib3"), "{}", finding.summary);
}

/// A release whose sources announce fixes is not clean where nothing is found.
#[test]
fn sources_that_name_only_fixes_do_not_know_what_is_open() {
    let check = |package: Package, release: &str, sources: &[(&'static str, &str)], expected: &str| {
        let fix = |(source, space): &(&'static str, &str)| {
            says(source, "CVE-2024-1", space, &package.name).fixed(&package.version)
        };
        let all: Vec<Says> = sources.iter().map(fix).collect();
        let matched = run(std::slice::from_ref(&package), Some(distro(release)), &all);
        let gaps = matched.findings.gaps.iter().filter(|gap| is_of_open_problems(gap));
        let reasons: Vec<&str> = gaps.map(|gap| gap.reason.as_str()).collect();
        assert_eq!((reasons.join("; ").as_str(), matched.packages_judged), (expected, 1), "{release}");
    };
    let foo = || deb("foo", "1.0-2");
    let of =
        |space: &str, names: &str| format!("problems of {space} that have no fix yet are unknown: {names}");
    let only = of("debian:12", "debian-dsa names only what is fixed");
    check(foo(), "debian:12", &[("debian-dsa", "debian:12")], &only);
    check(foo(), "debian:12", &[("debian-dsa", "debian:12"), ("debian-tracker", "debian:12")], "");
    let alpine = || Package::new(Ecosystem::Apk, "foo", "1.0-r2");
    let only = of("alpine:3.20", "alpine-secdb names only what is fixed");
    check(alpine(), "alpine:3.20", &[("alpine-secdb", "alpine:3.20")], &only);
    let alma = || rpm("foo", "1.0-2");
    let only = of("almalinux:9", "almalinux names only what is fixed");
    check(alma(), "almalinux:9", &[("almalinux", "almalinux:9")], &only);
    check(alma(), "almalinux:9", &[("almalinux", "almalinux:9"), ("redhat", "rhel:9")], &only);
    check(alma(), "almalinux:9", &[("almalinux", "almalinux:9"), ("redhat-vex", "rhel:9")], "");
}

/// The modules inside of a third party's package are that party's: the distribution does not judge them.
#[test]
fn files_of_a_third_partys_package_are_judged_by_upstream() {
    let vendor = says("debian-tracker", "CVE-2023-5", "debian:12", "nodejs").fixed("18.13.0+dfsg1-1+deb12u1");
    let upstream = says("ghsa", "CVE-2024-1000", "npm", "tar").fixed("6.2.1");
    let owner = Package {
        vendor: Some("Ivan Iguaran <ivan@nodesource.com>".into()),
        ..deb("nodejs", "20.11.0-1nodesource1")
    };
    let purl: Purl = "pkg:deb/debian/nodejs@20.11.0-1nodesource1".parse().unwrap();
    let owned = Package { owner: Some(purl), ..Package::new(Ecosystem::Npm, "tar", "6.1.0") };
    let matched = run(&[owner, owned], Some(distro("debian:12")), &[vendor, upstream]);
    assert_eq!(lines(&matched), ["CVE-2024-1000 fixed 6.2.1", "gap NoData"]);
    assert_eq!((matched.packages_owned, matched.packages_judged), (0, 2));
}

/// A tree in a directory is of its own distribution; another format's database is of nobody that is known.
#[test]
fn a_package_is_judged_by_its_own_trees_distribution() {
    let all = [
        says("debian-tracker", "CVE-2024-11", "debian:11", "bash").fixed("5.1-2+deb11u2"),
        says("debian-tracker", "CVE-2024-12", "debian:12", "bash").fixed("5.2.15-2+deb12u1"),
    ];
    let of = |release: Option<&str>| Package {
        distro: Some(Box::new(release.map(distro).unwrap_or_default())),
        ..deb("bash", "5.1-2+deb11u1")
    };
    let host = || Some(distro("debian:12"));
    let matched = run(&[of(Some("debian:11"))], host(), &all);
    assert_eq!(lines(&matched), ["CVE-2024-11 fixed 5.1-2+deb11u2"]);
    let finding = serde_json::to_string(&matched.findings.found[0].subject).unwrap();
    assert!(finding.contains("distro=debian-11"), "{finding}");
    for unknown in [of(None), rpm("bash", "5.1-1"), Package::new(Ecosystem::Apk, "bash", "5.1-r0")] {
        let matched = run(&[unknown], host(), &all);
        assert_eq!((lines(&matched), matched.packages_judged), (vec!["gap NoData".to_owned()], 0));
        assert!(matched.findings.gaps[0].reason.contains("a distribution that is not known"));
    }
}

#[test]
fn other_vendors_kernel_headers_and_keys() {
    let fix = says("almalinux", "CVE-2024-1000", "almalinux:9", "foo").fixed("2.0-1.el9");
    let foreign = Package { vendor: Some("Fedora Project".into()), ..rpm("foo", "1.0-1.el9") };
    let matched = run(&[foreign], Some(distro("almalinux:9.4")), std::slice::from_ref(&fix));
    assert_eq!(lines(&matched), ["CVE-2024-1000 fixed 2.0-1.el9", "gap NoData"]);
    assert_eq!(matched.findings.found[0].confidence, Confidence::Medium);
    assert!(matched.findings.gaps[0].reason.contains("built by Fedora Project"));
    let matched = run(&[rpm("gpg-pubkey", "abc-def")], Some(distro("almalinux:9.4")), &[fix]);
    assert_eq!((matched.packages_judged, matched.findings.gaps.len()), (0, 0));
    let kernel =
        says("debian-tracker", "CVE-2024-1000", "debian:12", "linux").rated("debian", Severity::High);
    let headers = of_source(deb("linux-libc-dev", "6.1.1-1"), "linux", "6.1.1-1");
    let matched = run(&[headers], Some(distro("debian:12")), &[kernel]);
    let finding = &matched.findings.found[0];
    assert_eq!((finding.severity, finding.confidence), (Severity::Negligible, Confidence::Low));
    assert_eq!(vulnerable(&matched).ratings[0].severity, Severity::High);
}

#[test]
fn what_is_not_covered_is_a_gap() {
    let some = says("ghsa", "GHSA-2222-3333-4444", "npm", "a");
    let packages = [
        deb("x", "1"),
        deb("y", "1"),
        Package::new(Ecosystem::Hex, "z", "1"),
        Package::new(Ecosystem::Npm, "b", "1"),
    ];
    let matched = run(&packages, Some(distro("debian:12")), std::slice::from_ref(&some));
    let reasons: Vec<&str> = matched.findings.gaps.iter().map(|gap| gap.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "2 packages of debian:12: the database has no advisories for debian:12",
            "1 package of hex: the database has no advisories for hex",
        ]
    );
    assert!(matched.findings.gaps.iter().all(|gap| gap.kind == GapKind::NoData));
    assert_eq!(matched.packages_judged, 1);
    assert_eq!(matched.advisories.len(), 1);
    let matched = run(&packages[..1], None, &[some]);
    assert_eq!(matched.findings.gaps[0].reason, "1 package of a distribution that is not known");
}

#[test]
fn exploitation_and_fixes_order_the_work() {
    let all = [
        says("ghsa", "CVE-2024-1000", "npm", "a").fixed("2.0.0").rated("ghsa", Severity::Critical),
        says("ghsa", "CVE-2024-2000", "npm", "a").fixed("2.0.0").rated("ghsa", Severity::Medium),
    ];
    let enrich = |builder: &mut Builder| {
        let exploited = Some(KnownExploited { added: "2024-05-06".into(), ransomware: false });
        let known =
            Enrichment { id: "CVE-2024-2000".into(), known_exploited: exploited, ..Enrichment::default() };
        builder.enrich(&SourceInfo::named("kev"), known);
        let scored =
            Enrichment { id: "CVE-2024-1000".into(), epss: Some((0.01, 0.7)), ..Enrichment::default() };
        builder.enrich(&SourceInfo::named("epss"), scored);
    };
    let inventory =
        Inventory { packages: vec![Package::new(Ecosystem::Npm, "a", "1.0.0")], ..Inventory::default() };
    let matched = match_inventory(&database(&all, enrich), &inventory, &MatchOptions::default());
    let order: Vec<String> = matched.findings.found.iter().map(|finding| finding.evidence.key()).collect();
    assert_eq!(order, ["CVE-2024-2000", "CVE-2024-1000"]);
    let first = vulnerable(&matched);
    assert_eq!((first.risk, first.state), (81.5, FixState::Fixed));
}

#[test]
fn releases_and_runtimes_end() {
    let database = database(&[], |builder| {
        let mut add = |product: &str, cycle: &str, ends: &str, extended: Option<&str>| {
            let support = Support {
                product: product.into(),
                cycle: cycle.into(),
                ends_on: Some(ends.into()),
                extended_ends_on: extended.map(str::to_owned),
            };
            builder.support(&SourceInfo::named("endoflife"), &support);
        };
        add("debian", "10", "2022-09-10", Some("2024-06-30"));
        add("ubuntu", "18.04", "2023-05-31", Some("2028-04-01"));
        add("alpine", "3.20", "2026-04-01", None);
        add("go", "1.21", "2024-08-13", None);
        add("nodejs", "16", "2023-09-11", None);
    });
    let check = |distro: Distro, today: &str, expected: Option<Severity>| {
        let (dates, findings) = end_of_life(Some(&database), &distro, today);
        assert!(dates.is_some(), "{}", distro.release());
        let severity = findings.found.first().map(|finding| finding.severity);
        assert_eq!(severity, expected, "{} on {today}", distro.release());
    };
    check(distro("debian:10"), "2022-09-10", None);
    // Long-term support, for everybody.
    check(distro("debian:10"), "2024-06-30", None);
    check(distro("debian:10"), "2025-01-01", Some(Severity::High));
    check(distro("alpine:3.20.3"), "2026-04-02", Some(Severity::High));
    check(distro("ubuntu:18.04"), "2026-04-02", Some(Severity::Medium));
    check(Distro { streams: vec!["esm-infra".into()], ..distro("ubuntu:18.04") }, "2026-04-02", None);
    assert_eq!(end_of_life(Some(&database), &distro("arch:1"), "2026-04-02").0, None);
    let packages = vec![
        Package::new(Ecosystem::Golang, "stdlib", "1.21.3"),
        Package::new(Ecosystem::Generic, "node", "16.20.2"),
        Package::new(Ecosystem::Generic, "node", "22.1.0"),
    ];
    let inventory = Inventory { packages, ..Inventory::default() };
    let findings = end_of_life_runtimes(&database, &inventory, "2026-01-01");
    let keys: Vec<String> = findings.found.iter().map(|finding| finding.evidence.key()).collect();
    assert_eq!(keys, ["Go 1.21", "node 16"]);
}
