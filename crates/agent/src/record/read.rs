//! A recording read back. It may have been cut off, and anybody may have written it: a line that cannot be read costs
//! that line, and what is kept of earlier lines is bounded.

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::sync::Arc;

use seawall_event::limits::ANCESTORS_MAX;
use seawall_event::{Container, Event, Lineage, Process};
use seawall_finding::{Gap, GapKind};

use super::lines::{FORMAT, Header, Line, Numbered, Placed};
use crate::limits::{RECORD_LINE_BYTES_MAX, REPLAY_KEPT_BYTES_MAX};
use crate::waiting::Denied;

/// Why there is no replay.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be read.
    #[error("cannot read the recording")]
    Read(#[from] io::Error),
    /// It is something else.
    #[error("it is no recording of `seawall guard --record`")]
    NoRecording,
    /// Of a Seawall that writes otherwise.
    #[error("the recording has format {0}; this Seawall reads format {FORMAT}")]
    Format(u32),
}

/// A recording, and what is known of its earlier lines.
pub(crate) struct Recording<R> {
    input: R,
    header: Header,
    /// Each with its depth below its first ancestor.
    processes: HashMap<u64, (usize, Arc<Process>)>,
    containers: HashMap<u64, Arc<Container>>,
    /// Bytes of the lines that both are made of.
    kept_bytes: u64,
    events: u64,
    unread: u64,
    first_unread: Option<String>,
    strangers: u64,
    line: u64,
    said_events: Option<u64>,
}

/// An event as it was told.
pub(crate) struct Recorded {
    pub(crate) event: Event,
    /// The rule by which the kernel has denied it, and how.
    pub(crate) denied: Option<Denied>,
    /// The rules by which the kernel denied from here on, where they are others than before.
    pub(crate) denies: Option<Vec<String>>,
}

/// What stands at the input.
enum Text {
    Line(Vec<u8>),
    TooLong,
    End,
}

impl<R: BufRead> Recording<R> {
    /// Reads the first line.
    pub(crate) fn open(mut input: R) -> Result<Self, ReplayError> {
        let Text::Line(first) = next_line(&mut input)? else { return Err(ReplayError::NoRecording) };
        let header = match serde_json::from_slice(&first) {
            Ok(Line::Recording(header)) => header,
            Ok(_) | Err(_) => return Err(ReplayError::NoRecording),
        };
        if header.format != FORMAT {
            return Err(ReplayError::Format(header.format));
        }
        Ok(Self {
            input,
            header,
            processes: HashMap::new(),
            containers: HashMap::new(),
            kept_bytes: 0,
            events: 0,
            unread: 0,
            first_unread: None,
            strangers: 0,
            line: 1,
            said_events: None,
        })
    }

    /// The machine's name.
    pub(crate) fn host(&self) -> &str {
        &self.header.host
    }

    /// The next event.
    pub(crate) fn next_event(&mut self) -> Result<Option<Recorded>, ReplayError> {
        loop {
            let text = next_line(&mut self.input)?;
            self.line += 1;
            let bytes = match text {
                Text::End => return Ok(None),
                Text::TooLong => {
                    self.not_read(&format!("it has more than {RECORD_LINE_BYTES_MAX} bytes"));
                    continue;
                }
                Text::Line(bytes) => bytes,
            };
            match serde_json::from_slice(&bytes) {
                Ok(Line::Event(placed)) => return Ok(Some(self.placed(placed))),
                Ok(Line::Process(process)) => self.add_process(process, bytes.len()),
                Ok(Line::Container(container)) => {
                    self.make_room(bytes.len());
                    self.containers.insert(container.id, Arc::new(container.is));
                }
                Ok(Line::End { events }) => self.said_events = Some(events),
                Ok(Line::Recording(_)) => self.not_read("a recording begins once"),
                Err(error) => self.not_read(&error.to_string()),
            }
        }
    }

