//! The words that Docker, Compose and podman share: mounts, ports, sizes, security options.

use seawall_inventory::workload::{
    ContainerSpec, Env, EnvOrigin, Given, Hidden, Mount, MountKind, Origin, Port, PortRange, ProcMount,
    Profile, Restart, SelinuxOptions, Sysctl, Ulimit,
};

/// `SOURCE:TARGET[:OPTIONS]`, `TARGET`.
pub(crate) fn mount(text: &str, origin: Origin) -> Mount {
    let parts = split_paths(text);
    let (source, target, options) = match parts.as_slice() {
        [target] => ("", *target, ""),
        [source, target] => (*source, *target, ""),
        [source, target, options, ..] => (*source, *target, *options),
        [] => ("", "", ""),
    };
    let mut mount = Mount {
        kind: kind_of_source(source),
        source: source.to_owned(),
        target: target.to_owned(),
        origin,
        ..Mount::default()
    };
    for option in options.split(',').filter(|option| !option.is_empty()) {
        self::option(option, &mut mount);
    }
    mount
}

/// Splits at colons, but not behind a drive letter and not inside `${…}`.
fn split_paths(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0usize);
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b':' if depth == 0 => {
                let letter = bytes.get(start).filter(|_| at == start + 1);
                let is_drive = match bytes.get(at + 1) {
                    Some(b'\\') => letter.is_some_and(u8::is_ascii_alphabetic),
                    Some(b'/') => letter.is_some_and(u8::is_ascii_uppercase),
                    _ => false,
                };
                if !is_drive {
                    parts.extend(text.get(start..at));
                    start = at + 1;
                }
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
}

/// Whether a source is a path of the host, a named volume or nothing.
pub(crate) fn kind_of_source(source: &str) -> MountKind {
    let is_path = source.starts_with(['/', '.', '~', '$', '%', '\\']) || source.get(1..3) == Some(":\\");
    let is_pipe = source.starts_with("\\\\.\\pipe") || source.starts_with("//./pipe");
    match source {
        "" => MountKind::Temporary,
        _ if is_pipe => MountKind::NamedPipe,
        _ if is_path => MountKind::HostPath,
        _ => MountKind::Volume,
    }
}

fn option(option: &str, mount: &mut Mount) {
    match option {
        "ro" | "readonly" => mount.read_only = Some(true),
        "rw" => mount.read_only = Some(false),
        "shared" | "rshared" | "slave" | "rslave" | "private" | "rprivate" => {
            mount.propagation = Some(option.to_owned())
        }
        other => mount.options.push(other.to_owned()),
    }
}

/// `type=bind,source=/a,target=/b,readonly,bind-propagation=rshared`.
pub(crate) fn mount_flag(text: &str, origin: Origin) -> Mount {
    let mut mount = Mount { origin, ..Mount::default() };
    let mut kind = "volume";
    for part in text.split(',') {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        match key.trim() {
            "type" => kind = value,
            "source" | "src" => mount.source = value.to_owned(),
            "target" | "destination" | "dst" => mount.target = value.to_owned(),
            "readonly" | "ro" => mount.read_only = Some(!matches!(value, "false" | "0")),
            "rw" => mount.read_only = Some(matches!(value, "false" | "0")),
            "bind-propagation" => mount.propagation = Some(value.to_owned()),
            "volume-subpath" | "subpath" => mount.sub_path = Some(value.to_owned()),
            "volume-opt" => volume_option(value, &mut mount),
            other => option(other, &mut mount),
        }
    }
    mount.kind = kind_of(kind, &mount);
    mount
}

/// A local volume over a path of the host is that path.
fn volume_option(value: &str, mount: &mut Mount) {
    if let Some(device) = value.trim_matches('"').strip_prefix("device=")
        && device.starts_with('/')
    {
        mount.kind = MountKind::HostPath;
        mount.source = device.to_owned();
    }
}

/// The kind of a mount by its `type`.
pub(crate) fn kind_of(kind: &str, mount: &Mount) -> MountKind {
    match kind {
        "bind" => MountKind::HostPath,
        "volume" if mount.kind == MountKind::HostPath => MountKind::HostPath,
        "volume" if mount.source.is_empty() => MountKind::Temporary,
        "volume" => MountKind::Volume,
        "tmpfs" | "ramfs" => MountKind::Temporary,
        "image" => MountKind::Image,
        "npipe" => MountKind::NamedPipe,
        // podman's glob binds what matches a pattern.
        "glob" => MountKind::HostPath,
        other => MountKind::Other(other.to_owned()),
    }
}

