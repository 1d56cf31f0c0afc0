//! Who hears of a finding besides standard output, and what is done about it: outputs, responses, metrics.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use seawall_agent::Counts;
use seawall_deliver::metrics::{Counter, Snapshot, Usage};
use seawall_deliver::{Config, Deliveries, Health, Secret, SecretSource, Server, Surroundings, Watch};
use seawall_finding::Gap;
use seawall_policy::{Judged, Policy, Response, Sink};
use seawall_respond::{DenySupport, Receipt, Recent, Responder, Roots, SetupError};

use super::super::respond::told;
use crate::args::guard::Answering;
use crate::target::endpoints;
use crate::{Session, input};

/// A token has some hundred bytes.
const SECRET_BYTES_MAX: u64 = 64 * 1024;
/// A configuration of outputs.
const OUTPUTS_BYTES_MAX: u64 = 1024 * 1024;
/// How long the outputs may take to deliver what they have when the guard ends; the rest stays on disk.
const DRAIN: Duration = Duration::from_secs(5);

/// Outputs and responses of a run. Dropping it ends them.
pub(super) struct Answers {
    deliveries: Deliveries,
    is_heard: bool,
    responder: Option<Responder>,
    /// Set when log files were moved (SIGHUP) and have to be opened again.
    pub(super) reopen: Arc<AtomicBool>,
}

impl Answers {
    /// Starts what the arguments ask for. Responses are prepared where the policy or a rule asks for one.
    pub(super) fn start(
        args: &Answering,
        policy: &Policy,
        deny: DenySupport,
        host: &str,
        recent: &Arc<Recent>,
        session: &Session<'_>,
    ) -> Result<Answers> {
        let config = match &args.outputs {
            Some(path) => {
                let text = input::text_of(path, OUTPUTS_BYTES_MAX)?;
                let config = Config::parse(&text, &|source| secret(source, session));
                config.with_context(|| format!("cannot use {}", path.display()))?
            }
            None => Config::default(),
        };
        // Without an output they still count, for the metrics.
        let clock = Arc::new(jiff::Timestamp::now);
        let deliveries = Deliveries::start(config, Surroundings { host: host.to_owned(), clock })?;
        let is_asked = policy.wanted_responses().next().is_some();
        let is_heard = args.outputs.is_some() || args.metrics.is_some() || args.enforce || is_asked;
        let responder = match responder(args, policy, deny, recent, session) {
            Ok(responder) => Some(responder),
            Err(error) if args.enforce || is_asked => return Err(error),
            // Only a rule could ask, and it would only be rehearsed.
            Err(error) => {
                session.terminal.note(format_args!("responses are not rehearsed: {error:#}"));
                None
            }
        };
        Ok(Answers { deliveries, responder, is_heard, reopen: Arc::default() })
    }

    /// A look at the outputs from other threads.
    pub(super) fn watch(&self) -> Watch {
        self.deliveries.watch()
    }

    /// Whether the user has asked for more than standard output.
    pub(super) fn listens(&self) -> bool {
        self.is_heard
    }

    /// Waits for what is being done and delivered. Returns what was lost.
    pub(super) fn finish(mut self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        if let Some(responder) = self.responder.take() {
            responder.settle();
            gaps.extend(responder.gaps());
        }
        gaps.extend(self.deliveries.gaps());
        gaps.extend(self.deliveries.shut_down(DRAIN));
        gaps
    }
}

impl Sink for &mut Answers {
    fn take(&mut self, judged: &Judged) -> io::Result<()> {
        if let Some(responder) = &mut self.responder {
            responder.take(judged)?;
        }
        if self.reopen.swap(false, Ordering::Relaxed) {
            self.deliveries.reopen();
        }
        self.deliveries.take(judged)
    }
}

