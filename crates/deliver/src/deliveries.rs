//! All outputs of a run: a sink that takes each finding at once and leaves the waiting to others.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use seawall_finding::{Gap, GapKind, Priority};
use seawall_policy::{Judged, Sink};

use crate::config::Planned;
use crate::filter::Filter;
use crate::fold::Fold;
use crate::intake::{Intake, Put};
use crate::limits::{COUNTED_RULES_MAX, FOLD_SWEEP_EVERY};
use crate::output::Reopen;
use crate::source::Source;
use crate::spool::Spool;
use crate::status::Counters;
use crate::worker::{self, End};
use crate::{Config, Delivery, OutputStatus};

/// What outputs need to know of the world.
#[derive(Clone)]
pub struct Surroundings {
    /// Name of the machine.
    pub host: String,
    /// The time, for findings that have none of their own.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings").field("host", &self.host).finish_non_exhaustive()
    }
}

/// Why an output cannot begin.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the output `{name}`")]
pub struct StartError {
    name: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

/// All outputs of a run. Taking a finding never waits for an output: each has its own threads and queue.
#[derive(Debug)]
pub struct Deliveries {
    shared: Arc<Shared>,
    end: Arc<End>,
    reopen: Reopen,
    threads: Vec<JoinHandle<()>>,
}

/// Looks at the outputs of a run from other threads.
#[derive(Debug, Clone)]
pub struct Watch(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    lanes: Vec<Lane>,
    surroundings: Surroundings,
    /// Findings by rule, and by priority in the order of [`Priority::ALL`].
    counted: Mutex<HashMap<String, [u64; Priority::ALL.len()]>>,
}

/// The way to one output.
#[derive(Debug)]
struct Lane {
    filter: Filter,
    fold: Option<Mutex<Fold>>,
    intake: Arc<Intake>,
    spool: Option<Arc<Spool>>,
    counters: Arc<Counters>,
}

impl Deliveries {
    /// Opens the spools and starts the outputs. What an earlier run left on disk is delivered first.
    ///
    /// # Errors
    /// A spool cannot be used, or a thread cannot be started.
    pub fn start(config: Config, surroundings: Surroundings) -> Result<Deliveries, StartError> {
        let end = Arc::new(End::default());
        let mut threads = Vec::new();
        let mut lanes = Vec::new();
        for planned in config.outputs {
            let name = planned.name.clone();
            let failed = |source| StartError { name: name.clone(), source };
            lanes.push(start(planned, &end, &mut threads).map_err(failed)?);
        }
        let shared = Arc::new(Shared { lanes, surroundings, counted: Mutex::default() });
        if shared.lanes.iter().any(|lane| lane.fold.is_some()) {
            let (shared, end) = (Arc::clone(&shared), Arc::clone(&end));
            let sweep = move || {
                while !end.closing.is_rung() {
                    end.closing.pause(FOLD_SWEEP_EVERY);
                    shared.lanes.iter().for_each(|lane| lane.tell_folded(Fold::ended));
                }
            };
            let failed = |source: io::Error| StartError { name: "fold".to_owned(), source: source.into() };
            threads.push(named("fold", sweep).map_err(failed)?);
        }
        Ok(Deliveries { shared, end, reopen: config.reopen, threads })
    }

    /// Opens log files again: another program has moved them.
    pub fn reopen(&self) {
        self.reopen.ask();
    }

    /// A view for other threads.
    pub fn watch(&self) -> Watch {
        Watch(Arc::clone(&self.shared))
    }

    /// What was lost since the last call.
    pub fn gaps(&self) -> Vec<Gap> {
        self.shared.lanes.iter().flat_map(gaps).collect()
    }

    /// Takes no more, and waits until everything was delivered, at most so long. What was not is on disk for the next
    /// run; where there is no spool, it is lost and told of.
    pub fn shut_down(self, time: Duration) -> Vec<Gap> {
        let until = Instant::now() + time;
        self.close();
        let wait = |threads: &[JoinHandle<()>], until: Instant| {
            while !threads.iter().all(JoinHandle::is_finished) && Instant::now() < until {
                thread::sleep(Duration::from_millis(2));
            }
        };
        wait(&self.threads, until);
        self.end.now.ring();
        // Those that paused stop; those that hang in a request are left alone and end with the process.
        wait(&self.threads, Instant::now() + Duration::from_millis(250));
        for lane in &self.shared.lanes {
            lane.counters.dropped(lane.intake.len());
        }
        self.gaps()
    }

    fn close(&self) {
        for lane in &self.shared.lanes {
            lane.tell_folded(Fold::all);
            lane.intake.close();
        }
        self.end.closing.ring();
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        self.close();
        self.end.now.ring();
    }
}

impl Sink for Deliveries {
    fn take(&mut self, judged: &Judged) -> io::Result<()> {
        self.shared.count(judged);
        if self.shared.lanes.iter().any(|lane| lane.filter.may_pass(judged)) {
            let surroundings = &self.shared.surroundings;
            let taken = (surroundings.clock)();
            let delivery = Arc::new(Delivery::new(judged.clone(), &surroundings.host, taken));
            let weight = delivery.weight();
            for lane in self.shared.lanes.iter().filter(|lane| lane.filter.passes(&delivery)) {
                lane.take(&delivery, weight);
            }
        }
        Ok(())
    }
}

impl Watch {
    /// What each output did so far.
    pub fn outputs(&self) -> Vec<OutputStatus> {
        self.0.lanes.iter().map(Lane::status).collect()
    }

