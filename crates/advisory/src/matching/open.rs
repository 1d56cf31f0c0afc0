//! Whether anybody who was asked knows of problems that have no fix yet: errata announce fixes, and what is still open
//! they pass over in silence.

use seawall_finding::{Gap, GapKind};

use crate::database::Database;

/// Sources that name what was fixed and nothing else, with what they are.
const FIXES_ONLY: &[&str] = &[
    "almalinux",
    "alpine-secdb",
    "amazon",
    "chainguard-secdb",
    "debian-dsa",
    "fedora",
    "mageia",
    "openeuler",
    "opensuse",
    "oracle",
    "redhat",
    "rocky",
    "suse",
    "wolfi-secdb",
];

/// A gap where all sources of a release, and those of the one that it is rebuilt from, name fixes only.
pub(super) fn gap(database: &Database, base: &str, upstream: Option<&str>) -> Option<Gap> {
    let sources = |space| database.sources_for(space).map(|shard| shard.source.name.as_str());
    if upstream.into_iter().chain([base]).flat_map(sources).any(|name| !FIXES_ONLY.contains(&name)) {
        return None;
    }
    let mut names: Vec<&str> = sources(base).collect();
    names.sort_unstable();
    names.dedup();
    let verb = if names.len() == 1 { "names" } else { "name" };
    let names = names.join(" and ");
    let reason =
        format!("problems of {base} that have no fix yet are unknown: {names} {verb} only what is fixed");
    Some(Gap::of_target(GapKind::NoData, reason))
}
