//! Which image a container runs.

use seawall_finding::Framework::{CisKubernetes112, NistSp800190};
use seawall_finding::{Rule, Severity};
use seawall_inventory::workload::ContainerSpec;

use super::case::{Answer, Case, Wrong};
use super::{Judge, WorkloadRule};

pub(super) static RULES: &[WorkloadRule] = &[
    WorkloadRule {
        rule: Rule {
            id: "mutable-image-tag",
            title: "Image without a version",
            why: "`latest`, or no tag at all, is another image tomorrow: nobody can say what ran, and a rollback runs \
                  the same.",
            fix: "Name a version, or better a digest.",
            severity: Severity::Medium,
            references: &["https://kubernetes.io/docs/concepts/containers/images/"],
            controls: &[(CisKubernetes112, "5.5.1"), (NistSp800190, "4.2.2")],
        },
        section: SECTION,
        by_default: true,
        judge: Judge::Container(tag),
        bad: &[
            "docker run nginx",
            "docker run registry:5000/nginx",
            "docker run nginx:latest",
            "[Container]\nImage=docker.io/nginx\n",
        ],
        good: &[
            "docker run nginx:1.27",
            "docker run registry:5000/nginx:1",
            "docker run nginx@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "services: {a: {build: ., image: app}}",
            "services: {a: {image: '${IMAGE}'}}",
        ],
    },
    WorkloadRule {
        rule: Rule {
            id: "image-without-digest",
            title: "Image not pinned by digest",
            why: "A tag can be moved by whoever controls the registry; a digest cannot.",
            fix: "Write `name:tag@sha256:…`.",
            severity: Severity::Low,
            references: &["https://kubernetes.io/docs/concepts/containers/images/#image-names"],
            controls: &[(CisKubernetes112, "5.5.1"), (NistSp800190, "4.1.5")],
        },
        section: SECTION,
        by_default: false,
        judge: Judge::Container(digest),
        bad: &["docker run nginx:1.27"],
        good: &[
            "docker run nginx:1.27@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ],
    },
    WorkloadRule {
        rule: Rule {
            id: "image-not-always-pulled",
            title: "Image taken from the node without asking the registry",
            why: "A private image that is on the node runs for whoever may start a pod there, whether or not the \
                  registry would give it to them.",
            fix: "Set `imagePullPolicy: Always`, `pull_policy: always` or `Pull=newer`.",
            severity: Severity::Low,
            references: &["https://kubernetes.io/docs/concepts/containers/images/#updating-images"],
            controls: &[(NistSp800190, "4.2.2")],
        },
        section: SECTION,
        by_default: false,
        judge: Judge::Container(pull),
        bad: &[
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: 'x:1'}]}",
            "docker run --pull never x:1",
        ],
        good: &[
            "apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: 'x:1', imagePullPolicy: Always}]}",
        ],
    },
];

const SECTION: &str = "Images of containers";

/// Tag and digest of a reference, as written.
pub(crate) fn tag_and_digest(image: &str) -> (Option<&str>, Option<&str>) {
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let last = name.rsplit('/').next().unwrap_or(name);
    (last.split_once(':').map(|(_, tag)| tag), digest)
}

fn is_variable(image: &str) -> bool {
    image.contains('$') || image.contains("{{")
}

fn tag(_: &Case<'_>, container: &ContainerSpec) -> Answer {
    let Some(image) = &container.image else { return Answer::NotApplicable("no image is named") };
    if container.builds_image {
        return Answer::NotApplicable("the same file builds the image");
    }
    if is_variable(&image.value) && !image.value.ends_with(":latest") {
        return Answer::Unknown("a variable decides".to_owned());
    }
    let is_local =
        ["/", "docker-archive:", "oci:", "dir:"].iter().any(|local| image.value.starts_with(local));
    if is_local || image.value.ends_with(".image") || image.value.ends_with(".build") {
        return Answer::NotApplicable("a local image");
    }
    match tag_and_digest(&image.value) {
        (_, Some(_)) => Answer::Pass("pinned by digest".to_owned()),
        (Some("latest"), None) | (None, None) => Answer::Fail(vec![Wrong::new(
            &image.origin,
            "image",
            image.value.clone(),
            "a version or a digest",
        )]),
        (Some(tag), None) => Answer::Pass(format!("tag {tag}")),
    }
}

fn digest(_: &Case<'_>, container: &ContainerSpec) -> Answer {
    match &container.image {
        None => Answer::NotApplicable("no image is named"),
        Some(_) if container.builds_image => Answer::NotApplicable("the same file builds the image"),
        Some(image) if is_variable(&image.value) => Answer::Unknown("a variable decides".to_owned()),
        Some(image) if tag_and_digest(&image.value).1.is_some() => {
            Answer::Pass("pinned by digest".to_owned())
        }
        Some(image) => {
            Answer::Fail(vec![Wrong::new(&image.origin, "image", image.value.clone(), "a digest")])
        }
    }
}

fn pull(case: &Case<'_>, container: &ContainerSpec) -> Answer {
    let Some(image) = &container.image else { return Answer::NotApplicable("no image is named") };
    let setting = case.word("imagePullPolicy", "pull");
    match &container.pull_policy {
        Some(given) if matches!(given.value.to_ascii_lowercase().as_str(), "always" | "newer") => {
            Answer::Pass(given.value.clone())
        }
        Some(_) if tag_and_digest(&image.value).1.is_some() => Answer::Pass("pinned by digest".to_owned()),
        Some(given) => Answer::Fail(vec![Wrong::new(&given.origin, setting, given.value.clone(), "always")]),
        None if tag_and_digest(&image.value).1.is_some() => Answer::Pass("pinned by digest".to_owned()),
        None if !case.is_kubernetes() => Answer::NotApplicable("whoever starts it decides"),
        None if matches!(tag_and_digest(&image.value), (Some("latest") | None, None)) => {
            Answer::Pass("always, by default, without a version".to_owned())
        }
        None => Answer::Fail(vec![Wrong::new(&container.origin, setting, "not set: IfNotPresent", "Always")]),
    }
}
