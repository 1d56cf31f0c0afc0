//! Release and support dates of endoflife.date: the release-data files (`{"releases":{…}}`), API v0
//! (`[{"cycle":…,"eol":…}]`) and API v1 (`{"result":{"releases":[…]}}`). The first seen whole, the
//! others by the site's documentation.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Document, Item};
use crate::record::Support;

/// endoflife.date's product names where os-release or Seawall's catalog say something else.
const PRODUCTS: &[(&str, &str)] = &[
    ("alpine-linux", "alpine"),
    ("alpine", "alpine"),
    ("rocky-linux", "rocky"),
    ("amazon-linux", "amzn"),
    ("oracle-linux", "ol"),
    ("opensuse", "opensuse-leap"),
    ("photon-os", "photon"),
    ("azure-linux", "azurelinux"),
    ("arch-linux", "arch"),
    ("apache-http-server", "httpd"),
];

#[derive(Deserialize)]
struct Files {
    releases: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct ApiV1 {
    result: ResultV1,
}

#[derive(Deserialize)]
struct ResultV1 {
    name: String,
    releases: Vec<Value>,
}

/// One release in any of the three forms.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Release {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    cycle: Option<Value>,
    #[serde(default)]
    eol: Option<Value>,
    #[serde(default)]
    eol_from: Option<String>,
    #[serde(default)]
    eoes: Option<Value>,
    #[serde(default)]
    eoes_from: Option<String>,
    #[serde(default)]
    extended_support: Option<Value>,
}

pub(super) fn read(document: &Document<'_>, out: &mut dyn FnMut(Item)) {
    let value: Value = match serde_json::from_slice(document.bytes) {
        Ok(value) => value,
        Err(error) => return out(document.malformed(error)),
    };
    let (product, releases): (String, Vec<Value>) = if let Ok(files) = Files::deserialize(&value) {
        (document.base().to_owned(), files.releases.into_values().collect())
    } else if let Ok(api) = ApiV1::deserialize(&value) {
        (api.result.name, api.result.releases)
    } else if let Value::Array(releases) = value {
        (document.base().to_owned(), releases)
    } else {
        return out(document.malformed("it has no releases"));
    };
    let product =
        PRODUCTS.iter().find(|(theirs, _)| *theirs == product).map_or(product.as_str(), |(_, ours)| *ours);
    for release in releases {
        match Release::deserialize(&release) {
            Ok(release) => {
                if let Some(support) = release.support(product) {
                    out(Item::Support(support));
                }
            }
            Err(error) => out(document.malformed(error)),
        }
    }
}

impl Release {
    fn support(self, product: &str) -> Option<Support> {
        let cycle = match (self.name, self.cycle) {
            (Some(name), _) => name,
            (None, Some(Value::String(cycle))) => cycle,
            (None, Some(cycle)) => cycle.to_string(),
            (None, None) => return None,
        };
        Some(Support {
            product: product.to_owned(),
            cycle,
            ends_on: date(self.eol).or(self.eol_from),
            extended_ends_on: date(self.eoes).or(self.eoes_from).or_else(|| date(self.extended_support)),
        })
    }
}

/// `true` and `false` stand where a date is not known.
fn date(value: Option<Value>) -> Option<String> {
    let text = value?.as_str()?.to_owned();
    (text.len() == 10 && text.starts_with(|c: char| c.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::super::testdata;
    use super::*;

    fn check(
        supports: &[Support],
        product: &str,
        cycle: &str,
        ends_on: Option<&str>,
        extended: Option<&str>,
    ) {
        let support = supports.iter().find(|s| s.product == product && s.cycle == cycle).unwrap();
        let dates = (support.ends_on.as_deref(), support.extended_ends_on.as_deref());
        assert_eq!(dates, (ends_on, extended), "{product} {cycle}");
    }

    #[test]
    fn the_dates_of_2026_08() {
        let Some(read) = testdata::import("endoflife", "enrichment", "eol/") else { return };
        assert_eq!((read.supports.len(), read.gaps.len()), (2615, 0));
        check(&read.supports, "debian", "9", Some("2020-07-18"), Some("2022-07-01"));
        check(&read.supports, "alpine", "3.9", Some("2020-11-01"), None);
        check(&read.supports, "rocky", "9", Some("2032-05-31"), None);
        check(&read.supports, "rhel", "8", Some("2029-05-31"), Some("2033-05-31"));
    }

    #[test]
    fn the_api() {
        let v0 =
            br#"[{"cycle":"3.12","eol":"2028-10-31","latest":"3.12.1"},{"cycle":4,"eol":false},{"x":1}]"#;
        let read = testdata::bytes("endoflife", "python.json", v0, None);
        check(&read.supports, "python", "3.12", Some("2028-10-31"), None);
        check(&read.supports, "python", "4", None, None);
        let v1 = br#"{"result":{"name":"ubuntu","releases":[{"name":"24.04","isEol":false,"eolFrom":"2029-05-31","eoesFrom":"2036-05-31"}]}}"#;
        let read = testdata::bytes("endoflife", "x.json", v1, None);
        check(&read.supports, "ubuntu", "24.04", Some("2029-05-31"), Some("2036-05-31"));
    }
}
