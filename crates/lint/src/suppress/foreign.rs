//! Which of our rules the checks of other tools stand for: Trivy, checkov, kube-linter, kube-score, polaris. Only their
//! ids; no text of theirs.

/// Rules of ours and the ids of the same question elsewhere.
type Same = (&'static [&'static str], &'static [&'static str]);

static SAME: &[Same] = &[
    (
        &["privileged-container"],
        &[
            "KSV-0017",
            "CKV_K8S_16",
            "privileged-container",
            "container-security-context-privileged",
            "runAsPrivileged",
        ],
    ),
    (
        &["privilege-escalation-allowed"],
        &["KSV-0001", "CKV_K8S_20", "privilege-escalation-container", "privilegeEscalationAllowed"],
    ),
    (&["host-pid-namespace"], &["KSV-0010", "CKV_K8S_17", "host-pid", "hostPIDSet"]),
    (&["host-ipc-namespace"], &["KSV-0008", "CKV_K8S_18", "host-ipc", "hostIPCSet"]),
    (&["host-network-namespace"], &["KSV-0009", "CKV_K8S_19", "host-network", "hostNetworkSet"]),
    (&["host-port"], &["KSV-0024", "CKV_K8S_26", "hostPortSet"]),
    (&["sensitive-host-mount"], &["KSV-0023", "KSV-0121", "sensitive-host-mounts", "hostPathSet"]),
    (&["writable-host-mount"], &["writable-host-mount"]),
    (&["engine-socket-mount"], &["KSV-0006", "CKV_K8S_27", "docker-sock"]),
    (
        &["dangerous-capability", "added-capability"],
        &[
            "KSV-0005",
            "KSV-0022",
            "KSV-0119",
            "KSV-0120",
            "CKV_K8S_25",
            "CKV_K8S_39",
            "dangerousCapabilities",
        ],
    ),
    (
        &["capabilities-not-dropped"],
        &[
            "KSV-0003",
            "KSV-0004",
            "KSV-0106",
            "CKV_K8S_28",
            "CKV_K8S_36",
            "CKV_K8S_37",
            "drop-net-raw-capability",
            "insecureCapabilities",
        ],
    ),
    (
        &["root-user", "user-left-to-image"],
        &["KSV-0012", "KSV-0105", "CKV_K8S_23", "run-as-non-root", "runAsRootAllowed"],
    ),
    (&["low-user-id"], &["KSV-0020", "KSV-0021", "CKV_K8S_40", "container-security-context-user-group-id"]),
    (&["root-group"], &["KSV-0116"]),
    (
        &["seccomp-disabled", "seccomp-not-set"],
        &["KSV-0030", "KSV-0104", "CKV_K8S_31", "container-seccomp-profile", "linuxHardening"],
    ),
    (&["apparmor-disabled"], &["KSV-0002", "linuxHardening"]),
    (&["selinux-weakened"], &["KSV-0025"]),
    (&["unmasked-proc"], &["KSV-0027", "unsafe-proc-mount", "procMount"]),
    (&["unsafe-sysctl"], &["KSV-0026", "unsafe-sysctls"]),
    (&["windows-host-process"], &["KSV-0103", "hostProcess"]),
    (
        &["writable-root-filesystem"],
        &[
            "KSV-0014",
            "CKV_K8S_22",
            "no-read-only-root-fs",
            "container-security-context-readonlyrootfilesystem",
            "notReadOnlyRootFilesystem",
        ],
    ),
    (
        &["memory-unlimited"],
        &[
            "KSV-0018",
            "CKV_K8S_13",
            "unset-memory-requirements",
            "container-resources",
            "memoryLimitsMissing",
        ],
    ),
    (
        &["cpu-unlimited"],
        &["KSV-0011", "CKV_K8S_11", "unset-cpu-requirements", "container-resources", "cpuLimitsMissing"],
    ),
    (
        &["resource-requests-missing"],
        &[
            "KSV-0015",
            "KSV-0016",
            "CKV_K8S_10",
            "CKV_K8S_12",
            "container-resources",
            "cpuRequestsMissing",
            "memoryRequestsMissing",
        ],
    ),
    (
        &["mutable-image-tag"],
        &["KSV-0013", "CKV_K8S_14", "latest-tag", "container-image-tag", "tagNotSpecified"],
    ),
    (&["image-without-digest"], &["CKV_K8S_43"]),
    (&["image-not-always-pulled"], &["CKV_K8S_15", "container-image-pull-policy", "pullPolicyNotAlways"]),
    (&["secret-in-environment"], &["env-var-secret", "sensitiveContainerEnvVar"]),
    (&["secret-as-environment"], &["CKV_K8S_35", "read-secret-from-env-var"]),
    (&["service-account-token-mounted"], &["KSV-0036", "CKV_K8S_38", "automountServiceAccountToken"]),
    (&["default-service-account"], &["CKV_K8S_41", "CKV_K8S_42", "default-service-account"]),
    (&["no-health-check"], &["CKV_K8S_8", "no-liveness-probe", "pod-probes", "livenessProbeMissing"]),
    (&["no-readiness-probe"], &["CKV_K8S_9", "no-readiness-probe", "pod-probes", "readinessProbeMissing"]),
    (&["ssh-port"], &["ssh-port"]),
    (&["default-namespace"], &["KSV-0110", "CKV_K8S_21", "use-namespace"]),
    (&["no-network-policy"], &["KSV-0038", "non-isolated-pod", "pod-networkpolicy", "missingNetworkPolicy"]),
    (
        &["role-wildcard"],
        &["KSV-0044", "KSV-0045", "KSV-0046", "KSV-0112", "CKV_K8S_49", "wildcard-in-rules"],
    ),
    (&["role-reads-secrets"], &["KSV-0041", "KSV-0113", "CKV2_K8S_5", "access-to-secrets"]),
    (&["role-creates-pods"], &["KSV-0048", "access-to-create-pods"]),
    (&["role-executes-in-pods"], &["KSV-0053", "KSV-0054", "clusterrolePodExecAttach", "rolePodExecAttach"]),
    (&["role-escalates"], &["KSV-0043", "KSV-0050", "CKV_K8S_157", "CKV_K8S_158", "CKV2_K8S_3"]),
    (&["role-writes-bindings"], &["KSV-0051", "KSV-0052", "KSV-0055"]),
    (&["role-reaches-nodes"], &["KSV-0047", "CKV2_K8S_2"]),
    (&["role-makes-credentials"], &["CKV_K8S_156"]),
    (&["role-changes-admission"], &["KSV-0114", "CKV_K8S_155"]),
    (
        &["cluster-admin-binding"],
        &["KSV-0111", "cluster-admin-role-binding", "clusterrolebindingClusterAdmin"],
    ),
    (&["binding-for-everybody"], &["KSV-0122", "KSV-0123"]),
    (&["service-external-ips"], &["KSV-0108"]),
    (&["service-on-nodes"], &["exposed-services", "service-type"]),
    (&["ingress-snippet"], &["CKV_K8S_152", "CKV_K8S_153", "CKV_K8S_154"]),
    (&["ingress-without-tls"], &["tlsSettingsMissing"]),
    (&["secret-in-config-map"], &["KSV-0109", "sensitiveConfigmapContent"]),
    (
        &["dangling-selector"],
        &["dangling-service", "dangling-networkpolicy", "networkpolicy-targets-pod", "service-targets-pod"],
    ),
    (
        &["selector-misses-template"],
        &["mismatching-selector", "deployment-pod-selector-labels-match-template-metadata-labels"],
    ),
    (&["privileged-host-port"], &["KSV-0117", "privileged-ports"]),
];

/// What other tools call a rule of ours.
pub(crate) fn aliases(rule: &str) -> &'static [&'static str] {
    SAME.iter().find(|(ours, _)| ours.contains(&rule)).map_or(&[], |(_, aliases)| aliases)
}

/// Our rules for another tool's id: `CKV_K8S_16`, `privileged-container`, `runAsPrivileged`.
pub(super) fn rules(id: &str) -> Vec<String> {
    let same = SAME.iter().filter(|(_, aliases)| aliases.contains(&id));
    same.flat_map(|(ours, _)| *ours).map(|&rule| rule.to_owned()).collect()
}

/// Our rules for Trivy's `KSV-0017`, `AVD-KSV-0017`, `KSV017`.
pub(super) fn trivy(id: &str) -> Vec<String> {
    let id = id.strip_prefix("AVD-").unwrap_or(id);
    let number = id
        .strip_prefix("KSV")
        .map(|number| number.trim_start_matches('-'))
        .and_then(|number| number.parse().ok());
    number.map_or_else(Vec::new, |number: u32| rules(&format!("KSV-{number:04}")))
}
