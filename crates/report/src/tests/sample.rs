//! Two made-up reports that together have everything a format must show: one as people meet it, one hostile.

use jiff::Timestamp;
use seawall_finding::{
    AdvisorySource, CatalogCount, Confidence, Control, Coverage, Epss, Evidence, ExtendedFix, Finding,
    FixState, Framework, Gap, GapKind, KnownExploited, LeftOut, Malicious, Match, Outdated, Rating, Severity,
    Subject, Vulnerable,
};
use seawall_inventory::{
    Base, Digest, Distro, Ecosystem, EndOfLife, Image, ImageConfig, Inventory, Layer, Package, Place,
    PlaceLayer, Platform, Presence, Program, Programs, SourcePackage, Target, TargetKind,
};
use seawall_policy::{Judged, Verdict, Waived};

use crate::{Report, advise};

/// Control characters, an end of script, what XML forbids, line breaks, a direction mark, quotes.
pub(super) const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\u{1b}[31m\u{0}\u{8}\u{fffe}\u{ffff}\r\n\u{202e}gpj.exe\" onclick='x' {{7*7}} & ]]>";

pub(super) fn digest(byte: u8) -> Digest {
    Digest::sha256([byte; 32])
}

fn place(path: &str, layer: u32, instruction: Option<&str>) -> Place {
    let layer = PlaceLayer {
        index: layer,
        diff_id: digest(0x10 + u8::try_from(layer).unwrap()),
        instruction: instruction.map(str::to_owned),
    };
    Place { layer: Some(layer), ..Place::path(path) }
}

fn distro() -> Distro {
    Distro {
        id: "debian".to_owned(),
        version: Some("12".to_owned()),
        codename: Some("bookworm".to_owned()),
        name: "Debian GNU/Linux 12 (bookworm)".to_owned(),
        end_of_life: Some(EndOfLife {
            on: "2026-06-10".to_owned(),
            extended_on: Some("2028-06-30".to_owned()),
        }),
        ..Distro::default()
    }
}

fn image(target: &str) -> Image {
    let layer = |index: u8, instruction: &str| Layer {
        diff_id: digest(0x10 + index),
        digest: Some(digest(0x20 + index)),
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
        size_bytes: 1_000_000,
        instruction: Some(instruction.to_owned()),
    };
    Image {
        name: target.parse().ok(),
        tags: vec![target.to_owned()],
        digest: Some(digest(0xa1)),
        config_digest: Some(digest(0xc1)),
        platform: Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None },
        created: Some("2026-01-02T03:04:05Z".to_owned()),
        config: ImageConfig { cmd: vec!["/bin/sh".to_owned()], ..ImageConfig::default() },
        layers: vec![layer(0, "# debian.sh --arch 'amd64'"), layer(1, "RUN pip install . # buildkit")],
        ..Image::default()
    }
}

