//! From one event of the kernel to what the rules say of it.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use seawall_detect::Engine;
use seawall_event::{AuditEvent, Container, Event, EventType, EventTypes};
use seawall_finding::{Denial, Evidence, Finding, Gap, GapKind};
use seawall_inventory::Inventory;
use seawall_policy::{Context, Judged, Policy, Response, Sink, Verdict};
use seawall_respond::Recent;
use seawall_sensor::{Action, Caller, KernelEvent, Message};

use crate::activity::Counting;
use crate::containers::{Containers, Lookup};
use crate::dns::{Resolving, Side};
use crate::guard::GuardError;
use crate::images::{Digesting, Images, Looked};
use crate::limits::MOMENTS_MAX;
use crate::processes::{Clock, Processes};
use crate::record::{Recorded, Recorder};
use crate::rules::Rules;
use crate::status::Counts;
use crate::translate::{self, Translator};
use crate::waiting::{Denied, Queue, Told};

const EPERM: i64 = 1;

/// The id of the unified hierarchy's root. A socket is in it where nobody uses that hierarchy.
const ROOT_CGROUP: u64 = 1;

/// Everything between the sensor and the rules.
pub(crate) struct Watch<'s> {
    processes: Processes,
    pub(crate) containers: Containers,
    translator: Translator,
    queue: Queue,
    /// What scans know of images, where it was asked for.
    pub(crate) images: Option<Images>,
    /// How much happens where, for somebody who wants to know.
    pub(crate) counting: Option<Counting>,
    host: Arc<Container>,
    marked: HashSet<u64>,
    /// Cgroups that the kernel does not know yet to be containers.
    pub(crate) new_containers: Vec<u64>,
    /// Cgroups that are no containers any more.
    pub(crate) gone_containers: Vec<u64>,
    /// Cgroups that were made or seen first, and that were removed, since somebody looked.
    pub(crate) made: Vec<u64>,
    pub(crate) removed: Vec<u64>,
    /// Types of events that rules ask for and nobody tells.
    pub(crate) unknown_types: Vec<EventType>,
    /// What is known of the DNS.
    pub(crate) resolving: Resolving,
    pub(crate) judging: Judging<'s>,
    events: BTreeMap<&'static str, u64>,
    without_context: u64,
}

impl<'s> Watch<'s> {
    pub(crate) fn new(processes: Processes, containers: Containers, judging: Judging<'s>) -> Self {
        Self {
            processes,
            containers,
            translator: Translator::new(),
            queue: Queue::default(),
            images: None,
            counting: None,
            host: Arc::new(Container::host()),
            marked: HashSet::new(),
            new_containers: Vec::new(),
            gone_containers: Vec::new(),
            made: Vec::new(),
            removed: Vec::new(),
            unknown_types: Vec::new(),
            resolving: Resolving::of_guard(std::process::id()),
            judging,
            events: BTreeMap::new(),
            without_context: 0,
        }
    }

    /// The clock may have been set.
    pub(crate) fn follow_clock(&mut self, clock: Clock) {
        self.processes.follow_clock(clock);
    }

    /// Hands over how much happened.
    pub(crate) fn tell_activity(&mut self) {
        if let Some(counting) = &mut self.counting {
            counting.tell(&self.containers);
        }
    }

    /// Whether events wait for their container.
    pub(crate) fn waits(&self) -> bool {
        self.queue.len() > 0
    }

