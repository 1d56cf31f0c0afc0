//! Events → what the workload ran, opened and talked to, and rules that speak of everything else.

use std::collections::{BTreeMap, BTreeSet};

use seawall_event::{DescriptorKind, Event, EventType};
use serde::{Deserialize, Serialize};

use super::{literal, quoted, word_of};
use crate::limits;

/// What a workload does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Names this format: `seawall.profile/v1`.
    pub schema: String,
    /// What it is called.
    pub workload: String,
    /// The repositories of its images.
    pub images: BTreeSet<String>,
    /// How many system calls it was learned from.
    pub events: u64,
    /// Paths of the programs that were started.
    pub executables: BTreeSet<String>,
    /// Files that were opened for reading; what ends in `/` stands for all below.
    pub reads: BTreeSet<String>,
    /// Files that were opened for writing, made, renamed or removed.
    pub writes: BTreeSet<String>,
    /// Connections that it made.
    pub connects: BTreeSet<Connection>,
    /// Ports that it listened on or accepted at.
    pub listens: BTreeSet<u16>,
}

/// The other side of a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Connection {
    /// `tcp`, `udp`; empty where it is not known.
    pub protocol: String,
    /// The address or, for local sockets, the path.
    pub address: String,
    /// The port; none for local sockets.
    pub port: Option<u16>,
}

/// The name of the format.
const SCHEMA: &str = "seawall.profile/v1";

/// A directory with more different entries than this stands for all of them.
const ENTRIES_MAX: usize = 12;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Collected {
    images: BTreeSet<String>,
    executables: BTreeSet<String>,
    reads: BTreeSet<String>,
    writes: BTreeSet<String>,
    connects: BTreeSet<Connection>,
    listens: BTreeSet<u16>,
    left_out: u64,
}

impl Collected {
    pub(super) fn add(&mut self, event: &Event) {
        let image = event.container.as_deref().and_then(|container| container.image.as_ref());
        if let Some(repository) = image.and_then(|image| image.repository.clone()) {
            self.images.insert(repository);
        }
        let failed = event.result.is_some_and(|result| result < 0);
        match event.kind {
            EventType::EXECVE | EventType::EXECVEAT if !failed => {
                let path = event.process.as_deref().and_then(|process| process.exe_path.clone());
                path.into_iter().for_each(|path| keep(&mut self.executables, path, &mut self.left_out));
            }
            EventType::CONNECT => self.connection(event),
            kind if matches!(kind.name(), "listen" | "accept" | "accept4") => {
                let socket = event.fd.as_ref().and_then(|fd| fd.socket.as_ref());
                self.listens.extend(socket.and_then(|socket| socket.local()).map(|local| local.port()));
            }
            _ if !failed => self.file(event),
            _ => {}
        }
    }

    fn connection(&mut self, event: &Event) {
        let Some(fd) = &event.fd else { return };
        let connection = match (&fd.socket, &fd.path) {
            (Some(socket), _) => socket.server.map(|server| Connection {
                protocol: socket.protocol.map(|protocol| protocol.name().to_owned()).unwrap_or_default(),
                address: server.ip().to_string(),
                port: Some(server.port()),
            }),
            (None, Some(path)) => {
                Some(Connection { protocol: "unix".to_owned(), address: path.clone(), port: None })
            }
            (None, None) => None,
        };
        match connection {
            Some(connection) if self.connects.len() < limits::LEARNED_MAX => {
                self.connects.insert(connection);
            }
            Some(_) => self.left_out += 1,
            None => {}
        }
    }

    fn file(&mut self, event: &Event) {
        let fd = event.fd.as_ref();
        let is_file =
            fd.is_some_and(|fd| matches!(fd.kind, Some(DescriptorKind::File | DescriptorKind::Directory)));
        let path = fd.and_then(|fd| fd.path.as_ref()).filter(|path| is_file && path.starts_with('/'));
        if event.kind.opens() || event.kind == EventType::CREAT {
            let Some(path) = path else { return };
            if event.kind == EventType::CREAT || event.opens_for_writing() {
                keep(&mut self.writes, path.clone(), &mut self.left_out);
            }
            if event.opens_for_reading() {
                keep(&mut self.reads, path.clone(), &mut self.left_out);
            }
            return;
        }
        // Names that a call made, took away or gave: all are changes of what is there.
        use seawall_event::ArgumentName::{Filename, Linkpath, Name, Newpath, Oldpath, Path};
        for name in [Name, Path, Filename, Oldpath, Newpath, Linkpath] {
            let given = event.argument(name).map(|value| value.text().into_owned());
            if let Some(path) = given.filter(|path| path.starts_with('/') && changes(event.kind)) {
                keep(&mut self.writes, path, &mut self.left_out);
            }
        }
    }

