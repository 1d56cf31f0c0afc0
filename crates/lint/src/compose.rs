//! Compose files → workloads, one for each service.
//!
//! Reads the Compose specification in its short and long forms, `extends` within a file, defaults of variables. What
//! is in another file is a gap.

mod service;

use std::collections::BTreeMap;

use seawall_finding::GapKind;
use seawall_inventory::Workload;

use crate::document::{At, Node, Refusal};
use crate::limits::{ALIASED_NODES_MAX, CONTAINERS_MAX, EXTENDS_MAX};

/// Whether a document has the form of a Compose file.
pub(crate) fn is_compose(node: &Node) -> bool {
    let at = At::root(node);
    let services = at.get("services");
    services.is_some_and(|services| services.node.is_map()) && at.str("apiVersion").is_none()
}

/// The services of a document as workloads.
pub(crate) fn workloads(root: &Node) -> (Vec<Workload>, Vec<Refusal>) {
    let root = At::root(root);
    let mut refusals = Vec::new();
    if root.get("include").is_some() {
        refusals.push((
            GapKind::Unsupported,
            "it includes other files, which are looked at for themselves".to_owned(),
        ));
    }
    let host_volumes = host_volumes(&root);
    let services = root.get("services").map(|services| services.fields()).unwrap_or_default();
    let by_name: BTreeMap<&str, At<'_>> = services.iter().map(|(name, at)| (*name, at.clone())).collect();
    let (mut workloads, mut extended) = (Vec::new(), 0);
    for (name, at) in &services {
        if !at.node.is_map() {
            continue;
        }
        if workloads.len() >= CONTAINERS_MAX {
            refusals.push((GapKind::Limit, format!("more than {CONTAINERS_MAX} services")));
            break;
        }
        let (layers, refusal) = layers(at.clone(), &by_name, &mut extended);
        refusals.extend(refusal.map(|reason| (GapKind::Unsupported, format!("service {name}: {reason}"))));
        workloads.push(service::read(name, &service::Service { layers }, &host_volumes));
    }
    (workloads, refusals)
}

/// Named volumes that are a path of the host, by `driver_opts`.
fn host_volumes(root: &At<'_>) -> BTreeMap<String, String> {
    let volumes = root.get("volumes").map(|volumes| volumes.fields()).unwrap_or_default();
    let path = |(name, at): (&str, At<'_>)| {
        let options = at.get("driver_opts")?;
        let is_bind =
            options.str("o").is_some_and(|o| o.split(',').any(|o| matches!(o.trim(), "bind" | "rbind")));
        let device = options.str("device").filter(|_| is_bind)?;
        Some((name.to_owned(), interpolated(device)))
    };
    volumes.into_iter().filter_map(path).collect()
}

/// A service and those it extends, nearest first.
fn layers<'a>(
    at: At<'a>,
    services: &BTreeMap<&str, At<'a>>,
    extended: &mut usize,
) -> (Vec<At<'a>>, Option<String>) {
    let mut layers = vec![at.clone()];
    let mut current = at;
    while let Some(extends) = current.get("extends") {
        if let Some(file) = extends.str("file") {
            return (layers, Some(format!("extends a service of {file}, which is another file")));
        }
        let Some(name) = extends.node.text().or_else(|| extends.str("service")) else { break };
        let Some(base) = services.get(name) else {
            return (layers, Some(format!("extends {name}, which is not there")));
        };
        if layers.len() > EXTENDS_MAX {
            return (layers, Some(format!("extends more than {EXTENDS_MAX} services in a row")));
        }
        *extended = extended.saturating_add(base.node.weight());
        if *extended > ALIASED_NODES_MAX {
            return (
                layers,
                Some(format!("what services extend stands for more than {ALIASED_NODES_MAX} nodes")),
            );
        }
        layers.push(base.clone());
        current = base.clone();
    }
    (layers, None)
}

/// A text with the defaults of its variables (`${NAME:-default}`) put in and `$$` made `$`; other variables stay.
pub(crate) fn interpolated(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix("$$") {
            out.push('$');
            rest = after;
            continue;
        }
        if !rest.starts_with("${") {
            out.push('$');
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        // Without an end, nothing that follows has one either.
        let Some(end) = rest.find('}') else { break };
        let body = rest.get(2..end).unwrap_or_default();
        match body.split_once(":-").or_else(|| body.split_once('-')) {
            Some((name, default)) if !name.contains(['?', '+']) => out.push_str(default),
            Some(_) | None => out.push_str(rest.get(..=end).unwrap_or_default()),
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_of_variables_are_put_in() {
        let check = |text: &str, expected: &str| assert_eq!(interpolated(text), expected, "{text}");
        check("a", "a");
        check("${A:-b}c", "bc");
        check("x${A-b}", "xb");
        check("${A}", "${A}");
        check("${A:?no}", "${A:?no}");
        check("$A/$$b", "$A/$b");
        check("${A", "${A");
        check("$", "$");
    }
}
