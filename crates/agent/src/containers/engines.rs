//! The threads that ask the engines' sockets, one for each, so that one that hangs delays nobody else.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};

use seawall_engine::{
    Address, Announcement, Containerd, Docker, Endpoint, Engine, EngineError, EngineKind, Failure, Question,
};
use seawall_event::{Container, Image};
use seawall_finding::GapKind;
use serde::Deserialize;

use super::cgroup::{Claim, Owner};
use super::docker::Inspected;
use super::limits::{CNI_BYTES_MAX, LISTEN_AGAIN_AFTER, QUEUE_MAX, STORES_MAX};
use super::slot::{Slot, Source};
use super::{Shared, Store, lock, naming};

/// The way to the threads.
#[derive(Debug)]
pub(super) struct Engines {
    asked: Vec<(Endpoint, SyncSender<Arc<Slot>>)>,
}

impl Engines {
    pub(super) fn start(endpoints: &[Endpoint], shared: &Arc<Shared>) -> Engines {
        let start = |endpoint: &Endpoint| {
            let (asked, questions) = sync_channel(QUEUE_MAX);
            let (own, listened) = (endpoint.clone(), Arc::downgrade(shared));
            // podman's service is started by who asks it, and would run for ever for one who listens; its disk has all
            // that it would announce.
            if endpoint.kind != EngineKind::Podman && user_of(endpoint).is_none() {
                std::thread::spawn(move || listen(&own, &listened));
            }
            let (own, shared) = (endpoint.clone(), Arc::clone(shared));
            std::thread::spawn(move || answer(&own, &questions, &shared));
            (endpoint.clone(), asked)
        };
        Engines { asked: endpoints.iter().map(start).collect() }
    }

    /// Asks those that may have it. One whose queue is full hangs, and nobody waits for it.
    pub(super) fn ask(&self, slot: &Arc<Slot>) {
        for (endpoint, thread) in &self.asked {
            if slot.claims.iter().any(|claim| may_have(endpoint, claim)) {
                let _ = thread.try_send(Arc::clone(slot));
            }
        }
    }
}

/// podman may listen at Docker's socket. A user's engine has that user's containers and no others.
fn may_have(endpoint: &Endpoint, claim: &Claim) -> bool {
    let is_kind = match endpoint.kind {
        EngineKind::Docker | EngineKind::Podman => {
            matches!(claim.owner, Owner::Docker | Owner::Podman | Owner::Unnamed)
        }
        EngineKind::Containerd => matches!(claim.owner, Owner::Containerd | Owner::Unnamed),
    };
    is_kind && claim.user == user_of(endpoint)
}

/// Whose engine it is, where it is a user's.
fn user_of(endpoint: &Endpoint) -> Option<u32> {
    let Address::Unix(path) = &endpoint.address else { return None };
    let below = path.strip_prefix("/run/user").ok()?;
    below.iter().next()?.to_str()?.parse().ok()
}

/// Hears of containers before they start, and of those that end before the engine answers a question about them:
/// Docker answers none about a container while it starts it.
fn listen(endpoint: &Endpoint, shared: &Weak<Shared>) {
    while shared.strong_count() > 0 {
        // An engine that is not there may come; one that breaks off is asked again.
        if let Ok(engine) = Engine::connect(endpoint)
            && let Ok(announcements) = engine.announcements()
        {
            let name = engine.version().kind.name();
            for announced in announcements {
                let Some(shared) = shared.upgrade() else { return };
                match announced {
                    Ok(announcement) => shared.announce(described(announcement, name)),
                    Err(error) if matches!(error.failure, Failure::Timeout) => {}
                    Err(_) => break,
                }
            }
        }
        std::thread::sleep(LISTEN_AGAIN_AFTER);
    }
}

fn described(announcement: Announcement, engine: &str) -> (Option<String>, Container) {
    let Announcement { id, namespace, name, image } = announcement;
    let container = Container {
        id: Some(naming::short(&id)),
        full_id: Some(id),
        name,
        engine: Some(engine.to_owned()),
        image: Some(naming::image(&image)).filter(|image| image.name.is_some()),
        ..Container::default()
    };
    (namespace, container)
}

