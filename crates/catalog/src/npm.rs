//! npm packages: what is unpacked below `node_modules`, and the lock files of npm, Yarn, pnpm and Bun.
//!
//! An application's own `package.json` is not a package here: it was installed from nowhere, and an advisory that
//! has the same name speaks of something else.

mod bun;
mod installed;
mod package_lock;
mod pnpm;
mod yarn;

use seawall_inventory::{Ecosystem, Package};

use crate::{Reader, lock};

pub(crate) const READERS: &[Reader] = &[
    installed::READER,
    package_lock::READER,
    package_lock::HIDDEN_READER,
    yarn::READER,
    pnpm::READER,
    bun::READER,
    bun::BINARY_READER,
];

fn locked(name: &str, version: &str, is_for_development: bool) -> Package {
    lock::locked(Ecosystem::Npm, name, version, is_for_development)
}

/// Splits `name@rest`, where the name may be scoped: `@babel/core@^7.0.0`.
fn split_at_sign(text: &str) -> Option<(&str, &str)> {
    let scope = usize::from(text.starts_with('@'));
    let at = text.get(scope..)?.find('@')? + scope;
    let (name, rest) = (text.get(..at)?, text.get(at + 1..)?);
    (!name.is_empty()).then_some((name, rest))
}

/// What a range or reference says of where a package comes from.
#[derive(Debug, PartialEq, Eq)]
enum Origin<'a> {
    /// A registry, under the name and version or range that are given.
    Registry,
    /// A registry, under another name: `npm:react@17.0.2`.
    Alias(&'a str, &'a str),
    /// A tarball or repository elsewhere; the text has no version.
    Elsewhere,
    /// The project's own directories: a workspace, a link.
    Local,
}

/// Reads the right side of a dependency or resolution.
fn origin(reference: &str) -> Origin<'_> {
    if let Some(target) = reference.strip_prefix("npm:") {
        return match split_at_sign(target) {
            Some((name, version)) => Origin::Alias(name, version),
            None => Origin::Registry,
        };
    }
    let is_tarball = || {
        let path = reference.split(['#', '?']).next().unwrap_or(reference);
        path.ends_with(".tgz") || path.ends_with(".tar.gz")
    };
    match reference.split_once(':').map(|(scheme, _)| scheme) {
        Some("link" | "portal" | "workspace" | "root" | "virtual" | "exec") => Origin::Local,
        Some("file") if is_tarball() => Origin::Elsewhere,
        Some("file") => Origin::Local,
        Some(_) => Origin::Elsewhere,
        // `user/repository`, the short form for GitHub.
        None if reference.contains('/') => Origin::Elsewhere,
        None => Origin::Registry,
    }
}

/// The version in the file name of a registry tarball: `…/lodash/-/lodash-4.17.21.tgz` of `lodash`.
fn tarball_version<'a>(name: &str, url: &'a str) -> Option<&'a str> {
    let path = url.split(['#', '?']).next()?;
    let file = path.rsplit('/').next()?.strip_suffix(".tgz")?;
    let base = name.rsplit('/').next()?;
    let version = file.strip_prefix(base)?.strip_prefix('-')?;
    version.starts_with(|c: char| c.is_ascii_digit()).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_references_are_split() {
        assert_eq!(split_at_sign("@babel/core@^7.0.0"), Some(("@babel/core", "^7.0.0")));
        assert_eq!(split_at_sign("a@npm:@b/c@1.0.0"), Some(("a", "npm:@b/c@1.0.0")));
        assert_eq!(split_at_sign("lodash"), None);
        assert_eq!(split_at_sign("@"), None);
        assert_eq!(split_at_sign(""), None);
        assert_eq!(origin("npm:@b/c@1.0.0"), Origin::Alias("@b/c", "1.0.0"));
        assert_eq!(origin("npm:^1.0.0"), Origin::Registry);
        assert_eq!(origin("^1.0.0 || 2"), Origin::Registry);
        assert_eq!(origin("github:a/b"), Origin::Elsewhere);
        assert_eq!(origin("git+ssh://git@github.com/a/b.git#1"), Origin::Elsewhere);
        assert_eq!(origin("a/b#main"), Origin::Elsewhere);
        assert_eq!(origin("file:../x"), Origin::Local);
        assert_eq!(origin("file:../x-1.0.0.tgz#abc"), Origin::Elsewhere);
        assert_eq!(origin("workspace:*"), Origin::Local);
        assert_eq!(
            tarball_version("@babel/core", "https://r.example/@babel/core/-/core-7.20.2.tgz#1"),
            Some("7.20.2")
        );
        assert_eq!(tarball_version("a", "https://codeload.github.com/a/a/tar.gz/1"), None);
    }
}
