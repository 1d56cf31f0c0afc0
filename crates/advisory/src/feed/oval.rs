//! OVAL 5 definitions (<https://oval.mitre.org/language/version5.11/>) of Red Hat v2, Oracle, SUSE, AlmaLinux, Photon, Ubuntu and
//! Debian. All seen as samples of a few definitions.
//!
//! Read by the comments of criteria, which all these vendors generate from one template each (`bind is earlier than 30:9.3.3-8.el5`),
//! not by running tests: the comments are what says whether a package is affected, fixed or not affected.

mod criteria;
mod meaning;

use std::collections::BTreeMap;

use super::osv::space;
use super::{Document, Item, cve_id, limits, rating, rpm_fixes, xml};
use crate::record::{Affected, Bound, KeyedBy, Range, Record, State};
use criteria::{Node, Statement};
use meaning::Meaning;

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let text = document.text();
    let mut reader = Definitions { told: document.space, out, definition: None, found: 0 };
    if let Err(error) = xml::walk(&text, &mut reader) {
        return out(document.malformed(error));
    }
    if reader.found == 0 {
        out(document.malformed("it has no definitions"));
    }
}

struct Definitions<'a> {
    told: Option<&'a str>,
    out: &'a mut dyn FnMut(Item),
    definition: Option<Definition>,
    found: u64,
}

#[derive(Default)]
struct Definition {
    id: String,
    title: String,
    description: String,
    severity: String,
    published: Option<String>,
    modified: Option<String>,
    platforms: Vec<String>,
    cpes: Vec<String>,
    references: Vec<String>,
    cves: Vec<String>,
    advisory: Option<String>,
    vectors: Vec<String>,
    /// Red Hat: component → why it has no fix.
    resolutions: BTreeMap<String, State>,
    resolution: State,
    open: Vec<Node>,
    root: Option<Node>,
}

impl xml::Handler for Definitions<'_> {
    fn start(&mut self, name: &str, attributes: &xml::Attributes<'_>) {
        if name == "definition" {
            let id = attributes.get("id").unwrap_or_default();
            self.definition = Some(Definition { id, ..Definition::default() });
        } else if let Some(definition) = &mut self.definition {
            definition.start(name, attributes);
        }
    }

    fn end(&mut self, name: &str, text: &str) {
        if name == "definition" {
            self.found += 1;
            if let Some(definition) = self.definition.take() {
                definition.finish(self.told, self.out);
            }
        } else if let Some(definition) = &mut self.definition {
            definition.end(name, text);
        }
    }
}

