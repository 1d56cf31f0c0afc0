//! The loop: what the kernel tells → events → rules → policy → sinks.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use seawall_detect::{Denied, Diagnostic, Engine, Matching};
use seawall_finding::{Gap, GapKind, Priority};
use seawall_policy::{Policy, ResponseSettings, Sink};
use seawall_respond::{Mode, Recent};
use seawall_sensor::{OpenError, PollError, Sensor};

use crate::activity::{Activities, Counting};
use crate::containers::{self, Containers};
use crate::denying::{self, DenyError, Denying, KernelDenials};
use crate::images::{Images, Scans, ScansError};
use crate::interest;
use crate::limits::{COUNT_EVERY, LAST_TURNS, LOOK_EVERY, POLL_MAX, POLL_WAITING};
use crate::processes::{Clock, Environments, Processes};
use crate::record::{Header, Recorder, ReplayError};
use crate::rules::{Asking, Files, Reloading, RuleFile, Rules, RulesError};
use crate::status::{Counts, Status};
use crate::watch::{Judging, Moments, Watch};

/// How events are judged.
pub struct Judgement {
    /// Rule files; later ones change what earlier ones define.
    pub rules: Vec<RuleFile>,
    /// How many rules may speak of one event.
    pub matching: Matching,
    /// Rules below this priority are not asked.
    pub min_priority: Priority,
    /// What is to be done about findings.
    pub policy: Policy,
}

impl Judgement {
    pub(crate) fn asking(&self) -> Asking {
        Asking { matching: self.matching, least: self.min_priority }
    }
}

/// What a guard is made of.
pub struct Options {
    /// Rules and policy.
    pub judgement: Judgement,
    /// Where processes are found: `/proc`.
    pub proc_root: PathBuf,
    /// This machine's name, for findings on the host.
    pub hostname: String,
    /// Where container engines are found.
    pub containers: containers::Options,
    /// Set by whoever wants the rules read again.
    pub reload: Arc<AtomicBool>,
    /// Ends after this long.
    pub duration: Option<Duration>,
    /// Reports of scans, files or directories, by which executed files are told from those of their images.
    pub with: Vec<PathBuf>,
    /// A new file for every event that rules are asked of.
    pub record: Option<PathBuf>,
    /// The kernel's release, for the recording.
    pub kernel: String,
    /// Where names of addresses come from.
    pub names: NameSource,
    /// Whether what rules ask to be denied is denied, or only told of.
    pub mode: Mode,
}

/// Where names of addresses come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameSource {
    /// From the answers that processes are given. Nothing is asked by the guard.
    Observed,
    /// Those, and the names that rules compare with are asked for by the guard, as Falco does.
    ObservedAndLookedUp,
}

