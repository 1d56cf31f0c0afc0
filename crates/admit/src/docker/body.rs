//! The bodies of Docker's calls, read as Go's `encoding/json` reads them: names of fields without regard to case. What it
//! would take from one of two fields, and we perhaps from the other, is refused.

use serde_json::{Map, Value};

use super::protect::{Host, Reach};
use super::volume;

/// What a body asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// The image.
    pub(super) image: String,
    /// Images that are mounted into it.
    pub(super) mounted: Vec<String>,
}

/// The object of a body, which must be there: Docker shows a plugin neither what is larger than 1 MiB nor what is not
/// called JSON, and one with `Content-Length: 0` was not shown before version 27.1 (CVE-2024-41110).
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, String> {
    if body.is_empty() {
        return Err(
            "Docker does not show what is asked for: its body is empty or larger than 1 MiB".to_owned()
        );
    }
    match seawall_trust::json::value(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("what is asked for is no object".to_owned()),
        Err(error) => Err(format!("what is asked for cannot be read: {error}")),
    }
}

/// Go's folding: letters of ASCII, and the two other letters that fold to one.
fn folded(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            '\u{212a}' => 'k',
            '\u{17f}' => 's',
            other => other.to_ascii_lowercase(),
        })
        .collect()
}

/// A field by its name in any case; none where it is absent or null.
pub(super) fn field<'v>(object: &'v Map<String, Value>, name: &str) -> Result<Option<&'v Value>, String> {
    let name = folded(name);
    let mut values = object.iter().filter(|(key, _)| folded(key) == name).map(|(_, value)| value);
    match (values.next(), values.next()) {
        (value, None) => Ok(value.filter(|value| !value.is_null())),
        (_, Some(_)) => Err(format!("the field `{name}` stands there twice")),
    }
}

pub(super) fn nested<'v>(
    object: &'v Map<String, Value>,
    name: &str,
) -> Result<Option<&'v Map<String, Value>>, String> {
    match field(object, name)? {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(_) => Err(format!("`{name}` is no object")),
    }
}

pub(super) fn text<'v>(object: &'v Map<String, Value>, name: &str) -> Result<&'v str, String> {
    match field(object, name)? {
        None => Ok(""),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(format!("`{name}` is no text")),
    }
}

fn list<'v>(object: &'v Map<String, Value>, name: &str) -> Result<&'v [Value], String> {
    match field(object, name)? {
        None => Ok(&[]),
        Some(Value::Array(values)) => Ok(values),
        Some(_) => Err(format!("`{name}` is no list")),
    }
}

fn is_true(object: &Map<String, Value>, name: &str) -> Result<bool, String> {
    match field(object, name)? {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(format!("`{name}` is no boolean")),
    }
}

fn texts<'v>(values: &'v [Value], name: &str) -> Result<Vec<&'v str>, String> {
    let text = |value: &'v Value| value.as_str().ok_or_else(|| format!("`{name}` has what is no text"));
    values.iter().map(text).collect()
}

/// The body of `containers/create`.
pub(super) fn create(body: &[u8], host: &Host<'_>) -> Result<Wish, String> {
    let object = object(body)?;
    let image = text(&object, "Image")?;
    if image.is_empty() {
        return Err("no image is named".to_owned());
    }
    // Docker has long taken the settings of the host beside the container's own where `HostConfig` is absent.
    let mut mounted = host_config(&object, host)?;
    if let Some(config) = nested(&object, "HostConfig")? {
        mounted.extend(host_config(config, host)?);
    }
    Ok(Wish { image: image.to_owned(), mounted })
}

