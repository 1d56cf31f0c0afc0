//! Words of a file that silence a rule: our own comment and those of the tools that people come from.
//!
//! | words | whose |
//! |---|---|
//! | `# seawall:ignore=ID[,ID] reason` | ours: the line, or the lines below it at a greater depth |
//! | `#trivy:ignore:KSV-0017`, `#checkov:skip=CKV_K8S_16:reason` | for the checks that ours stand for |
//! | annotations `ignore-check.kube-linter.io/NAME`, `checkov.io/skip1: ID=reason`, `polaris.fairwinds.com/NAME-exempt`, `kube-score/ignore` | the object |
//! | `seawall.io/ignore: ID, ID` | the object |

mod foreign;

pub(crate) use foreign::aliases;

use std::collections::BTreeMap;

use seawall_finding::Finding;
use seawall_inventory::Workload;

use crate::limits::{QUOTE_CHARS_MAX, SUPPRESSED_LINES_MAX, SUPPRESSED_RULES_MAX, SUPPRESSIONS_MAX};

/// What the comments of a file silence.
#[derive(Debug, Default)]
pub(crate) struct Suppressions {
    comments: Vec<Comment>,
    off: bool,
}

#[derive(Debug)]
struct Comment {
    rules: Vec<String>,
    /// First and last line that it speaks of.
    lines: (u32, u32),
    words: String,
}

impl Suppressions {
    pub(crate) fn of(text: &str, off: bool) -> Suppressions {
        if off || !text.contains('#') {
            return Suppressions { comments: Vec::new(), off };
        }
        let lines: Vec<&str> = text.lines().collect();
        let words = |(index, line): (usize, &&str)| {
            let words = line.split_once('#')?.1.trim();
            Some((index, words.to_owned(), of_comment(words)?))
        };
        let all = lines.iter().enumerate().filter_map(words).take(SUPPRESSIONS_MAX);
        let comment = |(index, words, rules): (usize, String, Vec<String>)| {
            let words = words.chars().take(QUOTE_CHARS_MAX).collect();
            Some(Comment { rules, lines: spoken_of(&lines, index)?, words })
        };
        Suppressions { comments: all.filter_map(comment).collect(), off }
    }

    /// The words of a comment that silences a rule at a line.
    pub(crate) fn near(&self, rule: &str, line: u32) -> Option<&str> {
        let is_near = |comment: &&Comment| {
            (comment.lines.0..=comment.lines.1).contains(&line)
                && comment.rules.iter().any(|named| named == rule)
        };
        self.comments.iter().find(is_near).map(|comment| comment.words.as_str())
    }

    /// The words that silence a finding, where there are some: of a comment near it, or of its object's annotations.
    pub(crate) fn silences(&self, finding: &Finding, object: &Silenced) -> Option<String> {
        if self.off {
            return None;
        }
        if let Some(words) = self.near(&finding.rule, finding.place.line.unwrap_or(0)) {
            return Some(words.to_owned());
        }
        // Words of other tools that silence all of theirs are not about the Pod Security Standards.
        let all = object.0.get(EVERY).filter(|_| !finding.rule.starts_with("pss-"));
        object.0.get(&finding.rule).or(all).cloned()
    }
}

/// The rules that an object's annotations silence, with the words.
#[derive(Debug, Default)]
pub(crate) struct Silenced(BTreeMap<String, String>);

/// Stands for every rule.
const EVERY: &str = "*";

impl Silenced {
    pub(crate) fn by<'a>(annotations: impl IntoIterator<Item = (&'a str, &'a str)>) -> Silenced {
        let mut silenced = BTreeMap::new();
        for (key, value) in annotations {
            for rule in of_annotation(key, value) {
                let words: String = format!("{key}: {value}").chars().take(QUOTE_CHARS_MAX).collect();
                silenced.entry(rule).or_insert(words);
            }
        }
        Silenced(silenced)
    }

    /// Annotations of the pod and of its object, and labels.
    pub(crate) fn of(workload: &Workload) -> Silenced {
        let own = workload.annotations.iter().map(|(key, given)| (key.as_str(), given.value.as_str()));
        let others = workload.object_annotations.iter().chain(&workload.labels);
        Silenced::by(own.chain(others.map(|(key, value)| (key.as_str(), value.as_str()))))
    }
}

