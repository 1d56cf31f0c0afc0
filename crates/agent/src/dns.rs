//! What processes ask the DNS and what they are told: events, and names of addresses.
//!
//! Owns whose question an answer is and which names an address has. Refuses to ask anybody: what no process was told
//! is not known here, but for names of rules where the user wants them looked up (`lookup`).

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Wanted {
    /// Names of addresses.
    pub(crate) names: bool,
    /// Events.
    pub(crate) events: bool,
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
            if self.wanted.names {
                self.learn(caller.namespaces.network, &message, now_ns);
            }
        }
        if !self.wanted.events {
            return Vec::new();
        }
        let asker =
            process.map(|process| Asker { process, number: caller.process, cgroup_id: caller.cgroup_id });
        let socket = translate::datagram(&wire.socket);
        match side {
            // What the guard asks for itself nobody is told of.
            Side::Asked if caller.process == self.guard => {
                self.askers.asked(wire.cookie, message.id, None);
                Vec::new()
            }
            Side::Asked => {
                if asker.is_some() {
                    self.askers.asked(wire.cookie, message.id, asker.clone());
                }
                self.of_nobody += u64::from(asker.is_none());
                vec![told(question(&message), socket, asker)]
            }
            Side::Answered => {
                let (asker, is_seen) = match self.askers.of(wire.cookie, message.id) {
                    Some((None, _)) => return Vec::new(),
                    Some((Some(asker), is_seen)) => (Some(asker), is_seen),
                    None => (None, false),
                };
                self.of_nobody += u64::from(asker.is_none());
                let before = (!is_seen).then(|| told(question(&message), socket.clone(), asker.clone()));
                let answer = told(answer(&message), socket, asker);
                before.into_iter().chain([answer]).collect()
            }
        }
    }

    fn learn(&mut self, view: names::View, message: &Message, now_ns: u64) {
        for (address, ttl_s, names) in message.addresses() {
            let names: Vec<&str> = names.into_iter().filter(|name| name.len() <= NAME_CHARS_MAX).collect();
            if !names.is_empty() {
                self.names.learn(view, address.to_canonical(), &names, ttl_s, now_ns);
            }
        }
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

/// Sockets that have asked, by their cookies, and the last questions of each; those of the guard have no asker.
#[derive(Default)]
struct Askers {
    by_cookie: HashMap<u64, (Option<Asker>, VecDeque<u16>)>,
    order: VecDeque<u64>,
}

impl Askers {
    fn asked(&mut self, cookie: u64, id: u16, asker: Option<Asker>) {
        let (known, ids) = self.by_cookie.entry(cookie).or_insert_with(|| {
            self.order.push_back(cookie);
            (asker.clone(), VecDeque::new())
        });
        // A socket may be handed on.
        *known = asker;
        ids.push_back(id);
        if ids.len() > ASKED_MAX {
            ids.pop_front();
        }
        if self.order.len() > ASKERS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_cookie.remove(&oldest);
        }
    }

    /// Who asked through this socket, and whether the question was seen.
    fn of(&self, cookie: u64, id: u16) -> Option<(Option<Asker>, bool)> {
        let (asker, ids) = self.by_cookie.get(&cookie)?;
        Some((asker.clone(), ids.contains(&id)))
    }
}

#[cfg(test)]
mod tests;
