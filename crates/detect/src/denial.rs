//! What a rule denies, as the kernel can decide it: exactly, or not at all.
//!
//! A condition becomes clauses over atoms. An atom is a question that the kernel answers from what it holds at the
//! operation itself (the file that will run, the address, the cgroup); a clause is a set of atoms that hold and one of
//! those that do not. Unlike a [`crate::Need`], which may let out too much, nothing here is widened: what the kernel
//! cannot decide is an [`Undeniable`], with the part of the condition that it is.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use seawall_event::{Container, DescriptorKind, Event, EventType, EventTypes};

use crate::check::{Check, NumberTest, Term, Test, TextTest};
use crate::engine::Engine;
use crate::expr::{Function, Operator};
use crate::fields::{Field, FieldId};
use crate::finding;
use crate::limits::{
    DENIED_ALTERNATIVES_MAX, DENIED_ATOMS_MAX, DENIED_CLAUSES_MAX, DENIED_NETWORKS_MAX,
    DENIED_TEXT_BYTES_MAX, DENIED_TEXTS_MAX,
};
use crate::program::{NodeId, Part, Program};
use crate::rule::Rule;
use crate::value::Occurrence;

/// What can be denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Occasion {
    /// The execution of a program: `execve`, which also stands for `execveat`.
    Execution,
    /// A connection: `connect`, however it is asked for.
    Connection,
    /// A datagram to an address without a connection: `sendto`, `sendmsg`, `sendmmsg`.
    Sending,
}

impl Occasion {
    /// All of them.
    pub const ALL: [Occasion; 3] = [Occasion::Execution, Occasion::Connection, Occasion::Sending];

    fn types(self) -> &'static [&'static str] {
        match self {
            Occasion::Execution => &["execve", "execveat"],
            Occasion::Connection => &["connect"],
            Occasion::Sending => &["sendto", "sendmsg", "sendmmsg"],
        }
    }
}

/// What is known of an operation by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Property {
    UpperLayer,
    LowerLayer,
    Memfd,
    Ipv4,
    Ipv6,
    Tcp,
    Udp,
    Icmp,
    Raw,
}

/// The beginning of a path, or of its last component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Beginning {
    /// Of the path, which has a slash first.
    Path(String),
    /// It is the path.
    WholePath(String),
    /// Of the last component.
    Name(String),
    /// It is the last component.
    WholeName(String),
}

/// A question with yes or no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Atom {
    /// Whether the executable's path is one of these.
    Executable(BTreeSet<Beginning>),
    /// Whether one of these is so.
    Is(BTreeSet<Property>),
    /// Whether the remote address is in one of these networks.
    Remote(Vec<(IpAddr, u8)>),
    /// Whether the remote port is one of these.
    Port(BTreeSet<u16>),
    /// A question about the container; [`Engine::container_atoms`] answers it.
    Container(OfContainer),
}

/// A question about the container that only the rules' own engine can ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfContainer {
    node: NodeId,
    /// It only asks whether it is one.
    is_of_place: bool,
}

/// One way for a rule to deny. Atoms are bits by their place in [`Denied::atoms`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clause {
    /// Atoms that hold.
    pub must: u64,
    /// Atoms that do not.
    pub must_not: u64,
    /// The rule's place in [`Engine::rules`].
    pub rule: usize,
}

/// What is denied on one occasion. The first clause that fits names the rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Denied {
    /// At most 64.
    pub atoms: Vec<Atom>,
    /// At most 64.
    pub clauses: Vec<Clause>,
}

/// Why a rule cannot deny.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{file}:{line}: the rule `{rule}` responds with `deny`, and the kernel cannot decide {part}: {reason}"
)]
pub struct Undeniable {
    /// The rule's file.
    pub file: String,
    /// The line of its name.
    pub line: usize,
    /// Its name.
    pub rule: String,
    /// The part of it that cannot be decided.
    pub part: String,
    /// Why not.
    pub reason: String,
}

impl Rule {
    /// Whether it asks to deny, and is switched on.
    pub fn denies(&self) -> bool {
        self.enabled && self.respond.iter().any(|name| name == "deny")
    }
}

