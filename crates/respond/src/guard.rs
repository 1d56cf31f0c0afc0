//! Who is never touched, whatever a policy or a rule asks for.

use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use seawall_finding::ProcessIdentity;
use seawall_policy::{Hosts, Response, ResponseSettings};

use crate::machine::{Located, Machine};
use crate::receipt::Target;

/// Programs of a host that a response never ends: without them nobody could mend what a response did. Only by where a
/// distribution installs them, because a process may call itself anything.
const HOST_PROGRAMS: [&str; 28] = [
    "systemd",
    "systemd-executor",
    "systemd-journald",
    "systemd-logind",
    "systemd-udevd",
    "dbus-daemon",
    "dockerd",
    "containerd",
    "containerd-shim",
    "containerd-shim-runc-v1",
    "containerd-shim-runc-v2",
    "containerd-shim-runsc-v1",
    "containerd-shim-kata-v2",
    "containerd-shim-crun-v1",
    "docker-init",
    "docker-proxy",
    "runc",
    "crun",
    "conmon",
    "conmonrs",
    "podman",
    "crio",
    "kubelet",
    "sshd",
    "sshd-session",
    "sshd-auth",
    "netavark",
    "aardvark-dns",
];
const HOST_DIRECTORIES: [&str; 15] = [
    "/usr/bin",
    "/usr/sbin",
    "/bin",
    "/sbin",
    "/usr/lib/systemd",
    "/lib/systemd",
    "/usr/local/bin",
    "/usr/lib/openssh",
    "/usr/libexec/openssh",
    "/usr/lib/ssh",
    "/usr/libexec/ssh",
    "/usr/lib/podman",
    "/usr/libexec/podman",
    "/usr/libexec/docker",
    "/usr/libexec/crio",
];

/// The executables that no response on a host meets.
pub fn programs_of_hosts() -> impl Iterator<Item = String> {
    HOST_DIRECTORIES
        .iter()
        .flat_map(|directory| HOST_PROGRAMS.iter().map(move |name| format!("{directory}/{name}")))
}

/// The target of a response, found and allowed.
#[derive(Debug)]
pub(crate) enum Admitted {
    /// A process, held by a descriptor that means no other.
    Process(OwnedFd, ProcessIdentity),
    /// A container.
    Container(Box<Located>),
    /// Evidence is taken of whatever is there.
    Anything(Option<Box<Located>>),
}

/// Why nothing is done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Somebody is protected, or nobody is named.
    #[error("{0}")]
    Refused(String),
    /// There is nothing to do it to any more.
    #[error("{0}")]
    Gone(String),
}

/// Guards with what they go by.
#[derive(Debug)]
pub(crate) struct Guard<'g> {
    pub(crate) machine: &'g Machine,
    pub(crate) settings: &'g ResponseSettings,
    /// Seawall's own process id.
    pub(crate) own: u32,
}

