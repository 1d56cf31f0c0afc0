//! GitLab's advisory database (gemnasium-db): YAML or JSON per package. Its licence forbids copies, so it is read
//! only where a user brings it. Seen as samples of npm, Maven, Go, NuGet and Composer.

use seawall_inventory::Ecosystem;
use serde::Deserialize;

use super::constraint::{self, Syntax};
use super::osv::space;
use super::{Document, Item, limits, rating};
use crate::Order;
use crate::record::{Affected, Record, State};

#[derive(Deserialize)]
struct Advisory {
    identifier: String,
    #[serde(default)]
    identifiers: Vec<String>,
    package_slug: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    pubdate: Option<String>,
    affected_range: String,
    #[serde(default)]
    fixed_versions: Option<Vec<String>>,
    #[serde(default)]
    urls: Option<Vec<String>>,
    #[serde(default)]
    cwe_ids: Option<Vec<String>>,
    #[serde(default)]
    cvss_v2: Option<String>,
    #[serde(default)]
    cvss_v3: Option<String>,
    #[serde(default)]
    cvss_v4: Option<String>,
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let text = document.text();
    let parsed = if text.trim_start().starts_with('{') {
        serde_json::from_str::<Advisory>(&text).map_err(|error| error.to_string())
    } else {
        serde_saphyr::from_str::<Advisory>(&text).map_err(|error| error.to_string())
    };
    match parsed.and_then(Advisory::record) {
        Ok(record) => out(Item::Record(record)),
        Err(reason) => out(document.malformed(reason)),
    }
}

impl Advisory {
    fn record(self) -> Result<Record, String> {
        let (ecosystem, name) = package(&self.package_slug)
            .ok_or_else(|| format!("`{}` is no known kind of package", self.package_slug))?;
        let order = Order::of(ecosystem);
        let syntax = if ecosystem == Ecosystem::Npm { Syntax::Npm } else { Syntax::Plain };
        let intervals = constraint::parse(&self.affected_range, syntax, order);
        let intervals = intervals.ok_or_else(|| format!("`{}` is not a range", self.affected_range))?;
        let fixed = self.fixed_versions.as_ref().is_some_and(|versions| !versions.is_empty());
        let mut ratings = Vec::new();
        for vector in [&self.cvss_v4, &self.cvss_v3, &self.cvss_v2].into_iter().flatten() {
            rating::push(&mut ratings, rating::of_vector("gitlab", vector));
        }
        let mut aliases = self.identifiers;
        aliases.retain(|id| *id != self.identifier);
        Ok(Record {
            id: self.identifier,
            aliases,
            published: self.pubdate,
            title: self.title.chars().take(limits::TITLE_CHARS_MAX).collect(),
            description: self.description,
            references: self.urls.unwrap_or_default(),
            ratings,
            weaknesses: self.cwe_ids.unwrap_or_default(),
            affected: vec![Affected {
                space: ecosystem.purl_type().to_owned(),
                name,
                state: if fixed { State::Fixed } else { State::NotFixed },
                ranges: constraint::ranges(intervals, order),
                ..Affected::default()
            }],
            ..Record::default()
        })
    }
}

/// `npm/@scope/name`, `maven/group/artifact`, `go/github.com/x/y`.
fn package(slug: &str) -> Option<(Ecosystem, String)> {
    let (kind, name) = slug.split_once('/')?;
    Some(match kind {
        "npm" => (Ecosystem::Npm, name.to_owned()),
        "pypi" => (Ecosystem::Pypi, space::pep_503(name)),
        "gem" => (Ecosystem::Gem, name.to_owned()),
        "maven" => (Ecosystem::Maven, name.replacen('/', ":", 1)),
        "packagist" => (Ecosystem::Composer, name.to_ascii_lowercase()),
        "nuget" => (Ecosystem::Nuget, name.to_owned()),
        "go" => (Ecosystem::Golang, name.to_owned()),
        "conan" => (Ecosystem::Conan, name.to_owned()),
        "cargo" => (Ecosystem::Cargo, name.to_owned()),
        "swift" => (Ecosystem::Swift, name.to_owned()),
        "pub" => (Ecosystem::Pub, name.to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testdata;

    fn check(part: &str, name: &str, expected: &str) {
        let path = format!("fetch/{part}/glsa/testdata/fixtures/");
        let Some(read) = testdata::import("gemnasium", "feed-formats", &path) else { return };
        assert_eq!(read.gaps, [], "{part}");
        let lines: Vec<String> =
            read.records.iter().flat_map(|r| r.affected.iter().map(testdata::line)).collect();
        assert!(lines.iter().any(|line| line == expected), "{part} {name} {lines:?}");
    }

    #[test]
    fn samples() {
        check("npm", "4equest", "npm 4equest NotFixed [0, …)");
        check(
            "maven",
            "filesystem-list",
            "maven aendter.jenkins.plugins:filesystem-list-parameter-plugin NotFixed [0, 0.0.7]",
        );
    }
}