/// `[IP:][HOST:]CONTAINER[/PROTOCOL]`; nothing where it is no port.
pub(crate) fn port(text: &str, origin: Origin) -> Option<Port> {
    let (text, protocol) = text.rsplit_once('/').unwrap_or((text, "tcp"));
    let (rest, container) = match text.rsplit_once(':') {
        Some((rest, container)) => (Some(rest), container),
        None => (None, text),
    };
    let (ip, host) = match rest {
        None => (None, ""),
        Some(rest) => match rest.rsplit_once(':') {
            Some((ip, host)) => (Some(ip), host),
            None if rest.contains('.') => (Some(rest), ""),
            None => (None, rest),
        },
    };
    Some(Port {
        container: PortRange::from_text(container)?,
        published: true,
        host: PortRange::from_text(host),
        host_ip: ip.map(str::to_owned).filter(|ip| !ip.is_empty()),
        protocol: protocol.to_ascii_lowercase(),
        origin,
    })
}

/// Docker's sizes: `512m`, `1g`, `1GiB`, in powers of 1024.
pub(crate) fn bytes(text: &str) -> Option<i64> {
    let lower = text.trim().to_ascii_lowercase();
    let digits_end =
        lower.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).unwrap_or(lower.len());
    let (digits, unit) = lower.split_at(digits_end);
    let shift = match unit.trim().trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        "p" => 50,
        _ => return None,
    };
    let number: f64 = digits.parse().ok()?;
    let bytes = number * f64::from(2u8).powi(shift);
    #[expect(clippy::cast_possible_truncation, reason = "it is in range")]
    (bytes.abs() < 9e18).then_some(bytes as i64)
}

/// Processors as a decimal number, in thousandths.
pub(crate) fn millis(text: &str) -> Option<i64> {
    let number: f64 = text.trim().parse().ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "it is in range")]
    (number.abs() < 1e12).then_some((number * 1000.0) as i64)
}

/// `no-new-privileges`, `seccomp=FILE`, `apparmor=NAME`, `label=disable`, `systempaths=unconfined`, `unmask=ALL`.
pub(crate) fn security_option(given: &Given<String>, container: &mut ContainerSpec) {
    let origin = || given.origin.clone();
    let separator = given.value.find(['=', ':']);
    let (key, value) = separator.map_or((given.value.as_str(), ""), |at| {
        (given.value.get(..at).unwrap_or_default(), given.value.get(at + 1..).unwrap_or_default())
    });
    match key {
        "no-new-privileges" => {
            let is_off = matches!(value, "false" | "0" | "f" | "F" | "False" | "FALSE");
            container.allow_privilege_escalation = Some(Given::new(is_off, origin()));
        }
        "seccomp" => container.security.seccomp = Some(Given::new(seccomp(value), origin())),
        "apparmor" => container.security.apparmor = Some(Given::new(apparmor(value), origin())),
        "label" => {
            let mut options = container.security.selinux.take().map(|given| given.value).unwrap_or_default();
            label(value, &mut options);
            container.security.selinux = Some(Given::new(options, origin()));
        }
        "systempaths" if value == "unconfined" => {
            container.proc_mount = Some(Given::new(ProcMount::Unmasked, origin()));
        }
        "unmask" => container.proc_mount = Some(Given::new(unmask(value), origin())),
        _ => {}
    }
}

/// A seccomp profile by Docker's or podman's word.
pub(crate) fn seccomp(value: &str) -> Profile {
    match value {
        "unconfined" => Profile::Unconfined,
        "builtin" | "" => Profile::RuntimeDefault,
        json if json.trim_start().starts_with('{') => Profile::Inline(json.to_owned()),
        file => Profile::Named(file.to_owned()),
    }
}

/// An AppArmor profile by Docker's or podman's word.
pub(crate) fn apparmor(value: &str) -> Profile {
    match value {
        "unconfined" => Profile::Unconfined,
        "docker-default" | "runtime/default" | "" => Profile::RuntimeDefault,
        name => Profile::Named(name.to_owned()),
    }
}

fn label(value: &str, options: &mut SelinuxOptions) {
    let (key, value) = value.split_once(':').unwrap_or((value, ""));
    let text = Some(value.to_owned());
    match key {
        "disable" => options.disabled = true,
        "user" => options.user = text,
        "role" => options.role = text,
        "type" => options.kind = text,
        "level" => options.level = text,
        _ => {}
    }
}

