//! What is denied in the kernel: executions before their first instruction, connections before their first packet.
//!
//! Owns the tables that `bpf/deny.bpf.c` decides by, and which of the kernel's mechanisms refuses. What is in the
//! tables is decided elsewhere: here a condition is atoms (bits) and clauses over them, held exactly. Everything is
//! owned by this process: where it ends, in whatever way, nothing is denied any more.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};

use aya::maps::lpm_trie::{Key, LpmTrie};
use aya::maps::{Array, HashMap, MapData, PerCpuArray, RingBuf};
use aya::programs::cgroup_sock_addr::CgroupSockAddr;
use aya::programs::{BtfTracePoint, CgroupAttachMode, Lsm, ProgramError};
use aya::{Btf, Ebpf, EbpfLoader};

use crate::attach::{Private, is_cgroup};
use crate::doctor::lsm_is_active;
use crate::event::{KernelEvent, SystemCall};
use crate::interest::Kind;
use crate::limits::{DENIAL_CLAUSES_MAX, DENIAL_RING_BYTES, DENIAL_TEXT_BYTES_MAX};
use crate::record;
use crate::sensor::{OpenError, host_mount_namespace, of_map, of_program, take};

static PROGRAMS: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/deny.bpf.o"));

/// What can be denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// The execution of a program.
    Execution,
    /// A connection, of whatever protocol of IPv4 or IPv6.
    Connection,
    /// A datagram to an address, without a connection.
    Sending,
}

impl Hook {
    /// All of them, in the order of `enum hook`.
    pub const ALL: [Self; 3] = [Self::Execution, Self::Connection, Self::Sending];
}

/// What is known of an operation without looking anything up; the order is that of `enum property`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Property {
    UpperLayer,
    LowerLayer,
    Memfd,
    Ipv4,
    Ipv6,
    Tcp,
    Udp,
    Icmp,
    Raw,
}

/// Atoms that must hold, and atoms that must not, for a rule to deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenialClause {
    /// All of these.
    pub must: u64,
    /// None of these.
    pub must_not: u64,
    /// The rule's number, which comes back with the denial.
    pub rule: u16,
}

/// What is denied at one hook. Each atom is a bit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// At most 64.
    pub clauses: Vec<DenialClause>,
    /// The atoms that a property makes true, by its place in [`Property`].
    pub properties: [u64; 16],
    /// The atoms about containers that hold on the host.
    pub of_host: u64,
    /// That hold in any container.
    pub of_container: u64,
    /// That nobody can tell of a container before more than its existence is known.
    pub of_known: u64,
    /// The atoms about paths and names of files; of connections and sendings, about addresses.
    pub of_paths: u64,
    /// Networks, with the atoms that an address in them makes true.
    pub networks: Vec<(IpAddr, u8, u64)>,
    /// Ports, likewise.
    pub ports: BTreeMap<u16, u64>,
}

/// What a text makes true.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OfText {
    /// Atoms of [`Hook::Execution`].
    pub atoms: u64,
    /// A program that is never denied anything on the host.
    pub is_protected_on_host: bool,
}

/// Everything that is denied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Denials {
    /// By [`Hook`].
    pub decisions: [Decision; 3],
    /// The beginnings of paths (with a slash) and of last components (without). One that ends with a zero byte is a
    /// whole path or name.
    pub texts: BTreeMap<Vec<u8>, OfText>,
    /// Whether nothing is denied in a container before it is described: it may be a protected one.
    pub spares_new: bool,
}

/// What the kernel is told of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerIs {
    /// One of which no more is known yet.
    New,
    /// The atoms that it makes true, by [`Hook`].
    Described([u64; 3]),
    /// One in which nothing is denied.
    Protected,
}

/// What became of the description of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Described {
    /// The kernel goes by it.
    Told,
    /// The cgroup is not there any more, nor in the kernel's map.
    Gone,
}

/// How an execution is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionDenial {
    /// The call returns EPERM: BPF LSM, `bprm_creds_from_file`.
    Refused,
    /// The new program is killed before its first instruction: `sched_process_exec`.
    Killed,
}

/// Something that was denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// What it was.
    pub hook: Hook,
    /// The rule's number.
    pub rule: u16,
    /// Who wanted what. Of an execution, as if the program had been started; where it was refused, its arguments are
    /// those that the caller passed. Of a connection or sending, a call of `connect` or `sendto` that failed.
    pub event: KernelEvent,
}

