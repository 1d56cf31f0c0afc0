//! For tests: an authority, logs and a time-stamp authority made in memory.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;
use serde_json::json;

use crate::bundle::{Bundle, Content, InclusionProof, LogEntry, Signer};
use crate::certificate::{CODE_SIGNING, Certificate, TIME_STAMPING};
use crate::der::{self, write};
use crate::key::{KeyAlgorithm, PrivateKey};
use crate::trusted_root::{Authority, LogKey, Period, TrustedRoot};

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const SUBJECT: &str = "release@example.com";

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn key() -> PrivateKey {
    PrivateKey::generate(KeyAlgorithm::P256).unwrap()
}

/// What a certificate is to say; what is not said is a leaf for code signing.
pub(crate) struct Wish<'a> {
    pub(crate) subject: &'a str,
    pub(crate) key: &'a PrivateKey,
    pub(crate) from: &'a str,
    pub(crate) until: &'a str,
    pub(crate) names: &'a [&'a str],
    pub(crate) issuer: Option<&'a str>,
    pub(crate) purpose: &'a [u8],
    /// Of an authority: how many others may stand below it.
    pub(crate) authority: Option<u8>,
    pub(crate) more: Vec<Vec<u8>>,
}

impl<'a> Wish<'a> {
    pub(crate) fn leaf(key: &'a PrivateKey) -> Wish<'a> {
        Wish {
            subject: "leaf",
            key,
            from: "20260101000000Z",
            until: "20260101001000Z",
            names: &[SUBJECT],
            issuer: Some(ISSUER),
            purpose: CODE_SIGNING,
            authority: None,
            more: Vec::new(),
        }
    }

    pub(crate) fn authority(subject: &'a str, key: &'a PrivateKey) -> Wish<'a> {
        let long = Wish { from: "20200101000000Z", until: "20400101000000Z", ..Wish::leaf(key) };
        Wish { subject, names: &[], issuer: None, authority: Some(3), ..long }
    }

    /// The certificate, signed by an authority.
    pub(crate) fn signed(&self, issuer: &str, issuer_key: &PrivateKey) -> Certificate {
        Certificate::read(&self.der(issuer, issuer_key)).unwrap()
    }

    pub(crate) fn der(&self, issuer: &str, issuer_key: &PrivateKey) -> Vec<u8> {
        let tbs = self.tbs(issuer);
        let signature = issuer_key.sign(&tbs).unwrap();
        write(der::SEQUENCE, &[&tbs, &ecdsa_sha256(), &write(der::BIT_STRING, &[&[0], &signature])])
    }

    fn tbs(&self, issuer: &str) -> Vec<u8> {
        let time = |text: &str| write(0x18, &[text.as_bytes()]);
        let mut extensions = vec![extension(
            &[0x55, 0x1d, 0x25],
            false,
            &write(der::SEQUENCE, &[&write(der::OID, &[self.purpose])]),
        )];
        match self.authority {
            Some(length) => {
                let length = write(der::INTEGER, &[&[length]]);
                let constraints = write(der::SEQUENCE, &[&[1, 1, 0xff], &length]);
                extensions.push(extension(&[0x55, 0x1d, 0x13], true, &constraints));
                extensions.push(extension(&[0x55, 0x1d, 0x0f], true, &[3, 2, 1, 0x06]));
            }
            None => extensions.push(extension(&[0x55, 0x1d, 0x0f], true, &[3, 2, 7, 0x80])),
        }
        if !self.names.is_empty() {
            let names: Vec<Vec<u8>> =
                self.names.iter().map(|name| write(der::implicit(1), &[name.as_bytes()])).collect();
            let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
            extensions.push(extension(&[0x55, 0x1d, 0x11], true, &write(der::SEQUENCE, &names)));
        }
        if let Some(issuer) = self.issuer {
            let id = [0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01, 0x08];
            extensions.push(extension(&id, false, &write(der::UTF8_STRING, &[issuer.as_bytes()])));
        }
        extensions.extend(self.more.iter().cloned());
        let extensions: Vec<&[u8]> = extensions.iter().map(Vec::as_slice).collect();
        write(
            der::SEQUENCE,
            &[
                &write(der::explicit(0), &[&[der::INTEGER, 1, 2]]),
                &[der::INTEGER, 1, 7],
                &ecdsa_sha256(),
                &name(issuer),
                &write(der::SEQUENCE, &[&time(self.from), &time(self.until)]),
                &name(self.subject),
                self.key.public().spki(),
                &write(der::explicit(3), &[&write(der::SEQUENCE, &extensions)]),
            ],
        )
    }