/// The lines that a comment speaks of: its own, or, alone on a line, what follows and is as deep or deeper.
fn spoken_of(lines: &[&str], index: usize) -> Option<(u32, u32)> {
    let number = |index: usize| u32::try_from(index + 1).unwrap_or(u32::MAX);
    if !lines.get(index)?.trim_start().starts_with('#') {
        return Some((number(index), number(index)));
    }
    let depth = |line: &str| line.len() - line.trim_start().len();
    let is_blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    let end = lines.len().min(index + SUPPRESSED_LINES_MAX);
    let first = (index + 1..end).find(|at| !lines.get(*at).is_none_or(|line| is_blank(line)))?;
    let own = depth(lines.get(first)?);
    let is_below = |line: &str| is_blank(line) || depth(line) > own;
    let last = (first + 1..end).take_while(|at| lines.get(*at).is_some_and(|line| is_below(line))).last();
    Some((number(first), number(last.unwrap_or(first))))
}

fn of_comment(words: &str) -> Option<Vec<String>> {
    let listed = |ids: &str| {
        let ids = ids.split_whitespace().next().unwrap_or_default();
        ids.split(',')
            .filter(|id| !id.is_empty())
            .take(SUPPRESSED_RULES_MAX)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    if let Some(ids) = words.strip_prefix("seawall:ignore=") {
        return Some(listed(ids));
    }
    if let Some(id) = words.strip_prefix("trivy:ignore:") {
        let id = id.split_whitespace().next().unwrap_or_default();
        return Some(foreign::trivy(id));
    }
    let id = words.strip_prefix("checkov:skip=")?;
    Some(foreign::rules(id.split([':', ' ']).next().unwrap_or_default()))
}

fn of_annotation(key: &str, value: &str) -> Vec<String> {
    if key == "seawall.io/ignore" {
        return value.split(',').map(|id| id.trim().to_owned()).collect();
    }
    if key.starts_with("checkov.io/skip") {
        return foreign::rules(value.split(['=', ':']).next().unwrap_or_default().trim());
    }
    if let Some(name) = key.strip_prefix("ignore-check.kube-linter.io/") {
        return foreign::rules(name);
    }
    if key == "kube-linter.io/ignore-all" {
        return vec![EVERY.to_owned()];
    }
    if key == "kube-score/ignore" {
        return value.split(',').flat_map(|name| foreign::rules(name.trim())).collect();
    }
    if let Some(name) = key.strip_prefix("polaris.fairwinds.com/")
        && value == "true"
    {
        let name = name.strip_suffix("-exempt").unwrap_or(name);
        return if name == "exempt" { vec![EVERY.to_owned()] } else { foreign::rules(name) };
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_silence_are_read() {
        let check = |words: &str, expected: &[&str]| {
            assert_eq!(of_comment(words).unwrap_or_default(), expected, "{words}");
        };
        check("seawall:ignore=a,b because", &["a", "b"]);
        check("checkov:skip=CKV_K8S_16:needed", &["privileged-container"]);
        check("trivy:ignore:AVD-KSV-0017", &["privileged-container"]);
        check("trivy:ignore:KSV017", &["privileged-container"]);
        check("a comment", &[]);
        let check = |key: &str, value: &str, expected: &[&str]| {
            assert_eq!(of_annotation(key, value), expected, "{key}");
        };
        check("ignore-check.kube-linter.io/privileged-container", "why", &["privileged-container"]);
        check("checkov.io/skip1", "CKV_K8S_16=why", &["privileged-container"]);
        check("polaris.fairwinds.com/runAsPrivileged-exempt", "true", &["privileged-container"]);
        check("polaris.fairwinds.com/exempt", "true", &["*"]);
        check("kube-score/ignore", "container-image-tag", &["mutable-image-tag"]);
        check("seawall.io/ignore", "a, b", &["a", "b"]);
    }
}
