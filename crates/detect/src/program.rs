//! All conditions as one graph: what two rules ask is there once and answered once for an event.
//!
//! Owns simplification (constants, double negation, an event's known type) and the order of questions. Nothing here
//! changes what a condition means: a comparison has no effect and answers true or false, never both.

use std::collections::{HashMap, HashSet};

use seawall_event::{EventType, EventTypes};

use crate::check::{Check, NumberTest, Term, Test};
use crate::dispatch::{self, Names};
use crate::expr::Operator;
use crate::fields::FieldId;
use crate::limits;
use crate::value::Occurrence;

/// A node of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(u32);

/// Always false.
pub(crate) const FALSE: NodeId = NodeId(0);
/// Always true.
pub(crate) const TRUE: NodeId = NodeId(1);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Node {
    Constant(bool),
    Check(u32),
    Not(NodeId),
    And(Box<[NodeId]>),
    Or(Box<[NodeId]>),
}

/// A node as others may look at it.
#[derive(Debug)]
pub(crate) enum Part<'p> {
    Constant(bool),
    Check(&'p Check),
    Not(NodeId),
    And(&'p [NodeId]),
    Or(&'p [NodeId]),
}

/// The graph.
#[derive(Debug)]
pub(crate) struct Program {
    nodes: Vec<Node>,
    checks: Vec<Check>,
    /// How deep each node reaches.
    depths: Vec<usize>,
    /// What each node costs and how likely it is true.
    costs: Vec<(f64, f64)>,
    known_nodes: HashMap<Node, NodeId>,
    known_checks: HashMap<String, u32>,
}

/// A condition reached a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooMuch {
    Depth,
    Parts,
}

impl Default for Program {
    fn default() -> Program {
        let mut program = Program {
            nodes: Vec::new(),
            checks: Vec::new(),
            depths: Vec::new(),
            costs: Vec::new(),
            known_nodes: HashMap::new(),
            known_checks: HashMap::new(),
        };
        program.push(Node::Constant(false), 0, (0.0, 0.0));
        program.push(Node::Constant(true), 0, (0.0, 1.0));
        program
    }
}

impl Program {
    fn push(&mut self, node: Node, depth: usize, cost: (f64, f64)) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        self.known_nodes.insert(node.clone(), id);
        self.nodes.push(node);
        self.depths.push(depth);
        self.costs.push(cost);
        id
    }

    fn depth(&self, id: NodeId) -> usize {
        self.depths[id.0 as usize]
    }

    fn cost(&self, id: NodeId) -> (f64, f64) {
        self.costs[id.0 as usize]
    }

    /// The node of a comparison. One that is of a form which never holds is the constant.
    pub(crate) fn check(&mut self, check: Check) -> Result<NodeId, TooMuch> {
        if is_never(&check) {
            return Ok(FALSE);
        }
        if let Some(known) = self.known_checks.get(&check.key) {
            return self.add(Node::Check(*known));
        }
        let index = self.checks.len() as u32;
        self.known_checks.insert(check.key.clone(), index);
        self.checks.push(check);
        self.add(Node::Check(index))
    }

    pub(crate) fn not(&mut self, inner: NodeId) -> Result<NodeId, TooMuch> {
        match &self.nodes[inner.0 as usize] {
            Node::Constant(value) => Ok(if *value { FALSE } else { TRUE }),
            Node::Not(twice) => Ok(*twice),
            Node::Check(_) | Node::And(_) | Node::Or(_) => self.add(Node::Not(inner)),
        }
    }

    pub(crate) fn and(&mut self, parts: Vec<NodeId>) -> Result<NodeId, TooMuch> {
        self.join(parts, TRUE, FALSE, Node::And)
    }

    pub(crate) fn or(&mut self, parts: Vec<NodeId>) -> Result<NodeId, TooMuch> {
        self.join(parts, FALSE, TRUE, Node::Or)
    }

    /// Several nodes as one. The neutral one is left out, the deciding one decides; the quickest way to a decision
    /// comes first.
    fn join(
        &mut self,
        parts: Vec<NodeId>,
        neutral: NodeId,
        deciding: NodeId,
        node: fn(Box<[NodeId]>) -> Node,
    ) -> Result<NodeId, TooMuch> {
        let mut kept: Vec<NodeId> = Vec::with_capacity(parts.len());
        for part in parts {
            if part == deciding {
                return Ok(deciding);
            }
            if part != neutral {
                kept.push(part);
            }
        }
        kept.sort_unstable();
        kept.dedup();
        let decides = |id: NodeId| {
            let (cost, likely) = self.cost(id);
            let decides = if deciding == FALSE { 1.0 - likely } else { likely };
            cost / decides.max(0.001)
        };
        kept.sort_by(|left, right| decides(*left).total_cmp(&decides(*right)));
        match kept.as_slice() {
            [] => Ok(neutral),
            [one] => Ok(*one),
            _ => self.add(node(kept.into_boxed_slice())),
        }
    }

    fn add(&mut self, node: Node) -> Result<NodeId, TooMuch> {
        if let Some(known) = self.known_nodes.get(&node) {
            return Ok(*known);
        }
        let (depth, cost) = self.measure(&node);
        if depth > limits::CONDITION_DEPTH_MAX {
            return Err(TooMuch::Depth);
        }
        if self.nodes.len() >= limits::CONDITION_PARTS_MAX {
            return Err(TooMuch::Parts);
        }
        Ok(self.push(node, depth, cost))
    }

    fn measure(&self, node: &Node) -> (usize, (f64, f64)) {
        match node {
            Node::Constant(value) => (0, (0.0, f64::from(*value))),
            Node::Check(index) => (1, self.checks[*index as usize].cost()),
            Node::Not(inner) => {
                let (cost, likely) = self.cost(*inner);
                (self.depth(*inner) + 1, (cost, 1.0 - likely))
            }
            Node::And(parts) => self.measure_parts(parts, |likely| likely),
            Node::Or(parts) => {
                let (depth, (cost, unlikely)) = self.measure_parts(parts, |likely| 1.0 - likely);
                (depth, (cost, 1.0 - unlikely))
            }
        }
    }

    /// The expected cost of asking one after the other until one decides, and how likely none does.
    fn measure_parts(&self, parts: &[NodeId], goes_on: impl Fn(f64) -> f64) -> (usize, (f64, f64)) {
        let (mut depth, mut cost, mut likely) = (0, 0.0, 1.0);
        for part in parts {
            let (part_cost, part_likely) = self.cost(*part);
            depth = depth.max(self.depth(*part));
            cost += part_cost * likely;
            likely *= goes_on(part_likely);
        }
        (depth + 1, (cost, likely))
    }

    /// The event types that any comparison names: all others are alike to every condition.
    pub(crate) fn named_types(&self) -> EventTypes {
        let mut named = EventTypes::default();
        for check in &self.checks {
            if let Some(types) = check.test.types() {
                // A negated set names the few that are not in it.
                if types.len() > EventType::COUNT / 2 {
                    EventType::all()
                        .filter(|kind| !types.contains(*kind))
                        .for_each(|kind| named.insert(kind));
                } else {
                    named.extend(*types);
                }
            }
        }
        named
    }

    /// What is left of a condition when the event's type is known.
    pub(crate) fn specialize(
        &mut self,
        id: NodeId,
        kind: EventType,
        known: &mut HashMap<NodeId, NodeId>,
    ) -> Result<NodeId, TooMuch> {
        if let Some(known) = known.get(&id) {
            return Ok(*known);
        }
        let special = match self.nodes[id.0 as usize].clone() {
            Node::Constant(_) => id,
            Node::Check(index) => match self.checks[index as usize].test.types() {
                Some(types) if types.contains(kind) => TRUE,
                Some(_) => FALSE,
                None => id,
            },
            Node::Not(inner) => {
                let inner = self.specialize(inner, kind, known)?;
                self.not(inner)?
            }
            Node::And(parts) => {
                let parts = self.specialize_each(&parts, kind, known)?;
                self.and(parts)?
            }
            Node::Or(parts) => {
                let parts = self.specialize_each(&parts, kind, known)?;
                self.or(parts)?
            }
        };
        known.insert(id, special);
        Ok(special)
    }

    fn specialize_each(
        &mut self,
        parts: &[NodeId],
        kind: EventType,
        known: &mut HashMap<NodeId, NodeId>,
    ) -> Result<Vec<NodeId>, TooMuch> {
        parts.iter().map(|part| self.specialize(*part, kind, known)).collect()
    }

    /// The parts of which a condition needs all.
    pub(crate) fn conjuncts(&self, id: NodeId) -> &[NodeId] {
        match &self.nodes[id.0 as usize] {
            Node::And(parts) => parts,
            Node::Constant(_) | Node::Check(_) | Node::Not(_) | Node::Or(_) => &[],
        }
    }

    /// What a node is.
    pub(crate) fn part(&self, id: NodeId) -> Part<'_> {
        match &self.nodes[id.0 as usize] {
            Node::Constant(value) => Part::Constant(*value),
            Node::Check(index) => Part::Check(&self.checks[*index as usize]),
            Node::Not(inner) => Part::Not(*inner),
            Node::And(parts) => Part::And(parts),
            Node::Or(parts) => Part::Or(parts),
        }
    }

    /// The comparisons of these conditions.
    pub(crate) fn checks(&self, of: impl Iterator<Item = NodeId>) -> Vec<&Check> {
        let mut checks = Vec::new();
        let mut open: Vec<NodeId> = of.collect();
        let mut seen = HashSet::new();
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            match self.part(id) {
                Part::Constant(_) => {}
                Part::Check(check) => checks.push(check),
                Part::Not(inner) => open.push(inner),
                Part::And(parts) | Part::Or(parts) => open.extend(parts),
            }
        }
        checks
    }

    /// How likely a condition holds.
    pub(crate) fn likely(&self, id: NodeId) -> f64 {
        self.cost(id).1
    }

    /// The process names of which a condition needs one; `None` where any will do.
    pub(crate) fn names(&self, id: NodeId, known: &mut HashMap<NodeId, Names>) -> Names {
        if let Some(known) = known.get(&id) {
            return known.clone();
        }
        let names = match &self.nodes[id.0 as usize] {
            Node::Check(index) => self.checks[*index as usize].names(),
            Node::And(parts) => {
                let each = parts.iter().filter_map(|part| self.names(*part, known));
                each.min_by_key(|names| names.len())
            }
            Node::Or(parts) => {
                let each: Vec<Names> = parts.iter().map(|part| self.names(*part, known)).collect();
                dispatch::union(each.into_iter())
            }
            Node::Constant(_) | Node::Not(_) => None,
        };
        known.insert(id, names.clone());
        names
    }

    /// Lets go of what only building needs.
    pub(crate) fn finish(&mut self) {
        self.known_nodes = HashMap::new();
        self.known_checks = HashMap::new();
        self.depths = Vec::new();
        self.checks.iter_mut().for_each(|check| check.key = String::new());
    }
}

