//! Processes with their lineage: found at the start, then followed through forks, executions and exits.
//!
//! Owns which process is whose child and what each was started with. A process is its number and its start. Refuses
//! containers and rules. What an event says of its caller is truer than what is remembered, and replaces it.

mod clock;
mod found;

use std::collections::{HashMap, VecDeque};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use seawall_event::limits::ANCESTORS_MAX;
use seawall_event::{Capabilities, ExeFile, Leader, Lineage, Process, User};
use seawall_sensor::{Caller, Child, Execution, File};

use crate::limits::{DEAD_MAX, PID_NAMESPACES_MAX, PROCESSES_MAX, THREADS_MAX};
use crate::translate::text;
use crate::users::Users;

pub(crate) use clock::Clock;
pub(crate) use found::Environments;

/// What `/proc` tells of a start: hundredths of a second.
const TICK_NS: u64 = 10_000_000;
/// The generation of what has to be made anew.
const OLD: u64 = u64::MAX;
const CAP_DAC_OVERRIDE: u64 = 1 << 1;

/// All that are known.
pub(crate) struct Processes {
    clock: Clock,
    users: Users,
    by_number: HashMap<u32, Known>,
    /// In the order in which they ended, with their starts.
    dead: VecDeque<(u32, u64)>,
    /// When the first process of each pid namespace started.
    namespaces: HashMap<u32, u64>,
    /// Changes when a process that has children becomes another program: what its children say of it is old then.
    generation: u64,
    found: found::Root,
    host_mount_namespace: u32,
    /// Processes that could not be remembered because there are too many.
    turned_away: u64,
}

struct Known {
    start_boot_ns: u64,
    seen: Seen,
    process: Arc<Process>,
    /// The same as other threads of it were, of this generation.
    others: Vec<(Seen, Arc<Process>)>,
    generation: u64,
    has_forked: bool,
    has_ended: bool,
}

/// What a caller says of itself, as the remembered process has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    thread: u32,
    parent: u32,
    parent_start_boot_ns: u64,
    process_group: u32,
    session: u32,
    inside: seawall_sensor::Inside,
    uid: u32,
    gid: u32,
    login_uid: Option<u32>,
    capabilities: seawall_sensor::Capabilities,
    terminal: Option<u32>,
    mount_namespace: u32,
    pid_namespace: u32,
}

impl From<&Caller> for Seen {
    fn from(caller: &Caller) -> Self {
        Self {
            thread: caller.thread,
            parent: caller.parent,
            parent_start_boot_ns: caller.parent_start_boot_ns,
            process_group: caller.process_group,
            session: caller.session,
            inside: caller.inside,
            uid: caller.effective_uid,
            gid: caller.effective_gid,
            login_uid: caller.login_uid,
            capabilities: caller.capabilities,
            terminal: caller.terminal,
            mount_namespace: caller.namespaces.mount,
            pid_namespace: caller.namespaces.pid,
        }
    }
}

impl Known {
    /// The process as this thread of it was before; otherwise what it was is kept for when its thread comes again.
    fn turn_to(&mut self, seen: &Seen) -> Option<Arc<Process>> {
        if let Some((other, process)) = self.others.iter_mut().find(|(other, _)| other == seen) {
            std::mem::swap(other, &mut self.seen);
            std::mem::swap(process, &mut self.process);
            return Some(Arc::clone(&self.process));
        }
        if self.others.len() == THREADS_MAX {
            self.others.remove(0);
        }
        self.others.push((self.seen, Arc::clone(&self.process)));
        None
    }
}

fn is_same_start(one_ns: u64, other_ns: u64) -> bool {
    one_ns / TICK_NS == other_ns / TICK_NS
}

