//! The configuration: user, variables, ports, volumes, health check, tag; and packages that it should not have.

use seawall_finding::{Confidence, Finding, Rule, Severity};
use seawall_inventory::{Image, ImageName, Presence};

use super::{Hit, ImageOptions, finding, pointer};
use crate::dockerfile::{check_named, names_secret};

pub(super) const LATEST_TAG: Rule = Rule {
    id: "image-tag-latest",
    title: "Image with the tag latest",
    why: "`latest` moves: what runs under it today is not what ran yesterday, and a rollback does not bring it back.",
    fix: "Give the image a tag that names its version.",
    severity: Severity::Low,
    references: &["https://docs.docker.com/build/building/best-practices/#pin-base-image-versions"],
    controls: crate::dockerfile::controls::TRUSTED_BASE,
};

pub(super) fn look(image: &Image, options: &ImageOptions<'_>, found: &mut Vec<Finding>) {
    let mut add = |id: &str, hit: Hit| {
        if let Some(check) = check_named(id) {
            found.push(finding(image, &check.rule, hit));
        }
    };
    if let Some(hit) = user(&image.config.user) {
        add("image-user-root", hit);
    }
    if !image.config.has_healthcheck && options.every_rule {
        let hit = Hit::new("Healthcheck", "none", "the image has no health check");
        add("healthcheck-missing", hit.expected("a health check").at(pointer("/config/Healthcheck")));
    }
    for variable in &image.config.env {
        let Some((name, value)) = variable.split_once('=') else { continue };
        let is_set = !value.is_empty()
            && !value.starts_with("/run/secrets/")
            && !matches!(value, "true" | "false" | "0" | "1");
        if names_secret(name) && is_set {
            let shown = format!("{name}=… ({} characters)", value.chars().count());
            let summary = format!("the variable {name} gives a credential to whoever pulls the image");
            let mut hit = Hit::new(format!("Env {name}"), shown, summary)
                .expected("a secret that is given at the start");
            hit.confidence = Confidence::Medium;
            add("secret-in-variable", hit.at(pointer("/config/Env")));
        }
    }
    for port in image.config.exposed_ports.iter().filter(|port| matches!(port.as_str(), "22" | "22/tcp")) {
        let hit = Hit::new(format!("ExposedPorts {port}"), port, "the port of SSH is exposed");
        add(
            "ssh-port-exposed",
            hit.expected("an image without an SSH server").at(pointer("/config/ExposedPorts")),
        );
    }
    for volume in &image.config.volumes {
        let path = volume.trim_end_matches('/');
        let is_system = [
            "", "/bin", "/boot", "/dev", "/etc", "/lib", "/proc", "/root", "/sbin", "/sys", "/usr", "/var",
            "/run",
        ];
        if is_system.contains(&path) {
            let hit =
                Hit::new(format!("Volumes {volume}"), volume, format!("{volume} is no directory for data"));
            add(
                "volume-on-system-directory",
                hit.expected("a directory for data").at(pointer("/config/Volumes")),
            );
        }
        if path.ends_with(".sock") && path.contains("docker") {
            let hit = Hit::new(
                format!("Volumes {volume}"),
                volume,
                "whoever has the engine's socket is root on the host",
            );
            add("engine-socket-in-image", hit.expected("no socket").at(pointer("/config/Volumes")));
        }
    }
    for package in options.packages.iter().filter(|package| package.presence == Presence::Installed) {
        let is_distribution = package.ecosystem.is_distribution();
        let tools =
            ["openssh-server", "telnetd", "telnet", "nmap", "tcpdump", "rsh-server", "netcat-traditional"];
        let shown = format!("{} {}", package.name, package.version);
        let place = package.places.first().cloned().unwrap_or_default();
        if is_distribution && package.name == "sudo" {
            let hit = Hit::new("package sudo", shown, "sudo lets a user of the container become root");
            add("sudo-in-build", hit.expected("an image without sudo").at(place));
        } else if is_distribution && tools.contains(&package.name.as_str()) {
            let hit = Hit::new(
                format!("package {}", package.name),
                shown,
                format!("{} is a tool for people", package.name),
            );
            add("needless-package", hit.expected("an image without it").at(place));
        }
    }
    let is_latest = |name: &ImageName| name.tag() == Some("latest");
    let names_latest = image.name.as_ref().is_some_and(|name| is_latest(name) && name.digest().is_none());
    if names_latest || (image.name.is_none() && image.tags.iter().any(|tag| tag.ends_with(":latest"))) {
        let hit = Hit::new("tag", "latest", "the tag of the image moves").expected("the tag of a version");
        found.push(finding(image, &LATEST_TAG, hit));
    }
}

/// Empty is root; so are `root`, `0` and `0:0`, however they are written.
fn user(user: &str) -> Option<Hit> {
    let name = user.split(':').next().unwrap_or(user).trim();
    let is_root = name.is_empty() || name == "root" || name.parse::<u64>() == Ok(0);
    let seen = if user.is_empty() { "none, which is root" } else { user };
    let hit = Hit::new("User", seen, "the image runs as root").expected("a user other than root");
    is_root.then(|| hit.at(pointer("/config/User")))
}
