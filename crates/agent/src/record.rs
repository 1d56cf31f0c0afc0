//! Recordings: events as they were asked of, one JSON line each, in a file that a replay reads back.
//!
//! A process and a container are written once and named by a number from then on. The file is bounded; one that is
//! full, or on a disk that is, ends the recording and not the guard.

mod lines;
mod read;

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use seawall_event::limits::ANCESTORS_MAX;
use seawall_event::{Container, Event, Lineage, Process};
use seawall_finding::{Gap, GapKind};

use crate::limits::{RECORD_BYTES_MAX, RECORD_KNOWN_MAX};
use crate::waiting::Denied;
pub(crate) use lines::Header;
use lines::{Line, Numbered, Placed};
pub use read::ReplayError;
pub(crate) use read::{Recorded, Recording};

/// A file that is being written.
pub(crate) struct Recorder {
    out: BufWriter<File>,
    written_bytes: u64,
    events: u64,
    /// Kept with their numbers, so that no other takes their place in memory.
    processes: HashMap<*const Process, (u64, Arc<Process>)>,
    containers: HashMap<*const Container, (u64, Arc<Container>)>,
    next: u64,
    /// The rules by which the kernel denies, where that is not written yet.
    denies: Option<Vec<String>>,
    /// Why nothing is written any more.
    ended: Option<String>,
}

impl Recorder {
    /// A new file, for its owner only: arguments of processes hold secrets.
    pub(crate) fn create(path: &Path, header: Header) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let mut recorder = Self {
            out: BufWriter::with_capacity(64 * 1024, file),
            written_bytes: 0,
            events: 0,
            processes: HashMap::new(),
            containers: HashMap::new(),
            next: 1,
            denies: None,
            ended: None,
        };
        recorder.line(&Line::Recording(header))?;
        recorder.out.flush()?;
        Ok(recorder)
    }

    /// From the next event on the kernel denies by these rules.
    pub(crate) fn denies(&mut self, rules: Vec<String>) {
        self.denies = Some(rules);
    }

    /// Writes an event, whatever of it is new, and whether it was denied.
    pub(crate) fn take(&mut self, event: &mut Event, denied: Option<&Denied>) {
        if self.ended.is_some() {
            return;
        }
        if let Err(error) = self.write(event, denied) {
            self.ended = Some(format!("the recording ended after {} events: {error}", self.events));
        }
    }

    /// Hands over to the file what was written.
    pub(crate) fn flush(&mut self) {
        if let Err(error) = self.out.flush()
            && self.ended.is_none()
        {
            self.ended = Some(format!("the recording ended after {} events: {error}", self.events));
        }
    }

    /// Says that nothing is missing.
    pub(crate) fn finish(&mut self) {
        if self.ended.is_none() {
            let end = Line::End { events: self.events };
            if let Err(error) = self.line(&end) {
                self.ended = Some(format!("the recording ended after {} events: {error}", self.events));
            }
        }
        self.flush();
    }

    /// Why it is not whole.
    pub(crate) fn gap(&self) -> Option<Gap> {
        self.ended.as_ref().map(|reason| Gap::of_target(GapKind::Limit, reason))
    }

    fn write(&mut self, event: &mut Event, denied: Option<&Denied>) -> io::Result<()> {
        let process = event.process.as_ref().map(|process| self.process(process)).transpose()?;
        let container = event.container.as_ref().map(|container| self.container(container)).transpose()?;
        // What has a line of its own is left out of this one.
        let left_out = (event.process.take(), event.container.take(), event.hostname.take());
        let line = Line::Event(Placed {
            process,
            container,
            denied: denied.cloned(),
            denies: self.denies.take(),
            event: std::mem::take(event),
        });
        let written = self.line(&line);
        if let Line::Event(placed) = line {
            *event = placed.event;
        }
        (event.process, event.container, event.hostname) = left_out;
        self.events += 1;
        written
    }

    /// The number of a process; its ancestors have theirs before it.
    fn process(&mut self, process: &Arc<Process>) -> io::Result<u64> {
        if self.processes.len() > RECORD_KNOWN_MAX {
            self.processes.clear();
        }
        let mut new = Vec::new();
        let mut next = Some(process);
        while let Some(process) = next.filter(|_| new.len() <= ANCESTORS_MAX) {
            if self.processes.contains_key(&Arc::as_ptr(process)) {
                break;
            }
            new.push(Arc::clone(process));
            next = process.parent.as_ref();
        }
        let mut parent =
            next.and_then(|process| self.processes.get(&Arc::as_ptr(process))).map(|known| known.0);
        for process in new.into_iter().rev() {
            let alone = Process { parent: Lineage::default(), ..Process::clone(&process) };
            let id = self.number();
            self.line(&Line::Process(Numbered { id, parent, is: alone }))?;
            self.processes.insert(Arc::as_ptr(&process), (id, process));
            parent = Some(id);
        }
        Ok(parent.unwrap_or(0))
    }

    fn container(&mut self, container: &Arc<Container>) -> io::Result<u64> {
        if let Some((id, _)) = self.containers.get(&Arc::as_ptr(container)) {
            return Ok(*id);
        }
        if self.containers.len() > RECORD_KNOWN_MAX {
            self.containers.clear();
        }
        let id = self.number();
        self.line(&Line::Container(Numbered { id, parent: None, is: Container::clone(container) }))?;
        self.containers.insert(Arc::as_ptr(container), (id, Arc::clone(container)));
        Ok(id)
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    fn line(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.written_bytes += text.len() as u64;
        if self.written_bytes > RECORD_BYTES_MAX {
            let reason = format!("a recording may have {} MiB", RECORD_BYTES_MAX >> 20);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
        }
        self.out.write_all(&text)
    }
}
