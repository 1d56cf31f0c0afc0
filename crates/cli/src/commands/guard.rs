//! `seawall guard`: what processes do, as the kernel tells it, judged by rules.

mod answering;
mod audit;
pub(super) mod doctor;
mod lines;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result, bail};
use seawall_agent::{Counts, GuardError, Judgement, NameSource, Notice, Options, RuleFile, containers};
use seawall_policy::{Judged, Policy, Sink};
use seawall_respond::{DenySupport, Mode, Recent};

use crate::Session;
use crate::args::guard::{Guard, Matching};
use crate::exit::Exit;
use answering::Answers;
use lines::Lines;
pub(super) use lines::escaped;

/// Watches until somebody ends it.
pub(crate) fn run(args: &Guard, session: &Session<'_>) -> Result<Exit> {
    if args.doctor {
        return doctor::run(session.terminal);
    }
    let mut policy = Policy::default();
    for path in &args.policy {
        policy.add_file(path)?;
    }
    let mut rules: Vec<RuleFile> = args.rules.iter().cloned().map(RuleFile::Path).collect();
    if rules.is_empty() && !args.no_default_rules {
        rules = seawall_detect::pack().iter().map(|(name, text)| RuleFile::BuiltIn(name, text)).collect();
    }
    if rules.is_empty() {
        bail!("no rules: name a file with --rules");
    }
    let judgement = Judgement {
        rules,
        matching: match args.matching {
            Matching::First => seawall_detect::Matching::First,
            Matching::All => seawall_detect::Matching::All,
        },
        min_priority: args.min_priority,
        policy,
    };
    let lines = Lines::new(args.format, session.terminal, hostname());
    let counts = match (&args.replay, &args.audit_log, &args.webhook.audit_webhook) {
        (Some(file), ..) => seawall_agent::replay(file, judgement, vec![Box::new(lines)]),
        (None, Some(file), _) => audit::log(file, args, judgement, lines, session)?,
        (None, None, Some(address)) => audit::webhook(*address, args, judgement, lines, session)?,
        (None, None, None) => watch(args, judgement, lines, session)?,
    };
    ended(counts, args, session)
}

/// Standard output, and whoever else listens.
fn sinks<'s>(lines: Lines<'s>, answers: &'s mut Answers) -> Vec<Box<dyn Sink + 's>> {
    match answers.listens() {
        true => vec![Box::new(lines), Box::new(answers)],
        false => vec![Box::new(LinesFirst(lines, answers))],
    }
}

/// Nobody but standard output was asked for, so that its end is the end; what rules ask for is rehearsed all the same.
struct LinesFirst<'s>(Lines<'s>, &'s mut Answers);

impl Sink for LinesFirst<'_> {
    fn take(&mut self, judged: &Judged) -> std::io::Result<()> {
        self.0.take(judged)?;
        self.1.take(judged)
    }
}

/// Ends outputs and responses, and tells what they lost.
fn with_lost(counts: Result<Counts, GuardError>, answers: Answers) -> Result<Counts, GuardError> {
    let lost = answers.finish();
    counts.map(|counts| Counts { gaps: counts.gaps.into_iter().chain(lost).collect(), ..counts })
}

fn watch(
    args: &Guard,
    judgement: Judgement,
    lines: Lines<'_>,
    session: &Session<'_>,
) -> Result<Result<Counts, GuardError>> {
    if args.look_up_names && session.global.offline {
        bail!("--look-up-names asks the network, and --offline says not to");
    }
    let recent = Arc::new(Recent::default());
    // What a rule asks for and cannot be done keeps the guard from starting.
    let mut answers = Answers::start(
        &args.answering,
        &judgement.policy,
        DenySupport::Kernel,
        &hostname(),
        &recent,
        session,
    )?;
    let outputs = answers.watch();
    let (stop, reload) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    listen(&stop, &[&reload, &answers.reopen]).context("cannot listen to signals")?;
    let sinks = sinks(lines, &mut answers);
    let options = Options {
        reload,
        duration: args.duration,
        with: args.with.clone(),
        record: args.record.clone(),
        names: if args.look_up_names { NameSource::ObservedAndLookedUp } else { NameSource::Observed },
        mode: args.answering.mode(),
        ..agent_options(judgement, session)?
    };
    let notices = |notice: Notice| tell(&notice, session);
    let counts = seawall_agent::Guard::new(options, sinks, notices).map(|mut guard| {
        guard.keep_recent(recent);
        let server = args.answering.metrics.as_deref();
        let _server = server.map(|address| answering::serve(address, guard.status(), outputs)).transpose()?;
        Ok(guard.run(&stop))
    });
    let counts = match counts {
        Ok(Ok(counts)) => counts,
        Ok(Err(error)) => return Err(error),
        Err(error) => Err(error),
    };
    Ok(with_lost(counts, answers))
}

