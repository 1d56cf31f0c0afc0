//! CSAF 2.0 VEX profile (OASIS csaf-v2.0, sections 3.2 and 4.5).

use std::collections::BTreeMap;

use seawall_inventory::Purl;
use serde::Deserialize;

use crate::waiver::{Selector, Waiver};

/// Branches deeper than this are not read; csaf-v2.0 3.1.2 suggests vendor, product, version, architecture.
const DEPTH_MAX: usize = 32;

#[derive(Deserialize)]
struct Csaf {
    document: Meta,
    #[serde(default)]
    product_tree: Tree,
    #[serde(default)]
    vulnerabilities: Vec<Vulnerability>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    publisher: Publisher,
}

#[derive(Deserialize, Default)]
struct Publisher {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize, Default)]
struct Tree {
    #[serde(default)]
    branches: Vec<Branch>,
    #[serde(default)]
    full_product_names: Vec<Product>,
    #[serde(default)]
    relationships: Vec<Relationship>,
}

#[derive(Deserialize)]
struct Branch {
    #[serde(default)]
    branches: Vec<Branch>,
    #[serde(default)]
    product: Option<Product>,
}

#[derive(Deserialize)]
struct Product {
    product_id: String,
    #[serde(default)]
    product_identification_helper: Helper,
}

#[derive(Deserialize, Default)]
struct Helper {
    #[serde(default)]
    purl: Option<String>,
}

#[derive(Deserialize)]
struct Relationship {
    product_reference: String,
    full_product_name: Product,
}

#[derive(Deserialize)]
struct Vulnerability {
    #[serde(default)]
    cve: Option<String>,
    #[serde(default)]
    ids: Vec<Id>,
    #[serde(default)]
    product_status: Status,
    #[serde(default)]
    flags: Vec<Flag>,
    #[serde(default)]
    threats: Vec<Threat>,
}

#[derive(Deserialize)]
struct Id {
    text: String,
}

#[derive(Deserialize, Default)]
struct Status {
    #[serde(default)]
    known_not_affected: Vec<String>,
    #[serde(default)]
    fixed: Vec<String>,
}

#[derive(Deserialize)]
struct Flag {
    label: String,
}

#[derive(Deserialize)]
struct Threat {
    #[serde(default)]
    category: String,
    #[serde(default)]
    details: String,
}

pub(super) fn read(document: serde_json::Value, name: &str) -> Result<Vec<Waiver>, String> {
    let csaf: Csaf = serde_json::from_value(document).map_err(|error| format!("it is not CSAF ({error})"))?;
    let purls = csaf.product_tree.purls();
    let owner = Some(csaf.document.publisher.name.clone()).filter(|name| !name.is_empty());
    let mut waivers = Vec::new();
    for vulnerability in &csaf.vulnerabilities {
        let ids: Vec<String> = vulnerability
            .cve
            .iter()
            .cloned()
            .chain(vulnerability.ids.iter().map(|id| id.text.clone()))
            .collect();
        let status = &vulnerability.product_status;
        for (word, products) in [("not affected", &status.known_not_affected), ("fixed", &status.fixed)] {
            let purls: Vec<Purl> = products.iter().filter_map(|id| purls.get(id.as_str()).cloned()).collect();
            if ids.is_empty() || purls.is_empty() {
                continue;
            }
            waivers.push(Waiver {
                by: format!("VEX {name}"),
                selector: Selector { vulnerabilities: ids.clone(), purls, ..Selector::default() },
                reason: reason(word, vulnerability),
                owner: owner.clone(),
                ..Waiver::default()
            });
        }
    }
    Ok(waivers)
}

fn reason(word: &str, vulnerability: &Vulnerability) -> String {
    let label = vulnerability.flags.first().map(|flag| flag.label.replace('_', " "));
    let impact = vulnerability.threats.iter().find(|threat| threat.category == "impact");
    let parts = [Some(word.to_owned()), label, impact.map(|threat| threat.details.clone())];
    parts.into_iter().flatten().collect::<Vec<_>>().join(": ")
}

impl Tree {
    /// Product id → package URL, relationships ("package as a component of platform") resolved to the package.
    fn purls(&self) -> BTreeMap<&str, Purl> {
        let mut purls = BTreeMap::new();
        let mut open: Vec<(&Branch, usize)> = self.branches.iter().map(|branch| (branch, 0)).collect();
        while let Some((branch, depth)) = open.pop() {
            branch.product.iter().for_each(|product| product.insert(&mut purls));
            if depth < DEPTH_MAX {
                open.extend(branch.branches.iter().map(|branch| (branch, depth + 1)));
            }
        }
        self.full_product_names.iter().for_each(|product| product.insert(&mut purls));
        for relationship in &self.relationships {
            if let Some(purl) = purls.get(relationship.product_reference.as_str()).cloned() {
                purls.insert(&relationship.full_product_name.product_id, purl);
            }
        }
        purls
    }
}

impl Product {
    fn insert<'a>(&'a self, purls: &mut BTreeMap<&'a str, Purl>) {
        if let Some(purl) =
            self.product_identification_helper.purl.as_ref().and_then(|purl| purl.parse().ok())
        {
            purls.insert(&self.product_id, purl);
        }
    }
}
