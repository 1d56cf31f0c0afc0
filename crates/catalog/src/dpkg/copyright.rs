//! The licences of a Debian package, from `usr/share/doc/<package>/copyright`.
//!
//! A machine-readable file (DEP-5) names them in `License:` fields. Of a free text only what is certain is taken: the
//! files below `/usr/share/common-licenses` that it points to, and otherwise the opening words of well-known licences.

use seawall_inventory::{Content, Ecosystem, Entry, Interest};

use crate::limits::{COPYRIGHT_BYTES_MAX, LICENSE_NAME_BYTES_MAX, LICENSES_PER_FILE_MAX};
use crate::{Catalog, PackageLicenses};

/// Words that only this licence's text has, as they stand after white space is made single.
const OPENINGS: &[(&str, &str)] = &[
    ("Permission is hereby granted, free of charge, to any person obtaining a copy", "MIT"),
    ("Permission to use, copy, modify, and/or distribute this software for any purpose", "ISC"),
    ("Redistribution and use in source and binary forms", "BSD"),
    ("Licensed under the Apache License, Version 2.0", "Apache-2.0"),
    ("GNU Affero General Public License", "AGPL"),
    ("GNU Lesser General Public License", "LGPL"),
    ("GNU Library General Public License", "LGPL"),
    ("GNU General Public License", "GPL"),
    ("Mozilla Public License", "MPL"),
    ("public domain", "public-domain"),
];

const COMMON_LICENSES: &str = "/usr/share/common-licenses/";

pub(super) fn interest(entry: &Entry<'_>) -> Interest {
    if package(entry.path).is_some() { Interest::Whole } else { Interest::No }
}

fn package(path: &str) -> Option<&str> {
    let name = path.strip_prefix("usr/share/doc/")?.strip_suffix("/copyright")?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

pub(super) fn read(entry: &Entry<'_>, content: &mut dyn Content, catalog: &mut Catalog) {
    let Some(name) = package(entry.path) else { return };
    let Some(bytes) = catalog.whole(entry, content, COPYRIGHT_BYTES_MAX) else { return };
    let licenses = licenses(&String::from_utf8_lossy(bytes));
    if licenses.is_empty() {
        return;
    }
    let (path, name) = (entry.path.to_owned(), name.to_owned());
    catalog.licenses.push(PackageLicenses { path, ecosystem: Ecosystem::Deb, name, licenses });
}

/// The licences that a copyright file names, each once, in its order.
pub(super) fn licenses(text: &str) -> Vec<String> {
    let mut names = Names::default();
    for line in text.lines() {
        if let Some(value) = strip_field(line, "license") {
            names.add(value);
        }
    }
    if names.0.is_empty() {
        for (_, rest) in text.match_indices(COMMON_LICENSES).map(|(at, mark)| text.split_at(at + mark.len()))
        {
            let end =
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-.+".contains(c))).unwrap_or(rest.len());
            names.add(rest.split_at(end).0.trim_end_matches(['.', '-']));
        }
    }
    if names.0.is_empty() {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for (opening, name) in OPENINGS {
            if words.contains(opening) {
                names.add(name);
            }
        }
    }
    names.0
}

fn strip_field<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let (field, value) = line.split_once(':')?;
    field.eq_ignore_ascii_case(name).then(|| value.trim())
}

#[derive(Default)]
struct Names(Vec<String>);

impl Names {
    fn add(&mut self, name: &str) {
        let fits = !name.is_empty() && name.len() <= LICENSE_NAME_BYTES_MAX;
        if fits && self.0.len() < LICENSES_PER_FILE_MAX && !self.0.iter().any(|known| known == name) {
            self.0.push(name.to_owned());
        }
    }
}
