//! The metadata of installed distributions: `NAME-VERSION.dist-info/METADATA` (wheels), `NAME.egg-info/PKG-INFO`
//! (setuptools), a file `NAME-VERSION.egg-info` (distutils) and `EGG-INFO/PKG-INFO` of an unpacked egg.
//!
//! Format: <https://packaging.python.org/en/latest/specifications/core-metadata/>, fields as in an email's head.

use seawall_finding::GapKind;
use seawall_inventory::{Content, Ecosystem, Entry, Interest, Package};

use super::normalised;
use crate::limits::{LICENSE_NAME_BYTES_MAX, LICENSES_PER_FILE_MAX, PYTHON_METADATA_HEAD_BYTES};
use crate::project;
use crate::{Catalog, Reader};

pub(super) const READER: Reader = Reader { name: "python-installed", interest, read };

/// What old Python releases record of themselves and of modules that became theirs; pip does not list these either.
const OF_PYTHON: [&str; 3] = ["python", "wsgiref", "argparse"];

#[inline(always)]
fn interest(entry: &Entry<'_>) -> Interest {
    let is_metadata = project::ends(entry, ".dist-info/METADATA")
        || project::ends(entry, "/PKG-INFO")
        || project::ends(entry, ".egg-info");
    if is_metadata && directory(entry.path).is_some() {
        return Interest::Head(PYTHON_METADATA_HEAD_BYTES);
    }
    Interest::No
}

/// The name of the directory or file that marks the distribution, without its ending.
fn directory(path: &str) -> Option<&str> {
    let component = |path: &str| path.rsplit('/').next().map(str::len);
    let marked = if let Some(directory) = path.strip_suffix("/METADATA") {
        directory.strip_suffix(".dist-info")?
    } else if let Some(egg) = path.strip_suffix("/EGG-INFO/PKG-INFO") {
        egg.strip_suffix(".egg")?
    } else {
        path.strip_suffix("/PKG-INFO").unwrap_or(path).strip_suffix(".egg-info")?
    };
    let name = marked.get(marked.len() - component(marked)?..)?;
    // pip renames what it removes to `~ame`; Python does not import it any more.
    (!name.is_empty() && !name.starts_with('~')).then_some(name)
}

fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(directory) = directory(entry.path) else { return };
    let head = match content.head(PYTHON_METADATA_HEAD_BYTES as usize) {
        Ok(head) => head,
        Err(error) => return catalog.gap(GapKind::Unreadable, entry.path, error),
    };
    let fields = Fields::of(&String::from_utf8_lossy(head));
    if !fields.is_whole && content.size_bytes() > u64::from(PYTHON_METADATA_HEAD_BYTES) {
        let reason = format_args!("its head is longer than {PYTHON_METADATA_HEAD_BYTES} bytes");
        catalog.gap(GapKind::Limit, entry.path, reason);
    }
    let (name, version) = named(directory);
    let name = normalised(fields.name.as_deref().unwrap_or(name));
    if OF_PYTHON.contains(&name.as_str()) {
        return;
    }
    // A bare `NAME.egg-info` states no version itself.
    let Some(version) = fields.version.as_deref().or(version) else {
        return catalog.gap(GapKind::Malformed, entry.path, "the metadata states no version");
    };
    let mut package = Package::new(Ecosystem::Pypi, name, version);
    package.licenses = fields.licenses();
    catalog.declare(entry.path, package);
}

