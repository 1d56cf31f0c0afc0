//! What would mend the failures: a plan to read as a diff, and to apply afterwards.
//!
//! Plans what is mechanical: daemon.json, kernel settings, audit rules, owners and modes. The rest is listed with the
//! reason why a person has to do it; for containers with the flags they should be started with.

mod advice;
mod apply;
mod daemon_json;
mod json_edit;
mod masked;

use std::fmt;
use std::path::PathBuf;

use seawall_finding::{Outcome, Subject};
use similar::TextDiff;

pub use apply::{Applied, ApplyCause, ApplyError, Failed, apply};
pub(crate) use masked::without_credentials;

use crate::Audited;
use crate::machine::Machine;
use crate::root::{Metadata, Unread};
use crate::section::daemon_files::{self, Demand};
use crate::section::{host, kernel};

/// Kernel settings that the plan gives.
const SYSCTL_FILE: &str = "/etc/sysctl.d/90-seawall.conf";
/// Audit rules that the plan gives.
const AUDIT_FILE: &str = "/etc/audit/rules.d/90-seawall-docker.rules";

/// What the machine was like where a plan may change it.
#[derive(Debug, Default)]
pub(crate) struct Grounds {
    root: PathBuf,
    configs: Vec<daemon_json::Config>,
    settings: Vec<(&'static str, &'static str, &'static str)>,
    unwatched: Vec<(&'static str, String)>,
    files: Vec<(&'static str, String, Metadata, Demand, u32)>,
    /// Files that would have to be changed and are not: the rule, the file, and why.
    left: Vec<(&'static str, String, String)>,
    sysctl_file: Option<String>,
    audit_file: Option<String>,
}

/// What would mend the failures of an audit.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    root: PathBuf,
    /// Files whose text changes.
    pub edits: Vec<Edit>,
    /// Files whose owner or mode changes.
    pub permissions: Vec<Permission>,
    /// How containers should be started instead.
    pub advice: Vec<Advice>,
    /// Failures that the plan does not mend, and why.
    pub not_fixed: Vec<NotFixed>,
}

/// A file whose text changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Path from the root.
    pub path: String,
    /// What it holds now; `None` where it does not exist.
    pub before: Option<String>,
    /// What it should hold.
    pub after: String,
    /// The rules that want it.
    pub rules: Vec<&'static str>,
    /// What makes it take effect.
    pub then: &'static str,
}

/// A file whose owner or mode changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    /// Path from the root.
    pub path: String,
    /// Owner, group and mode now.
    pub before: (u32, u32, u32),
    /// Owner, group and mode as they should be.
    pub after: (u32, u32, u32),
    /// The rule that wants it.
    pub rule: &'static str,
}

/// How a container should be started instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The container.
    pub subject: Subject,
    /// The rule that wants it.
    pub rule: String,
    /// Flags of `docker run` and `podman run`.
    pub flags: &'static str,
    /// The same for a service of Compose.
    pub compose: &'static str,
}

/// A failure that the plan does not mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotFixed {
    /// The rule.
    pub rule: String,
    /// What it is about.
    pub subject: String,
    /// Why a person has to do it.
    pub reason: String,
}

impl Grounds {
    pub(crate) fn of(machine: &Machine<'_>) -> Grounds {
        let root = machine.host.root;
        // What cannot be read must not be written over either.
        let text = |path: &str| match root.text(path) {
            Ok(text) => Some(Some(text)),
            Err(Unread::Absent) => Some(None),
            Err(Unread::Refused(_)) => None,
        };
        let (sysctl, audit) = (text(SYSCTL_FILE), text(AUDIT_FILE));
        let docker = machine.host.accounts.group("docker").map_or(0, |group| group.gid);
        let (mut files, mut left) = (Vec::new(), Vec::new());
        let mut unwatched = Vec::new();
        for open in audit.iter().flat_map(|_| host::audit::unwatched(machine)) {
            match open.left {
                Some(reason) => left.push((open.rule, open.path, reason)),
                None => unwatched.push((open.rule, open.path)),
            }
        }
        for wrong in daemon_files::wrong(machine) {
            match wrong.left {
                Some(reason) => left.push((wrong.rule, wrong.path, reason)),
                None => files.push((wrong.rule, wrong.path, wrong.metadata, wrong.demand, docker)),
            }
        }
        // What one daemon may not ask for, another may; and two may ask for the same.
        left.retain(|(rule, path, _)| !files.iter().any(|(its, other, ..)| its == rule && other == path));
        left.dedup();
        Grounds {
            root: root.path().to_owned(),
            configs: daemon_json::configs(machine),
            settings: if sysctl.is_some() { kernel::wrong_settings(machine) } else { Vec::new() },
            unwatched,
            files,
            left,
            sysctl_file: sysctl.flatten(),
            audit_file: audit.flatten(),
        }
    }
}