impl Processes {
    /// Those that run now, as `/proc` (here `root`) shows them.
    pub(crate) fn found(root: &Path, clock: Clock, environments: Environments) -> Self {
        let mut processes = Self {
            clock,
            users: Users::new(root),
            by_number: HashMap::new(),
            dead: VecDeque::new(),
            namespaces: HashMap::new(),
            generation: 0,
            found: found::Root::new(root, environments),
            host_mount_namespace: found::mount_namespace(root, 1),
            turned_away: 0,
        };
        for found in processes.found.all() {
            processes.add_found(found);
        }
        // Children may have come before their parents.
        processes.generation += 1;
        let numbers: Vec<u32> = processes.by_number.keys().copied().collect();
        numbers.into_iter().for_each(|number| processes.refresh(number));
        processes
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        self.by_number.len()
    }

    /// How many were not, for lack of room.
    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away
    }

    /// Times since 1970 are by this clock from now on, those of what is remembered too.
    pub(crate) fn follow_clock(&mut self, clock: Clock) {
        if self.clock.is_another(clock) {
            self.clock = clock;
            self.generation += 1;
        }
    }

    /// Nanoseconds since 1970 of a time since the machine started.
    pub(crate) fn time_ns(&self, boot_ns: u64) -> u64 {
        self.clock.time_ns(boot_ns)
    }

    fn add_found(&mut self, found: found::Found) {
        let seen = found.seen;
        if seen.inside.process == 1 {
            self.remember_namespace(seen.pid_namespace, found.start_boot_ns);
        }
        if self.has_room_for(found.number) {
            self.insert(found.number, found.start_boot_ns, seen, found.process);
        } else {
            self.turned_away += 1;
        }
    }

    fn remember_namespace(&mut self, namespace: u32, start_boot_ns: u64) {
        if namespace != 0
            && (self.namespaces.len() < PID_NAMESPACES_MAX || self.namespaces.contains_key(&namespace))
        {
            self.namespaces.insert(namespace, start_boot_ns);
        }
    }

    /// Who did something, as it is now.
    pub(crate) fn of(&mut self, caller: &Caller) -> Arc<Process> {
        let seen = Seen::from(caller);
        let is_known = match self.by_number.get_mut(&caller.process) {
            Some(known) if is_same_start(known.start_boot_ns, caller.start_boot_ns) => {
                if known.generation == self.generation {
                    if known.seen == seen {
                        return Arc::clone(&known.process);
                    }
                    if let Some(process) = known.turn_to(&seen) {
                        return process;
                    }
                } else {
                    known.others.clear();
                }
                true
            }
            Some(_) | None => false,
        };
        if !is_known {
            let found = self.found.one(caller.process);
            // What is read is later than the event: it may be another program by now.
            let is_thread = caller.thread != caller.process;
            let found = found.filter(|found| {
                is_same_start(found.start_boot_ns, caller.start_boot_ns)
                    && (is_thread
                        || found.process.name.as_deref() == Some(&*caller.command.to_string_lossy()))
            });
            let unknown = || Process { name: Some(text(&caller.command)), ..Process::default() };
            return self.remember(caller, found.map_or_else(unknown, |found| found.process));
        }
        if let Some(known) = self.by_number.get_mut(&caller.process) {
            // What `/proc` says of a start is rounded.
            known.start_boot_ns = caller.start_boot_ns;
            known.seen = seen;
            known.generation = OLD;
        }
        self.refreshed(caller.process)
    }

    /// The process of a caller that says little of itself.
    pub(crate) fn who(&mut self, caller: &Caller) -> Arc<Process> {
        let is_it = |start_boot_ns| is_same_start(start_boot_ns, caller.start_boot_ns);
        if let Some(known) = self.by_number.get(&caller.process).filter(|known| is_it(known.start_boot_ns)) {
            let is_old = known.generation != self.generation;
            return if is_old { self.refreshed(caller.process) } else { Arc::clone(&known.process) };
        }
        let found = self.found.one(caller.process).filter(|found| is_it(found.start_boot_ns));
        let unknown = || Process { name: Some(text(&caller.command)), ..Process::default() };
        Arc::new(found.map_or_else(unknown, |found| found.process))
    }

    /// A process as its caller is now.
    fn remember(&mut self, caller: &Caller, mut process: Process) -> Arc<Process> {
        let seen = Seen::from(caller);
        if caller.inside.process == 1 {
            self.remember_namespace(caller.namespaces.pid, caller.start_boot_ns);
        }
        if self.has_room_for(caller.process) {
            self.insert(caller.process, caller.start_boot_ns, seen, process);
            return self.refreshed(caller.process);
        }
        self.turned_away += 1;
        self.set_seen(&mut process, caller.process, caller.start_boot_ns, &seen);
        process.parent = self.lineage_of(&seen);
        Arc::new(process)
    }

    fn refreshed(&mut self, number: u32) -> Arc<Process> {
        self.refresh(number);
        self.by_number.get(&number).map_or_else(Arc::default, |known| Arc::clone(&known.process))
    }

    /// A program was started; its caller is already the new program.
    pub(crate) fn executed(&mut self, caller: &Caller, execution: &Execution) -> Arc<Process> {
        let is_it = |known: &&Known| is_same_start(known.start_boot_ns, caller.start_boot_ns);
        let had_children =
            self.by_number.get(&caller.process).filter(is_it).is_some_and(|known| known.has_forked);
        if had_children {
            self.generation += 1;
        }
        let process = self.remember(caller, new_program(caller, execution));
        if let Some(known) = self.by_number.get_mut(&caller.process) {
            known.has_forked = had_children;
        }
        process
    }

    /// A program that was not let run, as it would have been. Nothing is remembered of it.
    pub(crate) fn denied(&mut self, caller: &Caller, execution: &Execution) -> Arc<Process> {
        let seen = Seen::from(caller);
        let mut process = new_program(caller, execution);
        // Where the call was refused, the caller still has its own name.
        let name = execution.name.file_name().map(text);
        process.name = name.map(|name| name[..name.floor_char_boundary(COMMAND_BYTES)].to_owned());
        self.set_seen(&mut process, caller.process, caller.start_boot_ns, &seen);
        process.parent = self.lineage_of(&seen);
        Arc::new(process)
    }

    /// A process was made: what its parent was, with its own numbers.
    pub(crate) fn forked(&mut self, caller: &Caller, child: &Child) -> Arc<Process> {
        let parent = self.of(caller);
        if child.process == 0 {
            return parent;
        }
        if child.process_inside == 1 {
            self.remember_namespace(child.namespaces.pid, child.start_boot_ns);
        }
        if let Some(known) = self.by_number.get_mut(&caller.process) {
            known.has_forked = true;
        }
        let seen = Seen {
            thread: child.process,
            parent: caller.process,
            parent_start_boot_ns: caller.start_boot_ns,
            inside: seawall_sensor::Inside {
                thread: child.process_inside,
                process: child.process_inside,
                ..caller.inside
            },
            mount_namespace: child.namespaces.mount,
            pid_namespace: child.namespaces.pid,
            ..Seen::from(caller)
        };
        let process = Process { name: Some(text(&caller.command)), ..Process::clone(&parent) };
        if self.has_room_for(child.process) {
            self.insert(child.process, child.start_boot_ns, seen, process);
            self.refresh(child.process);
        } else {
            self.turned_away += 1;
        }
        parent
    }

    /// A process has another working directory.
    pub(crate) fn moved(&mut self, caller: &Caller, to: &Path) {
        let process = Process { cwd: Some(directory(to)), ..Process::clone(&self.of(caller)) };
        if let Some(known) = self.by_number.get_mut(&caller.process)
            && is_same_start(known.start_boot_ns, caller.start_boot_ns)
        {
            known.process = Arc::new(process);
            known.others.clear();
        }
    }

    /// A process ended.
    pub(crate) fn exited(&mut self, caller: &Caller) -> Arc<Process> {
        let process = self.of(caller);
        if let Some(known) = self.by_number.get_mut(&caller.process)
            && !known.has_ended
        {
            known.has_ended = true;
            self.dead.push_back((caller.process, known.start_boot_ns));
        }
        while self.dead.len() > DEAD_MAX {
            self.forget_oldest_dead();
        }
        process
    }

    fn forget_oldest_dead(&mut self) {
        let Some((number, start_boot_ns)) = self.dead.pop_front() else { return };
        let is_it = |known: &Known| known.has_ended && known.start_boot_ns == start_boot_ns;
        if self.by_number.get(&number).is_some_and(is_it) {
            self.by_number.remove(&number);
        }
    }

    fn has_room_for(&mut self, number: u32) -> bool {
        if self.by_number.len() >= PROCESSES_MAX && !self.by_number.contains_key(&number) {
            self.forget_oldest_dead();
        }
        self.by_number.len() < PROCESSES_MAX || self.by_number.contains_key(&number)
    }

    fn insert(&mut self, number: u32, start_boot_ns: u64, seen: Seen, process: Process) {
        let known = Known {
            start_boot_ns,
            seen,
            process: Arc::new(process),
            others: Vec::new(),
            generation: OLD,
            has_forked: false,
            has_ended: false,
        };
        self.by_number.insert(number, known);
    }

    /// Makes a process say what is known now of itself and its ancestors.
    fn refresh(&mut self, number: u32) {
        // From the process upwards, as far as something is old.
        let mut old = Vec::new();
        let mut next = Some(number);
        while let Some(number) = next.filter(|_| old.len() < ANCESTORS_MAX) {
            let Some(known) = self.by_number.get(&number).filter(|known| known.generation != self.generation)
            else {
                break;
            };
            if old.contains(&number) {
                break;
            }
            old.push(number);
            let (parent, start_boot_ns) = (known.seen.parent, known.seen.parent_start_boot_ns);
            self.look_for(parent, start_boot_ns);
            next = self.is_known(parent, start_boot_ns).then_some(parent);
        }
        for number in old.into_iter().rev() {
            self.rebuild(number);
        }
    }

    /// A parent that was never seen may still be there to be looked at.
    fn look_for(&mut self, number: u32, start_boot_ns: u64) {
        if number == 0 || self.by_number.contains_key(&number) {
            return;
        }
        let found = self.found.one(number);
        if let Some(found) = found.filter(|found| is_same_start(found.start_boot_ns, start_boot_ns)) {
            self.add_found(found);
        }
    }

    /// A start of 0 is not known, and any will do.
    fn is_known(&self, number: u32, start_boot_ns: u64) -> bool {
        let is_it = |known: &Known| start_boot_ns == 0 || is_same_start(known.start_boot_ns, start_boot_ns);
        number != 0 && self.by_number.get(&number).is_some_and(is_it)
    }

    fn lineage_of(&self, seen: &Seen) -> Lineage {
        if !self.is_known(seen.parent, seen.parent_start_boot_ns) {
            return Lineage::default();
        }
        self.by_number
            .get(&seen.parent)
            .map_or_else(Lineage::default, |parent| Lineage::below(Arc::clone(&parent.process)))
    }

    fn rebuild(&mut self, number: u32) {
        let generation = self.generation;
        let Some(known) = self.by_number.get(&number) else { return };
        let (seen, start_boot_ns) = (known.seen, known.start_boot_ns);
        let mut process = Process::clone(&known.process);
        self.set_seen(&mut process, number, start_boot_ns, &seen);
        process.parent = self.lineage_of(&seen);
        if let Some(known) = self.by_number.get_mut(&number) {
            known.process = Arc::new(process);
            known.generation = generation;
        }
    }

    fn set_seen(&mut self, process: &mut Process, number: u32, start_boot_ns: u64, seen: &Seen) {
        let wide = |number: u32| Some(i64::from(number));
        process.pid = wide(number);
        process.tid = wide(seen.thread);
        process.vpid = wide(seen.inside.process);
        process.vtid = wide(seen.inside.thread);
        process.pgid = wide(seen.process_group);
        process.vpgid = wide(seen.inside.process_group);
        process.sid = wide(seen.inside.session);
        process.tty = Some(seen.terminal.unwrap_or(0));
        process.start_ns = Some(self.clock.time_ns(start_boot_ns));
        process.pid_namespace_start_ns =
            self.namespaces.get(&seen.pid_namespace).map(|start_boot_ns| self.clock.time_ns(*start_boot_ns));
        process.user = Some(self.users.user(number, seen.mount_namespace, seen.uid));
        process.group = Some(self.users.group(number, seen.mount_namespace, seen.gid));
        process.login = Some(match seen.login_uid {
            // Who logged in is a user of the host.
            Some(uid) => self.users.user(1, self.host_mount_namespace, uid),
            None => User { uid: -1, ..User::default() },
        });
        process.capabilities = Some(Capabilities {
            effective: seen.capabilities.effective,
            permitted: seen.capabilities.permitted,
            inheritable: seen.capabilities.inheritable,
        });
        process.session = self.leader(seen.session, number, process);
        process.process_group = self.leader(seen.process_group, number, process);
    }

    fn leader(&self, leader: u32, number: u32, process: &Process) -> Option<Leader> {
        let known = self.by_number.get(&leader).map(|known| known.process.as_ref());
        let leader = if leader == number { process } else { known? };
        Some(Leader { name: leader.name.clone(), exe: leader.exe.clone(), exe_path: leader.exe_path.clone() })
    }
}