    /// One event of the kernel.
    pub(crate) fn take(&mut self, told: KernelEvent) {
        let KernelEvent { boot_ns, cpu, caller, action, .. } = told;
        *self.events.entry(name_of(&action)).or_default() += 1;
        if let Some(counting) = &mut self.counting {
            counting.count(caller.cgroup_id, &action);
        }
        let types = self.judging.types;
        let named = |name: &str| EventType::named(name).is_some_and(|kind| types.contains(kind));
        let mut cgroup_path = None;
        let event = match action {
            Action::Executed(execution) => {
                let process = self.processes.executed(&caller, &execution);
                let cgroup = execution.cgroup;
                let event = types
                    .contains(EventType::EXECVE)
                    .then(|| translate::executed(process, &caller, cgroup.as_os_str()));
                cgroup_path = Some(cgroup);
                event
            }
            Action::Forked(child) => {
                let parent = self.processes.forked(&caller, &child);
                named("clone").then(|| translate::forked(parent, &child)).flatten()
            }
            Action::Exited { status } => {
                let process = self.processes.exited(&caller);
                named("procexit").then(|| translate::exited(process, status)).flatten()
            }
            Action::CgroupMade { id, path } => {
                self.containers.made(id, &path);
                self.made.push(id);
                None
            }
            Action::CgroupRemoved { id, .. } => {
                self.containers.removed(id);
                self.removed.push(id);
                if self.marked.remove(&id) {
                    self.gone_containers.push(id);
                }
                None
            }
            Action::Submitted { operation, object } => {
                let process = self.processes.of(&caller);
                translate::submitted(process, operation, object.as_ref())
            }
            Action::Asked(message) => return self.heard(Side::Asked, boot_ns, cpu, &caller, &message),
            Action::Answered(message) => return self.heard(Side::Answered, boot_ns, cpu, &caller, &message),
            Action::Called(call) => {
                if let Some(directory) = translate::working_directory(&call) {
                    self.processes.moved(&caller, directory);
                }
                if !translate::event_type(call.system_call).is_some_and(|kind| types.contains(kind)) {
                    return;
                }
                let process = self.processes.of(&caller);
                let mut event = self.translator.call(&caller, process, *call);
                if let Some(socket) = event.as_mut().and_then(|event| event.fd.as_mut()?.socket.as_mut()) {
                    self.resolving.name(socket, caller.network, boot_ns);
                }
                event
            }
        };
        let Some(event) = event else { return };
        let event = Event { cpu: Some(cpu), time_ns: self.processes.time_ns(boot_ns), ..event };
        self.place(caller.cgroup_id, caller.process, event.into(), cgroup_path.as_deref());
    }

    /// A message of the DNS. Nobody's is judged without a container: the host is somebody too.
    fn heard(&mut self, side: Side, boot_ns: u64, cpu: u32, caller: &Caller, message: &Message) {
        let process = (caller.process != 0).then(|| self.processes.who(caller));
        for told in self.resolving.heard(side, caller, process, message, boot_ns) {
            let event = Event { cpu: Some(cpu), time_ns: self.processes.time_ns(boot_ns), ..told.event };
            match told.asker {
                Some(asker) => self.place(asker.cgroup_id, asker.number, event.into(), None),
                None if caller.cgroup_id > ROOT_CGROUP => self.place(caller.cgroup_id, 0, event.into(), None),
                None => self.judging.observe(event, None),
            }
        }
    }

    /// Something that the kernel has denied.
    pub(crate) fn take_denied(&mut self, told: KernelEvent, denied: Denied) {
        let KernelEvent { boot_ns, cpu, caller, action, .. } = told;
        let mut cgroup_path = None;
        let event = match action {
            Action::Executed(execution) => {
                let process = self.processes.denied(&caller, &execution);
                let event = translate::executed(process, &caller, execution.cgroup.as_os_str());
                cgroup_path = Some(execution.cgroup);
                let result = if denied.how == Denial::Refused { Some(-EPERM) } else { event.result };
                Some(Event { result, ..event })
            }
            Action::Called(call) => {
                let process = self.processes.of(&caller);
                let event = self.translator.call(&caller, process, *call);
                event.map(|mut event| {
                    // It is decided by the socket, whatever number it has.
                    event.fd.iter_mut().for_each(|fd| fd.number = None);
                    event
                })
            }
            Action::Forked(_)
            | Action::Exited { .. }
            | Action::CgroupMade { .. }
            | Action::CgroupRemoved { .. }
            | Action::Submitted { .. }
            | Action::Asked(_)
            | Action::Answered(_) => None,
        };
        let Some(event) = event else { return };
        let event = Event { cpu: Some(cpu), time_ns: self.processes.time_ns(boot_ns), ..event };
        let told = Told { event, denied: Some(denied) };
        self.place(caller.cgroup_id, caller.process, told, cgroup_path.as_deref());
    }

    /// Says in which container it happened.
    fn place(&mut self, cgroup: u64, process: u32, mut told: Told, cgroup_path: Option<&std::path::Path>) {
        let (container, is_whole) = match self.containers.of(cgroup, cgroup_path, process) {
            Lookup::Host => (Arc::clone(&self.host), true),
            Lookup::Known(container) => (container, true),
            Lookup::Pending(container) => (container, false),
        };
        if !container.is_host() && self.marked.insert(cgroup) {
            self.new_containers.push(cgroup);
            self.made.push(cgroup);
        }
        told.event.container = Some(container);
        // Even behind others it is looked at at once: its executable may be gone when its turn comes.
        let looked = if is_whole { self.look(&mut told.event, cgroup) } else { Looked::Pending };
        if looked == Looked::Done && !self.queue.holds(cgroup) {
            self.judging.observe(told.event, told.denied.as_ref());
        } else {
            self.queue.push(cgroup, told, process, Instant::now());
        }
    }