/// What was not told, or not denied, since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Undone {
    /// Operations that went on: the container that they happened in was not described yet, and without that it could
    /// not be told whether a rule denies them.
    pub undecided: u64,
    /// Denials that the ring had no room for.
    pub untold: u64,
    /// Cgroups that found no room among 65,536.
    pub unknown_places: u64,
}

/// What has no number in the unified hierarchy (`record.h`).
const CGROUP_LEGACY: u64 = 1 << 63;
const CGROUPS: &str = "connections of all cgroups";
const WORDS: usize = 16 + 5 + 3 * DENIAL_CLAUSES_MAX;
const TEXT_KEY: usize = 2 + DENIAL_TEXT_BYTES_MAX;
type TextKey = Key<[u8; TEXT_KEY]>;
type NetworkKey = Key<[u8; 20]>;

/// The programs that deny. Dropping it, or the end of the process, ends every denial.
pub struct Denier {
    programs: Ebpf,
    btf: Btf,
    execution: ExecutionDenial,
    is_attached: [bool; 2],
    records: RingBuf<MapData>,
    active: Array<MapData, u32>,
    decisions: Array<MapData, [u64; WORDS]>,
    texts: LpmTrie<MapData, [u8; TEXT_KEY], [u64; 2]>,
    networks: LpmTrie<MapData, [u8; 20], u64>,
    ports: HashMap<MapData, [u8; 4], u64>,
    places: HashMap<MapData, u64, [u64; 7]>,
    cgroups: Private,
    counters: Array<MapData, u64>,
    lost: PerCpuArray<MapData, u64>,
    which: u8,
    /// What of the two sets is filled in: to be taken out before it is filled anew.
    filled: [Filled; 2],
    known: BTreeMap<u64, Known>,
    undecodable: u64,
}

#[derive(Default)]
struct Filled {
    texts: Vec<TextKey>,
    networks: Vec<NetworkKey>,
    ports: Vec<[u8; 4]>,
}

/// What the kernel knows of a container: its atoms for either set.
#[derive(Clone, Copy, Default)]
struct Known {
    atoms: [[u64; 3]; 2],
    state: u32,
}

impl Denier {
    /// Loads the programs; nothing is denied until [`Denier::set`].
    ///
    /// # Errors
    /// When this kernel lets no program deny.
    pub fn open(own_process: u32) -> Result<Self, OpenError> {
        let btf = Btf::from_sys_fs().map_err(OpenError::Btf)?;
        let host_mount_namespace = host_mount_namespace().map_err(OpenError::HostNamespace)?;
        let kind = |name| SystemCall::named(name).map_or(0, |call| u32::from(Kind::Called(call).number()));
        let mut programs = EbpfLoader::new()
            .btf(Some(&btf))
            // These are the sensor's; here they only have to be there.
            .map_max_entries("containers", 1)
            .map_max_entries("paths", 1)
            .map_max_entries("records", DENIAL_RING_BYTES)
            .override_global("own_process", &own_process, true)
            .override_global("host_mount_namespace", &host_mount_namespace, true)
            .override_global("connect_kind", &kind("connect"), true)
            .override_global("sending_kind", &kind("sendto"), true)
            .load(PROGRAMS)
            .map_err(OpenError::Load)?;
        let execution = match load_refusing(&mut programs, &btf) {
            Ok(()) => ExecutionDenial::Refused,
            // A kernel may have BPF LSM in force and let nobody attach to it.
            Err(_) => ExecutionDenial::Killed,
        };
        let mut denier = Self {
            records: take(&mut programs, "records")?,
            active: take(&mut programs, "active")?,
            decisions: take(&mut programs, "decisions")?,
            texts: take(&mut programs, "texts")?,
            networks: take(&mut programs, "networks")?,
            ports: take(&mut programs, "ports")?,
            places: take(&mut programs, "places")?,
            cgroups: Private::mount("cgroup2")
                .map_err(|source| OpenError::Attach { kind: CGROUPS, source })?,
            counters: take(&mut programs, "counters")?,
            lost: take(&mut programs, "lost")?,
            programs,
            btf,
            execution,
            is_attached: [false; 2],
            which: 0,
            filled: [Filled::default(), Filled::default()],
            known: BTreeMap::new(),
            undecodable: 0,
        };
        denier.trace("place_made", "cgroup_mkdir")?;
        denier.trace("place_removed", "cgroup_rmdir")?;
        Ok(denier)
    }