impl Engine {
    /// What the rules that respond with `deny` deny, by [`Occasion`].
    ///
    /// # Errors
    /// Every rule that the kernel cannot decide, with the first part of it that it cannot.
    pub fn denials(&self) -> Result<[Denied; 3], Vec<Undeniable>> {
        let mut denials: [Denied; 3] = Default::default();
        let mut problems = Vec::new();
        for (index, rule) in self.rules().iter().enumerate().filter(|(_, rule)| rule.denies()) {
            if let Err((part, reason)) = self.add(index, rule, &mut denials) {
                let (file, line, rule) = (rule.file.clone(), rule.line, rule.name.clone());
                problems.push(Undeniable { file, line, rule, part, reason });
            }
        }
        if problems.is_empty() { Ok(denials) } else { Err(problems) }
    }

    fn add(&self, index: usize, rule: &Rule, denials: &mut [Denied; 3]) -> Result<(), (String, String)> {
        let whole = |part: &str, reason: &str| Err((part.to_owned(), reason.to_owned()));
        if rule.threshold.is_some() {
            return whole("`count`", "it decides by one operation, before it happens");
        }
        if rule.sequence.is_some() {
            return whole("`sequence`", "it decides by one operation, before it happens");
        }
        let known = |kind: EventType| Occasion::ALL.iter().any(|of| of.types().contains(&kind.name()));
        if let Some(other) = rule.event_types.iter().find(|kind| !known(*kind)) {
            let part = format!("`evt.type` {other}");
            let few = "executions (execve, execveat) and connections (connect, sendto, sendmsg, sendmmsg) can be denied; \
                begin the condition with `evt.type in (…) and`";
            return whole(&part, few);
        }
        let mut ways_of_all = 0;
        for (occasion, denied) in Occasion::ALL.into_iter().zip(&mut *denials) {
            let Some(condition) = self.condition(index, rule.event_types, occasion)? else { continue };
            let mut looking = Looking {
                program: self.program(),
                occasion,
                atoms: &mut denied.atoms,
                known: HashMap::new(),
            };
            let ways = looking.ways(condition, true)?;
            ways_of_all += ways.len();
            denied.clauses.extend(ways.iter().map(|(must, must_not)| Clause {
                must: *must,
                must_not: *must_not,
                rule: index,
            }));
            if denied.clauses.len() > DENIED_CLAUSES_MAX {
                let reason =
                    format!("all rules that deny have more than {DENIED_CLAUSES_MAX} alternatives together");
                return whole("the condition", &reason);
            }
        }
        if ways_of_all == 0 {
            return whole("the condition", "nothing that can be denied ever fits it");
        }
        fits(denials).map_err(|reason| ("the condition".to_owned(), reason))
    }

    /// The condition of a rule on an occasion.
    fn condition(
        &self,
        rule: usize,
        types: EventTypes,
        occasion: Occasion,
    ) -> Result<Option<NodeId>, (String, String)> {
        let named = occasion.types().iter().filter_map(|name| EventType::named(name));
        let mut conditions = named.filter_map(|kind| Some((kind, self.condition_of(rule, kind)?)));
        match occasion {
            Occasion::Execution | Occasion::Connection => {
                let first = occasion.types().first().and_then(|name| EventType::named(name));
                let condition =
                    conditions.find(|(kind, _)| Some(*kind) == first).map(|(_, condition)| condition);
                if condition.is_none()
                    && types.contains(EventType::EXECVEAT)
                    && occasion == Occasion::Execution
                {
                    let reason = "the execution of a program is told as execve, however it was asked for";
                    return Err(("`evt.type` execveat".to_owned(), reason.to_owned()));
                }
                Ok(condition)
            }
            Occasion::Sending => {
                let conditions: Vec<(EventType, NodeId)> = conditions.collect();
                let Some((_, first)) = conditions.first().copied() else { return Ok(None) };
                let has = |name: &str| conditions.iter().any(|(kind, _)| kind.name() == name);
                if conditions.iter().all(|(_, other)| *other == first) && has("sendto") && has("sendmsg") {
                    return Ok(Some(first));
                }
                let part = "`evt.type` sendto, sendmsg or sendmmsg".to_owned();
                Err((
                    part,
                    "it does not tell them apart: name sendto and sendmsg, with the same condition"
                        .to_owned(),
                ))
            }
        }
    }