/// `evt.num = 0`: the way that rule files write "never".
fn is_never(check: &Check) -> bool {
    let Term::Field(field) = &check.left else { return false };
    let is_zero = matches!(check.test, Test::Number(NumberTest::Compare(Operator::Equal, 0)));
    let is_empty = check.test.is_of_nothing();
    is_empty || is_zero && field.id == FieldId::EvtNum
}

/// Answers for one event at a time; remembers what was asked of it already.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// For each node the number of the event it was last answered for, twice, and the answer.
    known: Vec<u32>,
    event: u32,
}

impl Answers {
    /// Turns to another event.
    pub(crate) fn next_event(&mut self, program: &Program) {
        self.event = (self.event + 1) & (u32::MAX >> 1);
        if self.known.len() != program.nodes.len() || self.event == 0 {
            self.known.clear();
            self.known.resize(program.nodes.len(), 0);
            self.event = 1;
        }
    }

    /// Whether a condition holds.
    pub(crate) fn holds(&mut self, program: &Program, id: NodeId, occurrence: Occurrence<'_>) -> bool {
        let index = id.0 as usize;
        let known = self.known[index];
        if known >> 1 == self.event {
            return known & 1 != 0;
        }
        let answer = match &program.nodes[index] {
            Node::Constant(value) => return *value,
            Node::Not(inner) => return !self.holds(program, *inner, occurrence),
            Node::Check(check) => program.checks[*check as usize].holds(occurrence),
            Node::And(parts) => parts.iter().all(|part| self.holds(program, *part, occurrence)),
            Node::Or(parts) => parts.iter().any(|part| self.holds(program, *part, occurrence)),
        };
        self.known[index] = self.event << 1 | u32::from(answer);
        answer
    }
}