fn packages() -> Vec<Package> {
    let dpkg = || vec![place("var/lib/dpkg/status", 0, Some("# debian.sh --arch 'amd64'"))];
    let run = Some("RUN pip install . # buildkit");
    let mut packages = vec![
        Package {
            // Binary and source have different version spaces.
            source: Some(SourcePackage { name: "util-linux".to_owned(), version: "2.38.1-5".to_owned() }),
            architecture: Some("amd64".to_owned()),
            vendor: Some("Chris Hofstaedtler <zeha@debian.org>".to_owned()),
            licenses: vec!["GPL-2.0-or-later".to_owned(), "BSD, as the file says".to_owned()],
            places: dpkg(),
            ..Package::new(Ecosystem::Deb, "bsdutils", "1:2.38.1-5+b1")
        },
        Package {
            source: Some(SourcePackage {
                name: "openssl".to_owned(),
                version: "3.0.11-1~deb12u2".to_owned(),
            }),
            architecture: Some("amd64".to_owned()),
            licenses: vec!["Apache-2.0".to_owned()],
            places: dpkg(),
            ..Package::new(Ecosystem::Deb, "libssl3", "3.0.11-1~deb12u2")
        },
        Package {
            source: Some(SourcePackage {
                name: "openssl".to_owned(),
                version: "3.0.11-1~deb12u2".to_owned(),
            }),
            architecture: Some("amd64".to_owned()),
            places: dpkg(),
            ..Package::new(Ecosystem::Deb, "openssl", "3.0.11-1~deb12u2")
        },
        Package {
            places: vec![place("app/node_modules/@scope/left/package.json", 1, run)],
            licenses: vec!["MIT".to_owned()],
            ..Package::new(Ecosystem::Npm, "@scope/left", "1.0.0")
        },
        Package {
            places: vec![place("app/pom.xml", 1, run)],
            presence: Presence::Locked,
            ..Package::new(Ecosystem::Maven, "org.example:core", "2.0")
        },
        Package {
            places: vec![place("usr/bin/tool", 1, run)],
            presence: Presence::Recovered,
            ..Package::new(Ecosystem::Golang, "github.com/Owner/repo/v2", "v2.1.0")
        },
        Package {
            places: vec![place("usr/lib/python3/dist-packages/django-3.2.dist-info/METADATA", 1, run)],
            licenses: vec!["BSD-3-Clause".to_owned()],
            ..Package::new(Ecosystem::Pypi, "django", "3.2")
        },
        Package {
            places: vec![place("app/package-lock.json", 1, run)],
            presence: Presence::LockedForDevelopment,
            ..Package::new(Ecosystem::Npm, "mocha", "9.0.0")
        },
    ];
    // The same package of another architecture, as multi-arch Debian has it.
    packages.push(Package { architecture: Some("i386".to_owned()), ..packages[1].clone() });
    packages[6].owner = Some(packages[2].purl(Some(&distro())));
    packages
}

pub(super) fn subject(package: &Package) -> Subject {
    Subject::Package {
        purl: package.purl(Some(&distro())),
        ecosystem: package.ecosystem,
        name: package.name.clone(),
        version: package.version.clone(),
    }
}

fn matched(package: &Package, advisory: &str, source: &str, fixed: &str) -> Match {
    let space = if package.ecosystem.is_distribution() { "debian:12" } else { package.ecosystem.purl_type() };
    Match {
        advisory: advisory.to_owned(),
        source: source.to_owned(),
        space: space.to_owned(),
        name: package.source_name().to_owned(),
        version: package.source_version().to_owned(),
        comparison: format!("{} < {fixed}", package.source_version()),
    }
}

fn vulnerable(package: &Package, id: &str, state: FixState, fixed: &str) -> Vulnerable {
    Vulnerable {
        id: id.to_owned(),
        aliases: Vec::new(),
        title: String::new(),
        description: String::new(),
        state,
        fixed_versions: Some(fixed.to_owned()).filter(|fixed| !fixed.is_empty()).into_iter().collect(),
        extended: None,
        matched: vec![matched(package, id, "debian-tracker", if fixed.is_empty() { "∞" } else { fixed })],
        ratings: Vec::new(),
        weaknesses: Vec::new(),
        epss: None,
        known_exploited: None,
        risk: 10.0,
        published: None,
    }
}

fn rating(source: &str, severity: Severity, score: Option<f64>, vector: Option<&str>) -> Rating {
    Rating { source: source.to_owned(), severity, score, vector: vector.map(str::to_owned) }
}

