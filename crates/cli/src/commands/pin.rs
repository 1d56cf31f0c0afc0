//! `seawall pin`: build files → their base images verified by the policy and pinned to digests, as a diff or in place.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, stdout};

use anyhow::{Result, bail};
use seawall_finding::{Finding, Findings, Gap, GapKind, Severity};
use seawall_inventory::ImageName;
use seawall_lint::dockerfile::{BaseImage, bases};
use seawall_lint::files::is_dockerfile;
use seawall_scan::Assessed;
use seawall_trust::image::Pinned;
use seawall_trust::requirement::Requirements;
use similar::TextDiff;

use super::judge::{Examined, Judge};
use super::lint::{Files, change, one_line};
use super::{sign, verify};
use crate::args::trust::{Pin, RegistryArgs};
use crate::exit::Exit;
use crate::{Session, output};

pub(crate) fn run(args: &Pin, session: &Session<'_>) -> Result<Exit> {
    let mut judge = Judge::new(&args.judging)?;
    if args.judging.fail_on.is_none() {
        judge.policy.fail_on = Some(Severity::Unknown);
    }
    let requirements = verify::trust_sections(&args.judging.policy)?;
    if requirements.0.is_empty() {
        session.terminal.note("note: no --policy with a section `trust`: images are pinned, not verified");
    }
    let files = Files::read(&args.path)?;
    let mut bases = Bases::new(requirements, &args.registry, session);
    let (mut text, mut left, mut gaps) = (String::new(), Vec::new(), files.gaps.clone());
    let (mut count, mut is_all_changed) = (0, true);
    for (path, bytes) in &files.files {
        let Ok(before) = std::str::from_utf8(bytes) else { continue };
        if !is_dockerfile(path, before) {
            continue;
        }
        count += 1;
        let looked = bases.look(path, bytes);
        left.extend(looked.findings.found);
        gaps.extend(looked.findings.gaps);
        gaps.extend(looked.unpinnable);
        let after = pinned(before, &looked.changes);
        if after == before {
            continue;
        }
        let name = one_line(path);
        let diff = TextDiff::from_lines(before, &after);
        let _ = write!(text, "{}", diff.unified_diff().header(&format!("a/{name}"), &format!("b/{name}")));
        if args.apply {
            match change(files.origins.get(path), bytes, &after) {
                Ok(()) => {
                    session.terminal.note(format_args!("changed {path}: {} pinned", looked.changes.len()))
                }
                Err(error) => {
                    session.terminal.error(&error.context(format!("cannot change {path}")));
                    is_all_changed = false;
                }
            }
        }
    }
    if count == 0 {
        bail!("there is no build file among what was named");
    }
    for finding in &left {
        let line = finding.place.line.map(|line| format!(":{line}")).unwrap_or_default();
        let path = finding.place.path.as_deref().unwrap_or_default();
        let told = format!("# not trusted: {path}{line}: {} [{}]", finding.summary, finding.rule);
        let _ = writeln!(text, "{}", one_line(&told));
    }
    for gap in &gaps {
        let _ = writeln!(text, "{}", one_line(&format!("# not pinned: {}", gap.as_named())));
    }
    match stdout().is_terminal() {
        true => session.terminal.text(&text)?,
        false => output::write(None, text.as_bytes(), session.terminal)?,
    }
    if !is_all_changed {
        return Ok(Exit::BadInput);
    }
    let findings = Findings { found: left, gaps };
    let report = judge.report(Assessed { findings, ..Assessed::default() }, session)?;
    Ok(judge.exit(&report, Examined::Nothing))
}

/// The text with a digest behind each name; from the end, so that places stay what they are.
fn pinned(text: &str, changes: &[(usize, String)]) -> String {
    let mut text = text.to_owned();
    for (at, digest) in changes.iter().rev() {
        text.insert_str(*at, digest);
    }
    text
}

