//! The seventeen verdicts that Docker Bench for Security 1.6.0 gets wrong, each with the right one; and what else its
//! script overlooks. Those of containers are in `real_containers.rs` as well, with a real engine.

#[path = "place/place.rs"]
mod place;

use place::{Tree, about, engine, inspected};
use seawall_audit::Component;
use seawall_finding::Outcome::{self, Fail, NotApplicable, Pass};
use serde_json::{Value, json};

const UNIT: &str = "lib/systemd/system/docker.service";

/// What a rule says of a daemon with this daemon.json and these arguments.
fn daemon(rule: &str, config: &str, arguments: &str) -> Vec<Outcome> {
    let unit = format!("[Service]\nExecStart=/usr/bin/dockerd {arguments}\n");
    let tree = Tree::new().file("etc/docker/daemon.json", config).file(UNIT, &unit);
    about(&tree.audit(), rule, "docker")
}

/// What a rule says of a container whose inspection differs from an ordinary one's by these members.
fn container(rule: &str, host_config: Value, more: Value) -> Vec<Outcome> {
    let tree = Tree::new();
    let audited = tree.audit_with(|inputs| inputs.saved = vec![inspected("web", &host_config, &more)]);
    about(&audited, rule, "web")
}

fn mounted(rule: &str, source: &str, writable: bool) -> Vec<Outcome> {
    let mount = json!([{"Type": "bind", "Source": source, "Destination": "/x", "RW": writable, "Propagation": "rprivate"}]);
    container(rule, json!({}), json!({"Mounts": mount}))
}

#[test]
fn v01_hosts_over_several_lines() {
    let config = "{\n  \"hosts\": [\n    \"tcp://0.0.0.0:2375\"\n  ]\n}\n";
    assert_eq!(daemon("daemon-tcp-tls", config, ""), [Fail]);
}

#[test]
fn v02_tlsverify_in_the_file() {
    let config = r#"{"hosts":["tcp://0.0.0.0:2376"],"tlsverify":true}"#;
    assert_eq!(daemon("daemon-tcp-tls", config, ""), [Pass]);
}

#[test]
fn v03_log_level_as_argument() {
    assert_eq!(daemon("daemon-log-level", "{}", "--log-level=debug"), [Fail]);
    assert_eq!(daemon("daemon-log-level", "{}", "--log-level=info"), [Pass]);
}

#[test]
fn v04_no_new_privileges_false() {
    assert_eq!(daemon("daemon-no-new-privileges", "{}", "--no-new-privileges=false"), [Fail]);
    assert_eq!(daemon("daemon-no-new-privileges", "{}", "--no-new-privileges"), [Pass]);
}

#[test]
fn v05_empty_userns_remap() {
    assert_eq!(daemon("daemon-user-namespaces", "{}", "--userns-remap="), [Fail]);
    assert_eq!(daemon("daemon-user-namespaces", "{}", "--userns-remap=default"), [Pass]);
}

#[test]
fn v06_modes_are_bits_not_numbers() {
    for (mode, expected) in
        [(0o622, Fail), (0o602, Fail), (0o066, Fail), (0o277, Fail), (0o644, Pass), (0o600, Pass)]
    {
        let tree = Tree::new().file("etc/docker/daemon.json", "{}").mode("etc/docker/daemon.json", mode);
        assert_eq!(about(&tree.audit(), "mode-daemon-json", "docker"), [expected], "{mode:o}");
    }
}

#[test]
fn v07_root_in_every_spelling() {
    for (user, expected) in
        [("0:0", Fail), ("root:root", Fail), ("0", Fail), ("", Fail), ("1000", Pass), ("app", Pass)]
    {
        let of_container =
            container("root-user", json!({}), json!({"Config": {"Image": "a:1", "User": user}}));
        assert_eq!(of_container, [expected], "{user}");
        let image = json!({"Id": "sha256:1", "RepoTags": ["a:1"], "RootFS": {}, "Config": {"User": user}});
        let audited = Tree::new().audit_with(|inputs| inputs.saved = vec![engine(&image)]);
        assert_eq!(about(&audited, "image-user", "a:1"), [expected], "{user}");
    }
}

