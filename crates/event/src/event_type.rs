//! The types of events: system calls by their names, and what is no call.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Every name, sorted. System calls of x86-64 and the older names that rules still use, Falco's events that are no
/// system calls (`procexit`, `switch`, `signaldeliver`), and our `dns`.
#[rustfmt::skip]
const NAMES: [&str; 418] = [
    "_sysctl", "accept", "accept4", "access", "acct", "add_key", "adjtimex", "afs_syscall", "alarm",
    "arch_prctl", "asyncevent", "bind", "bpf", "brk", "cachestat", "capget", "capset", "chdir", "chmod",
    "chown", "chroot", "clock_adjtime", "clock_getres", "clock_gettime", "clock_nanosleep", "clock_settime",
    "clone", "clone3", "close", "close_range", "connect", "container", "copy_file_range", "cpu_hotplug",
    "creat", "create_module", "delete_module", "dns", "drop", "dup", "dup2", "dup3", "epoll_create",
    "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait", "epoll_pwait2", "epoll_wait",
    "epoll_wait_old", "eventfd", "eventfd2", "execve", "execveat", "exit", "exit_group", "faccessat",
    "faccessat2", "fadvise64", "fadvise64_64", "fallocate", "fanotify_init", "fanotify_mark", "fchdir",
    "fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat", "fcntl", "fcntl64", "fdatasync", "fgetxattr",
    "finit_module", "flistxattr", "flock", "fork", "fremovexattr", "fsconfig", "fsetxattr", "fsmount",
    "fsopen", "fspick", "fstat", "fstat64", "fstatfs", "fsync", "ftruncate", "ftruncate64", "futex",
    "futex_requeue", "futex_wait", "futex_waitv", "futex_wake", "futimesat", "generic", "get_kernel_syms",
    "get_mempolicy", "get_robust_list", "get_thread_area", "getcpu", "getcwd", "getdents", "getdents64",
    "getegid", "geteuid", "getgid", "getgroups", "getitimer", "getpeername", "getpgid", "getpgrp", "getpid",
    "getpmsg", "getppid", "getpriority", "getrandom", "getresgid", "getresuid", "getresuid32", "getrlimit",
    "getrusage", "getsid", "getsockname", "getsockopt", "gettid", "gettimeofday", "getuid", "getxattr",
    "getxattrat", "groupadded", "groupdeleted", "infra", "init_module", "inotify_add_watch", "inotify_init",
    "inotify_init1", "inotify_rm_watch", "io_cancel", "io_destroy", "io_getevents", "io_pgetevents",
    "io_setup", "io_submit", "io_uring", "io_uring_enter", "io_uring_register", "io_uring_setup", "ioctl",
    "ioperm", "iopl", "ioprio_get", "ioprio_set", "kcmp", "kexec_file_load", "kexec_load", "keyctl", "kill",
    "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "lchown", "lgetxattr", "link",
    "linkat", "listen", "listmount", "listxattr", "listxattrat", "llistxattr", "lookup_dcookie",
    "lremovexattr", "lseek", "lsetxattr", "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr",
    "lstat", "lstat64", "madvise", "map_shadow_stack", "mbind", "membarrier", "memfd_create",
    "memfd_secret", "meta", "migrate_pages", "mincore", "mkdir", "mkdirat", "mknod", "mknodat", "mlock",
    "mlock2", "mlockall", "mmap", "mmap2", "modify_ldt", "mount", "mount_setattr", "move_mount",
    "move_pages", "mprotect", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend",
    "mq_unlink", "mremap", "mseal", "msgctl", "msgget", "msgrcv", "msgsnd", "msync", "munlock",
    "munlockall", "munmap", "name_to_handle_at", "nanosleep", "newfstatat", "nfsservctl", "notification",
    "oldumount", "open", "open_by_handle_at", "open_tree", "openat", "openat2", "page_fault", "pause",
    "perf_event_open", "personality", "pidfd_getfd", "pidfd_open", "pidfd_send_signal", "pipe", "pipe2",
    "pivot_root", "pkey_alloc", "pkey_free", "pkey_mprotect", "pluginevent", "poll", "ppoll", "prctl",
    "pread64", "preadv", "preadv2", "prlimit64", "process_madvise", "process_mrelease", "process_vm_readv",
    "process_vm_writev", "procexit", "procinfo", "pselect6", "ptrace", "putpmsg", "pwrite64", "pwritev",
    "pwritev2", "query_module", "quotactl", "quotactl_fd", "read", "readahead", "readlink", "readlinkat",
    "readv", "reboot", "recv", "recvfrom", "recvmmsg", "recvmsg", "remap_file_pages", "removexattr",
    "removexattrat", "rename", "renameat", "renameat2", "request_key", "restart_syscall", "rmdir", "rseq",
    "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend",
    "rt_sigtimedwait", "rt_tgsigqueueinfo", "scapevent", "sched_get_priority_max", "sched_get_priority_min",
    "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_getscheduler", "sched_rr_get_interval",
    "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield", "seccomp",
    "security", "select", "semctl", "semget", "semop", "semtimedop", "send", "sendfile", "sendfile64",
    "sendmmsg", "sendmsg", "sendto", "set_mempolicy", "set_mempolicy_home_node", "set_robust_list",
    "set_thread_area", "set_tid_address", "setdomainname", "setfsgid", "setfsuid", "setgid", "setgroups",
    "sethostname", "setitimer", "setns", "setpgid", "setpriority", "setregid", "setresgid", "setresuid",
    "setreuid", "setrlimit", "setsid", "setsockopt", "settimeofday", "setuid", "setxattr", "setxattrat",
    "shmat", "shmctl", "shmdt", "shmget", "shutdown", "sigaltstack", "signaldeliver", "signalfd",
    "signalfd4", "socket", "socketcall", "socketpair", "splice", "stat", "stat64", "statfs", "statmount",
    "statx", "swapoff", "swapon", "switch", "symlink", "symlinkat", "sync", "sync_file_range", "syncfs",
    "sysfs", "sysinfo", "syslog", "tee", "tgkill", "time", "timer_create", "timer_delete",
    "timer_getoverrun", "timer_gettime", "timer_settime", "timerfd_create", "timerfd_gettime",
    "timerfd_settime", "times", "tkill", "tracer", "truncate", "truncate64", "tuxcall", "umask", "umount",
    "umount2", "uname", "unlink", "unlinkat", "unshare", "uretprobe", "uselib", "useradded", "userdeleted",
    "userevent", "userfaultfd", "ustat", "utime", "utimensat", "utimes", "vfork", "vhangup", "vmsplice",
    "vserver", "wait4", "waitid", "waitpid", "write", "writev",
];

