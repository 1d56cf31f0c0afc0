//! Measures the search for leaks over a directory: `sweep DIRECTORY [--list]`.
//!
//! Reads the files one by one on one thread and prints bytes, seconds and what each rule found; `--list` prints every
//! hit, redacted.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "an example for people")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

use seawall_inventory::{Entry, EntryKind, InMemory, Interest, Visitor};
use seawall_leaks::{Leaks, Rules};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let root = PathBuf::from(arguments.first().expect("usage: sweep DIRECTORY [--list]"));
    let started = Instant::now();
    let rules = Rules::builtin();
    println!("{} rules loaded in {:?}", rules.iter().count(), started.elapsed());
    let mut leaks = Leaks::new(&rules, None);
    let mut tally = Tally::default();
    let started = Instant::now();
    walk(&root, &root, &mut leaks, &mut tally);
    let elapsed = started.elapsed();
    let found = leaks.finish();
    let mut by_rule: BTreeMap<(String, String), usize> = BTreeMap::new();
    for hit in &found.hits {
        *by_rule.entry((format!("{:?}", hit.confidence), hit.rule.clone())).or_default() += 1;
        if arguments.iter().any(|argument| argument == "--list") {
            let path = hit.path.as_deref().unwrap_or_default();
            let line = hit.line.unwrap_or(0);
            println!(
                "{:?} {} {path}:{line} {} {:?} {:?}",
                hit.confidence, hit.rule, hit.redacted, hit.proof, hit.encodings
            );
        }
    }
    for ((confidence, rule), count) in &by_rule {
        println!("{count:6} {confidence} {rule}");
    }
    let rate = |time: Duration| tally.bytes as f64 / 1e6 / time.as_secs_f64();
    println!(
        "{} files, {:.1} MB, {} hits, {} vouched, {} gaps",
        tally.files,
        tally.bytes as f64 / 1e6,
        found.hits.len(),
        found.vouched,
        found.gaps.len()
    );
    println!(
        "with reading {elapsed:?} ({:.0} MB/s), search alone {:?} ({:.0} MB/s)",
        rate(elapsed),
        tally.search,
        rate(tally.search)
    );
}

#[derive(Default)]
struct Tally {
    files: u64,
    bytes: u64,
    search: Duration,
}

fn walk(root: &Path, directory: &Path, leaks: &mut Leaks<'_>, tally: &mut Tally) {
    let mut entries: Vec<_> = fs::read_dir(directory).into_iter().flatten().flatten().collect();
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            walk(root, &path, leaks, tally);
        } else if kind.is_file() {
            let Ok(bytes) = fs::read(&path) else { continue };
            let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy();
            let size_bytes = bytes.len() as u64;
            let entry =
                Entry { path: &relative, kind: EntryKind::File, size_bytes, mode: 0o644, uid: 0, gid: 0 };
            let started = Instant::now();
            if leaks.interest(&entry) != Interest::No {
                leaks.visit(&entry, &mut InMemory::new(&bytes));
            }
            tally.search += started.elapsed();
            tally.files += 1;
            tally.bytes += size_bytes;
        }
    }
}
