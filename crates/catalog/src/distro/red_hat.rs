//! Red Hat's content manifests: from which repositories an image was built.

use seawall_inventory::Distro;
use serde::Deserialize;

/// Parts of repository ids that tell an extended-support stream.
const STREAMS: &[&str] = &["eus", "e4s", "aus", "tus", "els"];

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    content_sets: Vec<String>,
}

/// `root/buildinfo/content_manifests/<name-version-release>.json`. Each layer that Red Hat built has its own; an
/// image without any (UBI since 9.5) tells nothing about its repositories.
pub(super) fn content_manifest(text: &str) -> Result<Option<Distro>, String> {
    let manifest: Manifest =
        serde_json::from_str(text).map_err(|error| format!("not a content manifest: {error}"))?;
    let content_sets: Vec<String> = manifest.content_sets.into_iter().map(cleaned).collect();
    let is_of = |stream: &str| content_sets.iter().any(|set| set.split('-').any(|part| part == stream));
    let streams = STREAMS.iter().filter(|stream| is_of(stream)).map(|stream| (*stream).to_owned()).collect();
    Ok((!content_sets.is_empty()).then(|| Distro { content_sets, streams, ..Distro::default() }))
}

/// `rhel-8-for-x86_64-baseos-rpms__8` → without the release variable that dnf put behind it; `…__9_DOT_2` names a minor
/// release's own repository and stays.
fn cleaned(set: String) -> String {
    match set.rsplit_once("__") {
        Some((id, release)) if !release.is_empty() && release.bytes().all(|b| b.is_ascii_digit()) => {
            id.to_owned()
        }
        _ => set,
    }
}
