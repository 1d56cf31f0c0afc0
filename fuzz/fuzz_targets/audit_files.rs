//! The files that an audit reads, and the plan that it makes of them: the first byte says which file the others are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall_audit::{Inputs, Root, plan, run};

const FILES: [&str; 14] = [
    "etc/docker/daemon.json",
    "lib/systemd/system/docker.service",
    "etc/audit/rules.d/docker.rules",
    "etc/containerd/config.toml",
    "etc/containers/containers.conf",
    "etc/containers/registries.conf",
    "etc/containers/policy.json",
    "etc/crio/crio.conf",
    "etc/kubernetes/manifests/kube-apiserver.yaml",
    "var/lib/kubelet/config.yaml",
    "proc/1/mountinfo",
    "etc/group",
    "proc/7/cmdline",
    "proc/sys/kernel/core_pattern",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let directory = tempfile::tempdir_in("/dev/shm").unwrap();
    let file = directory.path().join(FILES[usize::from(*first) % FILES.len()]);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, rest).unwrap();
    std::fs::create_dir_all(directory.path().join("proc/7")).unwrap();
    let _ = std::os::unix::fs::symlink("/usr/bin/dockerd", directory.path().join("proc/7/exe"));
    let root = Root::open(directory.path()).unwrap();
    let audited = run(&Inputs::new(&root, Default::default()));
    let _ = plan(&audited).to_string();
});
