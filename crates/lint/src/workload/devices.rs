//! Devices of the host.

use seawall_finding::Framework::{CisDocker16, CisDocker17, CisDocker18, NistSp800190};
use seawall_finding::{Rule, Severity};
use seawall_inventory::workload::{ContainerSpec, Device};

use super::case::{Answer, Case, Wrong};
use super::paths::{is_within, normal};
use super::{Judge, WorkloadRule};

pub(super) static RULES: &[WorkloadRule] = &[
    WorkloadRule {
        rule: Rule {
            id: "host-device",
            title: "Device of the host in a container",
            why: "A device speaks to the host's hardware or kernel past every file permission; a disk or the memory \
                  is the host itself.",
            fix: "Take the device away, or give it only for reading.",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/reference/cli/docker/container/run/#device"],
            controls: &[
                (CisDocker16, "5.18"),
                (CisDocker17, "5.18"),
                (CisDocker18, "5.18"),
                (NistSp800190, "4.4.3"),
            ],
        },
        section: super::mounts::SECTION,
        by_default: true,
        judge: Judge::Container(devices),
        bad: &[
            "docker run --device /dev/sda x:1",
            "services: {a: {image: 'x:1', devices: ['/dev/ttyUSB0:/dev/tty']}}",
        ],
        good: &["docker run x:1", "docker run --device /dev/null x:1"],
    },
    WorkloadRule {
        rule: Rule {
            id: "device-cgroup-rule",
            title: "Access to devices by number",
            why: "A rule of the device cgroup opens devices by number; with MKNOD, which containers have by default, \
                  it is enough to make the node and open the host's disk.",
            fix: "Give the one device by its path instead.",
            severity: Severity::High,
            references: &["https://docs.docker.com/reference/cli/docker/container/run/#device-cgroup-rule"],
            controls: &[
                (CisDocker16, "5.18"),
                (CisDocker17, "5.18"),
                (CisDocker18, "5.18"),
                (NistSp800190, "4.4.3"),
            ],
        },
        section: super::mounts::SECTION,
        by_default: true,
        judge: Judge::Container(rules),
        bad: &["docker run --device-cgroup-rule='b *:* rwm' x:1"],
        good: &["docker run x:1"],
    },
];

/// What a device is, where it is the host itself.
pub(super) fn is_the_host(device: &Device) -> Option<&'static str> {
    let path = normal(&device.host_path);
    let name = path.strip_prefix("/dev/")?;
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if ["mem", "kmem", "port", "kcore"].contains(&name) {
        Some("the host's memory")
    } else if starts(&["sd", "nvme", "vd", "xvd", "hd", "dm-", "mapper/", "md", "disk/", "mmcblk"]) {
        Some("a disk of the host")
    } else {
        None
    }
}

/// Devices that any program may have.
fn is_harmless(device: &Device) -> bool {
    let path = normal(&device.host_path);
    let harmless = [
        "/dev/null",
        "/dev/zero",
        "/dev/full",
        "/dev/random",
        "/dev/urandom",
        "/dev/fuse",
        "/dev/dri",
        "/dev/snd",
    ];
    harmless.iter().any(|known| is_within(&path, known))
}

fn devices(_: &Case<'_>, container: &ContainerSpec) -> Answer {
    let wrongs = container.devices.iter().filter(|device| !is_harmless(device)).map(|device| {
        let host = is_the_host(device);
        let seen =
            host.map_or_else(|| device.host_path.clone(), |what| format!("{}, {what}", device.host_path));
        let wrong = Wrong::new(
            &device.origin,
            &format!("device {}", device.host_path),
            seen,
            "no device of the host",
        );
        if host.is_some() { wrong.severity(Severity::High) } else { wrong }
    });
    Answer::from(wrongs.collect(), "no device of the host")
}

fn rules(_: &Case<'_>, container: &ContainerSpec) -> Answer {
    let wrong = |given: &seawall_inventory::workload::Given<String>| {
        Wrong::new(&given.origin, "device-cgroup-rule", given.value.clone(), "no rule")
    };
    Answer::from(container.device_cgroup_rules.iter().map(wrong).collect(), "no rule of the device cgroup")
}
