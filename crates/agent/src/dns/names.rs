//! Which names an address has, by the answers that processes were given: for each network namespace its own.
//!
//! A process that answers itself gives names to addresses in its own network only, and pushes out no names but those
//! of its own. A name that a rule asks for stays where there is no room for others.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;

use seawall_event::Names;

use crate::limits::{
    NAME_KEPT_LEAST_S, NAME_KEPT_MOST_S, NAMED_MAX, NAMED_OF_VIEW_MAX, NAMES_OF_ADDRESS_MAX,
};

/// A network namespace, by what no other one is called after its end: see [`seawall_sensor::Caller::network`].
pub(crate) type View = u64;

/// All that is known.
#[derive(Default)]
pub(crate) struct NameCache {
    views: HashMap<View, Addresses>,
    count: usize,
    /// Names that rules compare with.
    pub(crate) of_rules: BTreeSet<String>,
    /// Names that found no room at an address, or lost it while they still held.
    pub(crate) too_many: u64,
    /// Addresses that had to go for others while their names still held.
    pub(crate) pushed_out: u64,
}

#[derive(Default)]
struct Addresses {
    by_address: HashMap<IpAddr, Known>,
    /// In the order in which they were told; what was told again since stands there twice.
    order: VecDeque<(u64, IpAddr)>,
    next: u64,
}

/// What is known of one address: names with the time until which they hold, the last told first.
struct Known {
    turn: u64,
    names: Vec<(String, u64)>,
}

impl NameCache {
    /// An answer said so at this time. The first name is what was asked for.
    pub(crate) fn learn(&mut self, view: View, address: IpAddr, names: &[&str], ttl_s: u32, now_ns: u64) {
        let until_ns = now_ns + u64::from(ttl_s.clamp(NAME_KEPT_LEAST_S, NAME_KEPT_MOST_S)) * 1_000_000_000;
        let addresses = self.views.entry(view).or_default();
        let before = addresses.by_address.len();
        self.too_many += addresses.learn(address, names, until_ns, now_ns, &self.of_rules);
        self.count += addresses.by_address.len() - before;
        if addresses.by_address.len() > NAMED_OF_VIEW_MAX {
            self.make_room(view, now_ns);
        } else if self.count > NAMED_MAX
            && let Some(largest) = self.views.iter().max_by_key(|(_, addresses)| addresses.by_address.len())
        {
            self.make_room(*largest.0, now_ns);
        }
    }

    /// The oldest of a view goes.
    fn make_room(&mut self, view: View, now_ns: u64) {
        let Some(addresses) = self.views.get_mut(&view) else { return };
        if let Some(gone) = addresses.forget_oldest(&self.of_rules, now_ns) {
            self.count -= 1;
            self.pushed_out += u64::from(gone.names.iter().any(|(_, until_ns)| *until_ns > now_ns));
        }
        if addresses.by_address.is_empty() {
            self.views.remove(&view);
        }
    }

    /// The names that hold now.
    pub(crate) fn of(&self, view: View, address: IpAddr, now_ns: u64) -> Names {
        let known = self.views.get(&view).and_then(|addresses| addresses.by_address.get(&address));
        let holding = known.into_iter().flat_map(|known| &known.names);
        Names::new(holding.filter(|(_, until_ns)| *until_ns > now_ns).map(|(name, _)| name.clone()).collect())
    }
}

impl Addresses {
    /// How many names had no room.
    fn learn(
        &mut self,
        address: IpAddr,
        names: &[&str],
        until_ns: u64,
        now_ns: u64,
        of_rules: &BTreeSet<String>,
    ) -> u64 {
        self.next += 1;
        let turn = self.next;
        let known = self.by_address.entry(address).or_insert_with(|| Known { turn, names: Vec::new() });
        known.turn = turn;
        // Never shorter than what somebody was told before.
        let until = |name: &str| {
            let before =
                known.names.iter().find(|(known, _)| known == name).map_or(0, |(_, until_ns)| *until_ns);
            (name.to_owned(), until_ns.max(before))
        };
        let mut now: Vec<(String, u64)> = names.iter().map(|name| until(name)).collect();
        now.extend(known.names.drain(..).filter(|(name, _)| !names.contains(&name.as_str())));
        now.retain(|(_, until_ns)| *until_ns > now_ns);
        let many = now.len();
        let mut others = NAMES_OF_ADDRESS_MAX;
        // Names of rules are as many as the user wants.
        now.retain(|(name, _)| {
            let is_kept = of_rules.contains(name) || others > 0;
            others = others.saturating_sub(usize::from(!of_rules.contains(name)));
            is_kept
        });
        let without_room = many - now.len();
        known.names = now;
        self.order.push_back((turn, address));
        if self.order.len() > 2 * self.by_address.len() + 64 {
            let by_address = &self.by_address;
            self.order
                .retain(|(turn, address)| by_address.get(address).is_some_and(|known| known.turn == *turn));
        }
        without_room as u64
    }

