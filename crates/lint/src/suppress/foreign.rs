//! Which of our rules the checks of other tools stand for. Only ids; no text of theirs.

/// A rule of ours with the ids of the same question elsewhere: Trivy, checkov, kube-linter, kube-score, polaris.
struct Same {
    ours: &'static [&'static str],
    trivy: &'static [u32],
    checkov: &'static [u32],
    kube_linter: &'static [&'static str],
    kube_score: &'static [&'static str],
    polaris: &'static [&'static str],
}

#[rustfmt::skip]
static SAME: &[Same] = &[
    Same { ours: &["privileged-container"], trivy: &[17], checkov: &[16], kube_linter: &["privileged-container"], kube_score: &["container-security-context-privileged"], polaris: &["runAsPrivileged"] },
    Same { ours: &["privilege-escalation-allowed"], trivy: &[1], checkov: &[20], kube_linter: &["privilege-escalation-container"], kube_score: &[], polaris: &["privilegeEscalationAllowed"] },
    Same { ours: &["host-pid-namespace"], trivy: &[10], checkov: &[17], kube_linter: &["host-pid"], kube_score: &[], polaris: &["hostPIDSet"] },
    Same { ours: &["host-ipc-namespace"], trivy: &[8], checkov: &[18], kube_linter: &["host-ipc"], kube_score: &[], polaris: &["hostIPCSet"] },
    Same { ours: &["host-network-namespace"], trivy: &[9], checkov: &[19], kube_linter: &["host-network"], kube_score: &[], polaris: &["hostNetworkSet"] },
    Same { ours: &["host-port"], trivy: &[24], checkov: &[26], kube_linter: &[], kube_score: &[], polaris: &["hostPortSet"] },
    Same { ours: &["sensitive-host-mount"], trivy: &[23, 121], checkov: &[], kube_linter: &["sensitive-host-mounts"], kube_score: &[], polaris: &["hostPathSet"] },
    Same { ours: &["writable-host-mount"], trivy: &[], checkov: &[], kube_linter: &["writable-host-mount"], kube_score: &[], polaris: &[] },
    Same { ours: &["engine-socket-mount"], trivy: &[6], checkov: &[27], kube_linter: &["docker-sock"], kube_score: &[], polaris: &[] },
    Same { ours: &["dangerous-capability", "added-capability"], trivy: &[5, 22, 119, 120], checkov: &[25, 39], kube_linter: &[], kube_score: &[], polaris: &["dangerousCapabilities"] },
    Same { ours: &["capabilities-not-dropped"], trivy: &[3, 4, 106], checkov: &[28, 36, 37], kube_linter: &["drop-net-raw-capability"], kube_score: &[], polaris: &["insecureCapabilities"] },
    Same { ours: &["root-user", "user-left-to-image"], trivy: &[12, 105], checkov: &[23], kube_linter: &["run-as-non-root"], kube_score: &[], polaris: &["runAsRootAllowed"] },
    Same { ours: &["low-user-id"], trivy: &[20, 21], checkov: &[40], kube_linter: &[], kube_score: &["container-security-context-user-group-id"], polaris: &[] },
    Same { ours: &["root-group"], trivy: &[116], checkov: &[], kube_linter: &[], kube_score: &[], polaris: &[] },
    Same { ours: &["seccomp-disabled", "seccomp-not-set"], trivy: &[30, 104], checkov: &[31], kube_linter: &[], kube_score: &["container-seccomp-profile"], polaris: &["linuxHardening"] },
    Same { ours: &["apparmor-disabled"], trivy: &[2], checkov: &[], kube_linter: &[], kube_score: &[], polaris: &["linuxHardening"] },
    Same { ours: &["selinux-weakened"], trivy: &[25], checkov: &[], kube_linter: &[], kube_score: &[], polaris: &[] },
    Same { ours: &["unmasked-proc"], trivy: &[27], checkov: &[], kube_linter: &["unsafe-proc-mount"], kube_score: &[], polaris: &["procMount"] },
    Same { ours: &["unsafe-sysctl"], trivy: &[26], checkov: &[], kube_linter: &["unsafe-sysctls"], kube_score: &[], polaris: &[] },
    Same { ours: &["windows-host-process"], trivy: &[103], checkov: &[], kube_linter: &[], kube_score: &[], polaris: &["hostProcess"] },
    Same { ours: &["writable-root-filesystem"], trivy: &[14], checkov: &[22], kube_linter: &["no-read-only-root-fs"], kube_score: &["container-security-context-readonlyrootfilesystem"], polaris: &["notReadOnlyRootFilesystem"] },
    Same { ours: &["memory-unlimited"], trivy: &[18], checkov: &[13], kube_linter: &["unset-memory-requirements"], kube_score: &["container-resources"], polaris: &["memoryLimitsMissing"] },
    Same { ours: &["cpu-unlimited"], trivy: &[11], checkov: &[11], kube_linter: &["unset-cpu-requirements"], kube_score: &["container-resources"], polaris: &["cpuLimitsMissing"] },
    Same { ours: &["resource-requests-missing"], trivy: &[15, 16], checkov: &[10, 12], kube_linter: &[], kube_score: &["container-resources"], polaris: &["cpuRequestsMissing", "memoryRequestsMissing"] },
    Same { ours: &["mutable-image-tag"], trivy: &[13], checkov: &[14], kube_linter: &["latest-tag"], kube_score: &["container-image-tag"], polaris: &["tagNotSpecified"] },
    Same { ours: &["image-without-digest"], trivy: &[], checkov: &[43], kube_linter: &[], kube_score: &[], polaris: &[] },
    Same { ours: &["image-not-always-pulled"], trivy: &[], checkov: &[15], kube_linter: &[], kube_score: &["container-image-pull-policy"], polaris: &["pullPolicyNotAlways"] },
    Same { ours: &["secret-in-environment"], trivy: &[], checkov: &[], kube_linter: &["env-var-secret"], kube_score: &[], polaris: &["sensitiveContainerEnvVar"] },
    Same { ours: &["secret-as-environment"], trivy: &[], checkov: &[35], kube_linter: &["read-secret-from-env-var"], kube_score: &[], polaris: &[] },
    Same { ours: &["service-account-token-mounted"], trivy: &[36], checkov: &[38], kube_linter: &[], kube_score: &[], polaris: &["automountServiceAccountToken"] },
    Same { ours: &["default-service-account"], trivy: &[], checkov: &[41, 42], kube_linter: &["default-service-account"], kube_score: &[], polaris: &[] },
    Same { ours: &["no-health-check"], trivy: &[], checkov: &[8], kube_linter: &["no-liveness-probe"], kube_score: &["pod-probes"], polaris: &["livenessProbeMissing"] },
    Same { ours: &["no-readiness-probe"], trivy: &[], checkov: &[9], kube_linter: &["no-readiness-probe"], kube_score: &["pod-probes"], polaris: &["readinessProbeMissing"] },
    Same { ours: &["ssh-port"], trivy: &[], checkov: &[], kube_linter: &["ssh-port"], kube_score: &[], polaris: &[] },
    Same { ours: &["default-namespace"], trivy: &[110], checkov: &[21], kube_linter: &["use-namespace"], kube_score: &[], polaris: &[] },
    Same { ours: &["no-network-policy"], trivy: &[38], checkov: &[], kube_linter: &["non-isolated-pod"], kube_score: &["pod-networkpolicy"], polaris: &["missingNetworkPolicy"] },
];

