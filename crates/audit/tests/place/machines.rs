//! The two machines of `each_rule.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::net::UnixListener;
use std::process::Command;

use seawall_audit::{Audited, Component, KnownVulnerable, ScannedImage};
use seawall_finding::Severity;
use serde_json::{Value, json};

use crate::place::{Tree, engine, inspected};

/// Both; `None` where the user may not give files away.
pub(crate) fn both() -> Option<(Audited, Audited)> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    is_root.then(|| (bad(), good()))
}

/// What the benchmark asks about, with content; owner and mode are what is good or bad.
const DOCKER_FILES: &[&str] = &[
    "usr/bin/containerd",
    "usr/bin/containerd-shim",
    "usr/bin/containerd-shim-runc-v1",
    "usr/bin/containerd-shim-runc-v2",
    "usr/bin/dockerd",
    "usr/bin/runc",
    "usr/bin/podman",
    "etc/default/docker",
    "etc/sysconfig/docker",
    "etc/docker/certs.d/registry.example/ca.crt",
    "etc/docker/tls/ca.pem",
    "etc/docker/tls/cert.pem",
    "etc/docker/tls/key.pem",
    "lib/systemd/system/docker.service",
    "lib/systemd/system/docker.socket",
    "etc/docker/daemon.json",
    "etc/docker",
];

const KUBERNETES_FILES: &[&str] = &[
    "etc/kubernetes/manifests/kube-apiserver.yaml",
    "etc/kubernetes/manifests/kube-controller-manager.yaml",
    "etc/kubernetes/manifests/kube-scheduler.yaml",
    "etc/kubernetes/manifests/etcd.yaml",
    "etc/cni/net.d/10-net.conf",
    "etc/kubernetes/admin.conf",
    "etc/kubernetes/scheduler.conf",
    "etc/kubernetes/controller-manager.conf",
    "etc/kubernetes/kubelet.conf",
    "etc/kubernetes/pki/ca.crt",
    "etc/kubernetes/pki/ca.key",
    "etc/systemd/system/kubelet.service",
    "var/lib/kube-proxy/kubeconfig",
    "var/lib/kubelet/config.yaml",
];

const ACCOUNTS: [(&str, &str); 2] = [
    ("etc/passwd", "root:x:0:0::/root:/bin/sh\neve:x:1000:1000::/:/bin/sh\netcd:x:500:500::/:/bin/sh\n"),
    ("etc/group", "root:x:0:\ndocker:x:999:eve\netcd:x:500:\n"),
];

fn pod(command: &[&str]) -> String {
    json!({"kind": "Pod", "spec": {"containers": [{"command": command}]}}).to_string()
}

fn sysctls(tree: Tree, values: &[(&str, &str)]) -> Tree {
    values
        .iter()
        .fold(tree, |tree, (name, value)| tree.file(&format!("proc/sys/{}", name.replace('.', "/")), value))
}

fn image(id: &str, more: Value) -> Value {
    json!({"Id": id, "RepoTags": [format!("{id}:1")], "RootFS": {}, "Created": "2026-01-01T00:00:00Z", "Config": more})
}

fn bad() -> Audited {
    let mut tree = Tree::new();
    for (path, text) in ACCOUNTS {
        tree = tree.file(path, text);
    }
    for path in DOCKER_FILES.iter().chain(KUBERNETES_FILES).filter(|path| **path != "etc/docker") {
        tree = tree.file(path, "x");
    }
    tree = bad_docker(tree);
    tree = bad_kernel(tree);
    tree = bad_engines(tree);
    tree = bad_kubernetes(tree);
    let sockets = sockets(&tree);
    for path in DOCKER_FILES.iter().chain(KUBERNETES_FILES).chain(&[
        "run/docker.sock",
        "run/containerd/containerd.sock",
        "run/podman/podman.sock",
    ]) {
        tree = tree.owner(path, 1000, 1000).mode(path, 0o666);
    }
    tree = tree.mode("etc/docker", 0o777).directory("var/lib/etcd").mode("var/lib/etcd", 0o755);
    let audited = tree.audit_with(|inputs| {
        inputs.now = "2026-12-20T00:00:00Z".parse().unwrap_or_default();
        inputs.trusted_users = Some(BTreeSet::new());
        inputs.trusted_images = Some(vec!["registry.example".to_owned()]);
        inputs.scanned = &|_| {
            Some(ScannedImage {
                packages: Some(vec!["gcc".to_owned()]),
                fixable: Some(BTreeMap::from([(Severity::Critical, 1)])),
                leaks: Some(vec!["AKIA…(20) in /root/.aws/credentials".to_owned()]),
                setuid_files: Some(vec!["/usr/bin/su".to_owned()]),
                signed_by: Some(Vec::new()),
                base: None,
                unverified_packages: Some(vec!["--allow-unauthenticated".to_owned()]),
            })
        };
        inputs.newest = &|_| Some("sha256:new".to_owned());
        let images: Vec<Value> = (0..12).map(|number| image(&format!("image{number}"), json!({"User": "root"}))).collect();
        let ports = json!({"PortBindings": {"22/tcp": [{"HostIp": "0.0.0.0", "HostPort": "22"}]}});
        let web = json!({"Config": {"Image": "image0:1", "User": "root"}, "Image": "image0", "State": {"Running": false}});
        inputs.saved = vec![engine(&json!({"ServerVersion": "20.10.24"})), engine(&Value::Array(images)), inspected("web", &ports, &web)];
        for number in 0..11 {
            inputs.saved.push(inspected(&format!("old{number}"), &json!({}), &json!({"State": {"Running": false}})));
        }
    });
    drop(sockets);
    audited
}

