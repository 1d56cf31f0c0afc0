//! The sink that carries responses out, in threads of its own: whoever pours findings never waits.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use seawall_finding::{Denial, Gap};
use seawall_policy::{AfterDeath, Judged, Requested, Response, Sink};

use crate::action::{Captures, Doing, Surroundings, freeze, isolate, kill, stop};
use crate::clock::Clock;
use crate::guard::{Admitted, Guard, Refusal};
use crate::limits::{LANES, PRUNE_EVERY, QUEUE_MAX, TICK};
use crate::lost::Lost;
use crate::machine::Machine;
use crate::netfilter::Barrier;
use crate::options::{DenySupport, Options, SetupError};
use crate::pace::Pace;
use crate::receipt::{Lock, Mode, Outcome, Receipt, ReceiptError, ReceiptId, Receipts, Standing, Target};
use crate::undo::{UndoError, release_left, take_back, write_back};
use crate::watchdog::Watchdog;

/// Carries out what judged findings ask for.
///
/// Dropping it waits for what is being done and, unless the policy keeps it, releases what holds.
pub struct Responder {
    queue: Option<SyncSender<Box<Judged>>>,
    shared: Arc<Shared>,
    lanes: Vec<JoinHandle<()>>,
    keeper: Option<JoinHandle<()>>,
}

struct Shared {
    // Given away before the watchdog is told to look.
    _lock: Lock,
    options: Options,
    machine: Machine,
    receipts: Receipts,
    captures: Captures,
    pace: Mutex<Pace>,
    held: Mutex<BTreeMap<ReceiptId, Held>>,
    watchdog: Mutex<Option<Watchdog>>,
    number: AtomicU64,
    /// Findings that are not wholly answered.
    pending: Mutex<u64>,
    settled: Condvar,
    ends: AtomicBool,
    lost: Lost,
}

/// What lasts.
struct Held {
    receipt: Receipt,
    barrier: Option<Barrier>,
    /// When its time is over, on the clock that does not jump.
    until: Option<Duration>,
}

impl Held {
    fn new(receipt: Receipt, barrier: Option<Barrier>, clock: &Clock) -> Held {
        let left =
            |expires: Timestamp| Duration::try_from(expires.duration_since(clock.now())).unwrap_or_default();
        let until = receipt.expires.map(|expires| clock.since_start().saturating_add(left(expires)));
        Held { receipt, barrier, until }
    }
}

impl Responder {
    /// Sets everything up, releases what an earlier Seawall has left, and starts the threads.
    ///
    /// # Errors
    /// A response is asked for that cannot be done here, or a directory cannot be used.
    pub fn new(options: Options) -> Result<Responder, SetupError> {
        if let DenySupport::None(reason) = &options.deny
            && let Some((by, _)) = options.wanted.iter().find(|(_, response)| *response == Response::Deny)
        {
            return Err(SetupError::Deny { by: by.clone(), reason: reason.clone() });
        }
        let machine = Machine::new(&options.roots);
        if machine.proc.own_number() != Some(std::process::id()) {
            return Err(SetupError::NoProc(options.roots.proc.clone()));
        }
        let receipts = Receipts::create(&options.receipts)?;
        let lock = receipts.lock()?.ok_or_else(|| SetupError::Locked(options.receipts.clone()))?;
        let lost = Lost::default();
        let left = release_left(&receipts, &options.roots, &machine)?;
        options.tell.iter().for_each(|tell| left.iter().for_each(|receipt| tell(receipt)));
        let unreleased = left.iter().filter(|receipt| receipt.holds()).count();
        lost.unreleased.store(unreleased as u64, Ordering::Relaxed);
        receipts.prune()?;
        let adopted = receipts.all()?.0.into_iter().filter(Receipt::holds);
        let clock = options.roots.clock.clone();
        let held = adopted.map(|receipt| (receipt.id.clone(), Held::new(receipt, None, &clock))).collect();
        let watchdog = match (&options.release, options.settings.after_death) {
            (Some(command), AfterDeath::Release) if options.mode == Mode::Enforced => {
                Some(Watchdog::start(command).map_err(SetupError::Release)?)
            }
            (Some(_) | None, AfterDeath::Release | AfterDeath::Keep) => None,
        };
        let shared = Arc::new(Shared {
            pace: Mutex::new(Pace::new(options.settings.per_minute, options.settings.repeat_after)),
            captures: Captures::default(),
            held: Mutex::new(held),
            watchdog: Mutex::new(watchdog),
            number: AtomicU64::new(0),
            pending: Mutex::new(0),
            settled: Condvar::new(),
            ends: AtomicBool::new(false),
            options,
            machine,
            receipts,
            lost,
            _lock: lock,
        });
        let (queue, jobs) = sync_channel(QUEUE_MAX);
        let mut responder = Responder { queue: Some(queue), shared, lanes: Vec::new(), keeper: None };
        responder.start(jobs).map_err(SetupError::Thread)?;
        Ok(responder)
    }

