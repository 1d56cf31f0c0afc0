//! containerd's bundles (`STATE/io.containerd.runtime.v2.task/NAMESPACE/ID/config.json`), which are there before the
//! runtime is started. The image of a plain container is in its database only: its socket tells it.

use seawall_event::{Container, Pod};

use super::files::{Directory, Unread};
use super::limits::STATE_BYTES_MAX;
use super::naming;
use super::specification::Specification;
use super::store::{Found, Lacks};

const TASKS: &str = "io.containerd.runtime.v2.task";

/// Docker's containers, which Docker knows better.
const DOCKERS_NAMESPACES: [&str; 2] = ["moby", "plugins.moby"];

const SANDBOX_ID: &str = "io.kubernetes.cri.sandbox-id";

/// Whether there is a bundle of that name.
pub(super) fn has_bundle(state: &Directory, namespace: &str, id: &str) -> bool {
    state.below(&format!("{TASKS}/{namespace}/{id}")).is_ok()
}

/// The container of this id, from the namespace or, where that is not known, from any that is not Docker's.
pub(super) fn look(state: &Directory, namespace: Option<&str>, id: &str) -> Result<Found, Unread> {
    let namespaces = match namespace {
        Some(namespace) => vec![namespace.to_owned()],
        None => state.names(TASKS)?,
    };
    let mut last = Unread::Absent;
    for namespace in namespaces.iter().filter(|name| !DOCKERS_NAMESPACES.contains(&name.as_str())) {
        let read = |id: &str| {
            let path = format!("{TASKS}/{namespace}/{id}/config.json");
            state.json::<Specification>(&path, STATE_BYTES_MAX)
        };
        match read(id) {
            Ok(specification) => {
                let sandbox_id = specification.annotations.get(SANDBOX_ID).filter(|sandbox| *sandbox != id);
                let sandbox = sandbox_id.and_then(|id| read(id).ok());
                return Ok(found(&specification, id, sandbox.as_ref()));
            }
            Err(Unread::Absent) => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn found(specification: &Specification, id: &str, sandbox: Option<&Specification>) -> Found {
    let annotation = |key: &str| specification.annotations.get(key).cloned();
    let cri = |key: &str| annotation(&format!("io.kubernetes.cri.{key}"));
    let is_sandbox = cri("container-type").as_deref() == Some("sandbox");
    let sandbox_id = annotation(SANDBOX_ID);
    let name = match is_sandbox {
        true => cri("sandbox-name"),
        false => cri("container-name").or_else(|| annotation("nerdctl/name")),
    };
    let image = cri("image-name").or_else(|| cri("podsandbox.image-name"));
    let plain = |(key, _): &(&String, &String)| !key.starts_with("io.kubernetes.cri");
    let labels = specification.annotations.iter().filter(plain);
    let mut container = Container {
        id: Some(naming::short(id)),
        full_id: Some(id.to_owned()),
        // An id of digits is shown as short as everywhere, one that somebody has given is a name.
        name: Some(name.unwrap_or_else(|| if naming::is_id(id) { naming::short(id) } else { id.to_owned() })),
        engine: Some("containerd".to_owned()),
        image: image.as_deref().map(naming::image),
        labels: naming::labels(labels.map(|(key, value)| (key.clone(), value.clone()))),
        ..Container::default()
    };
    if sandbox_id.is_some() {
        container.pod = Some(Pod {
            name: cri("sandbox-name"),
            namespace: cri("sandbox-namespace"),
            uid: cri("sandbox-uid"),
            sandbox_id,
            ..Pod::default()
        });
    }
    specification.fill(&mut container, id, sandbox);
    // A sandbox of older versions does not say what it was made from; nobody can wait for it.
    let lacks = if container.image.is_some() || is_sandbox { Lacks::Labels } else { Lacks::Image };
    Found { container, cgroup_parent: Some(specification.cgroup_parent().to_owned()), lacks }
}
