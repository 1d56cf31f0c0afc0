//! Files that deploy containers → findings: which kind a file is, what it holds, what is wrong with it.
//!
//! Owns the walk over files; refuses to open them. Files that belong together come together, since a NetworkPolicy of
//! one may be for the pods of another.

mod kind;
mod projects;

use std::collections::BTreeMap;
use std::sync::Arc;

use seawall_finding::{Change, Check, Evidence, Finding, Gap, GapKind, Outcome};
use seawall_inventory::workload::Source;
use seawall_inventory::{Place, Workload};

use crate::document::{Node, Refusal};
use crate::kubernetes::{self, Object};
use crate::limits::{CONTAINERS_MAX, REASON_CHARS_MAX, SELECTIONS_MAX};
use crate::pss::{self, Level, Version};
use crate::suppress::{Silenced, Suppressions};
use crate::workload::{Context, HostFacts, Judged, Selection, checks};
use crate::{cluster, command, compose, document, fix, pipeline, unit};

pub use kind::{Kind, kind};

use projects::Lines;

/// A file: its path as reports name it, and its text.
#[derive(Debug, Clone, Copy)]
pub struct File<'a> {
    /// For reports, and for telling what it is.
    pub path: &'a str,
    /// Its whole text.
    pub text: &'a str,
}

/// By what files are judged.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Which rules are asked.
    pub selection: Selection,
    /// By this standard of this version alone, and by no rule.
    pub pod_security: Option<(Level, Version)>,
    /// What is known of the machine that will run it.
    pub host: HostFacts,
    /// Seccomp profiles by the path that workloads use.
    pub seccomp_profiles: BTreeMap<String, String>,
    /// Compose files that are one project in this order, as `docker compose -f A -f B` takes them, by their paths.
    pub compose_files: Vec<String>,
    /// Whether comments and annotations that silence a rule are ignored.
    pub ignore_suppressions: bool,
}

/// What was found in files.
#[derive(Debug, Default)]
pub struct Examined {
    /// What is wrong.
    pub found: Vec<Finding>,
    /// What would be found, had nobody silenced it: the finding, and the words that silence it.
    pub suppressed: Vec<(Finding, String)>,
    /// What could not be looked at.
    pub gaps: Vec<Gap>,
    /// Each question with its answer.
    pub checks: Vec<Check>,
    /// The workloads that were judged.
    pub workloads: Vec<Workload>,
}

/// What stands in one file.
struct Read<'a> {
    file: File<'a>,
    documents: Vec<Arc<Node>>,
    workloads: Vec<(Workload, Option<usize>)>,
    is_compose: bool,
    /// Whether its containers live for one job: what they do not say is not asked.
    is_pipeline: bool,
    /// Whether its workloads are told with another file too, but for what stands in this one.
    is_told_alone: bool,
}

