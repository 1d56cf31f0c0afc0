//! Containers of engines whose state is written by the tests, in the engines' own layouts.

use seawall_event::{Container, Image};

use crate::support::{A, Host, settled};

/// What a path of a host is, in a line: engine, name, `repository:tag`, and what more is told.
fn check(host: &Host, path: &str, expected: &str) {
    let containers = host.containers();
    let shown = settled(&containers, 7, path).map_or("host".to_owned(), |container| line(&container));
    assert_eq!(shown, expected, "{path}");
    assert_eq!(containers.gaps(), [], "{path}");
}

fn line(container: &Container) -> String {
    let text = |field: &Option<String>| field.clone().unwrap_or("-".to_owned());
    let Image { repository, tag, digest, id, .. } = container.image.clone().unwrap_or_default();
    let mut line = format!("{} {}", text(&container.engine), text(&container.name));
    line += &format!(" {}:{} {}", text(&repository), text(&tag), text(&id));
    if let Some(digest) = digest {
        line += &format!(" @{}", &digest[..13]);
    }
    for (name, is_set) in [
        ("privileged", container.privileged),
        ("host_pid", container.host_pid),
        ("host_network", container.host_network),
        ("host_ipc", container.host_ipc),
    ] {
        if is_set == Some(true) {
            line += &format!(" {name}");
        }
    }
    for mount in container.mounts.iter().flatten() {
        line += &format!(" {}", mount.text());
    }
    for (key, value) in &container.labels {
        line += &format!(" {key}={value}");
    }
    if let Some(ip) = &container.ip {
        line += &format!(" {ip}");
    }
    if let Some(pod) = &container.pod {
        let short = pod.sandbox_id.as_ref().map(|id| id[..4].to_owned());
        let [namespace, name, uid, sandbox] = [&pod.namespace, &pod.name, &pod.uid, &short].map(text);
        line += &format!(" in {namespace}/{name}/{uid}/{sandbox}");
        line.extend(pod.labels.iter().map(|(key, value)| format!(" {key}={value}")));
    }
    line
}

const CONFIG: &str = r#"{"ID":"{A}","Name":"/web","Driver":"overlay2","Image":"sha256:{IMAGE}",
    "Config":{"Image":"nginx","Labels":{"tier":"front"}},
    "NetworkSettings":{"Networks":{"bridge":{"IPAddress":"172.17.0.2"}}},
    "MountPoints":{"/data":{"Source":"/srv","Destination":"/data","RW":false,"Relabel":"ro","Propagation":"rprivate"}}}"#;

const HOST_CONFIG: &str = r#"{"NetworkMode":"host","PidMode":"host","IpcMode":"private","Privileged":true,
    "CgroupParent":""}"#;

fn docker(data: &str) -> Host {
    Host::new()
        .file(&format!("{data}/containers/{{A}}/config.v2.json"), CONFIG)
        .file(&format!("{data}/containers/{{A}}/hostconfig.json"), HOST_CONFIG)
}

#[test]
fn dockers() {
    let known = "docker web nginx:latest d74de5752236 privileged host_pid host_network \
                 /srv:/data:ro:false:rprivate tier=front 172.17.0.2";
    let host = docker("var/lib/docker");
    check(&host, "/docker/{A}", known);
    check(&host, "/docker/{A}/system.slice/cron.service", known);
    check(&host, "/docker/{A}/user.slice/user-1000.slice/session-1.scope", known);
    check(&host, "/system.slice/docker-{A}.scope", known);
    check(&host, "/ci/{A}", known);
    check(&host, "/system.slice/cron.service", "host");
    let list = r#"{"Repositories":{"nginx":{"nginx:1":"sha256:{IMAGE}","nginx@{DIGEST}":"sha256:{IMAGE}"}}}"#;
    let host = host.file("var/lib/docker/image/overlay2/repositories.json", list);
    check(&host, "/docker/{A}", &known.replace("6 priv", "6 @sha256:5673d3 priv"));
}

#[test]
fn dockers_elsewhere() {
    let known = "docker web nginx:latest d74de5752236 privileged host_pid host_network \
                 /srv:/data:ro:false:rprivate tier=front 172.17.0.2";
    let host =
        docker("srv/images/docker").file("etc/docker/daemon.json", r#"{"data-root":"/srv/images/docker"}"#);
    check(&host, "/docker/{A}", known);
    // With mapped users.
    check(&docker("var/lib/docker/100000.100000"), "/docker/{A}", known);
    // Without root, in its user's slice and not in another's.
    let passwd = "ann:x:1000:1000::/home/ann:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n";
    let host = docker("home/ann/.local/share/docker").file("etc/passwd", passwd);
    check(&host, "/user.slice/user-1000.slice/user@1000.service/app.slice/docker-{A}.scope", known);
}

const SPECIFICATION: &str = r#"{"process":{"capabilities":{"bounding":["CAP_CHOWN"]}},
    "mounts":[{"destination":"/proc","type":"proc","source":"proc"},
        {"destination":"/etc/hosts","type":"bind","source":"/run/x/{A}/userdata/hosts","options":["bind"]},
        {"destination":"/data","type":"bind","source":"/srv","options":["rbind","rw","rslave"]}],
    "annotations":{ANNOTATIONS},
    "linux":{"cgroupsPath":"{CGROUP}","namespaces":[{"type":"pid"},{"type":"ipc"},{"type":"mount"}],
        "maskedPaths":["/proc/kcore"],"seccomp":{}}}"#;

