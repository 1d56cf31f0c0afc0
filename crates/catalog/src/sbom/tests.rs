use base64::Engine;
use proptest::prelude::*;
use seawall_inventory::{Distro, Ecosystem, Package};

use super::*;
use crate::testing::catalog_of;

/// One package a line: purl, source, presence where it is not the usual, paths.
fn shown(inventory: &Inventory) -> Vec<String> {
    let line = |package: &Package| {
        let mut line = package.purl(None).bare().to_string();
        if let Some(source) = &package.source {
            line += &format!(" source {}@{}", source.name, source.version);
        }
        if let Some(module) = &package.module {
            line += &format!(" module {module}");
        }
        if package.presence != Default::default() {
            line += &format!(" {:?}", package.presence);
        }
        for license in &package.licenses {
            line += &format!(" license {license}");
        }
        for place in &package.places {
            line += &format!(" at {place}");
            if let Some(layer) = &place.layer {
                line += &format!(" in layer {}", layer.index);
            }
        }
        line
    };
    inventory.packages.iter().map(line).collect()
}

fn check(document: &str, distro: &str, expected: &[&str]) {
    let (inventory, gaps) = read_sbom(document.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let mut found = shown(&inventory);
    found.extend(gaps.iter().map(|gap| format!("gap: {}", gap.reason)));
    assert_eq!(found, expected);
    assert_eq!(inventory.distro.map(|distro| distro.release()).unwrap_or_default(), distro);
}

fn check_error(document: &[u8], expected: &str) {
    let error = read_sbom(document).map(|_| "an inventory".to_owned()).map_err(|error| error.to_string());
    assert_eq!(error, Err(expected.to_owned()));
}

const LAYER: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[test]
fn what_seawall_wrote_comes_back_whole() {
    let document = r#"{"bomFormat":"CycloneDX","specVersion":"1.6",
      "metadata":{"component":{"type":"container","name":"app:1","version":"LAYER",
        "properties":[{"name":"seawall:target","value":"{\"kind\":\"image\",\"name\":\"app:1\",\"digest\":\"LAYER\"}"}]}},
      "components":[
       {"type":"library","name":"bsdutils","version":"1:2.38.1-5+deb12u1",
        "purl":"pkg:deb/debian/bsdutils@1:2.38.1-5%2Bdeb12u1?arch=amd64&distro=debian-12&upstream=util-linux%402.38.1-5%2Bdeb12u1",
        "licenses":[{"license":{"name":"GPL-2"}}],
        "properties":[{"name":"seawall:name","value":"bsdutils"},{"name":"seawall:source:name","value":"util-linux"},
          {"name":"seawall:source:version","value":"2.38.1-5+deb12u1"},{"name":"seawall:vendor","value":"Debian"},
          {"name":"seawall:presence","value":"installed"},{"name":"seawall:path","value":"var/lib/dpkg/status"},
          {"name":"seawall:layer:index","value":"3"},{"name":"seawall:layer:diff_id","value":"LAYER"}]},
       {"type":"library","name":"hashbrown","version":"0.14.5","purl":"pkg:cargo/hashbrown@0.14.5",
        "properties":[{"name":"seawall:presence","value":"recovered"},
          {"name":"seawall:owner","value":"pkg:deb/debian/x@1"}]},
       {"type":"operating-system","name":"debian","version":"12",
        "properties":[{"name":"seawall:distro","value":"{\"id\":\"debian\",\"version\":\"12\",\"name\":\"Debian 12\",\"streams\":[\"lts\"]}"}]}]}"#
        .replace("LAYER", LAYER);
    check(
        &document,
        "debian:12",
        &[
            "pkg:deb/bsdutils@1:2.38.1-5%2Bdeb12u1 source util-linux@2.38.1-5+deb12u1 license GPL-2 at /var/lib/dpkg/status in layer 3",
            "pkg:cargo/hashbrown@0.14.5 Recovered",
        ],
    );
    let (inventory, _) = read_sbom(document.as_bytes()).unwrap();
    assert_eq!(inventory.target.name, "app:1");
    assert_eq!(inventory.target.digest.map(|digest| digest.to_string()).as_deref(), Some(LAYER));
    assert_eq!(inventory.packages[0].vendor.as_deref(), Some("Debian"));
    assert_eq!(
        inventory.packages[1].owner.as_ref().map(ToString::to_string).as_deref(),
        Some("pkg:deb/debian/x@1")
    );
    let distro = Distro {
        streams: vec!["lts".into()],
        name: "Debian 12".into(),
        version: Some("12".into()),
        id: "debian".into(),
        ..Distro::default()
    };
    assert_eq!(inventory.distro, Some(distro));
}