    /// Attaches what denies at these hooks. Until [`Denier::set`] it denies nothing.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn attach(&mut self, hooks: &[Hook]) -> Result<(), OpenError> {
        if hooks.contains(&Hook::Execution) && !self.is_attached[0] {
            self.attach_execution()?;
            self.is_attached[0] = true;
        }
        let connects = hooks.contains(&Hook::Connection) || hooks.contains(&Hook::Sending);
        if connects && !self.is_attached[1] {
            self.attach_connections()?;
            self.is_attached[1] = true;
        }
        Ok(())
    }

    fn attach_execution(&mut self) -> Result<(), OpenError> {
        match self.execution {
            ExecutionDenial::Killed => self.trace("kill_execution", "sched_process_exec"),
            ExecutionDenial::Refused => {
                let program: &mut Lsm = program(&mut self.programs, REFUSING)?;
                program.attach().map(|_| ()).map_err(of_program(REFUSING))
            }
        }
    }

    /// At the root of all cgroups: every socket is in one, wherever its process goes.
    fn attach_connections(&mut self) -> Result<(), OpenError> {
        for name in ["refuse_connect4", "refuse_connect6", "refuse_sendmsg4", "refuse_sendmsg6"] {
            let program: &mut CgroupSockAddr = program(&mut self.programs, name)?;
            program.load().map_err(of_program(name))?;
            // A link takes no flags; it stands beside others by itself.
            program.attach(self.cgroups.root(), CgroupAttachMode::Single).map_err(of_program(name))?;
        }
        Ok(())
    }

    fn trace(&mut self, name: &'static str, tracepoint: &str) -> Result<(), OpenError> {
        let program: &mut BtfTracePoint = program(&mut self.programs, name)?;
        program.load(tracepoint, &self.btf).map_err(of_program(name))?;
        program.attach().map(|_| ()).map_err(of_program(name))
    }

    /// How an execution is denied here.
    pub fn execution(&self) -> ExecutionDenial {
        self.execution
    }

    /// Denies this and nothing else from now on, at once: everything is written beside what is in force, with what the
    /// containers mean for it, and then one word is changed.
    ///
    /// # Errors
    /// When the kernel's maps have no room or refuse; then what was denied before still is.
    pub fn set(
        &mut self,
        denials: &Denials,
        containers: impl Iterator<Item = (u64, ContainerIs)>,
    ) -> Result<(), OpenError> {
        let next = 1 - self.which;
        self.clear(next)?;
        for (hook, decision) in denials.decisions.iter().enumerate() {
            let index = u32::from(next) * 3 + hook as u32;
            let are_protected = denials.texts.values().any(|of| of.is_protected_on_host);
            let flags = u32::from(are_protected) | u32::from(denials.spares_new) << 1;
            self.decisions.set(index, words(decision, flags), 0).map_err(of_map("decisions"))?;
            self.fill(next, hook as u8, decision)?;
        }
        self.fill_texts(next, &denials.texts)?;
        for (cgroup, is) in containers {
            self.tell(cgroup, usize::from(next), is)?;
        }
        self.active.set(0, u32::from(next), 0).map_err(of_map("active"))?;
        self.which = next;
        Ok(())
    }

    fn clear(&mut self, which: u8) -> Result<(), OpenError> {
        let filled = std::mem::take(&mut self.filled[usize::from(which)]);
        for key in &filled.texts {
            self.texts.remove(key).map_err(of_map("texts"))?;
        }
        for key in &filled.networks {
            self.networks.remove(key).map_err(of_map("networks"))?;
        }
        for key in &filled.ports {
            self.ports.remove(key).map_err(of_map("ports"))?;
        }
        Ok(())
    }

    fn fill(&mut self, which: u8, hook: u8, decision: &Decision) -> Result<(), OpenError> {
        for (address, bits, _) in &decision.networks {
            // The kernel finds the longest only: each has the atoms of those around it.
            let around =
                decision.networks.iter().filter(|(other, of, _)| of <= bits && is_in(*address, *other, *of));
            let atoms = around.fold(0, |all, (.., atoms)| all | atoms);
            let key = network_key(which, hook, *address, *bits);
            self.networks.insert(&key, atoms, 0).map_err(of_map("networks"))?;
            if !self.filled[usize::from(which)].networks.iter().any(|known| same(known, &key)) {
                self.filled[usize::from(which)].networks.push(key);
            }
        }
        for (port, atoms) in &decision.ports {
            let [low, high] = port.to_ne_bytes();
            let key = [low, high, which, hook];
            self.ports.insert(key, atoms, 0).map_err(of_map("ports"))?;
            self.filled[usize::from(which)].ports.push(key);
        }
        Ok(())
    }

    fn fill_texts(&mut self, which: u8, texts: &BTreeMap<Vec<u8>, OfText>) -> Result<(), OpenError> {
        for text in texts.keys() {
            let mut all = [0, 0];
            for length in 1..=text.len() {
                if let Some(of) = texts.get(&text[..length]) {
                    all[0] |= of.atoms;
                    all[1] |= u64::from(of.is_protected_on_host);
                }
            }
            let mut data = [0; TEXT_KEY];
            data[0] = which;
            let length = text.len().min(DENIAL_TEXT_BYTES_MAX);
            data[2..2 + length].copy_from_slice(&text[..length]);
            let key = Key::new(8 * (2 + length as u32), data);
            self.texts.insert(&key, all, 0).map_err(of_map("texts"))?;
            self.filled[usize::from(which)].texts.push(key);
        }
        Ok(())
    }

    /// Says what a container is to the denials in force.
    ///
    /// # Errors
    /// When the kernel's map is full (65,536 cgroups) or refuses.
    pub fn describe(&mut self, cgroup_id: u64, is: ContainerIs) -> Result<Described, OpenError> {
        self.tell(cgroup_id, usize::from(self.which), is)
    }

    /// What is told of a cgroup that is gone would stay for ever. The question comes after the telling: whatever is
    /// removed later is taken out by the kernel's part.
    fn tell(&mut self, cgroup_id: u64, which: usize, is: ContainerIs) -> Result<Described, OpenError> {
        let known = self.known.entry(cgroup_id).or_default();
        known.set(which, is);
        let words = known.words();
        self.places.insert(cgroup_id, words, 0).map_err(of_map("places"))?;
        // Old hierarchies count for themselves: there the order in which it is told has to do.
        if cgroup_id & CGROUP_LEGACY == 0 && !is_cgroup(self.cgroups.root(), cgroup_id) {
            self.forget(cgroup_id);
            return Ok(Described::Gone);
        }
        Ok(Described::Told)
    }

    /// How many cgroups the kernel holds for containers.
    pub fn places(&self) -> usize {
        self.places.keys().count()
    }

    /// The cgroup is none of a container, or is gone.
    pub fn forget(&mut self, cgroup_id: u64) {
        self.known.remove(&cgroup_id);
        // Not there is what is wanted.
        let _ = self.places.remove(&cgroup_id);
    }

    /// What becomes readable when something was denied.
    ///
    /// # Errors
    /// When there are no more file descriptors.
    pub fn wakes(&self) -> io::Result<OwnedFd> {
        self.records.as_fd().try_clone_to_owned()
    }

    /// Hands over what was denied since the last time.
    pub fn drain(&mut self, mut each: impl FnMut(Denied)) {
        while let Some(record) = self.records.next() {
            match record::decode_marked(&record) {
                Ok((event, mark)) => match denied(event, mark) {
                    Some(denied) => each(denied),
                    None => self.undecodable += 1,
                },
                Err(_) => self.undecodable += 1,
            }
        }
    }

    /// What was not told or not denied.
    pub fn undone(&self) -> Undone {
        let counter = |index| self.counters.get(&index, 0).unwrap_or(0);
        let kinds = Kind::all().map(|kind| u32::from(kind.number()));
        let lost =
            kinds.filter_map(|kind| self.lost.get(&kind, 0).ok()).map(|counts| counts.iter().sum::<u64>());
        Undone {
            undecided: counter(0),
            untold: counter(1) + lost.sum::<u64>() + self.undecodable,
            unknown_places: counter(2),
        }
    }
}

