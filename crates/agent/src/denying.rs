//! Rules that respond with `deny` → what the kernel refuses, and back: what it refused → events.
//!
//! Owns what the kernel is told of rules, containers and whom they spare. Refuses to weaken: what the kernel cannot
//! decide, or this kernel cannot deny, keeps the rules from being loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use seawall_detect::{Atom, Beginning, Denied as DeniedByRules, Engine, Property, Undeniable};
use seawall_event::Container;
use seawall_finding::{Denial, Gap, GapKind};
use seawall_policy::{Protected, ResponseSettings, RuleResponses};
use seawall_respond::{Mode, programs_of_hosts};
use seawall_sensor::{
    ContainerIs, Decision, DenialClause, Denials, Denier, Described, ExecutionDenial, Hook, OfText, OpenError,
};

use crate::containers::{self, Containers, Lookup};
use crate::waiting::Denied;
use crate::watch::Watch;

/// Why what rules ask to be denied is not.
#[derive(Debug, thiserror::Error)]
pub enum DenyError {
    /// The kernel cannot decide these rules.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Undeniable(Vec<Undeniable>),
    /// Nothing can be denied on this machine. `seawall guard --doctor` says more.
    #[error("rules respond with `deny`, which cannot be done here")]
    Kernel(#[source] OpenError),
    /// The policy protects programs in a way that the kernel cannot hold.
    #[error(
        "rules respond with `deny`, and the kernel cannot hold `protect: program: {0}`: name whole paths, or directories \
         with everything below them (`/opt/backup/**`)"
    )]
    Protected(String),
    /// Seawall has numbers of processes of its own, and the kernel would spare others than itself by them.
    #[error(
        "rules respond with `deny`, and Seawall runs in a pid namespace of its own: start it in the host's (`hostPID: \
         true`, `--pid=host`)"
    )]
    OwnProcesses,
    /// Which pid namespace it is cannot be read.
    #[error("rules respond with `deny`, and {} cannot be read", .0.display())]
    Unread(PathBuf, #[source] io::Error),
}

/// What is to be done about rules that respond with `deny`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Denying {
    /// The kernel denies.
    InKernel,
    /// Findings say that it would have.
    Rehearsed,
    /// The policy wants no responses of rules.
    Ignored,
}

impl Denying {
    pub(crate) fn of(mode: Mode, settings: &ResponseSettings) -> Denying {
        match (settings.rules, mode) {
            (RuleResponses::Ignore, Mode::Enforced | Mode::Rehearsal) => Denying::Ignored,
            (RuleResponses::Honour, Mode::Enforced) => Denying::InKernel,
            (RuleResponses::Rehearse, Mode::Enforced)
            | (RuleResponses::Honour | RuleResponses::Rehearse, Mode::Rehearsal) => Denying::Rehearsed,
        }
    }
}

/// The kernel's denials and what they were made of.
pub(crate) struct KernelDenials {
    denier: Denier,
    denied: [DeniedByRules; 3],
    /// The rules that the kernel's numbers mean: of this set, and of the one before.
    rules: [Vec<String>; 2],
    set: usize,
    protected: Protected,
    /// The ids of the containers that this process runs in.
    own_containers: BTreeSet<String>,
    /// Containers with what was told of them.
    known: BTreeMap<u64, Option<Arc<Container>>>,
    /// Those that are not described yet.
    waiting: BTreeSet<u64>,
    refused_places: u64,
}

/// The bit of a rule's number that says which set it is of.
const SET: u16 = 1 << 15;

impl KernelDenials {
    /// Loads the kernel's part; nothing is denied until [`KernelDenials::set`].
    pub(crate) fn open(protected: &Protected, proc_root: &Path) -> Result<KernelDenials, DenyError> {
        in_first_pid_namespace(proc_root)?;
        let own_cgroups = fs::read_to_string(proc_root.join("self/cgroup")).unwrap_or_default();
        Ok(KernelDenials {
            denier: Denier::open(std::process::id()).map_err(DenyError::Kernel)?,
            denied: Default::default(),
            rules: Default::default(),
            set: 0,
            protected: protected.clone(),
            own_containers: containers_of(&own_cgroups),
            known: BTreeMap::new(),
            waiting: BTreeSet::new(),
            refused_places: 0,
        })
    }

