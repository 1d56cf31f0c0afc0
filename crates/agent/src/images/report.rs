//! Reports of `seawall scan` → what is known of images: their programs, by path, each with its package.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;
use std::{fmt, fs};

use seawall_event::{Container, ImageFile};
use seawall_finding::{Evidence, Gap, GapKind, Severity, Subject};
use seawall_inventory::{Digest, Distro, Image, Package, Program, Programs, Target, TargetKind};
use seawall_policy::Judged;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::digests::Answer;
use crate::limits::{PROGRAMS_MAX, REPORT_BYTES_MAX, REPORTS_MAX};
use crate::regular;

/// Digits by which engines and reports name an image.
const SHORT: usize = 12;

/// Why reports cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScansError {
    /// It cannot be read.
    #[error("cannot read the report {path}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is none.
    #[error("{path} is no JSON report of `seawall scan`")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// It is of something else, or was written by a version that told less.
    #[error(
        "the report {path} does not list the programs of an image: scan the image again, not a container of it"
    )]
    NoImage {
        /// Which.
        path: PathBuf,
    },
}

/// All that scans know of images.
#[derive(Debug, Default)]
pub struct Scans {
    by_id: HashMap<String, Arc<ImageFacts>>,
    programs: usize,
    gaps: Vec<Gap>,
}

/// What a scan found in the packages of an image, what was waived left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct PackageRisk {
    /// Packages with a vulnerability that is known to be exploited, or that are themselves an attack.
    pub exploited: usize,
    /// Packages whose worst vulnerability is critical.
    pub critical: usize,
    /// Packages whose worst vulnerability is high.
    pub high: usize,
}

/// One image.
#[derive(Debug)]
pub(super) struct ImageFacts {
    created: String,
    /// Whether a program that is not listed is not in it.
    pub(super) is_complete: bool,
    programs: HashMap<Box<str>, ProgramFacts>,
    risk: PackageRisk,
}

/// One program of an image.
#[derive(Debug)]
pub(super) struct ProgramFacts {
    pub(super) size_bytes: u64,
    pub(super) digest: Option<Digest>,
    file: Arc<ImageFile>,
    same: OnceLock<Arc<ImageFile>>,
    other: OnceLock<Arc<ImageFile>>,
}

impl ProgramFacts {
    /// What to tell of it when the executed file is the same, another, or nobody knows.
    pub(super) fn file(&self, matches: Option<bool>) -> Arc<ImageFile> {
        let told = |known: &OnceLock<Arc<ImageFile>>| {
            let made = || Arc::new(ImageFile { digest_matches: matches, ..ImageFile::clone(&self.file) });
            Arc::clone(known.get_or_init(made))
        };
        match matches {
            None => Arc::clone(&self.file),
            Some(true) => told(&self.same),
            Some(false) => told(&self.other),
        }
    }

    /// Whether the executed file is this one.
    pub(super) fn matches(&self, answer: &Answer) -> Option<bool> {
        match answer {
            Answer::Is(digest) => self.digest.as_ref().map(|own| own == digest),
            Answer::HasSize(size_bytes) if *size_bytes != self.size_bytes => Some(false),
            Answer::HasSize(_) | Answer::Unknown => None,
        }
    }
}

impl ImageFacts {
    /// The program at a path of the container.
    pub(super) fn program(&self, path: &str) -> Option<&ProgramFacts> {
        self.programs.get(path.strip_prefix('/')?)
    }
}

/// Of a report, what is asked for.
#[derive(Deserialize)]
struct Report {
    created: String,
    target: Target,
    image: Option<Image>,
    distro: Option<Distro>,
    packages: Vec<Package>,
    #[serde(default, deserialize_with = "some_programs")]
    programs: Option<Programs>,
    findings: Vec<Judged>,
}

/// What a scan found in a package.
#[derive(Debug, Clone)]
struct Worst {
    id: String,
    severity: Severity,
    is_exploited: bool,
}

impl Scans {
    /// The reports at these paths, a file or a directory with some (`*.json`).
    ///
    /// # Errors
    /// A file that is named cannot be used. One of a directory that cannot is a gap.
    pub fn read(paths: &[PathBuf]) -> Result<Scans, ScansError> {
        let mut scans = Scans::default();
        for path in paths {
            match path.is_dir() {
                true => scans.add_directory(path),
                false => scans.add_file(path)?,
            }
        }
        Ok(scans)
    }