    /// Of those that no rule asks for, while there are such.
    fn forget_oldest(&mut self, of_rules: &BTreeSet<String>, now_ns: u64) -> Option<Known> {
        let mut kept = self.order.len();
        while let Some((turn, address)) = self.order.pop_front() {
            let Some(known) = self.by_address.get(&address).filter(|known| known.turn == turn) else {
                continue;
            };
            let is_of_rule = |(name, until_ns): &(String, u64)| *until_ns > now_ns && of_rules.contains(name);
            if kept > 0 && known.names.iter().any(is_of_rule) {
                kept -= 1;
                self.order.push_back((turn, address));
                continue;
            }
            return self.by_address.remove(&address);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn address(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from(number).into()
    }

    fn told(cache: &NameCache, view: View, number: u32, at_s: u64) -> Vec<String> {
        cache.of(view, address(number), at_s * SECOND).iter().map(str::to_owned).collect()
    }

    #[test]
    fn names_hold_as_long_as_they_were_told_to_within_bounds() {
        let mut cache = NameCache::default();
        cache.learn(1, address(7), &["a.example", "cdn.example"], 300, 0);
        cache.learn(1, address(8), &["short.example"], 0, 0);
        cache.learn(1, address(9), &["long.example"], u32::MAX, 0);
        assert_eq!(told(&cache, 1, 7, 299), ["a.example", "cdn.example"]);
        assert_eq!(told(&cache, 1, 7, 300), [""; 0]);
        let (least, most) = (u64::from(NAME_KEPT_LEAST_S), u64::from(NAME_KEPT_MOST_S));
        assert_eq!(told(&cache, 1, 8, least - 1), ["short.example"]);
        assert_eq!(told(&cache, 1, 8, least), [""; 0]);
        assert_eq!(told(&cache, 1, 9, most - 1), ["long.example"]);
        assert_eq!(told(&cache, 1, 9, most), [""; 0]);
        // Another name of the same address, and the first again.
        cache.learn(1, address(7), &["b.example"], 600, 100 * SECOND);
        assert_eq!(told(&cache, 1, 7, 200), ["b.example", "a.example", "cdn.example"]);
        cache.learn(1, address(7), &["a.example"], 1, 200 * SECOND);
        assert_eq!(told(&cache, 1, 7, 299), ["a.example", "b.example", "cdn.example"]);
        assert_eq!(told(&cache, 1, 7, 301), ["b.example"]);
        // Another network knows nothing of it.
        assert_eq!(told(&cache, 2, 7, 200), [""; 0]);
    }

    #[test]
    fn a_name_of_a_rule_is_pushed_out_by_nobody() {
        let mut cache =
            NameCache { of_rules: BTreeSet::from(["asked.example".to_owned()]), ..NameCache::default() };
        cache.learn(1, address(1), &["asked.example"], 3600, 0);
        for number in 0..20 {
            cache.learn(1, address(1), &[&format!("n{number}")], 3600, 0);
        }
        let names = told(&cache, 1, 1, 1);
        assert_eq!(
            (names.len(), names.last().unwrap().as_str()),
            (NAMES_OF_ADDRESS_MAX + 1, "asked.example")
        );
        assert_eq!((cache.too_many, cache.pushed_out), (12, 0));
        // What holds no more makes room without a word.
        cache.learn(1, address(1), &["later.example"], 3600, 4000 * SECOND);
        assert_eq!(told(&cache, 1, 1, 4001), ["later.example"]);
        assert_eq!(cache.too_many, 12);
        cache.learn(1, address(1), &["asked.example"], 3600, 0);
        for number in 2..=2 * u32::try_from(NAMED_OF_VIEW_MAX).unwrap() {
            cache.learn(1, address(number), &["flood.example"], 3600, 0);
        }
        assert!(told(&cache, 1, 1, 1).contains(&"asked.example".to_owned()));
        // Where all are of rules, there is an end all the same.
        for number in 0..=u32::try_from(NAMED_OF_VIEW_MAX).unwrap() {
            cache.learn(2, address(number), &["asked.example"], 3600, 0);
        }
        assert_eq!(cache.views[&2].by_address.len(), NAMED_OF_VIEW_MAX);
    }

    #[test]
    fn a_flood_pushes_out_its_own_and_is_counted() {
        let mut cache = NameCache::default();
        cache.learn(1, address(1), &["other.example"], 3600, 0);
        let most = u32::try_from(NAMED_OF_VIEW_MAX).unwrap();
        for number in 0..most + 10 {
            cache.learn(2, address(number), &["flood.example"], 3600, 0);
            // Told again and again, the first stays.
            cache.learn(2, address(0), &["first.example"], 3600, 0);
        }
        assert_eq!(told(&cache, 2, 0, 1)[0], "first.example");
        assert_eq!(told(&cache, 2, 1, 1), [""; 0]);
        assert_eq!(told(&cache, 2, most + 9, 1), ["flood.example"]);
        assert_eq!(cache.pushed_out, 10);
        for view in 3..40 {
            for number in 0..most {
                cache.learn(view, address(number), &["flood.example"], 3600, 0);
            }
        }
        assert_eq!(told(&cache, 1, 1, 1), ["other.example"]);
        assert_eq!(cache.count, NAMED_MAX);
        assert_eq!(cache.views.values().map(|view| view.by_address.len()).sum::<usize>(), NAMED_MAX);
        let names: Vec<String> = (0..50).map(|number| format!("n{number}")).collect();
        for name in &names {
            cache.learn(1, address(1), &[name], 3600, 0);
        }
        assert_eq!(told(&cache, 1, 1, 1).len(), NAMES_OF_ADDRESS_MAX);
    }
}
