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
