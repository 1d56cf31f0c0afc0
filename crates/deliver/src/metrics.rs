//! What a running guard tells of itself, as Prometheus reads it (text exposition format 0.0.4).

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use seawall_finding::Priority;

use crate::{OutputStatus, Watch};

/// What a running guard tells of itself.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Names and versions: `seawall`, `engine`, `rules`; also the answer at `/versions`.
    pub versions: Vec<(String, String)>,
    /// How long ago its loop last turned; `None` before the first time.
    pub turned_ago: Option<Duration>,
    /// Events by type.
    pub events: Vec<(String, u64)>,
    /// Events that were lost, by kind.
    pub lost: Vec<(String, u64)>,
    /// Findings by rule and priority: [`Watch::counted`].
    pub found: Vec<(String, Priority, u64)>,
    /// What outputs did: [`Watch::outputs`].
    pub outputs: Vec<OutputStatus>,
    /// Containers that run.
    pub containers: u64,
    /// Rules that are loaded.
    pub rules: u64,
    /// Identifies the rules: a digest of their files.
    pub rule_set: String,
    /// What else is counted, with the name behind `seawall_`, in sentences what it is, and its values by label.
    pub more: Vec<Counter>,
    /// What the process uses: [`Usage::read`].
    pub usage: Option<Usage>,
}

/// A counter of the caller's.
#[derive(Debug, Clone)]
pub struct Counter {
    /// Behind `seawall_`, of small letters and `_`, and ending in `_total`.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// The name of its label.
    pub label: &'static str,
    /// Values of the label with their counts.
    pub values: Vec<(String, u64)>,
}

/// What a process uses.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    /// Processor time so far.
    pub cpu: Duration,
    /// Resident memory.
    pub resident_bytes: u64,
    /// Open file descriptors.
    pub descriptors: u64,
}

impl Usage {
    /// What this process uses, by the proc file system at a path; `None` where it does not tell.
    pub fn read(proc: &Path) -> Option<Usage> {
        let pages = fs::read_to_string(proc.join("self/statm")).ok()?;
        let pages: u64 = pages.split(' ').nth(1)?.parse().ok()?;
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let cpu = Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?);
        let descriptors = fs::read_dir(proc.join("self/fd")).ok()?.count() as u64;
        Some(Usage { cpu, resident_bytes: pages * rustix::param::page_size() as u64, descriptors })
    }
}

impl Snapshot {
    /// Takes over what outputs tell.
    pub fn watch(&mut self, watch: &Watch) {
        (self.outputs, self.found) = (watch.outputs(), watch.counted());
    }

    /// The metrics, a line each.
    pub fn prometheus(&self) -> String {
        let mut page = Page::default();
        page.family("seawall_build_info", "gauge", "The versions of this process; always 1.");
        let versions = self.versions.iter().map(|(name, version)| (name.as_str(), version.as_str()));
        page.row("seawall_build_info", &versions.collect::<Vec<_>>(), "1");
        page.family("seawall_rules", "gauge", "Rules that are loaded.");
        page.row("seawall_rules", &[], self.rules);
        page.family("seawall_rule_set_info", "gauge", "Identifies the rules that are loaded; always 1.");
        page.row("seawall_rule_set_info", &[("digest", &self.rule_set)], "1");
        page.family("seawall_containers", "gauge", "Containers that run.");
        page.row("seawall_containers", &[], self.containers);
        if let Some(ago) = self.turned_ago {
            page.family(
                "seawall_loop_turned_seconds",
                "gauge",
                "How long ago the loop over events last turned.",
            );
            page.row("seawall_loop_turned_seconds", &[], ago.as_secs_f64());
        }
        page.counter("seawall_events_total", "Events by type.", "type", &self.events);
        page.counter("seawall_events_lost_total", "Events that were lost, by kind.", "kind", &self.lost);
        page.family("seawall_alerts_total", "counter", "Findings by rule and priority.");
        for (rule, priority, count) in &self.found {
            page.row("seawall_alerts_total", &[("rule", rule), ("priority", priority.name())], count);
        }
        for counter in &self.more {
            page.counter(&format!("seawall_{}", counter.name), counter.help, counter.label, &counter.values);
        }
        self.outputs(&mut page);
        if let Some(usage) = &self.usage {
            page.family("process_cpu_seconds_total", "counter", "Processor time of this process.");
            page.row("process_cpu_seconds_total", &[], usage.cpu.as_secs_f64());
            page.family("process_resident_memory_bytes", "gauge", "Resident memory of this process.");
            page.row("process_resident_memory_bytes", &[], usage.resident_bytes);
            page.family("process_open_fds", "gauge", "Open file descriptors of this process.");
            page.row("process_open_fds", &[], usage.descriptors);
        }
        page.text
    }