/// Trivy's CycloneDX keeps the epoch and the source in places of its own (field names of trivy 0.5x, `pkg/sbom/cyclonedx`).
#[test]
fn trivy_s_cyclonedx() {
    let document = r#"{"bomFormat":"CycloneDX","specVersion":"1.5",
      "metadata":{"component":{"type":"container","name":"debian:12","purl":"pkg:oci/debian@sha256%3Aab",
        "properties":[{"name":"aquasecurity:trivy:DiffID","value":"sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
                      {"name":"aquasecurity:trivy:DiffID","value":"LAYER"}]}},
      "components":[
       {"type":"operating-system","name":"debian","version":"12.5","properties":[{"name":"aquasecurity:trivy:Class","value":"os-pkgs"},{"name":"aquasecurity:trivy:Type","value":"debian"}]},
       {"type":"library","name":"bsdutils","version":"1:2.38.1-5+deb12u1","purl":"pkg:deb/debian/bsdutils@2.38.1-5%2Bdeb12u1?arch=amd64&distro=debian-12.5&epoch=1",
        "properties":[{"name":"aquasecurity:trivy:SrcName","value":"util-linux"},{"name":"aquasecurity:trivy:SrcVersion","value":"2.38.1"},
          {"name":"aquasecurity:trivy:SrcRelease","value":"5+deb12u1"},{"name":"aquasecurity:trivy:LayerDiffID","value":"LAYER"}]},
       {"type":"application","name":"app/package-lock.json","properties":[{"name":"aquasecurity:trivy:Class","value":"lang-pkgs"}]},
       {"type":"library","name":"lodash","version":"4.17.20","purl":"pkg:npm/lodash@4.17.20","properties":[{"name":"aquasecurity:trivy:FilePath","value":"app/node_modules/lodash/package.json"}]}]}"#
        .replace("LAYER", LAYER);
    check(
        &document,
        "debian:12",
        &[
            "pkg:deb/bsdutils@1:2.38.1-5%2Bdeb12u1 source util-linux@2.38.1-5+deb12u1 at /layer aaaaaaaaaaaa in layer 1".replace("/layer", "layer").as_str(),
            "pkg:npm/lodash@4.17.20 at /app/node_modules/lodash/package.json",
        ],
    );
}

#[test]
fn trivy_s_names_of_distributions() {
    let document = r#"{"bomFormat":"CycloneDX","components":[{"type":"operating-system","name":"redhat","version":"9.4"},
      {"type":"library","name":"perl-Errno","version":"1.30","purl":"pkg:rpm/redhat/perl-Errno@1.30-481.el9?arch=x86_64&epoch=0&distro=redhat-9.4",
       "properties":[{"name":"aquasecurity:trivy:SrcName","value":"perl"},{"name":"aquasecurity:trivy:SrcVersion","value":"5.32.1"},
        {"name":"aquasecurity:trivy:SrcRelease","value":"481.el9"},{"name":"aquasecurity:trivy:SrcEpoch","value":"4"},
        {"name":"aquasecurity:trivy:Modularitylabel","value":"perl:5.32:1:a"}]}]}"#;
    check(
        document,
        "rhel:9",
        &["pkg:rpm/perl-Errno@1.30-481.el9 source perl@5.32.1-481.el9 module perl:5.32:1:a"],
    );
}