impl Definition {
    fn start(&mut self, name: &str, attributes: &xml::Attributes<'_>) {
        let get = |name| attributes.get(name).unwrap_or_default();
        match name {
            "reference" => {
                let id = get("ref_id");
                let cves = cve_id::cves_in(&id);
                if cves.is_empty() && self.advisory.is_none() {
                    self.advisory = Some(id);
                }
                self.cves.extend(cves);
                self.references.push(get("ref_url"));
            }
            "issued" => self.published = get("date").get(..10).map(str::to_owned),
            "updated" => self.modified = attributes.get("date"),
            "cve" => {
                // `7.0/CVSS:3.1/AV:L/…`, and Ubuntu's `cvss_vector`.
                for key in ["cvss_vector", "cvss4", "cvss3", "cvss2"] {
                    if let Some(vector) = attributes.get(key) {
                        let bare = vector.split_once('/').filter(|(score, _)| score.parse::<f64>().is_ok());
                        self.vectors.push(bare.map_or(vector.clone(), |(_, vector)| vector.to_owned()));
                    }
                }
            }
            "resolution" => self.resolution = meaning::resolution(&get("state")),
            "criteria" if self.open.len() < limits::XML_DEPTH_MAX => {
                let is_and = attributes.get("operator").as_deref() != Some("OR");
                let negate = attributes.get("negate").as_deref() == Some("true");
                self.open.push(Node::Criteria { is_and, negate, children: Vec::new() });
            }
            "criterion" => {
                let negate = attributes.get("negate").as_deref() == Some("true");
                let meaning = if negate {
                    Meaning::Other
                } else {
                    Meaning::of(&get("comment"), self.id.contains("opensuse"))
                };
                if let Some(Node::Criteria { children, .. }) = self.open.last_mut() {
                    children.push(Node::Criterion(meaning));
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str, text: &str) {
        let owned = || text.to_owned();
        match name {
            "title" => self.title = owned(),
            "description" => self.description = owned(),
            "severity" => self.severity = owned(),
            "platform" => self.platforms.push(owned()),
            "cpe" => self.cpes.push(owned()),
            "cve" => self.cves.extend(cve_id::cves_in(text)),
            "public_date" => self.published = text.get(..10).map(str::to_owned),
            "component" => {
                let component = text.rsplit('/').next().unwrap_or(text);
                self.resolutions.insert(component.to_owned(), self.resolution);
            }
            "criteria" => {
                let Some(done) = self.open.pop() else { return };
                match self.open.last_mut() {
                    Some(Node::Criteria { children, .. }) => children.push(done),
                    Some(Node::Criterion(_)) | None => self.root = Some(done),
                }
            }
            _ => {}
        }
    }

    fn finish(mut self, told: Option<&str>, out: &mut dyn FnMut(Item)) {
        self.cves.sort();
        self.cves.dedup();
        let affected = self.affected(told);
        if affected.is_empty() {
            return;
        }
        let source = self.source();
        let mut ratings = Vec::new();
        rating::push(&mut ratings, rating::of_word(source, &self.severity));
        if let [_] = self.cves.as_slice() {
            for vector in &self.vectors {
                rating::push(&mut ratings, rating::of_vector(source, vector));
            }
        }
        let title = self.title.split_whitespace().collect::<Vec<_>>().join(" ");
        let record = Record {
            published: self.published,
            modified: self.modified,
            title: title.chars().take(limits::TITLE_CHARS_MAX).collect(),
            description: self.description,
            references: self.references,
            ratings,
            affected,
            ..Record::default()
        };
        match self.cves.as_slice() {
            [] => {
                if let Some(id) = self.advisory {
                    out(Item::Record(Record { id, ..record }));
                }
            }
            cves => {
                for cve in cves.iter().take(limits::PROBLEMS_MAX) {
                    out(Item::Record(Record {
                        id: cve.clone(),
                        advisory: self.advisory.clone(),
                        ..record.clone()
                    }));
                }
            }
        }
    }

    fn source(&self) -> &'static str {
        const SOURCES: &[(&str, &str)] = &[
            ("com.redhat", "redhat"),
            ("com.oracle", "oracle"),
            ("org.opensuse", "suse"),
            ("almalinux", "almalinux"),
            ("com.vmware", "photon"),
            ("com.ubuntu", "ubuntu"),
            ("org.debian", "debian"),
        ];
        SOURCES.iter().find(|(part, _)| self.id.contains(part)).map_or("oval", |(_, source)| source)
    }

    fn affected(&self, told: Option<&str>) -> Vec<Affected> {
        let mut statements = Vec::new();
        if let Some(root) = &self.root {
            criteria::statements(root, &mut statements);
        }
        let unaffected = self.id.contains(".unaffected:");
        let mut groups: BTreeMap<(String, String, Option<String>, State, bool), Group> = BTreeMap::new();
        for statement in &statements {
            let Some((name, state, version, by_source)) = self.state(statement, unaffected) else { continue };
            for space in self.spaces(statement, told) {
                let space = flavour(&space, version.as_deref());
                let key = (space, name.to_owned(), statement.module.clone(), state, by_source);
                let group = groups.entry(key).or_default();
                group.versions.extend(version.clone());
                group.architectures.extend(statement.architecture.clone());
            }
        }
        groups.into_iter().map(|(key, group)| group.affected(key)).collect()
    }

    /// What a statement says: name, state, version, whether the name is a source's.
    fn state<'s>(
        &self,
        statement: &'s Statement,
        unaffected: bool,
    ) -> Option<(&'s str, State, Option<String>, bool)> {
        match &statement.meaning {
            Meaning::Earlier { name, version } => Some((name, State::Fixed, Some(version.clone()), false)),
            Meaning::Installed(name) if unaffected => Some((name, State::NotAffected, None, false)),
            Meaning::Installed(name) => {
                let only = self.resolutions.values().next().copied().filter(|_| self.resolutions.len() == 1);
                let state = self.resolutions.get(name).copied().or(only).unwrap_or(State::NotFixed);
                // Only Red Hat's definitions of CVEs mean "affected" by "installed".
                self.id.contains("com.redhat.cve:").then_some((name, state, None, false))
            }
            Meaning::Stated { name, state, version, by_source, .. } => {
                Some((name, *state, version.clone(), *by_source))
            }
            Meaning::Platform(_) | Meaning::Architecture(_) | Meaning::Module(_) | Meaning::Other => None,
        }
    }

    fn spaces(&self, statement: &Statement, told: Option<&str>) -> Vec<String> {
        if let Some(told) = told {
            return vec![told.to_owned()];
        }
        if let Meaning::Stated { space: Some(space), .. } = &statement.meaning {
            return vec![space.clone()];
        }
        let of_cpe = |cpe: &String| space::red_hat_cpe(cpe.split_once(":redhat:")?.1);
        let mut spaces: Vec<String> = self.cpes.iter().filter_map(of_cpe).collect();
        if spaces.is_empty() {
            let platforms =
                if statement.platforms.is_empty() { &self.platforms } else { &statement.platforms };
            spaces = platforms.iter().filter_map(|platform| meaning::space_of_platform(platform)).collect();
        }
        spaces.sort();
        spaces.dedup();
        spaces
    }
}

/// Oracle builds some packages in flavours that are only ever compared with themselves.
fn flavour(space: &str, version: Option<&str>) -> String {
    let has = |part: &str| version.is_some_and(|version| version.contains(part));
    match space {
        space if space.starts_with("ol:") && has("ksplice") => format!("{space}:ksplice"),
        space if space.starts_with("ol:") && has("_fips") => format!("{space}:fips"),
        space => space.to_owned(),
    }
}

#[derive(Default)]
struct Group {
    versions: Vec<String>,
    architectures: Vec<String>,
}

impl Group {
    fn affected(self, key: (String, String, Option<String>, State, bool)) -> Affected {
        let (space, name, module, state, by_source) = key;
        let is_deb = space.starts_with("debian:") || space.starts_with("ubuntu:");
        let fixed = |version: String| Range { introduced: None, until: Bound::Fixed(version) };
        let ranges = if state == State::NotAffected {
            Vec::new()
        } else if self.versions.is_empty() {
            vec![Range::default()]
        } else if is_deb {
            self.versions.into_iter().map(fixed).take(1).collect()
        } else {
            rpm_fixes::ranges(self.versions)
        };
        Affected {
            space,
            name,
            keyed_by: if by_source { KeyedBy::Source } else { KeyedBy::Binary },
            module,
            architectures: rpm_fixes::restriction(self.architectures),
            state,
            ranges,
            ..Affected::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    fn check(prefix: &str, space: &str, name: &str, expected: &[&str]) {
        let Some(read) = testdata::import_named("oval", "feed-formats", prefix) else { return };
        assert_eq!(read.gaps, [], "{prefix}");
        assert_eq!(read.about(space, name), expected, "{prefix}");
    }

    #[test]
    fn samples() {
        let redhat = "fetch/redhat/oval/v2/testdata/fixtures/oval/v2/RHEL9/rhel-9-including-unpatched";
        check(redhat, "rhel:9", "tar", &["CVE-2005-2541 rhel:9 tar WillNotFix [0, …)"]);
        check(redhat, "rhel:9", "zlib", &["CVE-2002-0059 rhel:9 zlib NotAffected"]);
        check(
            redhat,
            "rhel:9",
            "firefox",
            &[
                "CVE-2022-1529 rhel:9 firefox Fixed [0, 91.9.1-1.el9_0)",
                "CVE-2022-1802 rhel:9 firefox Fixed [0, 91.9.1-1.el9_0)",
            ],
        );
        let oracle = "fetch/oracle/linux/testdata/fixtures/com.oracle";
        check(
            oracle,
            "ol:5",
            "bind-utils",
            &[
                "CVE-2007-0493 ol:5 bind-utils on i386+x86_64 Fixed [0, 30:9.3.3-8.el5)",
                "CVE-2007-0494 ol:5 bind-utils on i386+x86_64 Fixed [0, 30:9.3.3-8.el5)",
            ],
        );
        let suse = "fetch/suse/oval/testdata/fixtures/happy/suse.";
        check(
            suse,
            "sle-micro:5.2",
            "vim-small",
            &["CVE-2009-0316 sle-micro:5.2 vim-small Fixed [0, 8.0.1568-5.14.1)"],
        );
        check(suse, "sles:15.3", "kernel-default", &["CVE-1999-0077 sles:15.3 kernel-default NotAffected"]);
        check(
            "fetch/photon/oval/testdata/fixtures/happy/com",
            "photon:5.0",
            "ansible",
            &[
                "CVE-2023-5115 photon:5.0 ansible Fixed [0, 2.14.12-1.ph5)",
                "CVE-2023-5764 photon:5.0 ansible Fixed [0, 2.14.12-1.ph5)",
            ],
        );
        let ubuntu = "fetch/ubuntu/oval/testdata/fixtures/oci.com.ubuntu.";
        check(
            &format!("{ubuntu}jammy.cve"),
            "ubuntu:22.04",
            "libssh",
            &["CVE-2023-48795 ubuntu:22.04 libssh Fixed [0, 0.9.6-2ubuntu0.22.04.2)"],
        );
        check(
            &format!("{ubuntu}fips-updates_jammy.pkg"),
            "ubuntu:22.04:fips-updates",
            "openssh",
            &["CVE-2023-48795 ubuntu:22.04:fips-updates openssh Fixed [0, 1:8.9p1-3ubuntu0.5)"],
        );
        // `earlier than 0` stands for a problem without a fix and tells nothing.
        let debian = "fetch/debian/oval/testdata/fixtures/oval-definitions-bullseye.xml";
        check(
            debian,
            "debian:11",
            "389-ds-base",
            &["CVE-2016-5405 debian:11 389-ds-base Fixed [0, 1.3.5.15-1)"],
        );
    }

    #[test]
    fn modules_of_almalinux() {
        let path = "fetch/alma/oval/testdata/fixtures/org";
        let Some(read) = testdata::import_named("oval", "feed-formats", path) else { return };
        assert_eq!(
            read.about("almalinux:9", "nodejs").first().map(String::as_str),
            Some(
                "CVE-2022-25883 almalinux:9 nodejs module nodejs:18 Fixed [0, 1:18.17.1-1.module_el9.2.0+36+853e48f5)"
            )
        );
    }
}
