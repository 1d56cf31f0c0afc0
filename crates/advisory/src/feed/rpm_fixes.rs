//! Several fixed versions of one rpm in one release → intervals; names, versions and architectures of rpm file names.

use crate::Order;
use crate::record::{Bound, Range};

/// The affected intervals when these versions fix one problem in one release.
///
/// A release gets a fix once per minor release that is in support: `9.11.26-4.el8_4.1` is fixed although it is
/// less than the later fix `9.11.36-3.el8_6.1`. So the first interval ends at the lowest fix, and every higher fix
/// ends one that begins with the first build of its own upstream version; two fixes of the
/// same build line are one problem fixed twice, where the later one counts.
pub(crate) fn ranges(mut versions: Vec<String>) -> Vec<Range> {
    versions.sort_by(|left, right| Order::Rpm.compare(left, right).unwrap_or_else(|| left.cmp(right)));
    versions.dedup();
    let mut ranges: Vec<Range> = Vec::new();
    let mut line_before: Option<String> = None;
    for version in versions {
        let line = build_line(&version);
        let same_line = line_before.as_deref() == Some(line.as_str());
        match ranges.last_mut() {
            Some(last) if same_line => last.until = Bound::Fixed(version),
            Some(_) => ranges.push(Range { introduced: Some(line.clone()), until: Bound::Fixed(version) }),
            None => ranges.push(Range { introduced: None, until: Bound::Fixed(version) }),
        }
        line_before = Some(line);
    }
    ranges
}

/// `4.18.0-553.5.1.el8_10` → `4.18.0-553`; all builds of one upstream version whose release begins with the same number.
fn build_line(version: &str) -> String {
    let (upstream, release) = version.rsplit_once('-').unwrap_or((version, ""));
    let number: String = release.chars().take_while(char::is_ascii_digit).collect();
    format!("{upstream}-{}", if number.is_empty() { "0" } else { &number })
}

/// What an rpm file name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Nevra {
    pub(crate) name: String,
    /// With the epoch in front unless it is 0.
    pub(crate) version: String,
    pub(crate) architecture: Option<String>,
}

const ARCHITECTURES: &[&str] = &[
    "x86_64",
    "aarch64",
    "ppc64le",
    "ppc64",
    "ppc",
    "s390x",
    "s390",
    "i686",
    "i586",
    "i386",
    "ia64",
    "armv7hl",
    "armhfp",
    "noarch",
    "src",
    "nosrc",
    "riscv64",
    "loongarch64",
    "x86_64_v2",
];

/// `openssl-1:3.0.7-27.el9.x86_64`, `bind-9.9.4P2-0.6.1.i586.rpm`; the architecture may be missing.
pub(crate) fn nevra(text: &str) -> Option<Nevra> {
    let text = text.strip_suffix(".rpm").unwrap_or(text);
    let (rest, architecture) = match text.rsplit_once('.') {
        Some((rest, last)) if ARCHITECTURES.contains(&last) => (rest, Some(last.to_owned())),
        _ => (text, None),
    };
    let (rest, release) = rest.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    let (epoch, version) = version.split_once(':').unwrap_or(("0", version));
    let plausible =
        version.starts_with(|c: char| c.is_ascii_alphanumeric()) && !name.is_empty() && !release.is_empty();
    plausible.then(|| Nevra { name: name.to_owned(), version: evr(epoch, version, release), architecture })
}

/// `epoch:version-release`, without an epoch of 0, as packages are written.
pub(crate) fn evr(epoch: &str, version: &str, release: &str) -> String {
    let epoch = epoch.trim();
    let mut text = String::new();
    if !matches!(epoch, "" | "0" | "None" | "(none)") {
        text = format!("{epoch}:");
    }
    text.push_str(version);
    if !release.is_empty() {
        text.push('-');
        text.push_str(release);
    }
    text
}

/// `0:3.0.7-27.el9` → `3.0.7-27.el9`.
pub(crate) fn without_zero_epoch(version: &str) -> &str {
    version.strip_prefix("0:").unwrap_or(version)
}

/// The restriction that a set of architectures means: none when it has the four that a release is
/// built for, or packages that fit any.
pub(crate) fn restriction(mut architectures: Vec<String>) -> Vec<String> {
    architectures.sort();
    architectures.dedup();
    let has = |name: &str| architectures.iter().any(|architecture| architecture == name);
    if has("noarch") || (has("x86_64") && has("aarch64") && has("s390x") && has("ppc64le")) {
        return Vec::new();
    }
    architectures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(versions: &[&str], expected: &str) {
        let shown: Vec<String> = ranges(versions.iter().map(|v| (*v).to_owned()).collect())
            .into_iter()
            .map(|range| match range.until {
                Bound::Fixed(until) => format!("[{}, {until})", range.introduced.as_deref().unwrap_or("0")),
                Bound::LastAffected(_) | Bound::Open => "?".to_owned(),
            })
            .collect();
        assert_eq!(shown.join(" "), expected, "{versions:?}");
    }

    #[test]
    fn fixes_of_several_minor_releases() {
        check(&["3.0.7-27.el9"], "[0, 3.0.7-27.el9)");
        check(
            &["32:9.11.36-3.el8_6.1", "32:9.11.26-4.el8_4.1"],
            "[0, 32:9.11.26-4.el8_4.1) [32:9.11.36-3, 32:9.11.36-3.el8_6.1)",
        );
        check(&["4.18.0-553.5.1.el8_10", "4.18.0-553.8.1.el8_10"], "[0, 4.18.0-553.8.1.el8_10)");
        check(
            &["5.14.0-427.16.1.el9_4", "5.14.0-362.8.1.el9_3"],
            "[0, 5.14.0-362.8.1.el9_3) [5.14.0-427, 5.14.0-427.16.1.el9_4)",
        );
        check(&[], "");
    }

    #[test]
    fn file_names() {
        let name = |text: &str| nevra(text).map(|n| format!("{} {} {:?}", n.name, n.version, n.architecture));
        assert_eq!(
            name("openssl-1:3.0.7-27.el9.x86_64").as_deref(),
            Some("openssl 1:3.0.7-27.el9 Some(\"x86_64\")")
        );
        assert_eq!(
            name("firefox-x11-0:115.5.0-1.el9_2.src.rpm").as_deref(),
            Some("firefox-x11 115.5.0-1.el9_2 Some(\"src\")")
        );
        assert_eq!(name("ctdb-4.19.2+git.322-1.1").as_deref(), Some("ctdb 4.19.2+git.322-1.1 None"));
        assert_eq!(name("firefox"), None);
        assert_eq!(name("--"), None);
    }
}
