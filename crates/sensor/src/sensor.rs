//! Loads the programs, keeps the kernel's maps, reads the ring of records.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use aya::maps::{Array, HashMap, Map, MapData, MapError, PerCpuArray, RingBuf};
use aya::programs::cgroup_skb::CgroupSkbLink;
use aya::programs::{
    BtfTracePoint, CgroupAttachMode, CgroupSkb, CgroupSkbAttachType, ProgramError, TracePoint,
};
use aya::{Btf, BtfError, Ebpf, EbpfError, EbpfLoader};
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::attach::{Link, Private, Tracefs, attach};
use crate::event::KernelEvent;
use crate::heap;
use crate::interest::{Interest, Kind, WORDS};
use crate::limits::BATCH_MAX;
use crate::record;

static PROGRAMS: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sensor.bpf.o"));

/// While events come, the reader looks for more so often on its own, and nobody pays for waking it.
const NAP: Duration = Duration::from_micros(500);

/// How to watch.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is wanted at first.
    pub interest: Interest,
    /// Room for records that wait to be read; rounded up to a power of two.
    pub ring_bytes: u32,
    /// A process whose own events are never wanted: the one that reads.
    pub own_process: u32,
}

impl Default for Options {
    /// Nothing, 8 MiB, this process.
    fn default() -> Self {
        Self { interest: Interest::default(), ring_bytes: 8 << 20, own_process: std::process::id() }
    }
}

