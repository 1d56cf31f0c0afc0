//! Ubuntu's release names and numbers.

const RELEASES: &[(&str, &str)] = &[
    ("precise", "12.04"),
    ("trusty", "14.04"),
    ("utopic", "14.10"),
    ("vivid", "15.04"),
    ("wily", "15.10"),
    ("xenial", "16.04"),
    ("yakkety", "16.10"),
    ("zesty", "17.04"),
    ("artful", "17.10"),
    ("bionic", "18.04"),
    ("cosmic", "18.10"),
    ("disco", "19.04"),
    ("eoan", "19.10"),
    ("focal", "20.04"),
    ("groovy", "20.10"),
    ("hirsute", "21.04"),
    ("impish", "21.10"),
    ("jammy", "22.04"),
    ("kinetic", "22.10"),
    ("lunar", "23.04"),
    ("mantic", "23.10"),
    ("noble", "24.04"),
    ("oracular", "24.10"),
    ("plucky", "25.04"),
    ("questing", "25.10"),
    ("resolute", "26.04"),
];

/// The space of `jammy`, `esm-infra/bionic`, `trusty/esm`, `fips-updates/focal`; `None` for names that are no release
/// (`upstream`, `devel`, `snap`).
pub(crate) fn space(name: &str) -> Option<String> {
    let (stream, codename) = match name.split_once('/') {
        Some((codename, "esm")) => (Some("esm-infra"), codename),
        Some((stream, codename)) => (Some(stream), codename),
        None => (None, name),
    };
    let (_, number) = RELEASES.iter().find(|(known, _)| *known == codename)?;
    Some(match stream {
        Some(stream) => format!("ubuntu:{number}:{stream}"),
        None => format!("ubuntu:{number}"),
    })
}
