//! GitHub's dependency submission snapshot (REST API `dependency-graph/snapshots`).

use std::collections::BTreeMap;
use std::io::Write;

use seawall_inventory::{Package, Presence};
use serde_json::{Map, Value, json};

use crate::json::write_pretty;
use crate::{RenderError, Report};

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> Result<(), RenderError> {
    let mut manifests: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for package in &report.inventory.packages {
        let path = package.places.first().and_then(|place| place.path.as_deref()).unwrap_or("packages");
        let purl = package.purl(report.inventory.distro.as_ref()).to_string();
        let resolved = json!({
            "package_url": purl,
            "relationship": "direct",
            "scope": scope(package),
        });
        manifests.entry(path).or_default().insert(purl, resolved);
    }
    let manifests: BTreeMap<&str, Value> = manifests
        .into_iter()
        .map(|(path, resolved)| {
            (path, json!({ "name": path, "file": { "source_location": path }, "resolved": resolved }))
        })
        .collect();
    let document = json!({
        "version": 0,
        "detector": { "name": "seawall", "version": report.version, "url": "https://seawall.dev" },
        "job": { "correlator": "seawall", "id": report.inventory.target.name },
        "scanned": report.created.to_string(),
        "manifests": manifests,
    });
    write_pretty(&document, out)
}

fn scope(package: &Package) -> &'static str {
    match package.presence {
        Presence::LockedForDevelopment => "development",
        Presence::Installed | Presence::Locked | Presence::Recovered => "runtime",
    }
}
