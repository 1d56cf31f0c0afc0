//! Which container a cgroup is, and what the engines know of it.
//!
//! Owns the way from a cgroup's path to an [`event::Container`](Container): whom the path names, what the engines have
//! written of it on disk before they start it, what only their sockets tell. Refuses to wait: all reading is done in
//! threads of its own, and who asks gets what is known by then.

mod cgroup;
mod containerd;
mod docker;
mod engines;
mod files;
mod limits;
mod naming;
mod search;
mod slot;
mod specification;
mod storage;
mod store;
mod tree;

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use seawall_engine::Endpoint;
use seawall_event::Container;
use seawall_finding::{Gap, GapKind};

use cgroup::{Claim, Weight};
use limits::{ANNOUNCED_MAX, CGROUPS_MAX, GAPS_MAX, REMOVED_KEPT};
use search::Search;
use slot::{Slot, Source};
pub use store::Store;
use store::Stores;
use tree::Tree;

/// Where to look.
#[derive(Debug, Clone)]
pub struct Options {
    /// The host's file system: `/`.
    pub root: PathBuf,
    /// The host's processes: `/proc`.
    pub proc_root: PathBuf,
    /// The host's control groups: `/sys/fs/cgroup`.
    pub cgroup_root: PathBuf,
    /// The engines' state, in the order to look. [`Options::of_host`] has what is usual and configured; users' own
    /// engines are found by the cgroup's path.
    pub stores: Vec<Store>,
    /// The engines' sockets, asked for what the disk does not say.
    pub engines: Vec<Endpoint>,
}

impl Options {
    /// The usual and configured places of a host, without sockets.
    pub fn of_host(root: &Path) -> Options {
        Options {
            root: root.to_owned(),
            proc_root: root.join("proc"),
            cgroup_root: root.join("sys/fs/cgroup"),
            stores: store::usual(root),
            engines: Vec::new(),
        }
    }
}

/// What a cgroup is.
#[derive(Debug, Clone, PartialEq)]
pub enum Lookup {
    /// No container.
    Host,
    /// A container, and all that can be known of it; where nobody knows it, the id alone.
    Known(Arc<Container>),
    /// A container whose id the path tells and whose image is being looked for. Ask again; after
    /// two seconds at the latest it is [`Lookup::Known`].
    Pending(Arc<Container>),
}

/// The containers of one host.
#[derive(Debug)]
pub struct Containers {
    shared: Arc<Shared>,
    tree: Tree,
    stores: Stores,
    search: Search,
}

/// What is kept, for all threads.
#[derive(Debug, Default)]
struct Shared {
    cgroups: Mutex<Cgroups>,
    /// What engines said of where they keep their state.
    discovered: Mutex<Vec<Store>>,
    gaps: Mutex<HashMap<(GapKind, String), u64>>,
}

#[derive(Debug, Default)]
struct Cgroups {
    by_id: HashMap<u64, Known>,
    /// A container has several cgroups when something in it makes some.
    slots: HashMap<String, Weak<Slot>>,
    /// By the key that a slot of it will have.
    announced: HashMap<String, Container>,
    /// Removed, oldest first.
    removed: VecDeque<(Instant, u64)>,
}

/// What is remembered of a cgroup.
#[derive(Debug)]
struct Known {
    /// None is the host.
    slot: Option<Arc<Slot>>,
    /// A container's own, made by an engine of the system. What containers and users make goes first where there is
    /// no room.
    is_kept: bool,
}

/// The ids of the containers that the path of a cgroup names.
pub(crate) fn ids(path: &Path) -> impl Iterator<Item = String> {
    cgroup::claims(path).into_iter().map(|claim| claim.id)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics with a lock in its hands; if something did, the maps are whole all the same.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn gap(&self, kind: GapKind, reason: String) {
        let mut gaps = lock(&self.gaps);
        let key = (kind, reason);
        let key = match gaps.len() < GAPS_MAX || gaps.contains_key(&key) {
            true => key,
            false => (kind, "of containers, for other reasons".to_owned()),
        };
        *gaps.entry(key).or_default() += 1;
    }
}

