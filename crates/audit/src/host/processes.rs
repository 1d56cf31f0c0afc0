//! The processes of `/proc`, by the program that each really runs: a command line can say anything.

use crate::limits::{COMMAND_LINE_BYTES_MAX, PROCESSES_MAX};
use crate::root::{Root, Unread};

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// Path of its program, in its own mount namespace; the name that it goes by where that may not be read.
    pub(crate) program: String,
    /// Whether that is its program, not what it says of itself.
    pub(crate) is_proven: bool,
    /// Whether it runs in the pid namespace of pid 1 here, not in a container's.
    pub(crate) is_of_host: bool,
}

/// All processes whose program is known.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    pub(crate) known: Vec<Process>,
    /// Those that do not tell their program and go by the name of one that is asked about: of any other the name, which
    /// everybody may read, says that it is none.
    pub(crate) doubtful: Vec<String>,
    /// Whether there is a `/proc` with processes at all.
    pub(crate) are_visible: bool,
}

impl Process {
    /// Whether its program is called so.
    pub(crate) fn is_running(&self, program: &str) -> bool {
        self.name() == program || !self.is_proven && is_called(&self.program, program)
    }

    pub(crate) fn name(&self) -> &str {
        self.program.rsplit('/').next().unwrap_or_default()
    }
}

/// Programs that questions are about.
const ASKED: [&str; 12] = [
    "dockerd",
    "containerd",
    "podman",
    "crio",
    "kubelet",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "etcd",
    "sshd",
    "dropbear",
];

/// Bytes of the name that a process goes by (TASK_COMM_LEN without its end).
const NAME_BYTES: usize = 15;

/// Whether the name that a process goes by is that of a program: the kernel cuts it.
fn is_called(name: &str, program: &str) -> bool {
    name == program.get(..NAME_BYTES).unwrap_or(program)
}

impl Processes {
    pub(crate) fn look(root: &Root) -> Processes {
        let mut processes = Processes::default();
        let names = root.names("/proc").unwrap_or_default();
        let own_namespace = root.link("/proc/1/ns/pid").ok();
        for pid in names.iter().filter_map(|name| name.parse::<u32>().ok()).take(PROCESSES_MAX) {
            processes.are_visible = true;
            let (program, is_proven) = match root.link(&format!("/proc/{pid}/exe")) {
                Ok(program) => (program.strip_suffix(" (deleted)").unwrap_or(&program).to_owned(), true),
                // Everybody may read the name that it goes by: better than not to see a daemon at all.
                Err(Unread::Refused(_)) => {
                    let status = root.text(&format!("/proc/{pid}/stat")).unwrap_or_default();
                    // Of a process that has ended nothing is left but its number.
                    if status.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')) {
                        continue;
                    }
                    let name = root.text(&format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned();
                    if name.is_empty() || ASKED.iter().any(|asked| is_called(&name, asked)) {
                        processes.doubtful.push(format!("{pid} ({name})"));
                    }
                    (name, false)
                }
                // A thread of the kernel, or it has ended.
                Err(Unread::Absent) => continue,
            };
            let is_of_host = match (&own_namespace, root.link(&format!("/proc/{pid}/ns/pid"))) {
                (Some(own), Ok(its)) => *own == its,
                (None, _) | (_, Err(_)) => true,
            };
            processes.known.push(Process { pid, program, is_proven, is_of_host });
        }
        processes
    }

    /// The processes of the host that run a program of this name.
    pub(crate) fn running(&self, name: &str) -> impl Iterator<Item = &Process> {
        self.known.iter().filter(move |process| process.is_of_host && process.is_running(name))
    }
}

/// The words of a command line, the program first.
pub(crate) fn command_line(root: &Root, pid: u32) -> Vec<String> {
    let bytes = root.read_up_to(&format!("/proc/{pid}/cmdline"), COMMAND_LINE_BYTES_MAX).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    text.trim_end_matches('\0').split('\0').map(str::to_owned).collect()
}

/// The effective user of a process.
pub(crate) fn effective_uid(root: &Root, pid: u32) -> Option<u32> {
    let status = root.text(&format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_hides_its_program_is_known_by_its_name() {
        let check = |program: &str, is_proven: bool, name: &str, expected: bool| {
            let process = Process { pid: 1, program: program.to_owned(), is_proven, is_of_host: true };
            assert_eq!(process.is_running(name), expected, "{program}");
        };
        check("/usr/bin/dockerd", true, "dockerd", true);
        check("dockerd", false, "dockerd", true);
        check("kube-controller", false, "kube-controller-manager", true);
        check("/x/kube-controller", true, "kube-controller-manager", false);
        check("process_api", false, "dockerd", false);
    }
}
