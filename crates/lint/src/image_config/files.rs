//! Files of an image that say how it was made: setuid programs, files that everyone may write, package lists and
//! caches, accounts. A visitor collects them layer by layer; the verdict needs all layers.

use seawall_finding::{Finding, Findings, Gap, GapKind, Rule, Severity};
use seawall_inventory::{Content, Entry, EntryKind, Image, Interest, Place, PlaceLayer, Visitor};
use serde::{Deserialize, Serialize};

use super::accounts::{self, Accounts};
use super::{Hit, ImageOptions, finding};
use crate::dockerfile::controls;

pub(super) const SETUID: Rule = Rule {
    id: "setuid-file",
    title: "Program that runs with its owner's rights",
    why: "Whoever runs it gets the rights of its owner, mostly root. Each one is a way from a user to root.",
    fix: "Remove the bit (chmod u-s) in the image, and start containers with no-new-privileges.",
    severity: Severity::Medium,
    references: &["https://cwe.mitre.org/data/definitions/250.html"],
    controls: controls::SETUID,
};

pub(super) const WORLD_WRITABLE: Rule = Rule {
    id: "world-writable-file",
    title: "Files that everyone may write",
    why: "Any process of the container can change them, and so what the others read or run.",
    fix: "Give them to the user that needs them, with a mode such as 644 or 664.",
    severity: Severity::Low,
    references: &["https://cwe.mitre.org/data/definitions/732.html"],
    controls: controls::SETUID,
};

pub(super) const LEFTOVERS: Rule = Rule {
    id: "package-leftovers",
    title: "Package lists and caches in the image",
    why: "They make the image larger, and nothing reads them again.",
    fix: "Remove them in the step that made them, or put them on a cache mount.",
    severity: Severity::Low,
    references: &["https://docs.docker.com/build/building/best-practices/#apt-get"],
    controls: controls::NOTHING_NEEDLESS,
};

/// Paths of one kind that are kept by name; more are only counted.
const PATHS_MAX: usize = 1_000;

/// Bytes of an account file.
const ACCOUNT_BYTES_MAX: u64 = 1 << 20;

/// What a walk over one layer saw.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LayerFiles {
    /// Setuid and setgid programs with their modes.
    #[serde(default)]
    pub setuid: Vec<(String, u32)>,
    /// Regular files that everyone may write.
    #[serde(default)]
    pub world_writable: Vec<String>,
    /// Package lists and caches, with their sizes.
    #[serde(default)]
    pub leftovers: Vec<(String, u64)>,
    /// What the files of accounts say, by path.
    #[serde(default)]
    pub accounts: Vec<(String, Accounts)>,
    /// Files that could not be read, and lists that grew too long.
    #[serde(default)]
    pub gaps: Vec<Gap>,
}

/// The visitor that collects [`LayerFiles`].
#[derive(Debug, Default)]
pub struct FileChecks {
    seen: LayerFiles,
}

impl FileChecks {
    /// What was seen.
    pub fn finish(self) -> LayerFiles {
        self.seen
    }
}

impl Visitor for FileChecks {
    fn interest(&self, entry: &Entry<'_>) -> Interest {
        if entry.kind != EntryKind::File {
            return Interest::No;
        }
        if account_kind(entry.path).is_some() {
            return Interest::Whole;
        }
        match entry.mode & 0o6002 != 0 || is_leftover(entry.path) {
            true => Interest::Head(1),
            false => Interest::No,
        }
    }

    fn visit(&mut self, entry: &Entry<'_>, content: &mut dyn Content) {
        let path = entry.path.to_owned();
        let LayerFiles { setuid, world_writable, leftovers, .. } = &mut self.seen;
        let is_program = entry.mode & 0o4000 != 0 || (entry.mode & 0o2000 != 0 && entry.mode & 0o010 != 0);
        let mut is_full = false;
        if is_program {
            is_full |= push(setuid, (path.clone(), entry.mode & 0o7777));
        }
        if entry.mode & 0o002 != 0 {
            is_full |= push(world_writable, path.clone());
        }
        if is_leftover(entry.path) {
            is_full |= push(leftovers, (path.clone(), entry.size_bytes));
        }
        if is_full && self.seen.gaps.is_empty() {
            let reason = format!("more than {PATHS_MAX} files of a kind; the rest is not named");
            self.seen.gaps.push(Gap::of_target(GapKind::Limit, reason));
        }
        if let Some(kind) = account_kind(entry.path) {
            match content.whole(ACCOUNT_BYTES_MAX) {
                Ok(bytes) => {
                    let text = String::from_utf8_lossy(bytes);
                    let accounts = match kind {
                        "shadow" => accounts::of_shadow(&text),
                        kind => accounts::of_names(&text, kind),
                    };
                    self.seen.accounts.push((path, accounts));
                }
                Err(error) => self.seen.gaps.push(Gap::at(GapKind::Unreadable, path, error)),
            }
        }
    }

    fn overwritten(&mut self, path: &str) {
        let stays = |other: &str| {
            other != path && !other.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
        };
        self.seen.setuid.retain(|(other, _)| stays(other));
        self.seen.world_writable.retain(|other| stays(other));
        self.seen.leftovers.retain(|(other, _)| stays(other));
        self.seen.accounts.retain(|(other, _)| stays(other));
    }
}

/// Adds to a list unless it is full; whether it was.
fn push<T>(list: &mut Vec<T>, item: T) -> bool {
    let is_full = list.len() >= PATHS_MAX;
    if !is_full {
        list.push(item);
    }
    is_full
}

fn account_kind(path: &str) -> Option<&'static str> {
    match path {
        "etc/passwd" => Some("uid"),
        "etc/group" => Some("gid"),
        "etc/shadow" => Some("shadow"),
        _ => None,
    }
}

