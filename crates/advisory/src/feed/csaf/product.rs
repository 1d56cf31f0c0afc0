//! The product tree of a CSAF document: product ids → package, module, platform.

use std::collections::HashMap;

use seawall_inventory::Purl;
use serde::Deserialize;

use crate::feed::{osv, rpm_fixes};

#[derive(Deserialize, Default)]
pub(super) struct Tree {
    #[serde(default)]
    branches: Vec<Branch>,
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
    #[serde(default)]
    name: String,
    product_id: String,
    #[serde(default)]
    product_identification_helper: Option<Helper>,
}

#[derive(Deserialize)]
struct Helper {
    #[serde(default)]
    cpe: Option<String>,
    #[serde(default)]
    purl: Option<String>,
}

#[derive(Deserialize)]
struct Relationship {
    full_product_name: FullName,
    product_reference: String,
    relates_to_product_reference: String,
}

#[derive(Deserialize)]
struct FullName {
    product_id: String,
}

/// The products of a document by id.
pub(super) struct Products<'a> {
    products: HashMap<&'a str, &'a Product>,
    relationships: HashMap<&'a str, (&'a str, &'a str)>,
}

/// A package in a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resolved {
    pub(super) space: String,
    pub(super) name: String,
    pub(super) by_source: bool,
    pub(super) module: Option<String>,
    pub(super) version: Option<String>,
    pub(super) architecture: Option<String>,
}

/// Components inside modules inside platforms: two relationships; more is not a package.
const CHAIN_MAX: usize = 4;

struct Component {
    name: String,
    version: Option<String>,
    architecture: Option<String>,
    module: Option<String>,
}

impl<'a> Products<'a> {
    pub(super) fn of(tree: &'a Tree) -> Products<'a> {
        let mut products = HashMap::new();
        let mut open: Vec<&Branch> = tree.branches.iter().collect();
        while let Some(branch) = open.pop() {
            open.extend(&branch.branches);
            if let Some(product) = &branch.product {
                products.insert(product.product_id.as_str(), product);
            }
        }
        let relationships = tree
            .relationships
            .iter()
            .map(|relation| {
                let pair =
                    (relation.product_reference.as_str(), relation.relates_to_product_reference.as_str());
                (relation.full_product_name.product_id.as_str(), pair)
            })
            .collect();
        Products { products, relationships }
    }

    /// The package that a product id names. In a list of fixes it has a version and is binary: a source package has
    /// no epoch of its own, and its binaries are listed beside it.
    pub(super) fn resolve(&self, id: &str, fixed: bool) -> Option<Resolved> {
        let (reference, mut platform) = *self.relationships.get(id)?;
        let component = self.component(reference, fixed)?;
        let mut module = component.module;
        for _ in 0..CHAIN_MAX {
            let Some((inner, outer)) = self.relationships.get(platform) else { break };
            module = module.or_else(|| self.module(inner));
            platform = outer;
        }
        let by_source = component.architecture.as_deref() == Some("src");
        if by_source && fixed {
            return None;
        }
        Some(Resolved {
            space: self.space(platform)?,
            name: component.name,
            by_source,
            module,
            version: component.version,
            architecture: component.architecture.filter(|_| !by_source),
        })
    }

    fn component(&self, reference: &str, fixed: bool) -> Option<Component> {
        let purl = self.helper(reference).and_then(|helper| helper.purl.as_deref());
        if let Some(purl) = purl {
            return component_of(&purl.parse::<Purl>().ok()?, reference);
        }
        // `nodejs:16/nodejs`: a package of a module.
        if let Some((module, name)) = reference.split_once('/') {
            let module = module_stream(module);
            return Some(Component { name: name.to_owned(), version: None, architecture: None, module });
        }
        // Only a file name with an architecture or in a list of fixes ends in a version: `libfoo-32bit` does not.
        let nevra = rpm_fixes::nevra(reference).filter(|nevra| fixed || nevra.architecture.is_some());
        match nevra {
            Some(nevra) => Some(Component {
                name: nevra.name,
                version: Some(nevra.version),
                architecture: nevra.architecture,
                module: None,
            }),
            None if fixed => None,
            None => Some(Component {
                name: reference.to_owned(),
                version: None,
                architecture: None,
                module: None,
            }),
        }
    }

    fn helper(&self, id: &str) -> Option<&'a Helper> {
        self.products.get(id)?.product_identification_helper.as_ref()
    }

    fn module(&self, reference: &str) -> Option<String> {
        let purl = self.helper(reference).and_then(|helper| helper.purl.as_deref());
        match purl.and_then(|purl| purl.parse::<Purl>().ok()) {
            Some(purl) if purl.purl_type == "rpmmod" => {
                let stream = purl.version?;
                Some(format!("{}:{}", purl.name, stream.split(':').next().unwrap_or(&stream)))
            }
            _ => module_stream(reference),
        }
    }

    fn space(&self, platform: &str) -> Option<String> {
        let product = self.products.get(platform)?;
        let cpe = product.product_identification_helper.as_ref().and_then(|helper| helper.cpe.as_deref());
        let redhat = cpe.and_then(|cpe| cpe.split_once(":redhat:")).map(|(_, rest)| rest);
        if let Some(rest) = redhat {
            return osv::space::red_hat_cpe(rest);
        }
        let name = if product.name.is_empty() { platform } else { product.name.as_str() };
        match name.split_once(' ') {
            Some((base @ ("SUSE" | "openSUSE"), rest)) => osv::space::suse(base, rest),
            _ => None,
        }
    }
}

/// `pkg:rpm/redhat/openssl@3.0.7-27.el9?arch=x86_64&epoch=1&rpmmod=…`; anything but an rpm is not a package here.
fn component_of(purl: &Purl, reference: &str) -> Option<Component> {
    if purl.purl_type != "rpm" {
        return None;
    }
    let qualifier = |name: &str| purl.qualifiers.get(name).map(String::as_str);
    let version = purl.version.as_ref().map(|version| {
        // Older documents leave the epoch out of the URL but not out of the id.
        let epoch = qualifier("epoch").map(str::to_owned).or_else(|| epoch_of(reference, version));
        rpm_fixes::evr(epoch.as_deref().unwrap_or("0"), version, "")
    });
    let before_slash = reference.split_once('/').map(|(module, _)| module);
    Some(Component {
        name: purl.name.clone(),
        version,
        architecture: qualifier("arch").map(str::to_owned),
        module: qualifier("rpmmod").or(before_slash).and_then(module_stream),
    })
}

fn epoch_of(reference: &str, version: &str) -> Option<String> {
    let head = reference.split_once(&format!(":{version}"))?.0;
    head.rsplit_once('-')
        .map(|(_, epoch)| epoch.to_owned())
        .filter(|epoch| epoch.bytes().all(|b| b.is_ascii_digit()))
}

/// `nodejs:18:9020020230825081254:rhel9` → `nodejs:18`.
fn module_stream(label: &str) -> Option<String> {
    let mut parts = label.split(':');
    let (name, stream) = (parts.next()?, parts.next()?);
    (!name.is_empty() && !stream.is_empty()).then(|| format!("{name}:{stream}"))
}
