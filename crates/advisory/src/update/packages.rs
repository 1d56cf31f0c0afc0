//! Advisories of a site that can reach only its package mirror: rpm repositories publish `updateinfo`; of apt
//! suites the changelogs of the published source packages say which version fixes which CVE.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use super::fetch::{Address, Fetch, FetchError, Response};
use super::mirror::plain;
use super::read::Reading;
use super::sources::{Reach, Unit};
use super::{
    Change, Outcome, PartReport, UpdateError, UpdateOptions, chain, download, last, lock, reach, reasons,
};
use crate::Order;
use crate::database::{FetchedFile, Manifest, SourceInfo, hex, install};
use crate::feed::{self, Standing, debian_release, ubuntu_release};
use crate::limits::{APT_INDEX_BYTES_MAX, DEBIAN_PART_BYTES_MAX};

/// Where packages come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageMirror {
    /// An rpm repository: the address above `repodata`.
    Rpm {
        /// `https://mirror.local/almalinux/9/BaseOS/x86_64/os`.
        base: String,
        /// The space where `updateinfo` does not name it.
        space: Option<String>,
    },
    /// A suite of an apt repository.
    Apt(AptSuite),
}

/// A suite of an apt repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AptSuite {
    /// The address above `dists`: `https://mirror.local/debian-security`.
    pub base: String,
    /// `bookworm-security`.
    pub suite: String,
    /// `main`.
    pub component: String,
    /// The release whose packages it has: `debian:12`.
    pub space: String,
    /// Source packages to ask for; empty asks for every one of the suite, which is a download of some hundred MB.
    pub only: BTreeSet<String>,
}

/// Why a text does not name a suite.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an apt suite; write it as in sources.list: `http://deb.debian.org/debian-security bookworm-security main`"
)]
pub struct AptSuiteError(String);

/// Reads a line of sources.list without its options: `[deb] ADDRESS SUITE COMPONENT`.
impl FromStr for AptSuite {
    type Err = AptSuiteError;

    fn from_str(text: &str) -> Result<AptSuite, AptSuiteError> {
        let line = text.trim();
        let line = line.strip_prefix("deb-src ").or_else(|| line.strip_prefix("deb ")).unwrap_or(line);
        let words: Vec<&str> = line.split_whitespace().collect();
        let error = || AptSuiteError(text.chars().take(200).collect());
        let ([base, suite, component], true) = (words.as_slice(), line.contains("://")) else {
            return Err(error());
        };
        let codename = suite.split('-').next().unwrap_or(suite);
        Ok(AptSuite {
            base: (*base).to_owned(),
            suite: (*suite).to_owned(),
            component: (*component).to_owned(),
            space: ubuntu_release::space(codename).unwrap_or_else(|| debian_release::space(suite)),
            only: BTreeSet::new(),
        })
    }
}

/// Brings the database up to date from package mirrors alone. What other sources brought stays.
///
/// # Errors
/// Nothing could be had at all, or the database cannot be written.
pub fn update_from_packages(
    directory: &Path,
    options: &UpdateOptions,
    mirrors: &[PackageMirror],
    fetch: &dyn Fetch,
    watch: &mut dyn FnMut(&PartReport),
) -> Result<super::Updated, UpdateError> {
    let _lock = lock(directory)?;
    let last = last(directory);
    let (mut shards, mut fetched) = match &last {
        Some(last) => (last.shards.clone(), last.fetched.clone()),
        None => (Vec::new(), Vec::new()),
    };
    let mut parts = Vec::new();
    for mirror in mirrors {
        let (report, change) = match mirror {
            PackageMirror::Rpm { base, space } => rpm(directory, options, base, space.as_deref(), fetch)?,
            PackageMirror::Apt(suite) => apt(directory, options, suite, fetch)?,
        };
        if let Some((new_shards, file)) = change {
            shards.retain(|shard| shard.source.via != file.name);
            shards.extend(new_shards);
            fetched.retain(|known| known.name != file.name);
            fetched.push(file);
        }
        watch(&report);
        parts.push(report);
    }
    if last.is_none() && shards.is_empty() {
        return Err(UpdateError::NothingFetched { reasons: reasons(&parts) });
    }
    let manifest = Manifest::new(shards, fetched, Some(options.now.clone()));
    install(directory, &manifest, None)?;
    Ok(super::Updated { manifest, parts })
}

