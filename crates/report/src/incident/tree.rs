//! Lineages, each from a process up to its oldest ancestor, as one tree.

use super::Process;

/// Ancestors that are told, the nearest ones: what lies above is the machine's own.
const DEPTH_MAX: usize = 8;
/// Processes that are told.
const PROCESSES_MAX: usize = 100;

struct Node<'l> {
    command: &'l str,
    children: Vec<usize>,
}

/// Each below its parent. Two processes with one command line below the same
/// parent are one.
pub(super) fn of<'l>(lineages: impl Iterator<Item = &'l [String]>) -> Vec<Process> {
    let mut nodes: Vec<Node<'l>> = Vec::new();
    let mut roots: Vec<usize> = Vec::new();
    for lineage in lineages {
        let mut parent: Option<usize> = None;
        for command in lineage.iter().take(DEPTH_MAX).rev() {
            let siblings = match parent.and_then(|at| nodes.get(at)) {
                Some(node) => &node.children,
                None => &roots,
            };
            let known =
                siblings.iter().copied().find(|at| nodes.get(*at).is_some_and(|n| n.command == command));
            let at = match known {
                Some(at) => at,
                None if nodes.len() >= PROCESSES_MAX => break,
                None => {
                    let at = nodes.len();
                    nodes.push(Node { command, children: Vec::new() });
                    match parent.and_then(|parent| nodes.get_mut(parent)) {
                        Some(node) => node.children.push(at),
                        None => roots.push(at),
                    }
                    at
                }
            };
            parent = Some(at);
        }
    }
    let mut told = Vec::with_capacity(nodes.len());
    let mut next: Vec<(usize, usize)> = roots.into_iter().rev().map(|at| (0, at)).collect();
    while let Some((depth, at)) = next.pop() {
        let Some(node) = nodes.get(at) else { continue };
        told.push(Process { depth, command: node.command.to_owned() });
        next.extend(node.children.iter().rev().map(|child| (depth + 1, *child)));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lineages_with_one_ancestor_are_one_tree() {
        let lineage = |line: &str| line.split('<').map(str::to_owned).collect::<Vec<_>>();
        let lineages =
            [lineage("id<sh -c id<nginx<shim"), lineage("miner<sh -c miner<nginx<shim"), lineage("x")];
        let told = of(lineages.iter().map(Vec::as_slice));
        let shown: Vec<String> = told.iter().map(|one| format!("{}{}", one.depth, one.command)).collect();
        assert_eq!(shown, ["0shim", "1nginx", "2sh -c id", "3id", "2sh -c miner", "3miner", "0x"]);
    }
}
