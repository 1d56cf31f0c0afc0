//! System calls that were seen → a seccomp profile.
//!
//! Nobody watches every call: a profile of what was seen alone would stop every program. So this allows what is
//! harmless without being asked, refuses what changes the machine, and decides by what was seen only for the calls
//! that are watched.

use seawall_event::{EventType, EventTypes};
use serde_json::{Value, json};

/// Calls that act on the machine rather than on the process, or that exploits need and programs rarely do: refused
/// where they were not seen, watched or not.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    "_sysctl", "acct", "add_key", "adjtimex", "afs_syscall", "bpf", "clock_adjtime", "clock_settime", "create_module",
    "delete_module", "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "get_kernel_syms",
    "init_module", "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kcmp",
    "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie", "mount", "mount_setattr", "move_mount", "move_pages",
    "nfsservctl", "oldumount", "open_by_handle_at", "open_tree", "perf_event_open", "personality", "pidfd_getfd",
    "pivot_root", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace", "query_module", "quotactl",
    "quotactl_fd", "reboot", "request_key", "setdomainname", "sethostname", "setns", "settimeofday", "swapoff", "swapon",
    "sysfs", "syslog", "tuxcall", "umount", "umount2", "unshare", "uselib", "userfaultfd", "ustat", "vhangup", "vserver",
];

/// Watched calls that the engine makes after it has put the profile in force, and that a process needs to end.
#[rustfmt::skip]
const ENGINE_NEEDS: &[&str] = &[
    "capset", "close", "dup", "dup2", "dup3", "execve", "execveat", "fchmod", "fchown", "kill", "open", "openat", "openat2",
    "prctl", "setgid", "setgroups", "setresgid", "setresuid", "setsid", "setuid", "socket", "connect", "sendmsg", "sendto",
    "recvmsg", "recvfrom", "tgkill", "tkill",
];

/// Types of events that are no system calls.
#[rustfmt::skip]
const NO_CALLS: &[&str] = &[
    "asyncevent", "container", "cpu_hotplug", "dns", "drop", "generic", "groupadded", "groupdeleted", "infra", "io_uring",
    "meta", "notification", "page_fault", "pluginevent", "procexit", "procinfo", "scapevent", "signaldeliver", "switch",
    "tracer", "useradded", "userdeleted", "userevent", "security", "mmap2", "fcntl64", "fstat64", "lstat64", "stat64",
    "ftruncate64", "truncate64", "sendfile64", "getresuid32", "send", "recv", "waitpid", "umount", "oldumount", "socketcall",
    "fadvise64_64",
];

/// The profile: calls that are not named in it fail with `EPERM`.
pub(super) fn profile(seen: &EventTypes, watched: &EventTypes) -> Value {
    let names: Vec<&str> = EventType::all()
        .filter(|kind| !NO_CALLS.contains(&kind.name()) && is_allowed(*kind, seen, watched))
        .map(EventType::name)
        .collect();
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "archMap": [
            {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
        ],
        "syscalls": [{"names": names, "action": "SCMP_ACT_ALLOW"}],
    })
}

fn is_allowed(kind: EventType, seen: &EventTypes, watched: &EventTypes) -> bool {
    // The sensor calls `umount2` by the name of the kernel's table.
    let is_umount =
        kind.name() == "umount2" && EventType::named("umount").is_some_and(|umount| seen.contains(umount));
    if seen.contains(kind) || is_umount || ENGINE_NEEDS.contains(&kind.name()) {
        return true;
    }
    !watched.contains(kind) && !REFUSED.contains(&kind.name())
}