/// What build files are based on, each image asked for once.
pub(super) struct Bases<'a> {
    requirements: Requirements,
    registry: &'a RegistryArgs,
    session: &'a Session<'a>,
    known: BTreeMap<String, Answer>,
}

/// What an image is and lacks, or why that is not known.
type Answer = Result<(Pinned, Vec<Finding>), String>;

/// What was seen of one build file.
#[derive(Default)]
struct Looked {
    /// What is wrong with its base images, and which could not be asked for.
    findings: Findings,
    /// Which names were asked for and judged, and cannot be pinned mechanically.
    unpinnable: Vec<Gap>,
    /// Where a digest is to be inserted, and which.
    changes: Vec<(usize, String)>,
}

impl<'a> Bases<'a> {
    pub(super) fn new(
        requirements: Requirements,
        registry: &'a RegistryArgs,
        session: &'a Session<'a>,
    ) -> Bases<'a> {
        Bases { requirements, registry, session, known: BTreeMap::new() }
    }

    /// Looks at the base images of a build file.
    fn look(&mut self, path: &str, bytes: &[u8]) -> Looked {
        let mut looked = Looked::default();
        let gap = |line: Option<u32>, reason: String| {
            let mut gap = Gap::at(GapKind::Unreadable, path, reason);
            gap.place.line = line;
            gap
        };
        let found = match bases(path, bytes) {
            Ok(found) => found,
            Err(reason) => {
                looked.findings.gaps.push(gap(None, reason));
                return looked;
            }
        };
        for base in found {
            match self.answer(&base) {
                Ok((pinned, findings)) => {
                    let here = |mut finding: Finding| {
                        finding.place.path = Some(path.to_owned());
                        finding.place.line = Some(base.line);
                        finding
                    };
                    if findings.is_empty() && !base.written.contains('@') {
                        match insertion(&base) {
                            Ok(at) => looked.changes.push((at, format!("@{}", pinned.digest))),
                            Err(reason) => looked.unpinnable.push(gap(Some(base.line), reason)),
                        }
                    }
                    looked.findings.found.extend(findings.into_iter().map(here));
                }
                Err(reason) => looked.findings.gaps.push(gap(Some(base.line), reason)),
            }
        }
        looked
    }

    /// The same for whoever changes nothing.
    pub(super) fn look_only(&mut self, path: &str, bytes: &[u8]) -> Findings {
        // A name that cannot be pinned mechanically was verified all the same.
        self.look(path, bytes).findings
    }

    fn answer(&mut self, base: &BaseImage) -> Answer {
        let Some(name) = &base.image else {
            return Err(format!("`{}` has a variable whose value is not known", base.written));
        };
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let answer = self.ask(name).map_err(|error| format!("{error:#}"));
        self.known.insert(name.clone(), answer.clone());
        answer
    }

    fn ask(&self, name: &str) -> Result<(Pinned, Vec<Finding>)> {
        let home = sign::home(name, self.registry, self.session)?;
        if self.requirements.0.is_empty() {
            return Ok((seawall_trust::image::pin(&home)?, Vec::new()));
        }
        let (pinned, findings) = verify::judged(&self.requirements, name, &home, self.session)?;
        Ok((pinned, findings.found))
    }
}

/// Where the digest goes: behind the name. A name with a variable is another one for who sets that, and a digest would
/// silently win over it.
fn insertion(base: &BaseImage) -> Result<usize, String> {
    let is_plain = base.image.as_deref() == Some(&base.written) && base.written.parse::<ImageName>().is_ok();
    match is_plain {
        true => Ok(base.range.end),
        false => Err(format!("`{}` has variables or quotes; pin what its ARG sets", base.written)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_inserted_from_the_end() {
        let changes = [(6, "@one".to_owned()), (13, "@two".to_owned())];
        assert_eq!(pinned("FROM a\nFROM b\n", &changes), "FROM a@one\nFROM b@two\n");
    }
}
