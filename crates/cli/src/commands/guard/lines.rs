//! Findings as lines on standard output, one as soon as it is found.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use jiff::Timestamp;
use seawall_deliver::Delivery;
use seawall_finding::{Evidence, Happened, Subject};
use seawall_policy::{Judged, Sink, Verdict};

use crate::args::guard::Format;
use crate::terminal::Terminal;

/// Writes findings.
pub(super) struct Lines<'t> {
    format: Format,
    terminal: &'t Terminal,
    /// This machine's name.
    host: String,
}

impl<'t> Lines<'t> {
    pub(super) fn new(format: Format, terminal: &'t Terminal, host: String) -> Lines<'t> {
        Lines { format, terminal, host }
    }

    fn of_falco(&self, format: seawall_deliver::Format, judged: &Judged) -> String {
        let delivery = Delivery::new(judged.clone(), &self.host, Timestamp::UNIX_EPOCH);
        format.line(&delivery, seawall_deliver::LINE_BYTES)
    }
}

impl Sink for Lines<'_> {
    fn take(&mut self, judged: &Judged) -> io::Result<()> {
        if judged.waived.is_some() && self.format != Format::Json {
            return Ok(());
        }
        let mut line = match self.format {
            Format::Text => text(judged, self.terminal.colour()),
            Format::Falco => self.of_falco(seawall_deliver::Format::Falco, judged),
            Format::FalcoJson => self.of_falco(seawall_deliver::Format::FalcoJson, judged),
            Format::Json => escaped(&serde_json::to_string(&judged.told())?).into_owned(),
        };
        line.push('\n');
        self.terminal.live(line.as_bytes())
    }
}

/// JSON escapes the old control characters; the others (a C1 sequence steers a terminal as well) are still raw.
fn escaped(json: &str) -> Cow<'_, str> {
    let is_bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
    };
    if !json.contains(is_bad) {
        return Cow::Borrowed(json);
    }
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        if is_bad(c) {
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// When, how urgent, where, what; below it who did it.
fn text(judged: &Judged, colour: bool) -> String {
    let finding = &judged.finding;
    let Evidence::Happened(happened) = &finding.evidence else { return finding.summary.clone() };
    let time = happened.time.get(11..19).unwrap_or(&happened.time);
    let denied = if judged.verdict == Verdict::Deny { " DENIED" } else { "" };
    let place = match &finding.subject {
        Subject::Container { name, .. } => format!(" [{name}]"),
        Subject::Package { .. }
        | Subject::Distribution { .. }
        | Subject::Host { .. }
        | Subject::Engine { .. }
        | Subject::Image { .. }
        | Subject::Workload { .. }
        | Subject::Target { .. } => String::new(),
    };
    let (on, off) = if colour { (colour_of(happened), "\u{1b}[0m") } else { ("", "") };
    let output = seawall_report::printable(&happened.output).replace(['\n', '\t'], " ");
    let place = seawall_report::printable(&place).replace(['\n', '\t'], " ");
    let rule = seawall_report::printable(&happened.rule).replace(['\n', '\t'], " ");
    let denial = happened.denial.map_or_else(String::new, |denial| format!(" [{}]", denial.text()));
    format!("{time} {on}{:<13}{off}{denied}{place} {rule}: {output}{denial}", happened.priority.name())
}

fn colour_of(happened: &Happened) -> &'static str {
    use seawall_finding::Priority;
    match happened.priority {
        Priority::Emergency | Priority::Alert | Priority::Critical | Priority::Error => "\u{1b}[1;31m",
        Priority::Warning => "\u{1b}[33m",
        Priority::Notice => "\u{1b}[36m",
        Priority::Informational | Priority::Debug => "\u{1b}[2m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_escape_is_left_raw() {
        let check = |raw: &str, expected: &str| assert_eq!(escaped(raw), expected);
        check("{\"a\":\"b\"}", "{\"a\":\"b\"}");
        check("\u{9b}31m\u{7f}\u{202e}", "\\u009b31m\\u007f\\u202e");
    }
}
