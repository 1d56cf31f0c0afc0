//! Asks rules of events, and remembers what counts and sequences need.

use seawall_event::{AuditEvent, Event, EventTypes};
use seawall_finding::Finding;

use crate::fields::Source;
use crate::finding;
use crate::load::{ByType, Loaded};
use crate::memory::Memory;
use crate::program::{Answers, NodeId, Program};
use crate::rule::Rule;
use crate::value::Occurrence;

/// How many rules may speak of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Matching {
    /// The first one that matches, in the order of the files, as Falco does by default.
    #[default]
    First,
    /// All that match.
    All,
}

/// Rules at work.
#[derive(Debug)]
pub struct Engine {
    rules: Vec<Rule>,
    program: Program,
    by_type: Vec<ByType>,
    /// Conditions of the rules for the audit log.
    audit: Vec<(usize, NodeId)>,
    audit_steps: Vec<(usize, usize, NodeId)>,
    matching: Matching,
    answers: Answers,
    memory: Memory,
    /// Kept so that an event without a match needs no memory.
    matched: Vec<(usize, u64)>,
}

impl Engine {
    /// Takes the rules that are switched on.
    pub fn new(loaded: Loaded, matching: Matching) -> Engine {
        let Loaded { rules, program, mut by_type, .. } = loaded;
        for by_type in &mut by_type {
            by_type.rules.retain(|(rule, _)| rules[*rule].enabled);
            by_type.steps.retain(|(rule, ..)| rules[*rule].enabled);
        }
        let of_audit =
            || rules.iter().enumerate().filter(|(_, rule)| rule.enabled && rule.source == Source::K8sAudit);
        let audit = of_audit().map(|(index, rule)| (index, rule.condition)).collect();
        let audit_steps = of_audit()
            .flat_map(|(index, rule)| {
                let steps = rule.sequence.iter().flat_map(|sequence| sequence.steps.iter().enumerate());
                steps.map(move |(number, step)| (index, number, step.condition))
            })
            .collect();
        let (answers, memory) = (Answers::default(), Memory::default());
        let matched = Vec::new();
        Engine { rules, program, by_type, audit, audit_steps, matching, answers, memory, matched }
    }

    /// The rules, switched off ones included.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The types of events that some rule can match: no other event need come here.
    pub fn event_types(&self) -> EventTypes {
        let mut types = EventTypes::default();
        for (kind, by_type) in seawall_event::EventType::all().zip(&self.by_type) {
            if !by_type.rules.is_empty() || !by_type.steps.is_empty() {
                types.insert(kind);
            }
        }
        types
    }

    /// How many keys of `count`, `dedup` and `sequence` were forgotten early because there were too many: what they
    /// would have found is lost.
    pub fn forgotten(&self) -> u64 {
        self.memory.forgotten()
    }

    /// The rules that this event matches, by their place in [`Engine::rules`], counts and silences left aside.
    pub fn matches(&mut self, event: &Event) -> impl Iterator<Item = usize> {
        self.ask(Occurrence::Syscall(event), false);
        self.matched.iter().map(|(rule, _)| *rule)
    }

    /// What the rules find in an event.
    pub fn observe(&mut self, event: &Event) -> Vec<Finding> {
        self.find(Occurrence::Syscall(event))
    }

    /// What the rules find in an event of the audit log.
    pub fn observe_audit(&mut self, event: &AuditEvent) -> Vec<Finding> {
        self.find(Occurrence::Audit(event))
    }

    fn find(&mut self, occurrence: Occurrence<'_>) -> Vec<Finding> {
        self.ask(occurrence, true);
        let finding =
            |(rule, events): &(usize, u64)| finding::finding(&self.rules[*rule], occurrence, *events);
        self.matched.iter().map(finding).collect()
    }

    /// Collects the matching rules, and how many events each match stands for.
    fn ask(&mut self, occurrence: Occurrence<'_>, remembers: bool) {
        self.matched.clear();
        self.answers.next_event(&self.program);
        let (rules, steps) = match occurrence {
            Occurrence::Syscall(event) => match self.by_type.get(event.kind.index()) {
                Some(by_type) => (by_type.rules.as_slice(), by_type.steps.as_slice()),
                None => return,
            },
            Occurrence::Audit(_) => (self.audit.as_slice(), self.audit_steps.as_slice()),
        };
        for (index, condition) in rules {
            if !self.answers.holds(&self.program, *condition, occurrence) {
                continue;
            }
            let rule = &self.rules[*index];
            let events = if remembers { self.memory.weigh(*index, rule, occurrence) } else { Some(1) };
            let Some(events) = events else {
                // A rule that keeps silent still is the first that matches, unless it waits for more.
                if self.matching == Matching::First && rule.threshold.is_none() && rule.sequence.is_none() {
                    break;
                }
                continue;
            };
            self.matched.push((*index, events));
            if self.matching == Matching::First {
                break;
            }
        }
        if remembers {
            for (index, step, condition) in steps {
                if self.answers.holds(&self.program, *condition, occurrence) {
                    self.memory.step(*index, &self.rules[*index], *step, occurrence);
                }
            }
        }
    }
}
