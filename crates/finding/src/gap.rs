//! What could not be examined, and why.

use std::fmt;

use seawall_inventory::Place;
use serde::{Deserialize, Serialize};

/// Something that was not (wholly) examined. "Nothing found" and "not looked at" are never the same output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// Why, for programs.
    pub kind: GapKind,
    /// Where.
    #[serde(default)]
    pub place: Place,
    /// Why, for people: one clause that completes "not examined: …".
    pub reason: String,
}

/// The reasons for a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// A named limit was reached.
    Limit,
    /// The operating system or the registry refused to give it.
    Unreadable,
    /// The bytes are not what the format says.
    Malformed,
    /// A version cannot be read, so nothing can be said about it.
    Undetermined,
    /// No advisory data covers it.
    NoData,
    /// Its format or variant is not supported.
    Unsupported,
}

impl Gap {
    /// A gap at a path.
    pub fn at(kind: GapKind, path: impl Into<String>, reason: impl fmt::Display) -> Gap {
        Gap { kind, place: Place::path(path), reason: reason.to_string() }
    }

    /// A gap of the target as a whole.
    pub fn of_target(kind: GapKind, reason: impl fmt::Display) -> Gap {
        Gap { kind, place: Place::default(), reason: reason.to_string() }
    }

    /// The text of a gap whose path is a file's name as the user wrote it, and no path from the root of an image.
    pub fn as_named(&self) -> String {
        let text = self.to_string();
        match (&self.place.path, text.strip_prefix('/')) {
            (Some(_), Some(named)) => named.to_owned(),
            (Some(_) | None, _) => text,
        }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_file_gets_no_root() {
        for (path, line, expected) in [
            ("cv6", None, "cv6: x"),
            ("g1/Dockerfile", Some(2), "g1/Dockerfile:2: x"),
            ("/srv/cv6", None, "/srv/cv6: x"),
        ] {
            let mut gap = Gap::at(GapKind::Unreadable, path, "x");
            gap.place.line = line;
            assert_eq!(gap.as_named(), expected);
            assert_eq!(gap.to_string(), format!("/{expected}"), "from an image's root");
        }
        let pointer = Place { pointer: Some("/spec".to_owned()), ..Place::default() };
        for (place, expected) in [(Place::default(), "target: x"), (pointer, "/spec: x")] {
            assert_eq!(Gap { kind: GapKind::Unreadable, place, reason: "x".to_owned() }.as_named(), expected);
        }
    }
}