    /// The atoms that a container makes true.
    pub fn container_atoms(&self, denied: &Denied, container: &Container) -> u64 {
        let event = Event { container: Some(container.clone().into()), ..Event::default() };
        let holds = |atom: &OfContainer| match self.program().part(atom.node) {
            Part::Check(check) => check.holds(Occurrence::Syscall(&event)),
            Part::Constant(_) | Part::Not(_) | Part::And(_) | Part::Or(_) => false,
        };
        denied.of_containers().filter(|(_, atom)| holds(atom)).fold(0, |all, (bit, _)| all | bit)
    }

    /// The finding of a rule that has denied this.
    pub fn denied(&mut self, rule: usize, event: &Event) -> Option<seawall_finding::Finding> {
        let occurrence = Occurrence::Syscall(event);
        let events = self.weigh(rule, occurrence)?;
        Some(finding::finding(self.rules().get(rule)?, occurrence, events))
    }
}

impl Denied {
    fn of_containers(&self) -> impl Iterator<Item = (u64, &OfContainer)> {
        self.atoms.iter().enumerate().filter_map(|(index, atom)| match atom {
            Atom::Container(of) => Some((1 << index, of)),
            Atom::Executable(_) | Atom::Is(_) | Atom::Remote(_) | Atom::Port(_) => None,
        })
    }

    /// The atoms about containers that need more than to know that it is one.
    pub fn atoms_of_known_containers(&self) -> u64 {
        self.of_containers().filter(|(_, of)| !of.is_of_place).fold(0, |all, (bit, _)| all | bit)
    }
}

/// Whether the kernel's tables have room for this, beside as much that is in force until it is written.
fn fits(denials: &[Denied; 3]) -> Result<(), String> {
    let (mut networks, mut texts) = (0, 0);
    for atom in denials.iter().flat_map(|denied| &denied.atoms) {
        match atom {
            Atom::Remote(of) => networks += of.len(),
            Atom::Executable(of) => texts += of.len(),
            Atom::Is(_) | Atom::Port(_) | Atom::Container(_) => {}
        }
    }
    if networks > DENIED_NETWORKS_MAX {
        return Err(format!(
            "all rules that deny have more than {DENIED_NETWORKS_MAX} addresses and networks together, those of \
             connections and of sendings counted each"
        ));
    }
    if texts > DENIED_TEXTS_MAX {
        return Err(format!(
            "all rules that deny have more than {DENIED_TEXTS_MAX} paths and names together"
        ));
    }
    Ok(())
}

/// Ways for a condition to hold, each as the atoms that hold and those that do not.
type Ways = Vec<(u64, u64)>;

struct Looking<'p> {
    program: &'p Program,
    occasion: Occasion,
    atoms: &'p mut Vec<Atom>,
    known: HashMap<(NodeId, bool), Ways>,
}

