//! Two looks at the counts → a row for each container, as text or JSON.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use anyhow::Result;
use jiff::Timestamp;
use seawall_agent::{Active, Counts, PackageRisk, Scans, Tally};
use seawall_event::{Container, Image};
use seawall_finding::Priority;
use seawall_report::printable;
use serde::Serialize;

use super::alerts::OfContainer;
use super::risk::{self, Level, Privilege};
use crate::args::top::Order;

/// Characters of a name that are shown.
const NAME: usize = 28;

/// What was counted before.
pub(super) struct Looks {
    before: HashMap<String, Tally>,
    events: u64,
    lost: u64,
    began: Instant,
}

/// What is shown.
#[derive(Debug, Serialize)]
pub(super) struct Seen {
    schema: &'static str,
    time: Timestamp,
    interval_ms: u64,
    /// Events that came from the kernel in the interval.
    events: u64,
    /// Those that it had no room for.
    lost: u64,
    containers: Vec<Row>,
    gaps: Vec<String>,
}

/// One container, or the host.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    id: String,
    name: String,
    engine: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    image: String,
    is_running: bool,
    risk: Level,
    /// In the interval.
    activity: Tally,
    /// Since the beginning.
    alerts: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    worst_alert: String,
    privileges: Vec<Privilege>,
    /// Absent where no scan of the image is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    packages: Option<PackageRisk>,
}

fn key(container: &Container) -> String {
    container.full_id.clone().or_else(|| container.id.clone()).unwrap_or_default()
}

impl Looks {
    /// The first look, of which nothing is shown.
    pub(super) fn begin(now: &[Active], counts: &Counts) -> Looks {
        let before = now.iter().map(|active| (key(&active.container), active.tally)).collect();
        Looks { before, events: counts.events_total(), lost: counts.lost_total(), began: Instant::now() }
    }

    /// When the interval began.
    pub(super) fn began(&self) -> Instant {
        self.began
    }

    /// A row for each container, with what happened since the last look.
    pub(super) fn rows(
        &mut self,
        now: &[Active],
        alerts: &HashMap<String, OfContainer>,
        scans: &Scans,
    ) -> Vec<Row> {
        let before = std::mem::take(&mut self.before);
        let row = |active: &Active| {
            let key = key(&active.container);
            let activity = active.tally.since(before.get(&key).copied().unwrap_or_default());
            row(active, activity, alerts.get(&key), scans)
        };
        let rows = now.iter().map(row).collect();
        self.before = now.iter().map(|active| (key(&active.container), active.tally)).collect();
        rows
    }

    /// All that is shown of the interval that ends now.
    pub(super) fn seen(
        &mut self,
        rows: Vec<Row>,
        counts: &Counts,
        gaps: Vec<String>,
        now: Timestamp,
    ) -> Seen {
        let (events, lost) = (counts.events_total(), counts.lost_total());
        let seen = Seen {
            schema: "seawall.top/v1",
            time: now,
            interval_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            events: events.saturating_sub(self.events),
            lost: lost.saturating_sub(self.lost),
            containers: rows,
            gaps: counts.gaps.iter().map(|gap| gap.reason.clone()).chain(gaps).collect(),
        };
        (self.events, self.lost, self.began) = (events, lost, Instant::now());
        seen
    }
}

fn row(active: &Active, activity: Tally, alerts: Option<&OfContainer>, scans: &Scans) -> Row {
    let container = &active.container;
    let by_priority = alerts.map(|alerts| alerts.by_priority.clone()).unwrap_or_default();
    let privileges = risk::privileges(container);
    let packages = scans.packages_of(container);
    let id = container.id.clone().unwrap_or_default();
    Row {
        name: container.name.clone().unwrap_or_else(|| id.clone()),
        id,
        engine: container.engine.clone().unwrap_or_default(),
        image: container.image.as_ref().and_then(Image::reference).unwrap_or_default(),
        is_running: active.is_running,
        risk: risk::level(&by_priority, &privileges, packages),
        activity,
        alerts: by_priority
            .iter()
            .map(|(priority, count)| (priority.name().to_ascii_lowercase(), *count))
            .collect(),
        worst_alert: alerts.map(|alerts| alerts.worst.clone()).unwrap_or_default(),
        privileges,
        packages,
    }
}