    /// Lets go on whatever has its container now, or has waited long enough.
    pub(crate) fn release_due(&mut self) {
        if self.queue.len() == 0 {
            return;
        }
        for (cgroup, process) in self.queue.cgroups() {
            let container = match self.containers.of(cgroup, None, process) {
                Lookup::Pending(_) => continue,
                Lookup::Known(container) => Some(container),
                // It ended; what is known of it stays.
                Lookup::Host => None,
            };
            self.release(cgroup, container.as_ref());
        }
        let now = Instant::now();
        while let Some(waiting) = self.queue.overdue(now) {
            self.without_context += 1;
            self.judging.observe(waiting.event, waiting.denied.as_ref());
        }
    }

    /// At the end nobody waits any more.
    pub(crate) fn release_all(&mut self) {
        self.release_due();
        for (cgroup, _) in self.queue.cgroups() {
            while let Some(waiting) = self.queue.release(cgroup) {
                self.without_context += 1;
                self.judging.observe(waiting.event, waiting.denied.as_ref());
            }
        }
    }

    /// Those of a cgroup whose container is known, up to the first whose executable is still looked at.
    fn release(&mut self, cgroup: u64, container: Option<&Arc<Container>>) {
        while let Some(waiting) = self.queue.oldest(cgroup) {
            if let Some(container) = container {
                waiting.event.container = Some(Arc::clone(container));
            }
            let path = || self.containers.cgroup_path(cgroup);
            if look(self.images.as_ref(), &mut waiting.event, self.judging.digesting, path) == Looked::Pending
            {
                break;
            }
            if let Some(waiting) = self.queue.release(cgroup) {
                self.judging.observe(waiting.event, waiting.denied.as_ref());
            }
        }
    }

    /// Says what scans know of the executable.
    fn look(&self, event: &mut Event, cgroup: u64) -> Looked {
        let path = || self.containers.cgroup_path(cgroup);
        look(self.images.as_ref(), event, self.judging.digesting, path)
    }

    pub(crate) fn counts(&self) -> Counts {
        let gap = |kind, reason: String| Gap::of_target(kind, reason);
        let mut gaps: Vec<Gap> = self.containers.gaps();
        gaps.extend(self.unknown_types.iter().map(|kind| {
            gap(
                GapKind::Unsupported,
                format!("rules ask for events of {kind}, which the sensor does not watch"),
            )
        }));
        gaps.extend(self.images.iter().flat_map(Images::gaps));
        let counted = [
            (self.processes.turned_away(), "processes were not remembered: there are too many"),
            (
                self.without_context,
                "events went on without all of their container or the digest of their executable",
            ),
        ];
        let counted = counted.into_iter().filter(|(count, _)| *count > 0);
        gaps.extend(counted.map(|(count, what)| gap(GapKind::Limit, format!("{count} {what}"))));
        gaps.extend(self.resolving.gaps());
        let judged = self.judging.counts();
        gaps.extend_from_slice(&judged.gaps);
        Counts {
            events: self.events.clone(),
            waiting: self.queue.len(),
            without_context: self.without_context,
            processes: self.processes.len(),
            containers: self.marked.len(),
            gaps,
            ..judged
        }
    }
}

fn look(
    images: Option<&Images>,
    event: &mut Event,
    digesting: Digesting,
    cgroup: impl FnOnce() -> Option<PathBuf>,
) -> Looked {
    images.map_or(Looked::Done, |images| images.look(event, digesting, cgroup))
}

fn name_of(action: &Action) -> &'static str {
    use seawall_sensor::Kind;
    let kind = match action {
        Action::Executed(_) => Kind::Executed,
        Action::Forked(_) => Kind::Forked,
        Action::Exited { .. } => Kind::Exited,
        Action::CgroupMade { .. } => Kind::CgroupMade,
        Action::CgroupRemoved { .. } => Kind::CgroupRemoved,
        Action::Submitted { .. } => Kind::Submitted,
        Action::Asked(_) => Kind::Asked,
        Action::Answered(_) => Kind::Answered,
        Action::Called(call) => Kind::Called(call.system_call),
    };
    kind.name()
}

