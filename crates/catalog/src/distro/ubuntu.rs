//! Ubuntu Pro: which extended-support streams a tree is subscribed to.

use seawall_inventory::Distro;
use serde::Deserialize;

/// Streams that have packages and advisories of their own.
const STREAMS: &[&str] = &[
    "esm-infra",
    "esm-apps",
    "fips",
    "fips-updates",
    "fips-preview",
    "realtime-kernel",
    "ros",
    "ros-updates",
];

#[derive(Deserialize)]
struct Status {
    #[serde(default)]
    services: Vec<Service>,
}

#[derive(Deserialize)]
struct Service {
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
}

/// `var/lib/ubuntu-advantage/status.json`, what `pro status` last said.
pub(super) fn pro_status(text: &str) -> Result<Option<Distro>, String> {
    let status: Status =
        serde_json::from_str(text).map_err(|error| format!("not a status of Ubuntu Pro: {error}"))?;
    let enabled = status.services.into_iter().filter(|service| service.status == "enabled");
    Ok(subscribed(enabled.map(|service| service.name)))
}

/// `etc/apt/sources.list.d/ubuntu-esm-infra.list` or `.sources`: what apt installs from. The sources below
/// `var/lib/ubuntu-advantage/apt-esm` are on every Ubuntu, only to count what a subscription would bring.
pub(super) fn apt_sources(text: &str) -> Result<Option<Distro>, String> {
    if text.lines().any(|line| line.trim().eq_ignore_ascii_case("enabled: no")) {
        return Ok(None);
    }
    let used =
        text.lines().map(str::trim).filter(|line| line.starts_with("deb ") || line.starts_with("URIs:"));
    let addresses = used.flat_map(|line| line.split_once("://esm.ubuntu.com/"));
    Ok(subscribed(addresses.filter_map(|(_, rest)| {
        let service = rest.split(['/', ' ']).next()?;
        Some(match service {
            "infra" | "apps" => format!("esm-{service}"),
            _ => service.to_owned(),
        })
    })))
}

fn subscribed(names: impl Iterator<Item = String>) -> Option<Distro> {
    let streams: Vec<String> = names.filter(|name| STREAMS.contains(&name.as_str())).collect();
    (!streams.is_empty()).then(|| Distro { streams, ..Distro::default() })
}