/// A guard of this machine that nobody asked anything else of.
pub(super) fn agent_options(judgement: Judgement, session: &Session<'_>) -> Result<Options> {
    Ok(Options {
        judgement,
        proc_root: PathBuf::from("/proc"),
        hostname: hostname(),
        containers: containers::Options {
            engines: crate::target::endpoints(session)?,
            ..containers::Options::of_host(Path::new("/"))
        },
        reload: Arc::new(AtomicBool::new(false)),
        duration: None,
        with: Vec::new(),
        record: None,
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        names: NameSource::Observed,
        mode: Mode::Rehearsal,
    })
}

fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn ended(counts: Result<Counts, GuardError>, args: &Guard, session: &Session<'_>) -> Result<Exit> {
    match counts {
        Ok(counts) => {
            summary(&counts, session);
            // Whoever watches without an end has no use for a verdict at the end.
            let is_verdict = args.duration.is_some() || args.replay.is_some() || args.audit_log.is_some();
            Ok(if is_verdict && counts.denied > 0 { Exit::Denied } else { Exit::Allowed })
        }
        Err(GuardError::Sinks(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Allowed),
        Err(error @ (GuardError::Open(_) | GuardError::Poll(_))) => {
            session.terminal.error(&error.into());
            doctor::reasons(session.terminal);
            Ok(Exit::NotExamined)
        }
        Err(error @ (GuardError::Replay(_) | GuardError::AuditLog(_))) => {
            let file = args.replay.as_ref().or(args.audit_log.as_ref());
            Err(error).context(file.map(|file| format!("cannot use {}", file.display())).unwrap_or_default())
        }
        Err(
            error @ (GuardError::Rules(_)
            | GuardError::Deny(_)
            | GuardError::NothingToAsk(_)
            | GuardError::Scans(_)
            | GuardError::Record { .. }
            | GuardError::Sinks(_)),
        ) => Err(error.into()),
    }
}

pub(super) fn listen(stop: &Arc<AtomicBool>, on_hangup: &[&Arc<AtomicBool>]) -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    for signal in [SIGINT, SIGTERM] {
        // Whoever asks twice does not want to wait for the end.
        signal_hook::flag::register_conditional_default(signal, Arc::clone(stop))?;
        signal_hook::flag::register(signal, Arc::clone(stop))?;
    }
    for flag in on_hangup {
        signal_hook::flag::register(SIGHUP, Arc::clone(flag))?;
    }
    Ok(())
}

fn tell(notice: &Notice, session: &Session<'_>) {
    match notice {
        // A gap may name what strangers have named.
        Notice::Gap(_) => session.terminal.log(shown(notice)),
        Notice::Watching { .. } | Notice::Warnings(_) | Notice::Reloaded(_) | Notice::Refused(_) => {
            session.terminal.note(shown(notice));
        }
    }
}

fn shown(notice: &Notice) -> String {
    match notice {
        Notice::Watching { rules, event_types } => {
            format!("watching with {rules} rules, {event_types} kinds of events")
        }
        Notice::Warnings(warnings) => warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        Notice::Reloaded(warnings) => {
            let warnings = warnings.iter().map(|warning| format!("\n{warning}"));
            format!("rules loaded again{}", warnings.collect::<String>())
        }
        Notice::Refused(reason) => format!("new rules refused, the old ones stay: {reason}"),
        Notice::Gap(gap) => format!("gap: {}", gap.reason),
    }
}

fn summary(counts: &Counts, session: &Session<'_>) {
    let (events, lost, alerts) = (counts.events_total(), counts.lost_total(), counts.alerts_total());
    let in_kernel: u64 = counts.denials.values().sum::<u64>() + counts.denials_untold;
    let in_kernel = if in_kernel > 0 { format!(", {in_kernel} denied in the kernel") } else { String::new() };
    session.terminal.note(format_args!(
        "{events} events, {lost} lost, {alerts} findings ({} denied by the policy), {} gaps{in_kernel}",
        counts.denied,
        counts.gaps.len()
    ));
    for gap in &counts.gaps {
        session.terminal.log(format_args!("gap: {}", gap.reason));
    }
}
