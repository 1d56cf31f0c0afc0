//! `seawall respond`: receipts of responses, undoing, rehearsing.

use std::fmt::Write as _;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::{Context as _, Result};
use seawall_finding::Finding;
use seawall_inventory::Inventory;
use seawall_policy::{Context, Funnel, Policy};
use seawall_respond::{
    DenySupport, Mode, Options, Outcome, Receipt, Receipts, Recent, Responder, Roots, Standing,
};

use crate::args::respond::{ReceiptsArgs, Respond};
use crate::exit::Exit;
use crate::target::endpoints;
use crate::{Session, input};

/// A guard's findings of a day have some MB.
const FINDINGS_BYTES_MAX: u64 = 64 * 1024 * 1024;

pub(crate) fn run(command: &Respond, session: &Session<'_>) -> Result<Exit> {
    match command {
        Respond::List { receipts, holding, json } => list(receipts, *holding, *json, session),
        Respond::Show { receipt, receipts } => {
            let receipt = Receipts::at(&receipts.receipts).read(receipt)?;
            let told = serde_json::to_string_pretty(&receipt)?;
            session.terminal.result(|out| Ok(writeln!(out, "{told}")?))?;
            Ok(Exit::Allowed)
        }
        Respond::Undo { receipt, receipts } => {
            let receipts = Receipts::at(&receipts.receipts);
            let undone = seawall_respond::undo(&receipts, receipt, &roots(session)?)?;
            session.terminal.text(&format!("{}\n", line(&undone)))?;
            Ok(Exit::Allowed)
        }
        Respond::Rehearse { findings, policy } => rehearse(findings, policy, session),
        Respond::Release { receipts } => {
            // The guard writes nothing: the end is all that is waited for.
            io::copy(&mut io::stdin().lock(), &mut io::sink()).context("cannot wait for the guard's end")?;
            for released in seawall_respond::release(&Receipts::at(&receipts.receipts), &roots(session)?)? {
                session.terminal.note(line(&released));
            }
            Ok(Exit::Allowed)
        }
    }
}

fn roots(session: &Session<'_>) -> Result<Roots> {
    Ok(Roots::of_this_machine(endpoints(session)?))
}

fn list(args: &ReceiptsArgs, holding: bool, json: bool, session: &Session<'_>) -> Result<Exit> {
    let (mut receipts, wrong) = Receipts::at(&args.receipts).all()?;
    for error in &wrong {
        session.terminal.error(&anyhow::Error::msg(format!("{error}: it is not shown")));
    }
    receipts.retain(|receipt| !holding || receipt.holds());
    let mut told = String::new();
    for receipt in &receipts {
        match json {
            true => writeln!(told, "{}", serde_json::to_string(receipt)?)?,
            false => writeln!(told, "{}", line(receipt))?,
        }
    }
    match json {
        true => session.terminal.result(|out| Ok(out.write_all(told.as_bytes())?))?,
        false => session.terminal.text(&told)?,
    }
    Ok(if wrong.is_empty() { Exit::Allowed } else { Exit::NotExamined })
}

/// A receipt for people, on one line: its name, its rule and the rest.
fn line(receipt: &Receipt) -> String {
    let line = format!("{} {}: {}", receipt.id, receipt.rule, told(receipt));
    // A forged receipt must not make a line of its own.
    line.replace(['\n', '\r'], " ")
}

/// What was done, what came of it, and how it stands: `kill done: sent SIGKILL to process 12; it ended`.
pub(crate) fn told(receipt: &Receipt) -> String {
    let outcome = match receipt.outcome {
        Outcome::Begun => "has begun",
        Outcome::Done => "done",
        Outcome::Needless => "was not needed",
        Outcome::Rehearsed => "would be done (--enforce does it)",
        Outcome::Refused => "refused",
        Outcome::Failed => "failed",
    };
    let detail = if receipt.reason.is_empty() { receipt.steps.join("; ") } else { receipt.reason.clone() };
    let colon = if detail.is_empty() { "" } else { ": " };
    let standing = match &receipt.standing {
        Standing::Past => String::new(),
        Standing::Holds => "; holds".to_owned(),
        Standing::Undone { why, steps, .. } => format!("; undone ({why}): {}", steps.join(", ")),
    };
    format!("{} {outcome}{colon}{detail}{standing}", receipt.action)
}

fn rehearse(findings: &Path, policies: &[PathBuf], session: &Session<'_>) -> Result<Exit> {
    let mut policy = Policy::default();
    for file in policies {
        policy.add_file(file)?;
    }
    let text = text(findings)?;
    // A judged finding is a finding with more beside it, which is judged anew.
    let findings: Vec<Finding> = serde_json::Deserializer::from_str(&text)
        .into_iter()
        .collect::<Result<_, _>>()
        .with_context(|| format!("{} does not hold findings", findings.display()))?;
    let directory = tempfile::tempdir().context("cannot make a directory for the rehearsal")?;
    let (sender, receipts) = mpsc::channel();
    let mut options = options(&policy, directory.path(), session)?;
    options.tell = Some(Arc::new(move |receipt: &Receipt| {
        let _ = sender.send(receipt.clone());
    }));
    let mut responder = Responder::new(options)?;
    let inventory = Inventory::default();
    let context = Context { today: session.config.today(), inventory: &inventory };
    for finding in findings {
        Funnel::new(&policy, context, vec![&mut responder]).pour([finding])?;
        responder.settle();
        for receipt in receipts.try_iter() {
            session.terminal.text(&format!("{}\n", line(&receipt)))?;
        }
    }
    Ok(Exit::Allowed)
}

fn text(findings: &Path) -> Result<String> {
    if findings != Path::new("-") {
        return input::text_of(findings, FINDINGS_BYTES_MAX);
    }
    let mut text = String::new();
    let read = io::stdin().lock().take(FINDINGS_BYTES_MAX).read_to_string(&mut text);
    read.context("cannot read standard input")?;
    Ok(text)
}

fn options(policy: &Policy, directory: &Path, session: &Session<'_>) -> Result<Options> {
    let mut settings = policy.respond.clone();
    // The findings of a day are asked about at once.
    settings.per_minute = u32::MAX;
    settings.repeat_after = Duration::from_nanos(1);
    Ok(Options {
        mode: Mode::Rehearsal,
        settings,
        wanted: Vec::new(),
        deny: DenySupport::None("a rehearsal loads nothing into the kernel".to_owned()),
        receipts: directory.join("receipts"),
        evidence: directory.join("evidence"),
        roots: roots(session)?,
        own_process: std::process::id(),
        recent: Arc::new(Recent::default()),
        release: None,
        tell: None,
    })
}
