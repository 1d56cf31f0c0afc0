//! What this kernel lets us do, found out by doing it: programs that do nothing are loaded, attached and taken
//! out again.

use std::error::Error;
use std::fs;
use std::io;

use aya::programs::cgroup_sock_addr::CgroupSockAddr;
use aya::programs::{
    BtfTracePoint, FEntry, KProbe, Lsm, Program, ProgramError, RawTracePoint, SchedClassifier,
};
use aya::{Btf, EbpfLoader};

use crate::attach::{Private, Tracefs};
use crate::denial::{Denier, ExecutionDenial, Hook};
use crate::interest::{Clause, Interest, Kind};
use crate::sensor::{Options, Sensor};

static PROGRAMS: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/probe.bpf.o"));

/// What is there and what is not.
#[derive(Debug)]
pub struct Report {
    /// The kernel's release.
    pub kernel: String,
    /// In the order in which they build on each other.
    pub abilities: Vec<Ability>,
}

/// What something is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Without it nothing can be watched.
    Watching,
    /// Without it some things cannot be prevented before they happen.
    Preventing,
    /// Good to have.
    More,
}

/// One thing that a kernel can let us do.
#[derive(Debug)]
pub struct Ability {
    /// Its name in the kernel's own terms.
    pub name: &'static str,
    /// What it is needed for.
    pub need: Need,
    /// Does it work, and if not, why.
    pub works: Result<(), String>,
    /// What it gives, or what its absence takes away.
    pub means: &'static str,
}

impl Report {
    /// Will the sensor work here?
    pub fn can_watch(&self) -> bool {
        self.abilities.iter().all(|ability| ability.need != Need::Watching || ability.works.is_ok())
    }
}

/// Looks at this machine. Changes nothing that outlasts the call.
pub fn doctor() -> Report {
    let kernel = rustix::system::uname().release().to_string_lossy().into_owned();
    let btf = Btf::from_sys_fs();
    let mut abilities = vec![
        Ability {
            name: "capabilities",
            need: Need::Watching,
            works: capabilities(),
            means: "the right to load programs and to attach them to tracepoints",
        },
        Ability {
            name: "lockdown",
            need: Need::Watching,
            works: lockdown(),
            means: "in confidentiality mode the kernel lets no program read its memory",
        },
        Ability {
            name: "BTF",
            need: Need::Watching,
            works: btf.as_ref().map(|_| ()).map_err(|error| reason(error)),
            means: "where the kernel's structures have their fields; one build fits all kernels",
        },
        Ability {
            name: "syscall tracepoints",
            need: Need::Watching,
            works: Tracefs::open()
                .and_then(|tracefs| tracefs.exit_of("openat"))
                .map_err(|error| reason(&error))
                .and_then(|found| {
                    found.map(|_| ()).ok_or_else(|| "sys_exit_openat is not in tracefs".to_owned())
                }),
            means: "system calls are watched one by one, so that the others cost next to nothing",
        },
    ];
    match btf {
        Ok(btf) => abilities.extend(programs(&btf)),
        Err(error) => abilities.push(sensor_works(Err(reason(&error)))),
    }
    Report { kernel, abilities }
}

fn programs(btf: &Btf) -> Vec<Ability> {
    let try_one = |name: &str, attach: &dyn Fn(&mut Program) -> Result<(), ProgramError>| {
        let mut loaded = EbpfLoader::new().btf(Some(btf)).load(PROGRAMS).map_err(|error| reason(&error))?;
        let program = loaded.program_mut(name).ok_or_else(|| format!("no program {name}"))?;
        attach(program).map_err(|error| reason(&error))
    };
    let more = |name, works, means| Ability { name, need: Need::More, works, means };
    let preventing = |name, works, means| Ability { name, need: Need::Preventing, works, means };
    vec![
        sensor_works(sensor()),
        more("io_uring requests", io_uring(), "requests to io_uring make no system call of their own"),
        more(
            "DNS packets",
            open(vec![Kind::Asked, Kind::Answered]),
            "what is asked of the DNS, and the names of the addresses that are connected to",
        ),
        preventing(
            "bpf_send_signal",
            try_one("try_send_signal", &tp_btf),
            "a program is killed before its first instruction",
        ),
        preventing(
            "BPF LSM",
            lsm_is_active().and_then(|()| try_one("try_lsm", &lsm)),
            "executions are refused; without it the new program is killed",
        ),
        preventing(
            "cgroup programs",
            try_one("try_connect4", &cgroup),
            "connections and datagrams are refused",
        ),
        denied_executions(),
        denied_connections(),
        preventing("tc programs", try_one("try_classifier", &tc), "packets would be dropped; not needed"),
        more(
            "raw tracepoints",
            try_one("try_raw_tp", &raw_tp),
            "what tp_btf does, without types; not needed",
        ),
        more("kprobes", try_one("try_kprobe", &kprobe), "other sensors need them; Seawall does not"),
        more("fentry", try_one("try_fentry", &fentry), "would see functions of the kernel; not needed"),
    ]
}