    /// What is missing of it.
    /// The line that was read last, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    pub(crate) fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        if let Some(first) = &self.first_unread {
            let reason = format!("{} lines of the recording cannot be read; {first}", self.unread);
            gaps.push(Gap::of_target(GapKind::Malformed, reason));
        }
        if self.strangers > 0 {
            let reason =
                format!("{} numbers in the recording name nothing that stands before them", self.strangers);
            gaps.push(Gap::of_target(GapKind::Malformed, reason));
        }
        match self.said_events {
            None => gaps.push(Gap::of_target(GapKind::Malformed, "the recording ends early")),
            Some(said) if said != self.events => {
                let reason = format!("the recording says that it has {said} events and has {}", self.events);
                gaps.push(Gap::of_target(GapKind::Malformed, reason));
            }
            Some(_) => {}
        }
        gaps
    }

    fn not_read(&mut self, why: &str) {
        self.unread += 1;
        let line = self.line;
        self.first_unread.get_or_insert_with(|| format!("line {line}: {why}"));
    }

    fn placed(&mut self, placed: Placed) -> Recorded {
        self.events += 1;
        let process = placed.process.and_then(|id| self.named_process(id)).map(|(_, process)| process);
        let container = placed.container.and_then(|id| {
            let container = self.containers.get(&id).cloned();
            self.strangers += u64::from(container.is_none());
            container
        });
        let hostname = Some(self.header.host.clone());
        let event = Event { process, container, hostname, ..placed.event };
        Recorded { event, denied: placed.denied, denies: placed.denies }
    }

    fn named_process(&mut self, id: u64) -> Option<(usize, Arc<Process>)> {
        let known = self.processes.get(&id).cloned();
        self.strangers += u64::from(known.is_none());
        known
    }

    /// What a line says of ancestors beside its parent's number is not believed, and a chain has an end.
    fn add_process(&mut self, process: Numbered<Process>, bytes: usize) {
        let parent = process.parent.and_then(|id| self.named_process(id));
        self.make_room(bytes);
        let parent = parent.filter(|(depth, _)| *depth < ANCESTORS_MAX);
        let depth = parent.as_ref().map_or(0, |(depth, _)| depth + 1);
        let parent = parent.map_or_else(Lineage::default, |(_, parent)| Lineage::below(parent));
        self.processes.insert(process.id, (depth, Arc::new(Process { parent, ..process.is })));
    }

    /// Whoever writes a recording forgets before this.
    fn make_room(&mut self, bytes: usize) {
        // A short text takes several times as much in memory as on its line.
        let bytes = bytes.saturating_mul(TEXT_OVERHEAD);
        self.kept_bytes += bytes as u64;
        if self.kept_bytes > REPLAY_KEPT_BYTES_MAX {
            self.processes.clear();
            self.containers.clear();
            self.kept_bytes = bytes as u64;
        }
    }
}

/// `"",` is three bytes of a line, and a text of 24 bytes with what the allocator adds.
const TEXT_OVERHEAD: usize = 10;

/// One line without its end; one that is too long is passed over.
fn next_line(input: &mut impl BufRead) -> io::Result<Text> {
    let mut line = Vec::new();
    let mut is_too_long = false;
    loop {
        let available = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            available => available?,
        };
        if available.is_empty() {
            return Ok(match (is_too_long, line.is_empty()) {
                (true, _) => Text::TooLong,
                (false, true) => Text::End,
                (false, false) => Text::Line(line),
            });
        }
        let end = memchr::memchr(b'\n', available);
        let part = &available[..end.unwrap_or(available.len())];
        is_too_long |= line.len() + part.len() > RECORD_LINE_BYTES_MAX;
        if !is_too_long {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        match (end, is_too_long) {
            (None, _) => {}
            (Some(_), true) => return Ok(Text::TooLong),
            (Some(_), false) if line.is_empty() => {}
            (Some(_), false) => return Ok(Text::Line(line)),
        }
    }
}