#[test]
fn syft_s_cyclonedx_cuts_go_modules_in_two() {
    let document = r#"{"bomFormat":"CycloneDX","components":[
      {"type":"library","name":"github.com/a/b/v2","version":"v2.1.0","purl":"pkg:golang/github.com/a/b@v2.1.0#v2"},
      {"type":"library","name":"github.com/a/app","version":"(devel)","purl":"pkg:golang/github.com/a/app@%28devel%29"},
      {"type":"library","name":"stdlib","version":"go1.21.0","purl":"pkg:golang/stdlib@1.21.0"},
      {"type":"library","name":"tool","version":"UNKNOWN","purl":"pkg:generic/tool@UNKNOWN"}]}"#;
    check(
        document,
        "",
        &[
            "pkg:golang/github.com/a/app",
            "pkg:golang/github.com/a/b/v2@v2.1.0",
            "pkg:golang/stdlib@1.21.0",
            "pkg:generic/tool",
        ],
    );
}

#[test]
fn a_version_that_is_not_known_is_told() {
    let gap = |version: &str| {
        format!(
            "gap: the document is of CycloneDX `{version}`, which is not known; it was read as the latest known"
        )
    };
    let json =
        |version: &str| format!(r#"{{"bomFormat":"CycloneDX","specVersion":"{version}","components":[]}}"#);
    check(&json("9.9"), "", &[&gap("9.9")]);
    check(&json("1.7"), "", &[]);
    let xml = |version: &str| format!(r#"<bom xmlns="http://cyclonedx.org/schema/bom/{version}"/>"#);
    check(&xml("9.9"), "", &[&gap("9.9")]);
    check(&xml("1.4"), "", &[]);
}

#[test]
fn parts_of_parts_and_what_is_no_package() {
    let document = r#"{"specVersion":"1.4","components":[
      {"type":"library","name":"outer","version":"1","purl":"pkg:npm/outer@1","scope":"excluded",
       "components":[{"type":"library","name":"inner","version":"2","purl":"pkg:npm/inner@2"}]},
      {"type":"library","name":"nameless"},{"type":"library","name":"x","purl":"not a url"},
      {"type":"library","name":"y","purl":"pkg:github/a/y@1"},{"type":"library","name":"z","purl":"pkg:github/a/z@1"},
      {"type":"file","name":"/etc/passwd"},{"type":"container","name":"img","purl":"pkg:oci/img@1"}, 7, "text"
      ],"bomFormat":"CycloneDX"}"#;
    check(
        document,
        "",
        &[
            "pkg:npm/inner@2",
            "pkg:npm/outer@1 LockedForDevelopment",
            "gap: components that have no package URL: 1 (nameless)",
            "gap: components that have a package URL that cannot be read: 1 (x)",
            "gap: components that are of the package-URL type `github`, which is not supported: 2 (y, z)",
        ],
    );
}

#[test]
fn cyclonedx_as_xml() {
    let document = r#"<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.4" version="1">
      <metadata><tools><tool><name>syft</name></tool></tools><component type="container"><name>app</name><version>1</version></component></metadata>
      <components>
       <component type="library"><group>org.a</group><name>b</name><version>1.0</version>
        <licenses><license><id>MIT</id></license><license><name>A &amp; B</name></license></licenses>
        <purl>pkg:maven/org.a/b@1.0</purl>
        <components><component type="library"><name>c</name><purl><![CDATA[pkg:npm/c@2]]></purl></component></components>
        <properties><property name="syft:location:0:path">/app/b.jar</property></properties></component>
       <component type="operating-system"><name>alpine</name><version>3.20.3</version></component>
      </components></bom>"#;
    check(
        document,
        "alpine:3.20",
        &["pkg:npm/c@2", "pkg:maven/org.a/b@1.0 license MIT license A & B at /app/b.jar"],
    );
    assert_eq!(read_sbom(document.as_bytes()).unwrap().0.target.name, "app");
}

