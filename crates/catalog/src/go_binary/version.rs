//! The version of Go that built a program, in the form of the Go vulnerability database's `stdlib` module.

/// `go1.21rc2 X:boringcrypto` → `1.21.0-rc.2` (golang.org/x/vuln, "GoTagToSemver"). Experiments and suffixes of
/// vendors are dropped. A development version says of no release whether it is older or newer: it becomes empty.
pub(crate) fn standard_library(recorded: &str) -> String {
    parse(recorded).unwrap_or_default()
}

fn parse(recorded: &str) -> Option<String> {
    let rest = recorded.trim().strip_prefix("go")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let (numbers, suffix) = rest.split_at(end);
    let mut parts = numbers.trim_end_matches('.').split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    let patch = parts.next().unwrap_or("0");
    if [major, minor, patch].iter().any(|part| part.is_empty()) || parts.next().is_some() {
        return None;
    }
    let stage = ["rc", "beta"].into_iter().find_map(|stage| {
        let number = suffix.trim_start_matches('-').strip_prefix(stage)?.trim_start_matches('.');
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        number.get(..end).filter(|number| !number.is_empty()).map(|number| format!("-{stage}.{number}"))
    });
    Some(format!("{major}.{minor}.{patch}{}", stage.unwrap_or_default()))
}
