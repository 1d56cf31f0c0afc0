//! The guard over a Kubernetes audit log: from a file or a pipe, or as the API server sends it to its webhook.

use std::fs::File;
use std::io::{BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use anyhow::{Context as _, Result, bail};
use seawall_admit::http::{Answer, Bodies, Request};
use seawall_admit::kubernetes::Certificates;
use seawall_admit::server::{self, Answering, Server};
use seawall_agent::{
    AuditOptions, AuditQueue, Counts, GuardError, Judgement, Notice, Status, TurnedAway, audit_log,
    audit_webhook,
};
use seawall_event::limits::AUDIT_BATCH_BYTES_MAX;
use seawall_policy::Sink;
use seawall_respond::{DenySupport, Recent};

use super::answering::{self, Answers};
use super::lines::Lines;
use super::{hostname, listen, sinks, tell, with_lost};
use crate::Session;
use crate::args::guard::{AuditWebhook, Guard};
use crate::commands::admit;

/// Batches that are being received at the same time, of all connections: four of the largest.
const BODIES_BYTES_MAX: usize = 4 * AUDIT_BATCH_BYTES_MAX;

/// A log may be a pipe, which is read as long as somebody writes.
pub(super) fn log(
    file: &Path,
    args: &Guard,
    judgement: Judgement,
    lines: Lines<'_>,
    session: &Session<'_>,
) -> Result<Result<Counts, GuardError>> {
    let input: Box<dyn Read + Send> = if file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        // Opening a pipe waits for who writes it, as the user means it; a device would give bytes for ever.
        let log = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
        let kind = log.metadata()?.file_type();
        if !kind.is_file() && !kind.is_fifo() {
            bail!("cannot read {}: it is neither a regular file nor a pipe", file.display());
        }
        Box::new(log)
    };
    let input = BufReader::new(input);
    ask(args, judgement, lines, session, |options, sinks, stop| {
        audit_log(input, options, sinks, stop, |notice: Notice| tell(&notice, session))
    })
}

/// Listens until somebody ends it.
pub(super) fn webhook(
    address: SocketAddr,
    args: &Guard,
    judgement: Judgement,
    lines: Lines<'_>,
    session: &Session<'_>,
) -> Result<Result<Counts, GuardError>> {
    let server = server(address, &args.webhook, session)?;
    let listener = server::bind(address).with_context(|| format!("cannot listen at {address}"))?;
    let queue = AuditQueue::default();
    let (offered, counting) = (queue.clone(), queue.clone());
    let server = server.telling(Arc::new(move |status: u16, reason: &str| counting.refused(status, reason)));
    let answering: Answering = Arc::new(move |request: &Request| answer(&offered, request));
    session.terminal.note(format_args!("listening at {}", listener.local_addr()?));
    let serve = move || -> () { server.listen(&listener, &answering) };
    thread::Builder::new().name("webhook".to_owned()).spawn(serve).context("cannot listen")?;
    ask(args, judgement, lines, session, |options, sinks, stop| {
        audit_webhook(&queue, options, sinks, stop, |notice: Notice| tell(&notice, session))
    })
}

/// Whoever can send events can send false ones, and hear what is in them who listens on the way: without TLS only this
/// machine may.
fn server(address: SocketAddr, args: &AuditWebhook, session: &Session<'_>) -> Result<Server> {
    let bodies = Bodies::new(AUDIT_BATCH_BYTES_MAX as u64, BODIES_BYTES_MAX);
    match (&args.tls_certificate, &args.tls_key) {
        (Some(certificate), Some(key)) => {
            let certificates = Certificates::open(certificate, key, args.tls_client_ca.as_deref())?;
            Ok(Server::over_tls(Arc::new(certificates), bodies, admit::log(session)))
        }
        _ if address.ip().is_loopback() => Ok(Server::plain(bodies, admit::log(session))),
        _ => bail!(
            "{address} is no loopback address: audit events are received there over TLS only, with --tls-certificate and \
             --tls-key"
        ),
    }
}

fn answer(queue: &AuditQueue, request: &Request) -> Answer {
    let path = request.target.split('?').next().unwrap_or_default();
    match (request.method.as_str(), path) {
        ("GET", "/healthz" | "/readyz") => Answer::text(200, "ok"),
        // The second is where Falco listens.
        ("POST", "/" | "/audit" | "/k8s-audit") => match queue.offer(&request.body) {
            Ok(()) => Answer::text(200, "ok"),
            Err(refusal @ TurnedAway::Malformed(_)) => Answer::text(400, &refusal.to_string()),
            Err(refusal @ TurnedAway::Full) => Answer::text(429, &refusal.to_string()),
            Err(refusal @ TurnedAway::Closed) => Answer::text(503, &refusal.to_string()),
        },
        (_, "/" | "/audit" | "/k8s-audit") => Answer::text(405, "events are sent by POST"),
        _ => Answer::text(404, "there is /audit and /healthz"),
    }
}

/// Runs with outputs, responses, signals and metrics.
fn ask<'s>(
    args: &Guard,
    judgement: Judgement,
    lines: Lines<'s>,
    session: &Session<'_>,
    run: impl FnOnce(AuditOptions, Vec<Box<dyn Sink + '_>>, &AtomicBool) -> Result<Counts, GuardError>,
) -> Result<Result<Counts, GuardError>> {
    let recent = Arc::new(Recent::default());
    let deny = DenySupport::None("what an audit log tells has happened".to_owned());
    let mut answers =
        Answers::start(&args.answering, &judgement.policy, deny, &hostname(), &recent, session)?;
    let (stop, reload) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    listen(&stop, &[&reload, &answers.reopen]).context("cannot listen to signals")?;
    let status = Status::default();
    let address = args.answering.metrics.as_deref();
    let outputs = answers.watch();
    let _server = address.map(|address| answering::serve(address, status.clone(), outputs)).transpose()?;
    let options = AuditOptions { hostname: hostname(), judgement, reload, duration: args.duration, status };
    let counts = run(options, sinks(lines, &mut answers), &stop);
    Ok(with_lost(counts, answers))
}