    fn start(&mut self, jobs: Receiver<Box<Judged>>) -> io::Result<()> {
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..LANES {
            let (jobs, shared) = (Arc::clone(&jobs), Arc::clone(&self.shared));
            let lane = move || {
                loop {
                    let job = lock(&jobs).recv();
                    let Ok(judged) = job else { return };
                    shared.answer(&judged);
                    shared.answered();
                }
            };
            self.lanes.push(std::thread::Builder::new().name("respond".to_owned()).spawn(lane)?);
        }
        let shared = Arc::clone(&self.shared);
        let keeper = move || {
            let mut pruned = Instant::now();
            while !shared.ends.load(Ordering::Relaxed) {
                shared.look_after();
                if pruned.elapsed() > PRUNE_EVERY {
                    pruned = Instant::now();
                    // A directory that cannot be read shows with the next receipt.
                    let _ = shared.receipts.prune();
                }
                std::thread::sleep(TICK);
            }
        };
        self.keeper = Some(std::thread::Builder::new().name("respond-keeper".to_owned()).spawn(keeper)?);
        Ok(())
    }

    /// Waits until everything that was taken is answered: for rehearsals and replays, where nobody else waits.
    pub fn settle(&self) {
        let mut pending = lock(&self.shared.pending);
        while *pending > 0 {
            pending = self.shared.settled.wait(pending).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What was not done or not told since the start.
    pub fn gaps(&self) -> Vec<Gap> {
        self.shared.lost.gaps()
    }
}

impl Sink for Responder {
    fn take(&mut self, judged: &Judged) -> io::Result<()> {
        let asks = |requested: &Requested| requested.response != Response::Notify;
        if !judged.responses.iter().any(asks) {
            return Ok(());
        }
        *lock(&self.shared.pending) += 1;
        let sent = self.queue.as_ref().map(|queue| queue.try_send(Box::new(judged.clone())));
        match sent {
            Some(Ok(())) => {}
            Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) | None => {
                self.shared.lost.overflow.fetch_add(1, Ordering::Relaxed);
                self.shared.answered();
            }
        }
        Ok(())
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        // Lanes end when the queue is empty and nobody can fill it.
        self.queue = None;
        for lane in self.lanes.drain(..) {
            let _ = lane.join();
        }
        self.shared.ends.store(true, Ordering::Relaxed);
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
        let ends = |held: &Held| held.receipt.after_death == AfterDeath::Release;
        for id in self.shared.held_that(ends) {
            // What fails is left to the watchdog, and to the next start.
            let _ = self.shared.undo(&id, "the Seawall that did it has ended");
        }
    }
}

impl Shared {
    fn answered(&self) {
        *lock(&self.pending) -= 1;
        self.settled.notify_all();
    }

    /// Does everything that one finding asks for, in its order.
    fn answer(&self, judged: &Judged) {
        for requested in &judged.responses {
            let mode = if requested.rehearse { Mode::Rehearsal } else { self.options.mode };
            let receipt = self.receipt(judged, requested, mode);
            match requested.response {
                Response::Notify => {}
                Response::Deny => self.deny(judged, receipt),
                Response::Kill
                | Response::Freeze
                | Response::Isolate
                | Response::Stop
                | Response::Quarantine
                | Response::Capture => self.respond(judged, requested, receipt),
            }
        }
    }

    fn receipt(&self, judged: &Judged, requested: &Requested, mode: Mode) -> Receipt {
        let now = self.options.roots.clock.now();
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let id = ReceiptId::new(now, self.options.own_process, number, requested.response);
        Receipt::begun(id, now, judged, requested, mode)
    }