fn sockets(tree: &Tree) -> Vec<UnixListener> {
    let paths = ["run/docker.sock", "run/containerd/containerd.sock", "run/podman/podman.sock"];
    let bind = |path: &&str| {
        let path = tree.path(path);
        std::fs::create_dir_all(path.parent()?).ok()?;
        UnixListener::bind(path).ok()
    };
    paths.iter().filter_map(bind).collect()
}

fn bad_docker(tree: Tree) -> Tree {
    let config = json!({
        "hosts": ["tcp://0.0.0.0:2375", "unix:///run/docker.sock"],
        "tls": true,
        "tlscacert": "/etc/docker/tls/ca.pem",
        "tlscert": "/etc/docker/tls/cert.pem",
        "tlskey": "/etc/docker/tls/key.pem",
        "log-level": "debug",
        "iptables": false,
        "insecure-registries": ["registry.example"],
        "registry-mirrors": ["http://mirror.example"],
        "storage-opts": ["dm.basesize=50G"],
        "cgroup-parent": "/system.slice",
        "experimental": true,
        "metrics-addr": "0.0.0.0:9323",
        "seccomp-profile": "unconfined",
        "userland-proxy": true,
    });
    tree.file("etc/docker/daemon.json", &config.to_string())
        .file(
            "lib/systemd/system/docker.service",
            "[Service]\nExecStart=/usr/bin/dockerd --userland-proxy=true\n",
        )
        .file("lib/systemd/system/docker.socket", "[Socket]\nListenStream=/run/docker.sock\n")
        .file("etc/profile.d/docker.sh", "export DOCKER_CONTENT_TRUST=1\n")
        .directory("var/lib/docker")
}

fn bad_kernel(tree: Tree) -> Tree {
    let mounts = "27 1 254:0 / / rw - ext4 /dev/vda rw\n22 27 0:21 / /proc rw - proc proc rw\n\
                  32 27 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                  33 27 0:30 / /sys/kernel/debug rw - debugfs debugfs rw\n";
    let values = [
        ("kernel.osrelease", "6.1.0"),
        ("kernel.unprivileged_bpf_disabled", "0"),
        ("vm.unprivileged_userfaultfd", "1"),
        ("kernel.kptr_restrict", "0"),
        ("kernel.dmesg_restrict", "0"),
        ("kernel.yama.ptrace_scope", "0"),
        ("kernel.perf_event_paranoid", "1"),
        ("fs.protected_symlinks", "0"),
        ("fs.protected_hardlinks", "0"),
        ("fs.suid_dumpable", "1"),
        ("kernel.randomize_va_space", "0"),
        ("kernel.kexec_load_disabled", "0"),
        ("kernel.modules_disabled", "0"),
        ("kernel.core_pattern", "|/tmp/dump %p"),
        ("user.max_user_namespaces", "1000"),
    ];
    sysctls(tree, &values)
        .file("proc/1/mountinfo", mounts)
        .file("tmp/dump", "x")
        .mode("tmp/dump", 0o777)
        .file("sys/kernel/security/lsm", "capability,selinux")
        .file("sys/fs/selinux/enforce", "0")
        .file("sys/kernel/security/lockdown", "[none] integrity confidentiality\n")
        .file("sys/kernel/debug/x", "x")
        .mode("sys/kernel/debug", 0o755)
        .file("sys/devices/system/cpu/vulnerabilities/meltdown", "Vulnerable\n")
}