impl Row {
    /// Why it is where it is, most telling first.
    fn reasons(&self) -> String {
        let mut reasons: Vec<String> = Vec::new();
        if !self.worst_alert.is_empty() {
            reasons.push(self.worst_alert.clone());
        }
        reasons.extend(self.privileges.iter().map(|privilege| privilege.shown.to_owned()));
        if let Some(PackageRisk { exploited, critical, high }) = self.packages {
            let found = [(exploited, "exploited"), (critical, "critical"), (high, "high")];
            let told: Vec<String> = found
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("{count} {what}"))
                .collect();
            if !told.is_empty() {
                reasons.push(format!("packages: {}", told.join(", ")));
            }
        }
        if !self.is_running {
            reasons.push("ended".to_owned());
        }
        reasons.join(" · ")
    }

    /// `1 critical 2 warning`, the worst first.
    fn alerts(&self) -> String {
        let short = |priority: Priority| match priority {
            Priority::Emergency => "emerg",
            Priority::Alert => "alert",
            Priority::Critical => "crit",
            Priority::Error => "err",
            Priority::Warning => "warn",
            Priority::Notice => "note",
            Priority::Informational => "info",
            Priority::Debug => "debug",
        };
        let told = Priority::ALL.into_iter().rev().filter_map(|priority| {
            let count = self.alerts.get(&priority.name().to_ascii_lowercase())?;
            Some(format!("{count} {}", short(priority)))
        });
        told.take(2).collect::<Vec<_>>().join(" ")
    }
}

impl Seen {
    pub(super) fn sort(&mut self, order: Order) {
        let alerts = |row: &Row| row.alerts.values().sum::<u64>();
        self.containers.sort_by_cached_key(|row| {
            let (risk, events) = (row.risk, row.activity.events);
            let first = match order {
                Order::Risk => (risk as u64, alerts(row), events),
                Order::Activity => (events, risk as u64, alerts(row)),
            };
            (Reverse(first), row.name.clone(), row.id.clone())
        });
    }

    /// One line of JSON.
    pub(super) fn json(&self) -> Result<String> {
        // Control characters that JSON allows steer a terminal too.
        Ok(super::super::guard::escaped(&serde_json::to_string(self)?).into_owned() + "\n")
    }

    /// Lines without line breaks and without what a terminal obeys, but for colours of our own.
    pub(super) fn lines(&self, order: Order, colour: bool) -> Vec<String> {
        let seconds = self.interval_ms.max(1) as f64 / 1000.0;
        let rate = |count: u64| match count as f64 / seconds {
            rate if count > 0 && rate < 10.0 => format!("{rate:.1}"),
            rate => format!("{rate:.0}"),
        };
        let by = match order {
            Order::Risk => "risk",
            Order::Activity => "activity",
        };
        let gaps = if self.gaps.is_empty() { String::new() } else { format!(", {} gaps", self.gaps.len()) };
        let mut lines = vec![
            format!(
                "{}  {} containers by {by}, {} events/s, {} lost{gaps}",
                self.time.strftime("%H:%M:%S"),
                self.containers.iter().filter(|row| row.id != "host").count(),
                rate(self.events),
                self.lost,
            ),
            format!(
                "{:<9} {:<NAME$} {:>8} {:>6} {:>6} {:>6}  {:<16} {}",
                "RISK", "CONTAINER", "EVENTS/s", "EXEC/s", "FORK/s", "CONN/s", "ALERTS", "WHY"
            ),
        ];
        for row in &self.containers {
            let Tally { events, executions, processes, connections } = row.activity;
            let [events, executions, processes, connections] =
                [events, executions, processes, connections].map(rate);
            let (before, after) = paint(row.risk, colour);
            lines.push(format!(
                "{before}{:<9}{after} {:<NAME$} {events:>8} {executions:>6} {processes:>6} {connections:>6}  {:<16} {}",
                row.risk.name(),
                cell(&row.name, NAME),
                row.alerts(),
                cell(&row.reasons(), usize::MAX),
            ));
        }
        lines.iter_mut().for_each(|line| line.truncate(line.trim_end().len()));
        lines.extend(self.gaps.iter().map(|gap| format!("gap: {}", cell(gap, usize::MAX))));
        lines
    }
}

