//! How a container should be started, by the rule that it fails: flags of `docker run`, and lines of a Compose service.

/// Flags, and the Compose form.
pub(super) fn for_rule(rule: &str) -> Option<(&'static str, &'static str)> {
    Some(match rule {
        "privileged-container" => ("without --privileged", "no `privileged: true`"),
        "privilege-escalation-allowed" => {
            ("--security-opt no-new-privileges", "security_opt: [no-new-privileges:true]")
        }
        "capabilities-not-dropped" | "added-capability" | "dangerous-capability" => {
            ("--cap-drop ALL and --cap-add for each that is needed", "cap_drop: [ALL]")
        }
        "writable-root-filesystem" => ("--read-only --tmpfs /tmp", "read_only: true and tmpfs: [/tmp]"),
        "root-user" => ("--user 10001:10001", "user: \"10001:10001\""),
        "memory-unlimited" => ("--memory 512m", "mem_limit: 512m"),
        "cpu-unlimited" => ("--cpus 1", "cpus: 1"),
        "pids-unlimited" => ("--pids-limit 256", "pids_limit: 256"),
        "restart-without-end" => ("--restart on-failure:5", "restart: on-failure:5"),
        "port-on-all-addresses" => ("-p 127.0.0.1:PORT:PORT", "ports: [\"127.0.0.1:PORT:PORT\"]"),
        "seccomp-disabled" => {
            ("without --security-opt seccomp=unconfined", "no seccomp:unconfined in security_opt")
        }
        "apparmor-disabled" => {
            ("without --security-opt apparmor=unconfined", "no apparmor:unconfined in security_opt")
        }
        "unmasked-proc" => ("without --security-opt systempaths=unconfined", "no systempaths=unconfined"),
        "host-network-namespace" => {
            ("a network of its own instead of --network host", "no `network_mode: host`")
        }
        "host-pid-namespace" => ("without --pid host", "no `pid: host`"),
        "host-ipc-namespace" => ("without --ipc host", "no `ipc: host`"),
        "host-uts-namespace" => ("without --uts host", "no `uts: host`"),
        "host-user-namespace" => ("without --userns host", "no `userns_mode: host`"),
        "default-bridge-network" => ("--network NAME of a network of its own", "networks: [NAME]"),
        "no-health-check" => ("--health-cmd COMMAND", "healthcheck: {test: COMMAND}"),
        "engine-socket-mount" => ("without the mount of the socket", "no volume of the socket"),
        "mount-propagation" => ("the mount without :shared or :rshared", "no shared propagation"),
        _ => return None,
    })
}