fn bad_engines(tree: Tree) -> Tree {
    let containers = "[containers]\nseccomp_profile = \"unconfined\"\ndefault_capabilities = [\"SYS_ADMIN\"]\n\
                      pidns = \"host\"\nlabel = false\npids_limit = 0\n";
    let registries = "unqualified-search-registries = [\"docker.io\", \"quay.io\"]\n\
                      [[registry]]\nlocation = \"registry.example\"\ninsecure = true\n";
    let containerd = "version = 2\n[grpc]\ntcp_address = \"0.0.0.0:1234\"\ngid = 999\n[debug]\nlevel = \"debug\"\n\
                      [metrics]\naddress = \"0.0.0.0:1338\"\n[plugins.\"io.containerd.grpc.v1.cri\"]\nenable_selinux = false\n\
                      disable_apparmor = true\n";
    let crio = "[crio.runtime]\nseccomp_profile = \"unconfined\"\napparmor_profile = \"unconfined\"\n\
                default_capabilities = [\"SYS_ADMIN\"]\npids_limit = -1\n\
                [crio.image]\ninsecure_registries = [\"registry.example\"]\n[crio.api]\nstream_address = \"0.0.0.0\"\n";
    tree.file("etc/containers/containers.conf", containers)
        .file("etc/containers/registries.conf", registries)
        .file("etc/containers/policy.json", r#"{"default": [{"type": "insecureAcceptAnything"}]}"#)
        .file("etc/containers/storage.conf", "[storage.options.overlay]\nignore_chown_errors = \"true\"\n")
        .file("etc/containerd/config.toml", containerd)
        .file("etc/containerd/certs.d/registry.example/hosts.toml", "server = \"http://registry.example\"\n")
        .file("etc/crio/crio.conf", crio)
        .file("sys/kernel/security/lsm", "capability,apparmor,selinux")
}

fn bad_kubernetes(tree: Tree) -> Tree {
    let api_server = pod(&[
        "kube-apiserver",
        "--token-auth-file=/x",
        "--authorization-mode=AlwaysAllow",
        "--enable-admission-plugins=AlwaysAdmit",
        "--disable-admission-plugins=ServiceAccount,NamespaceLifecycle",
        "--request-timeout=0",
        "--service-account-lookup=false",
        "--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA",
    ]);
    let manager = pod(&[
        "kube-controller-manager",
        "--feature-gates=RotateKubeletServerCertificate=false",
        "--bind-address=0.0.0.0",
    ]);
    let kubelet = json!({
        "authentication": {"anonymous": {"enabled": true}},
        "authorization": {"mode": "AlwaysAllow"},
        "readOnlyPort": 10255,
        "streamingConnectionIdleTimeout": "0",
        "makeIPTablesUtilChains": false,
        "eventRecordQPS": -1,
        "rotateCertificates": false,
        "featureGates": {"RotateKubeletServerCertificate": false},
        "tlsCipherSuites": ["TLS_RSA_WITH_RC4_128_SHA"],
    });
    tree.file("etc/kubernetes/manifests/kube-apiserver.yaml", &api_server)
        .file("etc/kubernetes/manifests/kube-controller-manager.yaml", &manager)
        .file(
            "etc/kubernetes/manifests/kube-scheduler.yaml",
            &pod(&["kube-scheduler", "--bind-address=0.0.0.0"]),
        )
        .file(
            "etc/kubernetes/manifests/etcd.yaml",
            &pod(&["etcd", "--auto-tls=true", "--peer-auto-tls=true"]),
        )
        .file(
            "etc/systemd/system/kubelet.service",
            "[Service]\nExecStart=/usr/bin/kubelet --hostname-override=x\n",
        )
        .file("var/lib/kubelet/config.yaml", &kubelet.to_string())
        .file("var/lib/kube-proxy/config.conf", "metricsBindAddress: 0.0.0.0:10249\n")
}

fn good() -> Audited {
    let mut tree = Tree::new();
    for (path, text) in ACCOUNTS {
        tree = tree.file(path, text);
    }
    for path in DOCKER_FILES.iter().chain(KUBERNETES_FILES).filter(|path| **path != "etc/docker") {
        tree = tree.file(path, "x").mode(path, 0o400);
    }
    tree = good_docker(tree);
    tree = good_kernel(tree);
    tree = good_engines(tree);
    tree = good_kubernetes(tree);
    tree = tree.mode("etc/docker", 0o755).directory("var/lib/etcd").mode("var/lib/etcd", 0o700).owner(
        "var/lib/etcd",
        500,
        500,
    );
    let sockets = sockets(&tree);
    tree = tree.owner("run/docker.sock", 0, 999).mode("run/docker.sock", 0o660);
    tree = tree.mode("run/containerd/containerd.sock", 0o660).mode("run/podman/podman.sock", 0o600);
    let audited = tree.audit_with(|inputs| {
        inputs.trusted_users = Some(BTreeSet::from(["eve".to_owned()]));
        inputs.trusted_images = Some(vec!["image".to_owned()]);
        inputs.known = &|_: &Component| Some(KnownVulnerable::default());
        inputs.scanned = &|_| {
            Some(ScannedImage {
                packages: Some(vec!["nginx".to_owned()]),
                fixable: Some(BTreeMap::new()),
                leaks: Some(Vec::new()),
                setuid_files: Some(Vec::new()),
                signed_by: Some(vec!["release@example.org".to_owned()]),
                base: Some("image:1".to_owned()),
                unverified_packages: Some(Vec::new()),
            })
        };
        inputs.newest = &|_| Some("sha256:new".to_owned());
        let info = json!({
            "ServerVersion": "29.1.0",
            "SecurityOptions": ["name=rootless", "name=userns", "name=seccomp,profile=builtin", "name=apparmor"],
            "LiveRestoreEnabled": true,
            "Driver": "overlay2",
            "LoggingDriver": "json-file",
        });
        let config = json!({"User": "1000", "Healthcheck": {"Test": ["CMD", "true"]}, "ExposedPorts": {"80/tcp": {}}});
        let mut own = image("image", config);
        own["RepoDigests"] = json!(["image@sha256:new"]);
        let ports = json!({"PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}});
        let web = json!({"Config": {"Image": "image:1", "User": "1000"}, "Image": "image"});
        inputs.saved = vec![engine(&info), engine(&json!([own])), inspected("web", &ports, &web)];
    });
    drop(sockets);
    audited
}

fn good_docker(tree: Tree) -> Tree {
    let config = json!({
        "hosts": ["unix:///run/docker.sock"],
        "tlsverify": true,
        "tlscacert": "/etc/docker/tls/ca.pem",
        "tlscert": "/etc/docker/tls/cert.pem",
        "tlskey": "/etc/docker/tls/key.pem",
        "icc": false,
        "log-opts": {"max-size": "10m"},
        "userland-proxy": false,
        "no-new-privileges": true,
        "userns-remap": "default",
        "authorization-plugins": ["opa"],
        "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1024, "Hard": 1024}},
    });
    let watched = [
        "/usr/bin",
        "/run/containerd",
        "/var/lib/docker",
        "/etc/docker",
        "/lib/systemd/system",
        "/run/docker.sock",
        "/etc/default/docker",
        "/etc/sysconfig",
        "/etc/containerd",
    ];
    let rules: String = watched.iter().map(|path| format!("-w {path} -p wa -k docker\n")).collect();
    tree.file("etc/docker/daemon.json", &config.to_string())
        .file("lib/systemd/system/docker.service", "[Service]\nExecStart=/usr/bin/dockerd\n")
        .file("lib/systemd/system/docker.socket", "[Socket]\nListenStream=/run/docker.sock\n")
        .file("etc/profile.d/docker.sh", "export DOCKER_CONTENT_TRUST=1\n")
        .file("etc/audit/rules.d/docker.rules", &rules)
        .directory("var/lib/docker")
}

fn good_kernel(tree: Tree) -> Tree {
    let mounts = "27 1 254:0 / / rw - ext4 /dev/vda rw\n22 27 0:21 / /proc rw,hidepid=2 - proc proc rw\n\
                  31 27 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n33 27 254:1 / /var/lib/docker rw - xfs /dev/vdb rw\n";
    let values = [
        ("kernel.osrelease", "6.1.0"),
        ("kernel.unprivileged_bpf_disabled", "2"),
        ("vm.unprivileged_userfaultfd", "0"),
        ("kernel.kptr_restrict", "1"),
        ("kernel.dmesg_restrict", "1"),
        ("kernel.yama.ptrace_scope", "1"),
        ("kernel.perf_event_paranoid", "3"),
        ("fs.protected_symlinks", "1"),
        ("fs.protected_hardlinks", "1"),
        ("fs.suid_dumpable", "0"),
        ("kernel.randomize_va_space", "2"),
        ("kernel.kexec_load_disabled", "1"),
        ("kernel.modules_disabled", "1"),
        ("kernel.core_pattern", "core"),
        ("kernel.seccomp.actions_avail", "kill_process errno allow"),
        ("user.max_user_namespaces", "1000"),
    ];
    sysctls(tree, &values)
        .file("proc/1/mountinfo", mounts)
        .file("sys/kernel/security/lsm", "capability,apparmor,selinux")
        .file("sys/fs/selinux/enforce", "1")
        .file("sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
        .file("sys/devices/system/cpu/vulnerabilities/meltdown", "Not affected\n")
}

fn good_engines(tree: Tree) -> Tree {
    let policy = r#"{"default": [{"type": "reject"}], "transports": {"docker": {"registry.example": [{"type": "signedBy"}]}}}"#;
    let containerd = "version = 3\n[plugins.\"io.containerd.cri.v1.runtime\"]\nenable_selinux = true\n\
                      unset_seccomp_profile = \"runtime/default\"\n";
    tree.file("etc/containers/containers.conf", "[containers]\npids_limit = 2048\n")
        .file("etc/containers/registries.conf", "unqualified-search-registries = [\"docker.io\"]\n")
        .file("etc/containers/policy.json", policy)
        .file("etc/containers/storage.conf", "[storage]\ndriver = \"overlay\"\n")
        .file("etc/containerd/config.toml", containerd)
        .file("etc/crio/crio.conf.d/10-ours.conf", "[crio.runtime]\ndefault_capabilities = [\"CHOWN\"]\n")
}

fn good_kubernetes(tree: Tree) -> Tree {
    let api_server = pod(&[
        "kube-apiserver",
        "--anonymous-auth=false",
        "--enable-admission-plugins=DenyServiceExternalIPs,EventRateLimit,AlwaysPullImages,NodeRestriction",
        "--kubelet-client-certificate=/a",
        "--kubelet-client-key=/a",
        "--kubelet-certificate-authority=/a",
        "--authorization-mode=Node,RBAC",
        "--profiling=false",
        "--audit-log-path=/a",
        "--audit-log-maxage=30",
        "--audit-log-maxbackup=10",
        "--audit-log-maxsize=100",
        "--service-account-key-file=/a",
        "--etcd-certfile=/a",
        "--etcd-keyfile=/a",
        "--tls-cert-file=/a",
        "--tls-private-key-file=/a",
        "--client-ca-file=/a",
        "--etcd-cafile=/a",
        "--encryption-provider-config=/etc/kubernetes/encryption.yaml",
        "--tls-cipher-suites=TLS_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "--service-account-extend-token-expiration=false",
    ]);
    let manager = pod(&[
        "kube-controller-manager",
        "--terminated-pod-gc-threshold=10",
        "--profiling=false",
        "--use-service-account-credentials=true",
        "--service-account-private-key-file=/a",
        "--root-ca-file=/a",
    ]);
    let etcd = pod(&[
        "etcd",
        "--cert-file=/a",
        "--key-file=/a",
        "--client-cert-auth=true",
        "--peer-cert-file=/a",
        "--peer-key-file=/a",
        "--peer-client-cert-auth=true",
        "--trusted-ca-file=/own",
    ]);
    let kubelet = json!({
        "authentication": {"anonymous": {"enabled": false}, "x509": {"clientCAFile": "/a"}},
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": "/a",
        "tlsPrivateKeyFile": "/a",
        "tlsCipherSuites": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
        "podPidsLimit": 100,
        "seccompDefault": true,
    });
    let encryption =
        "resources:\n- resources: [secrets]\n  providers:\n  - secretbox: {}\n  - identity: {}\n";
    tree.file("etc/kubernetes/manifests/kube-apiserver.yaml", &api_server)
        .file("etc/kubernetes/encryption.yaml", encryption)
        .file("etc/kubernetes/manifests/kube-controller-manager.yaml", &manager)
        .file("etc/kubernetes/manifests/kube-scheduler.yaml", &pod(&["kube-scheduler", "--profiling=false"]))
        .file("etc/kubernetes/manifests/etcd.yaml", &etcd)
        .file("etc/systemd/system/kubelet.service", "[Service]\nExecStart=/usr/bin/kubelet\n")
        .file("var/lib/kubelet/config.yaml", &kubelet.to_string())
        .file("var/lib/kube-proxy/config.conf", "metricsBindAddress: 127.0.0.1:10249\n")
}
