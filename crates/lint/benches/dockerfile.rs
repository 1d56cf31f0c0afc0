//! How long one Dockerfile takes. With `target/lint-corpus` (`scripts/lint-corpus`) all of its files, otherwise the
//! hand-written ones.

use std::fs;
use std::hint::black_box;
use std::path::Path;

use divan::Bencher;
use divan::counter::ItemsCount;
use seawall_lint::dockerfile::{CHECKS, Options, apply, lint};

fn main() {
    divan::main();
}

fn files() -> Vec<Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/lint-corpus");
    let entries = fs::read_dir(corpus).into_iter().flatten().flatten().map(|entry| entry.path());
    let names = entries.filter(|path| path.extension().is_some_and(|extension| extension == "Dockerfile"));
    let files: Vec<Vec<u8>> = names.filter_map(|path| fs::read(path).ok()).collect();
    match files.is_empty() {
        true => {
            CHECKS.iter().flat_map(|check| check.bad.iter().map(|text| text.as_bytes().to_vec())).collect()
        }
        false => files,
    }
}

#[divan::bench]
fn every_file_by_every_rule(bencher: Bencher<'_, '_>) {
    let files = files();
    let options = Options { enable: &["all"], ..Options::default() };
    bencher.counter(ItemsCount::new(files.len())).bench_local(|| {
        files
            .iter()
            .map(|bytes| lint("Dockerfile", black_box(bytes), &options).findings.found.len())
            .sum::<usize>()
    });
}

#[divan::bench]
fn every_file_by_the_rules_that_are_on(bencher: Bencher<'_, '_>) {
    let files = files();
    bencher.counter(ItemsCount::new(files.len())).bench_local(|| {
        let options = Options::default();
        files
            .iter()
            .map(|bytes| lint("Dockerfile", black_box(bytes), &options).findings.found.len())
            .sum::<usize>()
    });
}

#[divan::bench]
fn every_file_fixed(bencher: Bencher<'_, '_>) {
    let files = files();
    bencher.counter(ItemsCount::new(files.len())).bench_local(|| {
        let fix = |bytes: &Vec<u8>| {
            let linted = lint("Dockerfile", bytes, &Options::default());
            apply(black_box(bytes), &linted.findings.found).made
        };
        files.iter().map(fix).sum::<usize>()
    });
}
