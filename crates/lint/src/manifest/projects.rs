//! Compose files that `docker compose` reads together, and where in them a setting stands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use seawall_finding::Gap;

use super::{Read, gap};
use crate::compose::{self, Part, beside};
use crate::document::Node;

/// The names that `docker compose` looks for, the first that is there; then, the same way, one that says more.
const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// Files that are one project, the first first.
struct Project {
    files: Vec<usize>,
    /// Where what is found is told: in all of them, or in one, since the others are told with another project.
    told_in: Option<usize>,
}

/// Reads the services of all Compose files into the first file of their project.
pub(super) fn join(reads: &mut [Read<'_>], named: &[String], gaps: &mut Vec<Gap>) {
    let documents: Vec<Vec<Arc<Node>>> = reads.iter().map(|read| read.documents.clone()).collect();
    let paths: Vec<&str> = reads.iter().map(|read| read.file.path).collect();
    let composes: BTreeMap<&str, usize> =
        (0..reads.len()).filter(|at| reads[*at].is_compose).map(|at| (paths[at], at)).collect();
    let part = |at: usize| {
        let root = documents.get(at)?.iter().find(|node| compose::is_compose(node))?;
        Some(Part { directory: super::directory(paths.get(at)?), root })
    };
    let lookup = |path: &str| part(*composes.get(path)?);
    for project in projects(&composes, named, &part) {
        let Some((&first, others)) = project.files.split_first() else { continue };
        let home = project.told_in.unwrap_or(first);
        // The services of further documents of a file are judged for themselves.
        let roots: Vec<&Arc<Node>> =
            documents[first].iter().filter(|node| compose::is_compose(node)).collect();
        for (index, root) in roots.into_iter().enumerate() {
            let mut parts = vec![Part { directory: super::directory(paths[first]), root }];
            if index == 0 {
                parts.extend(others.iter().filter_map(|at| part(*at)));
            }
            let (workloads, refusals) = compose::workloads(&parts, &lookup);
            reads[home].workloads.extend(workloads.into_iter().map(|workload| (workload, None)));
            gaps.extend(refusals.into_iter().map(|refusal| gap(paths[home], refusal)));
        }
        reads[home].is_told_alone |= project.told_in.is_some();
    }
}

fn projects<'a>(
    composes: &BTreeMap<&str, usize>,
    named: &[String],
    part: &dyn Fn(usize) -> Option<Part<'a>>,
) -> Vec<Project> {
    let mut projects = Vec::new();
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    let mut together = |files: Vec<usize>, taken: &mut BTreeSet<usize>| {
        if files.len() > 1 && !files.iter().any(|at| taken.contains(at)) {
            taken.extend(&files);
            projects.push(Project { files, told_in: None });
        }
    };
    let at = |path: &String| composes.get(path.as_str()).copied();
    together(named.iter().filter_map(at).collect(), &mut taken);
    for files in composes.values().filter_map(|at| part(*at)).flat_map(compose::includes) {
        together(files.iter().filter_map(at).collect(), &mut taken);
    }
    let directories: BTreeSet<&str> = composes.keys().map(|path| super::directory(path)).collect();
    let first = |directory: &str, names: &[&str]| {
        names.iter().find_map(|name| composes.get(beside(directory, name).as_str()).copied())
    };
    for directory in &directories {
        let files = [first(directory, &NAMES), first(directory, &OVERRIDES)];
        together(files.into_iter().flatten().collect(), &mut taken);
    }
    for (path, &at) in composes.iter().filter(|(_, at)| !taken.contains(at)) {
        let base = first(super::directory(path), &NAMES).filter(|base| *base != at);
        let base =
            base.filter(|base| part(at).zip(part(*base)).is_some_and(|(own, base)| adds_to(own, base)));
        projects.push(match base {
            Some(base) => Project { files: vec![base, at], told_in: Some(at) },
            None => Project { files: vec![at], told_in: None },
        });
    }
    projects
}

/// Whether a file says more of a service of another one, and cannot stand alone: `compose.prod.yaml`.
fn adds_to(own: Part<'_>, base: Part<'_>) -> bool {
    let known = compose::services(base.root);
    compose::services(own.root).iter().any(|(name, at)| {
        known.contains_key(name) && ["image", "build", "extends"].iter().all(|key| at.get(key).is_none())
    })
}

/// The lines of Compose files, counted on from file to file, so that a line tells its file.
#[derive(Default)]
pub(super) struct Lines {
    /// How many lines stand in front of a file, and its number among what was read.
    before: Vec<(u32, usize)>,
    count: u32,
}

impl Lines {
    /// Counts those of one more file; answers how many stand in front of it.
    pub(super) fn add(&mut self, read: usize, text: &str) -> u32 {
        let before = self.count;
        self.before.push((before, read));
        let lines = u32::try_from(text.lines().count()).unwrap_or(u32::MAX);
        self.count = before.saturating_add(lines).saturating_add(1);
        before
    }

    /// The file of a line, and the line in it.
    pub(super) fn locate(&self, line: u32) -> Option<(usize, u32)> {
        let index = self.before.partition_point(|(before, _)| *before < line).checked_sub(1)?;
        let (before, read) = self.before.get(index)?;
        Some((*read, line - before))
    }
}
