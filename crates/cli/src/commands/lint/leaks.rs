//! Credentials in the files that lint reads: `lint` judges settings, the leak rules know values.

use std::collections::BTreeSet;

use seawall_finding::{Finding, Findings};
use seawall_inventory::{Entry, EntryKind, InMemory, Visitor as _};
use seawall_leaks::{CONFIDENCE_MIN, IdentityKey, Leaks, Location, Rules, finding};
use seawall_lint::files::{Comments, Options};

/// Rules of `lint` that say of a line that it has a credential: one finding is enough.
const OWN_RULES: [&str; 6] = [
    "secret-in-variable",
    "credential-in-address",
    "credential-in-command",
    "password-set-in-build",
    "secret-in-environment",
    "secret-in-arguments",
];

/// What the leak rules found.
#[derive(Default)]
pub(super) struct Leaked {
    pub(super) findings: Findings,
    /// What a comment asks to leave out.
    pub(super) suppressed: u64,
    /// What is less sure than is reported.
    pub(super) doubtful: u64,
}

/// Searches files, all that were read; `known` is what `lint` found in them.
pub(super) fn search(
    files: &[(String, Vec<u8>)],
    (rules, key): (&Rules, Option<&IdentityKey>),
    options: &Options,
    known: &[Finding],
) -> Leaked {
    let is_own = |finding: &&Finding| OWN_RULES.contains(&finding.rule.as_str());
    let told: BTreeSet<(Option<&str>, Option<u32>)> = known
        .iter()
        .filter(is_own)
        .map(|finding| (finding.place.path.as_deref(), finding.place.line))
        .collect();
    let mut leaked = Leaked::default();
    for (path, bytes) in files {
        let entry = Entry {
            path: path.trim_start_matches('/'),
            kind: EntryKind::File,
            size_bytes: bytes.len() as u64,
            mode: 0o644,
            uid: 0,
            gid: 0,
        };
        let mut leaks = Leaks::new(rules, key);
        leaks.visit(&entry, &mut InMemory::new(bytes));
        let leaks = leaks.finish();
        let is_asked = !options.manifest.ignore_suppressions && !leaks.hits.is_empty();
        let comments = is_asked.then(|| Comments::of(path, bytes));
        for hit in leaks.hits {
            // A rule speaks of the first line of what it judges, also where a value is on a later one.
            let is_told = told.contains(&(Some(path.as_str()), hit.line));
            if is_told || options.manifest.selection.skip.contains(&hit.rule) {
                continue;
            }
            if hit.confidence < CONFIDENCE_MIN {
                leaked.doubtful += 1;
                continue;
            }
            let mut found = finding(rules, hit, Location::default(), path);
            found.place.path = found.place.path.map(|of| shown(path, entry.path, &of));
            let line = found.place.line.unwrap_or(0);
            let is_silenced = |rule: &str| comments.as_ref().is_some_and(|all| all.silence(rule, line));
            match is_silenced(&found.rule) || OWN_RULES.iter().any(|rule| is_silenced(rule)) {
                true => leaked.suppressed += 1,
                false => leaked.findings.found.push(found),
            }
        }
        leaked.findings.gaps.extend(leaks.gaps.into_iter().map(|mut gap| {
            gap.place.path = gap.place.path.map(|of| shown(path, entry.path, &of));
            gap
        }));
    }
    leaked
}

/// The path of a place in a file as it was named; members of archives stay behind it.
fn shown(path: &str, entry: &str, of: &str) -> String {
    of.strip_prefix(entry).map_or_else(|| of.to_owned(), |rest| format!("{path}{rest}"))
}
