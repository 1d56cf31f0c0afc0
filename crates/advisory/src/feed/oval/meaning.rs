//! What the comment of a criterion says.

use crate::feed::{osv, rpm_fixes, ubuntu_release};
use crate::record::State;

/// The meaning of a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// `Red Hat Enterprise Linux 9 is installed`
    Platform(String),
    /// `Oracle Linux arch is x86_64`
    Architecture(String),
    /// `Module nodejs:18 is enabled`
    Module(String),
    /// `bind is earlier than 30:9.3.3-8.el5`
    Earlier { name: String, version: String },
    /// `tar is installed`
    Installed(String),
    /// A comment that says the state itself.
    Stated { name: String, state: State, version: Option<String>, space: Option<String>, by_source: bool },
    /// Signatures and everything else.
    Other,
}

impl Meaning {
    /// Reads a comment; in SUSE's, `NAME-VERSION is installed` stands for a test "earlier than".
    pub(super) fn of(comment: &str, is_suse: bool) -> Meaning {
        let comment = comment.trim();
        if let Some(meaning) = ubuntu(comment) {
            return meaning;
        }
        if let Some((name, version)) = comment.split_once(" is earlier than ") {
            let is_deb = name.ends_with(" DPKG");
            let name = name.trim_end_matches(" DPKG").to_owned();
            let version = rpm_fixes::without_zero_epoch(version.trim()).to_owned();
            return match (is_deb, version.as_str()) {
                // Debian's stands for a problem without a fix, and would never hold.
                (true, "0") => Meaning::Other,
                (true, _) => Meaning::Stated {
                    name,
                    state: State::Fixed,
                    version: Some(version),
                    space: None,
                    by_source: true,
                },
                (false, _) => Meaning::Earlier { name, version },
            };
        }
        if let Some((name, version)) = comment.split_once(" less than ") {
            return Meaning::Earlier { name: name.to_owned(), version: version.trim().to_owned() };
        }
        if let Some(module) =
            comment.strip_prefix("Module ").and_then(|rest| rest.strip_suffix(" is enabled"))
        {
            return Meaning::Module(module.to_owned());
        }
        if let Some((_, architecture)) = comment.split_once(" arch is ") {
            return Meaning::Architecture(architecture.trim().to_owned());
        }
        let stated = |name: &str, state| Meaning::Stated {
            name: name.to_owned(),
            state,
            version: None,
            space: None,
            by_source: false,
        };
        if let Some(name) = comment.strip_suffix(" is not affected") {
            return stated(name, State::NotAffected);
        }
        if let Some(name) = comment.strip_suffix(" is affected") {
            return stated(name, State::NotFixed);
        }
        match comment.strip_suffix(" is installed") {
            Some(what) => installed(what, is_suse),
            None => Meaning::Other,
        }
    }

    /// Whether it says something of a package.
    pub(super) fn is_about_a_package(&self) -> bool {
        match self {
            Meaning::Earlier { .. } | Meaning::Installed(_) | Meaning::Stated { .. } => true,
            Meaning::Platform(_) | Meaning::Architecture(_) | Meaning::Module(_) | Meaning::Other => false,
        }
    }
}

fn installed(what: &str, is_suse: bool) -> Meaning {
    if what.contains(' ') {
        return Meaning::Platform(what.to_owned());
    }
    match rpm_fixes::nevra(what).filter(|_| is_suse) {
        Some(nevra) => Meaning::Earlier { name: nevra.name, version: nevra.version },
        None if is_suse => Meaning::Other,
        None => Meaning::Installed(what.to_owned()),
    }
}

