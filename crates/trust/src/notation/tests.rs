//! Envelopes made here, with certificates of openssl's; the real notation is asked in `tests/notation.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use jiff::{SignedDuration, ToSpan as _};
use serde_json::{Value, json};

use super::*;
use crate::key::PrivateKey;

const REPOSITORY: &str = "registry.example/app";
const SUBJECT: &str = "x509.subject: C=US, ST=WA, O=seawall";
const LEAF: &str =
    "keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\nbasicConstraints=CA:false\n";

/// A directory as notation keeps one, an authority and a signer.
struct Site {
    directory: tempfile::TempDir,
    now: Timestamp,
}

impl Site {
    /// `None`, with a word, where openssl is absent.
    fn new() -> Option<Site> {
        if Command::new("openssl").arg("version").output().is_err() {
            println!("skipped: openssl is not installed");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        let mut site = Site { directory, now: Timestamp::now() };
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        for name in ["root", "other"] {
            let usage = "-addext keyUsage=critical,keyCertSign,cRLSign";
            let out = format!("-keyout {name}.key -out {name}.pem");
            site.openssl(&format!("req -x509 {key} {usage} -days 400 -subj /C=US/CN={name} {out}"));
        }
        site.leaf("leaf", "root", "/C=US/ST=WA/O=seawall/CN=leaf", LEAF);
        site.now = Timestamp::now();
        site.store("ca", "root");
        site.policy("strict", "\"ca:root\"", SUBJECT);
        Some(site)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn openssl(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        let output = command.args(arguments.split(' ')).current_dir(self.directory.path()).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn leaf(&self, name: &str, issuer: &str, subject: &str, extensions: &str) {
        fs::write(self.at("extensions"), extensions).unwrap();
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        self.openssl(&format!("req -new {key} -subj {subject} -keyout {name}.key -out {name}.csr"));
        let by = format!("-CA {issuer}.pem -CAkey {issuer}.key -CAcreateserial");
        self.openssl(&format!("x509 -req -in {name}.csr {by} -days 30 -extfile extensions -out {name}.pem"));
    }

    fn store(&self, purpose: &str, name: &str) {
        let store = self.at(&format!("truststore/x509/{purpose}/{name}"));
        fs::create_dir_all(&store).unwrap();
        fs::copy(self.at(&format!("{name}.pem")), store.join("root.pem")).unwrap();
    }

    fn policy(&self, level: &str, stores: &str, identity: &str) {
        let text = format!(
            r#"{{"version":"1.0","trustPolicies":[{{"name":"p","registryScopes":["{REPOSITORY}"],
                "signatureVerification":{{"level":"{level}"}},"trustStores":[{stores}],
                "trustedIdentities":["{identity}"]}}]}}"#
        );
        fs::write(self.at("trustpolicy.json"), text).unwrap();
    }

    fn certificates(&self, names: &[&str]) -> Vec<Certificate> {
        let read = |name: &&str| fs::read_to_string(self.at(&format!("{name}.pem"))).unwrap();
        names.iter().flat_map(|name| Certificate::read_pem(&read(name)).unwrap()).collect()
    }

    fn key(&self, name: &str) -> PrivateKey {
        PrivateKey::from_pem(&fs::read_to_string(self.at(&format!("{name}.key"))).unwrap(), None).unwrap()
    }

    fn verify(&self, media_type: &str, envelope: &[u8]) -> String {
        self.verify_at(media_type, envelope, self.now)
    }

    fn verify_at(&self, media_type: &str, envelope: &[u8], now: Timestamp) -> String {
        self.verify_with(media_type, envelope, Vec::new(), now)
    }

    fn verify_with(
        &self,
        media_type: &str,
        envelope: &[u8],
        lists: Vec<RevocationList>,
        now: Timestamp,
    ) -> String {
        let notation = Notation::open(self.directory.path(), lists).unwrap();
        let policy = notation.of(REPOSITORY).unwrap();
        match verify((media_type, envelope), &image(), policy, now) {
            Ok(verified) => format!("ok by {}, tolerated: {:?}", verified.by, verified.tolerated),
            Err(refusal) => refusal.to_string(),
        }
    }
}

