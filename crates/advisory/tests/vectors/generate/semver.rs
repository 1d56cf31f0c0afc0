//! Answers pairs with Cargo's `semver` crate, by precedence (build metadata without weight).
//! Left out: what only we read (leading `v`, missing numbers, leading zeros, numbers above 2^64).

use std::io::BufRead;

fn only_ours(version: &str) -> bool {
    let core = version.trim_start_matches('v');
    let end = core.find(['-', '+']).unwrap_or(core.len());
    let numbers: Vec<&str> = core[..end].split('.').collect();
    numbers.len() <= 3 && numbers.iter().all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

fn main() {
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (left, right) = line.split_once('\t').unwrap();
        match (semver::Version::parse(left), semver::Version::parse(right)) {
            (Ok(a), Ok(b)) => println!("{line}\t{}", a.cmp_precedence(&b) as i8),
            (a, b) => {
                if !(a.is_err() && only_ours(left) || b.is_err() && only_ours(right)) {
                    println!("{line}\t?");
                }
            }
        }
    }
}
