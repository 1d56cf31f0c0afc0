//! `updateinfo.xml` of an rpm repository (createrepo_c): Amazon, Fedora, AlmaLinux, Rocky and every other
//! that publishes one. Seen as samples of Amazon 1, 2, 2022 and 2023 with extras, Fedora, EPEL, AlmaLinux, Rocky.
//!
//! The release is told by the caller or by the update itself (`release`, `collection`).

use super::erratum::{Erratum, Package};
use super::{Document, Item, cve_id, rpm_fixes, xml};

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let text = document.text();
    let mut reader = Updates { space: document.space, out, update: None };
    if let Err(error) = xml::walk(&text, &mut reader) {
        out(document.malformed(error));
    }
}

struct Updates<'a> {
    space: Option<&'a str>,
    out: &'a mut dyn FnMut(Item),
    update: Option<Update>,
}

#[derive(Default)]
struct Update {
    erratum: Erratum,
    release: String,
    summary: String,
    /// `amazon-linux-2---kernel-5.15`
    collection: String,
    collection_name: String,
    module: Option<String>,
    packages: Vec<(Package, String)>,
    in_packages: bool,
}

impl xml::Handler for Updates<'_> {
    fn start(&mut self, name: &str, attributes: &xml::Attributes<'_>) {
        if name == "update" {
            let is_security = attributes.get("type").as_deref() == Some("security");
            let erratum = Erratum { is_security, ..Erratum::default() };
            self.update = Some(Update { erratum, ..Update::default() });
        }
        if let Some(update) = &mut self.update {
            update.start(name, attributes);
        }
    }

    fn end(&mut self, name: &str, text: &str) {
        if name == "update" {
            if let Some(update) = self.update.take() {
                update.finish(self.space, self.out);
            }
        } else if let Some(update) = &mut self.update {
            update.end(name, text);
        }
    }
}

impl Update {
    fn start(&mut self, name: &str, attributes: &xml::Attributes<'_>) {
        let get = |name| attributes.get(name).unwrap_or_default();
        match name {
            "issued" => self.erratum.published = get("date").get(..10).map(str::to_owned),
            "updated" => self.erratum.modified = attributes.get("date"),
            "reference" => {
                self.erratum.cves.extend(cve_id::cves_in(&format!(
                    "{} {} {}",
                    get("id"),
                    get("title"),
                    get("href")
                )));
                self.erratum.references.push(get("href"));
            }
            "pkglist" => self.in_packages = true,
            "collection" => {
                self.collection = get("short");
                self.collection_name.clear();
                self.module = None;
            }
            "module" => self.module = Some(format!("{}:{}", get("name"), get("stream"))),
            "package" => {
                let package = Package {
                    name: get("name"),
                    version: rpm_fixes::evr(&get("epoch"), &get("version"), &get("release")),
                    architecture: attributes.get("arch"),
                    module: self.module.clone(),
                    ..Package::default()
                };
                self.packages.push((package, self.collection.clone()));
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str, text: &str) {
        let text = || text.to_owned();
        match name {
            "id" => self.erratum.id = text(),
            "title" => self.erratum.title = text(),
            "summary" => self.summary = text(),
            "description" => self.erratum.description = text(),
            "severity" => self.erratum.severity = text(),
            "release" => self.release = text(),
            "name" if self.in_packages => self.collection_name = text(),
            "pkglist" => self.in_packages = false,
            _ => {}
        }
    }

    fn finish(mut self, told: Option<&str>, out: &mut dyn FnMut(Item)) {
        if self.erratum.cves.is_empty() && self.erratum.is_security {
            let texts = format!("{} {} {}", self.erratum.title, self.summary, self.erratum.description);
            self.erratum.cves = cve_id::cves_in(&texts);
        }
        self.erratum.source = source(&self.erratum.id);
        let own = told.map(str::to_owned).or_else(|| self.space());
        for (mut package, collection) in std::mem::take(&mut self.packages) {
            let Some(space) = own.clone().or_else(|| space_of_collection(&collection)) else { continue };
            package.introduced = extra(&collection, &package.version);
            package.space = space;
            self.erratum.packages.push(package);
        }
        self.erratum.records(out);
    }

    fn space(&self) -> Option<String> {
        space_of_release(&self.release)
            .or_else(|| space_of_release(&self.erratum.title))
            .or_else(|| space_of_release(&self.collection_name))
    }
}

/// `Fedora 43`, `Rocky Linux 9`, `Amazon Linux 2 - Kernel-5.15`, `Amazon Linux AMI 2011.09`, `Fedora EPEL 6`.
fn space_of_release(text: &str) -> Option<String> {
    const NAMES: &[(&str, &str)] = &[
        ("Fedora ", "fedora"),
        ("Rocky Linux ", "rocky"),
        ("AlmaLinux ", "almalinux"),
        ("Oracle Linux ", "ol"),
        ("Amazon Linux ", "amzn"),
    ];
    if text.starts_with("Amazon Linux AMI") {
        // The first Amazon Linux was numbered by date and ended at 2018.03.
        return Some("amzn:2018".to_owned());
    }
    if let Some(rest) = text.strip_prefix("Fedora EPEL ") {
        return leading_number(rest).map(|number| format!("rhel:{number}:epel"));
    }
    let (rest, id) = NAMES.iter().find_map(|(prefix, id)| Some((text.strip_prefix(prefix)?, id)))?;
    leading_number(rest).map(|number| format!("{id}:{number}"))
}

/// `almalinux-9-for-x86_64-appstream-rpms__9_default`, `rocky-linux-9-x86-64-appstream-rpms`, `F43`, `amazon-linux-2023`.
fn space_of_collection(short: &str) -> Option<String> {
    const NAMES: &[(&str, &str)] =
        &[("almalinux-", "almalinux"), ("rocky-linux-", "rocky"), ("amazon-linux-", "amzn"), ("F", "fedora")];
    if short == "amazon-linux-ami" {
        return Some("amzn:2018".to_owned());
    }
    let (rest, id) = NAMES.iter().find_map(|(prefix, id)| Some((short.strip_prefix(prefix)?, id)))?;
    leading_number(rest).map(|number| format!("{id}:{number}"))
}

fn leading_number(text: &str) -> Option<&str> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..length).filter(|number| !number.is_empty())
}