fn denied_executions() -> Ability {
    let denies = Denier::open(std::process::id()).and_then(|mut denier| {
        denier.attach(&[Hook::Execution])?;
        Ok(denier.execution())
    });
    let means = match denies {
        Ok(ExecutionDenial::Refused) => {
            "rules with `respond: [deny]`: BPF LSM refuses, the call returns EPERM"
        }
        Ok(ExecutionDenial::Killed) | Err(_) => {
            "rules with `respond: [deny]`: the new program is killed before its first instruction"
        }
    };
    let works = denies.map(|_| ()).map_err(|error| reason(&error));
    Ability { name: "denied executions", need: Need::Preventing, works, means }
}

fn denied_connections() -> Ability {
    let denies = Denier::open(std::process::id())
        .and_then(|mut denier| denier.attach(&[Hook::Connection, Hook::Sending]));
    let means = "rules with `respond: [deny]`: programs of the root cgroup refuse, the call returns EPERM";
    let works = denies.map_err(|error| reason(&error));
    Ability { name: "denied connections", need: Need::Preventing, works, means }
}

fn sensor_works(works: Result<(), String>) -> Ability {
    let means =
        "the sensor's own programs, the ring buffer and tp_btf tracepoints, really loaded and attached";
    Ability { name: "sensor", need: Need::Watching, works, means }
}

fn sensor() -> Result<(), String> {
    let calls = Kind::all().filter(|kind| matches!(kind.name(), "openat" | "connect" | "execve"));
    let processes = [Kind::Executed, Kind::Forked, Kind::Exited];
    open(processes.into_iter().chain(calls).collect())
}

fn io_uring() -> Result<(), String> {
    open(vec![Kind::Submitted])
}

fn open(kinds: Vec<Kind>) -> Result<(), String> {
    let interest = Interest { clauses: vec![Clause::all_of(kinds)], ..Interest::default() };
    let options = Options { interest, ring_bytes: 1 << 16, ..Options::default() };
    let sensor = Sensor::open(&options).map_err(|error| reason(&error))?;
    let missing: Vec<&str> = sensor.unavailable().map(Kind::name).collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("this kernel does not tell: {}", missing.join(", ")))
    }
}

fn tp_btf(program: &mut Program) -> Result<(), ProgramError> {
    let program: &mut BtfTracePoint = program.try_into()?;
    program.load("sched_process_exec", &Btf::from_sys_fs()?)?;
    program.attach().map(|_| ())
}

fn raw_tp(program: &mut Program) -> Result<(), ProgramError> {
    let program: &mut RawTracePoint = program.try_into()?;
    program.load()?;
    program.attach("sched_process_exec").map(|_| ())
}

fn kprobe(program: &mut Program) -> Result<(), ProgramError> {
    let program: &mut KProbe = program.try_into()?;
    program.load()?;
    program.attach("security_file_open", 0).map(|_| ())
}

fn fentry(program: &mut Program) -> Result<(), ProgramError> {
    let program: &mut FEntry = program.try_into()?;
    program.load("security_file_open", &Btf::from_sys_fs()?)?;
    program.attach().map(|_| ())
}

fn lsm(program: &mut Program) -> Result<(), ProgramError> {
    let program: &mut Lsm = program.try_into()?;
    program.load("file_open", &Btf::from_sys_fs()?)?;
    program.attach().map(|_| ())
}

/// Attached nowhere: loading tells.
fn cgroup(program: &mut Program) -> Result<(), ProgramError> {
    let program: &mut CgroupSockAddr = program.try_into()?;
    program.load()
}

fn tc(program: &mut Program) -> Result<(), ProgramError> {
    let program: &mut SchedClassifier = program.try_into()?;
    program.load()
}

/// A program can be attached to an LSM hook that nobody calls: `bpf` has to be among the modules in force.
pub(crate) fn lsm_is_active() -> Result<(), String> {
    let active = Private::mount("securityfs").and_then(|security| security.read("lsm"));
    match active.map_err(|error| reason(&error))? {
        Some(list) if list.split(',').any(|module| module == "bpf") => Ok(()),
        Some(list) => Err(format!("`bpf` is not among the security modules in force ({list})")),
        None => Err("the kernel has no security modules".to_owned()),
    }
}

fn lockdown() -> Result<(), String> {
    let state = Private::mount("securityfs").and_then(|security| security.read("lockdown"));
    match state {
        Ok(Some(state)) if state.contains("[confidentiality]") => {
            Err("it is in confidentiality mode".to_owned())
        }
        // Without the file there is no lockdown; what cannot be seen shows when the sensor is tried.
        Ok(_) | Err(_) => Ok(()),
    }
}

const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

fn capabilities() -> Result<(), String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|error: io::Error| reason(&error))?;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:")).map(str::trim);
    let effective = effective.and_then(|text| u64::from_str_radix(text, 16).ok()).unwrap_or(0);
    let wanted = [(CAP_SYS_ADMIN, "SYS_ADMIN"), (CAP_PERFMON, "PERFMON"), (CAP_BPF, "BPF")];
    let missing: Vec<&str> =
        wanted.iter().filter(|(bit, _)| effective & (1 << bit) == 0).map(|(_, name)| *name).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("CAP_{} is missing", missing.join(", CAP_"))) }
}

/// The error and its causes, without the verifier's pages.
fn reason(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let line = error.to_string();
        let line = line.lines().next().unwrap_or_default();
        let line = line.split(". Verifier output").next().unwrap_or_default();
        if !text.contains(line) {
            text = if text.is_empty() { line.to_owned() } else { format!("{text}: {line}") };
        }
        next = error.source();
    }
    text
}