impl Looking<'_> {
    /// Conditions are as deep as the parser allows, so that this ends.
    fn ways(&mut self, id: NodeId, holds: bool) -> Result<Ways, (String, String)> {
        if let Some(known) = self.known.get(&(id, holds)) {
            return Ok(known.clone());
        }
        let program = self.program;
        let ways = match (program.part(id), holds) {
            (Part::Constant(value), _) => of_constant(value == holds),
            (Part::Check(check), _) => self.of_check(id, check, holds)?,
            (Part::Not(inner), _) => self.ways(inner, !holds)?,
            (Part::And(parts), true) | (Part::Or(parts), false) => {
                let mut both = of_constant(true);
                for part in parts {
                    both = and(&both, &self.ways(*part, holds)?)?;
                }
                both
            }
            (Part::Or(parts), true) | (Part::And(parts), false) => {
                let mut either = Ways::new();
                for part in parts {
                    either.extend(self.ways(*part, holds)?);
                }
                absorbed(either)?
            }
        };
        self.known.insert((id, holds), ways.clone());
        Ok(ways)
    }

    fn of_check(&mut self, id: NodeId, check: &Check, holds: bool) -> Result<Ways, (String, String)> {
        let answer = answer(id, check, self.occasion).map_err(|reason| (shown(check), reason))?;
        let (atom, is_so) = match answer {
            Answer::Always(value) => return Ok(of_constant(value == holds)),
            Answer::Is(atom) => (atom, holds),
            Answer::IsNot(atom) => (atom, !holds),
        };
        let known = self.atoms.iter().position(|known| *known == atom);
        let index = known.unwrap_or_else(|| {
            self.atoms.push(atom);
            self.atoms.len() - 1
        });
        if index >= DENIED_ATOMS_MAX {
            let reason =
                format!("all rules that deny ask more than {DENIED_ATOMS_MAX} different questions together");
            return Err((shown(check), reason));
        }
        let bit = 1 << index;
        Ok(vec![if is_so { (bit, 0) } else { (0, bit) }])
    }
}

fn of_constant(value: bool) -> Ways {
    if value { vec![(0, 0)] } else { Ways::new() }
}

fn and(left: &Ways, right: &Ways) -> Result<Ways, (String, String)> {
    let mut both = Ways::new();
    for (must, must_not) in left {
        for (other_must, other_must_not) in right {
            let way = (must | other_must, must_not | other_must_not);
            if way.0 & way.1 == 0 {
                both.push(way);
            }
        }
        if both.len() > DENIED_ALTERNATIVES_MAX {
            both = absorbed(both)?;
        }
    }
    absorbed(both)
}

/// Without the ways that another one covers.
fn absorbed(mut ways: Ways) -> Result<Ways, (String, String)> {
    ways.sort_by_key(|(must, must_not)| (must.count_ones() + must_not.count_ones(), *must, *must_not));
    ways.dedup();
    let mut kept = Ways::new();
    for (must, must_not) in ways {
        if !kept.iter().any(|(less, less_not)| less & must == *less && less_not & must_not == *less_not) {
            kept.push((must, must_not));
        }
    }
    if kept.len() > DENIED_ALTERNATIVES_MAX {
        let reason = format!("it has more than {DENIED_ALTERNATIVES_MAX} alternatives");
        return Err(("the condition".to_owned(), reason));
    }
    Ok(kept)
}

/// What a comparison is to the kernel.
enum Answer {
    /// It is so, or is not, for everything that can be denied here.
    Always(bool),
    Is(Atom),
    IsNot(Atom),
}

fn answer(id: NodeId, check: &Check, occasion: Occasion) -> Result<Answer, String> {
    let is_of_container = |field: &Field| {
        field.id.is_of_container()
            && !matches!(field.id, FieldId::ContainerStartTs | FieldId::ContainerDuration)
    };
    if check.looks_at(&is_of_container) && !check.looks_at(&|field: &Field| !is_of_container(field)) {
        return Ok(Answer::Is(Atom::Container(OfContainer { node: id, is_of_place: is_of_place(check) })));
    }
    if matches!(check.test, Test::Against(..)) {
        return Err("it compares with no second field".to_owned());
    }
    match (&check.left, occasion) {
        (Term::Field(field), _) if is_fixed(field.id, occasion) => {
            let event = Event { kind: EventType::EXECVE, result: Some(0), ..Event::default() };
            Ok(Answer::Always(check.holds(Occurrence::Syscall(&event))))
        }
        (Term::Field(field), Occasion::Execution) => of_executable(field.id, &check.test),
        (Term::Field(field), Occasion::Connection | Occasion::Sending) => of_remote(field.id, &check.test),
        (Term::Call(Function::BaseName, terms), Occasion::Execution) if matches!(terms.as_slice(), [Term::Field(field)] if field.id == FieldId::ProcExePath) => {
            of_text(&check.test, Beginning::Name, Beginning::WholeName, |text| match text.contains('/') {
                true => Err("the last component of a path has no slash".to_owned()),
                false => Ok(()),
            })
        }
        (Term::Call(..) | Term::Constant(_) | Term::List(_), _) => {
            Err("of what is made from fields it knows `basename(proc.exepath)` only".to_owned())
        }
    }
}