fn finding(package: &Package, severity: Severity, vulnerable: Vulnerable) -> Finding {
    let remedy = vulnerable
        .fixed_versions
        .first()
        .map(|fixed| format!("Upgrade {} to {fixed}.", package.source_name()));
    Finding {
        rule: "vulnerable-package".to_owned(),
        subject: subject(package),
        place: package.places.first().cloned().unwrap_or_default(),
        severity,
        confidence: Confidence::High,
        summary: format!("{} {} is affected by {}", package.name, package.version, vulnerable.id),
        evidence: Evidence::Vulnerable(Box::new(vulnerable)),
        remedy: remedy.unwrap_or_default(),
        references: vec!["https://security-tracker.debian.org/tracker/CVE-2024-5535".to_owned()],
        controls: vec![
            Control { framework: Framework::NistSp800190, id: "4.1.1".to_owned() },
            Control { framework: Framework::CisDocker18, id: "4.4".to_owned() },
        ],
    }
}

fn judged(finding: Finding, verdict: Verdict) -> Judged {
    let fingerprint = finding.fingerprint();
    Judged { finding, fingerprint, verdict, reasons: Vec::new(), responses: Vec::new(), waived: None }
}

fn findings(packages: &[Package]) -> Vec<Judged> {
    let [bsdutils, libssl, openssl, left, core, tool, django, _, other] = packages else {
        panic!("nine packages")
    };
    let exploited = |package: &Package| Vulnerable {
        aliases: vec!["DSA-5764-1".to_owned(), "GHSA-aaaa-bbbb-cccc".to_owned()],
        title: "Buffer over-read in SSL_select_next_proto".to_owned(),
        description: "First line.\nSecond line with `code`.".to_owned(),
        matched: vec![
            matched(package, "DSA-5764-1", "debian-dsa", "3.0.14-1~deb12u2"),
            matched(package, "CVE-2024-5535", "debian-tracker", "3.0.14-1~deb12u2"),
        ],
        ratings: vec![
            rating(
                "nvd",
                Severity::Critical,
                Some(9.1),
                Some("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:H"),
            ),
            rating("debian", Severity::Low, None, None),
            rating(
                "ghsa",
                Severity::High,
                Some(8.7),
                Some("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:H/SC:N/SI:N/SA:N"),
            ),
        ],
        weaknesses: vec!["CWE-125".to_owned(), "NVD-CWE-noinfo".to_owned()],
        epss: Some(Epss { score: 0.4321, percentile: 0.973 }),
        known_exploited: Some(KnownExploited { added: "2024-07-01".to_owned(), ransomware: true }),
        risk: 93.4,
        published: Some("2024-06-27".to_owned()),
        ..vulnerable(package, "CVE-2024-5535", FixState::Fixed, "3.0.14-1~deb12u2")
    };
    let mut denied = judged(finding(libssl, Severity::Critical, exploited(libssl)), Verdict::Deny);
    denied.reasons = vec!["severity critical is at or above high".to_owned()];
    let attack = Finding {
        rule: "malicious-package".to_owned(),
        severity: Severity::Critical,
        summary: "@scope/left 1.0.0 is malicious (MAL-2025-1)".to_owned(),
        evidence: Evidence::Malicious(Malicious {
            id: "MAL-2025-1".to_owned(),
            aliases: vec!["GHSA-mmmm-mmmm-mmmm".to_owned()],
            title: "Steals credentials when it is installed".to_owned(),
        }),
        remedy: "Remove @scope/left and change every secret that the build could read.".to_owned(),
        ..finding(left, Severity::Critical, vulnerable(left, "x", FixState::NotFixed, ""))
    };
    let ended = Finding {
        rule: "end-of-life-distribution".to_owned(),
        subject: Subject::Distribution { id: "debian".to_owned(), version: "12".to_owned() },
        place: Place::default(),
        severity: Severity::Medium,
        confidence: Confidence::High,
        summary: "Debian 12 is past its end of life since 2026-06-10".to_owned(),
        evidence: Evidence::Outdated(Outdated {
            product: "Debian 12".to_owned(),
            ended_on: "2026-06-10".to_owned(),
            extended_on: Some("2028-06-30".to_owned()),
        }),
        remedy: "Move to a supported release.".to_owned(),
        references: Vec::new(),
        controls: Vec::new(),
    };
    let extended = Vulnerable {
        extended: Some(ExtendedFix {
            stream: "debian-elts".to_owned(),
            fixed_version: "2.38.1-5+deb12u9".to_owned(),
        }),
        ..vulnerable(bsdutils, "CVE-2025-0001", FixState::WillNotFix, "")
    };
    let mut waived = judged(
        finding(django, Severity::High, vulnerable(django, "CVE-2022-28346", FixState::Fixed, "3.2.13")),
        Verdict::Allow,
    );
    waived.waived = Some(Waived {
        by: "policy.yaml, waiver 1".to_owned(),
        reason: "annotate() is never called with user input".to_owned(),
        owner: Some("web@example.org".to_owned()),
        until: Some("2027-01-31".to_owned()),
    });
    let two_fixes = Vulnerable {
        fixed_versions: vec!["2.0.4".to_owned(), "2.1.1".to_owned()],
        ratings: vec![rating("ghsa", Severity::Medium, Some(5.3), Some("AV:N/AC:L/Au:N/C:P/I:N/A:N"))],
        ..vulnerable(core, "GHSA-core-core-core", FixState::Fixed, "2.0.4")
    };
    let negligible = vulnerable(bsdutils, "CVE-2022-0563", FixState::NotFixed, "");
    let warned =
        |package, severity, vulnerable| judged(finding(package, severity, vulnerable), Verdict::Warn);
    vec![
        denied,
        judged(attack, Verdict::Warn),
        warned(openssl, Severity::Critical, exploited(openssl)),
        warned(other, Severity::Critical, exploited(other)),
        warned(
            openssl,
            Severity::Unknown,
            vulnerable(openssl, "CVE-2024-9143", FixState::Fixed, "3.0.15-1~deb12u1"),
        ),
        warned(core, Severity::Medium, two_fixes),
        judged(ended, Verdict::Warn),
        warned(bsdutils, Severity::Low, extended),
        warned(tool, Severity::Unknown, vulnerable(tool, "GO-2025-3333", FixState::Undetermined, "")),
        judged(finding(bsdutils, Severity::Negligible, negligible), Verdict::Allow),
        waived,
    ]
}

