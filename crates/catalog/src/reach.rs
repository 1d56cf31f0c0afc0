//! Which nodes of a dependency graph can be reached from where it starts: lock files that do not mark development
//! dependencies tell them by what production does not reach.

use std::collections::HashSet;
use std::hash::Hash;

/// The nodes that `starts` lead to, themselves included; each is asked once for what follows it.
pub(crate) fn reachable<N: Copy + Eq + Hash>(
    starts: impl IntoIterator<Item = N>,
    mut next: impl FnMut(N, &mut Vec<N>),
) -> HashSet<N> {
    let mut waiting: Vec<N> = starts.into_iter().collect();
    let mut reached = HashSet::new();
    while let Some(node) = waiting.pop() {
        if reached.insert(node) {
            next(node, &mut waiting);
        }
    }
    reached
}
