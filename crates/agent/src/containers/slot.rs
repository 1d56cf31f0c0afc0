//! One container that was named by a cgroup, and what is known of it by now.

use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use seawall_event::{Container, Image, Pod};
use seawall_finding::GapKind;

use super::cgroup::Claim;
use super::limits::LOOK_TIME_MAX;
use super::{Lookup, Shared, lock, naming, store};

/// A container in the eyes of all threads.
#[derive(Debug)]
pub(super) struct Slot {
    /// The cgroup's path by which it became known.
    pub(super) path: PathBuf,
    /// What the path says, the outermost first; never empty.
    pub(super) claims: Vec<Claim>,
    since: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    container: Arc<Container>,
    progress: Progress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Looking,
    Found,
    GivenUp,
}

/// Which of two sources is believed where both say something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The disk: later looks know more.
    Disk,
    /// A socket adds what the disk does not say.
    Socket,
}

/// What is one container, of all cgroups that name it.
pub(super) fn key(claims: &[Claim]) -> String {
    let part = |claim: &Claim| {
        let user = claim.user.map(|uid| format!("{uid}:")).unwrap_or_default();
        user + &plain_key(claim.namespace.as_deref(), &claim.id)
    };
    claims.iter().map(part).collect::<Vec<_>>().join("/")
}

/// The same of a container of the system's engines that is in no other.
pub(super) fn plain_key(namespace: Option<&str>, id: &str) -> String {
    format!("{}:{id}", namespace.unwrap_or_default())
}

impl Slot {
    pub(super) fn new(path: &Path, claims: Vec<Claim>) -> Slot {
        let container = claims.first().map(store::from_path).unwrap_or_default();
        let state = State { container: Arc::new(container), progress: Progress::Looking };
        Slot { path: path.to_owned(), claims, since: Instant::now(), state: Mutex::new(state) }
    }

    /// Whether an engine knows it.
    pub(super) fn is_found(&self) -> bool {
        lock(&self.state).progress == Progress::Found
    }

    /// Whether the time to look for it is over.
    pub(super) fn is_late(&self) -> bool {
        self.since.elapsed() >= LOOK_TIME_MAX
    }

    /// Whether a path is of the container's own cgroup, and not of one below that something in it has made.
    pub(super) fn is_own(&self, path: &Path) -> bool {
        let names = path.components().filter(|part| matches!(part, Component::Normal(_))).count();
        self.claims.last().is_some_and(|claim| claim.depth == names)
    }

    /// Whether a user or something in a container may have made it up.
    pub(super) fn is_unsure(&self) -> bool {
        self.claims.len() > 1 || self.claims.iter().any(|claim| claim.user.is_some())
    }

    /// What is known of it by now.
    pub(super) fn container(&self) -> Arc<Container> {
        Arc::clone(&lock(&self.state).container)
    }

    /// Its events wait no longer.
    pub(super) fn give_up(&self) {
        let mut state = lock(&self.state);
        if state.progress == Progress::Looking {
            state.progress = Progress::GivenUp;
        }
    }

    /// An engine that should know it does not, or not any more: what was announced of it is all there will be.
    pub(super) fn settle(&self) {
        let mut state = lock(&self.state);
        if state.container.image.is_some() && state.progress == Progress::Looking {
            state.progress = Progress::Found;
        }
    }

    pub(super) fn lookup(&self, shared: &Shared) -> Lookup {
        let mut state = lock(&self.state);
        let container = Arc::clone(&state.container);
        match state.progress {
            Progress::Found | Progress::GivenUp => Lookup::Known(container),
            Progress::Looking if !self.is_late() => Lookup::Pending(container),
            Progress::Looking => {
                state.progress = Progress::GivenUp;
                let engine = container.engine.as_deref().unwrap_or("an unknown engine");
                let what = if container.image.is_some() { "rights and mounts" } else { "the image" };
                shared.gap(GapKind::Undetermined, format!("{what} of a container of {engine}"));
                Lookup::Known(container)
            }
        }
    }

    /// Adds what was found. `is_enough`: its events need not wait for more.
    pub(super) fn fill(&self, mut found: Container, source: Source, is_enough: bool) {
        naming::bound(&mut found);
        let mut state = lock(&self.state);
        let known = &*state.container;
        let labels = match source {
            // containerd's bundles have annotations, which are nearly that.
            Source::Disk if known.labels.is_empty() => found.labels.clone(),
            Source::Socket if !found.labels.is_empty() => found.labels.clone(),
            Source::Disk | Source::Socket => known.labels.clone(),
        };
        let joined = match source {
            Source::Disk => joined(found, known),
            Source::Socket => joined(known.clone(), &found),
        };
        let container = Container { labels, ..joined };
        state.container = Arc::new(container);
        if is_enough {
            state.progress = Progress::Found;
        }
    }
}

/// `first`, and where it says nothing `second`.
fn joined(first: Container, second: &Container) -> Container {
    let Container {
        id,
        full_id,
        name,
        engine,
        image,
        privileged,
        host_pid,
        host_network,
        host_ipc,
        mounts,
        labels,
        ip,
        cni,
        pod,
    } = first;
    Container {
        id: id.or_else(|| second.id.clone()),
        full_id: full_id.or_else(|| second.full_id.clone()),
        name: name.or_else(|| second.name.clone()),
        engine: engine.or_else(|| second.engine.clone()),
        image: match (image, &second.image) {
            (Some(image), Some(second)) => Some(joined_image(image, second)),
            (image, second) => image.or_else(|| second.clone()),
        },
        privileged: privileged.or(second.privileged),
        host_pid: host_pid.or(second.host_pid),
        host_network: host_network.or(second.host_network),
        host_ipc: host_ipc.or(second.host_ipc),
        mounts: mounts.or_else(|| second.mounts.clone()),
        labels,
        ip: ip.or_else(|| second.ip.clone()),
        cni: cni.or_else(|| second.cni.clone()),
        pod: match (pod, &second.pod) {
            (Some(pod), Some(second)) => Some(joined_pod(pod, second)),
            (pod, second) => pod.or_else(|| second.clone()),
        },
    }
}

fn joined_image(first: Image, second: &Image) -> Image {
    let Image { name, repository, tag, digest, id } = first;
    // A tag belongs to its repository.
    let (repository, tag) = match repository {
        Some(repository) => (Some(repository), tag),
        None => (second.repository.clone(), second.tag.clone()),
    };
    Image {
        name: name.or_else(|| second.name.clone()),
        repository,
        tag,
        digest: digest.or_else(|| second.digest.clone()),
        id: id.or_else(|| second.id.clone()),
    }
}

fn joined_pod(first: Pod, second: &Pod) -> Pod {
    let Pod { name, namespace, uid, sandbox_id, ip, labels } = first;
    Pod {
        name: name.or_else(|| second.name.clone()),
        namespace: namespace.or_else(|| second.namespace.clone()),
        uid: uid.or_else(|| second.uid.clone()),
        sandbox_id: sandbox_id.or_else(|| second.sandbox_id.clone()),
        ip: ip.or_else(|| second.ip.clone()),
        labels: if labels.is_empty() { second.labels.clone() } else { labels },
    }
}