fn coverage() -> Coverage {
    let count = |ecosystem, packages| CatalogCount { ecosystem, packages };
    Coverage {
        layers: 2,
        layers_cached: 1,
        files: 6543,
        bytes: 123_456_789,
        packages: vec![
            count(Ecosystem::Deb, 3),
            count(Ecosystem::Npm, 2),
            count(Ecosystem::Pypi, 1),
            count(Ecosystem::Golang, 1),
            count(Ecosystem::Maven, 1),
        ],
        packages_judged: 5,
        packages_undetermined: 0,
        packages_unanswered: 0,
        packages_owned: 1,
        packages_for_development: 1,
        problems_suppressed: 2,
        only: Vec::new(),
        checks: Vec::new(),
        left_out: vec![LeftOut { by: "--severity low".to_owned(), findings: 3 }],
        advisories: vec![
            AdvisorySource {
                name: "debian-tracker".to_owned(),
                covers: "debian:12".to_owned(),
                as_of: Some("2026-08-22T00:00:00Z".to_owned()),
                records: 12345,
            },
            AdvisorySource { name: "ghsa".to_owned(), covers: "npm".to_owned(), as_of: None, records: 7 },
        ],
        database: Some("sha256:feed".to_owned()),
    }
}

fn report(inventory: Inventory, findings: Vec<Judged>, gaps: Vec<Gap>) -> Report {
    let advice = advise(&findings, &inventory, |_, one, other| one > other);
    Report {
        created: "2026-03-04T05:06:07Z".parse::<Timestamp>().unwrap(),
        version: "1.2.3".to_owned(),
        inventory,
        findings,
        gaps,
        coverage: coverage(),
        advice,
        rules: std::collections::BTreeMap::new(),
        verdict: Verdict::Deny,
    }
}