const SPDX: &str = r#"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"doc","packages":[
  {"SPDXID":"SPDXRef-root","name":"app:1","versionInfo":"NOASSERTION","primaryPackagePurpose":"CONTAINER"},
  {"SPDXID":"SPDXRef-os","name":"debian","versionInfo":"12.5","primaryPackagePurpose":"OPERATING-SYSTEM"},
  {"SPDXID":"SPDXRef-1","name":"bsdutils","versionInfo":"1:2.38.1-5","licenseDeclared":"LicenseRef-a AND LicenseRef-b AND MIT","sourceInfo":"built package from: util-linux 2.38.1-5",
   "externalRefs":[{"referenceCategory":"SECURITY","referenceType":"cpe23Type","referenceLocator":"cpe:2.3:a"},
     {"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:deb/debian/bsdutils@2.38.1-5?epoch=1"}]},
  {"SPDXID":"SPDXRef-2","name":"b","versionInfo":"1.0","licenseDeclared":"NOASSERTION","licenseConcluded":"MIT OR Apache-2.0",
   "externalRefs":[{"referenceCategory":"PACKAGE_MANAGER","referenceType":"purl","referenceLocator":"pkg:maven/org.a/b@1.0"}],
   "annotations":[{"comment":"seawall:presence=locked\nseawall:path=app/pom.xml"}]},
  {"SPDXID":"SPDXRef-3","name":"lost"}],
  "hasExtractedLicensingInfos":[{"licenseId":"LicenseRef-a","name":"GPL-2","extractedText":"x"},{"licenseId":"LicenseRef-b","extractedText":"own"}],
  "relationships":[{"spdxElementId":"SPDXRef-DOCUMENT","relationshipType":"DESCRIBES","relatedSpdxElement":"SPDXRef-root"}]}"#;

const SPDX_PACKAGES: [&str; 3] = [
    "pkg:deb/bsdutils@1:2.38.1-5 source util-linux@2.38.1-5 license GPL-2 license own license MIT",
    "pkg:maven/b@1.0 Locked license MIT OR Apache-2.0 at /app/pom.xml",
    "gap: components that have no package URL: 1 (lost)",
];

#[test]
fn spdx_2_json() {
    check(SPDX, "debian:12", &SPDX_PACKAGES);
    assert_eq!(read_sbom(SPDX.as_bytes()).unwrap().0.target.name, "app:1");
}

#[test]
fn spdx_2_tag_value() {
    let document = "# made by hand\nSPDXVersion: SPDX-2.3\nDocumentName: doc\n\
      PackageName: app:1\nSPDXID: SPDXRef-root\nPrimaryPackagePurpose: CONTAINER\n\
      PackageName: debian\nSPDXID: SPDXRef-os\nPackageVersion: 12.5\nPrimaryPackagePurpose: OPERATING-SYSTEM\n\
      PackageName: bsdutils\r\nSPDXID: SPDXRef-1\r\nPackageVersion: 1:2.38.1-5\r\n\
      PackageLicenseDeclared: LicenseRef-a AND LicenseRef-b AND MIT\nPackageSourceInfo: <text>built package from: util-linux 2.38.1-5</text>\n\
      ExternalRef: SECURITY cpe23Type cpe:2.3:a\nExternalRef: PACKAGE-MANAGER purl pkg:deb/debian/bsdutils@2.38.1-5?epoch=1\n\
      PackageDescription: <text>Two\nPackageName: not one\n</text>\n\
      PackageName: b\nSPDXID: SPDXRef-2\nPackageVersion: 1.0\nPackageLicenseDeclared: NOASSERTION\nPackageLicenseConcluded: MIT OR Apache-2.0\n\
      ExternalRef: PACKAGE_MANAGER purl pkg:maven/org.a/b@1.0\n\
      SPDXREF: SPDXRef-2\nAnnotationComment: <text>seawall:presence=locked\nseawall:path=app/pom.xml</text>\n\
      PackageName: lost\nSPDXID: SPDXRef-3\nFileName: ./x\nSPDXID: SPDXRef-file\n\
      LicenseID: LicenseRef-a\nLicenseName: GPL-2\nExtractedText: <text>x</text>\nLicenseID: LicenseRef-b\nExtractedText: <text>own</text>\n\
      Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-root\n";
    check(document, "debian:12", &SPDX_PACKAGES);
    assert_eq!(read_sbom(document.as_bytes()).unwrap().0.target.name, "app:1");
}

