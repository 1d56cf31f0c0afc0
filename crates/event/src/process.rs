//! Processes and their ancestors.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::limits;

/// A process (strictly a thread, where several differ) as it was when something happened.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Process {
    /// Process id in the host's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i64>,
    /// Thread id in the host's namespace; the pid where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<i64>,
    /// Process id in its own namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpid: Option<i64>,
    /// Thread id in its own namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vtid: Option<i64>,
    /// Process group in the host's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pgid: Option<i64>,
    /// Process group in its own namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpgid: Option<i64>,
    /// Session in its own namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<i64>,
    /// The kernel's name of it, at most 15 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its first argument.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    /// Path of the executable, links resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe_path: Option<String>,
    /// Its arguments behind the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<Vec<String>>,
    /// Its environment, `NAME=value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<String>>,
    /// Working directory, with a slash at its end as Falco has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Number of the controlling terminal; 0 is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tty: Option<u32>,
    /// When it was cloned, nanoseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_ns: Option<u64>,
    /// When the first process of its pid namespace started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid_namespace_start_ns: Option<u64>,
    /// By whose rights it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// The group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// Who logged in; an id of -1 is nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<User>,
    /// What it may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
    /// Its executable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe_file: Option<ExeFile>,
    /// The leader of its session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Leader>,
    /// The leader of its process group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_group: Option<Leader>,
    /// Its parent; absent when that has ended and was not seen.
    #[serde(skip_serializing_if = "Lineage::is_unknown")]
    pub parent: Lineage,
    /// Texts that rules read often, made once. Starts empty, fills itself.
    #[serde(skip)]
    pub texts: Texts,
}

/// A user of the container (or of the host).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct User {
    /// Its id; -1 where a login id is not set.
    pub uid: i64,
    /// Its name by the container's own `/etc/passwd`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its home directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
    /// Its shell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<String>,
}

/// A group of the container (or of the host).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Group {
    /// Its id.
    pub gid: i64,
    /// Its name by the container's own `/etc/group`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What is known of the executable's file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExeFile {
    /// Inode number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inode: Option<i64>,
    /// Last change of the inode, nanoseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_ns: Option<u64>,
    /// Last change of the content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modified_ns: Option<u64>,
    /// Whether the process could write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_writable: Option<bool>,
    /// Whether it lies in the upper layer of an overlay: not of the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_upper_layer: Option<bool>,
    /// Whether it lies in a lower layer of an overlay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_lower_layer: Option<bool>,
    /// Whether it is in memory only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_from_memfd: Option<bool>,
}

/// A session's or group's first process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Leader {
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its first argument.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe: Option<String>,
    /// Path of its executable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exe_path: Option<String>,
}

/// Capability sets, a bit for each number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Capabilities {
    /// What it can do now.
    pub effective: u64,
    /// What it can take.
    pub permitted: u64,
    /// What its programs inherit.
    pub inheritable: u64,
}

/// Names by number (capabilities(7)).
#[rustfmt::skip]
const CAPABILITIES: [&str; 41] = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
];

impl Capabilities {
    /// `CAP_CHOWN CAP_BPF` for a set.
    pub fn text(set: u64) -> String {
        let names = CAPABILITIES.iter().enumerate().filter(|(bit, _)| set & (1 << bit) != 0);
        names.map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
    }

    /// The bit of a name.
    pub fn bit(name: &str) -> Option<u64> {
        CAPABILITIES.iter().position(|known| *known == name).map(|bit| 1 << bit)
    }
}

impl Process {
    /// The ancestors, the parent first; at most [`limits::ANCESTORS_MAX`].
    pub fn ancestors(&self) -> impl Iterator<Item = &Process> {
        std::iter::successors(self.parent.as_deref(), |process| process.parent.as_deref())
            .take(limits::ANCESTORS_MAX)
    }

    /// The ancestor so many steps up; 0 is the process itself.
    pub fn ancestor(&self, steps: usize) -> Option<&Process> {
        if steps == 0 { Some(self) } else { self.ancestors().nth(steps - 1) }
    }

    /// The arguments in one line.
    pub fn args_line(&self) -> Option<&str> {
        let args = self.args.as_ref()?;
        Some(self.texts.args.get_or_init(|| args.join(" ")))
    }

