//! What the loaded rules can match → what the sensor lets out of the kernel.

use seawall_detect::{Engine, Need, Paths, Traits};
use seawall_event::EventType;
use seawall_sensor::{Access, Clause, Families, Interest, Kind, Naming, Outcome, Place, SystemCall};

use crate::dns;
use crate::limits::DATA_BYTES;

/// What a set of rules wants.
pub(crate) struct Wanted {
    pub(crate) interest: Interest,
    /// Types of events that it asks for and the sensor cannot tell.
    pub(crate) unknown: Vec<EventType>,
    pub(crate) dns: dns::Wanted,
}

/// What the rules of an engine want, and what lineage and containers need.
pub(crate) fn of(engine: &Engine) -> Wanted {
    let always = [Kind::Executed, Kind::Forked, Kind::Exited, Kind::CgroupMade, Kind::CgroupRemoved];
    let moves = ["chdir", "fchdir"].into_iter().filter_map(SystemCall::named).map(Kind::Called);
    let mut clauses =
        vec![Clause::all_of(always), Clause { outcome: Outcome::Succeeded, ..Clause::all_of(moves) }];
    let mut unknown = Vec::new();
    let dns = dns::Wanted {
        names: engine.looks_at_names(),
        events: engine.event_types().contains(EventType::DNS),
        of_rules: engine.names_of_addresses(),
    };
    // An answer is believed only when its question was seen.
    if dns.names {
        clauses.push(Clause::all_of([Kind::Asked, Kind::Answered]));
    }
    for kind in engine.event_types().iter() {
        match kinds_of(kind).as_slice() {
            [] => unknown.push(kind),
            kinds => {
                let calls = kinds.iter().filter(|kind| !always.contains(kind));
                calls.for_each(|call| {
                    engine.needs(kind).iter().for_each(|need| add(&mut clauses, *call, need))
                });
            }
        }
    }
    let interest = Interest {
        clauses,
        with_environment: engine.looks_at_environments(),
        data_bytes: if engine.looks_at_data() { DATA_BYTES } else { 0 },
    };
    Wanted { interest, unknown, dns }
}

/// What the kernel tells of a type of event.
fn kinds_of(kind: EventType) -> Vec<Kind> {
    let call = |name| SystemCall::named(name).map(Kind::Called);
    match kind.name() {
        "execve" => [Some(Kind::Executed), call("execve")].into_iter().flatten().collect(),
        "clone" | "clone3" | "fork" | "vfork" => vec![Kind::Forked],
        "procexit" => vec![Kind::Exited],
        "io_uring" => vec![Kind::Submitted],
        "dns" => vec![Kind::Asked, Kind::Answered],
        name => call(name).into_iter().collect(),
    }
}

/// Kinds of which the same is wanted share a clause: there is room for 64.
fn add(clauses: &mut Vec<Clause>, kind: Kind, need: &Need) {
    let clause = clause(kind, need);
    let is_alike = |known: &&mut Clause| {
        Clause { kinds: Vec::new(), ..(*known).clone() } == Clause { kinds: Vec::new(), ..clause.clone() }
    };
    match clauses.iter_mut().find(is_alike) {
        Some(known) if known.kinds.contains(&kind) => {}
        Some(known) => known.kinds.push(kind),
        None => clauses.push(clause),
    }
}

fn clause(kind: Kind, need: &Need) -> Clause {
    let traits = need.traits;
    let otherwise = traits.has(Traits::OPENS_OTHERWISE);
    let reads = traits.has(Traits::READS);
    let writes = traits.has(Traits::WRITES);
    let both = traits.has(Traits::READS_AND_WRITES);
    // To the kernel an open for both is one for either.
    let access = Access {
        reads: otherwise || reads || both && !writes,
        writes: otherwise || writes || both && !reads,
        creates: otherwise,
    };
    Clause {
        kinds: vec![kind],
        outcome: match (traits.has(Traits::SUCCEEDED), traits.has(Traits::FAILED)) {
            (true, false) => Outcome::Succeeded,
            (false, true) => Outcome::Failed,
            (true, true) | (false, false) => Outcome::Any,
        },
        place: match (traits.has(Traits::HOST), traits.has(Traits::CONTAINER)) {
            (true, false) => Place::Host,
            (false, true) => Place::Container,
            (true, true) | (false, false) => Place::Any,
        },
        access,
        paths: match &need.paths {
            Paths::Any => seawall_sensor::Paths::Any,
            Paths::Some { below, named } => seawall_sensor::Paths::Some {
                below: below.iter().cloned().collect(),
                named: named.iter().cloned().collect(),
            },
        },
        naming: if traits.has(Traits::PLAIN_NAME) { Naming::Any } else { Naming::Climbing },
        families: Families {
            unix: traits.has(Traits::UNIX),
            inet: traits.has(Traits::INET),
            inet6: traits.has(Traits::INET6),
            others: traits.has(Traits::OTHER_FAMILY),
        },
    }
}

