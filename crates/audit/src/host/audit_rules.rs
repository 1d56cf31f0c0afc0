//! The rules of the audit system (audit.rules(7)), as its files give them.

use crate::limits::{FRAGMENTS_MAX, LINES_MAX};
use crate::root::{Root, Unread, normal};

use super::words;

/// All rules of `/etc/audit/rules.d` and `/etc/audit/audit.rules`.
#[derive(Debug, Default)]
pub(crate) struct AuditRules {
    watches: Vec<Watch>,
    /// The files that were read.
    pub(crate) sources: Vec<String>,
    /// Why a file or the directory could not be read.
    pub(crate) refused: Option<(String, String)>,
    /// Whether the last word of the files switches auditing off.
    pub(crate) is_off: bool,
    /// The paths that the kernel watches, where it tells.
    pub(crate) loaded: Option<Vec<String>>,
}

/// A rule that watches a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Watch {
    path: String,
    /// Whether what lies below is watched.
    is_deep: bool,
    permissions: String,
    /// Where it stands.
    pub(crate) source: String,
    /// As written.
    pub(crate) text: String,
}

impl AuditRules {
    pub(crate) fn read(root: &Root, loaded: Option<Vec<String>>) -> AuditRules {
        let mut rules = AuditRules { loaded, ..AuditRules::default() };
        let directory = "/etc/audit/rules.d";
        let mut files = Vec::new();
        match root.names(directory) {
            Ok(names) => {
                let rules = names.iter().filter(|name| name.ends_with(".rules")).take(FRAGMENTS_MAX);
                files.extend(rules.map(|name| format!("{directory}/{name}")));
            }
            Err(Unread::Absent) => {}
            Err(error) => rules.refused = Some((directory.to_owned(), error.to_string())),
        }
        files.push("/etc/audit/audit.rules".to_owned());
        for file in files {
            match root.text(&file) {
                Ok(text) => {
                    rules.add(&file, &text);
                    rules.sources.push(file);
                }
                Err(Unread::Absent) => {}
                Err(error) => rules.refused = Some((file, error.to_string())),
            }
        }
        rules
    }

    fn add(&mut self, file: &str, text: &str) {
        for (number, line) in text.lines().enumerate().take(LINES_MAX) {
            let line = line.trim();
            if line.starts_with('#') {
                continue;
            }
            let words = words(line);
            match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                // Each file begins with it; augenrules keeps one for all.
                ["-D"] => self.watches.retain(|watch| watch.source.split(':').next() != Some(file)),
                ["-e", state] => self.is_off = *state == "0",
                words => self.watches.extend(watch(words, format!("{file}:{}", number + 1), line)),
            }
        }
    }

    /// The rule that tells when a path is written or its attributes change: its own, or one of a directory above.
    pub(crate) fn watching(&self, path: &str) -> Option<&Watch> {
        let path = normal(path);
        let watches = |watch: &&Watch| {
            let is_below =
                path.strip_prefix(&watch.path).is_some_and(|rest| rest.starts_with('/') || watch.path == "/");
            let is_there = watch.path == path || (watch.is_deep && is_below);
            is_there && watch.permissions.contains('w') && watch.permissions.contains('a')
        };
        self.watches.iter().find(watches)
    }

    /// Whether the kernel has loaded a rule, as far as it tells.
    pub(crate) fn is_loaded(&self, watch: &Watch) -> bool {
        self.loaded.as_ref().is_none_or(|paths| paths.contains(&watch.path))
    }

    /// A rule for the path that watches too little.
    pub(crate) fn weak(&self, path: &str) -> Option<&Watch> {
        self.watches.iter().find(|watch| watch.path == normal(path))
    }
}

/// `-w /etc/docker -p wa -k docker`, or `-a always,exit -F dir=/etc/docker -F perm=wa`.
fn watch(words: &[&str], source: String, text: &str) -> Option<Watch> {
    let option = |name: &str| {
        words.windows(2).find_map(|pair| match pair {
            [flag, value] if *flag == name => Some(*value),
            _ => None,
        })
    };
    if let Some(path) = option("-w") {
        let permissions = option("-p").unwrap_or("rwxa").to_owned();
        return Some(Watch { path: normal(path), is_deep: true, permissions, source, text: text.to_owned() });
    }
    let list = option("-a").or_else(|| option("-A"))?;
    let is_always =
        list.split(',').any(|part| part == "always") && list.split(',').any(|part| part == "exit");
    let fields: Vec<(&str, &str)> = words
        .windows(2)
        .filter_map(|pair| match pair {
            ["-F", field] => field.split_once('='),
            _ => None,
        })
        .collect();
    let field = |name: &str| fields.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    // A rule of some system calls or some users does not tell of all changes.
    let is_partial = words.contains(&"-S")
        || fields.iter().any(|(key, _)| !matches!(*key, "path" | "dir" | "perm" | "key" | "arch"));
    if !is_always || is_partial {
        return None;
    }
    let (path, is_deep) = match (field("path"), field("dir")) {
        (Some(path), _) => (path, false),
        (None, Some(path)) => (path, true),
        (None, None) => return None,
    };
    let permissions = field("perm").unwrap_or("rwxa").to_owned();
    Some(Watch { path: normal(path), is_deep, permissions, source, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rules: &str, path: &str, expected: bool) {
        let mut all = AuditRules::default();
        all.add("/etc/audit/rules.d/docker.rules", rules);
        assert_eq!(all.watching(path).is_some(), expected, "{rules} for {path}");
    }

    #[test]
    fn a_rule_in_a_file_is_not_a_loaded_one() {
        let mut rules = AuditRules::default();
        rules.add("/etc/audit/audit.rules", "-w /etc/docker -p wa");
        let check = |rules: &AuditRules, expected: bool| {
            let watch = rules.watching("/etc/docker").unwrap();
            assert_eq!(rules.is_loaded(watch), expected, "{:?}", rules.loaded);
        };
        check(&rules, true);
        rules.loaded = Some(vec!["/etc".to_owned()]);
        check(&rules, false);
        rules.loaded = Some(vec!["/etc/docker".to_owned()]);
        check(&rules, true);
    }

    #[test]
    fn rules_watch_paths() {
        check("-w /etc/docker -k docker", "/etc/docker", true);
        check("-w /etc/docker -p wa", "/etc/docker/daemon.json", true);
        check("-w /etc/docker -p r", "/etc/docker", false);
        check("-w /etc/docke -p wa", "/etc/docker", false);
        check("#-w /etc/docker -p wa", "/etc/docker", false);
        check("-w /etc/docker -p wa\n-D", "/etc/docker", false);
        check("-a always,exit -F path=/etc/docker -F perm=wa -k docker", "/etc/docker", true);
        check("-a exit,always -F path=/etc/docker -F perm=war", "/etc/docker/daemon.json", false);
        check("-a always,exit -F dir=/etc/docker -F perm=wa", "/etc/docker/daemon.json", true);
        check("-a never,exit -F path=/etc/docker", "/etc/docker", false);
        check("-a always,exit -S openat -F path=/etc/docker", "/etc/docker", false);
        check("-a always,exit -F path=/etc/docker -F auid=1000", "/etc/docker", false);
        check("-w /var/run/docker.sock -p rwxa", "/run/docker.sock", true);
    }
}
