//! Names that rules compare addresses with, looked up as Falco does: only where the user wants it, for it tells the
//! network's resolver which names the rules hold.
//!
//! In a thread of its own, one name after the other: a resolver that hangs delays nothing but the next name.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use crate::limits::{LOOK_UP_EVERY, LOOKED_UP_MAX};

/// Addresses with the names that were looked up, and how many names have none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LookedUp {
    pub(crate) by_address: HashMap<IpAddr, Vec<String>>,
    pub(crate) without: usize,
    /// Names that were not looked up, because there are too many.
    pub(crate) left_out: usize,
}

/// The thread; it ends after the name that it is at when this is dropped.
pub(crate) struct Lookup {
    found: Receiver<LookedUp>,
    _stop: Sender<()>,
}

impl Lookup {
    /// Looks these names up now, and again and again.
    pub(crate) fn start(
        names: BTreeSet<String>,
        look_up: impl Fn(&str) -> Vec<IpAddr> + Send + 'static,
    ) -> Lookup {
        let (stop, stopped) = channel::<()>();
        let (sender, found) = channel();
        std::thread::spawn(move || {
            let left_out = names.len().saturating_sub(LOOKED_UP_MAX);
            let mut known: BTreeMap<&String, Vec<IpAddr>> = BTreeMap::new();
            loop {
                for name in names.iter().take(LOOKED_UP_MAX) {
                    let addresses = look_up(name);
                    // Nobody listens any more.
                    if !matches!(stopped.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty)) {
                        return;
                    }
                    // What was true a moment ago is better than nothing.
                    if !addresses.is_empty() || !known.contains_key(name) {
                        known.insert(name, addresses);
                    }
                }
                if sender.send(reversed(&known, left_out)).is_err()
                    || stopped.recv_timeout(LOOK_UP_EVERY) != Err(RecvTimeoutError::Timeout)
                {
                    return;
                }
            }
        });
        Lookup { found, _stop: stop }
    }

    /// What was found since it was asked last.
    pub(crate) fn news(&self) -> Option<LookedUp> {
        self.found.try_iter().last()
    }
}

/// By the system's resolver: its files, its servers, its patience.
pub(crate) fn by_system(name: &str) -> Vec<IpAddr> {
    let addresses = (name, 0).to_socket_addrs();
    let addresses: BTreeSet<IpAddr> = addresses.into_iter().flatten().map(|address| address.ip()).collect();
    addresses.into_iter().collect()
}

fn reversed(known: &BTreeMap<&String, Vec<IpAddr>>, left_out: usize) -> LookedUp {
    let mut looked_up = LookedUp { left_out, ..LookedUp::default() };
    for (name, addresses) in known {
        looked_up.without += usize::from(addresses.is_empty());
        for address in addresses {
            looked_up.by_address.entry(*address).or_default().push((*name).clone());
        }
    }
    looked_up
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn each_address_has_the_names_that_lead_to_it() {
        let names = ["a.example", "b.example", "none.example"].map(str::to_owned).into();
        let lookup = Lookup::start(names, |name| match name {
            "none.example" => Vec::new(),
            _ => vec!["192.0.2.7".parse().unwrap()],
        });
        let end = Instant::now() + Duration::from_secs(10);
        let found = loop {
            match lookup.news() {
                Some(found) => break found,
                None => assert!(Instant::now() < end),
            }
        };
        assert_eq!(found.by_address[&"192.0.2.7".parse().unwrap()], ["a.example", "b.example"]);
        assert_eq!((found.without, found.left_out), (1, 0));
    }

    #[test]
    fn the_system_knows_itself() {
        assert!(by_system("localhost").iter().any(IpAddr::is_loopback));
        assert_eq!(by_system("no name at all"), [] as [IpAddr; 0]);
    }
}