fn image() -> Pinned {
    let media_type = "application/vnd.oci.image.manifest.v1+json".to_owned();
    Pinned { digest: Digest::sha256([7; 32]), media_type, size_bytes: 123 }
}

fn payload(image: &Pinned) -> Value {
    let target = json!({"mediaType": image.media_type, "digest": image.digest, "size": image.size_bytes});
    json!({"targetArtifact": target})
}

fn headers(now: Timestamp) -> Value {
    json!({
        "alg": "ES256", "cty": PAYLOAD, "crit": [SIGNING_SCHEME],
        SIGNING_SCHEME: "notary.x509", SIGNING_TIME: now.to_string(),
    })
}

/// `r` and `s` side by side.
fn raw_of(asn1: &[u8]) -> Vec<u8> {
    let mut reader = der::sequence(asn1).unwrap();
    let mut padded = || {
        let number = reader.unsigned().unwrap();
        [&vec![0; 32 - number.len()], number].concat()
    };
    [padded(), padded()].concat()
}

/// What is signed in an envelope, and how.
struct Draft {
    payload: Vec<u8>,
    headers: Value,
    certificates: Vec<Certificate>,
    key: PrivateKey,
    stamp: Option<Vec<u8>>,
}

impl Draft {
    fn new(site: &Site) -> Draft {
        Draft {
            payload: payload(&image()).to_string().into_bytes(),
            headers: headers(site.now),
            certificates: site.certificates(&["leaf", "root"]),
            key: site.key("leaf"),
            stamp: None,
        }
    }

    fn jws(&self) -> Vec<u8> {
        self.jws_of(&self.headers.to_string())
    }

    fn jws_of(&self, headers: &str) -> Vec<u8> {
        let encoded = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let (protected, payload) = (encoded(headers.as_bytes()), encoded(&self.payload));
        let signature = self.key.sign(format!("{protected}.{payload}").as_bytes()).unwrap();
        let chain: Vec<String> =
            self.certificates.iter().map(|one| BASE64_STANDARD.encode(one.der())).collect();
        let mut header = json!({"x5c": chain, "io.cncf.notary.signingAgent": "x"});
        if let Some(stamp) = &self.stamp {
            header[TIMESTAMP] = json!(BASE64_STANDARD.encode(stamp));
        }
        let signature = encoded(&raw_of(&signature));
        let envelope =
            json!({"payload": payload, "protected": protected, "header": header, "signature": signature});
        envelope.to_string().into_bytes()
    }

    fn cose(&self, tag: u8, more: &[u8]) -> Vec<u8> {
        let bytes = |bytes: &[u8]| [cbor::head(2, bytes.len()), bytes.to_vec()].concat();
        let text = |text: &str| [cbor::head(3, text.len()), text.as_bytes().to_vec()].concat();
        let entries = 5 + usize::from(!more.is_empty());
        let seconds = usize::try_from(self.certificates[0].validity().0.as_second()).unwrap();
        let protected = [
            &cbor::head(5, entries)[..],
            &[1, 0x26, 3],
            &text(PAYLOAD),
            &[2],
            &cbor::head(4, 1),
            &text(SIGNING_SCHEME),
            &text(SIGNING_SCHEME),
            &text("notary.x509"),
            &text(SIGNING_TIME),
            &cbor::head(6, 1),
            &cbor::head(0, seconds),
            more,
        ]
        .concat();
        let signed = [
            &cbor::head(4, 4)[..],
            &text("Signature1"),
            &bytes(&protected),
            &bytes(&[]),
            &bytes(&self.payload),
        ]
        .concat();
        let chain: Vec<u8> = self.certificates.iter().flat_map(|one| bytes(one.der())).collect();
        let signature = raw_of(&self.key.sign(&signed).unwrap());
        let unprotected =
            [cbor::head(5, 1), cbor::head(0, 33), cbor::head(4, self.certificates.len()), chain];
        [
            &cbor::head(6, usize::from(tag))[..],
            &cbor::head(4, 4),
            &bytes(&protected),
            &unprotected.concat(),
            &bytes(&self.payload),
            &bytes(&signature),
        ]
        .concat()
    }
}

