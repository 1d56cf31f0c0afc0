//! Files of every kind that this crate knows → findings, and what mends them.
//!
//! Build files are judged one by one; files that deploy are judged together, since a NetworkPolicy of one may be for
//! the pods of another.

use std::collections::BTreeSet;

use seawall_finding::{Evidence, Finding, Findings, Fingerprint, Gap, GapKind};

use crate::dockerfile::Suppression;
use crate::manifest::{self, File};
use crate::suppress::Suppressions;
use crate::{dockerfile, fix, pipeline};

/// Rounds of changes to one build file: a change may make room for another.
const FIX_ROUNDS_MAX: usize = 8;

/// By what files are judged.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// For files that deploy; its selection and standard hold for build files too.
    pub manifest: manifest::Options,
    /// Registries that base images may come from; empty allows all.
    pub registries: Vec<String>,
    /// Labels that an image must have.
    pub labels: Vec<String>,
    /// Ids of rules that others ask about the same files, and that comments may name.
    pub other_rules: Vec<String>,
    /// Whether changes count as mechanical that a program may not survive: a read-only root, no capabilities, no root.
    pub harden: bool,
}

/// Rules whose change a program may not survive.
const MAY_BREAK: [&str; 4] =
    ["writable-root-filesystem", "capabilities-not-dropped", "user-left-to-image", "runs-as-root"];

impl Options {
    fn is_mechanical(&self, finding: &Finding) -> bool {
        self.harden || !MAY_BREAK.contains(&finding.rule.as_str())
    }
}

/// What files hold.
#[derive(Debug, Default)]
pub struct Linted {
    /// What is wrong and what could not be examined.
    pub findings: Findings,
    /// Findings that the files themselves ask to leave out.
    pub suppressed: u64,
    /// Files that were judged.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Whether a file is one that this crate knows, by its name and text.
pub fn is_known(path: &str, text: &str) -> bool {
    is_dockerfile(path, text) || manifest::kind(path, text).is_some()
}

/// Whether a file may be one that this crate knows, by its name alone; its text decides then.
pub fn is_candidate(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    is_dockerfile_name(name)
        || name == DOCKERIGNORE
        || pipeline::is_makefile(path)
        || matches!(
            extension,
            "yaml" | "yml" | "json" | "sh" | "bash" | "container" | "pod" | "kube" | "service" | "conf"
        )
}

const DOCKERIGNORE: &str = ".dockerignore";

fn is_dockerfile_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let of = |word: &str| {
        let (before, after) = (name.strip_suffix(word), name.strip_prefix(word));
        // `Dockerfile.dev`, `dev.Dockerfile`, `Dockerfile-dev`; `dockerfile-parse.py` is none.
        let is_part = |rest: &str| rest.starts_with(['-', '_']) && !rest.contains('.');
        before.is_some_and(|rest| rest.is_empty() || rest.ends_with(['.', '-', '_']))
            || after.is_some_and(|rest| rest.starts_with('.') || is_part(rest))
    };
    (of("dockerfile") || of("containerfile")) && !name.ends_with(DOCKERIGNORE)
}

/// By name; a file with another name is one when its first instruction is one that only build files begin with.
pub fn is_dockerfile(path: &str, text: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    if is_dockerfile_name(name) {
        return true;
    }
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let word = first.and_then(|line| line.split_whitespace().next()).unwrap_or_default();
    !is_candidate(path) && ["FROM", "ARG"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword))
}

/// The comments of a file that ask to leave findings out, for whoever has others than this crate's.
#[derive(Debug)]
pub struct Comments(Asking);

#[derive(Debug)]
enum Asking {
    Build(Vec<Suppression>),
    Deploy(Suppressions),
}

impl Comments {
    /// Those of a file.
    pub fn of(path: &str, bytes: &[u8]) -> Comments {
        let text = String::from_utf8_lossy(bytes);
        Comments(match is_dockerfile(path, &text) {
            true => Asking::Build(dockerfile::comments(bytes)),
            false => Asking::Deploy(Suppressions::of(&text, false)),
        })
    }

    /// Whether one asks to leave out what a rule finds at a line.
    pub fn silence(&self, rule: &str, line: u32) -> bool {
        match &self.0 {
            Asking::Build(comments) => comments.iter().any(|comment| comment.silences(rule, line)),
            Asking::Deploy(comments) => comments.near(rule, line).is_some(),
        }
    }
}

