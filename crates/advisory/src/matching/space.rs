//! Which spaces a package's advisories are in.

use seawall_inventory::{Distro, Ecosystem};

use crate::Order;
use crate::database::Database;

/// A place to look a package up, and what its answers mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) space: String,
    pub(super) role: Role,
}

/// What the answers of a space mean for a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// They decide.
    Base,
    /// A subscribed stream: its fixes count as fixes.
    Subscribed,
    /// A stream that only subscribers get: its fixes are a second answer.
    Extended(String),
    /// The release that this one is rebuilt from: it knows what is not fixed yet.
    Upstream,
}

/// Where a package's advisories are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spaces {
    /// The base space, whether or not the database has it, and what belongs to it.
    Known(Vec<Scope>),
    /// A distribution package of an unknown distribution.
    NoDistribution,
}

/// Distributions that use another one's advisories, by os-release id.
const SAME_AS: &[(&str, &str)] = &[
    ("raspbian", "debian"),
    ("centos", "rhel"),
    ("redhat", "rhel"),
    ("rockylinux", "rocky"),
    ("oracle", "ol"),
    ("oraclelinux", "ol"),
    ("amazon", "amzn"),
    ("amazonlinux", "amzn"),
];

/// Rebuilds of Red Hat's release of the same number.
const REBUILDS: &[&str] = &["almalinux", "rocky"];

/// Streams of longer support, whose packages are the release's own with more fixes. Other streams
/// (FIPS, real time, layered products) are other builds and say nothing of the release.
const EXTENDED: &[&str] = &["esm", "elts", "lts", "ltss", "eus", "aus", "e4s", "tus", "els", "espos"];

/// The order of versions in a space.
pub(super) fn order(ecosystem: Ecosystem) -> Order {
    Order::of(ecosystem)
}

/// The spaces of an ecosystem's packages.
pub(super) fn of(database: &Database, ecosystem: Ecosystem, distro: Option<&Distro>) -> Spaces {
    if !ecosystem.is_distribution() {
        let space = ecosystem.purl_type().to_owned();
        return Spaces::Known(vec![Scope { space, role: Role::Base }]);
    }
    let Some(distro) = distro.filter(|distro| speaks_of(&distro.id, ecosystem)) else {
        return Spaces::NoDistribution;
    };
    let release = release(database, distro);
    let mut scopes = vec![Scope { space: release.clone(), role: Role::Base }];
    for stream in database.streams(&release) {
        if let Some(role) = role(stream, distro) {
            scopes.push(Scope { space: format!("{release}:{stream}"), role });
        }
    }
    if REBUILDS.contains(&distro.id.as_str())
        && let Some((_, number)) = release.split_once(':')
    {
        let space = format!("rhel:{number}");
        if database.covers(&space) {
            scopes.push(Scope { space, role: Role::Upstream });
        }
    }
    Spaces::Known(scopes)
}

/// Whether the packages of an ecosystem can be those of a distribution: an rpm database on Debian is somebody else's.
fn speaks_of(id: &str, ecosystem: Ecosystem) -> bool {
    match id {
        "" => false,
        "debian" | "raspbian" | "ubuntu" => ecosystem == Ecosystem::Deb,
        "alpine" | "wolfi" | "chainguard" => ecosystem == Ecosystem::Apk,
        "arch" => ecosystem == Ecosystem::Alpm,
        "rhel" | "redhat" | "centos" | "almalinux" | "rocky" | "rockylinux" | "ol" | "oracle" | "amzn"
        | "amazon" | "fedora" | "photon" | "mariner" | "azurelinux" => ecosystem == Ecosystem::Rpm,
        _ => true,
    }
}

/// The release whose advisories apply: the distribution's own where the database has it, else that of the
/// distribution whose packages it uses.
fn release(database: &Database, distro: &Distro) -> String {
    let own = distro.release();
    // A development snapshot of Alpine: `3.21_alpha20240807`.
    if let Some(("alpine", version)) = own.split_once(':')
        && version.contains('_')
    {
        return "alpine:edge".to_owned();
    }
    if database.covers(&own) {
        return own;
    }
    let same = SAME_AS.iter().find(|(id, _)| *id == distro.id);
    same.map_or(own, |(_, id)| Distro { id: (*id).to_owned(), ..distro.clone() }.release())
}

/// What a stream means for this distribution; `None` where it is not for it.
fn role(stream: &str, distro: &Distro) -> Option<Role> {
    let (name, minor) = match stream.rsplit_once('-') {
        Some((name, version)) if is_version(version) => (name, Some(version)),
        _ if is_version(stream) => ("", Some(stream)),
        _ => (stream, None),
    };
    if minor.is_some() && minor != distro.version.as_deref() {
        return None;
    }
    // `rhel:9:9.2`: the release as it was at that minor version.
    if name.is_empty() {
        return Some(Role::Base);
    }
    let names_it =
        |own: &String| own == stream || own == name || name.strip_prefix("esm") == own.strip_prefix("esm");
    if distro.streams.iter().any(names_it) {
        return Some(Role::Subscribed);
    }
    let kind = name.split('-').next().unwrap_or(name);
    EXTENDED.contains(&kind).then(|| Role::Extended(label(&distro.id, kind)))
}

/// The name under which people know a stream.
fn label(id: &str, kind: &str) -> String {
    match (id, kind) {
        ("ubuntu", "esm") => "ubuntu-pro".to_owned(),
        _ => format!("{id}-{kind}"),
    }
}

fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stream: &str, id: &str, version: &str, subscribed: &[&str], expected: Option<Role>) {
        let distro = Distro {
            id: id.into(),
            version: Some(version.into()),
            streams: subscribed.iter().map(|stream| (*stream).to_owned()).collect(),
            ..Distro::default()
        };
        assert_eq!(role(stream, &distro), expected, "{stream} for {id} {version}");
    }

    #[test]
    fn streams_are_for_subscribers_of_the_right_minor_release() {
        let pro = Some(Role::Extended("ubuntu-pro".into()));
        check("esm-infra", "ubuntu", "18.04", &[], pro.clone());
        check("esm-apps", "ubuntu", "18.04", &["esm-infra"], pro);
        check("esm-infra", "ubuntu", "18.04", &["esm-infra"], Some(Role::Subscribed));
        check("fips-updates", "ubuntu", "20.04", &[], None);
        check("fips-updates", "ubuntu", "20.04", &["fips-updates"], Some(Role::Subscribed));
        check("eus-9.2", "rhel", "9.2", &[], Some(Role::Extended("rhel-eus".into())));
        check("eus-9.2", "rhel", "9.4", &[], None);
        check("eus-9.2", "rhel", "9.2", &["eus"], Some(Role::Subscribed));
        check("ocp-tools-4.15", "rhel", "9.2", &[], None);
        check("9.2", "rhel", "9.2", &[], Some(Role::Base));
        check("elts", "debian", "10", &[], Some(Role::Extended("debian-elts".into())));
        check("ltss", "sles", "15.4", &[], Some(Role::Extended("sles-ltss".into())));
        check("sig-cloud", "rocky", "8", &[], None);
    }
}
