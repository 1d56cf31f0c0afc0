//! The search for leaks in a thread of its own, while the walk goes on with the next file.
//!
//! Owns the pipe between them, bounded in bytes. Refuses to change what is found: files come in the order of the walk,
//! one after the other, with the errors that reading them gave.

use std::io;
use std::panic;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use seawall_inventory::{Content, Entry, EntryKind, Interest, ReadSeek, Visitor};
use seawall_leaks::{LayerLeaks, Leaks, STREAMED_BYTES_MAX};

use crate::leaks::LeakSearch;
use crate::limits::{ASIDE_BATCH_BYTES, ASIDE_BATCH_STEPS, ASIDE_BATCHES_MAX};

/// The walk's side.
pub(crate) struct Aside<'scope, 'r> {
    search: LeakSearch<'r>,
    batch: Batch,
    sender: SyncSender<Batch>,
    worker: ScopedJoinHandle<'scope, LayerLeaks>,
}

/// What goes over at once: a message for each of a hundred thousand small files would cost more than the search.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    steps: Vec<Step>,
}

enum Step {
    /// A regular file begins.
    Open { path: String, size_bytes: u64, mode: u32, uid: u64, gid: u64 },
    /// Its next bytes: so many of the batch.
    Piece(usize),
    /// It ended, or could be read only so far.
    End(io::Result<()>),
    /// What was seen at this path is no more.
    Overwritten(String),
}

impl<'scope, 'r> Aside<'scope, 'r> {
    /// Starts the thread.
    pub(crate) fn start(scope: &'scope Scope<'scope, '_>, search: LeakSearch<'r>) -> Aside<'scope, 'r>
    where
        'r: 'scope,
    {
        let (sender, receiver) = sync_channel(ASIDE_BATCHES_MAX);
        let worker = scope.spawn(move || {
            let mut leaks = Leaks::new(search.rules, search.key);
            Steps::new(receiver).show(&mut leaks);
            leaks.finish()
        });
        Aside { search, batch: Batch::default(), sender, worker }
    }

    /// What was found, once everything is looked at.
    pub(crate) fn finish(mut self) -> LayerLeaks {
        self.send();
        drop(self.sender);
        self.worker.join().unwrap_or_else(|cause| panic::resume_unwind(cause))
    }

    fn push(&mut self, step: Step) {
        self.batch.steps.push(step);
        if self.batch.steps.len() >= ASIDE_BATCH_STEPS {
            self.send();
        }
    }

    fn piece(&mut self, piece: &[u8]) {
        for piece in piece.chunks(ASIDE_BATCH_BYTES) {
            if self.batch.bytes.len() + piece.len() > ASIDE_BATCH_BYTES {
                self.send();
            }
            self.batch.bytes.extend_from_slice(piece);
            self.push(Step::Piece(piece.len()));
        }
    }

    fn send(&mut self) {
        // A worker that is gone has panicked, which `finish` tells.
        let _gone = self.sender.send(std::mem::take(&mut self.batch));
    }
}

impl Visitor for Aside<'_, '_> {
    fn interest(&self, entry: &Entry<'_>) -> Interest {
        self.search.rules.interest(entry)
    }

    /// A file is looked at under its own name, once.
    fn wants_more(&self, _named: &Entry<'_>, _own: &Entry<'_>) -> bool {
        false
    }

    fn visit(&mut self, entry: &Entry<'_>, content: &mut dyn Content) {
        let Entry { path, size_bytes: _, mode, uid, gid, kind: _ } = *entry;
        let size_bytes = content.size_bytes();
        self.push(Step::Open { path: path.to_owned(), size_bytes, mode, uid, gid });
        // The search refuses what is larger; a sparse file of exabytes is not read for that.
        let end = if size_bytes > STREAMED_BYTES_MAX {
            Ok(())
        } else {
            content.stream(&mut |piece| self.piece(piece))
        };
        self.push(Step::End(end));
    }

    fn overwritten(&mut self, path: &str) {
        self.push(Step::Overwritten(path.to_owned()));
    }
}

/// The search's side: steps as they come.
struct Steps {
    receiver: Receiver<Batch>,
    bytes: Vec<u8>,
    /// How many bytes of the batch were taken.
    taken: usize,
    steps: std::vec::IntoIter<Step>,
}

impl Steps {
    fn new(receiver: Receiver<Batch>) -> Steps {
        Steps { receiver, bytes: Vec::new(), taken: 0, steps: Vec::new().into_iter() }
    }

    fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.steps.next() {
                return Some(step);
            }
            let Batch { bytes, steps } = self.receiver.recv().ok()?;
            (self.bytes, self.taken, self.steps) = (bytes, 0, steps.into_iter());
        }
    }

    /// The bytes of a piece that `next` gave.
    fn take(&mut self, count: usize) -> &[u8] {
        let start = self.taken;
        self.taken += count;
        self.bytes.get(start..self.taken).unwrap_or_default()
    }

    /// Shows everything to a visitor.
    fn show(mut self, visitor: &mut dyn Visitor) {
        let mut buffer = Vec::new();
        while let Some(step) = self.next() {
            match step {
                Step::Open { path, size_bytes, mode, uid, gid } => {
                    let entry = Entry { path: &path, kind: EntryKind::File, size_bytes, mode, uid, gid };
                    let mut piped = Piped { steps: &mut self, size_bytes, buffer: &mut buffer, end: None };
                    visitor.visit(&entry, &mut piped);
                    piped.skip();
                }
                Step::Overwritten(path) => visitor.overwritten(&path),
                // The file that they belonged to was skipped to its end.
                Step::Piece(_) | Step::End(_) => {}
            }
        }
    }
}