impl Known {
    fn set(&mut self, which: usize, is: ContainerIs) {
        match is {
            ContainerIs::New => self.state = 0,
            ContainerIs::Described(atoms) => {
                self.atoms[which] = atoms;
                self.state = 1;
            }
            ContainerIs::Protected => self.state = 2,
        }
    }

    /// `struct place_of_container`, with the states of `enum place_state`.
    fn words(&self) -> [u64; 7] {
        let [[a, b, c], [d, e, f]] = self.atoms;
        [a, b, c, d, e, f, pair(self.state, 0)]
    }
}

/// Two `u32` that lie side by side.
fn pair(first: u32, second: u32) -> u64 {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_ne_bytes(), second.to_ne_bytes());
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

/// `struct decision`.
fn words(decision: &Decision, flags: u32) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    words[..16].copy_from_slice(&decision.properties);
    let count = decision.clauses.len().min(DENIAL_CLAUSES_MAX) as u32;
    let rest =
        [decision.of_host, decision.of_container, decision.of_known, decision.of_paths, pair(count, flags)];
    words[16..21].copy_from_slice(&rest);
    for (clause, room) in decision.clauses.iter().zip(words[21..].chunks_exact_mut(3)) {
        room.copy_from_slice(&[clause.must, clause.must_not, pair(u32::from(clause.rule), 0)]);
    }
    words
}