/// What an execution says of the program.
/// The kernel keeps so many bytes of a program's name.
const COMMAND_BYTES: usize = 15;

fn new_program(caller: &Caller, execution: &Execution) -> Process {
    let mut arguments = execution.arguments.iter().map(|argument| text(argument));
    let environment = execution.environment.iter().map(|variable| text(variable));
    let file = execution.file.as_ref();
    Process {
        name: Some(text(&caller.command)),
        exe: arguments.next(),
        args: Some(arguments.collect()),
        env: (!execution.environment.is_empty()).then(|| environment.collect()),
        exe_path: file.map(|file| text(file.path.as_os_str())),
        cwd: Some(directory(&execution.working_directory)),
        exe_file: file.map(|file| exe_file(file, caller)),
        ..Process::default()
    }
}

/// With a slash at its end, as Falco has it.
fn directory(path: &Path) -> String {
    let mut text = text(path.as_os_str());
    if !path.as_os_str().as_bytes().ends_with(b"/") {
        text.push('/');
    }
    text
}

fn exe_file(file: &File, caller: &Caller) -> ExeFile {
    let nanoseconds = |time: i64| u64::try_from(time).ok();
    ExeFile {
        inode: i64::try_from(file.inode).ok(),
        changed_ns: nanoseconds(file.changed_ns),
        modified_ns: nanoseconds(file.modified_ns),
        is_writable: Some(is_writable(file, caller)),
        is_upper_layer: Some(file.is_in_upper_layer),
        is_lower_layer: Some(file.is_on_overlay && !file.is_in_upper_layer),
        is_from_memfd: Some(file.is_memfd()),
    }
}

/// By the permission bits; lists of access and read-only mounts are not looked at.
fn is_writable(file: &File, caller: &Caller) -> bool {
    if caller.capabilities.effective & CAP_DAC_OVERRIDE != 0 {
        return true;
    }
    let bit = if file.uid == caller.effective_uid {
        0o200
    } else if file.gid == caller.effective_gid {
        0o020
    } else {
        0o002
    };
    file.mode & bit != 0
}

#[cfg(test)]
mod tests;
