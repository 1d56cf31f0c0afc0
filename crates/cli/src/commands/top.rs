//! `seawall top`: containers, and the host, by what happens in them and by what is wrong with them.

mod alerts;
mod risk;
mod show;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use anyhow::Result;
use seawall_agent::{
    Activities, Counts, Guard, GuardError, Judgement, Notice, Options, RuleFile, Scans, Status,
};
use seawall_detect::Matching;
use seawall_finding::Priority;
use seawall_policy::Policy;

use super::guard::{agent_options, doctor, listen};
use crate::Session;
use crate::args::top::{Format, Top};
use crate::exit::Exit;
use crate::terminal::{Key, Screen};
use alerts::{Alerts, Counting, Files};
use show::{Looks, Seen};

/// How late keys and signals are noticed.
const NOTICE_EVERY: Duration = Duration::from_millis(100);

pub(crate) fn run(args: &Top, session: &Session<'_>) -> Result<Exit> {
    let scans = Scans::read(&args.with)?;
    for gap in scans.gaps() {
        session.terminal.note(format_args!("gap: {}", gap.reason));
    }
    let files = Files::open(&args.alerts)?;
    let rules = seawall_detect::pack().iter().map(|(name, text)| RuleFile::BuiltIn(name, text)).collect();
    let judgement = Judgement {
        rules,
        matching: Matching::First,
        min_priority: Priority::Debug,
        policy: Policy::default(),
    };
    let options = Options { with: args.with.clone(), ..agent_options(judgement, session)? };
    let stop = Arc::new(AtomicBool::new(false));
    listen(&stop, &[])?;
    let (activities, alerts) = (Activities::default(), Alerts::default());
    let shown = Shown { args, session, scans, activities: activities.clone(), alerts: alerts.clone(), files };
    std::thread::scope(|scope| {
        let (said, heard) = channel();
        let ended = Arc::clone(&stop);
        let guard = scope.spawn(move || watch(options, activities, alerts, &said, &ended));
        let done = match heard.recv() {
            Ok(status) => shown.until(&stop, &status, || guard.is_finished()),
            // It ended before it began; why, it says below.
            Err(_) => Ok(()),
        };
        stop.store(true, Ordering::Relaxed);
        let counts = guard.join().unwrap_or_else(|cause| std::panic::resume_unwind(cause));
        done?;
        ended_with(counts, session)
    })
}

/// The guard itself, in a thread of its own.
fn watch(
    options: Options,
    activities: Activities,
    alerts: Alerts,
    said: &Sender<Status>,
    stop: &AtomicBool,
) -> Result<Counts, GuardError> {
    // Its gaps are shown as they stand at each look.
    let mut guard = Guard::new(options, vec![Box::new(Counting(alerts))], |_: Notice| {})?;
    guard.count_activity(activities);
    // Nobody hears it when the other thread has ended.
    let _ = said.send(guard.status());
    guard.run(stop)
}

fn ended_with(counts: Result<Counts, GuardError>, session: &Session<'_>) -> Result<Exit> {
    match counts {
        Ok(_) => Ok(Exit::Allowed),
        Err(error @ (GuardError::Open(_) | GuardError::Poll(_))) => {
            session.terminal.error(&error.into());
            doctor::reasons(session.terminal);
            Ok(Exit::NotExamined)
        }
        Err(
            error @ (GuardError::Rules(_)
            | GuardError::Deny(..)
            | GuardError::NothingToAsk(_)
            | GuardError::Scans(_)
            | GuardError::Record { .. }
            | GuardError::Replay(_)
            | GuardError::AuditLog(_)
            | GuardError::Sinks(_)),
        ) => Err(error.into()),
    }
}

/// What is shown, and where it comes from.
struct Shown<'s> {
    args: &'s Top,
    session: &'s Session<'s>,
    scans: Scans,
    activities: Activities,
    alerts: Alerts,
    files: Files,
}

impl Shown<'_> {
    /// Looks again and again, until somebody ends it.
    fn until(mut self, stop: &AtomicBool, status: &Status, has_ended: impl Fn() -> bool) -> Result<()> {
        let Shown { args, session, .. } = self;
        let is_screen = args.format == Format::Text && !args.once;
        let mut screen = if is_screen { Screen::open() } else { None };
        let mut looks = Looks::begin(&self.activities.now(), &status.counts());
        let mut order = args.sort;
        let mut last: Option<Seen> = None;
        while !stop.load(Ordering::Relaxed) && !has_ended() {
            let (key, is_time) = pause(args.interval, looks.began(), screen.as_mut(), stop);
            match key {
                Some(Key::End) => break,
                Some(Key::Sort) => order = order.other(),
                None if !is_time => continue,
                None => {
                    self.files.read(&self.alerts);
                    let rows = looks.rows(&self.activities.now(), &self.alerts.now(), &self.scans);
                    last = Some(looks.seen(rows, &status.counts(), self.files.gaps(), session.config.now()));
                }
            }
            let Some(seen) = &mut last else { continue };
            seen.sort(order);
            match (&mut screen, args.format) {
                (Some(screen), _) => screen.show(&seen.lines(order, session.terminal.colour()))?,
                (None, format) => {
                    let text = match format {
                        Format::Json => seen.json()?,
                        Format::Text => seen.lines(order, session.terminal.colour()).join("\n") + "\n",
                    };
                    match session.terminal.live(text.as_bytes()) {
                        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => break,
                        written => written?,
                    }
                }
            }
            if args.once {
                break;
            }
        }
        Ok(())
    }
}

/// Waits for the end of the interval or for a key; whether it was the interval.
fn pause(
    interval: Duration,
    began: Instant,
    mut screen: Option<&mut Screen>,
    stop: &AtomicBool,
) -> (Option<Key>, bool) {
    loop {
        if let Some(key) = screen.as_mut().and_then(|screen| screen.key()) {
            return (Some(key), false);
        }
        let left = interval.saturating_sub(began.elapsed());
        if left.is_zero() || stop.load(Ordering::Relaxed) {
            return (None, left.is_zero());
        }
        std::thread::sleep(left.min(NOTICE_EVERY));
    }
}