    /// Findings so far, by rule and priority.
    pub fn counted(&self) -> Vec<(String, Priority, u64)> {
        let counted = self.0.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = counted.iter().flat_map(|(rule, counts)| {
            let counts = Priority::ALL.into_iter().zip(*counts).filter(|(_, count)| *count > 0);
            counts.map(|(priority, count)| (rule.clone(), priority, count))
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort();
        rows
    }
}

impl Shared {
    fn count(&self, judged: &Judged) {
        const OTHER: &str = "other";
        let finding = &judged.finding;
        let (rule, priority) = match finding.evidence.happened() {
            Some(happened) => (happened.rule.as_str(), happened.priority),
            None => (finding.rule.as_str(), crate::delivery::priority(finding.severity)),
        };
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = counted.len() >= COUNTED_RULES_MAX;
        let rule = if is_full && !counted.contains_key(rule) { OTHER } else { rule };
        match counted.get_mut(rule) {
            Some(counts) => counts[priority as usize] += 1,
            None => counted.entry(rule.to_owned()).or_default()[priority as usize] += 1,
        }
    }
}

impl Lane {
    fn take(&self, delivery: &Arc<Delivery>, weight: usize) {
        if let Some(fold) = &self.fold {
            let mut fold = fold.lock().unwrap_or_else(PoisonError::into_inner);
            if !fold.is_first(delivery, Instant::now()) {
                return;
            }
        }
        self.put(Arc::clone(delivery), weight);
    }

    fn put(&self, delivery: Arc<Delivery>, weight: usize) {
        match self.intake.put(delivery, weight) {
            Put::Waits => {}
            Put::Full => self.counters.dropped(1),
        }
    }

    fn tell_folded(&self, which: fn(&mut Fold, Instant) -> Vec<Arc<Delivery>>) {
        let Some(fold) = &self.fold else { return };
        let summaries = which(&mut fold.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        for summary in summaries {
            let weight = summary.weight();
            self.put(summary, weight);
        }
    }

    fn status(&self) -> OutputStatus {
        let folded =
            self.fold.as_ref().map_or(0, |fold| fold.lock().unwrap_or_else(PoisonError::into_inner).folded);
        OutputStatus {
            queued: self.intake.len() as u64,
            spooled_bytes: self.spool.as_ref().map_or(0, |spool| spool.bytes()),
            folded,
            ..self.counters.status()
        }
    }
}

/// Starts one output.
fn start(
    planned: Planned,
    end: &Arc<End>,
    threads: &mut Vec<JoinHandle<()>>,
) -> Result<Lane, Box<dyn std::error::Error + Send + Sync>> {
    let counters = Arc::new(Counters::new(&planned.name, planned.output.kind()));
    let intake = Arc::new(Intake::new(planned.queue_count, planned.queue_bytes));
    let mut source = Source::Memory(Arc::clone(&intake));
    let mut spool = None;
    if let Some((directory, bytes_max)) = planned.spool {
        let opened = Arc::new(Spool::open(&directory, bytes_max)?);
        source = Source::Disk(Arc::clone(&opened));
        spool = Some(Arc::clone(&opened));
        let (intake, counters, end) = (Arc::clone(&intake), Arc::clone(&counters), Arc::clone(end));
        threads.push(named("keep", move || worker::keep(&intake, &opened, &counters, &end))?);
    }
    let (output, counted, end) = (planned.output, Arc::clone(&counters), Arc::clone(end));
    threads.push(named("deliver", move || worker::deliver(output, &source, &counted, &end))?);
    let fold = planned.fold.map(|window| Mutex::new(Fold::new(window)));
    Ok(Lane { filter: planned.filter, fold, intake, spool, counters })
}

fn named(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).spawn(run)
}

/// What one output lost since the last call.
fn gaps(lane: &Lane) -> Vec<Gap> {
    let (lost, status) = (lane.counters.news(), lane.counters.status());
    let gap = |count: u64, kind: GapKind, what: &str, reason: Option<String>| {
        let reason = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
        (count > 0).then(|| Gap::of_target(kind, format!("output `{}`: {count} {what}{reason}", status.name)))
    };
    let (dropped, refused) = (status.problem.clone(), lane.counters.refusal());
    let gaps = [
        gap(lost.dropped, GapKind::Limit, "findings were dropped, because its queue was full", dropped),
        gap(lost.refused, GapKind::Unsupported, "findings were refused by the other side", refused),
        gap(lost.damaged, GapKind::Malformed, "findings on disk were damaged", None),
    ];
    gaps.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
