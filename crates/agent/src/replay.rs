//! The rules asked of recorded events instead of this machine's.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use seawall_policy::Sink;

use crate::guard::{GuardError, Judgement};
use crate::record::{Recording, ReplayError};
use crate::rules::{self, Files};
use crate::status::Counts;
use crate::watch::Judging;

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
    let rules = rules::compile(&Files::new(judgement.rules).read()?, asking)?;
    let input = File::open(file).map_err(ReplayError::Read)?;
    let mut recording = Recording::open(BufReader::new(input))?;
    let mut judging = Judging::new(rules, judgement.policy, recording.host().to_owned(), sinks);
    let mut events = std::collections::BTreeMap::new();
    while let Some(event) = recording.next_event()? {
        *events.entry(event.kind.name()).or_default() += 1;
        judging.observe_recorded(&event);
        if let Some(failure) = judging.failure() {
            return Err(failure);
        }
    }
    Ok(Counts { events, gaps: recording.gaps(), ..judging.counts() })
}
