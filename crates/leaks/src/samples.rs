//! Every built-in rule finds its good samples and not its bad ones.
//!
//! Samples are patterns (`ghp_<alnum:36>`), filled from a fixed sequence, so that no token stands in this repository
//! and no other scanner reports it.
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::check::{base62, bech32_polymod, bech32_prefix, crc16, crc32};
use crate::look::{Look, Where};
use crate::rules::Rules;
use crate::spec::{RuleFile, RuleSpec};

/// A fixed sequence that looks random (SplitMix64).
pub(crate) struct Sequence(pub(crate) u64);

impl Sequence {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn text(&mut self, alphabet: &str, length: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| alphabet[self.next() as usize % alphabet.len()]).collect()
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";

/// Fills the `<kind:length>` of a pattern.
pub(crate) fn fill(pattern: &str, sequence: &mut Sequence) -> String {
    let mut filled = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find('<') {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        let token = rest.find('>').and_then(|end| {
            let (kind, argument) = rest[1..end].split_once(':').unwrap_or((&rest[1..end], ""));
            Some((end, generate(kind, argument, sequence)?))
        });
        match token {
            Some((end, token)) => {
                filled.push_str(&token);
                rest = &rest[end + 1..];
            }
            None => {
                filled.push('<');
                rest = &rest[1..];
            }
        }
    }
    filled + rest
}

fn generate(kind: &str, argument: &str, sequence: &mut Sequence) -> Option<String> {
    let length = argument.parse().unwrap_or(0);
    let hex = "0123456789abcdef";
    let alphabet = match kind {
        "alnum" => format!("{LOWER}{UPPER}{DIGITS}"),
        "alpha" => format!("{LOWER}{UPPER}"),
        "lownum" => format!("{LOWER}{DIGITS}"),
        "upnum" => format!("{UPPER}{DIGITS}"),
        "num" => DIGITS.to_owned(),
        "hex" => hex.to_owned(),
        "hexup" => hex.to_ascii_uppercase(),
        "b32" => format!("{UPPER}234567"),
        "b64" => format!("{LOWER}{UPPER}{DIGITS}+/"),
        "b64url" => format!("{LOWER}{UPPER}{DIGITS}-_"),
        "pass" => format!("{LOWER}{UPPER}{DIGITS}!."),
        _ => return structured(kind, argument, sequence),
    };
    // Ends are letters and one character is a digit, so that no rule's edge or mixture is left to chance.
    let mut text: Vec<char> = sequence.text(&alphabet, length).chars().collect();
    if kind.starts_with("b64") || kind == "pass" || kind == "alnum" {
        if let Some(last) = text.last_mut() {
            *last = 'Q';
        }
        if let Some(first) = text.first_mut() {
            *first = 'k';
        }
        if length > 4 {
            text[2] = '7';
        }
    }
    Some(text.into_iter().collect())
}

fn structured(kind: &str, argument: &str, sequence: &mut Sequence) -> Option<String> {
    let wrap = |body: &str, width: usize, end: &str| {
        body.as_bytes()
            .chunks(width)
            .map(|line| format!("{}{end}", std::str::from_utf8(line).unwrap()))
            .collect::<String>()
    };
    Some(match kind {
        "uuid" => {
            let parts = [8, 4, 4, 4, 12].map(|length| sequence.text("0123456789abcdef", length));
            parts.join("-")
        }
        "b64lines" => wrap(&STANDARD.encode(sequence.bytes(argument.parse().unwrap())), 64, "\n"),
        "pem" | "pemesc" => {
            let mut der = vec![0x30, 0x82, 0x02, 0x00];
            der.extend(sequence.bytes(0x200));
            let end = if kind == "pem" { "\n" } else { "\\n" };
            let body = wrap(&STANDARD.encode(der), 64, end);
            format!("-----BEGIN {argument}-----{end}{body}-----END {argument}-----{end}")
        }
        "openssh" => {
            let mut key = b"openssh-key-v1\0\0\0\0\x04none\0\0\0\x04none".to_vec();
            key.extend(sequence.bytes(300));
            let body = wrap(&STANDARD.encode(key), 70, "\n");
            format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{body}-----END OPENSSH PRIVATE KEY-----\n")
        }
        "age" => {
            let charset: Vec<char> = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".chars().collect();
            let data: Vec<u8> = (0..52).map(|_| (sequence.next() % 32) as u8).collect();
            let prefix = bech32_prefix(b"AGE-SECRET-KEY-");
            let sum = bech32_polymod(prefix.into_iter().chain(data.clone()).chain([0; 6])) ^ 1;
            let sum = (0..6).map(|i| (sum >> (5 * (5 - i)) & 31) as u8);
            let text: String = data.into_iter().chain(sum).map(|value| charset[usize::from(value)]).collect();
            format!("AGE-SECRET-KEY-1{text}")
        }
        "github" => {
            let body = sequence.text(&format!("{LOWER}{UPPER}{DIGITS}"), 30);
            let sum = base62(crc32(body.as_bytes()));
            format!("{argument}{body}{}", std::str::from_utf8(&sum).unwrap())
        }
        "atlassian" => {
            let body = format!("{argument}{}", sequence.text(&format!("{LOWER}{UPPER}{DIGITS}"), 24));
            format!("{body}{:08X}", crc32(body.as_bytes()))
        }
        "pypi" => {
            let mut macaroon = b"\x02\x01\x08pypi.org\x02\x24".to_vec();
            macaroon.extend(sequence.bytes(100));
            format!("pypi-{}", URL_SAFE_NO_PAD.encode(macaroon))
        }
        "discord" => {
            let id = URL_SAFE_NO_PAD.encode(format!("8{}", sequence.text(DIGITS, 17)));
            let alphabet = format!("{LOWER}{UPPER}{DIGITS}");
            format!("{id}.{}.{}", sequence.text(&alphabet, 6), sequence.text(&alphabet, 27))
        }
        "basic" => {
            STANDARD.encode(format!("deploy:{}", sequence.text(&format!("{LOWER}{UPPER}{DIGITS}"), 14)))
        }
        "jwt" => {
            let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
            let claims = format!("{{\"sub\":\"{}\",\"iss\":\"corp\"}}", sequence.text(DIGITS, 12));
            let signature = URL_SAFE_NO_PAD.encode(sequence.bytes(32));
            format!("{}.{}.{signature}", encode("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), encode(&claims))
        }
        "nkey" => {
            let mut raw = vec![18 << 3, 20 << 3];
            raw.extend(sequence.bytes(32));
            raw.extend(crc16(&raw).to_le_bytes());
            base32(&raw)
        }
        _ => return None,
    })
}

fn base32(bytes: &[u8]) -> String {
    let alphabet: Vec<char> = format!("{UPPER}234567").chars().collect();
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let value = |chunk: &[u8]| {
        u8::from_str_radix(&format!("{:0<5}", std::str::from_utf8(chunk).unwrap()), 2).unwrap()
    };
    bits.as_bytes().chunks(5).map(|chunk| alphabet[usize::from(value(chunk))]).collect()
}

pub(crate) fn rule_files() -> Vec<RuleFile> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules/leaks");
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let yaml = paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    yaml.map(|path| serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()).collect()
}

/// The rules that find something in a sample, at a path.
pub(crate) fn found(rules: &Rules, path: &str, text: &str) -> Vec<String> {
    let mut look = Look::new(rules, None);
    look.file(&Where::file(path), text.as_bytes());
    look.hits.into_iter().map(|hit| hit.rule).collect()
}

fn check(rules: &Rules, rule: &RuleSpec, wrong: &mut Vec<String>) {
    let mut sequence =
        Sequence(rule.id.bytes().fold(7_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 1_000_003));
    let path = rule.good_at.as_deref().unwrap_or("srv/app/settings.conf");
    // A sample of a generic rule may be something better as well; a later round of the sequence is as good.
    for pattern in &rule.good {
        for _ in 0..3 {
            let sample = fill(pattern, &mut sequence);
            for text in [sample.clone(), format!("a = b\n{sample}\nc = d\n")] {
                let found = found(rules, path, &text);
                if !found.contains(&rule.id) {
                    wrong.push(format!(
                        "{}: not found in a good sample {pattern:?}: {found:?} in {text:?}",
                        rule.id
                    ));
                }
            }
        }
    }
    for pattern in &rule.bad {
        let sample = fill(pattern, &mut sequence);
        if found(rules, path, &format!("a = b\n{sample}\nc = d\n")).contains(&rule.id) {
            wrong.push(format!("{}: found in a bad sample {pattern:?}", rule.id));
        }
    }
}

#[test]
fn every_rule_finds_its_good_samples_and_not_its_bad_ones() {
    let rules = Rules::builtin();
    let mut wrong = Vec::new();
    for file in rule_files() {
        file.rules.iter().for_each(|rule| check(&rules, rule, &mut wrong));
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_expression_compiles_within_its_limit() {
    for rule in Rules::builtin().iter() {
        if let Some(search) = &rule.search {
            assert!(search.regex().is_some(), "{}", rule.id);
        }
    }
}

#[test]
fn a_seed_is_known_by_its_checksum() {
    let rules = Rules::builtin();
    let seed = fill("<nkey>", &mut Sequence(3));
    assert_eq!(found(&rules, "a", &format!("seed: {seed}\n")), ["nats-seed"]);
}