    /// Denies what these rules say, and nothing else, from one operation to the next.
    pub(crate) fn set(
        &mut self,
        engine: &Engine,
        denied: [DeniedByRules; 3],
        containers: &Containers,
    ) -> Result<(), DenyError> {
        let set = 1 - self.set;
        let (denials, rules) = self.tables(engine, &denied, set)?;
        for cgroup in containers.cgroups() {
            self.known.entry(cgroup).or_insert_with(|| {
                self.waiting.insert(cgroup);
                None
            });
        }
        let described: Vec<(u64, ContainerIs)> = self
            .known
            .iter()
            .filter(|(cgroup, container)| container.is_some() || !containers.is_of_user(**cgroup))
            .map(|(cgroup, container)| (*cgroup, self.is(engine, &denied, container.as_deref())))
            .collect();
        let hooks: Vec<Hook> =
            Hook::ALL.into_iter().filter(|hook| !denied[*hook as usize].clauses.is_empty()).collect();
        self.denier.set(&denials, described.into_iter()).map_err(DenyError::Kernel)?;
        self.rules[set] = rules;
        (self.denied, self.set) = (denied, set);
        self.denier.attach(&hooks).map_err(DenyError::Kernel)
    }

    /// The kernel's tables, and the rules that its numbers mean.
    fn tables(
        &self,
        engine: &Engine,
        denied: &[DeniedByRules; 3],
        set: usize,
    ) -> Result<(Denials, Vec<String>), DenyError> {
        let mut rules: Vec<usize> = Vec::new();
        let mut denials = Denials { spares_new: self.protected.asks_for_containers(), ..Denials::default() };
        let bare = Container { id: Some(String::new()), ..Container::default() };
        for (hook, denied) in denied.iter().enumerate() {
            let of_known = denied.atoms_of_known_containers();
            let decision = &mut denials.decisions[hook];
            decision.of_host = engine.container_atoms(denied, &Container::host());
            decision.of_known = of_known;
            decision.of_container = engine.container_atoms(denied, &bare) & !of_known;
            for clause in &denied.clauses {
                let number = rules.iter().position(|rule| *rule == clause.rule).unwrap_or_else(|| {
                    rules.push(clause.rule);
                    rules.len() - 1
                });
                let rule = number as u16 | if set == 1 { SET } else { 0 };
                decision.clauses.push(DenialClause { must: clause.must, must_not: clause.must_not, rule });
            }
            for (index, atom) in denied.atoms.iter().enumerate() {
                add(atom, 1 << index, decision, &mut denials.texts);
            }
        }
        self.protect(&mut denials.texts)?;
        let name = |rule: &usize| engine.rules().get(*rule).map(|rule| rule.name.clone()).unwrap_or_default();
        Ok((denials, rules.iter().map(name).collect()))
    }

    fn protect(&self, texts: &mut BTreeMap<Vec<u8>, OfText>) -> Result<(), DenyError> {
        for program in programs_of_hosts() {
            texts.entry(whole(&program)).or_default().is_protected_on_host = true;
        }
        for pattern in self.protected.program_patterns() {
            let (plain, text) = match pattern.strip_suffix("/**") {
                Some(directory) => (directory, format!("/{directory}/").into_bytes()),
                None => (pattern, whole(&format!("/{pattern}"))),
            };
            if plain.contains(['*', '?', '[', '{', '\\']) {
                return Err(DenyError::Protected(format!("/{pattern}")));
            }
            // In a container its image says what lies at a path.
            texts.entry(text).or_default().is_protected_on_host = true;
        }
        Ok(())
    }