    fn outputs(&self, page: &mut Page) {
        type Column = (&'static str, &'static str, &'static str, fn(&OutputStatus) -> u64);
        const COLUMNS: &[Column] = &[
            ("queued", "gauge", "Findings that wait in memory.", |output| output.queued),
            ("spooled_bytes", "gauge", "Bytes that wait on disk.", |output| output.spooled_bytes),
            ("sent_total", "counter", "Findings that were delivered.", |output| output.sent),
            ("failed_total", "counter", "Attempts that failed and are repeated.", |output| output.failed),
            ("dropped_total", "counter", "Findings that were dropped: no room.", |output| output.dropped),
            ("refused_total", "counter", "Findings that the other side refused.", |output| output.refused),
            ("folded_total", "counter", "Findings that were folded into another.", |output| output.folded),
            ("damaged_total", "counter", "Records on disk that were damaged.", |output| output.damaged),
        ];
        for (name, kind, help, value) in COLUMNS {
            let name = format!("seawall_output_{name}");
            page.family(&name, kind, help);
            for output in &self.outputs {
                page.row(&name, &[("output", &output.name), ("kind", output.kind)], value(output));
            }
        }
    }
}

#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to memory does not fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn counter(&mut self, name: &str, help: &str, label: &str, values: &[(String, u64)]) {
        self.family(name, "counter", help);
        for (value, count) in values {
            self.row(name, &[(label, value)], count);
        }
    }

    fn row(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.text.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let begin = if index == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{begin}{label}=\"{}\"", escaped(text));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{end} {value}");
    }
}

/// A label's value: backslash, quote and line break are escaped.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::delivery::tests::HOSTILE;

    pub(crate) fn snapshot() -> Snapshot {
        let output = OutputStatus {
            name: "slack".to_owned(),
            kind: "http",
            sent: 5,
            queued: 2,
            ..OutputStatus::default()
        };
        Snapshot {
            versions: vec![
                ("seawall".to_owned(), "0.1.0".to_owned()),
                ("engine".to_owned(), "0.63.0".to_owned()),
            ],
            turned_ago: Some(Duration::from_millis(250)),
            events: vec![("openat".to_owned(), 10), ("execve".to_owned(), 3)],
            lost: vec![("ring".to_owned(), 0)],
            found: vec![(HOSTILE.to_owned(), Priority::Warning, 7)],
            outputs: vec![output],
            containers: 4,
            rules: 93,
            rule_set: "sha256:00".to_owned(),
            more: vec![Counter {
                name: "responses_total",
                help: "Responses.",
                label: "action",
                values: vec![("kill".to_owned(), 1)],
            }],
            usage: Usage::read(Path::new("/proc")),
        }
    }

    /// Name, labels and value of a line, by the format's own grammar.
    fn sample(line: &str) -> (String, Vec<(String, String)>, f64) {
        let name_end = line.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap();
        let (name, mut rest) = line.split_at(name_end);
        let mut labels = Vec::new();
        while let Some(after) = rest.strip_prefix('{').or_else(|| rest.strip_prefix(',')) {
            let (label, text) = after.split_once("=\"").unwrap();
            let mut value = String::new();
            let mut characters = text.char_indices();
            let end = loop {
                match characters.next().unwrap() {
                    (_, '\\') => value.push(match characters.next().unwrap().1 {
                        'n' => '\n',
                        other => other,
                    }),
                    (end, '"') => break end,
                    (_, other) => value.push(other),
                }
            };
            labels.push((label.to_owned(), value));
            rest = &text[end + 1..];
        }
        let rest = rest.strip_prefix('}').unwrap_or(rest);
        (name.to_owned(), labels, rest.trim().parse().unwrap())
    }

    #[test]
    fn prometheus_reads_it() {
        let text = snapshot().prometheus();
        let mut families = std::collections::BTreeSet::new();
        let mut samples = Vec::new();
        for line in text.lines() {
            match line.strip_prefix("# TYPE ") {
                Some(family) => {
                    assert!(families.insert(family.split(' ').next().unwrap().to_owned()), "{line}")
                }
                None if line.starts_with("# HELP ") => {}
                None => samples.push(sample(line)),
            }
        }
        assert!(samples.iter().all(|(name, _, _)| families.contains(name)));
        let value = |name: &str, label: (&str, &str)| {
            let label = (label.0.to_owned(), label.1.to_owned());
            samples.iter().find(|(n, labels, _)| n == name && labels.contains(&label)).unwrap().2
        };
        assert_eq!(value("seawall_events_total", ("type", "openat")), 10.0);
        assert_eq!(value("seawall_alerts_total", ("rule", HOSTILE)), 7.0);
        assert_eq!(value("seawall_output_sent_total", ("output", "slack")), 5.0);
        assert_eq!(value("seawall_responses_total", ("action", "kill")), 1.0);
        assert!(
            samples.iter().any(|(name, _, value)| name == "process_resident_memory_bytes" && *value > 1e6)
        );
        assert!(
            samples.iter().any(|(name, _, value)| name == "seawall_loop_turned_seconds" && *value == 0.25)
        );
    }
}