impl Shared {
    /// An engine has created a container, of which it will write and say more. containerd's namespace is in some
    /// paths and not in others.
    fn announce(&self, (namespace, container): (Option<String>, Container)) {
        let Some(id) = container.full_id.as_deref() else { return };
        let mut cgroups = lock(&self.cgroups);
        let keys = [slot::plain_key(None, id), slot::plain_key(namespace.as_deref(), id)];
        if let Some(slot) = keys.iter().find_map(|key| cgroups.slots.get(key).and_then(Weak::upgrade)) {
            slot.fill(container, Source::Socket, false);
            return;
        }
        if cgroups.announced.len() >= ANNOUNCED_MAX {
            cgroups.announced.clear();
        }
        cgroups.announced.extend(keys.map(|key| (key, container.clone())));
    }
}

impl Containers {
    /// Starts to look: what runs already is known in a moment. The threads end when it is dropped, those in which an
    /// engine hangs when the engine's time is over.
    pub fn start(options: Options) -> Containers {
        let shared = Arc::new(Shared::default());
        let stores = Stores::new(&options.root, options.stores.clone());
        let search = Search::start(&options, &shared);
        let tree = Tree::new(&options.proc_root, &options.cgroup_root);
        let containers = Containers { shared, tree, stores, search };
        for (cgroup_id, path) in containers.tree.all() {
            containers.made(cgroup_id, &path);
        }
        containers
    }

    /// A cgroup was made: its container is looked for at once, before its first process.
    pub fn made(&self, cgroup_id: u64, path: &Path) {
        let slot = self.add(cgroup_id, path);
        // The own one of a container that was known for a while: it is started again, perhaps with another address.
        if let Some(slot) = slot
            && slot.is_found()
            && slot.is_late()
            && slot.is_own(path)
        {
            self.search.ask(&slot, &self.shared);
        }
    }

    /// Whether a cgroup is of a container by a name that a user of this host could give it: it is in his slice.
    pub(crate) fn is_of_user(&self, cgroup_id: u64) -> bool {
        let path = self.cgroup_path(cgroup_id);
        path.is_some_and(|path| self.claims(&path).first().is_some_and(|claim| claim.user.is_some()))
    }

    /// The cgroups that are containers, as far as they are known.
    pub(crate) fn cgroups(&self) -> Vec<u64> {
        let cgroups = lock(&self.shared.cgroups);
        cgroups.by_id.iter().filter(|(_, known)| known.slot.is_some()).map(|(id, _)| *id).collect()
    }

    /// A cgroup was removed. It is remembered for a while: events arrive late.
    pub fn removed(&self, cgroup_id: u64) {
        let now = Instant::now();
        let mut cgroups = lock(&self.shared.cgroups);
        if cgroups.by_id.contains_key(&cgroup_id) {
            cgroups.removed.push_back((now, cgroup_id));
        }
        cgroups.forget(now);
    }

    /// The container of a cgroup. `cgroup_path` is its path where it is known, `pid` a process in it, whose files say
    /// it where it is not.
    pub fn of(&self, cgroup_id: u64, cgroup_path: Option<&Path>, pid: u32) -> Lookup {
        let known = lock(&self.shared.cgroups).by_id.get(&cgroup_id).map(|known| known.slot.clone());
        let slot = match (known, cgroup_path) {
            (Some(slot), _) => slot,
            (None, Some(path)) => self.add(cgroup_id, path),
            (None, None) => match self.tree.path_of(pid, cgroup_id) {
                Some(path) => self.add(cgroup_id, &path),
                None => {
                    let reason = "whether a process that has ended was in a container".to_owned();
                    self.shared.gap(GapKind::Undetermined, reason);
                    None
                }
            },
        };
        slot.map_or(Lookup::Host, |slot| slot.lookup(&self.shared))
    }

    /// The containers in which a process runs.
    pub fn running(&self) -> Vec<Arc<Container>> {
        let slots: HashMap<PathBuf, Arc<Slot>> = {
            let cgroups = lock(&self.shared.cgroups);
            let slots = cgroups.by_id.values().filter_map(|known| known.slot.as_ref());
            slots.map(|slot| (slot.path.clone(), Arc::clone(slot))).collect()
        };
        let running = slots.iter().filter(|(path, _)| self.tree.is_populated(path));
        running.map(|(_, slot)| slot.container()).collect()
    }