/// Judges files, all together.
pub fn examine(files: &[File<'_>], options: &Options) -> Examined {
    let mut examined = Examined::default();
    let mut lines = Lines::default();
    let mut reads: Vec<Read<'_>> = Vec::new();
    for file in files {
        let read = read(*file, files, (&mut lines, reads.len()), &mut examined.gaps);
        reads.extend(read);
    }
    projects::join(&mut reads, &options.compose_files, &mut examined.gaps);
    join_pods(&mut reads, &mut examined.gaps);
    let suppressions: Vec<Suppressions> =
        reads.iter().map(|read| Suppressions::of(read.file.text, options.ignore_suppressions)).collect();
    let objects: Vec<(usize, Vec<Object<'_>>)> = reads
        .iter()
        .enumerate()
        .map(|(index, read)| (index, kubernetes::objects(&read.documents).0))
        .collect();
    let scene = cluster::Scene::of(objects.iter().flat_map(|(_, objects)| objects));
    let mut containers = 0;
    for (index, read) in reads.iter().enumerate() {
        let peers: Vec<Workload> = read.workloads.iter().map(|(workload, _)| workload.clone()).collect();
        let context = Context {
            path: Some(read.file.path),
            looked_at: read.file.path,
            host: options.host,
            peers: &peers,
            seccomp_profiles: options.seccomp_profiles.clone(),
            engine_sockets: &[],
        };
        for (workload, document) in &read.workloads {
            containers += workload.containers.len();
            if containers > CONTAINERS_MAX {
                let reason = format!("more than {CONTAINERS_MAX} containers");
                examined.gaps.push(Gap::at(GapKind::Limit, read.file.path, reason));
                return examined;
            }
            if options.pod_security.is_some() && workload.source != Source::Kubernetes {
                let reason =
                    format!("{}: the Pod Security Standards are about Kubernetes pods", workload.name);
                examined.gaps.push(Gap::at(GapKind::Unsupported, read.file.path, reason));
                continue;
            }
            let silenced = Silenced::of(workload);
            let judged = judge(workload, &context, options);
            for Judged { mut check, findings, hardenings } in judged {
                let of_check = home(&mut check.place, workload, &lines, &reads).unwrap_or(index);
                let is_asked = |finding: &Finding| !read.is_pipeline || is_said(finding);
                let findings = findings.into_iter().zip(hardenings);
                let findings: Vec<_> = findings.filter(|(finding, _)| is_asked(finding)).collect();
                let is_moot = check.outcome == Outcome::Fail && findings.is_empty() && read.is_pipeline;
                if !is_moot && (of_check == index || !read.is_told_alone) {
                    examined.checks.push(check);
                }
                for (mut finding, hardening) in findings {
                    let home = home(&mut finding.place, workload, &lines, &reads).unwrap_or(index);
                    let (Some(at), Some(suppressions)) = (reads.get(home), suppressions.get(home)) else {
                        continue;
                    };
                    if home != index && read.is_told_alone {
                        continue;
                    }
                    let root = at.root(*document);
                    let change = hardening.and_then(|(pointer, hardening)| {
                        fix::change(at.file.text, root, workload, &pointer, hardening, &finding)
                    });
                    examined.take(with_change(finding, change), suppressions, &silenced);
                }
            }
        }
        if options.pod_security.is_none() {
            let here = objects.get(index).map(|(_, objects)| objects.as_slice()).unwrap_or_default();
            for (finding, object) in cluster::findings(here, &scene, read.file.path, &options.selection) {
                let own = kubernetes::strings(&object.at, "annotations");
                let own = Silenced::by(own.iter().map(|(key, value)| (key.as_str(), value.as_str())));
                if let Some(suppressions) = suppressions.get(index) {
                    examined.take(finding, suppressions, &own);
                }
            }
        }
    }
    if scene.is_exhausted() {
        let reason = format!("selectors and labels: more than {SELECTIONS_MAX} pairs");
        examined.gaps.push(Gap::of_target(GapKind::Limit, reason));
    }
    examined.workloads =
        reads.into_iter().flat_map(|read| read.workloads).map(|(workload, _)| workload).collect();
    examined
}

impl Read<'_> {
    fn add(&mut self, workloads: Vec<Workload>) {
        self.workloads.extend(workloads.into_iter().map(|workload| (workload, None)));
    }

    /// The document of a workload; of a Compose file the one with services.
    fn root(&self, document: Option<usize>) -> Option<&Node> {
        let root = match document {
            Some(document) => self.documents.get(document),
            None => self.documents.iter().find(|node| compose::is_compose(node)),
        };
        root.map(Arc::as_ref)
    }
}

/// The file that a place in a Compose project is in; the place becomes one of that file.
fn home(place: &mut Place, workload: &Workload, lines: &Lines, reads: &[Read<'_>]) -> Option<usize> {
    let line = place.line.filter(|_| workload.source == Source::Compose)?;
    let (read, line) = lines.locate(line)?;
    place.path = Some(reads.get(read)?.file.path.to_owned());
    place.line = Some(line);
    Some(read)
}

/// Whether a finding is about something that was said, not about something that was not.
fn is_said(finding: &Finding) -> bool {
    finding.rule != "capabilities-not-dropped"
        && !matches!(&finding.evidence, Evidence::Misset(misset) if misset.seen == "not set")
}

fn judge(workload: &Workload, context: &Context<'_>, options: &Options) -> Vec<Judged> {
    match options.pod_security {
        None => checks(workload, context, &options.selection),
        Some((level, version)) => pss::checks(workload, level, version, context),
    }
}

fn with_change(mut finding: Finding, change: Option<Change>) -> Finding {
    if let Evidence::Misset(misset) = &mut finding.evidence {
        misset.change = change;
    }
    finding
}

impl Examined {
    fn take(&mut self, finding: Finding, suppressions: &Suppressions, silenced: &Silenced) {
        match suppressions.silences(&finding, silenced) {
            Some(words) => self.suppressed.push((finding, words)),
            None => self.found.push(finding),
        }
    }
}

fn gap(path: &str, (kind, reason): Refusal) -> Gap {
    let reason: String =
        reason.chars().take(REASON_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    Gap::at(kind, path, reason)
}

/// Reads one file; nothing for a drop-in that belongs to a file that is there.
fn read<'a>(
    file: File<'a>,
    files: &[File<'_>],
    (lines, index): (&mut Lines, usize),
    gaps: &mut Vec<Gap>,
) -> Option<Read<'a>> {
    let mut read = Read {
        file,
        documents: Vec::new(),
        workloads: Vec::new(),
        is_compose: false,
        is_pipeline: false,
        is_told_alone: false,
    };
    let mut refusals: Vec<Refusal> = Vec::new();
    match kind(file.path, file.text) {
        Some(Kind::Kubernetes | Kind::Compose) => {
            let (documents, refusal) = document::parse(file.text);
            refusals.extend(refusal);
            read.documents = documents;
            read.is_compose = read.documents.iter().any(|node| compose::is_compose(node));
            if read.is_compose {
                read.documents = document::parse_behind(lines.add(index, file.text), file.text).0;
            } else {
                of_objects(&mut read, &mut refusals);
            }
        }
        Some(Kind::Unit) if unit::is_drop_in(file.path) && has_owner(file.path, files) => return None,
        Some(Kind::Unit) => {
            let name = unit::owner(file.path);
            let kind = unit::kind_of(file.path).unwrap_or(unit::UnitKind::Container);
            let (workloads, problems) = unit::workloads(kind, name, file.text, &drop_ins(file.path, files));
            read.workloads = workloads.into_iter().map(|workload| (workload, None)).collect();
            refusals.extend(problems);
        }
        Some(Kind::Script) => read.add(command::script(file.text)),
        Some(Kind::Makefile) => read.add(command::script(&pipeline::recipes(file.text))),
        Some(Kind::Pipeline) => {
            let (documents, refusal) = document::parse(file.text);
            refusals.extend(refusal);
            read.is_pipeline = true;
            documents.iter().for_each(|root| read.add(pipeline::workloads(root, file.text)));
        }
        None => {
            refusals.push((GapKind::Unsupported, "neither a manifest nor a unit nor a script".to_owned()))
        }
    }
    gaps.extend(refusals.into_iter().map(|refusal| gap(file.path, refusal)));
    Some(read)
}

fn of_objects(read: &mut Read<'_>, refusals: &mut Vec<Refusal>) {
    let (objects, problems) = kubernetes::objects(&read.documents);
    refusals.extend(problems);
    let lacks = |object: &Object<'_>| Some((GapKind::Malformed, object.lacks_pod()?));
    refusals.extend(objects.iter().filter_map(lacks));
    let workload = |object: &Object<'_>| Some((object.workload()?, Some(object.document)));
    read.workloads.extend(objects.iter().filter_map(workload));
}

fn has_owner(path: &str, files: &[File<'_>]) -> bool {
    files.iter().any(|file| file.path != path && directory(path).strip_suffix(".d") == Some(file.path))
}

fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

fn drop_ins<'a>(path: &str, files: &[File<'a>]) -> BTreeMap<&'a str, &'a str> {
    let is_its = |file: &&File<'_>| {
        unit::is_drop_in(file.path) && directory(file.path).strip_suffix(".d") == Some(path)
    };
    files
        .iter()
        .filter(is_its)
        .map(|file| (file.path.rsplit('/').next().unwrap_or_default(), file.text))
        .collect()
}

/// Quadlet pods and their containers stand in different files.
fn join_pods(reads: &mut [Read<'_>], gaps: &mut Vec<Gap>) {
    let mut all: Vec<Workload> =
        reads.iter().flat_map(|read| read.workloads.iter().map(|(workload, _)| workload.clone())).collect();
    let alone = unit::join_pods(&mut all);
    let mut joined = all.into_iter();
    for read in reads {
        for (workload, _) in &mut read.workloads {
            if let Some(joined) = joined.next() {
                *workload = joined;
            }
        }
        let is_alone = |(workload, _): &(Workload, Option<usize>)| {
            workload.id.as_ref().is_some_and(|id| alone.contains(id))
        };
        if read.workloads.iter().any(is_alone) {
            let reason =
                "no container of this pod is among the files; what it mounts and publishes was not judged";
            gaps.push(Gap::at(GapKind::NoData, read.file.path, reason));
        }
        // What a pod shares was judged with its containers.
        for (workload, _) in &mut read.workloads {
            if workload.id.is_some() {
                workload.containers.clear();
            }
        }
    }
}