#[test]
fn spdx_3_json_ld() {
    let document = r#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[
      {"type":"software_Package","spdxId":"u#root","name":"app:1","software_primaryPurpose":"container"},
      {"type":"software_Package","spdxId":"u#os","name":"alpine","software_packageVersion":"3.20.3","software_primaryPurpose":"operatingSystem"},
      {"type":"software_Package","spdxId":"u#1","name":"musl","software_packageVersion":"1.2.5-r0","software_packageUrl":"pkg:apk/alpine/musl@1.2.5-r0?distro=3.20.3"},
      {"type":"software_Package","spdxId":"u#2","name":"b","software_packageVersion":"1","externalIdentifier":[{"externalIdentifierType":"packageUrl","identifier":"pkg:npm/b@1"}],
       "comment":"seawall:presence=locked-for-development"},
      {"type":"simplelicensing_LicenseExpression","spdxId":"u#l","simplelicensing_licenseExpression":"MIT"},
      {"type":"simplelicensing_LicenseExpression","spdxId":"u#m","name":"own words","simplelicensing_licenseExpression":"LicenseRef-0"},
      {"type":"Relationship","from":"u#1","relationshipType":"hasDeclaredLicense","to":["u#l","u#m"]},
      {"type":"software_Sbom","spdxId":"u#s","rootElement":["u#root"]}]}"#;
    check(
        document,
        "alpine:3.20",
        &["pkg:apk/musl@1.2.5-r0 license MIT license own words", "pkg:npm/b@1 LockedForDevelopment"],
    );
    assert_eq!(read_sbom(document.as_bytes()).unwrap().0.target.name, "app:1");
}

#[test]
fn syft_s_own_format() {
    let document = r#"{"artifacts":[
      {"name":"bsdutils","version":"1:2.38.1-5","type":"deb","purl":"pkg:deb/debian/bsdutils@1%3A2.38.1-5?arch=amd64&distro=debian-12",
       "licenses":["GPL-2",{"value":"MIT","spdxExpression":"MIT"}],
       "locations":[{"path":"/var/lib/dpkg/status","layerID":"LAYER"}],
       "metadata":{"source":"util-linux","sourceVersion":"2.38.1-5","maintainer":"Debian"}},
      {"name":"musl-utils","version":"1.2.5-r0","purl":"pkg:apk/alpine/musl-utils@1.2.5-r0","metadata":{"originPackage":"musl"}}],
      "source":{"id":"x","name":"app","type":"image","metadata":{"userInput":"app:1","manifestDigest":"LAYER","layers":[{"digest":"LAYER"}]}},
      "distro":{"id":"debian","versionID":"12","versionCodename":"bookworm","prettyName":"Debian GNU/Linux 12 (bookworm)"},
      "schema":{"version":"16.0.18"}}"#
        .replace("LAYER", LAYER);
    check(
        &document,
        "debian:12",
        &[
            "pkg:deb/bsdutils@1:2.38.1-5 source util-linux@2.38.1-5 license GPL-2 license MIT at /var/lib/dpkg/status in layer 0",
            "pkg:apk/musl-utils@1.2.5-r0 source musl@1.2.5-r0",
        ],
    );
    let (inventory, _) = read_sbom(document.as_bytes()).unwrap();
    assert_eq!((inventory.target.name.as_str(), inventory.target.digest.is_some()), ("app:1", true));
}

