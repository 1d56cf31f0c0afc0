//! Findings read by hand: what the advisory's own text says of a package, and what we say.
//!
//! 48 affected cases were drawn from all findings of bullseye, AlmaLinux 9.3, Alpine 3.18 and a tree of language packages
//! with Python's `random.Random(2026).sample`, so many per ecosystem; 11 that are not affected were drawn likewise from the
//! advisories that name an installed package and do not hold its version. The others were chosen because they are easy
//! to get wrong. Each case quotes what decides; the quotation must be in the document, spaces aside.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test's own helpers")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use seawall_advisory::update::import;
use seawall_advisory::{Database, MatchOptions, match_inventory};
use seawall_finding::{Evidence, Finding, FixState, Vulnerable};
use seawall_inventory::{Distro, Ecosystem, Inventory, Package, SourcePackage};

use Verdict::{Clear, Fixed, NotFixed};

/// What a reader of the advisory says of the package.
#[derive(Debug, Clone, Copy)]
enum Verdict {
    /// Affected; the versions that have the fix, lowest first. The advice names the last: it satisfies all documents.
    Fixed(&'static [&'static str]),
    /// Affected, and there is no fix.
    NotFixed,
    /// Not affected by this problem, or by what this document says.
    Clear,
}

struct Case {
    /// Distribution and version; empty for packages of languages.
    on: &'static str,
    ecosystem: Ecosystem,
    /// `name version`.
    package: &'static str,
    /// The source package, of the same version.
    built_from: &'static str,
    /// The rpm module's label.
    module: &'static str,
    /// The CVE, or the document itself.
    problem: &'static str,
    document: &'static str,
    /// What decides, as the document writes it; in one record where the document has many.
    says: &'static [&'static str],
    verdict: Verdict,
}

const DSA: &str = "debian/debian-dsa-dla.jsonl";
const RETIRE: &str = "js-retire/jsrepository-v6.json";
const OSV: &str = "osv-samples/fixture_records.json";
const SECDB: &str = "alpine/secdb-2020-06/v3.10/main.yaml";

const PLAIN: Case = Case {
    on: "",
    ecosystem: Ecosystem::Generic,
    package: "",
    built_from: "",
    module: "",
    problem: "",
    document: "",
    says: &[],
    verdict: Clear,
};

const fn deb(
    package: &'static str,
    built_from: &'static str,
    problem: &'static str,
    says: &'static [&'static str],
    verdict: Verdict,
) -> Case {
    let on = "debian 11";
    Case {
        on,
        ecosystem: Ecosystem::Deb,
        package,
        built_from,
        problem,
        document: DSA,
        says,
        verdict,
        ..PLAIN
    }
}

const fn apk(
    package: &'static str,
    built_from: &'static str,
    problem: &'static str,
    says: &'static [&'static str],
    verdict: Verdict,
) -> Case {
    let on = "alpine 3.10.9";
    Case {
        on,
        ecosystem: Ecosystem::Apk,
        package,
        built_from,
        problem,
        document: SECDB,
        says,
        verdict,
        ..PLAIN
    }
}

const fn rpm(
    package: &'static str,
    module: &'static str,
    problem: &'static str,
    document: &'static str,
    says: &'static [&'static str],
    verdict: Verdict,
) -> Case {
    let on = "almalinux 9.3";
    Case { on, ecosystem: Ecosystem::Rpm, package, module, problem, document, says, verdict, ..PLAIN }
}

const fn of(
    ecosystem: Ecosystem,
    package: &'static str,
    problem: &'static str,
    document: &'static str,
    says: &'static [&'static str],
    verdict: Verdict,
) -> Case {
    Case { ecosystem, package, problem, document, says, verdict, ..PLAIN }
}

