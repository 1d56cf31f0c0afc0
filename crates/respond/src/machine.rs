//! The machine as responses see it: processes, cgroups and engines, and where a container is among them.

use std::path::PathBuf;

use seawall_engine::Endpoint;
use seawall_finding::{ContainerIdentity, ProcessIdentity};

use crate::cgroup::container_path;
use crate::clock::Clock;
use crate::engines::{Engines, Had};
use crate::proc::{Cgroups, Proc};
use crate::receipt::Target;

/// What is acted on.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) proc: Proc,
    pub(crate) cgroup_root: PathBuf,
    pub(crate) engines: Engines,
}

/// Where the machine is told from, and its engines.
#[derive(Debug, Clone)]
pub struct Roots {
    /// `/proc` of the host.
    pub proc: PathBuf,
    /// `/sys/fs/cgroup` of the host.
    pub cgroup: PathBuf,
    /// The engines that may have the containers.
    pub engines: Vec<Endpoint>,
    /// The clocks.
    pub clock: Clock,
}

impl Roots {
    /// Who the process of a number is now.
    ///
    /// # Errors
    /// There is none.
    pub fn identity(&self, pid: u32) -> std::io::Result<ProcessIdentity> {
        Proc::new(self.proc.clone(), self.clock.clone()).identity(pid)
    }

    /// This machine's, with these engines.
    pub fn of_this_machine(engines: Vec<Endpoint>) -> Roots {
        Roots { proc: "/proc".into(), cgroup: "/sys/fs/cgroup".into(), engines, clock: Clock::system() }
    }
}

/// A container that was looked up.
#[derive(Debug)]
pub(crate) struct Located {
    /// What is known of it by now.
    pub(crate) identity: ContainerIdentity,
    /// The engine that has it.
    pub(crate) had: Option<Had>,
    /// What engines said that do not have it.
    pub(crate) said: String,
    /// A process that is surely in it, with its cgroups.
    pub(crate) process: Option<(u32, Cgroups)>,
}

impl Machine {
    pub(crate) fn new(roots: &Roots) -> Machine {
        Machine {
            proc: Proc::new(roots.proc.clone(), roots.clock.clone()),
            cgroup_root: roots.cgroup.clone(),
            engines: Engines::new(roots.engines.clone()),
        }
    }

    /// Looks a container up in the engines and among the processes.
    pub(crate) fn locate(&self, wanted: &ContainerIdentity, target: &Target) -> Located {
        let mut identity = wanted.clone();
        let (had, said) = match self.engines.find(wanted) {
            Ok(had) => {
                identity = ContainerIdentity {
                    id: had.container.id.clone(),
                    name: had.container.name.clone(),
                    engine: had.container.engine.clone(),
                    image: had.container.image.clone(),
                };
                (Some(had), String::new())
            }
            Err(said) if said.is_empty() => (None, "there is no engine to ask".to_owned()),
            Err(said) => (None, said.join("; ")),
        };
        let main = had.as_ref().and_then(|had| had.container.pid);
        let actor = target.process.as_ref().map(|process| process.pid);
        let near = main.into_iter().chain(actor);
        // A number may be another process's by now: the cgroup tells.
        let process = near
            .chain(self.proc.processes())
            .find_map(|pid| self.cgroups_within(pid, &identity.id).map(|cgroups| (pid, cgroups)));
        Located { identity, had, said, process }
    }

    /// The cgroups of a process, if it is in this container.
    pub(crate) fn cgroups_within(&self, pid: u32, container: &str) -> Option<Cgroups> {
        let cgroups = self.proc.cgroups(pid).ok()?;
        cgroups.iter().any(|(_, path)| container_path(path, container).is_some()).then_some(cgroups)
    }

    /// The processes of a container.
    pub(crate) fn processes_of(&self, container: &str) -> Vec<u32> {
        let is_in = |pid: &u32| self.cgroups_within(*pid, container).is_some();
        self.proc.processes().into_iter().filter(is_in).collect()
    }
}

impl Located {
    /// For receipts: `container web (0123456789ab) of docker`.
    pub(crate) fn label(&self) -> String {
        let ContainerIdentity { id, name, engine, .. } = &self.identity;
        let short = &id[..id.floor_char_boundary(12)];
        let of = if engine.is_empty() { String::new() } else { format!(" of {engine}") };
        match name.is_empty() {
            true => format!("container {short}{of}"),
            false => format!("container {name} ({short}){of}"),
        }
    }
}
