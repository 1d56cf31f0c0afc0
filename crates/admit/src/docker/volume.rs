//! What a volume's driver would mount. Docker's own driver hands its options to `mount(2)`; what of them cannot reach the
//! host is known here, and all else needs the policy's grant.

use serde_json::{Map, Value};

use super::body::{field, nested, text};
use super::protect::{Host, Reach};

/// What `mount(2)` is told of a bind beside that it is one.
const BIND_WORDS: [&str; 32] = [
    "",
    "defaults",
    "bind",
    "rbind",
    "ro",
    "rw",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "exec",
    "noexec",
    "sync",
    "async",
    "dirsync",
    "atime",
    "noatime",
    "diratime",
    "nodiratime",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
    "private",
    "rprivate",
    "slave",
    "rslave",
    "shared",
    "rshared",
    "unbindable",
    "runbindable",
    "nosymfollow",
];
/// Words that make a mount of any type one of what is on the host already.
const MOVING_WORDS: [&str; 4] = ["bind", "rbind", "remount", "move"];

/// Judges a driver and its options, which stand in the fields of these names.
pub(super) fn driver(
    object: &Map<String, Value>,
    (name, options): (&str, &str),
    host: &Host<'_>,
) -> Result<(), String> {
    let name = text(object, name)?;
    match nested(object, options)? {
        None => Ok(()),
        Some(options) if name.is_empty() || name == "local" => local(options, host),
        Some(options) => other(options, host),
    }
}

/// Docker's own driver.
fn local(options: &Map<String, Value>, host: &Host<'_>) -> Result<(), String> {
    let (kind, device) = (text(options, "type")?, text(options, "device")?);
    let words: Vec<&str> = text(options, "o")?.split(',').collect();
    let moves = words.iter().any(|word| MOVING_WORDS.contains(&word.trim()));
    let from_elsewhere = matches!(kind, "tmpfs" | "nfs" | "nfs4" | "cifs") && !moves;
    if from_elsewhere || (kind.is_empty() && device.is_empty() && field(options, "o")?.is_none()) {
        return Ok(());
    }
    // Whatever is granted, what is protected stays so; a relative path counts from where the daemon runs.
    if !device.is_empty() {
        host.path(device)?;
    }
    let binds = matches!(kind, "" | "none" | "bind") && words.iter().all(|word| BIND_WORDS.contains(word));
    match binds && device.starts_with('/') {
        true => Ok(()),
        false => host.refuse(Reach::Mount),
    }
}

/// What another driver makes of its options nobody here knows; none of them may be a protected path.
fn other(options: &Map<String, Value>, host: &Host<'_>) -> Result<(), String> {
    let paths = options.values().filter_map(Value::as_str).filter(|value| value.starts_with('/'));
    paths.into_iter().try_for_each(|path| host.path(path))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::body::{create, volume};
    use super::*;
    use crate::settings::{DockerSettings, Grant};

    /// Whether a volume with these options may be made, and mounted with them.
    #[track_caller]
    fn check(privileged: Grant, driver: &str, options: &Value, expected: bool) {
        let settings = DockerSettings { privileged, ..DockerSettings::default() };
        let host = Host::new(&settings, &[]);
        let made = volume(json!({"Driver": driver, "DriverOpts": options}).to_string().as_bytes(), &host);
        let driver = json!({"Name": driver, "Options": options});
        let mount = json!({"Type": "volume", "Target": "/x", "VolumeOptions": {"DriverConfig": driver}});
        let body = json!({"Image": "app:1", "HostConfig": {"Mounts": [mount]}});
        let mounted = create(body.to_string().as_bytes(), &host);
        assert_eq!((made.is_ok(), mounted.is_ok()), (expected, expected), "{options}: {made:?} {mounted:?}");
        for refused in [made.err(), mounted.err()].into_iter().flatten() {
            assert!(refused.contains("admission.docker"), "{refused}");
        }
    }

    #[test]
    fn a_volume_reaches_nothing_of_the_host_but_by_a_path_that_is_checked() {
        for options in [
            json!({}),
            json!({"size": "1G"}),
            json!({"type": "tmpfs", "device": "tmpfs", "o": "size=100m,uid=1000"}),
            json!({"type": "nfs", "device": ":/export", "o": "addr=192.0.2.1,rw,nfsvers=4"}),
            json!({"type": "nfs4", "device": ":/", "o": "addr=192.0.2.1"}),
            json!({"type": "cifs", "device": "//server/share", "o": "username=u,password=p"}),
            json!({"type": "none", "device": "/srv/data", "o": "bind"}),
            json!({"type": "bind", "device": "/srv/data", "o": "rbind,ro,nosuid"}),
            json!({"type": "", "device": "/srv/data", "o": "bind,rslave"}),
        ] {
            check(Grant::Deny, "", &options, true);
            check(Grant::Deny, "local", &options, true);
        }
        for options in [
            json!({"type": "none", "o": "bind", "device": "srv/data"}),
            json!({"type": "none", "o": "bind,x-other=1", "device": "/srv/data"}),
            json!({"type": "none", "o": "bind,remount", "device": "/srv/data"}),
            json!({"type": "overlay", "device": "overlay", "o": "lowerdir=/srv,upperdir=/etc/docker,workdir=/w"}),
            json!({"type": "proc", "device": "proc"}),
            json!({"type": "sysfs", "device": "sysfs"}),
            json!({"type": "cgroup2", "device": "none"}),
            json!({"type": "devtmpfs", "device": "x"}),
            json!({"type": "ext4", "device": "/dev/sda1"}),
            json!({"type": "ext4", "device": "dev/sda1"}),
            json!({"type": "none", "o": "bind", "device": "/proc"}),
            json!({"device": "/dev/sda1"}),
            json!({"o": "bind"}),
        ] {
            check(Grant::Deny, "", &options, false);
            check(Grant::Allow, "", &options, true);
        }
        // No grant gives away what is protected.
        for options in [
            json!({"type": "none", "o": "bind", "device": "/etc/docker"}),
            json!({"type": "none", "o": "bind", "device": "etc/docker"}),
            json!({"type": "none", "o": "bind", "device": "../etc/docker"}),
            json!({"type": "nfs", "o": "bind", "device": "etc/docker"}),
            json!({"type": "tmpfs", "o": "ro, rbind", "device": "/etc/docker"}),
            json!({"type": "none", "o": "bind", "device": "/"}),
        ] {
            check(Grant::Deny, "", &options, false);
            check(Grant::Allow, "local", &options, false);
        }
        check(Grant::Deny, "sshfs", &json!({"sshcmd": "u@h:/srv", "mountpoint": "/srv/x"}), true);
        check(Grant::Allow, "local-persist", &json!({"mountpoint": "/etc/docker"}), false);
    }
}
