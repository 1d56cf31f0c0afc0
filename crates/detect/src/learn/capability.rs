//! Calls that succeeded → the capabilities that they needed.

use std::collections::BTreeMap;

use seawall_event::{ArgumentName, Capabilities, Event};
use serde::Serialize;

/// The capabilities for a workload: drop all, add these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CapabilitySet {
    /// Always `ALL`.
    pub drop: Vec<String>,
    /// Without `CAP_`, as engines and Kubernetes take them.
    pub add: Vec<String>,
    /// What each is for.
    pub needed: Vec<Needed>,
    /// Capabilities that it had and of whose use events say nothing.
    pub undecided: Vec<String>,
    /// What else it had and did not use.
    pub unused: Vec<String>,
}

/// Why a capability is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Needed {
    /// Without `CAP_`.
    pub capability: String,
    /// A call that it was needed for.
    pub call: String,
    /// The program that made it.
    pub program: String,
    /// How many calls needed it.
    pub times: u64,
}

/// Calls that need a capability whenever they succeed for a process that has it. Of several the first that it has.
const NEEDS: &[(&[&str], &[&str])] = &[
    (&["chown", "fchown", "lchown", "fchownat"], &["CAP_CHOWN"]),
    (&["setuid", "setreuid", "setresuid", "setfsuid"], &["CAP_SETUID"]),
    (&["setgid", "setregid", "setresgid", "setfsgid", "setgroups"], &["CAP_SETGID"]),
    (
        &[
            "mount",
            "umount",
            "umount2",
            "move_mount",
            "open_tree",
            "fsopen",
            "fsmount",
            "pivot_root",
            "setns",
            "swapon",
            "sethostname",
            "setdomainname",
        ],
        &["CAP_SYS_ADMIN"],
    ),
    (&["chroot"], &["CAP_SYS_CHROOT"]),
    (&["mknod", "mknodat"], &["CAP_MKNOD"]),
    (&["init_module", "finit_module", "delete_module"], &["CAP_SYS_MODULE"]),
    (&["kexec_load", "kexec_file_load", "reboot"], &["CAP_SYS_BOOT"]),
    (&["settimeofday", "clock_settime"], &["CAP_SYS_TIME"]),
    (&["iopl", "ioperm"], &["CAP_SYS_RAWIO"]),
    (&["acct"], &["CAP_SYS_PACCT"]),
    (&["bpf"], &["CAP_BPF", "CAP_SYS_ADMIN"]),
    (&["perf_event_open"], &["CAP_PERFMON", "CAP_SYS_ADMIN"]),
    (&["ptrace", "process_vm_readv", "process_vm_writev"], &["CAP_SYS_PTRACE"]),
    (&["open_by_handle_at"], &["CAP_DAC_READ_SEARCH"]),
];

/// Rights over others' files and processes: a call does not show whether it would have failed without.
const UNDECIDED: &[&str] =
    &["CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL"];

/// Ports below this need a capability to be bound.
const FREE_PORT_MIN: u16 = 1024;

#[derive(Debug, Default)]
pub(super) struct Collected {
    needed: BTreeMap<&'static str, Needed>,
    /// All that any process had.
    held: u64,
    /// Events that say nothing of capabilities.
    unknown: u64,
}

impl Collected {
    pub(super) fn add(&mut self, event: &Event) {
        let Some(capabilities) = event.process.as_deref().and_then(|process| process.capabilities) else {
            self.unknown += 1;
            return;
        };
        self.held |= capabilities.effective;
        if event.result.is_some_and(|result| result < 0) {
            return;
        }
        let has = |name: &str| Capabilities::bit(name).is_some_and(|bit| capabilities.effective & bit != 0);
        let Some(capability) = needs(event).iter().find(|name| has(name)) else { return };
        let program = event.process.as_deref().and_then(|process| process.name.clone()).unwrap_or_default();
        let call = event.kind.name();
        let needed = self.needed.entry(capability).or_insert_with(|| Needed {
            capability: without_prefix(capability),
            call: call.to_owned(),
            program,
            times: 0,
        });
        needed.times += 1;
    }

    pub(super) fn set(self, gaps: &mut Vec<String>) -> CapabilitySet {
        if self.unknown > 0 {
            gaps.push(format!("{} events do not say which capabilities the process had", self.unknown));
        }
        let held = Capabilities::text(self.held);
        let is_needed = |name: &&str| self.needed.contains_key(name);
        let (undecided, unused): (Vec<&str>, Vec<&str>) = held
            .split_whitespace()
            .filter(|name| !is_needed(name))
            .partition(|name| UNDECIDED.contains(name));
        if !undecided.is_empty() {
            gaps.push(format!("calls do not show whether {} were needed; try without", undecided.join(", ")));
        }
        CapabilitySet {
            drop: vec!["ALL".to_owned()],
            add: self.needed.keys().map(|name| without_prefix(name)).collect(),
            needed: self.needed.into_values().collect(),
            undecided: undecided.into_iter().map(without_prefix).collect(),
            unused: unused.into_iter().map(without_prefix).collect(),
        }
    }
}

/// The capabilities of which a call needs one.
fn needs(event: &Event) -> &'static [&'static str] {
    let name = event.kind.name();
    match name {
        "bind" | "listen" => {
            let socket = event.fd.as_ref().and_then(|fd| fd.socket.as_ref());
            let port =
                socket.and_then(|socket| socket.server.or(socket.client)).map(|address| address.port());
            let is_low = port.is_some_and(|port| (1..FREE_PORT_MIN).contains(&port));
            if is_low { &["CAP_NET_BIND_SERVICE"] } else { &[] }
        }
        "socket" => {
            let domain = event.argument(ArgumentName::Domain).map(|domain| domain.text().into_owned());
            if domain.as_deref() == Some("AF_PACKET") { &["CAP_NET_RAW"] } else { &[] }
        }
        "unshare" => {
            // A user namespace needs nothing, and what comes with it neither.
            let flags = event.argument(ArgumentName::Flags).map(|flags| flags.text().into_owned());
            let is_free = flags.is_some_and(|flags| flags.contains("CLONE_NEWUSER"));
            if is_free { &[] } else { &["CAP_SYS_ADMIN"] }
        }
        _ => NEEDS.iter().find(|(calls, _)| calls.contains(&name)).map_or(&[], |(_, needed)| needed),
    }
}

fn without_prefix(name: &str) -> String {
    name.strip_prefix("CAP_").unwrap_or(name).to_owned()
}
