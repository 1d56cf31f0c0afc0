//! What processes ask the DNS and what they are told: events, and names of addresses.
//!
//! Owns whose question an answer is and which names an address has. Refuses to ask anybody: what no process was told
//! is not known here, but for names of rules where the user wants them looked up (`lookup`). Refuses to believe an
//! answer that nobody has asked for: anybody may send one to any open port.

mod lookup;
mod message;
mod names;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use seawall_event::{Dns, Event, EventType, Names, Process, Socket};
use seawall_finding::{Gap, GapKind};
use seawall_sensor::Caller;

use lookup::{LookedUp, Lookup};
pub use message::{Content, Message, MessageError, Record, rcode_name, type_name};
use names::NameCache;

use crate::limits::{ASKED_MAX, ASKERS_MAX, NAME_CHARS_MAX};
use crate::translate;

const TCP: u16 = 6;

/// Which of both the sensor has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Asked,
    Answered,
}

/// Who has asked.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) process: Arc<Process>,
    pub(crate) number: u32,
    pub(crate) cgroup_id: u64,
}

/// An event, and who asked, where that is known.
pub(crate) struct Told {
    pub(crate) event: Event,
    pub(crate) asker: Option<Asker>,
}

/// What rules want to know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Wanted {
    /// Names of addresses.
    pub(crate) names: bool,
    /// Events.
    pub(crate) events: bool,
    /// The names that rules compare with: no other name takes their place.
    pub(crate) of_rules: BTreeSet<String>,
}

/// All that is remembered.
#[derive(Default)]
pub(crate) struct Resolving {
    pub(crate) wanted: Wanted,
    names: NameCache,
    askers: Askers,
    /// The guard's own process.
    guard: u32,
    lookup: Option<Lookup>,
    looked_up: LookedUp,
    unread: u64,
    cut: u64,
    of_nobody: u64,
    unasked: u64,
}

impl Resolving {
    /// Of a guard that is this process.
    pub(crate) fn of_guard(guard: u32) -> Self {
        Self { guard, ..Self::default() }
    }

    /// A message, with the process that sent it where the kernel knows one. The question of an answer comes before it
    /// when it was not seen itself: translation of addresses may hide it.
    pub(crate) fn heard(
        &mut self,
        side: Side,
        caller: &Caller,
        process: Option<Arc<Process>>,
        wire: &seawall_sensor::Message,
        now_ns: u64,
    ) -> Vec<Told> {
        self.unread += u64::from(wire.has_more);
        let read = if wire.socket.protocol == TCP { Message::read_stream } else { Message::read };
        let message = match read(&wire.data, wire.whole_bytes) {
            Ok(message) if message.is_answer == (side == Side::Answered) => message,
            Ok(_) | Err(_) => {
                self.unread += 1;
                return Vec::new();
            }
        };
        if side == Side::Answered {
            self.cut += u64::from(wire.whole_bytes > wire.data.len() as u64);
        }
        let asker =
            process.map(|process| Asker { process, number: caller.process, cgroup_id: caller.cgroup_id });
        let socket = translate::datagram(&wire.socket);
        match side {
            Side::Asked => {
                // What the guard asks for itself nobody is told of.
                let is_guard = caller.process == self.guard;
                let by = if is_guard { By::Guard } else { By::of(asker.clone()) };
                self.askers.asked(wire.cookie, &message, by);
                if is_guard || !self.wanted.events {
                    return Vec::new();
                }
                self.of_nobody += u64::from(asker.is_none());
                vec![told(question(&message), socket, asker)]
            }
            Side::Answered => {
                let (by, is_seen) = self.askers.of(wire.cookie, &message);
                if self.wanted.names {
                    self.believe(is_seen, caller.network, &message, now_ns);
                }
                let asker = match by {
                    By::Process(asker) if self.wanted.events => Some(asker),
                    By::Nobody if self.wanted.events => None,
                    By::Process(_) | By::Nobody | By::Guard => return Vec::new(),
                };
                self.of_nobody += u64::from(asker.is_none());
                let before = (!is_seen).then(|| told(question(&message), socket.clone(), asker.clone()));
                let answer = told(answer(&message), socket, asker);
                before.into_iter().chain([answer]).collect()
            }
        }
    }

    /// Learns the names of an answer whose question was seen being asked through the same socket.
    fn believe(&mut self, is_asked: bool, view: names::View, message: &Message, now_ns: u64) {
        let addresses = message.addresses();
        if !is_asked {
            self.unasked += u64::from(!addresses.is_empty());
            return;
        }
        for (address, ttl_s, names) in addresses {
            let names: Vec<&str> = names.into_iter().filter(|name| name.len() <= NAME_CHARS_MAX).collect();
            if !names.is_empty() {
                self.names.learn(view, address.to_canonical(), &names, ttl_s, now_ns);
            }
        }
    }

    /// From now on this is wanted.
    pub(crate) fn want(&mut self, wanted: Wanted) {
        self.names.of_rules.clone_from(&wanted.of_rules);
        self.wanted = wanted;
    }

