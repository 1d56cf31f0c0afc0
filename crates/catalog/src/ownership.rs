//! Which distribution package a language package belongs to.
//!
//! A Python module, a jar or a program that the distribution's package manager installed is maintained by the
//! distribution: its version says nothing about the fixes that were carried into it. Such a package stays in the
//! list with its `owner` set. Ownership is decided on the squashed tree, because the file, the file list and the
//! package's record may each come from a layer of their own.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;

use seawall_inventory::{Distro, Ecosystem, OwnedFiles, Package, Purl};

use crate::catalog::outermost;

/// Sets `owner` of every language package whose declaring file (the first place) is in a file list of a
/// distribution package that is there. `distro` names the namespace of the owner's package URL.
pub fn resolve(packages: &mut [Package], owned: &[OwnedFiles], distro: Option<&Distro>) {
    let owners = Owners::of(packages);
    let mut wanted: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, package) in packages.iter().enumerate().filter(|(_, p)| !p.ecosystem.is_distribution()) {
        let Some(path) = package.places.first().and_then(|place| place.path.as_deref()) else { continue };
        wanted.entry(evidence(outermost(path)).into_owned()).or_default().push(index);
    }
    if wanted.is_empty() {
        return;
    }
    for list in owned {
        let Some(owner) = owners.find(list) else { continue };
        let mut found = Vec::new();
        list.files.for_each(|path| {
            if let Some(indices) = wanted.remove(evidence(path).as_ref()) {
                found.extend(indices);
            }
        });
        let Some(purl) = packages.get(owner).map(|owner| owner.purl(distro)) else { continue };
        for index in found {
            if let Some(package) = packages.get_mut(index) {
                package.owner = Some(purl.clone());
            }
        }
    }
}

/// Sets the package of each file, given as its path and where its package belongs.
pub(crate) fn own<'f>(
    files: impl Iterator<Item = (String, &'f mut Option<Purl>)>,
    packages: &[Package],
    owned: &[OwnedFiles],
    distro: Option<&Distro>,
) {
    let owners = Owners::of(packages);
    let mut wanted: HashMap<String, Vec<&mut Option<Purl>>> = HashMap::new();
    for (path, package) in files {
        wanted.entry(merged(&path).into_owned()).or_default().push(package);
    }
    for list in owned {
        let Some(owner) = owners.find(list).and_then(|owner| packages.get(owner)) else { continue };
        let purl = owner.purl(distro);
        list.files.for_each(|path| {
            for package in wanted.remove(merged(path).as_ref()).into_iter().flatten() {
                *package = Some(purl.clone());
            }
        });
    }
}

/// The architecture of an owner's package and where it is in the list.
type Owner = (Option<String>, usize);

/// Where the owners' packages are, by ecosystem and name.
struct Owners {
    by_name: HashMap<(Ecosystem, String), Vec<Owner>>,
}

impl Owners {
    fn of(packages: &[Package]) -> Owners {
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        for (index, package) in packages.iter().enumerate().filter(|(_, p)| p.ecosystem.is_distribution()) {
            let key = (package.ecosystem, package.name.clone());
            by_name.entry(key).or_default().push((package.architecture.clone(), index));
        }
        Owners { by_name }
    }

    /// The package of a file list. A list without one is left over from a package that was removed.
    fn find(&self, list: &OwnedFiles) -> Option<usize> {
        let candidates = self.by_name.get(&(list.ecosystem, list.name.clone()))?;
        let is_of_list =
            |architecture: &Option<String>| list.architecture.is_none() || *architecture == list.architecture;
        candidates.iter().find(|(architecture, _)| is_of_list(architecture)).map(|(_, index)| *index)
    }
}

/// What a path is evidence of, spelled one way: the path with `/usr` merged, cut after a Python metadata directory.
fn evidence(path: &str) -> Cow<'_, str> {
    let merged = merged(path);
    let metadata_end = [".dist-info/", ".egg-info/"]
        .iter()
        .filter_map(|mark| Some(merged.find(mark)? + mark.len() - 1))
        .min();
    match (metadata_end, merged) {
        (None, merged) => merged,
        (Some(end), Cow::Borrowed(path)) => Cow::Borrowed(path.get(..end).unwrap_or(path)),
        (Some(end), Cow::Owned(mut path)) => {
            path.truncate(end);
            Cow::Owned(path)
        }
    }
}

/// The path with the links of a merged `/usr` resolved: file lists name the path as it was packed (`lib/x`),
/// the tree has it where the link leads (`usr/lib/x`), or the reverse. Since Fedora 42 `sbin` is a link too.
fn merged(path: &str) -> Cow<'_, str> {
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    match first {
        "bin" | "sbin" => Cow::Owned(format!("usr/bin/{rest}")),
        "lib" | "lib32" | "lib64" | "libx32" => Cow::Owned(format!("usr/{path}")),
        _ => match path.strip_prefix("usr/sbin/") {
            Some(rest) => Cow::Owned(format!("usr/bin/{rest}")),
            None => Cow::Borrowed(path),
        },
    }
}