    /// The container of a cgroup that is known to be one's, as far as it is known.
    pub fn known(&self, cgroup_id: u64) -> Option<Arc<Container>> {
        let cgroups = lock(&self.shared.cgroups);
        Some(cgroups.by_id.get(&cgroup_id)?.slot.as_ref()?.container())
    }

    /// The path of a container's cgroup by which it became known.
    pub fn cgroup_path(&self, cgroup_id: u64) -> Option<PathBuf> {
        let cgroups = lock(&self.shared.cgroups);
        Some(cgroups.by_id.get(&cgroup_id)?.slot.as_ref()?.path.clone())
    }

    /// What could not be found out, and how often, since the start.
    pub fn gaps(&self) -> Vec<Gap> {
        let gaps = lock(&self.shared.gaps);
        let mut told: Vec<Gap> = gaps
            .iter()
            .map(|((kind, reason), count)| Gap::of_target(*kind, format!("{reason} ({count} times)")))
            .collect();
        told.sort_by(|a, b| a.reason.cmp(&b.reason));
        told
    }

    fn add(&self, cgroup_id: u64, path: &Path) -> Option<Arc<Slot>> {
        let claims = self.claims(path);
        let mut cgroups = lock(&self.shared.cgroups);
        if let Some(known) = cgroups.by_id.get(&cgroup_id) {
            return known.slot.clone();
        }
        if cgroups.make_room(Instant::now()) {
            let reason = format!("cgroups that are in use, for more than {CGROUPS_MAX} are");
            self.shared.gap(GapKind::Limit, reason);
        }
        if claims.is_empty() {
            cgroups.by_id.insert(cgroup_id, Known { slot: None, is_kept: false });
            return None;
        }
        let key = slot::key(&claims);
        // One that nobody knew may be known when it is started again.
        let is_over = |slot: &Arc<Slot>| slot.is_late() && !slot.is_found() && slot.is_own(path);
        let known = cgroups.slots.get(&key).and_then(Weak::upgrade).filter(|slot| !is_over(slot));
        let is_new = known.is_none();
        let announced = cgroups.announced.remove(&key);
        let slot = known.unwrap_or_else(|| Arc::new(Slot::new(path, claims)));
        if let Some(container) = announced {
            slot.fill(container, Source::Socket, false);
        }
        let is_kept = slot.is_own(path) && !slot.is_unsure();
        cgroups.by_id.insert(cgroup_id, Known { slot: Some(Arc::clone(&slot)), is_kept });
        cgroups.slots.insert(key, Arc::downgrade(&slot));
        drop(cgroups);
        if is_new {
            self.search.ask(&slot, &self.shared);
        }
        Some(slot)
    }

    /// Plain containerd's names are any two words: only one that it has just now is a container.
    fn claims(&self, path: &Path) -> Vec<Claim> {
        let mut claims = cgroup::claims(path);
        claims.retain(|claim| match (claim.weight, claim.namespace.as_deref()) {
            (Weight::Certain, _) => true,
            (Weight::IfKnown, Some(namespace)) => self.stores.has_bundle(namespace, &claim.id),
            (Weight::IfKnown, None) => false,
        });
        claims
    }
}

impl Cgroups {
    /// Forgets what was removed long ago.
    fn forget(&mut self, now: Instant) {
        while let Some((removed, cgroup_id)) = self.removed.front().copied() {
            if now.saturating_duration_since(removed) < REMOVED_KEPT {
                break;
            }
            self.removed.pop_front();
            self.by_id.remove(&cgroup_id);
        }
        if self.slots.len() > 2 * self.by_id.len() + 64 {
            self.slots.retain(|_, slot| slot.strong_count() > 0);
        }
    }

    /// Makes room for one more; whether something in use had to go. What was removed goes first, then what is no
    /// container's own cgroup: its path can be read again as long as a process is in it.
    fn make_room(&mut self, now: Instant) -> bool {
        self.forget(now);
        if self.by_id.len() < CGROUPS_MAX {
            return false;
        }
        for (_, cgroup_id) in std::mem::take(&mut self.removed) {
            self.by_id.remove(&cgroup_id);
        }
        if self.by_id.len() < CGROUPS_MAX {
            return false;
        }
        self.by_id.retain(|_, known| known.is_kept);
        if self.by_id.len() >= CGROUPS_MAX {
            self.by_id.clear();
        }
        true
    }
}