fn failed(name: &str, reason: String) -> (PartReport, Option<Change>) {
    let outcome = Outcome::Failed { reason };
    (PartReport { name: name.to_owned(), outcome, gaps: Vec::new(), gaps_total: 0 }, None)
}

fn rpm(
    directory: &Path,
    options: &UpdateOptions,
    base: &str,
    space: Option<&str>,
    fetch: &dyn Fetch,
) -> Result<(PartReport, Option<Change>), UpdateError> {
    let name = format!("updateinfo/{base}");
    let Some(feed) = feed::feed("updateinfo") else {
        return Ok(failed(&name, "this version does not read updateinfo".to_owned()));
    };
    let unit = Unit {
        name: name.clone(),
        url: base.to_owned(),
        reach: Reach::Repository,
        space: space.map(str::to_owned),
    };
    let unit = match reach::resolved(&unit, fetch) {
        Ok(unit) => unit,
        Err(error) => return Ok(failed(&name, chain(&error))),
    };
    let file = match download::download(directory, &unit, None, fetch) {
        Ok(download::Downloaded::File(file)) => file,
        Ok(download::Downloaded::Unchanged | download::Downloaded::Absent) => {
            return Ok(failed(&name, format!("{} does not exist", unit.url)));
        }
        Err(error) => return Ok(failed(&name, chain(&error))),
    };
    let about = SourceInfo {
        title: format!("Package repository {base}"),
        url: Some(unit.url.clone()),
        via: name.clone(),
        ..SourceInfo::named("updateinfo")
    };
    let mut reading = match Reading::of(feed, &file.path, space, &about, &options.now) {
        Ok(reading) => reading,
        Err(error) => return Ok(failed(&name, chain(&error))),
    };
    reading.close(&about, Some(&options.now));
    download::forget(directory, &unit);
    finish(directory, options, &name, reading, Some(hex(&file.sha256)))
}

fn apt(
    directory: &Path,
    options: &UpdateOptions,
    suite: &AptSuite,
    fetch: &dyn Fetch,
) -> Result<(PartReport, Option<Change>), UpdateError> {
    let name = format!("apt/{}/{}/{}", suite.base, suite.suite, suite.component);
    let Some(feed) = feed::feed("apt-changelog") else {
        return Ok(failed(&name, "this version does not read changelogs".to_owned()));
    };
    let sources = match index(suite, fetch) {
        Ok(sources) => sources,
        Err(error) => return Ok(failed(&name, chain(&error))),
    };
    let about = SourceInfo {
        title: format!("Changelogs of {} {}", suite.base, suite.suite),
        standing: Standing::Hint,
        url: Some(suite.base.clone()),
        via: name.clone(),
        ..SourceInfo::named("apt-changelog")
    };
    let mut reading = Reading::empty();
    let is_wanted = |source: &String| suite.only.is_empty() || suite.only.contains(source);
    for (source, (_, path)) in sources.iter().filter(|(source, _)| is_wanted(source)) {
        let url = format!("{}/{path}", suite.base.trim_end_matches('/'));
        let bytes = match bytes(&url, DEBIAN_PART_BYTES_MAX, fetch) {
            Ok(bytes) => bytes,
            Err(error) => {
                reading.gap(seawall_finding::Gap::of_target(
                    seawall_finding::GapKind::Unreadable,
                    format!("{source}: {}", chain(&error)),
                ));
                continue;
            }
        };
        let read = feed.import_bytes(path, &bytes, Some(&suite.space), &mut |item| {
            // An index may name another source's archive; only the package's own changelog counts.
            let is_own = match &item {
                feed::Item::Record(record) => record.affected.iter().all(|affected| affected.name == *source),
                feed::Item::Enrichment(_) | feed::Item::Support(_) | feed::Item::Gap(_) => true,
            };
            if is_own {
                reading.take(feed, item, &about, &options.now);
            }
        });
        if let Err(error) = read {
            return Ok(failed(&name, chain(&error)));
        }
    }
    reading.close(&about, Some(&options.now));
    finish(directory, options, &name, reading, None)
}

