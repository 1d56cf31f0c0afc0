//! What the loaded rules can match → what the sensor lets out of the kernel.

use seawall_detect::Engine;
use seawall_event::EventType;
use seawall_sensor::{Clause, Interest, Kind, SystemCall};

/// What a set of rules wants.
pub(crate) struct Wanted {
    pub(crate) interest: Interest,
    /// Types of events that it asks for and the sensor cannot tell.
    pub(crate) unknown: Vec<EventType>,
}

/// What the rules of an engine want.
pub(crate) fn of(engine: &Engine) -> Wanted {
    let always = [Kind::Executed, Kind::Forked, Kind::Exited, Kind::CgroupMade, Kind::CgroupRemoved];
    let mut unknown = Vec::new();
    let mut kinds = Vec::new();
    for kind in engine.event_types().iter() {
        let of_kind = kinds_of(kind);
        if of_kind.is_empty() {
            unknown.push(kind);
        }
        kinds.extend(of_kind);
    }
    let interest =
        Interest { clauses: vec![Clause::all_of(always), Clause::all_of(kinds)], ..Interest::default() };
    Wanted { interest, unknown }
}

/// What the kernel tells of a type of event.
fn kinds_of(kind: EventType) -> Vec<Kind> {
    let call = |name| SystemCall::named(name).map(Kind::Called);
    match kind.name() {
        "execve" => [Some(Kind::Executed), call("execve")].into_iter().flatten().collect(),
        "clone" | "clone3" | "fork" | "vfork" => vec![Kind::Forked],
        "procexit" => vec![Kind::Exited],
        "io_uring" => vec![Kind::Submitted],
        name => call(name).into_iter().collect(),
    }
}