#[test]
fn attestations() {
    let statement = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://spdx.dev/Document","predicate":{SPDX}}}"#
    );
    let wrapped = format!(
        r#"{{"_type":"x","predicateType":"https://cyclonedx.org/bom","predicate":{{"Data":{}}}}}"#,
        serde_json::to_string(SPDX).unwrap()
    );
    let envelope = |payload: &str| {
        format!(
            r#"{{"payloadType":"application/vnd.in-toto+json","payload":"{}","signatures":[]}}"#,
            STANDARD.encode(payload)
        )
    };
    let bundle = format!(
        r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","dsseEnvelope":{}}}"#,
        envelope(&statement)
    );
    for document in [&statement, &wrapped, &envelope(&statement), &envelope(&wrapped), &bundle] {
        check(document, "debian:12", &SPDX_PACKAGES);
    }
    let mut endless = statement;
    for _ in 0..6 {
        endless = envelope(&endless);
    }
    check_error(
        endless.as_bytes(),
        "the document is not CycloneDX, SPDX, Syft JSON or an attestation of one of them",
    );
}

#[test]
fn documents_that_are_none() {
    check_error(b"", "the document is not CycloneDX, SPDX, Syft JSON or an attestation of one of them");
    check_error(b"{}", "the document is not CycloneDX, SPDX, Syft JSON or an attestation of one of them");
    check_error(b"[1]", "the document is not CycloneDX, SPDX, Syft JSON or an attestation of one of them");
    check_error(b"{\"bomFormat\":", "the document is not valid JSON");
    check_error(
        b"<html/>",
        "the document is not CycloneDX, SPDX, Syft JSON or an attestation of one of them",
    );
    check_error(b"<bom><a", "the document is not valid XML");
    check_error(b"{\"payload\":\"%%\"}", "the attestation's payload is not base64");
    check_error(&b"<a>".repeat(1000), "the document is nested too deeply");
    let deep = format!("{{\"bomFormat\":\"CycloneDX\",\"components\":{}", "[{\"components\":".repeat(10_000));
    check_error(deep.as_bytes(), "the document is not valid JSON");
}

#[test]
fn bitnami_describes_what_it_compiled() {
    let document = r#"{"spdxVersion":"SPDX-2.3","packages":[
      {"SPDXID":"a","name":"postgresql","versionInfo":"16.1.0-0","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:bitnami/postgresql@16.1.0-0?arch=amd64&distro=debian-11"}]},
      {"SPDXID":"b","name":"libc6","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:deb/debian/libc6@2.31"}]}]}"#;
    let catalog = catalog_of("opt/bitnami/postgresql/.spdx-postgresql.spdx", document);
    let found: Vec<&Package> = catalog.packages.iter().collect();
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].ecosystem, found[0].name.as_str(), found[0].version.as_str()),
        (Ecosystem::Bitnami, "postgresql", "16.1.0")
    );
    let broken = catalog_of("opt/bitnami/x/.spdx-x.spdx", "{");
    assert_eq!(broken.gaps[0].reason, "the document is not valid JSON");
}

proptest! {
    #[test]
    fn flipped_bytes_never_panic(flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20)) {
        let mut document = SPDX.as_bytes().to_vec();
        for (at, byte) in flips {
            let at = at.index(document.len());
            document[at] = byte;
        }
        let _ = read_sbom(&document);
    }

    #[test]
    fn any_tag_value_text_is_read(text in "(\\PC|\n|<text>|</text>){0,200}") {
        let _ = read_sbom(format!("SPDXVersion: SPDX-2.3\nPackageName: a\n{text}").as_bytes());
    }
}
