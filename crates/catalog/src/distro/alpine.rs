//! The branch that an Alpine tree installs from, where it is ahead of its `os-release`.

use seawall_inventory::Distro;

/// `etc/apk/repositories` (apk-repositories(5)): one address a line. Lines with a tag (`@testing …`) count only for
/// packages that ask for it, and a `testing` or `community` repository of another branch beside the `main` of this
/// one does not move the tree, so the branch of `main` is taken where there is one.
pub(super) fn repositories(text: &str) -> Result<Option<Distro>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '@']));
    let branches = lines.filter_map(|line| Some((branch(line)?, line))).collect::<Vec<_>>();
    let is_main = |line: &str| line.split(['/', ' ', '\t']).any(|part| part == "main");
    let mut of_main = branches.iter().filter(|(_, line)| is_main(line)).map(|(branch, _)| branch).peekable();
    let newest = match of_main.peek() {
        Some(_) => of_main.max(),
        None => branches.iter().map(|(branch, _)| branch).max(),
    };
    Ok(newest.map(|branch| match branch {
        Branch::Release(major, minor) => {
            Distro { version: Some(format!("{major}.{minor}")), ..Distro::default() }
        }
        Branch::Edge => Distro { codename: Some("edge".to_owned()), ..Distro::default() },
    }))
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Branch {
    Release(u32, u32),
    Edge,
}

/// `https://dl-cdn.alpinelinux.org/alpine/v3.20/main` → 3.20.
fn branch(line: &str) -> Option<Branch> {
    line.split('/').find_map(|part| {
        let part = part.split_whitespace().next()?;
        if part == "edge" {
            return Some(Branch::Edge);
        }
        version(part.strip_prefix('v')?)
    })
}

fn version(text: &str) -> Option<Branch> {
    let mut parts = text.split('.').map(str::parse);
    let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else { return None };
    Some(Branch::Release(major, minor))
}

/// Moves `distro` to the branch that its repositories name, where that is newer.
pub(super) fn follow(distro: &mut Distro, repositories: &Distro) {
    if distro.version.is_none() {
        return;
    }
    if repositories.codename.is_some() {
        distro.version = None;
        distro.codename = repositories.codename.clone();
        return;
    }
    let here = distro.version.as_deref().and_then(version);
    let there = repositories.version.as_deref().and_then(version);
    if here.is_some() && there > here {
        distro.version = repositories.version.clone();
    }
}
