//! Arguments of the command that watches.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};
use seawall_finding::Priority;
use seawall_respond::{EVIDENCE_DIRECTORY, Mode, RECEIPTS_DIRECTORY};

pub(crate) const GUARD_EXAMPLES: &str = "\
Rules are in Falco's language; its official files load unchanged. SIGHUP, or a change of a rule file, loads them
again; new rules with a mistake are refused and the old ones stay.

Examples:
  sudo seawall guard --rules falco_rules.yaml
  sudo seawall guard --rules falco_rules.yaml --rules local_rules.yaml --format json
  sudo seawall guard --policy policy.yaml --enforce --outputs outputs.yaml --metrics 127.0.0.1:8765
  seawall scan --format json=/var/lib/seawall/scans/app.json app:1.2
  sudo seawall guard --with /var/lib/seawall/scans
  sudo seawall guard --rules falco_rules.yaml --record today.jsonl --for 10m
  seawall guard --rules falco_rules.yaml --replay today.jsonl --policy policy.yaml
  seawall guard --rules k8s_audit_rules.yaml --audit-webhook 0.0.0.0:8444 --tls-certificate tls.crt --tls-key tls.key
  tail -F audit.log | seawall guard --rules k8s_audit_rules.yaml --audit-log -
  seawall guard --doctor";

/// What to watch for and how to tell it.
#[derive(Debug, Args)]
pub(crate) struct Guard {
    /// Try what is needed, and say what works, what does not and why
    #[arg(long, exclusive = true)]
    pub(crate) doctor: bool,
    /// Rule file, instead of the rules that come with Seawall; later ones change what earlier ones define
    #[arg(long, num_args = 1.., value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) rules: Vec<PathBuf>,
    /// Never load the rules that come with Seawall: without --rules there are none, which is a mistake
    #[arg(long)]
    pub(crate) no_default_rules: bool,
    /// How many rules may speak of one event
    #[arg(long, value_name = "HOW", default_value = "first")]
    pub(crate) matching: Matching,
    /// Ask only rules of this priority or above
    #[arg(long, value_name = "PRIORITY", value_parser = priority, default_value = "debug")]
    pub(crate) min_priority: Priority,
    /// How findings are written to standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: Format,
    /// Policy file with clauses and waivers
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) policy: Vec<PathBuf>,
    /// JSON report of a scan of an image, or a directory of some (*.json): executed files are told from the image's, with
    /// their package and what is wrong with it (`image.*` in rules). Read again when they change
    #[arg(long, value_name = "PATH", value_hint = ValueHint::AnyPath, conflicts_with_all = ["replay", "audit_log", "audit_webhook"])]
    pub(crate) with: Vec<PathBuf>,
    /// Write every event that is asked of, for --replay
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "replay")]
    pub(crate) record: Option<PathBuf>,
    /// Ask the rules of recorded events instead of this machine's
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) replay: Option<PathBuf>,
    /// Ask the rules of a Kubernetes audit log, one JSON document a line; - is standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["replay", "record"])]
    pub(crate) audit_log: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) webhook: AuditWebhook,
    /// Look up the names that rules compare addresses with, as Falco does; the resolver learns of them
    #[arg(long, conflicts_with_all = ["replay", "audit_log", "audit_webhook"])]
    pub(crate) look_up_names: bool,
    /// End after this long: 90s, 10m, 2h
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, conflicts_with = "replay")]
    pub(crate) duration: Option<Duration>,
    #[command(flatten)]
    pub(crate) answering: Answering,
}

/// What the API server's audit webhook is sent.
#[derive(Debug, Args)]
pub(crate) struct AuditWebhook {
    /// Receive what a Kubernetes API server sends to its audit webhook and ask the rules of it: over TLS, or in plain
    /// text at a loopback address
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with_all = ["replay", "record", "audit_log"])]
    pub(crate) audit_webhook: Option<SocketAddr>,
    /// With --audit-webhook, the certificate chain (PEM); read again when the file changes
    #[arg(long, visible_alias = "tls-cert", value_name = "FILE", value_hint = ValueHint::FilePath, requires_all = ["audit_webhook", "tls_key"])]
    pub(crate) tls_certificate: Option<PathBuf>,
    /// With --audit-webhook, the private key (PEM)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "tls_certificate")]
    pub(crate) tls_key: Option<PathBuf>,
    /// With --audit-webhook, let in only clients with a certificate of these authorities (PEM)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "tls_certificate")]
    pub(crate) tls_client_ca: Option<PathBuf>,
}

/// Who else hears of findings, and what is done about them.
#[derive(Debug, Args)]
pub(crate) struct Answering {
    /// Deliver findings as this file says (docs/outputs.md): files, syslog, sockets, HTTP
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "replay")]
    pub(crate) outputs: Option<PathBuf>,
    /// Serve /metrics, /healthz and /versions here, such as 127.0.0.1:8765
    #[arg(long, value_name = "ADDRESS", conflicts_with = "replay")]
    pub(crate) metrics: Option<String>,
    /// Do what the policy and rules ask for (kill, freeze, isolate, stop, quarantine, capture, deny); without it, only
    /// say what would be done
    #[arg(long, conflicts_with = "replay")]
    pub(crate) enforce: bool,
    /// Directory of the receipts of responses
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, default_value = RECEIPTS_DIRECTORY)]
    pub(crate) receipts: PathBuf,
    /// Directory of evidence
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, default_value = EVIDENCE_DIRECTORY)]
    pub(crate) evidence: PathBuf,
}

impl Answering {
    /// Whether anything is done.
    pub(crate) fn mode(&self) -> Mode {
        if self.enforce { Mode::Enforced } else { Mode::Rehearsal }
    }
}

/// How many rules may speak of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Matching {
    /// The first that matches, as Falco does
    First,
    /// All that match
    All,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One finding a line
    Json,
    /// Falco's lines
    Falco,
    /// Falco's JSON
    FalcoJson,
}

fn priority(text: &str) -> Result<Priority, String> {
    Priority::named(text).ok_or_else(|| {
        let names = Priority::ALL.map(|priority| priority.name().to_ascii_lowercase());
        format!("it is one of {}", names.join(", "))
    })
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a number with ms, s, m, h or d, such as 90s".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
    let unit_ms: u64 = match &text[digits..] {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        let check = |text: &str, ms: Option<u64>| {
            assert_eq!(duration(text).ok(), ms.map(Duration::from_millis), "{text}");
        };
        check("90s", Some(90_000));
        check("5", Some(5_000));
        check("250ms", Some(250));
        check("2h", Some(7_200_000));
        check("", None);
        check("5 weeks", None);
        check("99999999999999999999s", None);
        check("9999999999999999999d", None);
    }
}
