//! What rpm versions carry besides a version: modules, build flavours, minor-release streams, epochs.

use seawall_inventory::Package;

use crate::record::KeyedBy;

/// The `name:stream` of a modularity label `name:stream:version:context`.
pub(super) fn module_stream(label: &str) -> String {
    label.splitn(3, ':').take(2).collect::<Vec<_>>().join(":")
}

/// Whether a version is of a modular build: `1:16.14.0-4.module_el8.5.0+2618`, `….module+el8.3.0+….`.
pub(super) fn is_modular(version: &str) -> bool {
    version.contains(".module_el") || version.contains(".module+el")
}

/// Whether advisories of a module are about a package at all.
pub(super) fn module_fits(package: &Package, stated: Option<&str>, fixed: Option<&str>) -> bool {
    let own = package.module.as_deref().map(module_stream);
    let is_modular_package = own.is_some() || is_modular(&package.version);
    match (stated, &own) {
        (Some(stated), Some(own)) => module_stream(stated) == *own,
        // The label is not recorded: an SBOM without it. The build says that it is modular.
        (Some(_), None) => is_modular_package,
        (None, _) => match fixed {
            Some(fixed) if is_modular(fixed) => {
                is_modular_package && own.is_none_or(|own| stream_fits(&own, &package.version, fixed))
            }
            Some(_) => !is_modular_package,
            None => !is_modular_package,
        },
    }
}

/// For advisories that do not name the module's stream (AlmaLinux's OSV): where the package's own version starts
/// with the stream's number, a fix must too. Packages whose versions do not follow the stream are compared as they are.
fn stream_fits(own: &str, version: &str, fixed: &str) -> bool {
    let stream = own.rsplit(':').next().unwrap_or(own);
    let follows = |version: &str| {
        let upstream = version.split_once(':').map_or(version, |(_, rest)| rest);
        upstream.strip_prefix(stream).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    !stream.starts_with(|c: char| c.is_ascii_digit()) || !follows(version) || follows(fixed)
}

/// A build that is compared only with builds of its kind: Oracle's live patches and FIPS builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    Plain,
    Ksplice,
    Fips,
}

/// The flavour that a version names.
pub(super) fn flavour(version: &str) -> Flavour {
    if version.contains(".ksplice") {
        Flavour::Ksplice
    } else if version.ends_with("_fips") || version.contains("_fips.") {
        Flavour::Fips
    } else {
        Flavour::Plain
    }
}

/// The minor release a build was made for: `8_6` of `9.11.36-3.el8_6.1`.
pub(super) fn minor_stream(version: &str) -> Option<&str> {
    let (_, rest) = version.rsplit_once(".el")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(rest.len());
    rest.get(..end).filter(|tag| tag.contains('_'))
}

/// A bound as it is to be compared: a source rpm has no epoch of its own, so an epoch of the bound says nothing.
pub(super) fn bound<'v>(bound: &'v str, version: &str, keyed_by: KeyedBy) -> &'v str {
    match (keyed_by, version.contains(':'), bound.split_once(':')) {
        (KeyedBy::Source, false, Some((_, rest))) => rest,
        _ => bound,
    }
}

#[cfg(test)]
mod tests {
    use seawall_inventory::Ecosystem;

    use super::*;

    #[test]
    fn minor_streams() {
        let check =
            |version: &str, expected: Option<&str>| assert_eq!(minor_stream(version), expected, "{version}");
        check("9.11.26-4.el8_4.1", Some("8_4"));
        check("32:9.11.36-3.el8_6.1", Some("8_6"));
        check("3.0.7-27.el9", None);
        check("1.0-1.fc40", None);
    }

    #[test]
    fn flavours() {
        let check = |version: &str, expected: Flavour| assert_eq!(flavour(version), expected, "{version}");
        check("2:1.1.1k-9.ksplice1.el8", Flavour::Ksplice);
        check("10:3.6.16-4.0.1.el8_fips", Flavour::Fips);
        check("3.6.16-4.el8", Flavour::Plain);
    }

    #[test]
    fn modules() {
        let check = |module: Option<&str>,
                     version: &str,
                     stated: Option<&str>,
                     fixed: Option<&str>,
                     expected: bool| {
            let mut package = Package::new(Ecosystem::Rpm, "nodejs", version);
            package.module = module.map(str::to_owned);
            assert_eq!(
                module_fits(&package, stated, fixed),
                expected,
                "{module:?} {version} {stated:?} {fixed:?}"
            );
        };
        let label = Some("nodejs:18:8090020240101:rhel8");
        let modular = "1:18.12.1-2.module+el8.7.0+1";
        check(label, modular, Some("nodejs:18"), Some("1:18.19.0-1.module+el8.9.0+1"), true);
        check(label, modular, Some("nodejs:20"), Some("1:20.11.0-1.module+el8.9.0+1"), false);
        check(label, modular, None, Some("1:20.11.0-1.el9"), false);
        check(None, "1:16.20.2-4.el9", Some("nodejs:18"), None, false);
        check(None, "1:16.20.2-4.el9", None, Some("1:16.20.2-5.el9"), true);
        check(None, "1:16.20.2-4.el9", None, Some("1:18.19.0-1.module_el9.3.0+1"), false);
        // The stream is not stated: the version tells it.
        check(label, modular, None, Some("1:18.19.0-1.module_el8.9.0+1"), true);
        check(label, modular, None, Some("1:20.11.0-1.module_el8.9.0+1"), false);
        check(label, modular, None, Some("1:180.1.0-1.module_el8.9.0+1"), false);
    }
}
