//! The rules asked of a Kubernetes audit log: a file, or what `tail -F` or the API server's log writes into a pipe.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use seawall_detect::Source;
use seawall_event::{AuditBatch, AuditEvent, limits};
use seawall_finding::{Gap, GapKind};
use seawall_policy::Sink;

use crate::guard::{GuardError, Judgement, Notice};
use crate::rules::Files;
use crate::status::Counts;
use crate::watch::Judging;

/// Lines that wait to be asked of; each may have some MB.
const LINES_WAITING: usize = 4;
/// How often somebody who wants the end is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Asks the rules of every event of an audit log, one JSON document a line, until its end or until `stop` is set: a pipe
/// may say nothing for hours. Lines that are no events are counted in a gap, and the first is told at once. `hostname` is
/// the machine of findings without a cluster of their own.
///
/// # Errors
/// When the rules cannot be used or none is for audit logs, the log cannot be read, or no sink accepts any more.
pub fn audit_log(
    mut input: impl BufRead + Send + 'static,
    hostname: String,
    judgement: Judgement,
    sinks: Vec<Box<dyn Sink + '_>>,
    stop: &AtomicBool,
    mut notices: impl FnMut(Notice),
) -> Result<Counts, GuardError> {
    let asking = judgement.asking();
    let rules = Files::new(judgement.rules).compiling(asking)()?;
    if !rules.engine.rules().iter().any(|rule| rule.enabled && rule.source == Source::K8sAudit) {
        return Err(GuardError::NothingToAsk("audit logs (`source: k8s_audit`)"));
    }
    let mut judging = Judging::new(rules, judgement.policy, hostname, sinks);
    let (sender, lines) = sync_channel(LINES_WAITING);
    thread::spawn(move || {
        loop {
            let line = next_line(&mut input).transpose();
            // Whoever asks has ended, or the log has.
            let Some(line) = line else { return };
            let is_last = line.is_err();
            if sender.send(line).is_err() || is_last {
                return;
            }
        }
    });
    let mut reading = Reading::default();
    while !stop.load(Ordering::Relaxed) {
        match lines.recv_timeout(LOOK_EVERY) {
            Ok(line) => {
                let was_told = reading.first.is_some();
                for event in reading.events(&line.map_err(GuardError::AuditLog)?) {
                    judging.observe_audit(&event);
                }
                if let Some(gap) = reading.gap().filter(|_| !was_told) {
                    notices(Notice::Gap(gap));
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if let Some(failure) = judging.failure() {
            return Err(failure);
        }
    }
    let counts = judging.counts();
    let gaps = counts.gaps.iter().cloned().chain(reading.gap()).collect();
    Ok(Counts { events: BTreeMap::from([("k8s_audit", reading.events)]), gaps, ..counts })
}

/// Lines as they come, and what of them was not understood.
#[derive(Default)]
struct Reading {
    line: u64,
    events: u64,
    refused: u64,
    first: Option<String>,
}

impl Reading {
    /// The events of a line: one, or those of an `EventList`. One bad item hides no other.
    fn events(&mut self, line: &[u8]) -> Vec<AuditEvent> {
        self.line += 1;
        if line.trim_ascii().is_empty() {
            return Vec::new();
        }
        if line.len() > limits::AUDIT_EVENT_BYTES_MAX {
            let reason = format!("it is larger than {} bytes", limits::AUDIT_EVENT_BYTES_MAX);
            self.refuse(1, &reason);
            return Vec::new();
        }
        match serde_json::from_slice(line) {
            Ok(json) => {
                let AuditBatch { events, refused } = AuditEvent::each_of(json, self.events + 1);
                self.events += events.len() as u64;
                self.refuse(refused, "it is no event of the Kubernetes audit log");
                events
            }
            Err(error) => {
                self.refuse(1, &format!("it is no JSON: {error}"));
                Vec::new()
            }
        }
    }

    fn refuse(&mut self, count: u64, reason: &str) {
        self.refused += count;
        if count > 0 {
            let line = self.line;
            self.first.get_or_insert_with(|| format!("line {line}: {reason}"));
        }
    }

    fn gap(&self) -> Option<Gap> {
        let first = self.first.as_ref()?;
        let reason = format!("{} events of the audit log cannot be read; the first: {first}", self.refused);
        Some(Gap::of_target(GapKind::Malformed, reason))
    }
}

/// The next line, without more of it than an event may have: one that is longer is cut, and then no event. None behind
/// the last.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let bytes_max = limits::AUDIT_EVENT_BYTES_MAX as u64 + 2;
    if input.by_ref().take(bytes_max).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    while line.last() != Some(&b'\n') {
        let rest = input.fill_buf()?;
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let is_last = rest.is_empty() || rest.get(end - 1) == Some(&b'\n');
        input.consume(end);
        if is_last {
            break;
        }
    }
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use seawall_detect::Matching;
    use seawall_finding::Priority;
    use seawall_policy::{Judged, Policy};

    use super::*;
    use crate::rules::RuleFile;

    const RULES: &str = "
- rule: exec into a pod
  desc: d
  condition: ka.verb = create and ka.target.subresource = exec
  output: exec by %ka.user.name in %ka.target.name
  priority: WARNING
  source: k8s_audit
";

    #[derive(Default)]
    struct Told(Vec<String>);

    impl Sink for &mut Told {
        fn take(&mut self, judged: &Judged) -> io::Result<()> {
            self.0.push(judged.finding.summary.clone());
            Ok(())
        }
    }

    #[test]
    fn every_line_is_asked_of_and_bad_ones_are_counted() {
        let event = r#"{"kind":"Event","auditID":"a","stage":"ResponseComplete","verb":"create","user":{"username":"eve"},"objectRef":{"resource":"pods","subresource":"exec","name":"web"},"stageTimestamp":"2026-11-28T00:00:01Z"}"#;
        let long = "x".repeat(limits::AUDIT_EVENT_BYTES_MAX + 100);
        let list = format!(r#"{{"kind":"EventList","items":[{{}},{event}]}}"#);
        let log = format!("{event}\n\nnonsense\n{long}\n{event}\n{list}");
        let judgement = Judgement {
            rules: vec![RuleFile::BuiltIn("r.yaml", RULES)],
            matching: Matching::First,
            min_priority: Priority::Debug,
            policy: Policy::default(),
        };
        let mut told = Told::default();
        let input = BufReader::new(io::Cursor::new(log));
        let stop = AtomicBool::new(false);
        let sinks: Vec<Box<dyn Sink>> = vec![Box::new(&mut told)];
        let mut notices = Vec::new();
        let notice = |notice| notices.push(notice);
        let counts = audit_log(input, "here".to_owned(), judgement, sinks, &stop, notice).unwrap();
        assert_eq!(told.0, ["exec by eve in web"; 3]);
        assert_eq!(counts.events["k8s_audit"], 3);
        assert_eq!(notices.len(), 1);
        let [gap] = counts.gaps.as_slice() else { panic!("{:?}", counts.gaps) };
        let expected = "3 events of the audit log cannot be read; the first: line 3: it is no JSON";
        assert!(gap.reason.starts_with(expected), "{}", gap.reason);
    }
}
