//! The one loop between producers and sinks.

use std::io;

use seawall_finding::Finding;

use crate::{Context, Policy, Sink, Verdict};

/// Judges findings and hands them to every sink.
pub struct Funnel<'a> {
    policy: &'a Policy,
    context: Context<'a>,
    sinks: Vec<&'a mut dyn Sink>,
}

/// What went through a funnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// The worst verdict; `Allow` when nothing was found.
    pub worst: Verdict,
    /// Findings that are not waived.
    pub found: usize,
    /// Findings that a waiver allows.
    pub waived: usize,
}

impl<'a> Funnel<'a> {
    /// A funnel into these sinks.
    pub fn new(policy: &'a Policy, context: Context<'a>, sinks: Vec<&'a mut dyn Sink>) -> Funnel<'a> {
        Funnel { policy, context, sinks }
    }

    /// Judges every finding and shows it to every sink.
    ///
    /// # Errors
    /// A sink cannot accept any more.
    pub fn pour(&mut self, findings: impl IntoIterator<Item = Finding>) -> io::Result<Tally> {
        let mut tally = Tally::default();
        for finding in findings {
            let judged = self.policy.judge(finding, self.context);
            tally.worst = tally.worst.max(judged.verdict);
            match judged.waived {
                Some(_) => tally.waived += 1,
                None => tally.found += 1,
            }
            for sink in &mut self.sinks {
                sink.take(&judged)?;
            }
        }
        Ok(tally)
    }
}
