//! Debian's release names and numbers.

const RELEASES: &[(&str, &str)] = &[
    ("woody", "3.0"),
    ("sarge", "3.1"),
    ("etch", "4"),
    ("lenny", "5"),
    ("squeeze", "6"),
    ("wheezy", "7"),
    ("jessie", "8"),
    ("stretch", "9"),
    ("buster", "10"),
    ("bullseye", "11"),
    ("bookworm", "12"),
    ("trixie", "13"),
    ("forky", "14"),
    ("duke", "15"),
];

/// The space of a release: `bookworm` → `debian:12`, `sid` → `debian:sid`; suffixes of pockets
/// (`bookworm-security`) belong to the release.
pub(crate) fn space(name: &str) -> String {
    let base = ["-security", "-updates", "-lts", "-backports", "/updates"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name);
    match RELEASES.iter().find(|(codename, _)| *codename == base) {
        Some((_, number)) => format!("debian:{number}"),
        None if base == "unstable" => "debian:sid".to_owned(),
        None => format!("debian:{base}"),
    }
}
