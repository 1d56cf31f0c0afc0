//! PHP packages: what Composer unpacked into `vendor` and its lock file.
//!
//! Names are written in lower case: Composer compares them so. Refused: packages of the project's own directories
//! (`path` repositories) and `installed.php`, which says the same as `installed.json` beside it.

mod installed;
mod lock_file;

use serde::Deserialize;

use crate::Reader;
use crate::document::{Shape, Table, Text};

pub(crate) const READERS: &[Reader] = &[installed::READER, lock_file::READER];

/// A package as both files describe it.
#[derive(Debug, Deserialize)]
struct Described {
    #[serde(default)]
    name: Text,
    #[serde(default)]
    version: Text,
    #[serde(default)]
    license: Shape<Text>,
    #[serde(default)]
    dist: Table<Dist>,
}

#[derive(Debug, Deserialize)]
struct Dist {
    #[serde(default, rename = "type")]
    kind: Text,
}

impl Described {
    fn name(&self) -> Option<String> {
        let is_local = self.dist.0.as_ref().is_some_and(|dist| dist.kind.get() == Some("path"));
        self.name.get().filter(|_| !is_local).map(str::to_ascii_lowercase)
    }

    fn licenses(&self) -> Vec<String> {
        match &self.license {
            Shape::Text(license) if !license.is_empty() => vec![license.clone()],
            Shape::List(licenses) => licenses.iter().filter_map(Text::get).map(str::to_owned).collect(),
            Shape::Absent | Shape::Flag(_) | Shape::Number(_) | Shape::Text(_) | Shape::Map(_) => Vec::new(),
        }
    }
}