/// The last events, as they are; made text only when somebody wants them as evidence.
pub(crate) struct Moments {
    events: VecDeque<Event>,
    written: Arc<Recent>,
}

impl Moments {
    pub(crate) fn new(written: Arc<Recent>) -> Moments {
        Moments { events: VecDeque::new(), written }
    }

    fn keep(&mut self, event: Event) {
        if self.events.len() >= MOMENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// Hands over what came before this event, and the event.
    fn write(&mut self, last: &Event) {
        for event in self.events.drain(..) {
            write(&self.written, &event);
        }
        write(&self.written, last);
    }
}

fn write(written: &Recent, event: &Event) {
    // Nothing in an event refuses to be JSON.
    if let Ok(line) = serde_json::to_string(event) {
        written.push(line);
    }
}

/// The finding with what the kernel did about it, where its rule asks for that.
fn marked(mut finding: Finding, denial: Option<Denial>) -> Finding {
    if let Evidence::Happened(happened) = &mut finding.evidence
        && happened.respond.iter().any(|name| name == "deny")
    {
        happened.denial = denial;
    }
    finding
}

/// Whether a response to it keeps evidence.
fn is_evidence(judged: &Judged) -> bool {
    judged.responses.iter().any(|asked| matches!(asked.response, Response::Capture | Response::Quarantine))
}

fn digesting(engine: &Engine) -> Digesting {
    if engine.looks_at_digests() { Digesting::Wanted } else { Digesting::NotWanted }
}

/// Rules, policy and who hears of it.
pub(crate) struct Judging<'s> {
    engine: Engine,
    digest: u64,
    /// Types of events that the rules ask for.
    types: EventTypes,
    /// Whether they ask for digests of executables.
    digesting: Digesting,
    policy: Policy,
    inventory: Inventory,
    hostname: String,
    sinks: Vec<Box<dyn Sink + 's>>,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) recent: Option<Moments>,
    failed: Option<io::Error>,
    /// Why sinks accept no more.
    failures: Vec<String>,
    /// Numbers events.
    number: u64,
    alerts: BTreeMap<String, u64>,
    denied: u64,
    /// What the kernel has denied, by the rule.
    denials: BTreeMap<String, u64>,
    /// Denials of rules that are not there any more.
    denials_untold: u64,
    /// Whether rules that respond with `deny` would deny, were the guard told to act.
    pub(crate) rehearses_denials: bool,
    reloads: u64,
    pub(crate) refused: u64,
}

impl<'s> Judging<'s> {
    pub(crate) fn new(
        rules: Rules,
        policy: Policy,
        hostname: String,
        sinks: Vec<Box<dyn Sink + 's>>,
    ) -> Self {
        Self {
            types: rules.engine.event_types(),
            digesting: digesting(&rules.engine),
            engine: rules.engine,
            digest: rules.digest,
            policy,
            inventory: Inventory::default(),
            hostname,
            sinks,
            recorder: None,
            recent: None,
            failed: None,
            failures: Vec::new(),
            number: 0,
            alerts: BTreeMap::new(),
            denied: 0,
            denials: BTreeMap::new(),
            denials_untold: 0,
            rehearses_denials: false,
            reloads: 0,
            refused: 0,
        }
    }

    /// The rules at work.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The kernel judges by the rules that deny.
    pub(crate) fn leave_denials_to_kernel(&mut self) {
        self.engine.leave_denials_to_kernel();
        self.record_denies();
    }

    fn record_denies(&mut self) {
        if let Some(recorder) = &mut self.recorder {
            recorder.denies(self.engine.rules_of_kernel());
        }
    }

    pub(crate) fn exchange(&mut self, rules: Rules) {
        self.types = rules.engine.event_types();
        self.digesting = digesting(&rules.engine);
        self.engine = rules.engine;
        self.digest = rules.digest;
        self.reloads += 1;
        self.record_denies();
    }

    /// The names that the rules compare addresses' names with.
    pub(crate) fn names_of_addresses(&self) -> BTreeSet<String> {
        self.engine.names_of_addresses()
    }

    /// Asks the rules, and hands what they find to every sink once.
    fn observe(&mut self, mut event: Event, denied: Option<&Denied>) {
        self.number += 1;
        event.number = self.number;
        event.hostname = Some(self.hostname.clone());
        if let Some(recorder) = &mut self.recorder {
            recorder.take(&mut event, denied);
        }
        match denied {
            Some(denied) => self.tell_denied(&event, denied),
            None => self.ask(&event),
        }
        if let Some(recent) = &mut self.recent {
            recent.keep(event);
        }
    }

