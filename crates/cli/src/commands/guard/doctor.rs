//! `seawall guard --doctor`: what will work on this machine, and why not.

use std::fmt::Write;

use anyhow::Result;
use seawall_sensor::{Need, Report};

use crate::exit::Exit;
use crate::terminal::Terminal;

/// Says what will work on this machine; not examined where nothing can be watched.
pub(super) fn run(terminal: &Terminal) -> Result<Exit> {
    let report = seawall_sensor::doctor();
    terminal.text(&text(&report)?)?;
    Ok(if report.can_watch() { Exit::Allowed } else { Exit::NotExamined })
}

/// Why this machine cannot be watched.
pub(in crate::commands) fn reasons(terminal: &Terminal) {
    let report = seawall_sensor::doctor();
    for ability in report.abilities.iter().filter(|ability| ability.need == Need::Watching) {
        if let Err(reason) = &ability.works {
            terminal.note(format_args!("{}: {reason}", ability.name));
        }
    }
}

fn text(report: &Report) -> Result<String> {
    let mut text = format!("Linux {}\n", report.kernel);
    let parts = [
        (Need::Watching, "needed to watch"),
        (Need::Preventing, "to prevent, beside what needs none of these"),
        (Need::More, "more"),
    ];
    for (need, title) in parts {
        writeln!(text, "\n{title}")?;
        for ability in report.abilities.iter().filter(|ability| ability.need == need) {
            let mark = if ability.works.is_ok() { "yes" } else { "no" };
            writeln!(text, "  {mark:<4}{:<20}{}", ability.name, ability.means)?;
            if let Err(reason) = &ability.works {
                writeln!(text, "      {:<20}because: {reason}", "")?;
            }
        }
    }
    let verdict = if report.can_watch() { "can" } else { "cannot" };
    writeln!(text, "\nSeawall {verdict} watch this machine.")?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use seawall_sensor::Ability;

    use super::*;

    #[test]
    fn what_is_missing_comes_with_its_reason() {
        let ability = |name, need, works| Ability { name, need, works, means: "what it gives" };
        let mut report = Report {
            kernel: "6.1".to_owned(),
            abilities: vec![
                ability("BTF", Need::Watching, Ok(())),
                ability("BPF LSM", Need::Preventing, Err("not in force".to_owned())),
            ],
        };
        let check = |report: &Report, expected: &str| {
            let text = text(report).unwrap();
            assert!(text.contains(expected), "{text}");
        };
        check(&report, "yes BTF                 what it gives\n");
        check(
            &report,
            "no  BPF LSM             what it gives\n                          because: not in force\n",
        );
        check(&report, "can watch this machine");
        report.abilities[0].works = Err("no".to_owned());
        check(&report, "cannot watch this machine");
    }
}
