//! Asks rules of events, and remembers what counts and sequences need.

use std::collections::BTreeSet;

use seawall_event::{AuditEvent, Event, EventType, EventTypes};
use seawall_finding::Finding;

use crate::check::Check;
use crate::dispatch::Dispatch;
use crate::fields::{Field, Source};
use crate::finding;
use crate::limits;
use crate::load::{ByType, Loaded};
use crate::memory::Memory;
use crate::need::{self, Need};
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
    by_type: Vec<(Dispatch, ByType)>,
    slot_of: Vec<usize>,
    /// The rules for the audit log.
    audit: (Dispatch, ByType),
    matching: Matching,
    answers: Answers,
    memory: Memory,
    /// Whether the kernel alone judges by a rule.
    by_kernel: Vec<bool>,
    /// Kept so that an event without a match needs no memory: the rules whose conditions hold, and those that speak
    /// with the number of events that each stands for.
    holding: Vec<usize>,
    matched: Vec<(usize, u64)>,
}

impl Engine {
    /// Takes the rules that are switched on.
    pub fn new(loaded: Loaded, matching: Matching) -> Engine {
        let Loaded { rules, program, by_type, slot_of, .. } = loaded;
        let mut names_left = limits::NAMES_TOTAL_MAX;
        let is_of_audit = |(_, rule): &(usize, &Rule)| rule.source == Source::K8sAudit;
        let mut audit = ByType::default();
        for (index, rule) in rules.iter().enumerate().filter(is_of_audit) {
            audit.rules.push((index, rule.condition));
            let steps = rule.sequence.iter().flat_map(|sequence| sequence.steps.iter().enumerate());
            audit.steps.extend(steps.map(|(number, step)| (index, number, step.condition)));
        }
        let mut at_work = |mut by_type: ByType| {
            by_type.rules.retain(|(rule, _)| rules[*rule].enabled);
            by_type.steps.retain(|(rule, ..)| rules[*rule].enabled);
            (Dispatch::new(&program, &by_type.rules, &mut names_left), by_type)
        };
        let audit = at_work(audit);
        let by_type = by_type.into_iter().map(at_work).collect();
        Engine {
            by_kernel: vec![false; rules.len()],
            rules,
            program,
            by_type,
            slot_of,
            audit,
            matching,
            answers: Answers::default(),
            memory: Memory::default(),
            holding: Vec::new(),
            matched: Vec::new(),
        }
    }

    /// The rules, switched off ones included.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The types of events that some rule can match: no other event need come here.
    pub fn event_types(&self) -> EventTypes {
        let mut types = EventTypes::default();
        for (kind, slot) in EventType::all().zip(&self.slot_of) {
            let (_, by_type) = &self.by_type[*slot];
            if !by_type.rules.is_empty() || !by_type.steps.is_empty() {
                types.insert(kind);
            }
        }
        types
    }

    /// What an event of this type has to be for some rule to match it; none where no rule can.
    pub fn needs(&self, kind: EventType) -> Vec<Need> {
        let Some((_, by_type)) = self.slot_of.get(kind.index()).map(|slot| &self.by_type[*slot]) else {
            return Vec::new();
        };
        let rules = by_type.rules.iter().map(|(_, condition)| *condition);
        let steps = by_type.steps.iter().map(|(.., condition)| *condition);
        need::of(&self.program, rules.chain(steps), kind)
    }

    /// The comparisons of all rules that are switched on.
    fn checks(&self) -> Vec<&Check> {
        let conditions = self.by_type.iter().flat_map(|(_, by_type)| {
            let rules = by_type.rules.iter().map(|(_, condition)| *condition);
            rules.chain(by_type.steps.iter().map(|(.., condition)| *condition))
        });
        self.program.checks(conditions)
    }

    /// Whether some rule that is switched on looks at a field of which this holds.
    fn looks_at(&self, is_it: impl Fn(&Field) -> bool) -> bool {
        let enabled = self.rules.iter().filter(|rule| rule.enabled);
        self.checks().into_iter().any(|check| check.looks_at(&is_it))
            || enabled.into_iter().any(|rule| rule.shows(&is_it))
    }

    /// Whether a rule looks at the environment of processes.
    pub fn looks_at_environments(&self) -> bool {
        self.looks_at(Field::is_environment)
    }

    /// Whether a rule looks at the bytes that are sent and received.
    pub fn looks_at_data(&self) -> bool {
        self.looks_at(Field::is_data)
    }

    /// Whether a rule looks at the names of addresses.
    pub fn looks_at_names(&self) -> bool {
        self.looks_at(Field::is_name_of_address)
    }

    /// The names that rules compare addresses' names with.
    pub fn names_of_addresses(&self) -> BTreeSet<String> {
        self.checks().into_iter().flat_map(Check::names_of_address).map(str::to_owned).collect()
    }

    /// From now on the kernel alone judges by the rules that deny, and says what it denied: no event is asked of them.
    pub fn leave_denials_to_kernel(&mut self) {
        self.by_kernel = self.rules.iter().map(Rule::denies).collect();
    }

    /// The names of the rules that the kernel judges by.
    pub fn rules_of_kernel(&self) -> Vec<String> {
        let of_kernel = self.rules.iter().zip(&self.by_kernel).filter(|(_, by_kernel)| **by_kernel);
        of_kernel.map(|(rule, _)| rule.name.clone()).collect()
    }

    /// Of the rules that deny, the kernel judged by those with these names, and by no other.
    pub fn leave_to_kernel(&mut self, names: &[String]) {
        self.by_kernel = self.rules.iter().map(|rule| rule.denies() && names.contains(&rule.name)).collect();
    }

    /// The conditions of all rules.
    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    /// The condition of a rule for this type of event; none where it can match none.
    pub(crate) fn condition_of(&self, rule: usize, kind: EventType) -> Option<NodeId> {
        let (_, by_type) = &self.by_type[*self.slot_of.get(kind.index())?];
        by_type.rules.iter().find(|(index, _)| *index == rule).map(|(_, condition)| *condition)
    }

    /// How many events a match stands for; none where the rule keeps silent.
    pub(crate) fn weigh(&mut self, rule: usize, occurrence: Occurrence<'_>) -> Option<u64> {
        self.memory.weigh(rule, self.rules.get(rule)?, occurrence)
    }

    /// Whether a rule looks at the digest of the executed file.
    pub fn looks_at_digests(&self) -> bool {
        self.looks_at(Field::is_digest)
    }

    /// How many keys of `count`, `dedup` and `sequence` were forgotten early because there were too many: what they
    /// would have found is lost.
    pub fn forgotten(&self) -> u64 {
        self.memory.forgotten()
    }

    /// Forgets every event that was observed, as if the rules had just been loaded.
    pub fn forget(&mut self) {
        self.memory = Memory::default();
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
        self.holding.clear();
        self.answers.next_event(&self.program);
        let (dispatch, by_type) = match occurrence {
            Occurrence::Syscall(event) => match self.slot_of.get(event.kind.index()) {
                Some(slot) => &self.by_type[*slot],
                None => return,
            },
            Occurrence::Audit(_) => &self.audit,
        };
        dispatch.matching(&self.program, &mut self.answers, occurrence, &mut self.holding);
        for index in &self.holding {
            let rule = &self.rules[*index];
            if self.by_kernel[*index] {
                continue;
            }
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
            for (index, step, condition) in &by_type.steps {
                if self.answers.holds(&self.program, *condition, occurrence) {
                    self.memory.step(*index, &self.rules[*index], *step, occurrence);
                }
            }
        }
    }
}