/// Whether it only asks if this is the host.
#[expect(clippy::wildcard_enum_match_arm, reason = "the other questions ask for more")]
fn is_of_place(check: &Check) -> bool {
    let Term::Field(field) = &check.left else { return false };
    let is_host = |text: &str| text == "host";
    field.id == FieldId::ContainerId
        && match &check.test {
            Test::Exists => true,
            Test::Text(TextTest::Equal(text) | TextTest::NotEqual(text)) => is_host(text),
            Test::Text(TextTest::In(texts)) => texts.iter().all(is_host),
            _ => false,
        }
}

/// What is the same for every operation that is judged: an execution is denied where it would have succeeded.
fn is_fixed(id: FieldId, occasion: Occasion) -> bool {
    let is_result = matches!(id, FieldId::EvtRes | FieldId::EvtRawRes | FieldId::EvtFailed);
    let is_sort = matches!(
        id,
        FieldId::EvtDir
            | FieldId::EvtSource
            | FieldId::EvtIsOpenRead
            | FieldId::EvtIsOpenWrite
            | FieldId::EvtIsOpenExec
            | FieldId::EvtIsOpenCreate
    );
    is_sort || is_result && occasion == Occasion::Execution
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the kernel decides by few fields")]
fn of_executable(id: FieldId, test: &Test) -> Result<Answer, String> {
    match id {
        FieldId::ProcExePath => of_path(test),
        FieldId::ProcIsExeUpperLayer => of_flag(test, Property::UpperLayer),
        FieldId::ProcIsExeLowerLayer => of_flag(test, Property::LowerLayer),
        FieldId::ProcIsExeFromMemfd => of_flag(test, Property::Memfd),
        FieldId::ProcName | FieldId::ProcExe | FieldId::ProcCmdLine | FieldId::ProcArgs => {
            Err("who executes chooses it freely; write `proc.exepath` or `basename(proc.exepath)`".to_owned())
        }
        _ => Err("of an execution it knows proc.exepath, basename(proc.exepath), proc.is_exe_upper_layer, \
            proc.is_exe_lower_layer, proc.is_exe_from_memfd and what is of the container"
            .to_owned()),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a flag is asked in two ways")]
fn of_flag(test: &Test, property: Property) -> Result<Answer, String> {
    let atom = || Atom::Is(BTreeSet::from([property]));
    match test {
        Test::Exists => Ok(Answer::Always(true)),
        Test::Bool(true) => Ok(Answer::Is(atom())),
        Test::Bool(false) => Ok(Answer::IsNot(atom())),
        _ => Err("it is true or false".to_owned()),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the others go the way of all texts")]
fn of_path(test: &Test) -> Result<Answer, String> {
    let only = |beginnings: Vec<Beginning>| Answer::Is(Atom::Executable(beginnings.into_iter().collect()));
    match test {
        Test::Text(TextTest::EndsWith(end)) => match end.strip_prefix('/') {
            Some(name) if !name.is_empty() && !name.contains('/') && !name.starts_with("memfd:") => {
                Ok(only(vec![Beginning::WholeName(checked(name)?)]))
            }
            Some(_) | None => {
                Err("of the end of a path it knows the last component only: `endswith /NAME`".to_owned())
            }
        },
        Test::Text(TextTest::PathMatch(prefixes)) => {
            let Some(paths) = prefixes.plain() else {
                return Err("it knows no patterns: write paths without `*`, `?` and `[`".to_owned());
            };
            let mut beginnings = Vec::new();
            for path in paths {
                beginnings.push(Beginning::WholePath(checked(&path)?));
                beginnings.push(Beginning::Path(checked(&format!("{}/", path.trim_end_matches('/')))?));
            }
            Ok(only(beginnings))
        }
        test => of_text(test, Beginning::Path, Beginning::WholePath, |text| match text.starts_with('/') {
            true => Ok(()),
            false => Err("a path begins with a slash".to_owned()),
        }),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "few questions about texts can be held as beginnings")]
fn of_text(
    test: &Test,
    begins: fn(String) -> Beginning,
    is: fn(String) -> Beginning,
    fits: impl Fn(&str) -> Result<(), String>,
) -> Result<Answer, String> {
    let one = |make: fn(String) -> Beginning, text: &str| -> Result<Atom, String> {
        fits(text)?;
        Ok(Atom::Executable(BTreeSet::from([make(checked(text)?)])))
    };
    match test {
        Test::Exists => Ok(Answer::Always(true)),
        Test::Text(TextTest::StartsWith(start)) if start.is_empty() => Ok(Answer::Always(true)),
        Test::Text(TextTest::Equal(text)) => Ok(Answer::Is(one(is, text)?)),
        Test::Text(TextTest::NotEqual(text)) => Ok(Answer::IsNot(one(is, text)?)),
        Test::Text(TextTest::StartsWith(text)) => Ok(Answer::Is(one(begins, text)?)),
        Test::Text(TextTest::In(texts)) => {
            let all = texts.iter().map(|text| fits(text).and_then(|()| checked(text)).map(is));
            Ok(Answer::Is(Atom::Executable(all.collect::<Result<_, _>>()?)))
        }
        _ => Err("of a path it knows =, !=, in, startswith, pmatch and `endswith /NAME`".to_owned()),
    }
}

/// A text that the kernel can compare with.
fn checked(text: &str) -> Result<String, String> {
    if text.len() > DENIED_TEXT_BYTES_MAX {
        return Err(format!("it compares with the first {DENIED_TEXT_BYTES_MAX} bytes of a path"));
    }
    if text.contains(['\0', '\u{fffd}']) {
        return Err("no path that it sees has such a character".to_owned());
    }
    Ok(text.to_owned())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the kernel decides by few fields")]
fn of_remote(id: FieldId, test: &Test) -> Result<Answer, String> {
    const PROTOCOLS: [(&str, Property); 4] =
        [("tcp", Property::Tcp), ("udp", Property::Udp), ("icmp", Property::Icmp), ("raw", Property::Raw)];
    const KINDS: [(DescriptorKind, Property); 2] =
        [(DescriptorKind::Ipv4, Property::Ipv4), (DescriptorKind::Ipv6, Property::Ipv6)];
    match id {
        FieldId::FdRip | FieldId::FdSip => match test {
            Test::Exists => Ok(Answer::Always(true)),
            Test::Networks { networks, is_negated } => {
                let atom = Atom::Remote(networks.iter().map(|network| network.parts()).collect());
                Ok(if *is_negated { Answer::IsNot(atom) } else { Answer::Is(atom) })
            }
            _ => Err("an address is compared with addresses and networks".to_owned()),
        },
        FieldId::FdRport | FieldId::FdSport => of_port(test),
        FieldId::FdType if names_raw(test) => Err("raw sockets cannot be denied anything".to_owned()),
        FieldId::FdType => of_sorts(test, KINDS.map(|(kind, property)| (kind.name(), property))),
        FieldId::FdTypeChar => of_sorts(test, KINDS.map(|(kind, property)| (kind.letter(), property))),
        FieldId::FdL4Proto => {
            let reached = of_sorts(test, PROTOCOLS)?;
            let is_reached = |property: &Property| !matches!(property, Property::Icmp | Property::Raw);
            match (&reached, test) {
                (_, Test::Exists | Test::Text(TextTest::NotEqual(_))) => Ok(reached),
                (Answer::Is(Atom::Is(of)), _) if !of.iter().all(is_reached) => {
                    Err("no connection of ping and raw sockets can be denied; write `fd.l4proto in (tcp, udp)`".to_owned())
                }
                _ => Ok(reached),
            }
        }
        FieldId::FdSockFamily => match test {
            Test::Exists => Ok(Answer::Always(true)),
            Test::Text(test) => Ok(Answer::Always(test.holds("ip"))),
            _ => Err("a family is a text".to_owned()),
        },
        FieldId::FdIp | FieldId::FdPort => {
            Err("it asks for either side, and the own one is not chosen yet; write fd.rip, fd.rnet or fd.rport".to_owned())
        }
        FieldId::EvtRes | FieldId::EvtRawRes | FieldId::EvtFailed => {
            Err("a connection has no result before it is made".to_owned())
        }
        _ => Err("of a connection it knows fd.rip, fd.rnet, fd.rport (fd.sip, fd.snet, fd.sport), fd.type, fd.typechar, \
            fd.sockfamily, fd.l4proto and what is of the container"
            .to_owned()),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the others name nothing whole")]
fn names_raw(test: &Test) -> bool {
    match test {
        Test::Text(TextTest::Equal(text)) => &**text == "raw",
        Test::Text(TextTest::In(texts)) => texts.contains("raw"),
        _ => false,
    }
}

/// A text of a few that it can be: those for which the test holds.
#[expect(clippy::wildcard_enum_match_arm, reason = "texts are asked")]
fn of_sorts<const N: usize>(test: &Test, sorts: [(&str, Property); N]) -> Result<Answer, String> {
    let holds = |text: &str| match test {
        Test::Exists => Ok(true),
        Test::Text(test) => Ok(test.holds(text)),
        _ => Err("it is a text".to_owned()),
    };
    let mut so = BTreeSet::new();
    for (text, property) in sorts {
        if holds(text)? {
            so.insert(property);
        }
    }
    Ok(if so.is_empty() { Answer::Always(false) } else { Answer::Is(Atom::Is(so)) })
}

/// The kernel holds single ports: of a range and what is beside it, the smaller.
#[expect(clippy::wildcard_enum_match_arm, reason = "numbers are asked")]
fn of_port(test: &Test) -> Result<Answer, String> {
    match test {
        Test::Exists => Ok(Answer::Always(true)),
        Test::Number(NumberTest::Compare(Operator::NotEqual, port)) => {
            let ports = u16::try_from(*port).ok().into_iter().collect();
            Ok(Answer::IsNot(Atom::Port(ports)))
        }
        Test::Number(_) => {
            let (so, other): (BTreeSet<u16>, BTreeSet<u16>) =
                (0..=u16::MAX).partition(|port| test.holds_for(i64::from(*port)));
            Ok(if so.len() <= other.len() {
                Answer::Is(Atom::Port(so))
            } else {
                Answer::IsNot(Atom::Port(other))
            })
        }
        _ => Err("a port is a number".to_owned()),
    }
}

/// A comparison as it was written, roughly: what it asks and of what.
fn shown(check: &Check) -> String {
    let test = match &check.test {
        Test::Exists => "exists".to_owned(),
        Test::Text(test) => test.shown(),
        Test::Number(NumberTest::Compare(operator, number)) => format!("{} {number}", operator.name()),
        Test::Number(NumberTest::In(_)) | Test::All(_) => "in (…)".to_owned(),
        Test::Bool(value) => format!("= {value}"),
        Test::Networks { is_negated, .. } => if *is_negated { "!= …" } else { "in (…)" }.to_owned(),
        Test::Bytes(_) => "contains …".to_owned(),
        Test::Some(_) => "intersects (…)".to_owned(),
        Test::Types(_) => "in (…)".to_owned(),
        Test::Against(operator, right) => format!("{} val({})", operator.name(), term_shown(right)),
    };
    format!("`{} {test}`", term_shown(&check.left))
}

fn term_shown(term: &Term) -> String {
    match term {
        Term::Field(field) => field.shown(),
        Term::Call(function, terms) => {
            format!("{}({})", function.name(), terms.iter().map(term_shown).collect::<Vec<_>>().join(", "))
        }
        Term::Constant(text) => text.clone(),
        Term::List(_) => "(…)".to_owned(),
    }
}

#[cfg(test)]
mod tests;