/// Plans what would mend the failures.
pub fn plan(audited: &Audited) -> Plan {
    let grounds = &audited.grounds;
    let mut plan = Plan { root: grounds.root.clone(), ..Plan::default() };
    let (edits, mut reasons) = daemon_json::edits(audited, &grounds.configs);
    plan.edits.extend(edits);
    plan.edits.extend(sysctl(grounds));
    plan.edits.extend(audit_rules(grounds));
    permissions(grounds, &mut plan.permissions);
    for (rule, path, reason) in &grounds.left {
        let (rule, subject, reason) = ((*rule).to_owned(), path.clone(), reason.clone());
        plan.not_fixed.push(NotFixed { rule, subject, reason });
    }
    for check in audited.checks.iter().filter(|check| check.outcome == Outcome::Fail) {
        if let Some((flags, compose)) =
            advice::for_rule(&check.rule).filter(|_| matches!(check.subject, Subject::Container { .. }))
        {
            plan.advice.push(Advice {
                subject: check.subject.clone(),
                rule: check.rule.clone(),
                flags,
                compose,
            });
            continue;
        }
        let subject = check.subject.label();
        let is_its = |(rule, daemon, _): &(String, String, String)| *rule == check.rule && *daemon == subject;
        let known = reasons.iter().position(is_its).map(|index| reasons.swap_remove(index).2);
        let is_planned = plan.edits.iter().any(|edit| edit.rules.contains(&check.rule.as_str()))
            || plan.permissions.iter().any(|permission| permission.rule == check.rule)
            || grounds.left.iter().any(|(rule, _, _)| *rule == check.rule);
        if !is_planned || known.is_some() {
            let reason = known.unwrap_or_else(|| "nothing that a program should decide".to_owned());
            plan.not_fixed.push(NotFixed { rule: check.rule.clone(), subject, reason });
        }
    }
    plan
}

/// The file with these lines added, unless it has them.
fn with_lines(before: Option<&str>, heading: &str, lines: impl Iterator<Item = String>) -> String {
    let mut text = before.map_or_else(|| format!("{heading}\n"), str::to_owned);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    for line in lines {
        if !text.lines().any(|known| known == line) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

fn sysctl(grounds: &Grounds) -> Option<Edit> {
    let lines = grounds.settings.iter().map(|(_, name, value)| format!("{name} = {value}"));
    let heading = "# Kernel settings that `seawall audit --fix` proposed.";
    let after = with_lines(grounds.sysctl_file.as_deref(), heading, lines);
    (!grounds.settings.is_empty()).then(|| Edit {
        path: SYSCTL_FILE.to_owned(),
        before: grounds.sysctl_file.clone(),
        after,
        rules: grounds.settings.iter().map(|(rule, _, _)| *rule).collect(),
        then: "sysctl --system",
    })
}

fn audit_rules(grounds: &Grounds) -> Option<Edit> {
    let lines = grounds.unwatched.iter().map(|(_, path)| format!("-w {path} -p wa -k docker"));
    let heading = "# Watches that `seawall audit --fix` proposed.";
    let after = with_lines(grounds.audit_file.as_deref(), heading, lines);
    (!grounds.unwatched.is_empty()).then(|| Edit {
        path: AUDIT_FILE.to_owned(),
        before: grounds.audit_file.clone(),
        after,
        rules: grounds.unwatched.iter().map(|(rule, _)| *rule).collect(),
        then: "augenrules --load",
    })
}

/// A file with a wrong owner and a wrong mode is changed once.
fn permissions(grounds: &Grounds, planned: &mut Vec<Permission>) {
    for (rule, path, metadata, demand, docker) in &grounds.files {
        let before = (metadata.uid, metadata.gid, metadata.mode);
        let (uid, gid, mode) =
            planned.iter().rfind(|known| known.path == *path).map_or(before, |known| known.after);
        let after = match demand {
            Demand::Root => (0, 0, mode),
            Demand::RootAndDocker => (0, *docker, mode),
            Demand::ModeWithin(allowed) => (uid, gid, mode & allowed),
        };
        planned.push(Permission { path: path.clone(), before: (uid, gid, mode), after, rule });
    }
}

impl Plan {
    /// Whether there is nothing to apply.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.permissions.is_empty()
    }
}

/// As a unified diff, with what is no text of a file as comments around it; credentials are hidden.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comment = |f: &mut fmt::Formatter<'_>, text: String| writeln!(f, "# {}", masked::line(&text));
        for edit in &self.edits {
            let before = masked::json(edit.before.as_deref().unwrap_or_default());
            let after = masked::json(&edit.after);
            let path = masked::line(&edit.path);
            let old = if edit.before.is_some() { format!("a{path}") } else { "/dev/null".to_owned() };
            let diff = TextDiff::from_lines(&before, &after);
            let diff = diff.unified_diff().header(&old, &format!("b{path}")).to_string();
            comment(f, format!("{}; then: {}", edit.rules.join(", "), edit.then))?;
            f.write_str(&masked::visible(&diff))?;
        }
        for Permission { path, before, after, rule } in &self.permissions {
            let ((uid, gid, mode), (new_uid, new_gid, new_mode)) = (*before, *after);
            if (uid, gid) != (new_uid, new_gid) {
                comment(f, format!("{rule}: chown {new_uid}:{new_gid} {path} (is {uid}:{gid})"))?;
            }
            if mode != new_mode {
                comment(f, format!("{rule}: chmod {new_mode:04o} {path} (is {mode:04o})"))?;
            }
        }
        for Advice { subject, rule, flags, compose } in &self.advice {
            comment(f, format!("{}: {rule}: {flags} (Compose: {compose})", subject.label()))?;
        }
        for NotFixed { rule, subject, reason } in &self.not_fixed {
            comment(f, format!("not fixed: {rule} of {subject}: {reason}"))?;
        }
        Ok(())
    }
}
