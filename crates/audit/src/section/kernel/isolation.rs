//! The kernel's own walls: namespaces, filters, security modules, control groups, lockdown.

use seawall_finding::{Framework, Outcome, Rule, Severity};

use crate::answer::Answer;
use crate::machine::Machine;
use crate::root::Unread;
use crate::section::Question;

const CONTROLS: &[(Framework, &str)] = &[(Framework::NistSp800190, "4.5.1")];

pub(super) const QUESTIONS: &[Question] = &[
    Question {
        rule: Rule {
            id: "kernel-seccomp",
            title: "System-call filters of the kernel",
            why: "Without them every container reaches every system call, and no profile has an effect.",
            fix: "Run a kernel with CONFIG_SECCOMP_FILTER.",
            severity: Severity::High,
            references: &["https://docs.kernel.org/userspace-api/seccomp_filter.html"],
            controls: CONTROLS,
        },
        ask: seccomp,
    },
    Question {
        rule: Rule {
            id: "kernel-security-module",
            title: "Mandatory access control",
            why: "AppArmor and SELinux stop a process that has left its namespaces; without one nothing does.",
            fix: "Boot with `security=apparmor` or `security=selinux` (what the distribution supports), SELinux enforcing.",
            severity: Severity::Medium,
            references: &["https://docs.docker.com/engine/security/apparmor/"],
            controls: CONTROLS,
        },
        ask: security_module,
    },
    Question {
        rule: Rule {
            id: "kernel-cgroup-v2",
            title: "Control groups of the second version",
            why: "In the first version a container with few privileges can set `release_agent`, which the kernel runs as \
                  root on the host (CVE-2022-0492), and rootless engines cannot limit anything.",
            fix: "Boot with `systemd.unified_cgroup_hierarchy=1`.",
            severity: Severity::Medium,
            references: &["https://docs.kernel.org/admin-guide/cgroup-v2.html"],
            controls: CONTROLS,
        },
        ask: cgroups,
    },
    Question {
        rule: Rule {
            id: "kernel-user-namespaces",
            title: "User namespaces",
            why: "An engine that remaps users or runs rootless needs them; for everybody else they open large parts of the \
                  kernel to users without privileges.",
            fix: "With rootless or remapped engines allow them (`user.max_user_namespaces`); without such set \
                  `kernel.unprivileged_userns_clone=0` or AppArmor's `kernel.apparmor_restrict_unprivileged_userns=1`.",
            severity: Severity::Low,
            references: &["https://man7.org/linux/man-pages/man7/user_namespaces.7.html"],
            controls: CONTROLS,
        },
        ask: user_namespaces,
    },
    Question {
        rule: Rule {
            id: "kernel-lockdown",
            title: "Lockdown of the kernel",
            why: "It keeps even root from changing the running kernel, which is what a container that has got root wants.",
            fix: "Boot with `lockdown=integrity`; secure boot does it by itself on most distributions.",
            severity: Severity::Low,
            references: &["https://man7.org/linux/man-pages/man7/kernel_lockdown.7.html"],
            controls: CONTROLS,
        },
        ask: lockdown,
    },
    Question {
        rule: Rule {
            id: "kernel-module-loading",
            title: "Loading of kernel modules",
            why: "A container with CAP_SYS_MODULE loads code into the kernel, and a file system or socket family that \
                  nobody needs is loaded for whoever asks for it.",
            fix: "Set `kernel.modules_disabled=1` once the machine has started, or require signatures \
                  (`module.sig_enforce=1`).",
            severity: Severity::Low,
            references: &["https://docs.kernel.org/admin-guide/module-signing.html"],
            controls: CONTROLS,
        },
        ask: modules,
    },
];

/// Absent from a machine that does not run is not the same as absent.
fn absent(machine: &Machine<'_>, path: &str, error: &Unread) -> Answer {
    match error {
        Unread::Absent if machine.host.root.exists("/proc/sys/kernel/osrelease") => {
            Answer::not_applicable(path, "this kernel does not have it")
        }
        Unread::Absent => Answer::not_checked(path, "the kernel of this file system does not run"),
        Unread::Refused(reason) => Answer::error(path, reason.clone()),
    }
}

fn seccomp(machine: &Machine<'_>) -> Vec<Answer> {
    let path = "/proc/sys/kernel/seccomp/actions_avail";
    let answer = match machine.host.root.text(path) {
        Ok(actions) => Answer::new(Outcome::Pass, path, actions.trim().to_owned()),
        Err(Unread::Absent) if machine.host.root.exists("/proc/sys/kernel/osrelease") => {
            Answer::new(Outcome::Fail, path, "the kernel has no system-call filters")
        }
        Err(error) => absent(machine, path, &error),
    };
    vec![answer.expecting("filters")]
}

