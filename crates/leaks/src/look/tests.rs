use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::samples::{Sequence, fill};

fn token() -> String {
    fill("<github:ghp_>", &mut Sequence(3))
}

/// What a file gives: rules, and reasons of gaps.
fn look(path: &str, bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let rules = Rules::builtin();
    let mut look = Look::new(&rules, None);
    look.file(&Where::file(path), bytes);
    let gaps = look.gaps.into_iter().map(|gap| gap.reason).collect();
    (look.hits.into_iter().map(|hit| hit.rule).collect(), gaps)
}

#[test]
fn many_values_of_one_rule_hide_no_other() {
    let many: String = (0..400).map(|n| format!("DB_PASSWORD{n}=k7Qm2xWv9LpZ{n}\n")).collect();
    let (rules, gaps) = look("srv/.env", format!("{many}A={}\n", token()).as_bytes());
    assert!(rules.iter().any(|rule| rule == "github-token"), "{rules:?}");
    assert!(gaps.iter().any(|gap| gap.starts_with("more than 200 leaks of dotenv-secret")), "{gaps:?}");
}

#[test]
fn what_is_encoded_too_deep_is_a_gap() {
    let mut text = format!("the token of this deployment is {} and no other one", token());
    for depth in 1..=4 {
        text = STANDARD.encode(text);
        let (rules, gaps) = look("srv/a.txt", text.as_bytes());
        assert_eq!((rules.len(), gaps.len()), if depth < 4 { (1, 0) } else { (0, 1) }, "{depth}: {gaps:?}");
    }
}

#[test]
fn decoding_of_all_files_together_ends() {
    let rules = Rules::builtin();
    let mut look = Look::new(&rules, None);
    look.decode_total = 100;
    let text = STANDARD.encode(format!("the token of this deployment is {} and no other one", token()));
    look.spend(100);
    for path in ["a", "b", "c"] {
        look.file(&Where::file(path), text.as_bytes());
    }
    assert_eq!((look.hits.len(), look.gaps.len()), (0, 1), "{:?}", look.gaps);
}

#[test]
fn beginnings_of_keys_alone_cost_little() {
    for head in ["-----BEGIN PRIVATE KEY-----\n", "PuTTY-User-Key-File-2: \n", "\"kty\":\"EC\" "] {
        let begin = Instant::now();
        look("srv/a.pem", head.repeat(10_000).as_bytes());
        assert!(begin.elapsed() < Duration::from_secs(5), "{head}: {:?}", begin.elapsed());
    }
}

#[test]
fn the_example_of_a_standard_is_no_leak() {
    let basic = |value: &str| look("srv/a.txt", format!("Authorization: Basic {value}\n").as_bytes()).0;
    assert_eq!(basic(&["czZCaGRSa3F0Mzpn", "WDFmQmF0M2JW"].concat()), Vec::<String>::new());
    assert_eq!(basic(&STANDARD.encode("deploy:k7Qm2xWv9LpZ")), ["basic-authorization"]);
}

/// Compresses with a program; nothing where it is not installed.
fn packed(program: &str, text: &str) -> Option<Vec<u8>> {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let piped = Command::new(program).arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = piped.ok()?;
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    Some(child.wait_with_output().unwrap().stdout)
}

#[test]
fn what_is_compressed_is_searched_and_has_lines() {
    let text = format!("first\n\nA={}\n", token());
    let rules = Rules::builtin();
    for program in ["gzip", "xz", "zstd", "bzip2"] {
        let Some(bytes) = packed(program, &text) else { continue };
        let mut look = Look::new(&rules, None);
        look.file(&Where::file("srv/a"), &bytes);
        let found: Vec<_> = look.hits.iter().map(|hit| (hit.line, hit.encodings.join(" "))).collect();
        assert_eq!(found, [(Some(3), program.to_owned())], "{:?}", look.gaps);
        // What breaks off is searched so far, and said.
        let mut look = Look::new(&rules, None);
        look.file(&Where::file("srv/a"), &bytes[..bytes.len() - 9]);
        assert!(!look.gaps.is_empty(), "{program}");
    }
    let mut look = Look::new(&rules, None);
    let encoded = STANDARD.encode(format!("the token of this deployment is {} and no other one", token()));
    look.file(&Where::file("srv/a.yaml"), format!("kind: Secret\ndata:\n  a: {encoded}\n").as_bytes());
    assert_eq!(look.hits[0].line, Some(3));
}

#[test]
fn an_archive_that_nobody_unpacks_is_a_gap() {
    for head in [&b"7z\xbc\xaf\x27\x1c\x00\x04"[..], b"Rar!\x1a\x07\x01\x00"] {
        assert_eq!(look("srv/a.bin", head).1.len(), 1);
    }
    // A dictionary of 4 GiB, and a filter that is none.
    for (filter, bits) in [(0x21, 39), (0x03, 8)] {
        let head = [0xfd, b'7', b'z', b'X', b'Z', 0, 0, 4, 0, 0, 0, 0, 2, 0, filter, 1, bits, 0, 0];
        let gaps = look("srv/a.xz", &head).1;
        assert!(gaps[0].contains("xz stream of this kind"), "{gaps:?}");
    }
}

#[test]
fn gaps_that_are_not_listed_are_counted() {
    let rules = Rules::builtin();
    let mut look = Look::new(&rules, None);
    for _ in 0..GAPS_MAX + 7 {
        look.gap(GapKind::Malformed, "a", "b");
    }
    assert_eq!(look.gaps.len(), GAPS_MAX + 1);
    assert_eq!(look.gaps[GAPS_MAX].reason, "7 more gaps like these are not listed");
}