    /// The same, where a file that cannot be used is a gap: somebody may be writing it.
    pub(super) fn read_again(paths: &[PathBuf]) -> Scans {
        let mut scans = Scans::default();
        for path in paths {
            match path.is_dir() {
                true => scans.add_directory(path),
                false => scans.try_file(path),
            }
        }
        scans
    }

    /// What was found in the packages of a container's image; none where no report is of it.
    pub fn packages_of(&self, container: &Container) -> Option<PackageRisk> {
        self.of(container).map(|facts| facts.risk)
    }

    /// What could not be used.
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// How many images are known.
    pub fn len(&self) -> usize {
        let mut known: Vec<*const ImageFacts> = self.by_id.values().map(Arc::as_ptr).collect();
        known.sort_unstable();
        known.dedup();
        known.len()
    }

    /// Whether no image is known.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The facts of a container's image. Only ids count: a name may mean another image by now.
    pub(super) fn of(&self, container: &Container) -> Option<Arc<ImageFacts>> {
        let image = container.image.as_ref()?;
        let by = |text: Option<&str>| {
            let digits = text?.rsplit_once(':').map_or(text?, |(_, digits)| digits);
            self.by_id.get(digits.get(..SHORT)?).cloned()
        };
        let as_asked = image.name.as_deref().filter(|name| name.starts_with("sha256:"));
        by(image.id.as_deref()).or_else(|| by(image.digest.as_deref())).or_else(|| by(as_asked))
    }

    fn add_directory(&mut self, directory: &Path) {
        let reports = reports_of(directory);
        if reports.len() > REPORTS_MAX {
            let (more, directory) = (reports.len() - REPORTS_MAX, directory.display());
            let reason =
                format!("{directory}: the last {more} of its reports were not read; {REPORTS_MAX} are");
            self.gaps.push(Gap::of_target(GapKind::Limit, reason));
        }
        for path in reports.iter().take(REPORTS_MAX) {
            self.try_file(path);
        }
    }

    fn try_file(&mut self, path: &Path) {
        if let Err(error) = self.add_file(path) {
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            self.gaps.push(Gap::of_target(GapKind::Unreadable, format!("{error}{cause}")));
        }
    }

    fn add_file(&mut self, path: &Path) -> Result<(), ScansError> {
        let read = || {
            let mut text = String::new();
            regular::open(path)?.take(REPORT_BYTES_MAX + 1).read_to_string(&mut text)?;
            if text.len() as u64 > REPORT_BYTES_MAX {
                return Err(std::io::Error::new(
                    std::io::ErrorKind::FileTooLarge,
                    "it has more than 128 MiB",
                ));
            }
            Ok(text)
        };
        let text = read().map_err(|source| ScansError::Read { path: path.to_owned(), source })?;
        let report: Report = serde_json::from_str(&text)
            .map_err(|source| ScansError::Malformed { path: path.to_owned(), source })?;
        let Report { target, image, .. } = &report;
        let ids: Vec<String> = match (target.kind, image, &report.programs) {
            (TargetKind::Image, Some(image), Some(_)) => {
                [&image.config_digest, &image.digest, &image.index_digest]
                    .into_iter()
                    .flatten()
                    .map(|digest| digest.short().to_owned())
                    .collect()
            }
            (_, _, _) => return Err(ScansError::NoImage { path: path.to_owned() }),
        };
        if self.programs >= PROGRAMS_MAX {
            let reason =
                format!("{}: the other reports list {PROGRAMS_MAX} programs already", path.display());
            self.gaps.push(Gap::of_target(GapKind::Limit, reason));
            return Ok(());
        }
        let facts = Arc::new(facts(report));
        self.programs += facts.programs.len();
        for id in ids {
            // Of two scans of one image the later knows more.
            let is_newer = |known: &Arc<ImageFacts>| known.created < facts.created;
            if self.by_id.get(&id).is_none_or(is_newer) {
                self.by_id.insert(id, Arc::clone(&facts));
            }
        }
        Ok(())
    }
}

/// Programs, of which one report may list no more than all together: what is beyond is not even held while it is read.
fn some_programs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Programs>, D::Error> {
    #[derive(Deserialize)]
    struct Bounded {
        is_complete: bool,
        #[serde(deserialize_with = "some_files")]
        files: Vec<Program>,
    }
    let read = Option::<Bounded>::deserialize(deserializer)?;
    Ok(read.map(|Bounded { is_complete, files }| Programs { is_complete, files }))
}

