//! Units of systemd with their drop-ins, merged as systemd merges them (systemd.unit(5)).

use std::collections::BTreeMap;

use crate::limits::{FRAGMENTS_MAX, LINES_MAX};
use crate::root::{Root, Unread};

/// Where units are, the strongest first.
const DIRECTORIES: [&str; 7] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// A unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Unit {
    /// Its own file.
    pub(crate) path: String,
    /// The drop-ins that change it, in their order.
    pub(crate) drop_ins: Vec<String>,
    settings: Vec<(String, String, String)>,
}

impl Unit {
    pub(crate) fn read(root: &Root, name: &str) -> Result<Unit, Unread> {
        let mut refused = Unread::Absent;
        for directory in DIRECTORIES {
            let path = format!("{directory}/{name}");
            // Masked: a link to /dev/null, or an empty file.
            if root.link(&path).is_ok_and(|target| target == "/dev/null") {
                return Err(Unread::Absent);
            }
            match root.text(&path) {
                Ok(text) if text.trim().is_empty() => return Err(Unread::Absent),
                Ok(text) => {
                    let mut unit = Unit { path, ..Unit::default() };
                    unit.add(&text);
                    unit.add_drop_ins(root, name);
                    return Ok(unit);
                }
                Err(Unread::Absent) => {}
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// Of drop-ins with one name the strongest directory's counts; the names decide the order.
    fn add_drop_ins(&mut self, root: &Root, name: &str) {
        let kind = name.rsplit('.').next().unwrap_or_default();
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        for directory in DIRECTORIES {
            for owner in [name, kind] {
                let directory = format!("{directory}/{owner}.d");
                for file in root.names(&directory).unwrap_or_default() {
                    if file.ends_with(".conf") && found.len() < FRAGMENTS_MAX {
                        let path = format!("{directory}/{file}");
                        found.entry(file).or_insert(path);
                    }
                }
            }
        }
        for path in found.into_values() {
            if let Ok(text) = root.text(&path) {
                self.add(&text);
                self.drop_ins.push(path);
            }
        }
    }

    fn add(&mut self, text: &str) {
        let mut section = String::new();
        let mut line = String::new();
        for piece in text.lines().take(LINES_MAX) {
            let piece = piece.trim();
            // Comments stand between the pieces of a line without ending it.
            if piece.starts_with(['#', ';']) || (line.is_empty() && piece.is_empty()) {
                continue;
            }
            match piece.strip_suffix('\\') {
                Some(start) => {
                    line.push_str(start);
                    line.push(' ');
                    continue;
                }
                None => line.push_str(piece),
            }
            let whole = std::mem::take(&mut line);
            if let Some(name) = whole.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                section = name.to_owned();
            } else if let Some((key, value)) = whole.split_once('=') {
                self.settings.push((section.clone(), key.trim().to_owned(), value.trim().to_owned()));
            }
        }
    }

    /// The values of a setting that may be given several times; an empty one takes back those before it.
    pub(crate) fn values(&self, section: &str, key: &str) -> Vec<&str> {
        let mut values = Vec::new();
        for (_, _, value) in self.settings.iter().filter(|(its, name, _)| its == section && name == key) {
            match value.as_str() {
                "" => values.clear(),
                value => values.push(value),
            }
        }
        values
    }

    /// The words of its command, with the variables that its environment gives.
    pub(crate) fn command(&self, root: &Root) -> Vec<String> {
        let mut environment: BTreeMap<String, String> = BTreeMap::new();
        for assignment in self.values("Service", "Environment").iter().flat_map(|value| words(value)) {
            if let Some((name, value)) = assignment.split_once('=') {
                environment.insert(name.to_owned(), value.to_owned());
            }
        }
        for file in self.values("Service", "EnvironmentFile") {
            let text = root.text(file.trim_start_matches('-')).unwrap_or_default();
            for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
                if let Some((name, value)) = line.split_once('=') {
                    environment.insert(name.trim().to_owned(), words(value).join(" "));
                }
            }
        }
        let command = self.values("Service", "ExecStart").last().copied().unwrap_or_default();
        let mut expanded = Vec::new();
        for word in words(command.trim_start_matches(['-', '@', ':', '+', '!'])) {
            let lone = word.strip_prefix('$').filter(|name| !name.starts_with('{'));
            match lone {
                // Alone it becomes as many words as it has.
                Some(name) => expanded.extend(words(environment.get(name).map_or("", String::as_str))),
                None => expanded.push(braces_expanded(&word, &environment)),
            }
        }
        expanded
    }
}

fn braces_expanded(word: &str, environment: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once("${") {
        text.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            rest = after;
            break;
        };
        text.push_str(environment.get(name).map_or("", String::as_str));
        rest = behind;
    }
    text.push_str(rest);
    text
}

/// Words as systemd splits them: blanks outside of quotes.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', _) => word.get_or_insert_default().extend(chars.next()),
            (c, Some(open)) if c == open => quote = None,
            (c, Some(_)) => word.get_or_insert_default().push(c),
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, None) if c.is_whitespace() => words.extend(word.take()),
            (c, None) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root_with(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let root = Root::open(directory.path()).unwrap();
        (directory, root)
    }

    #[test]
    fn a_drop_in_replaces_the_command() {
        let (_directory, root) = root_with(&[
            (
                "lib/systemd/system/docker.service",
                "[Service]\nExecStart=/usr/sbin/dockerd -H fd:// $OPTS\nEnvironmentFile=-/etc/default/docker\n",
            ),
            ("etc/default/docker", "# x\nOPTS=\"--icc=false --log-level 'debug'\"\n"),
            (
                "etc/systemd/system/docker.service.d/20-b.conf",
                "[Service]\nExecStart=\nExecStart=/usr/bin/dockerd \\\n # comment\n  $OPTS --data-root=${DIR}/docker\n",
            ),
            (
                "run/systemd/system/docker.service.d/10-a.conf",
                "[Service]\nEnvironment=\"DIR=/srv/a b\" X=1\n",
            ),
            ("lib/systemd/system/docker.service.d/20-b.conf", "[Service]\nExecStart=/weaker\n"),
        ]);
        let unit = Unit::read(&root, "docker.service").unwrap();
        assert_eq!(
            unit.command(&root),
            ["/usr/bin/dockerd", "--icc=false", "--log-level", "debug", "--data-root=/srv/a b/docker"]
        );
        assert_eq!(unit.drop_ins.len(), 2);
    }

    #[test]
    fn a_masked_unit_is_absent() {
        let (directory, root) =
            root_with(&[("lib/systemd/system/docker.service", "[Service]\nExecStart=/x\n")]);
        assert!(Unit::read(&root, "docker.service").is_ok());
        std::fs::create_dir_all(directory.path().join("etc/systemd/system")).unwrap();
        std::os::unix::fs::symlink("/dev/null", directory.path().join("etc/systemd/system/docker.service"))
            .unwrap();
        assert_eq!(Unit::read(&root, "docker.service"), Err(Unread::Absent));
    }
}