/// `PyYAML-5.3-py3.8-linux-x86_64` → `PyYAML` and `5.3`.
fn named(directory: &str) -> (&str, Option<&str>) {
    let dashes = directory.match_indices('-').map(|(at, _)| at);
    let is_version = |at: usize| {
        directory.get(at + 1..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let Some(at) = dashes.into_iter().find(|at| is_version(*at)) else {
        return (directory, None);
    };
    let version = directory.get(at + 1..).and_then(|rest| rest.split('-').next());
    (directory.get(..at).unwrap_or(directory), version)
}

/// The fields that are wanted; the first of each name holds, as in Python.
#[derive(Debug, Default)]
struct Fields {
    /// Whether the empty line was seen that ends the head.
    is_whole: bool,
    name: Option<String>,
    version: Option<String>,
    expression: Option<String>,
    license: Option<String>,
    classifiers: Vec<String>,
}

impl Fields {
    fn of(head: &str) -> Fields {
        let mut fields = Fields::default();
        let mut lines = head.trim_start_matches('\u{feff}').lines().peekable();
        while let Some(line) = lines.next() {
            if line.trim_end().is_empty() {
                fields.is_whole = true;
                break;
            }
            let is_continued = lines.peek().is_some_and(|next| next.starts_with([' ', '\t']));
            let Some((key, value)) = line.split_once(':') else { continue };
            fields.take(key, value.trim(), is_continued);
        }
        fields
    }

    fn take(&mut self, key: &str, value: &str, is_continued: bool) {
        let field = match key.to_ascii_lowercase().as_str() {
            "name" => &mut self.name,
            "version" => &mut self.version,
            "license-expression" => &mut self.expression,
            // What goes on in further lines is a licence's text.
            "license" if !is_continued => &mut self.license,
            "classifier" => {
                let license = value.strip_prefix("License ::").and_then(|path| path.rsplit("::").next());
                let license = license.map(str::trim).filter(|name| !matches!(*name, "" | "OSI Approved"));
                self.classifiers.extend(
                    license.filter(|_| self.classifiers.len() < LICENSES_PER_FILE_MAX).map(str::to_owned),
                );
                return;
            }
            _ => return,
        };
        if field.is_none() && !value.is_empty() {
            *field = Some(value.to_owned());
        }
    }

    /// The expression; else the name that the author gave; else what the classifiers say.
    fn licenses(self) -> Vec<String> {
        let is_name =
            |name: &String| name.len() <= LICENSE_NAME_BYTES_MAX && !name.eq_ignore_ascii_case("unknown");
        match self.expression.filter(is_name).or(self.license.filter(is_name)) {
            Some(license) => vec![license],
            None => {
                let mut once = Vec::new();
                for license in self.classifiers.into_iter().filter(is_name) {
                    if !once.contains(&license) {
                        once.push(license);
                    }
                }
                once
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::process::Command;

    use seawall_inventory::{Ecosystem, Package};

    use super::normalised;
    use crate::testing::{catalog_of_tree, check_listed as check};

    const REQUESTS: &str =
        "Metadata-Version: 2.1\nName: Requests\nVersion: 2.31.0\nLicense: Apache 2.0\n\nName: no\n";

    #[test]
    fn every_place_of_metadata_is_read() {
        for path in [
            "usr/lib/python3/dist-packages/requests-2.31.0.dist-info/METADATA",
            "requests-2.31.0.dist-info/METADATA",
            "opt/venv/lib/python3.12/site-packages/requests.egg-info/PKG-INFO",
            "usr/lib/python2.7/dist-packages/requests-2.31.0.egg-info",
            "srv/requests-2.31.0-py3.8.egg/EGG-INFO/PKG-INFO",
        ] {
            check(path, REQUESTS, &["pypi requests 2.31.0 installed Apache 2.0"]);
        }
        for path in [
            "src/requests-2.31.0/PKG-INFO",
            "site-packages/requests-2.31.0.dist-info/RECORD",
            "site-packages/~equests-2.31.0.dist-info/METADATA",
            "site-packages/.dist-info/METADATA",
            "site-packages/METADATA",
            "srv/EGG-INFO/PKG-INFO",
        ] {
            check(path, REQUESTS, &[]);
        }
    }

    #[test]
    fn the_name_of_the_directory_tells_what_the_metadata_does_not() {
        check("a/PyYAML-5.3-py3.8-linux-x86_64.egg-info", "", &["pypi pyyaml 5.3 installed"]);
        check(
            "a/zope.interface-6.0.dist-info/METADATA",
            "\u{feff}Name: zope.interface\r\n\r\n",
            &["pypi zope-interface 6.0 installed"],
        );
        check("a/a.egg-info/PKG-INFO", "Name: a\n", &["gap malformed: the metadata states no version"]);
        check("a/a.egg-info/PKG-INFO", "\u{0}\u{1}", &["gap malformed: the metadata states no version"]);
    }

    #[test]
    fn only_the_head_is_read() {
        let body = "x".repeat(2 << 20);
        check("a-1.dist-info/METADATA", format!("Name: a\nVersion: 1\n\n{body}"), &["pypi a 1 installed"]);
        check(
            "a-1.dist-info/METADATA",
            format!("Name: a\nVersion: 1\nDescription: {body}"),
            &["gap limit: its head is longer than 1048576 bytes", "pypi a 1 installed"],
        );
    }

    #[test]
    fn what_python_records_of_itself_is_no_package() {
        check(
            "lib/python2.7/lib-dynload/Python-2.7.18-py2.7.egg-info",
            "Name: Python\nVersion: 2.7.18\n",
            &[],
        );
        check("lib/python2.7/wsgiref.egg-info", "Name: wsgiref\nVersion: 0.1.2\n", &[]);
    }

    #[test]
    fn licences_are_names_not_texts() {
        let with = |fields: &str| format!("Name: a\nVersion: 1\n{fields}\n");
        for (fields, shown) in [
            ("License-Expression: MIT OR Apache-2.0\nLicense: MIT", " MIT OR Apache-2.0"),
            (
                "License: Copyright (c) 2020\n        All rights\nClassifier: License :: OSI Approved :: BSD License",
                " BSD License",
            ),
            (
                "License: UNKNOWN\nClassifier: License :: OSI Approved\nClassifier: License :: OSI Approved :: MIT License\nClassifier: License :: Public Domain",
                " MIT License, Public Domain",
            ),
            ("License: UNKNOWN", ""),
            ("Description: x\n        Name: b\nLicense:", ""),
        ] {
            check("a-1.dist-info/METADATA", with(fields), &[&format!("pypi a 1 installed{shown}")]);
        }
    }

    /// A fresh virtual environment of the machine's Python, which holds pip and, for old ones, setuptools.
    #[test]
    fn it_finds_what_pip_lists() {
        let directory = tempfile::tempdir().unwrap();
        let run = |program: &Path, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).current_dir(directory.path()).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let python = directory.path().join("venv/bin/python");
        let listed = run(Path::new("python3"), &["-m", "venv", "venv"]).and_then(|_| {
            run(&python, &["-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"])
        });
        let Some(listed) = listed else {
            eprintln!("skipped: no python3 that makes virtual environments with pip");
            return;
        };
        let pins = listed.lines().filter_map(|line| line.split_once("=="));
        let expected: BTreeSet<String> =
            pins.map(|(name, version)| format!("{} {version}", normalised(name))).collect();
        let catalog = catalog_of_tree(directory.path());
        let is_listed = |package: &&Package| {
            package.ecosystem == Ecosystem::Pypi
                && !package.places[0].path.as_deref().unwrap().contains("/_vendor/")
        };
        let found = catalog.packages.iter().filter(is_listed);
        let found: BTreeSet<String> =
            found.map(|package| format!("{} {}", package.name, package.version)).collect();
        assert_eq!(found, expected);
    }
}
