//! Compose files → workloads, one for each service.
//!
//! Reads the Compose specification in its short and long forms, several files as one project, `extends` within and
//! between them, `include`, `!override` and `!reset`, defaults of variables. What is in a file that is not at hand is a
//! gap.

mod service;

use std::collections::{BTreeMap, BTreeSet};

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

/// A file of a project.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    /// The directory that its relative paths start from.
    pub(crate) directory: &'a str,
    pub(crate) root: &'a Node,
}

/// The Compose file at a path, where it is among the files at hand.
pub(crate) type Lookup<'l, 'a> = dyn Fn(&str) -> Option<Part<'a>> + 'l;

/// The services of a project as workloads: of its files, each says more of what those in front of it say, as
/// `docker compose -f A -f B` joins them.
pub(crate) fn workloads<'a>(parts: &[Part<'a>], lookup: &Lookup<'_, 'a>) -> (Vec<Workload>, Vec<Refusal>) {
    let mut refusals = Vec::new();
    for part in parts {
        let absent = includes(*part).into_iter().flatten().filter(|path| lookup(path).is_none());
        let reason = |path| (GapKind::NoData, format!("it includes {path}, which is not among the files"));
        refusals.extend(absent.map(reason));
    }
    let mut volumes = BTreeMap::new();
    parts.iter().for_each(|part| volumes.extend(host_volumes(&At::root(part.root))));
    let mut names: Vec<&str> = Vec::new();
    let services: Vec<BTreeMap<&str, At<'_>>> = parts.iter().map(|part| services(part.root)).collect();
    for part in parts {
        let all = At::root(part.root).get("services").map(|all| all.fields()).unwrap_or_default();
        let new = all.into_iter().filter(|(_, at)| at.node.is_map()).map(|(name, _)| name);
        names.extend(new);
    }
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(*name));
    let mut extending = Extending { lookup, others: BTreeMap::new(), nodes: 0 };
    let mut workloads = Vec::new();
    for name in names {
        if workloads.len() >= CONTAINERS_MAX {
            refusals.push((GapKind::Limit, format!("more than {CONTAINERS_MAX} services")));
            break;
        }
        let mut layers = Vec::new();
        let mut first = None;
        for (part, own) in parts.iter().zip(&services).rev() {
            let Some(at) = own.get(name).filter(|at| at.node.is_map()) else { continue };
            first = Some(at.origin());
            layers.push(at.clone());
            if let Err(reason) = extending.layers(at, part, own, &mut layers) {
                refusals.push((GapKind::Unsupported, format!("service {name}: {reason}")));
            }
        }
        let origin = first.unwrap_or_default();
        workloads.push(service::read(name, origin, &service::Service { layers }, &volumes));
    }
    (workloads, refusals)
}

/// The services of a file by their names.
pub(crate) fn services(root: &Node) -> BTreeMap<&str, At<'_>> {
    At::root(root).get("services").map(|services| services.fields()).unwrap_or_default().into_iter().collect()
}

/// The paths of the files that a file includes; those of one inclusion are one project.
pub(crate) fn includes(part: Part<'_>) -> Vec<Vec<String>> {
    let paths = |at: &At<'_>| {
        let path = at.get("path").unwrap_or_else(|| at.clone());
        let one = path.node.text().into_iter();
        let items = path.items();
        let all = one.chain(items.iter().filter_map(|item| item.node.text()));
        all.map(|name| beside(part.directory, &interpolated(name))).collect()
    };
    At::root(part.root).list("include").iter().map(paths).collect()
}

/// The path of a file that another one names.
pub(crate) fn beside(directory: &str, name: &str) -> String {
    if name.starts_with('/') {
        return name.to_owned();
    }
    let mut components: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." if components.last().is_some_and(|last| *last != "..") => drop(components.pop()),
            part => components.push(part),
        }
    }
    let root = if directory.starts_with('/') { "/" } else { "" };
    format!("{root}{}", components.join("/"))
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

/// Follows `extends`, within limits for all services together.
struct Extending<'l, 'a> {
    lookup: &'l Lookup<'l, 'a>,
    /// The services of other files that were asked for.
    others: BTreeMap<String, BTreeMap<&'a str, At<'a>>>,
    nodes: usize,
}

impl<'a> Extending<'_, 'a> {
    /// Adds what a service extends, nearest first.
    fn layers(
        &mut self,
        at: &At<'a>,
        part: &Part<'a>,
        own: &BTreeMap<&'a str, At<'a>>,
        layers: &mut Vec<At<'a>>,
    ) -> Result<(), String> {
        let mut current = at.clone();
        // The file that the current service stands in, where it is another one, and its directory.
        let mut file: Option<String> = None;
        let mut directory = part.directory;
        for depth in 0.. {
            let Some(extends) = current.get("extends") else { return Ok(()) };
            if depth >= EXTENDS_MAX {
                return Err(format!("extends more than {EXTENDS_MAX} services in a row"));
            }
            if let Some(name) = extends.str("file") {
                let path = beside(directory, &interpolated(name));
                let Some(other) = (self.lookup)(&path) else {
                    return Err(format!("extends a service of {name}, which is not among the files"));
                };
                directory = other.directory;
                self.others.entry(path.clone()).or_insert_with(|| services(other.root));
                file = Some(path);
            }
            let Some(name) = extends.node.text().or_else(|| extends.str("service")) else { return Ok(()) };
            let known = file.as_ref().and_then(|file| self.others.get(file)).unwrap_or(own);
            let Some(base) = known.get(name).cloned() else {
                return Err(format!("extends {name}, which is not there"));
            };
            self.nodes = self.nodes.saturating_add(base.node.weight());
            if self.nodes > ALIASED_NODES_MAX {
                return Err(format!("what services extend stands for more than {ALIASED_NODES_MAX} nodes"));
            }
            layers.push(base.clone());
            current = base;
        }
        Ok(())
    }
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