fn by(is_same: impl Fn(&Same) -> bool) -> Vec<String> {
    SAME.iter().filter(|same| is_same(same)).flat_map(|same| same.ours).map(|&id| id.to_owned()).collect()
}

/// `KSV-0017`, `AVD-KSV-0017`, `KSV017`; Trivy's numbers are one sequence.
pub(super) fn trivy(id: &str) -> Vec<String> {
    let id = id.strip_prefix("AVD-").unwrap_or(id);
    let number = id
        .strip_prefix("KSV")
        .map(|number| number.trim_start_matches('-'))
        .and_then(|number| number.parse().ok());
    number.map_or_else(Vec::new, |number: u32| by(|same| same.trivy.contains(&number)))
}

/// `CKV_K8S_16`.
pub(super) fn checkov(id: &str) -> Vec<String> {
    let number = id.strip_prefix("CKV_K8S_").and_then(|number| number.parse().ok());
    number.map_or_else(Vec::new, |number: u32| by(|same| same.checkov.contains(&number)))
}

pub(super) fn kube_linter(name: &str) -> Vec<String> {
    by(|same| same.kube_linter.contains(&name))
}

pub(super) fn kube_score(name: &str) -> Vec<String> {
    by(|same| same.kube_score.contains(&name))
}

pub(super) fn polaris(name: &str) -> Vec<String> {
    by(|same| same.polaris.contains(&name))
}