    /// With the promise of a log of certificates.
    pub(crate) fn with_sct(mut self, issuer: &str, issuer_key: &PrivateKey, log: &PrivateKey) -> Wish<'a> {
        let tbs = self.tbs(issuer);
        let stamp = 1_767_225_600_000_u64.to_be_bytes();
        let mut signed = vec![0, 0];
        signed.extend_from_slice(&stamp);
        signed.extend_from_slice(&[0, 1]);
        signed.extend_from_slice(&issuer_key.public().id());
        signed.extend_from_slice(&tbs.len().to_be_bytes()[5..]);
        signed.extend_from_slice(&tbs);
        signed.extend_from_slice(&[0, 0]);
        let signature = log.sign(&signed).unwrap();
        let short = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
        let mut sct = vec![0];
        sct.extend_from_slice(&log.public().id());
        sct.extend_from_slice(&stamp);
        sct.extend_from_slice(&[0, 0, 4, 3]);
        sct.extend_from_slice(&short(signature.len()));
        sct.extend_from_slice(&signature);
        let list = [&short(sct.len() + 2)[..], &short(sct.len()), &sct].concat();
        let id = [0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];
        self.more.push(extension(&id, false, &write(der::OCTET_STRING, &[&list])));
        self
    }
}

pub(crate) fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[1, 1, 0xff] } else { &[] };
    write(der::SEQUENCE, &[&write(der::OID, &[id]), critical, &write(der::OCTET_STRING, &[value])])
}

fn name(text: &str) -> Vec<u8> {
    let attribute = [write(der::OID, &[&[0x55, 0x04, 0x03]]), write(der::UTF8_STRING, &[text.as_bytes()])];
    let attribute = write(der::SEQUENCE, &[&attribute[0], &attribute[1]]);
    write(der::SEQUENCE, &[&write(der::SET, &[&attribute])])
}

fn ecdsa_sha256() -> Vec<u8> {
    let id = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
    write(der::SEQUENCE, &[&write(der::OID, &[&id])])
}

/// A site with everything: an authority, a log of certificates, a log of signatures, a time-stamp authority.
pub(crate) struct Site {
    pub(crate) root_key: PrivateKey,
    pub(crate) root: Certificate,
    pub(crate) log: PrivateKey,
    pub(crate) certificate_log: PrivateKey,
    pub(crate) stamp_key: PrivateKey,
    pub(crate) stamp_leaf: Certificate,
    pub(crate) stamp_root: Certificate,
}

impl Site {
    pub(crate) fn new() -> Site {
        let (root_key, stamp_root_key, stamp_key) = (key(), key(), key());
        let stamp_root = Wish { purpose: TIME_STAMPING, ..Wish::authority("stamps", &stamp_root_key) };
        let long = Wish::authority("stamp", &stamp_key);
        let stamp_leaf = Wish { purpose: TIME_STAMPING, authority: None, ..long };
        Site {
            root: Wish::authority("root", &root_key).signed("root", &root_key),
            root_key,
            log: key(),
            certificate_log: key(),
            stamp_leaf: stamp_leaf.signed("stamps", &stamp_root_key),
            stamp_root: stamp_root.signed("stamps", &stamp_root_key),
            stamp_key,
        }
    }

    pub(crate) fn trusted(&self) -> TrustedRoot {
        let since = at("2025-01-01T00:00:00Z");
        let authority = |certificates: Vec<Certificate>| {
            vec![Authority { certificates, valid: Period { start: Some(since), end: None } }]
        };
        TrustedRoot {
            logs: vec![LogKey::new(self.log.public().clone(), since)],
            certificate_logs: vec![LogKey::new(self.certificate_log.public().clone(), since)],
            authorities: authority(vec![self.root.clone()]),
            timestamp_authorities: authority(vec![self.stamp_leaf.clone(), self.stamp_root.clone()]),
            revoked: Vec::new(),
            unusable: Vec::new(),
        }
    }

    /// A leaf with all that the site's root asks for.
    pub(crate) fn leaf(&self, wish: Wish<'_>) -> Certificate {
        wish.with_sct("root", &self.root_key, &self.certificate_log).signed("root", &self.root_key)
    }

    /// A file signed by a fresh key with this certificate, and recorded a minute after the new year.
    pub(crate) fn bundle(&self, message: &[u8], wish: impl FnOnce(&PrivateKey) -> Certificate) -> Bundle {
        let signer = key();
        let certificate = wish(&signer);
        let signature = signer.sign(message).unwrap();
        let body = hashed_rekord(message, &signature, &certificate.to_pem());
        Bundle {
            log_entries: vec![self.entry(body)],
            signer: Signer::Certificates(vec![certificate]),
            timestamps: Vec::new(),
            content: Content::Message { digest: None, signature },
        }
    }

