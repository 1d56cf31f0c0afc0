//! The distribution a tree was made from: `os-release`, the older release files, and what other files know of it.
//!
//! Readers collect what each file says; [`choose`] makes one [`Distro`] of it once the layers are squashed. A file that
//! knows only a part (support streams, content sets, the repository branch) gives a [`Distro`] without an id.

mod alpine;
mod red_hat;
mod release;
#[cfg(test)]
mod tests;
mod ubuntu;

use seawall_inventory::{Content, Distro, Entry, Interest};

use crate::limits::RELEASE_BYTES_MAX;
use crate::{Catalog, Reader};

pub(crate) const READERS: &[Reader] = &[Reader { name: "distribution", interest, read }];

/// What one file says; the error completes "not examined: …".
type Parse = fn(&str) -> Result<Option<Distro>, String>;

/// The files that name the distribution, the most telling first.
const NAMING: &[(&str, Parse)] = &[
    ("etc/os-release", release::os_release),
    ("usr/lib/os-release", release::os_release),
    ("etc/alpine-release", release::alpine_release),
    ("etc/lsb-release", release::lsb_release),
    ("etc/centos-release", release::red_hat_release),
    ("etc/rocky-release", release::red_hat_release),
    ("etc/almalinux-release", release::red_hat_release),
    ("etc/oracle-release", release::red_hat_release),
    ("etc/fedora-release", release::red_hat_release),
    ("etc/system-release", release::red_hat_release),
    ("etc/redhat-release", release::red_hat_release),
    ("etc/arch-release", release::arch_release),
    ("etc/debian_version", release::debian_version),
];

const ALPINE_REPOSITORIES: &str = "etc/apk/repositories";

/// The parser of a path that knows a part.
fn part(path: &str) -> Option<Parse> {
    let parent_and_name = path.rsplit_once('/');
    match (path, parent_and_name) {
        (ALPINE_REPOSITORIES, _) => Some(alpine::repositories),
        ("var/lib/ubuntu-advantage/status.json", _) => Some(ubuntu::pro_status),
        (_, Some(("etc/apt/sources.list.d", name))) if name.starts_with("ubuntu-") => {
            Some(ubuntu::apt_sources)
        }
        (_, Some(("root/buildinfo/content_manifests" | "usr/share/buildinfo", name)))
            if name.ends_with(".json") =>
        {
            Some(red_hat::content_manifest)
        }
        _ => None,
    }
}

fn parser(path: &str) -> Option<Parse> {
    let naming = NAMING.iter().find(|(known, _)| *known == path).map(|(_, parse)| *parse);
    let of_tree = || below(path).then_some(release::os_release as Parse);
    naming.or_else(|| part(path)).or_else(of_tree)
}

/// The files that name the distribution of a tree in a directory.
const NAMING_BELOW: &[&str] = &["etc/os-release", "usr/lib/os-release"];

fn below(path: &str) -> bool {
    let is_below = |name: &&str| path.strip_suffix(*name).is_some_and(|root| root.ends_with('/'));
    NAMING_BELOW.iter().any(is_below)
}

/// The distribution of the tree at `root`, which ends with `/`.
pub(crate) fn of_tree(facts: &[(String, Distro)], root: &str) -> Option<Distro> {
    let named = |name: &&str| facts.iter().find(|(path, _)| path.strip_prefix(root) == Some(*name));
    NAMING_BELOW.iter().find_map(named).map(|(_, distro)| distro.clone())
}

fn interest(entry: &Entry<'_>) -> Interest {
    if parser(entry.path).is_some() { Interest::Whole } else { Interest::No }
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(parse) = parser(entry.path) else { return };
    let Some(bytes) = catalog.whole(entry, content, RELEASE_BYTES_MAX) else { return };
    match parse(&String::from_utf8_lossy(bytes)) {
        Ok(Some(distro)) => catalog.distros.push((entry.path.to_owned(), distro)),
        Ok(None) => {}
        Err(reason) => catalog.gap(seawall_finding::GapKind::Malformed, entry.path, reason),
    }
}

/// The distribution, made of what all files say; nothing where no file names one.
pub(crate) fn choose(facts: &[(String, Distro)]) -> Option<Distro> {
    let rank = |path: &str| NAMING.iter().position(|(known, _)| *known == path);
    let naming = facts.iter().filter(|(path, distro)| !distro.id.is_empty() && rank(path).is_some());
    let mut distro = naming.min_by_key(|(path, _)| rank(path)).map(|(_, distro)| distro.clone())?;
    for (path, known) in facts.iter().filter(|(path, distro)| distro.id.is_empty() && !below(path)) {
        distro.streams.extend(known.streams.iter().cloned());
        distro.content_sets.extend(known.content_sets.iter().cloned());
        if path == ALPINE_REPOSITORIES && distro.id == "alpine" {
            alpine::follow(&mut distro, known);
        }
    }
    for list in [&mut distro.streams, &mut distro.content_sets] {
        list.sort();
        list.dedup();
    }
    Some(distro)
}
