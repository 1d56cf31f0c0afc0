//! What `FROM` names: tag, digest, registry, age.

use seawall_finding::Confidence;

use super::{Check, File, Hits, Options, Rule, Severity, Standing, controls};
use crate::dockerfile::instruction::{Body, Word};
use crate::dockerfile::model::{Base, Stage};

pub(super) const UNTAGGED: Check = Check {
    rule: Rule {
        id: "base-image-untagged",
        title: "Base image without a tag",
        why: "Without a tag the builder takes whatever `latest` is on that day: two builds of one file differ, and \
              nobody sees when the base changes.",
        fix: "Name a version, and better its digest as well: `debian:12.5@sha256:…`.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/build/building/best-practices/#pin-base-image-versions"],
        controls: controls::TRUSTED_BASE,
    },
    aliases: &["DL3006", "DS-0001", "CKV_DOCKER_7", "DKL-DI-0006"],
    standing: Standing::On,
    bad: &["FROM debian\n", "FROM registry.example:5000/app\n", "ARG B=debian\nFROM $B\n"],
    good: &[
        "FROM debian:12\n",
        "FROM debian@sha256:0000000000000000000000000000000000000000000000000000000000000000\n",
        "FROM scratch\n",
        "FROM debian:12 AS base\nFROM base\n",
        "ARG B\nFROM $B\n",
    ],
    look: untagged,
};

pub(super) const LATEST: Check = Check {
    rule: Rule {
        id: "base-image-latest",
        title: "Base image with the tag latest",
        why: "`latest` moves: two builds of one file differ, and a rollback does not bring back what ran before.",
        fix: "Name a version instead of `latest`.",
        severity: Severity::Medium,
        references: &["https://docs.docker.com/build/building/best-practices/#pin-base-image-versions"],
        controls: controls::TRUSTED_BASE,
    },
    aliases: &["DL3007", "DS-0001", "CKV_DOCKER_7", "DKL-DI-0006"],
    standing: Standing::On,
    bad: &["FROM debian:latest\n", "ARG TAG=latest\nFROM debian:${TAG}\n"],
    good: &[
        "FROM debian:12\n",
        "FROM debian:latest@sha256:0000000000000000000000000000000000000000000000000000000000000000\n",
    ],
    look: latest,
};

pub(super) const UNDIGESTED: Check = Check {
    rule: Rule {
        id: "base-image-undigested",
        title: "Base image not pinned by its digest",
        why: "A tag can be moved to another image, by its owner or by whoever has the owner's password. A digest \
              cannot.",
        fix: "Append the digest to the tag and let a bot raise both: `debian:12@sha256:…`.",
        severity: Severity::Low,
        references: &["https://docs.docker.com/build/building/best-practices/#pin-base-image-versions"],
        controls: controls::TRUSTED_BASE,
    },
    aliases: &[],
    standing: Standing::Off,
    bad: &["FROM debian:12\n"],
    good: &[
        "FROM debian:12@sha256:0000000000000000000000000000000000000000000000000000000000000000\n",
        "FROM scratch\n",
        "ARG BASE\nFROM $BASE\n",
    ],
    look: undigested,
};

pub(super) const REGISTRY: Check = Check {
    rule: Rule {
        id: "registry-not-allowed",
        title: "Base image from a registry that is not allowed",
        why: "Images from registries that nobody vouches for bring what their owners put into them.",
        fix: "Take the image from an allowed registry, or mirror it there.",
        severity: Severity::High,
        references: &[],
        controls: controls::TRUSTED_BASE,
    },
    aliases: &["DL3026"],
    standing: Standing::On,
    bad: &[],
    good: &["FROM debian:12\n"],
    look: registry,
};

pub(super) const END_OF_LIFE: Check = Check {
    rule: Rule {
        id: "base-image-end-of-life",
        title: "Base image of a release without support",
        why: "A release past its end of life gets no security fixes: what is found in it stays in it.",
        fix: "Move to a release that is supported.",
        severity: Severity::High,
        references: &["https://endoflife.date"],
        controls: controls::PATCHED,
    },
    aliases: &[],
    standing: Standing::On,
    bad: &[],
    good: &["FROM debian:12\n"],
    look: end_of_life,
};