    /// Name and arguments in one line.
    pub fn command_line(&self) -> Option<&str> {
        let name = self.name.as_ref()?;
        let line = || match self.args_line() {
            Some(args) if !args.is_empty() => format!("{name} {args}"),
            Some(_) | None => name.clone(),
        };
        Some(self.texts.command.get_or_init(line))
    }

    /// First argument and arguments in one line.
    pub fn exe_line(&self) -> Option<&str> {
        let exe = self.exe.as_ref()?;
        let line = || match self.args_line() {
            Some(args) if !args.is_empty() => format!("{exe} {args}"),
            Some(_) | None => exe.clone(),
        };
        Some(self.texts.exe.get_or_init(line))
    }

    /// The environment in one line.
    pub fn env_line(&self) -> Option<&str> {
        let env = self.env.as_ref()?;
        Some(self.texts.env.get_or_init(|| env.join(" ")))
    }

    /// Names of the effective capabilities.
    pub fn effective_names(&self) -> Option<&str> {
        let set = self.capabilities?.effective;
        Some(self.texts.effective.get_or_init(|| Capabilities::text(set)))
    }

    /// Names of the permitted capabilities.
    pub fn permitted_names(&self) -> Option<&str> {
        let set = self.capabilities?.permitted;
        Some(self.texts.permitted.get_or_init(|| Capabilities::text(set)))
    }

    /// Names of the inheritable capabilities.
    pub fn inheritable_names(&self) -> Option<&str> {
        let set = self.capabilities?.inheritable;
        Some(self.texts.inheritable.get_or_init(|| Capabilities::text(set)))
    }
}

/// Texts made from other fields when first asked for. A copy starts without them, so a changed copy does not tell
/// what its original said.
#[derive(Debug, Default)]
pub struct Texts {
    args: OnceLock<String>,
    command: OnceLock<String>,
    exe: OnceLock<String>,
    env: OnceLock<String>,
    effective: OnceLock<String>,
    permitted: OnceLock<String>,
    inheritable: OnceLock<String>,
}

impl Clone for Texts {
    fn clone(&self) -> Texts {
        Texts::default()
    }
}

impl PartialEq for Texts {
    fn eq(&self, _: &Texts) -> bool {
        true
    }
}

/// The parent, shared by all its children.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lineage(Option<Arc<Process>>);

impl Lineage {
    /// Below this parent.
    pub fn below(parent: impl Into<Arc<Process>>) -> Lineage {
        Lineage(Some(parent.into()))
    }

    /// Whether no parent is known.
    pub fn is_unknown(&self) -> bool {
        self.0.is_none()
    }
}

impl Deref for Lineage {
    type Target = Option<Arc<Process>>;

    fn deref(&self) -> &Option<Arc<Process>> {
        &self.0
    }
}

/// One step after the other: a chain of a hundred thousand processes would overflow the stack if each dropped its
/// parent inside its own drop.
impl Drop for Lineage {
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut process) = next.and_then(Arc::into_inner) {
            next = process.parent.0.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_made_of_their_parts_and_made_anew_for_a_copy() {
        let mut process = Process {
            name: Some("sh".to_owned()),
            exe: Some("/bin/sh".to_owned()),
            args: Some(vec!["-c".to_owned(), "id".to_owned()]),
            ..Process::default()
        };
        assert_eq!(process.command_line(), Some("sh -c id"));
        assert_eq!(process.exe_line(), Some("/bin/sh -c id"));
        assert_eq!(process.env_line(), None);
        process = Process { args: Some(Vec::new()), ..process.clone() };
        assert_eq!(process.args_line(), Some(""));
        assert_eq!(process.command_line(), Some("sh"));
    }

    #[test]
    fn capabilities_have_names() {
        assert_eq!(Capabilities::text(1 << 39 | 1), "CAP_CHOWN CAP_BPF");
        assert_eq!(Capabilities::bit("CAP_SYS_ADMIN"), Some(1 << 21));
        assert_eq!(Capabilities::text(0), "");
    }

    #[test]
    fn a_chain_of_any_length_is_dropped_and_walked_a_bounded_way() {
        let mut process = Arc::new(Process::default());
        for pid in 0..200_000 {
            process =
                Arc::new(Process { pid: Some(pid), parent: Lineage::below(process), ..Process::default() });
        }
        assert_eq!(process.ancestors().count(), limits::ANCESTORS_MAX);
        assert_eq!(process.ancestor(2).unwrap().pid, Some(199_997));
        drop(process);
    }
}
