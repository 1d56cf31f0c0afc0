//! Where a worker gets its findings from: the queue in memory, or the spool.

use std::io;
use std::sync::Arc;

use crate::Delivery;
use crate::intake::Intake;
use crate::spool::{Position, Spool};

/// Where a worker gets its findings from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    Memory(Arc<Intake>),
    Disk(Arc<Spool>),
}

/// Findings that are to be delivered. They stay in their queue until they were.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) deliveries: Vec<Arc<Delivery>>,
    /// Records on disk that were damaged.
    pub(crate) damaged: u64,
    end: End,
}

#[derive(Debug)]
enum End {
    Count(usize),
    Position(Position),
}

impl Source {
    /// Waits for findings. `None` when there will be no more.
    pub(crate) fn wait(&self, count_max: usize, bytes_max: usize) -> Option<io::Result<Batch>> {
        match self {
            Source::Memory(intake) => {
                let deliveries = intake.peek(count_max, bytes_max)?;
                let end = End::Count(deliveries.len());
                Some(Ok(Batch { deliveries, damaged: 0, end }))
            }
            Source::Disk(spool) => {
                let batch = spool.read(count_max, bytes_max)?.map(|reading| Batch {
                    deliveries: reading.deliveries.into_iter().map(Arc::new).collect(),
                    damaged: reading.damaged,
                    end: End::Position(reading.until),
                });
                Some(batch)
            }
        }
    }

    /// Time is up, and so many of a batch are left. On disk the next process begins with the whole batch.
    pub(crate) fn give_up(&self, batch: &Batch, left: usize) {
        match self {
            Source::Memory(intake) => intake.remove(batch.deliveries.len() - left),
            Source::Disk(_) => {}
        }
    }

    /// The findings of a batch need not be kept any longer.
    pub(crate) fn done(&self, batch: &Batch) -> io::Result<()> {
        match (self, &batch.end) {
            (Source::Memory(intake), End::Count(count)) => intake.remove(*count),
            (Source::Disk(spool), End::Position(until)) => return spool.delivered(*until),
            (Source::Memory(_), End::Position(_)) | (Source::Disk(_), End::Count(_)) => {}
        }
        Ok(())
    }
}