    /// An entry of the site's log, between others.
    pub(crate) fn entry(&self, body: Vec<u8>) -> LogEntry {
        let mut leaves: Vec<Vec<u8>> = (0_u8..7).map(|number| vec![number]).collect();
        leaves[5] = body.clone();
        let mut hashes = Vec::new();
        let root = tree(&leaves, 5, &mut hashes);
        let text = format!("log.example\n7\n{}\n", BASE64_STANDARD.encode(root));
        let signature = [&self.log.public().id()[..4], &self.log.sign(text.as_bytes()).unwrap()].concat();
        let checkpoint = format!("{text}\n— log.example {}\n", BASE64_STANDARD.encode(signature));
        let proof = InclusionProof { index: 5, tree_size: 7, root: root.to_vec(), hashes, checkpoint };
        let mut entry = LogEntry {
            index: 1005,
            log_id: self.log.public().id().to_vec(),
            kind: "hashedrekord".to_owned(),
            version: "0.0.1".to_owned(),
            integrated_time: at("2026-01-01T00:01:00Z").as_second(),
            signed_entry_timestamp: None,
            proof: Some(proof),
            body,
        };
        self.promise(&mut entry);
        entry
    }

    /// Signs the entry's promise anew.
    pub(crate) fn promise(&self, entry: &mut LogEntry) {
        let text = json!({
            "body": BASE64_STANDARD.encode(&entry.body), "integratedTime": entry.integrated_time,
            "logID": crate::hex(&entry.log_id), "logIndex": entry.index,
        });
        // The fields are in the order of the alphabet, which is what canonical means here.
        entry.signed_entry_timestamp = Some(self.log.sign(text.to_string().as_bytes()).unwrap());
    }

    /// A time stamp of the site's authority over a signature: `20260101000200Z`.
    pub(crate) fn stamp(&self, signature: &[u8], time: &str) -> Vec<u8> {
        let sha256 = write(
            der::SEQUENCE,
            &[&write(der::OID, &[&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01]])],
        );
        let tst_info = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
        let imprint =
            write(der::SEQUENCE, &[&sha256, &write(der::OCTET_STRING, &[&crate::sha256(signature)])]);
        let time = write(0x18, &[time.as_bytes()]);
        let info =
            [&[der::INTEGER, 1, 1], &write(der::OID, &[&[0x2a]])[..], &imprint, &[der::INTEGER, 1, 9], &time];
        let info = write(der::SEQUENCE, &info);
        let attribute = |last: u8, value: &[u8]| {
            let id = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, last];
            write(der::SEQUENCE, &[&write(der::OID, &[&id]), &write(der::SET, &[value])])
        };
        let kind = attribute(3, &write(der::OID, &[&tst_info]));
        let digest = attribute(4, &write(der::OCTET_STRING, &[&crate::sha256(&info)]));
        let signed = self.stamp_key.sign(&write(der::SET, &[&kind, &digest])).unwrap();
        let id = write(
            der::SEQUENCE,
            &[self.stamp_leaf.issuer(), &write(der::INTEGER, &[self.stamp_leaf.serial()])],
        );
        let signer = write(
            der::SEQUENCE,
            &[
                &[der::INTEGER, 1, 1],
                &id,
                &sha256,
                &write(der::explicit(0), &[&kind, &digest]),
                &ecdsa_sha256(),
                &write(der::OCTET_STRING, &[&signed]),
            ],
        );
        let content = write(der::explicit(0), &[&write(der::OCTET_STRING, &[&info])]);
        let content = write(der::SEQUENCE, &[&write(der::OID, &[&tst_info]), &content]);
        let digests = write(der::SET, &[&sha256]);
        let signers = write(der::SET, &[&signer]);
        let data = write(der::SEQUENCE, &[&[der::INTEGER, 1, 3], &digests, &content, &signers]);
        let signed_data = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
        let token =
            write(der::SEQUENCE, &[&write(der::OID, &[&signed_data]), &write(der::explicit(0), &[&data])]);
        write(der::SEQUENCE, &[&write(der::SEQUENCE, &[&[der::INTEGER, 1, 0]]), &token])
    }
}

/// What Rekor v1 records of a signed file.
pub(crate) fn hashed_rekord(message: &[u8], signature: &[u8], signer_pem: &str) -> Vec<u8> {
    let encoded = |bytes: &[u8]| BASE64_STANDARD.encode(bytes);
    let body = json!({"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": {
        "data": {"hash": {"algorithm": "sha256", "value": crate::hex(&crate::sha256(message))}},
        "signature": {"content": encoded(signature), "publicKey": {"content": encoded(signer_pem.as_bytes())}},
    }});
    body.to_string().into_bytes()
}

/// The root of a tree (RFC 6962, 2.1), and the path to one leaf.
fn tree(leaves: &[Vec<u8>], leaf: usize, path: &mut Vec<Vec<u8>>) -> [u8; 32] {
    if let [one] = leaves {
        return crate::sha256(&[&[0], one.as_slice()].concat());
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let mut ignored = Vec::new();
    let (left, right) = if leaf < left.len() {
        let found = tree(left, leaf, path);
        let sibling = tree(right, 0, &mut ignored);
        path.push(sibling.to_vec());
        (found, sibling)
    } else {
        let sibling = tree(left, 0, &mut ignored);
        let found = tree(right, leaf - left.len(), path);
        path.push(sibling.to_vec());
        (sibling, found)
    };
    crate::sha256(&[&[1], &left[..], &right].concat())
}