#[track_caller]
fn has(told: &str, expected: &str) {
    assert!(told.contains(expected), "{expected}: {told}");
}

#[test]
fn both_envelopes_and_what_breaks_them() {
    let Some(site) = Site::new() else { return };
    let draft = Draft::new(&site);
    let good = "ok by C=US, ST=WA, O=seawall, CN=leaf, tolerated: []";
    assert_eq!(site.verify(JWS, &draft.jws()), good);
    assert_eq!(site.verify(COSE, &draft.cose(18, &[])), good);
    has(&site.verify(COSE, &draft.cose(17, &[])), "no tagged COSE_Sign1");
    // A hash envelope.
    has(&site.verify(COSE, &draft.cose(18, &[0x19, 1, 2, 0x2f])), "protected header that is not known");
    let other = Pinned { digest: Digest::sha256([8; 32]), ..image() };
    for (payload, expected) in [
        (payload(&other).to_string(), "another artifact"),
        (payload(&Pinned { size_bytes: 1, ..image() }).to_string(), "another artifact"),
        (payload(&Pinned { media_type: "x".to_owned(), ..image() }).to_string(), "another artifact"),
        (r#"{"targetArtifact":1,"targetArtifact":2}"#.to_owned(), "twice"),
    ] {
        let draft = Draft { payload: payload.into_bytes(), ..Draft::new(&site) };
        has(&site.verify(JWS, &draft.jws()), expected);
        has(&site.verify(COSE, &draft.cose(18, &[])), expected);
    }
    // Signed by another key than the certificate's.
    let draft = Draft { key: site.key("root"), ..Draft::new(&site) };
    has(&site.verify(JWS, &draft.jws()), "not by this key");
    has(&site.verify(COSE, &draft.cose(18, &[])), "not by this key");
}

#[test]
fn headers_that_are_wrong() {
    let Some(site) = Site::new() else { return };
    let draft = Draft::new(&site);
    let check = |name: &str, value: Value, expected: &str| {
        let mut headers = headers(site.now);
        if value.is_null() {
            headers.as_object_mut().unwrap().remove(name);
        } else {
            headers[name] = value;
        }
        has(&site.verify(JWS, &draft.jws_of(&headers.to_string())), expected);
    };
    check("alg", json!("none"), "not known (none)");
    check("alg", json!("HS256"), "not known (HS256)");
    check("alg", json!("ES384"), "where its key signs");
    check("alg", json!("PS256"), "where its key signs");
    check("cty", json!("text/plain"), "`text/plain` is signed");
    check("crit", Value::Null, "is not critical");
    check("crit", json!([]), "is not critical");
    check("crit", json!([SIGNING_SCHEME, "x"]), "critical header that is not known (x)");
    check("crit", json!([SIGNING_SCHEME, "alg"]), "critical header that is not known (alg)");
    check("crit", json!([SIGNING_SCHEME, EXPIRY]), "critical that is not there");
    let plugin = json!([SIGNING_SCHEME, "io.cncf.notary.verificationPlugin"]);
    check("crit", plugin, "critical header that is not known");
    check(EXPIRY, json!(site.now.to_string()), "expiry is not critical");
    check(SIGNING_SCHEME, json!("notary.x509.other"), "is not known");
    check(SIGNING_SCHEME, Value::Null, "critical that is not there");
    check(SIGNING_SCHEME, json!("notary.x509.signingAuthority"), "not the time of signing");
    check(SIGNING_TIME, Value::Null, "not the time of signing");
    check(SIGNING_TIME, json!("yesterday"), "is no time");
    let twice = headers(site.now).to_string().replacen('{', r#"{"alg":"none","#, 1);
    has(&site.verify(JWS, &draft.jws_of(&twice)), "twice");
    let mut open: Value = serde_json::from_slice(&draft.jws()).unwrap();
    open["header"]["alg"] = json!("none");
    has(&site.verify(JWS, open.to_string().as_bytes()), "unknown field `alg`");
}

#[test]
fn chains_that_are_wrong() {
    let Some(site) = Site::new() else { return };
    let check = |leaf: &str, certificates: &[&str], expected: &str| {
        let certificates = site.certificates(certificates);
        let draft = Draft { certificates, key: site.key(leaf), ..Draft::new(&site) };
        has(&site.verify(JWS, &draft.jws()), expected);
    };
    check("leaf", &["leaf"], "do not end at a root");
    check("leaf", &["leaf", "other"], "another than its issuer's");
    let subject = "/C=US/ST=WA/O=seawall/CN=x";
    for (name, issuer, subject, extensions, expected) in [
        ("foreign", "other", subject, LEAF, "in a trust store"),
        ("stranger", "root", "/C=US/ST=WA/O=somebody/CN=x", LEAF, "whom the policy does not name"),
        ("double", "root", "/C=US/ST=WA/O=seawall/O=somebody/CN=x", LEAF, "names O twice"),
        (
            "lax",
            "root",
            subject,
            "keyUsage=digitalSignature\nextendedKeyUsage=codeSigning\n",
            "is for digital",
        ),
        ("silent", "root", subject, "extendedKeyUsage=codeSigning\n", "is for digital"),
        ("cipher", "root", subject, "keyUsage=critical,digitalSignature,keyEncipherment\n", "other things"),
        (
            "server",
            "root",
            subject,
            "keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning,serverAuth\n",
            "other purposes",
        ),
        (
            "mail",
            "root",
            subject,
            "keyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\n",
            "not for code signing",
        ),
        (
            "authority",
            "root",
            subject,
            "keyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:true\n",
            "it is an authority's",
        ),
    ] {
        site.leaf(name, issuer, subject, extensions);
        check(name, &[name, issuer], expected);
    }
    // One that no authority issued, by a leaf that is none.
    site.leaf("below", "leaf", subject, LEAF);
    check("below", &["below", "leaf", "root"], "not an authority's certificate");
}

#[test]
fn a_chain_is_whole_whatever_the_level() {
    let Some(site) = Site::new() else { return };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    for (name, usage) in [
        ("bare", ""),
        ("lax", " -addext keyUsage=keyCertSign"),
        ("lists", " -addext keyUsage=critical,cRLSign"),
    ] {
        let out = format!("-keyout {name}.key -out {name}.pem");
        site.openssl(&format!("req -x509 {key}{usage} -days 400 -subj /C=US/CN={name} {out}"));
        site.leaf(&format!("below-{name}"), name, "/C=US/ST=WA/O=seawall/CN=x", LEAF);
    }
    for purpose in ["clientAuth", "OCSPSigning", "anyExtendedKeyUsage"] {
        let usage = format!("keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning,{purpose}\n");
        site.leaf(purpose, "root", "/C=US/ST=WA/O=seawall/CN=x", &usage);
    }
    for level in ["strict", "audit"] {
        site.policy(level, "\"ca:root\"", SUBJECT);
        for (leaf, above, expected) in [
            ("leaf", &["root"][..], "ok by"),
            ("leaf", &[], "do not end at a root"),
            ("leaf", &["other"], "another than its issuer's"),
            ("leaf", &["root", "root"], "signs itself and is not the last"),
            ("below-bare", &["bare"], "does not say that it is for signing certificates"),
            ("below-lax", &["lax"], "does not say that it is for signing certificates"),
            ("below-lists", &["lists"], "may not sign certificates"),
            ("clientAuth", &["root"], "other purposes"),
            ("OCSPSigning", &["root"], "other purposes"),
            ("anyExtendedKeyUsage", &["root"], "other purposes"),
        ] {
            let certificates = site.certificates(&[&[leaf], above].concat());
            let draft = Draft { certificates, key: site.key(leaf), ..Draft::new(&site) };
            has(&site.verify(JWS, &draft.jws()), expected);
        }
    }
}

#[test]
fn levels_decide_what_is_enforced() {
    let Some(site) = Site::new() else { return };
    let mut headers = headers(site.now);
    headers[EXPIRY] = json!((site.now - SignedDuration::from_secs(60)).to_string());
    headers["crit"] = json!([SIGNING_SCHEME, EXPIRY]);
    let draft = Draft { headers, ..Draft::new(&site) };
    let late = site.now + (24 * 60).hours();
    for (level, identity, now, expected) in [
        ("strict", SUBJECT, site.now, "let it expire"),
        ("permissive", SUBJECT, site.now, "let it expire"),
        ("permissive", SUBJECT, late, "ok by"),
        ("permissive", "x509.subject: C=US, ST=WA, O=x", site.now, "whom the policy does not name"),
        ("audit", "x509.subject: C=US, ST=WA, O=x", site.now, "ok by"),
        ("audit", "x509.subject: C=US, ST=WA, O=x", site.now, "whom the policy does not name"),
    ] {
        site.policy(level, "\"ca:root\"", identity);
        has(&site.verify_at(JWS, &draft.jws(), now), expected);
    }
    // Whatever the level, a signature of something else is none.
    let bad = Draft { key: site.key("root"), ..Draft::new(&site) };
    has(&site.verify(JWS, &bad.jws()), "not by this key");
    site.policy("strict", "\"ca:root\"", SUBJECT);
    has(&site.verify_at(JWS, &Draft::new(&site).jws(), late), "and not at");
}

#[test]
fn a_signing_authority_has_a_store_of_its_own() {
    let Some(site) = Site::new() else { return };
    let mut headers =
        json!({"alg": "ES256", "cty": PAYLOAD, "crit": [SIGNING_SCHEME, AUTHENTIC_SIGNING_TIME]});
    headers[SIGNING_SCHEME] = json!("notary.x509.signingAuthority");
    headers[AUTHENTIC_SIGNING_TIME] = json!(site.now.to_string());
    let draft = Draft { headers, ..Draft::new(&site) };
    let late = site.now + (24 * 60).hours();
    has(&site.verify(JWS, &draft.jws()), "in a trust store (signingAuthority)");
    site.store("signingAuthority", "root");
    site.policy("strict", "\"signingAuthority:root\"", SUBJECT);
    has(&site.verify_at(JWS, &draft.jws(), late), "ok by");
    has(&site.verify(JWS, &Draft::new(&site).jws()), "in a trust store (ca)");
}

#[test]
fn a_countersignature_vouches_for_the_time() {
    let Some(site) = Site::new() else { return };
    let stamped = |site: &Site, of: &[u8]| stamp(site.directory.path(), of);
    let subject = "/C=US/CN=stamp";
    site.leaf(
        "stamp",
        "other",
        subject,
        "keyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n",
    );
    site.store("tsa", "other");
    site.policy("strict", "\"ca:root\",\"tsa:other\"", SUBJECT);
    let mut draft = Draft::new(&site);
    let envelope = draft.jws();
    has(&site.verify(JWS, &envelope), "no countersignature");
    // The signature differs each time it is made, so the stamp is put into the finished envelope.
    let with = |stamp: &[u8]| {
        let mut envelope: Value = serde_json::from_slice(&envelope).unwrap();
        envelope["header"][TIMESTAMP] = json!(BASE64_STANDARD.encode(stamp));
        envelope.to_string().into_bytes()
    };
    let wire: Value = serde_json::from_slice(&envelope).unwrap();
    let signature = BASE64_URL_SAFE_NO_PAD.decode(wire["signature"].as_str().unwrap()).unwrap();
    let late = site.now + (24 * 60).hours();
    // The stamp may be off by a second, and the certificate must have held then too.
    std::thread::sleep(std::time::Duration::from_secs(2));
    has(&site.verify_at(JWS, &with(&stamped(&site, &signature)), late), "ok by");
    has(&site.verify_at(JWS, &with(&stamped(&site, b"another")), late), "of another signature");
    draft.stamp = Some(b"x".to_vec());
    has(&site.verify(JWS, &draft.jws()), "time stamp cannot be read");
    site.store("tsa", "root");
    site.policy("strict", "\"ca:root\",\"tsa:root\"", SUBJECT);
    has(&site.verify_at(JWS, &with(&stamped(&site, &signature)), late), "no trusted authority");
}

/// A time-stamp token of openssl's over some bytes, by the certificate `stamp`.
fn stamp(directory: &Path, of: &[u8]) -> Vec<u8> {
    let config = "[tsa]\ndefault_tsa=t\n[t]\ndir=.\nserial=serial\ncrypto_device=builtin\nsigner_cert=stamp.pem\n\
                  certs=stamp.pem\nsigner_key=stamp.key\nsigner_digest=sha256\ndefault_policy=1.2.3\n\
                  digests=sha256\naccuracy=secs:1\ness_cert_id_alg=sha256\n";
    fs::write(directory.join("tsa.cnf"), config).unwrap();
    fs::write(directory.join("signed"), of).unwrap();
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        let output = command.args(arguments.split(' ')).current_dir(directory).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    };
    openssl("ts -query -data signed -sha256 -cert -out query");
    openssl("ts -reply -config tsa.cnf -queryfile query -token_out -out token");
    fs::read(directory.join("token")).unwrap()
}

#[test]
fn revocation_is_asked_of_lists() {
    let Some(site) = Site::new() else { return };
    let subject = "/C=US/ST=WA/O=seawall/CN=x";
    let named = format!("{LEAF}crlDistributionPoints=URI:http://x.example/crl\n");
    site.leaf("named", "root", subject, &named);
    let certificates = site.certificates(&["named", "root"]);
    let serial = certificates[0].serial().to_vec();
    let draft = Draft { certificates, key: site.key("named"), ..Draft::new(&site) };
    let envelope = draft.jws();
    let list = |authority: &str, until: Timestamp, revoked: &[Vec<u8>]| {
        let revoked = revoked.iter().map(|serial| (serial.clone(), site.now)).collect();
        let by = site.certificates(&[authority]).remove(0);
        let times = (site.now - SignedDuration::from_hours(2), until);
        let text = RevocationList::write(&by, &site.key(authority), times, &revoked).unwrap();
        fs::write(site.at("list"), &text).unwrap();
        site.openssl(&format!("crl -in list -CAfile {authority}.pem -noout"));
        RevocationList::read_all(text.as_bytes()).unwrap()
    };
    let check = |lists: Vec<RevocationList>, expected: &str| {
        has(&site.verify_with(JWS, &envelope, lists, site.now), expected);
    };
    let (later, past) = (site.now + 2.hours(), site.now - SignedDuration::from_hours(1));
    check(Vec::new(), "was revoked is not known");
    check(list("root", later, &[]), "ok by");
    check(list("root", past, &[]), "was revoked is not known");
    check(list("other", later, &[]), "was revoked is not known");
    check(list("root", later, std::slice::from_ref(&serial)), "was revoked at");
    check(list("root", past, &[serial]), "was revoked at");
    site.policy("permissive", "\"ca:root\"", SUBJECT);
    check(Vec::new(), "ok by");
}

#[test]
fn links_and_strays_make_a_store_unusable() {
    let Some(site) = Site::new() else { return };
    let open = || Notation::open(site.directory.path(), Vec::new()).map(|_| ()).map_err(|error| error.reason);
    open().unwrap();
    let store = site.at("truststore/x509/ca/root");
    fs::create_dir(store.join("below")).unwrap();
    open().unwrap();
    fs::write(store.join("notes"), "x").unwrap();
    has(&open().unwrap_err(), "not a certificate");
    fs::copy(site.at("leaf.pem"), store.join("notes")).unwrap();
    has(&open().unwrap_err(), "is no root");
    fs::remove_file(store.join("notes")).unwrap();
    std::os::unix::fs::symlink(site.at("root.pem"), store.join("link")).unwrap();
    has(&open().unwrap_err(), "links are not followed");
    fs::remove_dir_all(&store).unwrap();
    std::os::unix::fs::symlink(site.directory.path(), &store).unwrap();
    has(&open().unwrap_err(), "links are not followed");
}