#[rustfmt::skip]
const DEBIAN: &[Case] = &[
    deb("libc6 2.31-13+deb11u11", "glibc", "CVE-2026-0915", &["DLA-4621-1", "CVE-2026-0915", r#""bullseye": {"glibc": "2.31-13+deb11u14"}"#], Fixed(&["2.31-13+deb11u14"])),
    deb("libc6 2.31-13+deb11u11", "glibc", "CVE-2025-8058", &["DLA-4621-1", "CVE-2025-8058", r#""bullseye": {"glibc": "2.31-13+deb11u14"}"#], Fixed(&["2.31-13+deb11u14"])),
    deb("libgssapi-krb5-2 1.18.3-6+deb11u5", "krb5", "CVE-2026-40355", &["DLA-4603-1", "CVE-2026-40355", r#""bullseye": {"krb5": "1.18.3-6+deb11u8"}"#], Fixed(&["1.18.3-6+deb11u8"])),
    deb("libsepol1 3.1-1", "libsepol", "CVE-2021-36085", &["DLA-3930-1", "CVE-2021-36085", r#""bullseye": {"libsepol": "3.1-1+deb11u1"}"#], Fixed(&["3.1-1+deb11u1"])),
    deb("libsepol1 3.1-1", "libsepol", "CVE-2021-36086", &["DLA-3930-1", "CVE-2021-36086", r#""bullseye": {"libsepol": "3.1-1+deb11u1"}"#], Fixed(&["3.1-1+deb11u1"])),
    deb("libssl1.1 1.1.1w-0+deb11u1", "openssl", "CVE-2026-22796", &["DLA-4490-1", "CVE-2026-22796", r#""bullseye": {"openssl": "1.1.1w-0+deb11u5"}"#], Fixed(&["1.1.1w-0+deb11u5"])),
    deb("libssl1.1 1.1.1w-0+deb11u1", "openssl", "CVE-2025-69418", &["DLA-4490-1", "CVE-2025-69418", r#""bullseye": {"openssl": "1.1.1w-0+deb11u5"}"#], Fixed(&["1.1.1w-0+deb11u5"])),
    deb("login 1:4.8.1-1", "shadow", "CVE-2023-4641", &["DLA-4130-1", "CVE-2023-4641", r#""bullseye": {"shadow": "1:4.8.1-1+deb11u1"}"#], Fixed(&["1:4.8.1-1+deb11u1"])),
    deb("passwd 1:4.8.1-1", "shadow", "CVE-2023-4641", &["DLA-4130-1", "CVE-2023-4641", r#""bullseye": {"shadow": "1:4.8.1-1+deb11u1"}"#], Fixed(&["1:4.8.1-1+deb11u1"])),
    deb("libgnutls30 3.7.1-5+deb11u5", "gnutls28", "CVE-2026-33846", &["DLA-4595-1", "CVE-2026-33846", r#""bullseye": {"gnutls28": "3.7.1-5+deb11u10"}"#], Fixed(&["3.7.1-5+deb11u10"])),
    deb("perl-base 5.32.1-4+deb11u3", "perl", "CVE-2020-16156", &["DLA-3926-1", "CVE-2020-16156", r#""bullseye": {"perl": "5.32.1-4+deb11u4"}"#], Fixed(&["5.32.1-4+deb11u4"])),
    // Two documents name the same problem with two fixes: the second was needed because the point release had jumped over the first.
    deb("libssl1.1 1.1.1w-0+deb11u1", "openssl", "CVE-2024-2511", &["DLA-3942-2", "CVE-2024-2511", r#""bullseye": {"openssl": "1.1.1w-0+deb11u2"}"#], Fixed(&["1.1.1w-0+deb11u2"])),
    // Fixed long ago, fixed in exactly this version, and a version that is below the fixes of two other releases.
    deb("libssl1.1 1.1.1w-0+deb11u1", "openssl", "CVE-2023-0464", &["DSA-5417-1", "CVE-2023-0464", r#""bullseye": {"openssl": "1.1.1n-0+deb11u5"}"#], Clear),
    deb("zlib1g 1:1.2.11.dfsg-2+deb11u2", "zlib", "CVE-2022-37434", &["DSA-5218-1", "CVE-2022-37434", r#""bullseye": {"zlib": "1:1.2.11.dfsg-2+deb11u2"}"#], Clear),
    deb("gpgv 2.2.27-2+deb11u2", "gnupg2", "CVE-2022-34903", &["DSA-5174-1", "CVE-2022-34903", r#""bullseye": {"gnupg2": "2.2.27-2+deb11u2"}"#], Clear),
    Case { on: "debian 12", ..deb("zlib1g 1:1.2.11.dfsg-1", "zlib", "CVE-2018-25032", &["DSA-5111-1", r#""fixed": {"bullseye": {"zlib": "1:1.2.11.dfsg-2+deb11u1"}, "buster": {"zlib": "1:1.2.11.dfsg-1+deb10u1"}}"#], Clear) },
];

#[rustfmt::skip]
const ALPINE: &[Case] = &[
    apk("busybox 1.30.1-r5", "busybox", "CVE-2019-5747", &["name: busybox secfixes: 1.30.1-r2: - CVE-2019-5747"], Clear),
    apk("musl-utils 1.1.22-r4", "musl", "CVE-2019-14697", &["name: musl secfixes: 1.1.22-r3: - CVE-2019-14697"], Clear),
    apk("libcrypto1.1 1.1.1k-r0", "openssl", "CVE-2019-1547", &["name: openssl secfixes: 1.1.1d-r0: - CVE-2019-1547"], Clear),
    // The same packages as they were before.
    apk("ssl_client 1.30.1-r1", "busybox", "CVE-2019-5747", &["name: busybox secfixes: 1.30.1-r2: - CVE-2019-5747"], Fixed(&["1.30.1-r2"])),
    apk("musl-utils 1.1.22-r2", "musl", "CVE-2019-14697", &["name: musl secfixes: 1.1.22-r3: - CVE-2019-14697"], Fixed(&["1.1.22-r3"])),
    apk("libcrypto1.1 1.1.1c-r0", "openssl", "CVE-2019-1547", &["name: openssl secfixes: 1.1.1d-r0: - CVE-2019-1547"], Fixed(&["1.1.1d-r0"])),
    // Not Alpine's word but upstream's, for a program that no package brought.
    of(Ecosystem::Generic, "busybox 1.36.1", "CVE-2024-58251", "nvd-overrides/2024/CVE-2024-58251.json", &[r#""versionEndIncluding": "1.37.0""#], NotFixed),
    of(Ecosystem::Generic, "musl 1.2.4", "CVE-2026-6042", "nvd-overrides/2026/CVE-2026-6042.json", &[r#""versionEndIncluding": "1.2.6""#, r#""versionStartIncluding": "1.2.0""#], NotFixed),
];

const GLIBC_2024: &str = "almalinux/almalinux9/ALSA-2024:3339.json";
const NODEJS_18: &str = "almalinux/almalinux9/ALSA-2024:1503.json";
const MODULE_14: &str = "nodejs:14:8050020220104091848:c5368500";

#[rustfmt::skip]
const ALMALINUX: &[Case] = &[
    rpm("glibc-minimal-langpack 2.34-83.el9_3.7", "", "CVE-2024-33600", GLIBC_2024, &["CVE-2024-33600", r#""name": "glibc-minimal-langpack""#, r#""fixed": "2.34-100.el9_4.2""#], Fixed(&["2.34-100.el9_4.2"])),
    rpm("glibc-common 2.34-83.el9_3.7", "", "CVE-2026-5928", "almalinux/almalinux9/ALSA-2026:42952.json", &["CVE-2026-5928", r#""name": "glibc-common""#, r#""fixed": "2.34-274.el9_8""#], Fixed(&["2.34-274.el9_8"])),
    rpm("glibc-common 2.34-83.el9_3.7", "", "CVE-2026-6238", "almalinux/almalinux9/ALSA-2026:42952.json", &["CVE-2026-6238", r#""name": "glibc-common""#, r#""fixed": "2.34-274.el9_8""#], Fixed(&["2.34-274.el9_8"])),
    rpm("glibc-common 2.34-83.el9_3.7", "", "CVE-2025-4802", "almalinux/almalinux9/ALSA-2025:8655.json", &["CVE-2025-4802", r#""name": "glibc-common""#, r#""fixed": "2.34-168.el9_6.19""#], Fixed(&["2.34-168.el9_6.19"])),
    rpm("glibc-minimal-langpack 2.34-83.el9_3.7", "", "CVE-2026-4438", "almalinux/almalinux9/ALSA-2026:20597.json", &["CVE-2026-4438", r#""name": "glibc-minimal-langpack""#, r#""fixed": "2.34-270.el9_8""#], Fixed(&["2.34-270.el9_8"])),
    rpm("glibc-minimal-langpack 2.34-83.el9_3.7", "", "CVE-2026-4437", "almalinux/almalinux9/ALSA-2026:20597.json", &["CVE-2026-4437", r#""name": "glibc-minimal-langpack""#, r#""fixed": "2.34-270.el9_8""#], Fixed(&["2.34-270.el9_8"])),
    rpm("glibc-minimal-langpack 2.34-83.el9_3.7", "", "CVE-2026-0861", "almalinux/almalinux9/ALSA-2026:2786.json", &["CVE-2026-0861", r#""name": "glibc-minimal-langpack""#, r#""fixed": "2.34-231.el9_7.10""#], Fixed(&["2.34-231.el9_7.10"])),
    // Two documents, one problem, one finding.
    rpm("libcap 2.48-9.el9_2", "", "CVE-2026-4878", "almalinux/almalinux9/ALSA-2026:19346.json", &["CVE-2026-4878", r#""fixed": "2.48-10.el9_8.1""#], Fixed(&["2.48-10.el9_7.1", "2.48-10.el9_8.1"])),
    rpm("glibc-common 2.34-83.el9_3.7", "", "ALSA-2023:5453", "almalinux/almalinux9/ALSA-2023:5453.json", &[r#""name": "glibc-common""#, r#""fixed": "2.34-60.el9_2.7""#], Clear),
    rpm("bash 5.1.8-6.el9_1", "", "CVE-2022-3715", "almalinux/almalinux9/ALSA-2023:0340.json", &["CVE-2022-3715", r#""fixed": "5.1.8-6.el9_1""#], Clear),
    rpm("ncurses-libs 6.2-10.20210508.el9", "", "CVE-2023-29491", "almalinux/almalinux9/ALSA-2023:6698.json", &["CVE-2023-29491", r#""name": "ncurses-libs""#, r#""fixed": "6.2-10.20210508.el9""#], Clear),
    // The release's own nodejs is not the module's, although its version is lower.
    rpm("nodejs 1:16.20.2-4.el9_3", "", "ALSA-2024:1503", NODEJS_18, &["nodejs:18 security update", r#""fixed": "1:18.19.1-1.module_el9.3.0+59+28b95644""#], Clear),
    rpm("nodejs 1:18.18.2-2.module_el9.3.0+47+1e6ff84f", "nodejs:18:9030020231213102548:rhel9", "ALSA-2024:1503", NODEJS_18, &["nodejs:18 security update", r#""fixed": "1:18.19.1-1.module_el9.3.0+59+28b95644""#], Fixed(&["1:18.19.1-1.module_el9.3.0+59+28b95644"])),
    // Another stream of the module.
    Case { on: "almalinux 8.6", ..rpm("nodejs 1:14.18.2-1.module_el8.5.0+2600+1", MODULE_14, "ALSA-2022:4796", "almalinux/almalinux8/ALSA-2022:4796.json", &["nodejs:16 security update", r#""fixed": "1:16.14.0-4.module_el8.6.0+2904+f21ad6f4""#], Clear) },
    Case { on: "almalinux 8.6", ..rpm("nodejs 1:14.18.2-2.module_el8.6.0+2700+1", MODULE_14, "CVE-2022-32212", "almalinux/almalinux8/ALSA-2022:6448.json", &["nodejs:14 security and bug fix update", "CVE-2022-32212", r#""fixed": "1:14.20.0-2.module_el8.6.0+3261+490666b3""#], Fixed(&["1:14.20.0-2.module_el8.6.0+3261+490666b3"])) },
    // Another release.
    Case { on: "almalinux 8.9", ..rpm("glibc-common 2.28-236.el8_9.7", "", "ALSA-2024:3339", GLIBC_2024, &[r#""ecosystem": "AlmaLinux:9""#], Clear) },
];

#[rustfmt::skip]
const PYTHON: &[Case] = &[
    of(Ecosystem::Pypi, "urllib3 1.26.4", "CVE-2026-21441", "pypi/urllib3/PYSEC-2026-1996.yaml", &[r#"introduced: "1.22""#, "fixed: 2.6.3"], Fixed(&["2.6.3"])),
    of(Ecosystem::Pypi, "pillow 9.5.0", "CVE-2026-55798", "pypi/pillow/PYSEC-2026-2257.yaml", &[r#"introduced: "0""#, "fixed: 12.3.0"], Fixed(&["12.3.0"])),
    of(Ecosystem::Pypi, "urllib3 1.26.4", "CVE-2024-37891", "pypi/urllib3/PYSEC-2026-1995.yaml", &[r#"introduced: "0" - fixed: 1.26.19 - introduced: 2.0.0 - fixed: 2.2.2"#], Fixed(&["1.26.19"])),
    of(Ecosystem::Pypi, "urllib3 1.26.4", "CVE-2026-44431", "pypi/urllib3/PYSEC-2026-141.yaml", &["introduced: '1.23' - fixed: 2.7.0"], Fixed(&["2.7.0"])),
    of(Ecosystem::Pypi, "requests 2.25.0", "CVE-2024-35195", "pypi/requests/PYSEC-2026-1873.yaml", &[r#"introduced: "0" - fixed: 2.32.0"#], Fixed(&["2.32.0"])),
    of(Ecosystem::Pypi, "paramiko 2.10.1", "CVE-2023-48795", "pypi/paramiko/PYSEC-2026-1758.yaml", &["introduced: 2.5.0 - fixed: 3.4.0"], Fixed(&["3.4.0"])),
    of(Ecosystem::Pypi, "django 4.2.1", "CVE-2024-45231", "pypi/django/PYSEC-2026-1297.yaml", &[r#"introduced: "0" - fixed: 4.2.16 - introduced: "5.0" - fixed: 5.0.9"#], Fixed(&["4.2.16"])),
    of(Ecosystem::Pypi, "aiohttp 3.9.0", "CVE-2024-23334", "pypi/aiohttp/PYSEC-2024-24.yaml", &["introduced: 1.0.5 - fixed: 3.9.2"], Fixed(&["3.9.2"])),
    of(Ecosystem::Pypi, "werkzeug 2.2.2", "CVE-2020-28724", "pypi/werkzeug/PYSEC-2020-157.yaml", &["introduced: '0' - fixed: 0.11.6"], Clear),
    of(Ecosystem::Pypi, "langchain 0.0.300", "CVE-2023-38896", "pypi/langchain/PYSEC-2023-146.yaml", &[r#"introduced: "0" - fixed: 0.0.195"#], Clear),
    of(Ecosystem::Pypi, "langchain 0.0.300", "CVE-2023-36095", "pypi/langchain/PYSEC-2023-138.yaml", &["introduced: '0' - fixed: '0.0.236'"], Clear),
    // The range ends at versions that nobody can order; the list of versions can be read.
    of(Ecosystem::Pypi, "neutron 10.0.5", "CVE-2017-7543", "pypi/neutron/PYSEC-2026-686.yaml", &["fixed: 7.2.0-12.1", "versions: - 10.0.5"], NotFixed),
    // Between two ranges, and the other line's fix.
    of(Ecosystem::Pypi, "django 4.2.16", "CVE-2024-45231", "pypi/django/PYSEC-2026-1297.yaml", &[r#"introduced: "0" - fixed: 4.2.16 - introduced: "5.0" - fixed: 5.0.9"#], Clear),
    of(Ecosystem::Pypi, "django 5.0.8", "CVE-2024-45231", "pypi/django/PYSEC-2026-1297.yaml", &[r#"introduced: "0" - fixed: 4.2.16 - introduced: "5.0" - fixed: 5.0.9"#], Fixed(&["5.0.9"])),
];

#[rustfmt::skip]
const GO: &[Case] = &[
    of(Ecosystem::Golang, "golang.org/x/net v0.7.0", "CVE-2026-42506", "go/GO-2026-5025.json", &[r#""introduced": "0""#, r#""fixed": "0.55.0""#], Fixed(&["0.55.0"])),
    of(Ecosystem::Golang, "golang.org/x/crypto v0.6.0", "CVE-2024-45337", "go/GO-2024-3321.json", &[r#""introduced": "0""#, r#""fixed": "0.31.0""#], Fixed(&["0.31.0"])),
    of(Ecosystem::Golang, "golang.org/x/crypto v0.6.0", "CVE-2025-47913", "go/GO-2025-4116.json", &[r#""introduced": "0""#, r#""fixed": "0.43.0""#], Fixed(&["0.43.0"])),
    of(Ecosystem::Golang, "golang.org/x/crypto v0.6.0", "CVE-2026-39835", "go/GO-2026-5015.json", &[r#""introduced": "0""#, r#""fixed": "0.52.0""#], Fixed(&["0.52.0"])),
    of(Ecosystem::Golang, "golang.org/x/crypto v0.6.0", "CVE-2025-22869", "go/GO-2025-3487.json", &[r#""introduced": "0""#, r#""fixed": "0.35.0""#], Fixed(&["0.35.0"])),
    of(Ecosystem::Golang, "stdlib 1.26.8", "CVE-2023-39322", "go/GO-2023-2045.json", &[r#""introduced": "1.21.0-0""#, r#""fixed": "1.21.1""#], Clear),
    of(Ecosystem::Golang, "stdlib 1.26.8", "CVE-2015-8618", "go/GO-2021-0160.json", &[r#""introduced": "1.5.0-0""#, r#""fixed": "1.5.3""#], Clear),
    of(Ecosystem::Golang, "stdlib 1.26.8", "CVE-2026-27137", "go/GO-2026-4599.json", &[r#""introduced": "1.26.0-0""#, r#""fixed": "1.26.1""#], Clear),
];

#[rustfmt::skip]
const JAVA: &[Case] = &[
    of(Ecosystem::Maven, "commons-collections:commons-collections 3.2.1", "CVE-2015-7501", OSV, &["GHSA-fjq5-5j5f-mvxh", r#""fixed": "3.2.2""#], Fixed(&["3.2.2"])),
    of(Ecosystem::Maven, "com.fasterxml.jackson.core:jackson-databind 2.9.8", "CVE-2019-12384", OSV, &["GHSA-mph4-vhrx-mv67", r#""introduced": "2.9.0"}, {"fixed": "2.9.9.1""#], Fixed(&["2.9.9.1"])),
    of(Ecosystem::Maven, "org.apache.tomcat.embed:tomcat-embed-core 9.0.50", "CVE-2022-45143", OSV, &["GHSA-rq2w-37h9-vg94", r#""introduced": "9.0.40"}, {"fixed": "9.0.69""#], Fixed(&["9.0.69"])),
    of(Ecosystem::Maven, "com.fasterxml.jackson.core:jackson-databind 2.9.8", "CVE-2020-36185", OSV, &["GHSA-8w26-6f25-cm9x", r#""introduced": "2.0.0"}, {"fixed": "2.9.10.8""#], Fixed(&["2.9.10.8"])),
    of(Ecosystem::Maven, "com.fasterxml.jackson.core:jackson-databind 2.9.8", "CVE-2020-14062", OSV, &["GHSA-c265-37vj-cwcc", r#""introduced": "2.9.0"}, {"fixed": "2.9.10.5""#], Fixed(&["2.9.10.5"])),
    // Below the range of its line, and above it.
    of(Ecosystem::Maven, "org.apache.tomcat.embed:tomcat-embed-core 9.0.39", "CVE-2022-45143", OSV, &["GHSA-rq2w-37h9-vg94", r#""introduced": "9.0.40"}, {"fixed": "9.0.69""#], Clear),
    of(Ecosystem::Maven, "org.apache.tomcat.embed:tomcat-embed-core 8.5.84", "CVE-2022-45143", OSV, &["GHSA-rq2w-37h9-vg94", r#""introduced": "8.5.83"}, {"fixed": "8.5.84""#], Clear),
];

#[rustfmt::skip]
const JAVASCRIPT: &[Case] = &[
    of(Ecosystem::Npm, "axios 0.21.0", "retire:axios:33", RETIRE, &[r#"{"below": "1.6.8", "severity": "medium", "cwe": ["CWE-200"], "identifiers": {"summary": "Versions before 1.6.8 depends on follow-redirects before 1.15.6"#], Fixed(&["1.6.8"])),
    of(Ecosystem::Npm, "axios 0.21.0", "CVE-2026-42043", RETIRE, &[r#"{"atOrAbove": "0", "below": "0.31.1", "severity": "high", "cwe": ["CWE-183", "CWE-441", "CWE-918"]"#], Fixed(&["0.31.1"])),
    of(Ecosystem::Npm, "axios 0.21.0", "CVE-2026-44496", RETIRE, &[r#"{"atOrAbove": "0", "below": "0.32.0", "severity": "high", "cwe": ["CWE-400", "CWE-1333"], "identifiers": {"summary": "Axios: Regular Expression Denial of Service (ReDoS) via Cookie Name Injection""#], Fixed(&["0.32.0"])),
    of(Ecosystem::Npm, "marked 0.3.5", "CVE-2018-25110", RETIRE, &[r#"{"atOrAbove": "0", "below": "0.3.17""#], Fixed(&["0.3.17"])),
    of(Ecosystem::Npm, "axios 0.21.0", "CVE-2026-67319", RETIRE, &[r#"{"atOrAbove": "0.8.0", "below": "0.33.0""#], Fixed(&["0.33.0"])),
    of(Ecosystem::Npm, "axios 0.32.0", "CVE-2026-44496", RETIRE, &[r#"{"atOrAbove": "0", "below": "0.32.0""#, r#"{"atOrAbove": "1.0.0", "below": "1.16.0""#], Clear),
];

#[rustfmt::skip]
const RUST: &[Case] = &[
    of(Ecosystem::Cargo, "smallvec 1.6.0", "CVE-2021-25900", "rustsec/crates/smallvec/RUSTSEC-2021-0003.md", &[r#"patched = [">= 0.6.14, < 1.0.0", ">= 1.6.1"]"#], Fixed(&["1.6.1"])),
    of(Ecosystem::Cargo, "openssl 0.10.54", "CVE-2025-24898", "rustsec/crates/openssl/RUSTSEC-2025-0004.md", &[r#"patched = [">= 0.10.70"]"#], Fixed(&["0.10.70"])),
    of(Ecosystem::Cargo, "pyo3 0.18.3", "GHSA-chgr-c6px-7xpp", "rustsec/crates/pyo3/RUSTSEC-2026-0177.md", &[r#"patched = [">= 0.29.0"]"#], Fixed(&["0.29.0"])),
    of(Ecosystem::Cargo, "smallvec 1.6.0", "CVE-2019-15554", "rustsec/crates/smallvec/RUSTSEC-2019-0012.md", &[r#"patched = [">= 0.6.10"]"#], Clear),
    of(Ecosystem::Cargo, "smallvec 1.10.0", "CVE-2021-25900", "rustsec/crates/smallvec/RUSTSEC-2021-0003.md", &[r#"patched = [">= 0.6.14, < 1.0.0", ">= 1.6.1"]"#], Clear),
    // Fixed in the older line, and before the problem was made.
    of(Ecosystem::Cargo, "smallvec 0.6.14", "CVE-2021-25900", "rustsec/crates/smallvec/RUSTSEC-2021-0003.md", &[r#"patched = [">= 0.6.14, < 1.0.0", ">= 1.6.1"]"#], Clear),
    of(Ecosystem::Cargo, "smallvec 0.6.2", "CVE-2021-25900", "rustsec/crates/smallvec/RUSTSEC-2021-0003.md", &[r#"unaffected = ["< 0.6.3"]"#], Clear),
];

/// The shared data; `None`, said aloud, where it is absent.
fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(path);
    if !path.exists() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

fn unpack<P: AsRef<std::ffi::OsStr>>(archive: &Path, into: &Path, paths: &[P]) {
    let status =
        Command::new("tar").arg("-C").arg(into).arg("-xf").arg(archive).args(paths).status().unwrap();
    assert!(status.success(), "tar of {}", archive.display());
}

fn without_spaces(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// The records of a document that has many, else the whole of it.
fn records(document: &str, text: &str) -> Vec<String> {
    if document == OSV {
        let records: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
        return records.iter().map(ToString::to_string).collect();
    }
    if document == DSA {
        return text.lines().map(without_spaces).collect();
    }
    vec![without_spaces(text)]
}

/// What is wrong with what we say of a case; nothing where it is right.
fn check(database: &Database, feeds: &Path, case: &Case) -> Option<String> {
    let what = format!("{} {} by {}", case.package, case.problem, case.document);
    let text = fs::read_to_string(feeds.join(case.document)).unwrap();
    let is_said =
        |record: &String| case.says.iter().all(|quotation| record.contains(&without_spaces(quotation)));
    if !records(case.document, &text).iter().any(is_said) {
        return Some(format!("{what}: the document does not say so"));
    }

    let (name, version) = case.package.split_once(' ').unwrap();
    let mut package = Package::new(case.ecosystem, name, version);
    let source = SourcePackage { name: case.built_from.into(), version: version.into() };
    package.source = (!case.built_from.is_empty()).then_some(source);
    package.module = (!case.module.is_empty()).then(|| case.module.to_owned());
    let distro = case.on.split_once(' ').map(|(id, version)| Distro {
        id: id.into(),
        version: Some(version.into()),
        ..Distro::default()
    });
    let inventory = Inventory { distro, packages: vec![package], ..Inventory::default() };
    let matched = match_inventory(database, &inventory, &MatchOptions::default());
    let is_judged = matched.findings.gaps.iter().all(|gap| gap.reason.contains("that have no fix yet"));
    if matched.packages_judged != 1 || !is_judged {
        return Some(format!("{what}: not judged: {:?}", matched.findings.gaps));
    }
    let is_named = |vulnerable: &Vulnerable| {
        let by_document = vulnerable.matched.iter().any(|matched| matched.advisory == case.problem);
        by_document || vulnerable.id == case.problem || vulnerable.aliases.iter().any(|id| id == case.problem)
    };
    let found: Vec<(&Finding, &Vulnerable)> = matched
        .findings
        .found
        .iter()
        .filter_map(|finding| match &finding.evidence {
            Evidence::Vulnerable(vulnerable) if is_named(vulnerable) => Some((finding, vulnerable.as_ref())),
            Evidence::Vulnerable(_)
            | Evidence::Malicious(_)
            | Evidence::Outdated(_)
            | Evidence::Leaked(_)
            | Evidence::Misset(_)
            | Evidence::Happened(_)
            | Evidence::Untrusted(_) => None,
        })
        .collect();
    let (state, fixes): (FixState, &[&str]) = match case.verdict {
        Clear => return (!found.is_empty()).then(|| format!("{what}: {}", found[0].0.summary)),
        NotFixed => (FixState::NotFixed, &[]),
        Fixed(versions) => (FixState::Fixed, versions),
    };
    // A document may be about several problems; a problem is one finding.
    if found.is_empty() || (found.len() > 1 && case.problem.starts_with("CVE-")) {
        return Some(format!("{what}: {} findings", found.len()));
    }
    let advice = fixes.last().map(|fix| format!("Upgrade {name} to {fix}.")).unwrap_or_default();
    let is_wrong = |(finding, vulnerable): &&(&Finding, &Vulnerable)| {
        vulnerable.state != state || vulnerable.fixed_versions != fixes || finding.remedy != advice
    };
    found.iter().find(is_wrong).map(|(finding, vulnerable)| {
        format!("{what}: {:?} {:?} {}", vulnerable.state, vulnerable.fixed_versions, finding.remedy)
    })
}

#[test]
fn we_say_what_the_advisories_say() {
    let (Some(advisories), Some(enrichment)) = (shared("advisories.tar.zst"), shared("enrichment.tar.zst"))
    else {
        return;
    };
    let work = tempfile::tempdir().unwrap();
    let feeds = work.path().join("feeds");
    fs::create_dir(&feeds).unwrap();
    unpack(
        &advisories,
        &feeds,
        &[
            "debian",
            "alpine",
            "almalinux/almalinux8",
            "almalinux/almalinux9",
            "go",
            "js-retire",
            "osv-samples",
        ],
    );
    let python = [
        "urllib3",
        "pillow",
        "requests",
        "paramiko",
        "django",
        "aiohttp",
        "neutron",
        "werkzeug",
        "langchain",
    ];
    unpack(&advisories, &feeds, &python.map(|name| format!("pypi/{name}")));
    unpack(
        &advisories,
        &feeds,
        &["smallvec", "openssl", "pyo3"].map(|name| format!("rustsec/crates/{name}")),
    );
    unpack(
        &enrichment,
        &feeds,
        &["nvd-overrides/2024/CVE-2024-58251.json", "nvd-overrides/2026/CVE-2026-6042.json"],
    );
    let directory = work.path().join("db");
    import(&directory, &feeds, "2026-09-01T00:00:00Z", &mut |_| {}).unwrap();
    let database = Database::open(&directory).unwrap();
    let cases: Vec<&Case> =
        [DEBIAN, ALPINE, ALMALINUX, PYTHON, GO, JAVA, JAVASCRIPT, RUST].into_iter().flatten().collect();
    let wrong: Vec<String> = cases.iter().filter_map(|case| check(&database, &feeds, case)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let clear = cases.iter().filter(|case| matches!(case.verdict, Clear)).count();
    println!("{} cases, {clear} of them not affected", cases.len());
    assert!(cases.len() - clear >= 50 && clear >= 25, "{} cases, {clear} not affected", cases.len());
}
