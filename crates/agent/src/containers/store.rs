//! Where engines keep their state, and which of them has a container.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use seawall_event::Container;
use serde::Deserialize;

use super::cgroup::{Claim, Owner, Weight};
use super::containerd;
use super::docker::Docker;
use super::files::{Directory, Unread};
use super::limits::{STATE_BYTES_MAX, USERS_MAX};
use super::naming;
use super::storage::Storage;

/// The state of one engine on disk. Paths are the host's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// Docker.
    Docker {
        /// Its data root: `/var/lib/docker`.
        data: PathBuf,
    },
    /// podman and CRI-O.
    Storage {
        /// `/var/lib/containers/storage`.
        graph: PathBuf,
        /// `/run/containers/storage`.
        run: PathBuf,
    },
    /// containerd.
    Containerd {
        /// `/run/containerd`.
        state: PathBuf,
    },
}

/// A container that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) container: Container,
    /// The cgroup above its own, in the words of the engine's cgroup driver.
    pub(super) cgroup_parent: Option<String>,
    pub(super) lacks: Lacks,
}

/// What the disk does not say and the engine's socket would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lacks {
    Nothing,
    /// Labels, the digest of the image.
    Labels,
    /// The image, which is worth waiting for.
    Image,
}

/// A store and what is kept of it between two looks.
#[derive(Debug)]
enum Open {
    Docker(PathBuf, Docker),
    Storage(PathBuf, PathBuf, Box<Storage>),
    Containerd(PathBuf),
}

/// The engines' state of one host.
#[derive(Debug)]
pub(super) struct Stores {
    root: PathBuf,
    system: Vec<Open>,
    known: Vec<Store>,
    users: HashMap<u32, Vec<Open>>,
}

/// The places that distributions of engines use.
pub(super) fn usual(root: &Path) -> Vec<Store> {
    let docker = |data: &str| Store::Docker { data: data.into() };
    let containerd = |state: &str| Store::Containerd { state: state.into() };
    let storage = |graph: &str, run: &str| Store::Storage { graph: graph.into(), run: run.into() };
    let mut stores = vec![
        docker("/var/lib/docker"),
        docker("/var/snap/docker/common/var-lib-docker"),
        storage("/var/lib/containers/storage", "/run/containers/storage"),
        containerd("/run/containerd"),
        containerd("/run/k3s/containerd"),
        containerd("/run/k0s/containerd"),
        containerd("/var/snap/microk8s/common/run/containerd"),
    ];
    stores.extend(configured(root));
    stores
}

/// What the engines' configuration says of other places.
fn configured(root: &Path) -> Vec<Store> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    struct DaemonJson {
        data_root: Option<PathBuf>,
        /// Its name before version 17.05.
        graph: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct StorageConf {
        storage: StorageTable,
    }
    #[derive(Deserialize)]
    struct StorageTable {
        graphroot: Option<PathBuf>,
        runroot: Option<PathBuf>,
    }
    let mut stores = Vec::new();
    let Ok(etc) = Directory::open(root, Path::new("etc")) else { return stores };
    if let Ok(config) = etc.json::<DaemonJson>("docker/daemon.json", STATE_BYTES_MAX)
        && let Some(data) = config.data_root.or(config.graph)
    {
        stores.push(Store::Docker { data });
    }
    let text = etc.read("containers/storage.conf", STATE_BYTES_MAX).unwrap_or_default();
    if let Ok(config) = toml::from_slice::<StorageConf>(&text)
        && let Some(graph) = config.storage.graphroot
    {
        let run = config.storage.runroot.unwrap_or_else(|| "/run/containers/storage".into());
        stores.push(Store::Storage { graph, run });
    }
    stores
}

/// The places of the engines that a user runs without root.
fn of_user(root: &Path, uid: u32) -> Vec<Store> {
    let passwd = Directory::open(root, Path::new("etc"))
        .and_then(|etc| etc.read("passwd", STATE_BYTES_MAX))
        .unwrap_or_default();
    let Some(home) = crate::users::entry(&passwd, uid).and_then(|entry| entry.home) else {
        return Vec::new();
    };
    let share = Path::new(&home).join(".local/share");
    vec![
        Store::Docker { data: share.join("docker") },
        Store::Storage {
            graph: share.join("containers/storage"),
            run: PathBuf::from(format!("/run/user/{uid}/containers")),
        },
    ]
}

impl Open {
    fn new(store: Store) -> Open {
        match store {
            Store::Docker { data } => Open::Docker(data, Docker::default()),
            Store::Storage { graph, run } => Open::Storage(graph, run, Box::default()),
            Store::Containerd { state } => Open::Containerd(state),
        }
    }

    fn may_have(&self, owner: Owner) -> bool {
        match self {
            Open::Docker(..) => matches!(owner, Owner::Docker | Owner::Unnamed),
            Open::Storage(..) => matches!(owner, Owner::Podman | Owner::CriO | Owner::Unnamed),
            Open::Containerd(..) => matches!(owner, Owner::Containerd | Owner::Unnamed),
        }
    }