/// `(CVE-…) openssh package in esm-infra/bionic was vulnerable but has been fixed (note: '1:8.9p1-3ubuntu0.5').`
fn ubuntu(comment: &str) -> Option<Meaning> {
    let comment =
        comment.strip_prefix('(').and_then(|rest| rest.split_once(") ")).map_or(comment, |(_, rest)| rest);
    let comment = comment.strip_prefix("While related to the CVE in some way, the ").unwrap_or(comment);
    let (name, rest) = comment.split_once(" package in ")?;
    let (release, said) = rest.split_once(' ')?;
    let note = said
        .split_once("(note: '")
        .and_then(|(_, note)| note.split_once('\''))
        .map(|(note, _)| note.to_owned());
    let (state, version) = if said.contains("has been fixed") {
        (State::Fixed, note)
    } else if said.contains("pending publication") {
        // Ready but not published: still affected below it.
        (State::NotFixed, note)
    } else if said.contains("is not affected") {
        (State::NotAffected, None)
    } else if said.contains("defer") {
        (State::Deferred, None)
    } else if said.contains("ignore") {
        (State::WillNotFix, None)
    } else if said.contains("may need") || said.contains("might") {
        (State::UnderInvestigation, None)
    } else if said.contains("affected") || said.contains("needs fixing") {
        (State::NotFixed, None)
    } else {
        return None;
    };
    let state = if state == State::Fixed && version.is_none() { State::Undetermined } else { state };
    let space = ubuntu_release::space(release);
    Some(Meaning::Stated { name: name.to_owned(), state, version, space, by_source: true })
}

/// `Will not fix`, `Affected`, `Fix deferred`, `Under investigation`, `Out of support scope`.
pub(super) fn resolution(state: &str) -> State {
    match state.to_ascii_lowercase().as_str() {
        "will not fix" => State::WillNotFix,
        "fix deferred" => State::Deferred,
        "under investigation" => State::UnderInvestigation,
        "out of support scope" => State::EndOfLife,
        _ => State::NotFixed,
    }
}

/// The space of a platform's name.
pub(super) fn space_of_platform(platform: &str) -> Option<String> {
    const NAMES: &[(&str, &str)] = &[
        ("Red Hat Enterprise Linux ", "rhel"),
        ("Oracle Linux ", "ol"),
        ("AlmaLinux ", "almalinux"),
        ("Rocky Linux ", "rocky"),
        ("Debian GNU/Linux ", "debian"),
        ("Debian ", "debian"),
    ];
    let number =
        |rest: &str| -> String { rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect() };
    if let Some(rest) = platform.strip_prefix("SUSE ") {
        return osv::space::suse("SUSE", rest);
    }
    if let Some(rest) = platform.strip_prefix("openSUSE ") {
        return osv::space::suse("openSUSE", rest);
    }
    if let Some(rest) = platform.strip_prefix("Photon OS ").or_else(|| platform.strip_prefix("Photon ")) {
        let number = number(rest);
        return Some(if number.contains('.') {
            format!("photon:{number}")
        } else {
            format!("photon:{number}.0")
        });
    }
    if let Some(rest) = platform.strip_prefix("Ubuntu ") {
        return Some(format!("ubuntu:{}", number(rest)));
    }
    let (rest, id) = NAMES.iter().find_map(|(prefix, id)| Some((platform.strip_prefix(prefix)?, id)))?;
    let number = number(rest);
    let major = number.split('.').next().filter(|major| !major.is_empty())?;
    Some(format!("{id}:{major}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(comment: &str, expected: &str) {
        let meaning = Meaning::of(comment, false);
        let shown = if let Meaning::Stated { name, state, version, space, .. } = meaning {
            format!("{} {name} {state:?} {}", space.unwrap_or_default(), version.unwrap_or_default())
        } else {
            format!("{meaning:?}")
        };
        assert_eq!(shown.trim(), expected, "{comment}");
    }

    #[test]
    fn comments() {
        check(
            "openssh package in jammy was vulnerable but has been fixed (note: '1:8.9p1-3ubuntu0.5').",
            "ubuntu:22.04 openssh Fixed 1:8.9p1-3ubuntu0.5",
        );
        check(
            "(CVE-2023-1) x package in esm-apps/focal is affected and needs fixing.",
            "ubuntu:20.04:esm-apps x NotFixed",
        );
        check(
            "x package in noble is affected, but a decision has been made to defer addressing it (note: '2024').",
            "ubuntu:24.04 x Deferred",
        );
        check(
            "While related to the CVE in some way, the x package in focal is not affected.",
            "ubuntu:20.04 x NotAffected",
        );
        check("x package in focal is affected and may need fixing.", "ubuntu:20.04 x UnderInvestigation");
        check("389-ds-base DPKG is earlier than 1.3.5.15-1", "389-ds-base Fixed 1.3.5.15-1");
        check("tar is signed with Red Hat redhatrelease2 key", "Other");
        check("Module nodejs:18 is enabled", "Module(\"nodejs:18\")");
    }
}
