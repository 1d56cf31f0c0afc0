//! What the readers may decompress in one tree, all its files together.
//!
//! A limit for each file leaves a tree of bombs the sum of them. Here every stored byte that a reader decompresses
//! grants what archives of its kind hold, and a bomb soon has spent what is granted beside that.

use crate::limits::{INFLATED_FREE_BYTES, INFLATED_RATIO};

/// The account of one tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inflation {
    left: u64,
}

impl Default for Inflation {
    fn default() -> Inflation {
        Inflation { left: INFLATED_FREE_BYTES }
    }
}

impl Inflation {
    /// Takes so many compressed bytes into account, and gives what they and all before may decompress to.
    pub(crate) fn grant(&mut self, stored_bytes: u64) -> u64 {
        self.left = self.left.saturating_add(stored_bytes.saturating_mul(INFLATED_RATIO));
        self.left
    }

    pub(crate) fn spend(&mut self, bytes: u64) {
        self.left = self.left.saturating_sub(bytes);
    }

    #[cfg(test)]
    pub(crate) fn exhausted() -> Inflation {
        Inflation { left: 0 }
    }
}
