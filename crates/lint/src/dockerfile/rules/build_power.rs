//! Build steps that get more of the host than a build needs, and ports.

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::Keyword;

pub(super) const INSECURE: Check = Check {
    rule: Rule {
        id: "run-insecure",
        title: "Step without a sandbox",
        why: "--security=insecure runs the step with all capabilities and no seccomp profile: what it downloads can \
              leave the container and take the builder.",
        fix: "Find what the step needs, and do without the flag.",
        severity: Severity::High,
        references: &["https://docs.docker.com/reference/dockerfile/#run---security"],
        controls: controls::BUILD_POWER,
    },
    aliases: &[],
    standing: Standing::On,
    bad: &["FROM debian:12\nRUN --security=insecure x\n"],
    good: &["FROM debian:12\nRUN --security=sandbox x\n"],
    look: insecure,
};

pub(super) const HOST_NETWORK: Check = Check {
    rule: Rule {
        id: "run-on-host-network",
        title: "Step in the network of the host",
        why: "The step reaches what listens on the builder's localhost (its engine, its metadata service) as if it were \
              a program of the host.",
        fix: "Remove --network=host.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/reference/dockerfile/#run---network"],
        controls: controls::BUILD_POWER,
    },
    aliases: &[],
    standing: Standing::On,
    bad: &["FROM debian:12\nRUN --network=host x\n"],
    good: &["FROM debian:12\nRUN --network=none x\n"],
    look: host_network,
};

pub(super) const SOCKET: Check = Check {
    rule: Rule {
        id: "engine-socket-in-image",
        title: "Image that expects the engine's socket",
        why: "Whoever can write to the socket of the engine is root on the host.",
        fix: "Do without it: a rootless builder, or an API with only the calls that are needed.",
        severity: Severity::High,
        references: &["https://docs.docker.com/engine/security/#docker-daemon-attack-surface"],
        controls: controls::BUILD_POWER,
    },
    aliases: &[],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nVOLUME /var/run/docker.sock\n",
        "FROM debian:12\nRUN --mount=type=bind,source=docker.sock,target=/var/run/docker.sock x\n",
        "FROM debian:12\nENV DOCKER_HOST=unix:///var/run/docker.sock\n",
    ],
    good: &["FROM debian:12\nVOLUME /var/lib/docker\n"],
    look: socket,
};

pub(super) const SSH_PORT: Check = Check {
    rule: Rule {
        id: "ssh-port-exposed",
        title: "Port of SSH exposed",
        why: "A container that is logged into is administered past its image: what was changed in it is in no file.",
        fix: "Leave the SSH server out; use docker exec or kubectl exec.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/reference/dockerfile/#expose"],
        controls: controls::NOTHING_NEEDLESS,
    },
    aliases: &["DS-0004", "CKV_DOCKER_1"],
    standing: Standing::On,
    bad: &["FROM debian:12\nEXPOSE 22\n", "FROM debian:12\nEXPOSE 80 22/tcp\n"],
    good: &["FROM debian:12\nEXPOSE 2222 80 22/udp\n"],
    look: ssh_port,
};

pub(super) const PORT: Check = Check {
    rule: Rule {
        id: "exposed-port-invalid",
        title: "EXPOSE that is no port",
        why: "The build fails, or the port is not the one that was meant.",
        fix: "Write a number up to 65535, or a range, and /tcp, /udp or /sctp in lower case.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/reference/build-checks/expose-invalid-format/"],
        controls: controls::NONE,
    },
    aliases: &["DL3011", "DS-0008", "ExposeInvalidFormat", "ExposeProtoCasing"],
    standing: Standing::On,
    bad: &[
        "FROM debian:12\nEXPOSE 80000\n",
        "FROM debian:12\nEXPOSE 80/TCP\n",
        "FROM debian:12\nEXPOSE 127.0.0.1:80:80\n",
        "FROM debian:12\nEXPOSE http\n",
    ],
    good: &["FROM debian:12\nEXPOSE 80 443/tcp 8000-8010/udp $PORT ${P}/tcp\n"],
    look: port,
};

fn insecure(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (run, _) in file.of(Keyword::Run) {
        if let Some(flag) = run.flag("security").filter(|flag| flag.value.as_deref() == Some("insecure")) {
            hits.add(flag.span, "the step runs without a sandbox", "the sandbox")
                .detail(crate::dockerfile::check::shown(run.rest_text()));
        }
    }
}

fn host_network(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (run, _) in file.of(Keyword::Run) {
        if let Some(flag) = run.flag("network").filter(|flag| flag.value.as_deref() == Some("host")) {
            hits.add(flag.span, "the step is in the network of the host", "a network of its own")
                .detail(crate::dockerfile::check::shown(run.rest_text()));
        }
    }
}

fn socket(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    const SUMMARY: &str = "whoever has the engine's socket is root on the host";
    let is_socket = |text: &str| {
        ["docker.sock", "podman.sock", "containerd.sock", "crio.sock"].iter().any(|name| text.contains(name))
    };
    for (instruction, _) in
        file.of(Keyword::Volume).chain(file.of(Keyword::Copy)).chain(file.of(Keyword::Add))
    {
        for word in instruction.words().iter().filter(|word| is_socket(&word.text)) {
            hits.add(word.span, SUMMARY, "no socket");
        }
    }
    for (run, _) in file.of(Keyword::Run) {
        for flag in run.flags_named("mount").filter(|flag| flag.value.as_deref().is_some_and(is_socket)) {
            hits.add(flag.span, SUMMARY, "no socket");
        }
    }
    for (env, _) in file.of(Keyword::Env) {
        for pair in
            env.pairs().iter().filter(|pair| pair.value.as_ref().is_some_and(|value| is_socket(&value.text)))
        {
            hits.add(pair.name.span, SUMMARY, "no socket");
        }
    }
}

fn ssh_port(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (expose, _) in file.of(Keyword::Expose) {
        for word in
            expose.words().iter().filter(|word| matches!(word.text.as_str(), "22" | "22/tcp" | "22/TCP"))
        {
            hits.add(word.span, "the port of SSH is exposed", "an image without an SSH server");
        }
    }
}

fn port(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (expose, _) in file.of(Keyword::Expose) {
        for word in expose.words() {
            let text = word.text.trim_matches(['"', '\'']);
            let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
            let known = ["tcp", "udp", "sctp"].contains(&protocol.to_ascii_lowercase().as_str())
                || protocol.contains('$');
            let is_port =
                |port: &str| port.contains('$') || port.parse::<u32>().is_ok_and(|port| port <= 65_535);
            let are_ports = match text.contains('$') {
                true => true,
                false => ports.split('-').all(is_port) && ports.split('-').count() <= 2,
            };
            if !are_ports || !known {
                let alias = if ports.contains(':') { "ExposeInvalidFormat" } else { "DL3011" };
                hits.add(word.span, format!("{text} is no port"), "a port up to 65535").alias(alias);
            } else if !protocol.contains('$') && protocol != protocol.to_ascii_lowercase() {
                let lower = format!("{ports}/{}", protocol.to_ascii_lowercase());
                hits.add(word.span, format!("{protocol} is not in lower case"), lower.clone())
                    .change(word.span, lower)
                    .alias("ExposeProtoCasing");
            }
        }
    }
}
