//! What to do, in the version space of the package that is installed.

use std::cmp::Ordering;

use seawall_finding::FixState;
use seawall_inventory::{Ecosystem, Package};

use crate::Order;

/// One sentence; empty where nothing can be done yet.
pub(super) fn sentence(
    package: &Package,
    state: FixState,
    fixed: Option<&str>,
    extended: Option<&(String, String)>,
) -> String {
    if let Some(fixed) = fixed {
        return upgrade(package, fixed);
    }
    if let Some((stream, fixed)) = extended {
        return format!("Subscribe to {stream}, which has the fix in {fixed}.");
    }
    match state {
        FixState::EndOfLife => {
            format!("Move to a supported release: nobody fixes {} here any more.", package.source_name())
        }
        FixState::WillNotFix => {
            format!("Remove {} or accept the risk: the vendor will not fix it.", package.name)
        }
        FixState::Fixed
        | FixState::NotFixed
        | FixState::Deferred
        | FixState::UnderInvestigation
        | FixState::Undetermined => String::new(),
    }
}

fn upgrade(package: &Package, fixed: &str) -> String {
    let name = &package.name;
    let Some(source) = &package.source else { return format!("Upgrade {name} to {fixed}.") };
    match in_binary_space(package, &source.version, fixed) {
        Some(version) if version == fixed => format!("Upgrade {name} to {version}."),
        Some(version) => format!("Upgrade {name} to {version} (source {} {fixed}).", source.name),
        None => format!("Upgrade {name} to the build of source {} {fixed}.", source.name),
    }
}

/// The binary version that goes with a fixed source version: only where the installed pair differs in the
/// epoch and in a rebuild's suffix alone.
fn in_binary_space(package: &Package, source: &str, fixed: &str) -> Option<String> {
    let epoch_of = |version: &str| match version.split_once(':') {
        Some((epoch, rest)) => (Some(epoch.to_owned()), rest.to_owned()),
        None => (None, version.to_owned()),
    };
    let (epoch, binary) = epoch_of(&package.version);
    let (_, source) = epoch_of(source);
    let is_rebuild = package.ecosystem == Ecosystem::Deb
        && binary.strip_prefix(source.as_str()).is_some_and(|rest| rest.starts_with("+b"));
    if binary != source && !is_rebuild {
        return None;
    }
    let (_, rest) = epoch_of(fixed);
    Some(epoch.map_or(rest.clone(), |epoch| format!("{epoch}:{rest}")))
}

/// Versions sorted lowest first, each once.
pub(super) fn sorted(mut versions: Vec<String>, order: Order) -> Vec<String> {
    versions.sort_by(|a, b| order.compare(a, b).unwrap_or(Ordering::Equal).then_with(|| a.cmp(b)));
    versions.dedup();
    versions
}

#[cfg(test)]
mod tests {
    use seawall_inventory::SourcePackage;

    use super::*;

    fn check(name: &str, version: &str, source: Option<(&str, &str)>, fixed: &str, expected: &str) {
        let mut package = Package::new(Ecosystem::Deb, name, version);
        package.source =
            source.map(|(name, version)| SourcePackage { name: name.into(), version: version.into() });
        assert_eq!(upgrade(&package, fixed), expected);
    }

    #[test]
    fn the_fix_is_told_in_the_space_of_what_is_installed() {
        check("openssl", "3.0.11-1", None, "3.0.14-1", "Upgrade openssl to 3.0.14-1.");
        check(
            "libssl3",
            "3.0.11-1",
            Some(("openssl", "3.0.11-1")),
            "3.0.14-1",
            "Upgrade libssl3 to 3.0.14-1.",
        );
        check(
            "bsdutils",
            "1:2.38.1-5+deb12u1",
            Some(("util-linux", "2.38.1-5+deb12u1")),
            "2.38.1-5+deb12u2",
            "Upgrade bsdutils to 1:2.38.1-5+deb12u2 (source util-linux 2.38.1-5+deb12u2).",
        );
        check(
            "dmsetup",
            "2:1.02.185-2",
            Some(("lvm2", "2.03.16-2")),
            "2.03.16-3",
            "Upgrade dmsetup to the build of source lvm2 2.03.16-3.",
        );
        check("libx", "1.0-1+b2", Some(("x", "1.0-1")), "1.0-2", "Upgrade libx to 1.0-2.");
    }
}