    /// The same of an event that has its number and machine.
    pub(crate) fn observe_recorded(&mut self, recorded: &Recorded) {
        self.number += 1;
        if let Some(rules) = &recorded.denies {
            self.engine.leave_to_kernel(rules);
        }
        match &recorded.denied {
            Some(denied) => self.tell_denied(&recorded.event, denied),
            None => self.ask(&recorded.event),
        }
    }

    /// The same of an event of the audit log.
    pub(crate) fn observe_audit(&mut self, event: &AuditEvent) {
        self.number += 1;
        for finding in self.engine.observe_audit(event) {
            let judged = self.judged(finding, event.time_ns);
            self.tell(&judged);
        }
    }

    /// The kernel has asked the rule.
    fn tell_denied(&mut self, event: &Event, denied: &Denied) {
        let rule = self.engine.rules().iter().position(|rule| rule.name == denied.rule && rule.denies());
        let Some(rule) = rule else {
            self.denials_untold += 1;
            return;
        };
        *self.denials.entry(denied.rule.clone()).or_default() += 1;
        // None where the rule keeps silent of what repeats.
        let Some(finding) = self.engine.denied(rule, event) else { return };
        self.find(marked(finding, Some(denied.how)), event);
    }

    fn ask(&mut self, event: &Event) {
        // An execution that failed is told with who called, of whom the kernel would not decide.
        let could_be_denied = event.kind != EventType::EXECVE || event.result == Some(0);
        let denial = (self.rehearses_denials && could_be_denied).then_some(Denial::Rehearsed);
        for finding in self.engine.observe(event) {
            self.find(marked(finding, denial), event);
        }
    }

    fn find(&mut self, finding: Finding, event: &Event) {
        let judged = self.judged(finding, event.time_ns);
        if let Some(recent) = self.recent.as_mut().filter(|_| is_evidence(&judged)) {
            recent.write(event);
        }
        self.tell(&judged);
    }

    /// Judged by the date of the event, so that a recording is judged as the machine was, and counted.
    fn judged(&mut self, finding: Finding, time_ns: u64) -> Judged {
        let time = Timestamp::from_nanosecond(i128::from(time_ns)).unwrap_or_default();
        let context = Context { today: TimeZone::UTC.to_datetime(time).date(), inventory: &self.inventory };
        let judged = self.policy.judge(finding, context);
        if let Evidence::Happened(happened) = &judged.finding.evidence {
            *self.alerts.entry(happened.rule.clone()).or_default() += 1;
        }
        self.denied += u64::from(judged.verdict == Verdict::Deny);
        judged
    }

    /// A sink that accepts no more is left out; the last one's reason ends the guard.
    fn tell(&mut self, judged: &Judged) {
        let mut failed = None;
        self.sinks.retain_mut(|sink| match sink.take(judged) {
            Ok(()) => true,
            Err(error) => {
                failed = Some(error);
                false
            }
        });
        if let Some(error) = failed {
            self.failures.push(error.to_string());
            if self.sinks.is_empty() {
                self.failed = Some(error);
            }
        }
    }

    /// Why nobody listens any more.
    pub(crate) fn failure(&mut self) -> Option<GuardError> {
        self.failed.take().map(GuardError::Sinks)
    }

    pub(crate) fn counts(&self) -> Counts {
        let gap = |kind, reason: String| Gap::of_target(kind, reason);
        let forgotten = self.engine.forgotten();
        let forgotten = (forgotten > 0).then(|| {
            let reason = format!("{forgotten} keys of `count`, `dedup` and `sequence` were forgotten early");
            gap(GapKind::Limit, reason)
        });
        let failures = self.failures.iter();
        let failures = failures
            .map(|reason| gap(GapKind::Unreadable, format!("an output accepts no more findings: {reason}")));
        let recording = self.recorder.as_ref().and_then(Recorder::gap);
        Counts {
            gaps: [forgotten, recording].into_iter().flatten().chain(failures).collect(),
            alerts: self.alerts.clone(),
            denials: self.denials.clone(),
            denials_untold: self.denials_untold,
            denied: self.denied,
            asked: self.number,
            rules: self.engine.rules().iter().filter(|rule| rule.enabled).count(),
            event_types: self.types.len(),
            rules_digest: self.digest,
            reloads: self.reloads,
            reloads_refused: self.refused,
            ..Counts::default()
        }
    }
}