fn specification(cgroup: &str, annotations: &str) -> String {
    SPECIFICATION.replace("{CGROUP}", cgroup).replace("{ANNOTATIONS}", annotations)
}

const ENTRY: &str = r#"[{"id":"{A}","names":["web"],"image":"{IMAGE}",
    "metadata":"{\"image-name\":\"docker.io/library/nginx:1\",\"image-id\":\"{IMAGE}\",\"name\":\"web\"}"}]"#;

#[test]
fn podmans() {
    let known = "podman web docker.io/library/nginx:1 d74de5752236 @sha256:5673d3 host_network \
                 /srv:/data:rw:true:rslave";
    let made = |graph: &str| {
        let specification = specification("machine.slice:libpod:{A}", r#"{"io.container.manager":"libpod"}"#);
        Host::new()
            .file(&format!("{graph}/overlay-containers/{{A}}/userdata/config.json"), specification)
            .file(
                &format!("{graph}/overlay-images/images.json"),
                r#"[{"id":"{IMAGE}","digest":"{DIGEST}","names":["docker.io/library/nginx:1"]}]"#,
            )
    };
    let lib = "var/lib/containers/storage";
    let host = made(lib).file(&format!("{lib}/overlay-containers/containers.json"), ENTRY);
    check(&host, "/machine.slice/libpod-{A}.scope/container", known);
    check(&host, "/machine.slice/libpod-conmon-{A}.scope", "host");
    // `--rm`.
    let host = made(lib).file("run/containers/storage/overlay-containers/volatile-containers.json", ENTRY);
    check(&host, "/libpod_parent/libpod-{A}", known);
    let host = made("pool").file("pool/overlay-containers/containers.json", ENTRY).file(
        "etc/containers/storage.conf",
        "[storage]\ndriver = \"overlay\"\ngraphroot = \"/pool\"\nrunroot = \"/run/pool\"\n",
    );
    check(&host, "/machine.slice/libpod-{A}.scope", known);
    let home = "home/ann/.local/share/containers/storage";
    let host = made(home)
        .file(&format!("{home}/overlay-containers/containers.json"), ENTRY)
        .file("etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n");
    check(
        &host,
        "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope/container",
        known,
    );
}

#[test]
fn cri_os() {
    let annotations = r#"{"io.container.manager":"cri-o","io.kubernetes.cri-o.ContainerType":"container",
        "io.kubernetes.cri-o.ImageName":"docker.io/library/nginx:1","io.kubernetes.cri-o.SandboxID":"{B}",
        "io.kubernetes.cri-o.Metadata":"{\"name\":\"nginx\",\"attempt\":0}",
        "io.kubernetes.cri-o.Labels":"{\"io.kubernetes.pod.name\":\"front-1\",\"io.kubernetes.pod.namespace\":\"shop\",\"io.kubernetes.pod.uid\":\"6cb1c5a8-08a8-44db-bc2a-3724b18ab19a\"}",
        "io.kubernetes.cri-o.IP.0":"10.85.0.7"}"#;
    let lib = "var/lib/containers/storage/overlay-containers";
    let host = Host::new()
        .file(
            &format!("{lib}/{{A}}/userdata/config.json"),
            specification("kubepods.slice:crio:{A}", annotations),
        )
        .file(&format!("{lib}/containers.json"), ENTRY.replace("docker.io/library/nginx:1", "{IMAGE}"));
    let host = host.file(
        &format!("{lib}/{{B}}/userdata/config.json"),
        specification("x", r#"{"io.kubernetes.cri-o.Labels":"{\"app\":\"front\"}"}"#),
    );
    let known = "cri-o nginx docker.io/library/nginx:1 d74de5752236 host_network /srv:/data:rw:true:rslave \
        io.kubernetes.pod.name=front-1 io.kubernetes.pod.namespace=shop \
        io.kubernetes.pod.uid=6cb1c5a8-08a8-44db-bc2a-3724b18ab19a 10.85.0.7 \
        in shop/front-1/6cb1c5a8-08a8-44db-bc2a-3724b18ab19a/9d41 app=front";
    check(
        &host,
        "/kubepods.slice/kubepods-pod6cb1c5a8_08a8_44db_bc2a_3724b18ab19a.slice/crio-{A}.scope",
        known,
    );
    check(&host, "/kubepods/burstable/pod6cb1c5a8-08a8-44db-bc2a-3724b18ab19a/crio-{A}", known);
    check(&host, "/kubepods.slice/crio-conmon-{A}.scope", "host");
}

#[test]
fn containerds() {
    let annotations = r#"{"io.kubernetes.cri.container-type":"container","io.kubernetes.cri.sandbox-id":"{B}",
        "io.kubernetes.cri.container-name":"nginx","io.kubernetes.cri.image-name":"docker.io/library/nginx:1",
        "io.kubernetes.cri.sandbox-name":"front-1","io.kubernetes.cri.sandbox-namespace":"shop"}"#;
    let tasks = "run/containerd/io.containerd.runtime.v2.task";
    let host = Host::new()
        .file(&format!("{tasks}/k8s.io/{{A}}/config.json"), specification("kubepods.slice:cri-containerd:{A}", annotations))
        .file(
            &format!("{tasks}/k8s.io/{{B}}/config.json"),
            specification(
                "/kubepods/{B}",
                r#"{"io.kubernetes.cri.container-type":"sandbox","io.kubernetes.cri.sandbox-id":"{B}",
                    "io.kubernetes.cri.sandbox-name":"front-1","io.kubernetes.cri.sandbox-namespace":"shop"}"#,
            ),
        );
    let slice = "/kubepods.slice/kubepods-pod6cb1c5a8_08a8_44db_bc2a_3724b18ab19a.slice";
    let known = "containerd nginx docker.io/library/nginx:1 - host_network \
        /run/x/{A}/userdata/hosts:/etc/hosts::true: /srv:/data:rw:true:rslave \
        in shop/front-1/6cb1c5a8-08a8-44db-bc2a-3724b18ab19a/9d41";
    let own = "/run/x/{A}/userdata/hosts:/etc/hosts::true: ";
    check(&host, &format!("{slice}/cri-containerd-{{A}}.scope"), &known.replace(own, ""));
    // The directories' names do not say whose it is.
    check(&host, "/kubepods/pod6cb1c5a8-08a8-44db-bc2a-3724b18ab19a/{A}", &known.replace(own, ""));
    let sandbox = "containerd front-1 -:- - host_network {own}/srv:/data:rw:true:rslave \
        in shop/front-1/6cb1c5a8-08a8-44db-bc2a-3724b18ab19a/9d41";
    let own = format!("/run/x/{A}/userdata/hosts:/etc/hosts::true: ");
    check(&host, &format!("{slice}/cri-containerd-{{B}}.scope"), &sandbox.replace("{own}", &own));
}