#[cfg(test)]
mod sound;

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(condition: &str) -> Vec<Clause> {
        let rule = format!(
            "- rule: r\n  desc: d\n  output: o\n  priority: NOTICE\n  condition: >\n    {condition}\n"
        );
        let loaded = seawall_detect::load(&[("r.yaml", &rule)]);
        assert!(!loaded.has_errors(), "{:?}", loaded.diagnostics);
        let engine = Engine::new(loaded, seawall_detect::Matching::First);
        let mut clauses = of(&engine).interest.clauses;
        for clause in &mut clauses {
            let is_call = |kind: &Kind| matches!(kind, Kind::Called(call) if !call.name().ends_with("chdir"));
            clause.kinds.retain(is_call);
        }
        clauses.retain(|clause| !clause.kinds.is_empty());
        clauses
    }

    /// The one clause of a condition.
    fn one(condition: &str) -> Clause {
        let clauses = wanted(condition);
        assert_eq!(clauses.len(), 1, "{condition}: {clauses:#?}");
        clauses.into_iter().next().unwrap()
    }

    #[test]
    fn a_condition_says_which_opens_may_stay_in_the_kernel() {
        let read = one(
            "evt.type in (open, openat) and evt.is_open_read=true and fd.typechar='f' and fd.num>=0 and \
             (fd.name in (/etc/shadow, /etc/sudoers) or fd.directory = /etc/pam.d or fd.name endswith /id_rsa)",
        );
        assert_eq!(read.kinds.len(), 2);
        assert_eq!(read.outcome, Outcome::Succeeded);
        assert_eq!(read.access, Access { reads: true, writes: false, creates: false });
        assert_eq!(
            read.paths,
            seawall_sensor::Paths::Some {
                below: ["/etc/pam.d", "/etc/shadow", "/etc/sudoers"].map(Into::into).into(),
                named: vec!["id_rsa".to_owned()],
            }
        );
        let write =
            one("evt.type=openat and container.id != host and evt.is_open_write=true and fd.num >= 0");
        assert_eq!((write.place, write.paths), (Place::Container, seawall_sensor::Paths::Any));
        let failed =
            one("evt.type=openat and fd.num=-1 and evt.res startswith E and fd.name startswith /etc");
        assert_eq!((failed.outcome, failed.paths), (Outcome::Failed, seawall_sensor::Paths::Any));
    }

    #[test]
    fn a_condition_says_which_sockets_may_stay_in_the_kernel() {
        let connect = one("evt.type=connect and (fd.typechar=4 or fd.typechar=6) and fd.sip != \"10.0.0.1\"");
        assert_eq!(connect.families, Families { unix: false, inet: true, inet6: true, others: false });
        let packet = one("evt.type=socket and container.id != host and evt.arg.domain contains AF_PACKET");
        assert_eq!(packet.families, Families { unix: false, inet: false, inet6: false, others: true });
        let dup = one("evt.type=dup2 and evt.rawres in (0, 1, 2) and not container.id = host");
        assert_eq!((dup.outcome, dup.place), (Outcome::Succeeded, Place::Container));
    }

    #[test]
    fn what_cannot_be_told_is_wanted() {
        let any = |condition: &str| {
            assert_eq!(one(condition), Clause::all_of(kinds_of(EventType::OPENAT)), "{condition}")
        };
        any("evt.type=openat and proc.name=x");
        any("evt.type=openat and fd.name contains shadow");
        any("evt.type=openat and not fd.name startswith /etc");
        any("evt.type=openat and not container.image.repository = x");
        any("evt.type=openat and (fd.name startswith /etc or proc.name=x)");
        assert_eq!(wanted("evt.type=openat and container.id = host and container.image.tag = x"), []);
        assert_eq!(wanted("evt.type=read"), []);
    }

    #[test]
    fn a_request_of_an_environment_or_of_bytes_is_told() {
        let of = |condition: &str| {
            let rule = format!("- {{rule: r, desc: d, output: o, priority: INFO, condition: {condition}}}");
            of(&Engine::new(seawall_detect::load(&[("r", &rule)]), seawall_detect::Matching::All)).interest
        };
        assert!(of("evt.type=execve and proc.env contains LD_PRELOAD").with_environment);
        assert_eq!(of("evt.type=sendto and evt.buffer contains x").data_bytes, DATA_BYTES);
        let plain = of("evt.type=execve and proc.args contains x");
        assert_eq!((plain.with_environment, plain.data_bytes), (false, 0));
    }
}