fn answer(endpoint: &Endpoint, questions: &Receiver<Arc<Slot>>, shared: &Shared) {
    let mut connected: Option<Engine> = None;
    for slot in questions {
        let connect = || Engine::connect(endpoint).inspect(|engine| discover(engine, shared));
        let engine = match connected.take().map_or_else(connect, Ok) {
            Ok(engine) => engine,
            Err(error) => {
                told(&error, shared);
                continue;
            }
        };
        match describe(&engine, &slot) {
            Ok(Some(container)) => {
                let has_image = container.image.is_some();
                slot.fill(container, Source::Socket, has_image);
                connected = Some(engine);
            }
            Ok(None) => {
                slot.settle();
                connected = Some(engine);
            }
            Err(error) => told(&error, shared),
        }
    }
}

/// Docker and podman say where they keep their state, which may be told to them on their command line only.
fn discover(engine: &Engine, shared: &Shared) {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Info {
        docker_root_dir: PathBuf,
    }
    let Engine::Docker(docker) = engine else { return };
    let Ok(answer) = docker.answer(&Question::Info) else { return };
    let Ok(Info { docker_root_dir }) = serde_json::from_slice(&answer) else { return };
    let store = match docker.version().kind {
        EngineKind::Podman => {
            Store::Storage { graph: docker_root_dir, run: "/run/containers/storage".into() }
        }
        EngineKind::Docker | EngineKind::Containerd => Store::Docker { data: docker_root_dir },
    };
    let mut discovered = lock(&shared.discovered);
    if docker.is_local() && !discovered.contains(&store) && discovered.len() < STORES_MAX {
        discovered.push(store);
    }
}

/// An engine that is not there, or has no such container, is no gap: the container is another's.
fn told(error: &EngineError, shared: &Shared) {
    if !error.failure.is_absent() {
        shared.gap(GapKind::Unreadable, format!("what an engine knows of a container: {error}"));
    }
}

/// What the engine knows of the first claim that it knows.
fn describe(engine: &Engine, slot: &Slot) -> Result<Option<Container>, EngineError> {
    for claim in &slot.claims {
        let described = match engine {
            Engine::Docker(docker) => of_docker(docker, claim),
            Engine::Containerd(containerd) => of_containerd(containerd, claim, &slot.container()),
        };
        match described {
            Ok(container) => return Ok(container),
            Err(error) if error.failure.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn of_docker(engine: &Docker, claim: &Claim) -> Result<Option<Container>, EngineError> {
    let answer = engine.answer(&Question::Container(&claim.id))?;
    // What is no description of a container will be none when it is asked for again.
    let Ok(inspected) = Inspected::parse(&answer) else { return Ok(None) };
    let names = match engine.image(inspected.image_id()) {
        Ok(image) => [image.tags, image.repo_digests].concat(),
        // Removed while its container runs; what was asked for is known all the same.
        Err(error) if error.failure.is_not_found() => Vec::new(),
        Err(error) => return Err(error),
    };
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Ok(Some(inspected.described(&names, engine.version().kind)))
}

fn of_containerd(
    engine: &Containerd,
    claim: &Claim,
    by_now: &Container,
) -> Result<Option<Container>, EngineError> {
    let (namespace, known) = engine.container_by_id(claim.namespace.as_deref(), &claim.id)?;
    let mut image = naming::image(&known.image);
    if image.digest.is_none() && !known.image.is_empty() {
        image.digest = engine.image_in(&namespace, &known.image).ok().map(|image| image.digest.to_string());
    }
    let mut pod = naming::pod(&known.labels);
    let mut cni = None;
    let sandbox_id = by_now.pod.as_ref().and_then(|pod| pod.sandbox_id.as_deref());
    if let Some(sandbox) = sandbox_id.and_then(|id| engine.sandbox(&namespace, id).ok()) {
        let pod = pod.get_or_insert_default();
        pod.labels = naming::labels(sandbox.labels);
        pod.ip = sandbox.address;
        cni = sandbox.network.filter(|network| network.len() <= CNI_BYTES_MAX);
    }
    Ok(Some(Container {
        id: Some(naming::short(&known.id)),
        name: Some(known.name).filter(|name| *name != known.id),
        full_id: Some(known.id),
        engine: Some("containerd".to_owned()),
        image: Some(image).filter(|image: &Image| image.name.is_some()),
        labels: naming::labels(known.labels),
        ip: pod.as_ref().and_then(|pod| pod.ip.clone()),
        cni,
        pod,
        ..Container::default()
    }))
}