/// Why there is no guard, or none any more.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The rules cannot be used.
    #[error("cannot load rules")]
    Rules(#[from] RulesError),
    /// No rule speaks of what is looked at: nothing found would be nothing looked for.
    #[error("no rule that is switched on is for {0}")]
    NothingToAsk(&'static str),
    /// A rule asks for a denial that cannot be done.
    #[error(transparent)]
    Deny(#[from] DenyError),
    /// The kernel cannot be watched. `seawall guard --doctor` says more.
    #[error("cannot watch this machine")]
    Open(#[from] OpenError),
    /// The kernel cannot be listened to any more.
    #[error("cannot hear the kernel")]
    Poll(#[from] PollError),
    /// The reports of scans cannot be used.
    #[error("cannot use what scans found")]
    Scans(#[from] ScansError),
    /// The recording cannot be begun.
    #[error("cannot record to {path}")]
    Record {
        /// Where.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The recording cannot be replayed.
    #[error("cannot replay")]
    Replay(#[from] ReplayError),
    /// The audit log cannot be read.
    #[error("cannot read the audit log")]
    AuditLog(#[source] std::io::Error),
    /// Nobody listens any more.
    #[error("no output accepts findings")]
    Sinks(#[source] std::io::Error),
}

/// What the guard says of itself while it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// It sees everything now.
    Watching {
        /// Rules that are switched on.
        rules: usize,
        /// Types of events that they ask for.
        event_types: usize,
    },
    /// The rules are usable, and yet this was noticed.
    Warnings(Vec<Diagnostic>),
    /// Rules were exchanged, with these warnings.
    Reloaded(Vec<Diagnostic>),
    /// New rules were not accepted; the old ones stay.
    Refused(String),
    /// Something is not seen.
    Gap(Gap),
}

impl Notice {
    pub(crate) fn refused(error: &dyn std::error::Error) -> Notice {
        let causes = std::iter::successors(Some(error), |error| error.source());
        let told: Vec<String> = causes.map(ToString::to_string).collect();
        Notice::Refused(told.join(": "))
    }
}

/// Without any rule nothing would ever be found, and a rule that relies on something being refused must not go on as one
/// that only tells. Returns what is to be denied.
fn denied_by(rules: &Rules, denying: Denying) -> Result<[Denied; 3], GuardError> {
    if rules.engine.event_types().is_empty() {
        return Err(GuardError::NothingToAsk("system calls (`source: syscall`)"));
    }
    match denying {
        Denying::InKernel | Denying::Rehearsed => Ok(denying::of(&rules.engine)?),
        Denying::Ignored => Ok(Default::default()),
    }
}

/// A running guard. Dropping it takes everything out of the kernel.
pub struct Guard<'s> {
    sensor: Sensor,
    watch: Watch<'s>,
    reloading: Reloading,
    names: NameSource,
    duration: Option<Duration>,
    denying: Denying,
    /// The kernel's part, from the first rule on that denies.
    denials: Option<KernelDenials>,
    settings: ResponseSettings,
    proc_root: PathBuf,
    last_look: Instant,
    last_count: Instant,
    status: Status,
    notices: Box<dyn FnMut(Notice) + 's>,
}

impl<'s> Guard<'s> {
    /// Loads the rules, opens the sensor and looks at the processes that are there.
    ///
    /// # Errors
    /// When a rule file cannot be read or holds a mistake, or when the kernel cannot be watched.
    pub fn new(
        options: Options,
        sinks: Vec<Box<dyn Sink + 's>>,
        notices: impl FnMut(Notice) + 's,
    ) -> Result<Self, GuardError> {
        let asking = options.judgement.asking();
        let mut files = Files::new(options.judgement.rules);
        let rules = files.compiling(asking)()?;
        let settings = options.judgement.policy.respond.clone();
        let denying = Denying::of(options.mode, &settings);
        let denied = denied_by(&rules, denying)?;
        let scans = (!options.with.is_empty()).then(|| Scans::read(&options.with)).transpose()?;
        let wanted = interest::of(&rules.engine);
        let sensor_options =
            seawall_sensor::Options { interest: wanted.interest, ..seawall_sensor::Options::default() };
        // First the sensor, then the look around: what happens in between is told by both.
        let sensor = Sensor::open(&sensor_options)?;
        let environments = if sensor_options.interest.with_environment {
            Environments::Wanted
        } else {
            Environments::NotWanted
        };
        let clock = Clock::of_this_machine();
        let recorder = options.record.map(|path| {
            let header = Header::new(options.hostname.clone(), options.kernel, clock.now_ns());
            Recorder::create(&path, header).map_err(|source| GuardError::Record { path, source })
        });
        let processes = Processes::found(&options.proc_root, clock, environments);
        let mut notices: Box<dyn FnMut(Notice) + 's> = Box::new(notices);
        if !rules.warnings.is_empty() {
            notices(Notice::Warnings(rules.warnings.clone()));
        }
        let mut judging = Judging::new(rules, options.judgement.policy, options.hostname, sinks);
        judging.recorder = recorder.transpose()?;
        let cgroup_root = options.containers.cgroup_root.clone();
        let mut watch = Watch::new(processes, Containers::start(options.containers), judging);
        let images = |scans| Images::start(options.with, scans, &options.proc_root, &cgroup_root);
        watch.images = scans.map(images);
        watch.unknown_types = wanted.unknown;
        watch.resolving.want(wanted.dns);
        if options.names == NameSource::ObservedAndLookedUp {
            watch.resolving.look_up(watch.judging.names_of_addresses());
        }
        watch.judging.rehearses_denials = denying == Denying::Rehearsed;
        let mut guard = Self {
            names: options.names,
            denying,
            denials: None,
            settings,
            proc_root: options.proc_root,
            sensor,
            watch,
            reloading: Reloading::new(files, asking, options.reload),
            duration: options.duration,
            last_look: Instant::now(),
            last_count: Instant::now(),
            status: Status::default(),
            notices,
        };
        guard.deny(None, denied)?;
        if denying == Denying::InKernel {
            guard.watch.judging.leave_denials_to_kernel();
        }
        Ok(guard)
    }

    /// Lets the kernel deny what rules say: of the running engine, or of one that is to replace it.
    fn deny(&mut self, engine: Option<&Engine>, denied: [Denied; 3]) -> Result<(), DenyError> {
        let is_wanted = denied.iter().any(|denied| !denied.clauses.is_empty());
        if self.denying != Denying::InKernel || (self.denials.is_none() && !is_wanted) {
            return Ok(());
        }
        let denials = match &mut self.denials {
            Some(denials) => denials,
            None => {
                let denials = KernelDenials::open(&self.settings.protected, &self.proc_root)?;
                // Without it a denial is told when the wait is over.
                if let Ok(wakes) = denials.wakes() {
                    self.sensor.wake_by(wakes);
                }
                self.denials.insert(denials)
            }
        };
        denials.set(engine.unwrap_or(self.watch.judging.engine()), denied, &self.watch.containers)?;
        // What the rules before have denied is told by them.
        denials.drain(&mut self.watch);
        Ok(())
    }

    /// Keeps the last events, and writes them there when a response wants evidence.
    pub fn keep_recent(&mut self, recent: Arc<Recent>) {
        self.watch.judging.recent = Some(Moments::new(recent));
    }

    /// Counts what happens in each container, and tells it there.
    pub fn count_activity(&mut self, told: Activities) {
        self.watch.counting = Some(Counting::new(told));
    }

    /// Counts that other threads may read while the guard runs.
    pub fn status(&self) -> Status {
        self.status.clone()
    }

    /// Watches until `stop` is set or the time is over. Returns the counts of the end.
    ///
    /// # Errors
    /// When the kernel cannot be heard, or no sink accepts any more.
    pub fn run(&mut self, stop: &AtomicBool) -> Result<Counts, GuardError> {
        let counts = self.counts();
        (self.notices)(Notice::Watching { rules: counts.rules, event_types: counts.event_types });
        counts.gaps.into_iter().for_each(|gap| (self.notices)(Notice::Gap(gap)));
        let end = self.duration.map(|duration| Instant::now() + duration);
        while !stop.load(Ordering::Relaxed) {
            let left = end.map_or(POLL_MAX, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                break;
            }
            let waits = self.watch.waits() || self.denials.as_ref().is_some_and(KernelDenials::waits);
            let longest = if waits { POLL_WAITING } else { POLL_MAX };
            self.turn(left.min(longest))?;
            self.keep_rules();
            if self.last_count.elapsed() >= COUNT_EVERY {
                self.last_count = Instant::now();
                self.watch.tell_activity();
                self.status.set(Counts { turned: Some(self.last_count), ..self.counts() });
            }
        }
        // What was told before the end belongs to it; a storm that goes on does not.
        for _ in 0..LAST_TURNS {
            if self.turn(Duration::ZERO)? == 0 {
                break;
            }
        }
        self.watch.release_all();
        if let Some(recorder) = &mut self.watch.judging.recorder {
            recorder.finish();
        }
        self.watch.judging.failure().map_or(Ok(()), Err)?;
        let counts = self.counts();
        self.status.set(counts.clone());
        Ok(counts)
    }

    /// One batch of events. Returns how many there were.
    fn turn(&mut self, timeout: Duration) -> Result<usize, GuardError> {
        let watch = &mut self.watch;
        let read = self.sensor.poll(timeout, |event| watch.take(event))?;
        match &mut self.denials {
            Some(denials) => {
                denials.follow(watch);
                denials.drain(watch);
            }
            None => {
                watch.made.clear();
                watch.removed.clear();
            }
        }
        watch.release_due();
        watch.resolving.take_looked_up();
        if let Some(recorder) = &mut watch.judging.recorder {
            recorder.flush();
        }
        for cgroup in watch.new_containers.drain(..) {
            // A full map means that the kernel takes a container in the host's mount namespace for the host.
            let _ = self.sensor.mark_container(cgroup);
        }
        for cgroup in watch.gone_containers.drain(..) {
            self.sensor.unmark_container(cgroup);
        }
        watch.judging.failure().map_or(Ok(read), Err)
    }

    /// Rules that have changed are exchanged between two events.
    fn keep_rules(&mut self) {
        if self.last_look.elapsed() >= LOOK_EVERY {
            self.last_look = Instant::now();
            self.watch.follow_clock(Clock::of_this_machine());
        }
        match self.reloading.look() {
            None => {}
            Some(Ok(rules)) => match denied_by(&rules, self.denying) {
                Ok(denied) => self.exchange(rules, denied),
                Err(error) => self.refuse(&error),
            },
            Some(Err(error)) => self.refuse(&error),
        }
    }

    /// First the kernel sends what the new rules want, then they are asked: no event that both want is lost.
    fn exchange(&mut self, mut rules: Rules, denied: [Denied; 3]) {
        let wanted = interest::of(&rules.engine);
        if let Err(error) = self.sensor.set_interest(&wanted.interest) {
            self.refuse(&error);
            return;
        }
        if let Err(error) = self.deny(Some(&rules.engine), denied) {
            // What was accepted a moment ago for the rules that stay is accepted again.
            let _ = self.sensor.set_interest(&interest::of(self.watch.judging.engine()).interest);
            self.refuse(&error);
            return;
        }
        if self.denying == Denying::InKernel {
            rules.engine.leave_denials_to_kernel();
        }
        self.watch.unknown_types = wanted.unknown;
        self.watch.resolving.want(wanted.dns);
        (self.notices)(Notice::Reloaded(rules.warnings.clone()));
        self.watch.judging.exchange(rules);
        if self.names == NameSource::ObservedAndLookedUp {
            self.watch.resolving.look_up(self.watch.judging.names_of_addresses());
        }
    }

    fn refuse(&mut self, error: &dyn std::error::Error) {
        self.watch.judging.refused += 1;
        (self.notices)(Notice::refused(error));
    }

    fn counts(&self) -> Counts {
        let mut counts = self.watch.counts();
        counts.lost = self.sensor.lost().iter().map(|loss| (loss.kind.name(), loss.count)).collect();
        let gap = |kind, reason: String| Gap::of_target(kind, reason);
        let lost = counts.lost.iter().map(|(kind, count)| {
            gap(
                GapKind::Limit,
                format!("{count} events of {kind} were lost: they came faster than they were read"),
            )
        });
        let unavailable = self
            .sensor
            .unavailable()
            .map(|kind| gap(GapKind::Unsupported, format!("this kernel does not tell of {}", kind.name())));
        let undecodable = Some(self.sensor.undecodable()).filter(|count| *count > 0);
        let undecodable = undecodable
            .map(|count| gap(GapKind::Malformed, format!("{count} records of the sensor cannot be read")));
        let denials = self.denials.iter().flat_map(KernelDenials::gaps);
        counts.denials_untold += self.denials.as_ref().map_or(0, KernelDenials::untold);
        counts.gaps = lost
            .chain(denials)
            .chain(unavailable)
            .chain(undecodable)
            .chain(counts.gaps.drain(..).collect::<Vec<_>>())
            .collect();
        counts
    }
}