fn secret(source: &SecretSource, session: &Session<'_>) -> Result<Secret, String> {
    match source {
        SecretSource::Env(name) => {
            session.config.secret(name).map(Secret::new).ok_or_else(|| "it is not set".to_owned())
        }
        SecretSource::File(path) => {
            let text = input::text_of(path, SECRET_BYTES_MAX).map_err(|error| format!("{error:#}"))?;
            Ok(Secret::new(text.trim_end_matches(['\n', '\r'])))
        }
    }
}

fn responder(
    args: &Answering,
    policy: &Policy,
    deny: DenySupport,
    recent: &Arc<Recent>,
    session: &Session<'_>,
) -> Result<Responder> {
    let mode = args.mode();
    if let Some((by, _)) = policy.wanted_responses().find(|(_, response)| *response == Response::Deny) {
        let reason = "a clause is judged after it happened; write `respond: [deny]` into the rule".to_owned();
        return Err(SetupError::Deny { by: by.to_owned(), reason }.into());
    }
    let voice = session.terminal.voice();
    let options = seawall_respond::Options {
        mode,
        settings: policy.respond.clone(),
        wanted: policy.wanted_responses().map(|(by, response)| (by.to_owned(), response)).collect(),
        deny,
        receipts: args.receipts.clone(),
        evidence: args.evidence.clone(),
        roots: Roots::of_this_machine(endpoints(session)?),
        own_process: std::process::id(),
        recent: Arc::clone(recent),
        release: args.enforce.then(|| release(&args.receipts)).transpose()?,
        tell: Some(Arc::new(move |receipt: &Receipt| {
            voice.note(format_args!("{} [receipt {}]", told(receipt), receipt.id))
        })),
    };
    Ok(Responder::new(options)?)
}

/// The command that waits for the end of this process, however it ends.
fn release(receipts: &PathBuf) -> Result<Vec<OsString>> {
    let own = std::env::current_exe().context("cannot tell where seawall itself is")?;
    Ok(vec![own.into(), "respond".into(), "release".into(), "--receipts".into(), receipts.into()])
}

fn denials(counts: &Counts) -> Counter {
    let known = counts.denials.iter().map(|(rule, count)| (rule.clone(), *count));
    let untold = (counts.denials_untold > 0).then(|| (String::new(), counts.denials_untold));
    Counter {
        name: "denials_total",
        help: "What the kernel has denied, by the rule; without a rule, what could not be told.",
        label: "rule",
        values: known.chain(untold).collect(),
    }
}

/// Serves metrics and health.
pub(super) fn serve(address: &str, status: seawall_agent::Status, watch: Watch) -> Result<Server> {
    Ok(Server::start(address, Health::default(), move || snapshot(&status.counts(), &watch))?)
}

fn snapshot(counts: &Counts, watch: &Watch) -> Snapshot {
    let owned = |(name, count): (&&'static str, &u64)| ((*name).to_owned(), *count);
    let mut snapshot = Snapshot {
        versions: vec![("seawall".to_owned(), env!("CARGO_PKG_VERSION").to_owned())],
        turned_ago: counts.turned.map(|turned: Instant| turned.elapsed()),
        events: counts.events.iter().map(owned).collect(),
        lost: counts.lost.iter().map(owned).collect(),
        containers: counts.containers as u64,
        rules: counts.rules as u64,
        rule_set: format!("{:016x}", counts.rules_digest),
        more: vec![
            denials(counts),
            Counter {
                name: "audit_lost_total",
                help: "Audit events and requests to the audit webhook that were not, or not wholly, asked of.",
                label: "reason",
                values: counts.audit_lost.iter().map(owned).collect(),
            },
            Counter {
                name: "rules_loaded_total",
                help: "How often rules were loaded again, by what came of it.",
                label: "outcome",
                values: vec![
                    ("accepted".to_owned(), counts.reloads),
                    ("refused".to_owned(), counts.reloads_refused),
                ],
            },
        ],
        usage: Usage::read(std::path::Path::new("/proc")),
        ..Snapshot::default()
    };
    snapshot.watch(watch);
    snapshot
}