    fn look(&mut self, root: &Path, claim: &Claim) -> Result<Found, Unread> {
        match self {
            Open::Docker(data, docker) => docker.look(&Directory::open(root, data)?, &claim.id),
            Open::Storage(graph, run, storage) => {
                let run = Directory::open(root, run).ok();
                storage.look(&Directory::open(root, graph)?, run.as_ref(), &claim.id)
            }
            Open::Containerd(state) => {
                containerd::look(&Directory::open(root, state)?, claim.namespace.as_deref(), &claim.id)
            }
        }
    }
}

impl Stores {
    pub(super) fn new(root: &Path, stores: Vec<Store>) -> Stores {
        let mut opened =
            Stores { root: root.to_owned(), system: Vec::new(), known: Vec::new(), users: HashMap::new() };
        stores.iter().for_each(|store| opened.add(store));
        opened
    }

    /// Looks there too, after the others.
    pub(super) fn add(&mut self, store: &Store) {
        if !self.known.contains(store) {
            self.known.push(store.clone());
            self.system.push(Open::new(store.clone()));
        }
    }

    /// The container that these claims of one path mean: the outermost that an engine knows, or one within it that
    /// its engine has put there. A container's own processes may name cgroups below theirs as they like.
    pub(super) fn look(&mut self, path: &Path, claims: &[Claim]) -> Result<Found, Unread> {
        let mut found: Option<Found> = None;
        let mut last = Unread::Absent;
        for claim in claims {
            let is_free = found.is_none() && claim.weight == Weight::Certain;
            match self.find(claim) {
                Ok(inner) if is_free || is_below(path, claim, &inner) => found = Some(inner),
                Ok(_) | Err(Unread::Absent) => {}
                Err(error) => last = error,
            }
        }
        found.ok_or(last)
    }

    fn find(&mut self, claim: &Claim) -> Result<Found, Unread> {
        if let Some(found) = of_no_list(claim) {
            return Ok(found);
        }
        let root = self.root.as_path();
        let stores = match claim.user {
            None => &mut self.system,
            Some(uid) => {
                if self.users.len() == USERS_MAX && !self.users.contains_key(&uid) {
                    self.users.clear();
                }
                let stores = self.users.entry(uid).or_default();
                // Somebody who was not there a moment ago may be there now.
                if stores.is_empty() {
                    stores.extend(of_user(root, uid).into_iter().map(Open::new));
                }
                stores
            }
        };
        let mut last = Unread::Absent;
        for store in stores.iter_mut().filter(|store| store.may_have(claim.owner)) {
            match store.look(root, claim) {
                Ok(mut found) => {
                    fill_from_path(&mut found.container, claim);
                    return Ok(found);
                }
                Err(Unread::Absent) => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Whether containerd has a bundle that a path of two words names.
    pub(super) fn has_bundle(&self, namespace: &str, id: &str) -> bool {
        self.system.iter().any(|store| match store {
            Open::Containerd(state) => Directory::open(&self.root, state)
                .is_ok_and(|state| containerd::has_bundle(&state, namespace, id)),
            Open::Docker(..) | Open::Storage(..) => false,
        })
    }
}

/// The pod's id, which the kubelet writes into the path and not every engine into its state.
fn fill_from_path(container: &mut Container, claim: &Claim) {
    if let Some(uid) = &claim.pod_uid {
        let pod = container.pod.get_or_insert_default();
        pod.uid.get_or_insert_with(|| uid.clone());
    }
}

/// A container of which only the path tells.
pub(super) fn from_path(claim: &Claim) -> Container {
    let engine = match claim.owner {
        Owner::Docker => Some("docker"),
        Owner::Podman => Some("podman"),
        Owner::Containerd => Some("containerd"),
        Owner::CriO => Some("cri-o"),
        Owner::Lxc => Some("lxc"),
        Owner::BuildKit => Some("buildkit"),
        Owner::Unnamed => None,
    };
    let mut container = Container {
        id: Some(naming::short(&claim.id)),
        full_id: Some(claim.id.clone()),
        engine: engine.map(str::to_owned),
        ..Container::default()
    };
    fill_from_path(&mut container, claim);
    container
}

/// LXC's name is all there is, and a step of a build is in no list.
fn of_no_list(claim: &Claim) -> Option<Found> {
    let name = match claim.owner {
        Owner::Lxc => claim.id.clone(),
        Owner::BuildKit => "buildkit".to_owned(),
        Owner::Docker | Owner::Podman | Owner::Containerd | Owner::CriO | Owner::Unnamed => return None,
    };
    let container = Container { name: Some(name), ..from_path(claim) };
    Some(Found { container, cgroup_parent: None, lacks: Lacks::Nothing })
}

/// Whether the container's own state says that its cgroup is where the path has it.
fn is_below(path: &Path, claim: &Claim, found: &Found) -> bool {
    let Some(parent) = found.cgroup_parent.as_deref().map(|parent| parent.trim_matches('/')) else {
        return false;
    };
    let components = path.components().filter(|part| matches!(part, std::path::Component::Normal(_)));
    let above: PathBuf = components.take(claim.depth.saturating_sub(1)).collect();
    !parent.is_empty() && (above == Path::new(parent) || above.file_name().is_some_and(|name| name == parent))
}