/// One file, as far as it has come.
struct Piped<'s> {
    steps: &'s mut Steps,
    size_bytes: u64,
    /// Its first bytes.
    buffer: &'s mut Vec<u8>,
    end: Option<io::Result<()>>,
}

impl Piped<'_> {
    /// The next piece, or none behind the last.
    fn piece(&mut self) -> Option<&[u8]> {
        if self.end.is_some() {
            return None;
        }
        match self.steps.next() {
            Some(Step::Piece(count)) => Some(self.steps.take(count)),
            Some(Step::End(end)) => {
                self.end = Some(end);
                None
            }
            // The walk ended in the middle of a file.
            None | Some(Step::Open { .. } | Step::Overwritten(_)) => {
                self.end = Some(Err(io::ErrorKind::UnexpectedEof.into()));
                None
            }
        }
    }

    fn buffer(&mut self, bytes: usize) -> io::Result<()> {
        while self.buffer.len() < bytes {
            let mut buffer = std::mem::take(self.buffer);
            let more = self.piece().map(|piece| buffer.extend_from_slice(piece)).is_some();
            *self.buffer = buffer;
            if !more {
                return self.ended();
            }
        }
        Ok(())
    }

    /// How the file ended, told once.
    fn ended(&mut self) -> io::Result<()> {
        self.end.replace(Ok(())).unwrap_or(Ok(()))
    }

    fn skip(mut self) {
        while self.piece().is_some() {}
        self.buffer.clear();
    }
}

impl Content for Piped<'_> {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn head(&mut self, bytes: usize) -> io::Result<&[u8]> {
        self.buffer(bytes)?;
        Ok(self.buffer.get(..bytes).unwrap_or(self.buffer))
    }

    fn whole(&mut self, bytes_max: u64) -> io::Result<&[u8]> {
        if self.size_bytes > bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        // A file that grew while it was read is larger than it said.
        self.buffer(usize::try_from(bytes_max).unwrap_or(usize::MAX).saturating_add(1))?;
        if self.buffer.len() as u64 > bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(self.buffer)
    }

    fn stream(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        sink(self.buffer);
        while let Some(piece) = self.piece() {
            sink(piece);
        }
        self.ended()
    }

    fn seekable(&mut self) -> io::Result<&mut dyn ReadSeek> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes what it is shown: of some files the head, of some all, of some nothing.
    #[derive(Default)]
    struct Notes(Vec<String>);

    impl Visitor for Notes {
        fn interest(&self, _: &Entry<'_>) -> Interest {
            Interest::Whole
        }

        fn visit(&mut self, entry: &Entry<'_>, content: &mut dyn Content) {
            let told = match entry.name() {
                "head" => content.head(3).map(<[u8]>::len),
                "whole" => content.whole(1 << 30).map(<[u8]>::len),
                "small" => content.whole(10).map(<[u8]>::len),
                "stream" => {
                    let mut count = content.head(2).map_or(0, |_| 0);
                    content.stream(&mut |piece| count += piece.len()).map(|()| count)
                }
                _ => Ok(0),
            };
            self.0.push(format!("{} {:?}", entry.path, told.map_err(|error| error.kind())));
        }

        fn overwritten(&mut self, path: &str) {
            self.0.push(format!("-{path}"));
        }
    }

    #[test]
    fn files_come_over_whole_in_their_order_and_with_their_errors() {
        let (sender, receiver) = sync_channel(100);
        let open = |path: &str, size_bytes| Step::Open {
            path: path.to_owned(),
            size_bytes,
            mode: 0o644,
            uid: 0,
            gid: 0,
        };
        let first = vec![
            open("a/none", 5),
            Step::Piece(5),
            Step::End(Ok(())),
            open("a/head", 5),
            Step::Piece(5),
            Step::End(Ok(())),
            Step::Overwritten("a/head".to_owned()),
            open("a/stream", 10),
            Step::Piece(4),
        ];
        let second = vec![
            Step::Piece(6),
            Step::End(Ok(())),
            open("a/whole", 3),
            Step::Piece(3),
            Step::End(Err(io::ErrorKind::InvalidData.into())),
            open("a/small", 4),
            Step::Piece(20),
            Step::End(Ok(())),
            open("a/whole", 20),
            Step::Piece(20),
        ];
        sender.send(Batch { bytes: vec![b'x'; 14], steps: first }).unwrap();
        sender.send(Batch { bytes: vec![b'x'; 49], steps: second }).unwrap();
        drop(sender);
        let mut notes = Notes::default();
        Steps::new(receiver).show(&mut notes);
        assert_eq!(
            notes.0,
            [
                "a/none Ok(0)",
                "a/head Ok(3)",
                "-a/head",
                "a/stream Ok(10)",
                "a/whole Err(InvalidData)",
                "a/small Err(FileTooLarge)",
                "a/whole Err(UnexpectedEof)",
            ]
        );
    }
}