/// Judges files, all together: path and bytes of each. What is no file of a known kind is a gap.
pub fn examine(files: &[(String, Vec<u8>)], options: &Options) -> Linted {
    let mut linted = Linted::default();
    let mut manifests = Vec::new();
    for (path, bytes) in files {
        let name = path.rsplit('/').next().unwrap_or(path);
        if name == DOCKERIGNORE {
            continue;
        }
        linted.files += 1;
        linted.bytes += bytes.len() as u64;
        let text = std::str::from_utf8(bytes);
        if is_dockerfile(path, text.unwrap_or_default()) {
            // The standard says nothing of build files.
            if options.manifest.pod_security.is_none() {
                linted.build_file(path, bytes, files, options);
            }
            continue;
        }
        match text {
            Ok(text) => manifests.push(File { path, text }),
            Err(_) => linted.findings.gaps.push(Gap::at(GapKind::Malformed, path, "it is not UTF-8 text")),
        }
    }
    let mut examined = manifest::examine(&manifests, &options.manifest);
    for finding in examined.found.iter_mut().filter(|finding| !options.is_mechanical(finding)) {
        if let Evidence::Misset(misset) = &mut finding.evidence {
            misset.change = None;
        }
    }
    linted.findings.extend(Findings { found: examined.found, gaps: examined.gaps });
    linted.suppressed += examined.suppressed.len() as u64;
    linted
}

impl Linted {
    fn build_file(&mut self, path: &str, bytes: &[u8], files: &[(String, Vec<u8>)], options: &Options) {
        let ignored = dockerignore(path, files);
        let found =
            with_options(options, ignored.as_deref(), |options| dockerfile::lint(path, bytes, options));
        self.findings.extend(found.findings);
        let suppressed = found.suppressed.into_iter().map(|suppressed| suppressed.finding);
        match options.manifest.ignore_suppressions {
            true => self.findings.found.extend(suppressed),
            false => self.suppressed += suppressed.len() as u64,
        }
    }
}

/// The text of the `.dockerignore` that BuildKit would take: the file's own, else the directory's.
fn dockerignore(path: &str, files: &[(String, Vec<u8>)]) -> Option<String> {
    let directory = path.rsplit_once('/').map(|(directory, _)| format!("{directory}/")).unwrap_or_default();
    let names = [format!("{path}{DOCKERIGNORE}"), format!("{directory}{DOCKERIGNORE}")];
    let text = |name: &String| files.iter().find(|(path, _)| path == name).map(|(_, bytes)| bytes);
    names.iter().find_map(text).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

fn with_options<T>(
    options: &Options,
    dockerignore: Option<&str>,
    run: impl FnOnce(&dockerfile::Options<'_>) -> T,
) -> T {
    let selection = &options.manifest.selection;
    let mut enable: Vec<&str> = selection.also.iter().map(String::as_str).collect();
    if selection.all {
        enable.push("all");
    }
    run(&dockerfile::Options {
        enable: &enable,
        disable: &selection.skip.iter().map(String::as_str).collect::<Vec<&str>>(),
        dockerignore,
        registries: &options.registries.iter().map(String::as_str).collect::<Vec<&str>>(),
        labels: &options.labels.iter().map(String::as_str).collect::<Vec<&str>>(),
        other_rules: &options.other_rules.iter().map(String::as_str).collect::<Vec<&str>>(),
        end_of_life: None,
    })
}

/// A file after its mechanical changes.
#[derive(Debug)]
pub struct Fixed {
    /// The whole text.
    pub text: String,
    /// How many findings are gone.
    pub mended: usize,
    /// What is left.
    pub left: Vec<Finding>,
}

/// Makes every mechanical change of one file; nothing for a file that is not text of a known kind.
pub fn fix(path: &str, text: &str, dockerignore: Option<&str>, options: &Options) -> Option<Fixed> {
    if !is_dockerfile(path, text) {
        manifest::kind(path, text)?;
        let fixed =
            fix::fix(File { path, text }, &options.manifest, &|finding| options.is_mechanical(finding));
        let before = manifest::examine(&[File { path, text }], &options.manifest).found;
        let left = at_first(before, &fixed.after.found);
        return Some(Fixed { text: fixed.text, mended: fixed.applied.len(), left });
    }
    let lint = |text: &str| {
        let linted = |options: &dockerfile::Options<'_>| dockerfile::lint(path, text.as_bytes(), options);
        with_options(options, dockerignore, linted).findings.found
    };
    let before = lint(text);
    let (mut text, mut left) = (text.to_owned(), before.clone());
    for _ in 0..FIX_ROUNDS_MAX {
        let changed = dockerfile::apply(text.as_bytes(), &left);
        let Some(changed_text) = String::from_utf8(changed.text).ok().filter(|_| changed.made > 0) else {
            break;
        };
        text = changed_text;
        left = lint(&text);
    }
    let mended = before.len().saturating_sub(left.len());
    Some(Fixed { text, mended, left: at_first(before, &left) })
}

/// What is left, with the lines of the file that its reader has in front of him.
fn at_first(before: Vec<Finding>, left: &[Finding]) -> Vec<Finding> {
    let left: BTreeSet<Fingerprint> = left.iter().map(Finding::fingerprint).collect();
    before.into_iter().filter(|finding| left.contains(&finding.fingerprint())).collect()
}
