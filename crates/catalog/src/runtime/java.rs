//! Java runtimes: the `release` file at their root (JEP 223 and the JDK's own `make/ReleaseFile.gmk`).

use seawall_inventory::{Content, Ecosystem, Entry, EntryKind, Interest, Package};

use crate::Catalog;
use crate::limits::JAVA_RELEASE_BYTES_MAX;

/// Many files are called so; the runtime's is small and stands in a folder of its own.
pub(super) fn interest(entry: &Entry<'_>) -> Interest {
    let is_wanted = entry.kind == EntryKind::File
        && entry.name() == "release"
        && !entry.parent().is_empty()
        && (1..=JAVA_RELEASE_BYTES_MAX).contains(&entry.size_bytes);
    if is_wanted { Interest::Whole } else { Interest::No }
}

pub(super) fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(bytes) = catalog.whole(entry, content, JAVA_RELEASE_BYTES_MAX) else { return };
    let text = String::from_utf8_lossy(bytes);
    let value = |wanted: &str| {
        let values = text.lines().filter_map(|line| line.split_once('='));
        let mut values = values.filter(|(name, _)| name.trim() == wanted);
        values.next().map(|(_, value)| value.trim().trim_matches('"')).filter(|value| !value.is_empty())
    };
    let Some(version) =
        value("JAVA_VERSION").filter(|version| version.starts_with(|c: char| c.is_ascii_digit()))
    else {
        return;
    };
    let implementor = value("IMPLEMENTOR").unwrap_or_default();
    let name = if value("GRAALVM_VERSION").is_some() { "graalvm" } else { product(implementor) };
    let mut package = Package::new(Ecosystem::Generic, name, version);
    package.vendor = Some(implementor.to_owned()).filter(|vendor| !vendor.is_empty());
    catalog.declare(entry.path, package);
}

/// Everybody builds OpenJDK, and its versions and advisories are one; only builds with a security record of their own
/// have a name of their own.
fn product(implementor: &str) -> &'static str {
    match implementor {
        "Oracle Corporation" => "oracle-jdk",
        "IBM Corporation" | "International Business Machines Corporation" => "ibm-semeru",
        _ => "openjdk",
    }
}
