//! Names of images and pods as engines write them → the parts that rules ask for.

use std::collections::BTreeMap;

use seawall_event::{Container, Image, Mount, Pod};

use super::limits::{LABEL_BYTES_MAX, LABELS_MAX, TEXT_BYTES_MAX};

/// Characters of an id that are shown.
const SHORT: usize = 12;

/// The first 12 characters of an id; of a digest, of its digits.
pub(super) fn short(id: &str) -> String {
    let id = id.split_once(':').map_or(id, |(_, digits)| digits);
    id.chars().take(SHORT).collect()
}

/// `docker.io/library/nginx:1.27@sha256:…` in parts. The repository is as it was written: Docker writes `nginx` where
/// containerd writes `docker.io/library/nginx`, and Falco shows what the engine says. An id has no other parts.
pub(super) fn image(reference: &str) -> Image {
    let name = Some(reference.to_owned()).filter(|name| !name.is_empty());
    if name.is_none() || is_id(reference) {
        return Image { name, ..Image::default() };
    }
    let (rest, digest) = match reference.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.to_owned())),
        None => (reference, None),
    };
    let (repository, tag) = match rest.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag.to_owned())),
        Some(_) | None => (rest, None),
    };
    let tag = tag.or_else(|| digest.is_none().then(|| "latest".to_owned()));
    Image { name, repository: Some(repository.to_owned()), tag, digest, id: None }
}

/// `sha256:…`, or digits only: at least the 12 that engines show. A name of only such letters is taken for one too,
/// as engines do.
pub(super) fn is_id(reference: &str) -> bool {
    let digits = reference.strip_prefix("sha256:").unwrap_or(reference);
    (SHORT..=64).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Labels without those that are longer than anybody reads.
pub(super) fn labels(all: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let fits =
        |(key, value): &(String, String)| key.len() <= LABEL_BYTES_MAX && value.len() <= LABEL_BYTES_MAX;
    all.into_iter().filter(fits).take(LABELS_MAX).collect()
}

/// Cuts texts that are longer than any that an engine takes: a user may write anything into its own engine's state.
pub(super) fn bound(container: &mut Container) {
    let Container { name, image, mounts, ip, cni, pod, .. } = container;
    let Image { name: reference, repository, tag, digest, id } = image.get_or_insert_default();
    let of_image = [reference, repository, tag, digest, id];
    let Pod { name: pod_name, namespace, uid, sandbox_id, ip: pod_ip, .. } = pod.get_or_insert_default();
    let of_pod = [pod_name, namespace, uid, sandbox_id, pod_ip];
    for text in [name, ip, cni].into_iter().chain(of_image).chain(of_pod).flatten() {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    }
    for Mount { source, destination, mode, propagation, .. } in mounts.iter_mut().flatten() {
        for text in [source, destination, mode, propagation] {
            text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        }
    }
    image.take_if(|image| *image == Image::default());
    pod.take_if(|pod| *pod == Pod::default());
}

/// The pod, from the labels that every kubelet gives to containers, whoever runs them.
pub(super) fn pod(labels: &BTreeMap<String, String>) -> Option<Pod> {
    let label = |key: &str| labels.get(key).cloned();
    let name = label("io.kubernetes.pod.name")?;
    Some(Pod {
        name: Some(name),
        namespace: label("io.kubernetes.pod.namespace"),
        uid: label("io.kubernetes.pod.uid"),
        sandbox_id: label("io.kubernetes.sandbox.id"),
        ..Pod::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reference: &str, repository: &str, tag: &str, digest: &str) {
        let Image { repository: r, tag: t, digest: d, .. } = image(reference);
        let shown = [r, t, d].map(Option::unwrap_or_default);
        assert_eq!(shown, [repository, tag, digest], "{reference}");
    }

    #[test]
    fn references_in_parts() {
        check("nginx", "nginx", "latest", "");
        check("nginx:1.27", "nginx", "1.27", "");
        check("docker.io/library/nginx:1.27", "docker.io/library/nginx", "1.27", "");
        check("localhost:5000/a/b", "localhost:5000/a/b", "latest", "");
        check("localhost:5000/a/b:2", "localhost:5000/a/b", "2", "");
        check("a/b@sha256:12", "a/b", "", "sha256:12");
        check("a/b:3@sha256:12", "a/b", "3", "sha256:12");
        check("sha256:0123456789abcdef", "", "", "");
        check("d74de5752236", "", "", "");
        check("", "", "", "");
        assert_eq!(short("sha256:0123456789abcdef"), "0123456789ab");
        assert_eq!(short("redis"), "redis");
    }
}