    /// Looks these names up from now on.
    pub(crate) fn look_up(&mut self, names: BTreeSet<String>) {
        self.looked_up = LookedUp::default();
        self.lookup = (!names.is_empty()).then(|| Lookup::start(names, lookup::by_system));
    }

    /// Takes what was looked up since.
    pub(crate) fn take_looked_up(&mut self) {
        if let Some(news) = self.lookup.as_ref().and_then(Lookup::news) {
            self.looked_up = news;
        }
    }

    /// What an address is called: as a process of this network was told, then as was looked up.
    fn names_of(&self, view: names::View, address: IpAddr, now_ns: u64) -> Names {
        let told = self.names.of(view, address, now_ns);
        let Some(found) = self.looked_up.by_address.get(&address) else { return told };
        let more = found.iter().map(String::as_str).filter(|name| told.iter().all(|told| told != *name));
        Names::new(told.iter().chain(more).map(str::to_owned).collect())
    }

    /// Gives a socket the names of its addresses.
    pub(crate) fn name(&self, socket: &mut Socket, view: names::View, now_ns: u64) {
        if self.wanted.names {
            let of = |address: Option<std::net::SocketAddr>| {
                address.map_or_else(Names::default, |address| self.names_of(view, address.ip(), now_ns))
            };
            (socket.client_names, socket.server_names) = (of(socket.client), of(socket.server));
        }
    }

    /// What is not known.
    pub(crate) fn gaps(&self) -> impl Iterator<Item = Gap> {
        let counted = [
            (self.unread, GapKind::Malformed, "messages of the DNS could not be read"),
            (self.cut, GapKind::Limit, "answers of the DNS were long, and only their beginning was read"),
            (
                self.of_nobody,
                GapKind::Undetermined,
                "messages of the DNS went on without the process that asked",
            ),
            (self.looked_up.without as u64, GapKind::Undetermined, "names of rules could not be looked up"),
            (
                self.looked_up.left_out as u64,
                GapKind::Limit,
                "names of rules were not looked up: there are too many",
            ),
            (self.names.pushed_out, GapKind::Limit, "addresses lost their names: there are too many"),
            (
                self.names.too_many,
                GapKind::Limit,
                "names of addresses were not kept: these addresses have too many",
            ),
            (
                self.unasked,
                GapKind::Undetermined,
                "answers of the DNS gave no names: their questions were not seen",
            ),
        ];
        let counted = counted.into_iter().filter(|(count, ..)| *count > 0);
        counted.map(|(count, kind, what)| Gap::of_target(kind, format!("{count} {what}")))
    }
}

fn question(message: &Message) -> Dns {
    Dns { question: message.question.clone(), kind: Some(type_name(message.kind)), ..Dns::default() }
}

fn answer(message: &Message) -> Dns {
    Dns {
        is_answer: true,
        rcode: Some(rcode_name(message.rcode)),
        answers: message.answers(),
        ..question(message)
    }
}

fn told(dns: Dns, fd: seawall_event::Descriptor, asker: Option<Asker>) -> Told {
    let event = Event {
        kind: EventType::DNS,
        process: asker.as_ref().map(|asker| Arc::clone(&asker.process)),
        fd: Some(fd),
        dns: Some(Box::new(dns)),
        ..Event::default()
    };
    Told { event, asker }
}

/// Whose a question is.
#[derive(Debug, Clone)]
enum By {
    Guard,
    Process(Asker),
    Nobody,
}

impl By {
    fn of(asker: Option<Asker>) -> Self {
        asker.map_or(Self::Nobody, Self::Process)
    }
}

/// What of a question comes back with its answer.
#[derive(Debug, PartialEq, Eq)]
struct Question {
    id: u16,
    kind: u16,
    name: String,
}

impl Question {
    fn is_of(&self, message: &Message) -> bool {
        (self.id, self.kind) == (message.id, message.kind) && self.name == message.question
    }
}

/// Sockets that have asked, by their cookies, and the last questions of each.
#[derive(Default)]
struct Askers {
    by_cookie: HashMap<u64, (By, VecDeque<Question>)>,
    order: VecDeque<u64>,
}

impl Askers {
    fn asked(&mut self, cookie: u64, message: &Message, by: By) {
        let (known, questions) = self.by_cookie.entry(cookie).or_insert_with(|| {
            self.order.push_back(cookie);
            (By::Nobody, VecDeque::new())
        });
        // A socket may be handed on; a packet that waited has no process of its own.
        if !matches!(by, By::Nobody) {
            *known = by;
        }
        if !questions.iter().any(|question| question.is_of(message)) {
            let name = message.question.clone();
            questions.push_back(Question { id: message.id, kind: message.kind, name });
        }
        if questions.len() > ASKED_MAX {
            questions.pop_front();
        }
        if self.order.len() > ASKERS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_cookie.remove(&oldest);
        }
    }

    /// Who asked through this socket, and whether this very question was seen.
    fn of(&self, cookie: u64, message: &Message) -> (By, bool) {
        match self.by_cookie.get(&cookie) {
            Some((by, questions)) => (by.clone(), questions.iter().any(|question| question.is_of(message))),
            None => (By::Nobody, false),
        }
    }
}

#[cfg(test)]
mod tests;
