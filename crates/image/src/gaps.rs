//! Gaps, at most so many one by one: an archive of ten million bad names must not become ten million messages.

use seawall_finding::{Gap, GapKind};

/// The gaps of one walk.
#[derive(Debug)]
pub(crate) struct Gaps {
    gaps: Vec<Gap>,
    max: usize,
    more: u64,
}

impl Gaps {
    pub(crate) fn new(max: usize) -> Gaps {
        Gaps { gaps: Vec::new(), max, more: 0 }
    }

    /// A gap at a path, of the whole tree where `path` is empty.
    pub(crate) fn push(&mut self, kind: GapKind, path: &str, reason: impl std::fmt::Display) {
        if self.gaps.len() >= self.max {
            self.more += 1;
            return;
        }
        self.gaps.push(match path.is_empty() {
            true => Gap::of_target(kind, reason),
            false => Gap::at(kind, path, reason),
        });
    }

    pub(crate) fn finish(mut self) -> Vec<Gap> {
        if self.more > 0 {
            self.gaps.push(Gap::of_target(GapKind::Limit, format!("{} more like these", self.more)));
        }
        self.gaps
    }
}