    /// What the kernel has denied says so itself; there is nothing left to answer.
    fn deny(&self, judged: &Judged, mut receipt: Receipt) {
        match judged.finding.evidence.happened().and_then(|happened| happened.denial) {
            Some(Denial::Refused | Denial::Killed) => return,
            Some(Denial::Rehearsed) | None => {}
        }
        match &self.options.deny {
            DenySupport::None(reason) => receipt.refuse(format!("the kernel does not deny here: {reason}")),
            DenySupport::Kernel => {
                receipt.outcome = Outcome::Needless;
                receipt.reason = match receipt.mode {
                    Mode::Enforced => "the kernel denies it where it happens",
                    Mode::Rehearsal => "the kernel would deny it where it happens",
                }
                .to_owned();
            }
        }
        self.tell_refusal(&receipt);
    }

    fn respond(&self, judged: &Judged, requested: &Requested, mut receipt: Receipt) {
        let response = requested.response;
        let options = &self.options;
        let guard = Guard { machine: &self.machine, settings: &options.settings, own: options.own_process };
        let admitted = match guard.admit(response, &mut receipt.target) {
            Ok(admitted) => admitted,
            Err(Refusal::Refused(reason)) => {
                receipt.refuse(reason);
                return self.tell_refusal(&receipt);
            }
            Err(Refusal::Gone(reason)) => {
                receipt.refuse(reason);
                receipt.outcome = Outcome::Needless;
                return self.tell_refusal(&receipt);
            }
        };
        let target = self.name(response, &receipt.target);
        let now = options.roots.clock.since_start();
        // Not held while the refusal is counted, which takes it as well.
        let paced = lock(&self.pace).admit(&target, response, now);
        if let Err(reason) = paced {
            receipt.refuse(reason);
            return self.tell_refusal(&receipt);
        }
        if self.carry_out(judged, requested, receipt, &admitted) == Outcome::Failed {
            lock(&self.pace).forget(&target, response);
        }
    }

    /// What tells the targets of a response apart.
    fn name(&self, response: Response, target: &Target) -> String {
        match (response, &target.process, &target.container) {
            (Response::Kill, Some(process), _) | (_, Some(process), None) => {
                self.machine.proc.name(process.pid)
            }
            (_, _, Some(container)) => container.id.clone(),
            (_, None, None) => String::new(),
        }
    }

    /// The worst outcome of all parts.
    fn carry_out(
        &self,
        judged: &Judged,
        requested: &Requested,
        receipt: Receipt,
        admitted: &Admitted,
    ) -> Outcome {
        if requested.response != Response::Quarantine {
            return self.act(judged, receipt, admitted);
        }
        let mut worst = Outcome::Done;
        // It stands still first, so that nothing changes while the rest is done.
        for part in [Response::Freeze, Response::Isolate, Response::Capture] {
            let asked = Requested { response: part, ..requested.clone() };
            let mut of_part = self.receipt(judged, &asked, receipt.mode);
            of_part.asked = Response::Quarantine;
            of_part.target = receipt.target.clone();
            if self.act(judged, of_part, admitted) == Outcome::Failed {
                worst = Outcome::Failed;
            }
        }
        worst
    }

    fn act(&self, judged: &Judged, mut receipt: Receipt, admitted: &Admitted) -> Outcome {
        let settings = &self.options.settings;
        receipt.after_death = settings.after_death;
        if matches!(receipt.action, Response::Freeze | Response::Isolate) {
            receipt.expires = settings.hold.and_then(|hold| receipt.time.checked_add(hold).ok());
        }
        let note = |receipt: &Receipt| self.receipts.write(receipt);
        let doing = Doing { machine: &self.machine, mode: receipt.mode, note: &note };
        // What leaves no receipt is not done.
        if let Err(error) = note(&receipt) {
            return self.unwritten(&error);
        }
        let located = match admitted {
            Admitted::Container(located) => Some(located.as_ref()),
            Admitted::Anything(located) => located.as_deref(),
            Admitted::Process(..) => None,
        };
        let mut barrier = None;
        let noted = match (receipt.action, admitted, located) {
            (Response::Kill, Admitted::Process(held, identity), _) => {
                kill(&doing, &mut receipt, held, identity);
                Ok(())
            }
            (Response::Freeze, _, Some(located)) => freeze(&doing, &mut receipt, located),
            (Response::Isolate, _, Some(located)) => {
                isolate(&doing, &mut receipt, located, settings, self.options.own_process)
                    .map(|raised| barrier = raised)
            }
            (Response::Stop, _, Some(located)) => {
                stop(&doing, &mut receipt, located);
                Ok(())
            }
            (Response::Capture, _, located) => {
                let options = &self.options;
                let surroundings =
                    Surroundings { judged, recent: &options.recent, evidence: &options.evidence };
                self.captures.capture(&doing, &mut receipt, located, &surroundings);
                Ok(())
            }
            (_, _, _) => {
                receipt.fail("it has no target of its kind");
                Ok(())
            }
        };
        if let Err(error) = noted {
            return self.unwritten(&error);
        }
        self.finish(receipt, barrier)
    }