    /// What a container is to the rules; none is not described yet.
    fn is(&self, engine: &Engine, denied: &[DeniedByRules; 3], container: Option<&Container>) -> ContainerIs {
        let Some(container) = container else { return ContainerIs::New };
        let protected = &self.protected;
        let is_named =
            |name: &Option<String>, spares: &dyn Fn(&str) -> bool| name.as_deref().is_some_and(spares);
        let image = container.image.as_ref().and_then(seawall_event::Image::reference);
        // Where protection is asked for, what nobody knows more of than its id may be protected.
        let may_be = protected.asks_for_containers() && is_bare(container);
        let is_own = is_named(&container.full_id, &|id| self.own_containers.contains(id));
        if may_be
            || is_own
            || is_named(&container.name, &|name| protected.names(name))
            || is_named(&image, &|image| protected.images(image))
            || protected.label(&container.labels).is_some()
        {
            return ContainerIs::Protected;
        }
        ContainerIs::Described(std::array::from_fn(|hook| engine.container_atoms(&denied[hook], container)))
    }

    /// Tells the kernel of containers that came, went, or are described now.
    pub(crate) fn follow(&mut self, watch: &mut Watch<'_>) {
        for cgroup in watch.made.drain(..) {
            if let std::collections::btree_map::Entry::Vacant(entry) = self.known.entry(cgroup) {
                entry.insert(None);
                self.waiting.insert(cgroup);
            }
        }
        // After what was made: what was made and removed since the last time is gone.
        for cgroup in watch.removed.drain(..) {
            self.forget(cgroup);
        }
        let waiting: Vec<u64> = self.waiting.iter().copied().collect();
        for cgroup in waiting {
            let container = match watch.containers.of(cgroup, None, 0) {
                Lookup::Pending(_) => continue,
                // A host's user may name his cgroups as he likes: only an engine's word makes containers of them.
                Lookup::Known(container) if is_bare(&container) && watch.containers.is_of_user(cgroup) => {
                    None
                }
                Lookup::Known(container) => Some(container),
                Lookup::Host => None,
            };
            self.waiting.remove(&cgroup);
            let Some(container) = container else {
                self.forget(cgroup);
                continue;
            };
            let is = self.is(watch.judging.engine(), &self.denied, Some(&container));
            match self.denier.describe(cgroup, is) {
                Ok(Described::Told) => drop(self.known.insert(cgroup, Some(container))),
                Ok(Described::Gone) => self.forget(cgroup),
                Err(_) => {
                    self.known.insert(cgroup, Some(container));
                    self.refused_places += 1;
                }
            }
        }
    }

    fn forget(&mut self, cgroup: u64) {
        self.known.remove(&cgroup);
        self.waiting.remove(&cgroup);
        self.denier.forget(cgroup);
    }

    /// Whether containers wait to be described: then the kernel cannot decide all of them yet.
    pub(crate) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Hands over what was denied.
    pub(crate) fn drain(&mut self, watch: &mut Watch<'_>) {
        let how = match self.denier.execution() {
            ExecutionDenial::Refused => Denial::Refused,
            ExecutionDenial::Killed => Denial::Killed,
        };
        let rules = &self.rules;
        self.denier.drain(|denied| {
            let (set, number) = (usize::from(denied.rule & SET != 0), usize::from(denied.rule & !SET));
            let rule = rules[set].get(number).cloned().unwrap_or_default();
            let how = if denied.hook == Hook::Execution { how } else { Denial::Refused };
            watch.take_denied(denied.event, Denied { rule, how });
        });
    }

    /// What becomes readable when something was denied.
    pub(crate) fn wakes(&self) -> std::io::Result<std::os::fd::OwnedFd> {
        self.denier.wakes()
    }

    /// What was denied and not told.
    pub(crate) fn untold(&self) -> u64 {
        self.denier.undone().untold
    }

    /// What was not denied, or not told.
    pub(crate) fn gaps(&self) -> Vec<Gap> {
        let undone = self.denier.undone();
        let counted = [
            (
                undone.undecided,
                "operations went on that a rule may deny: their container was not known well enough yet",
            ),
            (undone.untold, "denials were not told: they came faster than they were read"),
            (
                undone.unknown_places + self.refused_places,
                "containers found no room in the kernel: what may be in one is denied what it would be on the host, \
                 and what it would be in a container",
            ),
        ];
        let counted = counted.into_iter().filter(|(count, _)| *count > 0);
        counted.map(|(count, what)| Gap::of_target(GapKind::Limit, format!("{count} {what}"))).collect()
    }
}

