//! Comments that ask to leave a finding out: ours, and those that files have for other tools.
//!
//! | comment | covers |
//! |---|---|
//! | `# seawall:ignore=ID,… reason` | the instruction that it stands above or within |
//! | `# seawall:ignore-file=ID,… reason` | the file |
//! | `# hadolint ignore=DL3008` | the instruction |
//! | `# hadolint global ignore=DL3008` | the file |
//! | `# tally ignore=…`, `# tally global ignore=…` | the same |
//! | `# trivy:ignore:DS-0002` | the instruction |
//! | `# checkov:skip=CKV_DOCKER_3:reason` | the file |
//! | `# check=skip=JSONArgsRecommended` (BuildKit's directive) | the file |

use seawall_finding::Finding;

use super::check::{Check, Hit, means};
use super::limits::SUPPRESSIONS_MAX;
use super::model::File;
use super::source::Span;

/// A finding that a comment asks to leave out.
#[derive(Debug, Clone, PartialEq)]
pub struct Suppressed {
    /// The finding.
    pub finding: Finding,
    /// The comment, without its `#`.
    pub by: String,
    /// Why, where the comment says.
    pub reason: Option<String>,
}

/// One such comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Suppression {
    pub(crate) ids: Vec<String>,
    pub(crate) reason: Option<String>,
    pub(crate) span: Span,
    /// The lines that it covers; none is the file.
    lines: Option<(u32, u32)>,
    text: String,
    /// Whether it is written for Seawall, and so must give a reason.
    pub(crate) is_ours: bool,
}

impl Suppression {
    pub(crate) fn covers(&self, check: &Check, hit: &Hit, line: u32) -> bool {
        self.speaks_of(line)
            && self.ids.iter().any(|id| {
                id == "all"
                    || check.rule.id.eq_ignore_ascii_case(id)
                    || match hit.alias {
                        Some(alias) => means(alias, id),
                        None => check.is_called(id),
                    }
            })
    }

    /// Whether it leaves out what the rule of somebody else finds at this line.
    pub(crate) fn silences(&self, rule: &str, line: u32) -> bool {
        self.speaks_of(line) && self.ids.iter().any(|id| id == "all" || id == rule)
    }

    fn speaks_of(&self, line: u32) -> bool {
        self.lines.is_none_or(|(first, last)| (first..=last).contains(&line))
    }

    pub(crate) fn suppressed(&self, finding: Finding) -> Suppressed {
        Suppressed { finding, by: self.text.clone(), reason: self.reason.clone() }
    }
}

/// The comments of a file that leave findings out; at most [`SUPPRESSIONS_MAX`].
pub(crate) fn read(file: &File<'_>) -> Vec<Suppression> {
    let mut found = Vec::new();
    for comment in &file.parsed.comments {
        let text = file.source.slice(comment.span).trim_start_matches('#').trim();
        let Some(asked) = asked(text) else { continue };
        if found.len() == SUPPRESSIONS_MAX {
            break;
        }
        let lines = match asked.is_file_wide {
            true => None,
            false => Some(lines_below(file, comment.span)),
        };
        found.push(Suppression {
            ids: asked.ids,
            reason: asked.reason,
            span: comment.span,
            lines,
            text: text.chars().take(200).collect(),
            is_ours: asked.is_ours,
        });
    }
    found
}

struct Asked {
    ids: Vec<String>,
    reason: Option<String>,
    is_file_wide: bool,
    is_ours: bool,
}

/// The lines of the instruction that a comment stands within, or else of the next one.
fn lines_below(file: &File<'_>, comment: Span) -> (u32, u32) {
    let instruction =
        file.parsed.instructions.iter().find(|instruction| instruction.span.end >= comment.start);
    let Some(instruction) = instruction else { return (0, 0) };
    let first = file.source.line_of(instruction.span.start);
    (first, file.source.line_of(instruction.span.end.saturating_sub(1).max(instruction.span.start)))
}

fn asked(text: &str) -> Option<Asked> {
    let list =
        |ids: &str| ids.split(',').map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect();
    let reason_of = |text: &str| {
        let text = text.trim().trim_start_matches([';', '#', ':', '-']).trim();
        let text = text.strip_prefix("reason=").unwrap_or(text);
        (!text.is_empty()).then(|| text.to_owned())
    };
    let ours = |rest: &str, is_file_wide| {
        let (ids, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        Some(Asked { ids: list(ids), reason: reason_of(reason), is_file_wide, is_ours: true })
    };
    if let Some(rest) = text.strip_prefix("seawall:ignore=") {
        return ours(rest, false);
    }
    if let Some(rest) = text.strip_prefix("seawall:ignore-file=") {
        return ours(rest, true);
    }
    if let Some(rest) = text.strip_prefix("checkov:skip=") {
        let (ids, reason) = rest.split_once(':').unwrap_or((rest, ""));
        return Some(Asked { ids: list(ids), reason: reason_of(reason), is_file_wide: true, is_ours: false });
    }
    if let Some(rest) = text.strip_prefix("trivy:ignore:") {
        let (ids, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        return Some(Asked {
            ids: list(ids),
            reason: reason_of(reason),
            is_file_wide: false,
            is_ours: false,
        });
    }
    if let Some(rest) = text.strip_prefix("check=").or_else(|| text.strip_prefix("check =")) {
        let skips = rest.trim().split(';').find_map(|part| part.trim().strip_prefix("skip="))?;
        return Some(Asked { ids: list(skips), reason: None, is_file_wide: true, is_ours: false });
    }
    let rest = text.strip_prefix("hadolint").or_else(|| text.strip_prefix("tally"))?.trim_start();
    let (rest, is_file_wide) = match rest.strip_prefix("global") {
        Some(rest) => (rest.trim_start(), true),
        None => (rest, false),
    };
    let rest = rest.strip_prefix("ignore")?.trim_start().strip_prefix('=')?;
    let (ids, reason) = rest.split_once(['#', ';']).unwrap_or((rest, ""));
    let ids: Vec<String> = list(ids);
    let ids = ids.into_iter().map(|id| id.rsplit('/').next().unwrap_or(&id).to_owned()).collect();
    Some(Asked { ids, reason: reason_of(reason), is_file_wide, is_ours: false })
}