fn is_leftover(path: &str) -> bool {
    const DIRECTORIES: [&str; 8] = [
        "var/lib/apt/lists/",
        "var/cache/apt/archives/",
        "var/cache/apk/",
        "var/cache/yum/",
        "var/cache/dnf/",
        "var/cache/zypp/",
        "root/.cache/pip/",
        "root/.npm/_cacache/",
    ];
    let name = path.rsplit('/').next().unwrap_or(path);
    DIRECTORIES.iter().any(|directory| path.starts_with(directory))
        && !matches!(name, "lock" | ".keep" | ".gitkeep")
}

/// Programs that distributions ship with the bit.
const USUAL: [&str; 27] = [
    "su",
    "passwd",
    "mount",
    "umount",
    "chsh",
    "chfn",
    "newgrp",
    "gpasswd",
    "expiry",
    "chage",
    "wall",
    "write",
    "ssh-keysign",
    "ssh-agent",
    "unix_chkpwd",
    "dbus-daemon-launch-helper",
    "crontab",
    "fusermount",
    "fusermount3",
    "ping",
    "ping6",
    "pam_timestamp_check",
    "usernetctl",
    "bbsuid",
    "newuidmap",
    "newgidmap",
    "utempter",
];

pub(super) fn look(
    image: &Image,
    options: &ImageOptions<'_>,
    layers: &[LayerFiles],
    survives: &dyn Fn(usize, &str) -> bool,
) -> Findings {
    let mut findings = Findings::default();
    let mut usual = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        findings.gaps.extend(layer.gaps.iter().cloned());
        let place = |path: &str| Place { path: Some(path.to_owned()), ..layer_place(image, index) };
        let is_base = options.base_layers.is_some_and(|base| index < base as usize);
        for (path, mode) in layer.setuid.iter().filter(|(path, _)| survives(index, path)) {
            let name = path.rsplit('/').next().unwrap_or(path);
            if USUAL.contains(&name) || is_base {
                usual.push(format!("/{path}"));
                continue;
            }
            let summary = format!("/{path} runs with its owner's rights");
            let hit = Hit::new(format!("mode of /{path}"), format!("{mode:04o}"), summary)
                .expected("no setuid, no setgid bit");
            findings.found.push(finding(image, &SETUID, hit.at(place(path))));
        }
        let writable: Vec<&String> =
            layer.world_writable.iter().filter(|path| survives(index, path)).collect();
        if let Some(first) = writable.first().filter(|_| !is_base) {
            let summary = format!("{} of the layer may be written by everyone", files(writable.len()));
            let hit = Hit::new("mode", shown(&writable), summary).expected("no w for others");
            findings.found.push(finding(image, &WORLD_WRITABLE, hit.at(place(first))));
        }
        let left: Vec<&(String, u64)> =
            layer.leftovers.iter().filter(|(path, _)| survives(index, path)).collect();
        if let Some((first, _)) = left.first().filter(|_| !is_base) {
            let bytes: u64 = left.iter().map(|(_, bytes)| bytes).sum();
            let summary = format!(
                "{} of package lists and caches, {} KB, stay in the layer",
                files(left.len()),
                bytes.div_ceil(1024)
            );
            let paths: Vec<&String> = left.iter().map(|(path, _)| path).collect();
            let hit = Hit::new("package lists and caches", shown(&paths), summary).expected("none");
            findings.found.push(finding(image, &LEFTOVERS, hit.at(place(first))));
        }
        for (path, accounts) in layer.accounts.iter().filter(|(path, _)| survives(index, path)) {
            account_findings(image, accounts, &place(path), &mut findings.found);
        }
    }
    if !usual.is_empty() {
        let summary = format!("{} of the distribution run with their owner's rights", files(usual.len()));
        let mut hit = Hit::new("setuid programs of the distribution", usual.join(", "), summary)
            .expected("as few as can be");
        hit.severity = Some(Severity::Negligible);
        findings.found.push(finding(image, &SETUID, hit));
    }
    findings
}

fn account_findings(image: &Image, accounts: &Accounts, place: &Place, found: &mut Vec<Finding>) {
    for name in &accounts.without_password {
        let hit =
            Hit::new(format!("password of {name}"), "none", format!("the account {name} needs no password"));
        found.push(finding(
            image,
            &accounts::EMPTY_PASSWORD,
            hit.expected("a locked account").at(place.clone()),
        ));
    }
    for name in &accounts.second_roots {
        let hit = Hit::new(format!("uid of {name}"), "0", format!("the account {name} is root by its id"));
        found.push(finding(image, &accounts::SECOND_ROOT, hit.expected("another id").at(place.clone())));
    }
    for twice in &accounts.twice {
        let hit = Hit::new(twice.clone(), twice.clone(), format!("{twice} is there twice"));
        found.push(finding(image, &accounts::DUPLICATE_ID, hit.expected("once").at(place.clone())));
    }
}

fn layer_place(image: &Image, index: usize) -> Place {
    let layer = image.layers.get(index).map(|layer| PlaceLayer {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        diff_id: layer.diff_id.clone(),
        instruction: layer.instruction.clone(),
    });
    Place { layer, ..Place::default() }
}

fn files(count: usize) -> String {
    if count == 1 { "one file".to_owned() } else { format!("{count} files") }
}

/// The first paths of a list.
fn shown(paths: &[&String]) -> String {
    let mut text: Vec<String> = paths.iter().take(5).map(|path| format!("/{path}")).collect();
    if paths.len() > 5 {
        text.push(format!("and {} more", paths.len() - 5));
    }
    text.join(", ")
}