    pub(super) fn profile(self, workload: &str, events: u64, gaps: &mut Vec<String>) -> Profile {
        if self.left_out > 0 {
            gaps.push(format!(
                "{} different paths and connections were left out of the profile",
                self.left_out
            ));
        }
        Profile {
            schema: SCHEMA.to_owned(),
            workload: workload.to_owned(),
            images: self.images,
            events,
            executables: self.executables,
            reads: gathered(&self.reads),
            writes: gathered(&self.writes),
            connects: self.connects,
            listens: self.listens,
        }
    }
}

/// Whether a call with a path changes what is there.
fn changes(kind: EventType) -> bool {
    let name = kind.name();
    [
        "unlink", "rename", "mkdir", "rmdir", "mknod", "link", "symlink", "chmod", "chown", "truncate",
        "fchmod", "fchown",
    ]
    .iter()
    .any(|call| name.starts_with(call))
}

fn keep(paths: &mut BTreeSet<String>, path: String, left_out: &mut u64) {
    if paths.len() < limits::LEARNED_MAX {
        paths.insert(path);
    } else {
        *left_out += u64::from(!paths.contains(&path));
    }
}

/// Paths, with directories of which many entries were seen in the place of those. The root is never one.
fn gathered(paths: &BTreeSet<String>) -> BTreeSet<String> {
    let mut entries: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for path in paths {
        for (at, _) in path.match_indices('/').skip(1) {
            let rest = &path[at + 1..];
            entries.entry(&path[..=at]).or_default().insert(rest.split('/').next().unwrap_or(rest));
        }
    }
    let crowded: BTreeSet<&str> = entries
        .iter()
        .filter(|(_, names)| names.len() > ENTRIES_MAX)
        .map(|(directory, _)| *directory)
        .collect();
    let shortened = |path: &String| {
        let mut ends = path.match_indices('/').skip(1).map(|(at, _)| &path[..=at]);
        ends.find(|directory| crowded.contains(directory)).unwrap_or(path).to_owned()
    };
    paths.iter().map(shortened).collect()
}

impl Profile {
    /// A rule file that speaks of programs, changed files and connections beyond this profile, in its images only.
    pub fn rules(&self) -> String {
        let word = word_of(&self.workload);
        let images: Vec<String> = self.images.iter().map(|image| quoted(image)).collect();
        let scope = match images.as_slice() {
            [] => String::new(),
            _ => format!("  scope: {{image: [{}]}}\n", images.join(", ")),
        };
        let (files, directories): (Vec<&String>, Vec<&String>) =
            self.writes.iter().partition(|path| !path.ends_with('/'));
        let ports: BTreeSet<String> = self
            .connects
            .iter()
            .filter_map(|connection| connection.port)
            .map(|port| port.to_string())
            .collect();
        let mut text = list(&format!("{word}_programs"), self.executables.iter());
        text += &list(&format!("{word}_files"), files.into_iter());
        text += &list(&format!("{word}_directories"), directories.into_iter());
        text += &list(&format!("{word}_ports"), ports.iter());
        let rule = |title: &str, condition: String, shows: &str, tag: &str| {
            format!(
                "\n- rule: {}\n  desc: >\n    Beyond what was learned of this workload. What to do: see what changed; \
                 learn again after a release.\n  condition: >\n    {condition}\n  output: >\n    {title} ({shows} \
                 command=%proc.cmdline container=%container.name image=%container.image.repository)\n  priority: \
                 WARNING\n  tags: [learned, {tag}]\n{scope}",
                quoted(&format!("{title} of {}", self.workload)),
            )
        };
        let begin = "container.id != host and evt.failed = false and";
        text += &rule(
            "New program",
            format!("evt.type in (execve, execveat) and {begin} not proc.exepath in ({word}_programs)"),
            "path=%proc.exepath",
            "T1059",
        );
        text += &rule(
            "New file written",
            format!(
                "evt.type in (open, openat, openat2, creat) and {begin} fd.typechar = f and (evt.type = creat or \
                 evt.is_open_write = true)\n    and not fd.name in ({word}_files) and not fd.name startswith anyof \
                 ({word}_directories)"
            ),
            "file=%fd.name",
            "T1105",
        );
        text += &rule(
            "New connection",
            format!(
                "evt.type = connect and container.id != host and fd.type in (ipv4, ipv6) and not fd.sport in \
                 ({word}_ports)"
            ),
            "connection=%fd.name",
            "T1071",
        );
        text
    }
}

fn list<'i>(name: &str, items: impl Iterator<Item = &'i String>) -> String {
    let items: Vec<String> = items.map(|item| format!("\n    - {}", quoted(&literal(item)))).collect();
    let items = if items.is_empty() { " []".to_owned() } else { items.concat() };
    format!("- list: {name}\n  items:{items}\n")
}