#[test]
fn v08_the_root_mounted_read_only() {
    assert_eq!(mounted("sensitive-host-mount", "/", false), [Fail]);
}

#[test]
fn v09_sensitive_directories_that_no_list_has() {
    for source in ["/run", "/var/lib/docker", "/root", "/home"] {
        assert_eq!(mounted("sensitive-host-mount", source, true), [Fail], "{source}");
    }
    assert_eq!(mounted("sensitive-host-mount", "/srv/data", true), [Pass]);
}

#[test]
fn v10_the_socket_by_way_of_a_directory() {
    for source in ["/run", "/", "/var/run", "/run/docker.sock", "/run/containerd", "/run/podman/podman.sock"]
    {
        assert_eq!(mounted("engine-socket-mount", source, true), [Fail], "{source}");
    }
    assert_eq!(mounted("engine-socket-mount", "/srv/data", true), [Pass]);
}

#[test]
fn v11_a_seccomp_profile_that_allows_everything() {
    let open = json!({"SecurityOpt": [r#"seccomp={"defaultAction":"SCMP_ACT_ALLOW"}"#]});
    assert_eq!(container("seccomp-disabled", open, json!({})), [Fail]);
    let closed = json!({"SecurityOpt": [r#"seccomp={"defaultAction":"SCMP_ACT_ERRNO","syscalls":[]}"#]});
    assert_eq!(container("seccomp-disabled", closed, json!({})), [Pass]);
}

#[test]
fn v12_no_new_privileges_false_of_a_container() {
    let rule = "privilege-escalation-allowed";
    assert_eq!(container(rule, json!({"SecurityOpt": ["no-new-privileges:false"]}), json!({})), [Fail]);
    assert_eq!(container(rule, json!({"SecurityOpt": ["no-new-privileges"]}), json!({})), [Pass]);
}

#[test]
fn v13_security_modules_that_the_host_does_not_have() {
    let of = |options: Value, rule: &str| {
        let info = json!({"ServerVersion": "28.0.0", "SecurityOptions": options});
        let audited = Tree::new().audit_with(|inputs| {
            inputs.saved =
                vec![engine(&info), inspected("web", &json!({"SecurityOpt": ["label=disable"]}), &json!({}))];
        });
        about(&audited, rule, "web")
    };
    assert_eq!(of(json!(["name=seccomp,profile=builtin"]), "selinux-weakened"), [NotApplicable]);
    assert_eq!(of(json!(["name=selinux"]), "selinux-weakened"), [Fail]);
    assert_eq!(of(json!(["name=seccomp,profile=builtin"]), "apparmor-disabled"), [NotApplicable]);
}

#[test]
fn v14_a_version_of_years_ago() {
    let versions = |version: &str| {
        let info = json!({"ServerVersion": version});
        let audited = Tree::new().audit_with(|inputs| {
            inputs.saved = vec![engine(&info)];
            inputs.known = &|component: &Component| {
                (component.version == "29.1.0").then(seawall_audit::KnownVulnerable::default)
            };
        });
        about(&audited, "engine-version", "")
    };
    assert_eq!(versions("20.10.24"), [Fail]);
    assert_eq!(versions("29.1.0"), [Pass]);
}

#[test]
fn v15_no_swarm_passes_nothing() {
    let info = json!({"ServerVersion": "28.0.0", "Swarm": {"LocalNodeState": "inactive"}});
    let audited = Tree::new().audit_with(|inputs| inputs.saved = vec![engine(&info)]);
    let swarm: Vec<Outcome> =
        audited.checks.iter().filter(|check| check.section == "Swarm").map(|check| check.outcome).collect();
    assert_eq!(swarm, [NotApplicable; 9]);
}

#[test]
fn v16_restart_always() {
    let policy =
        |name: &str, count: i64| json!({"RestartPolicy": {"Name": name, "MaximumRetryCount": count}});
    assert_eq!(container("restart-without-end", policy("always", 0), json!({})), [Fail]);
    assert_eq!(container("restart-without-end", policy("on-failure", 5), json!({})), [Pass]);
}

#[test]
fn v17_ports_on_all_addresses_of_ipv6() {
    let port = |ip: &str| json!({"PortBindings": {"80/tcp": [{"HostIp": ip, "HostPort": "8080"}]}});
    for (ip, expected) in [("::", Fail), ("", Fail), ("0.0.0.0", Fail), ("127.0.0.1", Pass), ("::1", Pass)] {
        assert_eq!(container("port-on-all-addresses", port(ip), json!({})), [expected], "{ip}");
    }
}

#[test]
fn a_configuration_file_of_another_name() {
    let unit = "[Service]\nExecStart=/usr/bin/dockerd --config-file=/srv/docker.json\n";
    let tree = Tree::new()
        .file("srv/docker.json", r#"{"icc": false}"#)
        .mode("srv/docker.json", 0o666)
        .file(UNIT, unit);
    let audited = tree.audit();
    assert_eq!(about(&audited, "mode-daemon-json", "docker"), [Fail]);
    assert_eq!(about(&audited, "daemon-bridge-traffic", "docker"), [Pass]);
}

#[test]
fn the_process_is_known_by_its_program() {
    // An editor with the word in its arguments is not the daemon.
    let tree = Tree::new()
        .file(UNIT, "[Service]\nExecStart=/usr/bin/dockerd\n")
        .process(10, "/usr/bin/vim", &["vim", "dockerd", "--icc=false"])
        .process(11, "/usr/bin/dockerd", &["dockerd", "--log-level=debug"]);
    let audited = tree.audit();
    assert_eq!(about(&audited, "daemon-log-level", "docker"), [Fail]);
    assert_eq!(about(&audited, "daemon-bridge-traffic", "docker"), [Fail]);
}

#[test]
fn a_socket_unit_that_listens_on_the_network() {
    let tree = Tree::new()
        .file(UNIT, "[Service]\nExecStart=/usr/bin/dockerd -H fd://\n")
        .file("lib/systemd/system/docker.socket", "[Socket]\nListenStream=/run/docker.sock\n")
        .file("etc/systemd/system/docker.socket.d/tcp.conf", "[Socket]\nListenStream=2375\n");
    assert_eq!(about(&tree.audit(), "daemon-tcp-tls", "docker"), [Fail]);
}

#[test]
fn rules_of_the_audit_system_in_their_directory() {
    let tree = Tree::new()
        .file(UNIT, "[Service]\nExecStart=/usr/bin/dockerd\n")
        .file("etc/docker/daemon.json", "{}")
        .file("etc/audit/rules.d/docker.rules", "-w /etc/docker -p wa -k docker\n");
    let audited = tree.audit();
    assert_eq!(about(&audited, "audit-etc-docker", ""), [Pass]);
    assert_eq!(about(&audited, "audit-daemon-json", ""), [Pass]);
    assert_eq!(about(&audited, "audit-docker-service", ""), [Fail]);
}

#[test]
fn a_container_that_does_not_run_is_looked_at() {
    let of = container(
        "privileged-container",
        json!({"Privileged": true}),
        json!({"State": {"Status": "exited", "Running": false}}),
    );
    assert_eq!(of, [Fail]);
}

/// Docker Bench looks for files of the package only, and finds none of a snap's.
#[test]
fn a_snap_of_docker_is_a_daemon() {
    let audited = Tree::new()
        .file("var/snap/docker/current/config/daemon.json", "{\"icc\": false}")
        .file(
            "etc/systemd/system/snap.docker.dockerd.service",
            "[Service]\nExecStart=/usr/bin/snap run docker.dockerd\n",
        )
        .audit();
    assert_eq!(about(&audited, "daemon-bridge-traffic", "docker"), [Pass]);
    assert_ne!(about(&audited, "mode-docker-service", "").len(), 0);
}
