//! `seawall rules learn`: a recording → exceptions, a profile, a seccomp profile and a set of capabilities.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use seawall_detect::{Learned, Observed, learn};
use seawall_event::{EventType, EventTypes};

use super::rule_files::{self, Texts};
use crate::Session;
use crate::args::rules::Learn;
use crate::exit::Exit;

/// Events that are kept at once.
const EVENTS_MAX: usize = 2_000_000;

pub(crate) fn run(args: &Learn, session: &Session<'_>) -> Result<Exit> {
    let texts = Texts::read(&args.rules)?;
    texts.load(session)?;
    let events = events(args, session)?;
    if events.is_empty() {
        bail!("{} has no events of this workload", args.from.display());
    }
    let learned = learn(&texts.as_files(), &args.workload, watched(), &events);
    write_out(&args.output, &learned)?;
    for gap in &learned.gaps {
        session.terminal.note(format_args!("not complete: {gap}"));
    }
    let add = learned.capabilities.add.join(" ");
    session.terminal.text(&format!(
        "{} events, {} programs, {} connections; capabilities: {}\nwritten to {}\n",
        events.len(),
        learned.profile.executables.len(),
        learned.profile.connects.len(),
        if add.is_empty() { "none" } else { &add },
        args.output.display(),
    ))?;
    Ok(Exit::Allowed)
}

fn events(args: &Learn, session: &Session<'_>) -> Result<Vec<Observed>> {
    let text = rule_files::capture(&args.from, session)?;
    let mut events = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let read = Observed::read(line, number as u64 + 1)
            .with_context(|| format!("cannot read line {} of {}", number + 1, args.from.display()))?;
        events.extend(read.into_iter().filter(|observed| is_of(observed, args)));
        if events.len() > EVENTS_MAX {
            bail!("{} has more than {EVENTS_MAX} events of the workload", args.from.display());
        }
    }
    Ok(events)
}

fn is_of(observed: &Observed, args: &Learn) -> bool {
    let Observed::Call(event) = observed else { return args.container.is_none() && args.image.is_none() };
    let container = event.container.as_deref();
    let is_container = args.container.as_deref().is_none_or(|wanted| {
        let names = container.map(|container| [&container.name, &container.id, &container.full_id]);
        names.is_some_and(|names| names.into_iter().flatten().any(|name| name == wanted))
    });
    let is_image = args.image.as_deref().is_none_or(|wanted| {
        let image = container.and_then(|container| container.image.as_ref());
        image.and_then(|image| image.repository.as_deref()) == Some(wanted)
    });
    is_container && is_image
}

/// The system calls that the sensor tells of where a rule asks for them. A recording holds what its rules asked for;
/// those of Seawall ask for these.
#[cfg(feature = "runtime")]
fn watched() -> EventTypes {
    let mut watched = EventTypes::default();
    let asked = seawall_detect::load(seawall_detect::pack());
    let types = asked.rules.iter().flat_map(|rule| rule.event_types.iter());
    let is_known = |kind: &EventType| seawall_sensor::SystemCall::named(kind.name()).is_some();
    types.filter(is_known).for_each(|kind| watched.insert(kind));
    watched
}

/// Without a sensor nothing is known to be watched.
#[cfg(not(feature = "runtime"))]
fn watched() -> EventTypes {
    EventTypes::default()
}

fn write_out(directory: &Path, learned: &Learned) -> Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let files = [
        ("exceptions.yaml", learned.exceptions.clone()),
        ("profile.json", pretty(&learned.profile)?),
        ("profile.rules.yaml", learned.rules.clone()),
        ("seccomp.json", pretty(&learned.seccomp)?),
        ("capabilities.json", pretty(&learned.capabilities)?),
    ];
    for (name, text) in files {
        let path = directory.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn pretty(value: &impl serde::Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