/// podman's `ALL` or paths.
pub(crate) fn unmask(value: &str) -> ProcMount {
    if value.eq_ignore_ascii_case("all") {
        return ProcMount::Unmasked;
    }
    let is_between = |c: char| c == ':' || c.is_whitespace();
    ProcMount::UnmaskedPaths(
        value.split(is_between).filter(|path| !path.is_empty()).map(str::to_owned).collect(),
    )
}

/// `no`, `always`, `on-failure:5`.
pub(crate) fn restart(text: &str) -> Restart {
    let (policy, retries) = text.split_once(':').unwrap_or((text, ""));
    Restart { policy: policy.to_owned(), max_retries: retries.parse().ok() }
}

/// `NAME=VALUE`, or `NAME` for that of whoever starts it.
pub(crate) fn variable(text: &str, origin: Origin) -> Env {
    match text.split_once('=') {
        Some((name, value)) => {
            let value = Some(Hidden::new(value));
            Env { name: name.to_owned(), value, from: EnvOrigin::Literal, origin }
        }
        None => Env { name: text.to_owned(), value: None, from: EnvOrigin::Inherited, origin },
    }
}

/// `NAME=VALUE` of a kernel setting.
pub(crate) fn sysctl(text: &str, origin: Origin) -> Sysctl {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    Sysctl { name: name.trim().to_owned(), value: value.trim().to_owned(), origin }
}

/// `nofile=1024:2048`.
pub(crate) fn ulimit(text: &str, origin: Origin) -> Option<Ulimit> {
    let (name, limits) = text.split_once('=')?;
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    Some(Ulimit { name: name.to_owned(), soft: soft.parse().ok()?, hard: hard.parse().ok()?, origin })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_read_in_every_spelling() {
        let check = |text: &str, kind: MountKind, source: &str, target: &str, read_only: Option<bool>| {
            let mount = mount(text, Origin::default());
            let seen = (mount.kind, &*mount.source, &*mount.target, mount.read_only);
            assert_eq!(seen, (kind, source, target, read_only), "{text}");
        };
        check("/data", MountKind::Temporary, "", "/data", None);
        check("data:/data", MountKind::Volume, "data", "/data", None);
        check("./a:/b:ro,z", MountKind::HostPath, "./a", "/b", Some(true));
        check("/a:/b", MountKind::HostPath, "/a", "/b", None);
        check("C:\\a:C:\\b:ro", MountKind::HostPath, "C:\\a", "C:\\b", Some(true));
        check("${DIR:-/x}:/y:rw", MountKind::HostPath, "${DIR:-/x}", "/y", Some(false));
        check("a:/b", MountKind::Volume, "a", "/b", None);
    }

    #[test]
    fn ports_are_read_in_every_spelling() {
        let check = |text: &str, expected: Option<(&str, &str, Option<&str>, &str)>| {
            let port = port(text, Origin::default());
            let seen = port.as_ref().map(|port| {
                let host = port.host.map_or_else(String::new, |host| host.to_string());
                (port.container.to_string(), host, port.host_ip.clone(), port.protocol.clone())
            });
            let expected = expected.map(|(container, host, ip, protocol)| {
                (container.to_owned(), host.to_owned(), ip.map(str::to_owned), protocol.to_owned())
            });
            assert_eq!(seen, expected, "{text}");
        };
        check("80", Some(("80", "", None, "tcp")));
        check("8080:80", Some(("80", "8080", None, "tcp")));
        check("127.0.0.1:8080:80/UDP", Some(("80", "8080", Some("127.0.0.1"), "udp")));
        check("127.0.0.1::80", Some(("80", "", Some("127.0.0.1"), "tcp")));
        check("[::1]:8080:80", Some(("80", "8080", Some("[::1]"), "tcp")));
        check("3000-3005:3000-3005", Some(("3000-3005", "3000-3005", None, "tcp")));
        check("${PORT}:80", Some(("80", "", None, "tcp")));
        check("x", None);
    }

    #[test]
    fn sizes_are_read_as_docker_reads_them() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(bytes(text), expected, "{text}");
        check("512m", Some(536_870_912));
        check("1g", Some(1_073_741_824));
        check("50M", Some(52_428_800));
        check("1GiB", Some(1_073_741_824));
        check("100b", Some(100));
        check("1.5k", Some(1536));
        check("-1", Some(-1));
        check("lots", None);
    }
}
