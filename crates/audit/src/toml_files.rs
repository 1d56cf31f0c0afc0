//! Configuration in TOML that is spread over a file and its drop-ins: a later file's word counts.

use toml::{Table, Value};

use crate::limits::FRAGMENTS_MAX;
use crate::root::{Root, Unread};

/// Files in the order in which they are read.
#[derive(Debug, Default)]
pub(crate) struct TomlFiles {
    tables: Vec<(String, Table)>,
    /// The first file that could not be read, and why.
    pub(crate) refused: Option<(String, String)>,
}

impl TomlFiles {
    /// Reads files, and of directories (which end in `/`) their `*.conf` by name.
    pub(crate) fn read(root: &Root, paths: &[&str]) -> TomlFiles {
        let mut files = TomlFiles::default();
        for path in paths {
            match path.strip_suffix('/') {
                None => files.add(root, path),
                Some(directory) => {
                    let names = root.names(directory).unwrap_or_default();
                    let names =
                        names.iter().filter(|name| name.ends_with(".conf") || name.ends_with(".toml"));
                    for name in names.take(FRAGMENTS_MAX) {
                        files.add(root, &format!("{directory}/{name}"));
                    }
                }
            }
        }
        files
    }

    fn add(&mut self, root: &Root, path: &str) {
        let read = match root.text(path) {
            Err(Unread::Absent) => return,
            Err(Unread::Refused(reason)) => Err(reason),
            Ok(text) => text.parse::<Table>().map_err(|error| error.message().to_owned()),
        };
        match read {
            Ok(table) => self.tables.push((path.to_owned(), table)),
            Err(reason) => self.refused = self.refused.take().or(Some((path.to_owned(), reason))),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.refused.is_none()
    }

    /// Every value at a path, with its file, the one that counts last.
    pub(crate) fn all(&self, path: &[&str]) -> Vec<(&str, &Value)> {
        self.tables.iter().filter_map(|(file, table)| Some((file.as_str(), member(table, path)?))).collect()
    }

    pub(crate) fn get(&self, path: &[&str]) -> Option<(&str, &Value)> {
        self.all(path).pop()
    }

    /// The files, for people.
    pub(crate) fn names(&self) -> String {
        self.tables.iter().map(|(file, _)| file.as_str()).collect::<Vec<_>>().join(", ")
    }
}

fn member<'t>(table: &'t Table, path: &[&str]) -> Option<&'t Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, key| value.as_table()?.get(*key))
}

/// The texts of a list.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