/// Why the sensor does not start. `seawall guard --doctor` says more.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Type information of the kernel is missing (`CONFIG_DEBUG_INFO_BTF`).
    #[error("cannot read the kernel's type information (BTF)")]
    Btf(#[source] BtfError),
    /// Neither the mount namespace of process 1 nor our own can be seen.
    #[error("cannot tell the host's mount namespace from /proc")]
    HostNamespace(#[source] io::Error),
    /// The kernel refused the maps or the object.
    #[error("cannot load the sensor's programs")]
    Load(#[source] EbpfError),
    /// The kernel refused a program.
    #[error("cannot load the program {name}")]
    Program {
        /// Its name in `bpf/sensor.bpf.c`.
        name: &'static str,
        /// The verifier's words.
        #[source]
        source: ProgramError,
    },
    /// A map is not there or not as it should be.
    #[error("cannot use the map {name}")]
    Map {
        /// Its name in `bpf/maps.h`.
        name: &'static str,
        /// Why.
        #[source]
        source: MapError,
    },
    /// The catalogue of tracepoints cannot be read.
    #[error("cannot read the kernel's tracepoints (tracefs)")]
    Tracefs(#[source] io::Error),
    /// A tracepoint refused the program.
    #[error("cannot watch {kind}")]
    Attach {
        /// What was to be watched.
        kind: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Why the ring cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    /// Waiting failed.
    #[error("cannot wait for events")]
    Wait(#[source] io::Error),
    /// The kernel cannot be told that the reader waits.
    #[error("cannot ask to be woken")]
    Control(#[source] MapError),
}

/// Events that were wanted and did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loss {
    /// Of this kind.
    pub kind: Kind,
    /// So many since the sensor was opened.
    pub count: u64,
}

/// What ties a program to what it watches.
enum Held {
    /// Of the scheduler and the like: the link is in `programs`, and stays.
    Tracepoint,
    /// Let go of by dropping it.
    Call { _link: Link },
    /// Likewise.
    Packets { _link: CgroupSkbLink },
}

/// The running sensor. Dropping it takes everything out of the kernel.
pub struct Sensor {
    programs: Ebpf,
    tracefs: Tracefs,
    records: RingBuf<MapData>,
    controls: Array<MapData, [u32; 2]>,
    interests: Array<MapData, [u64; WORDS]>,
    paths: HashMap<MapData, [u64; 2], u64>,
    containers: HashMap<MapData, u64, u8>,
    lost: PerCpuArray<MapData, u64>,
    watched: BTreeMap<Kind, Held>,
    unavailable: BTreeSet<Kind>,
    active: u32,
    /// What else ends the wait for records.
    also_wakes: Option<OwnedFd>,
    is_busy: bool,
    undecodable: u64,
}

impl Sensor {
    /// Loads and attaches what the interest needs.
    ///
    /// # Errors
    /// When the kernel or the permissions do not allow it. A kind that this kernel cannot tell is no error
    /// but in [`Sensor::unavailable`].
    pub fn open(options: &Options) -> Result<Self, OpenError> {
        let host_mount_namespace = host_mount_namespace().map_err(OpenError::HostNamespace)?;
        let btf = Btf::from_sys_fs().map_err(OpenError::Btf)?;
        let mut programs = EbpfLoader::new()
            .btf(Some(&btf))
            .map_max_entries("records", options.ring_bytes.max(1 << 16).next_power_of_two())
            .override_global("own_process", &options.own_process, true)
            .override_global("host_mount_namespace", &host_mount_namespace, true)
            .load(PROGRAMS)
            .map_err(OpenError::Load)?;
        let mut shapes: Array<_, [u8; 16]> = take(&mut programs, "shapes")?;
        for kind in Kind::all() {
            if let Kind::Called(call) = kind {
                let shape = call.shape().to_bytes(call.kind());
                shapes.set(u32::from(call.kind()), shape, 0).map_err(of_map("shapes"))?;
            }
        }
        let program = system_call_program(&mut programs)?;
        program.load().map_err(of_program("syscall_exit"))?;
        let mut sensor = Self {
            records: take(&mut programs, "records")?,
            controls: take(&mut programs, "controls")?,
            interests: take(&mut programs, "interests")?,
            paths: take(&mut programs, "paths")?,
            containers: take(&mut programs, "containers")?,
            lost: take(&mut programs, "lost")?,
            programs,
            tracefs: Tracefs::open().map_err(OpenError::Tracefs)?,
            watched: BTreeMap::new(),
            unavailable: BTreeSet::new(),
            active: 0,
            also_wakes: None,
            is_busy: false,
            undecodable: 0,
        };
        sensor.want(&options.interest, Some(btf))?;
        heap::trim();
        Ok(sensor)
    }

    /// Wants other events from now on. No event that both interests want is lost in between.
    ///
    /// # Errors
    /// When a map or a tracepoint refuses; what was wanted before stays in force.
    pub fn set_interest(&mut self, interest: &Interest) -> Result<(), OpenError> {
        self.want(interest, None)
    }

    /// The type information is megabytes, so that it is not kept.
    fn want(&mut self, interest: &Interest, mut btf: Option<Btf>) -> Result<(), OpenError> {
        let next = 1 - self.active;
        self.write_paths(next, interest)?;
        for kind in Kind::all().filter(|kind| interest.wants(*kind)) {
            self.watch(kind, &mut btf)?;
        }
        self.controls.set(0, [next, 0], 0).map_err(of_map("controls"))?;
        self.active = next;
        self.unwatch(interest);
        Ok(())
    }

    /// Lets go of system calls and packets that nobody wants: they cost something. The kernel takes its time for each, while
    /// events come.
    fn unwatch(&mut self, interest: &Interest) {
        let unwanted: Vec<Kind> = self
            .watched
            .iter()
            .filter(|(kind, held)| !matches!(held, Held::Tracepoint) && !interest.wants(**kind))
            .map(|(kind, _)| *kind)
            .collect();
        let links: Vec<_> = unwanted.iter().filter_map(|kind| self.watched.remove(kind)).collect();
        std::thread::spawn(move || drop(links));
    }

    fn write_paths(&mut self, which: u32, interest: &Interest) -> Result<(), OpenError> {
        let compiled = interest.compile();
        let key = |hash: u64, depth: u32| {
            let [[a, b, c, d], [e, f, g, h]] = [which.to_ne_bytes(), depth.to_ne_bytes()];
            [hash, u64::from_ne_bytes([a, b, c, d, e, f, g, h])]
        };
        let is_of_this = |key: &[u64; 2]| {
            let [a, b, c, d, ..] = key[1].to_ne_bytes();
            u32::from_ne_bytes([a, b, c, d]) == which
        };
        let old: Vec<_> = self.paths.keys().filter_map(Result::ok).filter(is_of_this).collect();
        for key in old {
            self.paths.remove(&key).map_err(of_map("paths"))?;
        }
        for ((hash, depth), clauses) in &compiled.paths {
            self.paths.insert(key(*hash, *depth), clauses, 0).map_err(of_map("paths"))?;
        }
        self.interests.set(which, compiled.words, 0).map_err(of_map("interests"))
    }

    /// A kind that this kernel does not have is no error, but an execution is: a process without its start would
    /// be nobody.
    fn watch(&mut self, kind: Kind, btf: &mut Option<Btf>) -> Result<(), OpenError> {
        if self.watched.contains_key(&kind) || self.unavailable.contains(&kind) {
            return Ok(());
        }
        let held = match (kind, tracepoint_of(kind)) {
            (Kind::Called(call), _) => {
                self.watch_call(kind, call.name())?.map(|link| Held::Call { _link: link })
            }
            (_, Some((name, tracepoints))) => match self.watch_tracepoint(name, tracepoints, btf) {
                Err(error) if kind == Kind::Executed => return Err(error),
                watched => watched.ok().map(|()| Held::Tracepoint),
            },
            (Kind::Asked, None) => self.watch_packets("dns_asked", CgroupSkbAttachType::Egress).ok(),
            (Kind::Answered, None) => self.watch_packets("dns_answered", CgroupSkbAttachType::Ingress).ok(),
            (_, None) => None,
        };
        if let Some(held) = held {
            self.watched.insert(kind, held);
        } else {
            self.unavailable.insert(kind);
        }
        Ok(())
    }

    /// Of the names of the tracepoint, the one that this kernel has.
    fn watch_tracepoint(
        &mut self,
        name: &'static str,
        tracepoints: &[&str],
        btf: &mut Option<Btf>,
    ) -> Result<(), OpenError> {
        let btf = match btf {
            Some(btf) => btf,
            None => btf.insert(Btf::from_sys_fs().map_err(OpenError::Btf)?),
        };
        let missing = || OpenError::Program { name, source: ProgramError::NotLoaded };
        let program = self.programs.program_mut(name).ok_or_else(missing)?;
        let program: &mut BtfTracePoint = program.try_into().map_err(of_program(name))?;
        let mut loaded = Err(ProgramError::NotLoaded);
        for tracepoint in tracepoints {
            loaded = program.load(tracepoint, btf);
            if loaded.is_ok() {
                break;
            }
        }
        loaded.map_err(of_program(name))?;
        program.attach().map(|_| ()).map_err(of_program(name))
    }

    /// The packets of all sockets, whatever cgroup they are of: the program is at the root of the unified hierarchy,
    /// which every kernel has, mounted by somebody or not.
    fn watch_packets(&mut self, name: &'static str, side: CgroupSkbAttachType) -> Result<Held, OpenError> {
        let failed = |source| OpenError::Attach { kind: "packets of the DNS", source };
        let missing = || OpenError::Program { name, source: ProgramError::NotLoaded };
        let root = Private::mount("cgroup2").map_err(failed)?;
        let program = self.programs.program_mut(name).ok_or_else(missing)?;
        let program: &mut CgroupSkb = program.try_into().map_err(of_program(name))?;
        if program.fd().is_err() {
            program.load().map_err(of_program(name))?;
        }
        let link = program.attach(root.root(), side, CgroupAttachMode::Single).map_err(of_program(name))?;
        Ok(Held::Packets { _link: program.take_link(link).map_err(of_program(name))? })
    }

    /// None when the kernel has no such call.
    fn watch_call(&mut self, kind: Kind, name: &'static str) -> Result<Option<Link>, OpenError> {
        let failed = |source| OpenError::Attach { kind: name, source };
        let Some(tracepoint) = self.tracefs.exit_of(name).map_err(failed)? else { return Ok(None) };
        let program = system_call_program(&mut self.programs)?;
        let program = program.fd().map_err(of_program("syscall_exit"))?;
        let link = attach(program.as_fd(), tracepoint, u64::from(kind.number())).map_err(failed)?;
        Ok(Some(link))
    }

    /// Kinds that were wanted and that this kernel cannot tell.
    pub fn unavailable(&self) -> impl Iterator<Item = Kind> {
        self.unavailable.iter().copied()
    }

    /// Says that a cgroup is a container: its processes stay the container's wherever they go.
    ///
    /// # Errors
    /// When the kernel's map is full (65,536 containers) or refuses.
    pub fn mark_container(&mut self, cgroup_id: u64) -> Result<(), OpenError> {
        self.containers.insert(cgroup_id, 1, 0).map_err(of_map("containers"))
    }

    /// Says that a cgroup is none any more.
    pub fn unmark_container(&mut self, cgroup_id: u64) {
        // Not there is what is wanted.
        let _ = self.containers.remove(&cgroup_id);
    }

    /// Hands over the events that are there, at most some thousand, waiting for the first up to `timeout`.
    /// Returns how many.
    ///
    /// # Errors
    /// When waiting fails for another reason than a signal.
    pub fn poll(&mut self, timeout: Duration, mut each: impl FnMut(KernelEvent)) -> Result<usize, PollError> {
        let read = self.drain(&mut each);
        if read > 0 {
            self.is_busy = true;
            return Ok(read);
        }
        if self.is_busy {
            std::thread::sleep(NAP.min(timeout));
            let read = self.drain(&mut each);
            self.is_busy = read > 0;
            if self.is_busy {
                return Ok(read);
            }
        }
        self.set_sleeping(1)?;
        // What came before the flag was set wakes nobody.
        let read = self.drain(&mut each);
        if read > 0 {
            self.set_sleeping(0)?;
            self.is_busy = true;
            return Ok(read);
        }
        self.wait(timeout)?;
        self.set_sleeping(0)?;
        let read = self.drain(&mut each);
        self.is_busy = read > 0;
        Ok(read)
    }

    /// Lets [`Sensor::poll`] return, too, when this becomes readable.
    pub fn wake_by(&mut self, other: OwnedFd) {
        self.also_wakes = Some(other);
    }

    fn wait(&self, timeout: Duration) -> Result<(), PollError> {
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(timeout.subsec_nanos()),
        };
        let mut ready = vec![PollFd::new(&self.records, PollFlags::IN)];
        ready.extend(self.also_wakes.iter().map(|other| PollFd::new(other, PollFlags::IN)));
        match rustix::event::poll(&mut ready, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(PollError::Wait(error.into())),
        }
    }

    fn set_sleeping(&mut self, sleeping: u32) -> Result<(), PollError> {
        self.controls.set(0, [self.active, sleeping], 0).map_err(PollError::Control)
    }

    fn drain(&mut self, each: &mut impl FnMut(KernelEvent)) -> usize {
        let mut read = 0;
        while read < BATCH_MAX {
            let Some(record) = self.records.next() else { break };
            match record::decode(&record) {
                Ok(event) => each(event),
                Err(_) => self.undecodable += 1,
            }
            read += 1;
        }
        read
    }

    /// Events that the ring had no room for, by kind.
    pub fn lost(&self) -> Vec<Loss> {
        let count = |kind: Kind| match self.lost.get(&u32::from(kind.number()), 0) {
            Ok(counts) => counts.iter().sum(),
            Err(_) => 0,
        };
        Kind::all().map(|kind| Loss { kind, count: count(kind) }).filter(|loss| loss.count > 0).collect()
    }

    /// Records that arrived and could not be read: a defect of the sensor, and a gap.
    pub fn undecodable(&self) -> u64 {
        self.undecodable
    }
}

/// The mount namespace of process 1. Where that one may not be looked at (it has more capabilities than we),
/// ours: from a container that makes containers of all others, which lets out more than is needed.
pub(crate) fn host_mount_namespace() -> io::Result<u32> {
    let namespace =
        std::fs::metadata("/proc/1/ns/mnt").or_else(|_| std::fs::metadata("/proc/self/ns/mnt"))?;
    u32::try_from(namespace.ino()).map_err(io::Error::other)
}

/// The program for a kind that is not a system call, and the tracepoint that it belongs to, as kernels call it.
fn tracepoint_of(kind: Kind) -> Option<(&'static str, &'static [&'static str])> {
    Some(match kind {
        Kind::Executed => ("process_exec", &["sched_process_exec"]),
        Kind::Forked => ("process_fork", &["sched_process_fork"]),
        Kind::Exited => ("process_exit", &["sched_process_exit"]),
        Kind::CgroupMade => ("cgroup_made", &["cgroup_mkdir"]),
        Kind::CgroupRemoved => ("cgroup_removed", &["cgroup_rmdir"]),
        Kind::Submitted => ("io_uring_submitted", &["io_uring_submit_req", "io_uring_submit_sqe"]),
        Kind::Asked | Kind::Answered | Kind::Called(_) => return None,
    })
}

fn system_call_program(programs: &mut Ebpf) -> Result<&mut TracePoint, OpenError> {
    let name = "syscall_exit";
    let missing = || OpenError::Program { name, source: ProgramError::NotLoaded };
    programs.program_mut(name).ok_or_else(missing)?.try_into().map_err(of_program(name))
}

pub(crate) fn take<M: TryFrom<Map, Error = MapError>>(
    programs: &mut Ebpf,
    name: &'static str,
) -> Result<M, OpenError> {
    let missing = || OpenError::Map { name, source: MapError::InvalidName { name: name.to_owned() } };
    M::try_from(programs.take_map(name).ok_or_else(missing)?).map_err(of_map(name))
}

pub(crate) fn of_map(name: &'static str) -> impl Fn(MapError) -> OpenError {
    move |source| OpenError::Map { name, source }
}

pub(crate) fn of_program(name: &'static str) -> impl Fn(ProgramError) -> OpenError {
    move |source| OpenError::Program { name, source }
}
