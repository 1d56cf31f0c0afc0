//! Grype's `ignore:` list of `.grype.yaml`.

use serde::Deserialize;

use crate::waiver::{Glob, Selector, Waiver};

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    ignore: Vec<Ignored>,
}

#[derive(Deserialize)]
struct Ignored {
    #[serde(default)]
    vulnerability: Option<String>,
    #[serde(default)]
    package: Package,
    #[serde(default, rename = "fix-state")]
    fix_state: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Deserialize, Default)]
struct Package {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default, rename = "type")]
    package_type: Option<String>,
    #[serde(default)]
    location: Option<String>,
}

pub(super) fn read(text: &str, name: &str) -> Result<Vec<Waiver>, String> {
    let file: File = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
    file.ignore.into_iter().enumerate().map(|(index, ignored)| waiver(ignored, name, index + 1)).collect()
}

/// An entry whose conditions cannot all be kept is refused: leaving one out would waive more than was meant.
fn waiver(ignored: Ignored, name: &str, entry: usize) -> Result<Waiver, String> {
    let Ignored { vulnerability, package, fix_state, reason } = ignored;
    if fix_state.is_some() {
        return Err(format!("entry {entry}: `fix-state` is a clause of a Seawall policy (`fixable: false`)"));
    }
    let mut selector =
        Selector { vulnerabilities: vulnerability.into_iter().collect(), ..Selector::default() };
    let glob = |text: &str| Glob::name(text).map_err(|error| error.to_string());
    match (&package.name, &package.version, &package.package_type) {
        (Some(package_name), None, None) => selector.packages.push(glob(package_name)?),
        (None, None, None) => {}
        (package_name, version, package_type) => {
            let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "*".to_owned());
            let package_type = part(package_type).replace("go-module", "golang").replace("python", "pypi");
            for namespace in ["", "*/"] {
                let (name, version) = (part(package_name), part(version));
                selector.packages.push(glob(&format!("pkg:{package_type}/{namespace}{name}@{version}"))?);
            }
        }
    }
    if let Some(location) = &package.location {
        selector.paths.push(Glob::path(location).map_err(|error| error.to_string())?);
    }
    if selector.vulnerabilities.is_empty() && selector.packages.is_empty() && selector.paths.is_empty() {
        return Err(format!("entry {entry} names no vulnerability, package or location"));
    }
    Ok(Waiver {
        by: format!("{name}, entry {entry}"),
        selector,
        reason: reason.unwrap_or_else(|| "listed in the ignore file".to_owned()),
        ..Waiver::default()
    })
}