/// The stages that start from an image with a known name: the stage, the word, the image.
fn images<'f>(file: &'f File<'_>) -> impl Iterator<Item = (&'f Stage, &'f Word, &'f str)> {
    file.stages.iter().filter(|stage| stage.base == Base::Image).filter_map(|stage| {
        let Body::From { image, .. } = &file.parsed.instructions.get(stage.from)?.body else { return None };
        Some((stage, image, stage.image.as_deref()?))
    })
}

/// The tag of a reference, where it has one.
pub(super) fn tag_of(image: &str) -> Option<&str> {
    let name = image.split('@').next().unwrap_or(image);
    let last = name.rsplit('/').next().unwrap_or(name);
    last.split_once(':').map(|(_, tag)| tag)
}

/// The repository of a reference, without tag and digest.
fn repository_of(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match tag_of(image) {
        Some(tag) => name.get(..name.len() - tag.len() - 1).unwrap_or(name),
        None => name,
    }
}

fn untagged(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (_, word, image) in images(file) {
        if tag_of(image).is_none() && !image.contains('@') && !image.is_empty() {
            hits.add(word.span, format!("the base image {image} has no tag"), "a tag, a digest or both");
        }
    }
    // The tag is written down even where the name before it is a variable.
    for stage in file.stages.iter().filter(|stage| stage.image.is_none()) {
        let Some(Body::From { image, .. }) = file.parsed.instructions.get(stage.from).map(|from| &from.body)
        else {
            continue;
        };
        let tail = image.text.rsplit('/').next().unwrap_or_default();
        if image.text.contains('/') && !tail.contains([':', '@', '$']) {
            let summary = format!("the base image {} has no tag", image.text);
            hits.add(image.span, summary, "a tag, a digest or both").confidence(Confidence::Medium);
        }
    }
}

fn latest(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (_, word, image) in images(file) {
        if tag_of(image) == Some("latest") && !image.contains('@') {
            hits.add(
                word.span,
                format!("the base image {image} has a tag that moves"),
                "the tag of a version",
            );
        }
    }
}

fn undigested(file: &File<'_>, _: &Options<'_>, hits: &mut Hits) {
    for (_, word, image) in images(file) {
        if !image.contains("@sha256:") && !image.contains("@sha512:") {
            let expected = format!("{image}@sha256:…");
            hits.add(word.span, format!("the base image {image} is not pinned by its digest"), expected);
        }
    }
}

fn registry(file: &File<'_>, options: &Options<'_>, hits: &mut Hits) {
    if options.registries.is_empty() {
        return;
    }
    for (_, word, image) in images(file) {
        let first = image.split('/').next().unwrap_or_default();
        let names_host = image.contains('/') && (first.contains(['.', ':']) || first == "localhost");
        let host = if names_host { first } else { "docker.io" };
        let is_allowed = options.registries.iter().any(|allowed| match allowed.strip_prefix('*') {
            Some(suffix) => host.ends_with(suffix),
            None => host == *allowed || image.starts_with(&format!("{allowed}/")),
        });
        if !is_allowed {
            let expected = format!("an image of {}", options.registries.join(", "));
            hits.add(word.span, format!("{host} is not among the allowed registries"), expected);
        }
    }
}

fn end_of_life(file: &File<'_>, options: &Options<'_>, hits: &mut Hits) {
    let Some(ended) = options.end_of_life else { return };
    for (_, word, image) in images(file) {
        let tag = tag_of(image).unwrap_or("latest");
        if let Some(on) = ended(repository_of(image), tag) {
            let summary = format!("the support of {image} ended on {on}");
            hits.add(word.span, summary, "a release that is supported");
        }
    }
}

/// Whether a name of an image says that it does not run as root.
pub(super) fn says_nonroot(image: &str) -> bool {
    let image = image.to_ascii_lowercase();
    ["nonroot", "non-root", "rootless", "unprivileged"].iter().any(|mark| image.contains(mark))
        || image.starts_with("cgr.dev/")
}