/// Whether nobody knows more of a container than its id.
fn is_bare(container: &Container) -> bool {
    container.image.is_none() && container.name.is_none()
}

/// The inode of the pid namespace that the kernel starts with (`PROC_PID_INIT_INO`, `linux/proc_ns.h`).
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

fn in_first_pid_namespace(proc_root: &Path) -> Result<(), DenyError> {
    let path = proc_root.join("self/ns/pid");
    match fs::metadata(&path) {
        Ok(namespace) if namespace.ino() == FIRST_PID_NAMESPACE => Ok(()),
        Ok(_) => Err(DenyError::OwnProcesses),
        Err(error) => Err(DenyError::Unread(path, error)),
    }
}

/// The ids of the containers that a process is in, by its `/proc/PID/cgroup`.
fn containers_of(cgroups: &str) -> BTreeSet<String> {
    let paths = cgroups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    paths.flat_map(|path| containers::ids(Path::new(path))).collect()
}

/// A text that is the whole path or name.
fn whole(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

/// Puts an atom into everything that makes it true.
fn add(atom: &Atom, bit: u64, decision: &mut Decision, texts: &mut BTreeMap<Vec<u8>, OfText>) {
    match atom {
        Atom::Container(_) => {}
        Atom::Executable(beginnings) => {
            decision.of_paths |= bit;
            for beginning in beginnings {
                let text = match beginning {
                    Beginning::Path(text) | Beginning::Name(text) => text.clone().into_bytes(),
                    Beginning::WholePath(text) | Beginning::WholeName(text) => whole(text),
                };
                texts.entry(text).or_default().atoms |= bit;
            }
        }
        Atom::Is(properties) => {
            for property in properties {
                decision.properties[place(*property)] |= bit;
            }
        }
        Atom::Remote(networks) => {
            decision.of_paths |= bit;
            decision.networks.extend(networks.iter().map(|(address, bits)| (*address, *bits, bit)));
        }
        Atom::Port(ports) => {
            for port in ports {
                *decision.ports.entry(*port).or_default() |= bit;
            }
        }
    }
}

/// Where the kernel has a property.
fn place(property: Property) -> usize {
    use seawall_sensor::Property as Of;
    let of = match property {
        Property::UpperLayer => Of::UpperLayer,
        Property::LowerLayer => Of::LowerLayer,
        Property::Memfd => Of::Memfd,
        Property::Ipv4 => Of::Ipv4,
        Property::Ipv6 => Of::Ipv6,
        Property::Tcp => Of::Tcp,
        Property::Udp => Of::Udp,
        Property::Icmp => Of::Icmp,
        Property::Raw => Of::Raw,
    };
    of as usize
}

/// What rules deny.
pub(crate) fn of(engine: &Engine) -> Result<[DeniedByRules; 3], DenyError> {
    engine.denials().map_err(DenyError::Undeniable)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::containers_of;

    #[test]
    fn own_containers_are_those_that_the_own_cgroups_name() {
        let check = |cgroups: &str, expected: &[&str]| {
            let expected: BTreeSet<String> = expected.iter().map(|id| (*id).to_owned()).collect();
            assert_eq!(containers_of(cgroups), expected, "{cgroups}");
        };
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        check("0::/", &[]);
        check("0::/system.slice/seawall.service\n", &[]);
        check(&format!("0::/system.slice/docker-{a}.scope\n"), &[&a]);
        check(&format!("4:pids:/docker/{a}\n0::/docker/{a}/docker/{b}\n"), &[&a, &b]);
        // A container may be called as a part of any path is.
        check(&format!("0::/lxc.payload.guard/system.slice/{a}x\n"), &["guard"]);
    }
}
