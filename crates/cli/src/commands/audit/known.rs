//! What the advisory database knows about an engine, a runtime or the kernel of a machine.

use std::path::Path;

use seawall_advisory::{Database, Detail, Development, MatchOptions, match_inventory};
use seawall_audit::{Component, KnownAdvisory, KnownVulnerable};
use seawall_image::Limits;
use seawall_inventory::{Ecosystem, Inventory, Package};
use seawall_scan::examine;

/// The packages of the machine: a distribution mends old versions, and only its own advisories know.
pub(super) struct Known {
    machine: Inventory,
}

/// Component → the distribution packages that may hold it, and its Go module.
const COMPONENTS: [(&str, &[&str], &[&str]); 5] = [
    (
        "docker",
        &["docker.io", "docker-ce", "moby-engine"],
        &["github.com/docker/docker", "github.com/moby/moby"],
    ),
    ("containerd", &["containerd", "containerd.io"], &["github.com/containerd/containerd"]),
    ("runc", &["runc"], &["github.com/opencontainers/runc"]),
    ("podman", &["podman"], &["github.com/containers/podman/v5", "github.com/containers/podman/v4"]),
    ("crun", &["crun"], &[]),
];

impl Known {
    pub(super) fn new(root: &Path) -> Known {
        // What cannot be read leaves the components to the advisories of their own projects.
        let machine = examine::installed("machine", root, &Limits::default());
        Known { machine: machine.map(|examined| examined.inventory).unwrap_or_default() }
    }

    pub(super) fn about(&self, component: &Component, database: &Database) -> Option<KnownVulnerable> {
        let packages = self.packages(component);
        let inventory = Inventory { packages, distro: self.machine.distro.clone(), ..Inventory::default() };
        let options = MatchOptions { detail: Detail::Facts, development: Development::LeaveOut };
        let matched = match_inventory(database, &inventory, &options);
        if matched.packages_judged == 0 {
            return None;
        }
        let advisory = |finding: &seawall_finding::Finding| {
            let vulnerable = finding.evidence.vulnerable()?;
            Some(KnownAdvisory {
                id: vulnerable.id.clone(),
                severity: finding.severity,
                fixed_in: vulnerable.fixed_versions.first().cloned(),
            })
        };
        let advisories = matched.findings.found.iter().filter_map(advisory).collect();
        Some(KnownVulnerable { advisories, ..KnownVulnerable::default() })
    }

    /// The distribution's package of the component, else its Go module at the version that it tells.
    fn packages(&self, component: &Component) -> Vec<Package> {
        let kernel = [format!("linux-image-{}", component.version)];
        let (names, modules): (Vec<&str>, &[&str]) = match component.name.as_str() {
            "linux" => (kernel.iter().map(String::as_str).collect(), &[]),
            name => match COMPONENTS.iter().find(|(known, ..)| *known == name) {
                Some((_, packages, modules)) => (packages.to_vec(), modules),
                None => return Vec::new(),
            },
        };
        let of_machine = |package: &&Package| {
            package.ecosystem.is_distribution() && names.contains(&package.name.as_str())
        };
        let installed: Vec<Package> = self.machine.packages.iter().filter(of_machine).cloned().collect();
        // A binary from elsewhere may run beside the package: only one of the same upstream version is the package's.
        let is_same = |package: &Package| package.version.contains(component.version.trim_start_matches('v'));
        if component.name == "linux" || installed.iter().any(is_same) {
            return installed;
        }
        let version = format!("v{}", component.version.trim_start_matches('v'));
        let module = |name: &&str| Package::new(Ecosystem::Golang, *name, version.clone());
        modules.iter().map(module).collect()
    }
}