fn some_files<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Program>, D::Error> {
    struct Files;
    impl<'de> Visitor<'de> for Files {
        type Value = Vec<Program>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {PROGRAMS_MAX} programs")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<Program>, A::Error> {
            let mut files = Vec::new();
            while let Some(file) = items.next_element()? {
                if files.len() >= PROGRAMS_MAX {
                    return Err(A::Error::invalid_length(files.len() + 1, &self));
                }
                files.push(file);
            }
            Ok(files)
        }
    }
    deserializer.deserialize_seq(Files)
}

/// The facts of a report that lists programs.
fn facts(report: Report) -> ImageFacts {
    let Report { created, distro, packages, programs, findings, .. } = report;
    let worst = worst(&findings);
    let mut risk = PackageRisk::default();
    for found in worst.values() {
        risk.exploited += usize::from(found.is_exploited);
        risk.critical += usize::from(found.severity == Severity::Critical);
        risk.high += usize::from(found.severity == Severity::High);
    }
    // What a program declares of itself: a Go or Rust program, a jar, a program in `/usr/local`.
    let mut declared: HashMap<&str, Vec<String>> = HashMap::new();
    for package in &packages {
        for path in package.places.iter().filter_map(|place| place.path.as_deref()) {
            declared.entry(path).or_default().push(package.purl(distro.as_ref()).to_string());
        }
    }
    let programs = programs.unwrap_or_default();
    let is_complete = programs.is_complete;
    let files = programs.files.into_iter().map(|program| {
        let owner = program.package.as_ref().map(ToString::to_string);
        let own = declared.get(program.path.as_str()).map(Vec::as_slice).unwrap_or_default();
        let found = owner.iter().chain(own).filter_map(|purl| Some((purl, worst.get(purl)?)));
        let found = found.max_by_key(|(_, found)| (found.is_exploited, found.severity));
        let package = owner.as_ref().or(found.map(|(purl, _)| purl)).or(own.first()).cloned();
        let found = found.map(|(_, found)| found);
        let file = ImageFile {
            is_known: Some(true),
            digest: program.digest.as_ref().map(ToString::to_string),
            package,
            vulnerability: found.map(|found| found.id.clone()),
            severity: found.map(|found| found.severity.to_string()),
            is_exploited: found.and_then(|found| found.is_exploited.then_some(true)),
            ..ImageFile::default()
        };
        let facts = ProgramFacts {
            size_bytes: program.size_bytes,
            digest: program.digest,
            file: Arc::new(file),
            same: OnceLock::new(),
            other: OnceLock::new(),
        };
        (program.path.into_boxed_str(), facts)
    });
    let programs = files.collect();
    ImageFacts { created, is_complete, programs, risk }
}

/// The worst of each package, by its URL. What was waived does not count.
fn worst(findings: &[Judged]) -> HashMap<String, Worst> {
    let mut worst: HashMap<String, Worst> = HashMap::new();
    for judged in findings.iter().filter(|judged| judged.waived.is_none()) {
        let Subject::Package { purl, .. } = &judged.finding.subject else { continue };
        let (id, is_exploited) = match &judged.finding.evidence {
            Evidence::Vulnerable(vulnerable) => (&vulnerable.id, vulnerable.known_exploited.is_some()),
            Evidence::Malicious(malicious) => (&malicious.id, true),
            Evidence::Leaked(_)
            | Evidence::Misset(_)
            | Evidence::Outdated(_)
            | Evidence::Happened(_)
            | Evidence::Untrusted(_) => continue,
        };
        let severity = judged.finding.severity;
        let found = Worst { id: id.clone(), severity, is_exploited };
        let known = worst.entry(purl.to_string()).or_insert_with(|| found.clone());
        let is_exploited = known.is_exploited || is_exploited;
        if found.severity > known.severity {
            *known = found;
        }
        known.is_exploited = is_exploited;
    }
    worst
}

fn reports_of(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    paths.sort();
    paths
}

/// The reports as they are now, to see a change.
pub(super) fn look(paths: &[PathBuf]) -> Vec<(PathBuf, Option<(SystemTime, u64)>)> {
    let about = |path: PathBuf| {
        let about = fs::metadata(&path).ok().and_then(|about| Some((about.modified().ok()?, about.len())));
        (path, about)
    };
    let files = |path: &PathBuf| if path.is_dir() { reports_of(path) } else { vec![path.clone()] };
    paths.iter().flat_map(files).map(about).collect()
}