fn network_key(which: u8, hook: u8, address: IpAddr, bits: u8) -> NetworkKey {
    let mut data = [0; 20];
    let family = match address {
        IpAddr::V4(address) => {
            data[4..8].copy_from_slice(&address.octets());
            4
        }
        IpAddr::V6(address) => {
            data[4..20].copy_from_slice(&address.octets());
            6
        }
    };
    data[..4].copy_from_slice(&[which, hook, family, 0]);
    Key::new(32 + u32::from(bits), data)
}

fn same(one: &NetworkKey, other: &NetworkKey) -> bool {
    if one.prefix_len() != other.prefix_len() {
        return false;
    }
    let (bytes, rest) = (one.prefix_len() as usize / 8, one.prefix_len() % 8);
    let (one, other) = (one.data(), other.data());
    let mask = |byte: u8| if rest == 0 { 0 } else { byte >> (8 - rest) };
    one[..bytes] == other[..bytes]
        && one.get(bytes).map(|byte| mask(*byte)) == other.get(bytes).map(|byte| mask(*byte))
}

/// Whether an address is in a network.
fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let shift = 32 - u32::from(bits.min(32));
            u32::from(address).checked_shr(shift) == u32::from(network).checked_shr(shift)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let shift = 128 - u32::from(bits.min(128));
            u128::from(address).checked_shr(shift) == u128::from(network).checked_shr(shift)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

fn denied(event: KernelEvent, mark: u16) -> Option<Denied> {
    use crate::event::Action;
    let hook = match &event.action {
        Action::Executed(_) => Hook::Execution,
        Action::Called(call) if call.system_call.name() == "connect" => Hook::Connection,
        Action::Called(_) => Hook::Sending,
        Action::Forked(_)
        | Action::Exited { .. }
        | Action::CgroupMade { .. }
        | Action::CgroupRemoved { .. }
        | Action::Submitted { .. }
        | Action::Asked(_)
        | Action::Answered(_) => return None,
    };
    Some(Denied { hook, rule: mark.checked_sub(1)?, event })
}

const REFUSING: &str = "refuse_execution";

fn load_refusing(programs: &mut Ebpf, btf: &Btf) -> Result<(), String> {
    lsm_is_active()?;
    let program: &mut Lsm = program(programs, REFUSING).map_err(|error| error.to_string())?;
    program.load("bprm_creds_from_file", btf).map_err(|error| error.to_string())
}

fn program<'p, P>(programs: &'p mut Ebpf, name: &'static str) -> Result<&'p mut P, OpenError>
where
    &'p mut P: TryFrom<&'p mut aya::programs::Program, Error = ProgramError>,
{
    let missing = || OpenError::Program { name, source: ProgramError::NotLoaded };
    programs.program_mut(name).ok_or_else(missing)?.try_into().map_err(of_program(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of both enums are what the program and this crate agree about.
    #[test]
    fn enums_are_in_the_order_of_the_programs() {
        const HEADER: &str = include_str!("../bpf/deny.h");
        let check = |name: &str, ours: &[String]| {
            let (_, list) = HEADER.split_once(&format!("enum {name} {{")).unwrap();
            let (list, _) = list.split_once("};").unwrap();
            let words = list.lines().filter_map(|line| line.trim().split_once(',').map(|(word, _)| word));
            let theirs: Vec<String> = words
                .filter(|word| !word.contains('=') && *word != "HOOKS")
                .filter_map(|word| Some(word.split_once('_')?.1.to_lowercase()))
                .collect();
            assert_eq!(ours, theirs);
        };
        use Property::{Icmp, Ipv4, Ipv6, LowerLayer, Memfd, Raw, Tcp, Udp, UpperLayer};
        let properties = [UpperLayer, LowerLayer, Memfd, Ipv4, Ipv6, Tcp, Udp, Icmp, Raw];
        assert!(properties.iter().enumerate().all(|(at, property)| *property as usize == at));
        let name = |what: &dyn std::fmt::Debug| format!("{what:?}").to_lowercase();
        check("property", &properties.map(|property| name(&property).replace("layer", "")));
        check("hook", &Hook::ALL.map(|hook| name(&hook)));
    }
}