fn security_module(machine: &Machine<'_>) -> Vec<Answer> {
    let path = "/sys/kernel/security/lsm";
    let modules = match machine.host.security_modules() {
        Ok(modules) => modules,
        Err(error) => return vec![absent(machine, path, &error)],
    };
    let has = |name: &str| modules.iter().any(|module| module == name);
    let is_enforcing = machine.host.root.text("/sys/fs/selinux/enforce").is_ok_and(|text| text.trim() == "1");
    let (is_good, seen) = match (has("apparmor"), has("selinux"), is_enforcing) {
        (true, _, _) => (true, "AppArmor".to_owned()),
        (_, true, true) => (true, "SELinux, enforcing".to_owned()),
        (_, true, false) => (false, "SELinux is not enforcing".to_owned()),
        (false, false, _) if has("smack") || has("tomoyo") => (true, modules.join(", ")),
        (false, false, _) => (false, format!("neither AppArmor nor SELinux ({})", modules.join(", "))),
    };
    vec![Answer::judged(is_good, path, seen).expecting("AppArmor, or SELinux enforcing")]
}

fn cgroups(machine: &Machine<'_>) -> Vec<Answer> {
    let looked_at = "mount table";
    let mounts = match &machine.host.mounts {
        Ok(mounts) => mounts,
        Err(error) => return vec![Answer::not_checked(looked_at, format!("it cannot be read: {error}"))],
    };
    let at = |kind: &str| {
        mounts.iter().filter(|mount| mount.kind == kind).map(|mount| mount.point.as_str()).collect::<Vec<_>>()
    };
    let (first, second) = (at("cgroup"), at("cgroup2"));
    let answer = match (first.is_empty(), second.is_empty()) {
        (true, true) => Answer::not_checked(looked_at, "no control groups are mounted"),
        (true, false) => Answer::new(Outcome::Pass, looked_at, format!("cgroup2 at {}", second.join(", "))),
        // `name=systemd` is a hierarchy without controllers, but with a release agent.
        (false, _) => {
            Answer::new(Outcome::Fail, looked_at, format!("{} hierarchies of version 1", first.len()))
        }
    };
    vec![answer.expecting("cgroup2 alone")]
}

fn user_namespaces(machine: &Machine<'_>) -> Vec<Answer> {
    let limit = machine.host.sysctl("user.max_user_namespaces");
    let path = "/proc/sys/user/max_user_namespaces";
    let is_on = |name: &str, value: &str| machine.host.sysctl(name).is_ok_and(|seen| seen == value);
    let is_restricted = is_on("kernel.unprivileged_userns_clone", "0")
        || is_on("kernel.apparmor_restrict_unprivileged_userns", "1");
    let is_used = machine.daemons.iter().any(|daemon| {
        !daemon.settings.text("userns-remap").is_empty() || daemon.uid.is_some_and(|uid| uid != 0)
    }) || machine.engines.iter().any(|engine| {
        engine
            .info
            .iter()
            .flat_map(|info| &info.security_options)
            .any(|option| option.contains("name=rootless") || option.contains("name=userns"))
    });
    let answer = match limit {
        Err(error) => absent(machine, path, &error),
        Ok(limit) if limit == "0" => {
            let seen = "the kernel allows none";
            Answer::judged(
                !is_used,
                path,
                if is_used { "an engine needs them, and the kernel allows none" } else { seen },
            )
        }
        Ok(limit) if is_restricted || is_used => {
            let why = if is_used { "an engine uses them" } else { "only privileged users may make them" };
            Answer::new(Outcome::Pass, path, format!("up to {limit}; {why}"))
        }
        Ok(limit) => {
            let seen = format!("everybody may make up to {limit}, and no engine here uses them");
            Answer::new(Outcome::Fail, path, seen)
        }
    };
    vec![
        answer
            .of("user.max_user_namespaces")
            .expecting("allowed where an engine uses them, restricted elsewhere"),
    ]
}

fn lockdown(machine: &Machine<'_>) -> Vec<Answer> {
    let path = "/sys/kernel/security/lockdown";
    let answer = match machine.host.root.text(path) {
        Ok(text) => {
            let state = text.split(['[', ']']).nth(1).unwrap_or_default();
            Answer::judged(matches!(state, "integrity" | "confidentiality"), path, text.trim().to_owned())
        }
        Err(error) => absent(machine, path, &error),
    };
    vec![answer.expecting("integrity or confidentiality")]
}

fn modules(machine: &Machine<'_>) -> Vec<Answer> {
    let path = "/proc/sys/kernel/modules_disabled";
    let enforced = machine
        .host
        .root
        .text("/sys/module/module/parameters/sig_enforce")
        .is_ok_and(|text| text.starts_with('Y'));
    let answer = match machine.host.sysctl("kernel.modules_disabled") {
        Ok(value) if value == "1" => Answer::new(Outcome::Pass, path, "no module can be loaded any more"),
        Ok(_) if enforced => Answer::new(
            Outcome::Pass,
            "/sys/module/module/parameters/sig_enforce",
            "modules need a signature",
        ),
        Ok(_) => Answer::new(Outcome::Fail, path, "unsigned modules can be loaded"),
        Err(error) => absent(machine, path, &error),
    };
    vec![answer.of("kernel.modules_disabled").expecting("no loading, or signatures")]
}