/// What a container would have of the host; answers with the images that would be mounted into it.
fn host_config(config: &Map<String, Value>, host: &Host<'_>) -> Result<Vec<String>, String> {
    if is_true(config, "Privileged")? {
        host.refuse(Reach::Everything)?;
    }
    if text(config, "PidMode")? == "host" {
        host.refuse(Reach::Processes)?;
    }
    // A name is one of the daemon's own runtimes; a path is a program of the host, which runs as root.
    if text(config, "Runtime")?.contains('/') {
        host.refuse(Reach::Everything)?;
    }
    for name in texts(list(config, "CapAdd")?, "CapAdd")? {
        host.capability(name)?;
    }
    for devices in ["Devices", "DeviceCgroupRules", "DeviceRequests"] {
        if !list(config, devices)?.is_empty() {
            host.refuse(Reach::Devices)?;
        }
    }
    // Absent they are Docker's own; what is there replaces those.
    if field(config, "MaskedPaths")?.is_some() {
        host.masked(&texts(list(config, "MaskedPaths")?, "MaskedPaths")?)?;
    }
    if field(config, "ReadonlyPaths")?.is_some() {
        host.read_only(&texts(list(config, "ReadonlyPaths")?, "ReadonlyPaths")?)?;
    }
    let (binds, mounts) = (list(config, "Binds")?, list(config, "Mounts")?);
    host.count(binds.len().saturating_add(mounts.len()))?;
    for bind in texts(binds, "Binds")? {
        // A source without a slash is a volume's name.
        if let Some(source) = bind.split(':').next().filter(|source| source.starts_with('/')) {
            host.path(source)?;
        }
    }
    mounted(mounts, host)
}

fn mounted(mounts: &[Value], host: &Host<'_>) -> Result<Vec<String>, String> {
    let mut images = Vec::new();
    for mount in mounts {
        let mount = mount.as_object().ok_or("`Mounts` has what is no object")?;
        let source = text(mount, "Source")?;
        if text(mount, "Type")? == "image" {
            // Nobody looks at it again when the container starts, so that its name must not be able to move.
            if !is_id(source) && !has_digest(source) {
                return Err(format!("an image is mounted by digest or id, and `{source}` is neither"));
            }
            images.push(source.to_owned());
        }
        if source.starts_with('/') {
            host.path(source)?;
        }
        let driver = nested(mount, "VolumeOptions")?.map(|options| nested(options, "DriverConfig"));
        if let Some(driver) = driver.transpose()?.flatten() {
            volume::driver(driver, ("Name", "Options"), host)?;
        }
    }
    Ok(images)
}

/// Whether an image's name ends with a whole digest, so that it cannot come to mean another.
fn has_digest(name: &str) -> bool {
    name.rsplit_once('@').is_some_and(|(name, digest)| {
        let sha512 = digest.strip_prefix("sha512:").is_some_and(|digits| is_hex(digits, 128));
        !name.is_empty() && (is_id(digest) || sha512)
    })
}

/// Whether a text is a whole id, as an engine writes it.
fn is_id(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|digits| is_hex(digits, 64))
}

fn is_hex(digits: &str, count: usize) -> bool {
    digits.len() == count && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The body of `volumes/create`.
pub(super) fn volume(body: &[u8], host: &Host<'_>) -> Result<(), String> {
    volume::driver(&object(body)?, ("Driver", "DriverOpts"), host)
}

/// The body of `containers/…/exec`.
pub(super) fn exec(body: &[u8], host: &Host<'_>) -> Result<(), String> {
    match is_true(&object(body)?, "Privileged")? {
        true => host.refuse(Reach::Everything),
        false => Ok(()),
    }
}

/// The body of `services/create` and `services/…/update`. What a node of the swarm makes of a tag nobody here sees, so a
/// digest must be there, as the `docker` command writes it.
pub(super) fn service(body: &[u8], host: &Host<'_>) -> Result<Wish, String> {
    let object = object(body)?;
    let task = nested(&object, "TaskTemplate")?.ok_or("the service has no task")?;
    if !["", "container"].contains(&text(task, "Runtime")?) || nested(task, "PluginSpec")?.is_some() {
        return Err("the service's task is a plugin, which has the daemon's rights".to_owned());
    }
    let container = nested(task, "ContainerSpec")?.ok_or("the service's task is no container")?;
    let image = text(container, "Image")?;
    if image.is_empty() {
        return Err("no image is named".to_owned());
    }
    if !has_digest(image) {
        return Err(format!("a service needs its image by digest, and `{image}` has none"));
    }
    for name in texts(list(container, "CapabilityAdd")?, "CapabilityAdd")? {
        host.capability(name)?;
    }
    let mounts = list(container, "Mounts")?;
    host.count(mounts.len())?;
    let mounted = mounted(mounts, host)?;
    Ok(Wish { image: image.to_owned(), mounted })
}

#[cfg(test)]
mod tests;