/// Amazon's extras hold other versions of the same package names: `amazon-linux-2---kernel-5.15` begins
/// at 5.15, so that its fix does not make a kernel 4.14 affected.
fn extra(collection: &str, version: &str) -> Option<String> {
    let (_, topic) = collection.split_once("---")?;
    let at = topic.find(|c: char| c.is_ascii_digit())?;
    let number = topic.get(at..).filter(|number| number.bytes().all(|b| b.is_ascii_digit() || b == b'.'))?;
    let upstream = version.rsplit(':').next().unwrap_or(version);
    let follows = upstream.strip_prefix(number).is_some_and(|rest| rest.starts_with(['.', '-']));
    follows.then(|| match version.split_once(':') {
        Some((epoch, _)) => format!("{epoch}:{number}"),
        None => number.to_owned(),
    })
}

fn source(id: &str) -> &'static str {
    const SOURCES: &[(&str, &str)] = &[
        ("ALAS", "amazon"),
        ("FEDORA-", "fedora"),
        ("AL", "almalinux"),
        ("RL", "rocky"),
        ("RX", "rocky"),
        ("ELSA", "oracle"),
        ("RH", "redhat"),
        ("SUSE", "suse"),
        ("openSUSE", "suse"),
    ];
    SOURCES.iter().find(|(prefix, _)| id.starts_with(prefix)).map_or("updateinfo", |(_, source)| source)
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    #[test]
    fn samples_of_amazon() {
        let path = "fetch/amazon/testdata/fixtures/updateinfo_";
        let Some(read) = testdata::import_named("updateinfo", "feed-formats", path) else { return };
        // One fixture is broken on purpose; another is XML under the name of a gzip file.
        assert_eq!(read.gaps.len(), 1, "{:?}", read.gaps);
        assert_eq!(read.about("amzn:2023", "kernel-livepatch-6.1.12-19.43").len(), 1);
        assert_eq!(
            read.about("amzn:2018", "httpd-devel").first().map(String::as_str),
            Some("CVE-2011-3192 amzn:2018 httpd-devel on i686 Fixed [0, 2.2.21-1.18.amzn1)")
        );
        // Two kernels of one name: the fix of the extra kernel begins at its own line.
        let kernels = read.about("amzn:2", "kernel");
        assert_eq!(
            kernels.iter().filter(|line| line.contains("[0, 4.9.76-38.79.amzn2)")).count(),
            2,
            "{kernels:?}"
        );
        assert!(kernels.iter().any(|line| line.contains("[5.15, 5.15.43-20.123.amzn2)")), "{kernels:?}");
        assert_eq!(
            read.record_of("CVE-2023-26545", "ALAS2023LIVEPATCH-2023-001").ratings[0].source,
            "amazon"
        );
    }

    #[test]
    fn samples_of_other_repositories() {
        let Some(alma) =
            testdata::import("updateinfo", "feed-formats", "fetch/alma/updateinfo/testdata/fixtures/happy")
        else {
            return;
        };
        assert_eq!(alma.gaps, []);
        assert_eq!(
            alma.about("almalinux:9", "nodejs"),
            ["CVE-2023-44487 almalinux:9 nodejs on x86_64 Fixed [0, 1:18.18.2-1.el9)"]
        );
        let Some(rocky) =
            testdata::import("updateinfo", "feed-formats", "fetch/rocky/updateinfo/testdata/fixtures/happy")
        else {
            return;
        };
        assert_eq!(
            rocky.about("rocky:9", "mariadb"),
            ["CVE-2022-47015 rocky:9 mariadb on x86_64 Fixed [0, 3:10.5.16-2.module+el9.1.0+13358+56c3b6a3)"]
        );
        let Some(fedora) =
            testdata::import("updateinfo", "feed-formats", "fetch/fedora/updateinfo/testdata/fixtures/happy")
        else {
            return;
        };
        // Its updates are of bugs, or name no packages.
        assert_eq!((fedora.documents, fedora.records.len(), fedora.gaps.len()), (3, 0, 0));
    }

    #[test]
    fn bad_documents_are_gaps() {
        for text in ["<updates><update>", "<a></b>", "x", &"<a>".repeat(100)] {
            let read = testdata::bytes("updateinfo", "updateinfo.xml", text.as_bytes(), None);
            assert!(read.records.is_empty() && read.gaps.len() == 1, "{text}");
        }
    }
}
