//! Errata as JSON: AlmaLinux's `errata.full.json` and Rocky's Apollo API (`/api/v3/advisories`). Both seen as samples.

use serde::Deserialize;

use super::erratum::{Erratum, Package};
use super::{Document, Item, cve_id, json, rpm_fixes};

#[derive(Deserialize)]
struct Alma {
    id: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    issued_date: i64,
    #[serde(default)]
    packages: Vec<AlmaPackage>,
    #[serde(default)]
    references: Vec<AlmaReference>,
}

#[derive(Deserialize)]
struct AlmaPackage {
    name: String,
    #[serde(default)]
    epoch: String,
    version: String,
    release: String,
    #[serde(default)]
    arch: Option<String>,
    #[serde(default)]
    module: Option<String>,
}

#[derive(Deserialize)]
struct AlmaReference {
    #[serde(default)]
    id: String,
    #[serde(default)]
    href: String,
}

#[derive(Deserialize)]
struct Rocky {
    name: String,
    #[serde(default)]
    synopsis: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    published_at: Option<String>,
    #[serde(default)]
    updated_at: Option<String>,
    #[serde(default)]
    cves: Vec<RockyCve>,
    #[serde(default)]
    packages: Vec<RockyPackage>,
}

#[derive(Deserialize)]
struct RockyCve {
    cve: String,
}

#[derive(Deserialize)]
struct RockyPackage {
    nevra: String,
    #[serde(default)]
    product_name: String,
    #[serde(default)]
    module_name: Option<String>,
    #[serde(default)]
    module_stream: Option<String>,
}

pub(super) fn read_alma(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let mut each = |entry: Result<Alma, serde_json::Error>| match entry {
        Ok(entry) => entry.erratum(document.space).records(out),
        Err(error) => out(document.malformed(error)),
    };
    finish(document, json::each_element(document.bytes, "data", &mut each), "data", out);
}

pub(super) fn read_rocky(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let mut each = |entry: Result<Rocky, serde_json::Error>| match entry {
        Ok(entry) => entry.erratum().records(out),
        Err(error) => out(document.malformed(error)),
    };
    finish(document, json::each_element(document.bytes, "advisories", &mut each), "advisories", out);
}

fn finish(
    document: &Document<'_>,
    read: Result<bool, serde_json::Error>,
    field: &str,
    out: &mut dyn FnMut(Item),
) {
    match read {
        Ok(true) => {}
        Ok(false) => out(document.malformed(format_args!("it has no `{field}`"))),
        Err(error) => out(document.malformed(error)),
    }
}

impl Alma {
    fn erratum(self, told: Option<&str>) -> Erratum {
        let mut cves: Vec<String> = self.references.iter().flat_map(|r| cve_id::cves_in(&r.id)).collect();
        cves.extend(cve_id::cves_in(&self.title));
        // `https://errata.almalinux.org/8/ALBA-2021-3049.html`
        let release = self.references.iter().find_map(|reference| {
            let rest = reference.href.strip_prefix("https://errata.almalinux.org/")?;
            rest.split('/').next().map(|major| format!("almalinux:{major}"))
        });
        let built_for = || self.packages.iter().find_map(|package| major_of(&package.release));
        let space = told.map(str::to_owned).or(release).or_else(built_for).unwrap_or_default();
        let package = |package: AlmaPackage| Package {
            space: space.clone(),
            version: rpm_fixes::evr(&package.epoch, &package.version, &package.release),
            name: package.name,
            architecture: package.arch,
            module: package.module.as_deref().map(stream),
            introduced: None,
        };
        Erratum {
            id: self.id,
            source: "almalinux",
            title: self.title,
            description: self.description,
            severity: self.severity,
            published: jiff::Timestamp::from_second(self.issued_date)
                .ok()
                .map(|time| time.to_string()[..10].to_owned()),
            is_security: self.kind == "security",
            references: self.references.into_iter().map(|reference| reference.href).collect(),
            packages: if space.is_empty() {
                Vec::new()
            } else {
                self.packages.into_iter().map(package).collect()
            },
            cves,
            modified: None,
        }
    }
}

/// `18.module_el8.5.0+2632+14ced695`, `5.1.el8_4` → `almalinux:8`
fn major_of(release: &str) -> Option<String> {
    let (_, rest) = release.split_once(".el").or_else(|| release.split_once("_el"))?;
    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
    (!number.is_empty()).then(|| format!("almalinux:{number}"))
}

/// `mariadb:10.3:8050020220427075058:c5368500:x86_64` → `mariadb:10.3`
fn stream(label: &str) -> String {
    label.split(':').take(2).collect::<Vec<_>>().join(":")
}

impl Rocky {
    fn erratum(self) -> Erratum {
        let packages = self.packages.iter().filter_map(RockyPackage::package).collect();
        Erratum {
            references: vec![format!("https://errata.rockylinux.org/{}", self.name)],
            id: self.name,
            source: "rocky",
            title: self.synopsis,
            description: self.description,
            severity: self.severity,
            published: self.published_at.as_deref().and_then(|time| time.get(..10)).map(str::to_owned),
            modified: self.updated_at,
            cves: self.cves.into_iter().map(|cve| cve.cve).filter(|cve| cve_id::is_cve(cve)).collect(),
            is_security: self.kind == "Security",
            packages,
        }
    }
}

impl RockyPackage {
    fn package(&self) -> Option<Package> {
        let nevra = rpm_fixes::nevra(&self.nevra)?;
        let major = self.product_name.strip_prefix("Rocky Linux ")?.split([' ', '.']).next()?;
        let module = self.module_name.as_ref().zip(self.module_stream.as_ref());
        Some(Package {
            space: format!("rocky:{major}"),
            name: nevra.name,
            version: nevra.version,
            architecture: nevra.architecture,
            module: module.map(|(name, stream)| format!("{name}:{stream}")),
            introduced: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    #[test]
    fn samples() {
        let Some(alma) = testdata::import(
            "almalinux-errata",
            "feed-formats",
            "fetch/alma/errata/testdata/fixtures/errata.full",
        ) else {
            return;
        };
        assert_eq!(alma.gaps, []);
        assert_eq!(
            alma.about("almalinux:8", "Judy").first().map(String::as_str),
            Some(
                "CVE-2019-2510 almalinux:8 Judy module mariadb-devel:10.3 on i686 Fixed [0, 1.0.5-18.module_el8.3.0+2028+5e3224e9)"
            )
        );
        assert_eq!(
            alma.record_of("CVE-2019-2510", "ALSA-2019:3708").published.as_deref(),
            Some("2019-11-05")
        );
        let Some(rocky) =
            testdata::import("rocky-errata", "feed-formats", "fetch/rocky/errata/testdata/fixtures/happy")
        else {
            return;
        };
        assert_eq!(rocky.gaps, []);
        assert_eq!(
            rocky.about("rocky:10", "delve"),
            ["CVE-2025-58183 rocky:10 delve on aarch64+ppc64le+x86_64 Fixed [0, 1.25.2-1.el10_1)"]
        );
    }
}
