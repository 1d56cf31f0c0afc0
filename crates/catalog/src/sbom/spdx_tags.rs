//! SPDX 2.2 and 2.3, tag-value: `Tag: value` lines, texts of several lines between `<text>` and `</text>`.

use std::collections::HashMap;

use super::component::{Document, asserted};
use super::spdx::{Described, add_annotation, finish};

/// Whether the document begins as one: comments, then the version.
pub(super) fn is_document(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(bytes.get(..4096).unwrap_or(bytes));
    let mut lines = head.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next().is_some_and(|line| line.starts_with("SPDXVersion:"))
}

pub(super) fn read(bytes: &[u8]) -> Document {
    let text = String::from_utf8_lossy(bytes);
    let mut state = State::default();
    let mut rest: &str = &text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        let Some((tag, value)) = line.trim_end_matches('\r').split_once(':') else { continue };
        let value = value.trim();
        let Some(opened) = value.strip_prefix("<text>") else {
            state.field(tag.trim(), value);
            continue;
        };
        if let Some(value) = opened.strip_suffix("</text>") {
            state.field(tag.trim(), value);
        } else if let Some((more, after)) = rest.split_once("</text>") {
            state.field(tag.trim(), &format!("{opened}\n{more}"));
            rest = after;
        }
    }
    state.finish()
}

#[derive(Default)]
struct State {
    name: String,
    packages: Vec<Described>,
    roots: Vec<String>,
    /// Whether fields belong to the last package; files and snippets have fields of the same names.
    is_in_package: bool,
    annotated: String,
    comments: Vec<(String, String)>,
    license: String,
    licenses: HashMap<String, String>,
}

impl State {
    fn field(&mut self, tag: &str, value: &str) {
        match tag {
            "DocumentName" => self.name = value.to_owned(),
            "PackageName" => {
                self.is_in_package = true;
                let mut package = Described::default();
                package.component.name = value.to_owned();
                self.packages.push(package);
            }
            "FileName" | "SnippetSPDXID" => self.is_in_package = false,
            "LicenseID" => {
                self.is_in_package = false;
                self.license = value.to_owned();
            }
            "LicenseName" | "ExtractedText" if !self.license.is_empty() => {
                self.licenses.entry(self.license.clone()).or_insert_with(|| value.to_owned());
            }
            "Relationship" => {
                let mut words = value.split_whitespace();
                if let (Some("SPDXRef-DOCUMENT"), Some("DESCRIBES"), Some(root)) =
                    (words.next(), words.next(), words.next())
                {
                    self.roots.push(root.to_owned());
                }
            }
            "SPDXREF" => self.annotated = value.to_owned(),
            "AnnotationComment" => {
                self.comments.push((std::mem::take(&mut self.annotated), value.to_owned()))
            }
            _ if self.is_in_package => self.package_field(tag, value),
            _ => {}
        }
    }

    fn package_field(&mut self, tag: &str, value: &str) {
        let Some(package) = self.packages.last_mut() else { return };
        match tag {
            "SPDXID" => package.id = value.to_owned(),
            "PackageVersion" => package.component.version = asserted(value).to_owned(),
            "PrimaryPackagePurpose" => package.purpose = value.to_owned(),
            "PackageLicenseDeclared" => package.declared = value.to_owned(),
            "PackageLicenseConcluded" => package.concluded = value.to_owned(),
            "PackageSourceInfo" => {
                package.component.properties.push(("sourceInfo".to_owned(), value.to_owned()));
            }
            "ExternalRef" => {
                let mut words = value.split_whitespace().skip(1);
                if let (Some("purl"), Some(purl)) = (words.next(), words.next()) {
                    package.component.purl.get_or_insert_with(|| purl.to_owned());
                }
            }
            _ => {}
        }
    }

    /// An annotation names its element, or belongs to the package before it.
    fn finish(mut self) -> Document {
        let by_id: HashMap<String, usize> =
            self.packages.iter().enumerate().map(|(at, package)| (package.id.clone(), at)).collect();
        for (id, comment) in &self.comments {
            let at = by_id.get(id).copied();
            if let Some(package) = at.and_then(|at| self.packages.get_mut(at)) {
                add_annotation(&mut package.component, comment);
            }
        }
        finish(self.name, self.packages, &self.roots, &self.licenses)
    }
}
