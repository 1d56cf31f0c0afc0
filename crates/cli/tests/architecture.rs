//! The allowed edges between the crates (DESIGN.md, "Dependencies point up this list only"), compared with
//! what cargo sees. A new edge is a design decision and shows up in review as one line here.
#![expect(clippy::unwrap_used, reason = "a failed test panics")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Crate → the crates of the workspace that it may depend on.
const EDGES: &[(&str, &[&str])] = &[
    ("inventory", &[]),
    ("finding", &["inventory"]),
    ("engine", &["inventory"]),
    ("policy", &["inventory", "finding"]),
    ("image", &["inventory", "finding", "engine"]),
    ("catalog", &["inventory", "finding"]),
    ("advisory", &["inventory", "finding"]),
    ("leaks", &["inventory", "finding"]),
    ("lint", &["inventory", "finding"]),
    // One workload model, so that a rule over containers is written once: docs/design/004-workloads.md.
    ("audit", &["inventory", "finding", "engine", "lint"]),
    ("event", &["inventory"]),
    ("detect", &["inventory", "finding", "event"]),
    ("report", &["inventory", "finding", "policy"]),
    // Values of its own: the crate `event` tells them in workload terms.
    ("sensor", &[]),
    ("trust", &["inventory", "finding", "image"]),
    ("keys", &["trust"]),
    ("scan", &["inventory", "finding", "image", "catalog", "advisory", "leaks", "lint"]),
    ("respond", &["inventory", "finding", "policy", "engine"]),
    ("deliver", &["inventory", "finding", "policy"]),
    (
        "agent",
        &["inventory", "finding", "event", "engine", "policy", "sensor", "detect", "respond", "deliver"],
    ),
    ("admit", &["inventory", "finding", "engine", "policy", "image", "trust"]),
    (
        "cli",
        &[
            "inventory",
            "finding",
            "engine",
            "policy",
            "image",
            "catalog",
            "advisory",
            "leaks",
            "lint",
            "audit",
            "event",
            "detect",
            "report",
            "scan",
            "sensor",
            "trust",
            "keys",
            "respond",
            "deliver",
            "agent",
            "admit",
        ],
    ),
    ("testkit", &[]),
];

#[test]
fn crates_depend_only_on_what_the_design_allows() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        EDGES.iter().map(|(name, edges)| (*name, edges.iter().copied().collect())).collect();
    for package in &metadata.packages {
        let name = package.name.strip_prefix("seawall-").unwrap();
        let edges = allowed.get(name).unwrap_or_else(|| panic!("crate {name} is not in the table"));
        let ours = package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal);
        for edge in ours.filter_map(|d| d.name.strip_prefix("seawall-")) {
            assert!(edges.contains(edge), "{name} → {edge} is not an edge of the design");
        }
    }
    assert_eq!(metadata.packages.len(), EDGES.len(), "a crate of the table does not exist");
}

#[test]
fn only_the_terminal_prints_and_only_the_configuration_reads_the_environment() {
    let mut wrong = Vec::new();
    for path in sources() {
        let shown = path.display().to_string();
        // A build script talks to cargo that way.
        if shown.ends_with("/build.rs") {
            continue;
        }
        // `testkit` is a dependency of tests only, and tests say what they skip.
        let is_of_tests = ["/tests/", "/tests.rs", "/examples/", "/benches/", "testdata.rs", "/testkit/src/"];
        if is_of_tests.iter().any(|mark| shown.contains(mark)) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in
            text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            let prints = ["println!(", "eprintln!(", "eprint!(", "io::stdout()", "io::stderr()"];
            let reads = ["env::var(", "env::var_os(", "env::vars("];
            let is_terminal = shown.ends_with("cli/src/terminal.rs");
            let is_config = shown.ends_with("cli/src/config.rs");
            let inside_tests = text.lines().take(number).any(|line| line.starts_with("#[cfg(test)]"));
            if inside_tests || shown.contains("testing") {
                continue;
            }
            if !is_terminal && prints.iter().any(|word| line.contains(word))
                || !is_config && reads.iter().any(|word| line.contains(word))
            {
                wrong.push(format!("{shown}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn names_that_collect_anything_are_not_used() {
    let refused = ["utils.rs", "util.rs", "common.rs", "helpers.rs", "types.rs", "misc.rs", "mod.rs"];
    let wrong: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|path| refused.contains(&path.file_name().unwrap().to_string_lossy().as_ref()))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn no_source_file_is_longer_than_800_lines() {
    let long: Vec<String> = sources()
        .into_iter()
        .map(|path| (fs::read_to_string(&path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > 800)
        .map(|(lines, path)| format!("{} ({lines})", path.display()))
        .collect();
    assert!(long.is_empty(), "{}", long.join(", "));
}

fn sources() -> Vec<PathBuf> {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()];
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}
