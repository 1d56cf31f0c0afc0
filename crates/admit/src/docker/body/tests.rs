use super::*;
use crate::settings::{DockerSettings, Grant};

fn check(body: &str, expected: &str) {
    let (settings, own) = (DockerSettings::default(), ["/run/docker/plugins/seawall.sock".to_owned()]);
    let shown = match create(body.as_bytes(), &Host::new(&settings, &own)) {
        Ok(wish) => wish.image,
        Err(reason) => reason,
    };
    assert!(shown.contains(expected), "{body}: {shown}");
}

#[test]
fn a_body_is_read_in_one_way_or_not_at_all() {
    check(r#"{"Image":"app:1"}"#, "app:1");
    check(r#"{"iMAGE":"app:1"}"#, "app:1");
    check(r#"{"Image":"app:1","Image":"app:2"}"#, "twice");
    check(r#"{"Image":"app:1","image":"app:2"}"#, "twice");
    check(r#"{"Image":"app:1"}{"Image":"app:2"}"#, "cannot be read");
    check(r#"{"Image":["app:1"]}"#, "no text");
    check(r#"{"Image":""}"#, "no image");
    check(r#"{"Image":null}"#, "no image");
    check("", "Docker does not show");
    check("[]", "no object");
    check("{", "cannot be read");
    check(&format!("{}{}", "[".repeat(200), "]".repeat(200)), "cannot be read");
    check("{\"Image\":\"a\\ud800\"}", "cannot be read");
}

#[test]
fn what_reaches_the_host_is_refused() {
    let with = |config: &str| format!(r#"{{"Image":"app:1","HostConfig":{{{config}}}}}"#);
    for config in [
        r#""Privileged":true"#,
        "\"privileged\":true",
        r#""PidMode":"host""#,
        r#""Runtime":"/tmp/runc""#,
        r#""CapAdd":["SYS_ADMIN"]"#,
        r#""CapAdd":["cap_sys_admin"]"#,
        r#""CapAdd":["ALL"]"#,
        r#""Devices":[{"PathOnHost":"/dev/sda"}]"#,
        r#""DeviceCgroupRules":["a *:* rwm"]"#,
        r#""Binds":["/:/host"]"#,
        r#""Binds":["/etc:/x:ro"]"#,
        r#""Binds":["/run/docker/plugins:/x"]"#,
        r#""Binds":["/run/../run/docker:/x"]"#,
        r#""Binds":["//etc//docker/:/x"]"#,
        "\"Bind\u{17f}\":[\"/etc/docker:/x\"]",
        r#""Mounts":[{"Type":"bind","Source":"/var/lib/docker","Target":"/x"}]"#,
        r#""Mounts":[{"Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"type":"none","o":"bind","device":"/etc"}}}}]"#,
        r#""Mounts":[{"Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"device":"/dev/sda1"}}}}]"#,
        r#""Binds":["/proc:/x"]"#,
    ] {
        check(&with(config), "admission.docker");
    }
    for config in [
        "",
        r#""Privileged":false,"PidMode":"","CapAdd":null,"Devices":[],"Binds":null"#,
        r#""Binds":["data:/data","/srv/data:/srv"],"CapAdd":["NET_BIND_SERVICE"]"#,
        r#""Binds":["/var/run/docker.sock:/var/run/docker.sock"]"#,
    ] {
        check(&with(config), "app:1");
    }
    let mount = r#""Mounts":[{"Type":"image","Source":"app:2","Target":"/x"}]"#;
    check(&with(mount), "is neither");
    check(&with(r#""Privileged":"yes""#), "no boolean");
    check(r#"{"Image":"app:1","HostConfig":{},"hostconfig":{"Privileged":true}}"#, "twice");
    let settings = DockerSettings { privileged: Grant::Allow, ..DockerSettings::default() };
    let body = with(r#""Privileged":true,"Binds":["/proc:/x"]"#);
    assert!(create(body.as_bytes(), &Host::new(&settings, &[])).is_ok());
    let body = with(r#""Binds":["/etc/docker:/x"]"#);
    assert!(create(body.as_bytes(), &Host::new(&settings, &[])).is_err());
}

#[test]
fn settings_of_the_host_beside_the_containers_own_are_judged() {
    for settings in [
        r#""Privileged":true"#,
        r#""privileged":true,"HostConfig":{}"#,
        r#""PidMode":"host""#,
        r#""Binds":["/:/host"]"#,
        r#""HostConfig":null,"bindS":["/etc/docker:/x"]"#,
        r#""CapAdd":["SYS_ADMIN"]"#,
        r#""Devices":[{"PathOnHost":"/dev/sda"}]"#,
        r#""Runtime":"/tmp/runc""#,
        r#""Mounts":[{"Type":"bind","Source":"/etc/docker","Target":"/x"}]"#,
    ] {
        check(&format!(r#"{{"Image":"app:1",{settings}}}"#), "admission.docker");
    }
    check(r#"{"Image":"app:1","Privileged":false,"Binds":["data:/data"]}"#, "app:1");
    check(r#"{"Image":"app:1","Mounts":[{"Type":"image","Source":"app:2"}]}"#, "is neither");
    // An image that is mounted that way is one to be decided.
    let settings = DockerSettings::default();
    let id = format!("sha256:{}", "0".repeat(64));
    let body = format!(r#"{{"Image":"app:1","Mounts":[{{"Type":"image","Source":"{id}"}}]}}"#);
    let wish = create(body.as_bytes(), &Host::new(&settings, &[]));
    assert_eq!(wish, Ok(Wish { image: "app:1".to_owned(), mounted: vec![id] }));
}

#[test]
fn programs_units_devices_and_unmasked_paths_are_the_hosts() {
    let with = |config: &str| format!(r#"{{"Image":"app:1","HostConfig":{{{config}}}}}"#);
    for path in [
        "/usr/bin",
        "/usr/bin/seawall",
        "/usr/sbin",
        "/bin",
        "/sbin",
        "/usr/local/bin",
        "/usr/local/sbin",
        "/usr",
        "/usr/lib/systemd/system",
        "/lib/systemd",
        "/etc/systemd/system",
        "/etc/cron.d",
        "/etc/cron.daily/x",
        "/etc/crontab",
        "/var/spool/cron",
        "/etc",
    ] {
        check(&with(&format!(r#""Binds":["{path}:/x"]"#)), "is protected");
        check(&with(&format!(r#""Binds":["{path}:/x:ro"]"#)), "is protected");
    }
    check(&with(r#""Binds":["/etc/ssl:/x","/usr/share/zoneinfo:/y:ro"]"#), "app:1");
    for config in [
        r#""DeviceRequests":[{"Driver":"","Count":-1,"Capabilities":[["gpu"]]}]"#,
        r#""DeviceRequests":[{"Driver":"cdi","DeviceIDs":["vendor.com/class=name"]}]"#,
        r#""MaskedPaths":[]"#,
        r#""maskedpaths":[]"#,
        r#""ReadonlyPaths":[]"#,
        r#""MaskedPaths":["/x"]"#,
        r#""ReadonlyPaths":["/proc/bus","/proc/fs"]"#,
    ] {
        check(&with(config), "admission.docker.privileged");
    }
    check(&with(r#""MaskedPaths":null,"ReadonlyPaths":null,"DeviceRequests":[]"#), "app:1");
    // As a client writes it that makes a container again from what an inspection told.
    let told = r#""MaskedPaths":["/proc/asound","/proc/acpi","/proc/kcore","/proc/keys",
        "/proc/latency_stats","/proc/timer_list","/proc/timer_stats","/proc/sched_debug","/proc/scsi",
        "/sys/firmware","/sys/devices/virtual/powercap"],
        "ReadonlyPaths":["/proc/bus","/proc/fs","/proc/irq","/proc/sys","/proc/sysrq-trigger"]"#;
    check(&with(told), "app:1");
}

#[test]
fn an_image_that_is_mounted_or_served_has_a_whole_digest() {
    let (hex, long) = ("0a".repeat(32), "0a".repeat(64));
    let check = |image: String, mounts: bool, serves: bool| {
        let settings = DockerSettings::default();
        let host = Host::new(&settings, &[]);
        let mount = format!(r#"{{"Type":"image","Source":"{image}","Target":"/x"}}"#);
        let body = format!(r#"{{"Image":"app:1","HostConfig":{{"Mounts":[{mount}]}}}}"#);
        assert_eq!(create(body.as_bytes(), &host).is_ok(), mounts, "{image}");
        let body = format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{"Image":"{image}"}}}}}}"#);
        assert_eq!(service(body.as_bytes(), &host).is_ok(), serves, "{image}");
    };
    check(format!("sha256:{hex}"), true, false);
    check(format!("a.b/app@sha256:{hex}"), true, true);
    check(format!("a.b:5000/app:1@sha256:{hex}"), true, true);
    check(format!("a.b/app@sha512:{long}"), true, true);
    check("127.0.0.1:5999/team/sha256:1".to_owned(), false, false);
    check(format!("127.0.0.1:5999/team/sha256:{hex}"), false, false);
    check(format!("a.b/app@sha256:{hex}:1"), false, false);
    check(format!("a.b/app@sha256:{}", &hex[1..]), false, false);
    check(format!("a.b/app@sha512:{hex}"), false, false);
    check(format!("sha256:{}", &hex[1..]), false, false);
    check(format!("@sha256:{hex}"), false, false);
    check(hex, false, false);
}

#[test]
fn volumes_services_and_commands() {
    let settings = DockerSettings::default();
    let host = Host::new(&settings, &[]);
    assert!(volume(br#"{"Name":"x"}"#, &host).is_ok());
    assert!(volume(br#"{"DriverOpts":{"type":"none","o":"bind","device":"/etc/docker"}}"#, &host).is_err());
    assert!(exec(br#"{"Cmd":["sh"]}"#, &host).is_ok());
    assert!(exec(br#"{"Cmd":["sh"],"Privileged":true}"#, &host).is_err());
    let with = |container: &str| format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{{container}}}}}}}"#);
    let digest = format!("app:1@sha256:{}", "0".repeat(64));
    let wish = service(with(&format!(r#""Image":"{digest}""#)).as_bytes(), &host);
    assert_eq!(wish.map(|wish| wish.image), Ok(digest.clone()));
    assert!(service(with(r#""Image":"app:1""#).as_bytes(), &host).is_err());
    let mount = format!(r#""Image":"{digest}","Mounts":[{{"Type":"bind","Source":"/"}}]"#);
    assert!(service(with(&mount).as_bytes(), &host).is_err());
    let plugin = with(&format!(r#""Image":"{digest}""#)).replace("{\"C", "{\"runtime\":\"plugin\",\"C");
    assert!(service(plugin.as_bytes(), &host).is_err(), "{plugin}");
    assert!(service(br#"{"TaskTemplate":{"PluginSpec":{"Remote":"x"}}}"#, &host).is_err());
}

#[test]
fn binds_and_mounts_are_counted_together() {
    let with = |binds: usize, mounts: usize| {
        let bind = vec![r#""v:/x""#; binds].join(",");
        let mount = vec![r#"{"Type":"tmpfs","Target":"/x"}"#; mounts].join(",");
        format!(r#"{{"Image":"app:1","HostConfig":{{"Binds":[{bind}],"Mounts":[{mount}]}}}}"#)
    };
    check(&with(500, 500), "app:1");
    check(&with(1001, 0), "more than 1000 mounts");
    check(&with(501, 500), "more than 1000 mounts");
}
