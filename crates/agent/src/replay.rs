//! The rules asked of recorded events instead of this machine's.

use std::io::{self, BufReader};
use std::path::Path;

use seawall_finding::Gap;
use seawall_policy::Sink;
use seawall_respond::Mode;

use crate::denying::Denying;
use crate::guard::{GuardError, Judgement};
use crate::record::{Recording, ReplayError};
use crate::regular;
use crate::rules::Files;
use crate::status::Counts;
use crate::watch::Judging;

/// The events of a recording as the tools over rules read them, each where its line is in the recording, and what of it
/// could not be read. None where the text is no recording.
///
/// # Errors
/// The recording is of another format, or its events take more than `bytes_max`.
pub fn lines_of_recording(text: &str, bytes_max: usize) -> Result<Option<(String, Vec<Gap>)>, ReplayError> {
    let mut recording = match Recording::open(text.as_bytes()) {
        Err(ReplayError::NoRecording) => return Ok(None),
        opened => opened?,
    };
    let (mut lines, mut at) = (String::new(), 1);
    while let Some(recorded) = recording.next_event()? {
        let event = serde_json::to_string(&recorded.event).map_err(io::Error::from)?;
        if lines.len() + event.len() > bytes_max {
            let reason = format!("its events take more than {bytes_max} bytes");
            return Err(ReplayError::Read(io::Error::other(reason)));
        }
        while at < recording.line() {
            lines.push('\n');
            at += 1;
        }
        lines.push_str(&event);
    }
    Ok(Some((lines, recording.gaps())))
}

/// Asks the rules of every event of a recording, as the machine would have.
///
/// # Errors
/// When the rules or the recording cannot be used, or no sink accepts any more.
pub fn replay(
    file: &Path,
    judgement: Judgement,
    sinks: Vec<Box<dyn Sink + '_>>,
) -> Result<Counts, GuardError> {
    let asking = judgement.asking();
    let rules = Files::new(judgement.rules).compiling(asking)()?;
    let input = regular::open(file).map_err(ReplayError::Read)?;
    let mut recording = Recording::open(BufReader::new(input))?;
    // What the machine left to its kernel is told as the kernel decided; of other rules it is said what would be.
    let rehearses = Denying::of(Mode::Rehearsal, &judgement.policy.respond) == Denying::Rehearsed;
    let mut judging = Judging::new(rules, judgement.policy, recording.host().to_owned(), sinks);
    let mut events = std::collections::BTreeMap::new();
    judging.rehearses_denials = rehearses;
    while let Some(recorded) = recording.next_event()? {
        *events.entry(recorded.event.kind.name()).or_default() += 1;
        judging.observe_recorded(&recorded);
        if let Some(failure) = judging.failure() {
            return Err(failure);
        }
    }
    let counts = judging.counts();
    let gaps = counts.gaps.iter().cloned().chain(recording.gaps()).collect();
    Ok(Counts { events, gaps, ..counts })
}