/// A text that comes from outside, in one line and at most so long.
fn cell(text: &str, characters: usize) -> String {
    let clean = printable(text).replace(['\n', '\t'], "\u{fffd}");
    match clean.chars().count() > characters {
        true => clean.chars().take(characters.saturating_sub(1)).chain(['…']).collect(),
        false => clean,
    }
}

fn paint(level: Level, colour: bool) -> (&'static str, &'static str) {
    match (colour, level) {
        (false, _) | (true, Level::None | Level::Low) => ("", ""),
        (true, Level::Critical) => ("\x1b[1;31m", "\x1b[0m"),
        (true, Level::High) => ("\x1b[31m", "\x1b[0m"),
        (true, Level::Medium) => ("\x1b[33m", "\x1b[0m"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn active(name: &str, events: u64) -> Active {
        let container =
            Container { id: Some(name.to_owned()), name: Some(name.to_owned()), ..Container::default() };
        let tally = Tally { events, executions: events / 2, ..Tally::default() };
        Active { container: Arc::new(container), tally, is_running: true }
    }

    fn seen(now: &[Active], order: Order) -> Seen {
        let mut looks = Looks::begin(&[active("busy", 100)], &Counts::default());
        let mut bad = OfContainer { worst: "Shell\x1b[2J".to_owned(), ..OfContainer::default() };
        bad.by_priority.insert(Priority::Critical, 2);
        let alerts = HashMap::from([("bad".to_owned(), bad)]);
        let rows = looks.rows(now, &alerts, &Scans::default());
        let mut seen = looks.seen(rows, &Counts::default(), Vec::new(), Timestamp::UNIX_EPOCH);
        seen.interval_ms = 2000;
        seen.sort(order);
        seen
    }

    #[test]
    fn rows_tell_what_happened_since_the_last_look_in_the_order_that_was_asked_for() {
        let now = [active("bad", 5), active("busy", 1100), active("idle", 0)];
        let names = |order| {
            let seen = seen(&now, order);
            seen.containers.iter().map(|row| row.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!(names(Order::Risk), ["bad", "busy", "idle"]);
        assert_eq!(names(Order::Activity), ["busy", "bad", "idle"]);
        let lines = seen(&now, Order::Risk).lines(Order::Risk, false);
        assert_eq!(lines[0], "00:00:00  3 containers by risk, 0 events/s, 0 lost");
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            words(&lines[2]),
            ["critical", "bad", "2.5", "1.0", "0", "0", "2", "crit", "Shell\u{fffd}[2J"]
        );
        assert_eq!(words(&lines[3]), ["-", "busy", "500", "250", "0", "0"]);
    }

    #[test]
    fn names_steer_no_terminal() {
        let now = [active("a\x1b]0;x\x07\nb\u{9b}2J\u{202e}", 1), active(&"long".repeat(20), 1)];
        let seen = seen(&now, Order::Risk);
        for text in [seen.lines(Order::Risk, false).join("|"), seen.json().unwrap().trim_end().to_owned()] {
            assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{text:?}");
        }
        let longest = seen.lines(Order::Risk, false).iter().map(|line| line.trim_end().chars().count()).max();
        assert!(longest <= Some(100), "{longest:?}");
    }
}