impl Guard<'_> {
    /// Whether the response may meet the target; completes what is known of it.
    pub(crate) fn admit(&self, response: Response, target: &mut Target) -> Result<Admitted, Refusal> {
        match response {
            Response::Kill => self.process(target),
            Response::Freeze | Response::Isolate | Response::Stop | Response::Quarantine => {
                self.container(target).map(|located| Admitted::Container(Box::new(located)))
            }
            Response::Capture => {
                let wanted = target.container.clone();
                let located = wanted.map(|wanted| Box::new(self.machine.locate(&wanted, target)));
                target.container =
                    located.as_ref().map(|located| located.identity.clone()).or(target.container.take());
                target.program = self.program(target);
                Ok(Admitted::Anything(located))
            }
            Response::Notify | Response::Deny => refuse("it names nobody to act on"),
        }
    }

    fn program(&self, target: &Target) -> Option<String> {
        let program = self.machine.proc.program(target.process.as_ref()?.pid)?;
        Some(crate::receipt::sanitised(&program.to_string_lossy()))
    }

    fn process(&self, target: &mut Target) -> Result<Admitted, Refusal> {
        let Some(identity) = target.process.clone() else {
            return refuse("the finding names no process");
        };
        let pid = identity.pid;
        let proc = &self.machine.proc;
        let gone = || Refusal::Gone(format!("process {pid} has ended"));
        let number = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let Some(number) = number else { return refuse("the finding names no process") };
        // First the descriptor, then the question who it is: the answer then is about what is held.
        let held = pidfd_open(number, PidfdFlags::empty()).map_err(|error| match error {
            rustix::io::Errno::SRCH => gone(),
            error => Refusal::Refused(format!("process {pid} cannot be held: {error}")),
        })?;
        let stat = proc.stat(pid).map_err(|_| gone())?;
        match proc.is_same(&stat, &identity) {
            Some(true) => {}
            Some(false) => {
                return Err(Refusal::Gone(format!(
                    "process {pid} has ended, another one has its number now"
                )));
            }
            None => return refuse(format!("the finding does not say when process {pid} started")),
        }
        let ancestry = proc.ancestry(pid);
        let own_ancestry = proc.ancestry(self.own);
        if pid == 1 {
            return refuse("it is the first process of the host");
        }
        if stat.is_kernel_thread {
            return refuse("it is a thread of the kernel");
        }
        if own_ancestry.contains(&pid) || ancestry.contains(&self.own) {
            return refuse("it is Seawall, or a process above or below it");
        }
        let program = proc.program(pid);
        target.program = program.as_ref().map(|path| crate::receipt::sanitised(&path.to_string_lossy()));
        self.spares_program(program.as_deref(), target)?;
        match &target.container {
            // An engine that hangs must not delay what can be decided without it.
            Some(container) if !self.settings.protected.asks_for_containers() => {
                self.not_our_own(&container.id)?
            }
            Some(_) => drop(self.container(target)?),
            None => {}
        }
        Ok(Admitted::Process(held, identity))
    }

    fn spares_program(&self, program: Option<&Path>, target: &Target) -> Result<(), Refusal> {
        let path = program.map(|path| path.to_string_lossy()).unwrap_or_default();
        if self.settings.protected.programs(&path) {
            return refuse(format!("program {path} is protected (`respond: protect: program`)"));
        }
        if target.container.is_some() {
            return Ok(());
        }
        if self.settings.host == Hosts::Spare {
            return refuse("processes of the host are spared (`respond: host: kill` would change that)");
        }
        let is_in = |directory: Option<&Path>| {
            HOST_DIRECTORIES.iter().any(|known| directory == Some(Path::new(known)))
        };
        let is_named = |path: &Path| HOST_PROGRAMS.iter().any(|name| path.file_name() == Some(name.as_ref()));
        if program.is_some_and(|path| is_named(path) && is_in(path.parent())) {
            return refuse(format!("{path} is what runs this host"));
        }
        Ok(())
    }

    fn not_our_own(&self, container: &str) -> Result<(), Refusal> {
        match self.machine.cgroups_within(self.own, container) {
            Some(_) => refuse("Seawall itself runs in that container"),
            None => Ok(()),
        }
    }

    fn container(&self, target: &mut Target) -> Result<Located, Refusal> {
        let Some(wanted) = target.container.clone() else {
            return refuse("it is of the host, in no container");
        };
        if wanted.id.is_empty() {
            return refuse("the finding does not say which container it is");
        }
        let located = self.machine.locate(&wanted, target);
        target.container = Some(located.identity.clone());
        self.not_our_own(&located.identity.id)?;
        let protected = &self.settings.protected;
        if located.had.is_none() && protected.asks_for_containers() {
            return refuse(format!(
                "whether it is protected cannot be told: no engine has {} ({})",
                located.label(),
                located.said
            ));
        }
        let known = &located.identity;
        if protected.names(&known.name) {
            return refuse(format!("container {} is protected (`respond: protect: name`)", known.name));
        }
        if protected.images(&known.image) {
            return refuse(format!("image {} is protected (`respond: protect: image`)", known.image));
        }
        let labels = located.had.as_ref().map(|had| &had.container.labels);
        if let Some(label) = labels.and_then(|labels| protected.label(labels)) {
            return refuse(format!("label {label} is protected (`respond: protect: label`)"));
        }
        Ok(located)
    }
}

fn refuse<T>(reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Refused(reason.into()))
}