/// A pod on the host's network and IPC: its containers join the sandbox's namespaces, by path.
#[test]
fn a_sandbox_lends_its_namespaces() {
    let tasks = "run/containerd/io.containerd.runtime.v2.task/k8s.io";
    let container = r#"{"annotations":{"io.kubernetes.cri.sandbox-id":"{B}"},"linux":{"namespaces":[{"type":"pid"},
        {"type":"ipc","path":"/proc/16640/ns/ipc"},{"type":"network","path":"/proc/16640/ns/net"}]}}"#;
    for (sandbox, expected) in [
        (r#"[{"type":"pid"},{"type":"ipc"}]"#, " host_network"),
        (r#"[{"type":"pid"},{"type":"network"}]"#, " host_ipc"),
        (r#"[{"type":"network"},{"type":"ipc"}]"#, ""),
    ] {
        let host = Host::new().file(&format!("{tasks}/{{A}}/config.json"), container).file(
            &format!("{tasks}/{{B}}/config.json"),
            format!(r#"{{"annotations":{{}},"linux":{{"namespaces":{sandbox}}}}}"#),
        );
        let containers = host.containers();
        let shown = line(&settled(&containers, 7, "/k8s.io/{A}").unwrap());
        assert_eq!(shown, format!("containerd 3ad7b26ded6d -:- -{expected} in -/-/-/9d41"));
    }
}

#[test]
fn others() {
    let host = Host::new();
    check(&host, "/lxc.payload.db/init.scope", "lxc db -:- -");
    check(&host, "/docker/buildkit/x8wkb4zz6pl0j0zyclr9s4qde", "buildkit buildkit -:- -");
    // Two words that containerd does not know.
    check(&host, "/default/redis", "host");
    check(&host, "/process_api/dd61d3ff0198b1d1e30ebf021c3d51dd", "host");
}