    fn unwritten(&self, error: &ReceiptError) -> Outcome {
        self.lost.unwritten(error);
        Outcome::Failed
    }

    fn finish(&self, mut receipt: Receipt, barrier: Option<Barrier>) -> Outcome {
        if receipt.standing == Standing::Past {
            receipt.expires = None;
        }
        if let Err(error) = self.receipts.write(&receipt) {
            // What was written before it was done still tells of it.
            self.lost.unwritten(&error);
        }
        let outcome = receipt.outcome;
        if let Some(tell) = &self.options.tell {
            tell(&receipt);
        }
        if receipt.holds() {
            let held = Held::new(receipt, barrier, &self.options.roots.clock);
            lock(&self.held).insert(held.receipt.id.clone(), held);
        }
        outcome
    }

    fn tell_refusal(&self, receipt: &Receipt) {
        let now = self.options.roots.clock.since_start();
        if !lock(&self.pace).tells_refusal(now) {
            self.lost.refusals.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if let Err(error) = self.receipts.write(receipt) {
            self.lost.unwritten(&error);
        }
        if let Some(tell) = &self.options.tell {
            tell(receipt);
        }
    }

    fn held_that(&self, is_meant: impl Fn(&Held) -> bool) -> Vec<ReceiptId> {
        let held = lock(&self.held);
        held.iter().filter(|(_, held)| is_meant(held)).map(|(id, _)| id.clone()).collect()
    }

    /// Undoes what expired and what others ask to undo, and sees to the watchdog.
    fn look_after(&self) {
        let now = self.options.roots.clock.since_start();
        let is_over = |held: &Held| held.until.is_some_and(|until| until <= now);
        for id in self.held_that(is_over) {
            if self.undo(&id, "its time was over").is_err() {
                self.lost.unreleased.fetch_add(1, Ordering::Relaxed);
                // Tried once; `seawall respond undo` tries again.
                if let Some(held) = lock(&self.held).get_mut(&id) {
                    held.until = None;
                }
            }
        }
        for id in self.receipts.ids("undo").unwrap_or_default() {
            let is_begun = |receipt: &Receipt| receipt.outcome == Outcome::Begun;
            if !lock(&self.held).contains_key(&id)
                && self.receipts.read(&id).is_ok_and(|read| is_begun(&read))
            {
                // It is being done right now.
                continue;
            }
            let _ = self.undo(&id, "somebody undid it");
            self.receipts.undo_answered(&id);
        }
        if let Some(watchdog) = lock(&self.watchdog).as_mut()
            && watchdog.has_ended()
        {
            self.lost.watchdogs.fetch_add(1, Ordering::Relaxed);
            watchdog.restart();
        }
    }

    fn undo(&self, id: &ReceiptId, why: &str) -> Result<Receipt, UndoError> {
        let roots = &self.options.roots;
        let held = lock(&self.held).remove(id);
        match held {
            Some(Held { receipt, barrier: Some(barrier), .. }) => {
                let lowered = barrier.lower();
                let step = || vec![format!("removed nf_tables tables `{}`", id.table())];
                let done = lowered.map(|()| step()).map_err(|error| format!("nf_tables refuses: {error}"));
                write_back(&self.receipts, receipt, done, why, roots)
            }
            Some(Held { receipt, barrier: None, until }) => {
                let undone = take_back(&self.machine, &self.receipts, receipt.clone(), why, roots);
                if undone.is_err() {
                    lock(&self.held).insert(id.clone(), Held { receipt, barrier: None, until });
                }
                undone
            }
            None => take_back(&self.machine, &self.receipts, self.receipts.read(id)?, why, roots),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