/// The type of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventType(u16);

impl EventType {
    /// How many there are.
    pub const COUNT: usize = NAMES.len();
    /// `bpf`.
    pub const BPF: EventType = EventType::of("bpf");
    /// `connect`.
    pub const CONNECT: EventType = EventType::of("connect");
    /// `dns`: a question or an answer; no system call.
    pub const DNS: EventType = EventType::of("dns");
    /// `creat`.
    pub const CREAT: EventType = EventType::of("creat");
    /// `execve`.
    pub const EXECVE: EventType = EventType::of("execve");
    /// `execveat`.
    pub const EXECVEAT: EventType = EventType::of("execveat");
    /// `open`.
    pub const OPEN: EventType = EventType::of("open");
    /// `openat`.
    pub const OPENAT: EventType = EventType::of("openat");
    /// `openat2`.
    pub const OPENAT2: EventType = EventType::of("openat2");
    /// `open_by_handle_at`.
    pub const OPEN_BY_HANDLE_AT: EventType = EventType::of("open_by_handle_at");

    /// The type of this name.
    pub fn named(name: &str) -> Option<EventType> {
        let index = NAMES.binary_search(&name).ok()?;
        u16::try_from(index).ok().map(EventType)
    }

    /// Every type, in the order of names.
    pub fn all() -> impl Iterator<Item = EventType> {
        (0..EventType::COUNT as u16).map(EventType)
    }

    /// As rules write it.
    pub fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    /// Below [`EventType::COUNT`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Whether it opens a file with flags.
    pub fn opens(self) -> bool {
        matches!(
            self,
            EventType::OPEN | EventType::OPENAT | EventType::OPENAT2 | EventType::OPEN_BY_HANDLE_AT
        )
    }

    /// For the constants above: a name that is not in the table does not compile.
    const fn of(name: &str) -> EventType {
        let mut index = 0;
        while index < NAMES.len() {
            if is_same(NAMES[index].as_bytes(), name.as_bytes()) {
                return EventType(index as u16);
            }
            index += 1;
        }
        panic!("no such event type")
    }
}

const fn is_same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut index = 0;
    while index < left.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    true
}

impl Default for EventType {
    /// `generic`: a system call that nobody named.
    fn default() -> EventType {
        const GENERIC: EventType = EventType::of("generic");
        GENERIC
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<EventType, D::Error> {
        let name = String::deserialize(deserializer)?;
        EventType::named(&name)
            .ok_or_else(|| serde::de::Error::custom(format!("`{name}` is no type of an event")))
    }
}

const WORDS: usize = EventType::COUNT.div_ceil(64);

/// A set of event types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventTypes([u64; WORDS]);

impl EventTypes {
    /// Adds one.
    pub fn insert(&mut self, kind: EventType) {
        self.0[kind.index() / 64] |= 1 << (kind.index() % 64);
    }

    /// Adds all of another set.
    pub fn extend(&mut self, other: EventTypes) {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
    }

    /// Whether it is in it.
    pub fn contains(&self, kind: EventType) -> bool {
        self.0[kind.index() / 64] & (1 << (kind.index() % 64)) != 0
    }

    /// How many are in it.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether none is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those in it, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = EventType> {
        EventType::all().filter(|kind| self.contains(*kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_are_found() {
        assert!(NAMES.is_sorted());
        assert!(EventType::all().all(|kind| EventType::named(kind.name()) == Some(kind)));
        assert_eq!(EventType::named("opne"), None);
    }
}
