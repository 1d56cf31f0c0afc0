//! The rules asked of a Kubernetes audit log: a file, what `tail -F` or the API server's log writes into a pipe, or what
//! the API server sends to its webhook.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use seawall_detect::Source;
use seawall_event::{AuditError, AuditEvent, AuditItem, limits};
use seawall_finding::{Gap, GapKind};
use seawall_policy::Sink;

use crate::audit_queue::AuditQueue;
use crate::guard::{GuardError, Judgement, Notice};
use crate::limits::COUNT_EVERY;
use crate::rules::{Files, Reloading, Rules};
use crate::status::{Counts, Status};
use crate::watch::Judging;

/// Lines that wait to be asked of; each may have some MB.
const LINES_WAITING: usize = 4;
/// How often somebody who wants the end is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How an audit log is asked of.
pub struct AuditOptions {
    /// The machine of findings without a cluster of their own.
    pub hostname: String,
    /// Rules and policy.
    pub judgement: Judgement,
    /// Set by whoever wants the rules read again.
    pub reload: Arc<AtomicBool>,
    /// Ends after this long.
    pub duration: Option<Duration>,
    /// Counts that other threads may read.
    pub status: Status,
}

/// Asks the rules of every event of an audit log, one JSON document a line, until its end, until the time is over, or
/// until `stop` is set: a pipe may say nothing for hours. Lines that are no events are counted in a gap, and the first is
/// told at once.
///
/// # Errors
/// When the rules cannot be used or none is for audit logs, the log cannot be read, or no sink accepts any more.
pub fn audit_log(
    input: impl BufRead + Send + 'static,
    options: AuditOptions,
    sinks: Vec<Box<dyn Sink + '_>>,
    stop: &AtomicBool,
    notices: impl FnMut(Notice),
) -> Result<Counts, GuardError> {
    let mut asked = Asked::new(AuditQueue::default(), options, sinks, notices)?;
    let lines = lines_of(input);
    while asked.goes_on(stop)? {
        match lines.recv_timeout(LOOK_EVERY) {
            Ok(line) => asked.line(&line.map_err(GuardError::AuditLog)?),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    asked.finish()
}

/// The same of what the API server sends to its webhook. At the end, all that was accepted is asked of.
///
/// # Errors
/// When the rules cannot be used or none is for audit logs, or no sink accepts any more.
pub fn audit_webhook(
    queue: &AuditQueue,
    options: AuditOptions,
    sinks: Vec<Box<dyn Sink + '_>>,
    stop: &AtomicBool,
    notices: impl FnMut(Notice),
) -> Result<Counts, GuardError> {
    let mut asked = Asked::new(queue.clone(), options, sinks, notices)?;
    queue.open();
    while asked.goes_on(stop)? {
        if let Some(batch) = queue.next(LOOK_EVERY) {
            asked.batch(&batch);
        }
    }
    queue.close();
    while let Some(batch) = queue.next(Duration::ZERO) {
        asked.batch(&batch);
    }
    asked.finish()
}

fn lines_of(mut input: impl BufRead + Send + 'static) -> Receiver<io::Result<Vec<u8>>> {
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
    lines
}

/// The rules while they are asked.
struct Asked<'s, N> {
    judging: Judging<'s>,
    /// Through which nothing comes where a log is read.
    queue: AuditQueue,
    reloading: Reloading,
    reading: Reading,
    end: Option<Instant>,
    status: Status,
    last_count: Option<Instant>,
    notices: N,
}

impl<'s, N: FnMut(Notice)> Asked<'s, N> {
    fn new(
        queue: AuditQueue,
        options: AuditOptions,
        sinks: Vec<Box<dyn Sink + 's>>,
        mut notices: N,
    ) -> Result<Self, GuardError> {
        let AuditOptions { hostname, judgement, reload, duration, status } = options;
        let asking = judgement.asking();
        let mut files = Files::new(judgement.rules);
        let rules = files.compiling(asking)()?;
        refuse_useless(&rules)?;
        if !rules.warnings.is_empty() {
            notices(Notice::Warnings(rules.warnings.clone()));
        }
        Ok(Asked {
            judging: Judging::new(rules, judgement.policy, hostname, sinks),
            queue,
            reloading: Reloading::new(files, asking, reload),
            reading: Reading::default(),
            end: duration.map(|duration| Instant::now() + duration),
            status,
            last_count: None,
            notices,
        })
    }

    /// Between two events: whether there is another one, new rules, counts for others.
    fn goes_on(&mut self, stop: &AtomicBool) -> Result<bool, GuardError> {
        if let Some(failure) = self.judging.failure() {
            return Err(failure);
        }
        if let Some(answer) = self.reloading.look() {
            match answer.map_err(GuardError::from).and_then(|rules| refuse_useless(&rules).map(|()| rules)) {
                Ok(rules) => {
                    (self.notices)(Notice::Reloaded(rules.warnings.clone()));
                    self.judging.exchange(rules);
                }
                Err(error) => {
                    self.judging.refused += 1;
                    (self.notices)(Notice::refused(&error));
                }
            }
        }
        self.queue.untold_gaps().into_iter().for_each(|gap| (self.notices)(Notice::Gap(gap)));
        if self.last_count.is_none_or(|last| last.elapsed() >= COUNT_EVERY) {
            let now = Instant::now();
            self.last_count = Some(now);
            self.status.set(Counts { turned: Some(now), ..self.counts() });
        }
        Ok(!stop.load(Ordering::Relaxed) && self.end.is_none_or(|end| Instant::now() < end))
    }

    fn line(&mut self, line: &[u8]) {
        self.reading.line += 1;
        if !line.trim_ascii().is_empty() {
            let read = AuditEvent::each_of_line(line, |item| self.item(item));
            self.close(read);
        }
    }

    /// It was looked at before it was accepted.
    fn batch(&mut self, body: &[u8]) {
        let read = AuditEvent::each_of_webhook(body, |item| self.item(item));
        self.close(read);
    }

    fn item(&mut self, item: &[u8]) {
        if let Some(event) = self.reading.event(item) {
            self.judging.observe_audit(&event);
        }
    }

    /// Tells what was not understood, the first time that there is something of its kind.
    fn close(&mut self, read: Result<(), AuditError>) {
        if let Err(error) = read {
            self.reading.refused.count(&error.told(), self.reading.line);
        }
        self.reading.untold_gaps().for_each(|gap| (self.notices)(Notice::Gap(gap)));
    }

    fn counts(&self) -> Counts {
        let counts = self.judging.counts();
        let gaps = counts.gaps.iter().cloned().chain(self.reading.gaps()).chain(self.queue.gaps()).collect();
        let Reading { events, refused, partial, .. } = &self.reading;
        let read = [("no_event", refused.times), ("event_partly_read", partial.times)];
        let audit_lost = read.into_iter().chain(self.queue.lost()).collect();
        Counts { events: BTreeMap::from([("k8s_audit", *events)]), audit_lost, gaps, ..counts }
    }

    fn finish(mut self) -> Result<Counts, GuardError> {
        self.judging.failure().map_or(Ok(()), Err)?;
        Ok(self.counts())
    }
}

/// Without a rule for it nothing would ever be found.
fn refuse_useless(rules: &Rules) -> Result<(), GuardError> {
    match rules.engine.rules().iter().any(|rule| rule.enabled && rule.source == Source::K8sAudit) {
        true => Ok(()),
        false => Err(GuardError::NothingToAsk(
            "audit logs (`source: k8s_audit`; our own has none, Falco's are in `k8s_audit_rules.yaml`)",
        )),
    }
}

/// Items as they come, and what of them was not understood.
struct Reading {
    /// What a webhook was sent has no lines.
    line: u64,
    events: u64,
    refused: Misread,
    partial: Misread,
}

/// How often something was not understood, and what the first was.
struct Misread {
    what: &'static str,
    times: u64,
    first: Option<String>,
    is_told: bool,
}

impl Misread {
    fn new(what: &'static str) -> Misread {
        Misread { what, times: 0, first: None, is_told: false }
    }

    fn count(&mut self, reason: &str, line: u64) {
        self.times += 1;
        let line = if line > 0 { format!("line {line}: ") } else { String::new() };
        self.first.get_or_insert_with(|| format!("{line}{reason}"));
    }

    fn gap(&self) -> Option<Gap> {
        let Misread { what, times, first, .. } = self;
        let reason = format!("{times} events of the audit log {what}; the first: {}", first.as_ref()?);
        Some(Gap::of_target(GapKind::Malformed, reason))
    }

    /// The first time that there is something.
    fn untold_gap(&mut self) -> Option<Gap> {
        let gap = self.gap().filter(|_| !self.is_told)?;
        self.is_told = true;
        Some(gap)
    }
}

impl Default for Reading {
    fn default() -> Reading {
        let partial = Misread::new("have a part that cannot be read, which was not asked of");
        Reading { line: 0, events: 0, refused: Misread::new("cannot be read"), partial }
    }
}

impl Reading {
    /// One bad item hides no other, and a part of an event that cannot be read does not hide the rest.
    fn event(&mut self, item: &[u8]) -> Option<AuditEvent> {
        let AuditItem { event, problem } = AuditEvent::of_item(item, self.events + 1);
        let misread = if event.is_some() { &mut self.partial } else { &mut self.refused };
        if let Some(problem) = problem {
            misread.count(&problem, self.line);
        }
        self.events += u64::from(event.is_some());
        event
    }

    fn untold_gaps(&mut self) -> impl Iterator<Item = Gap> {
        self.refused.untold_gap().into_iter().chain(self.partial.untold_gap())
    }

    fn gaps(&self) -> impl Iterator<Item = Gap> {
        self.refused.gap().into_iter().chain(self.partial.gap())
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

    fn options() -> AuditOptions {
        AuditOptions {
            hostname: "here".to_owned(),
            judgement: Judgement {
                rules: vec![RuleFile::BuiltIn("r.yaml", RULES)],
                matching: Matching::First,
                min_priority: Priority::Debug,
                policy: Policy::default(),
            },
            reload: Arc::default(),
            duration: None,
            status: Status::default(),
        }
    }

    #[test]
    fn what_the_webhook_accepted_before_the_end_is_asked_of() {
        let event = r#"{"auditID":"a","verb":"create","user":{"username":"eve"},"objectRef":{"subresource":"exec","name":"web"},"stageTimestamp":"2026-11-28T00:00:01Z"}"#;
        let poisoned = event.replace("\"verb\"", r#""requestObject":{"a":1e999},"verb""#);
        let list = format!(r#"{{"kind":"EventList","items":[{event},{{}},{poisoned}]}}"#);
        let queue = AuditQueue::default();
        queue.open();
        (0..3).for_each(|_| queue.offer(list.as_bytes()).unwrap());
        let mut told = Told::default();
        let sinks: Vec<Box<dyn Sink>> = vec![Box::new(&mut told)];
        let stop = AtomicBool::new(true);
        let counts = audit_webhook(&queue, options(), sinks, &stop, drop).unwrap();
        assert_eq!((told.0.len(), counts.events["k8s_audit"]), (6, 6));
        let reasons: Vec<&str> = counts.gaps.iter().map(|gap| gap.reason.as_str()).collect();
        let [refused, partial] = reasons.as_slice() else { panic!("{reasons:?}") };
        assert!(
            refused.starts_with("3 events of the audit log cannot be read; the first: it is"),
            "{refused}"
        );
        let expected = "3 events of the audit log have a part that cannot be read, which was not asked of; the first: \
                        \"requestObject\": number out of range";
        assert!(partial.starts_with(expected), "{partial}");
        assert!(queue.offer(list.as_bytes()).is_err());
    }

    #[test]
    fn what_the_webhook_lost_is_counted_while_it_runs() {
        let queue = AuditQueue::default();
        queue.refused(413, "the request is too large");
        let (options, stop) = (options(), AtomicBool::new(false));
        let status = options.status.clone();
        let mut told = Vec::new();
        let notices = |notice| {
            told.push(notice);
            stop.store(true, Ordering::Relaxed);
        };
        let mut sink = Told::default();
        audit_webhook(&queue, options, vec![Box::new(&mut sink)], &stop, notices).unwrap();
        assert!(
            matches!(told.as_slice(), [Notice::Gap(gap)] if gap.reason.contains("413")),
            "{}",
            told.len()
        );
        let counts = status.counts();
        assert_eq!((counts.gaps.len(), counts.audit_lost["request_refused"]), (1, 1));
    }

    #[test]
    fn every_line_is_asked_of_and_bad_ones_are_counted() {
        let event = r#"{"kind":"Event","auditID":"a","stage":"ResponseComplete","verb":"create","user":{"username":"eve"},"objectRef":{"resource":"pods","subresource":"exec","name":"web"},"stageTimestamp":"2026-11-28T00:00:01Z"}"#;
        let long = "x".repeat(limits::AUDIT_EVENT_BYTES_MAX + 100);
        let list = format!(r#"{{"kind":"EventList","items":[{{}},{event}]}}"#);
        let log = format!("{event}\n\nnonsense\n{long}\n{event}\n{list}");
        let mut told = Told::default();
        let input = BufReader::new(io::Cursor::new(log));
        let stop = AtomicBool::new(false);
        let sinks: Vec<Box<dyn Sink>> = vec![Box::new(&mut told)];
        let mut notices = Vec::new();
        let notice = |notice| notices.push(notice);
        let counts = audit_log(input, options(), sinks, &stop, notice).unwrap();
        assert_eq!(told.0, ["exec by eve in web"; 3]);
        assert_eq!(counts.events["k8s_audit"], 3);
        assert_eq!(notices.len(), 1);
        let [gap] = counts.gaps.as_slice() else { panic!("{:?}", counts.gaps) };
        let expected = "3 events of the audit log cannot be read; the first: line 3: it is no JSON";
        assert!(gap.reason.starts_with(expected), "{}", gap.reason);
    }
}