/// An image as people have them.
pub(crate) fn everything() -> Report {
    let name = "registry.example.org/team/app:1.2";
    let packages = packages();
    let inventory = Inventory {
        target: Target { kind: TargetKind::Image, name: name.to_owned(), digest: Some(digest(0xa1)) },
        image: Some(image(name)),
        container: None,
        base: Some(Base {
            name: Some("docker.io/library/debian:12".to_owned()),
            layers: 1,
            known_by: "label".to_owned(),
        }),
        distro: Some(distro()),
        packages: packages.clone(),
        programs: Some(Programs {
            is_complete: true,
            files: vec![
                Program {
                    path: "usr/bin/openssl".to_owned(),
                    size_bytes: 1,
                    digest: Some(Digest::sha256([7; 32])),
                    package: Some(packages[2].purl(Some(&distro()))),
                },
                Program { path: "opt/app/run".to_owned(), size_bytes: 2, digest: None, package: None },
            ],
        }),
    };
    let gaps = vec![
        Gap::at(GapKind::Malformed, "opt/app/package-lock.json", "it is not JSON"),
        Gap::of_target(GapKind::NoData, "vulnerabilities of 1 conda package: no advisory source covers it"),
    ];
    report(inventory, findings(&packages), gaps)
}

/// Every text that an image or an advisory can choose is [`HOSTILE`].
pub(super) fn hostile() -> Report {
    let text = HOSTILE.to_owned();
    let distro =
        Distro { id: text.clone(), version: Some(text.clone()), name: text.clone(), ..Distro::default() };
    let package = Package {
        source: Some(SourcePackage { name: text.clone(), version: text.clone() }),
        architecture: Some(text.clone()),
        vendor: Some(text.clone()),
        licenses: vec![text.clone()],
        places: vec![place(HOSTILE, 1, Some(HOSTILE))],
        ..Package::new(Ecosystem::Deb, HOSTILE, HOSTILE)
    };
    let purl = package.purl(Some(&distro));
    let evidence = Vulnerable {
        aliases: vec![text.clone(), "CVE-2020-0001".to_owned()],
        title: text.clone(),
        description: text.clone(),
        ratings: vec![rating(HOSTILE, Severity::High, Some(7.5), Some(HOSTILE))],
        weaknesses: vec![text.clone()],
        published: Some(text.clone()),
        ..vulnerable(&package, HOSTILE, FixState::Fixed, HOSTILE)
    };
    let subject =
        Subject::Package { purl, ecosystem: Ecosystem::Deb, name: text.clone(), version: text.clone() };
    let found = Finding {
        subject,
        references: vec![
            format!("https://example.org/{text}"),
            "javascript:alert(1)".to_owned(),
            text.clone(),
        ],
        ..finding(&package, Severity::High, evidence)
    };
    let ended = Finding {
        evidence: Evidence::Outdated(Outdated {
            product: text.clone(),
            ended_on: text.clone(),
            extended_on: None,
        }),
        subject: Subject::Distribution { id: text.clone(), version: text.clone() },
        ..found.clone()
    };
    let mut waived = judged(ended, Verdict::Allow);
    waived.waived =
        Some(Waived { by: text.clone(), reason: text.clone(), owner: Some(text.clone()), until: None });
    let inventory = Inventory {
        target: Target { kind: TargetKind::Image, name: text.clone(), digest: None },
        image: Some(image(HOSTILE)),
        container: None,
        base: Some(Base { name: Some(text.clone()), layers: 2, known_by: "label".to_owned() }),
        distro: Some(distro),
        packages: vec![package.clone(), package],
        programs: Some(Programs {
            is_complete: false,
            files: vec![Program { path: text.clone(), size_bytes: 1, digest: None, package: None }],
        }),
    };
    let gaps = vec![Gap::at(GapKind::Malformed, HOSTILE, HOSTILE)];
    report(inventory, vec![judged(found, Verdict::Warn), waived], gaps)
}
