//! OpenVEX 0.2 (openvex/spec OPENVEX-SPEC.md).

use seawall_inventory::Purl;
use serde::Deserialize;

use crate::waiver::{Selector, Waiver};

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    author: String,
    #[serde(default)]
    timestamp: String,
    #[serde(default)]
    statements: Vec<Statement>,
}

#[derive(Deserialize)]
struct Statement {
    vulnerability: Vulnerability,
    #[serde(default)]
    products: Vec<Product>,
    status: String,
    #[serde(default)]
    timestamp: String,
    #[serde(default)]
    justification: String,
    #[serde(default)]
    impact_statement: String,
}

/// Version 0.0.1 wrote the bare id.
#[derive(Deserialize)]
#[serde(untagged)]
enum Vulnerability {
    Id(String),
    Names {
        #[serde(default, rename = "@id")]
        id: String,
        #[serde(default)]
        name: String,
        #[serde(default)]
        aliases: Vec<String>,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Product {
    Id(String),
    Component(Component),
}

#[derive(Deserialize)]
struct Component {
    #[serde(default, rename = "@id")]
    id: String,
    #[serde(default)]
    identifiers: Identifiers,
    #[serde(default)]
    subcomponents: Vec<Product>,
}

#[derive(Deserialize, Default)]
struct Identifiers {
    #[serde(default)]
    purl: Option<String>,
}

impl Product {
    fn purl(&self) -> Option<Purl> {
        match self {
            Product::Id(id) => id.parse().ok(),
            Product::Component(component) => {
                let purl = component.identifiers.purl.as_ref().unwrap_or(&component.id);
                purl.parse().ok()
            }
        }
    }

    fn subcomponents(&self) -> &[Product] {
        match self {
            Product::Id(_) => &[],
            Product::Component(component) => &component.subcomponents,
        }
    }
}

pub(super) fn read(document: serde_json::Value, name: &str) -> Result<Vec<Waiver>, String> {
    let document: Document =
        serde_json::from_value(document).map_err(|error| format!("it is not OpenVEX ({error})"))?;
    let mut statements: Vec<&Statement> = document.statements.iter().collect();
    statements.sort_by_key(|statement| match statement.timestamp.is_empty() {
        true => &document.timestamp,
        false => &statement.timestamp,
    });
    let mut waivers: Vec<Waiver> = Vec::new();
    for statement in statements {
        let ids = ids(&statement.vulnerability);
        for selector in statement.products.iter().filter_map(|product| selector(product, &ids)) {
            waivers.retain(|earlier| !same(earlier, &selector));
            if matches!(statement.status.as_str(), "not_affected" | "fixed") {
                let (selector, product) = selector;
                waivers.push(Waiver {
                    by: format!("VEX {name}"),
                    selector,
                    product,
                    reason: reason(statement),
                    owner: Some(document.author.clone()).filter(|author| !author.is_empty()),
                    expires: None,
                });
            }
        }
    }
    Ok(waivers)
}

fn ids(vulnerability: &Vulnerability) -> Vec<String> {
    match vulnerability {
        Vulnerability::Id(id) => vec![id.clone()],
        Vulnerability::Names { id, name, aliases } => {
            let id = id.rsplit('/').next().unwrap_or_default().to_owned();
            [name.clone(), id].into_iter().chain(aliases.clone()).filter(|id| !id.is_empty()).collect()
        }
    }
}

/// A product with subcomponents: those packages inside that product. A product without: that package, or, for an
/// image, everything in it.
fn selector(product: &Product, ids: &[String]) -> Option<(Selector, Option<Purl>)> {
    let purl = product.purl()?;
    let parts: Vec<Purl> = product.subcomponents().iter().filter_map(Product::purl).collect();
    let mut selector = Selector { vulnerabilities: ids.to_vec(), ..Selector::default() };
    if !parts.is_empty() {
        selector.purls = parts;
        return Some((selector, Some(purl)));
    }
    // Subcomponents that no URL names would widen the statement to the whole product.
    if !product.subcomponents().is_empty() {
        return None;
    }
    if purl.purl_type == "oci" {
        return Some((selector, Some(purl)));
    }
    selector.purls = vec![purl];
    Some((selector, None))
}

fn same(earlier: &Waiver, (selector, product): &(Selector, Option<Purl>)) -> bool {
    earlier.product == *product
        && earlier.selector.purls == selector.purls
        && earlier.selector.vulnerabilities.iter().any(|id| selector.vulnerabilities.contains(id))
}

fn reason(statement: &Statement) -> String {
    let parts = [statement.status.as_str(), &statement.justification, &statement.impact_statement];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(": ").replace('_', " ")
}