fn finish(
    directory: &Path,
    options: &UpdateOptions,
    name: &str,
    reading: Reading,
    sha256: Option<String>,
) -> Result<(PartReport, Option<Change>), UpdateError> {
    let (gaps, gaps_total, records) = (reading.gaps, reading.gaps_total, reading.records);
    if records == 0 {
        let (mut report, change) = failed(name, "it holds no record that can be read".to_owned());
        (report.gaps, report.gaps_total) = (gaps, gaps_total);
        return Ok((report, change));
    }
    let fetched = FetchedFile {
        name: name.to_owned(),
        sha256,
        fetched_at: options.now.clone(),
        gaps: gaps_total,
        ..FetchedFile::default()
    };
    let shards = reading.builder.write_shards(directory)?;
    let report =
        PartReport { name: name.to_owned(), outcome: Outcome::Replaced { records }, gaps, gaps_total };
    Ok((report, Some((shards, fetched))))
}

/// The newest version of each source of a suite, and the path of the archive that has its changelog.
fn index(suite: &AptSuite, fetch: &dyn Fetch) -> Result<BTreeMap<String, (String, String)>, FetchError> {
    let base = format!(
        "{}/dists/{}/{}/source/Sources",
        suite.base.trim_end_matches('/'),
        suite.suite,
        suite.component
    );
    let mut outcome = Err(FetchError::Pointer(base.clone()));
    for suffix in [".xz", ".gz", ""] {
        outcome = bytes(&format!("{base}{suffix}"), APT_INDEX_BYTES_MAX, fetch);
        if outcome.is_ok() {
            break;
        }
    }
    let packed = outcome?;
    let text = feed::unpacked("Sources", &packed).ok_or(FetchError::Pointer(base))?;
    let mut newest: BTreeMap<String, (String, String)> = BTreeMap::new();
    for stanza in text.split("\n\n") {
        let Some((name, version, path)) = changelog_archive(stanza) else { continue };
        let is_newer = newest
            .get(&name)
            .is_none_or(|(known, _)| Order::Deb.compare(known, &version) == Some(std::cmp::Ordering::Less));
        if is_newer {
            newest.insert(name, (version, path));
        }
    }
    Ok(newest)
}

/// Name, version and the path of the archive with `debian/changelog` of a stanza of `Sources`.
fn changelog_archive(stanza: &str) -> Option<(String, String, String)> {
    let field = |name: &str| {
        stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    let (package, version, directory) = (field("Package")?, field("Version")?, field("Directory")?);
    let files =
        stanza.lines().filter(|line| line.starts_with(' ')).filter_map(|line| line.split(' ').next_back());
    let is_archive = |file: &&str| !file.contains('/') && file.contains(".tar.") && !file.contains(".orig");
    let mut archives: Vec<&str> = files.filter(is_archive).filter(|file| !file.ends_with(".asc")).collect();
    // `x_1-1.debian.tar.xz` of most packages, `x_1.tar.xz` of native ones.
    archives.sort_by_key(|file| !file.contains(".debian.tar."));
    let is_plain = directory.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    let path = format!("{directory}/{}", archives.first()?);
    is_plain.then(|| (package.to_owned(), version.to_owned(), path))
}

fn bytes(url: &str, bytes_max: u64, fetch: &dyn Fetch) -> Result<Vec<u8>, FetchError> {
    let body = match fetch.fetch(&plain(Address::Published(url)))? {
        Response::Body(body) => body,
        Response::Absent | Response::NotModified => return Err(FetchError::Absent(url.to_owned())),
    };
    let mut bytes = Vec::new();
    let read = body.reader.take(bytes_max + 1).read_to_end(&mut bytes);
    if read.is_err() || bytes.len() as u64 > bytes_max {
        return Err(FetchError::Broken(url.to_owned()));
    }
    Ok(bytes)
}
