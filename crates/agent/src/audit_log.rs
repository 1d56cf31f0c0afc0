//! The rules asked of a Kubernetes audit log: a file, or what `tail -F` or the API server's log writes into a pipe.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read as _};

use seawall_event::{AuditEvent, limits};
use seawall_finding::{Gap, GapKind};
use seawall_policy::Sink;

use crate::guard::{GuardError, Judgement};
use crate::rules::{self, Files};
use crate::status::Counts;
use crate::watch::Judging;

/// Asks the rules of every event of an audit log, one JSON document a line, until its end. Lines that are none are counted
/// in a gap. `hostname` is the machine of findings without a cluster of their own.
///
/// # Errors
/// When the rules cannot be used, the log cannot be read, or no sink accepts any more.
pub fn audit_log(
    mut input: impl BufRead,
    hostname: String,
    judgement: Judgement,
    sinks: Vec<Box<dyn Sink + '_>>,
) -> Result<Counts, GuardError> {
    let asking = judgement.asking();
    let rules = rules::compile(&Files::new(judgement.rules).read()?, asking)?;
    let mut judging = Judging::new(rules, judgement.policy, hostname, sinks);
    let mut refused = Refused::default();
    let mut number = 1;
    let mut line = Vec::new();
    while next_line(&mut input, &mut line).map_err(GuardError::AuditLog)? {
        let read = str::from_utf8(&line).map_err(|_| "it is not UTF-8".to_owned()).and_then(|text| {
            if text.trim().is_empty() {
                return Ok(Vec::new());
            }
            AuditEvent::read(text, number).map_err(|error| error.to_string())
        });
        match read {
            Ok(events) => {
                for event in events {
                    number += 1;
                    judging.observe_audit(&event);
                }
            }
            Err(reason) => refused.add(reason),
        }
        if let Some(failure) = judging.failure() {
            return Err(failure);
        }
    }
    let counts = judging.counts();
    let gaps = counts.gaps.iter().cloned().chain(refused.gap()).collect();
    Ok(Counts { events: BTreeMap::from([("k8s_audit", number - 1)]), gaps, ..counts })
}

/// Lines that were not understood.
#[derive(Default)]
struct Refused {
    count: u64,
    first: Option<String>,
}

impl Refused {
    fn add(&mut self, reason: String) {
        self.count += 1;
        self.first.get_or_insert(reason);
    }

    fn gap(self) -> Option<Gap> {
        let first = self.first?;
        let reason =
            format!("{} lines of the audit log are no events of it; of the first: {first}", self.count);
        Some(Gap::of_target(GapKind::Malformed, reason))
    }
}

/// The next line, without more of it than an event may have: one that is longer is cut, and then no event. `false` behind
/// the last.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let bytes_max = limits::AUDIT_EVENT_BYTES_MAX as u64 + 1;
    if input.by_ref().take(bytes_max).read_until(b'\n', line)? == 0 {
        return Ok(false);
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
    Ok(true)
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
        let log = format!("{event}\n\nnonsense\n{long}\n{event}");
        let judgement = Judgement {
            rules: vec![RuleFile::BuiltIn("r.yaml", RULES)],
            matching: Matching::First,
            min_priority: Priority::Debug,
            policy: Policy::default(),
        };
        let mut told = Told::default();
        let input = BufReader::new(log.as_bytes());
        let counts = audit_log(input, "here".to_owned(), judgement, vec![Box::new(&mut told)]).unwrap();
        assert_eq!(told.0, ["exec by eve in web", "exec by eve in web"]);
        assert_eq!(counts.events["k8s_audit"], 2);
        let [gap] = counts.gaps.as_slice() else { panic!("{:?}", counts.gaps) };
        assert!(gap.reason.starts_with("2 lines of the audit log are no events"), "{}", gap.reason);
    }
}
