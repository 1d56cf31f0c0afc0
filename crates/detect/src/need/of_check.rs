//! What one comparison asks of an event.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use seawall_event::{
    Argument as EventArgument, ArgumentName, ArgumentValue, Container, Descriptor, DescriptorKind, Event,
    EventType, FlagKind,
};

use super::{Paths, Sign, Traits, Ways};
use crate::check::{Check, NumberTest, Term, Test, TextTest};
use crate::fields::{Argument, Field, FieldId};
use crate::value::Occurrence;

/// What an event of this type has to be for the comparison to hold (or not to).
pub(super) fn ways(check: &Check, sign: Sign, kind: EventType) -> Ways {
    let Term::Field(field) = &check.left else { return Ways::any() };
    let asked = Asked { check, field, sign, kind };
    // A comparison of two values of the event says nothing of one of them, but that it is there.
    if matches!(check.test, Test::Against(..)) {
        return Ways::any();
    }
    asked.ways()
}

struct Asked<'c> {
    check: &'c Check,
    field: &'c Field,
    sign: Sign,
    kind: EventType,
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the other fields leave nothing out")]
impl Asked<'_> {
    fn ways(&self) -> Ways {
        let opens = self.kind.opens() || self.kind == EventType::CREAT;
        match self.field.id {
            FieldId::EvtRawRes => Ways::of(self.results(&[-4095, -1])),
            FieldId::FdNum if opens => Ways::of(self.results(&[-1])),
            FieldId::EvtRes => self.result_names(),
            FieldId::EvtFailed => self.result_names(),
            FieldId::EvtIsOpenRead | FieldId::EvtIsOpenWrite if opens => Ways::of(self.access()),
            FieldId::FdName | FieldId::FdDirectory | FieldId::FdFileName
                if opens && self.sign == Sign::Holds =>
            {
                self.paths().map_or_else(Ways::any, Ways::at)
            }
            FieldId::FdNameRaw if opens => Ways::of(self.naming()),
            FieldId::FdType
            | FieldId::FdTypeChar
            | FieldId::FdSockFamily
            | FieldId::FdL4Proto
            | FieldId::FdIp
            | FieldId::FdCip
            | FieldId::FdSip
            | FieldId::FdLip
            | FieldId::FdRip
            | FieldId::FdPort
            | FieldId::FdCport
            | FieldId::FdSport
            | FieldId::FdLport
            | FieldId::FdRport
            | FieldId::FdCipName
            | FieldId::FdSipName
            | FieldId::FdLipName
            | FieldId::FdRipName
            | FieldId::FdIsServer
            | FieldId::FdConnected
            | FieldId::FdNameChanged => Ways::of(self.families()),
            FieldId::EvtArg if self.is_domain_of_socket() => Ways::of(self.domains()),
            // These are the process's, not the container's.
            FieldId::ContainerStartTs | FieldId::ContainerDuration => Ways::any(),
            id if id.is_of_container() => Ways::of(self.places()),
            _ => Ways::any(),
        }
    }

    /// Whether the comparison answers as it has to, for an event that has at least what the field looks at.
    fn fits(&self, event: &Event) -> bool {
        self.check.holds(Occurrence::Syscall(event)) == (self.sign == Sign::Holds)
    }

    /// A test of a number changes its answer only at the numbers that it names: asking at these and beside them is
    /// asking everywhere.
    fn results(&self, ends_of_failures: &[i64]) -> Traits {
        let Test::Number(test) = &self.check.test else { return Traits::ANY };
        let named: Vec<i64> = match test {
            NumberTest::Compare(_, number) => vec![*number],
            NumberTest::In(numbers) => numbers.clone(),
        };
        let beside = |number: i64| [number.saturating_sub(1), number, number.saturating_add(1)];
        let asked =
            named.into_iter().flat_map(beside).chain(ends_of_failures.iter().copied()).chain([0, i64::MAX]);
        let lowest = ends_of_failures.iter().min().copied().unwrap_or(-1);
        let mut traits = Traits::SUCCEEDED.or(Traits::FAILED).not();
        for number in asked.filter(|number| *number >= lowest) {
            if self.check.test.holds_for(number) == (self.sign == Sign::Holds) {
                traits = traits.or(if number < 0 { Traits::FAILED } else { Traits::SUCCEEDED });
            }
        }
        traits
    }

    /// There are many names of failures, and failures without one: only success is asked for.
    fn result_names(&self) -> Ways {
        let success = Event { kind: self.kind, result: Some(0), ..Event::default() };
        let fits_success = self.fits(&success);
        let is_of_success_only = match (&self.check.test, self.sign) {
            (Test::Text(TextTest::Equal(name)), Sign::Holds) => &**name == "SUCCESS",
            (Test::Text(TextTest::NotEqual(name)), Sign::Fails) => &**name == "SUCCESS",
            (Test::Bool(failed), Sign::Holds) => !failed,
            (Test::Bool(failed), Sign::Fails) => *failed,
            _ => false,
        };
        Ways::of(match (fits_success, is_of_success_only) {
            (true, true) => Traits::FAILED.not(),
            (true, false) => Traits::ANY,
            (false, _) => Traits::SUCCEEDED.not(),
        })
    }

    /// `creat` has no flags that say for what it opens.
    fn access(&self) -> Traits {
        let opening = |bits: u64| {
            let value = ArgumentValue::Flags { flags: FlagKind::Open, bits };
            let flags = EventArgument { name: ArgumentName::Flags, value };
            Event { kind: self.kind, arguments: vec![flags], ..Event::default() }
        };
        let ways = [
            (opening(0), Traits::READS),
            (opening(1), Traits::WRITES),
            (opening(2), Traits::READS_AND_WRITES),
            (Event { kind: self.kind, ..Event::default() }, Traits::OPENS_OTHERWISE),
        ];
        let none = ways.iter().fold(Traits::ANY, |rest, (_, access)| rest.and(access.not()));
        ways.iter().filter(|(event, _)| self.fits(event)).fold(none, |traits, (_, access)| traits.or(*access))
    }

    /// Files for which the test can hold; none where it says nothing of them.
    fn paths(&self) -> Option<Paths> {
        let Test::Text(test) = &self.check.test else { return None };
        let mut found = Found::default();
        match (self.field.id, test) {
            (FieldId::FdFileName, TextTest::Equal(name)) => found.name(name)?,
            (FieldId::FdFileName, TextTest::In(names)) => {
                names.iter().try_for_each(|name| found.name(name))?;
            }
            (FieldId::FdFileName, _) => return None,
            (_, TextTest::Equal(path)) => found.below(path)?,
            (_, TextTest::In(paths)) => paths.iter().try_for_each(|path| found.below(path))?,
            (_, TextTest::StartsWith(start)) => found.started(start)?,
            (_, TextTest::PathMatch(prefixes)) => {
                prefixes.fixed().iter().try_for_each(|path| found.below(path))?;
            }
            (FieldId::FdName, TextTest::EndsWith(end)) => found.ended(end)?,
            (FieldId::FdName, TextTest::Glob(glob)) => {
                found.ended(glob.end()).or_else(|| found.started(glob.start()))?;
            }
            (_, TextTest::Glob(glob)) => found.started(glob.start())?,
            _ => return None,
        }
        Some(Paths::Some { below: found.below, named: found.named })
    }

    /// Whether only a name with two dots side by side can hold.
    fn naming(&self) -> Traits {
        let climbs = |text: &str| text.contains("..");
        let Test::Text(test) = &self.check.test else { return Traits::ANY };
        let is_climbing = match test {
            TextTest::Equal(text) | TextTest::StartsWith(text) | TextTest::EndsWith(text) => climbs(text),
            TextTest::In(texts) => texts.iter().all(climbs),
            TextTest::Contains(finder) => finder.needle().windows(2).any(|two| two == b".."),
            TextTest::ContainsIgnoringCase(needle) => needle.windows(2).any(|two| two == b".."),
            TextTest::Glob(glob) => glob.has_text(".."),
            _ => false,
        };
        if is_climbing && self.sign == Sign::Holds { Traits::PLAIN_NAME.not() } else { Traits::ANY }
    }

    /// Families of sockets by one event of each.
    fn families(&self) -> Traits {
        let about = |fd: Option<Descriptor>| Event { kind: self.kind, fd, ..Event::default() };
        let of_kind = |kind| about(Some(Descriptor { kind: Some(kind), ..Descriptor::default() }));
        let is_of_kind =
            matches!(self.field.id, FieldId::FdType | FieldId::FdTypeChar | FieldId::FdSockFamily);
        if !is_of_kind {
            // Only sockets of IP have these; what they are is not asked.
            return match self.sign {
                Sign::Holds => Traits::UNIX.or(Traits::OTHER_FAMILY).or(Traits::NO_SOCKET).not(),
                Sign::Fails => Traits::ANY,
            };
        }
        // What is no socket may be anything.
        let none = Traits::UNIX.or(Traits::INET).or(Traits::INET6).or(Traits::OTHER_FAMILY).not();
        let ways = [
            (of_kind(DescriptorKind::Unix), Traits::UNIX),
            // A socket of IPv6 that talks IPv4 is one of IPv4 to rules.
            (of_kind(DescriptorKind::Ipv4), Traits::INET.or(Traits::INET6)),
            (of_kind(DescriptorKind::Ipv6), Traits::INET6),
            (of_kind(DescriptorKind::Netlink), Traits::OTHER_FAMILY),
            // A socket of a family without a letter.
            (about(Some(Descriptor::default())), Traits::OTHER_FAMILY),
        ];
        ways.iter().filter(|(event, _)| self.fits(event)).fold(none, |traits, (_, family)| traits.or(*family))
    }

    fn is_domain_of_socket(&self) -> bool {
        self.kind.name() == "socket" && self.field.argument == Argument::Of(ArgumentName::Domain)
    }

    fn domains(&self) -> Traits {
        let of = |bits: u64| {
            let value = ArgumentValue::Flags { flags: FlagKind::SocketFamily, bits };
            let domain = EventArgument { name: ArgumentName::Domain, value };
            Event { kind: self.kind, arguments: vec![domain], ..Event::default() }
        };
        let none = Traits::UNIX.or(Traits::INET).or(Traits::INET6).not();
        let ways = [(of(1), Traits::UNIX), (of(2), Traits::INET), (of(10), Traits::INET6)];
        ways.iter().filter(|(event, _)| self.fits(event)).fold(none, |traits, (_, family)| traits.or(*family))
    }

    /// Of the host everything is known.
    fn places(&self) -> Traits {
        let host =
            Event { kind: self.kind, container: Some(Arc::new(Container::host())), ..Event::default() };
        if !self.fits(&host) {
            return Traits::HOST.not();
        }
        // Only the host's id is the host's.
        let is_of_host_only = self.field.id == FieldId::ContainerId
            && match (&self.check.test, self.sign) {
                (Test::Text(TextTest::Equal(_)), Sign::Holds) => true,
                (Test::Text(TextTest::NotEqual(_)), Sign::Fails) => true,
                (Test::Text(TextTest::In(ids)), Sign::Holds) => ids.iter().count() == 1,
                _ => false,
            };
        if is_of_host_only { Traits::CONTAINER.not() } else { Traits::ANY }
    }
}

/// What is no UTF-8 in a path is replaced before rules see it, so that a rule with the replacement fits bytes that
/// nobody knows.
fn is_exact(text: &str) -> bool {
    !text.contains(char::REPLACEMENT_CHARACTER)
}

#[derive(Default)]
struct Found {
    below: BTreeSet<PathBuf>,
    named: BTreeSet<String>,
}

impl Found {
    fn name(&mut self, name: &str) -> Option<()> {
        let is_name = is_exact(name) && !name.is_empty() && !name.contains('/');
        is_name.then(|| {
            self.named.insert(name.to_owned());
        })
    }

    /// The path, and all below it: a little more than a test of equality needs.
    fn below(&mut self, path: &str) -> Option<()> {
        let is_path = is_exact(path) && path.starts_with('/');
        is_path.then(|| {
            self.below.insert(PathBuf::from(path));
        })
    }

    /// `/etc/ssh` starts `/etc/sshd` as well.
    fn started(&mut self, start: &str) -> Option<()> {
        let slash = start.rfind('/')?;
        self.below(&start[..=slash])
    }

    fn ended(&mut self, end: &str) -> Option<()> {
        let slash = end.rfind('/')?;
        self.name(&end[slash + 1..])
    }
}
